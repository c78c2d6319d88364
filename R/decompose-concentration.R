# Indices of how unevenly sizes are spread over regions and industries. All of
# them compare shares s with reference shares x; sizes are summed into a table
# of regions by industries once, and every index is algebra on its columns.

#' @title Concentration and specialisation
#' @description Location quotients, Hoover, Krugman, Gini and locational Gini, Herfindahl, Theil (between and within
#' areas), Ellison-Glaeser with a standard error, Maurel-Sedillot and co-agglomeration, from one table of sizes.
#'
#' @details
#' Write \eqn{s_r} for the share of region \eqn{r} in an industry and \eqn{x_r} for its share in the reference
#' (for `regions` read shares of industries in a region). Then
#' \describe{
#'   \item{`lq`}{\eqn{s_r/x_r}{s_r / x_r}}
#'   \item{`hoover`, `krugman`}{\eqn{\frac12\sum_r|s_r-x_r|}{sum |s - x| / 2} in `[0, 1]`, and twice that}
#'   \item{`gini`}{Gini coefficient of the sizes, each region counted once}
#'   \item{`locational_gini`}{twice the area between the diagonal and the Lorenz curve of \eqn{s} over \eqn{x},
#'     regions ordered by \eqn{s_r/x_r}{s_r / x_r}; Krugman (1991) and package EconGeo report half of it}
#'   \item{`hhi`, `hhi_normalised`}{\eqn{\sum_r s_r^2}{sum s^2}; \eqn{(hhi-1/n)/(1-1/n)}{(hhi - 1/n) / (1 - 1/n)}
#'     with \eqn{n} regions}
#'   \item{`theil`, `mld`}{\eqn{\sum_r s_r\ln(s_r/x_r)}{sum s log(s/x)} with \eqn{0\ln 0=0}{0 log 0 = 0}, and
#'     \eqn{\sum_r x_r\ln(x_r/s_r)}{sum x log(x/s)}, infinite where a region has nothing}
#'   \item{`g`}{\eqn{G=\sum_r(s_r-x_r)^2}{G = sum (s - x)^2}}
#'   \item{`ellison_glaeser`}{\eqn{\gamma=[G/(1-\sum x^2)-H]/(1-H)}{gamma = (G / (1 - sum x^2) - H) / (1 - H)},
#'     \eqn{H} the Herfindahl index of the plants of the industry}
#'   \item{`std.error`}{of \eqn{\gamma} if plants choose regions at random, with probabilities \eqn{x}:
#'     \eqn{\sqrt{Var(G)}/[(1-\sum x^2)(1-H)]}{sqrt(Var(G)) / ((1 - sum x^2) (1 - H))}, where
#'     \eqn{Var(G)=2\{H^2[x_2-2x_3+x_2^2]-z_4[x_2-4x_3+3x_2^2]\}}{Var(G) = 2 (H^2 (x2 - 2 x3 + x2^2) - z4 (x2 - 4 x3
#'     + 3 x2^2))},
#'     \eqn{x_k=\sum x^k}{xk = sum x^k}, \eqn{z_4=\sum z^4}{z4 = sum z^4} over plants; `statistic` and `p.value`
#'     (two-sided, normal) test \eqn{\gamma=0}}
#'   \item{`maurel_sedillot`}{\eqn{[(\sum s^2-\sum x^2)/(1-\sum x^2)-H]/(1-H)}{((sum s^2 - sum x^2) / (1 - sum x^2) -
#'   H) / (1 - H)}}
#' }
#' Theil's index adds up over areas \eqn{g} (`area`):
#' \eqn{T=\sum_g s_gT_g+\sum_g s_g\ln(s_g/x_g)}{T = sum_g s_g T_g + sum_g s_g log(s_g / x_g)}, within plus between;
#' so does the mean log deviation with weights \eqn{x_g}. Co-agglomeration of the industries \eqn{j} of a sector, with
#' weights \eqn{w_j} and \eqn{G} on the shares of the sector, is
#' \eqn{\gamma_c=[G/(1-x_2)-\sum_j w_j^2G_j/(1-x_2)]/(1-\sum_j w_j^2)}{gamma_c = (G - sum_j w_j^2 G_j) / ((1 - x2) (1
#' - sum_j w_j^2))}.
#' It is the formula of Ellison and Glaeser, from which the Herfindahl indices of the plants cancel, and equals
#' \eqn{\sum_{i\ne j}w_iw_j\gamma_{ij}/(1-\sum w^2)}{sum_{i != j} w_i w_j gamma_ij / (1 - sum w^2)} with the pairwise
#' \eqn{\gamma_{ij}=\sum_r(s_{ri}-x_r)(s_{rj}-x_r)/(1-x_2)}{gamma_ij = sum_r (s_ri - x_r) (s_rj - x_r) / (1 - x2)}.
#'
#' What the numbers do not say: none of them knows which regions are neighbours (see [colocation()]); all depend on
#' how the map is cut; `ellison_glaeser` does not tell natural advantage from spillovers.
#'
#' @param data A data frame with a row per region and industry, or a row per plant (rows of the same region and
#'   industry are summed), or a [migration_data()], whose table of firms is used.
#' @param region,industry Names of columns. Without `region` each row is a region; without `industry` there is one.
#' @param size Name of the column of sizes (jobs, sales, patents): not negative, not missing.
#' @param plant For Ellison-Glaeser and Maurel-Sedillot: name of a column of plant ids, or `TRUE` if each row is a
#'   plant. An id in two regions is two plants.
#' @param herfindahl Instead of `plant`: Herfindahl indices of plants, a numeric vector named by industry (there is no
#'   standard error then).
#' @param base Name of a column with the reference size of each region, the same in all its rows (population, area,
#'   all jobs). By default the reference of an industry is all industries of `data` together, and that of a
#'   single industry is the same for every region.
#' @param area Name of a column that groups regions, for the between-within split of Theil's index.
#' @param sector Name of a column that groups industries, for co-agglomeration.
#' @param time Name of a column of periods; everything is computed for each.
#' @param reference What shares are compared with: `"nation"` (`base`, or all industries and regions), `"rest"` (the
#'   nation
#'   less the industry, or the region, itself), `"uniform"` (the same share for each). Ellison-Glaeser,
#'   Maurel-Sedillot and co-agglomeration always use the nation.
#' @param pairs `TRUE` adds a row for each pair of industries and each pair of regions.
#' @param min_firms `NULL`, or the smallest number of firms (plants of `plant`, else rows, with a positive size) that
#'   may be shown: industries, regions and pairs of both with fewer are blank, and so is the next smallest where one
#'   alone could be had from a total. Tables then have the column `firms`.
#' @return An object of class `concentration` and `decomposition`, a list of data frames (with `time` in front if
#'   given):
#'   \item{industries}{a row per industry: `industry`, `size`, `regions` (where it is found), the indices above,
#'     `theil_within`, `theil_between` (with `area`), `plants`, `herfindahl` and `reason`, why something is `NA`}
#'   \item{regions}{a row per region: the same indices of its industries, `krugman` the specialisation index}
#'   \item{quotients}{`region`, `industry`, `size`, `share`, `reference`, `lq`: a row per region and industry, zeros
#'   too}
#'   \item{theil}{with `area`: `industry`, `area`, `share`, `reference`, `theil` (inside the area), `within`,
#'   `between`,
#'     `mld`, `mld_within`, `mld_between`; each adds up to the index of the industry}
#'   \item{coagglomeration}{with `sector` or `base`: `sector`, `industries`, `size`, `gamma`}
#'   \item{pairs, region_pairs}{with `pairs`: `industry`, `partner`, `gamma`, `krugman`; `region`, `partner`,
#'   `krugman`}
#'   and `reference`, `residual` (what the Theil identity leaves), `call`. `as.data.frame(x, table = "industries")`
#'   takes one out.
#' @section Errors: Unknown column; missing or negative size; no size at all; `base`, `area` or `sector` that differs
#'   within
#'   a region or industry; `herfindahl` outside `(0, 1]` or without a value for an industry.
#' @references Ellison, G. and Glaeser, E. L. (1997) \doi{10.1086/262098}. Ellison, G., Glaeser, E. L. and Kerr, W.
#'   R. (2010)
#'   \doi{10.1257/aer.100.3.1195}. Maurel, F. and Sedillot, B. (1999) \doi{10.1016/S0166-0462(99)00020-6}.
#' @seealso [colocation()], [relatedness()], [complexity()]
#' @examples
#' jobs <- data.frame(
#'   town = rep(c("Wenzhou", "Guzhen", "Yiwu"), each = 3), trade = c("lamps", "shoes", "toys"),
#'   jobs = c(50, 120, 10, 200, 5, 0, 10, 30, 90)
#' )
#' concentration(jobs, region = "town", industry = "trade", size = "jobs")
#'
#' # plants of the bundled (simulated) panel in 2003, by segment
#' firms <- subset(wenzhou_guzhen()$firms, year == 2003 & !is.na(to))
#' concentration(firms, "to", "segment", "jobs", plant = "firm")$industries
#' @export
concentration <- function(data, region = NULL, industry = NULL, size, plant = NULL, herfindahl = NULL, base = NULL,
                          area = NULL, sector = NULL, time = NULL, reference = c("nation", "rest", "uniform"),
                          pairs = FALSE, min_firms = NULL) {
  reference <- check_choice(reference, "reference")
  min_firms <- check_min_firms(min_firms)
  data <- spread_table(data)
  names <- list(
    region = region, industry = industry, size = size, plant = plant, base = base, area = area,
    sector = sector, time = time
  )
  check_spread(data, names, reference, herfindahl)
  check_flag(pairs, "pairs")
  tables <- each_time(data, time, function(part) {
    sizes <- size_table(part, names, herfindahl)
    found <- concentration_tables(sizes, reference, pairs)
    if (is.null(min_firms)) found else small_places(found, firm_counts(part, names, sizes), sizes$area, min_firms)
  })
  result <- finish_spread(tables, names, reference, match.call())
  if (is.null(min_firms)) result else told_disclosure(result, min_firms)
}

