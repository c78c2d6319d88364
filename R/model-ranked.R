#' @title Exploded logit of rankings, and best-worst answers
#' @description Interviews often ask for more than one choice. `ranked()` fits answers in which respondent
#' \eqn{i} ranks alternatives \eqn{y_1, y_2, \ldots, y_K} of those on offer, \eqn{C_i}, first to last. The
#' ranking is taken for a sequence of choices, each from what the ones before left (`type = "ranking"`):
#' \deqn{P_i(y_1, \ldots, y_K) = \prod_{s=1}^{K} \frac{\exp(v_{i y_s})}{\sum_{j \in C_i \setminus \{y_1, \ldots,
#'   y_{s-1}\}} \exp(v_{ij})}, \qquad v_{ij} = \sum_k b_k x_{ijk}.}{P_i(y_1, ..., y_K) = prod_s exp(v_iy_s) / sum_(j
#'   left at stage s) exp(v_ij), v_ij = sum_k b_k x_ijk.}
#' Alternatives that were not ranked are tied at the bottom: they are on offer at every stage and chosen at
#' none. A choice set of one is no stage. The information of a respondent grows with the stages, and the
#' coefficients mean what they mean in [conditional()].
#'
#' With `type = "best_worst"` the respondent names the best and then, of the others, the worst (Marley and
#' Louviere 2005):
#' \deqn{P_i(y, z) = \frac{\exp(v_{iy})}{\sum_{j \in C_i} \exp(v_{ij})} \, \frac{\exp(-v_{iz})}{\sum_{j \in C_i
#'   \setminus \{y\}} \exp(-v_{ij})}.}{P_i(y, z) = exp(v_iy) / sum_j exp(v_ij) * exp(-v_iz) / sum_(j not y) exp(-v_ij).}
#'
#' Lower ranks are often given with less care. `scale = "stage"` multiplies the utilities of stage
#' \eqn{s > 1} by a parameter \eqn{\sigma_s}{sigma_s} (Hausman and Ruud 1987): below 1 where the answers are
#' noisier than the first. `depth` leaves lower ranks out; [stage_test()] tests whether the stages share their
#' coefficients.
#'
#' @section Data:
#' Long data, a row for each respondent and alternative. The left side of the formula is the column of the
#' answers: for rankings 1 for the best, 2 for the next and so on, `NA` where not ranked (or the same lowest
#' rank for all that are tied at the bottom); for best-worst answers 1, -1 and 0, or `"best"`, `"worst"` and
#' `""`. A plain data frame goes to [fit_migration()] with `id =` and `place =` (the column of the
#' alternatives); [choice_data()] needs `answer =`. Constants of the alternatives are written as a factor,
#' `rank ~ factor`, or absorbed, `rank ~ 1 | factor`.
#'
#' @section Methods:
#' All methods of a fit work. The respondent is the occasion: [nobs()][stats::nobs], weights, scores
#' (`estfun`) and default clusters are by respondent. `predict()` gives the probability of being ranked first
#' and, with `type = "rank"`, the expected rank in a complete ranking,
#' \eqn{1 + \sum_{k \ne j} \exp(v_k) / (\exp(v_k) + \exp(v_j))}{1 + sum_(k != j) exp(v_k) / (exp(v_k) + exp(v_j))}.
#' `fitted()` is the probability of the whole answer; `simulate()` draws
#' answers with as many ranks as were given, an entry for each row of the data. `loglik_null` is that of
#' answers at random.
#'
#' @param type `"ranking"` (default) or `"best_worst"`.
#' @param depth For rankings: the number of ranks to use, at least 1; `NULL` (default) uses all. `depth = 1` is the
#'   conditional logit of first ranks.
#' @param scale `"one"` (default): the same scale at all stages; `"stage"`: a scale for each stage after the
#'   first, coefficients `scale:2`, `scale:3`, ... (`scale:worst`), whose tests are of 1.
#' @return A model object of class `c("ranked_model", "migration_model")` for the argument `model` of
#'   [fit_migration()].
#' @section Errors: A ranking with a gap or with a tie above the bottom, an answer without a best, an alternative
#'   offered twice, a respondent with one alternative or without a rank: each names the respondents. `depth` for
#'   best-worst answers; data that hold another kind of answer. A `scale` that is not above 0 is a warning.
#' @references Beggs, S., Cardell, S. and Hausman, J. (1981). Assessing the potential demand for electric cars.
#'   *Journal of Econometrics* 17, 1-19. \doi{10.1016/0304-4076(81)90056-7}
#'
#'   Chapman, R. G. and Staelin, R. (1982). Exploiting rank ordered choice set data within the stochastic
#'   utility model. *Journal of Marketing Research* 19, 288-301. \doi{10.1177/002224378201900302}
#'
#'   Hausman, J. A. and Ruud, P. A. (1987). Specifying and testing econometric models for rank-ordered data.
#'   *Journal of Econometrics* 34, 83-104. \doi{10.1016/0304-4076(87)90068-6}
#'
#'   Marley, A. A. J. and Louviere, J. J. (2005). Some probabilistic models of best, worst, and best-worst choices.
#'   *Journal of Mathematical Psychology* 49, 464-480. \doi{10.1016/j.jmp.2005.05.003}
#' @seealso [wenzhou_interviews()], [stage_test()], [conditional()]
#' @examples
#' # why lamp makers left Wenzhou (SIMULATED answers)
#' fit <- fit_migration(rank ~ factor, wenzhou_interviews(), ranked(), id = "firm", place = "factor")
#' summary(fit)
#' # the probability that each reason is the first, and its expected rank
#' rows <- wenzhou_interviews()[1:6, ]
#' data.frame(factor = rows$factor, first = predict(fit)[1:6], rank = predict(fit, type = "rank")[1:6])
#' @export
ranked <- function(type = c("ranking", "best_worst"), depth = NULL, scale = c("one", "stage")) {
  type <- check_choice(type, "type")
  scale <- check_choice(scale, "scale")
  if (!is.null(depth) && type == "best_worst") {
    abort("`depth` is for rankings; a best-worst answer has no lower ranks.", class = "argument")
  }
  structure(
    list(name = "ranked", type = type, depth = if (!is.null(depth)) check_count(depth, "depth"), scale = scale),
    class = c("ranked_model", "migration_model")
  )
}

