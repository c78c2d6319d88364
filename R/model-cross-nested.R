#' @title Cross-nested logit: places in several nests
#' @description Regions overlap: a town may belong to a coast and to a dialect area, and compete with the towns of
#' both. Place \eqn{j} takes part in nest \eqn{m} with the allocation \eqn{\alpha_{jm} \ge 0}{alpha_jm >= 0},
#' \eqn{\sum_m \alpha_{jm} = 1}{sum_m alpha_jm = 1}; with dissimilarity parameters \eqn{\lambda_m}{lambda_m},
#' \deqn{P_{ij} = \sum_m \frac{(\alpha_{jm} e^{v_{ij}})^{1/\lambda_m}}{\sum_l (\alpha_{lm} e^{v_{il}})^{1/\lambda_m}}\,
#'   \frac{\big(\sum_l (\alpha_{lm} e^{v_{il}})^{1/\lambda_m}\big)^{\lambda_m}}{\sum_n \big(\sum_l (\alpha_{ln}
#' e^{v_{il}})^{1/\lambda_n}\big)^{\lambda_n}}.}{P_ij = sum_m P(j | m) P(m), P(j | m) = (alpha_jm e^v_ij)^(1/lambda_m) /
#' S_m, P(m) = S_m^lambda_m / sum_n S_n^lambda_n, S_m = sum_l (alpha_lm e^v_il)^(1/lambda_m).} It follows from utility
#' maximisation when \eqn{0 < \lambda_m \le 1}{0 < lambda_m <= 1}, and with allocations that sum to 1 a place's weight
#' does not depend on how many nests it is in (Bierlaire 2006; Papola 2004). Places in one nest each make it the
#' two-level [nested()] logit; \eqn{\lambda = 1}{lambda = 1} throughout the [conditional()] logit; a nest for each pair
#' of places the paired combinatorial logit.
#'
#' Where firms have an origin, staying is always a nest of its own, with lambda 1. A nest of one place has no
#' lambda: it would not change any probability, and is held at 1.
#'
#' @param membership Which places are in which nests: a data frame with a row for each place and nest it is in,
#'   columns `place`, `nest` and, if allocations are given, `allocation`; or a matrix of places x nests with both
#'   names, `TRUE`/`FALSE` or 0/1 for members, or the allocations. Allocations that are not given are equal.
#'   Those given must be at least 0 and sum to 1 for each place.
#' @param allocation `"fixed"` (default): the allocations are as given. `"estimate"`: they are estimated, those
#'   given are where the search starts. Each place in several nests then has coefficients
#'   `allocation:<place>:<nest>` for its nests after the first,
#'   \eqn{\tau_{jm} = \log(\alpha_{jm}/\alpha_{j1})}{tau_jm = log(alpha_jm / alpha_j1)}; the fit has the allocations
#'   with standard errors by the delta method, and [summary()][summary.migration_fit] shows them.
#' @param lambda `"each"` (default): a parameter for each nest; `"one"`: the same for all.
#'
#' @return A model object of class `c("cross_nested_model", "migration_model")` for the argument `model` of
#'   [fit_migration()]. The fit has coefficients `lambda:<nest>` (or `lambda`), tested against 1, and with
#'   `allocation = "estimate"` a data frame `allocations`: `place`, `nest`, `allocation`, `std.error`.
#' @section Identification:
#' With lambda near 1 a nest hardly matters, and allocations to it cannot be told; nor can those of a place that is
#' seldom chosen. Estimate allocations with many choices, few places in several nests, and `lambda = "one"` first.
#' The likelihood may have several maxima: try other values of `start` in [fit_migration()].
#' The information is exact.
#' @section Errors: A `membership` of another form; a place of the data without a nest, or one the data do not have;
#'   a place twice in a nest; allocations that are negative, missing or do not sum to 1; nests of one place only.
#'   An estimate of lambda outside (0, 1\], and an estimated allocation below 0.001, are warnings that name it.
#' @references Vovsha, P. (1997). Application of cross-nested logit model to mode choice in Tel Aviv, Israel,
#'   metropolitan area. *Transportation Research Record* 1607, 6-15. \doi{10.3141/1607-02}
#'
#'   Papola, A. (2004). Some developments on the cross-nested logit model. *Transportation Research Part B* 38,
#'   833-851. \doi{10.1016/j.trb.2003.11.001}
#'
#'   Bierlaire, M. (2006). A theoretical analysis of the cross-nested logit model. *Annals of Operations Research*
#'   144, 287-300. \doi{10.1007/s10479-006-0015-x}
#' @seealso [nested()], [conditional()], [fit_migration()]
#' @examples
#' # Guzhen lies in the Pearl River delta and makes lamps: it is in two nests
#' membership <- data.frame(
#'   place = c("Wenzhou", "Guzhen", "Guzhen", "Shenzhen"), nest = c("lamps", "lamps", "delta", "delta")
#' )
#' cross_nested(membership)
#'
#' set.seed(1)
#' places <- data.frame(place = c("Wenzhou", "Guzhen", "Shenzhen"), rent = c(2, 1, 3))
#' utility <- matrix(-0.5 * places$rent, 500, 3, byrow = TRUE) - log(-log(matrix(runif(1500), 500)))
#' firms <- data.frame(firm = 1:500, to = places$place[max.col(utility)])
#' data <- migration_data(firms, places, from = NULL)
#' fit <- suppressWarnings(fit_migration(~ rent, data, cross_nested(membership, lambda = "one")))
#' fit
#' @export
cross_nested <- function(membership, allocation = c("fixed", "estimate"), lambda = c("each", "one")) {
  allocation <- check_choice(allocation, "allocation")
  lambda <- check_choice(lambda, "lambda")
  structure(
    list(name = "cross_nested", membership = read_membership(membership), allocation = allocation, lambda = lambda),
    class = c("cross_nested_model", "migration_model")
  )
}

