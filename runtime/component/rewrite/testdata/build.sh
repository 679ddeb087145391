#!/bin/sh
# Builds kernels.wasm (needs clang and wasm-ld 19) and guest.wasm (needs wasm-tools).
set -eu
cd "$(dirname "$0")"
clang-19 --target=wasm32 -O2 -mbulk-memory -nostdlib -fno-builtin -Wl,--no-entry -Wl,--strip-debug -o kernels.wasm kernels.c
wasm-tools parse guest.wat -o guest.wasm
