# Economic complexity: what regions do, which activities go together, and the
# indices of Hidalgo and Hausmann. Nothing is rounded on the way.

#' @title Relatedness and relatedness density
#' @description Which industries are found in the same regions more than others, and which share of the industries
#'   related
#' to one a region already has.
#'
#' @details
#' \eqn{M_{cp}=1}{M_cp = 1} where region \eqn{c} has industry \eqn{p} (see `presence`), \eqn{C=M'M} off its diagonal
#' the number of regions that have both industries, \eqn{S} its column sums, \eqn{T=\sum S}{T = sum S}, \eqn{k} the
#' number of regions of each industry.
#' \describe{
#'   \item{`proximity`}{\eqn{C_{pq}/\max(k_p,k_q)}{C_pq / max(k_p, k_q)}, the smaller of the two conditional shares
#'   (Hidalgo
#'     and others 2007)}
#'   \item{`association`}{\eqn{(C_{pq}/T)/(S_pS_q/T^2)}{(C_pq / T) / (S_p S_q / T^2)}}
#'   \item{`probability`}{\eqn{C_{pq}}{C_pq} over its expectation
#'     \eqn{\frac T2[\frac{S_p}{T}\frac{S_q}{T-S_p}+\frac{S_q}{T}\frac{S_p}{T-S_q}]}{(T / 2) (S_p / T * S_q / (T -
#'     S_p) + S_q / T * S_p / (T - S_q))} (van Eck and Waltman 2009, Steijn 2017)}
#'   \item{`cosine`, `jaccard`}{\eqn{C_{pq}/\sqrt{S_pS_q}}{C_pq / sqrt(S_p S_q)}; \eqn{C_{pq}/(S_p+S_q-C_{pq})}{C_pq
#'   / (S_p + S_q - C_pq)}}
#' }
#' The density of industry \eqn{p} in region \eqn{c} is
#' \eqn{100\sum_q\phi_{pq}M_{cq}/\sum_q\phi_{pq}}{100 sum_q phi_pq M_cq / sum_q phi_pq} over \eqn{q\ne p}{q != p}.
#'
#' What the numbers do not say: industries are related here because regions have both, whatever the reason.
#'
#' @param data A data frame with a row per region and industry (rows of the same pair are summed), a
#'   [migration_data()],
#'   or a matrix, dense or of package Matrix, with regions in rows and industries in columns.
#' @param region,industry,size Names of columns; `size` (jobs, exports, patents) may be left out: each row counts 1.
#'   Not used for
#'   a matrix.
#' @param time Name of a column of periods; everything is computed for each.
#' @param method How relatedness is measured, see Details.
#' @param presence When a region has an industry: `"rca"`, its location quotient is at least `threshold`;
#'   `"positive"`,
#'   its size is above 0. A matrix of zeros and ones that says it should use `"positive"`.
#' @param threshold The smallest location quotient that counts.
#' @param self `TRUE` lets an industry count in its own density, with its relatedness to itself (the diagonal of the
#'   formulas, with
#'   \eqn{C_{pp}=k_p}{C_pp = k_p}; for `proximity` this is 1).
#' @param min_region,min_industry The least size of a region, and of an industry, to be looked at; smaller ones are
#'   left out
#'   before anything is computed.
#' @param min_cell The least size of an industry in a region that counts as presence.
#' @param control A [migration_control()]; its `threads` are used.
#' @return An object of class `relatedness` and `decomposition`, a list of
#'   \item{pairs}{data frame, a row per pair: `industry`, `partner`, `cooccurrence`, `relatedness`}
#'   \item{density}{data frame, a row per region and industry: `region`, `industry`, `size`, `rca`, `present`,
#'     `density` (0 to 100; `NA` for an industry related to none)}
#'   \item{matrix}{the relatedness of all industries; with `time` a list of such matrices}
#'   and `method`, `reference`, `call`.
#' @section Errors: Unknown column; missing or negative size; fewer than two industries.
#' @references Hidalgo, C. A., Klinger, B., Barabasi, A.-L. and Hausmann, R. (2007) \doi{10.1126/science.1144581}.
#'   van Eck, N. J. and
#'   Waltman, L. (2009) \doi{10.1002/asi.21075}. Steijn, M. P. A. (2021) \doi{10.1016/j.joi.2020.101094}.
#' @seealso [complexity()]
#' @examples
#' firms <- subset(wenzhou_guzhen()$firms, year == 2003 & !is.na(to))
#' related <- relatedness(firms, "to", "segment", "jobs")
#' related
#' @export
relatedness <- function(data, region = NULL, industry = NULL, size = NULL, time = NULL,
                        method = c("proximity", "association", "probability", "cosine", "jaccard"),
                        presence = c("rca", "positive"), threshold = 1, self = FALSE, min_region = 0, min_industry = 0,
                        min_cell = 0, control = migration_control()) {
  method <- check_choice(method, "method")
  presence <- check_choice(presence, "presence")
  check_flag(self, "self")
  rule <- presence_rule(presence, threshold, min_region, min_industry, min_cell)
  found <- each_presence(data, region, industry, size, time, function(part) {
    relatedness_tables(presence_table(part, region, industry, size, rule), method, self, control$threads)
  })
  structure(
    c(found, list(method = method, reference = presence_words(rule), residual = 0, call = match.call())),
    class = c("relatedness", "decomposition")
  )
}

