#' @title Test claims on a fit and its data
#' @description Puts each claim as a sum of coefficients, an interval and a verdict. Without `claims`, the claims of
#' the study of lamp makers that went from Wenzhou to Guzhen (Zhu et al. 2009), as far as the model has their terms:
#'
#' | claim | what must hold | shown by |
#' |---|---|---|
#' | land price, lack of space cannot fully explain the leaving | their share is below 1 | share in `attribute_moves()` |
#' | scarce technology, a bad environment push firms out | `push(technology) < 0`, `push(environment) < 0` | coefficient |
#' | networks make the move cheaper | `peers() > 0` | coefficient |
#' | networks strengthen bargaining where firms arrive | `peers(g):pull(land_price) > 0` | coefficient |
#' | the cluster attracts: creativity, governance | `pull(creativity) > 0`, `pull(governance) > 0` | coefficient |
#' | leaving weakens the origin | emigration takes jobs and mean performance | [decompose_cluster()] |
#' | arrival strengthens the destination | immigration brings both | [decompose_cluster()] |
#'
#' @details *Firms that differ.* Of [latent()] classes a claim that names a term by itself, as those of the study do, is
#' about the mean of its coefficients over the classes, \eqn{\sum_c s_c b_c}{sum_c s_c b_c} with \eqn{s_c} the mean over
#' the firms of the probability of class \eqn{c} by membership; its error counts that the shares are estimated too. A
#' class by itself is named as `"push(technology):class2 < 0"`. Of a [mixed()] logit claims are about the means of the
#' random coefficients. A mean below 0 does not say that all firms have a coefficient below 0.
#'
#' *Verdicts.* A claim \eqn{c'b > 0} is `"supported"` when the interval of \eqn{c'b} is above 0,
#' `"contradicted"` when it is below, else `"open"`: not told from 0, which is not the same as 0. A claim of equality,
#' `==`, is `"contradicted"` when the interval leaves the value out, else `"not contradicted"`. `"no interval"`: the
#' share of land in the likelihood of a panel of firms has none (see [attribute_moves()]).
#'
#' The claim that land price and space do not fully explain the leaving is one about a share. With the pushes of the
#' model as groups (the terms of `land`, one by one, and all other terms), it is supported when the upper limit of the
#' share of `land` in the log-likelihood is below `full`.
#'
#' *Own claims.* A list or vector of strings or formulas in the names of coefficients: `"push(technology) < 0"`,
#' `"2 * pull(creativity) - pull(governance) > 0"`, `~ pull(land_price) + push(land_price) == 0`. Names are the words
#' the list has, and are shown as the claim. Only sums of coefficients with constant factors can be tested.
#'
#' @param object A fit of [fit_migration()].
#' @param claims `NULL` for the claims of the study; or a vector or list of claims, named by what they say.
#' @param performance,weight Columns of `firms` for the claims about the clusters, as in [decompose_cluster()]; `NULL`
#'   leaves these claims out.
#' @param origin,destination The places the claims about clusters are about: the one most firms left (on balance) and
#'   the one most went to, unless given.
#' @param periods Two times between which the clusters are compared; the first and the last unless given.
#' @param land Terms of cost and space.
#' @param full The share that would be a full explanation.
#' @param conf.level Level of the intervals, between 0 and 1.
#' @param ... `type` and `cluster`: which covariance, as in [vcov.migration_fit()].
#' @return An object of class `migration_claims`; its table, by `as.data.frame()`, has `claim`, `shown_by` (the
#'   coefficient, or the row of a table), `says` (what must hold), `estimate`, `std.error`, `conf.low`, `conf.high`,
#'   `verdict`.
#' @section Errors: A claim that is no comparison of a sum of coefficients with a number, or names what is none; no
#'   claim of the study for which the model has a term.
#' @references Zhu, H., Wang, J., Li, P. and Li, W. (2009). *Progress in Geography* 28, 329-336.
#'   \doi{10.11820/dlkxjz.2009.03.002}
#' @seealso [attribute_moves()], [decompose_cluster()], [compensate()]
#' @examples
#' lamps <- wenzhou_guzhen()
#' fit <- fit_migration(
#'   ~ push(land_price) + push(space) + push(technology) + push(environment) +
#'     pull(land_price) + pull(creativity) + pull(governance) +
#'     log(distance) + peers(kin) + peers(kin):pull(land_price),
#'   lamps
#' )
#' test_claims(fit, performance = "productivity", weight = "jobs", periods = c(1996, 2004))
#' test_claims(fit, c("kin weigh more than creativity" = "peers(kin) - pull(creativity) > 0"))
#' @export
test_claims <- function(object, claims = NULL, performance = NULL, weight = NULL, origin = NULL, destination = NULL,
                        periods = NULL, land = c("push(land_price)", "push(space)"), full = 1, conf.level = 0.95, ...) {
  check_fit(object)
  conf.level <- check_fraction(conf.level, "conf.level")
  table <- if (is.null(claims)) {
    rbind(
      land_claim(object, land, full, conf.level),
      coefficient_claims(object, study_claims(object), conf.level, ...),
      if (!is.null(performance)) {
        cluster_claims(object, performance, weight, origin, destination, periods, conf.level)
      }
    )
  } else {
    coefficient_claims(object, as.list(claims), conf.level, ...)
  }
  if (is.null(table)) {
    abort("The model has no term for any claim of the study, and no `claims` are given.", class = "claims")
  }
  simulated <- is.character(attr(object$data, "note"))
  new_answer("migration_claims",
    table = plain_rows(table), title = claims_title(object$model),
    notes = c(
      paste0(format(100 * conf.level), "% intervals. \"open\": not told from the limit of the claim."),
      claims_note(object),
      if (simulated) "The data are simulated: they illustrate the claims and are no evidence for them."
    )
  )
}

