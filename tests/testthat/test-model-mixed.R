# Places with random coefficients: firms differ in rent and staying, and choose several times
panel_long <- function(firms = 120, times = 6, seed = 21, sd = c(x = 1, y = 0.7)) {
  set.seed(seed)
  n <- firms * times
  long <- data.frame(
    firm = rep(seq_len(firms), each = 4 * times), id = rep(seq_len(n), each = 4), place = rep(letters[1:4], n),
    x = stats::rnorm(4 * n), y = stats::rnorm(4 * n), z = stats::runif(4 * n)
  )
  b <- cbind(0.8 + sd[["x"]] * stats::rnorm(firms), -0.5 + sd[["y"]] * stats::rnorm(firms))
  value <- long$x * b[long$firm, 1] + long$y * b[long$firm, 2] - long$z + gumbel(nrow(long))
  long$chosen <- as.integer(value == stats::ave(value, long$id, FUN = max))
  long
}

panel_data <- function(...) choice_data(panel_long(...), "chosen", "id", "place", firm = "firm")

evaluate_at <- function(spec, kernel, theta, order = 2L, threads = 1L) {
  .Call(C_evaluate, spec, kernel, theta, order, list(threads = threads))
}

# Largest relative distance of score and information from differences at a random point
derivative_errors <- function(formula, data, model, step = 1e-3) {
  design <- migration_design(formula, data, env = globalenv())
  setup <- suppressWarnings(model_setup(model, data, design))
  n <- nrow(design$terms) + length(design$effects)
  theta <- c(stats::rnorm(n, sd = 0.5), stats::runif(length(setup$start), 0.2, 0.7))
  at <- evaluate_at(design$spec, setup$kernel, theta)
  slope <- function(part, order) {
    vapply(seq_along(theta), function(k) {
      value <- function(by) {
        evaluate_at(design$spec, setup$kernel, replace(theta, k, theta[k] + by * step), order)[[part]]
      }
      (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * step)
    }, if (order == 0L) 0 else theta)
  }
  c(
    score = max(abs(slope("value", 0L) - at$score) / pmax(1, abs(at$score))),
    information = max(abs(slope("score", 1L) + at$information)) / max(abs(at$information))
  )
}

test_that("score and information are derivatives, for every distribution and storage", {
  set.seed(1)
  relational <- relocation_data(60)
  ragged <- ragged_data(50)
  for (kind in setdiff(distributions$short, "tn")) {
    for (panel in c(TRUE, FALSE)) {
      model <- mixed(c(stay = kind, rent = kind), draws = 20, panel = panel)
      expect_lt(max(derivative_errors(~ rent + distance + size:rent, relational, model)), 1e-6)
      model <- mixed(c(distance = kind), draws = 20, panel = panel)
      expect_lt(max(derivative_errors(~ rent + distance | place, relational, model)), 1e-6)
      # more draws than fit a batch
      model <- mixed(c(x = kind, z = "n"), draws = 140, panel = panel)
      expect_lt(max(derivative_errors(~ x + y + z, ragged, model)), 1e-6)
    }
  }
})

test_that("so they are for correlated coefficients and in willingness-to-pay space", {
  set.seed(2)
  relational <- relocation_data(60)
  ragged <- ragged_data(50)
  for (kind in c("n", "ln", "sb")) {
    for (correlated in list(TRUE, c("stay", "rent"))) {
      model <- mixed(c(stay = kind, rent = "nln", distance = "n"), correlated, draws = 20)
      expect_lt(max(derivative_errors(~ rent + distance, relational, model)), 1e-6)
    }
    for (price in c("x", "z")) {
      model <- mixed(c(x = kind, y = "n"), TRUE, draws = 20, space = "wtp", price = price)
      expect_lt(max(derivative_errors(~ x + y + z, ragged, model)), 1e-6)
    }
    model <- mixed(c(rent = kind), draws = 20, space = "wtp", price = "rent")
    expect_lt(max(derivative_errors(~ rent + distance, relational, model)), 1e-6)
  }
})

test_that("the score of a censored coefficient is right between the kinks, its information on average", {
  set.seed(3)
  expect_lt(derivative_errors(~ x + y + z, ragged_data(50), mixed(c(x = "tn"), draws = 20), 1e-7)[["score"]], 1e-5)
  # the mean of many steps over the kinks is what the kernel estimates
  errors <- derivative_errors(~ x + y + z, ragged_data(50), mixed(c(x = "tn"), draws = 20000), 0.03)
  expect_lt(errors[["information"]], 0.02)
})