# Relatedness of all pairs, densities and the matrix
relatedness_tables <- function(cells, method, self, threads) {
  if (ncol(cells$present) < 2) {
    abort("Relatedness needs at least two industries, not one.", class = "data")
  }
  found <- .Call(C_relatedness, cells$present, method, self, threads)
  names <- colnames(cells$present)
  dimnames(found$matrix) <- list(names, names)
  n <- length(names)
  m <- cells$size
  list(
    pairs = quick_table(
      industry = rep.int(names, rev(seq_len(n)) - 1L), partner = names[sequence(rev(seq_len(n)) - 1L, seq_len(n) + 1L)],
      cooccurrence = found$cooccurrence, relatedness = found$relatedness
    ),
    density = quick_table(
      region = rep.int(rownames(m), ncol(m)), industry = rep(names, each = nrow(m)), size = as.vector(m),
      rca = as.vector(cells$rca), present = as.integer(cells$present),
      density = 100 * replace(as.vector(found$density), is.nan(found$density), NA_real_)
    ),
    matrix = found$matrix
  )
}

# When a region has an industry, and which regions and industries are large enough to be looked at
presence_rule <- function(presence, threshold, min_region, min_industry, min_cell) {
  check_positive(threshold, "threshold")
  if (!is.finite(threshold)) {
    abort("`threshold` must be one positive number.", class = "argument")
  }
  least <- list(min_region = min_region, min_industry = min_industry, min_cell = min_cell)
  for (name in names(least)) {
    x <- least[[name]]
    if (!is.numeric(x) || length(x) != 1L || !is.finite(x) || x < 0) {
      abort("`", name, "` must be one number of at least 0, in the unit of sizes.", class = "argument")
    }
  }
  c(list(presence = presence, threshold = threshold), least)
}

# `make` of the data of each period; tables have `time` in front, and matrices are a list by period
each_presence <- function(data, region, industry, size, time, make) {
  if (is.null(time)) {
    return(make(data))
  }
  if (is.matrix(data) || inherits(data, "Matrix")) {
    abort("`time` needs `data` as a data frame: a matrix has no periods.", class = "argument")
  }
  data <- spread_table(data)
  check_column(data, time, "time", "data")
  check_key(data[[time]], paste0("data$", time))
  times <- code_times(data[[time]])
  parts <- lapply(split(seq_len(nrow(data)), times$code), function(rows) make(data[rows, , drop = FALSE]))
  framed <- lapply(parts, function(part) part[vapply(part, is.data.frame, NA)])
  others <- setdiff(names(parts[[1L]]), names(framed[[1L]]))
  listed <- lapply(stats::setNames(nm = others), function(name) {
    stats::setNames(lapply(parts, `[[`, name), id_text(times$values))
  })
  c(stack_tables(framed, times$values), listed)
}

# Sizes, location quotients and presence, regions by industries
presence_table <- function(data, region, industry, size, rule) {
  if (inherits(data, "Matrix")) {
    data <- as.matrix(data)
  }
  m <- if (is.matrix(data)) check_size_matrix(data) else long_sizes(data, region, industry, size)
  m <- large_enough(m, rule)
  rca <- location_quotients(m)
  present <- if (rule$presence == "rca") !is.na(rca) & rca >= rule$threshold * (1 - 1e-12) else m > 0
  list(size = m, rca = rca, present = (present & m >= rule$min_cell) + 0)
}

