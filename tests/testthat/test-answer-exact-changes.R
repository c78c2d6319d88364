test_that("effects and their errors are those of differences, whatever terms take a variable", {
  data <- relocation_data(300)
  formulas <- list(
    ~ push(rent) + pull(rent) + distance + keep(size), ~ rent + size:rent + stay:rent + distance,
    ~ push(rent):pull(wage) + rent + distance, ~ size:push(rent) + rent + distance | place
  )
  for (formula in formulas) {
    fit <- suppressWarnings(fit_migration(formula, data, weights = w, control = one_thread()))
    base <- fit_design(fit)
    space <- theta_space(fit, base)
    for (type in c("leave", "place")) {
      variable <- check_variable(fit, "rent")
      step <- variable_steps(fit$data, variable)[[1L]]
      change <- exact_changes(fit, variable, step, type, base, root_directions(space))
      total <- step$divide * weight_counted(base, type)
      slow <- difference_effects(fit, variable, step, type, base, space)
      expect_equal(change[, 1L] / total, slow$estimate, tolerance = 1e-8)
      expect_equal(sqrt(rowSums(change[, -1L]^2)) / total, slow$std.error, tolerance = 1e-5)
    }
  }
})

test_that("all origins are changed at once but where a term takes the variable from two places", {
  data <- relocation_data(300)
  variable <- list(variable = "rent", table = "places")
  own_place <- function(formula) {
    fit <- fit_migration(formula, data, control = one_thread())
    change_own_place(fit, variable, function(x) x + 1, fit_design(fit))
  }
  whole <- own_place(~ push(rent) + rent + distance)
  # the constant of staying first, the part on staying of `rent` last
  expect_length(whole, 1L)
  expect_identical(whole[[1L]]$design$spec$terms$mask, c("stay", "move", "move", "all", "stay"))
  expect_null(own_place(~ push(rent):pull(rent) + distance))
})