# Membership ------------------------------------------------------------------------------------------

# place, nest, allocation: a row for each entry, places and nests in the order of their first appearance
read_membership <- function(membership) {
  entries <- if (is.data.frame(membership)) {
    membership_rows(membership)
  } else if (is.matrix(membership)) {
    membership_cells(membership)
  } else {
    abort(
      "`membership` must be a data frame with columns `place` and `nest`, or a matrix of places x nests, not ",
      describe_type(membership), ".",
      class = "membership"
    )
  }
  twice <- duplicated(entries[c("place", "nest")])
  if (any(twice)) {
    abort(
      "`membership` has a place twice in one nest: ",
      quote_names(unique(paste(entries$place[twice], "in", entries$nest[twice]))), ".",
      class = "membership"
    )
  }
  if (is.null(entries$allocation)) {
    count <- table(entries$place)
    entries$allocation <- 1 / as.vector(count[entries$place])
  }
  check_allocations(entries)
  entries[entries$allocation > 0, , drop = FALSE]
}

membership_rows <- function(membership) {
  lacking <- setdiff(c("place", "nest"), names(membership))
  if (length(lacking) > 0L) {
    abort(
      "`membership` lacks the column ", quote_names(lacking), ": it needs `place`, `nest` and, if they are given, ",
      "`allocation`.",
      class = "membership"
    )
  }
  entries <- data.frame(place = as.character(membership$place), nest = as.character(membership$nest))
  if (nrow(entries) == 0L || anyNA(entries)) {
    abort("`membership` has no rows, or a row without a place or a nest.", class = "membership")
  }
  entries$allocation <- membership$allocation
  entries
}

membership_cells <- function(membership) {
  named <- !is.null(rownames(membership)) && !is.null(colnames(membership))
  if (!named || !(is.numeric(membership) || is.logical(membership))) {
    abort(
      "A matrix `membership` must be of numbers or TRUE/FALSE, with the places as row names and the nests as column ",
      "names.",
      class = "membership"
    )
  }
  # an NA is kept, to be named by check_allocations()
  at <- which(t(membership != 0 | is.na(membership)), arr.ind = TRUE)
  entries <- data.frame(place = rownames(membership)[at[, 2L]], nest = colnames(membership)[at[, 1L]])
  if (!all(membership %in% 0:1)) {
    entries$allocation <- membership[at[, 2:1, drop = FALSE]]
  }
  entries
}

