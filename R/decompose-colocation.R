# Co-location from distances of points: the K density of Duranton and Overman and
# the M function of Marcon and Puech. This file reads the points and drives; bands
# are in decompose-colocation-bands.R, everything of size points^2 is C.

#' @title Co-location of points: K density and M function
#' @description The density of distances between the firms of each type (Duranton and Overman's K), or their relative
#' concentration within distances (Marcon and Puech's M), with local and global bands of what chance alone gives.
#'
#' @details
#' **K density** (`statistic = "kd"`). With distances \eqn{d_{ij}} of the pairs of a type, Gaussian kernel \eqn{f},
#' bandwidth \eqn{h} and reflection at 0,
#' \deqn{K(d)=\frac1{hW}\sum_{i<j}w_iw_j\left[f\left(\frac{d-d_{ij}}h\right) +
#'   f\left(\frac{d+d_{ij}}h\right)\right],\quad W=\sum_{i<j}w_iw_j,}{K(d) = 1/(hW) sum_{i<j} w_i w_j [f((d - d_ij)/h)
#'   + f((d + d_ij)/h)], W = sum_{i<j} w_i w_j,}
#' a density over \eqn{d\ge0}{d >= 0}: it integrates to 1. Under the null the \eqn{n} firms of the type are \eqn{n}
#' of all \eqn{N} sites drawn without replacement.
#'
#' `bands = "analytic"`: unweighted \eqn{K} of such a draw is a U-statistic of order 2, whose mean and variance are
#' known exactly.
#' With \eqn{K_{ij}} the kernel of a pair, \eqn{k_i} its mean over \eqn{j}, \eqn{\theta} over all,
#' \eqn{g_i=\frac{N-1}{N-2}(k_i-\theta)}{g_i = (N-1)/(N-2) (k_i - theta)},
#' \eqn{\psi_{ij}=K_{ij}-\theta-g_i-g_j}{psi_ij = K_ij - theta - g_i - g_j} and
#' \eqn{Q=\sum_{i<j}\psi_{ij}^2}{Q = sum_{i<j} psi_ij^2},
#' \deqn{Var=\frac4n\left(1-\frac nN\right)\frac{\sum g_i^2}{N-1}+\frac{4Q(N-n)(N-n-1)}{n(n-1)N(N-1)(N-2)(N-3)}.}{Var
#' = 4/n (1 - n/N) sum g^2/(N-1) + 4 Q (N-n)(N-n-1) / (n (n-1) N (N-1) (N-2) (N-3)).}
#' Products over two distances give covariances. One pass over all pairs of sites serves every type. Local bands are
#' normal;
#' global bands come from normal vectors with these covariances. At the shortest distances, and for types of a few
#' firms,
#' \eqn{K} is skewed and `bands = "simulation"` is safer.
#'
#' With `neighbours` of another type, K is over the pairs of a firm of each, \eqn{W} their sum of weights; under the
#' null both types together are drawn from all sites. Its bands are by simulation.
#'
#' **M function** (`statistic = "m"`). For firms \eqn{i} of the type \eqn{s},
#' \deqn{M(r)=\sum_i\frac{\sum_{j\ne i,\,d_{ij}\le r,\,j\in s}w_j}{\sum_{j\ne i,\,d_{ij}\le
#' r}w_j}\Big/\sum_i\frac{W_s-w_i}{W-w_i},}{M(r) = sum_i [sum_{j != i, d_ij <= r, j in s} w_j / sum_{j != i, d_ij <=
#' r} w_j] / sum_i (W_s - w_i)/(W - w_i),} 1 without concentration; a firm without neighbours within \eqn{r} is left out
#' of both sums. For neighbours of another type the last ratio is \eqn{W_t/(W-w_i)}{W_t/(W - w_i)}. Its null permutes
#' the types over the points, which keep their weights. A pair within 1e-12 of \eqn{r}, relatively, counts as inside;
#' points at the same place are neighbours at distance 0.
#'
#' Bands are one-sided, as Duranton and Overman's: with `conf.level` 0.95 a draw is above `upper` with probability 5%,
#' at
#' each distance; it is above `upper_global` anywhere in the range with probability 5%; below `lower` and `lower_global`
#' the same. `localisation` is \eqn{\max(\hat K-upper\_global,0)}{max(K - upper_global, 0)}; `dispersion` is
#' \eqn{\max(lower\_global-\hat K,0)}{max(lower_global - K, 0)} for a type that is not localised anywhere, else 0.
#'
#' What the numbers do not say: localisation is not a cause; sites that no firm may use are part of the null if they
#' are in the data; K at one distance is not independent of K at the others.
#'
#' @param x,y Coordinates: numeric vectors; names of columns of `data`; or `x` an sf object of points, without `y`.
#'   Distances are
#'   straight lines in the unit of the coordinates; for longitude and latitude see `degrees`.
#' @param type The type (industry) of each point: a vector, or the name of a column of `data` or of the sf object.
#' @param weight Weights of the points (jobs), the same way, or `NULL` for 1. Points with weight 0 are dropped.
#' @param distance Increasing distances at which to compute. By default 50 steps from 0 to the median distance of all
#'   points.
#' @param statistic `"kd"` or `"m"`.
#' @param bands `"analytic"` (K without weights only), `"simulation"` or `"none"`. By default analytic where it
#'   exists, else simulation.
#' @param data A data frame with the columns, or `NULL`.
#' @param reference Types to compute for; by default all.
#' @param neighbours Types of the neighbours; by default each type's own. All combinations with `reference` are
#'   computed; for K of two different types the pairs are those across.
#' @param bandwidth Of K: a positive number for all types, or `NULL` for each type's own by Silverman's rule
#'   ([stats::bw.nrd0()]) on the
#'   distances of its pairs (from a histogram of 65,536 bins if there are more than 4 million).
#' @param null What chance is: `"location"`, types with their weights put on sites drawn from all (Marcon and Puech's,
#'   so that the
#'   sizes of an industry's plants are as they are); `"labelling"`, types permuted over points that keep their weights;
#'   `"independence"`, for `neighbours` of another type: all points but those of the type put on each other's sites.
#' @param draws Number of simulations, or of normal vectors for analytic global bands (10,000 at least).
#' @param conf.level Level of the bands, between 0.5 and 1.
#' @param unit Name of the unit of distance, for print; taken from the reference system of an sf object.
#' @param degrees `TRUE` if `x` and `y` are longitude and latitude: then distances are in kilometres, by the azimuthal
#'   equidistant
#'   projection at the middle of the points, and a message says how far they are off those on the great circle. `NULL`
#'   recognises degrees by an sf object's reference system, or by columns named lon and lat.
#' @param min_firms `NULL`, or the smallest number of points of a type whose distances may be shown.
#' @param seed A number that makes the draws repeatable; `NULL` takes the generator as it is.
#' @param control A [migration_control()]; its `threads` are used.
#' @return An object of class `colocation` and `decomposition`, a list of data frames:
#'   \item{values}{`type`, `neighbour`, `distance`, `estimate`, `expected`, `lower`, `upper`, `lower_global`,
#'   `upper_global`,
#'     `localisation`, `dispersion`; with analytic bands also `std.error`, the standard deviation under the null}
#'   \item{types}{`type`, `neighbour`, `n`, `bandwidth`, `localised`, `dispersed` (`TRUE`, `FALSE`, or `NA` without
#'   bands), `reason`, why
#'     something is `NA`}
#'   and `statistic`, `bands`, `null`, `conf.level`, `unit`, `n`, `dropped`, `reference`, `residual`, `call`.
#' @section Errors: Coordinates, types, weights of different lengths or missing; negative weights; distances
#'   not increasing from 0 or more; all points at one place without `distance`; analytic bands of M or of weighted K.
#' @references Duranton, G. and Overman, H. G. (2005) \doi{10.1111/0034-6527.00362}. Marcon, E. and Puech, F. (2010)
#'   \doi{10.1093/jeg/lbp056}.
#' @seealso [concentration()], which needs regions instead of coordinates.
#' @examples
#' set.seed(1)
#' n <- 300
#' x <- runif(n)
#' y <- runif(n)
#' type <- ifelse(x + y < 0.6 & runif(n) < 0.5, "lamps", sample(c("shoes", "toys"), n, TRUE))
#' colocation(x, y, type, distance = seq(0, 0.5, 0.05), unit = "km")
#' colocation(x, y, type, distance = c(0.05, 0.1, 0.2), statistic = "m", draws = 99)
#' @export
colocation <- function(x, y = NULL, type, weight = NULL, distance = NULL, statistic = c("kd", "m"),
                       bands = c("analytic", "simulation", "none"), data = NULL, reference = NULL, neighbours = NULL,
                       bandwidth = NULL, null = c("location", "labelling", "independence"), draws = 1000,
                       conf.level = 0.95, unit = NULL, degrees = NULL, min_firms = NULL, seed = NULL,
                       control = migration_control()) {
  statistic <- check_choice(statistic, "statistic")
  null <- check_choice(null, "null")
  min_firms <- check_min_firms(min_firms)
  points <- read_points(x, y, type, weight, data, unit, degrees)
  combos <- type_combinations(points, reference, neighbours)
  bands <- choose_bands(
    if (missing(bands)) NULL else check_choice(bands, "bands"), statistic, points$weighted,
    any(combos$from != combos$to)
  )
  options <- list(
    statistic = statistic, bands = bands, null = null, draws = check_count(draws, "draws"),
    conf.level = check_level(conf.level), bandwidth = check_bandwidth(bandwidth), threads = control$threads,
    min_firms = min_firms
  )
  check_null(null, combos)
  options$distance <- if (is.null(distance)) default_distances(points, options) else check_distances(distance)
  made <- with_seed(seed, {
    made <- if (statistic == "kd") density_tables(points, combos, options) else m_tables(points, combos, options)
    # global bands of normal vectors are drawn too
    colocation_tables(made, points, options)
  })
  finish_colocation(made, points, options, match.call())
}

