#' @title Logit with latent classes of firms
#' @description Firms are of a few kinds that nobody recorded. Each kind, or class, has coefficients of its own; which
#' class a firm belongs to is known only up to a probability, which may depend on attributes of the firm. With
#' \eqn{P_{it}(b_c)}{P_it(b_c)} the conditional-logit probability of what firm \eqn{f} chose on its occasion \eqn{t}
#' and \eqn{w_f} the firm's weight, the log-likelihood is
#' \deqn{L = \sum_f w_f \log \sum_{c=1}^{C} \pi_{fc} \prod_t P_{it}(b_c), \qquad
#'   \pi_{fc} = \frac{\exp(z_f'\gamma_c)}{\sum_k \exp(z_f'\gamma_k)}, \quad \gamma_1 = 0.}{L = sum_f w_f log sum_c pi_fc
#' prod_t P_it(b_c), pi_fc = exp(z_f'gamma_c) / sum_k exp(z_f'gamma_k), gamma_1 = 0.} A firm stays in its class: its
#' occasions are a panel, and it is this that tells classes apart. Within a class the odds of two places do not depend
#' on the others; over all classes they do.
#'
#' @section How it is fitted:
#' From each of several random starts, EM raises the log-likelihood: the posterior probabilities of the classes
#' \deqn{h_{fc} = \frac{\pi_{fc} \prod_t P_{it}(b_c)}{\sum_k \pi_{fk} \prod_t P_{it}(b_k)}}{h_fc = pi_fc prod_t
#'   P_it(b_c) / sum_k pi_fk prod_t P_it(b_k)}
#' are the weights of a conditional logit for each class and of a multinomial logit of membership, both solved by
#' Newton steps. Newton's method with the exact information of \eqn{L} then finishes each start. The best start is
#' the fit; `fit$starts` is the record of all of them. Starts are the conditional logit's estimates with
#' disturbances as large as a class of few firms would have. The log-likelihood has several maxima in general, so
#' look how many starts found the best one, and raise `starts` when it is one or two.
#'
#' Classes are numbered by size, the largest first, unless `fixed` of [migration_control()] holds a coefficient of
#' one class.
#'
#' @param classes Number of classes, at least 1; 1 is the [conditional()] logit. [compare_classes()] helps to choose.
#' @param membership A one-sided formula of firm attributes that shift the probability of a class, such as
#'   `~ log(size) + segment`; `~ 1` (default) for shares that are the same for all firms. The attributes
#'   are columns of `firms` (of long data: columns that are the same for all places of an occasion).
#' @param common Names of terms, or of coefficients, that are the same in all classes. Place constants (`| place`)
#'   always are.
#' @param panel `TRUE` (default): the class is the firm's. `FALSE`: drawn anew on every occasion; `membership` may
#'   then change with time, and only that and the shape of the choice probabilities tell classes apart.
#' @param varying What to do with an attribute in `membership` that changes over the occasions of a firm: `"error"`
#'   (default), or `"first"` to take its value on the first occasion in the data.
#' @param starts Number of random starts.
#' @param seed Seed of the starts, for [set.seed()]; the state of R's generator is put back afterwards.
#' @param em_iterations,em_tolerance EM of a start ends after this many iterations, or when one gains at most
#'   `em_tolerance * (1 + abs(log-likelihood))`; Newton's method goes on from there. Where that
#'   does not converge, EM goes on for longer first.
#'
#' @return A model object of class `c("latent_model", "migration_model")` for the argument `model` of
#'   [fit_migration()]. Coefficients of the fit are called `<term>:class1`, `<term>:class2`, ..., those of `common`
#'   as ever, and those of membership `class2:(Intercept)`, `class2:<attribute>`, ... The fit has, besides what all
#'   fits have,
#'   \item{shares}{mean probability of each class}
#'   \item{entropy_r2}{1 less the entropy of the posterior probabilities relative to its largest possible value: 1
#'     when each firm's class is certain, 0 when the choices say nothing about it; `NA` for one class}
#'   \item{starts}{a data frame with a row for each start: `start`, `em_iterations`, `em_loglik`, `iterations` (of
#'     Newton's method), `loglik`, `converged`, `smallest` (share of the smallest class), `problem`, `best`. Its
#'     attribute `path` has the log-likelihoods along EM}
#'
#'   The argument `start` of [fit_migration()] takes the place of the random starts when it gives the classes different
#'   coefficients; else starts are drawn around it.
#'
#'   [predict()][predict.migration_fit] mixes the classes by \eqn{\pi_{fc}}{pi_fc}: probabilities and flows are means
#'   over classes, and so are utilities and logsums. `simulate()` draws a class for each firm, then its choices.
#'   `fitted()` is the probability of each choice by itself: over a panel the logarithms do not sum to the
#'   log-likelihood. `estfun()` has a row for each firm. `individual()` gives posterior probabilities and coefficients.
#'
#' @section Errors and warnings: An attribute in `membership` that the firms do not have, that is a linear combination
#'   of others or, with `varying = "error"`, that changes over time; weights that differ between occasions of a firm;
#'   `common` that names no term, or all of them. Warnings name classes that have no firms left
#'   (`firmmove_warning_collapsed`), classes with the same coefficients (`firmmove_warning_equal_classes`), coefficients
#'   of a class that run to infinity, as that of `stay` does in a class that never moves (`firmmove_warning_separated`),
#'   coefficients that the choices do not determine (`firmmove_warning_undetermined`), and a fit no start of which
#'   converged. Starts that did not converge are counted in a message. Occasions that miss an attribute of `membership`
#'   are treated as `na.action` says.
#' @references Kamakura, W. A. and Russell, G. J. (1989). A probabilistic choice model for market segmentation and
#'   elasticity structure. *Journal of Marketing Research* 26, 379-390. \doi{10.1177/002224378902600401}
#'
#'   Bhat, C. R. (1997). An endogenous segmentation mode choice model with an application to intercity travel.
#'   *Transportation Science* 31, 34-48. \doi{10.1287/trsc.31.1.34}
#'
#'   Greene, W. H. and Hensher, D. A. (2003). A latent class model for discrete choice analysis: contrasts with mixed
#'   logit. *Transportation Research Part B* 37, 681-698. \doi{10.1016/S0191-2615(02)00046-2}
#'
#'   Dempster, A. P., Laird, N. M. and Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM
#'   algorithm. *Journal of the Royal Statistical Society B* 39, 1-22. \doi{10.1111/j.2517-6161.1977.tb01600.x}
#' @seealso [compare_classes()], [individual.migration_fit_latent()], [conditional()], [fit_migration()]
#' @examples
#' latent(classes = 3, membership = ~ log(size))
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(technology) + pull(creativity) + log(distance) + peers(kin), data,
#'   model = latent(classes = 2, membership = ~ exporter, common = "log(distance)", starts = 1),
#'   subset = year %in% 1997:2000
#' )
#' summary(fit)
#' head(individual(fit))
#' @export
latent <- function(classes = 2, membership = ~1, common = NULL, panel = TRUE, varying = c("error", "first"),
                   starts = 10, seed = 1, em_iterations = 100, em_tolerance = 1e-4) {
  if (!inherits(membership, "formula") || length(membership) != 2L) {
    abort("`membership` must be a one-sided formula of firm attributes, like ~ log(size).", class = "argument")
  }
  if (!is.null(common) && !is.character(common)) {
    abort("`common` must be names of terms, like \"log(distance)\".", class = "argument")
  }
  if (!is.numeric(seed) || length(seed) != 1L || !is.finite(seed)) {
    abort("`seed` must be one number.", class = "argument")
  }
  structure(
    list(
      name = "latent", classes = check_count(classes, "classes"), membership = membership, common = common,
      panel = check_flag(panel, "panel"), varying = check_choice(varying, "varying"),
      starts = check_count(starts, "starts"), seed = seed, em_iterations = check_count(em_iterations, "em_iterations"),
      em_tolerance = check_fraction(em_tolerance, "em_tolerance")
    ),
    class = c("latent_model", "migration_model")
  )
}

