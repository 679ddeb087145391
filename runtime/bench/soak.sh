#!/bin/sh
# Memory of a server under mixed load for a long time, a line each STEP seconds (10):
# seconds, resident KiB, mappings, descriptors. The curve is to be flat.
#
#	runtime/bench/soak.sh 3600 hello=hello.wasm other=other.wasm >soak.csv
#
# Takes wrk, a built neutrino-local on PATH, and Linux.
set -eu
seconds=$1
shift
work=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
neutrino-local up --ephemeral --listen 127.0.0.1:0 --handler-timeout 1s --ready-file "$work/ready" >"$work/log" 2>&1 &
pid=$!
neutrino-local wait --ready-file "$work/ready"
base=$(sed -n 's/.*"base": *"\([^"]*\)".*/\1/p' "$work/ready" | head -n 1)
for app in "$@"; do
	name=${app%%=*} dir=$work/$name
	mkdir "$dir"
	cp "${app#*=}" "$dir/app.wasm"
	printf 'spin_manifest_version = 2\n[application]\nname = "%s"\nversion = "1"\n[[trigger.http]]\nroute = "/..."\ncomponent = "web"\n[component.web]\nsource = "app.wasm"\n' "$name" >"$dir/spin.toml"
	neutrino-local deploy --server "$base" --no-confirm --create-name "$name" -f "$dir" >/dev/null 2>&1
	# Paths that the small C guest takes for a trap, a loop and a stream; to others they are paths.
	for path in / /t /l /w; do
		wrk -t1 -c4 -d"${seconds}s" -H "Host: $name.localhost" "$base$path" >"$work/$name.wrk" 2>&1 &
	done
done
echo "seconds,resident_kib,mappings,descriptors"
now=0
while [ "$now" -lt "$seconds" ]; do
	sleep "${STEP:-10}"
	now=$((now + ${STEP:-10}))
	printf '%d,%s,%s,%s\n' "$now" "$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")" "$(wc -l <"/proc/$pid/maps")" "$(ls "/proc/$pid/fd" | wc -l)"
done
