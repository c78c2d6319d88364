# All that a fit asks of its model, and answers ask of a fit, as generics: the table of contents for whoever adds a
# model.
#
# A model is a file R/model-<name>.R with an exported constructor of class c("<name>_model", "migration_model") and
# methods of those generics whose default (model-default.R) does not fit. Its fit has the class
# c("migration_fit_<name>", "migration_fit"). `problem` is a fit_problem() (fit-problem.R), `design` a design
# (design.R), with kernel, theta and layout where it is one of a fit.

# The model object ------------------------------------------------------------------------------------

# The model's name in a heading
model_title <- function(model) {
  UseMethod("model_title")
}

# The design of a fit or, with `choice = FALSE` and `basis`, of a prediction. Arguments and value as of
# migration_design().
model_design <- function(model, formula, data, ...) {
  UseMethod("model_design")
}

# What the left side of the formula holds, as `answer` of choice_data()
model_answer <- function(model) {
  UseMethod("model_answer")
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

# Start values where the user gave none: list(theta, null), null the log-likelihood at 0 if it came as a
# by-product, else NULL. The default is the conditional logit, whose log-likelihood is concave, and setup$start.
model_start <- function(model, problem) {
  UseMethod("model_start")
}

# Stops when start values or fixed ones (theta of the model's own parameters, by name) are outside the domain
check_start <- function(model, theta) {
  UseMethod("check_start")
}

# The maximum from theta on, as C_fit returns it
model_maximise <- function(model, problem, theta) {
  UseMethod("model_maximise")
}

# The log-likelihood of the null model, which `loglik_null` and McFadden's R2 compare with
model_null <- function(model, problem) {
  UseMethod("model_null")
}

# The null model in words, and the number of its parameters
model_null_text <- function(model) {
  UseMethod("model_null_text")
}

null_parameters <- function(model) {
  UseMethod("null_parameters")
}

# Occasions, firms, places and moves in words; `x` is the fit or its summary
counts_text <- function(model, x) {
  UseMethod("counts_text")
}

# Adds to the fit what only this model has
model_finish <- function(model, fit, raw, problem) {
  UseMethod("model_finish")
}

# What kernel$group groups, for messages
group_noun <- function(model) {
  UseMethod("group_noun")
}

# Warns of estimates that the model's theory rules out
check_estimates <- function(model, fit) {
  UseMethod("check_estimates")
}

# Lines of a summary that only this model has; `x` is the fit or its summary
print_details <- function(model, x) {
  UseMethod("print_details")
}

# Whether the model says where firms go, or only when they leave
chooses_place <- function(model) {
  UseMethod("chooses_place")
}

# Whether what a firm does depends on what others do in the same period
depends_on_others <- function(model) {
  UseMethod("depends_on_others")
}

# Whether the log-likelihood is a sum over the occasions of a design; `group` is that of the kernel
sums_over_occasions <- function(model, group) {
  UseMethod("sums_over_occasions")
}

# A function that turns the coefficients of a fit into those that stand for all firms, such as the means of random
# coefficients; NULL where the coefficients do so already
coefficient_means <- function(model) {
  UseMethod("coefficient_means")
}

# For each of some names of coefficients, whether it is one of the model's own parameters
own_parameters <- function(model, names) {
  UseMethod("own_parameters")
}

# Data in slices ----------------------------------------------------------------------------------------

# Models whose likelihood is a sum over slices
can_slice <- function(model) {
  UseMethod("can_slice")
}

# The setup of the first slice; memory: that of the whole, where it is known
first_setup <- function(model, data, design, memory) {
  UseMethod("first_setup")
}

# Columns of firms that the model itself uses
model_variables <- function(model) {
  UseMethod("model_variables")
}

# Atoms of a formula for some data: list(atoms, value), value(atom, rows) the value of an atom of firms at the
# occasions, or at some of them
model_atoms <- function(model, formula, data, rows, env) {
  UseMethod("model_atoms")
}

# What a model remembers of a slice beside its sums, and how slices are put together
model_memory <- function(model, design) {
  UseMethod("model_memory")
}

merge_memory <- function(model, memory, counts) {
  UseMethod("merge_memory")
}

# Maxima of parts ---------------------------------------------------------------------------------------

# The maxima with some parameters held, from starts that may be good, for several sets of held parameters; dispatches
# on the model. Returns list(theta, a column a set; value; logsum, a column a set, or NULL).
restricted_maxima <- function(model, problem, starts, held) {
  UseMethod("restricted_maxima")
}

# A function of thetas (columns), and of the logsums of the occasions there where they are known, that gives the part
# of each occasion (a row) in the log-likelihood at each theta, weights counted; NULL for models whose log-likelihood
# is not a sum over occasions
occasion_likelihoods <- function(model, object, design) {
  UseMethod("occasion_likelihoods")
}

# A fit: kernels ----------------------------------------------------------------------------------------

# A design that has its parameters, with what predictions need of all of its occasions together, such as the equilibrium
# of chain(). Dispatches on the fit.
settle_design <- function(object, design, data) {
  UseMethod("settle_design")
}

# Predictions of the kernel for a design (see C_predict): "probability", "utility", "logsum", "flows". Dispatches
# on the fit.
kernel_predict <- function(object, design, type) {
  UseMethod("kernel_predict")
}

# Sums of probabilities over the occasions, with exact derivatives along directions of theta (columns; NULL for none),
# as far as `asked` names them: list of
# - flows: as of kernel_predict(); flow_slopes: a column each direction, of the flows as a vector;
# - logsum_slopes: of the weighted sum of the logsums;
# - stay_gradient: the derivatives in theta of the weighted sum of the probabilities of staying;
# - logsum, stay: of each occasion, NA for one without an origin.
# NULL for models whose derivatives the core does not give: then answers take differences. Dispatches on the fit.
kernel_response <- function(object, design, directions, asked) {
  UseMethod("kernel_response")
}

# Variances of predictions (a type of kernel_predict(), in its shape) along directions of theta, which root_directions()
# makes of a covariance; NULL as kernel_response(). Dispatches on the fit.
kernel_variances <- function(object, design, directions, type) {
  UseMethod("kernel_variances")
}

# The choice that a uniform number makes, for each occasion: the number of a place where all occasions offer all places,
# else the position within the occasion. Dispatches on the fit.
kernel_choice <- function(object, design, uniform) {
  UseMethod("kernel_choice")
}

# Scores of all coefficients: a row for each occasion or, where the model groups them, each group. Dispatches on the
# fit.
kernel_scores <- function(object, design) {
  UseMethod("kernel_scores")
}

# Probability of the answer of each occasion. Dispatches on the fit.
chosen_probability <- function(object, design) {
  UseMethod("chosen_probability")
}

# A fit: answers ----------------------------------------------------------------------------------------

# What the rows of simulated answers are called. Dispatches on the fit.
draw_names <- function(object, design) {
  UseMethod("draw_names")
}

# One draw of all answers. Dispatches on the fit.
draw_choices <- function(object, design) {
  UseMethod("draw_choices")
}

# Solves again what a design holds in equilibrium, at its data and theta; dispatches on the fit. The default has
# nothing to solve.
resolve_equilibrium <- function(object, design) {
  UseMethod("resolve_equilibrium")
}

# A design with what others do taken from another design of the same occasions, or of more; dispatches on the fit
hold_equilibrium <- function(object, design, other) {
  UseMethod("hold_equilibrium")
}

# Coefficients of the terms and place constants that stand for all firms at the theta of a design: list(b, a column a
# class; share, of the classes for each occasion, or NULL for one class). Of random coefficients the means. Dispatches
# on the fit.
typical_coefficients <- function(object, design) {
  UseMethod("typical_coefficients")
}

# For each class of firms the numbers of the coefficients of the terms; one class, without a name, where all firms
# have the same
class_coefficients <- function(object) {
  UseMethod("class_coefficients")
}

# The number of the term that each coefficient belongs to, by itself or as its spread or in a class; 0 for none
term_of_coefficients <- function(object) {
  UseMethod("term_of_coefficients")
}
