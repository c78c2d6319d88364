# Triple-helix synergy: mutual information of the dimensions of an innovation
# system, in bits, split into what regions have inside and what is between them.

#' @title Triple-helix synergy of an innovation system
#' @description Mutual information of two or more dimensions of firms, such as geography, technology and size, split
#'   within
#' and between regions, with a correction of its bias and a permutation null.
#'
#' @details
#' With \eqn{H_A=-\sum_c p_c\log_2p_c}{H_A = -sum p log2 p} the entropy of the dimensions in \eqn{A},
#' \deqn{T=\sum_{A\neq\emptyset}(-1)^{|A|+1}H_A,\quad T_{xyz}=H_x+H_y+H_z-H_{xy}-H_{xz}-H_{yz}+H_{xyz}.}{T = sum over
#' A of (-1)^(|A|+1) H_A; for three: Hx + Hy + Hz - Hxy - Hxz - Hyz + Hxyz.}
#' With three dimensions a negative \eqn{T} is synergy: the three together leave less uncertain than the pairs
#' account for;
#' a positive one is redundancy. With two dimensions \eqn{T} is the ordinary mutual information, never negative.
#' Over regions \eqn{g} with \eqn{n_g} of \eqn{N} firms
#' \deqn{T=\sum_g\frac{n_g}{N}T_g+T_0,}{T = sum_g (n_g / N) T_g + T_0,}
#' where \eqn{T_g} is computed inside the region, so that a geographical dimension must be finer than `region` to
#' count there, and \eqn{T_0} is what is between regions. If regions group the values of a dimension, \eqn{T_0} equals
#' the \eqn{T} of the regions themselves in its place.
#'
#' Plug-in entropies are too small when cells are sparse, so \eqn{|T|} is too large. `corrected` adds Miller and
#' Madow's \eqn{(K_A-1)/(2N\ln2)}{(K_A - 1) / (2 N log 2)} to each \eqn{H_A}, \eqn{K_A} its occupied cells.
#' `permutations` compares with what independent dimensions give: all but the first dimension are permuted over all
#' firms (for the total and `between`) or within each region (for its row). `p.value` is two-sided, twice the share of
#' draws, the data among them, that are at least as far out on the nearer side.
#'
#' What the numbers do not say: \eqn{T} depends on how finely the dimensions are cut; it is a property of a
#' configuration, not a cause; a region of few firms has a large \eqn{|T|} by chance alone.
#'
#' @param data A data frame with a row per firm, or a [migration_data()], whose table of firms is used.
#' @param dimensions Names of 2 to 8 columns with categories. Cut numbers into classes first.
#' @param region Name of the column of regions, or `NULL` for no split.
#' @param weight Name of a column that says how many firms a row stands for, or `NULL`.
#' @param time Name of a column of periods; everything is computed for each.
#' @param permutations Number of permutations, 0 for none. `seed` repeats them.
#' @param min_firms `NULL`, or the smallest number of firms that may be shown: regions of fewer are blank, and the
#'   next smallest
#'   where one alone could be had from the total.
#' @param seed A number that makes the permutations repeatable; `NULL` takes the generator as it is.
#' @param control A [migration_control()]; its `threads` are used.
#' @return An object of class `innovation_synergy` and `decomposition`, a list of data frames (with `time` in front
#'   if given),
#'   all in bits:
#'   \item{total}{`n`, `cells` (occupied, of all dimensions), `synergy` (T), `corrected`, and with permutations
#'   `null_mean`,
#'     `null_sd`, `p.value`}
#'   \item{regions}{`component` ("within", "between"), `region`, `n`, `share`, `synergy` (T_g), `contribution` (share
#'   times
#'     T_g; T_0 in the row "between"), `corrected` and `contribution_corrected`, `null_mean`, `null_sd`, `p.value` (of
#'     `synergy`, or of T_0). Contributions add up to `synergy` of the total, corrected ones to `corrected`}
#'   \item{entropies}{`region` (`NA`: all), `dimensions`, `order`, `entropy`, `cells`, `corrected`}
#'   and `dimensions`, `reference`, `residual`, `call`.
#' @section Errors: Unknown column; missing value; a dimension of fractional numbers; negative weight; permutations
#'   with weights
#'   that are not whole numbers.
#' @references Leydesdorff, L. and Fritsch, M. (2006) \doi{10.1016/j.respol.2006.09.027}. Leydesdorff, L., Park, H.
#'   W. and
#'   Lengyel, B. (2014) \doi{10.1007/s11192-013-1080-8}. Miller, G. A. (1955), Note on the bias of information
#'   estimates.
#' @seealso [relatedness()], [complexity()], [concentration()], [print.decomposition()].
#' @examples
#' firms <- subset(wenzhou_guzhen()$firms, year %in% c(1996, 2006) & to %in% c("Guzhen", "Wenzhou"))
#' firms$class <- cut(firms$jobs, c(0, 10, 50, Inf))
#' innovation_synergy(firms, c("native", "segment", "class"), region = "to", time = "year")
#' @export
innovation_synergy <- function(data, dimensions, region = NULL, weight = NULL, time = NULL, permutations = 0,
                               min_firms = NULL, seed = NULL, control = migration_control()) {
  data <- spread_table(data)
  check_dimensions(data, dimensions)
  for (arg in c("region", "weight", "time")) {
    column <- get(arg)
    if (is.null(column)) next
    check_column(data, column, arg, "data")
    check_key(data[[column]], paste0("data$", column))
  }
  if (!identical(as.numeric(permutations), 0)) permutations <- check_count(permutations, "permutations")
  data <- counted_rows(data, weight, permutations)
  min_firms <- check_min_firms(min_firms)
  tables <- with_seed(seed, each_time(data, time, function(part) {
    synergy_tables(part, dimensions, region, weight, permutations, control$threads)
  }))
  result <- c(tables, list(
    dimensions = dimensions, method = "triple helix",
    reference = "Zero is independence of the dimensions; below zero is synergy (three dimensions), above redundancy.",
    residual = synergy_residual(tables), call = match.call()
  ))
  if (!is.null(min_firms)) {
    by <- if (is.null(time)) character() else "time"
    result <- disclose(result, min_firms, list(regions = list(by = by, cell = c("component", "region"), firms = "n")))
    # entropies of a region that is blank would give it away
    hidden <- row_codes(result$regions, c(by, "region"))[is.na(result$regions$n)]
    keys <- rbind(result$regions[c(by, "region")], result$entropies[c(by, "region")])
    code <- row_codes(keys, c(by, "region"))
    rows <- utils::tail(code, nrow(result$entropies)) %in% hidden & !is.na(result$entropies$region)
    result$entropies <- blank_rows(result$entropies, rows, c("order", by))
  }
  structure(result, class = c("innovation_synergy", "decomposition"))
}

