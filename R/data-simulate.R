# simulate_migration(): a panel of firms drawn from stated parameters.
#
# One pass of the year loop does, for all firms at once:
#   close  ->  choose a place  ->  produce at it  ->  found new firms
# The choice is drawn by the design and the kernel that fit_migration() uses, so the
# parameters mean the same in both.

#' Simulate firms that stay, move, close and are founded
#'
#' Draws a panel of firms over places and years from stated parameters. The
#' choice of place has the utility of [fit_migration()], term by term, and is
#' drawn by the same kernel; a fit of the same formula to the result estimates
#' `beta`. Everything it returns is invented.
#'
#' @section Order of events in a year:
#' A row of the result is a firm in a year. Its columns `size`, `age`, `capital`
#' and `tfp` are known at the start of the year and may act on the choice;
#' `productivity`, `jobs` and `output` are what the firm then does at the place it
#' chose. So `tfp` and `size` of the next row are `productivity` and `jobs` of this one.
#'
#' 1. *Closing.* Firm \eqn{i} closes with probability
#'    \eqn{1 / (1 + \exp(-e_0 - e_1\, \mathrm{tfp}_{it} - e_2 \log \mathrm{size}_{it}))};
#'    `to` and the outcomes of its row are `NA` and it has no row after it.
#' 2. *Choice.* The others choose place \eqn{j} with probability
#'    \eqn{\exp(x_{ijt}'\beta) / \sum_l \exp(x_{ilt}'\beta)}. `peers()` in the
#'    formula counts the firms at the places at the end of the year before: this is
#'    the chain effect.
#' 3. *Productivity.* \eqn{\mathrm{productivity}_{it} = m_{it} + d_{it}} in logs, with
#'    \eqn{d_{it} = \rho d_{i,t-1} + \varepsilon_{it}} and \eqn{m_{it}} the sum of the
#'    attributes of the place times `place` and of `gain` if the firm has ever moved.
#'    A move therefore shifts productivity in the year it is made.
#' 4. *Size.* \eqn{\log \mathrm{jobs}_{it}} is
#'    \eqn{\mu + \phi(\log \mathrm{size}_{it} - \mu) + \gamma\,\mathrm{productivity}_{it} + u_{it}},
#'    plus `size_gain` in the year of a move, rounded to whole jobs, at least 1.
#' 5. *Output.* \eqn{\mathrm{output}_{it} = A \exp(\mathrm{productivity}_{it})\,
#'    \mathrm{jobs}_{it}^{1-\alpha}\, \mathrm{capital}_{i}^{\alpha}}, in 1,000 yuan.
#' 6. *Births.* The number of firms founded at a place is Poisson with mean
#'    `births` times the firms there at the end of the year. Each comes out of a firm
#'    of that place and takes over its fixed attributes (kin group and the like). Its
#'    first row, and so its first choice, is the year after.
#'
#' @param firms number of firms at the start, or a data frame with a row per firm:
#'   `firm` (id), `place` (where it is at the start), and optionally `founded`
#'   (year; a firm enters the year after), `size` (jobs), `capital` (1,000 yuan), `tfp`
#'   (log deviation from the mean of the place). What is absent is drawn. Any other
#'   column is a fixed attribute, taken over by firms that come out of the firm.
#' @param places number of places, or a data frame with a row per place, or per
#'   place and year, with columns `place`, `year` (optional) and attributes. A
#'   number draws indices from 0 to 10 that change slowly over the years.
#' @param ties,network as in [migration_data()]. `ties = NULL` with drawn places
#'   draws coordinates and gives `distance` (km) between places. `network` may be a
#'   number: the mean number of links of a firm (before repeats are dropped), nine
#'   of ten within its group `kin` when it has one, the others at its place.
#' @param years consecutive years, e.g. `1992:2008`.
#' @param beta named numeric: the true parameters, named by the terms of the
#'   formula as [fit_migration()] names its coefficients, e.g.
#'   `c(stay = 4, "push(land_price)" = 0.1, "log(distance)" = -0.8)`.
#' @param formula one-sided formula. The default is the sum of the names of
#'   `beta`; give it when a name is not its term (`poly(x, 2)1`).
#' @param model [conditional()] or [nested()]; the dissimilarity parameters of the
#'   latter are then in `beta` too, named as its fit names them.
#' @param births yearly founding rate per firm, or the name of a column of
#'   `places` that holds it.
#' @param exit named numeric: `constant`, `tfp`, `size` (per log unit) of the
#'   closing logit; what is left out keeps its default.
#' @param performance list of parameters of steps 3 to 5; what is left out keeps its
#'   default: `persistence` \eqn{\rho} 0.85, `shock` sd of \eqn{\varepsilon} 0.2, `gain` 0.1,
#'   `place` named numeric (attributes of places, default none), `size_mean`
#'   \eqn{\mu} log(12), `size_persistence` \eqn{\phi} 0.95, `size_shock` sd of \eqn{u}
#'   0.3, `size_productivity` \eqn{\gamma} 0.1, `size_gain` 0.05, `capital_share`
#'   \eqn{\alpha} 0.3, `capital_median` 3,500 (1,000 yuan), `capital_sdlog` 1.9,
#'   `scale` \eqn{A} 10, `newborn` -0.1 (mean of \eqn{d} of a new firm).
#' @param stock name of a numeric column of `places` to which the number of firms
#'   at the place at the end of the year before is added, year by year, so that
#'   births, closings and moves act on later choices; `NULL` for none.
#' @param seed whole number; the result then depends on it only (Mersenne-Twister,
#'   inversion, rejection) and the state of the generator is left as it was. `NULL`
#'   draws on from the present state.
#' @return A `migration_data` with a row of `firms` per firm and year: `firm`,
#'   `year`, `from`, `to`, `founded`, `age` (years), the fixed attributes, `size`,
#'   `capital`, `tfp`, `productivity`, `jobs`, `output`. Attribute `truth` holds the true
#'   parameters (`formula`, `model`, `beta`, `births`, `exit`, `performance`, `stock`, `seed`;
#'   it prints), attribute `note` the sentence that the data are simulated.
#'   Errors: a parameter that no term has, a term without a parameter, unknown
#'   places, years with gaps, as well as those of [migration_data()].
#' @seealso [wenzhou_guzhen()], drawn by this function.
#' @source Chain effects of this form: Brock, W. A. and Durlauf, S. N. (2001),
#'   \doi{10.1111/1467-937X.00168}. Productivity with selection in moving: Baldwin, R. E.
#'   and Okubo, T. (2006), \doi{10.1093/jeg/lbi020}.
#' @examples
#' panel <- simulate_migration(firms = 300, places = 5, years = 2001:2004, seed = 1)
#' panel
#' attr(panel, "truth")
#' @export
simulate_migration <- function(firms = 500, places = 8, ties = NULL, network = NULL,
                               years = 1:8,
                               beta = c(
                                 stay = 1, "push(environment)" = -0.25,
                                 "pull(creativity)" = 0.25,
                                 "log(distance)" = -0.6, "peers(kin)" = 2,
                                 "keep(log(size))" = 0.2
                               ),
                               formula = NULL, model = conditional(), births = 0.04,
                               exit = NULL, performance = NULL, stock = NULL, seed = NULL) {
  check_simulation(years, beta)
  formula <- formula %||% formula_of_terms(names(beta), model)
  exit <- fill_defaults(exit, exit_defaults(), "exit")
  performance <- fill_defaults(performance, performance_defaults(), "performance")
  if (!is.null(seed)) {
    restore <- seed_generator(seed)
    on.exit(restore())
  }

  world <- simulation_world(places, ties, years, stock, births, performance)
  start <- simulation_firms(firms, world, performance)
  links <- simulation_network(network, start)
  choice <- list(formula = formula, model = model, beta = beta)
  panel <- run_years(start, links, world, choice, exit, performance)

  data <- migration_data(panel$firms, panel$places,
    ties = world$ties,
    network = panel$network, time = "year"
  )
  truth <- c(choice, list(
    births = births, exit = exit, performance = performance,
    stock = stock, seed = seed
  ))
  attr(data, "truth") <- structure(truth, class = "migration_truth")
  attr(data, "note") <- "SIMULATED by simulate_migration(): no firm in it exists."
  data
}

