#!/bin/sh
# Memory of a server under mixed load for a long time. Each STEP seconds (10) a line
# with what is resident, its mappings and its descriptors goes to FILE.csv, and the
# curves, which are to be flat, to FILE.svg.
#
#	runtime/bench/soak.sh 3600 FILE c=c-http.wasm js=js-hello.wasm
#
# Each app runs twice. One greets. The other is also asked for what the small C guest
# takes for traps, loops and streams without end, which to others are paths; some of
# its clients leave, at all times. Every UPGRADE seconds (60) all are deployed again.
# At the end it says what clients of those that greet have seen, with a few of the
# replies that were no success.
#
# Takes wrk, curl, a built neutrino-local on PATH, and Linux.
set -eu
seconds=$1 file=$2 step=${STEP:-10} upgrade=${UPGRADE:-60}
shift 2
work=$(mktemp -d)
load= pid=
stop() {
	rm -f "$work/on"
	for p in $load $pid; do kill "$p" 2>/dev/null || true; done
	wait
	rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM

# ask runs wrk: ask NAME PATH CONNECTIONS
ask() {
	wrk -t1 -c"$3" -d"${seconds}s" --timeout 60s --latency -H "Host: $1.localhost" "$base$2" >"$work/wrk-$1-${2#/}" 2>&1 &
	load="$load $!"
}

# leave asks NAME and is gone after a few milliseconds, or in the middle of its body.
leave() {
	n=0
	while [ -e "$work/on" ]; do
		n=$(((n + 7) % 50))
		for path in / /l /w; do
			curl -so "$work/left-$1" -m "$(printf '0.%03d' $((n + 1)))" -H "Host: $1.localhost" "$base$path" || true
		done
		sleep 0.1 | curl -so "$work/left-$1" -m "$(printf '0.%03d' $((n + 1)))" -H "Host: $1.localhost" -T - "$base/e" || true
	done
}

deploy() {
	neutrino-local deploy --server "$base" --no-confirm -f "$work/$1" ${2:+--create-name "$1"} >>"$work/deploys" 2>&1 ||
		echo "deploy of $1: $(tail -n 1 "$work/deploys")" >&2
}

upgrades() {
	while sleep "$upgrade" && [ -e "$work/on" ]; do
		for name in "$@"; do deploy "$name" ''; done
	done
}

sample() {
	printf '%d,%s,%s,%s\n' "$(($(date +%s) - began))" "$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")" \
		"$(wc -l <"/proc/$pid/maps")" "$(ls "/proc/$pid/fd" | wc -l)" >>"$file.csv"
	awk -F, -f "$(dirname "$0")/curves.awk" "$file.csv" >"$file.svg"
}

neutrino-local up --ephemeral --listen 127.0.0.1:0 --handler-timeout 1s --failover drain --ready-file "$work/ready" >"$work/log" 2>&1 &
pid=$!
neutrino-local wait --ready-file "$work/ready"
base=$(sed -n 's/.*"base": *"\([^"]*\)".*/\1/p' "$work/ready" | head -n 1)
names=
for app in "$@"; do
	for name in "${app%%=*}" "${app%%=*}-sick"; do
		mkdir "$work/$name"
		cp "${app#*=}" "$work/$name/app.wasm"
		printf 'spin_manifest_version = 2\n[application]\nname = "%s"\nversion = "1"\n[[trigger.http]]\nroute = "/..."\ncomponent = "web"\n[component.web]\nsource = "app.wasm"\n' "$name" >"$work/$name/spin.toml"
		deploy "$name" new
		names="$names $name"
	done
done

echo "seconds,resident KiB,mappings,descriptors" >"$file.csv"
began=$(date +%s)
sample
: >"$work/on"
for app in "$@"; do
	name=${app%%=*}
	ask "$name" / 4
	for path in / /t /l /w; do ask "$name-sick" "$path" 4; done
	leave "$name-sick" &
	load="$load $!"
done
upgrades $names &
load="$load $!"
while [ "$(($(date +%s) - began))" -lt "$seconds" ]; do
	sleep "$step"
	sample
done
rm "$work/on"
for idle in 1 2 3 4 5 6; do # what goes when nobody asks
	sleep "$step"
	sample
done

for app in "$@"; do
	awk -v what="${app%%=*}" '
		$1 == "50%" { p50 = $2 } $1 == "99%" { p99 = $2 } $2 == "requests" { n = $1 } /Non-2xx/ { bad = $NF } /Socket errors/ { broken = $0 }
		END { printf "%s: %d requests, %d not 2xx, p50 %s, p99 %s%s\n", what, n, bad, p50, p99, broken }' "$work/wrk-${app%%=*}-"
	for outcome in trap timeout limit queue cut no_route; do
		neutrino-local ledger show --server "$base" --outcome "$outcome" -n 3 --app-name "${app%%=*}"
	done
done
awk -F, 'NR == 1 { split($0, name); next } { n++; for (i = 2; i <= NF; i++) v[n, i] = $i }
	END { loaded = n - 6; for (i = 2; i <= NF; i++) { a = b = 0
		for (k = 1; k <= loaded; k++) { if (k > loaded / 4 && k <= loaded / 2 && v[k, i] > a) a = v[k, i]; if (k > loaded * 3 / 4 && v[k, i] > b) b = v[k, i] }
		printf "%s: at most %d in the second quarter, %d in the last, %d at the end\n", name[i], a, b, v[n, i] } }' "$file.csv"
