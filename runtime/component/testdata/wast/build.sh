#!/bin/sh
# Converts the scripts of this directory, with wasm-tools on PATH
# (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
for f in *.wast; do
	d=${f%.wast}
	rm -rf "$d"
	mkdir "$d"
	wasm-tools json-from-wast "$f" --wasm-dir "$d" -o "$d/test.json"
done