# Stop unless `dimensions` names 2 to 8 columns of categories
check_dimensions <- function(data, dimensions) {
  valid <- is.character(dimensions) && length(dimensions) >= 2 && length(dimensions) <= 8 && !anyDuplicated(dimensions)
  if (!valid) abort("`dimensions` must be the names of 2 to 8 different columns of `data`.", class = "argument")
  if (nrow(data) == 0) abort("`data` has no rows.", class = "data")
  for (column in dimensions) {
    check_column(data, column, "dimensions", "data")
    check_key(data[[column]], paste0("data$", column))
    value <- data[[column]]
    if (is.double(value) && !is.object(value) && any(value != round(value))) {
      abort("`data$", column, "` holds fractional numbers: cut() it into classes first.", class = "dimension")
    }
  }
}

# Rows that count; repeated as often as they count when they are to be permuted
counted_rows <- function(data, weight, permutations) {
  if (is.null(weight)) {
    return(data)
  }
  check_sizes(data[[weight]], weight)
  w <- data[[weight]]
  if (permutations == 0) {
    return(data[w > 0, , drop = FALSE])
  }
  if (any(w != round(w)) || sum(w) > .Machine$integer.max) {
    abort("Permutations need `data$", weight, "` to be whole numbers of firms, together at most 2,147,483,647.",
      class = "weights"
    )
  }
  data <- data[rep(seq_len(nrow(data)), w), , drop = FALSE]
  data[[weight]] <- 1
  data
}

# All tables of one period
synergy_tables <- function(data, dimensions, region, weight, permutations, threads) {
  columns <- lapply(data[dimensions], code_ids)
  code <- unname(lapply(columns, `[[`, "code"))
  levels <- vapply(columns, function(column) length(column$levels), 0L)
  check_key_range(levels, dimensions)
  w <- if (is.null(weight)) NULL else as.numeric(data[[weight]])
  g <- if (is.null(region)) NULL else code_ids(data[[region]])
  whole <- entropy_set(code, levels, w, NULL)
  parts <- if (!is.null(g)) entropy_set(code, levels, w, g)
  null <- if (permutations > 0) synergy_null(code, levels, g, permutations, threads)
  names <- subset_names(dimensions)
  tables <- list(total = total_table(whole, null))
  if (!is.null(g)) tables$regions <- region_table(whole, parts, g$levels, null)
  tables$entropies <- rbind(entropy_table(whole, NA_character_, names), if (!is.null(g)) entropy_table(parts, g$levels, names))
  tables
}

check_key_range <- function(levels, dimensions) {
  if (prod(as.numeric(levels)) < 4e9) {
    return(invisible())
  }
  abort("The dimensions have ", paste(format_count(levels), collapse = " x "), " possible cells, too many to fill. ",
    "Cut ", quote_names(dimensions[which.max(levels)]), " into classes.",
    class = "dimension"
  )
}

