# Checks of arguments that more than one function makes: each stops with one sentence that says which argument, and what
# it must be, or gives the value back.

check_count <- function(x, name) {
  valid <- is.numeric(x) && length(x) == 1L && is.finite(x) && x >= 1 && x == round(x) &&
    x <= .Machine$integer.max
  if (!valid) {
    abort("`", name, "` must be one whole number of at least 1.", class = "argument")
  }
  as.integer(x)
}

check_whole <- function(x, name) {
  if (!is.numeric(x) || length(x) != 1L || !is.finite(x) || x < 0 || x != round(x) || x > .Machine$integer.max) {
    abort("`", name, "` must be one whole number of at least 0.", class = "argument")
  }
  as.double(x)
}

check_positive <- function(x, name) {
  if (!is.numeric(x) || length(x) != 1L || is.na(x) || x <= 0) {
    abort("`", name, "` must be one positive number.", class = "argument")
  }
  as.double(x)
}

check_fraction <- function(x, name) {
  valid <- is.numeric(x) && length(x) == 1L && is.finite(x) && x > 0 && x < 1
  if (!valid) {
    abort("`", name, "` must be one number between 0 and 1.", class = "argument")
  }
  as.double(x)
}

check_seconds <- function(x, name) {
  valid <- is.numeric(x) && length(x) == 1L && is.finite(x) && x > 0
  if (!valid) {
    abort("`", name, "` must be a number of seconds above 0.", class = "argument")
  }
  as.double(x)
}

check_flag <- function(x, name) {
  if (!is.logical(x) || length(x) != 1L || is.na(x)) {
    abort("`", name, "` must be TRUE or FALSE.", class = "argument")
  }
  x
}

# One of the choices an argument lists
check_choice <- function(x, name, choices = eval(formals(sys.function(sys.parent()))[[name]])) {
  if (identical(x, choices)) {
    return(choices[1])
  }
  # the start of a name will do when only one choice begins so
  at <- if (is.character(x) && length(x) == 1 && !is.na(x)) pmatch(x, choices) else NA
  if (is.na(at)) {
    abort(
      "`", name, "` must be one of ", quote_names(choices, 8),
      if (is.character(x)) paste0(", not ", quote_names(x, 3)), ".", did_you_mean(x, choices),
      class = "argument"
    )
  }
  choices[at]
}

# Stops at a name that is none of `among`, with the nearest one
check_known <- function(names, among, says, what) {
  unknown <- setdiff(names, among)
  if (length(unknown) > 0L) {
    abort(
      says, " ", quote_names(unknown), ", which is not ", what, ".",
      if (length(among) > 0L) paste0(" There are ", quote_names(among, max = 20), "."),
      did_you_mean(unknown, among),
      class = "random"
    )
  }
}

# The rule for `...`: stops at an argument that nothing uses, with the nearest of those that the function which asks
# has, or passes on (`also`). Nothing is evaluated.
check_dots <- function(..., also = NULL, owner = names(formals(sys.function(sys.parent())))) {
  if (...length() == 0L) {
    return(invisible())
  }
  force(owner)
  given <- names(substitute(list(...)))[-1L] %||% rep("", ...length())
  unknown <- setdiff(given[nzchar(given)], also)
  if (all(nzchar(given)) && length(unknown) == 0L) {
    return(invisible())
  }
  offered <- setdiff(c(owner, also), "...")
  if (length(unknown) == 0L) {
    abort(
      "There is one argument too many, without a name. The arguments are ", quote_names(offered, max = 20), ".",
      class = "argument"
    )
  }
  near <- nearest_argument(unknown[1L], offered)
  abort(
    "There is no such argument: ", quote_names(unknown), ". ",
    if (is.null(near)) paste0("There are ", quote_names(offered, max = 20), ".") else paste0("The nearest is `", near, "`."),
    class = "argument"
  )
}

# `level` is near `conf.level`, as its last part is; what others call `robust` is a `vcov` here
nearest_argument <- function(name, offered) {
  if (name == "robust" && "vcov" %in% offered) {
    return("vcov")
  }
  near <- nearest_name(name, offered)
  part <- function(x) sub("^.*[.]", "", x)
  last <- nearest_name(part(name), part(offered))
  if (is.null(near) && !is.null(last)) offered[match(last, part(offered))] else near
}

# What functions that answer with a covariance pass on to vcov.migration_fit()
covariance_arguments <- c("type", "cluster", "vcov")

# Stops unless `object` is a fit
check_fit <- function(object) {
  if (!inherits(object, "migration_fit")) {
    abort("The first argument must be a fit of fit_migration(), not ", class(object)[1L], ".", class = "argument")
  }
}

# Given values over defaults; an unknown name is an error
fill_defaults <- function(given, defaults, argument) {
  if (length(given) != sum(nzchar(names(given)))) {
    abort("Each value of `", argument, "` needs the name of its parameter: ",
      quote_names(names(defaults), max = Inf), ".",
      class = "argument"
    )
  }
  unknown <- setdiff(names(given), names(defaults))
  if (length(unknown)) {
    abort("`", argument, "` has no parameter ", quote_names(unknown), ". It has ",
      quote_names(names(defaults), max = Inf), ".",
      class = "argument"
    )
  }
  defaults[names(given)] <- given
  defaults
}

need_ggplot2 <- function(installed = requireNamespace("ggplot2", quietly = TRUE)) {
  if (!installed) {
    abort(
      "Pictures need the package ggplot2, which is not installed: install.packages(\"ggplot2\").",
      class = "package"
    )
  }
}

# Refuses what would have more numbers than a matrix of R can have, and would otherwise end with the session: `sizes`
# multiplied
refuse_cells <- function(what, sizes, remedy) {
  if (prod(as.numeric(sizes)) > .Machine$integer.max) {
    abort(what, " would have ", paste(format_count_each(sizes), collapse = " x "), " numbers, more than 2^31. ", remedy,
      class = "too_large"
    )
  }
}
