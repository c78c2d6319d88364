# Errors of the terms of an account, whose groups of firms may be small. Sums of squared influences are too small by
# (n - 1)/n, as any variance about an estimated mean; a group of one firm has none. A term of a moving group rests on
# two groups, its own firms and those it is measured from: each part of its variance is corrected by its own number, and
# the interval is Student's with the degrees of freedom of Welch and Satterthwaite. A weighted mean has fewer than its
# firms less one: those of 1/sum of squared shares, the number of firms of equal weight that are worth as much. With the
# number itself intervals of covariances of 3 to 30 stayers covered 85 to 93% where weights are far apart.

# Numbers of firms (of groups of firms, where errors go together) by class and unit
unit_counts <- function(sums) {
  counted <- sums$cells$groups %||% sums$cells$count
  counts <- lapply(sums$index, function(index) drop(class_sums(cbind(counted), index, sums$n_units)))
  counts$leave <- counts$start - counts$stay
  counts$both <- pmin(counts$start, counts$end)
  counts$stay_plain <- counts$stay
  if (is.null(sums$cells$groups)) {
    # firms of weight zero that are left out of plain means
    counts$stay_plain <- pmin(counts$stay, sums$sum$stay[, match("u", dual_moments)])
  }
  counts
}

# How many firms the reference of a method rests on, by unit; Inf for zero, which is known
reference_counts <- function(method, counts, leavers) {
  switch(method,
    melitz_polanec = ,
    diewert_fox = ,
    price = ,
    shapley = counts$stay,
    griliches_regev = counts$both,
    foster_haltiwanger_krizan = counts$start,
    baily_hulten_campbell = rep(Inf, length(counts$start)),
    baldwin_gu = {
      gone <- if (leavers == "deaths") counts$dead else counts$leave
      ifelse(gone > 0, gone, counts$start)
    }
  )
}

# Firms behind each term: list(own = in its own group, rest = in what it is measured from; for terms of stayers,
# stayers), and as own_worth and rest_worth firms of equal weight
mean_counts <- function(terms, sums, method, leavers) {
  counts <- unit_counts(sums)
  moving <- terms$side != ""
  stay <- if (method == "melitz_polanec") counts$stay_plain else counts$stay
  rest <- stay[terms$unit]
  rest[moving] <- reference_counts(method, counts, leavers)[terms$unit][moving]
  # a group of nobody adds 0, whatever it would be measured from
  rest[moving & terms$cell == 0] <- 0
  own <- own_counts(terms, sums)
  counts <- list(own = own, rest = rest)
  if (any(c(own, rest) < few_firms & c(own, rest) > 1)) {
    worth <- class_worth(sums, if (method == "griliches_regev") c("start", "end") else "stay")
    plain <- !moving & method == "melitz_polanec" & terms$component == "within"
    counts$rest_worth <- ifelse(plain, Inf, worth[terms$unit])
    counts$own_worth <- own_worth(terms, sums)
  }
  counts
}

# From here on Student's t is as good as normal, whatever the weights
few_firms <- 200

# 1 / sum of squared shares in the weight of a class of each unit, the smaller of both periods: how many firms of equal
# weight it is worth. `classes`: one that is seen in both periods, or that of the start and that of the end
class_worth <- function(sums, classes) {
  of <- paste0(rep_len(classes, 2L), c(".w0", ".w1"))
  whole <- Map(function(class, moment) unit_sum(sums, class, moment)$v, rep_len(classes, 2L), c("w0", "w1"))
  terms <- lapply(1:2, function(k) {
    unit_terms("worth", dual(1 / whole[[k]], stats::setNames(list(1 / whole[[k]]), of[k])))
  })
  do.call(pmin, c(lapply(terms, firms_of_worth, sums = sums), na.rm = TRUE))
}

# The same of the group of each term, at the end it is seen
own_worth <- function(terms, sums) {
  worth <- rep(Inf, length(terms$unit))
  for (side in c("in", "out")) {
    at <- which(terms$side == side & terms$cell > 0L)
    if (length(at) > 0L) {
      moment <- if (side == "in") "w1" else "w0"
      share <- 1 / sums$cells$sum[terms$cell[at], match(moment, dual_moments)]
      some <- list(unit = terms$unit[at], cell = terms$cell[at], dual = dual(share, stats::setNames(list(share), paste0("own.", moment))))
      worth[at] <- firms_of_worth(some, sums)
    }
  }
  worth
}

firms_of_worth <- function(terms, sums) {
  none <- !is.finite(terms$dual$v)
  terms$dual$g[[1L]][none] <- 0
  squares <- term_squares(terms, sums)[, 1L]
  ifelse(squares > 0, 1 / squares, Inf)
}

own_counts <- function(terms, sums) {
  counted <- sums$cells$groups %||% sums$cells$count
  own <- numeric(length(terms$cell))
  own[terms$cell > 0] <- counted[terms$cell[terms$cell > 0]]
  own
}

# Number of firms to show beside each term: its group's, or those that stay (that are there at either end for a total)
term_firms <- function(terms, sums) {
  firms <- numeric(length(terms$unit))
  own <- terms$cell > 0
  firms[own] <- sums$cells$count[terms$cell[own]]
  count <- function(class) drop(class_sums(cbind(sums$cells$count), sums$index[[class]], sums$n_units))
  stay <- count("stay")
  alone <- terms$side == "" & !own
  firms[alone] <- stay[terms$unit][alone]
  whole <- terms$component %in% c("change", "total_growth")
  if (any(whole)) {
    firms[whole] <- (count("start") + count("end") - stay)[terms$unit][whole]
  }
  firms
}

# Standard errors and degrees of freedom from squares, cbind(of all firms, of those of the own cell), and the numbers of
# firms of both (and of firms of equal weight); NA where a part rests on one firm
error_of_few <- function(squares, counts) {
  whole <- pmax(squares[, 1L], 0)
  own <- pmin(pmax(squares[, 2L], 0), whole)
  parts <- list(
    one_part(own, counts$own, counts$own_worth),
    one_part(whole - own, counts$rest, counts$rest_worth)
  )
  variance <- parts[[1L]]$variance + parts[[2L]]$variance
  spread <- parts[[1L]]$spread + parts[[2L]]$spread
  df <- ifelse(spread > 0, variance^2 / spread, Inf)
  df[is.na(variance)] <- NA_real_
  list(error = sqrt(variance), df = df)
}

one_part <- function(squares, n, worth = NULL) {
  variance <- ifelse(is.finite(n), squares * n / (n - 1), squares)
  freedom <- if (is.null(worth)) n - 1 else pmax(pmin(n, worth) - 1, 1)
  spread <- ifelse(is.finite(n), variance^2 / freedom, 0)
  # nobody there adds nothing; one firm tells nothing of how firms differ
  none <- n == 0
  variance[none] <- spread[none] <- 0
  lone <- n == 1
  variance[lone] <- spread[lone] <- NA_real_
  list(variance = variance, spread = spread)
}

# Half the width of an interval
interval_reach <- function(error, df, conf.level) {
  quantile <- rep(stats::qnorm((1 + conf.level) / 2), length(error))
  few <- which(df < Inf)
  quantile[few] <- stats::qt((1 + conf.level) / 2, df[few])
  error * quantile
}
