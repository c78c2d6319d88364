# What is asked of a fit on a store, or of a store, without holding its rows: slices are read one after the other and
# their answers put together.

# The result of `answer(data, design)` for each slice that has an occasion; design with its parameters
# columns: attributes of firms needed beside those of the formula.
# choice: FALSE: a prediction, for rows without a chosen place too.
over_slices <- function(object, store, answer, choice = TRUE, columns = NULL) {
  plan <- answer_plan(object, store, columns)
  groups <- 0
  answers <- lapply(seq_len(nrow(plan$slices)), function(s) {
    data <- slice_data(plan, s)
    design <- if (choice) {
      fitted_design(object, plan, s, data)
    } else {
      tryCatch(new_design(object, data), firmmove_error_no_occasions = function(e) NULL)
    }
    if (is.null(design)) {
      return(NULL)
    }
    # draws are numbered by group over all slices
    design$kernel$first_group <- groups
    groups <<- groups + if (length(design$kernel$group)) max(design$kernel$group) else 0
    answer(data, design)
  })
  Filter(Negate(is.null), answers)
}

# The design of slice s with the parameters of the fit, as fit_design() makes it of data in memory
fitted_design <- function(object, plan, s, data) {
  design <- slice_design(plan, s, data)
  if (is.null(design)) {
    return(NULL)
  }
  if (inherits(design$na.action, "exclude")) {
    subset <- slice_rows(plan, s, data)$subset
    env <- environment(object$formula)
    design$selected <- select_occasions(data, left_side(object$formula), NULL, subset, choice = TRUE, env = env)$number
  }
  complete_design(object, design, data)
}

# The plan of a fit, on its own store or on another
answer_plan <- function(object, store, columns = NULL) {
  own <- is_streamed(object)
  rows <- if (own) object$given[c("weights", "subset", "env")]
  na.action <- if (own) object$given$na.action else stats::na.exclude
  plan <- stream_plan(store, object$model, object$formula, rows, na.action, object$control)
  plan$columns <- union(plan$columns, columns)
  if (!is.null(attr(plan$slices, "order"))) {
    plan$slices <- data.frame(first = 1, last = store$n)
  }
  plan$levels <- plan_levels(plan)
  plan$peers <- plan_peers(plan)
  plan$basis <- object$design$basis
  plan
}

# Whoever asks for the tables of the data would work on all rows, which a store does not give
variable_tables.migration_store <- function(data) {
  abort(
    "This needs all occasions in memory, but the fit is on the store `", data$path, "`. Read it and refit: ",
    "update(fit, data = as_migration_data(store), start = coef(fit)); or take predict(), vcov() and as_flows(), which ",
    "work slice by slice.",
    class = "streamed"
  )
}

# Predictions -----------------------------------------------------------------------------------------

# predict() for a store: `newdata`, or NULL for the store of the fit
# shape: function(design, data): the predictions of a slice.
predict_store <- function(object, newdata, type, shape) {
  store <- newdata %||% object$data
  if (type %in% c("probability", "utility")) {
    check_prediction_room(object, store, type)
  }
  parts <- over_slices(object, store, function(data, design) {
    if (type != "flows") shape(design, data) else if (!isTRUE(design$nothing)) kernel_predict(object, design, "flows")
  }, choice = is.null(newdata))
  if (type != "flows") {
    return(if (length(dim(parts[[1L]])) == 2L) do.call(rbind, parts) else unlist(parts))
  }
  total <- .Call(C_sum_slices, lapply(parts, as.double))
  flow_table(matrix(total, nrow(parts[[1L]])), store$frame$place)
}

# Matrices of firms x places must fit the memory
check_prediction_room <- function(object, store, type) {
  need <- 8 * store$n * object$n_places
  if (need > object$control$memory) {
    abort(
      "type = \"", type, "\" has a number for each of ", plural(store$n, "row"), " and ",
      plural(object$n_places, "place"), ", ", format_bytes(need), " in all. Ask for type = \"flows\" or \"choice\", or ",
      "raise memory: update(fit, control = migration_control(memory = )).",
      class = "memory"
    )
  }
}

