#!/usr/bin/env bash
# All tests: house rules, C tests with gcc and clang, testthat on the package in build/library. Every step is
# run whatever the others gave. Closes with "N passed, N failed"; fails when a test or a step failed.
# FILTER (testthat files) and SUITES (C suites) narrow it down.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh

steps=(lint c-gcc)
step lint Rscript --no-save --no-restore tools/lint.R
step c-gcc tools/test-c.sh gcc
if tools/find-clang.sh >/dev/null; then
  steps+=(c-clang)
  step c-clang tools/test-c.sh clang
fi
steps+=(testthat)
step testthat env R_LIBS="$PWD/build/library" Rscript --no-save --no-restore tools/testthat.R

say "all tests"
tally "${steps[@]}"
