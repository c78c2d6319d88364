# Attributes of choosers that have nothing to do with the choice, and nests (Statalist 2002-11, msg00085)
noise_choices <- function(seed, n = 150L) {
  set.seed(seed)
  who <- data.frame(id = seq_len(n), a = rnorm(n), b = rnorm(n), c = rnorm(n))
  end <- sample(c("bankrupt", "jv", "foreign", "local"), n, TRUE, c(26, 61, 32, 31))
  places <- data.frame(alt = c("bankrupt", "jv", "foreign", "local"), nest = c("dead", "alive", "alive", "alive"))
  long <- merge(who, places)
  long <- long[order(long$id), ]
  long$y <- as.integer(long$alt == end[long$id])
  long
}

fit_noise <- function(seed) {
  fit_migration(y ~ alt:a + alt:b + alt:c | alt, noise_choices(seed), nested(~nest),
    id = "id", place = "alt", control = one_thread()
  )
}

test_that("a lambda that runs to 0 is named, held and has no standard error; the others have honest ones", {
  expect_warning(fit <- fit_noise(4), "`lambda:alive` runs to 0", class = "firmmove_warning_border")
  expect_identical(fit$border, c("lambda:alive" = "0"))
  expect_identical(fit$convergence$code, 0L)
  expect_equal(coef(fit)[["lambda:alive"]], 1e-5)
  se <- sqrt(diag(vcov(fit)))
  expect_true(is.na(se[["lambda:alive"]]))
  expect_true(all(se[-10L] > 0.2 & se[-10L] < 0.4))
  # beside lambda, the errors are those of the fit with lambda held there
  beside <- suppressWarnings(update(fit, control = one_thread(fixed = c("lambda:alive" = 1e-5)), start = coef(fit)))
  expect_equal(as.numeric(logLik(beside)), as.numeric(logLik(fit)), tolerance = 1e-8)
  expect_equal(sqrt(diag(vcov(beside)))[-10L], se[-10L], tolerance = 1e-4)
  expect_output(print(summary(fit)), "At a border, without standard error: `lambda:alive`", fixed = TRUE)
})

test_that("noise with nests is never silent", {
  for (seed in c(1, 2, 5, 6, 13, 48)) {
    said <- tryCatch(
      {
        fit_noise(seed)
        "nothing"
      },
      warning = function(w) class(w)[1L]
    )
    expect_true(said %in% c("firmmove_warning_border", "firmmove_warning_lambda"))
  }
})

test_that("choices that are certain within nests end at lambda 0 in few passes", {
  set.seed(1)
  n <- 400L
  places <- data.frame(place = letters[1:12], region = rep(c("n", "s", "e"), each = 4), x = rnorm(12))
  best <- vapply(split(seq_len(12), places$region), function(i) i[which.max(places$x[i])], 0L)
  firms <- data.frame(firm = seq_len(n), from = sample(places$place, n, TRUE))
  firms$to <- ifelse(runif(n) < 0.3, firms$from, places$place[sample(best, n, TRUE)])
  data <- migration_data(firms, places)
  expect_warning(
    fit <- fit_migration(~x, data, nested(~region, "one"), control = one_thread()), "`lambda` runs to 0",
    class = "firmmove_warning_border"
  )
  expect_lt(fit$convergence$evaluations, 60)
  expect_true(is.na(sqrt(vcov(fit)["lambda", "lambda"])))
})

test_that("a small lambda inside its domain is a number with an error, not a border", {
  set.seed(2)
  n <- 3000L
  places <- data.frame(place = letters[1:6], region = rep(c("n", "s"), each = 3L), x = c(0, 1, 2, 800, 802, 801))
  slope <- 1e-3
  lambda <- 5e-4
  inside <- split(places$x * slope / lambda, places$region)
  p <- lapply(inside, function(v) exp(v - max(v)) / sum(exp(v - max(v))))
  value <- lambda * vapply(inside, function(v) max(v) + log(sum(exp(v - max(v)))), 0)
  north <- 1 / (1 + exp(value[["s"]] - value[["n"]]))
  goes <- unlist(Map(`*`, p, c(north, 1 - north)))
  firms <- data.frame(firm = seq_len(n), from = NA_character_, to = sample(places$place, n, TRUE, goes))
  fit <- suppressMessages(
    fit_migration(~x, migration_data(firms, places), nested(~region, "one"), control = one_thread())
  )
  expect_length(fit$border, 0L)
  se <- sqrt(vcov(fit)["lambda", "lambda"])
  expect_true(is.finite(se))
  expect_lt(abs(coef(fit)[["lambda"]] - lambda), 4 * se)
})

test_that("many lambda that run to 0 do so together, in few passes", {
  set.seed(1)
  places <- data.frame(place = sprintf("p%03d", 1:200), region = sprintf("r%02d", 0:199 %% 20L), x = rnorm(200), z = rnorm(200))
  best <- vapply(split(1:200, places$region), function(i) i[which.max(places$x[i])], 0L)
  firms <- data.frame(firm = 1:2000, from = sample(places$place, 2000, TRUE))
  firms$to <- ifelse(runif(2000) < 0.3, firms$from, places$place[sample(best, 2000, TRUE, exp(places$x[best]))])
  data <- migration_data(firms, places)
  expect_warning(
    fit <- fit_migration(~ x + z, data, nested(~region), control = one_thread()), class = "firmmove_warning_border"
  )
  expect_identical(unname(fit$border), rep("0", 20L))
  expect_equal(as.numeric(logLik(fit)), -5331.64135429, tolerance = 1e-10)
  expect_lt(fit$convergence$iterations, 45)
})

test_that("a spread that runs to 0 is named", {
  set.seed(3)
  n <- 300L
  long <- data.frame(id = rep(seq_len(n), each = 3L), alt = letters[1:3], x = rnorm(3 * n))
  u <- long$x - log(-log(runif(3 * n)))
  long$y <- as.integer(u == ave(u, long$id, FUN = max))
  fit <- suppressWarnings(fit_migration(y ~ x, long, mixed(c(x = "normal"), panel = FALSE, draws = 64, check_draws = 0),
    id = "id", place = "alt", control = one_thread()
  ))
  if (abs(coef(fit)[["sd:x"]]) < 1e-3) {
    expect_identical(fit$border, c("sd:x" = "0"))
  } else {
    expect_length(fit$border, 0L)
  }
})

test_that("weights of any size give the same estimates", {
  long <- noise_choices(1)
  fit <- function(w) {
    fit_migration(y ~ a:alt | alt, long, id = "id", place = "alt", weights = rep(w, nrow(long)), control = one_thread())
  }
  plain <- fit(1)
  for (w in c(1e-300, 1e-12, 1e12)) {
    expect_equal(coef(fit(w)), coef(plain), tolerance = 1e-10)
    expect_equal(vcov(fit(w)) * w, vcov(plain), tolerance = 1e-8)
  }
})

test_that("terms too large are named", {
  long <- noise_choices(1)
  long$huge <- long$a * 1e200
  expect_error(
    fit_migration(y ~ huge:alt + b:alt, long, id = "id", place = "alt"), "huge", class = "firmmove_error_overflow"
  )
})
