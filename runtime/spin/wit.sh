#!/bin/sh
# Encodes the interfaces that a package here offers, those that its world.wit
# imports, into its wit.wasm: wit.sh [NAME ...]. The interfaces are those of
# e2e/guests/spin/wit. It takes wasm-tools on PATH (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/deps"
cp ../../e2e/guests/spin/wit/*.wit "$work/deps/"
[ $# -gt 0 ] || set -- $(for w in */world.wit; do dirname "$w"; done)
for name in "$@"; do
	cp "$name/world.wit" "$work/"
	wasm-tools component wit --wasm "$work" -o "$name/wit.wasm"
done
