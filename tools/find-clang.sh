#!/bin/sh
# Prints the name of a C compiler clang: `clang`, or the newest `clang-<number>`. Exit code 1 if there is none.
if command -v clang >/dev/null 2>&1; then
  echo clang
  exit 0
fi
for version in 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 11 10; do
  if command -v "clang-$version" >/dev/null 2>&1; then
    echo "clang-$version"
    exit 0
  fi
done
exit 1
