# Slopes and comparisons of marginaleffects on long data. They add a unit to a column in all rows at once; an attribute
# of places that rises at every place of an occasion moves no probability. What a person asks for is the change of a
# row's probability with the row's own attribute, so these are changed one place at a time. A column that is the same at
# all places of each occasion, of the firm, changes at all of them.

# Whether marginaleffects compares predictions, rather than shows them
compares_predictions <- function() {
  asking <- c("slopes", "avg_slopes", "comparisons", "avg_comparisons", "predictions_hi_lo", "comparison_plan_predict")
  any(vapply(sys.calls(), function(call) is.name(call[[1L]]) && as.character(call[[1L]]) %in% asking, NA))
}

# Probabilities of the rows of a fit on long data when each has its own new values, those of the other places of its
# occasion the old ones
predict_row_by_row <- function(model, new, old) {
  id <- old[[model$data$names$id]]
  occasion <- match(id, unique(id))
  changed <- names(old)[!mapply(identical, lapply(new, as.vector), lapply(old, as.vector))]
  of_places <- changed[vapply(changed, function(name) varies_within(old[[name]], occasion), NA)]
  if (length(of_places) == 0L) {
    return(predict_in_place(model, new))
  }
  turn <- turn_in_group(occasion)
  start <- new
  start[of_places] <- old[of_places]
  result <- numeric(nrow(old))
  for (k in seq_len(max(turn))) {
    at <- turn == k
    table <- start
    table[at, of_places] <- new[at, of_places]
    result[at] <- predict_in_place(model, table)[at]
  }
  result
}

# Does a column differ between the rows of some occasion?
varies_within <- function(x, occasion) {
  x <- match(x, unique(x))
  any(x != x[match(occasion, occasion)])
}
