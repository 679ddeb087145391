#!/bin/sh
# Encodes the interfaces of this directory, with wasm-tools on PATH (cargo install
# wasm-tools).
set -eu
cd "$(dirname "$0")"
wasm-tools component wit --wasm . -o wit.wasm
