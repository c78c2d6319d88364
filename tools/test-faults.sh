#!/usr/bin/env bash
# Stores whose writer is killed or whose disk fails, at each call of the system and at random (tools/test-faults.R), and
# explore_migration() under a client that sends it what no browser would, for a minute. KILLS, STRIDE: see there.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh
mkdir -p build
export R_LIBS="$PWD/build/library"

stores() {
  gcc -std=c17 -O2 -shared -fPIC -o build/faults.so tools/faults.c -ldl || return 1
  LD_PRELOAD="$PWD/build/faults.so" Rscript --no-save --no-restore tools/test-faults.R "${KILLS:-200}" "${STRIDE:-1}"
}

attack() {
  FIRMMOVE_ATTACK_SECONDS=60 NOT_CRAN=true FILTER='^answer-explore$' STEP=attack Rscript --no-save --no-restore tools/testthat.R
}

code=0
step faults stores || code=1
step attack attack || code=1
say "test-faults"
tally faults attack || code=1
exit $code
