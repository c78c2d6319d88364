# Constant market share: the change of what a cluster sells split into what its markets did and what it did.

#' @title Constant-market-share decomposition of sales
#' @description
#' Splits the change of a cluster's sales (exports), or of its share of the market, into the growth of demand, the
#' mix of commodities and of markets it sells to, and its competitiveness.
#'
#' @details
#' For commodity i and market j let \eqn{X_{ij}} be the sales of the cluster, \eqn{M_{ij}} the size of the market,
#' \eqn{a_{ij}=X_{ij}/M_{ij}} the share, \eqn{b_{ij}=M_{ij}/M_j}, \eqn{c_j=M_j/M}, and \eqn{G} growth rates of
#' markets. Each method is an identity:
#' \describe{
#' \item{`leamer_stern`}{of the change of sales: `growth` \eqn{GX_0}, `commodity` \eqn{\sum_i(G_i-G)X_{i0}}, `market`
#'   \eqn{\sum_{ij}(G_{ij}-G_i)X_{ij0}}, `competitiveness` \eqn{\sum_{ij}X_{ij1}-(1+G_{ij})X_{ij0}}. Commodity and
#'   market depend on which comes first; see `order`.}
#' \item{`fagerberg_sollie`}{of the change of the market share \eqn{\mu=\sum_jc_j\mu_j}, \eqn{\mu_j=\sum_ia_{ij}b_{ij}}:
#'   `share` \eqn{\sum_jc_{j0}\sum_i\Delta a\,b_0}, `commodity` \eqn{\sum_jc_{j0}\sum_ia_0\Delta b}, `market`
#'   \eqn{\sum_j\mu_{j0}\Delta c_j}, `commodity_adaptation` \eqn{\sum_jc_{j0}\sum_i\Delta a\,\Delta b},
#'   `market_adaptation` \eqn{\sum_j\Delta\mu_j\Delta c_j}.}
#' \item{`bennet`}{of the change of sales: `structure` \eqn{\sum\bar a\,\Delta M}, `competitiveness`
#'   \eqn{\sum\bar M\,\Delta a}; no base period is preferred.}
#' \item{`log_mean`}{of the change of sales, with \eqn{L(x_1,x_0)=(x_1-x_0)/\ln(x_1/x_0)}: `growth`
#'   \eqn{\sum L\ln(M_1/M_0)}, `structure` \eqn{\sum L\ln(s_1/s_0)} with \eqn{s_{ij}=M_{ij}/M}, `share`
#'   \eqn{\sum L\ln(a_1/a_0)}. Where sales are 0 at one end, the limit is used: the whole change belongs to the
#'   factor that is 0 there, the market when it did not exist, else the share.}
#' }
#' Every term is given by commodity and market and by margin: `entry` and `exit` are pairs of commodity and market
#' that were 0 at the start or at the end (the extensive margin), all others are `intensive`.
#' Where a market does not exist at one end its share there is not defined; it is taken as that of the other end, so
#' that nothing of the change is put down to it. A commodity, or a market, that is new as a whole is in the term of
#' that name.
#'
#' What the numbers do not say: competitiveness is what the sizes of markets leave over; price, quality, subsidies
#' and shortage of capacity all end in it. It depends on how fine commodities and markets are.
#'
#' @param data A data frame with a row for each commodity, market and time (and exporter). Rows of a cell are added
#'   up; a cell without a row is 0.
#' @param commodity,market,time Names of columns of `data`. `commodity` or `market` may be `NULL`: one of all.
#' @param sales Name of the column of the cluster's sales, not negative.
#' @param size Name of the column of the size of the market, all sellers together, in the unit of `sales`; `NULL`
#'   when `data` has the sales of all sellers, whose sum it is. With `exporter`, the size of a market must be the
#'   same for all exporters or given with one of them.
#'   The same size on several rows of a cell is taken once, with a warning; sizes that differ there are added up.
#' @param exporter Name of the column of exporters (clusters), each of which is decomposed; `NULL` for one.
#' @param method One of the four methods.
#' @param order For `leamer_stern`: whether `commodity` or `market` is taken out first, or the `average` of both.
#' @param chain `TRUE` sums the decompositions of consecutive times instead of comparing the first with the last.
#' @param firm For `min_firms`: name of the column that says which firm a row is of; by default each row is a firm.
#' @param min_firms `NULL`, or the smallest number of firms that may be shown: exporters, and their sales of a commodity
#'   in a market, of fewer firms at either end are blank, and so is the next smallest where one alone could be had
#'   from a total. `components` and `totals` then have the column `firms`, of the end with fewer.
#' @return An object of class `decompose_share` and `decomposition`: a list of data frames
#' * `effects`: exporter, start, end, component, estimate, percent (of the change): sums over commodities and markets;
#' * `components`: exporter, commodity, market, margin, start, end, component, estimate;
#' * `totals`: exporter, start, end, value_start, value_end (sales, or the share for `fagerberg_sollie`), change;
#' * `steps` (with `chain`): `effects` for each pair of consecutive times;
#'
#' and `residual` (exporter, start, end, residual: what the effects leave of the change), `notes` (note), `method`,
#' `reference` (text) and `call`.
#' @section Errors: Missing or negative values, fewer than two times, sales in a market of size 0, a market whose
#'   size differs between exporters, markets that are all empty at one time. Sales above the size of their market
#'   are a warning.
#' @references
#' Leamer, E. E. and Stern, R. M. (1970) *Quantitative International Economics*. Allyn and Bacon. ISBN 0202309487.
#'
#' Fagerberg, J. and Sollie, G. (1987) The method of constant market shares analysis reconsidered. *Applied
#' Economics* 19, 1571-1583, \doi{10.1080/00036848700000084}.
#'
#' Milana, C. (1988) Constant-market-shares analysis and index number theory. *European Journal of Political
#' Economy* 4, 453-478, \doi{10.1016/0176-2680(88)90011-0}.
#' @seealso [decompose_growth()] for shift-share, [decompose_cluster()], [print.decomposition()].
#' @examples
#' lamps <- data.frame(
#'   item = rep(c("ceiling", "table"), each = 2, times = 2), market = rep(c("north", "south"), 4),
#'   year = rep(c(1997, 2003), each = 4),
#'   sold = c(20, 30, 30, 45, 36, 21, 33, 104), demand = c(100, 200, 300, 150, 150, 210, 330, 260)
#' )
#' decompose_share(lamps, "item", "market", "year", "sold", "demand")
#' exact <- decompose_share(lamps, "item", "market", "year", "sold", "demand",
#'   method = "fagerberg_sollie")
#' exact$effects
#' @export
decompose_share <- function(data, commodity, market, time, sales, size = NULL, exporter = NULL,
                            method = c("leamer_stern", "fagerberg_sollie", "bennet", "log_mean"),
                            order = c("commodity", "market", "average"), chain = FALSE, firm = NULL,
                            min_firms = NULL) {
  call <- match.call()
  min_firms <- check_min_firms(min_firms)
  method <- check_choice(method, "method")
  order <- check_choice(order, "order")
  check_flag(chain, "chain")
  panel <- share_panel(plain_table(data, "data"), commodity, market, time, sales, size, exporter)
  last <- length(panel$time)
  pairs <- if (chain) cbind(seq_len(last - 1L), seq_len(last)[-1]) else cbind(1L, last)
  steps <- lapply(seq_len(nrow(pairs)), function(k) {
    share_step(panel, pairs[k, 1], pairs[k, 2], method, order)
  })
  tables <- share_tables(panel, steps, pairs, method)
  result <- c(tables, list(
    method = method, reference = share_reference(method, order, size), notes = note_table(share_notes(steps, method)),
    call = call
  ))
  if (!is.null(min_firms)) {
    result <- small_shares(result, share_firms(data, exporter, commodity, market, time, sales, firm, panel), min_firms)
  }
  structure(result, class = c("decompose_share", "decomposition"))
}

