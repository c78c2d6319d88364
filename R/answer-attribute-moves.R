# Attribution of the expected number of moves: the coefficients as they are, the variables of some groups at their
# reference. A term at a constant c on all moves is no term at all and c less for staying, so that every set of groups
# is a vector theta, linear in the estimate: theta(T) = base + M_T theta.

# How theta depends on the groups: for each coefficient its place in theta (`at`), its mean where that is not zero, with
# the sign with which it enters the constant of staying (`level`), and the place of that constant (`stay`)
moves_frame <- function(object, design, groups, reference) {
  refuse_hazard(object, "attribute_moves(what = \"moves\")", "Use `what = \"likelihood\"`.")
  if (all(design$spec$origin == 0L)) {
    abort("No firm has an origin, so none moves: use `what = \"likelihood\"`.", class = "argument")
  }
  of_terms <- reference_levels(object, design, term_of_coefficients(object)[unlist(groups)], reference)
  check_fixed_levels(object, of_terms)
  level <- numeric(length(object$coefficients))
  stay <- rep(NA_integer_, length(level))
  for (class in class_coefficients(object)) {
    level[class] <- of_terms
    stay[class] <- design$layout$coefficients[class[match("stay", object$design$terms$name)]]
  }
  if (any(is.na(stay[level != 0]))) {
    abort("Terms at their mean need the constant `stay` in the model: use `reference = \"zero\"`.", class = "reference")
  }
  list(
    at = design$layout$coefficients, level = level, stay = stay, null = object$parameters$null
  )
}

# A random coefficient of a constant would be a random constant of staying, which the model may not have
check_fixed_levels <- function(object, level) {
  random <- intersect(object$design$terms$name[level != 0], names(object$model$random))
  if (length(random) > 0L) {
    abort("The mean of ", quote_names(random), ", with a random coefficient, would be a random constant of staying: ",
      "use `reference = \"zero\"`.",
      class = "reference"
    )
  }
}

# theta with some groups (of numbers of coefficients) at their reference, and the matrix that makes it of theta
theta_without <- function(frame, theta, out) {
  out <- unlist(out)
  map <- diag(length(theta))
  base <- numeric(length(theta))
  if (length(out) > 0L) {
    at <- frame$at[out]
    map[at, ] <- 0
    if (any(frame$level[out] != 0)) {
      shifted <- out[frame$level[out] != 0]
      map[cbind(frame$stay[shifted], frame$at[shifted])] <- frame$level[shifted]
    }
    base[at] <- frame$null[out]
  }
  list(theta = base + drop(map %*% theta), map = map)
}

# The constant that stands for each coefficient's column, as it enters staying: 0 for terms that are the same
# everywhere when the variable is (attributes of places), for peers and with reference "zero"
reference_levels <- function(object, design, used, reference) {
  terms <- object$design$terms
  level <- numeric(nrow(terms))
  given <- if (is.numeric(reference)) reference else numeric()
  unknown <- setdiff(names(given), terms$name)
  if (length(unknown) > 0L) {
    abort("`reference` names ", quote_names(unknown), ", not among the terms.",
      did_you_mean(unknown, terms$name),
      class = "reference"
    )
  }
  mask <- moving_masks(object, design)
  sign <- unname(c(all = 0, move = -1, stay = 1)[mask])
  peers <- grepl("peers(", terms$term, fixed = TRUE)
  if (!identical(reference, "zero")) {
    wanted <- which(seq_along(mask) %in% used & mask != "all" & !peers & terms$name != "stay")
    level[wanted] <- sign[wanted] * column_means(object, design, wanted, mask)
  }
  level[match(names(given), terms$name)] <- sign[match(names(given), terms$name)] * given
  level
}

# Whether a term is of moving (also a tie, 0 at the origin), of staying or of every place
moving_masks <- function(object, design) {
  mask <- term_masks(object$design$terms)
  travels <- with_destination(object) | !matters_at_home(design$spec)
  ifelse(travels & mask == "all", "move", mask)
}

# Weighted means of columns of the utility over the moves or stays on offer, as the masks say
column_means <- function(object, design, which, mask) {
  zero <- numeric(length(design$layout$linear))
  level <- utility_sums(object, design, zero)
  vapply(which, function(k) {
    sums <- utility_sums(object, design, replace(zero, k, 1))
    at <- mask[[k]]
    (sums[[at]] - level[[at]]) / level[[paste0("n_", at)]]
  }, 0)
}

# Sums of the utilities of moves and of stays on offer at plain coefficients b, with the weight they are sums of
utility_sums <- function(object, design, b) {
  sums <- by_slice(design, function(part) sums_of_moves(part$spec, plain_utility(object, part, b)))
  sums <- rowSums(matrix(sums, 4L))
  list(move = sums[1L], stay = sums[2L], n_move = sums[3L], n_stay = sums[4L])
}

# Expected moves at theta
expected_moves <- function(object, design, theta) {
  flows_away(expected_flows(object, resolve_equilibrium(object, at_theta(design, theta))))
}

# Their derivatives in theta: dP = P d log P, so the score of staying with the weight w P(stay), with its sign
# turned. Models whose likelihood is not a sum over occasions: by differences.
moves_gradient <- function(object, design, theta, space) {
  if (!sums_over_occasions(object$model, object$design$group)) {
    return(drop(theta_jacobian(
      function(theta) expected_moves(object, design, theta), replace(space, "theta", list(theta))
    )))
  }
  design <- at_theta(design, theta)
  leave <- leaving_probability(object, design)
  leave[is.na(leave)] <- 1
  spec <- design$spec
  spec$weights <- (spec$weights %||% 1) * (1 - leave)
  spec$chosen <- pmax(spec$origin, 1L)
  -.Call(C_evaluate, spec, design$kernel, theta, fm_score, kernel_control(object$control))$score
}

# Values and gradients for the subsets of a plan: list(value, gradient of phi in theta, a row a group)
moves_values <- function(object, design, groups, plan, frame, space, gradient) {
  value <- numeric(nrow(plan$member))
  slope <- matrix(0, ncol(plan$member), length(space$theta))
  tick <- progress("Sets of groups", nrow(plan$member))
  for (t in seq_len(nrow(plan$member))) {
    tick()
    at <- theta_without(frame, space$theta, groups[!plan$member[t, ]])
    value[t] <- expected_moves(object, design, at$theta)
    if (gradient) {
      slope <- slope + outer(plan$weights[t, ], drop(moves_gradient(object, design, at$theta, space) %*% at$map))
    }
  }
  list(value = value, gradient = slope)
}

# Along a straight line -------------------------------------------------------------------------------

# Aumann-Shapley values: the gains of each group along the line from all at reference to all as they are
path_values <- function(object, design, groups, frame, space, nodes) {
  from <- theta_without(frame, space$theta, groups)$theta
  to <- space$theta
  # the part of the line that each group goes
  share <- vapply(groups, function(group) to - theta_without(frame, to, list(group))$theta, to)
  rule <- gauss_legendre(nodes)
  gradient <- vapply(rule$at, function(x) moves_gradient(object, design, from + x * (to - from), space), to)
  drop(crossprod(share, gradient %*% rule$weight))
}
