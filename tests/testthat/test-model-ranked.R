interview_fit <- function(formula = rank ~ factor, model = ranked(), ...) {
  fit_migration(formula, wenzhou_interviews(), model, id = "firm", place = "factor", ...)
}
long_fit <- function(formula = rank ~ x + y + what, model = ranked(), data = ranked_long(),
                     control = one_thread(), ...) {
  fit_migration(formula, data, model, id = "who", place = "what", control = control, ...)
}

# Log-likelihood of rankings or best-worst answers from its definition, person by person
answers_loglik <- function(v, who, rank, scale = 1, worst = FALSE) {
  sum(vapply(split(seq_along(v), who), function(i) {
    left <- i
    total <- 0
    stages <- if (worst) c(1, -1) else seq_len(max(rank[i], na.rm = TRUE))
    for (s in seq_along(stages)) {
      chosen <- left[rank[left] %in% stages[s]]
      if (length(chosen) == 0 || length(left) == 1) next
      f <- (if (s > 1 && length(scale) > 1) scale[s] else 1) * sign(stages[s])
      total <- total + f * v[chosen] - log(sum(exp(f * v[left])))
      left <- setdiff(left, chosen)
    }
    total
  }, 0))
}

test_that("the model object says what it is", {
  expect_snapshot(print(ranked()))
  expect_snapshot(print(ranked(depth = 2, scale = "stage")))
  expect_snapshot(print(ranked("best_worst")))
  expect_snapshot(error = TRUE, ranked("best_worst", depth = 2))
  expect_snapshot(error = TRUE, ranked(depth = 0))
})

test_that("rankings equal the partial likelihood of coxph", {
  skip_if_not_installed("survival")
  strata <- survival::strata # coxph() knows it by this name only
  interviews <- stats::setNames(wenzhou_interviews(), c("who", "year", "to", "size", "what", "group", "rank"))
  interviews[c("x", "y")] <- list(interviews$size * (interviews$group == "land"), 1)
  for (long in list(ranked_long(), interviews)) {
    long$time <- ifelse(is.na(long$rank), 99, long$rank)
    long$status <- as.numeric(!is.na(long$rank))
    cox <- survival::coxph(survival::Surv(time, status) ~ what + x:y + strata(who), long,
      control = survival::coxph.control(eps = 1e-10, toler.chol = 1e-11, iter.max = 50)
    )
    fit <- long_fit(rank ~ what + x:y, data = long)
    expect_lt(max(abs(coef(fit)[names(coef(cox))] - coef(cox)), na.rm = TRUE), 1e-8)
    expect_lt(abs(fit$loglik - cox$loglik[2]), 1e-8)
    expect_lt(abs(fit$loglik_null - cox$loglik[1]), 1e-8)
    free <- names(which(fit$estimated))
    expect_equal(vcov(fit)[free, free], vcov(cox)[free, free], tolerance = 1e-7)
  }
})

test_that("rankings and best-worst answers equal a direct maximisation", {
  long <- ranked_long(60)
  x <- stats::model.matrix(~ 0 + x + y, long)
  direct <- stats::optim(c(0, 0), function(b) -answers_loglik(drop(x %*% b), long$who, long$rank),
    method = "BFGS", control = list(reltol = 1e-15), hessian = TRUE
  )
  fit <- long_fit(rank ~ x + y, data = long)
  expect_lt(abs(fit$loglik + direct$value), 1e-8)
  expect_lt(max(abs(coef(fit) - direct$par)), 1e-5)
  expect_equal(unname(fit$information), unname(direct$hessian), tolerance = 1e-4)
  at <- answers_loglik(drop(x %*% coef(fit)), long$who, long$rank)
  expect_equal(fit$loglik, at, tolerance = 1e-12)

  long <- best_worst_long(60)
  x <- stats::model.matrix(~ 0 + x + y, long)
  direct <- stats::optim(c(0, 0), function(b) -answers_loglik(drop(x %*% b), long$who, long$answer, worst = TRUE),
    method = "BFGS", control = list(reltol = 1e-15), hessian = TRUE
  )
  fit <- long_fit(answer ~ x + y, ranked("best_worst"), long)
  expect_lt(abs(fit$loglik + direct$value), 1e-8)
  expect_lt(max(abs(coef(fit) - direct$par)), 1e-5)
  expect_equal(unname(fit$information), unname(direct$hessian), tolerance = 1e-4)
})