check_null <- function(null, combos) {
  if (null == "independence" && any(combos$from == combos$to)) {
    abort("`null = \"independence\"` is of a type and neighbours of another: name them, neighbours = \"other\". For ",
      "neighbours of the same type there are \"location\" and \"labelling\".",
      class = "argument"
    )
  }
}

# ---- reading ---------------------------------------------------------------------------------------------

# Points as list(x, y, type, weight, weighted, n, dropped, unit)
read_points <- function(x, y, type, weight, data, unit, degrees = NULL) {
  degrees <- are_degrees(x, y, degrees)
  if (inherits(x, c("sf", "sfc"))) {
    found <- sf_points(x)
    data <- found$data
    if (is.null(unit)) unit <- found$unit
    x <- found$x
    y <- found$y
  } else {
    if (!is.null(data)) data <- plain_table(data, "data")
    x <- point_column(x, data, "x")
    y <- point_column(y, data, "y")
  }
  check_coordinates(x, y)
  if (degrees) {
    flat <- flatten_degrees(as.numeric(x), as.numeric(y))
    x <- flat$x
    y <- flat$y
    if (is.null(unit)) {
      unit <- "km"
    }
  }
  type <- point_column(type, data, "type", length(x))
  check_key(type, "type")
  weighted <- !is.null(weight)
  weight <- if (weighted) check_point_weights(point_column(weight, data, "weight", length(x)), length(x)) else rep(1, length(x))
  code <- code_ids(type)
  kept <- weight > 0
  if (!all(kept)) {
    inform("Dropped ", plural(sum(!kept), "point"), " with weight 0.", class = "dropped")
    x <- x[kept]
    y <- y[kept]
    code$code <- code$code[kept]
    weight <- weight[kept]
  }
  list(
    x = as.numeric(x), y = as.numeric(y), code = code$code, levels = code$levels, weight = as.numeric(weight),
    weighted = weighted, n = length(x), dropped = sum(!kept), unit = unit
  )
}