check_allocations <- function(entries) {
  value <- entries$allocation
  if (!is.numeric(value) || !all(is.finite(value)) || any(value < 0)) {
    abort("The allocations of `membership` must be numbers of at least 0.", class = "membership")
  }
  total <- rowsum(value, entries$place, reorder = FALSE)
  off <- which(abs(total - 1) > 1e-6)
  if (length(off) > 0L) {
    abort(
      "The allocations of a place must sum to 1; ", plural(length(off), "place"), " of `membership` ",
      if (length(off) == 1L) "does" else "do", " not: ",
      quote_names(paste0(rownames(total)[off], " (", format_each(total[off]), ")")), ".",
      class = "membership"
    )
  }
}

#' @export
print.cross_nested_model <- function(x, ...) {
  entries <- x$membership
  cat(
    model_title(x), "\n  ", plural(length(unique(entries$place)), "place"), " in ",
    plural(length(unique(entries$nest)), "nest"), ", ", sum(table(entries$place) > 1L),
    " of them in several; lambda: ", x$lambda, "; allocations: ", x$allocation, "\n",
    sep = ""
  )
  invisible(x)
}

model_title.cross_nested_model <- function(model) {
  "Cross-nested logit"
}

# Setup -----------------------------------------------------------------------------------------------

# `memory` keeps the numbering of the parameters: newdata may have fewer places
model_setup.cross_nested_model <- function(model, data, design, memory = NULL) {
  entries <- place_entries(model$membership, data$place)
  if (is.null(memory)) {
    offered <- if (is.null(design$spec$offered)) rep(TRUE, design$spec$J) else design$spec$offered
    memory <- number_entries(model, entries, data$place, offered)
    memory$stay_alone <- any(design$spec$origin > 0L)
  }
  list(
    kernel = entry_kernel(memory, entries, data$place),
    parameters = rbind(
      parameter_table(memory$lambda, "lambda", null = 1, section = "Dissimilarity (z and p of lambda = 1)"),
      parameter_table(memory$tau, "allocation", section = "Allocation (log odds against the first nest of the place)")
    ),
    # at lambda = 1 the likelihood does not depend on the allocations
    start = c(rep(if (length(memory$tau) > 0L) 0.7 else 1, length(memory$lambda)), memory$tau_start),
    memory = memory
  )
}

# The entries of the places of the data, place by place
place_entries <- function(membership, place) {
  lacking <- setdiff(place, membership$place)
  if (length(lacking) > 0L) {
    abort(
      "`membership` has no nest for ", plural(length(lacking), "place"), " of the data: ", quote_names(lacking),
      ". A place that is like no other needs a nest of its own.",
      class = "membership"
    )
  }
  code <- match(membership$place, place)
  keep <- which(!is.na(code))
  membership[keep[order(code[keep])], , drop = FALSE]
}

# Names of the parameters, of each nest and each entry (NA: none)
number_entries <- function(model, entries, place, offered) {
  unknown <- setdiff(model$membership$place, place)
  if (length(unknown) > 0L) {
    abort(
      "`membership` has ", plural(length(unknown), "place"), " the data do not have: ", quote_names(unknown), ".",
      did_you_mean(unknown, place),
      class = "membership"
    )
  }
  nest <- unique(model$membership$nest)
  inside <- offered[match(entries$place, place)]
  members <- tabulate(match(entries$nest[inside], nest), length(nest))
  if (!any(members > 1L)) {
    abort(
      "No nest of `membership` has two places or more, so there is no lambda to estimate. Use conditional().",
      class = "membership"
    )
  }
  name <- if (model$lambda == "each") paste0("lambda:", nest) else rep("lambda", length(nest))
  later <- duplicated(entries$place) & inside & model$allocation == "estimate"
  first <- entries$allocation[match(entries$place, entries$place)]
  list(
    nests = stats::setNames(members, nest),
    nest_parameter = ifelse(members > 1L, name, NA),
    lambda = unique(name[members > 1L]),
    tau = paste0("allocation:", entries$place, ":", entries$nest)[later],
    tau_start = log(entries$allocation / first)[later]
  )
}

