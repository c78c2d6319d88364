#!/usr/bin/env bash
# Installs the package from a clean copy of the tree:  tools/install-package.sh LIBRARY [R CMD INSTALL option ...]
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh
library=$1
shift
mkdir -p "$library"
copy=build/source/$(basename "$library")
stage "$copy" || exit 1
log=build/source/$(basename "$library").log
if MAKEFLAGS=-j2 R CMD INSTALL --no-multiarch "$@" --library="$library" "$copy" >"$log" 2>&1 </dev/null; then
  grep -E 'warning:|Warning' "$log"
  echo "installed firmmove into $library"
else
  cat "$log"
  rm -rf "$library/firmmove" # an old one must not pass for this one
  echo "could not install firmmove (log: $log)" >&2
  exit 1
fi
