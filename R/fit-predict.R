#' @title Predict probabilities, utilities, flows and choices
#' @description What the fitted model says of the occasions it was fitted to, or of new ones: new firms, changed
#' attributes of places, other choice sets.
#'
#' | `type` | value | shape |
#' |---|---|---|
#' | `"probability"` | \eqn{P_{ij}}{P_ij} | a number for each occasion and place |
#' | `"utility"` | \eqn{v_{ij}}{v_ij} | the same; `NA` where a place is not on offer |
#' | `"logsum"` | expected utility of the best place: \eqn{\log \sum_j \exp v_{ij}}{log sum_j exp v_ij}, or its nested form | a number for each occasion |
#' | `"choice"` | the most probable place (the first one, where several are) | a factor, an entry for each occasion |
#' | `"top"` | the `n` most probable places, and the probability of staying | a data frame, see below |
#' | `"rank"` | for [ranked()]: expected rank in a complete ranking | a number for each occasion and place |
#' | `"flows"` | \eqn{\sum_i w_i P_{ij}}{sum_i w_i P_ij} over the firms of an origin | a data frame `from`, `to`, `flow` |
#'
#' The shape for each occasion and place is a matrix of occasions x places, with the names of the places as
#' column names, for [migration_data()]; and a vector with an entry for each row for [choice_data()].
#' Occasions are in the order of the data.
#'
#' Only `"probability"` and `"utility"` hold a number for each occasion and place in memory. The others work on some
#' occasions at a time, so that `"top"` and `"choice"` need memory in the order of the occasions for any number of
#' places.
#'
#' @param object A fit of [fit_migration()].
#' @param newdata `NULL`: the occasions of the fit. Or data of the class the model was fitted to. Or a data
#'   frame: for a model of [migration_data()] a new `firms` table, used with the places, ties and network of the
#'   fit; for a model of [choice_data()] long data with the same columns. The chosen place need not be there.
#'   Rows with a missing value in some term give `NA`. Every row of `newdata` is predicted, also a firm that
#'   closed: there may be more of them than occasions of a fit to the same table.
#' @param type What to predict; see above.
#' @param se.fit `TRUE` gives standard errors and intervals too, by the delta method: from exact derivatives where the
#'   model has them, else from two predictions for each coefficient.
#' @param n For `"top"`: how many places, a whole number of at least 1.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param ... With `se.fit`, `type` apart: `cluster` or `vcov`, which covariance, as in [vcov.migration_fit()]. Anything
#'   else is an error.
#' @return See above; with `se.fit` a list of four in that shape, `fit`, `se.fit`, `lower` and `upper` (of probabilities
#'   with limits by log odds), or of flows the table with `std.error`, `conf.low` and `conf.high`. Probabilities of an
#'   occasion sum to 1 and are 0 where a place is not on offer. In flows `from` is `NA` for firms without an origin,
#'   `from == to` are firms that stay, and pairs without flow are left out.
#'
#'   `"top"`: a data frame with `n` rows for each occasion, or fewer where fewer places have a probability above 0:
#'   `occasion` (row name of the data), `rank` (1 the most probable), `place` (a factor), `probability`, and `stay`,
#'   the probability of staying at the origin, the same in all rows of an occasion (`NA` without an origin; 0 where it
#'   is not on offer). Of places with the same probability the first in the order of places comes first. An occasion
#'   with a missing value in some term has one row, of `NA`.
#' @section Errors: A variable of the model that `newdata` lacks; a table of firms for a model with `peers()`, which
#'   needs to know where all firms are; a level of a factor, a nest or (with place
#'   constants) a place that the fit has not seen; `newdata` of another class than the data of the fit.
#' @seealso [fitted()][fitted.migration_fit], [simulate()][simulate.migration_fit], [predict.migration_fit_hazard()] for
#'   hazards; [counterfactual()] for two states of the world with intervals.
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(land_price) + distance, data)
#' head(predict(fit, type = "logsum"))
#' flows <- predict(fit, type = "flows")
#' moves <- flows[flows$from != flows$to, ]
#' head(moves[order(-moves$flow), ])
#' predict(fit, data$firms[1:2, ], type = "top", n = 2)
#' @export
predict.migration_fit <- function(object, newdata = NULL,
                                  type = c("probability", "utility", "logsum", "flows", "choice", "top"),
                                  se.fit = FALSE, conf.level = 0.95, n = 3L, ...) {
  type <- check_choice(type, "type")
  n <- check_top(n)
  check_dots(..., also = if (check_flag(se.fit, "se.fit")) covariance_arguments)
  if (is_store(newdata %||% object$data)) {
    return(predict_store(object, newdata, type, function(design, data) shape_prediction(object, type, design, data, n)))
  }
  if (is.null(newdata)) {
    data <- object$data
    design <- fit_design(object)
  } else {
    data <- prediction_data(newdata, object)
    design <- new_design(object, data)
  }
  if (se.fit) {
    return(predicted_intervals(object, type, design, data, conf.level, ...))
  }
  shape_prediction(object, type, design, data, n)
}

