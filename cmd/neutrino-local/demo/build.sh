#!/usr/bin/env bash
# Rebuilds hello.wasm. Needs clang 19 with the wasm32-wasi sysroot:
#   apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32
set -euo pipefail
cd "$(dirname "$0")"
clang-19 --target=wasm32-wasi -Os -Wall -Werror -fuse-ld="$(command -v wasm-ld-19)" -Wl,--strip-debug -o hello.wasm hello.c