#' @export
print.migration_truth <- function(x, digits = 4, ...) {
  cat("True parameters of SIMULATED data\n")
  print(x$model)
  cat("choice of place: ", paste(format(x$formula), collapse = "\n  "), "\n", sep = "")
  print(data.frame(term = names(x$beta), value = unname(x$beta)),
    digits = digits,
    row.names = FALSE, right = FALSE
  )
  show_values("closing (logit)", x$exit, digits)
  show_values("performance", unlist(x$performance), digits)
  show_values("births per firm and year", x$births, digits)
  if (!is.null(x$stock)) cat("stock added to: ", x$stock, "\n", sep = "")
  if (!is.null(x$seed)) cat("seed: ", x$seed, "\n", sep = "")
  invisible(x)
}

# One wrapped line `label: name value, ...`
show_values <- function(label, values, digits) {
  text <- format(values, digits = digits, trim = TRUE)
  if (is.numeric(values)) text <- vapply(values, format, "", digits = digits)
  text <- trimws(paste(names(values), text))
  writeLines(strwrap(paste0(label, ": ", paste(text, collapse = ", ")), exdent = 2))
}

# Arguments ------------------------------------------------------------------

# Years must be consecutive, parameters named
check_simulation <- function(years, beta) {
  if (!is.numeric(years) || !length(years) || anyNA(years) || any(diff(years) != 1)) {
    abort("`years` must be consecutive whole years, such as 1992:2008.",
      class = "argument"
    )
  }
  if (!is.numeric(beta) || is.null(names(beta)) || !all(nzchar(names(beta))) ||
    anyDuplicated(names(beta)) || !all(is.finite(beta))) {
    abort("`beta` must be finite numbers, each with the name of its term, such as ",
      "c(stay = 4, \"log(distance)\" = -0.8).",
      class = "argument"
    )
  }
}

