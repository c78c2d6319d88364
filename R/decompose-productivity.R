#' Productivity of clusters: levels, and growth by input and output
#'
#' @description
#' `method = "olley_pakes"` decomposes the weighted mean performance of each cluster in each period into the plain mean
#' of its firms and a term that is positive where the better firms are the larger ones. `method = "petrin_levinsohn"`
#' decomposes the growth of value added less that of inputs into technical efficiency and reallocation of inputs, for
#' the firms seen in both periods, with movers in a row of their own.
#'
#' @details
#' *Olley and Pakes* (1996), with weights \eqn{w}, shares \eqn{s} and \eqn{n} firms:
#' \deqn{\Phi = \bar\varphi + \sum_i (s_i - 1/n)(\varphi_i - \bar\varphi).}{Phi = phibar + sum (s - 1/n)(phi - phibar).}
#' The covariance is a sum, not divided by \eqn{n}. With `groups`, the covariance of a cluster is split over groups of
#' its firms, measured from the group `base` (\eqn{S}):
#' \deqn{(\Phi_S - \bar\varphi_S) + \sum_{g \ne S} [S_g (\Phi_g - \Phi_S) - (n_g/n)(\bar\varphi_g -
#'   \bar\varphi_S)].}{(Phi_S - phibar_S) + sum over g of S_g (Phi_g - Phi_S) - n_g/n (phibar_g - phibar_S).}
#'
#' *Petrin and Levinsohn* (2012), value-added form in Tornqvist steps: with \eqn{\bar D} the mean over both periods of a
#' firm's value added over that of the system, \eqn{\varepsilon_k} the elasticity of input \eqn{k}, \eqn{\bar s_k} the
#' mean of its cost over the firm's value added, and \eqn{\Delta\ln A = \Delta\ln VA - \sum_k \varepsilon_k \Delta\ln
#' X_k},
#' \deqn{\sum \bar D \Delta\ln VA - \sum \bar D \sum_k \bar s_k \Delta\ln X_k = \sum \bar D \Delta\ln A + \sum_k \sum
#'   \bar D (\varepsilon_k - \bar s_k) \Delta\ln X_k .}{sum D dlnVA - sum D s dlnX = sum D dlnA + sum D (eps - s) dlnX.}
#' Shares are those of the system of all clusters, so clusters and movers add up to the whole. Elasticities come from
#' outside, for instance from a production function. Births and deaths have no growth rate; their value added is listed
#' as `birth` and `death` in table `entry`, apart from the identity.
#'
#' *Standard errors* are from influence functions over firms, those of Petrin and Levinsohn's shares included; the
#' elasticities are taken as known.
#'
#' @section What the numbers do not say:
#' The covariance is about who is large, not about why. A plain mean counts a firm of one worker as much as one of a
#' thousand. Technical efficiency is what the elasticities leave unexplained.
#'
#' @inheritParams decompose_cluster
#' @param performance Name of the column with the performance (Olley-Pakes). Petrin-Levinsohn takes `output` instead.
#' @param weight Name of the column with the weights (Olley-Pakes); `NULL` counts each firm once.
#' @param cluster Name of the column with the cluster of each row; with Petrin-Levinsohn where the firm is in the
#'   period.
#' @param time Name of the column of periods; `NULL` for a single cross-section (Olley-Pakes).
#' @param firm Name of the column of firms; needed for Petrin-Levinsohn. With Olley and Pakes it is checked that a
#'   firm is
#'   one row in a period.
#' @param method The method.
#' @param groups `NULL`, or the name of a column with groups of firms to split the covariance over.
#' @param base The group that the others are measured from; the first if `NULL`.
#' @param output Name of the column with value added (positive).
#' @param inputs Named character: input, and its column of quantities (positive): `c(labour = "jobs", capital =
#'   "capital")`.
#' @param costs Named character: the columns with the costs of the inputs, in the unit of `output`.
#' @param elasticities Named numbers, one for each input, or named character: columns with an elasticity for each firm.
#' @param min_firms As in [decompose_cluster()].
#' @return An object of class `decompose_productivity` and `decomposition`.
#' Olley-Pakes: `level` with `cluster`, `time`, `component` (`mean`, `covariance`), `estimate`, `std.error`, `conf.low`,
#' `conf.high`, `df`, `firms`; `totals` with `cluster`, `time`, `firms`, `value` and its errors; `notes`, why
#' something is `NA`; with `groups` the table `covariance`: `cluster`,
#' `time`, `group`, `firms`, `share`, `estimate`. Petrin-Levinsohn: `growth` with `cluster` (`NA` for firms that move),
#' `start`, `end`, `component` (`efficiency`, `reallocation`), `partner` (the input), `estimate`, `std.error`,
#' `conf.low`, `conf.high`; `totals` with `output_growth`, `input_growth`, `change` and its errors; `entry` with the
#' same columns as `growth` but `partner`. And `method`, `reference`, `residual`, `call`.
#' @section Errors: Missing or infinite values where a firm is alive; output, inputs that are not positive (no
#'   logarithm); an input without cost or elasticity.
#' @references
#' Olley, G. S. and Pakes, A. (1996). The dynamics of productivity in the telecommunications equipment industry.
#' *Econometrica* 64, 1263-1297. \doi{10.2307/2171831}
#'
#' Petrin, A. and Levinsohn, J. (2012). Measuring aggregate productivity growth using plant-level data. *RAND Journal of
#' Economics* 43, 705-725. \doi{10.1111/1756-2171.12005}
#'
#' Hyytinen, A., Ilmakunnas, P. and Maliranta, M. (2016). Olley-Pakes productivity decomposition: computation and
#' inference. *Journal of the Royal Statistical Society A* 179, 749-761. \doi{10.1111/rssa.12146}
#' @seealso [decompose_cluster()] for changes with births, deaths and moves.
#' @examples
#' lamps <- wenzhou_guzhen()
#' levels <- decompose_productivity(lamps, "productivity", "jobs", groups = "exporter")
#' subset(levels$level, cluster == "Guzhen" & time %in% c(1992, 2008))
#' subset(levels$covariance, cluster == "Guzhen" & time == 2008)
#' @export
decompose_productivity <- function(data, performance, weight = NULL, firm, cluster, time,
                                   method = c("olley_pakes", "petrin_levinsohn"), conf.level = 0.95, groups = NULL,
                                   base = NULL, output = NULL, inputs = NULL, costs = NULL, elasticities = NULL,
                                   min_firms = NULL) {
  call <- match.call()
  given <- function(x) if (!missing(x)) x
  columns <- list(
    performance = given(performance), weight = given(weight), firm = given(firm), cluster = given(cluster),
    time = given(time)
  )
  method <- check_choice(method, "method")
  conf.level <- check_fraction(conf.level, "conf.level")
  data <- read_firms(data, c(columns, output, inputs, costs))
  result <- if (method == "olley_pakes") {
    olley_pakes(data, columns, conf.level, groups, base, min_firms)
  } else {
    petrin_levinsohn(data, columns, output, inputs, costs, elasticities, conf.level, min_firms)
  }
  structure(c(result, list(method = method, call = call)), class = c("decompose_productivity", "decomposition"))
}