# A vector as it is, or the column of `data` it names
point_column <- function(value, data, arg, n = NULL) {
  if (is.character(value) && length(value) == 1 && !is.null(data)) {
    check_column(data, value, arg, "data")
    return(data[[value]])
  }
  if (is.null(value)) abort("`", arg, "` is missing.", class = "argument")
  if (!is.null(n) && length(value) != n) {
    abort("`", arg, "` must have a value for each of the ", plural(n, "point"), ", not ", format_count(length(value)), ".",
      class = "argument"
    )
  }
  value
}

check_coordinates <- function(x, y) {
  if (!is.numeric(x) || !is.numeric(y) || length(x) != length(y)) {
    abort("`x` and `y` must be numbers, one of each per point (or names of columns of `data`, or `x` an sf object of points).",
      class = "argument"
    )
  }
  bad <- which(!is.finite(x) | !is.finite(y))
  if (length(bad)) {
    abort("Coordinates must be finite; ", plural(length(bad), "point"), if (length(bad) == 1) " is not: " else " are not: ",
      quote_rows(bad), ".",
      class = "argument"
    )
  }
  if (length(x) < 2) abort("There must be at least two points, not ", length(x), ".", class = "argument")
}

check_point_weights <- function(weight, n) {
  bad <- if (is.numeric(weight)) which(!is.finite(weight) | weight < 0)
  if (!is.numeric(weight)) abort("`weight` must be numbers, not ", describe_type(weight), ".", class = "weights")
  if (length(bad)) {
    abort("`weight` must be finite and not negative; ", plural(length(bad), "point"),
      if (length(bad) == 1) " is not: " else " are not: ", quote_rows(bad), ".",
      class = "weights"
    )
  }
  if (sum(weight > 0) < 2) abort("Fewer than two points have a positive `weight`.", class = "weights")
  weight
}

