#!/usr/bin/env bash
# The C tests on machines that are not this one, and the package where characters have no sign. Every part is run and prints
# its counts; what could not be had is said, and fails only when nothing at all was run.
#
#   windows       mingw-w64, run by wine
#   aarch64       64-bit ARM under qemu: char without a sign, long double of 128 bits
#   s390x         big-endian, under qemu: what another order of bytes wrote is refused, everything else holds
#   armhf         32-bit ARM under qemu: long double is double, as in R without long double
#   i686          32-bit x86
#   musl          another C library, static
#   plain         no OpenMP
#   simd          each set of vector instructions of this processor alone
#   unsigned-char the package with -funsigned-char, as on ARM: tests of ids in several encodings
#
# PARTS="windows s390x" runs these alone.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/lib.sh
parts=${PARTS:-plain simd musl windows aarch64 s390x armhf i686 unsigned-char}
made=$PWD/build/portability
mkdir -p "$made"
absent=()

# zlib of another architecture of Debian, unpacked beside the tree and not installed:  foreign_zlib ARCHITECTURE
foreign_zlib() {
  local arch=$1 at=$made/zlib-$1 options
  [ -f "$at/root/usr/include/zlib.h" ] && return 0
  mkdir -p "$at/lists/partial" "$at/cache/archives/partial" "$at/root"
  options=(-qq -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State::Lists=$at/lists"
    -o "Dir::Cache=$at/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update >"$at/log" 2>&1
  (cd "$at" && apt-get "${options[@]}" download "zlib1g:$arch" "zlib1g-dev:$arch" >>log 2>&1) || return 1
  for package in "$at"/*.deb; do dpkg -x "$package" "$at/root" || return 1; done
}

# cross NAME COMPILER RUNNER FLAGS LIBS: builds and runs the C tests.
cross() {
  local log=$made/$1.log code counts
  make -s -j2 -C tests/c VARIANT=cross NAME="$1" CROSS_CC="$2" CROSS_RUN="$3" CROSS_FLAGS="$4" CROSS_LIBS="$5" run \
    SUITES="${SUITES:-}" 2>&1 </dev/null | tr -d '\r' >"$log"
  code=${PIPESTATUS[0]}
  grep -vE '^[a-z_]+: [0-9]+ cases?$' "$log" | tail -n 30
  counts=$(sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$log" | tail -n 1)
  # shellcheck disable=SC2086 # two numbers
  [ -z "$counts" ] || record "$1" $counts
  return "$code"
}

# debian NAME TRIPLE ARCHITECTURE QEMU FLAGS: the same by a cross compiler of Debian, whose folders are called by the
# triple, but i386 where the compiler is that of i686.
debian() {
  local root=$made/zlib-$3/root folder=${2/#i686/i386}
  foreign_zlib "$3" || { echo "zlib of $3 could not be had: $made/zlib-$3/log" >&2; return 1; }
  cross "$1" "$2-gcc" "$4" "$5 -isystem $root/usr/include -isystem $root/usr/include/$folder" "-static -L$root/usr/lib/$folder"
}

run_simd() {
  local set code=0 passed=0 failed=0 p f
  for set in base avx2 avx512; do
    FIRMMOVE_SIMD=$set tools/test-c.sh gcc >"$made/simd-$set.log" 2>&1 || code=1
    read -r p f _ <"$results/c-gcc" || { p=0 f=1; }
    echo "FIRMMOVE_SIMD=$set: $p passed, $f failed"
    passed=$((passed + p)) failed=$((failed + f))
  done
  record simd "$passed" "$failed"
  return $code
}

run_unsigned_char() {
  printf 'CFLAGS = -g -O1 -funsigned-char\n' >"$made/unsigned-char.mk"
  R_MAKEVARS_USER="$made/unsigned-char.mk" tools/install-package.sh "$made/library" || return 1
  R_LIBS="$made/library" FILTER='^(tables|migration_data|decompose-cluster|store-sources|store-write)$' STEP=unsigned-char \
    Rscript --no-save --no-restore tools/testthat.R
}

run_musl() {
  # zlib of this machine, whose static library asks little of its C library
  mkdir -p "$made/musl"
  ln -sf "$(find /usr/include -maxdepth 2 -name zlib.h | head -n 1)" "$made/musl/zlib.h"
  ln -sf "$(find /usr/include -maxdepth 2 -name zconf.h | head -n 1)" "$made/musl/zconf.h"
  ln -sf "$(gcc -print-file-name=libz.a)" "$made/musl/libz.a"
  cross musl musl-gcc "" "-isystem $made/musl" "-static -L$made/musl"
}

# What a part needs, or nothing.
lacks() {
  local tool tools
  case $1 in
    windows) tools="x86_64-w64-mingw32-gcc $(wine_name)" ;;
    aarch64) tools="aarch64-linux-gnu-gcc qemu-aarch64" ;;
    s390x) tools="s390x-linux-gnu-gcc qemu-s390x" ;;
    armhf) tools="arm-linux-gnueabihf-gcc qemu-arm" ;;
    i686) tools="i686-linux-gnu-gcc" ;;
    musl) tools="musl-gcc" ;;
    *) tools="" ;;
  esac
  for tool in $tools; do
    command -v "$tool" >/dev/null 2>&1 || echo "$tool"
  done
}

wine_name() {
  local name
  for name in wine64 wine /usr/lib/wine/wine64; do
    command -v "$name" >/dev/null 2>&1 && { echo "$name"; return; }
  done
  echo wine
}

run_part() {
  case $1 in
    windows)
      # a prefix of its own; no windows, and no word of what is missing for them
      export WINEPREFIX="$made/wine" WINEDEBUG=-all DISPLAY=
      # isfinite() and isnan() of its headers name a float in the branch that is not taken
      cross windows x86_64-w64-mingw32-gcc "$(wine_name)" -Wno-float-conversion "-static" ;;
    aarch64) debian aarch64 aarch64-linux-gnu arm64 qemu-aarch64 -fopenmp ;;
    s390x) debian s390x s390x-linux-gnu s390x qemu-s390x -fopenmp ;;
    armhf) debian armhf arm-linux-gnueabihf armhf qemu-arm "" ;;
    i686)
      # as R for Windows was built for it: the registers of 80 bits round twice, and kernels then are off by 4e-14
      debian i686 i686-linux-gnu i386 "" "-std=gnu17 -msse2 -mfpmath=sse -fopenmp" ;;
    musl) run_musl ;;
    plain) cross no-openmp gcc "" "" "" && mv "$results/no-openmp" "$results/plain" ;;
    simd) run_simd ;;
    unsigned-char) run_unsigned_char ;;
    *) echo "no such part: $1" >&2; return 1 ;;
  esac
}

ran=()
code=0
for part in $parts; do
  missing=$(lacks "$part" | tr '\n' ' ')
  if [ -n "$missing" ]; then
    absent+=("$part (no $missing)")
    continue
  fi
  step "$part" run_part "$part" || code=1
  ran+=("$part")
done

say "portability"
for part in "${ran[@]}"; do
  [ -f "$results/$part" ] && read -r p f _ <"$results/$part" && echo "$part: $p passed, $f failed"
done
for part in "${absent[@]}"; do echo "not run: $part"; done
echo "not to be had here: macOS, Windows itself (wine stands in), R on other machines, R without long double"
tally "${ran[@]}" || code=1
exit $code