# Firms with sales at the first and the last time: a row for each exporter, commodity and market with any
share_firms <- function(data, exporter, commodity, market, time, sales, firm, panel) {
  if (!is.null(firm)) {
    check_column(data, firm, "firm", "data")
  }
  data <- plain_table(data, "data")
  sold <- data[[sales]] > 0
  rows <- data.frame(
    exporter = if (is.null(exporter)) "all" else as.character(data[[exporter]]), commodity = as.character(data[[commodity]]),
    market = as.character(data[[market]]), time = data[[time]],
    firm = if (is.null(firm)) seq_len(nrow(data)) else as.character(data[[firm]])
  )
  rows <- unique(rows[sold & rows$time %in% panel$time[c(1L, length(panel$time))], ])
  list(cells = fewest_firms(rows, c("exporter", "commodity", "market")), exporters = fewest_firms(rows, "exporter"))
}

# Numbers of firms at the end that has fewer, of those that have any: a firm counts once for a combination of columns
fewest_firms <- function(rows, columns) {
  rows <- unique(rows[c(columns, "time", "firm")])
  count <- stats::aggregate(list(firms = rows$firm), rows[c(columns, "time")], length)
  stats::aggregate(count["firms"], count[columns], min)
}

small_shares <- function(result, firms, min_firms) {
  of <- function(table, count) {
    columns <- setdiff(names(count), "firms")
    found <- count$firms[match(do.call(paste, c(table[columns], sep = "\r")), do.call(paste, c(count[columns], sep = "\r")))]
    ifelse(is.na(found), 0, found)
  }
  result$totals$firms <- of(result$totals, firms$exporters)
  few <- result$totals$exporter[cells_to_blank(result$totals$firms, rep(1L, nrow(result$totals)), min_firms)]
  for (name in intersect(c("totals", "effects", "steps", "residual"), names(result))) {
    table <- result[[name]]
    result[[name]] <- blank_rows(table, table$exporter %in% few, c("exporter", "component"))
  }
  keys <- c("exporter", "commodity", "market")
  cell <- row_codes(result$components, keys)
  first <- !duplicated(cell)
  count <- of(result$components, firms$cells)
  blank <- cells_to_blank(count[first], row_codes(result$components[first, ], "exporter"), min_firms)
  result$components$firms <- count
  rows <- blank[cell] | result$components$exporter %in% few
  result$components <- blank_rows(result$components, rows, c(keys, "component", "margin"))
  told_disclosure(result, min_firms)
}

