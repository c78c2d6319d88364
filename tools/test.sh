#!/usr/bin/env bash
# All tests: house rules, C tests with gcc and clang, testthat on the package in build/library. Every step is
# run whatever the others gave. Closes with "N passed, N failed"; fails when a test or a step failed.
# FILTER (testthat files) and SUITES (C suites) narrow it down.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh

# testthat on two cores: two processes take the next file of one queue, and print when both are done.
testthat_twice() {
  local worker code=0 pids=() queue=build/queue
  rm -rf $queue $results/testthat-[12]
  mkdir -p $queue
  for worker in 1 2; do
    STEP=testthat-$worker QUEUE=$queue R_LIBS="$PWD/build/library" \
      Rscript --no-save --no-restore tools/testthat.R >build/testthat-$worker.log 2>&1 &
    pids+=($!)
  done
  for worker in 1 2; do
    wait "${pids[worker - 1]}" || code=1
    cat build/testthat-$worker.log
  done
  # a process that died leaves no counts, and step() counts its failure
  record testthat $(cat $results/testthat-[12] | awk '{ p += $1; f += $2; s += $3 } END { print p, f, s }')
  return $code
}

steps=(lint c-gcc)
step lint Rscript --no-save --no-restore tools/lint.R
step c-gcc tools/test-c.sh gcc
if tools/find-clang.sh >/dev/null; then
  steps+=(c-clang)
  step c-clang tools/test-c.sh clang
fi
steps+=(testthat)
step testthat testthat_twice

say "all tests"
tally "${steps[@]}"