# Coordinates, attributes and unit of an sf object of points
sf_points <- function(x) {
  if (!requireNamespace("sf", quietly = TRUE)) {
    abort("Reading `x` needs the package sf, which is not installed: install.packages(\"sf\").", class = "package")
  }
  geometry <- sf::st_geometry(x)
  if (!all(sf::st_geometry_type(geometry) == "POINT")) {
    abort("`x` must be an sf object of points (geometry type POINT).", class = "argument")
  }
  at <- sf::st_coordinates(geometry)
  unit <- if (!isTRUE(sf::st_is_longlat(geometry))) sf::st_crs(geometry)$units_gdal
  list(
    x = at[, 1], y = at[, 2], unit = if (is.null(unit) || is.na(unit)) NULL else unit,
    data = if (inherits(x, "sf")) plain_table(sf::st_drop_geometry(x), "x")
  )
}

choose_bands <- function(bands, statistic, weighted, crossed) {
  possible <- statistic == "kd" && !weighted && !crossed
  if (is.null(bands)) {
    return(if (possible) "analytic" else "simulation")
  }
  if (bands == "analytic" && !possible) {
    abort("Analytic bands are for the K density of one type, without weights; use bands = \"simulation\".", class = "argument")
  }
  bands
}

check_level <- function(conf.level) {
  if (check_fraction(conf.level, "conf.level") <= 0.5) {
    abort("`conf.level` must be one number between 0.5 and 1: bands are one-sided.", class = "argument")
  }
  conf.level
}

check_bandwidth <- function(bandwidth) {
  if (is.null(bandwidth)) {
    return(NULL)
  }
  valid <- is.numeric(bandwidth) && length(bandwidth) == 1 && is.finite(bandwidth) && bandwidth > 0
  if (!valid) abort("`bandwidth` must be one positive number, or NULL.", class = "argument")
  as.numeric(bandwidth)
}

check_distances <- function(distance) {
  valid <- is.numeric(distance) && length(distance) >= 1 && all(is.finite(distance)) && distance[1] >= 0 &&
    all(diff(distance) > 0)
  if (!valid) abort("`distance` must be numbers that increase from 0 or more.", class = "argument")
  as.numeric(distance)
}

# Fifty steps to the median distance of all points
default_distances <- function(points, options) {
  middle <- distance_quantiles(points$x, points$y, 0.5, options$threads)$quantile
  if (middle == 0) {
    abort("Half of all pairs of points are at the same place: give `distance`.", class = "argument")
  }
  seq(0, middle, length.out = 51)
}