# `~ a + b` of the names of the parameters but lambda; without `stay`, `- stay`
formula_of_terms <- function(terms, model = conditional()) {
  terms <- terms[!own_parameters(model, terms)]
  shown <- c(setdiff(terms, "stay"), if (!"stay" %in% terms) "-stay")
  if (!length(shown)) shown <- "stay"
  text <- paste("~", gsub("+ -", "- ", paste(shown, collapse = " + "), fixed = TRUE))
  stats::as.formula(text, env = globalenv())
}

# Defaults of the closing logit: 2.5% a year at the mean
exit_defaults <- function() c(constant = -3.2, tfp = -0.8, size = -0.2)

# Defaults of the performance process; the help page of simulate_migration() lists them
performance_defaults <- function() {
  list(
    persistence = 0.85, shock = 0.2, gain = 0.1, place = numeric(),
    size_mean = log(12), size_persistence = 0.95, size_shock = 0.3,
    size_productivity = 0.1, size_gain = 0.05, capital_share = 0.3,
    capital_median = 3500, capital_sdlog = 1.9, scale = 10, newborn = -0.1
  )
}

# Places -----------------------------------------------------------------------

# What does not change with the firms: places by year, ties, rates, means of productivity
simulation_world <- function(places, ties, years, stock, births, performance) {
  if (is.numeric(places) && length(places) == 1) {
    drawn <- draw_places(places, years)
    if (is.null(ties)) ties <- draw_ties(drawn)
    places <- drawn
  }
  places <- places_by_year(as.data.frame(places), years)
  ids <- unique(as.character(places$place))
  rows <- matrix(seq_len(nrow(places)), length(ids))
  list(
    places = places, ids = ids, rows = rows, years = years, ties = ties,
    stock = place_column(places, stock, "stock"),
    births = matrix(birth_rates(places, births), length(ids)),
    mean = matrix(place_means(places, performance$place), length(ids))
  )
}

# J places on a square of 1,000 km, with indices that follow an AR(1) over the years
draw_places <- function(J, years) {
  names <- c(
    "land_price", "space", "technology", "environment", "creativity",
    "governance"
  )
  n <- length(years)
  paths <- vapply(names, function(name) {
    level <- matrix(stats::rnorm(J * n), J)
    for (t in seq_len(n)[-1]) level[, t] <- 0.9 * level[, t - 1] + 0.44 * level[, t]
    10 * as.vector(stats::pnorm(level))
  }, numeric(J * n))
  data.frame(
    place = rep(paste0("P", seq_len(J)), n), year = rep(years, each = J),
    x = rep(stats::runif(J, 0, 1000), n), y = rep(stats::runif(J, 0, 1000), n),
    matrix(paths, ncol = length(names), dimnames = list(NULL, names))
  )
}

# Distances of all ordered pairs of different places
draw_ties <- function(places) {
  at <- places[!duplicated(places$place), ]
  pair <- expand.grid(to = seq_len(nrow(at)), from = seq_len(nrow(at)))
  pair <- pair[pair$from != pair$to, ]
  data.frame(
    from = at$place[pair$from], to = at$place[pair$to],
    distance = sqrt((at$x[pair$from] - at$x[pair$to])^2 +
      (at$y[pair$from] - at$y[pair$to])^2)
  )
}

