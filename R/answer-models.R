# What the answers need to know of models whose coefficients differ between firms: of mixed() they are parameters of
# distributions, of latent() each class has its own; and which answers have no meaning for a model.

# What utilities are at plain coefficients b of the terms and place constants, in the shape of kernel_predict()
plain_utility <- function(object, design, b) {
  .Call(C_predict, design$spec, list(kind = "conditional"), b, "utility", kernel_control(object$control))
}

# Coefficients of the terms and place constants that stand for all firms at the theta of a design: list(b, a column a
# class; share, of the classes for each occasion, or NULL for one class). Of random coefficients the means. Dispatches
# on the fit.
typical_coefficients <- function(object, design) {
  UseMethod("typical_coefficients")
}

typical_coefficients.migration_fit <- function(object, design) {
  list(b = as.matrix(design$theta[design$layout$linear]), share = NULL)
}

typical_coefficients.migration_fit_mixed <- function(object, design) {
  layout <- design$layout
  b <- design$theta[layout$linear]
  given <- design$theta[layout$coefficients]
  b[layout$terms] <- mean_coefficients(object, stats::setNames(given, names(object$coefficients)))
  list(b = as.matrix(b), share = NULL)
}

typical_coefficients.migration_fit_latent <- function(object, design) {
  index <- class_index_of(object, design)
  list(
    b = matrix(design$theta[index$class], nrow(index$class)),
    share = class_probabilities(design$theta, design$kernel, index)[design$kernel$group, , drop = FALSE]
  )
}

# For each class of firms the numbers of the coefficients of the terms; one class, without a name, where all firms
# have the same
class_coefficients <- function(object) {
  terms <- object$design$terms$name
  if (!inherits(object$model, "latent_model") || object$model$classes == 1L) {
    return(list(seq_along(terms)))
  }
  names <- paste0("class", seq_len(object$model$classes))
  lapply(stats::setNames(nm = names), function(class) {
    own <- match(paste0(terms, ":", class), names(object$coefficients))
    ifelse(is.na(own), match(terms, names(object$coefficients)), own)
  })
}

# The number of the term that each coefficient belongs to, by itself or as its spread or in a class; 0 for none
term_of_coefficients <- function(object) {
  term <- integer(length(object$coefficients))
  for (class in class_coefficients(object)) {
    term[class] <- seq_along(class)
  }
  if (inherits(object$model, "mixed_model")) {
    spreads <- random_spreads(object$model)
    random <- match(names(object$model$random), object$design$terms$name)
    term[match(spreads$name, names(object$coefficients))] <- random[spreads$row]
  }
  term
}

refuse_hazard <- function(object, what, instead) {
  if (inherits(object$model, "hazard_model")) {
    abort(what, " is of models of where firms go; hazard() says only when they leave. ", instead, class = "model")
  }
}
