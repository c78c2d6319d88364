# Runs smoke.R with the garbage collector working at every allocation while C code is running, so that an
# object that is not protected is gone when it is used next. R code in between runs at full speed.
invisible(compiler::enableJIT(0)) # compiled code calls .Call() without looking it up

calls <- 0
tortured <- function(...) {
  calls <<- calls + 1
  gctorture(TRUE)
  on.exit(gctorture(FALSE))
  base::.Call(...)
}

# The functions of the package once more, where they find this .Call before that of base.
package <- new.env(parent = asNamespace("firmmove"))
package$.Call <- tortured
for (file in list.files("R", "\\.R$", full.names = TRUE)) {
  sys.source(file, package)
}

sys.source("tools/sanitize/smoke.R", new.env(parent = package))
stopifnot("no call of C code was tortured" = calls > 0)
cat(calls, "calls of C code survived\n")
