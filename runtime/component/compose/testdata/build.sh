#!/bin/sh
# Makes the components of this directory from their sources, with wasm-tools on
# PATH (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
for f in *.wat; do
	wasm-tools parse "$f" -o "${f%.wat}.wasm"
	wasm-tools validate --features all "${f%.wat}.wasm"
done
