# Values by going through all orders, for comparison
by_orders <- function(value, p, orders) {
  gains <- numeric(p)
  for (r in seq_len(nrow(orders))) {
    member <- logical(p)
    for (k in orders[r, ]) {
      before <- value(member)
      member[k] <- TRUE
      gains[k] <- gains[k] + value(member) - before
    }
  }
  gains / nrow(orders)
}

all_orders <- function(n) {
  if (n == 1) {
    return(matrix(1))
  }
  rest <- all_orders(n - 1)
  do.call(rbind, lapply(seq_len(n), function(i) cbind(i, rest + (rest >= i))))
}

random_game <- function(plan) {
  keys <- apply(plan$member, 1, subset_key)
  set.seed(9)
  value <- stats::rnorm(length(keys))
  list(value = value, of = function(member) value[match(subset_key(member), keys)])
}

test_that("weights give Shapley's and Owen's values", {
  plan <- exact_plan(4)
  game <- random_game(plan)
  phi <- drop(crossprod(plan$weights, game$value))
  expect_equal(phi, by_orders(game$of, 4, all_orders(4)), tolerance = 1e-12)
  expect_equal(sum(phi), game$of(rep(TRUE, 4)) - game$of(rep(FALSE, 4)), tolerance = 1e-12)
  blocks <- c(1, 1, 2, 3)
  owen <- exact_plan(4, blocks)
  value <- vapply(seq_len(nrow(owen$member)), function(t) game$of(owen$member[t, ]), 0)
  together <- apply(all_orders(4), 1, function(o) abs(diff(match(1:2, o))) == 1)
  by_hand <- by_orders(game$of, 4, all_orders(4)[together, ])
  expect_equal(drop(crossprod(owen$weights, value)), by_hand, tolerance = 1e-12)
  # not needed: both blocks in part
  expect_identical(nrow(exact_plan(4, c(1, 1, 2, 2))$member), 12L)
  # blocks of one are no blocks
  expect_equal(exact_plan(3, 1:3)$weights, exact_plan(3)$weights)
})

test_that("sampled orders agree within their error", {
  exact <- exact_plan(5)
  game <- random_game(exact)
  set.seed(2)
  plan <- sampled_plan(5, 2000)
  value <- vapply(seq_len(nrow(plan$member)), function(t) game$of(plan$member[t, ]), 0)
  phi <- drop(crossprod(plan$weights, value))
  error <- pair_errors(gains_of_pairs(plan, value))
  expect_true(all(abs(phi - drop(crossprod(exact$weights, game$value))) < 4 * error))
  expect_true(all(error < 0.1))
  expect_equal(sum(phi), game$of(rep(TRUE, 5)) - game$of(rep(FALSE, 5)), tolerance = 1e-10)
  owen <- sampled_plan(4, 400, c(1, 1, 2, 2))
  expect_true(all(apply(owen$orders, 1, function(o) abs(diff(match(1:2, o))) == 1)))
})

causes <- list(rent = "rent", distance = "distance", size = "keep(size)")

test_that("the likelihood is shared out as by refits", {
  fit <- small_fit()
  found <- attribute_moves(fit, causes)
  terms <- unlist(causes)
  value <- function(member) {
    right <- c("stay", terms[member])
    as.numeric(logLik(fit_migration(reformulate(paste(right, collapse = " + ")), fit$data, control = one_thread())))
  }
  expect_equal(found$table$estimate, by_orders(value, 3, all_orders(3)), tolerance = 1e-5)
  expect_equal(sum(found$table$estimate), found$all - found$none, tolerance = 1e-12)
  expect_equal(found$all, as.numeric(logLik(fit)), tolerance = 1e-9)
  expect_equal(sum(found$table$share), 1)
  expect_equal(found$table$alone[1], value(c(TRUE, FALSE, FALSE)) - value(logical(3)), tolerance = 1e-4)
})

test_that("shares are the same for any number of threads and any size of the batches", {
  one <- small_fit(~ rent + distance + wage + keep(size))
  four <- c(causes, list(wage = "wage"))
  two <- one
  two$control$threads <- 2L
  found <- attribute_moves(one, four)
  parts <- c("table", "covariance", "none", "all")
  expect_identical(unclass(attribute_moves(two, four))[parts], unclass(found)[parts])
  # by size, so that the start of none waits for another of its batch
  sizes <- rowSums(exact_plan(7)$member)
  batches <- subset_batches(sizes, 1000)
  expect_identical(unlist(batches), seq_along(sizes))
  expect_true(all(vapply(batches, function(t) length(unique(sizes[t])), 0L) == 1L))
  expect_identical(max(lengths(batches)), 32L)
  expect_identical(max(lengths(subset_batches(sizes, 1e6))), 4L)
})