claims_title <- function(model) {
  noun <- model_title(model)
  noun <- paste0(tolower(substr(noun, 1L, 1L)), substr(noun, 2L, nchar(noun)))
  if (!grepl("logit", noun, fixed = TRUE)) {
    return(paste("Claims tested on a model of", sub("^hazard", "the hazard", noun)))
  }
  paste("Claims tested on", if (grepl("^[aeiou]", noun)) "an" else "a", noun)
}

claims_note <- function(object) {
  if (length(class_coefficients(object)) > 1L) {
    "A term without a class stands for the mean of its coefficients over the classes, by their shares."
  } else if (length(object$model$random) > 0L) {
    "Of random coefficients the claims are about the means."
  }
}

#' @rdname print.migration_answer
#' @export
print.migration_claims <- function(x, digits = max(3L, getOption("digits") - 3L), n = 40, ...) {
  cat(x$title, "\n", sep = "")
  table <- utils::head(x$table, n)
  for (claim in unique(table$claim)) {
    rows <- table[table$claim == claim, ]
    cat("\n", wrapped(claim), "\n", sep = "")
    columns <- c("shown_by", "says", "estimate", "conf.low", "conf.high", "verdict")
    print(rows[columns], digits = digits, row.names = FALSE)
  }
  cat("\n", vapply(x$notes, function(note) paste0(wrapped(note), "\n"), ""), sep = "")
  invisible(x)
}

# Claims on coefficients ------------------------------------------------------------------------------

# Coefficients that claims may name, with their covariance: those of the fit, of random ones the means, and in latent
# classes the terms by themselves for all firms. Not estimable ones are NA.
claim_coefficients <- function(object, ...) {
  b <- object$coefficients
  if (length(class_coefficients(object)) > 1L) {
    return(class_means(object, ...))
  }
  v <- vcov(object, ...)
  v[is.na(v)] <- 0
  average <- coefficient_means(object$model)
  if (is.null(average)) {
    return(list(b = b, v = v))
  }
  means <- function(theta) average(stats::setNames(theta, names(b)))
  known <- replace(b, is.na(b), 0)
  slope <- theta_jacobian(means, list(theta = known, covariance = v))
  list(b = replace(means(known), is.na(b), NA), v = slope %*% v %*% t(slope))
}