check_top <- function(n) {
  if (!is.numeric(n) || length(n) != 1L || !is.finite(n) || n < 1 || n != round(n)) {
    abort("`n` must be a whole number of at least 1: how many places of each occasion.", class = "argument")
  }
  as.integer(n)
}

# Predictions of a design in the shape of its data
shape_prediction <- function(object, type, design, data, n) {
  if (isTRUE(design$nothing)) {
    return(missing_prediction(type, data))
  }
  if (type %in% c("probability", "utility") && has_tables(data)) {
    remedy <- "Ask for type = \"flows\" or \"choice\", or predict some of the firms: `newdata`."
    refuse_cells("The predictions", c(length(design$occasion), length(data$place)), remedy)
  }
  switch(type,
    probability = ,
    utility = place_result(kernel_predict(object, design, type), design, data),
    logsum = occasion_result(kernel_predict(object, design, type), design, data),
    choice = occasion_result(likely_outcome(object, design, data), design, data),
    top = top_table(object, design, data, n),
    flows = flow_table(kernel_predict(object, design, type), data$place)
  )
}

# New data --------------------------------------------------------------------------------------------

prediction_data <- function(newdata, object) {
  class <- if (is_streamed(object)) "migration_data" else class(object$data)[1L]
  if (inherits(newdata, class)) {
    return(newdata)
  }
  if (!is.data.frame(newdata)) {
    abort(
      "`newdata` must be a ", class, "() like the data of the fit, or a data frame, not ",
      class(newdata)[1L], ".",
      class = "newdata"
    )
  }
  if (is_streamed(object)) {
    # places, ties and their rules without the rows of the store
    return(new_firms(newdata, store_data(object$data, 1, 1), object$formula))
  }
  if (class == "migration_data") new_firms(newdata, object$data, object$formula) else new_long(newdata, object)
}

refuse_lone_firms <- function() {
  abort(
    "The model counts peers(), and a table of new firms does not say where the others are: give `newdata` as ",
    "a migration_data() with the firms of the periods before.",
    class = "newdata"
  )
}

# A new table of firms with the places, ties and network of the fit
new_firms <- function(firms, data, formula) {
  if ("peers" %in% all.names(formula)) {
    refuse_lone_firms()
  }
  names <- data$names
  if (!names$to %in% names(firms)) {
    firms[[names$to]] <- rep(NA_character_, nrow(firms))
  }
  build_migration_data(firms, data$places,
    ties = if (length(data$ties) > 0L) lapply(data$ties, `[[`, "data"), network = data$network, names = names,
    available = given_available(data), weights = NULL
  )
}

prediction_design <- function(object, data) {
  design <- model_design(object$model, object$formula, data,
    na.action = stats::na.exclude, choice = FALSE, basis = object$design$basis,
    env = environment(object$formula)
  )
  if (!is.null(design$na.action)) {
    class(design$na.action) <- "exclude"
    design$selected <- seq_len(length(design$occasion) + length(design$na.action))
  }
  complete_design(object, design, data)
}

# Shapes ----------------------------------------------------------------------------------------------

# The likeliest outcome of each occasion
likely_outcome <- function(object, design, data) {
  best <- by_slice(design, function(part) likely_place(part$spec, kernel_predict(object, part, "probability")))
  outcomes <- outcome_names(design, data)
  factor(best, seq_along(outcomes), outcomes)
}

# The n likeliest places of each occasion and its probability of staying, some occasions at a time
top_table <- function(object, design, data, n) {
  places <- outcome_names(design, data)
  n <- min(n, length(places))
  found <- matrix(by_slice(design, function(part) {
    p <- kernel_predict(object, part, "probability")
    top <- likeliest_places(part$spec, p, n)
    as.vector(rbind(t(top$place), t(top$value), at_home(part$spec, p)))
  }), nrow = 2L * n + 1L)
  rows <- padded(design)
  found <- found[, match(rows, design$occasion), drop = FALSE]
  place <- as.integer(found[seq_len(n), ])
  first <- rep(seq_len(n), length(rows)) == 1L
  # one row of NA for an occasion that na.exclude took out
  keep <- which(!is.na(place) | first)
  occasion <- (keep - 1L) %/% n + 1L
  rank <- (keep - 1L) %% n + 1L
  rank[is.na(place[keep])] <- NA
  data.frame(
    occasion = row_names(data)[rows][occasion], rank = rank, place = factor(places[place[keep]], places),
    probability = as.vector(found[n + seq_len(n), ])[keep], stay = found[2L * n + 1L, occasion], stringsAsFactors = FALSE
  )
}