test_that("a subset whose steps do not lead to a maximum is fitted with care", {
  fit <- small_fit()
  design <- fit_design(fit)
  problem <- refit_problem(fit, design)
  groups <- attribution_groups(fit, causes)
  held <- list(hold_groups(problem, groups[3]), hold_groups(problem, groups[1:2]))
  near <- design$theta
  # utilities of hundreds: Newton's steps are of no use there
  far <- replace(near, seq_along(near), 300)
  starts <- Map(function(start, held) replace(start, held$is, held$value[held$is]), list(far, near), held)
  found <- restricted_maxima(fit$model, problem, starts, held)
  careful <- restricted_maxima.migration_model(fit$model, problem, starts, held)
  expect_equal(found$value, careful$value, tolerance = 1e-8)
  expect_equal(found$theta, careful$theta, tolerance = 1e-4)
  parts <- occasion_likelihoods(fit$model, fit, design)(found$theta, found$logsum)
  expect_equal(colSums(parts), careful$value, tolerance = 1e-8)
})

test_that("long data, place constants, weights and nested models are shared out too", {
  long <- long_fit(chosen ~ rent + distance + keep(size), firm = "firm", time = "year")
  expect_equal(attribute_moves(long, causes)$table, attribute_moves(small_fit(), causes)$table, tolerance = 1e-4)
  absorbed <- fit_migration(~ distance + keep(size) | place, relocation_data(), weights = w, control = one_thread())
  found <- attribute_moves(absorbed, causes[-1])
  none <- fit_migration(~ stay | place, relocation_data(), weights = w, control = one_thread())
  expect_equal(found$none, as.numeric(logLik(none)), tolerance = 1e-6)
  nest <- suppressWarnings(small_fit(~ rent + distance, model = nested(~region, lambda = "one")))
  shares <- attribute_moves(nest, causes[1:2])
  expect_equal(sum(shares$table$estimate), shares$all - shares$none)
  expect_true(all(is.finite(shares$table$std.error)))
})

test_that("blocks of Owen sum to Shapley values of the blocks", {
  fit <- small_fit(~ rent + distance + wage + keep(size))
  four <- c(causes, list(wage = "wage"))
  owen <- attribute_moves(fit, four, method = "owen", blocks = list(places = c("rent", "wage")))
  merged <- attribute_moves(fit, list(places = c("rent", "wage"), distance = "distance", size = "keep(size)"))
  at <- match(merged$table$group, owen$blocks$block)
  expect_equal(owen$blocks$estimate[at], merged$table$estimate, tolerance = 1e-5)
  expect_equal(owen$blocks$std.error[at], merged$table$std.error, tolerance = 1e-3)
})

test_that("influence errors are those of the bootstrap", {
  fit <- small_fit()
  influence <- attribute_moves(fit, causes)$table
  boot <- attribute_moves(fit, causes, draws = 150, seed = 3)$table
  expect_equal(boot$std.error, influence$std.error, tolerance = 0.3)
  expect_equal(boot$estimate, influence$estimate)
})

test_that("moves with groups at their reference follow the definition", {
  data <- relocation_data()
  fit <- small_fit(~ rent + push(wage) + distance + keep(size))
  groups <- list(rent = "rent", wage = "push(wage)", distance = "distance", size = "keep(size)")
  found <- attribute_moves(fit, groups, what = "moves")
  # the same by changing the data: rents equal, all else at the mean over what is on offer
  home <- match(data$firms$from, data$place)
  b <- coef(fit)
  v <- predict(fit, type = "utility")
  own <- cbind(1:400, home)
  pairs <- data$ties$ties$data
  distance <- matrix(0, 6, 6)
  distance[cbind(match(pairs$from, data$place), match(pairs$to, data$place))] <- pairs$distance
  away <- matrix(1, 400, 6)
  away[own] <- 0
  parts <- list(
    b[["rent"]] * matrix(data$places$rent, 400, 6, byrow = TRUE),
    b[["push(wage)"]] * data$places$wage[home] * away, b[["distance"]] * distance[home, ] * away,
    b[["keep(size)"]] * data$firms$size * (1 - away)
  )
  mean_of <- list(
    function(x) 0 * x, function(x) mean(x[away == 1]) * away, function(x) mean(x[away == 1]) * away,
    function(x) mean(x[away == 0]) * (1 - away)
  )
  value <- function(member) {
    u <- v
    for (k in which(!member)) u <- u - parts[[k]] + mean_of[[k]](parts[[k]])
    p <- exp(u) / rowSums(exp(u))
    sum(1 - p[own])
  }
  expect_equal(found$table$estimate, by_orders(value, 4, all_orders(4)), tolerance = 1e-8)
  expect_equal(c(found$none, found$all), c(value(logical(4)), value(!logical(4))), tolerance = 1e-10)
  # gradients against differences, and draws
  design <- fit_design(fit)
  space <- theta_space(fit, design)
  frame <- moves_frame(fit, design, attribution_groups(fit, groups), "mean")
  plan <- exact_plan(4)
  of <- function(theta) {
    at <- replace(space, "theta", list(theta))
    drop(crossprod(plan$weights, moves_values(fit, design, found$groups, plan, frame, at, FALSE)$value))
  }
  expect_equal(found$table$std.error, delta_errors(of, space), tolerance = 1e-4)
  drawn <- attribute_moves(fit, groups, what = "moves", draws = 100, seed = 1)
  expect_equal(drawn$table$std.error, found$table$std.error, tolerance = 0.35)
})