# Entropies of all subsets, whole (g NULL) or by group; corrected ones beside; synergies of both
entropy_set <- function(code, levels, weight, g) {
  n_groups <- if (is.null(g)) 1L else length(g$levels)
  set <- .Call(C_entropies, code, levels, weight, g$code, n_groups)
  set$corrected <- set$entropy + pmax(set$cells - 1, 0) / (2 * log(2) * pmax(set$total, 1e-300))
  signs <- subset_signs(length(code))
  set$synergy <- drop(set$entropy %*% signs)
  set$synergy_corrected <- drop(set$corrected %*% signs)
  set
}

# (-1)^(|A|+1) for the subsets A = 1 .. 2^d - 1, numbered by their bits
subset_signs <- function(d) ifelse(subset_orders(d) %% 2 == 1, 1, -1)

subset_orders <- function(d) rowSums(subset_bits(d))

# Which of the d dimensions are in each subset, a row per subset
subset_bits <- function(d) {
  subset <- seq_len(2^d - 1)
  vapply(seq_len(d), function(k) subset %/% 2^(k - 1) %% 2 == 1, logical(length(subset)))
}

subset_names <- function(dimensions) {
  apply(subset_bits(length(dimensions)), 1, function(inside) paste(dimensions[inside], collapse = " + "))
}

# Draws of T, of T_0 and of each T_g under independence
synergy_null <- function(code, levels, g, permutations, threads) {
  n_groups <- if (is.null(g)) 1L else length(g$levels)
  seeds <- stats::runif(permutations)
  parts <- in_pieces("Permutations", permutations, function(numbers) {
    .Call(C_synergy_null, code, levels, g$code, n_groups, seeds[numbers], threads)
  })
  gathered <- function(name, join) do.call(join, lapply(parts, `[[`, name))
  list(whole = gathered("whole", c), between = gathered("between", c), within = gathered("within", cbind))
}

# Mean, standard deviation and two-sided p-value of observed values under draws (rows: values)
null_columns <- function(value, draws) {
  draws <- matrix(draws, nrow = length(value))
  # draws that tie with the data differ from it by rounding only
  slack <- 1e-12 * pmax(1, abs(value))
  below <- (1 + rowSums(draws <= value + slack)) / (ncol(draws) + 1)
  above <- (1 + rowSums(draws >= value - slack)) / (ncol(draws) + 1)
  data.frame(null_mean = rowMeans(draws), null_sd = apply(draws, 1, stats::sd), p.value = pmin(1, 2 * pmin(below, above)))
}

total_table <- function(whole, null) {
  full <- ncol(whole$cells)
  table <- data.frame(n = whole$total, cells = whole$cells[, full], synergy = whole$synergy, corrected = whole$synergy_corrected)
  if (is.null(null)) table else cbind(table, null_columns(table$synergy, null$whole))
}

# Regions and what is between them: contributions add up to T
region_table <- function(whole, parts, regions, null) {
  share <- parts$total / whole$total
  within <- share * parts$synergy
  within_corrected <- share * parts$synergy_corrected
  table <- data.frame(
    component = c(rep("within", length(regions)), "between"), region = c(regions, NA), n = c(parts$total, whole$total),
    share = c(share, NA), synergy = c(parts$synergy, NA), contribution = c(within, whole$synergy - sum(within)),
    corrected = c(parts$synergy_corrected, NA),
    contribution_corrected = c(within_corrected, whole$synergy_corrected - sum(within_corrected))
  )
  if (is.null(null)) {
    return(table)
  }
  observed <- c(parts$synergy, table$contribution[nrow(table)])
  cbind(table, null_columns(observed, rbind(null$within, null$between)))
}

entropy_table <- function(set, regions, names) {
  each <- length(names)
  data.frame(
    region = rep(regions, each), dimensions = rep(names, length(regions)),
    order = rep(subset_orders(log2(each + 1)), length(regions)), entropy = as.vector(t(set$entropy)),
    cells = as.vector(t(set$cells)), corrected = as.vector(t(set$corrected))
  )
}

# What the split over regions leaves of T
synergy_residual <- function(tables) {
  if (is.null(tables$regions)) {
    return(0)
  }
  time <- if (is.null(tables$total$time)) rep(1L, nrow(tables$regions)) else match(tables$regions$time, tables$total$time)
  max(abs(rowsum(tables$regions$contribution, time)[, 1] - tables$total$synergy))
}

#' @export
print.innovation_synergy <- function(x, digits = 4, n = 10, ...) {
  cat("Synergy of ", quote_names(x$dimensions, 8), ", in bits\n", x$reference, "\n", sep = "")
  print_index_table(x$total, names(x$total), digits, n, "Total")
  shown <- setdiff(names(x$regions), c("corrected", "null_mean", "null_sd"))
  print_index_table(x$regions, shown, digits, n, "By region (contributions add up to the total)")
  invisible(x)
}
