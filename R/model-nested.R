#' @title Nested logit with two or three levels
#' @description Places that are closer substitutes for each other share a nest. With nests \eqn{n} and
#' dissimilarity parameters \eqn{\lambda_n}{lambda_n},
#' \deqn{P_{ij} = \frac{\exp(v_{ij}/\lambda_n)}{\exp(I_{in})}\,
#'   \frac{\exp(\lambda_n I_{in})}{\sum_m \exp(\lambda_m I_{im})}, \qquad
#'   I_{in} = \log \sum_{l \in n} \exp(v_{il}/\lambda_n).}{P_ij = exp(v_ij/lambda_n - I_n) exp(lambda_n I_n) / sum_m
#' exp(lambda_m I_m), I_n = log sum_{l in n} exp(v_l/lambda_n).} This is the form that follows from utility maximisation
#' when \eqn{0 < \lambda \le 1}{0 < lambda <= 1}, and with three levels when in addition no lambda is larger than the
#' one of the nest above it. \eqn{\lambda = 1}{lambda = 1} throughout is the [conditional()] logit.
#'
#' Where firms have an origin, staying is always a nest of its own at the top, with lambda 1.
#' A nest of one place has no lambda either: it would not change any probability, and is held at 1.
#'
#' @param nests What the nests are:
#'   - `"move"` (or `~ move`): staying against all moves;
#'   - `~ region`: a nest for each value of the column `region` of the places;
#'   - `~ move/region`: three levels, staying or moving, then the region, then the place;
#'   - `~ country/region`: three levels by two columns of the places.
#'
#'   The column must not change over time. With [choice_data()] it is a column of the data that is the same
#'   in all rows of a place.
#' @param lambda `"each"` (default): a parameter for each nest; `"one"`: the same for all nests of a level.
#'
#' @return A model object of class `c("nested_model", "migration_model")` for the argument `model` of
#'   [fit_migration()]. Its parameters are coefficients of the fit, named `lambda:<nest>` with
#'   `lambda = "each"` and `lambda` with `lambda = "one"`; the one of the nest of all moves is always
#'   `lambda:move`. Tests and p-values in [summary()][summary.migration_fit] are of lambda = 1.
#' @section Errors: `nests` that is none of the forms above; at the fit, a column that the places do not
#'   have, that is missing for some place or changes over time, and nests of one place only. An
#'   estimate outside (0, 1\] is a warning that names it: the model is then at odds with utility maximisation.
#' @references McFadden, D. (1978). Modelling the choice of residential location. In A. Karlqvist et al.
#'   (eds.), *Spatial Interaction Theory and Planning Models*, 75-96. Amsterdam: North-Holland.
#'
#'   Head, K. and Mayer, T. (2004). Market potential and the location of Japanese investment in the European
#'   Union. *Review of Economics and Statistics* 86, 959-972. \doi{10.1162/0034653043125257}
#' @seealso [conditional()], [fit_migration()]
#' @examples
#' nested()
#' nested(~ province, lambda = "one")
#' nested(~ move/province)
#' @export
nested <- function(nests = "move", lambda = c("each", "one")) {
  lambda <- check_choice(lambda, "lambda")
  structure(
    list(name = "nested", nests = nests, levels = nest_levels(nests), lambda = lambda),
    class = c("nested_model", "migration_model")
  )
}

# The nesting columns from the top down: one (two-level model) or two (three-level model)
nest_levels <- function(nests) {
  if (identical(nests, "move")) {
    return("move")
  }
  rule <- "`nests` must be \"move\", or a formula like ~ region, ~ move/region or ~ country/region"
  if (!inherits(nests, "formula") || length(nests) != 2L) {
    abort(rule, ".", class = "argument")
  }
  tree <- nests[[2L]]
  parts <- if (is.call(tree) && identical(tree[[1L]], quote(`/`))) as.list(tree)[-1L] else list(tree)
  if (!all(vapply(parts, is.name, NA))) {
    abort(rule, ": up to three levels, written with column names only.", class = "argument")
  }
  levels <- vapply(parts, as.character, "")
  if (length(levels) == 2L && (levels[2L] == "move" || levels[1L] == levels[2L])) {
    abort(rule, ": `move` can only be the top level, and the two levels must differ.", class = "argument")
  }
  levels
}

#' @export
print.nested_model <- function(x, ...) {
  cat(model_title(x), "\n", sep = "")
  cat("  nests: ", paste(x$levels, collapse = " / "), "; lambda: ", x$lambda, "\n", sep = "")
  invisible(x)
}