# The coefficients of latent classes, and after them each term's mean over the classes, sum_c s_c b_c with s_c the mean
# over the firms of the probability of the class. The covariance counts that the shares are estimated too.
class_means <- function(object, ...) {
  b <- object$coefficients
  design <- fit_design(object)
  space <- theta_space(object, design, ...)
  index <- class_index_of(object, design)
  # a term that is the same in all classes is a coefficient as it is
  terms <- which(!object$design$terms$name %in% names(b))
  value <- function(theta) {
    each <- matrix(theta[index$class[terms, ]], length(terms))
    c(theta[space$at], each %*% mean_shares(theta, design$kernel, index))
  }
  slope <- theta_jacobian(value, space)
  lost <- vapply(terms, function(k) anyNA(b[classes_at(class_coefficients(object), k)]), NA)
  list(
    b = stats::setNames(
      replace(value(space$theta), c(is.na(b), lost), NA), c(names(b), object$design$terms$name[terms])
    ),
    v = slope %*% space$covariance %*% t(slope)
  )
}

# Names of the terms whose coefficients are known, in latent classes in each of them
known_terms <- function(object) {
  classes <- class_coefficients(object)
  names <- if (length(classes) > 1L) object$design$terms$name else linear_names(object)
  lost <- vapply(seq_along(names), function(k) anyNA(object$coefficients[classes_at(classes, k)]), NA)
  names[!lost]
}

# The study's claims that are signs of coefficients, for the terms that the model has
study_claims <- function(object) {
  names <- known_terms(object)
  peers <- grepl("peers(", names, fixed = TRUE)
  with_price <- peers & grepl("land_price", names, fixed = TRUE)
  signs <- list(
    "Scarce core technology pushes firms out" = c("push(technology)", "<"),
    "A bad business environment pushes firms out" = c("push(environment)", "<"),
    "Networks lower the cost and the risk of the move" = c(names[peers & !grepl(":", names, fixed = TRUE)], ">"),
    "Networks strengthen bargaining power where firms arrive" = c(names[with_price], ">"),
    "The creativity of the cluster attracts" = c("pull(creativity)", ">"),
    "The governance of the cluster attracts" = c("pull(governance)", ">")
  )
  claims <- lapply(signs, function(sign) {
    terms <- intersect(sign[-length(sign)], names)
    as.list(if (length(terms) > 0L) paste0("`", terms, "` ", sign[length(sign)], " 0"))
  })
  stats::setNames(unlist(claims, recursive = FALSE), rep(names(claims), lengths(claims)))
}

# Rows of claims, each a comparison of a sum of coefficients with a number
coefficient_claims <- function(object, claims, conf.level, ...) {
  if (length(claims) == 0L) {
    return(NULL)
  }
  known <- claim_coefficients(object, ...)
  names <- names(claims)
  rows <- lapply(seq_along(claims), function(i) {
    claim <- read_claim(claims[[i]], known$b)
    label <- if (is.null(names) || !nzchar(names[i])) claim$text else names[i]
    row <- data.frame(claim = label, shown_by = claim$left, says = claim$says, estimate = claim$estimate)
    row <- with_intervals(row, sqrt(drop(claim$weights %*% known$v %*% claim$weights)), conf.level)
    row$verdict <- claim_verdict(row$conf.low, row$conf.high, claim$sign, claim$limit)
    row
  })
  do.call(rbind, rows)
}