# Sales (exporter x commodity x market x time) and sizes of markets (commodity x market x time)
share_panel <- function(data, commodity, market, time, sales, size, exporter) {
  keys <- list(exporter = exporter, commodity = commodity, market = market, time = time)
  codes <- lapply(names(keys), function(arg) {
    if (is.null(keys[[arg]])) {
      return(list(levels = "all", code = rep(1L, nrow(data))))
    }
    check_column(data, keys[[arg]], arg, "data")
    check_key(data[[keys[[arg]]]], paste0("data$", keys[[arg]]))
    if (arg == "time") code_times(data[[keys[[arg]]]]) else code_ids(data[[keys[[arg]]]])
  })
  names(codes) <- names(keys)
  if (length(codes$time$values) < 2) {
    abort("`data$", time, "` has ", plural(length(codes$time$values), "time"),
      ": a change needs at least two.",
      class = "time"
    )
  }
  panel <- lapply(codes[1:3], `[[`, "levels")
  panel$time <- codes$time$values
  dims <- lengths(panel[c("exporter", "commodity", "market", "time")], use.names = FALSE)
  at <- lapply(codes, `[[`, "code")
  panel$sales <- sum_cells(check_size(data, sales, "sales"), at, dims)
  panel$size <- if (is.null(size)) colSums(panel$sales) else market_sizes(data, size, at, dims, panel)
  check_markets(panel)
}

# Size of each market: the sum of its rows, or what every exporter says it is
market_sizes <- function(data, size, at, dims, panel) {
  by_exporter <- sizes_of_cells(check_size(data, size, "size"), at, dims, paste0("data$", size))
  largest <- apply(by_exporter, 2:4, max)
  if (dims[1] == 1) {
    return(largest)
  }
  differs <- which(by_exporter != rep(largest, each = dims[1]) & by_exporter != 0, arr.ind = TRUE)
  if (nrow(differs) > 0L) {
    abort("`data$", size, "` gives the market ", quote_names(panel$market[differs[1, 3]]), " of ",
      quote_names(panel$commodity[differs[1, 2]]), " at ", format(panel$time[differs[1, 4]]),
      " different sizes with different exporters. The size of a market is that of all sellers together.",
      class = "size"
    )
  }
  largest
}

