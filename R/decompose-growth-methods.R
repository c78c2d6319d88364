# The identities of shift-share. A step is one pair of times; each method turns it into a named list of matrices,
# region x industry, that add up to e1 - e0.

# All tables of the additive methods
shift_share <- function(panel, method) {
  last <- length(panel$time)
  pairs <- if (method == "dynamic") cbind(seq_len(last - 1L), seq_len(last)[-1]) else cbind(1L, last)
  steps <- lapply(seq_len(nrow(pairs)), function(k) growth_step(panel, pairs[k, 1], pairs[k, 2]))
  terms <- lapply(steps, shift_share_terms, method = method)
  total <- Reduce(function(a, b) Map(`+`, a, b), terms)
  span <- panel$time[c(1L, last)]
  components <- stack_cells(total, panel, span)
  regions <- stack_regions(total, panel, span)
  totals <- growth_totals(panel, span)
  by_region <- rowsum(totals[c("size_start", "change")], totals$region)
  regions$percent <- percent_of(regions$estimate, by_region[regions$region, "change"], by_region$size_start)
  result <- list(regions = regions, components = components, totals = totals)
  if (method == "dynamic") {
    result$steps <- do.call(rbind, lapply(seq_along(terms), function(k) {
      stack_regions(terms[[k]], panel, panel$time[pairs[k, ]])
    }))
  }
  if (method == "multifactor") result <- c(result, multifactor_tables(steps[[1]], total, panel, span))
  if (!is.null(panel$firms)) result <- c(result, regional_tables(panel, pairs, steps, span))
  change <- rowSums(panel$size[, , last, drop = FALSE]) - rowSums(panel$size[, , 1L, drop = FALSE])
  explained <- Reduce(`+`, lapply(total, rowSums))
  result$residual <- growth_residual(panel, span, change - explained)
  result$notes <- note_table(unique(unlist(lapply(steps, `[[`, "notes"))))
  result
}

# Sizes and rates of a pair of times, each a matrix region x industry
growth_step <- function(panel, from, to) {
  at <- function(x, when) matrix(x[, , when], dim(x)[1], dim(x)[2])
  step <- list(
    e0 = at(panel$size, from), e1 = at(panel$size, to),
    n0 = at(panel$national, from), n1 = at(panel$national, to), notes = character()
  )
  total0 <- rowSums(step$n0)
  if (any(total0 == 0)) {
    abort("The reference is empty at ", format(panel$time[from]), ": its growth is not defined.",
      class = "reference"
    )
  }
  step$all <- matrix(rowSums(step$n1) / total0 - 1, nrow(step$e0), ncol(step$e0))
  step$rate <- safe_rate(step$n1, step$n0, step$e0, step$all)
  absent <- which(is.na(step$rate), arr.ind = TRUE)
  if (nrow(absent)) {
    step$notes <- paste0(
      "NA: at ", format(panel$time[from]), " the reference lacks ",
      quote_names(unique(panel$industry[absent[, 2]])), ", which ",
      quote_names(unique(panel$region[absent[, 1]])), " had; there is no rate to compare with."
    )
  }
  if (is.null(panel$weights)) step else neighbour_step(step, panel, from)
}

# Growth rate `after / before - 1`; where there is nothing before, NA if the region has something, else `instead`
safe_rate <- function(after, before, own, instead) {
  rate <- after / before - 1
  none <- before == 0
  rate[none] <- ifelse(own[none] > 0, NA_real_, instead[none])
  rate
}

# The rate of the neighbours takes the place of the national rate of the industry
neighbour_step <- function(step, panel, from) {
  step$notes <- character()
  before <- panel$weights %*% step$e0
  step$rate <- safe_rate(panel$weights %*% step$e1, before, step$e0, step$all)
  island <- rowSums(panel$weights) == 0
  if (any(island)) {
    step$rate[island, ] <- NA
    step$notes <- paste0("NA: ", quote_names(panel$region[island]), " without a neighbour in `neighbours`.")
  }
  absent <- which(is.na(step$rate) & !island, arr.ind = TRUE)
  if (nrow(absent)) {
    step$notes <- c(step$notes, paste0(
      "NA: at ", format(panel$time[from]), " the neighbours of ", quote_names(unique(panel$region[absent[, 1]])),
      " lack ", quote_names(unique(panel$industry[absent[, 2]])), "; there is no rate to compare with."
    ))
  }
  step
}

# Named list of matrices that add up to e1 - e0
shift_share_terms <- function(step, method) {
  mix <- list(national = step$e0 * step$all, industry_mix = step$e0 * (step$rate - step$all))
  rest <- list(regional = step$e1 - step$e0 * (1 + step$rate))
  switch(method,
    dunn = ,
    dynamic = c(mix, rest),
    spatial = c(stats::setNames(mix, c("national", "neighbour_mix")), rest),
    esteban_marquillas = c(mix, homothetic_terms(step, c("competitive", "allocation"))),
    multifactor = c(mix, homothetic_terms(step, c("region", "allocation"))),
    arcelus = arcelus_terms(step)
  )
}

# Size an industry would have if the region had the mix of the reference
homothetic <- function(step) rowSums(step$e0) * step$n0 / rowSums(step$n0)

# Growth rate of each cell; a cell without a base gets the reference rate
own_rate <- function(step) {
  ifelse(step$e0 > 0, step$e1 / step$e0 - 1, step$rate)
}

# What cells without a base gained; NULL when there are none
no_base <- function(step) {
  gained <- step$e1 * (step$e0 == 0)
  if (any(gained > 0)) list(no_base = gained)
}

