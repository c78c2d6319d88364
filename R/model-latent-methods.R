# What a latent-class fit predicts, says of firms, and prints.

# Prediction ------------------------------------------------------------------------------------------

# Means over the classes, by the membership of each occasion's firm
kernel_predict.migration_fit_latent <- function(object, design, type) {
  index <- class_index_of(object, design)
  probability <- class_probabilities(design$theta, design$kernel, index)[design$kernel$group, , drop = FALSE]
  weights <- occasion_weights(design$spec)
  spec <- design$spec
  total <- 0
  for (class in seq_len(ncol(probability))) {
    p <- probability[, class]
    if (type == "flows") {
      spec$weights <- weights * p
    }
    value <- .Call(
      C_predict, spec, list(kind = "conditional"), design$theta[index$class[, class]], type,
      kernel_control(object$control)
    )
    share <- if (type == "flows") 1 else of_value(p, value, spec)
    total <- total + share * value
  }
  total
}

# The share of each occasion beside its values: a row of a matrix, an entry, or the rows of long data
of_value <- function(share, value, spec) {
  if (is.matrix(value) || length(value) == length(share)) share else share[occasion_of_rows(spec)]
}

# A class for each firm, then choices by the coefficients of that class
kernel_choice.migration_fit_latent <- function(object, design, uniform) {
  index <- class_index_of(object, design)
  group <- design$kernel$group
  probability <- class_probabilities(design$theta, design$kernel, index)
  draw <- stats::runif(nrow(probability))
  above <- draw > t(apply(probability, 1L, cumsum))[, -ncol(probability), drop = FALSE]
  class <- (1L + rowSums(above))[group]
  chosen <- integer(length(group))
  for (c in unique(class)) {
    at <- class == c
    chosen[at] <- .Call(
      C_choice, design$spec, list(kind = "conditional"), design$theta[index$class[, c]], uniform,
      kernel_control(object$control)
    )[at]
  }
  chosen
}

# Firms -----------------------------------------------------------------------------------------------

#' @title Posterior classes of firms
#' @description The probability that a firm is of class \eqn{c}, given its attributes and all it chose,
#' \deqn{h_{fc} = \frac{\pi_{fc} \prod_t P_{it}(b_c)}{\sum_k \pi_{fk} \prod_t P_{it}(b_k)},}{h_fc = pi_fc prod_t
#'   P_it(b_c) / sum_k pi_fk prod_t P_it(b_k),}
#' and the mean of the coefficients over these probabilities, \eqn{\sum_c h_{fc} b_c}{sum_c h_fc b_c}.
#' @param object A fit of [fit_migration()] with [latent()].
#' @param ... Not used.
#' @return A data frame with a row for each firm (each occasion, with `latent(panel = FALSE)`) in the order of the data:
#'   `firm`, `occasions` (how many the firm has), `class` (the most probable), `class1`, `class2`, ... (the
#'   probabilities), and a column for each term with the posterior mean of its coefficient, `NA` where it is not
#'   estimable.
#' @section Careful: A firm with few occasions, or few moves, says little, and its probabilities stay near those by
#'   membership. Tables of `class` count uncertain firms as certain: sum the probabilities instead.
#' @references Greene, W. H. and Hensher, D. A. (2003). A latent class model for discrete choice analysis: contrasts
#'   with mixed logit. *Transportation Research Part B* 37, 681-698. \doi{10.1016/S0191-2615(02)00046-2}
#' @seealso [latent()], [individual()] of mixed logits, [compare_classes()].
#' @examples
#' data <- wenzhou_guzhen()
#' fit <- fit_migration(~ push(technology) + log(distance), data,
#'   model = latent(2, starts = 1), subset = year %in% 1997:2000
#' )
#' firms <- individual(fit)
#' head(firms)
#' colMeans(firms[c("class1", "class2")])
#' @export
individual.migration_fit_latent <- function(object, ...) {
  check_dots(...)
  design <- fit_design(object)
  index <- class_index_of(object, design)
  group <- design$kernel$group
  problem <- list(
    design = design, setup = list(kernel = design$kernel), fixed = logical(length(design$theta)), control = object$control
  )
  h <- t(expectation_maximisation(design$theta, problem)$posterior)
  colnames(h) <- paste0("class", seq_len(ncol(h)))
  terms <- object$layout$terms
  b <- matrix(design$theta[index$class[terms, ]], length(terms))
  means <- h %*% t(b)
  colnames(means) <- object$design$terms$name
  means[, object$aliased[terms]] <- NA
  first <- match(seq_len(max(group)), group)
  data.frame(
    firm = object$data$firm[object$data$index$firm[design$occasion[first]]],
    occasions = tabulate(group), class = max.col(h, "first"), h, means,
    check.names = FALSE
  )
}

# Print -----------------------------------------------------------------------------------------------

print_details.latent_model <- function(model, x) {
  classes <- (x$memory %||% x$design$memory)$summary
  cat("Class shares: ", paste0(names(classes$shares), " ", format_share(classes$shares), collapse = ", "), sep = "")
  if (!is.na(classes$entropy_r2)) {
    cat("; entropy R2 ", formatC(classes$entropy_r2, digits = 3, format = "f"), sep = "")
  }
  cat("\n")
  starts <- classes$starts
  if (nrow(starts) > 1L) {
    best <- max(starts$loglik[starts$best])
    reached <- sum(starts$converged & starts$loglik > best - 1e-6 * (1 + abs(best)))
    cat(
      plural(nrow(starts), "start"), ": ", reached, " reached this maximum, ", sum(!starts$converged),
      " did not converge\n",
      sep = ""
    )
  }
}

# The coefficients side by side
#' @rdname summary.migration_fit
#' @export
print.migration_fit_latent <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  if (x$model$classes == 1L) {
    return(NextMethod())
  }
  print_head(x)
  cat("\nCoefficients:\n")
  print(noquote(class_table(x, digits)), right = TRUE)
  membership <- x$parameters$group == "membership"
  if (any(membership)) {
    cat("\nMembership (log odds against class 1):\n")
    print(noquote(format(x$coefficients[membership], digits = digits)), right = TRUE)
  }
  cat("\n")
  print_details(x$model, x)
  print_foot(x)
  invisible(x)
}

# Terms by classes; a common coefficient stands in every column
class_table <- function(x, digits) {
  terms <- x$design$terms$name
  columns <- lapply(seq_len(x$model$classes), function(class) {
    own <- match(paste0(terms, ":class", class), names(x$coefficients))
    format(x$coefficients[ifelse(is.na(own), match(terms, names(x$coefficients)), own)], digits = digits)
  })
  table <- do.call(cbind, columns)
  dimnames(table) <- list(terms, paste0("class", seq_len(x$model$classes)))
  table
}