# Regions and industries of the least size; leaving some out may make others too small
large_enough <- function(m, rule) {
  repeat {
    rows <- rowSums(m) >= rule$min_region
    columns <- colSums(m) >= rule$min_industry
    if (all(rows) && all(columns)) {
      return(m)
    }
    m <- m[rows, columns, drop = FALSE]
    if (length(m) == 0L) {
      abort("No region or industry is as large as `min_region` and `min_industry` ask.", class = "data")
    }
  }
}

# (m / row sum) / (column sum / total); NA where a region or an industry has nothing
location_quotients <- function(m) {
  expected <- outer(rowSums(m), colSums(m)) / sum(m)
  expected[expected == 0] <- NA
  m / expected
}

check_size_matrix <- function(m) {
  if (!is.numeric(m) && !is.logical(m)) abort("A matrix `data` must hold numbers, not ", mode(m), "s.", class = "type")
  bad <- sum(!is.finite(m) | m < 0)
  if (bad) abort("A matrix `data` must be finite and not negative; ", plural(bad, "cell"), " are not.", class = "size")
  if (!any(m > 0)) abort("`data` is zero in every cell.", class = "size")
  dimnames(m) <- list(
    if (is.null(rownames(m))) as.character(seq_len(nrow(m))) else rownames(m),
    if (is.null(colnames(m))) as.character(seq_len(ncol(m))) else colnames(m)
  )
  m + 0
}

long_sizes <- function(data, region, industry, size) {
  data <- spread_table(data)
  columns <- list(region = region, industry = industry, size = size)
  if (is.null(region) || is.null(industry)) abort("Name the columns: region = and industry =.", class = "argument")
  for (arg in names(columns)[lengths(columns) > 0]) {
    check_column(data, columns[[arg]], arg, "data")
    check_key(data[[columns[[arg]]]], paste0("data$", columns[[arg]]))
  }
  if (nrow(data) == 0) abort("`data` has no rows.", class = "data")
  if (!is.null(size)) check_sizes(data[[size]], size)
  value <- if (is.null(size)) rep(1, nrow(data)) else as.numeric(data[[size]])
  cell_sums(value, code_ids(data[[region]]), code_ids(data[[industry]]))
}

presence_words <- function(rule) {
  has <- if (rule$presence == "positive") {
    "A region has an industry where its size is above 0"
  } else {
    paste0("A region has an industry where its location quotient is at least ", format(rule$threshold))
  }
  least <- c(min_region = "regions", min_industry = "industries", min_cell = "their pairs")
  asked <- names(least)[vapply(names(least), function(name) rule[[name]] > 0, NA)]
  limits <- vapply(asked, function(name) paste("of", least[[name]], format(rule[[name]])), "")
  paste0(has, if (length(limits) > 0L) paste0("; least sizes: ", paste(limits, collapse = ", ")), ".")
}

#' @export
print.relatedness <- function(x, digits = 4, n = 10, ...) {
  cat("Relatedness of industries (", x$method, ")\n", x$reference, "\n", sep = "")
  print_largest(x$pairs, x$pairs$relatedness, digits, n, "Most related pairs")
  absent <- replace(x$density$density, x$density$present == 1L, NA)
  print_largest(x$density, absent, digits, n, "Absent industries, closest first")
  invisible(x)
}

# The rows of the n largest values, without putting all in order
print_largest <- function(table, value, digits, n, title) {
  known <- sum(!is.na(value))
  at <- which(value >= largest_value(value, n))
  at <- utils::head(at[order(-value[at])], n)
  more <- known > n
  cat("\n", title, if (more) paste0(" (the first ", n, " of ", format_count(known), ")"), ":\n", sep = "")
  print(plain_rows(table[at, , drop = FALSE]), digits = digits, row.names = FALSE)
}

# The n-th largest number of value, -Inf where there are fewer. That of the first is not above that of all, so few are
# left to be looked at.
largest_value <- function(value, n, first = 1e5) {
  if (length(value) > first) {
    value <- value[which(value >= largest_value(value[seq_len(first)], n))]
  }
  value <- value[!is.na(value)]
  at <- length(value) - n + 1L
  if (at < 1L) -Inf else sort(value, partial = at)[at]
}