#' @export
print.ranked_model <- function(x, ...) {
  depth <- if (!is.null(x$depth)) paste0("; ranks 1 to ", x$depth)
  cat(model_title(x), "\n  scale: ", x$scale, depth, "\n", sep = "")
  invisible(x)
}

model_title.ranked_model <- function(model) {
  if (model$type == "ranking") "Exploded logit of rankings" else "Best-worst logit"
}

model_answer.ranked_model <- function(model) {
  model$type
}

# Design ----------------------------------------------------------------------------------------------

# The design of the respondents; the spec has the ranks, from which explode_answers() makes the stages
model_design.ranked_model <- function(model, formula, data, ..., choice = TRUE) {
  if (choice) {
    check_answer_kind(model, data)
  }
  migration_design(formula, data, ..., choice = choice, unchosen = function(spec) unranked_places(spec, model))
}

check_answer_kind <- function(model, data) {
  if (has_tables(data)) {
    abort(
      "ranked() needs long data, a row for each respondent and alternative: a data frame with `id` and `place`, or ",
      "choice_data(answer = \"", model$type, "\").",
      class = "answer"
    )
  }
  if (!identical(data$answer, model$type)) {
    kinds <- c(choice = "one choice", ranking = "rankings", best_worst = "best-worst answers")
    abort(
      "ranked(\"", model$type, "\") is for ", kinds[[model$type]], ", but `data` holds ",
      kinds[[data$answer %||% "choice"]], ". Build it with choice_data(answer = \"", model$type, "\").",
      class = "answer"
    )
  }
}

# Alternatives that no stage chooses have no finite constant; one that is never the best may still not be the worst
unranked_places <- function(spec, model) {
  if (model$type == "best_worst") {
    return(rep(FALSE, spec$J))
  }
  unchosen_places(explode_answers(spec, model)$spec)
}

check_choices.ranked_model <- function(model, choices) {
  if (!any(choices$weight > 0)) {
    abort("`weights` are zero for every occasion.", class = "weights")
  }
}

# Stages ----------------------------------------------------------------------------------------------

# The stages of all answers as occasions of their own: `spec` for the C entry points; for each of its occasions the
# number of the respondent in the spec of the design, the stage, and the sign of the utility, -1 for the worst
explode_answers <- function(spec, model) {
  n <- n_occasions(spec)
  occasion <- occasion_of_rows(spec)
  rank <- spec$rank
  stages <- if (model$type == "best_worst") {
    list(
      stage_rows(rep(TRUE, length(rank)), rank == 1L, occasion, n),
      stage_rows(rank != 1L, rank == -1L, occasion, n)
    )
  } else {
    lapply(seq_len(min(max(rank), model$depth)), function(s) {
      stage_rows(rank == 0L | rank >= s, rank == s, occasion, n)
    })
  }
  gather <- function(part) unlist(lapply(stages, `[[`, part))
  stage <- rep.int(seq_along(stages), vapply(stages, function(x) length(x$chosen), 0L))
  respondent <- gather("occasion")
  list(
    spec = stage_spec(spec, gather("row"), gather("size"), gather("chosen"), respondent),
    respondent = respondent, stage = stage,
    sign = ifelse(stage == 2L & model$type == "best_worst", -1, 1)
  )
}