test_that("without spread it is the conditional logit", {
  data <- relocation_data()
  plain <- fit_migration(~ rent + distance, data)
  fit <- fit_migration(~ rent + distance, data, mixed(c(stay = "normal"), draws = 8),
    control = migration_control(fixed = c("sd:stay" = 0))
  )
  expect_equal(coef(fit)[1:3], coef(plain), tolerance = 1e-8)
  expect_equal(fit$loglik, plain$loglik, tolerance = 1e-12)
  expect_equal(vcov(fit)[1:3, 1:3], vcov(plain), tolerance = 1e-6)
  one <- fit_migration(~ rent + distance, data, mixed(c(stay = "normal"), draws = matrix(0, 2, 1)),
    control = migration_control(fixed = c("sd:stay" = 1))
  )
  expect_equal(coef(one)[1:3], coef(plain), tolerance = 1e-8)
})

test_that("long and relational data agree, and so do any number of threads", {
  fit <- fit_migration(~ rent + distance, relocation_data(), mixed(c(stay = "normal", rent = "normal"), draws = 64))
  long <- fit_migration(chosen ~ rent + distance, relocation_long(), mixed(c(stay = "n", rent = "n"), draws = 64),
    id = "id", place = "place", from = "from", firm = "firm"
  )
  expect_equal(fit$loglik, long$loglik, tolerance = 1e-9)
  design <- fit_design(fit)
  one <- evaluate_at(design$spec, design$kernel, design$theta, threads = 1L)
  for (threads in 2:3) {
    expect_identical(evaluate_at(design$spec, design$kernel, design$theta, threads = threads), one)
  }
})

test_that("known coefficients are found again, and individual ones follow the firms", {
  long <- panel_long()
  data <- choice_data(long, "chosen", "id", "place", firm = "firm")
  fit <- fit_migration(~ x + y + z, data, mixed(c(x = "normal", y = "normal"), draws = 128, precision = 1))
  truth <- c(x = 0.8, y = -0.5, z = -1, "sd:x" = 1, "sd:y" = 0.7)
  expect_identical(names(coef(fit)), names(truth))
  expect_lt(max(abs(coef(fit) - truth) / sqrt(diag(vcov(fit)))), 3)
  expect_gt(fit$loglik, fit_migration(~ x + y + z, data)$loglik + 20)
  set.seed(21)
  n <- 120 * 6
  invisible(c(stats::rnorm(4 * n), stats::rnorm(4 * n), stats::runif(4 * n)))
  of_firm <- 0.8 + stats::rnorm(120)
  each <- individual(fit)
  expect_named(each, c("firm", "occasions", "x", "y", "sd:x", "sd:y"))
  expect_identical(each$occasions, rep(6L, 120))
  expect_gt(stats::cor(each$x, of_firm), 0.7)
  # means over firms are the means of the distribution, spreads add up
  expect_equal(mean(each$x), coef(fit)[["x"]], tolerance = 0.05)
  expect_equal(sqrt(stats::var(each$x) + mean(each[["sd:x"]]^2)), coef(fit)[["sd:x"]], tolerance = 0.1)
})

test_that("weights count as so many firms, and must not differ within one", {
  long <- panel_long(30, 3)
  data <- choice_data(long, "chosen", "id", "place", firm = "firm")
  model <- mixed(c(x = "normal"), draws = 64, check_draws = 0)
  double <- fit_migration(~ x + y, data, model, weights = rep(2, nrow(long)))
  fit <- fit_migration(~ x + y, data, model)
  expect_equal(coef(double), coef(fit), tolerance = 1e-6)
  expect_equal(vcov(double), vcov(fit) / 2, tolerance = 1e-5)
  expect_snapshot(error = TRUE, fit_migration(~ x + y, data, model, weights = 1 + (long$id %% 3 == 0)))
})

