# What a fit asks of a model object, as generics. A model is a file R/model-<name>.R with an exported constructor
# of class c("<name>_model", "migration_model") and methods for those generics whose default does not fit.

# The model's name in a heading
model_title <- function(model) {
  UseMethod("model_title")
}

# The design of a fit or, with `choice = FALSE` and `basis`, of a prediction. Arguments and value as of
# migration_design().
model_design <- function(model, formula, data, ...) {
  UseMethod("model_design")
}

model_design.migration_model <- function(model, formula, data, ...) {
  migration_design(formula, data, ...)
}

# What the left side of the formula holds, as `answer` of choice_data()
model_answer <- function(model) {
  UseMethod("model_answer")
}

model_answer.migration_model <- function(model) {
  "choice"
}

# Stops where the choices (choices_of()) cannot identify the model
check_choices <- function(model, choices) {
  UseMethod("check_choices")
}

# What the fit needs of a model: a list with
# - kernel: the `model` list of the C entry points; `kernel$group` (integer, an entry for each occasion, codes
#   1, 2, ... all in use) where the likelihood is not a sum over occasions but over groups of them; `kernel$by_group`
#   names the entries of the kernel that have a value, or a column, for each group;
# - parameters: parameter_table() of the model's own parameters, which come after the linear ones;
# - start: their start values;
# - linear: parameter_table() of the terms where they are not plain coefficients, else NULL;
# - memory: what a later prediction must remember, given back as `memory`, else NULL.
model_setup <- function(model, data, design, memory = NULL) {
  UseMethod("model_setup")
}

# Parameters: coefficient name, group of tidy(), the value that tests compare with, heading in a summary,
# whether exp() of it is an odds ratio
parameter_table <- function(name = character(), group = character(), null = 0, section = "Coefficients",
                            odds = FALSE) {
  n <- length(name)
  data.frame(
    name = name, group = rep_len(group, n), null = rep_len(null, n), section = rep_len(section, n),
    odds = rep_len(odds, n), stringsAsFactors = FALSE
  )
}

# Start values where the user gave none: list(theta, null), null the log-likelihood at 0 if it came as a
# by-product, else NULL. The default is the conditional logit, whose log-likelihood is concave, and setup$start.
model_start <- function(model, problem) {
  UseMethod("model_start")
}

model_start.migration_model <- function(model, problem) {
  theta <- start_stay(plain_start(problem), problem)
  if (length(problem$layout$extra) == 0L) {
    return(list(theta = theta, null = NULL))
  }
  linear <- problem$layout$linear
  raw <- rough_linear_fit(problem, theta[linear])
  begin <- theta
  theta[linear] <- raw$theta
  list(theta = theta, null = if (!any(begin[linear] != 0)) raw$value_start)
}

# The conditional logit as a start, which need not be exact
rough_linear_fit <- function(problem, theta) {
  control <- problem$control
  control$tolerance <- max(control$tolerance, 1e-6)
  held <- problem$held$is[problem$layout$linear]
  maximise(problem$sums, list(kind = "conditional"), theta, held, control)
}

# The constant of staying starts where it would be if nothing else mattered: nearly all firms stay, and from 0 that
# is several steps away. Rounded, so that it does not depend on how weights were added up.
start_stay <- function(theta, problem) {
  terms <- problem$design$terms
  at <- which(terms$kind == "stay" & terms$name == "stay")
  choices <- problem$choices
  home <- choices$origin > 0L
  if (length(at) != 1L || problem$held$is[at] || !any(home)) {
    return(theta)
  }
  leave <- sum(choices$weight[home & moved(choices)]) / sum(choices$weight[home])
  odds <- log((1 - leave) / leave) + log(choices$moves)
  theta[at] <- if (is.finite(odds)) round(odds, 1) else theta[at]
  theta
}

# Stops when start values or fixed ones (theta of the model's own parameters, by name) are outside the domain
check_start <- function(model, theta) {
  UseMethod("check_start")
}

check_start.migration_model <- function(model, theta) {
  invisible()
}

# The maximum from theta on, as C_fit returns it
model_maximise <- function(model, problem, theta) {
  UseMethod("model_maximise")
}

model_maximise.migration_model <- function(model, problem, theta) {
  n_extra <- length(problem$layout$extra)
  maximise(problem$sums, problem$setup$kernel, theta, problem$held$is, problem$control, n_extra = n_extra)
}

# The log-likelihood of the null model, which `loglik_null` and McFadden's R2 compare with
model_null <- function(model, problem) {
  UseMethod("model_null")
}

model_null.migration_model <- function(model, problem) {
  theta <- numeric(length(problem$layout$linear))
  evaluate_sums(problem$sums, list(kind = "conditional"), theta, 0L, kernel_control(problem$control))$value
}

# The null model in words, and the number of its parameters
model_null_text <- function(model) {
  UseMethod("model_null_text")
}

model_null_text.migration_model <- function(model) {
  "Equal shares"
}

null_parameters <- function(model) {
  UseMethod("null_parameters")
}

null_parameters.migration_model <- function(model) {
  0
}

# Occasions, firms, places and moves in words; `x` is the fit or its summary
counts_text <- function(model, x) {
  UseMethod("counts_text")
}

# Adds to the fit what only this model has
model_finish <- function(model, fit, raw, problem) {
  UseMethod("model_finish")
}

model_finish.migration_model <- function(model, fit, raw, problem) {
  fit
}

# What kernel$group groups, for messages
group_noun <- function(model) {
  UseMethod("group_noun")
}

group_noun.migration_model <- function(model) {
  "the occasions of a firm"
}

# Warns of estimates that the model's theory rules out
check_estimates <- function(model, fit) {
  UseMethod("check_estimates")
}

check_estimates.migration_model <- function(model, fit) {
  invisible()
}

# Lines of a summary that only this model has; `x` is the fit or its summary
print_details <- function(model, x) {
  UseMethod("print_details")
}

print_details.migration_model <- function(model, x) {
  invisible()
}

# Adds to a design with its parameters what predictions need of all its occasions at once. Dispatches on the fit.
settle_design <- function(object, design, data) {
  UseMethod("settle_design")
}

settle_design.migration_fit <- function(object, design, data) {
  design
}

# Predictions of the kernel for a design (see C_predict): "probability", "utility", "logsum", "flows". Dispatches
# on the fit.
kernel_predict <- function(object, design, type) {
  UseMethod("kernel_predict")
}

kernel_predict.migration_fit <- function(object, design, type) {
  .Call(C_predict, design$spec, design$kernel, design$theta, type, kernel_control(object$control))
}

# Chosen rows (places of a relational design, positions within the occasion of a ragged one) for a uniform number
# an occasion. Dispatches on the fit.
kernel_choice <- function(object, design, uniform) {
  UseMethod("kernel_choice")
}

kernel_choice.migration_fit <- function(object, design, uniform) {
  .Call(C_choice, design$spec, design$kernel, design$theta, uniform, kernel_control(object$control))
}

# Scores of all coefficients: a row for each occasion or, where the model groups them, each group. Dispatches on the
# fit.
kernel_scores <- function(object, design) {
  UseMethod("kernel_scores")
}

kernel_scores.migration_fit <- function(object, design) {
  .Call(C_scores, design$spec, design$kernel, design$theta, object$design$adjust, kernel_control(object$control))
}
