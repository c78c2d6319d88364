# Results in the shape of the user's data: named by occasions and places, NA where na.exclude took an occasion out.

# Occasions of a result: those kept, with those that na.exclude dropped back in their place
padded <- function(design) {
  if (!inherits(design$na.action, "exclude")) {
    return(design$occasion)
  }
  sort(c(design$occasion, design$selected[design$na.action]))
}

# What is chosen among: the places, unless the model's design has other outcomes
outcome_names <- function(design, data) design$outcomes %||% data$place

# Names, and NA for occasions that na.exclude took out, for one value an occasion
occasion_result <- function(x, design, data) {
  rows <- padded(design)
  full <- rep(x[NA_integer_], length(rows))
  full[match(design$occasion, rows)] <- x
  names(full) <- row_names(data)[rows]
  full
}

# Names, and NA for occasions that na.exclude took out, for one value an occasion and place
place_result <- function(x, design, data) {
  user_values(design$spec, x, design, data)
}

flow_table <- function(flows, place) {
  at <- which(t(flows) > 0, arr.ind = TRUE)
  data.frame(from = c(place, NA)[at[, 2L]], to = place[at[, 1L]], flow = flows[at[, 2:1, drop = FALSE]])
}