# A claim as weights of the coefficients b: list(text, left, says, weights, estimate, sign, limit)
read_claim <- function(claim, b) {
  expr <- if (inherits(claim, "formula")) {
    claim[[length(claim)]]
  } else {
    tryCatch(str2lang(as.character(claim)), error = function(e) NULL)
  }
  if (!is_call_to(expr, c("<", ">", "==", "<=", ">="))) {
    abort("`claims` must be comparisons like \"push(technology) < 0\", not ", quote_names(deparse1(claim)), ".",
      class = "claims"
    )
  }
  names <- names(b)
  left <- claim_sum(expr[[2L]], names)
  right <- claim_sum(expr[[3L]], names)
  weights <- left$weights - right$weights
  absent <- names[weights != 0 & is.na(b)]
  if (length(absent) > 0L) {
    abort("`claims` names ", quote_names(absent), ", which is not estimable.", class = "claims")
  }
  b[is.na(b)] <- 0
  limit <- right$constant - left$constant
  sign <- substr(as.character(expr[[1L]]), 1L, 1L)
  text <- gsub("`", "", paste(deparse(expr, width.cutoff = 500L), collapse = " "), fixed = TRUE)
  plain <- gsub("`", "", deparse1(expr[[2L]]), fixed = TRUE)
  says <- paste(if (sign == "=") "equal to" else if (sign == "<") "below" else "above", format(limit))
  if (any(right$weights != 0)) {
    plain <- paste0(plain, " - (", gsub("`", "", deparse1(expr[[3L]]), fixed = TRUE), ")")
  }
  list(
    text = text, left = plain, says = says, weights = weights, estimate = sum(weights * b), sign = sign, limit = limit
  )
}

# An expression as a sum of coefficients and a constant: list(weights, constant). What is written like a coefficient
# is one, before any arithmetic is looked for.
claim_sum <- function(expr, names) {
  text <- if (is.name(expr)) as.character(expr) else deparse1(expr)
  zero <- numeric(length(names))
  at <- match(gsub("`", "", text, fixed = TRUE), gsub("`", "", names, fixed = TRUE))
  if (!is.na(at)) {
    return(list(weights = replace(zero, at, 1), constant = 0))
  }
  if (is.numeric(expr)) {
    return(list(weights = zero, constant = expr))
  }
  if (!is_call_to(expr, c("+", "-", "*", "/", "("))) {
    abort("`claims` names `", text, "`, which is no coefficient of the model.",
      did_you_mean(text, names),
      class = "claims"
    )
  }
  parts <- lapply(as.list(expr)[-1L], claim_sum, names = names)
  combine_sums(as.character(expr[[1L]]), parts, text)
}

combine_sums <- function(operator, parts, text) {
  scaled <- function(part, by) lapply(part, `*`, by)
  added <- function(a, b) Map(`+`, a, b)
  constant <- vapply(parts, function(part) all(part$weights == 0), NA)
  if (operator == "(") {
    return(parts[[1L]])
  }
  if (operator %in% c("+", "-")) {
    sign <- if (operator == "+") 1 else -1
    last <- scaled(parts[[length(parts)]], sign)
    return(if (length(parts) == 1L) last else added(parts[[1L]], last))
  }
  if (operator == "*" && any(constant)) {
    number <- which(constant)[1L]
    return(scaled(parts[[3L - number]], parts[[number]]$constant))
  }
  if (operator == "/" && constant[2L] && parts[[2L]]$constant != 0) {
    return(scaled(parts[[1L]], 1 / parts[[2L]]$constant))
  }
  abort("`claims` has `", text, "`: only sums of coefficients with constant factors can be tested.", class = "claims")
}

claim_verdict <- function(low, high, sign, limit) {
  if (is.na(low) || is.na(high)) {
    return("no interval")
  }
  if (sign == "=") {
    return(if (low > limit || high < limit) "contradicted" else "not contradicted")
  }
  if (sign == "<") {
    turned <- c(-high, -low)
    low <- turned[1L]
    high <- turned[2L]
    limit <- -limit
  }
  if (low > limit) "supported" else if (high < limit) "contradicted" else "open"
}

# Claims on shares and on clusters --------------------------------------------------------------------

