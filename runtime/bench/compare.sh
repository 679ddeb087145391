#!/bin/sh
# Requests a second of components through the whole server, by instances that are
# reset and by fresh ones, and by "jco serve" if that is on PATH.
#
#	runtime/bench/compare.sh hello=hello.wasm other=other.wasm
#
# Takes wrk, curl and a built neutrino-local on PATH. SECONDS_EACH is how long
# each figure is measured, 4 by default.
set -eu
each=${SECONDS_EACH:-4}
work=$(mktemp -d)
pid=
stop() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
	[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	pid=
}
trap 'stop; rm -rf "$work"' EXIT

measure() { # what, URL, host
	for connections in 1 16; do
		wrk -t1 -c"$connections" -d"${each}s" --latency -H "Host: $3" "$2" |
			awk -v what="$1" -v c="$connections" '
				$1 == "50%" { p50 = $2 } $1 == "99%" { p99 = $2 } $1 == "Requests/sec:" { rps = $2 }
				/Non-2xx/ { bad = " " $0 }
				END { printf "%-28s %2d connections %10.0f requests/s  p50 %-9s p99 %s%s\n", what, c, rps, p50, p99, bad }'
	done
}

for instances in pooled fresh; do
	neutrino-local up --ephemeral --listen 127.0.0.1:0 --instances "$instances" --ready-file "$work/ready" >"$work/log" 2>&1 &
	pid=$!
	neutrino-local wait --ready-file "$work/ready"
	base=$(sed -n 's/.*"base": *"\([^"]*\)".*/\1/p' "$work/ready" | head -n 1)
	for app in "$@"; do
		name=${app%%=*} dir=$work/$instances-${app%%=*}
		mkdir "$dir"
		cp "${app#*=}" "$dir/app.wasm"
		printf 'spin_manifest_version = 2\n[application]\nname = "%s"\nversion = "1"\n[[trigger.http]]\nroute = "/..."\ncomponent = "web"\n[component.web]\nsource = "app.wasm"\n' "$name" >"$dir/spin.toml"
		neutrino-local deploy --server "$base" --no-confirm --create-name "$name" -f "$dir" >"$work/deploy" 2>&1 || { cat "$work/deploy"; exit 1; }
		measure "$name $instances" "$base/" "$name.localhost"
	done
	stop
done

command -v jco >/dev/null || exit 0
for app in "$@"; do
	jco serve --port 7744 "${app#*=}" >"$work/jco" 2>&1 &
	pid=$!
	tries=0
	until curl -so /dev/null http://127.0.0.1:7744/; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || { cat "$work/jco"; exit 1; }
		sleep 0.1
	done
	measure "${app%%=*} jco serve" http://127.0.0.1:7744/ 127.0.0.1
	stop
done