# One stage: the rows on offer, for those who name one of several of them
stage_rows <- function(left, named, occasion, n) {
  names_one <- tabulate(occasion[left & named], n) > 0L
  row <- which(left & names_one[occasion])
  size <- tabulate(occasion[row], n)
  row <- row[size[occasion[row]] > 1L]
  first <- which(!duplicated(occasion[row]))
  list(
    row = row, occasion = occasion[row[first]], size = size[occasion[row[first]]],
    chosen = which(named[row]) - first + 1L
  )
}

# Rows of respondents as the occasions of a stage, which have no origin
stage_spec <- function(spec, row, size, chosen, respondent) {
  spec$rank <- NULL
  rows_as_occasions(spec, row, size, chosen, integer(length(chosen)), respondent)
}

# The kernel of exploded answers, with `n_scales` parameters for the stages after the first
stage_kernel <- function(answers, n_scales = 0L) {
  if (n_scales == 0L && all(answers$sign > 0)) {
    return(list(kind = "conditional"))
  }
  list(
    kind = "scaled", sign = answers$sign, n_scales = n_scales,
    scale = if (n_scales > 0L) answers$stage - 2L
  )
}

# Fit -------------------------------------------------------------------------------------------------

# `memory` has the number of answers at each stage
model_setup.ranked_model <- function(model, data, design, memory = NULL) {
  if (is.null(memory)) {
    memory <- list(stages = tabulate(explode_answers(design$spec, model)$stage))
  }
  scales <- if (model$scale == "stage") scale_names(model, length(memory$stages))
  list(
    kernel = list(kind = "conditional"),
    parameters = parameter_table(as.character(scales), "scale",
      null = 1, section = "Scale of later stages (z and p of scale = 1)"
    ),
    start = rep(1, length(scales)),
    memory = memory
  )
}

scale_names <- function(model, stages) {
  later <- if (model$type == "best_worst") "worst" else seq_len(stages)[-1L]
  paste0(rep("scale:", (stages > 1L) * length(later)), later[stages > 1L])
}

model_start.ranked_model <- function(model, problem) {
  theta <- plain_start(problem)
  if (length(problem$layout$extra) == 0L) {
    return(list(theta = theta, null = NULL))
  }
  linear <- problem$layout$linear
  held <- problem$held
  control <- problem$control
  control$tolerance <- max(control$tolerance, 1e-6)
  answers <- explode_answers(problem$design$spec, model)
  raw <- maximise(design_sums(answers$spec), stage_kernel(answers), theta[linear], held$is[linear], control)
  theta[linear] <- raw$theta
  list(theta = theta, null = if (!any(held$value[linear] != 0)) raw$value_start)
}

model_maximise.ranked_model <- function(model, problem, theta) {
  answers <- explode_answers(problem$design$spec, model)
  n_extra <- length(problem$layout$extra)
  kernel <- stage_kernel(answers, n_extra)
  maximise(design_sums(answers$spec), kernel, theta, problem$held$is, problem$control, n_extra = n_extra)
}

model_null.ranked_model <- function(model, problem) {
  answers <- explode_answers(problem$design$spec, model)
  theta <- numeric(length(problem$layout$linear))
  sums <- design_sums(answers$spec)
  evaluate_sums(sums, stage_kernel(answers), theta, fm_value, kernel_control(problem$control))$value
}

check_estimates.ranked_model <- function(model, fit) {
  scale <- fit$coefficients[fit$parameters$group == "scale"]
  backward <- scale[!is.na(scale) & scale <= 0]
  if (length(backward) > 0L) {
    warn(
      "Not above 0, so that these stages contradict the first: ",
      paste0("`", names(backward), "` = ", format_each(backward), collapse = ", "), ".",
      class = "scale"
    )
  }
}

# "Rankings: 85; answers by stage: 1 (85), 2 (85), 3 (60)"
print_details.ranked_model <- function(model, x) {
  stages <- x$memory$stages
  names <- if (model$type == "best_worst") c("best", "worst")[seq_along(stages)] else seq_along(stages)
  cat("Answers by stage: ", paste0(names, " (", stages, ")", collapse = ", "), "\n", sep = "")
}

sums_over_occasions.ranked_model <- function(model, group) {
  FALSE
}