model_title.nested_model <- function(model) {
  if (length(model$levels) == 2L) "Nested logit with three levels" else "Nested logit"
}

# `memory`, the nests of an earlier fit, keeps the numbering of the parameters: new places fall into old nests
model_setup.nested_model <- function(model, data, design, memory = NULL) {
  nests <- memory
  spec <- design$spec
  alone <- if (is.null(nests)) any(spec$origin > 0L) else nests$stay_alone
  if ("move" %in% model$levels && !alone) {
    abort(
      "`nests` sets staying against moving, but no firm has an origin to stay at. ",
      "Nest the places by a column of theirs instead, like nested(~ region).",
      class = "nests"
    )
  }
  labels <- lapply(model$levels, nest_labels, data = data)
  if (is.null(nests)) {
    offered <- if (is.null(spec$offered)) rep(TRUE, spec$J) else spec$offered
    nests <- number_nests(model, labels, offered)
    nests$stay_alone <- alone
  }
  list(
    kernel = nest_kernel(nests, labels),
    parameters = parameter_table(nests$parameters, "lambda",
      null = 1, section = "Dissimilarity (z and p of lambda = 1)"
    ),
    start = rep(1, length(nests$parameters)),
    memory = nests
  )
}

# The nest of each place at one level, by name
nest_labels <- function(level, data) {
  if (level == "move") {
    return(rep("move", length(data$place)))
  }
  label <- as.character(nest_column(data, level))
  if (anyNA(label)) {
    abort(
      "The nesting column `", level, "` is missing for ", plural(sum(is.na(label)), "place"), ": ",
      quote_names(data$place[is.na(label)]), ". Every place needs a nest.",
      class = "nests"
    )
  }
  label
}

# A column of the places that is constant over time, a value for each place
nest_column <- function(data, name) {
  UseMethod("nest_column")
}

nest_column.migration_data <- function(data, name) {
  if (!name %in% names(data$places)) {
    abort_nest_column(name, names(data$places), "a column of `places`")
  }
  column <- as.character(data$places[[name]])
  values <- matrix(column[data$place_row], nrow = length(data$place))
  changes <- rowSums(values != values[, 1L], na.rm = TRUE) > 0
  abort_if_changing(name, data$place[changes])
  values[, 1L]
}

nest_column.choice_data <- function(data, name) {
  if (!name %in% names(data$data)) {
    abort_nest_column(name, names(data$data), "a column of the data")
  }
  column <- data$data[[name]]
  values <- unique(column)
  code <- match(column, values)
  if (!is.null(data$order)) {
    code <- code[data$order]
  }
  of_place <- code[match(seq_along(data$place), data$index$place)]
  changes <- unique(data$index$place[code != of_place[data$index$place]])
  abort_if_changing(name, data$place[sort(changes)])
  as.character(values)[of_place]
}

abort_nest_column <- function(name, among, what) {
  abort("The nesting column `", name, "` is not ", what, ".", did_you_mean(name, among), class = "nests")
}

abort_if_changing <- function(name, places) {
  if (length(places) > 0L) {
    abort(
      "The nesting column `", name, "` changes for ", plural(length(places), "place"), ": ",
      quote_names(places), ". A place must stay in one nest.",
      class = "nests"
    )
  }
}

# Numbers nests and their parameters. `bottom` and `upper` hold, by nest name, the number of the parameter
# (0-based, -1: held at 1); a nest of one member has none.
number_nests <- function(model, labels, offered) {
  three <- length(labels) == 2L
  bottom <- bottom_labels(labels)
  nest <- unique(bottom)
  members <- tabulate(match(bottom[offered], nest), length(nest))
  free <- members > 1L
  names_bottom <- parameter_names(nest, model$levels[length(labels)], model$lambda)
  upper <- parent <- NULL
  names_upper <- character()
  if (three) {
    upper <- unique(labels[[1L]])
    parent <- match(labels[[1L]][match(nest, bottom)], upper)
    free_upper <- tabulate(parent[members > 0L], length(upper)) > 1L
    names_upper <- upper_names(upper, model$levels[1L], model$lambda, names_bottom)
  }
  parameters <- c(unique(names_bottom[free]), if (three) unique(names_upper[free_upper]))
  if (length(parameters) == 0L) {
    abort(
      "No nest of `", paste(model$levels, collapse = "/"), "` has two places or more, ",
      "so there is no lambda to estimate. Use conditional().",
      class = "nests"
    )
  }
  number <- function(names, free) ifelse(free, match(names, parameters) - 1L, -1L)
  list(
    bottom = stats::setNames(number(names_bottom, free), nest),
    parent = if (three) parent - 1L,
    upper = if (three) stats::setNames(number(names_upper, free_upper), upper),
    members = stats::setNames(members, nest),
    parameters = parameters
  )
}

