#!/usr/bin/env bash
# Runs the official conformance suite against both blob stores, without
# authentication, with Basic and with Bearer. Needs Go and its module proxy, or
# in OCI_CONFORMANCE the path of the suite, already built.
# Exits non-zero if a check fails or is skipped, or if the suite cannot be had.
set -euo pipefail
cd "$(dirname "$0")"

suite=github.com/opencontainers/distribution-spec/conformance
version=v0.0.0-20260716174315-967efdc079b9

if [ -z "${OCI_CONFORMANCE:-}" ]; then
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
  if ! (cd "$dir" && GOFLAGS=-mod=mod GOBIN="$dir" go install "$suite@$version"); then
    echo "conformance.sh: the module proxy does not have $suite@$version;" >&2
    echo "build it elsewhere and set OCI_CONFORMANCE to the program" >&2
    exit 69
  fi
  export OCI_CONFORMANCE=$dir/conformance
fi
go test -count=1 -run '^TestConformance$' -v . | grep -v '^=== '
