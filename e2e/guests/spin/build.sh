#!/bin/sh
# Rebuilds the guests that use Spin's interfaces, each beside its sources:
#
#	build.sh [NAME ...]
#
# A guest is a folder with world.wit, whose world is called "guest", and guest.c.
# It finds every package of wit/ and of ../../../runtime/wasi/wit/deps. It is
# linked with lib/reply.c and wasi-libc, of which it may use what needs no WASI
# preview 1: memory and strings. On PATH it takes clang with wasm-ld and
# wasi-libc (Debian: apt-get install clang-19 lld-19 wasi-libc
# libclang-rt-19-dev-wasm32), and
#
#	cargo install --locked wit-bindgen-cli@0.63.0 wasm-tools@1.263.0
set -eu
cd "$(dirname "$0")"
clang=$(command -v clang-19 || command -v clang)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! command -v wasm-ld >/dev/null; then # clang runs the linker under this name
	mkdir "$work/bin"
	ln -s "$(command -v wasm-ld-19)" "$work/bin/wasm-ld"
	PATH="$work/bin:$PATH"
fi
[ $# -gt 0 ] || set -- $(for w in */world.wit; do dirname "$w"; done)
for guest in "$@"; do
	dir=$work/$guest
	mkdir -p "$dir/wit/deps" "$dir/c"
	cp "$guest/world.wit" "$dir/wit/"
	cp wit/*.wit ../../../runtime/wasi/wit/deps/*.wit "$dir/wit/deps/"
	wit-bindgen c --world guest --out-dir "$dir/c" "$dir/wit" >/dev/null
	"$clang" --target=wasm32-wasi -Os -mno-bulk-memory -mexec-model=reactor -nostartfiles -Wall -Wno-unused-parameter \
		-Wl,--no-entry -Wl,--strip-debug -I "$dir/c" -I lib \
		-o "$dir/core.wasm" "$guest/guest.c" lib/reply.c "$dir/c/guest.c" "$dir/c/guest_component_type.o"
	wasm-tools component new "$dir/core.wasm" -o "$guest/$guest.wasm"
	wasm-tools validate "$guest/$guest.wasm"
done
