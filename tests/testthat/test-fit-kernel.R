# A design and the same design in slices, as sources of sums, with the terms of each occasion and place
sources_of_sums <- function() {
  long <- ragged_long(60)
  fit <- fit_migration(chosen ~ x + y, ragged_data(60))
  design <- fit_design(fit)
  parts <- cut_design(design, design$kernel, seq_len(60), list(first = c(1, 21, 45), last = c(20, 44, 60)))
  list(
    whole = design_sums(design$spec), slices = local_slices(parts, spec_extent(design$spec), NULL), long = long,
    control = kernel_control(fit$control)
  )
}

test_that("a source counts along a direction what the data say", {
  at <- sources_of_sums()
  direction <- c(0.7, -0.4)
  v <- as.matrix(at$long[c("x", "y")]) %*% direction
  ahead <- v[at$long$chosen == 1][at$long$id] - v # by how far the chosen place moves ahead of each
  lost <- tapply(ahead < -1e-9, at$long$id, any)
  for (source in at[c("whole", "slices")]) {
    ask <- function(what) count_along(source, direction, c(what, 1e-9), at$control)
    expect_gt(ask(0), 0)
    expect_equal(count_along(source, c(0, 0), c(0, 1e-9), at$control), 0)
    expect_equal(ask(1), sum(lost))
    expect_equal(ask(2), sum(ahead > 1e-9))
  }
})

test_that("a source gives one value, score and information, whole or in slices", {
  at <- sources_of_sums()
  sums_of <- function(source) evaluate_sums(source, list(kind = "conditional"), c(0.3, -0.2), 2L, at$control)
  sums <- lapply(at[c("whole", "slices")], function(source) sums_of(source))
  expect_equal(sums$whole, sums$slices, tolerance = 1e-12)
  v <- as.matrix(at$long[c("x", "y")]) %*% c(0.3, -0.2)
  expect_equal(sums$whole$value, sum(v[at$long$chosen == 1] - log(tapply(exp(v), at$long$id, sum))), tolerance = 1e-12)
})