# Sizes of cells. One that stands on several rows of a cell is the size of the market said again, not a part of it;
# sizes that differ are parts.
sizes_of_cells <- function(value, at, dims, label) {
  cell <- combine_codes(unname(at), dims)
  some <- value > 0
  if (anyDuplicated(cell[some]) == 0L) {
    return(sum_cells(value, at, dims))
  }
  first <- match(cell[some], cell[some])
  repeated <- rowsum(as.integer(value[some] == value[some][first]), first, reorder = FALSE)[, 1L]
  rows <- tabulate(first)[unique(first)]
  again <- rows > 1L & repeated == rows
  parts <- rows > 1L & !again
  if (any(again)) {
    warn("`", label, "` stands with the same value on several rows of ", plural(sum(again), "cell"), ": taken once, as ",
      "the size of the market. Give it on one row of each cell.",
      class = "size"
    )
    more <- seq_along(first) != first & first %in% unique(first)[again]
    value[which(some)[more]] <- 0
  }
  if (any(parts)) {
    inform("`", label, "` has different values on the rows of ", plural(sum(parts), "cell"), ": added up, as sizes of parts ",
      "of the market.",
      class = "size"
    )
  }
  sum_cells(value, at, dims)
}

# Stop or warn when sales do not fit the sizes of markets
check_markets <- function(panel) {
  size <- rep(panel$size, each = length(panel$exporter))
  where <- function(found) {
    cell <- arrayInd(found[1], dim(panel$sales))
    paste0(
      "for example `", panel$exporter[cell[1]], "` sells `", panel$commodity[cell[2]], "` to `",
      panel$market[cell[3]], "` at ", format(panel$time[cell[4]])
    )
  }
  nowhere <- which(panel$sales > 0 & size == 0)
  if (length(nowhere)) {
    abort("There are sales in ", plural(length(nowhere), "market"), " of size 0: ", where(nowhere),
      ". Fill in the size of the market, or drop the rows.",
      class = "size"
    )
  }
  above <- which(panel$sales > size * (1 + 1e-9))
  if (length(above)) {
    warn("Sales are above the size of the market in ", plural(length(above), "cell"), ": ", where(above),
      ". Shares above 1 add up all the same.",
      class = "size"
    )
  }
  empty <- which(apply(panel$size, 3, sum) == 0)
  if (length(empty)) {
    abort("All markets are empty at ", quote_names(panel$time[empty]), ": shares are not defined.", class = "size")
  }
  panel
}

# Terms of one pair of times: named list of arrays exporter x commodity x market, and the margin of each cell
share_step <- function(panel, from, to, method, order) {
  dims <- dim(panel$sales)[1:3]
  spread <- function(x) array(rep(x, each = dims[1]), dims)
  at <- function(when) {
    list(
      x = array(panel$sales[, , , when], dims),
      m = array(panel$size[, , when], dims[2:3])
    )
  }
  start <- at(from)
  end <- at(to)
  step <- list(
    x0 = start$x, x1 = end$x, m0 = spread(start$m), m1 = spread(end$m),
    size0 = start$m, size1 = end$m, spread = spread
  )
  step$a0 <- share_of(step$x0, step$m0, step$x1, step$m1)
  step$a1 <- share_of(step$x1, step$m1, step$x0, step$m0)
  terms <- switch(method,
    leamer_stern = leamer_stern(step, order),
    fagerberg_sollie = fagerberg_sollie(step),
    bennet = list(
      structure = (step$a0 + step$a1) / 2 * (step$m1 - step$m0),
      competitiveness = (step$m0 + step$m1) / 2 * (step$a1 - step$a0)
    ),
    log_mean = log_mean_terms(step)
  )
  margin <- ifelse(step$x0 == 0 & step$x1 > 0, "entry", ifelse(step$x0 > 0 & step$x1 == 0, "exit", "intensive"))
  list(terms = terms, margin = margin, limits = sum(margin != "intensive"))
}

# Share of a market; of a market that does not exist, the share at the other end
share_of <- function(x, m, other_x, other_m) {
  share <- x / m
  none <- m == 0
  share[none] <- (other_x / other_m)[none]
  share[none & other_m == 0] <- 0
  share
}

# Growth of a market of size 0 at the start does not matter: nothing was sold there
market_growth <- function(after, before) ifelse(before > 0, after / before - 1, 0)

