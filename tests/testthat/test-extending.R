# Dry runs of CONTRIBUTING's "Where something new goes": a toy model, storage, decomposition and answer, made of what it
# says and nothing else. Each is registered as its file in R/ would define it.

define <- function(generic, class, method) {
  environment(method) <- asNamespace("firmmove")
  registerS3method(generic, class, method, envir = asNamespace("firmmove"))
}

# A model: a conditional logit whose utilities are multiplied by a known number, which is told by fixing a nested logit's
# kernel at that lambda. Its files would be R/model-scaled.R and nothing in C.
test_that("a model is a constructor and methods of the generics of model.R", {
  known_lambda <- function(lambda) {
    structure(list(name = "known", lambda = lambda), class = c("known_model", "migration_model"))
  }
  define("model_title", "known_model", function(model) "Logit of moves with a known lambda")
  define("can_slice", "known_model", function(model) TRUE)
  define("model_setup", "known_model", function(model, data, design, memory = NULL) {
    nested <- model_setup(nested(), data, design, memory = memory)
    nested$parameters$name <- "known"
    nested$start <- model$lambda
    nested
  })
  define("model_maximise", "known_model", function(model, problem, theta) {
    problem$held$is[problem$layout$extra] <- TRUE
    theta[problem$layout$extra] <- model$lambda
    maximise(problem$sums, problem$setup$kernel, theta, problem$held$is, problem$control, n_extra = 1L)
  })
  data <- together(relocation(300))
  formula <- ~ keep(size) + rent + distance
  fit <- fit_migration(formula, data, known_lambda(0.6), control = one_thread())
  peer <- fit_migration(formula, data, nested(), control = one_thread(fixed = c("lambda:move" = 0.6)))
  terms <- names(coef(peer))[1:4]
  expect_equal(coef(fit)[terms], coef(peer)[terms], tolerance = 1e-8)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(peer)), tolerance = 1e-10)
  expect_s3_class(fit, c("migration_fit_known", "migration_fit"), exact = TRUE)
  # the methods of fits and the answers come with it
  expect_output(print(summary(fit)), "Logit of moves with a known lambda")
  expect_equal(predict(fit), predict(peer), tolerance = 1e-8)
  expect_equal(simulate(fit, seed = 1), simulate(peer, seed = 1), ignore_attr = TRUE)
  expect_equal(elasticities(fit, "rent")$table$estimate, elasticities(peer, "rent")$table$estimate, tolerance = 1e-6)
  effect <- function(fit) counterfactual(fit, places = transform(places, rent = 0.9 * rent), draws = 0)$stocks$change
  expect_equal(effect(fit), effect(peer), tolerance = 1e-6)
  # and so do slices, stores and what is asked of them
  sliced <- fit_migration(formula, data, known_lambda(0.6), control = sliced(150))
  expect_equal(coef(sliced), coef(fit), tolerance = 1e-8)
  expect_same_bits(fit_migration(formula, store_of(data), known_lambda(0.6), control = sliced(150)), sliced)
})

# A storage: the long table under another name. Its file would be R/design-<storage>.R.
test_that("a storage is a class of spec and methods of the generics of design-view.R", {
  namespace <- asNamespace("firmmove")
  view <- Filter(function(name) {
    is.function(namespace[[name]]) && "UseMethod" %in% all.names(body(namespace[[name]]))
  }, names_defined_in("design-view.R"))
  expect_gt(length(view), 14L)
  has_method <- function(generic, class) !is.null(getS3method(generic, class, TRUE, envir = namespace))
  # every storage answers every question
  for (class in c("relational_spec", "ragged_spec")) {
    lacking <- Filter(function(generic) !has_method(generic, class), view)
    expect_identical(lacking, character(), info = class)
  }
  for (generic in view) define(generic, "toy_spec", getS3method(generic, "ragged_spec", envir = namespace))
  define("lay_out", "toy_data", function(data, ...) {
    design <- lay_out.choice_data(data, ...)
    class(design$spec) <- "toy_spec"
    design
  })
  data <- ragged_data()
  toy <- structure(data, class = c("toy_data", class(data)))
  for (model in list(conditional(), mixed(c(x = "normal"), draws = 16, check_draws = 0), latent(2, starts = 1))) {
    fit <- quiet_fit(~ x + y, data, model = model, control = one_thread())
    same <- quiet_fit(~ x + y, toy, model = model, control = one_thread())
    expect_same_bits(same, fit)
    expect_identical(predict(same), predict(fit))
    expect_identical(predict(same, type = "choice"), predict(fit, type = "choice"))
    expect_identical(residuals(same, "response"), residuals(fit, "response"))
    expect_identical(elasticities(same, "x")$table, elasticities(fit, "x")$table)
    expect_identical(suppressWarnings(compensate(same, "x"))$table, suppressWarnings(compensate(fit, "x"))$table)
  }
})

test_that("both classes of data answer every question of data-view.R", {
  namespace <- asNamespace("firmmove")
  view <- setdiff(names_defined_in("data-view.R"), "change_column")
  for (class in c("migration_data", "choice_data")) {
    lacking <- Filter(function(generic) is.null(getS3method(generic, class, TRUE, envir = namespace)), view)
    expect_identical(lacking, character(), info = class)
  }
})

# A decomposition: a list of long tables with a class. Its file would be R/decompose-<name>.R.
test_that("a decomposition is a list of tables of class decomposition", {
  toy <- structure(
    list(
      parts = data.frame(cluster = c("a", "b"), component = "within", estimate = c(1, 2)), method = "toy",
      reference = "nothing", residual = 0
    ),
    class = c("decompose_toy", "decomposition")
  )
  expect_output(print(toy), "<decompose_toy> toy.*sum of estimates: 3")
  expect_identical(as.data.frame(toy), toy$parts)
  expect_identical(tidy(toy)$estimate, c(1, 2))
  expect_output(print(summary(toy)), "parts")
})

# An answer: on kernel_predict(), so that every model has it. Its file would be R/answer-<verb>.R.
test_that("an answer is a verb on kernel_predict() that ends in new_answer()", {
  expected_moves_to <- function(fit, place) {
    design <- fit_design(fit)
    to <- match(place, fit$data$place)
    value <- function(theta) {
      flows <- expected_flows(fit, resolve_equilibrium(fit, at_theta(design, theta)))
      sum(flows[, to]) - flows[to, to]
    }
    space <- theta_space(fit, design)
    table <- data.frame(place = place, estimate = value(space$theta))
    table <- with_intervals(table, delta_errors(value, space), 0.95)
    new_answer("toy_answer", table = table, title = "Expected moves", notes = interval_note(0.95, "by the delta method"))
  }
  environment(expected_moves_to) <- asNamespace("firmmove")
  for (model in c("conditional", "nested", "cross_nested")) {
    fit <- fit_of(model)
    answer <- expected_moves_to(fit, "a")
    flows <- predict(fit, type = "flows")
    direct <- sum(flows$flow[flows$to == "a" & flows$from != "a"])
    expect_equal(tidy(answer)$estimate, direct, tolerance = 1e-10, info = model)
    expect_true(all(tidy(answer)$std.error > 0))
    expect_output(print(answer), "Expected moves")
  }
})
