# Shared by the scripts of tools/; to be sourced from the top of the tree. Needs bash.
#
# Steps leave their counts in build/results/<step>: "passed failed skipped". Whoever runs several steps adds
# the files up, so a step that crashed before it could count is seen: step() then counts one failure for it.

results=build/results

# R's own make must not inherit the options of ours.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
# Two threads at most, as CRAN asks of tests.
export OMP_THREAD_LIMIT=2

say() { printf '\n== %s\n' "$*"; }

# record STEP PASSED FAILED [SKIPPED]
record() {
  mkdir -p "$results"
  printf '%s %s %s\n' "$2" "$3" "${4:-0}" >"$results/$1"
}

# step NAME COMMAND...: runs the command. One that neither counts nor succeeds counts one failure, one that
# succeeds without counting counts one pass. Returns the command's exit code.
step() {
  local name=$1 code=0
  shift
  rm -f "$results/$name"
  say "$name"
  "$@" </dev/null || code=$?
  if [ ! -f "$results/$name" ]; then
    if [ "$code" -eq 0 ]; then record "$name" 1 0; else record "$name" 0 1; fi
  elif [ "$code" -ne 0 ] && [ "$(cut -d' ' -f2 "$results/$name")" -eq 0 ]; then
    record "$name" "$(cut -d' ' -f1 "$results/$name")" 1
  fi
  return "$code"
}

# tally STEP...: prints "N passed, N failed" over the steps; fails when a step failed or none is known.
tally() {
  local name passed=0 failed=0 skipped=0 p f s
  for name in "$@"; do
    if [ -f "$results/$name" ]; then
      read -r p f s <"$results/$name"
      passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    else
      failed=$((failed + 1))
    fi
  done
  [ "$skipped" -eq 0 ] || echo "$skipped skipped"
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# stage DIRECTORY: a clean copy of the package's tree there, so that nothing is built among the sources.
stage() {
  rm -rf "$1"
  mkdir -p "$1"
  tar -cf - --exclude=./build --exclude=./.git --exclude='*.o' --exclude='*.so' . | tar -xf - -C "$1"
}