leamer_stern <- function(step, order) {
  dims <- dim(step$size0)
  all <- sum(step$size1) / sum(step$size0) - 1
  before <- list(row = rowSums(step$size0), column = colSums(step$size0))
  by_row <- market_growth(rowSums(step$size1), before$row)
  by_column <- market_growth(colSums(step$size1), before$column)
  commodity <- step$spread(matrix(by_row, dims[1], dims[2]))
  market <- step$spread(matrix(by_column, dims[1], dims[2], byrow = TRUE))
  # sales at the share of the start: (1 + G) X_0, or in a market that is new what the share of the end makes of it
  kept <- step$a0 * step$m1
  gain <- kept - step$x0
  first <- list(commodity = (commodity - all) * step$x0, market = gain - commodity * step$x0)
  second <- list(commodity = gain - market * step$x0, market = (market - all) * step$x0)
  # a commodity or a market that is new as a whole is itself what has grown, whichever is taken out first
  new_row <- step$spread(matrix(before$row == 0, dims[1], dims[2]))
  new_column <- step$spread(matrix(before$column == 0, dims[1], dims[2], byrow = TRUE))
  first <- move_gain(first, new_row & !new_column, "market", "commodity")
  second <- move_gain(second, new_column & !new_row, "commodity", "market")
  mix <- switch(order,
    commodity = first,
    market = second,
    average = Map(function(a, b) (a + b) / 2, first, second)
  )
  c(list(growth = all * step$x0), mix, list(competitiveness = step$x1 - kept))
}

move_gain <- function(mix, cells, from, to) {
  mix[[to]][cells] <- mix[[to]][cells] + mix[[from]][cells]
  mix[[from]][cells] <- 0
  mix
}

fagerberg_sollie <- function(step) {
  weights <- function(size, other) {
    column <- colSums(size)
    weight <- size / rep(column, each = nrow(size))
    none <- column == 0
    # a market that does not exist has the mix of the other end, and weight 0
    weight[, none] <- (other / rep(colSums(other), each = nrow(other)))[, none]
    weight[!is.finite(weight)] <- 0
    list(b = step$spread(weight), c = step$spread(matrix(column / sum(size), nrow(size), ncol(size), byrow = TRUE)))
  }
  start <- weights(step$size0, step$size1)
  end <- weights(step$size1, step$size0)
  da <- step$a1 - step$a0
  db <- end$b - start$b
  dc <- end$c - start$c
  list(
    share = start$c * da * start$b, commodity = start$c * step$a0 * db, market = step$a0 * start$b * dc,
    commodity_adaptation = start$c * da * db, market_adaptation = (step$a1 * end$b - step$a0 * start$b) * dc
  )
}

log_mean_terms <- function(step) {
  total <- log(sum(step$size1) / sum(step$size0))
  weight <- log_mean(step$x1, step$x0)
  weighted <- function(after, before) ifelse(weight > 0, weight * log(after / before), 0)
  mix <- weighted(step$m1, step$m0) - weight * total
  share <- weighted(step$a1, step$a0)
  change <- step$x1 - step$x0
  extensive <- weight == 0
  no_market <- step$m0 == 0 | step$m1 == 0
  mix[extensive] <- (change * no_market)[extensive]
  share[extensive] <- (change * !no_market)[extensive]
  list(growth = weight * total, structure = mix, share = share)
}

# Logarithmic mean; 0 when either is 0, x when both are x
#
# Written with log1p of the relative difference, which keeps its digits when the two are close.
log_mean <- function(x1, x0) {
  small <- pmin(x1, x0)
  difference <- abs(x1 - x0)
  relative <- difference / small
  middle <- ifelse(relative > 0, difference / log1p(relative), small)
  middle[small == 0] <- 0
  middle
}