# Quantiles, and standard deviation, of the distances of all pairs: exact to 4 million pairs, else from a histogram
distance_quantiles <- function(x, y, probs, threads) {
  n <- as.numeric(length(x))
  if (n * (n - 1) / 2 <= 4e6) {
    d <- .Call(C_pair_distances, x, y)
    return(list(quantile = stats::quantile(d, probs, names = FALSE), sd = stats::sd(d), pairs = length(d)))
  }
  top <- sqrt(diff(range(x))^2 + diff(range(y))^2)
  if (top == 0) {
    return(list(quantile = 0 * probs, sd = 0, pairs = n * (n - 1) / 2))
  }
  histogram_quantiles(.Call(C_pair_histogram, x, y, top, 65536L, threads), top, probs)
}

# Quantiles, and standard deviation, of the distances between the first `n_from` points and the others
cross_quantiles <- function(x, y, n_from, probs, threads) {
  from <- seq_len(n_from)
  pairs <- n_from * (as.numeric(length(x)) - n_from)
  if (pairs <= 4e6) {
    d <- sqrt(outer(x[from], x[-from], `-`)^2 + outer(y[from], y[-from], `-`)^2)
    return(list(quantile = stats::quantile(d, probs, names = FALSE), sd = stats::sd(d), pairs = pairs))
  }
  top <- sqrt(diff(range(x))^2 + diff(range(y))^2)
  if (top == 0) {
    return(list(quantile = 0 * probs, sd = 0, pairs = pairs))
  }
  count <- function(rows) .Call(C_pair_histogram, x[rows], y[rows], top, 65536L, threads)
  histogram_quantiles(count(seq_along(x)) - count(from) - count(seq_along(x)[-from]), top, probs)
}

# Quantiles and standard deviation from counts in bins of equal width up to `top`
histogram_quantiles <- function(count, top, probs) {
  pairs <- sum(count)
  centre <- (seq_along(count) - 0.5) * top / length(count)
  below <- c(0, cumsum(count))
  edge <- (seq_along(below) - 1) * top / length(count)
  mean <- sum(count * centre) / pairs
  list(
    quantile = stats::approx(below, edge, probs * pairs, ties = "ordered")$y,
    sd = sqrt(sum(count * (centre - mean)^2) / (pairs - 1)), pairs = pairs
  )
}

# Types and their neighbours to compute for, as codes
type_combinations <- function(points, reference, neighbours) {
  from <- type_codes(reference, points$levels, "reference")
  if (is.null(neighbours)) {
    return(data.frame(from = from, to = from))
  }
  to <- type_codes(neighbours, points$levels, "neighbours")
  data.frame(from = rep(from, each = length(to)), to = rep(to, length(from)))
}

type_codes <- function(types, levels, arg) {
  if (is.null(types)) {
    return(seq_along(levels))
  }
  code <- match(id_text(types), levels)
  if (anyNA(code)) {
    abort("`", arg, "` has ", quote_names(types[is.na(code)]), ", which no point has as its type. Types are ",
      quote_names(levels), ".",
      class = "argument"
    )
  }
  code
}

# ---- the K density ---------------------------------------------------------------------------------------

density_tables <- function(points, combos, options) {
  # a type's own sites, or those of both types, the reference first
  sites <- function(code) which(points$code == code)
  n_from <- tabulate(points$code, length(points$levels))[combos$from]
  members <- Map(function(from, to) c(sites(from), if (to != from) sites(to)), combos$from, combos$to)
  h <- vapply(seq_along(members), function(k) type_bandwidth(points, members[[k]], n_from[k], options), 0)
  usable <- !is.na(h)
  estimate <- vapply(seq_along(members), function(k) {
    if (!usable[k]) {
      return(rep(NA_real_, length(options$distance)))
    }
    weight <- if (points$weighted) points$weight[members[[k]]]
    drop(draw_density(points, matrix(members[[k]]), n_from[k], weight, h[k], options))
  }, numeric(length(options$distance)))
  null <- density_null(points, members, n_from, h, usable, options)
  list(
    combos = combos, estimate = matrix(estimate, length(options$distance)), n = n_from, bandwidth = h, null = null,
    reason = density_reason(lengths(members), h)
  )
}

