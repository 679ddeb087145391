#!/bin/sh
# Rebuilds the components that are kept here, from their sources.
# It needs clang-19, lld-19 (wasm-ld-19 as wasm-ld on PATH), wasi-libc, libclang-rt-19-dev-wasm32, Node 20, and NODE_PATH, the node_modules of
#   npm install @bytecodealliance/jco@1.35 @bytecodealliance/componentize-js@0.23 @bytecodealliance/preview2-shim@0.17.9
set -eu
cd "$(dirname "$0")"
: "${NODE_PATH:?set it to the node_modules that have jco}"
export NODE_PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# core makes a module of a source without libc.
core() {
	clang-19 --target=wasm32 -O2 -nostdlib -mno-bulk-memory -Wl,--no-entry -Wl,--strip-debug -Wl,-z,stack-size=16384 \
		-o "$work/core.wasm" "$1"
}

core c-http/guest.c
node build.mjs "$work/core.wasm" c-http/world.wit guest c-http/c-http.wasm

clang-19 --target=wasm32-wasi -O2 -mno-bulk-memory -Wl,--strip-debug -o "$work/core.wasm" c-command/guest.c
node build.mjs "$work/core.wasm" c-command/world.wit guest c-command/c-command.wasm command

# The same guest for the candidate of November 2023, which differs in its version here.
november='s/@0\.2\.0/@0.2.0-rc-2023-11-10/g'
sed "$november" c-http/guest.c >"$work/november.c"
sed "$november" c-http/world.wit >"$work/november.wit"
core "$work/november.c"
node build.mjs "$work/core.wasm" "$work/november.wit" guest c-http/c-november.wasm

core c-october/guest.c
node build.mjs "$work/core.wasm" c-october/world.wit guest c-october/c-october.wasm
