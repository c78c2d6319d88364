#!/usr/bin/env bash
# Looks for errors in memory. Every part is run; fails when one of them found something.
#
#   c-asan       the C tests under the address, undefined-behaviour and leak sanitizers, every allocation
#                failing in turn
#   c-valgrind   the C tests under valgrind
#   asan         the package built with the first two sanitizers, testthat on it
#   valgrind     tools/sanitize/smoke.R under valgrind
#   gctorture    the same, the garbage collector run at every allocation of the C code
#
# PARTS="c-asan gctorture" runs these alone. Tests that take long may skip when FIRMMOVE_SANITIZE is set.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh
export FIRMMOVE_SANITIZE=true
parts=${PARTS:-c-asan c-valgrind asan valgrind gctorture}
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

run_asan() {
  build_library asan '-fsanitize=address,undefined -fno-sanitize-recover=all' || return 1
  # R itself was not built with the sanitizer, so its library must come first.
  # (R never frees what it holds at exit, so leaks are looked for in the C tests alone.)
  LD_PRELOAD=$(gcc -print-file-name=libasan.so) R_LIBS="$PWD/$made/asan" STEP=asan \
    UBSAN_OPTIONS=print_stacktrace=1 ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 \
    R --no-save --no-restore -s -f tools/testthat.R
}

run_valgrind() {
  local log=$made/valgrind.log
  build_library plain '' || return 1
  R_LIBS="$PWD/$made/plain" R -d "valgrind --leak-check=full --show-leak-kinds=definite --num-callers=60 --log-file=$log" \
    --no-save --no-restore -s -f tools/sanitize/smoke.R || return 1
  # An error or a lost block is ours when the package is on its stack.
  if awk -v RS='==[0-9]+== \n' '/firmmove|fm_/ && !/Command:/' "$log" | grep .; then
    echo "valgrind: the above is ours (log: $log)"
    return 1
  fi
}

run_gctorture() {
  [ -d $made/plain/firmmove ] || build_library plain '' || return 1
  R_LIBS="$PWD/$made/plain" Rscript --no-save --no-restore tools/sanitize/gctorture.R
}

ran=()
for part in $parts; do
  case $part in
    c-asan) command=(tools/test-c.sh asan) ;;
    c-valgrind) command=(tools/test-c.sh valgrind) ;;
    asan | valgrind | gctorture) command=("run_$part") ;;
    *) echo "no such part: $part" >&2; exit 1 ;;
  esac
  step "$part" "${command[@]}" || code=1
  ran+=("$part")
done

say "sanitize"
tally "${ran[@]}" || code=1
exit $code
