#!/usr/bin/env bash
# Looks for errors in memory. Every part is run; fails when one of them found something.
#
#   c-asan       the C tests under the address, undefined-behaviour and leak sanitizers, every allocation
#                failing in turn
#   c-valgrind   the C tests under valgrind
#   asan         the package built with the first two sanitizers, testthat on it
#   smoke-asan   the package built so, the scripts tools/sanitize/smoke-*.R through every entry point from R into C
#   valgrind     the same scripts under valgrind, on a package built without sanitizers
#   gctorture    the same, the garbage collector run at every allocation of the C code
#
# PARTS="c-asan gctorture" runs these alone; PARTS=short the ones that .ci/run takes, which are done in three minutes.
# Entry points that the scripts did not reach are printed. Tests that take long, start browsers or limit memory skip when
# FIRMMOVE_SANITIZE is set.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh
export FIRMMOVE_SANITIZE=true
parts=${PARTS:-c-asan c-valgrind smoke-asan asan valgrind gctorture}
if [ "$parts" = short ]; then
  parts=smoke-asan
fi
made=build/sanitize
mkdir -p $made
code=0

# A library built with other flags than R's: build_library NAME 'FLAGS' [R CMD INSTALL option ...]
build_library() {
  local name=$1 flags=$2
  shift 2
  printf 'CFLAGS = -g -O1 -fno-omit-frame-pointer %s\nLDFLAGS = %s\n' "$flags" "$flags" >"$made/$name.mk"
  R_MAKEVARS_USER="$PWD/$made/$name.mk" tools/install-package.sh "$made/$name" --no-test-load "$@"
}

# The library of the sanitizers is made once, for two parts.
asan_library() {
  [ "${have_asan:-no}" = yes ] || build_library asan '-fsanitize=address,undefined -fno-sanitize-recover=all' || return 1
  have_asan=yes
}

# R itself was not built with the sanitizer, so its library must come first.
# (R never frees what it holds at exit, so leaks are looked for in the C tests alone.)
under_asan() {
  LD_PRELOAD=$(gcc -print-file-name=libasan.so) R_LIBS="$PWD/$made/asan" UBSAN_OPTIONS=print_stacktrace=1 \
    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 "$@"
}

run_asan() {
  asan_library || return 1
  under_asan env STEP=asan R --no-save --no-restore -s -f tools/testthat.R
}

run_smoke_asan() {
  asan_library || return 1
  under_asan R --no-save --no-restore -s -f tools/sanitize/reach.R
}

run_valgrind() {
  local log=$made/valgrind.log
  build_library plain '' || return 1
  R_LIBS="$PWD/$made/plain" R -d "valgrind --leak-check=full --show-leak-kinds=definite --num-callers=60 --log-file=$log" \
    --no-save --no-restore -s -f tools/sanitize/reach.R || return 1
  # An error or a lost block is ours when the package is on its stack.
  if awk -v RS='==[0-9]+== \n' '/firmmove|fm_/ && !/Command:/' "$log" | grep .; then
    echo "valgrind: the above is ours (log: $log)"
    return 1
  fi
}

run_gctorture() {
  [ -d $made/plain/firmmove ] || build_library plain '' || return 1
  R_LIBS="$PWD/$made/plain" SMOKE_TORTURE=yes Rscript --no-save --no-restore tools/sanitize/reach.R
}

ran=()
for part in $parts; do
  case $part in
    c-asan) command=(tools/test-c.sh asan) ;;
    c-valgrind) command=(tools/test-c.sh valgrind) ;;
    smoke-asan) command=(run_smoke_asan) ;;
    asan | valgrind | gctorture) command=("run_$part") ;;
    *) echo "no such part: $part" >&2; exit 1 ;;
  esac
  step "$part" "${command[@]}" || code=1
  ran+=("$part")
done

say "sanitize"
tally "${ran[@]}" || code=1
exit $code
