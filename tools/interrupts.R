# How long a call goes on after Ctrl-C:  Rscript tools/interrupts.R [PATTERN] [TRIES]
#
# Each function that can run for long is started on data that keep it busy for seconds, and told to stop by SIGINT at
# TRIES moments (4) of its first seconds. Printed are the seconds from the signal to the prompt for each moment at which
# the call was not over already, and at the end whether the session still fits. Fails where one took longer than a second.
# PATTERN picks cases by name. Not on Windows, which has no such signal. Seconds are of the clock: a machine with other
# work to do adds to them.
library(firmmove)
given <- commandArgs(TRUE)
pattern <- if (length(given) > 0L) given[1L] else ""
tries <- if (length(given) > 1L) as.integer(given[2L]) else 4L
limit <- 1

toys <- new.env(parent = asNamespace("firmmove"))
for (file in list.files("tests/testthat", "^helper-.*[.]R$", full.names = TRUE)) {
  sys.source(file, toys)
}
toys$one <- migration_control(threads = 1)

# ---- data, each made when a case first asks for it ----------------------------------------------------------------

big_kinds <- function() toys$two_kinds_data(firms = 40000, times = 3, places = 24)
big_places <- function() {
  set.seed(3)
  n <- 40000
  places <- data.frame(place = sprintf("p%03d", 1:300), x = stats::rnorm(300), y = stats::rnorm(300))
  firms <- data.frame(
    firm = seq_len(n), from = sample(places$place, n, TRUE), to = sample(places$place, n, TRUE), w = stats::rnorm(n)
  )
  migration_data(firms, places)
}
big_panel <- function() {
  set.seed(4)
  toys$panel_of_movers(200000, 8, 1000)
}
big_points <- function() {
  set.seed(5)
  n <- 60000
  data.frame(x = stats::runif(n), y = stats::runif(n), type = sample(letters[1:4], n, TRUE), jobs = stats::rlnorm(n))
}
big_table <- function() {
  set.seed(6)
  data.frame(
    region = sample(1500, 2e6, TRUE), industry = sample(800, 2e6, TRUE), size = stats::rlnorm(2e6),
    year = rep(1:2, each = 1e6)
  )
}
big_rows <- function() {
  set.seed(7)
  n <- 3e6
  data.frame(
    firm = rep(seq_len(n / 3), 3), year = rep(1:3, each = n / 3), from = sample(toys$towns, n, TRUE),
    to = sample(toys$towns, n, TRUE), size = stats::rlnorm(n), y = stats::rnorm(n)
  )
}
big_csv <- function() {
  path <- tempfile(fileext = ".csv")
  rows <- big_rows()[1:6e5, ]
  utils::write.csv(rows, path, row.names = FALSE)
  data.frame(path = path, stringsAsFactors = FALSE)
}
big_fit <- function() fit_migration(~ w:x + y | place, big_places(), control = toys$one)
small_fit <- function() {
  fit_migration(~ keep(log(size)) + push(land_price) + log(distance) + peers(kin), wenzhou_guzhen(), control = toys$one)
}
toys$towns_table <- data.frame(place = toys$towns, rent = 1:3)

# ---- cases: name = list(data, call) ---------------------------------------------------------------------------------