#' @title Economic complexity
#' @description Diversity, average ubiquity, the eigenvector index of complexity and the fitness of regions, and the
#'   same of
#' industries.
#'
#' @details
#' With \eqn{M} as in [relatedness()], diversity \eqn{k_c=\sum_pM_{cp}}{k_c = sum_p M_cp} and ubiquity
#' \eqn{k_p=\sum_cM_{cp}}{k_p = sum_c M_cp}, `eci` is the eigenvector of
#' \deqn{\tilde M=D^{-1}MU^{-1}M',\quad D=\mathrm{diag}(k_c),\ U=\mathrm{diag}(k_p)}{D^-1 M U^-1 M', D = diag(k_c), U
#' = diag(k_p)}
#' with the second largest eigenvalue, standardised to mean 0 and standard deviation 1, with the sign that correlates
#' with diversity; where that does not tell (all regions have as many industries), with fitness; and where neither
#' does, the
#' first region by name is put above the mean, with a note.
#' It is computed from the symmetric \eqn{D^{-1/2}MU^{-1}M'D^{-1/2}}{D^-1/2 M U^-1 M' D^-1/2}, whose eigenvalues are
#' the same and real. `pci` is \eqn{U^{-1}M'}{U^-1 M'} of that vector, standardised. `fitness` iterates (Tacchella and
#' others 2012)
#' \deqn{F_c=\sum_pM_{cp}Q_p,\quad Q_p=1/\sum_c(M_{cp}/F_c),}{F_c = sum_p M_cp Q_p, Q_p = 1 / sum_c (M_cp / F_c),}
#' each divided by its mean; some values may go to 0, which the iteration only nears.
#'
#' The index is undefined when regions and industries fall into parts that share nothing (then the eigenvalue 1 is
#' double): an error that names the parts. What the numbers do not say: the index orders regions by which regions they
#' resemble; only its use says that one end is "complex".
#'
#' @inheritParams relatedness
#' @param opportunity `TRUE` adds Hausmann and others' opportunity outlook of regions,
#'   \eqn{\sum_p d_{cp}(1-M_{cp})pci_p}{sum_p d_cp (1 - M_cp) pci_p} with \eqn{d} the density by proximity, and table
#'   `opportunities`: for each industry a region lacks its `density`, `pci` and `gain`, what it would add to the
#'   outlook.
#' @param iterations,tolerance The iteration for fitness stops when no value changes by more than `tolerance`, or
#'   after
#'   `iterations`.
#' @return An object of class `complexity` and `decomposition`, a list of data frames
#'   \item{regions}{`region`, `diversity`, `average_ubiquity` (of its industries), `eci`, `fitness`, `reason` (why
#'   `NA`)}
#'   \item{industries}{`industry`, `ubiquity`, `average_diversity` (of its regions), `pci`, `complexity` (Q),
#'   `reason`}
#'   \item{eigenvalues}{`eigenvalue`, in falling order, the first is 1}
#'   and with `opportunity` the column `outlook` and table `opportunities`; `notes`;
#'   `convergence` (list: `iterations`, `change`, `converged` of the fitness), `reference`, `call`.
#' @section Errors: As [relatedness()]; disconnected network; fewer than two regions or industries left.
#' @references Hidalgo, C. A. and Hausmann, R. (2009) \doi{10.1073/pnas.0900943106}. Tacchella, A. and others (2012)
#'   \doi{10.1038/srep00723}.
#' @seealso [relatedness()]
#' @examples
#' # the network of figure S4 of Hidalgo and Hausmann (2009)
#' network <- rbind(C1 = c(1, 1, 1, 1), C2 = c(0, 1, 0, 0), C3 = c(0, 0, 1, 1), C4 = c(0, 0, 0, 1))
#' complexity(network, presence = "positive")
#' @export
complexity <- function(data, region = NULL, industry = NULL, size = NULL, time = NULL, presence = c("rca", "positive"),
                       threshold = 1, min_region = 0, min_industry = 0, min_cell = 0, opportunity = FALSE,
                       iterations = 1000, tolerance = 1e-12, control = migration_control()) {
  rule <- presence_rule(check_choice(presence, "presence"), threshold, min_region, min_industry, min_cell)
  check_flag(opportunity, "opportunity")
  iterations <- check_count(iterations, "iterations")
  tolerance <- check_fraction(tolerance, "tolerance")
  found <- each_presence(data, region, industry, size, time, function(part) {
    one_complexity(presence_table(part, region, industry, size, rule), iterations, tolerance, opportunity, control$threads)
  })
  structure(
    c(found, list(method = "eigenvector", residual = 0, reference = presence_words(rule), call = match.call())),
    class = c("complexity", "decomposition")
  )
}

