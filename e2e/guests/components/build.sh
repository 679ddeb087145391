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

clang-19 --target=wasm32 -O2 -nostdlib -mno-bulk-memory -Wl,--no-entry -Wl,--strip-debug -Wl,-z,stack-size=16384 \
	-o "$work/core.wasm" c-http/guest.c
node build.mjs "$work/core.wasm" c-http/world.wit guest c-http/c-http.wasm

clang-19 --target=wasm32-wasi -O2 -mno-bulk-memory -Wl,--strip-debug -o "$work/core.wasm" c-command/guest.c
node build.mjs "$work/core.wasm" c-command/world.wit guest c-command/c-command.wasm command