# Firms by region and industry: plants with an id, else rows, of a positive size
firm_counts <- function(data, names, sizes) {
  region <- if (is.null(names$region)) own_codes(nrow(data)) else code_ids(data[[names$region]])
  industry <- if (is.null(names$industry)) one_code(nrow(data)) else code_ids(data[[names$industry]])
  counted <- data[[names$size]] > 0
  if (is.character(names$plant)) {
    counted <- counted & !duplicated(data.frame(code_ids(data[[names$plant]])$code, region$code, industry$code, counted))
  }
  cell_sums(as.numeric(counted), region, industry)
}

# Tables with the number of firms, blank where they are few
small_places <- function(tables, firms, area, min_firms) {
  regions <- rowSums(firms)
  industries <- colSums(firms)
  if (!is.null(tables$quotients)) {
    at <- cbind(match(tables$quotients$region, rownames(firms)), match(tables$quotients$industry, colnames(firms)))
    few <- cells_to_blank(firms[at], list(at[, 1L], at[, 2L]), min_firms)
    tables$quotients <- blank_rows(cbind(tables$quotients, firms = firms[at]), few)
  }
  few_industries <- names(industries)[cells_to_blank(industries, rep(1L, length(industries)), min_firms)]
  few_regions <- names(regions)[cells_to_blank(regions, rep(1L, length(regions)), min_firms)]
  hide <- function(table, columns, few, count) {
    rows <- Reduce(`|`, lapply(columns, function(column) table[[column]] %in% few))
    if (!is.null(table$reason)) {
      table$reason[rows] <- paste("few firms: `min_firms` is", min_firms)
    }
    if (!is.null(count)) {
      table$firms <- unname(count[as.character(table[[columns]])])
    }
    blank_rows(table, rows)
  }
  tables$industries <- hide(tables$industries, "industry", few_industries, industries)
  for (name in intersect(c("regions", "pairs", "region_pairs"), names(tables))) {
    of_regions <- name != "pairs"
    columns <- if (name == "regions") "region" else c(if (of_regions) "region" else "industry", "partner")
    few <- if (of_regions) few_regions else few_industries
    tables[[name]] <- hide(tables[[name]], columns, few, if (name == "regions") regions)
  }
  if (!is.null(tables$theil)) {
    by_area <- rowsum(firms, area)
    at <- cbind(match(tables$theil$area, rownames(by_area)), match(tables$theil$industry, colnames(by_area)))
    few <- cells_to_blank(by_area[at], list(at[, 1L], at[, 2L]), min_firms)
    tables$theil <- blank_rows(cbind(tables$theil, firms = by_area[at]), few)
  }
  tables
}

