#!/usr/bin/env bash
# Builds and runs the C tests in one variant of tests/c/Makefile and records the counts:  tools/test-c.sh gcc
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh
variant=$1
log=build/c/$variant.log
mkdir -p build/c
make -s -j2 -C tests/c VARIANT="$variant" run SUITES="${SUITES:-}" 2>&1 </dev/null | tee "$log"
code=${PIPESTATUS[0]}
counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
# shellcheck disable=SC2086 # two numbers
[ -z "$counts" ] || record "c-$variant" $counts
exit "$code"
