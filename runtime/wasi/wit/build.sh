#!/bin/sh
# Encodes the interfaces of this directory into wit.wasm, and makes a component
# for tests that imports all of them, with wasm-tools on PATH (cargo install
# wasm-tools).
set -eu
cd "$(dirname "$0")"
core=$(mktemp)
trap 'rm -f "$core"' EXIT
wasm-tools component wit --wasm . -o wit.wasm
wasm-tools component embed --dummy . --world host -o "$core"
wasm-tools component new "$core" -o ../wasihttp/testdata/all.wasm