# Regions of the same name in different countries are different nests
bottom_labels <- function(labels) {
  if (length(labels) == 1L) {
    return(labels[[1L]])
  }
  pairs <- unique(data.frame(upper = labels[[1L]], bottom = labels[[2L]]))
  ambiguous <- labels[[2L]] %in% pairs$bottom[duplicated(pairs$bottom)]
  ifelse(ambiguous, paste(labels[[1L]], labels[[2L]], sep = "/"), labels[[2L]])
}

parameter_names <- function(nest, level, lambda) {
  if (level == "move") {
    return(rep("lambda:move", length(nest)))
  }
  if (lambda == "each") paste0("lambda:", nest) else rep("lambda", length(nest))
}

# The parameters of the upper nests, told from those of the bottom nests
upper_names <- function(nest, level, lambda, taken) {
  if (level != "move" && lambda == "one") {
    return(rep(paste0("lambda:", level), length(nest)))
  }
  names <- parameter_names(nest, level, lambda)
  ifelse(names %in% taken, paste0("lambda:", level, ":", nest), names)
}

# The `model` list of the C entry points
nest_kernel <- function(nests, labels) {
  bottom <- bottom_labels(labels)
  nest <- match(bottom, names(nests$bottom))
  if (anyNA(nest)) {
    abort(
      "The fit has no lambda for ", plural(sum(!unique(bottom) %in% names(nests$bottom)), "nest"),
      " of the new places: ", quote_names(setdiff(bottom, names(nests$bottom))), ".",
      class = "nests"
    )
  }
  list(
    kind = "nested",
    nest = as.integer(nest - 1L),
    parent = if (!is.null(nests$parent)) as.integer(nests$parent),
    lambda = as.integer(nests$bottom),
    lambda_upper = if (!is.null(nests$upper)) as.integer(nests$upper),
    n_lambda = length(nests$parameters),
    stay_alone = nests$stay_alone
  )
}

check_start.nested_model <- function(model, theta) {
  if (any(theta <= 0)) {
    abort(
      "`start` and `fixed` must give each lambda a value above 0, which is not so for ", quote_names(names(theta)[theta <= 0]),
      ".",
      class = "start"
    )
  }
}

# "Nests of `region`: north (2), south (3), east (1)": places in each; those of one place have no lambda
print_details.nested_model <- function(model, x) {
  nests <- x$memory
  bottom <- utils::tail(model$levels, 1L)
  if (bottom == "move") {
    return(invisible())
  }
  listed <- paste0(names(nests$members), " (", nests$members, ")")
  more <- if (length(listed) > 12L) paste0(" and ", length(listed) - 12L, " more")
  cat("Nests of `", bottom, "`, with places: ", paste(utils::head(listed, 12L), collapse = ", "), more, "\n", sep = "")
}

# Lambda in (0, 1], and no larger than that of the nest above
check_estimates.nested_model <- function(model, fit) {
  nests <- fit$design$memory
  lambda <- fit$coefficients[nests$parameters]
  warn_lambda(lambda[!names(lambda) %in% names(fit$border)])
  if (!is.null(nests$upper)) {
    check_nest_order(nests, lambda)
  }
}

warn_lambda <- function(lambda) {
  outside <- lambda[!is.na(lambda) & (lambda <= 0 | lambda > 1)]
  if (length(outside) > 0L) {
    warn(
      "Outside (0, 1], at odds with utility maximisation: ",
      paste0("`", names(outside), "` = ", format_each(outside), collapse = ", "), ".",
      class = "lambda"
    )
  }
}

check_nest_order <- function(nests, lambda) {
  value <- function(number) ifelse(number < 0L, 1, lambda[pmax(number, 0L) + 1L])
  above <- nests$upper[nests$parent + 1L]
  larger <- which(nests$bottom >= 0L & above >= 0L & value(nests$bottom) > value(above))
  if (length(larger) > 0L) {
    pairs <- unique(paste0(
      "`", nests$parameters[nests$bottom[larger] + 1L], "` > `", nests$parameters[above[larger] + 1L], "`"
    ))
    warn(
      "Larger than the lambda of the nest above, at odds with utility maximisation: ",
      paste(pairs, collapse = ", "), ".",
      class = "lambda"
    )
  }
}

can_slice.nested_model <- function(model) {
  TRUE
}

own_parameters.nested_model <- function(model, names) {
  startsWith(names, "lambda")
}