cases <- list(
  "conditional, place constants" = list(big_places, quote(fit_migration(~ w:x + y | place, data, control = one))),
  "nested" = list(big_kinds, quote(fit_migration(~ x + y + keep(z), data, model = nested(), control = one))),
  "mixed" = list(big_kinds, quote(fit_migration(~ x + y, data, model = mixed(c(x = "normal"), draws = 500), control = one))),
  "latent EM" = list(big_kinds, quote(fit_migration(~ x + y, data, model = latent(4), control = one))),
  "chain" = list(
    function() toys$chain_panel(1, groups = 200, periods = 4, firms = 100),
    quote(fit_migration(chain_formula, data, model = chain(kin), control = one))
  ),
  "hazard, frailty" = list(
    function() toys$hazard_data(1e5),
    quote(fit_migration(~ push(rent) + w, data, model = hazard(baseline = "log", frailty = TRUE), control = one))
  ),
  "peers of a panel" = list(big_kinds, quote(fit_migration(~ x + peers(segment) + peers(kind), data, control = one))),
  "migration_data()" = list(big_rows, quote(migration_data(data, towns_table, time = "year"))),
  "write_store(data frame)" = list(
    big_rows, quote(write_store(data, tempfile("store-"), places = towns_table, time = "year", firm = "firm"))
  ),
  "write_store(csv)" = list(
    big_csv, quote(write_store(data$path, tempfile("store-"), places = towns_table, time = "year", firm = "firm"))
  ),
  "K density, simulated" = list(
    big_points, quote(colocation("x", "y", "type", "jobs", data = data, bands = "simulation", control = one))
  ),
  "K density, analytic" = list(big_points, quote(colocation("x", "y", "type", "jobs", data = data, control = one))),
  "M function" = list(
    big_points, quote(colocation("x", "y", "type", "jobs", data = data, statistic = "m", control = one))
  ),
  "decompose_places()" = list(big_panel, quote(decompose_places(data, "y", "firm", "place", "time"))),
  "decompose_places(), match" = list(
    big_panel, quote(decompose_places(data, "y", "firm", "place", "time", leave = "match"))
  ),
  "move_events()" = list(big_panel, quote(move_events(data, "y", "firm", "place", "time"))),
  "move_events(gap)" = list(big_panel, quote(move_events(data, "y", "firm", "place", "time", method = "gap"))),
  "decompose_cluster()" = list(
    big_rows, quote(decompose_cluster(data, "y", "size", cluster = "to", time = "year", firm = "firm"))
  ),
  "decompose_productivity()" = list(
    big_rows, quote(decompose_productivity(data, "y", "size", cluster = "to", time = "year", firm = "firm"))
  ),
  "decompose_growth()" = list(big_table, quote(decompose_growth(data, "region", "industry", "year", "size"))),
  "decompose_gap()" = list(
    big_rows, quote(decompose_gap(y ~ size + from, data[data$to != "Yiwu", ], "to", draws = 200, seed = 1))
  ),
  "decompose_gap(quantile)" = list(
    big_rows, quote(decompose_gap(y ~ size + from, data[data$to != "Yiwu", ], "to", statistic = "quantile"))
  ),
  "compare_quantiles()" = list(big_rows, quote(compare_quantiles(data[data$to != "Yiwu", ], "y", "to", seed = 1))),
  "relatedness()" = list(big_table, quote(relatedness(data, "region", "industry", "size", "year", control = one))),
  "complexity()" = list(
    big_table, quote(complexity(data, "region", "industry", "size", "year", opportunity = TRUE, control = one))
  ),
  "concentration(pairs)" = list(
    function() utils::head(big_table(), 5e5),
    quote(concentration(data, "region", "industry", "size", pairs = TRUE))
  ),
  "innovation_synergy()" = list(
    function() transform(utils::head(big_table(), 5e5), a = region %% 40, b = industry %% 30, c = region %% 7),
    quote(innovation_synergy(data, c("a", "b", "c"), region = "year", permutations = 500, seed = 1, control = one))
  ),
  "vcov(robust)" = list(big_fit, quote(for (i in 1:50) vcov(data, type = "robust"))),
  "predict()" = list(big_fit, quote(for (i in 1:50) predict(data))),
  "marginal_effects()" = list(big_fit, quote(marginal_effects(data))),
  "simulate()" = list(big_fit, quote(simulate(data, nsim = 100, seed = 1))),
  "confint(profile)" = list(small_fit, quote(for (i in 1:50) confint(data, method = "profile"))),
  "attribute_moves()" = list(big_fit, quote(attribute_moves(data, draws = 500, seed = 1))),
  "counterfactual()" = list(
    small_fit, quote(counterfactual(data, places = quote(transform(p, land_price = 1)), draws = 5000, seed = 1))
  ),
  "iia_test()" = list(big_kinds, quote(iia_test(fit_migration(~ x + y, data, control = one)))),
  "simulate_migration()" = list(function() NULL, quote(simulate_migration(firms = 40000, places = 60, years = 1:20)))
)

# ---- measuring -------------------------------------------------------------------------------------------------------

interrupt_in <- function(seconds) {
  system(sprintf("(sleep %.2f; kill -INT %d) &", seconds, Sys.getpid()))
  proc.time()[["elapsed"]] + seconds
}

# Seconds from the signal to the prompt; NA where the call was over before it came; text of an error
latency <- function(call, data, at) {
  env <- list2env(list(data = data), parent = toys)
  due <- interrupt_in(at)
  how <- tryCatch({
    suppressMessages(suppressWarnings(eval(call, env)))
    "over"
  }, interrupt = function(e) "interrupted", error = function(e) conditionMessage(e))
  came <- proc.time()[["elapsed"]]
  if (how == "interrupted") {
    return(came - due)
  }
  # the signal is still to come
  tryCatch(while (proc.time()[["elapsed"]] < due + 0.5) Sys.sleep(0.05), interrupt = function(e) NULL)
  if (how == "over") NA else how
}

moments <- c(0.15, 0.5, 1.1, 2.3, 3.7, 5.1, 7)[seq_len(tries)]
failed <- 0L
longest <- numeric()
for (name in grep(pattern, names(cases), value = TRUE, ignore.case = TRUE)) {
  data <- cases[[name]][[1L]]()
  found <- lapply(moments, function(at) latency(cases[[name]][[2L]], data, at))
  wrong <- Filter(is.character, found)
  seconds <- unlist(Filter(is.numeric, found))
  worst <- suppressWarnings(max(seconds, na.rm = TRUE))
  slow <- is.finite(worst) && worst > limit
  failed <- failed + (slow || length(wrong) > 0L)
  longest[[name]] <- worst
  cat(sprintf("%-30s", name), sprintf("%6.2f", seconds), if (slow) "  LONG", if (length(wrong) > 0L) paste("  ERROR", wrong[[1L]]), "\n")
  rm(data)
  invisible(gc())
}
fit <- fit_migration(~ push(land_price), wenzhou_guzhen(), control = toys$one)
if (!all(is.finite(stats::coef(fit)))) failed <- failed + 1L
longest <- longest[is.finite(longest)]
cat(sprintf("\n%d calls stopped, the slowest after %.2f s (%s); %d failed\n",
            length(longest), max(longest), names(which.max(longest)), failed))
quit(status = as.integer(failed > 0L))
