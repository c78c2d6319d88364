# Errors of the terms of an account, whose groups of firms may be small. Sums of squared influences are too small by
# (n - 1)/n, as any variance about an estimated mean; a group of one firm has none. A term of a moving group rests on
# two groups, its own firms and those it is measured from: each part of its variance is corrected by its own number, and
# the interval is Student's with the degrees of freedom of Welch and Satterthwaite.

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
# stayers)
mean_counts <- function(terms, sums, method, leavers) {
  counts <- unit_counts(sums)
  moving <- terms$side != ""
  stay <- if (method == "melitz_polanec") counts$stay_plain else counts$stay
  rest <- stay[terms$unit]
  rest[moving] <- reference_counts(method, counts, leavers)[terms$unit][moving]
  # a group of nobody adds 0, whatever it would be measured from
  rest[moving & terms$cell == 0] <- 0
  list(own = own_counts(terms, sums), rest = rest)
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
# firms of both; NA where a part rests on one firm
error_of_few <- function(squares, counts) {
  whole <- pmax(squares[, 1L], 0)
  own <- pmin(pmax(squares[, 2L], 0), whole)
  parts <- list(
    one_part(own, counts$own),
    one_part(whole - own, counts$rest)
  )
  variance <- parts[[1L]]$variance + parts[[2L]]$variance
  spread <- parts[[1L]]$spread + parts[[2L]]$spread
  df <- ifelse(spread > 0, variance^2 / spread, Inf)
  df[is.na(variance)] <- NA_real_
  list(error = sqrt(variance), df = df)
}

one_part <- function(squares, n) {
  variance <- ifelse(is.finite(n), squares * n / (n - 1), squares)
  spread <- ifelse(is.finite(n), variance^2 / (n - 1), 0)
  # nobody there adds nothing; one firm tells nothing of how firms differ
  none <- n == 0
  variance[none] <- spread[none] <- 0
  lone <- n == 1
  variance[lone] <- spread[lone] <- NA_real_
  list(variance = variance, spread = spread)
}

# Half the width of an interval
interval_reach <- function(error, df, conf.level) {
  error * stats::qt((1 + conf.level) / 2, ifelse(is.na(df), Inf, df))
}
