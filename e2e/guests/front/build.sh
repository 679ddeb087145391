#!/bin/sh
# Makes the component of this directory from its source, with wasm-tools on PATH
# (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
wasm-tools parse front.wat -o front.wasm
wasm-tools validate front.wasm