test_that("the path splits a change of one index as the index is split", {
  data <- two_place_data()
  fit <- fit_migration(~ keep(size) + keep(age) + keep(kin), data, control = one_thread())
  groups <- list(size = "keep(size)", age = "keep(age)", kin = "keep(kin)")
  found <- attribute_moves(fit, groups, what = "moves", method = "path")
  firms <- data$firms
  b <- coef(fit)
  x <- as.matrix(firms[c("size", "age", "kin")])
  mean <- b[["stay"]] + sum(colMeans(x) * b[-1])
  change <- sweep(x, 2, colMeans(x)) * rep(b[-1], each = nrow(x))
  p <- function(eta) 1 / (1 + exp(eta))
  total <- p(mean + rowSums(change)) - p(mean)
  expect_equal(found$table$estimate, unname(colSums(change / rowSums(change) * total)), tolerance = 1e-6)
  expect_equal(sum(found$table$estimate), found$all - found$none, tolerance = 1e-8)
  expect_true(all(found$table$std.error > 0))
})

test_that("known contributions are recovered", {
  # independent causes of one index: each one's share is near that of its variance
  data <- two_place_data(n = 6000, seed = 5)
  fit <- fit_migration(~ keep(size) + keep(age) + keep(kin), data, control = one_thread())
  found <- attribute_moves(fit, list(size = "keep(size)", age = "keep(age)", kin = "keep(kin)"))
  known <- c(0.8^2, 0.5^2, 0) / (0.8^2 + 0.5^2)
  expect_true(all(abs(found$table$share - known) < 0.08))
  expect_true(found$table$share.low[1] < known[1] && known[1] < found$table$share.high[1])
})

test_that("more than twelve groups are sampled", {
  set.seed(1)
  data <- two_place_data(n = 150)
  for (k in 1:13) data$firms[[paste0("z", k)]] <- stats::rnorm(150)
  fit <- fit_migration(reformulate(paste0("keep(z", 1:13, ")")), data, control = one_thread())
  groups <- as.list(stats::setNames(paste0("keep(z", 1:13, ")"), paste0("z", 1:13)))
  found <- attribute_moves(fit, groups, permutations = 8, seed = 1)
  expect_true(all(found$table$sampling.error > 0))
  expect_equal(sum(found$table$estimate), found$all - found$none)
})

test_that("messages, prints and pictures of attributions", {
  fit <- small_fit()
  expect_snapshot(error = TRUE, {
    attribute_moves(fit, list(cost = "rents"))
    attribute_moves(fit, list("rent"))
    attribute_moves(fit, list(a = "rent", b = "rent"))
    attribute_moves(fit, causes, method = "owen", blocks = list(a = "wage"))
    attribute_moves(fit, causes, method = "owen", blocks = list(a = "distanc"))
    attribute_moves(fit, causes, blocks = list(a = "rent"))
    attribute_moves(fit, causes, method = "path")
    attribute_moves(fit, causes, what = "moves", reference = "median")
    attribute_moves(fit, causes, what = "moves", reference = c(rents = 1))
  })
  expect_snapshot(print(attribute_moves(fit), digits = 3))
  expect_snapshot(print(attribute_moves(fit, what = "moves", reference = "zero"), digits = 3))
  skip_if_not_installed("ggplot2")
  expect_s3_class(ggplot2::autoplot(attribute_moves(fit, causes), share = TRUE), "ggplot")
})

test_that("a firm drawn twice counts twice, with one set of coefficients, in models of firms", {
  for (model in c("mixed", "latent")) {
    fit <- fit_of(model)
    design <- fit_design(fit)
    groups <- attribution_groups(fit, list(x = "x", y = "y"))
    plan <- exact_plan(2)
    value <- function(weights) {
      likelihood_values(fit, design, groups, plan, weights = rep(weights, length(design$occasion)))$value
    }
    expect_equal(value(2), 2 * value(1), tolerance = 1e-7, info = model)
  }
})
