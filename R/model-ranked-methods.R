# Methods of a fit of ranked() that differ from those of other fits: what is predicted is the first stage, what is
# fitted are all of them.

# Exploded answers of a fit, their kernel and parameters
fit_stages <- function(object, design) {
  answers <- explode_answers(design$spec, object$model)
  answers$kernel <- stage_kernel(answers, sum(object$parameters$group == "scale"))
  answers
}

# The first stage of a design, whose scale is 1
first_stage <- function(object, design) {
  design$theta <- utils::head(design$theta, length(design$theta) - sum(object$parameters$group == "scale"))
  design
}

kernel_predict.migration_fit_ranked <- function(object, design, type) {
  kernel_predict.migration_fit(object, first_stage(object, design), type)
}

kernel_choice.migration_fit_ranked <- function(object, design, uniform) {
  kernel_choice.migration_fit(object, first_stage(object, design), uniform)
}

# Scores of respondents: sums over their stages
kernel_scores.migration_fit_ranked <- function(object, design) {
  answers <- fit_stages(object, design)
  scores <- .Call(
    C_scores, answers$spec, answers$kernel, design$theta, object$design$adjust, kernel_control(object$control)
  )
  unname(rowsum(scores, answers$respondent))
}

# Probability of the whole answer
chosen_probability.migration_fit_ranked <- function(object, design) {
  answers <- fit_stages(object, design)
  spec <- answers$spec
  p <- .Call(C_predict, spec, answers$kernel, design$theta, "probability", kernel_control(object$control))
  exp(as.vector(rowsum(log(at_chosen(spec, p)), answers$respondent)))
}

#' @rdname predict.migration_fit
#' @export
predict.migration_fit_ranked <- function(object, newdata = NULL,
                                         type = c("probability", "utility", "logsum", "flows", "choice", "top", "rank"),
                                         n = 3L, ...) {
  type <- check_choice(type, "type")
  if (type != "rank") {
    return(predict.migration_fit(object, newdata, type, n = n, ...))
  }
  if (object$model$scale == "stage") {
    abort(
      "The expected rank has no closed form where each stage has its own scale. Fit the model with ",
      "ranked(scale = \"one\").",
      class = "argument"
    )
  }
  check_dots(...)
  data <- if (is.null(newdata)) object$data else prediction_data(newdata, object)
  design <- if (is.null(newdata)) fit_design(object) else new_design(object, data)
  if (isTRUE(design$nothing)) {
    return(missing_prediction(type, data))
  }
  place_result(expected_rank(kernel_predict(object, design, "utility"), design$spec), design, data)
}

# Expected rank of each row: 1 plus, for every other row of the occasion, the probability that it stands before.
# Occasions with as many rows are done at once.
expected_rank <- function(v, spec) {
  size <- diff(spec$start)
  rank <- rep(NA_real_, length(v))
  for (k in unique(size)) {
    row <- outer(rows_before(spec)[size == k], seq_len(k), `+`)
    u <- matrix(v[row], ncol = k)
    # plogis(0) of the place itself is 1/2
    for (j in seq_len(k)) {
      rank[row[, j]] <- 0.5 + rowSums(stats::plogis(u - u[, j]), na.rm = TRUE) + 0 * u[, j]
    }
  }
  rank
}

# Simulation ------------------------------------------------------------------------------------------

# Simulated answers have an entry for each row of the user's table
draw_names.migration_fit_ranked <- function(object, design) {
  row.names(object$data$data)[sort(user_rows(object$data, design$occasion))]
}

draw_choices.migration_fit_ranked <- function(object, design) {
  spec <- design$spec
  occasion <- rep.int(seq_along(spec$origin), diff(spec$start))
  v <- kernel_predict(object, design, "utility")
  v[is.na(v)] <- -Inf
  scale <- unname(object$coefficients[object$parameters$group == "scale"])
  rank <- integer(length(v))
  for (answer in drawn_answers(spec, object$model)) {
    factor <- if (abs(answer) > 1L && length(scale) >= answer - 1L) scale[answer - 1L] else 1
    if (answer == -1L) {
      factor <- -c(scale, 1)[1L]
    }
    asked <- tabulate(occasion[spec$rank == answer], length(spec$origin)) > 0L
    rank[draw_stage(factor * v, asked[occasion] & rank == 0L & v > -Inf, occasion)] <- answer
  }
  rank <- rank[order(user_rows(object$data, design$occasion))]
  if (object$model$type == "ranking") ifelse(rank == 0L, NA_integer_, rank) else rank
}

# The answers that are given, in order: 1, 2, ... or best and worst
drawn_answers <- function(spec, model) {
  if (model$type == "best_worst") c(1L, -1L) else seq_len(min(max(spec$rank), model$depth))
}

# Rows drawn, one for each occasion that has rows left, with odds exp(v)
draw_stage <- function(v, left, occasion) {
  row <- which(left)
  utility <- v[row] - log(-log(stats::runif(length(row))))
  row <- row[order(occasion[row], -utility)]
  row[!duplicated(occasion[row])]
}

# Test of the stages ----------------------------------------------------------------------------------

