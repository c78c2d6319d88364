# The commands of firmmove. Everything made goes to build/. Needs GNU make and bash.
#
#   make demo       install what is missing, install the package, fit the bundled data; build/demo has the pictures
#   make test       install what is missing, then all tests: house rules, C tests, testthat
#                   FILTER=formula runs the test files that match; SUITES="linalg newton" these C suites
#   make test-workers   workers killed 50 times over on each engine, and what a second worker gains (half an hour)
#   make check      R CMD check --as-cran; fails on anything but the new-submission note
#   make sanitize   address, undefined-behaviour and leak sanitizers, valgrind, gctorture
#   make test-faults  writers of stores killed or failed at each call of the system, killed at random, and the app of
#                   explore_migration() under attack for a minute; STRIDE=10 tries each tenth call
#   make portability  the C tests for Windows, ARM, s390x, i686 and other C libraries (tools/portability.sh)
#   make fuzz       a million inputs through each reader of files, under sanitizers (libFuzzer); RUNS=... sets how many
#   make test-sources  a store from a PostgreSQL server started for it, and from files, has one and the same checksum
#   make bench      times and memory against other packages; BENCH="nested --quick" passes options (tools/bench)
#   make docs       NAMESPACE and man/ from the comments of R/, vignettes into build/docs,
#                   the site by pkgdown into build/site
#   make init       src/init.c and the objects of src/Makevars from src/
#   make lint       the house rules alone
#   make format     do clang-format and styler agree? (make format-fix rewrites; R_FILES=... for some files)
#   make clean      removes build/

SHELL := /bin/bash
LIBRARY := build/library
R_RUN := R_LIBS=$(CURDIR)/$(LIBRARY) OMP_THREAD_LIMIT=2 Rscript --no-save --no-restore
SOURCES := DESCRIPTION NAMESPACE $(shell find R src inst man -type f ! -name '*.o' ! -name '*.so')
R_FILES := $(wildcard R/*.R)
C_FILES := $(shell find src tests/c -name '*.[ch]' ! -name init.c)

.PHONY: demo test test-workers test-faults check sanitize portability fuzz test-sources bench docs init lint format format-fix install clean
.NOTPARALLEL:

demo:
	@tools/install.sh run
	@$(MAKE) --no-print-directory install
	@mkdir -p build/demo
	$(R_RUN) tools/demo.R build/demo

test:
	@tools/install.sh test
	@$(MAKE) --no-print-directory -k install || true
	@FILTER="$(FILTER)" SUITES="$(SUITES)" tools/test.sh

test-workers:
	@tools/install.sh test
	@$(MAKE) --no-print-directory install
	$(R_RUN) tools/test-workers.R $(KILLS)

check:
	@tools/install.sh check
	@tools/check.sh

sanitize:
	@tools/install.sh sanitize
	@FILTER="$(FILTER)" tools/sanitize.sh

test-faults:
	@tools/install.sh faults
	@$(MAKE) --no-print-directory install
	@KILLS="$(KILLS)" STRIDE="$(STRIDE)" tools/test-faults.sh

portability:
	@tools/install.sh portability
	@tools/portability.sh

fuzz:
	@tools/install.sh fuzz
	@$(MAKE) --no-print-directory -s -C tests/c/fuzz run $(if $(RUNS),RUNS=$(RUNS))

test-sources:
	@$(MAKE) --no-print-directory install
	$(R_RUN) tools/test-sources.R

bench:
	@tools/install.sh bench
	@$(MAKE) --no-print-directory install
	$(R_RUN) tools/bench/run.R $(BENCH)

docs:
	@tools/install.sh docs
	@Rscript --no-save --no-restore tools/document.R
	@$(MAKE) --no-print-directory install
	@mkdir -p build/docs
	$(R_RUN) tools/vignettes.R build/docs
	$(R_RUN) tools/site.R build/site

init:
	@Rscript --no-save --no-restore tools/make-init.R

lint:
	@Rscript --no-save --no-restore tools/lint.R

format:
	@tools/install.sh format
	clang-format --dry-run --Werror $(C_FILES)
	@Rscript --no-save --no-restore tools/format.R --check $(R_FILES)

format-fix:
	@tools/install.sh format
	@Rscript --no-save --no-restore tools/wrap-comments.R $(C_FILES)
	clang-format -i $(C_FILES)
	@Rscript --no-save --no-restore tools/format.R $(R_FILES)

install: build/installed

# A fresh copy is built, so that no object is left among the sources.
build/installed: $(SOURCES)
	@tools/install-package.sh $(LIBRARY)
	@touch $@

clean:
	rm -rf build
