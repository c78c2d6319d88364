# A small fit of every model, for tests of what all of them must do. They are made once, when first asked for.

made_fits <- new.env()

fits_of_models <- function() {
  if (is.null(made_fits$fits)) {
    made_fits$fits <- suppressMessages(suppressWarnings(make_fits()))
  }
  made_fits$fits
}

# The fit of one model
fit_of <- function(model) fits_of_models()[[model]]

make_fits <- function() {
  data <- relocation_data(200)
  kinds <- two_kinds_data(firms = 60, times = 3, apart = 1.5)
  one <- one_thread()
  regions <- data.frame(
    place = c("a", "b", "c", "c", "d", "e", "f"), nest = c("north", "north", "north", "south", "south", "south", "east"),
    allocation = c(1, 1, 0.5, 0.5, 1, 1, 1)
  )
  list(
    conditional = fit_migration(~ keep(size) + rent + distance, data),
    nested = fit_migration(~ keep(size) + rent + distance, data, model = nested()),
    cross_nested = fit_migration(~ keep(size) + rent + distance, data, model = cross_nested(regions), control = one),
    mixed = fit_migration(~ x + y, kinds, model = mixed(c(x = "normal"), draws = 32, check_draws = 0), control = one),
    latent = fit_migration(~ x + y, kinds, model = latent(2, starts = 2), control = one),
    chain = fit_migration(chain_formula, chain_panel(1, groups = 3, periods = 2), model = chain(kin), control = one),
    hazard = fit_migration(~ push(rent) + w, hazard_data(120), model = hazard(baseline = "log"), control = one),
    ranked = fit_migration(rank ~ factor, wenzhou_interviews(), ranked(), id = "firm", place = "factor"),
    dynamic = fit_migration(~ rent + distance, data, model = dynamic(0.8), control = one),
    long = fit_migration(~ x + y, ragged_data())
  )
}

# A fit of the same data with random and class-wise coefficients held at those of a conditional logit, so that every
# answer must be that of the latter: list(plain, mixed, latent)
degenerate_fits <- function() {
  if (is.null(made_fits$degenerate)) {
    data <- two_kinds_data(firms = 60, times = 3)
    formula <- ~ push(x) + pull(y)
    plain <- fit_migration(formula, data, control = one_thread())
    b <- coef(plain)
    held <- function(model, fixed) {
      suppressWarnings(fit_migration(formula, data, model = model, control = one_thread(fixed = fixed)))
    }
    by_class <- stats::setNames(rep(b, 2), paste0(names(b), ":class", rep(1:2, each = 3)))
    made_fits$degenerate <- list(
      plain = plain,
      mixed = held(mixed(c("pull(y)" = "normal"), draws = 16, check_draws = 0), c(b, "sd:pull(y)" = 0)),
      latent = held(latent(2, starts = 1), c(by_class, "class2:(Intercept)" = 0.3))
    )
  }
  made_fits$degenerate
}

# marginaleffects 1.0 uses the operator of R 4.4 that older versions of R lack
with_null_default <- function(code) {
  missing <- !exists("%||%", envir = baseenv(), inherits = FALSE) && !exists("%||%", envir = globalenv(), inherits = FALSE)
  if (missing) {
    assign("%||%", function(x, y) if (is.null(x)) y else x, envir = globalenv())
    on.exit(rm("%||%", envir = globalenv()))
  }
  force(code)
}
