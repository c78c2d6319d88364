# Stores of long data: the rows of occasions, grouped, an occasion never in two shards.

#' @rdname write_store
#' @export
write_store.choice_data <- function(data, path, compress = FALSE, shard_rows = 262144,
                                    overwrite = FALSE, ...) {
  check_dots(...)
  target <- store_target(path, compress, shard_rows, overwrite)
  on.exit(remove_part(target))
  columns <- unclass(data$data)
  names <- names(columns)
  check_weights_free(names)
  if (!is.null(data$weights)) {
    columns <- c(columns, list(grouped_inverse(data, rep(data$weights, offer_sizes(data)))))
    names <- c(names, weights_column)
  }
  specs <- unname(Map(column_spec, columns, names, "data"))
  writer <- shard_writer(target$part, "firms", list(compress = target$compress, shard_rows = Inf))
  cuts <- cut_slices(nrow(data$data), target$shard_rows, function(row) {
    data$start[findInterval(row, data$start, left.open = TRUE) + 1]
  })
  for (k in seq_len(nrow(cuts))) {
    rows <- cuts$first[k]:cuts$last[k]
    if (!is.null(data$order)) rows <- data$order[rows]
    add_rows(writer, lapply(columns, `[`, rows), specs)
    close_shards(writer)
  }
  together <- length(.Call(C_run_starts, data$index$firm)) - 1 == length(data$firm)
  frame <- list(
    names = data$names, place = data$place, time = data$time, answer = data$answer,
    places = data.frame(place = data$place), ties = list()
  )
  counts <- c(count_moves(data), firms = length(data$firm))
  finish_store(target, writer, frame, together, counts)
}

# Values per row in grouped order -> per row as given
grouped_inverse <- function(data, value) {
  if (is.null(data$order)) {
    return(value)
  }
  value[order(data$order)]
}

# Names, places, times and the kind of answer of a store of long data
read_choice_frame <- function(manifest, path, names, whole) {
  tables <- read_tables(manifest, path)
  frame <- list(names = names, place = as.character(tables$places$place))
  frame["time"] <- list(tables$times$time)
  frame["answer"] <- list(whole$Answer)
  frame
}

# A choice_data of rows, with the places and times of a frame
choice_of_rows <- function(frame, rows, weights) {
  names <- frame$names
  answer <- if (is.null(frame$answer)) "choice" else frame$answer
  data <- choice_data(
    rows, names$chosen, names$id, names$place, names$firm, names$from, names$time,
    weights, answer
  )
  data$index$place <- match(data$place, frame$place)[data$index$place]
  data$place <- frame$place
  if (!is.null(names$time)) {
    data$index$time <- code_known_times(data$time, frame$time)[data$index$time]
    data$time <- frame$time
  }
  data$names <- names
  data
}
