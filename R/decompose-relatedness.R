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
#'   or a matrix with regions in rows and industries in columns.
#' @param region,industry,size Names of columns; `size` (jobs, exports, patents) may be left out: each row counts 1.
#'   Not used for
#'   a matrix.
#' @param method How relatedness is measured, see Details.
#' @param presence When a region has an industry: `"rca"`, its location quotient is at least `threshold`;
#'   `"positive"`,
#'   its size is above 0. A matrix of zeros and ones that says it should use `"positive"`.
#' @param threshold The smallest location quotient that counts.
#' @param self `TRUE` lets an industry count in its own density, with its relatedness to itself (the diagonal of the
#'   formulas, with
#'   \eqn{C_{pp}=k_p}{C_pp = k_p}; for `proximity` this is 1).
#' @return An object of class `relatedness` and `decomposition`, a list of
#'   \item{pairs}{data frame, a row per pair: `industry`, `partner`, `cooccurrence`, `relatedness`}
#'   \item{density}{data frame, a row per region and industry: `region`, `industry`, `size`, `rca`, `present`,
#'     `density` (0 to 100; `NA` for an industry related to none)}
#'   \item{matrix}{the relatedness of all industries}
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
relatedness <- function(data, region = NULL, industry = NULL, size = NULL,
                        method = c("proximity", "association", "probability", "cosine", "jaccard"),
                        presence = c("rca", "positive"), threshold = 1, self = FALSE) {
  method <- match.arg(method)
  presence <- match.arg(presence)
  check_flag(self, "self")
  cells <- presence_table(data, region, industry, size, presence, threshold)
  if (ncol(cells$present) < 2) abort("Relatedness needs at least two industries, not one.", class = "data")
  together <- crossprod(cells$present)
  phi <- relatedness_matrix(together, method)
  if (!self) diag(phi) <- 0
  pairs <- index_pairs(colnames(phi), "industry")
  structure(
    list(
      pairs = cbind(pairs$names, cooccurrence = together[pairs$at], relatedness = phi[pairs$at]),
      density = density_table(cells, phi), matrix = phi, method = method, reference = presence_words(presence, threshold),
      residual = 0, call = match.call()
    ),
    class = c("relatedness", "decomposition")
  )
}