# Olley and Pakes ------------------------------------------------------------------------------------

# Rows of firms that are there: list(table, arg, columns, cluster, time, unit, row)
alive_rows <- function(data, columns, needed) {
  source <- firms_of(data)
  columns <- known_columns(columns, source)
  arg <- source$arg
  table <- plain_table(source$table, arg)
  if (nrow(table) == 0) abort("`", arg, "` has no rows.", class = "empty")
  if ("weight" %in% needed && is.null(columns$weight)) {
    table <- unit_weight(table)
    columns$weight <- "1"
  }
  for (role in union(needed, names(Filter(Negate(is.null), columns)))) {
    if (is.null(columns[[role]])) {
      abort("`", role, "` is needed: the name of a column of `", arg, "`, as a string.", class = "columns")
    }
    check_column(table, columns[[role]], role, arg)
  }
  label <- paste0(arg, "$", columns$cluster)
  table[[columns$cluster]] <- blank_as_missing(table[[columns$cluster]], label)
  cluster <- ordered_codes(table[[columns$cluster]], source$places)
  if (!is.null(columns$performance) && !is.null(columns$weight) && anyNA(cluster$code) && length(cluster$values) > 0L) {
    tell_homeless(table, columns, is.na(cluster$code), label)
  }
  time <- if (is.null(columns$time)) {
    list(values = NA, code = rep(1L, nrow(table)))
  } else {
    check_no_na(table[[columns$time]], paste0(arg, "$", columns$time))
    ordered_codes(table[[columns$time]])
  }
  row <- which(!is.na(cluster$code))
  if (!length(row)) abort("No firm is in a cluster: `", columns$cluster, "` is missing everywhere.", class = "empty")
  list(
    table = table, arg = arg, columns = columns, cluster = id_text(cluster$values), time = time$values,
    row = row, place = cluster$code[row], period = time$code[row]
  )
}