# The table that indices are computed from: a plain data frame, or the firms of a migration_data
spread_table <- function(data) {
  plain_table(firms_of(data)$table, "data")
}

# Stop unless the columns are there and sizes are sizes
check_spread <- function(data, names, reference, herfindahl) {
  columns <- names[setdiff(names(names), if (isTRUE(names$plant)) "plant")]
  for (arg in names(columns)[lengths(columns) > 0]) {
    check_column(data, columns[[arg]], arg, "data")
    check_key(data[[columns[[arg]]]], paste0("data$", columns[[arg]]))
  }
  if (nrow(data) == 0) abort("`data` has no rows.", class = "data")
  check_sizes(data[[names$size]], names$size)
  if (!is.null(names$base)) check_sizes(data[[names$base]], names$base)
  if (!is.null(names$base) && reference != "nation") {
    abort("`base` is the reference: it goes with reference = \"nation\", not \"", reference, "\".", class = "argument")
  }
  if (!is.null(names$plant) && !is.null(herfindahl)) {
    abort("Give `plant` or `herfindahl`, not both.", class = "argument")
  }
}

# Stop when sizes are not finite numbers of at least 0 with something among them
check_sizes <- function(x, label) {
  if (!is.numeric(x)) {
    abort("`data$", label, "` must be numbers, not ", describe_type(x), ".", class = "size")
  }
  bad <- which(!is.finite(x) | x < 0)
  if (length(bad)) {
    abort("`data$", label, "` must be finite and not negative; ", plural(length(bad), "row"),
      if (length(bad) == 1) " is not: " else " are not: ", quote_rows(bad), ".",
      class = "size"
    )
  }
  if (!any(x > 0)) abort("`data$", label, "` is zero in every row: there is nothing to spread.", class = "size")
}

