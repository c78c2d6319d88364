# From the user's table to the codes and numbers that the kernels of decompose_places() and move_events() take.

# The columns of a panel of firms that move, checked. `columns`: performance, firm, cluster, time and weight (or NULL)
# by name; `extra`: names of other columns that will be looked at.
movers_panel <- function(data, columns, extra = NULL, needs_performance = TRUE) {
  data <- read_firms(data, c(columns, as.list(extra)))
  source <- firms_of(data)
  columns <- known_columns(columns, source)
  check_time(columns, source)
  arg <- source$arg
  table <- plain_table(source$table, arg)
  check_movers_columns(table, columns, arg, c(if (needs_performance) "performance", "firm", "cluster", "time"))
  check_no_na(table[[columns$firm]], paste0(arg, "$", columns$firm))
  check_no_na(table[[columns$time]], paste0(arg, "$", columns$time))
  cluster <- ordered_codes(table[[columns$cluster]], source$places)
  if (length(cluster$values) == 0L) {
    abort("`", arg, "$", columns$cluster, "` is missing (NA) in every row: no firm is anywhere.", class = "empty")
  }
  time <- ordered_codes(table[[columns$time]])
  gone <- if (anyNA(cluster$code)) is.na(cluster$code)
  list(
    firm = panel_firms(table[[columns$firm]]), firms = table[[columns$firm]], time = time$code, times = time$values,
    place = cluster$code, places = id_text(cluster$values),
    performance = if (needs_performance) panel_numbers(table, columns, "performance", gone, arg) else numeric(nrow(table)),
    weight = if (!is.null(columns$weight)) check_mean_weights(panel_numbers(table, columns, "weight", NULL, arg), columns, arg),
    gone = gone, table = table, columns = columns, arg = arg, source = data
  )
}

check_movers_columns <- function(table, columns, arg, needed) {
  if (nrow(table) == 0L) {
    abort("`", arg, "` has no rows.", class = "empty")
  }
  for (role in needed) {
    if (is.null(columns[[role]])) {
      abort("`", role, "` is needed: the name of a column of `", arg, "`, as a string.", class = "columns")
    }
    check_column(table, columns[[role]], role, arg)
  }
  if (!is.null(columns$weight)) {
    check_column(table, columns$weight, "weight", arg)
  }
}

check_mean_weights <- function(x, columns, arg) {
  negative <- which(x < 0)
  if (length(negative) > 0L) {
    abort(
      "`", arg, "$", columns$weight, "` (argument `weight`) is negative in ", plural(length(negative), "row"), ": ",
      quote_rows(negative), ". A mean needs weights of at least 0.",
      class = "weights"
    )
  }
  x
}

# What a formula of controls asks for: list(periods, z: matrix of other columns or NULL). `time` is the column of time,
# unless the table has another of that name; it enters as a dummy for each period.
movers_controls <- function(controls, panel) {
  if (is.null(controls)) {
    return(list(periods = FALSE, z = NULL))
  }
  if (!inherits(controls, "formula") || length(controls) != 2L) {
    abort("`controls` must be a one-sided formula like ~ time + log(age), or NULL.", class = "formula")
  }
  own <- panel$columns$time
  period <- c(own, if (!"time" %in% names(panel$table)) "time")
  labels <- attr(stats::terms(controls), "term.labels")
  rest <- setdiff(labels, period)
  z <- if (length(rest) > 0L) control_columns(stats::reformulate(rest, env = environment(controls)), panel, period)
  list(periods = any(labels %in% period), z = z)
}

# A column of numbers for each term; times as dummies where they meet other variables
control_columns <- function(formula, panel, period) {
  table <- panel$table
  for (name in intersect(all.vars(formula), period)) {
    table[[name]] <- factor(panel$time)
  }
  unknown <- setdiff(all.vars(formula), c(names(table), ls(environment(formula), all.names = TRUE)))
  check_known(unknown, names(table), "`controls` has", paste0("a column of `", panel$arg, "`"))
  frame <- stats::model.frame(formula, table, na.action = stats::na.pass)
  here <- if (is.null(panel$gone)) rep(TRUE, nrow(table)) else !panel$gone
  for (name in names(frame)) {
    lacking <- which(rowSums(is.na(as.matrix(frame[[name]]))) > 0L & here)
    if (length(lacking) > 0L) {
      abort("Control `", name, "` is missing in ", plural(length(lacking), "row"), ": ", quote_rows(lacking),
        ". Fill it in, or drop the rows.",
        class = "missing"
      )
    }
  }
  z <- stats::model.matrix(formula, frame)
  z[is.na(z)] <- 0
  z[, colnames(z) != "(Intercept)", drop = FALSE]
}

# What every kernel of movers is told of a panel
kernel_panel <- function(panel, ...) {
  list(
    firm = panel$firm$code, n_firms = panel$firm$n, time = panel$time, n_times = length(panel$times), place = panel$place,
    n_places = length(panel$places), performance = panel$performance, weight = panel$weight, ...
  )
}

movers_threads <- function(rows, places = 0) {
  if (is_forked() || (rows < 2e5 && places < 300)) 1L else default_threads()
}

# Named groups of clusters
check_cluster_groups <- function(groups, among, arg) {
  valid <- is.list(groups) && length(groups) >= 2L && !is.null(names(groups)) && all(nzchar(names(groups))) &&
    anyDuplicated(names(groups)) == 0L
  if (!valid) {
    abort("`", arg, "` must be a list of at least two named vectors of clusters.", class = "argument")
  }
  for (name in names(groups)) {
    check_known(as.character(groups[[name]]), among, paste0("`", arg, "$", name, "` has"), "a cluster of the data")
  }
  groups
}