# A column of numbers on those rows
alive_numbers <- function(alive, column, role, positive = FALSE) {
  check_column(alive$table, column, role, alive$arg)
  dead <- !seq_len(nrow(alive$table)) %in% alive$row
  columns <- stats::setNames(list(column, alive$columns$cluster), c(role, "cluster"))
  x <- panel_numbers(alive$table, columns, role, dead, alive$arg)[alive$row]
  if (positive) {
    bad <- alive$row[x <= 0]
    if (length(bad)) {
      abort("`", alive$arg, "$", column, "` (argument `", role, "`) has no logarithm in ", plural(length(bad), "row"),
        ", where it is not positive: ", quote_rows(bad), ". Drop those firms, or repair the value.",
        class = "log"
      )
    }
  }
  x
}

olley_pakes <- function(data, columns, conf.level, groups, base, min_firms) {
  alive <- alive_rows(data, columns, c("performance", "weight", "cluster"))
  check_firm_rows(alive)
  q <- alive_numbers(alive, alive$columns$performance, "performance")
  w <- alive_numbers(alive, alive$columns$weight, "weight")
  key <- (alive$period - 1L) * length(alive$cluster) + alive$place
  units <- sort(unique(key))
  unit <- match(key, units)
  at <- data.frame(
    cluster = alive$cluster[(units - 1) %% length(alive$cluster) + 1],
    time = alive$time[(units - 1) %/% length(alive$cluster) + 1]
  )
  found <- level_terms(q, w, unit, length(units))
  terms <- olley_pakes_tables(found, at, conf.level)
  result <- list(level = terms$level, totals = terms$totals)
  if (!is.null(groups)) {
    result$covariance <- covariance_groups(alive, q, w, unit, at, groups, base)
  }
  explained <- drop(rowsum(result$level$estimate, rep(seq_along(units), each = 2)))
  result$residual <- data.frame(table = "level", at, residual = terms$totals$value - explained)
  result$notes <- terms$notes
  result$additive <- character()
  result$reference <- c(
    "reference: the plain mean of each cluster's firms in the period",
    paste0("performance: ", alive$columns$performance, "; weights: ", alive$columns$weight)
  )
  disclose(result, min_firms, list(
    level = list(by = "time", cell = "cluster"), totals = list(by = "time", cell = "cluster"),
    covariance = list(by = c("cluster", "time"), cell = "group")
  ))
}

# A firm is one row a period; without a period, one row
check_firm_rows <- function(alive) {
  if (is.null(alive$columns$firm)) {
    return(invisible())
  }
  check_no_na(alive$table[[alive$columns$firm]], paste0(alive$arg, "$", alive$columns$firm))
  firm <- code_ids(alive$table[[alive$columns$firm]][alive$row])
  timed <- !is.null(alive$columns$time)
  check_unique(
    combine_codes(list(firm$code, alive$period), c(length(firm$levels), length(alive$time))),
    function(row) {
      paste0(firm$levels[firm$code[row]], if (timed) paste(" in", id_text(alive$time[alive$period[row]])))
    },
    alive$arg, if (timed) "a firm and period" else "a firm",
    if (timed) "Keep one row each." else "Name the column of periods, time =, or keep one row each."
  )
}

# Weighted and plain mean of each unit with their errors: influences are w (q - value) / W and (q - plain) / n
level_terms <- function(q, w, unit, n) {
  sum_of <- function(x) drop(class_sums(cbind(x), unit, n))
  firms <- sum_of(rep(1, length(q)))
  total <- sum_of(w)
  value <- sum_of(w * q) / total
  plain <- sum_of(q) / firms
  of_value <- w * (q - value[unit]) / total[unit]
  of_plain <- (q - plain[unit]) / firms[unit]
  error <- function(x, worth = NULL, scale = 0) {
    squares <- sum_of(x^2)
    # what is left of terms that cancel is no error
    squares[squares < 1e-28 * scale] <- 0
    error_of_few(cbind(squares, 0), list(own = 0 * firms, rest = firms, rest_worth = worth))
  }
  worth <- total^2 / sum_of(w^2)
  worth[!is.finite(worth)] <- Inf
  scale <- sum_of(of_value^2) + sum_of(of_plain^2)
  value[!is.finite(value)] <- NA_real_
  list(
    firms = firms, value = value, plain = plain, of_plain = error(of_plain), of_covariance = error(of_value - of_plain, worth, scale),
    of_value = error(of_value, worth)
  )
}