# The `model` list of the C entry points
entry_kernel <- function(memory, entries, place) {
  number <- function(name, among) {
    at <- match(name, among)
    ifelse(is.na(at), -1L, at - 1L)
  }
  list(
    kind = "cross_nested",
    first = c(0L, cumsum(tabulate(match(entries$place, place), length(place)))),
    nest = match(entries$nest, names(memory$nests)) - 1L,
    log_allocation = log(entries$allocation),
    tau = if (length(memory$tau) > 0L) {
      number(paste0("allocation:", entries$place, ":", entries$nest), memory$tau)
    },
    lambda = number(memory$nest_parameter, memory$lambda),
    n_lambda = length(memory$lambda),
    n_tau = length(memory$tau),
    stay_alone = memory$stay_alone
  )
}

# Fit -------------------------------------------------------------------------------------------------

check_start.cross_nested_model <- function(model, theta) {
  check_start.nested_model(model, theta[startsWith(names(theta), "lambda")])
}

model_finish.cross_nested_model <- function(model, fit, raw, problem) {
  if (model$allocation == "estimate") {
    fit$allocations <- allocation_table(fit, place_entries(model$membership, fit$data$place))
  }
  fit
}

# Allocations with standard errors by the delta method: da_e / dtau_f = a_e (1{e = f} - a_f)
allocation_table <- function(fit, entries) {
  name <- paste0("allocation:", entries$place, ":", entries$nest)
  tau <- fit$coefficients[name]
  tau[is.na(tau)] <- 0
  given <- !entries$place %in% entries$place[name %in% names(fit$coefficients)]
  weight <- ifelse(given, entries$allocation, exp(tau))
  value <- as.vector(weight / rowsum(weight, entries$place)[entries$place, 1L])
  slope <- -outer(value, value) * outer(entries$place, entries$place, "==")
  diag(slope) <- diag(slope) + value
  known <- match(names(fit$coefficients)[fit$estimated], name, nomatch = 0L)
  slope <- slope[, known, drop = FALSE]
  covariance <- fit$covariance[known > 0L, known > 0L, drop = FALSE]
  data.frame(
    place = entries$place, nest = entries$nest, allocation = value,
    std.error = ifelse(given, NA, sqrt(rowSums((slope %*% covariance) * slope)))
  )
}

check_estimates.cross_nested_model <- function(model, fit) {
  warn_lambda(fit$coefficients[fit$parameters$group == "lambda" & !names(fit$coefficients) %in% names(fit$border)])
  table <- fit$allocations
  edge <- which(!is.na(table$std.error) & table$allocation < 1e-3)
  if (length(edge) > 0L) {
    warn(
      "Estimated allocations near 0: ",
      paste0("`", table$place[edge], "` in `", table$nest[edge], "`", collapse = ", "),
      ". Their standard errors mean nothing; leave these nests of these places out of `membership`.",
      class = "allocation"
    )
  }
}

print_details.cross_nested_model <- function(model, x) {
  nests <- x$memory$nests
  listed <- paste0(names(nests), " (", nests, ")")
  more <- if (length(listed) > 12L) paste0(" and ", length(listed) - 12L, " more")
  cat("Nests, with places: ", paste(utils::head(listed, 12L), collapse = ", "), more, "\n", sep = "")
  table <- x$allocations
  if (!is.null(table)) {
    cat("Allocations:\n")
    print(table[!is.na(table$std.error), ], digits = 3, row.names = FALSE)
  }
}

own_parameters.cross_nested_model <- function(model, names) {
  startsWith(names, "lambda") | startsWith(names, "allocation:")
}