# The rows of `places`, one per place within year, in the order of `years`
places_by_year <- function(places, years) {
  if (is.null(places$place)) abort("`places` has no column `place`.", class = "argument")
  ids <- unique(as.character(places$place))
  J <- length(ids)
  if (is.null(places$year)) {
    at <- rep(match(ids, as.character(places$place)), length(years))
    places <- places[at, , drop = FALSE]
    places$year <- rep(years, each = J)
  } else {
    key <- (match(places$year, years) - 1) * J + match(as.character(places$place), ids)
    at <- match(seq_len(J * length(years)), key)
    if (anyNA(at)) {
      abort("`places` lacks ", plural(sum(is.na(at)), "row"), " of the ",
        J * length(years), " for ", plural(J, "place"), " in ",
        plural(length(years), "year"), ".",
        class = "keys"
      )
    }
    places <- places[at, , drop = FALSE]
  }
  rownames(places) <- NULL
  places
}

# Name of a numeric column of `places`, checked
place_column <- function(places, name, argument) {
  if (!is.null(name) && !is.numeric(places[[name]])) {
    abort("`", argument, "` is \"", name, "\", which is no numeric column of `places`.",
      class = "argument"
    )
  }
  name
}

# Founding rate of each row of `places`
birth_rates <- function(places, births) {
  if (is.character(births)) {
    return(places[[place_column(places, births, "births")]])
  }
  if (!is.numeric(births) || length(births) != 1 || !(births >= 0)) {
    abort("`births` must be one rate, 0 or more, or the name of a column of `places`.",
      class = "argument"
    )
  }
  rep(births, nrow(places))
}

# Mean log productivity of each row of `places`
place_means <- function(places, weights) {
  total <- numeric(nrow(places))
  for (name in names(weights)) {
    total <- total + weights[[name]] * places[[place_column(places, name, "performance$place")]]
  }
  total
}

# Firms ------------------------------------------------------------------------

# Names of the columns of a firm that the simulation itself keeps up
state_columns <- c(
  "firm", "place", "founded", "size", "capital", "tfp", "deviation",
  "moved"
)

# The firms at the start (and those given to be founded later), one row each
simulation_firms <- function(firms, world, performance) {
  if (is.numeric(firms) && length(firms) == 1) {
    size <- max(1, round(firms / 10))
    firms <- data.frame(
      firm = firm_ids(seq_len(firms)),
      place = world$ids[ceiling(stats::runif(firms) * length(world$ids))],
      kin = paste0("K", ceiling(stats::runif(firms) * size))
    )
  }
  firms <- as.data.frame(firms)
  n <- nrow(firms)
  at <- match(as.character(firms$place), world$ids)
  if (is.null(firms$firm) || anyDuplicated(firms$firm) || length(at) != n || anyNA(at)) {
    abort("`firms` must be a number, or a data frame whose `firm` is unique and whose ",
      "`place` is one of `places`.",
      class = "argument"
    )
  }
  firms$firm <- as.character(firms$firm)
  firms$place <- at
  firms$founded <- firms$founded %||%
    (world$years[1] - 1 - floor(stats::rexp(n, 1 / 6)))
  spread <- performance$shock / sqrt(1 - performance$persistence^2)
  firms$deviation <- firms$tfp %||% stats::rnorm(n, 0, spread)
  firms$tfp <- world$mean[cbind(at, rep(1, n))] + firms$deviation
  new_assets(firms, performance)
}

# Fills in size, capital and the mark `moved` where they are absent
new_assets <- function(firms, performance) {
  n <- nrow(firms)
  sd <- performance$size_shock / sqrt(1 - performance$size_persistence^2)
  size <- stats::rnorm(n)
  capital <- 0.6 * size + 0.8 * stats::rnorm(n)
  firms$size <- firms$size %||%
    pmax(1, round(exp(performance$size_mean + min(sd, 1.25) * size)))
  firms$capital <- firms$capital %||%
    (performance$capital_median * exp(performance$capital_sdlog * capital))
  firms$moved <- rep(FALSE, n)
  firms
}

# F00001, F00002, ...
firm_ids <- function(number) sprintf("F%05d", as.integer(number))