olley_pakes_tables <- function(found, at, conf.level) {
  rows <- function(component, estimate, error) {
    error$error[is.na(estimate)] <- NA_real_
    reach <- interval_reach(error$error, error$df, conf.level)
    data.frame(at,
      component = component, estimate = estimate, std.error = error$error, conf.low = estimate - reach,
      conf.high = estimate + reach, df = error$df, firms = found$firms
    )
  }
  level <- rbind(
    rows("mean", found$plain, found$of_plain), rows("covariance", found$value - found$plain, found$of_covariance)
  )
  value <- rows("value", found$value, found$of_value)
  totals <- data.frame(at, firms = found$firms, value = found$value, value[c("std.error", "conf.low", "conf.high")])
  why <- ifelse(is.na(found$value), "the weights of its firms sum to 0: no weighted mean",
    ifelse(found$firms == 1, "one firm: no standard error", NA)
  )
  list(
    level = plain_rows(level[order(rep(seq_along(found$firms), 2)), ]), totals = totals,
    notes = plain_rows(data.frame(at, note = why)[!is.na(why), ])
  )
}

# Olley and Pakes' covariance by groups of firms, measured from one of them
covariance_groups <- function(alive, q, w, unit, at, groups, base) {
  check_column(alive$table, groups, "groups", alive$arg)
  code <- ordered_codes(alive$table[[groups]][alive$row])
  if (anyNA(code$code)) {
    bad <- alive$row[is.na(code$code)]
    abort("`", alive$arg, "$", groups, "` (argument `groups`) is missing in ", plural(length(bad), "row"), ": ",
      quote_rows(bad), ". Fill it in.",
      class = "missing"
    )
  }
  levels <- id_text(code$values)
  base <- if (is.null(base)) 1L else match(id_text(base), levels)
  if (length(base) != 1 || is.na(base)) {
    abort("`base` must be one of the groups ", quote_names(levels, 8), ".", class = "argument")
  }
  n <- nrow(at)
  G <- length(levels)
  sums <- class_sums(cbind(1, w, w * q, q), (code$code - 1L) * n + unit, n * G)
  part <- function(j) matrix(sums[, j], n, G)
  count <- part(1)
  weight <- part(2)
  share <- weight / rowSums(weight)
  mean <- part(3) / weight
  plain <- part(4) / count
  gap <- share * (mean - mean[, base]) - count / rowSums(count) * (plain - plain[, base])
  # nobody in a group: nothing of the covariance; nobody in the base: no measure
  gap[count == 0] <- 0
  gap[, base] <- mean[, base] - plain[, base]
  gap[count[, base] == 0, ] <- NA_real_
  gap[!is.finite(gap)] <- NA_real_
  each <- rep(seq_len(n), G)
  table <- data.frame(at[each, ],
    group = rep(levels, each = n), firms = as.vector(count),
    share = as.vector(share), estimate = as.vector(gap)
  )
  plain_rows(table[order(each), ])
}

# Petrin and Levinsohn -------------------------------------------------------------------------------