# Sums of the steps as tables
share_tables <- function(panel, steps, pairs, method) {
  last <- length(panel$time)
  span <- panel$time[c(1L, last)]
  tables <- lapply(steps, function(step) share_cells(panel, step, span))
  components <- if (length(tables) == 1) tables[[1]] else add_up_cells(do.call(rbind, tables))
  effects <- share_effects(panel, lapply(steps, `[[`, "terms"), span)
  value <- apply(panel$sales, c(1, 4), sum)
  if (method == "fagerberg_sollie") value <- value / rep(apply(panel$size, 3, sum), each = nrow(value))
  totals <- data.frame(
    exporter = panel$exporter, start = span[1], end = span[2], value_start = value[, 1],
    value_end = value[, last], change = value[, last] - value[, 1]
  )
  explained <- rowsum(effects$estimate, effects$exporter, reorder = FALSE)[, 1]
  effects$percent <- percent_of(effects$estimate, totals$change[match(effects$exporter, totals$exporter)], totals$value_start)
  result <- list(effects = effects, components = components, totals = totals)
  if (nrow(pairs) > 1) {
    result$steps <- do.call(rbind, lapply(seq_along(steps), function(k) {
      share_effects(panel, list(steps[[k]]$terms), panel$time[pairs[k, ]])
    }))
  }
  result$residual <- data.frame(
    exporter = panel$exporter, start = span[1], end = span[2],
    residual = unname(totals$change - explained[panel$exporter])
  )
  result
}

# Components by commodity and market; cells in which nothing was ever sold are left out
share_cells <- function(panel, step, span) {
  dims <- dim(step$margin)
  cells <- arrayInd(seq_len(prod(dims)), dims)
  sold <- Reduce(`|`, lapply(step$terms, function(term) as.vector(term) != 0)) |
    as.vector(apply(panel$sales, 1:3, sum)) > 0
  cells <- cells[sold, , drop = FALSE]
  n <- nrow(cells)
  index <- rep(seq_len(n), each = length(step$terms))
  data.frame(
    exporter = panel$exporter[cells[index, 1]], commodity = panel$commodity[cells[index, 2]],
    market = panel$market[cells[index, 3]], margin = as.vector(step$margin)[sold][index],
    start = rep(span[1], length(index)), end = rep(span[2], length(index)),
    component = rep(names(step$terms), n),
    estimate = as.vector(do.call(rbind, lapply(step$terms, function(term) as.vector(term)[sold])))
  )
}

# Sum rows of the same cell, margin and component
add_up_cells <- function(table) {
  keys <- lapply(table[c("exporter", "commodity", "market", "margin", "component")], code_ids)
  key <- combine_codes(lapply(keys, `[[`, "code"), vapply(keys, function(k) length(k$levels), 0L))
  sums <- rowsum(table$estimate, key, reorder = FALSE)
  table <- table[!duplicated(key), ]
  table$estimate <- as.vector(sums)
  row.names(table) <- NULL
  table
}

# Sums over commodities and markets of lists of terms
share_effects <- function(panel, terms, span) {
  sums <- Reduce(`+`, lapply(terms, function(step) {
    do.call(rbind, lapply(step, function(term) rowSums(term)))
  }))
  data.frame(
    exporter = rep(panel$exporter, each = nrow(sums)), start = span[1], end = span[2],
    component = rep(rownames(sums), ncol(sums)), estimate = as.vector(sums)
  )
}

share_reference <- function(method, order, size) {
  c(
    paste("reference: the market,", if (is.null(size)) {
      "the sum of all sellers of `data`"
    } else {
      paste0("given by `", size, "`")
    }),
    switch(method,
      leamer_stern = switch(order,
        commodity = "order: commodities are taken out before markets; weights: those of the start",
        market = "order: markets are taken out before commodities; weights: those of the start",
        average = "order: commodities and markets, average of both orders; weights: those of the start"
      ),
      fagerberg_sollie = "weights: those of the start; adaptation is the joint change",
      bennet = "weights: means of start and end",
      log_mean = "weights: logarithmic means of start and end"
    )
  )
}

share_notes <- function(steps, method) {
  limits <- sum(vapply(steps, `[[`, 0L, "limits"))
  if (method == "log_mean" && limits > 0) {
    paste0("In ", plural(limits, "cell"), " sales are 0 at one end: the limit of the logarithmic mean is used.")
  } else {
    character()
  }
}

#' @rdname print.decomposition
#' @export
print.decompose_share <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  print_reference(x)
  cat("  from ", as.character(x$totals$start[1]), " to ", as.character(x$totals$end[1]), "\n", sep = "")
  what <- if (x$method == "fagerberg_sollie") "share of the market" else "sales"
  print_component_lines(
    x$effects, "exporter", x$totals[c("exporter", "value_start", "value_end")],
    paste0(what, ": start + components = end:"), digits, n
  )
  print_residual(x)
  invisible(x)
}
