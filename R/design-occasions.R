# Which occasions enter a design: those with a choice, in the subset, with
# weights, and without missing values.
#
# occasions is a list: number (rows of firms, or numbers of occasions of long
# data), firm, time, origin, chosen (integers), weights (double or NULL), all
# (TRUE when `number` is every row: nothing need be copied), missing (NULL or
# logical: weight missing).

# Occasions of the data that are in the subset and have a choice
select_occasions <- function(data, response, weights, subset, choice, env) {
  UseMethod("select_occasions")
}

#' @export
select_occasions.migration_data <- function(data, response, weights, subset, choice, env) {
  n <- nrow(data$firms)
  chosen <- response_places(data, response, choice)
  keep <- if (choice) !is.na(chosen) else rep(TRUE, n)
  keep <- keep & resolve_subset(subset, data$firms, n, env)
  number <- if (all(keep)) seq_len(n) else which(keep)
  weights <- resolve_weights(weights, data$weights, data$firms, n, env)
  new_occasions(number, n, list(
    firm = data$index$firm, time = data$index$time,
    origin = no_na(data$index$origin), chosen = no_na(chosen),
    weights = weights
  ))
}

#' @export
select_occasions.choice_data <- function(data, response, weights, subset, choice, env) {
  if (!is.null(response) && choice && !identical(response, data$names$chosen)) {
    abort("The left side of `formula` is `", response, "`, but the column of the chosen place ",
      "of the data is `", data$names$chosen, "`. Write that, or nothing.",
      class = "formula"
    )
  }
  n <- length(data$start) - 1L
  keep <- by_occasion(
    resolve_subset(subset, data$data, c(nrow(data$data), n), env), data,
    "subset"
  )
  weights <- by_occasion(resolve_weights(
    weights, data$weights, data$data,
    c(nrow(data$data), n), env
  ), data, "weights")
  number <- if (all(keep)) seq_len(n) else which(rep_len(keep, n))
  new_occasions(number, n, list(
    firm = data$index$firm, time = data$index$time,
    origin = no_na(data$index$origin %||% integer(n)),
    chosen = no_na(data$index$chosen %||% integer(n)),
    weights = weights
  ))
}

# Occasions object of the numbers kept out of n
new_occasions <- function(number, n, values) {
  if (!length(number)) {
    abort("No occasion is left: no row of the data has a chosen place and is in `subset`.",
      class = "no_occasions"
    )
  }
  all <- length(number) == n
  if (!all) values <- lapply(values, function(x) x[number])
  values$missing <- if (anyNA(values$weights)) is.na(values$weights)
  c(list(number = number, n = length(number), all = all), values)
}

# Keep some of the occasions
restrict_occasions <- function(occasions, keep) {
  vectors <- c("number", "firm", "time", "origin", "chosen", "weights")
  occasions[vectors] <- lapply(occasions[vectors], function(x) x[keep])
  occasions$n <- length(occasions$number)
  occasions$all <- FALSE
  occasions$missing <- NULL
  occasions
}

# Codes of the chosen places: the `to` of the data or another column of firms
response_places <- function(data, response, choice) {
  if (is.null(response) || !choice || identical(response, data$names$to)) {
    return(data$index$chosen)
  }
  column <- data$firms[[response]]
  if (is.null(column)) {
    abort("The left side of `formula`, `", response, "`, is not a column of `firms`.",
      did_you_mean(response, names(data$firms)),
      class = "lookup"
    )
  }
  chosen <- match(as.character(column), data$place)
  unknown <- unique(as.character(column)[is.na(chosen) & !is.na(column)])
  if (length(unknown)) {
    abort("The left side of `formula`, `", response, "`, must hold ids of places; ",
      quote_names(unknown), if (length(unknown) == 1L) " is" else " are", " not in `places`.",
      class = "lookup"
    )
  }
  chosen
}

# Subset as logical: a condition, row numbers, a one-sided formula or an expression
resolve_subset <- function(subset, frame, n, env) {
  if (is.null(subset)) {
    return(TRUE)
  }
  if (inherits(subset, "formula")) subset <- subset[[length(subset)]]
  if (is.language(subset)) subset <- eval(subset, frame, env)
  if (is.numeric(subset)) {
    return(seq_len(n[1L]) %in% seq_len(n[1L])[subset])
  }
  if (!is.logical(subset) || !length(subset) %in% n) {
    abort("`subset` must be a condition with a value for each of the ", n[1L],
      " rows, or row numbers, not ", length(subset), " values of type ", typeof(subset), ".",
      class = "subset"
    )
  }
  subset & !is.na(subset)
}