test_that("every method of a fit works", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data, mixed(c(stay = "normal", rent = "nln"), draws = 64, precision = 5))
  expect_snapshot(print(summary(fit)))
  expect_snapshot(print(fit))
  scores <- estfun.migration_fit(fit)
  expect_identical(dim(scores), c(200L, 5L))
  expect_lt(max(abs(colSums(scores)) * sqrt(diag(vcov(fit)))), 1e-4)
  for (type in c("opg", "robust", "cluster")) expect_true(all(is.finite(vcov(fit, type = type))))
  expect_equal(vcov(fit, type = "cluster"), vcov(fit, type = "robust") * 200 / 199, tolerance = 1e-10)
  expect_error(vcov(fit, cluster = ~year), class = "firmmove_error_cluster")
  p <- predict(fit)
  expect_equal(unname(rowSums(p)), rep(1, 400), tolerance = 1e-12)
  expect_equal(predict(fit, newdata = data$firms[1:5, ]), p[1:5, ], tolerance = 1e-12, ignore_attr = TRUE)
  expect_equal(sum(predict(fit, type = "flows")$flow), 400, tolerance = 1e-10)
  expect_length(predict(fit, type = "logsum"), 400)
  expect_identical(dim(predict(fit, type = "utility")), c(400L, 6L))
  expect_s3_class(predict(fit, type = "choice"), "factor")
  expect_length(fitted(fit), 400)
  expect_length(residuals(fit), 400)
  expect_identical(dim(simulate(fit, 2, seed = 1)), c(400L, 2L))
  expect_identical(tidy(fit)$group[4:5], c("sd", "sd"))
  expect_identical(nrow(glance(fit)), 1L)
  expect_true(".fitted" %in% names(augment(fit)))
  expect_identical(nrow(confint(fit)), 5L)
  expect_s3_class(anova(fit_migration(~ rent + distance, data), fit), "anova")
  expect_named(coef(suppressWarnings(update(fit, . ~ . - distance))), c("stay", "rent", "sd:stay", "sd:rent"))
  skip_if_not_installed("ggplot2")
  expect_s3_class(autoplot.migration_fit(fit), "ggplot")
})

test_that("predictions average over the distribution", {
  data <- relocation_data(60)
  model <- mixed(c(stay = "lognormal"), draws = 2000, check_draws = 0)
  fit <- suppressWarnings(fit_migration(~rent, data, model, start = c(stay = 0.3, "sd:stay" = 0.8),
    control = migration_control(max_iterations = 1)
  ))
  b <- coef(fit)
  z <- stats::qnorm((seq_len(4000) - 0.5) / 4000)
  stay <- exp(b[["stay"]] + b[["sd:stay"]] * z)
  rent <- relocation()$places$rent
  origin <- match(data$firms$from[1], letters)
  v <- outer(stay, seq_len(6) == origin) + rep(b[["rent"]] * rent, each = 4000)
  expect_equal(unname(predict(fit)[1, ]), colMeans(exp(v) / rowSums(exp(v))), tolerance = 1e-3)
  expect_equal(predict(fit, type = "logsum")[[1]], mean(log(rowSums(exp(v)))), tolerance = 1e-3)
  expect_equal(predict(fit, type = "utility")[1, origin][[1]], mean(stay) + b[["rent"]] * rent[origin], tolerance = 1e-3)
})

test_that("willingness-to-pay space with nothing random is the conditional logit", {
  data <- panel_data(40, 4)
  plain <- fit_migration(~ x + y + z, data)
  fit <- fit_migration(~ x + y + z, data, mixed(space = "wtp", price = "z"))
  b <- coef(plain)
  expect_equal(fit$loglik, plain$loglik, tolerance = 1e-10)
  expect_equal(unname(coef(fit)), unname(c(-b[1:2] / b[3], b[3])), tolerance = 1e-6)
  expect_equal(predict(fit), predict(plain), tolerance = 1e-6)
  random <- fit_migration(~ x + y + z, data, mixed(c(x = "normal"), space = "wtp", price = "z", draws = 64, precision = 5))
  expect_identical(random$convergence$code, 0L)
  expect_gt(random$loglik, plain$loglik)
})

test_that("spreads are positive, whatever the sign the maximum was found with", {
  data <- panel_data(60, 4)
  model <- mixed(c(x = "normal", y = "normal"), TRUE, draws = 64, precision = 5)
  fit <- fit_migration(~ x + y, data, model)
  design <- fit_design(fit)
  expect_true(all(coef(fit)[c("chol:x,x", "chol:y,y")] > 0))
  raw <- list(theta = c(0, 0, -1, 0.5, 2), score = 1:5, step = 1:5, direction = 1:5, information = diag(5),
              covariance = matrix(1, 5, 5), combine = matrix(0, 5, 5))
  problem <- list(
    setup = list(kernel = design$kernel), layout = list(extra = 3:5, total = 5L), held = list(is = rep(FALSE, 5))
  )
  turned <- positive_spreads(raw, problem)
  expect_identical(turned$theta, c(0, 0, 1, -0.5, 2))
  expect_identical(turned$sign, design$kernel$sign * c(-1, 1))
  kernel <- design$kernel
  kernel$sign <- turned$sign
  theta <- c(design$theta[1:2], design$theta[3:5] * c(-1, -1, 1))
  expect_equal(evaluate_at(design$spec, kernel, theta, 0L)$value, fit$loglik, tolerance = 1e-12)
})