# Applies `make` (rows -> named list of tables) to each period and stacks the tables, time in front
each_time <- function(data, time, make) {
  if (is.null(time)) {
    return(make(data))
  }
  times <- code_times(data[[time]])
  parts <- lapply(split(seq_len(nrow(data)), times$code), function(rows) make(data[rows, , drop = FALSE]))
  stack_tables(parts, times$values)
}

# Tables of the same name one below the other, with a column `time`
stack_tables <- function(parts, times) {
  tables <- unique(unlist(lapply(parts, names)))
  stacked <- lapply(tables, function(name) {
    do.call(rbind, lapply(seq_along(parts), function(k) {
      table <- parts[[k]][[name]]
      if (is.null(table)) {
        return(NULL)
      }
      cbind(data.frame(time = rep(times[k], nrow(table))), table)
    }))
  })
  stats::setNames(lapply(stacked, function(table) {
    rownames(table) <- NULL
    table
  }), tables)
}

# Sizes by region and industry, with what belongs to each: list(size, region, industry, base, ...)
size_table <- function(data, names, herfindahl) {
  region <- if (is.null(names$region)) own_codes(nrow(data)) else code_ids(data[[names$region]])
  industry <- if (is.null(names$industry)) one_code(nrow(data)) else code_ids(data[[names$industry]])
  size <- as.numeric(data[[names$size]])
  cells <- cell_sums(size, region, industry)
  plants <- plant_sums(data, names, size, region, industry)
  if (!is.null(herfindahl)) {
    plants <- data.frame(plants = NA_integer_, herfindahl = check_herfindahl(herfindahl, industry$levels), z4 = NA_real_)
  }
  list(
    size = cells, region = region$levels, industry = industry$levels, plants = plants, by_industry = !is.null(names$industry),
    base = level_value(data, names$base, region, "region"), area = level_value(data, names$area, region, "region"),
    sector = level_value(data, names$sector, industry, "industry")
  )
}

