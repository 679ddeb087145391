#!/bin/sh
# Makes the components of this directory from their sources, with wasm-tools on
# PATH (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
for f in *.wat; do
	wasm-tools parse "$f" -o "${f%.wat}.wasm"
done
wasm-tools parse old/worlds.wat -o old/worlds.wasm
wasm-tools component wit --wasm wit -o wit.wasm
wasm-tools component embed wit core/guest.wat --world guest -o core/guest.wasm
wast/build.sh
