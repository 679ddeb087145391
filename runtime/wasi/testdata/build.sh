#!/bin/sh
# Makes the guest of this directory from its source. It needs clang-19 with
# lld-19 (wasm-ld on PATH), wasi-libc, libclang-rt-19-dev-wasm32, and wit-bindgen
# (cargo install wit-bindgen-cli).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r ../wit "$work/wit"
cat >"$work/wit/world.wit" <<'WIT'
package neutrino:guest;
world guest {
  import wasi:cli/environment@0.2.12;
  import wasi:sockets/instance-network@0.2.12;
  import wasi:sockets/ip-name-lookup@0.2.12;
  import wasi:sockets/tcp-create-socket@0.2.12;
  import wasi:sockets/udp-create-socket@0.2.12;
  export wasi:cli/run@0.2.12;
}
WIT
wit-bindgen c "$work/wit" --world guest --out-dir "$work"
# It stays a core module, whose libc imports preview 1.
clang-19 --target=wasm32-wasi -O2 -mno-bulk-memory -mexec-model=reactor -Wl,--strip-debug -I"$work" \
	-o sockets/sockets.wasm sockets/guest.c "$work/guest.c" "$work/guest_component_type.o"