# Sizes, location quotients and presence, regions by industries
presence_table <- function(data, region, industry, size, presence, threshold) {
  valid <- is.numeric(threshold) && length(threshold) == 1 && is.finite(threshold) && threshold > 0
  if (!valid) abort("`threshold` must be one positive number.", class = "argument")
  m <- if (is.matrix(data)) check_size_matrix(data) else long_sizes(data, region, industry, size)
  rca <- location_quotients(m)
  present <- if (presence == "rca") !is.na(rca) & rca >= threshold * (1 - 1e-12) else m > 0
  list(size = m, rca = rca, present = present + 0)
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

presence_words <- function(presence, threshold) {
  if (presence == "positive") {
    return("A region has an industry where its size is above 0.")
  }
  paste0("A region has an industry where its location quotient is at least ", format(threshold), ".")
}

# Relatedness of all pairs, the diagonal with C_pp = k_p
relatedness_matrix <- function(together, method) {
  k <- diag(together)
  off <- together
  diag(off) <- 0
  s <- colSums(off)
  total <- sum(s)
  phi <- switch(method,
    proximity = together / outer(k, k, pmax),
    association = together * total / outer(s, s),
    probability = {
      ratio <- outer(s, s) / (total - s)
      2 * together / (ratio + t(ratio))
    },
    cosine = together / sqrt(outer(s, s)),
    jaccard = together / (outer(s, s, `+`) - together)
  )
  phi[together == 0] <- 0
  phi
}

density_table <- function(cells, phi) {
  total <- colSums(phi)
  total[total == 0] <- NA
  density <- 100 * (cells$present %*% phi) / rep(total, each = nrow(cells$present))
  m <- cells$size
  data.frame(
    region = rep(rownames(m), ncol(m)), industry = rep(colnames(m), each = nrow(m)), size = as.vector(m),
    rca = as.vector(cells$rca), present = as.integer(cells$present), density = as.vector(density)
  )
}

#' @export
print.relatedness <- function(x, digits = 4, n = 10, ...) {
  cat("Relatedness of industries (", x$method, ")\n", x$reference, "\n", sep = "")
  by <- order(-x$pairs$relatedness)
  print_index_table(x$pairs[by, ], names(x$pairs), digits, n, "Most related pairs")
  candidates <- x$density[x$density$present == 0 & !is.na(x$density$density), ]
  by <- order(-candidates$density)
  print_index_table(candidates[by, ], names(candidates), digits, n, "Absent industries, closest first")
  invisible(x)
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
#' with diversity.
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
#' @param iterations,tolerance The iteration for fitness stops when no value changes by more than `tolerance`, or
#'   after
#'   `iterations`.
#' @return An object of class `complexity` and `decomposition`, a list of data frames
#'   \item{regions}{`region`, `diversity`, `average_ubiquity` (of its industries), `eci`, `fitness`, `reason` (why
#'   `NA`)}
#'   \item{industries}{`industry`, `ubiquity`, `average_diversity` (of its regions), `pci`, `complexity` (Q),
#'   `reason`}
#'   \item{eigenvalues}{`eigenvalue`, in falling order, the first is 1}
#'   and `convergence` (list: `iterations`, `change`, `converged` of the fitness), `reference`, `call`.
#' @section Errors: As [relatedness()]; disconnected network; fewer than two regions or industries left.
#' @references Hidalgo, C. A. and Hausmann, R. (2009) \doi{10.1073/pnas.0900943106}. Tacchella, A. and others (2012)
#'   \doi{10.1038/srep00723}.
#' @seealso [relatedness()]
#' @examples
#' # the network of figure S4 of Hidalgo and Hausmann (2009)
#' network <- rbind(C1 = c(1, 1, 1, 1), C2 = c(0, 1, 0, 0), C3 = c(0, 0, 1, 1), C4 = c(0, 0, 0, 1))
#' complexity(network, presence = "positive")
#' @export
complexity <- function(data, region = NULL, industry = NULL, size = NULL, presence = c("rca", "positive"), threshold = 1,
                       iterations = 1000, tolerance = 1e-12) {
  presence <- match.arg(presence)
  iterations <- check_count(iterations, "iterations")
  tolerance <- check_fraction(tolerance, "tolerance")
  present <- presence_table(data, region, industry, size, presence, threshold)$present
  kept <- connected_part(present)
  vectors <- complexity_vectors(kept)
  fit <- fitness_iteration(kept, iterations, tolerance)
  structure(
    c(
      complexity_tables(present, kept, vectors, fit),
      list(
        convergence = fit[c("iterations", "change", "converged")], method = "eigenvector", residual = 0,
        reference = presence_words(presence, threshold), call = match.call()
      )
    ),
    class = c("complexity", "decomposition")
  )
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
complexity_vectors <- function(m) {
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
  sign <- sum(eci * (d - mean(d)))
  if (sign < 0) eci <- -eci
  list(values = values, eci = eci, pci = standard_scores(drop(crossprod(m, eci)) / u))
}

standard_scores <- function(x) (x - mean(x)) / stats::sd(x)

# Fitness of regions and complexity of industries, by iteration
fitness_iteration <- function(m, iterations, tolerance) {
  fitness <- rep(1, nrow(m))
  quality <- rep(1, ncol(m))
  for (k in seq_len(iterations)) {
    last <- fitness
    fitness <- drop(m %*% quality)
    # a fitness that has gone to 0 stays a positive number that can be divided by
    quality <- 1 / drop(crossprod(m, 1 / pmax(last, .Machine$double.xmin)))
    fitness <- fitness / mean(fitness)
    quality <- quality / mean(quality)
    change <- max(abs(fitness - last))
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
  if (!x$convergence$converged) {
    cat("\nThe fitness still changed by ", format(x$convergence$change, digits = 2), " after ",
      plural(x$convergence$iterations, "iteration"), ".\n",
      sep = ""
    )
  }
  invisible(x)
}