one_complexity <- function(cells, iterations, tolerance, opportunity, threads) {
  kept <- connected_part(cells$present)
  fit <- fitness_iteration(kept, iterations, tolerance)
  vectors <- complexity_vectors(kept, fit$fitness)
  tables <- complexity_tables(cells$present, kept, vectors, fit)
  if (opportunity) {
    tables <- add_opportunities(tables, cells$present, threads)
  }
  tables$notes <- note_table(vectors$note)
  c(tables, list(convergence = fit[c("iterations", "change", "converged")]))
}

# Opportunity outlook of regions and gain of industries they lack, by proximity (Hausmann and others 2014)
add_opportunities <- function(tables, present, threads) {
  found <- .Call(C_relatedness, present, "proximity", FALSE, threads)
  density <- replace(found$density, is.nan(found$density), 0)
  pci <- replace(tables$industries$pci, is.na(tables$industries$pci), 0)
  absent <- 1 - present
  worth <- absent * rep(pci, each = nrow(present))
  tables$regions$outlook <- rowSums(density * worth)
  total <- rowSums(found$matrix)
  near <- found$matrix / ifelse(total > 0, total, 1)
  gain <- worth %*% t(near) - density * rep(pci, each = nrow(present))
  at <- which(absent == 1)
  tables$opportunities <- quick_table(
    region = rownames(present)[row(present)[at]], industry = colnames(present)[col(present)[at]],
    density = 100 * density[at], pci = tables$industries$pci[col(present)[at]], gain = gain[at]
  )
  tables
}

# Regions and industries that have something; stops when they fall into parts
connected_part <- function(present) {
  m <- present[rowSums(present) > 0, colSums(present) > 0, drop = FALSE]
  if (nrow(m) < 2 || ncol(m) < 2) {
    abort("Complexity needs at least two regions and two industries; there are ", nrow(m), " and ", ncol(m),
      " with a presence.",
      class = "data"
    )
  }
  part <- network_parts(m)
  if (max(part) == 1) {
    return(m)
  }
  members <- vapply(split(rownames(m), part), quote_names, "")
  shown <- utils::head(members, 3)
  abort("Regions and industries fall into ", max(part), " parts that share no industry, so complexity is undefined. ",
    "The regions of the parts: ", paste(shown, collapse = " | "), if (length(members) > 3) " | ...",
    ". Take one part, or lower `threshold`.",
    class = "disconnected"
  )
}

# Number of the part of the network that each region is in
network_parts <- function(m) {
  part <- integer(nrow(m))
  while (any(part == 0)) {
    inside <- seq_len(nrow(m)) == which(part == 0)[1]
    repeat {
      shared <- colSums(m[inside, , drop = FALSE]) > 0
      reached <- rowSums(m[, shared, drop = FALSE]) > 0
      if (all(reached == inside)) break
      inside <- reached
    }
    part[inside] <- max(part) + 1L
  }
  part
}

# Eigenvalues, and second eigenvector by region and by industry, standardised
complexity_vectors <- function(m, fitness) {
  d <- rowSums(m)
  u <- colSums(m)
  half <- m / sqrt(outer(d, u))
  tall <- nrow(m) > ncol(m)
  # the smaller of the two Gram matrices has the same eigenvalues
  spectrum <- eigen(if (tall) crossprod(half) else tcrossprod(half), symmetric = TRUE)
  values <- pmax(spectrum$values, 0)
  second <- spectrum$vectors[, 2]
  eci <- if (tall) drop(half %*% second) / sqrt(d) else second / sqrt(d)
  if (values[2] < 1e-12) abort("Every region has the same industries: there is no second eigenvector.", class = "data")
  if (length(values) > 2 && values[2] - values[3] < 1e-10) {
    warn("The second eigenvalue is double, so that complexity is not unique.", class = "complexity")
  }
  eci <- standard_scores(eci)
  sign <- complexity_sign(eci, d, fitness)
  eci <- sign$sign * eci
  list(values = values, eci = eci, pci = standard_scores(drop(crossprod(m, eci)) / u), note = sign$note)
}