own_codes <- function(n) list(levels = as.character(seq_len(n)), code = seq_len(n))

one_code <- function(n) list(levels = "all", code = rep(1L, n))

# Sums of x in a matrix of the levels of two codes
cell_sums <- function(x, row, column) {
  n <- c(length(row$levels), length(column$levels))
  if (prod(as.numeric(n)) > .Machine$integer.max) {
    abort("A table of ", plural(n[1], "region"), " by ", plural(n[2], "industry", "industries"), " is too large.",
      class = "data"
    )
  }
  key <- combine_codes(list(row$code, column$code), n)
  matrix(class_sums(cbind(x), key, prod(n)), n[1], n[2], dimnames = list(row$levels, column$levels))
}

# The value of a column for each level of a code; it must not differ within one
level_value <- function(data, column, code, what) {
  if (is.null(column)) {
    return(NULL)
  }
  value <- data[[column]]
  first <- match(seq_along(code$levels), code$code)
  same <- value == value[first][code$code]
  if (!all(same)) {
    broken <- unique(code$levels[code$code[!same]])
    abort("`data$", column, "` must be the same in all rows of a ", what, "; it differs in ", quote_names(broken), ".",
      class = "data"
    )
  }
  if (is.numeric(value)) value[first] else as.character(value[first])
}

# Number, Herfindahl index and sum of fourth powers of the shares of plants, a row per industry; or NULL
plant_sums <- function(data, names, size, region, industry) {
  if (is.null(names$plant)) {
    return(NULL)
  }
  code <- industry$code
  if (!isTRUE(names$plant)) {
    plant <- code_ids(data[[names$plant]])
    key <- combine_codes(list(plant$code, region$code, code), c(length(plant$levels), length(region$levels), length(industry$levels)))
    first <- !duplicated(key)
    size <- as.numeric(rowsum(size, key, reorder = FALSE))
    code <- code[first]
  }
  n <- seq_along(industry$levels)
  sums <- rowsum(cbind(size > 0, size, size^2, size^4), factor(code, n))
  total <- sums[, 2]
  data.frame(plants = as.integer(sums[, 1]), herfindahl = sums[, 3] / total^2, z4 = sums[, 4] / total^4)
}

check_herfindahl <- function(herfindahl, industries) {
  valid <- is.numeric(herfindahl) && (!is.null(names(herfindahl)) || length(industries) == 1)
  if (valid && is.null(names(herfindahl))) names(herfindahl) <- industries
  absent <- if (valid) setdiff(industries, names(herfindahl))
  if (!valid || length(absent)) {
    abort("`herfindahl` must be a numeric vector with a value named by each industry",
      if (length(absent)) paste0("; it lacks ", quote_names(absent)), ".",
      class = "argument"
    )
  }
  value <- herfindahl[industries]
  bad <- !is.finite(value) | value <= 0 | value > 1
  if (any(bad)) {
    abort("`herfindahl` must be above 0 and at most 1; it is not for ", quote_names(industries[bad]), ".", class = "argument")
  }
  unname(as.numeric(value))
}

# ---- the tables ------------------------------------------------------------------------------------------