petrin_levinsohn <- function(data, columns, output, inputs, costs, elasticities, conf.level, min_firms) {
  columns[c("performance", "weight")] <- list(NULL)
  alive <- alive_rows(data, columns, c("firm", "cluster", "time"))
  check_inputs(output, inputs, costs, elasticities, alive)
  firm <- code_ids(alive$table[[alive$columns$firm]][alive$row])
  check_unique(
    combine_codes(list(firm$code, alive$period), c(length(firm$levels), length(alive$time))),
    function(row) paste(firm$levels[firm$code[row]], "in", id_text(alive$time[alive$period[row]])), alive$arg,
    "a firm and period", "Keep one row each."
  )
  value <- alive_numbers(alive, output, "output", positive = TRUE)
  quantity <- vapply(inputs, function(column) alive_numbers(alive, column, "inputs", positive = TRUE), value)
  cost <- vapply(costs[names(inputs)], function(column) alive_numbers(alive, column, "costs"), value)
  elasticity <- input_elasticities(alive, elasticities, names(inputs), length(value))
  if (length(alive$time) < 2) {
    abort("`", alive$arg, "$", alive$columns$time, "` has one period only: growth needs two.", class = "one_period")
  }
  parts <- lapply(seq_len(length(alive$time) - 1L), function(t) {
    growth_pair(
      alive, t, value, matrix(quantity, length(value)), matrix(cost, length(value)), elasticity, names(inputs),
      conf.level
    )
  })
  table <- function(name) plain_rows(do.call(rbind, lapply(parts, `[[`, name)))
  growth <- table("growth")
  totals <- table("totals")
  label <- function(x) paste(x$cluster, x$start, x$end, sep = "\r")
  explained <- rowsum(growth$estimate, label(growth))
  result <- list(
    growth = growth, totals = totals, entry = table("entry"),
    residual = data.frame(
      table = "growth", totals[c("cluster", "start", "end")],
      residual = totals$change - explained[match(label(totals), rownames(explained)), 1]
    ),
    reference = c(
      "reference: the firm's own cost shares; a firm counts by its mean share in the value added of all clusters",
      paste0(
        "output: ", output, "; inputs: ", paste0(names(inputs), " = ", inputs, collapse = ", "),
        "; firms that move: rows with no cluster"
      )
    )
  )
  span <- list(by = c("start", "end"), cell = "cluster")
  disclose(result, min_firms, list(
    growth = span, totals = span, entry = list(by = c("start", "end", "component"), cell = "cluster")
  ))
}

check_inputs <- function(output, inputs, costs, elasticities, alive) {
  if (!is.character(output) || length(output) != 1) {
    abort("`output` is needed: the name of the column with value added.", class = "columns")
  }
  if (!is.character(inputs) || !length(inputs) || is.null(names(inputs)) || any(!nzchar(names(inputs)))) {
    abort("`inputs` must name the inputs and their columns, as c(labour = \"jobs\").", class = "argument")
  }
  for (name in c("costs", "elasticities")) {
    lacking <- setdiff(names(inputs), names(get(name)))
    if (length(lacking)) {
      abort("`", name, "` lacks ", quote_names(lacking), ": each input needs one, with its name.", class = "argument")
    }
  }
}

# Elasticities as a matrix row x input
input_elasticities <- function(alive, elasticities, names, n) {
  if (is.character(elasticities)) {
    columns <- lapply(elasticities[names], function(column) alive_numbers(alive, column, "elasticities"))
    return(matrix(unlist(columns), n))
  }
  if (!is.numeric(elasticities) || !all(is.finite(elasticities[names]))) {
    abort("`elasticities` must be finite numbers, or names of columns of numbers.", class = "argument")
  }
  matrix(rep(elasticities[names], each = n), n)
}

# One pair of periods: terms of the firms seen in both, by place; movers apart
growth_pair <- function(alive, t, value, quantity, cost, elasticity, names, conf.level) {
  firms <- paired_firms(alive, t, value)
  a <- firms$a
  b <- firms$b
  s <- (cost[a, , drop = FALSE] / value[a] + cost[b, , drop = FALSE] / value[b]) / 2
  eps <- (elasticity[a, , drop = FALSE] + elasticity[b, , drop = FALSE]) / 2
  dx <- log(quantity[b, , drop = FALSE] / quantity[a, , drop = FALSE])
  dy <- log(value[b] / value[a])
  spent <- rowSums(s * dx)
  # growth of each firm: efficiency, reallocation of each input, output, input, their difference
  found <- domar_sums(cbind(dy - rowSums(eps * dx), (eps - s) * dx, dy, spent, dy - spent), firms)
  K <- length(names)
  present <- firms$present
  labels <- data.frame(
    cluster = c(alive$cluster, NA)[present], start = rep(alive$time[t], length(present)),
    end = rep(alive$time[t + 1L], length(present))
  )
  each <- rep(seq_along(present), each = K + 1L)
  parts <- function(x) as.vector(t(x[, seq_len(K + 1L), drop = FALSE]))
  growth <- data.frame(labels[each, ],
    component = rep(c("efficiency", rep("reallocation", K)), length(present)),
    partner = rep(c(NA, names), length(present)),
    with_interval(parts(found$sum), parts(found$error), conf.level, found$firms[each])
  )
  change <- with_interval(found$sum[, K + 4L], found$error[, K + 4L], conf.level, found$firms)
  names(change)[1] <- "change"
  totals <- data.frame(labels, output_growth = found$sum[, K + 2L], input_growth = found$sum[, K + 3L], change)
  list(growth = growth, totals = totals, entry = unpaired_output(alive, t, firms, value, conf.level))
}

