#!/bin/sh
# Makes the guests of this directory from their sources. It needs clang-19 with
# lld-19 (wasm-ld on PATH), wasi-libc, libclang-rt-19-dev-wasm32, and wasm-tools
# (cargo install wasm-tools).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# world copies WASI's interfaces of a version and puts a world beside them.
world() {
	rm -rf "$work/wit"
	cp -r ../wasi/wit "$work/wit"
	sed -i "s/@0\.2\.12/@$1/g" "$work/wit/world.wit" "$work"/wit/deps/*.wit
	printf 'package neutrino:guest;\nworld guest {\n%s\n}\n%s\n' "$2" "${3:-}" >"$work/wit/world.wit"
}

# bare makes a module without libc.
bare() {
	clang-19 --target=wasm32 -O2 -nostdlib -mno-bulk-memory -Wl,--no-entry -Wl,--strip-debug -Wl,-z,stack-size=16384 \
		-o "$work/core.wasm" "$@"
}

# A reactor of wasi-libc, which stays a core module.
clang-19 --target=wasm32-wasi -O2 -mno-bulk-memory -mexec-model=reactor -Wl,--strip-debug \
	-o "$work/core.wasm" core-http/guest.c
world 0.2.0 'export wasi:http/incoming-handler@0.2.0;'
wasm-tools component embed "$work/wit" --world guest "$work/core.wasm" -o core-http/core-http.wasm

# A command of wasi-libc.
clang-19 --target=wasm32-wasi -O2 -Wall -Werror -Wl,--strip-debug -o secret/secret.wasm secret/guest.c

bare hostile/guest.c
world 0.2.0 'import wasi:http/outgoing-handler@0.2.0; export wasi:http/incoming-handler@0.2.0; export things;' \
	'interface things { resource thing; }'
wasm-tools component embed "$work/wit" --world guest "$work/core.wasm" -o hostile/hostile.wasm
for f in hostile/*.wat; do
	wasm-tools parse "$f" -o "${f%.wat}.wasm"
	wasm-tools validate "${f%.wat}.wasm"
done

# A guest of Spin 1, as it was and as a component.
bare spin1/guest.c
cat "$work/core.wasm" >spin1/spin1.wasm
cp -r ../spin/legacy/wit "$work/spin"
sed -i '/^world module {/,/^}/d' "$work/spin/spin.wit"
printf 'world guest {\n  import config;\n  export inbound-http;\n}\n' >>"$work/spin/spin.wit"
bare spin1/guest.c -DMODERN
wasm-tools component embed "$work/spin" --world guest "$work/core.wasm" -o "$work/embedded.wasm"
wasm-tools component new "$work/embedded.wasm" -o spin1/inbound.wasm