# The regional term split at the homothetic size
homothetic_terms <- function(step, names) {
  h <- homothetic(step)
  gap <- own_rate(step) - step$rate
  c(stats::setNames(list(h * gap, (step$e0 - h) * gap), names), no_base(step))
}

# Eight terms: four rates at the expected size and at the difference from it
arcelus_terms <- function(step) {
  h <- homothetic(step)
  before <- rowSums(step$e0)
  region <- matrix(rowSums(step$e1) / before - 1, nrow(h), ncol(h))
  region[before == 0, ] <- step$all[before == 0, ]
  own <- ifelse(step$e0 > 0, own_rate(step), region + step$rate - step$all)
  rates <- list(
    national = step$all, industry_mix = step$rate - step$all, regional_growth = region - step$all,
    interaction = (own - region) - (step$rate - step$all)
  )
  split <- lapply(rates, function(rate) list(expected = h * rate, differential = (step$e0 - h) * rate))
  flat <- unlist(split, recursive = FALSE)
  names(flat) <- sub(".", "_", names(flat), fixed = TRUE)
  c(flat, no_base(step))
}

# Rates by region, and by cell with the interaction that sums to zero at the weights of the reference
multifactor_tables <- function(step, terms, panel, span) {
  before <- rowSums(step$e0)
  before[before == 0] <- NA
  rates <- lapply(terms, function(term) rowSums(term) / before)
  rates$growth <- rowSums(step$e1) / before - 1
  region <- matrix(rates$region, nrow(step$e0), ncol(step$e0))
  own <- step$e1 / ifelse(step$e0 > 0, step$e0, NA) - 1
  cells <- list(
    growth = own, national = step$all, industry = step$rate - step$all, region = region,
    interaction = own - step$rate - region
  )
  list(
    rates = stack_regions(lapply(rates, matrix, ncol = 1L), panel, span),
    cells = stack_cells(cells, panel, span)
  )
}

# Gerfin's indices; their product, not their sum, is the total
gerfin <- function(panel, forecast, industry, size) {
  last <- length(panel$time)
  span <- panel$time[c(1L, last)]
  step <- growth_step(panel, 1L, last)
  before <- rowSums(step$e0)
  expected <- rowSums(step$e0 * (1 + step$rate))
  nation <- 1 + step$all[, 1]
  empty <- before == 0
  index <- list(
    mix = expected / before / nation, region = rowSums(step$e1) / expected,
    total = rowSums(step$e1) / before / nation
  )
  index <- lapply(index, function(x) ifelse(empty, NA, x))
  result <- list(
    index = stack_regions(lapply(index, matrix, ncol = 1L), panel, span), totals = growth_totals(panel, span)
  )
  if (!is.null(forecast)) {
    result$forecast <- gerfin_forecast(panel, step, index$region, forecast, industry, size)
  }
  result$residual <- growth_residual(panel, span, index$total - index$mix * index$region)
  result$notes <- note_table(c(step$notes, if (any(empty)) {
    paste0("NA: ", quote_names(panel$region[empty]), " empty at the start.")
  }))
  result
}

gerfin_forecast <- function(panel, step, index, forecast, industry, size) {
  forecast <- plain_table(forecast, "forecast")
  check_column(forecast, industry, "industry", "forecast")
  value <- check_size(forecast, size, "size", "forecast")
  sector <- code_among(forecast[[industry]], panel$industry)
  lacking <- setdiff(seq_along(panel$industry), sector)
  if (length(lacking)) {
    abort("`forecast` lacks ", plural(length(lacking), "industry", "industries"), ": ",
      quote_names(panel$industry[lacking]), ".",
      class = "reference"
    )
  }
  known <- !is.na(sector)
  ahead <- sum_cells(value[known], list(sector[known]), length(panel$industry))
  ratio <- rep(ahead, each = nrow(step$n1)) / step$n1
  ratio[step$e1 == 0] <- 0
  table <- expand_cells(panel)
  table$estimate <- as.vector(step$e1 * ratio * index)
  table
}

# ---- matrices to tables -------------------------------------------------------------------------------------

# Region and industry of each cell of a matrix region x industry
expand_cells <- function(panel) {
  data.frame(
    region = rep(panel$region, length(panel$industry)),
    industry = rep(panel$industry, each = length(panel$region))
  )
}

# Long table of a named list of matrices region x industry
stack_cells <- function(terms, panel, span) {
  cells <- expand_cells(panel)
  n <- nrow(cells)
  rows <- order(match(cells$region, panel$region), match(cells$industry, panel$industry))
  # the terms of a cell one after the other
  at <- rep(rows, each = length(terms))
  estimate <- do.call(rbind, lapply(terms, as.vector))
  quick_table(
    region = cells$region[at], industry = cells$industry[at], start = rep(span[1], length(at)),
    end = rep(span[2], length(at)), component = rep(names(terms), n), estimate = as.vector(estimate[, rows])
  )
}

# Long table of a named list of matrices region x industry, summed over industries
stack_regions <- function(terms, panel, span) {
  data.frame(
    region = rep(panel$region, each = length(terms)), start = span[1], end = span[2],
    component = rep(names(terms), length(panel$region)),
    estimate = as.vector(do.call(rbind, lapply(terms, rowSums)))
  )
}

growth_residual <- function(panel, span, residual) {
  data.frame(region = panel$region, start = span[1], end = span[2], residual = residual)
}

growth_totals <- function(panel, span) {
  last <- length(panel$time)
  table <- expand_cells(panel)
  table$start <- span[1]
  table$end <- span[2]
  table$size_start <- as.vector(panel$size[, , 1L])
  table$size_end <- as.vector(panel$size[, , last])
  table$change <- table$size_end - table$size_start
  table <- table[order(match(table$region, panel$region)), ]
  row.names(table) <- NULL
  table
}