# All tables of one period
concentration_tables <- function(sizes, reference, pairs) {
  m <- sizes$size
  s <- shares(m)
  nation <- nation_shares(sizes)
  x <- reference_shares(m, nation, if (is.null(sizes$base) && !sizes$by_industry) "uniform" else reference)
  tables <- list(industries = cbind(
    data.frame(industry = sizes$industry, size = unname(colSums(m)), regions = unname(as.integer(colSums(m > 0)))),
    spread_indices(m, s, x)
  ))
  if (!is.null(sizes$area)) {
    tables$theil <- theil_split(s, x, sizes$area, sizes$industry)
    by <- rowsum(as.matrix(tables$theil[c("within", "between")]), factor(tables$theil$industry, sizes$industry))
    tables$industries[c("theil_within", "theil_between")] <- as.data.frame(by, row.names = seq_len(nrow(by)))
  }
  tables$industries <- cbind(tables$industries, agglomeration(s, nation, sizes))
  if (sizes$by_industry) {
    tables <- c(tables, region_tables(sizes, s, x, reference))
    tables$coagglomeration <- coagglomeration(m, nation, sizes)
    if (pairs) tables <- c(tables, pair_tables(s, nation, m))
  }
  tables
}

# Columns as shares of their sums; NA where there is nothing
shares <- function(m) {
  total <- colSums(m)
  total[total == 0] <- NA
  m / rep(total, each = nrow(m))
}

# Shares of the regions in the nation: of `base`, or of all industries
nation_shares <- function(sizes) {
  base <- if (!is.null(sizes$base)) sizes$base else if (sizes$by_industry) rowSums(sizes$size) else rep(1, nrow(sizes$size))
  as.numeric(base) / sum(base)
}

# Reference shares, a column for each column of m
reference_shares <- function(m, nation, reference) {
  x <- switch(reference,
    nation = matrix(nation, nrow(m), ncol(m)),
    uniform = matrix(1 / nrow(m), nrow(m), ncol(m)),
    rest = shares(rowSums(m) - m)
  )
  dimnames(x) <- dimnames(m)
  x
}

# The indices that need only shares, a row per column of m
spread_indices <- function(m, s, x) {
  n <- nrow(m)
  krugman <- colSums(abs(s - x))
  hhi <- colSums(s^2)
  uniform <- rep(1 / n, n)
  data.frame(
    hoover = krugman / 2, krugman = krugman,
    gini = vapply(seq_len(ncol(s)), function(j) lorenz_gini(s[, j], uniform), 0),
    locational_gini = vapply(seq_len(ncol(s)), function(j) lorenz_gini(s[, j], x[, j]), 0),
    hhi = hhi, hhi_normalised = if (n > 1) (hhi - 1 / n) / (1 - 1 / n) else NA_real_,
    theil = colSums(entropy_terms(s, x)), mld = colSums(entropy_terms(x, s)),
    row.names = NULL
  )
}

# a log(a / b), 0 where a is 0
entropy_terms <- function(a, b) {
  terms <- a * log(a / b)
  terms[which(a == 0)] <- 0
  terms
}

# Gini coefficient of shares s over shares x: 1 - sum x_r (S_r + S_(r-1)) in the order of s/x
lorenz_gini <- function(s, x) {
  if (anyNA(s) || anyNA(x)) {
    return(NA_real_)
  }
  used <- s > 0 | x > 0
  s <- s[used]
  x <- x[used]
  by <- order(s / x)
  upper <- cumsum(s[by])
  1 - sum(x[by] * (2 * upper - s[by]))
}

