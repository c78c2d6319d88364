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
# the articles make the installed package 5.5 MB; CRAN's note of sizes begins at 5, ours where it would be a surprise
export _R_CHECK_PKG_SIZES_THRESHOLD_=6
export MAKEFLAGS=-j2

# VARIANT: what CRAN's other machines have. depends: nothing but what the package depends on; suggests: and what it suggests,
# nothing else; strict: conditions of length one and other errors that are warnings elsewhere.
case ${VARIANT:-} in
  depends) export _R_CHECK_DEPENDS_ONLY_=true ;;
  suggests) export _R_CHECK_SUGGESTS_ONLY_=true ;;
  strict)
    export _R_CHECK_LENGTH_1_CONDITION_=true _R_CHECK_LENGTH_1_LOGIC2_=true
    export _R_CHECK_THINGS_IN_TEMP_DIR_=true _R_CHECK_RD_CONTENTS_=true LC_ALL=C.UTF-8 TZ=Asia/Shanghai ;;
  "") ;;
  *) echo "check: no such VARIANT: $VARIANT" >&2; exit 1 ;;
esac

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