# Firms of two periods: rows a and b of those seen in both, their places (movers apart), shares s0 and s1 in all value
# added, sums of their squares over all firms, rows of those seen once
paired_firms <- function(alive, t, value) {
  id <- alive$table[[alive$columns$firm]][alive$row]
  first <- which(alive$period == t)
  second <- which(alive$period == t + 1L)
  twin <- match(id[first], id[second])
  a <- first[!is.na(twin)]
  b <- second[twin[!is.na(twin)]]
  place <- ifelse(alive$place[a] == alive$place[b], alive$place[a], length(alive$cluster) + 1L)
  present <- sort(unique(place))
  share <- list(value[first] / sum(value[first]), value[second] / sum(value[second]))
  s0 <- value[a] / sum(value[first])
  s1 <- value[b] / sum(value[second])
  list(
    a = a, b = b, unit = match(place, present), present = present, s0 = s0, s1 = s1,
    squares = c(sum(share[[1]]^2), sum(s0 * s1), sum(share[[2]]^2)), born = setdiff(second, b),
    died = setdiff(first, a), n = length(unique(id))
  )
}

# Sums over the firms of a place of (s0 + s1) / 2 times growth, with errors
#
# A share moves with the value added of all firms, so that firm j adds s0_j g_j / 2 if it is one of the place, less
# (s0_j A0 + s1_j A1) / 2 wherever it is, A the sums of s0 g and s1 g.
domar_sums <- function(g, firms) {
  n <- length(firms$present)
  sum_of <- function(x) class_sums(x, firms$unit, n)
  A0 <- sum_of(firms$s0 * g)
  A1 <- sum_of(firms$s1 * g)
  own <- (firms$s0 + firms$s1) / 2 * g
  everywhere <- A0^2 * firms$squares[1] + 2 * A0 * A1 * firms$squares[2] + A1^2 * firms$squares[3]
  squares <- sum_of(own^2) - A0 * sum_of(own * firms$s0) - A1 * sum_of(own * firms$s1) + everywhere / 4
  list(sum = (A0 + A1) / 2, error = sqrt(pmax(squares, 0)), firms = tabulate(firms$unit, n))
}

# Errors of sums over `firms` firms with their intervals; a sum over those drawn (`counted`) as it is
with_interval <- function(estimate, std.error, conf.level, firms, counted = FALSE) {
  rest <- if (counted) rep(Inf, length(estimate)) else firms
  found <- error_of_few(cbind(std.error^2, 0), list(own = 0 * estimate, rest = rest))
  reach <- interval_reach(found$error, found$df, conf.level)
  data.frame(
    estimate = estimate, std.error = found$error, conf.low = estimate - reach, conf.high = estimate + reach,
    df = found$df, firms = firms
  )
}

# Value added of firms seen at one end only
unpaired_output <- function(alive, t, firms, value, conf.level) {
  n <- length(alive$cluster)
  by_place <- function(f) {
    c(
      class_sums(cbind(f(value[firms$born])), alive$place[firms$born], n),
      class_sums(cbind(f(value[firms$died])), alive$place[firms$died], n)
    )
  }
  sums <- by_place(identity)
  # a sum over firms varies with who is drawn: influences are taken from their mean
  error <- sqrt(pmax(by_place(function(x) x^2) - sums^2 / firms$n, 0))
  table <- data.frame(
    cluster = rep(alive$cluster, 2), start = alive$time[t], end = alive$time[t + 1L],
    component = rep(c("birth", "death"), each = n),
    with_interval(rep(c(1, -1), each = n) * sums, error, conf.level, by_place(function(x) x > 0), counted = TRUE)
  )
  table[table$estimate != 0, , drop = FALSE]
}