test_that("starts are recorded, and a fit with few draws warns", {
  data <- panel_data(60, 4)
  set.seed(5)
  fit <- suppressWarnings(fit_migration(~ x + y, data, mixed(c(x = "normal"), draws = 64, starts = 3)))
  expect_identical(nrow(fit$starts), 3L)
  expect_equal(fit$starts$loglik, rep(fit$loglik, 3), tolerance = 1e-6)
  expect_warning(
    few <- fit_migration(~ x + y, data, mixed(c(x = "normal", y = "normal"), draws = 4, precision = 0.01)),
    class = "firmmove_warning_draws"
  )
  expect_named(few$simulation$coefficients, names(coef(few)))
  expect_gt(few$simulation$loglik, 0)
})

test_that("a distribution on the wrong side of zero is named", {
  expect_warning(
    fit_migration(~ rent + distance, relocation_data(), mixed(c(rent = "lognormal"), draws = 32, check_draws = 0)),
    "Shrunk to 0: the distribution of `rent`",
    class = "firmmove_warning_edge"
  )
})

test_that("a model of many places has few rows in memory", {
  set.seed(9)
  places <- data.frame(place = sprintf("p%03d", 1:300), rent = stats::rnorm(300), wage = stats::rnorm(300))
  from <- sample(places$place, 300, replace = TRUE)
  b <- stats::rnorm(100)[rep(1:100, 3)]
  v <- outer(b, places$rent) + 4 * outer(from, places$place, "==") + gumbel(300 * 300)
  firms <- data.frame(firm = rep(1:100, 3), year = rep(1:3, each = 100), from = from, to = places$place[max.col(v)])
  data <- migration_data(firms, places, time = "year")
  fit <- fit_migration(~ rent + wage, data, mixed(c(rent = "normal"), draws = 64, precision = 5))
  expect_identical(fit$convergence$code, 0L)
  expect_lt(abs(coef(fit)[["sd:rent"]] - 1), 3 * sqrt(vcov(fit)["sd:rent", "sd:rent"]))
})

test_that("moments of the distributions are right", {
  set.seed(8)
  z <- stats::rnorm(2e5)
  u <- stats::runif(2e5)
  tri <- ifelse(u < 0.5, sqrt(2 * u) - 1, 1 - sqrt(2 * (1 - u)))
  draws <- list(
    normal = 0.3 + 0.6 * z, lognormal = exp(0.3 + 0.6 * z), negative_lognormal = -exp(0.3 + 0.6 * z),
    truncated_normal = pmax(0, 0.3 + 0.6 * z), uniform = 0.3 + 0.6 * (2 * u - 1), triangular = 0.3 + 0.6 * tri,
    johnson_sb = -1 + 3 * stats::plogis(0.3 + 0.6 * z)
  )
  for (kind in names(draws)) {
    x <- draws[[kind]]
    expect_equal(
      coefficient_moments(c(0.3, 0.6), kind, c(-1, 2)), c(mean = mean(x), median = stats::median(x), sd = stats::sd(x)),
      tolerance = 0.01
    )
    expect_equal(share_positive(c(0.3, 0.6), kind, c(-1, 2)), mean(x > 0), tolerance = 0.01)
  }
  expect_identical(coefficient_moments(c(0.3, 0), "truncated_normal")[["mean"]], 0.3)
})

test_that("what is wrong is named", {
  data <- relocation_data(60)
  expect_snapshot(error = TRUE, fit_migration(~ rent + distance, data, mixed(c(rnet = "normal"))))
  expect_snapshot(error = TRUE, mixed(c(rent = "lognorml")))
  expect_snapshot(error = TRUE, mixed())
  expect_snapshot(error = TRUE, mixed(c(rent = "normal"), space = "wtp"))
  expect_snapshot(error = TRUE, mixed(c(rent = "normal", stay = "uniform"), correlated = c("rent", "stay")))
  expect_snapshot(error = TRUE, mixed(c(rent = "normal"), bounds = list(rent = c(0, 1))))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, mixed(c(rent = "n"), draws = matrix(0, 5, 2))))
  expect_snapshot(error = TRUE, fit_migration(~rent, data, mixed(c(rent = "n"), draws = 8), start = c("sd:rent" = -1)))
  expect_snapshot(error = TRUE, fit_migration(~ rent | place, data, mixed(space = "wtp", price = "rent")))
  long <- ragged_long(40)
  long$same <- rep(stats::rnorm(40), table(long$id))
  long$both <- long$x + long$y
  cross <- choice_data(long, "chosen", "id", "place")
  expect_warning(fit_migration(~x, cross, mixed(c(x = "n"), draws = 8, precision = 9)), class = "firmmove_warning_panel")
  expect_snapshot(error = TRUE, fit_migration(~ x + same:z + y + both, cross, mixed(c(both = "n"), panel = FALSE)))
  tables <- relocation(60)
  tables$places$flat <- 1
  flat <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_snapshot(error = TRUE, fit_migration(~ flat + rent, flat, mixed(c(flat = "n"))))
  expect_snapshot(error = TRUE, individual(fit_migration(~rent, data)))
  expect_snapshot(print(mixed(c(stay = "n", rent = "ln"), TRUE, draws = 100, sequence = "halton")))
})