#' @title Test of equal coefficients at all stages of rankings
#' @description Fits every stage of the answers by itself and compares with the fit of all stages together:
#' \deqn{LR = 2 \left(\sum_s L_s(\hat b_s) - L(\hat b)\right),}{LR = 2 (sum_s L_s(b_s) - L(b)),}
#' on the difference in the number of coefficients (Chapman and Staelin 1982; Hausman and Ruud 1987). A small p-value
#' says that lower ranks (or the worst) answer another question than the first: use a smaller `depth`, or, where the
#' coefficients differ by a factor only, `ranked(scale = "stage")`, which is tested by
#' [anova()][anova.migration_fit].
#' @param fit A fit of [fit_migration()] with [ranked()].
#' @param last Stages from this one on are taken together, at least 2: few respondents give the lowest ranks.
#' @return An object of class `htest`, with `estimate`, a matrix of coefficients by stage (`NA` where a stage alone
#'   cannot estimate one, which then does not count).
#' @section Errors: A fit of another model; answers with one stage only.
#' @references Chapman, R. G. and Staelin, R. (1982). Exploiting rank ordered choice set data within the stochastic
#'   utility model. *Journal of Marketing Research* 19, 288-301. \doi{10.1177/002224378201900302}
#'
#'   Hausman, J. A. and Ruud, P. A. (1987). Specifying and testing econometric models for rank-ordered data.
#'   *Journal of Econometrics* 34, 83-104. \doi{10.1016/0304-4076(87)90068-6}
#' @seealso [ranked()], [anova()][anova.migration_fit], [iia_test()].
#' @examples
#' fit <- fit_migration(rank ~ factor, wenzhou_interviews(), ranked(), id = "firm", place = "factor")
#' stage_test(fit)
#' @export
stage_test <- function(fit, last = 3) {
  if (!inherits(fit, "migration_fit_ranked")) {
    abort("`fit` must be a fit of fit_migration() with ranked().", class = "argument")
  }
  last <- check_count(last, "last")
  stages <- length(fit$design$memory$stages)
  if (stages < 2L || last < 2L) {
    abort(
      if (stages < 2L) "The answers of `fit` have one stage only" else "`last` must be at least 2",
      ": there is nothing to compare.",
      class = "argument"
    )
  }
  alone <- fit_stages_alone(fit, last)
  loglik <- sum(vapply(alone, `[[`, 0, "loglik"))
  statistic <- c(LR = 2 * (loglik - fit$loglik))
  df <- c(df = sum(vapply(alone, `[[`, 0L, "df")) - fit$df)
  structure(
    list(
      statistic = statistic, parameter = df,
      p.value = stats::pchisq(max(statistic, 0), df, lower.tail = FALSE),
      estimate = do.call(cbind, lapply(alone, `[[`, "coefficients")),
      method = "Likelihood-ratio test of equal coefficients at all stages",
      data.name = paste0(formula_text(fit$formula), ", ", fit$data_name)
    ),
    class = c("stage_test", "htest")
  )
}

#' @export
print.stage_test <- function(x, digits = getOption("digits"), ...) {
  estimate <- x$estimate
  x$estimate <- NULL
  class(x) <- "htest"
  print(x, digits = digits, ...)
  if (nrow(estimate) > 0L) {
    cat("coefficients by stage:\n")
    print(estimate, digits = digits)
  }
  invisible(x)
}

# A fit of each stage, those from `last` on together: log-likelihood, number of estimates, coefficients
fit_stages_alone <- function(fit, last) {
  design <- fit_design(fit)
  answers <- explode_answers(design$spec, fit$model)
  setup <- model_setup(fit$model, fit$data, design, memory = fit$design$memory)
  setup$parameters <- setup$parameters[0L, ]
  fixed <- fit$control$fixed
  fixed <- fixed[names(fixed) %in% parameter_layout(design, setup)$names]
  problem <- fit_problem(list(design = design, setup = setup), fit$control, fixed)
  group <- pmin(answers$stage, last)
  names <- seq_len(max(group))
  names[length(names)] <- if (max(answers$stage) > last) paste0(last, "+") else length(names)
  if (fit$model$type == "best_worst") names <- c("best", "worst")
  fits <- lapply(seq_len(max(group)), function(g) {
    fit_one_stage(part_of_answers(answers, which(group == g)), problem)
  })
  stats::setNames(fits, names)
}

fit_one_stage <- function(answers, problem) {
  held <- problem$held
  layout <- problem$layout
  theta <- ifelse(held$is, held$value, 0)
  raw <- maximise(design_sums(answers$spec), stage_kernel(answers), theta, held$is, problem$control)
  estimated <- !held$is & raw$aliased == 0L
  coefficients <- ifelse(raw$aliased > 0L & !held$is, NA, raw$theta)[layout$coefficients]
  list(loglik = raw$value, df = sum(estimated), coefficients = stats::setNames(coefficients, layout$names))
}

# Some of the exploded occasions
part_of_answers <- function(answers, occasion) {
  list(
    spec = some_occasions(answers$spec, occasion), stage = answers$stage[occasion], sign = answers$sign[occasion]
  )
}