# An eigenvector has no sign: the index goes with diversity; where that does not tell, as with regions that all have as
# many industries, with fitness; and else the first region by name that is not in the middle is above it
complexity_sign <- function(eci, diversity, fitness) {
  along <- function(x) {
    x <- x - mean(x)
    scale <- sqrt(sum(eci^2) * sum(x^2))
    if (scale > 1e-12 * length(x) * max(abs(x), 1e-300)) sum(eci * x) / scale else 0
  }
  with_diversity <- along(diversity)
  if (abs(with_diversity) > 1e-6) {
    return(list(sign = sign(with_diversity), note = character()))
  }
  with_fitness <- along(fitness)
  if (abs(with_fitness) > 1e-6) {
    return(list(sign = sign(with_fitness), note = "Complexity does not go with diversity: its sign is that of fitness."))
  }
  names <- names(diversity)
  first <- which(abs(eci) > 1e-6)
  first <- first[order(names[first], method = "radix")][1L]
  list(
    sign = sign(eci[first]),
    note = paste0(
      "Complexity goes with neither diversity nor fitness: which end is complex is not in the data; `", names[first],
      "` is put above the mean."
    )
  )
}

standard_scores <- function(x) (x - mean(x)) / stats::sd(x)

# Fitness of regions and complexity of industries, by iteration
fitness_iteration <- function(m, iterations, tolerance) {
  fitness <- rep(1, nrow(m))
  quality <- rep(1, ncol(m))
  for (k in seq_len(iterations)) {
    last <- fitness
    last_quality <- quality
    fitness <- drop(m %*% quality)
    # a fitness that has gone to 0 stays a positive number that can be divided by
    quality <- 1 / drop(crossprod(m, 1 / pmax(last, .Machine$double.xmin)))
    fitness <- fitness / mean(fitness)
    quality <- quality / mean(quality)
    # with equal diversities the first fitness is that of the start, though qualities are not
    change <- max(abs(fitness - last), abs(quality - last_quality))
    if (change <= tolerance) break
  }
  list(fitness = fitness, quality = quality, iterations = k, change = change, converged = change <= tolerance)
}

complexity_tables <- function(present, kept, vectors, fit) {
  at_region <- match(rownames(present), rownames(kept))
  at_industry <- match(colnames(present), colnames(kept))
  ubiquity <- drop(kept %*% colSums(kept)) / rowSums(kept)
  diversity <- drop(crossprod(kept, rowSums(kept))) / colSums(kept)
  list(
    regions = data.frame(
      region = rownames(present), diversity = unname(rowSums(present)), average_ubiquity = unname(ubiquity[at_region]),
      eci = unname(vectors$eci[at_region]), fitness = unname(fit$fitness[at_region]),
      reason = ifelse(is.na(at_region), "has no industry", NA)
    ),
    industries = data.frame(
      industry = colnames(present), ubiquity = unname(colSums(present)), average_diversity = unname(diversity[at_industry]),
      pci = unname(vectors$pci[at_industry]), complexity = unname(fit$quality[at_industry]),
      reason = ifelse(is.na(at_industry), "is in no region", NA)
    ),
    eigenvalues = data.frame(eigenvalue = vectors$values)
  )
}

#' @export
print.complexity <- function(x, digits = 4, n = 10, ...) {
  cat("Economic complexity\n", x$reference, "\n", sep = "")
  print_index_table(x$regions[order(-x$regions$eci), ], names(x$regions), digits, n, "Regions, most complex first")
  print_index_table(x$industries[order(-x$industries$pci), ], names(x$industries), digits, n, "Industries, most complex first")
  if (!is.null(x$opportunities)) {
    print_largest(x$opportunities, x$opportunities$gain, digits, n, "Absent industries, largest gain first")
  }
  runs <- if (is.null(x$convergence$converged)) x$convergence else list(x$convergence)
  for (run in runs[!vapply(runs, `[[`, NA, "converged")]) {
    cat("\nThe fitness still changed by ", format(run$change, digits = 2), " after ",
      plural(run$iterations, "iteration"), ".\n",
      sep = ""
    )
  }
  print_residual(x["notes"])
  invisible(x)
}
