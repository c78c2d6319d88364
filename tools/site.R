# The documentation site by pkgdown, from man/, vignettes/ and _pkgdown.yml:
#
#   Rscript tools/site.R build/site      (the package must be installed)
#
# Nothing is fetched. Without pkgdown there is no site, and that is no failure.
output <- c(commandArgs(TRUE), "build/site")[1]
if (!requireNamespace("pkgdown", quietly = TRUE)) {
  message("no site: the package pkgdown is not installed")
  quit(status = 0)
}
options(pkgdown.internet = FALSE)
dir.create(output, recursive = TRUE, showWarnings = FALSE)
site <- pkgdown::as_pkgdown(".", override = list(destination = normalizePath(output)))
# stops when a help page or an article is not in its index
pkgdown::check_pkgdown(site)
pkgdown::build_site(site, install = FALSE, new_process = FALSE, preview = FALSE, devel = FALSE, lazy = FALSE)
message("the site starts at ", file.path(output, "index.html"))
