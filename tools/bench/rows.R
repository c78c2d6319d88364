# The table of rows. Each file of rows adds to it with add_row().
#
# A row is a list of
#   title(size)   what is computed, in words
#   size, quick   sizes of the data: as in the goals, and small
#   make(size)    the data
#   truth(size)   the coefficients they were drawn with; without it our call is not a fit, and not profiled
#   calls         for each package a function of the data that does the whole work, from the data as they are to
#                 coefficients with standard errors, and returns estimates() of them; or, without errors to compare,
#                 list(coefficients =) of numbers in the same order
#   needs         for each entry of calls the package that must be installed
#   goal          list(seconds =, memory = (MB), ratio = c(package = )): what is aimed at, at full size; any of them,
#                 or NULL

rows <- list()

add_row <- function(name, ...) {
  row <- list(...)
  packages <- names(row$calls)
  row$needs <- stats::setNames(ifelse(is.na(match(packages, names(hosts))), packages, hosts[packages]), packages)
  rows[[name]] <<- row
}

# Functions known by their own name, and the packages that have them.
hosts <- c(clogit = "survival", fepois = "fixest")

# Coefficients and standard errors under the names `terms`, from a fit that may call or order them otherwise.
estimates <- function(coefficients, covariance, terms, names = terms) {
  error <- sqrt(diag(as.matrix(covariance)))
  at <- if (is.null(names(coefficients))) seq_along(terms) else match(names, names(coefficients))
  list(coefficients = stats::setNames(as.numeric(coefficients)[at], terms),
       errors = stats::setNames(as.numeric(error)[at], terms))
}

# Seconds on the clock and seconds of computing, all threads together, that an expression takes.
time_of <- function(expr) {
  start <- proc.time()
  force(expr)
  used <- proc.time() - start
  c(clock = used[["elapsed"]], cpu = used[["user.self"]] + used[["sys.self"]])
}