test_that("with its draws the likelihood and the estimates are mlogit's", {
  skip_if_not_installed("mlogit")
  skip_if_not_installed("dfidx")
  data("Electricity", package = "mlogit", envir = environment())
  wide <- Electricity[Electricity$id <= 40, ]
  wide$chid <- seq_len(nrow(wide))
  indexed <- dfidx::dfidx(wide, idx = list(c("chid", "id")), choice = "choice", varying = 3:26, sep = "")
  columns <- c("pf", "cl", "loc", "wk", "tod", "seas")
  random <- c(cl = "n", loc = "n", wk = "u", tod = "t")
  peer <- mlogit::mlogit(choice ~ pf + cl + loc + wk + tod + seas | 0, indexed,
    rpar = random, R = 40, halton = NA, panel = TRUE
  )
  set.seed(10)
  normals <- mlogit:::make.random.nb(40 * 40, 4, NA)
  draws <- aperm(array(normals, c(40, 40, 4)), c(2, 1, 3))
  long <- as.data.frame(indexed)
  flat <- data.frame(unclass(long$idx)[c("chid", "id")], alt = as.character(long$idx[[3]]))
  flat <- cbind(flat, lapply(long[columns], as.numeric), choice = as.integer(long$choice))
  data <- choice_data(flat, "choice", "chid", "alt", firm = "id")
  formula <- ~ pf + cl + loc + wk + tod + seas - stay
  fit <- fit_migration(formula, data, mixed(random, draws = draws))
  # few draws make several maxima: the one of mlogit is found from its own estimates, its spreads made positive
  at_peer <- function(start) {
    turned <- array(rep(sign(start[7:10]), each = 1600), dim(draws)) * draws
    start[7:10] <- abs(start[7:10])
    fit_migration(formula, data, mixed(random, draws = turned), start = start)
  }
  spread <- c("sd.cl", "sd.loc", "sd.wk", "sd.tod")
  theta <- unname(stats::coef(peer)[c(columns, spread)])
  design <- fit_design(fit)
  design$kernel$sign <- rep(1, 4)
  expect_equal(evaluate_at(design$spec, design$kernel, theta, 0L)$value, as.numeric(logLik(peer)), tolerance = 1e-9)
  expect_gte(fit$loglik, as.numeric(logLik(peer)) - 1e-6)
  expect_equal(unname(coef(at_peer(theta))), c(theta[1:6], abs(theta[7:10])), tolerance = 1e-3)
})

test_that("with its draws the likelihood and the estimates are logitr's", {
  skip_if_not_installed("logitr")
  yogurt <- as.data.frame(logitr::yogurt[logitr::yogurt$id <= 30, ])
  peer <- suppressMessages(logitr::logitr(yogurt, "choice", "obsID", c("price", "feat", "brand"),
    panelID = "id", randPars = c(feat = "n", brand = "n"), numDraws = 50, numThreads = 1
  ))
  brands <- paste0("brand", c("hiland", "weight", "yoplait"))
  normals <- peer$standardDraws[, 2:5]
  random <- stats::setNames(rep("n", 4), c("feat", brands))
  data <- choice_data(yogurt, "choice", "obsID", "alt", firm = "id")
  # 50 draws that all households share make several maxima; from its estimates we find logitr's
  theta <- unname(stats::coef(peer))
  turned <- normals * rep(sign(theta[6:9]), each = 50)
  start <- c(theta[1:5], abs(theta[6:9]))
  fit <- fit_migration(~ price + feat + brand, data, mixed(random, draws = turned), start = start)
  expect_equal(unname(coef(fit)), start, tolerance = 1e-3)
  design <- fit_design(fit)
  design$kernel$sign <- rep(1, 4)
  expect_equal(evaluate_at(design$spec, design$kernel, start, 0L)$value, as.numeric(logLik(peer)), tolerance = 1e-9)
})