# Firms founded at the end of a year: each comes out of a firm at its place
found_firms <- function(stock, world, number, t, performance) {
  J <- length(world$ids)
  count <- stats::rpois(J, world$births[, t] * tabulate(stock$place, J))
  place <- rep(seq_len(J), count)
  parent <- random_member(place, stock$place, J)
  born <- stock[parent, , drop = FALSE]
  n <- nrow(born)
  born$firm <- firm_ids(number + seq_len(n))
  born$founded <- rep(world$years[t], n)
  spread <- performance$shock / sqrt(1 - performance$persistence^2)
  born$deviation <- performance$newborn + stats::rnorm(n, 0, spread)
  born$tfp <- world$mean[cbind(place, rep(t, n))] + born$deviation
  born$size <- pmax(1, round(stock$size[parent] * exp(stats::rnorm(n, -0.7, 0.6))))
  born$capital <- NULL
  born <- new_assets(born, performance)[names(stock)]
  list(born = born, parent = stock$firm[parent])
}

# For each element of `group` the number of a random member of that group (NA: it has none)
random_member <- function(group, member_group, n_groups) {
  sorted <- order(member_group)
  size <- tabulate(member_group, n_groups)
  before <- cumsum(size) - size
  pick <- before[group] + 1 + floor(stats::runif(length(group)) * size[group])
  pick[which(size[group] == 0)] <- NA
  sorted[pick]
}

# The links at the start: given, or drawn
simulation_network <- function(network, firms) {
  if (is.null(network)) {
    return(NULL)
  }
  if (!is.numeric(network)) {
    network <- as.data.frame(network)
    network$weight <- network$weight %||% rep(1, nrow(network))
    return(list(data = network[c("firm", "peer", "weight")], mean = 1))
  }
  list(data = draw_links(firms, firms, network / 2), mean = network)
}

# Links from firms to members of their kin group (nine of ten) or of their place
draw_links <- function(firms, pool, mean) {
  i <- rep(seq_len(nrow(firms)), stats::rpois(nrow(firms), mean))
  peer <- random_member(firms$place[i], pool$place, max(pool$place))
  if (!is.null(pool$kin)) {
    kin <- unique(pool$kin)
    near <- stats::runif(length(i)) < 0.9
    same <- random_member(match(firms$kin[i], kin), match(pool$kin, kin), length(kin))
    peer[near] <- same[near]
  }
  link_both_ways(firms$firm[i], pool$firm[peer])
}

# Symmetric links of weight 1, without repeats or links to oneself
link_both_ways <- function(a, b) {
  ok <- !is.na(b) & a != b
  links <- data.frame(
    firm = c(a[ok], b[ok]), peer = c(b[ok], a[ok]),
    weight = rep(1, 2 * sum(ok))
  )
  links[!duplicated(links), , drop = FALSE]
}

# Adds the links of new firms: to the firm each comes out of, and to others
extend_network <- function(network, new, stock) {
  if (is.null(network) || !nrow(new$born)) {
    return(network)
  }
  links <- rbind(
    network$data,
    link_both_ways(new$born$firm, new$parent),
    draw_links(new$born, stock, max(0, network$mean - 1))
  )
  network$data <- links[!duplicated(links[c("firm", "peer")]), , drop = FALSE]
  network
}

# Years ------------------------------------------------------------------------

# The year loop; each step is vectorised over firms
run_years <- function(start, network, world, choice, exit, performance) {
  lag <- longest_lag(choice$formula)
  first <- world$years[1]
  stock <- start[start$founded < first, , drop = FALSE]
  number <- nrow(start)
  panel <- list()
  tick <- progress("Years", length(world$years))
  for (t in seq_along(world$years)) {
    tick()
    world <- count_firms(world, stock, t)
    rows <- open_rows(stock, world, t)
    chosen <- choose_places(rows, panel, lag, world, network, choice, exit, t)
    stock <- produce(stock, chosen, world, performance, t)
    panel[[t]] <- close_rows(rows, stock, chosen, world, performance)
    stock <- stock[!is.na(chosen), , drop = FALSE]
    if (t == length(world$years)) break
    new <- found_firms(stock, world, number, t, performance)
    network <- extend_network(network, new, stock)
    number <- number + nrow(new$born)
    later <- start[start$founded == world$years[t], , drop = FALSE]
    stock <- rbind(stock, later, new$born)
  }
  list(firms = do.call(rbind, panel), places = world$places, network = network$data)
}

# The `lag` of every peers() term of a formula; none without such a term
peer_lags <- function(formula) {
  if (!is.call(formula)) {
    return(integer())
  }
  own <- if (identical(formula[[1]], quote(peers))) {
    full <- match.call(function(g, lag, scale) NULL, formula)
    eval(full$lag %||% 1, globalenv())
  }
  c(own, unlist(lapply(as.list(formula)[-1], peer_lags)))
}

