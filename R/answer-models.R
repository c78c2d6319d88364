# What the answers need to know of models whose coefficients differ between firms: of mixed() they are parameters of
# distributions, of latent() each class has its own; and which answers have no meaning for a model.

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

class_coefficients.migration_fit <- function(object) {
  list(seq_along(object$design$terms$name))
}

class_coefficients.migration_fit_latent <- function(object) {
  if (object$model$classes == 1L) {
    return(class_coefficients.migration_fit(object))
  }
  terms <- object$design$terms$name
  names <- paste0("class", seq_len(object$model$classes))
  lapply(stats::setNames(nm = names), function(class) {
    own <- match(paste0(terms, ":", class), names(object$coefficients))
    ifelse(is.na(own), match(terms, names(object$coefficients)), own)
  })
}

term_of_coefficients.migration_fit <- function(object) {
  term <- integer(length(object$coefficients))
  for (class in class_coefficients(object)) {
    term[class] <- seq_along(class)
  }
  term
}

term_of_coefficients.migration_fit_mixed <- function(object) {
  term <- term_of_coefficients.migration_fit(object)
  spreads <- random_spreads(object$model)
  random <- match(names(object$model$random), object$design$terms$name)
  term[match(spreads$name, names(object$coefficients))] <- random[spreads$row]
  term
}

refuse_hazard <- function(object, what, instead) {
  if (!chooses_place(object$model)) {
    abort(what, " is of models of where firms go; hazard() says only when they leave. ", instead, class = "model")
  }
}