#' @export
print.latent_model <- function(x, ...) {
  cat("Latent-class logit, ", plural(x$classes, "class", "classes"), "\n", sep = "")
  cat("  membership: ", formula_text(x$membership), if (!x$panel) " on each occasion", "\n", sep = "")
  if (!is.null(x$common)) {
    cat("  the same in all classes: ", quote_names(x$common, max = 20), "\n", sep = "")
  }
  cat("  ", plural(x$starts, "random start"), ", seed ", format(x$seed), "\n", sep = "")
  invisible(x)
}

model_title.latent_model <- function(model) {
  by <- if (length(all.vars(model$membership)) > 0L && model$classes > 1L) paste0(" by ", formula_text(model$membership))
  paste0("Latent-class logit, ", plural(model$classes, "class", "classes"), by)
}

group_noun.latent_model <- function(model) {
  if (model$panel) "the occasions of a firm" else "one occasion"
}

# Design ----------------------------------------------------------------------------------------------

# Occasions that miss an attribute of membership are left out of the design
model_design.latent_model <- function(model, formula, data, weights = NULL, subset = NULL,
                                      na.action = stats::na.omit, choice = TRUE, basis = NULL, env = NULL) {
  missing <- membership_missing(model, data)
  if (length(missing) == 0L) {
    return(migration_design(formula, data, weights, subset, na.action, choice, basis, env))
  }
  number <- select_occasions(data, left_side(formula), NULL, subset, choice, env)$number
  missing <- lapply(missing, `[`, number)
  record <- drop_missing(missing, list(n = length(number), missing = NULL), na.action)
  total <- count_data_occasions(data)
  kept <- seq_len(total) %in% number[if (is.null(record$keep)) TRUE else record$keep]
  design <- migration_design(formula, data, weights, kept, na.action, choice, basis, env)
  if (!is.null(record$na.action)) {
    counts <- c(attr(record$na.action, "counts"), attr(design$na.action, "counts"))
    lost <- which(!number %in% design$occasion)
    design$na.action <- structure(lost, class = class(record$na.action), counts = counts)
  }
  design
}

