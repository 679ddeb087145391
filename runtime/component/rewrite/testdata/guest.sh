#!/bin/sh
# Builds guest.wasm; needs wasm-tools.
set -eu
cd "$(dirname "$0")"
wasm-tools parse guest.wat -o guest.wasm
