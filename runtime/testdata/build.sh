#!/bin/sh
# Makes the guests of this directory from their sources. It needs clang-19 with
# lld-19 (wasm-ld on PATH), wasi-libc, libclang-rt-19-dev-wasm32, and wasm-tools
# (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# world copies WASI's interfaces of a version and puts a world beside them.
world() {
	rm -rf "$work/wit"
	cp -r ../wasi/wit "$work/wit"
	sed -i "s/@0\.2\.12/@$1/g" "$work/wit/world.wit" "$work"/wit/deps/*.wit
	printf 'package neutrino:guest;\nworld guest {\n%s\n}\n' "$2" >"$work/wit/world.wit"
}

# A reactor of wasi-libc, which stays a core module.
clang-19 --target=wasm32-wasi -O2 -mno-bulk-memory -mexec-model=reactor -Wl,--strip-debug \
	-o "$work/core.wasm" core-http/guest.c
world 0.2.0 'export wasi:http/incoming-handler@0.2.0;'
wasm-tools component embed "$work/wit" --world guest "$work/core.wasm" -o core-http/core-http.wasm