# Within and between areas, a row per industry and area
theil_split <- function(s, x, area, industries) {
  areas <- unique(area)
  g <- factor(area, areas)
  share <- rowsum(s, g)
  against <- rowsum(x, g)
  inner_s <- s / share[g, , drop = FALSE]
  inner_x <- x / against[g, , drop = FALSE]
  theil <- rowsum(entropy_terms(inner_s, inner_x), g)
  mld <- rowsum(entropy_terms(inner_x, inner_s), g)
  empty <- which(share == 0)
  theil[empty] <- mld[empty] <- NA
  times <- function(weight, value) as.vector(ifelse(is.na(value) & !is.na(weight), 0, weight * value))
  data.frame(
    industry = rep(industries, each = length(areas)), area = rep(areas, ncol(s)), share = as.vector(share),
    reference = as.vector(against), theil = as.vector(theil), within = times(share, theil),
    between = as.vector(entropy_terms(share, against)), mld = as.vector(mld), mld_within = times(against, mld),
    mld_between = as.vector(entropy_terms(against, share))
  )
}

# Ellison-Glaeser, its standard error, Maurel-Sedillot; a row per industry
agglomeration <- function(s, nation, sizes) {
  x2 <- sum(nation^2)
  x3 <- sum(nation^3)
  g <- unname(colSums((s - nation)^2))
  plants <- sizes$plants
  if (is.null(plants)) plants <- data.frame(plants = NA_integer_, herfindahl = rep(NA_real_, length(g)), z4 = NA_real_)
  h <- plants$herfindahl
  room <- ifelse(h < 1, 1 - h, NA)
  spread <- if (nrow(s) > 1 && x2 < 1) 1 - x2 else NA
  variance <- 2 * (h^2 * (x2 - 2 * x3 + x2^2) - plants$z4 * (x2 - 4 * x3 + 3 * x2^2))
  gamma <- (g / spread - h) / room
  error <- sqrt(pmax(variance, 0)) / (spread * room)
  z <- gamma / ifelse(error > 0, error, NA)
  data.frame(
    plants = plants$plants, herfindahl = h, g = g, ellison_glaeser = gamma, std.error = error, statistic = z,
    p.value = 2 * stats::pnorm(-abs(z)), maurel_sedillot = ((unname(colSums(s^2)) - x2) / spread - h) / room,
    reason = agglomeration_reason(s, spread, h, sizes$plants)
  )
}

# Why the indices of plants are missing, NA where they are not
agglomeration_reason <- function(s, spread, h, plants) {
  reason <- rep(NA_character_, ncol(s))
  if (is.null(plants)) reason[] <- "no `plant` and no `herfindahl`: no Ellison-Glaeser index"
  reason[which(h >= 1)] <- "one plant: Ellison-Glaeser is undefined"
  if (is.na(spread)) reason[] <- "all of the reference is in one region"
  reason[is.na(s[1, ])] <- "the industry has no size"
  reason
}

# Quotients and indices of regions
region_tables <- function(sizes, s, x, reference) {
  m <- sizes$size
  across <- t(m)
  nation <- rowSums(across) / sum(across)
  list(
    regions = cbind(
      data.frame(region = sizes$region, size = unname(rowSums(m)), industries = unname(as.integer(rowSums(m > 0)))),
      spread_indices(across, shares(across), reference_shares(across, nation, reference))
    ),
    quotients = data.frame(
      region = rep(sizes$region, ncol(m)), industry = rep(sizes$industry, each = nrow(m)), size = as.vector(m),
      share = as.vector(s), reference = as.vector(x), lq = as.vector(ifelse(x > 0, s / x, NA))
    )
  )
}

# Co-agglomeration of the industries of each sector; NULL when all industries are the reference itself
coagglomeration <- function(m, nation, sizes) {
  if (is.null(sizes$sector) && is.null(sizes$base)) {
    return(NULL)
  }
  sector <- if (is.null(sizes$sector)) rep("all", ncol(m)) else as.character(sizes$sector)
  g <- factor(sector, unique(sector))
  total <- colSums(m)
  sums <- t(rowsum(t(m), g))
  weight <- total / unname(colSums(sums))[g]
  own <- colSums((shares(m) - nation)^2)
  own[total == 0] <- 0
  weight[is.na(weight)] <- 0
  w2 <- as.vector(rowsum(weight^2, g))
  joint <- unname(colSums((shares(sums) - nation)^2)) - as.vector(rowsum(weight^2 * own, g))
  alone <- as.vector(rowsum(as.integer(total > 0), g)) < 2
  data.frame(
    sector = levels(g), industries = as.vector(table(g)), size = unname(colSums(sums)),
    gamma = ifelse(alone, NA, joint / ((1 - sum(nation^2)) * (1 - w2))),
    reason = ifelse(alone, "fewer than two industries with a size", NA)
  )
}