# Densities of draws of sites (in columns): of all pairs, or of those of the first `n_from` with the others if there are
# others
#
# Pairs across are all pairs less those within each of the two, weights counted: one weight for each row of `member`, or
# a matrix like it.
draw_density <- function(points, member, n_from, weight, h, options) {
  of <- function(rows) if (is.matrix(weight)) weight[rows, , drop = FALSE] else weight[rows]
  density <- function(rows) {
    .Call(
      C_pair_density, points$x, points$y, member[rows, , drop = FALSE], of(rows), options$distance, h,
      options$threads
    )
  }
  n <- nrow(member)
  if (n_from == n) {
    return(density(seq_len(n)))
  }
  if (is.null(weight)) {
    weight <- rep(1, n)
  }
  draws <- ncol(member)
  total <- function(rows, power = 1) rep_len(colSums(as.matrix(of(rows))^power), draws)
  sum_of <- function(rows) {
    if (length(rows) < 2) {
      return(0)
    }
    rep((total(rows)^2 - total(rows, 2)) / 2, each = length(options$distance)) * density(rows)
  }
  from <- seq_len(n_from)
  others <- seq_len(n)[-from]
  across <- sum_of(seq_len(n)) - sum_of(from) - sum_of(others)
  # where there is no pair, what rounding leaves
  pmax(across / rep(total(from) * total(others), each = length(options$distance)), 0)
}

# Bandwidth of a type, or of the pairs of two types; NA when there is none
type_bandwidth <- function(points, rows, n_from, options) {
  if (length(rows) < 2) {
    return(NA_real_)
  }
  if (!is.null(options$bandwidth)) {
    return(options$bandwidth)
  }
  x <- points$x[rows]
  y <- points$y[rows]
  spread <- if (n_from < length(rows)) {
    cross_quantiles(x, y, n_from, c(0.25, 0.75), options$threads)
  } else {
    distance_quantiles(x, y, c(0.25, 0.75), options$threads)
  }
  width <- c(spread$sd, diff(spread$quantile) / 1.34)
  width <- width[!is.na(width) & width > 0]
  if (length(width)) 0.9 * min(width) * spread$pairs^-0.2 else NA_real_
}

density_reason <- function(n, h) {
  ifelse(n < 2, "fewer than two points", ifelse(is.na(h), "its distances are all the same: give `bandwidth`", NA))
}

# ---- the M function --------------------------------------------------------------------------------------

m_tables <- function(points, combos, options) {
  types <- sort(unique(combos$from))
  # labelling puts any label at any point, and weights stay there
  everywhere <- options$bands == "simulation" && options$null == "labelling"
  all <- if (everywhere) ring_sums(points, NULL, NULL, options)
  estimate <- matrix(NA_real_, length(options$distance), nrow(combos))
  for (code in types) {
    from <- which(points$code == code)
    around <- if (everywhere) all[, from, drop = FALSE] else ring_sums(points, from, NULL, options)
    for (k in which(combos$from == code)) {
      estimate[, k] <- m_estimate(points, from, combos$to[k], around, options)
    }
  }
  n <- tabulate(points$code, length(points$levels))
  tick <- progress("Types", nrow(combos))
  null <- lapply(seq_len(nrow(combos)), function(k) {
    tick()
    if (options$bands == "simulation") {
      to <- if (combos$to[k] != combos$from[k]) which(points$code == combos$to[k])
      m_null(points, which(points$code == combos$from[k]), to, all, options)
    }
  })
  list(
    combos = combos, estimate = estimate, n = n[combos$from], bandwidth = NULL, null = null,
    reason = m_reason(estimate, n[combos$from], combos)
  )
}

# Weights within each distance of the points `from`, of the points `to` (NULL: all): distances x from
ring_sums <- function(points, from, to, options) {
  .Call(C_ring_sums, points$x, points$y, points$weight, from, to, options$distance, options$threads)
}

