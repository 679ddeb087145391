#!/bin/sh
# Encodes the interfaces of this directory into wit.wasm, and makes two components
# for tests: one that imports all of them, and one that imports another type.
# wasm-tools is on PATH (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
core=$(mktemp)
trap 'rm -f "$core"' EXIT
wasm-tools component wit --wasm . -o wit.wasm
wasm-tools component embed --dummy . --world host -o "$core"
wasm-tools component new "$core" -o ../testdata/all.wasm
wasm-tools component embed --dummy ../testdata/upstream --world guest -o "$core"
wasm-tools component new "$core" -o ../testdata/upstream.wasm