# Pairs of industries and pairs of regions
pair_tables <- function(s, nation, m) {
  joint <- crossprod(s - nation) / (1 - sum(nation^2))
  industries <- index_pairs(colnames(s), "industry")
  own <- shares(t(m))
  regions <- index_pairs(rownames(m), "region")
  list(
    pairs = cbind(industries$names, gamma = joint[industries$at], krugman = pair_krugman(s, industries$at)),
    region_pairs = cbind(regions$names, krugman = pair_krugman(own, regions$at))
  )
}

# Pairs first < second of names: list(names = data frame, at = two-column index)
index_pairs <- function(names, what) {
  n <- length(names)
  first <- rep(seq_len(n), rev(seq_len(n)) - 1L)
  second <- sequence(rev(seq_len(n)) - 1L, seq_len(n) + 1L)
  named <- data.frame(names[first], names[second])
  colnames(named) <- c(what, "partner")
  list(names = named, at = cbind(first, second))
}

# sum |s_i - s_j| for pairs of columns
pair_krugman <- function(s, at) {
  vapply(seq_len(nrow(at)), function(k) sum(abs(s[, at[k, 1]] - s[, at[k, 2]])), 0)
}

# ---- the object ------------------------------------------------------------------------------------------

finish_spread <- function(tables, names, reference, call) {
  industries <- tables$industries
  residual <- 0
  if (!is.null(tables$theil)) {
    left <- industries$theil - industries$theil_within - industries$theil_between
    residual <- max(0, abs(left[is.finite(left)]))
  }
  compared <- if (!is.null(names$base)) {
    paste0("the shares of regions in `", names$base, "`")
  } else if (is.null(names$industry) || reference == "uniform") {
    "the same share for each"
  } else {
    c(nation = "all industries (regions) together", rest = "all other industries (regions) together")[[reference]]
  }
  structure(
    c(tables, list(
      method = reference, reference = paste0("Shares are compared with ", compared, "."),
      residual = residual, call = call
    )),
    class = c("concentration", "decomposition")
  )
}

#' @export
print.concentration <- function(x, digits = 4, n = 10, ...) {
  cat("Concentration and specialisation\n", x$reference, "\n", sep = "")
  shown <- c("time", "industry", "size", "locational_gini", "krugman", "hhi", "theil", "ellison_glaeser", "std.error")
  print_index_table(x$industries, shown, digits, n, "Industries")
  print_index_table(x$regions, c("time", "region", "size", "locational_gini", "krugman", "hhi", "theil"), digits, n, "Regions")
  print_index_table(x$theil, c("time", "industry", "area", "share", "reference", "within", "between"), digits, n, "Theil by area")
  print_index_table(x$coagglomeration, c("time", "sector", "industries", "gamma"), digits, n, "Co-agglomeration")
  reasons <- unique(stats::na.omit(x$industries$reason))
  if (length(reasons)) cat("\nNA because: ", paste(reasons, collapse = "; "), ".\n", sep = "")
  invisible(x)
}

# Prints the first rows of some columns of a table, and how many there are
print_index_table <- function(table, columns, digits, n, title) {
  if (is.null(table)) {
    return(invisible())
  }
  table <- table[intersect(columns, names(table))]
  empty <- vapply(table, function(column) all(is.na(column)), NA)
  more <- nrow(table) - n
  cat("\n", title, if (more > 0) paste0(" (the first ", n, " of ", format_count(nrow(table)), ")"), ":\n", sep = "")
  print(utils::head(table[!empty], n), digits = digits, row.names = FALSE)
}
