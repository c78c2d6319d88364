# Predictions, draws and scores of a chain() fit. The equilibrium of all occasions of a design is solved first; the
# interaction is then an offset of the conditional logit, and any slice of the occasions can be predicted.

# Solves the equilibrium of a design for predictions: design$share, places x cells. Of some of the occasions it is
# that of all: the cells of a part of the firms are not smaller cells.
settle_design.migration_fit_chain <- function(object, design, data) {
  if (is.null(design$spec$cell)) {
    return(design)
  }
  design$share <- design$kernel$start
  if (!is.null(object$context)) {
    all <- object$context
    all$data <- object$data
    design$all <- fit_design(all)
    return(hold_equilibrium(object, design, design$all))
  }
  resolve <- object$design$memory$equilibrium %||% "resolve"
  design$counted <- counted(design, data)$spec
  design$spec$cell_size <- cell_sizes(design$counted, ncol(design$share))
  if (resolve == "fitted") {
    check_known_cells(design$cells, object$design$memory$cells)
  }
  if (resolve == "resolve") resolve_equilibrium(object, design) else design
}

resolve_equilibrium.migration_fit_chain <- function(object, design) {
  if (is.null(design$spec$cell)) {
    return(design)
  }
  if (!is.null(design$all)) {
    design$all <- resolve_equilibrium(object, at_theta(design$all, design$theta))
    return(hold_equilibrium(object, design, design$all))
  }
  kernel <- design$kernel
  kernel$given <- FALSE
  cells <- seq_len(ncol(design$share))
  now <- solve_shares(design$counted, kernel, design$theta, cells, design$share, "step", object$control)
  moved <- which(now$residual > 1e-9)
  if (length(moved) > 0L) {
    found <- solve_shares(
      design$counted, kernel, design$theta, moved, design$share[, moved, drop = FALSE], "dynamics", object$control
    )
    design$share[, moved] <- found$share
    if (!all(found$converged)) {
      warn(
        "No equilibrium was found for ", unsolved_cells(found$converged, design$cells[moved, ]), ".",
        class = "equilibrium"
      )
    }
  }
  design
}

hold_equilibrium.migration_fit_chain <- function(object, design, other) {
  if (is.null(design$spec$cell)) {
    return(design)
  }
  at <- match_cells(design$cells, other$cells)
  design$share <- other$share[, at, drop = FALSE]
  design$spec$cell_size <- other$spec$cell_size[at]
  design
}

# The design with weight 0 for firms that closed, if any firm's choice is known
counted <- function(design, data) {
  chosen <- design$spec$chosen
  if (!is.null(chosen) && any(chosen > 0L) && any(chosen == 0L)) {
    design$spec$weights <- occasion_weights(design$spec) * (chosen > 0L)
  }
  design
}

check_known_cells <- function(cells, known) {
  new <- is.na(match_cells(cells, known))
  if (any(new)) {
    abort(
      "`newdata` has ", plural(sum(new), "cell"), " that the fit has no equilibrium of: ",
      paste(cell_names(cells[utils::head(which(new), 5L), ]), collapse = ", "),
      ". Use equilibrium = \"resolve\".",
      class = "newdata"
    )
  }
}

# The design of the conditional logit with the interaction as an offset
with_interaction <- function(object, design) {
  delta <- design$theta[length(design$theta)]
  value <- delta * interaction_of(object$model, design$share, design$spec$cell_size)
  list(
    spec = with_cell_offset(design$spec, value), kernel = list(kind = "conditional"),
    theta = design$theta[-length(design$theta)]
  )
}

kernel_predict.migration_fit_chain <- function(object, design, type) {
  if (is.null(design$spec$cell)) {
    return(kernel_predict.migration_fit(object, design, type))
  }
  kernel_predict.migration_fit(object, with_interaction(object, design), type)
}

kernel_choice.migration_fit_chain <- function(object, design, uniform) {
  if (is.null(design$spec$cell)) {
    return(kernel_choice.migration_fit(object, design, uniform))
  }
  kernel_choice.migration_fit(object, with_interaction(object, design), uniform)
}

# Scores of the cells. Those of the pseudo-likelihood are turned, so that they go with the covariance.
#' @rdname estfun.migration_fit
#' @exportS3Method sandwich::estfun migration_fit_chain
estfun.migration_fit_chain <- function(x, ...) {
  turn <- x$design$turn
  if (is.null(turn)) {
    return(estfun.migration_fit(x))
  }
  design <- fit_design(x)
  n <- length(x$coefficients)
  at <- c(seq_len(n - 1L), nrow(turn))
  apart <- diag(nrow(turn))[at, , drop = FALSE]
  adjust <- NULL
  if (length(x$effects) > 0L) {
    apart[, -at] <- -x$design$adjust
  }
  turned <- apart %*% turn
  own <- turned[, at, drop = FALSE]
  if (length(x$effects) > 0L) {
    adjust <- -solve(own, turned[, -at, drop = FALSE])
  }
  scores <- .Call(C_scores, design$spec, design$kernel, design$theta, adjust, kernel_control(x$control)) %*% t(own)
  colnames(scores) <- names(x$coefficients)
  scores[, x$estimated, drop = FALSE]
}

#' @rdname predict.migration_fit
#' @param equilibrium For a [chain()] model with rational expectations: `"resolve"` (default), the shares are solved
#'   again for `newdata`, from those of the fit; `"fitted"`, the shares of the fit are kept, as an attribute would be.
#'   What differs between the two is the social multiplier.
#' @export
predict.migration_fit_chain <- function(object, newdata = NULL,
                                        type = c("probability", "utility", "logsum", "flows", "choice", "top"),
                                        equilibrium = c("resolve", "fitted"), n = 3L, ...) {
  type <- check_choice(type, "type")
  check_dots(...)
  if (object$model$expectation == "lagged") {
    if (has_tables(object$data) && is.data.frame(newdata)) {
      refuse_lone_firms()
    }
  } else {
    object$design$memory$equilibrium <- check_choice(equilibrium, "equilibrium")
  }
  predict.migration_fit(object, newdata, type, n = n)
}