# Scores ----------------------------------------------------------------------------------------------

# The sum of outer products of scores: of each row of estfun(), or of their sums by cluster
# cluster_of: NULL, or function(data, design): list of vectors, the label of each row of the scores.
# Value: list of matrices, one for each clustering.
streamed_meat <- function(object, cluster_of = NULL, columns = NULL) {
  parts <- over_slices(object, object$data, function(data, design) {
    scores <- kernel_scores(object, design)[, object$estimated, drop = FALSE]
    if (is.null(cluster_of)) {
      return(list(crossprod(scores)))
    }
    lapply(cluster_of(data, design), function(label) rowsum(scores, label, reorder = FALSE))
  }, columns = columns)
  lapply(seq_along(parts[[1L]]), function(k) {
    each <- lapply(parts, `[[`, k)
    if (is.null(cluster_of)) {
      return(Reduce(`+`, each))
    }
    all <- do.call(rbind, each)
    labels <- rownames(all)
    one_way_meat(match(labels, unique(labels)), all)
  })
}

# Clustered meat of a fit on a store: by firm, or by one column of firms
streamed_cluster_meat <- function(object, cluster) {
  column <- if (is.null(cluster)) object$data$names$firm else all.vars(cluster)
  if (!(inherits(cluster, "formula") || is.null(cluster)) || length(column) != 1L) {
    abort(
      "`cluster` of a fit on a store must be a formula of one column of `firms`, like ~ town.",
      class = "cluster"
    )
  }
  check_cluster_names(column, object$data$columns$name)
  streamed_meat(object, function(data, design) {
    label <- as.character(data$firms[[column]][design$occasion])
    group <- design$kernel$group
    list(if (is.null(group)) label else label[match(seq_len(max(group)), group)])
  }, columns = column)[[1L]]
}

# Flows -----------------------------------------------------------------------------------------------

#' @rdname as_flows
#' @export
as_flows.migration_store <- function(data, by_time = FALSE, zeros = TRUE, ...) {
  check_dots(...)
  cut <- store_slices(data, 262144L)
  parts <- lapply(seq_len(nrow(cut)), function(s) {
    as_flows(store_data(data, cut$first[s], cut$last[s], character()), by_time = by_time, zeros = zeros)
  })
  if (length(parts) == 1L) {
    return(parts[[1L]])
  }
  add_flows(do.call(rbind, parts), data$frame$place, data$frame$time)
}

# Rows of the same origin, place and time become one, in the order of times, origins (none last) and places
add_flows <- function(flows, place, time) {
  J <- length(place)
  code <- list(match(flows$to, place), match(flows$from, place, nomatch = J + 1L), match(flows$time, time))
  key <- combine_codes(code[c(TRUE, TRUE, !is.null(flows$time))], c(J, J + 1, length(time)))
  cell <- sort(unique(key))
  at <- match(key, cell)
  total <- flows[match(cell, key), ]
  total$count <- as.integer(sum_by(flows$count, at, length(cell)))
  total$weight <- sum_by(flows$weight, at, length(cell))
  rownames(total) <- NULL
  total
}

# Decompositions --------------------------------------------------------------------------------------

# Data of which a function uses some columns of firms: of a store these are read, whole, and no others; other data
# are returned as they are columns: names of columns, in vectors or lists; those the store does not have are left to the
# caller's checks. Value: `data`; for a store a migration_data with firms, places' names and names of the keys only.
read_firms <- function(data, columns) {
  if (!is_store(data)) {
    return(data)
  }
  check_store_unchanged(data)
  keys <- unlist(data$names[c("firm", "time", "from", "to")])
  wanted <- c(keys, Filter(is.character, as.list(unlist(columns))))
  used <- if ("." %in% wanted) data$columns$name else intersect(data$columns$name, wanted)
  firms <- store_rows(data, 1, data$n, used)
  structure(list(firms = firms, names = data$names, place = data$frame$place), class = "migration_data")
}