# M of the points `from` for neighbours of a type; `around` has the weights of all neighbours
m_estimate <- function(points, from, to, around, options) {
  near <- which(points$code == to)
  own <- points$code[from[1]] == to
  case <- ring_sums(points, from, near, options)
  w <- points$weight[from]
  share <- (sum(points$weight[near]) - if (own) w else 0) / (sum(points$weight) - w)
  found <- around > 0
  ratio <- rowSums(ifelse(found, case / around, 0)) / drop(found %*% share)
  ifelse(is.finite(ratio), ratio, NA)
}

m_reason <- function(estimate, n, combos) {
  alone <- n < 2 & combos$from == combos$to
  gaps <- colSums(is.na(estimate))
  ifelse(alone, "fewer than two points", ifelse(gaps > 0, "no point has a neighbour within the shortest distances", NA))
}

# ---- the object ------------------------------------------------------------------------------------------

# Tables `values` and `types`
colocation_tables <- function(made, points, options) {
  combos <- made$combos
  name <- function(code) points$levels[code]
  each <- lapply(seq_len(nrow(combos)), function(k) {
    cbind(
      data.frame(
        type = name(combos$from[k]), neighbour = name(combos$to[k]), distance = options$distance,
        estimate = made$estimate[, k]
      ),
      band_columns(made$estimate[, k], made$null[[k]], options)
    )
  })
  flag <- function(column) {
    vapply(each, function(table) {
      if (all(is.na(table[[column]]))) NA else any(table[[column]] > 0, na.rm = TRUE)
    }, NA)
  }
  types <- data.frame(
    type = name(combos$from), neighbour = name(combos$to), n = made$n,
    bandwidth = if (is.null(made$bandwidth)) NA_real_ else made$bandwidth, localised = flag("localisation"),
    dispersed = flag("dispersion"), reason = made$reason
  )
  tables <- list(values = do.call(rbind, each), types = types)
  if (is.null(options$min_firms)) tables else small_types(tables, points, combos, options$min_firms)
}

# Types of few points are blank: their distances may tell where each is
small_types <- function(tables, points, combos, min_firms) {
  n <- tabulate(points$code, length(points$levels))
  few <- n[combos$from] < min_firms | n[combos$to] < min_firms
  tables$values <- blank_rows(tables$values, rep(few, each = nrow(tables$values) / length(few)))
  tables$types[few, c("n", "bandwidth", "localised", "dispersed")] <- NA
  tables$types$reason[few] <- paste("fewer than", min_firms, "points")
  tables
}

finish_colocation <- function(tables, points, options, call) {
  null <- switch(options$null,
    location = if (points$weighted) {
      "putting its points, with their weights, on sites drawn from all"
    } else {
      "drawing its sites from all sites"
    },
    labelling = "permuting types over the points, which keep their weights",
    independence = "putting all other points, with their weights, on each other's sites"
  )
  structure(
    c(tables, list(
      statistic = options$statistic, bands = options$bands, null = options$null, conf.level = options$conf.level,
      unit = points$unit, n = points$n, dropped = points$dropped, method = options$statistic,
      reference = paste0("The null of a type is ", null, "."), residual = 0, call = call
    )),
    class = c("colocation", "decomposition")
  )
}

#' @export
print.colocation <- function(x, digits = 4, n = 10, ...) {
  title <- c(kd = "K density of distances (Duranton and Overman)", m = "M function (Marcon and Puech)")
  range <- range(x$values$distance)
  cat(title[[x$statistic]], " of ", plural(x$n, "point"),
    if (x$dropped) paste0(" (", x$dropped, " with weight 0 dropped)"), "\n",
    sep = ""
  )
  unit <- if (length(x$unit)) x$unit else "in the unit of the coordinates"
  cat("Distances", format(range[1], digits = digits), "to", format(range[2], digits = digits), paste0(unit, "\n"))
  if (x$bands == "none") {
    cat("No bands\n")
  } else {
    cat(x$reference, " Bands: ", x$bands, ", one-sided, level ", format(x$conf.level), "\n", sep = "")
  }
  shown <- setdiff(names(x$types), if (identical(x$types$type, x$types$neighbour)) "neighbour")
  print_index_table(x$types, shown, digits, n, "Types")
  invisible(x)
}
