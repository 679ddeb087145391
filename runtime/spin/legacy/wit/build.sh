#!/bin/sh
# Encodes the interfaces of this directory, and a module for tests, with
# wasm-tools on PATH (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
wasm-tools component wit --wasm . -o wit.wasm
wasm-tools parse ../testdata/all.wat -o ../testdata/all.wasm
