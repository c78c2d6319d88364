#!/usr/bin/env bash
# Installs what is missing, and nothing else:  tools/install.sh run|test|check|sanitize|fuzz|faults|portability|bench|docs
#
#   run       R, compilers, and the packages firmmove imports, with ggplot2 for its pictures
#   test      and all it suggests or enhances; pandoc for the vignettes; Chromium, in which a page is tested; Open MPI
#             for workers
#   check     and qpdf and tidy, which R CMD check asks for
#   sanitize  and valgrind, clang
#   fuzz      clang and its library of the fuzzer
#   faults    a C compiler and the sources of locales
#   portability  compilers for other machines, and what runs their programs here; no R packages
#   bench     and the packages firmmove is compared with
#   docs      and roxygen2, and pkgdown for the site
#
# As root on Debian or Ubuntu, packages come prebuilt from apt (one `apt-get update`, and only when something
# is missing); what apt lacks, and everything elsewhere, comes from the CRAN mirror that R is set up to use
# (getOption("repos")), into the first library that can be written to, or the user's own.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
purpose=${1:-run}

can_apt() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; }

log=build/apt.log
updated=no
# The lists of apt, fetched once.
apt_update() {
  [ $updated = no ] || return 0
  updated=yes
  mkdir -p build
  apt-get -qq update >>$log 2>&1 || echo "install: apt-get update failed; going on with the lists there are" >&2
}

# apt_install NAME...: fails when there is no apt to use, or it fails.
apt_install() {
  can_apt || return 1
  apt_update
  echo "install: apt-get install $*"
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=600 install "$@" </dev/null >>$log 2>&1 ||
    { tail -n 5 $log >&2; return 1; }
}

# need TOOL PACKAGE...: a program without which nothing works.
need() {
  local tool=$1
  shift
  command -v "$tool" >/dev/null 2>&1 && return 0
  echo "install: $tool is missing"
  apt_install "$@" && command -v "$tool" >/dev/null 2>&1 && return 0
  echo "install: please install $tool (on Debian, as root: apt-get install $*)" >&2
  exit 1
}

# want TOOL PACKAGE...: a program that some steps can do without.
want() {
  local tool=$1
  shift
  command -v "$tool" >/dev/null 2>&1 && return 0
  echo "install: $tool is missing"
  apt_install "$@" || echo "install: going on without $tool" >&2
}

# The compilers and libraries R needs for a package with C and LAPACK.
can_link() {
  local libraries
  libraries=$(R CMD config LAPACK_LIBS && R CMD config BLAS_LIBS && R CMD config FLIBS) 2>/dev/null || return 1
  # shellcheck disable=SC2086 # a list of options
  echo 'int main(void) { return 0; }' | gcc -x c -o /dev/null - $libraries >/dev/null 2>&1
}

need Rscript r-base-core
can_link || apt_install r-base-dev || 
  echo "install: gcc, LAPACK or gfortran seems to be missing" >&2
case $purpose in run) ;; *) want pandoc pandoc ;; esac
case $purpose in check) want qpdf qpdf; want tidy tidy ;; esac
# MPI for the tests of workers; Rmpi looks for the library under the name that only the -dev package has, and may be there
# without it, as when it came with packages that the bench needs
links_mpi() { echo 'int main(void) { return 0; }' | gcc -x c -o /dev/null - -lmpi >/dev/null 2>&1; }
case $purpose in
  test | check)
    want mpirun openmpi-bin libopenmpi-dev
    links_mpi || apt_install libopenmpi-dev || echo "install: going on without the library of MPI" >&2 ;;
esac
# Clang with what links its sanitizers and fuzzer, which Debian has in a package of its own.
want_clang() {
  local clang version
  tools/find-clang.sh >/dev/null || apt_install clang || echo "install: going on without clang" >&2
  [ "${1:-}" = fuzzer ] || return 0
  clang=$(tools/find-clang.sh) || return 0
  echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d[0] > n; }' |
    "$clang" -fsanitize=fuzzer,address -w -x c -o /dev/null - >/dev/null 2>&1 && return 0
  version=$("$clang" -dumpversion | cut -d. -f1)
  apt_install "libclang-rt-$version-dev" || echo "install: going on without the fuzzer of clang" >&2
}
if [ "$purpose" = sanitize ]; then
  want valgrind valgrind
  want_clang
fi
[ "$purpose" != fuzz ] || { want_clang fuzzer; exit 0; }
# A locale with a decimal comma is made from its source, where it is not there ready made.
if [ "$purpose" = faults ]; then
  locale -a 2>/dev/null | grep -qi '^de_DE' || want localedef locales
fi
if [ "$purpose" = portability ]; then
  want x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64
  [ -n "$(find /usr/x86_64-w64-mingw32 -name zlib.h 2>/dev/null)" ] || apt_install libz-mingw-w64-dev
  command -v wine >/dev/null 2>&1 || command -v wine64 >/dev/null 2>&1 || apt_install wine64
  want aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
  want s390x-linux-gnu-gcc gcc-s390x-linux-gnu libc6-dev-s390x-cross
  want i686-linux-gnu-gcc gcc-i686-linux-gnu libc6-dev-i386-cross
  want arm-linux-gnueabihf-gcc gcc-arm-linux-gnueabihf libc6-dev-armhf-cross
  want qemu-aarch64 qemu-user
  want musl-gcc musl-tools
  exit 0
fi

# A browser for the test of explore_migration(), which is skipped without. What could not be had is not tried again for a
# day, as for R packages (tools/packages.R).
has_browser() {
  local name
  for name in google-chrome google-chrome-stable chromium-browser chromium; do
    command -v "$name" >/dev/null 2>&1 && return 0
  done
  [ -n "${CHROMOTE_CHROME:-}" ]
}
tried_in_vain() { [ -n "$(find build/tried-packages -mmin -1440 2>/dev/null)" ] && grep -qx "$1" build/tried-packages; }
if [ "$purpose" = test ] && ! has_browser && ! tried_in_vain chromium; then
  echo "install: chromium is missing"
  if ! apt_install chromium; then
    mkdir -p build
    echo chromium >>build/tried-packages
    echo "install: going on without chromium" >&2
  fi
fi

# R packages: what is missing, first from apt, then from CRAN.
missing=$(Rscript --no-save --no-restore tools/packages.R missing "$purpose") || exit 1
[ -n "$missing" ] || exit 0
echo "install: missing R packages: $missing"
if can_apt; then
  apt_update
  prebuilt=$(Rscript --no-save --no-restore tools/packages.R prebuilt "$purpose")
  # shellcheck disable=SC2086 # a list of names
  [ -z "$prebuilt" ] || apt_install $prebuilt || echo "install: apt-get could not install all" >&2
fi
exec Rscript --no-save --no-restore tools/packages.R cran "$purpose"
