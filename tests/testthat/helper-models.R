# A small fit of every model, for tests of what all of them must do.

fits_of_models <- function() {
  data <- relocation_data(200)
  list(
    conditional = fit_migration(~ keep(size) + rent + distance, data),
    nested = suppressWarnings(fit_migration(~ keep(size) + rent + distance, data, model = nested())),
    long = fit_migration(~ x + y, ragged_data())
  )
}