# Weights: those given, else those of the data; a vector, a column name or ~ column
resolve_weights <- function(weights, own, frame, n, env) {
  if (is.null(weights)) {
    return(own)
  }
  if (inherits(weights, "formula")) weights <- weights[[length(weights)]]
  if (is.language(weights)) weights <- eval(weights, frame, env)
  if (is.character(weights) && length(weights) == 1L) {
    if (!weights %in% names(frame)) {
      abort("`weights` is \"", weights, "\", which is not a column of the firms.",
        did_you_mean(weights, names(frame)),
        class = "weights"
      )
    }
    weights <- frame[[weights]]
  }
  check_weight_values(weights, n)
}

# Weights are numbers of at least 0, one for each row
check_weight_values <- function(weights, n) {
  if (!is.numeric(weights) || !length(weights) %in% n) {
    abort("`weights` must be ", n[1L], " numbers, one for each row, or the name of a column, not ",
      length(weights), " values of type ", typeof(weights), ".",
      class = "weights"
    )
  }
  bad <- !is.na(weights) & (weights < 0 | is.infinite(weights))
  if (any(bad)) {
    abort("`weights` must be finite and at least 0; ", plural(sum(bad), "row"),
      if (sum(bad) == 1L) " is" else " are", " not.",
      class = "weights"
    )
  }
  as.double(weights)
}

# A value for each occasion of long data from a value for each row
by_occasion <- function(values, data, what) {
  if (length(values) <= 1L || length(values) != nrow(data$data)) {
    return(values)
  }
  if (!is.null(data$order)) values <- values[data$order]
  if (!is_occasion_constant(values, data$start)) {
    abort("`", what, "` differs between the places of one occasion. It must select or weight ",
      "whole occasions.", if (what == "subset") " To take places out of choice sets leave their rows out of `data`.",
      class = what
    )
  }
  values[data$start[-length(data$start)] + 1]
}

# Is a column of grouped rows constant within occasions?
#
# The first rows settle it for nearly every column that varies.
is_occasion_constant <- function(x, start) {
  head <- min(length(start) - 1L, 10L)
  constant_within(x, start[seq_len(head + 1L)]) && constant_within(x, start)
}

constant_within <- function(x, start) {
  rows <- start[length(start)]
  if (rows < 2) {
    return(TRUE)
  }
  x <- if (length(x) == rows) x else x[seq_len(rows)]
  same <- x[-1L] == x[-rows]
  same[start[-c(1L, length(start))]] <- TRUE
  # NA beside a value differs, NA beside NA does not
  if (anyNA(same)) same[is.na(same)] <- (is.na(x[-1L]) == is.na(x[-rows]))[is.na(same)]
  all(same)
}

# Apply na.action to the occasions: which to keep and the record of the rest
# missing: named list of logicals (or NULL), one for each variable.
# Value: list(keep = logical or NULL, na.action = object of class omit or exclude, or NULL)
drop_missing <- function(missing, occasions, na.action) {
  missing$weights <- occasions$missing
  missing <- Filter(function(m) !is.null(m) && any(m), missing)
  if (!length(missing)) {
    return(list(keep = NULL, na.action = NULL))
  }
  any_missing <- Reduce(`|`, missing)
  counts <- vapply(missing, sum, 0L)
  kept <- apply_na_action(na.action, any_missing, counts)
  record <- attr(kept, "na.action")
  attr(record, "counts") <- counts
  keep <- !any_missing
  if (!any(keep)) {
    stop_all_missing(counts, occasions$n)
  }
  list(keep = keep, na.action = record)
}

# The condition says how many, for what is put together from parts
stop_all_missing <- function(counts, n) {
  condition <- new_condition(
    paste0(
      "Every occasion has a missing value: ", count_text(counts), " of ", plural(n, "occasion"),
      ". An attribute missing for one place concerns all firms that may choose it."
    ),
    "error", c("all_missing", "missing")
  )
  stop(structure(c(unclass(condition), list(counts = counts, n = n)), class = class(condition)))
}

# What the user's na.action makes of a stand-in frame with the missing rows
apply_na_action <- function(na.action, missing, counts) {
  na.action <- na.action %||% stats::na.pass
  frame <- data.frame(value = ifelse(missing, NA, 0))
  kept <- tryCatch(match.fun(na.action)(frame), error = function(e) {
    abort("Missing values in ", count_text(counts), " (", plural(sum(missing), "occasion"),
      " in all), and `na.action` does not allow them. na.omit drops these occasions.",
      class = "missing"
    )
  })
  if (is.null(attr(kept, "na.action"))) {
    abort("`na.action` keeps missing values: ", count_text(counts),
      ". A fit needs na.omit, na.exclude or na.fail.",
      class = "missing"
    )
  }
  kept
}

# "`size` (3), `age` (1)"
count_text <- function(counts) {
  paste0("`", names(counts), "` (", format_count(counts), ")", collapse = ", ")
}
