#!/bin/sh
# Rebuilds the components that are kept here, from their sources: build.sh [FOLDER]
# puts them into FOLDER, else beside their sources. On Debian 12 it needs
#   apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 libc++-19-dev-wasm32 libc++abi-19-dev-wasm32 \
#     rustc-web cargo-web rust-web-src
# Node 20, and NODE_PATH: the node_modules that `npm install` makes beside a copy of package.json.
set -eu
: "${NODE_PATH:?set it to the node_modules that npm install makes of package.json}"
export NODE_PATH
out=$(mkdir -p "${1:-$(dirname "$0")}" && cd "${1:-$(dirname "$0")}" && pwd)
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" # clang runs the linker under this name
ln -s "$(command -v wasm-ld-19)" "$work/bin/wasm-ld"
export PATH="$work/bin:$PATH"

# component makes a component of core.wasm: component WIT FILE [ADAPTER]
component() {
	mkdir -p "$out/${2%/*}"
	node build.mjs "$work/core.wasm" "$1" guest "$out/$2" ${3:+"$3"}
}

# core makes a module of a source without libc.
core() {
	clang-19 --target=wasm32 -O2 -nostdlib -mno-bulk-memory -Wl,--no-entry -Wl,--strip-debug -Wl,-z,stack-size=16384 \
		-o "$work/core.wasm" "$1"
}

# rust makes a module of a package, with the std of the compiler's own sources:
# rust FOLDER FILE OBJECT. The object is how wasi-libc starts.
rust() {
	RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/target" \
	RUSTFLAGS="-Clinker=wasm-ld-19 -Clinker-flavor=wasm-ld -Clink-self-contained=no -Clink-arg=-L/usr/lib/wasm32-wasi -Clink-arg=-lc --remap-path-prefix=$PWD=." \
		/usr/bin/cargo rustc --quiet --locked --manifest-path "$1/Cargo.toml" --release -Zbuild-std=std,panic_abort \
		--target wasm32-wasip1 -- -Clink-arg="/usr/lib/wasm32-wasi/$3"
	cp "$work/target/wasm32-wasip1/release/$2" "$work/core.wasm"
}

core c-http/guest.c
component c-http/world.wit c-http/c-http.wasm

clang-19 --target=wasm32-wasi -O2 -mno-bulk-memory -Wl,--strip-debug -o "$work/core.wasm" c-command/guest.c
component c-command/world.wit c-command/c-command.wasm command

# The same guest for the candidate of November 2023, which differs in its version here.
november='s/@0\.2\.0/@0.2.0-rc-2023-11-10/g'
sed "$november" c-http/guest.c >"$work/november.c"
sed "$november" c-http/world.wit >"$work/november.wit"
core "$work/november.c"
component "$work/november.wit" c-http/c-november.wasm

core c-october/guest.c
component c-october/world.wit c-october/c-october.wasm

clang++-19 --target=wasm32-wasi -Os -std=c++20 -fno-exceptions -fno-rtti -mno-bulk-memory -mexec-model=reactor \
	-nostdinc++ -isystem /usr/include/wasm32-wasi/c++/v1 -Wl,--strip-debug -o "$work/core.wasm" cpp-http/guest.cc
component c-http/world.wit cpp-http/cpp-http.wasm reactor

rust rust-http rust_http.wasm crt1-reactor.o
component rust-http/world.wit rust-http/rust-http.wasm reactor
rust rust-command rust-command.wasm crt1-command.o
component c-command/world.wit rust-command/rust-command.wasm command