test_that("scales of stages equal a direct maximisation", {
  long <- ranked_long(150)
  long$rank[long$rank > 3] <- NA
  x <- stats::model.matrix(~ 0 + x + y, long)
  loglik <- function(b) answers_loglik(drop(x %*% b[1:2]), long$who, long$rank, c(1, b[3:4]))
  direct <- stats::optim(c(0.5, -0.5, 1, 1), function(b) -loglik(b),
    method = "BFGS", control = list(reltol = 1e-15), hessian = TRUE
  )
  fit <- long_fit(rank ~ x + y, ranked(scale = "stage"), long)
  expect_named(coef(fit), c("x", "y", "scale:2", "scale:3"))
  expect_lt(abs(fit$loglik + direct$value), 1e-8)
  expect_lt(max(abs(coef(fit) - direct$par)), 1e-4)
  expect_equal(unname(fit$information), unname(direct$hessian), tolerance = 1e-4)
  plain <- long_fit(rank ~ x + y, data = long)
  expect_equal(anova(plain, fit)$Chisq[2], 2 * (fit$loglik - plain$loglik))
  expect_equal(fit$loglik_null, plain$loglik_null)
  at_one <- one_thread(fixed = c("scale:2" = 1, "scale:3" = 1))
  held <- long_fit(rank ~ x + y, ranked(scale = "stage"), long, control = at_one)
  expect_equal(coef(held)[1:2], coef(plain), tolerance = 1e-8)
  worst <- long_fit(answer ~ x + y, ranked("best_worst", scale = "stage"), best_worst_long(80))
  expect_named(coef(worst), c("x", "y", "scale:worst"))
})

test_that("mlogit's example of ranked data comes out", {
  skip_if_not_installed("mlogit")
  data("Game2", package = "mlogit", envir = environment())
  games <- Game2
  games$platform <- stats::relevel(factor(games$platform), "PC")
  fit <- fit_migration(ch ~ own + platform + hours:platform + age:platform, games, ranked(),
    id = "chid", place = "platform"
  )
  expect_equal(round(fit$loglik, 2), -516.55)
  printed <- c(
    own = 0.963367, platformXbox = 2.733774, "hours:platformPlayStation" = -0.129196, "age:platformGameBoy" = -0.073587
  )
  expect_equal(round(coef(fit)[names(printed)], 6), printed)
  skip_if_not_installed("dfidx")
  data("Game", package = "mlogit", envir = environment())
  exploded <- dfidx::dfidx(Game, varying = 1:12, choice = "ch", ranked = TRUE, idnames = c("chid", "alt"))
  peer <- mlogit::mlogit(ch ~ own | hours + age, exploded, reflevel = "PC")
  expect_lt(abs(as.numeric(stats::logLik(peer)) - fit$loglik), 1e-4)
  expect_equal(sort(unname(coef(fit))), sort(unname(as.vector(coef(peer)))), tolerance = 1e-4)
})

test_that("one rank is the conditional logit of first choices", {
  interviews <- wenzhou_interviews()
  first <- transform(as.data.frame(unclass(interviews)), first = as.integer(rank %in% 1))
  plain <- fit_migration(first ~ factor, first, id = "firm", place = "factor")
  expect_equal(coef(interview_fit(model = ranked(depth = 1))), coef(plain), tolerance = 1e-10)
  rankings <- choice_data(interviews, "rank", "firm", "factor", answer = "ranking")
  expect_equal(coef(fit_migration(rank ~ factor, rankings)), coef(plain), tolerance = 1e-10)
})

test_that("constants of the alternatives may be a factor or absorbed", {
  dummies <- interview_fit(rank ~ factor - 1)
  absorbed <- interview_fit(rank ~ 1 | factor)
  expect_equal(absorbed$loglik, dummies$loglik, tolerance = 1e-12)
  effects <- absorbed$effects - absorbed$effects[["land_price"]]
  expect_equal(unname(coef(dummies)), unname(effects[sub("factor", "", names(coef(dummies)))]), tolerance = 1e-8)
  expect_equal(unname(predict(absorbed)), unname(predict(dummies)), tolerance = 1e-8)
  long <- best_worst_long(80)
  a <- long_fit(answer ~ x + what, ranked("best_worst"), long)
  b <- long_fit(answer ~ x | what, ranked("best_worst"), long)
  expect_equal(a$loglik, b$loglik, tolerance = 1e-10)
  expect_equal(vcov(a)["x", "x"], vcov(b)["x", "x"], tolerance = 1e-6)
  for (type in c("opg", "robust", "cluster")) {
    expect_equal(dim(vcov(b, type = type)), c(1L, 1L))
  }
  expect_equal(vcov(a, type = "robust")["x", "x"], vcov(b, type = "robust")["x", "x"], tolerance = 1e-6)
})

test_that("an alternative that nobody ranks has no constant; one ranked second has", {
  long <- ranked_long()
  long$rank[long$what == "F"] <- NA
  long <- long[stats::ave(!is.na(long$rank), long$who, FUN = any) > 0, ]
  long$rank <- stats::ave(long$rank, long$who, FUN = function(r) rank(r, na.last = "keep"))
  expect_message(fit <- long_fit(rank ~ x | what, data = long), "`F`", class = "firmmove_message_unchosen_places")
  expect_identical(fit$effects[["F"]], -Inf)
  expect_true(all(predict(fit)[long$what == "F"] == 0))
  long <- ranked_long()
  long <- long[!long$who %in% long$who[long$what == "F" & long$rank %in% 1], ]
  expect_silent(fit <- long_fit(rank ~ x | what, data = long))
  expect_true(is.finite(fit$effects[["F"]]))
})

