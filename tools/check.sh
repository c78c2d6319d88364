#!/usr/bin/env bash
# R CMD build and R CMD check --as-cran, without asking the net. Fails on any error, warning or note but that
# of a new submission. The log stays in build/check/firmmove.Rcheck.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh

export _R_CHECK_CRAN_INCOMING_REMOTE_=false # no look at CRAN and at addresses
export _R_CHECK_SYSTEM_CLOCK_=0             # no look at the time on the net
export _R_CHECK_FORCE_SUGGESTS_=false       # peers may be missing
# R's own flags on Debian, which are none of ours, and what takes back its -g: see no_debugging()
export _R_CHECK_COMPILATION_FLAGS_KNOWN_="-Wformat -Werror=format-security -Wdate-time -g0"
export MAKEFLAGS=-j2

# The installed size counts without what a debugger needs.
no_debugging() {
  echo 'CFLAGS += -g0' > build/check/Makevars
  export R_MAKEVARS_USER="$PWD/build/check/Makevars"
}

build_and_check() {
  rm -rf build/check
  mkdir -p build/check build/mpi
  # a check of code that names Rmpi loads it, and Open MPI leaves a folder where it works
  export OMPI_MCA_orte_tmpdir_base="$PWD/build/mpi"
  no_debugging
  stage build/source/check || return 1
  (cd build/check && R CMD build ../source/check && R CMD check --as-cran --no-manual firmmove_*.tar.gz)
  Rscript --no-save --no-restore tools/check-log.R build/check/firmmove.Rcheck/00check.log
}

step check build_and_check
code=$?
tally check
exit "$code"
