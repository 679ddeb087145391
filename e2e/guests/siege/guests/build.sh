#!/bin/sh
# Makes the guests of this directory from their sources. It needs clang-19 with
# lld-19 (wasm-ld on PATH), and wasm-tools (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r ../../../../runtime/wasi/wit "$work/wit"
sed -i "s/@0\.2\.12/@0.2.0/g" "$work/wit/world.wit" "$work"/wit/deps/*.wit
cat >"$work/wit/world.wit" <<'END'
package neutrino:guest;
world guest { export wasi:http/incoming-handler@0.2.0; export things; }
interface things { resource thing; }
END
clang-19 --target=wasm32 -O2 -nostdlib -mbulk-memory -Wl,--no-entry -Wl,--strip-debug -Wl,-z,stack-size=16384 -o "$work/guest.wasm" guest.c
for wat in *.wat; do wasm-tools parse "$wat" -o "$work/${wat%.wat}.wasm"; done
for core in "$work"/*.wasm; do
	wasm-tools component embed "$work/wit" --world guest "$core" -o "$(basename "$core")"
done