# Occasions that miss a variable of membership: a logical for each variable that is ever missing
membership_missing <- function(model, data) {
  names <- intersect(all.vars(model$membership), firm_attributes(data))
  missing <- lapply(stats::setNames(names, names), function(name) is.na(membership_column(data, name)))
  Filter(any, missing)
}

# A column of the firms, a value for each occasion of the data
membership_column <- function(data, name) {
  if (!has_tables(data) && differs_within(data, name)) {
    abort(
      "`membership` has `", name, "`, which differs between the places of one occasion. It must be an attribute of ",
      "the firm.",
      class = "membership"
    )
  }
  occasion_column(data, name)
}

# Setup -----------------------------------------------------------------------------------------------

# `memory` keeps the coding of membership and which terms differ between classes
model_setup.latent_model <- function(model, data, design, memory = NULL) {
  group <- latent_groups(model, data, design)
  if (model$classes > length(group)) {
    abort("latent(classes = ", format_count(model$classes), ") has more classes than there are choices (",
      format_count(length(group)), "). Take fewer classes; compare_classes() helps to choose.",
      class = "argument"
    )
  }
  weight <- firm_weights(model, design$spec$weights, group, check = is.null(memory))
  memory <- memory %||% list(free = free_terms(model, design$terms))
  built <- class_membership(model, data, design, group, memory$coding)
  memory$coding <- built$coding
  classes <- model$classes
  table <- latent_parameters(classes, design$terms$name, memory$free, rownames(built$z))
  list(
    kernel = list(
      kind = "latent", group = group, classes = classes, free = memory$free - 1L, membership = built$z, weight = weight,
      by_group = c("membership", "weight")
    ),
    parameters = table$extra,
    start = numeric(nrow(table$extra)),
    linear = table$linear,
    memory = memory
  )
}

# Codes of the groups that share a class
latent_groups <- function(model, data, design) {
  if (!model$panel) {
    return(seq_along(design$occasion))
  }
  firm <- data$index$firm[design$occasion]
  match(firm, unique(firm))
}

# The weight of each firm. An occasion may count (with the weight of its firm) or not (weight 0).
firm_weights <- function(model, weights, group, check) {
  if (is.null(weights)) {
    return(NULL)
  }
  weight <- numeric(max(group))
  # the last assignment wins: the largest
  rising <- order(weights)
  weight[group[rising]] <- weights[rising]
  differs <- weights > 0 & weights != weight[group]
  if (check && any(differs)) {
    abort(
      "`weights` differ between the occasions of a firm, for ", plural(length(unique(group[differs])), "firm"),
      ". A firm's occasions share one class, so a firm has one weight (or 0 for an occasion that does not count).",
      class = "weights"
    )
  }
  weight
}

# Numbers of the terms that differ between classes
free_terms <- function(model, terms) {
  unknown <- setdiff(model$common, c(terms$name, terms$term))
  if (length(unknown) > 0L) {
    abort(
      "`common` names ", quote_names(unknown), ", not a term of the model.",
      did_you_mean(unknown, terms$name),
      class = "common"
    )
  }
  free <- which(!terms$name %in% model$common & !terms$term %in% model$common)
  if (length(free) == 0L && model$classes > 1L) {
    abort("All terms are `common`: nothing is left in which classes could differ.", class = "common")
  }
  free
}

# Tables of the parameters of class 1 (NULL for one class: plain coefficients) and of those after it
latent_parameters <- function(classes, terms, free, attributes) {
  if (classes == 1L) {
    return(list(linear = NULL, extra = parameter_table()))
  }
  own <- seq_along(terms) %in% free
  linear <- parameter_table(
    ifelse(own, paste0(terms, ":class1"), terms), ifelse(own, "class1", "common"),
    section = ifelse(own, "Class 1", "All classes"), odds = TRUE
  )
  others <- seq_len(classes)[-1L]
  coefficients <- lapply(others, function(c) {
    parameter_table(
      paste0(terms[free], ":class", c), paste0("class", c),
      section = paste("Class", c), odds = TRUE
    )
  })
  membership <- lapply(others, function(c) {
    parameter_table(
      sprintf("class%d:%s", rep(c, length(attributes)), attributes), "membership",
      section = "Membership (log odds against class 1)", odds = TRUE
    )
  })
  list(linear = linear, extra = do.call(rbind, c(coefficients, membership)))
}

