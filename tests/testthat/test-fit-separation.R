# A dummy that is never chosen, among three places
never_chosen <- function() {
  set.seed(1)
  n <- 200L
  long <- data.frame(id = rep(seq_len(n), each = 3L), alt = rep(letters[1:3], n), x = rnorm(3 * n), z = rnorm(3 * n))
  u <- long$x - long$z - log(-log(runif(3 * n)))
  long$y <- as.integer(u == ave(u, long$id, FUN = max))
  long$s <- as.integer(long$y == 0 & runif(3 * n) < 0.1)
  long$nest <- ifelse(long$alt == "a", "one", "two")
  long
}

test_that("every model names a term that separates, and only that", {
  long <- never_chosen()
  crossed <- data.frame(place = c("a", "b", "b", "c"), nest = c("one", "one", "two", "two"), allocation = c(1, 0.5, 0.5, 1))
  models <- list(
    conditional(), nested(~nest), nested(~nest, "one"), cross_nested(crossed),
    mixed(c(x = "normal"), panel = FALSE, draws = 32, check_draws = 0), latent(1)
  )
  fit <- function(model, formula = y ~ x + z + s) {
    fit_migration(formula, long, model, id = "id", place = "alt", control = one_thread())
  }
  plain <- fit(conditional(), y ~ x + z)
  expect_identical(plain$convergence$code, 0L)
  for (model in models) {
    expect_warning(
      suppressMessages(found <- withCallingHandlers(fit(model), firmmove_warning_border = function(w) {
        invokeRestart("muffleWarning")
      }, firmmove_warning_lambda = function(w) invokeRestart("muffleWarning"))),
      "separate along `s[:class1]*` \\(towards -Inf\\)\\.", class = "firmmove_warning_separated"
    )
    expect_identical(found$convergence$code, 3L)
    at <- grep("^s(:|$)", names(coef(found)))
    expect_true(all(is.na(summary(found)$coefficients[at, 2L])))
    expect_true(all(summary(found)$coefficients[c("x", "z")[seq_len(2L * !inherits(model, "latent_model"))], 2L] < 0.5))
  }
})

test_that("nests of voters and non-voters, one group of which always chooses alike (mlogit, issue 13)", {
  voters <- data.frame(
    id = 1:20, choice = c(rep("dem", 8), rep("rep", 6), rep("non", 6)), female = rep(1:0, each = 10),
    black = rep(c(1, 0, 1, 0), each = 5)
  )
  voters$choice[voters$black == 1] <- "dem"
  long <- merge(voters, data.frame(alt = c("dem", "rep", "non"), nest = c("v", "v", "n")))
  long <- long[order(long$id), ]
  long$y <- as.integer(long$choice == long$alt)
  fit <- function(model) {
    fit_migration(y ~ alt + alt:female + alt:black, long, model, id = "id", place = "alt", control = one_thread())
  }
  expect_warning(plain <- fit(conditional()), class = "firmmove_warning_separated")
  expect_warning(
    suppressWarnings(nest <- fit(nested(~nest)), classes = "firmmove_warning_border"), class = "firmmove_warning_separated"
  )
  expect_identical(names(plain$border), c("altnon", "altnon:female", "altnon:black", "altrep:black"))
  expect_true(all(names(plain$border) %in% names(nest$border)))
})

test_that("a term that separates completely does not take others along", {
  long <- never_chosen()
  long$w <- long$y + 0.1 * runif(nrow(long))
  expect_warning(
    fit_migration(y ~ x + w, long, id = "id", place = "alt"), "separate along `w` \\(towards Inf\\)\\. ",
    class = "firmmove_warning_separated"
  )
})

test_that("a hazard that is certain is named, with frailty and without", {
  set.seed(2)
  spells <- do.call(rbind, lapply(1:40, function(i) {
    long <- sample(1:5, 1L)
    data.frame(firm = i, year = seq_len(long), end = seq_len(long) == long & runif(1L) < 0.7)
  }))
  spells$x <- rnorm(nrow(spells))
  spells$s <- as.integer(spells$end & runif(nrow(spells)) < 0.2)
  spells$from <- "a"
  spells$to <- ifelse(spells$end, "b", "a")
  data <- migration_data(spells, data.frame(place = c("a", "b")), time = "year")
  for (frailty in c(FALSE, TRUE)) {
    expect_warning(
      suppressMessages(fit_migration(~ x + s, data, hazard(risks = "move", baseline = "constant", frailty = frailty))),
      "`move:s` (towards Inf)", fixed = TRUE, class = "firmmove_warning_separated"
    )
  }
})