test_that("the likelihood of answers at random is the null", {
  long <- ranked_long()
  expect_equal(long_fit(data = long)$loglik_null, answers_loglik(numeric(nrow(long)), long$who, long$rank))
  long <- best_worst_long()
  fit <- long_fit(answer ~ x, ranked("best_worst"), long)
  expect_equal(fit$loglik_null, answers_loglik(numeric(nrow(long)), long$who, long$answer, worst = TRUE))
})

test_that("known worths are found again", {
  truth <- c(x = 0.7, y = -1, whatB = 0.6, whatC = -0.4, whatD = 1, whatE = 0.2, whatF = -0.8, whatG = 0.5)
  for (fit in list(
    long_fit(data = ranked_long(1500)),
    long_fit(answer ~ x + y + what, ranked("best_worst"), best_worst_long(1500))
  )) {
    z <- (coef(fit) - truth[names(coef(fit))]) / sqrt(diag(vcov(fit)))
    expect_lt(sum(z^2), stats::qchisq(0.999, length(z)))
    expect_lt(max(sqrt(diag(vcov(fit)))), 0.15)
  }
})

test_that("weights, subsets, missing values and aliased terms work as for choices", {
  long <- ranked_long()
  set.seed(1)
  w <- sample(0:3, length(unique(long$who)), replace = TRUE)
  long$w <- w[match(long$who, unique(long$who))]
  copies <- do.call(rbind, lapply(which(w > 0), function(i) {
    one <- long[long$who == unique(long$who)[i], ]
    do.call(rbind, lapply(seq_len(w[i]), function(k) transform(one, who = paste(who, k))))
  }))
  expect_equal(coef(long_fit(data = long, weights = w)), coef(long_fit(data = copies)), tolerance = 1e-8)
  expect_equal(
    coef(long_fit(data = long, subset = w > 0)), coef(long_fit(data = long[long$w > 0, ])),
    tolerance = 1e-10
  )
  long$x[5] <- NA
  fit <- long_fit(data = long)
  expect_length(fit$na.action, 1L)
  expect_equal(coef(fit), coef(long_fit(data = long[long$who != long$who[5], ])), tolerance = 1e-10)
  long <- ranked_long()
  long$z <- 2 * long$x
  expect_warning(fit <- long_fit(rank ~ x + z, data = long), class = "firmmove_warning_aliased")
  expect_true(is.na(coef(fit)[["z"]]))
  long$apart <- ifelse(is.na(long$rank), 9, long$rank)
  expect_warning(long_fit(rank ~ apart, data = long), "`apart` (towards -Inf)",
    fixed = TRUE, class = "firmmove_warning_separated"
  )
  long <- best_worst_long(80)
  long$apart <- long$answer
  expect_warning(long_fit(answer ~ apart, ranked("best_worst"), long), "`apart` (towards Inf)",
    fixed = TRUE, class = "firmmove_warning_separated"
  )
})

test_that("data that hold other answers are told apart", {
  expect_snapshot(error = TRUE, fit_migration(~rent, relocation_data(), ranked()))
  expect_snapshot(error = TRUE, fit_migration(~x, ragged_data(), ranked()))
  rankings <- choice_data(ranked_long(), "rank", "who", "what", answer = "ranking")
  expect_snapshot(error = TRUE, fit_migration(rank ~ x, rankings, ranked("best_worst")))
  expect_snapshot(error = TRUE, long_fit(rank ~ x, weights = rep(0, nrow(ranked_long()))))
})

test_that("a scale below 0 is a warning", {
  set.seed(3)
  long <- ranked_long(200)
  # the second rank is the reverse of what the first would be
  stages <- split(seq_len(nrow(long)), long$who)
  for (i in stages) {
    order <- i[order(-long$utility[i])]
    long$rank[i] <- NA
    long$rank[order[1]] <- 1
    long$rank[order[length(order)]] <- 2
  }
  expect_warning(
    fit <- long_fit(rank ~ x + y + what, ranked(scale = "stage"), long),
    "contradict the first: `scale:2` = -",
    class = "firmmove_warning_scale"
  )
  expect_lt(stage_test(fit)$p.value, 1)
})

test_that("any number of threads gives the same digits", {
  set.seed(6)
  n <- 6000
  long <- data.frame(who = rep(seq_len(n), each = 6), what = LETTERS[1:6], x = stats::rnorm(6 * n))
  long$rank <- as.vector(apply(matrix(-long$x - gumbel(6 * n), 6), 2L, rank))
  for (model in list(ranked(), ranked(scale = "stage"))) {
    one <- long_fit(rank ~ x + what, model, long)
    two <- long_fit(rank ~ x + what, model, long, control = migration_control(threads = 2))
    expect_identical(coef(one), coef(two))
    expect_identical(vcov(one), vcov(two))
  }
})