# Membership ------------------------------------------------------------------------------------------

# Attributes of the groups: z (attributes x groups) and the coding that new data must get
class_membership <- function(model, data, design, group, coding = NULL) {
  first <- match(seq_len(max(group)), group)
  frame <- fitted_types(membership_frame(model, data, design, group, first), coding$types, "firms")
  types <- coding$types %||% variable_types(frame)
  built <- if (is.null(coding)) stats::terms(model$membership) else coding$terms
  frame <- tryCatch(
    stats::model.frame(built, frame, na.action = stats::na.pass, xlev = coding$levels),
    error = function(e) abort("`membership` cannot be computed: ", conditionMessage(e), class = "membership")
  )
  # a formula without variables gives a frame without rows
  z <- if (length(all.vars(model$membership)) == 0L) {
    matrix(1, length(first), attr(built, "intercept"), dimnames = list(NULL, rep("(Intercept)", attr(built, "intercept"))))
  } else {
    stats::model.matrix(built, frame, contrasts.arg = coding$contrasts)
  }
  if (is.null(coding)) {
    check_membership(z, data)
    coding <- list(
      terms = attr(frame, "terms"), levels = stats::.getXlevels(attr(frame, "terms"), frame),
      contrasts = attr(z, "contrasts"), types = types
    )
  }
  list(z = matrix(t(z), ncol(z), nrow(z), dimnames = list(colnames(z), NULL)), coding = coding)
}

# The variables of membership, a row for each group
membership_frame <- function(model, data, design, group, first) {
  columns <- firm_attributes(data)
  names <- all.vars(model$membership)
  unknown <- setdiff(names, columns)
  unknown <- unknown[!vapply(unknown, exists, NA, envir = environment(model$membership), mode = "numeric")]
  if (length(unknown) > 0L) {
    abort(
      "`membership` has ", quote_names(unknown), ", not ", if (length(unknown) == 1L) "a column" else "columns",
      " of the firms. A class belongs to the firm: attributes of places go into `formula`.",
      did_you_mean(unknown, columns),
      class = "membership"
    )
  }
  names <- intersect(names, columns)
  values <- lapply(stats::setNames(names, names), function(name) {
    of_group(membership_column(data, name)[design$occasion], name, group, first, model$varying)
  })
  list2DF(values, length(first))
}

# A value for each group
of_group <- function(x, name, group, first, varying) {
  value <- x[first]
  if (varying == "first") {
    return(value)
  }
  changes <- unique(group[x != value[group]])
  if (length(changes) > 0L) {
    abort(
      "`membership` has `", name, "`, which changes over time for ", plural(length(changes), "firm"),
      ". A firm stays in its class: take an attribute that does not change, or its value on the first occasion by ",
      "latent(varying = \"first\").",
      class = "membership"
    )
  }
  value
}

# Attributes that cannot be told apart have no coefficients of their own
check_membership <- function(z, data) {
  if (any(!is.finite(z))) {
    abort(
      "`membership` is not finite for some firm: ", quote_names(colnames(z)[colSums(!is.finite(z)) > 0]), ".",
      class = "membership"
    )
  }
  # in some rows of larger data an attribute may be the same for all firms
  if (ncol(z) == 0L || isTRUE(data$part)) {
    return(invisible())
  }
  fit <- qr(z)
  if (fit$rank < ncol(z)) {
    lost <- colnames(z)[sort(fit$pivot[-seq_len(fit$rank)])]
    abort(
      "`membership` has ", quote_names(lost), ", the same for all firms or a linear combination of the other ",
      "attributes. Drop it.",
      class = "membership"
    )
  }
}

can_slice.latent_model <- function(model) {
  TRUE
}

model_variables.latent_model <- function(model) {
  all.vars(model$membership)
}

# The classes of the first slice are coded as those of all
first_setup.latent_model <- function(model, data, design, memory) {
  setup <- model_setup(model, data, design, memory = memory)
  built <- setup$memory$coding$terms
  if (!identical(attr(built, "predvars"), attr(built, "variables"))) {
    refuse_membership(model, memory)
  }
  setup
}

refuse_membership <- function(model, memory) {
  if (is.null(memory)) {
    abort(
      "`membership` (", deparse1(model$membership), ") depends on all firms, which a fit on a store does not see at ",
      "once. Compute its terms as columns before write_store().",
      class = "store_formula"
    )
  }
}