# Land price and space cannot fully explain the leaving
land_claim <- function(object, land, full, conf.level) {
  names <- known_terms(object)
  land <- intersect(land, names)
  others <- setdiff(names, c(land, "stay"))
  if (length(land) == 0L || length(others) == 0L) {
    return(NULL)
  }
  groups <- c(as.list(stats::setNames(nm = land)), list(others = others))
  found <- attribute_moves(object, groups, conf.level = conf.level)
  total <- sum(found$table$estimate)
  own <- seq_along(land)
  each <- diag(length(groups))[own, , drop = FALSE]
  into <- rbind(each, if (length(land) > 1L) as.numeric(seq_along(groups) %in% own))
  share <- drop(into %*% found$table$estimate) / total
  gradient <- (into - share) / total
  row <- data.frame(
    claim = "The price of land and the lack of space cannot fully explain the leaving",
    shown_by = paste("share of", c(land, if (length(land) > 1L) paste(land, collapse = " and "))),
    says = paste("below", format(full)), estimate = share
  )
  row <- with_intervals(row, sqrt(pmax(rowSums((gradient %*% found$covariance) * gradient), 0)), conf.level)
  row$verdict <- mapply(claim_verdict, row$conf.low, row$conf.high, MoreArgs = list(sign = "<", limit = full))
  row
}

# Leaving weakens the origin, arrival strengthens the destination: rows of the accounts of the clusters
cluster_claims <- function(object, performance, weight, origin, destination, periods, conf.level) {
  data <- object$data
  if (!has_tables(data) || is.null(data$names$time)) {
    abort("Claims about clusters need a migration_data() with times.", class = "claims")
  }
  if (is.null(weight)) {
    abort("`weight` is needed with `performance`: the column of jobs, sales or value added.", class = "argument")
  }
  ends <- cluster_ends(data, origin, destination)
  if (is.null(periods)) {
    periods <- range(data$time)
  }
  account <- decompose_cluster(
    data$firms[data$firms[[data$names$time]] %in% periods, ],
    performance = performance, weight = weight,
    firm = data$names$firm, cluster = data$names$to, time = data$names$time, conf.level = conf.level
  )
  rbind(
    cluster_rows(account, ends$origin, ends$destination, c(mean = "emigration", size = "transfer_out"), "<",
      claim = "Leaving weakens the origin cluster"
    ),
    cluster_rows(account, ends$destination, ends$origin, c(mean = "immigration", size = "transfer_in"), ">",
      claim = "Arrival strengthens the destination cluster"
    )
  )
}

# The places with the largest net loss and gain of firms, unless named
cluster_ends <- function(data, origin, destination) {
  flows <- as_flows(data, zeros = FALSE)
  flows <- flows[!flows$stay & !is.na(flows$from), ]
  net <- tapply(c(flows$count, -flows$count), factor(c(flows$to, flows$from), data$place), sum)
  net[is.na(net)] <- 0
  named <- function(place, argument, default) {
    if (is.null(place)) default else data$place[place_numbers(list(data = data), place, argument)]
  }
  list(
    origin = named(origin, "origin", names(net)[which.min(net)]),
    destination = named(destination, "destination", names(net)[which.max(net)])
  )
}

# The row of one cluster and its partner in the mean and in the size account
cluster_rows <- function(account, cluster, partner, components, sign, claim) {
  rows <- lapply(names(components), function(table) {
    part <- account[[table]]
    part[part$cluster == cluster & part$component == components[[table]] & part$partner %in% partner, ]
  })
  rows <- lapply(seq_along(rows), function(i) {
    part <- rows[[i]]
    if (nrow(part) == 0L) {
      return(NULL)
    }
    where <- paste0(if (sign == "<") " to " else " from ", partner, " (", names(components)[i], " account)")
    data.frame(
      claim = claim, says = if (sign == "<") "below 0" else "above 0",
      shown_by = paste0(cluster, ", ", components[[i]], where),
      part[c("estimate", "std.error", "conf.low", "conf.high")]
    )
  })
  table <- do.call(rbind, rows)
  if (is.null(table)) {
    abort("Between the two `periods` no firm moved from the origin to the destination.", class = "claims")
  }
  table$verdict <- mapply(claim_verdict, table$conf.low, table$conf.high, MoreArgs = list(sign = sign, limit = 0))
  table[c("claim", "shown_by", "says", "estimate", "std.error", "conf.low", "conf.high", "verdict")]
}