# How many years before this one the choices of a year need
longest_lag <- function(formula) {
  lags <- peer_lags(formula)
  if (any(lags < 1)) {
    abort("peers(lag = 0) counts those who choose at the same time, which cannot be drawn ",
      "one year after the other. Use a lag of 1 or more.",
      class = "argument"
    )
  }
  max(0, lags)
}

# Adds the firms at each place to the column `stock` of the year's places
count_firms <- function(world, stock, t) {
  if (is.null(world$stock)) {
    return(world)
  }
  at <- world$rows[, t]
  world$places[[world$stock]][at] <- world$places[[world$stock]][at] +
    tabulate(stock$place, length(world$ids))
  world
}

# Rows of the year as known at its start; `to` is a stay until chosen
open_rows <- function(stock, world, t) {
  year <- world$years[t]
  place <- world$ids[stock$place]
  rows <- data.frame(
    firm = stock$firm, year = rep(year, nrow(stock)), from = place,
    to = place, founded = stock$founded, age = year - stock$founded
  )
  rows[setdiff(names(stock), state_columns)] <- stock[setdiff(names(stock), state_columns)]
  rows[c("size", "capital", "tfp")] <- stock[c("size", "capital", "tfp")]
  rows
}

# Places (numbers) chosen by the firms of a year, NA for those that close
choose_places <- function(rows, panel, lag, world, network, choice, exit, t) {
  closes <- stats::runif(nrow(rows)) <
    stats::plogis(exit[["constant"]] + exit[["tfp"]] * rows$tfp +
      exit[["size"]] * log(rows$size))
  u <- stats::runif(nrow(rows))
  before <- seq_len(t - 1)[seq_len(t - 1) >= t - lag]
  known <- do.call(rbind, lapply(panel[before], `[`, names(rows)))
  data <- migration_data(rbind(known, rows),
    world$places[world$rows[, c(before, t)], , drop = FALSE],
    ties = world$ties, network = network$data, time = "year"
  )
  chosen <- draw_choice(choice, data, NROW(known) + seq_along(u), u)
  chosen[closes] <- NA
  chosen
}

# Places (numbers) drawn for some rows of `data` by the kernel, from uniforms u
draw_choice <- function(choice, data, rows, u) {
  design <- migration_design(choice$formula, data,
    subset = rows,
    na.action = stats::na.fail, choice = FALSE
  )
  setup <- model_setup(choice$model, data, design)
  theta <- true_values(choice$beta, c(design$terms$name, setup$parameters$name))
  .Call(
    C_choice, design$spec, setup$kernel, theta, u,
    kernel_control(migration_control())
  )
}

# The parameters in the order of the model; names must agree
true_values <- function(beta, names) {
  unknown <- setdiff(names(beta), names)
  if (length(unknown)) {
    abort("`beta` has ", quote_names(unknown), ", which no term of the formula has. The terms are ",
      quote_names(names, max = Inf), ".",
      class = "argument"
    )
  }
  lacking <- setdiff(names, names(beta))
  if (length(lacking)) {
    abort("`beta` lacks ", quote_names(lacking), ".", class = "argument")
  }
  unname(beta[names])
}

# What firms do at the places they chose: productivity and size at the end of the year
produce <- function(stock, chosen, world, performance, t) {
  p <- performance
  n <- nrow(stock)
  moves <- !is.na(chosen) & chosen != stock$place
  stock$place <- chosen
  stock$moved <- stock$moved | moves
  stock$deviation <- p$persistence * stock$deviation + stats::rnorm(n, 0, p$shock)
  stock$tfp <- world$mean[cbind(chosen, rep(t, n))] + p$gain * stock$moved +
    stock$deviation
  log_jobs <- p$size_mean + p$size_persistence * (log(stock$size) - p$size_mean) +
    p$size_productivity * stock$tfp + p$size_gain * moves +
    stats::rnorm(n, 0, p$size_shock)
  stock$size <- pmax(1, round(exp(log_jobs)))
  stock
}

# The rows of the year with the chosen place and the outcomes, NA where a firm closed
close_rows <- function(rows, stock, chosen, world, performance) {
  share <- performance$capital_share
  rows$to <- world$ids[chosen]
  rows$productivity <- stock$tfp
  rows$jobs <- stock$size
  rows$output <- performance$scale * exp(stock$tfp) * stock$size^(1 - share) *
    stock$capital^share
  rows
}
