# New data for predictions: long data whose answers do not matter, and rows of which not one can be predicted.

# Long data of new occasions. Answers are not needed: where they are absent, missing or not among the places on offer,
# the first place of each occasion stands in, unless the model itself counts who has chosen what.
new_long <- function(newdata, object) {
  data <- object$data
  names <- data$names
  id <- names$id_columns %||% names$id
  if (identical(names$firm, names$id)) names$firm <- id
  lacking <- setdiff(unlist(c(list(id), names[c("place", "from", "time", "firm")])), names(newdata))
  if (length(lacking) > 0L) {
    abort("`newdata` lacks ", quote_names(lacking), " of the data of the fit.", class = "newdata")
  }
  arguments <- c(list(id = id), names[c("chosen", "place", "firm", "from", "time")])
  build <- function(table) do.call(choice_data, c(list(table), arguments[!vapply(arguments, is.null, NA)]))
  stand_in <- function(e) {
    newdata[[names$chosen]] <- as.integer(!duplicated(as.data.frame(newdata)[id]))
    build(newdata)
  }
  answered <- names$chosen %in% names(newdata) && is.null(data$answer)
  if (answered && counts_answers(object)) {
    return(build(newdata))
  }
  # that an occasion has one place is no news of new data
  withCallingHandlers(
    if (answered) {
      tryCatch(build(newdata),
        firmmove_error_chosen = stand_in, firmmove_error_missing_key = stand_in, firmmove_error_not_offered = stand_in
      )
    } else {
      stand_in()
    },
    firmmove_message_one_place = function(m) invokeRestart("muffleMessage")
  )
}

# Does what a model predicts depend on what others have chosen?
counts_answers <- function(object) {
  "peers" %in% all.names(object$formula) || inherits(object, "migration_fit_chain")
}

# The design of new data or, where every occasion lacks a value of some term, what says so
new_design <- function(object, data, design = prediction_design(object, data)) {
  tryCatch(design, firmmove_error_all_missing = function(e) list(nothing = TRUE))
}

# NA in the shape of predictions: for each occasion and place, or for each occasion
missing_prediction <- function(type, data, outcomes = data$place) {
  if (type == "flows") {
    return(data.frame(from = character(), to = character(), flow = numeric()))
  }
  if (type == "choice") {
    return(stats::setNames(factor(rep(NA, length(row_names(data))), outcomes), row_names(data)))
  }
  if (type == "top") {
    missing <- rep(NA, length(row_names(data)))
    return(data.frame(
      occasion = row_names(data), rank = as.integer(missing), place = factor(missing, outcomes),
      probability = as.numeric(missing), stay = as.numeric(missing), stringsAsFactors = FALSE
    ))
  }
  if (!type %in% c("probability", "utility", "rank")) {
    return(stats::setNames(rep(NA_real_, length(row_names(data))), row_names(data)))
  }
  if (!has_tables(data)) {
    return(stats::setNames(rep(NA_real_, nrow(data$data)), row.names(data$data)))
  }
  matrix(NA_real_, count_data_occasions(data), length(outcomes), dimnames = list(row_names(data), outcomes))
}
