# The R packages that are missing, for tools/install.sh:
#
#   Rscript tools/packages.R missing PURPOSE    prints their names
#   Rscript tools/packages.R prebuilt PURPOSE   prints the Debian packages to install for them
#   Rscript tools/packages.R cran PURPOSE       installs them from CRAN; exit code 1 if a needed one still lacks
#
# DESCRIPTION says what is needed: its imports for every purpose, its suggestions and what it enhances for tests and
# checks, and Config/Needs/<purpose>. Packages in `optional` are peers to compare with: without them a few tests are
# skipped, so failing to install them is no failure. One that was tried in vain is not tried again for a day.

optional <- c(
  "mlogit", "dfidx", "emmeans", "choicer", "dbmss", "dfvad", "fixest", "logitr", "mclogit",
  "insight", "marginaleffects", "modelsummary", "parameters", "performance", "texreg", "chromote", "pkgdown",
  "mirai", "Rmpi", "snow"
)

field <- function(...) {
  text <- read.dcf("DESCRIPTION", c(...))
  text <- unlist(strsplit(text[!is.na(text)], ","))
  text <- trimws(gsub("\\s+", " ", text))
  name <- sub(" *\\(.*$", "", text)
  version <- ifelse(grepl("(", text, fixed = TRUE), gsub("^.*>= *|\\).*$", "", text), "0")
  keep <- nzchar(name) & name != "R"
  stats::setNames(version[keep], name[keep])
}

wanted <- function(purpose) {
  needs <- field(paste0("Config/Needs/", purpose))
  pick <- switch(purpose,
    run = c(field("Depends", "Imports"), ggplot2 = "0"),
    format = character(),
    docs = ,
    test = ,
    check = ,
    sanitize = ,
    bench = field("Depends", "Imports", "Suggests", "Enhances"),
    stop("tools/install.sh: unknown purpose ", purpose, call. = FALSE)
  )
  c(pick, needs)[!duplicated(names(c(pick, needs)))]
}

is_missing <- function(packages) {
  installed <- function(name, version) {
    description <- file.path(.libPaths(), name, "DESCRIPTION")
    description <- description[file.exists(description)]
    length(description) > 0 && package_version(read.dcf(description[1], "Version")[[1]]) >= version
  }
  !mapply(installed, names(packages), packages)
}

# Where a note is kept of optional packages that could not be had.
tried_file <- file.path("build", "tried-packages")
tried <- function() {
  fresh <- file.exists(tried_file) &&
    difftime(Sys.time(), file.mtime(tried_file), units = "hours") < 24
  if (fresh) readLines(tried_file) else character()
}

missing_packages <- function(purpose) {
  packages <- wanted(purpose)
  absent <- names(packages)[is_missing(packages)]
  setdiff(absent, tried())
}

# What CRAN has, and the missing packages with all that they need and that is missing too.
cran_table <- function() {
  table <- tryCatch(suppressWarnings(utils::available.packages()), error = function(e) NULL)
  if (NROW(table) > 0) table
}
with_dependencies <- function(names, table) {
  if (is.null(table)) {
    return(names)
  }
  more <- unlist(tools::package_dependencies(names, table, recursive = TRUE))
  more <- setdiff(more, rownames(utils::installed.packages(priority = "base")))
  union(names, more[is_missing(stats::setNames(rep("0", length(more)), more))])
}

print_prebuilt <- function(purpose) {
  debian <- paste0("r-cran-", tolower(with_dependencies(missing_packages(purpose), cran_table())))
  known <- system2("apt-cache", c("pkgnames", "r-cran-"), stdout = TRUE)
  cat(intersect(debian, known), "\n")
}

# The first library that can be written to, or the user's own.
target_library <- function() {
  writable <- .libPaths()[file.access(.libPaths(), 2) == 0]
  if (length(writable) > 0) {
    return(writable[1])
  }
  own <- strsplit(Sys.getenv("R_LIBS_USER"), .Platform$path.sep)[[1]][1]
  dir.create(own, recursive = TRUE, showWarnings = FALSE)
  own
}

install_from_cran <- function(purpose) {
  absent <- missing_packages(purpose)
  if (length(absent) > 0) {
    library <- target_library()
    .libPaths(c(library, .libPaths()))
    try(utils::install.packages(absent, lib = library, quiet = TRUE))
  }
  absent <- missing_packages(purpose)
  given_up <- intersect(absent, optional)
  if (length(given_up) > 0) {
    dir.create(dirname(tried_file), showWarnings = FALSE)
    writeLines(union(tried(), given_up), tried_file)
    message("install: going on without ", paste(given_up, collapse = ", "))
  }
  lacking <- setdiff(absent, optional)
  if (length(lacking) > 0) {
    message("install: could not install ", paste(lacking, collapse = ", "),
            "; install by hand, or set options(repos =) to a CRAN mirror")
    quit(status = 1)
  }
}

arguments <- commandArgs(TRUE)
switch(arguments[1],
  missing = cat(missing_packages(arguments[2])),
  prebuilt = print_prebuilt(arguments[2]),
  cran = install_from_cran(arguments[2])
)
