# Do two states of the package give the same bits?  Every model is fitted on every storage it has, in memory, in
# slices, from a store, with workers, and asked for its answers; the decompositions run on the bundled panel.
#
#   R_LIBS=<library of one state> Rscript tools/same-bits.R record before.rds
#   R_LIBS=<library of the other> Rscript tools/same-bits.R compare before.rds
#
# `compare` prints what differs, by how much, and fails when anything does. Names and shapes of answers may change on
# purpose; what is recorded are numbers: all numeric leaves of a result, in order.

suppressPackageStartupMessages(library(firmmove))
library(testthat)
helpers <- new.env(parent = asNamespace("firmmove"))
for (file in list.files("tests/testthat", "^helper-.*\\.R$", full.names = TRUE)) sys.source(file, helpers)

# The numbers of a result, as one vector: data, calls and environments are left out
numbers <- function(x) {
  if (is.environment(x) || is.function(x) || is.language(x)) return(numeric())
  if (is.list(x)) {
    keep <- setdiff(seq_along(x), which(names(x) %in% c("data", "call", "control", "design", "model", "parameters", "fit")))
    return(unlist(lapply(unclass(x)[keep], numbers), use.names = FALSE))
  }
  if (is.numeric(x) || is.logical(x)) as.double(x) else numeric()
}

results <- list()
note <- function(name, code) {
  value <- tryCatch(numbers(suppressWarnings(suppressMessages(code))), error = function(e) {
    paste("error:", class(e)[1L])
  })
  results[[name]] <<- value
}

figures <- helpers$figures
fits <- helpers$fits_of_models()

# Fits in memory, and their answers
for (name in names(fits)) {
  fit <- fits[[name]]
  note(paste(name, "fit"), figures(fit))
  note(paste(name, "convergence"), fit$convergence[c("code", "iterations", "evaluations", "digits")])
  note(paste(name, "robust"), vcov(fit, type = "robust"))
  note(paste(name, "estfun"), sandwich::estfun(fit))
  for (type in c("probability", "utility", "logsum", "flows")) {
    note(paste(name, "predict", type), as.list(predict(fit, type = type)))
  }
  note(paste(name, "choice"), { set.seed(3); as.integer(factor(unlist(predict(fit, type = "choice")))) })
  note(paste(name, "simulate"), simulate(fit, nsim = 2, seed = 5))
  note(paste(name, "fitted"), fitted(fit))
  note(paste(name, "residuals"), residuals(fit))
  note(paste(name, "model matrix"), model.matrix(fit))
  note(paste(name, "summary"), summary(fit)$coefficients)
  note(paste(name, "elasticities"), elasticities(fit, fit$design$terms$variable[nrow(fit$design$terms)]))
  note(paste(name, "effects"), marginal_effects(fit))
  note(paste(name, "compensate"), compensate(fit, if (name %in% c("mixed", "latent", "long")) "x" else "rent", seed = 1))
  note(paste(name, "attribute"), attribute_moves(fit, as.list(stats::setNames(fit$design$terms$term[1:2], c("a", "b"))), draws = 5, seed = 1))
  note(paste(name, "attribute likelihood"), attribute_moves(fit, as.list(stats::setNames(fit$design$terms$term[1:2], c("a", "b"))), what = "likelihood"))
  note(paste(name, "individual"), individual(fit))
  note(paste(name, "iia"), iia_test(fit, omit = "a"))
  note(paste(name, "claims"), test_claims(fit))
}
relational <- helpers$relocation_data(200)
cheaper <- relational$places
cheaper$rent <- cheaper$rent * 0.9
for (name in c("conditional", "nested", "cross_nested")) {
  note(paste(name, "counterfactual"), counterfactual(fits[[name]], places = cheaper, seed = 1))
}
note("chain equilibria", equilibria(fits$chain))
note("chain tipping", tipping(fits$chain, "a"))

# The same in slices, from a store and with workers
models <- list(
  conditional = list(~ keep(size) + rent + distance, conditional()), nested = list(~ keep(size) + rent + distance, nested()),
  mixed = list(~ keep(size) + rent + distance, helpers$few_draws()), latent = list(~ rent + distance, latent(2, starts = 1)),
  places = list(~ keep(size) + distance | place, conditional()), peers = list(~ peers(sector) + rent, conditional())
)
data <- helpers$together(helpers$relocation(400))
store <- write_store(data, tempfile("same-bits-"))
hazards <- helpers$hazard_data(120)
crew <- migration_workers(2)
for (name in names(models)) {
  sliced <- function(data, ...) {
    helpers$quiet_fit(models[[name]][[1L]], data, model = models[[name]][[2L]], control = helpers$sliced(150), ...)
  }
  note(paste(name, "slices"), figures(sliced(data)))
  note(paste(name, "store"), figures(sliced(store)))
  note(paste(name, "workers"), figures(sliced(store, workers = crew)))
  note(paste(name, "store robust"), vcov(sliced(store), type = "robust"))
  note(paste(name, "store predict"), as.list(predict(sliced(store), type = "flows")))
}
note("hazard slices", figures(helpers$quiet_fit(~ push(rent) + w, hazards, model = hazard(baseline = "log"), control = helpers$sliced(50))))
parallel::stopCluster(crew)
note("long slices", figures(helpers$quiet_fit(~ x + y, helpers$ragged_data(), control = helpers$sliced(20))))

# The bundled data
bundled <- wenzhou_guzhen()
study <- fit_migration(~ push(land_price) + distance + pull(creativity) + peers(kin), bundled, control = migration_control(threads = 2))
note("bundled fit", figures(study))
note("bundled cluster", decompose_cluster(bundled, "tfp", "employment"))

path <- commandArgs(TRUE)
if (path[[1L]] == "record") {
  saveRDS(results, path[[2L]])
  cat(length(results), "results recorded,", sum(vapply(results, is.character, NA)), "of them errors\n")
} else {
  before <- readRDS(path[[2L]])
  same <- vapply(names(before), function(name) identical(before[[name]], results[[name]]), NA)
  for (name in names(before)[!same]) {
    old <- before[[name]]
    new <- results[[name]]
    how <- if (is.numeric(old) && is.numeric(new) && length(old) == length(new)) {
      paste("differs by at most", format(max(abs(old - new), na.rm = TRUE)))
    } else {
      paste0(length(old), " numbers became ", length(new), if (is.character(new)) paste0(" (", new, ")"))
    }
    cat(name, ": ", how, "\n", sep = "")
  }
  cat(sum(same), "of", length(same), "the same bits\n")
  quit(status = as.integer(!all(same)))
}
