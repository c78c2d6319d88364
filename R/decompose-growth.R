# Shift-share: the growth of a region split into what the nation, its industries and the region itself did.
# This file has the user's function and the sums over regions, industries and times; the identities are in
# decompose-growth-methods.R, the split by what firms did in decompose-growth-firms.R.

#' @title Shift-share decomposition, with firms that move
#' @description
#' Splits the change of a region's size (jobs, sales, value added) into the part that growth at the national rate
#' explains, the part of its mix of industries, and a regional part. Seven methods. When rows are firms, the
#' regional part is split once more into stayers, births, deaths, immigration and emigration.
#'
#' @details
#' For region r and industry i let \eqn{e_0, e_1} be size at the start and at the end, \eqn{E_{i0}, E_{i1}} that of
#' the reference, \eqn{G_i} and \eqn{G} the reference growth rates of the industry and of all industries, \eqn{g} the
#' growth rate of the cell, \eqn{g_r} that of the region, and \eqn{h = e_{r0} E_{i0}/E_0} the size the industry would
#' have if the region had the mix of the reference. The change of each cell is the sum of
#' \describe{
#' \item{`dunn`}{`national` \eqn{e_0 G}, `industry_mix` \eqn{e_0(G_i-G)}, `regional` \eqn{e_1-e_0(1+G_i)}.}
#' \item{`dynamic`}{the same for each pair of consecutive times, summed. The total is that of `dunn`, the parts are
#'   not.}
#' \item{`esteban_marquillas`}{`national`, `industry_mix`, `competitive` \eqn{h(g-G_i)}, `allocation`
#'   \eqn{(e_0-h)(g-G_i)}.}
#' \item{`arcelus`}{eight terms: `national` \eqn{G}, `industry_mix` \eqn{G_i-G}, `regional_growth` \eqn{g_r-G} and
#'   `interaction` \eqn{(g-g_r)-(G_i-G)}, each times \eqn{h} (`_expected`) and \eqn{e_0-h} (`_differential`). The
#'   differential terms of `national` and `regional_growth` sum to zero over industries: they mean something by
#'   industry only.}
#' \item{`spatial`}{`national`, `neighbour_mix` \eqn{e_0(\gamma-G)}, `regional` \eqn{e_1-e_0(1+\gamma)} with the rate
#'   of the neighbours \eqn{\gamma=\sum_s w_{rs}e_{is1}/\sum_s w_{rs}e_{is0}-1}: weights act on sizes, not on rates.}
#' \item{`multifactor`}{`national`, `industry_mix`, `region` \eqn{h(g-G_i)}, `allocation` \eqn{(e_0-h)(g-G_i)}; the
#'   table `rates` divides by \eqn{e_{r0}}, so that region + mix + allocation = \eqn{g_r-G}; the table `cells` has
#'   \eqn{g = G + (G_i-G) + \mathrm{region}_r + \mathrm{interaction}}.}
#' \item{`gerfin`}{indices: `mix` \eqn{(\sum_i e_0E_{i1}/E_{i0}/e_{r0})/(E_1/E_0)} times `region`
#'   \eqn{e_{r1}/\sum_i e_0E_{i1}/E_{i0}} is `total` \eqn{(e_{r1}/e_{r0})/(E_1/E_0)}.}
#' }
#' The regional term is never written with a division by \eqn{e_0}, so an industry that is new to a region is no
#' problem in `dunn`, `dynamic` and `spatial`. The methods that need \eqn{g} give such a cell the reference rate and
#' book all it gained in a component of its own, `no_base`.
#'
#' With `firm`, the regional term of a cell with reference rate \eqn{G_i} is
#' \deqn{\sum_{stayers}[e_1-(1+G_i)e_0] + \sum_{births}e_1 + \sum_{immigrants}e_1
#'   - (1+G_i)\Big[\sum_{deaths}e_0+\sum_{emigrants}e_0\Big].}
#' A firm that changes industry within its region is `switch_in` and `switch_out`; a firm that is absent and comes
#' back is `gap_in` and `gap_out`, neither born nor dead. A firm is one row a time: to follow the plants of a firm,
#' give plant ids.
#'
#' What the numbers do not say: a regional term is what is left after two reference rates, not a cause; it depends
#' on the reference, on how fine the industries are, and on the two dates.
#'
#' @param data A data frame with a row for each region, industry and time (rows of the same cell are added up; a
#'   cell without a row is 0), or for each firm and time. A [migration_data()] serves too: then `region`, `time` and
#'   `firm` may be left out, the region of a row is the place where the firm ends the period, and firms that closed
#'   are left out.
#' @param region,industry,time,size Names of columns of `data`. `size` is not negative and in any unit.
#' @param method One of the seven methods.
#' @param reference What regions are compared with: `"regions"`, the sum of all regions of `data`; `"rest"`, the sum
#'   of the other regions; the name of one region of `data`, which is then taken out of the regions (a row for the
#'   nation); or a data frame with columns named as `industry`, `time` and `size`.
#' @param neighbours For `spatial`: a matrix of weights with regions in rows and columns (in the order of first
#'   appearance unless it has names) and a zero diagonal, a data frame with columns region, neighbour, weight, or a
#'   `listw` of spdep.
#' @param firm Name of the column of firm ids, to split the regional term by what firms did.
#' @param forecast For `gerfin`: a data frame with columns named as `industry` and `size`, the reference at a later
#'   time. Adds a table `forecast`, \eqn{e_{1}F_i/E_{i1}} times the `region` index.
#' @param min_firms `NULL`, or the smallest number of firms that may be shown: with `firm`, components and flows of
#'   fewer are
#'   blank, and so is the next smallest where one alone could be had from the regional term.
#' @return An object of class `decompose_growth` and `decomposition`: a list of data frames
#' * `regions`: region, start, end, component, estimate, percent (of the change): sums over industries;
#' * `components`: the same by industry;
#' * `totals`: region, industry, start, end, size_start, size_end, change;
#' * `steps` (`dynamic`): `regions` for each pair of consecutive times;
#' * `regional` (with `firm`): the regional term by region, industry and component; `flows`: its immigration and
#'   emigration by partner region; pairs without a move have no row;
#' * `rates` and `cells` (`multifactor`), `index` and `forecast` (`gerfin`, instead of `regions` and `components`);
#'
#' and `residual` (region, start, end, residual: what the components leave of the change; for `gerfin`, what the
#' product leaves of the total index), `notes` (note: reasons of `NA`), `method`, `reference` (text) and `call`.
#' @section Errors: Sizes that are missing or negative, fewer than two times, a firm with two rows at one time, an
#'   unknown region in `neighbours`, a diagonal of `neighbours` that is not zero. An industry that the reference lacks
#'   at the start, though a region has it, and a region without neighbours give `NA` with a note.
#' @references
#' Dunn, E. S. (1960) A statistical and analytical technique for regional analysis. *Papers in Regional Science*
#' 6, 97-112, \doi{10.1111/j.1435-5597.1960.tb01705.x}.
#'
#' Esteban-Marquillas, J. M. (1972) A reinterpretation of shift-share analysis. *Regional and Urban Economics* 2,
#' 249-255, \doi{10.1016/0034-3331(72)90033-4}.
#'
#' Arcelus, F. J. (1984) An extension of shift-share analysis. *Growth and Change* 15, 3-8,
#' \doi{10.1111/j.1468-2257.1984.tb00719.x}.
#'
#' Barff, R. A. and Knight, P. L. (1988) Dynamic shift-share analysis. *Growth and Change* 19, 1-10,
#' \doi{10.1111/j.1468-2257.1988.tb00465.x}.
#'
#' Nazara, S. and Hewings, G. J. D. (2004) Spatial structure and taxonomy of decomposition in shift-share analysis.
#' *Growth and Change* 35, 476-490, \doi{10.1111/j.1468-2257.2004.00258.x}.
#'
#' Ray, D. M., Lamarche, R. H. and Beaudin, M. (2012) Economic growth and restructuring in Canada's heartland and
#' hinterland: from shift-share to multifactor partitioning. *The Canadian Geographer* 56, 296-317,
#' \doi{10.1111/j.1541-0064.2012.00435.x}.
#' @seealso [decompose_share()] for market shares, [decompose_cluster()] for what moves do to means and sizes,
#'   [concentration()], [print.decomposition()].
#' @examples
#' jobs <- data.frame(
#'   town = rep(c("Wenzhou", "Guzhen"), each = 4),
#'   industry = rep(c("lamps", "shoes"), 4),
#'   year = rep(c(1997, 1997, 2003, 2003), 2),
#'   jobs = c(500, 800, 350, 1100, 300, 100, 700, 90)
#' )
#' decompose_growth(jobs, "town", "industry", "year", "jobs")
#' decompose_growth(jobs, "town", "industry", "year", "jobs", method = "arcelus")$components
#'
#' firms <- data.frame(
#'   id = c(1, 2, 3, 4, 1, 2, 3, 5), year = rep(c(1997, 2003), each = 4),
#'   town = c("Wenzhou", "Wenzhou", "Guzhen", "Wenzhou", "Guzhen", "Wenzhou", "Guzhen", "Guzhen"),
#'   industry = "lamps", jobs = c(40, 60, 30, 10, 55, 70, 45, 20)
#' )
#' decompose_growth(firms, "town", "industry", "year", "jobs", firm = "id")$regional
#' @export
decompose_growth <- function(data, region, industry, time, size,
                             method = c(
                               "dunn", "esteban_marquillas", "arcelus", "dynamic", "spatial",
                               "multifactor", "gerfin"
                             ),
                             reference = "regions", neighbours = NULL, firm = NULL, forecast = NULL, min_firms = NULL) {
  call <- match.call()
  method <- check_choice(method, "method")
  check_growth_arguments(method, neighbours, firm, forecast)
  data <- read_firms(data, c(if (!missing(region)) region, if (!missing(time)) time, industry, size, firm))
  source <- firms_of(data)
  known <- source$columns
  if (missing(region)) region <- needed_column(known$cluster, "region", source)
  if (missing(time)) time <- needed_column(known$time, "time", source)
  if (is.null(firm) && method != "gerfin") firm <- known$firm
  data <- if (length(known) > 0L) open_firms(source$table, region) else data
  panel <- growth_panel(data, region, industry, time, size, firm)
  panel <- growth_reference(panel, reference, c(industry = industry, time = time, size = size))
  warn_total(panel)
  if (method == "spatial") panel$weights <- growth_weights(neighbours, panel$region)
  result <- if (method == "gerfin") gerfin(panel, forecast, industry, size) else shift_share(panel, method)
  result <- disclose(c(result, list(method = method, reference = panel$reference_text, call = call)), min_firms, list(
    regional = list(by = c("region", "industry"), cell = "component"),
    flows = list(by = c("region", "industry", "component"), cell = "partner")
  ))
  structure(result, class = c("decompose_growth", "decomposition"))
}

check_growth_arguments <- function(method, neighbours, firm, forecast) {
  if (method == "spatial" && is.null(neighbours)) {
    abort("`neighbours` is missing: the method \"spatial\" needs the weights of each region's neighbours.",
      class = "argument"
    )
  }
  if (method != "spatial" && !is.null(neighbours)) {
    abort("`neighbours` belongs to the method \"spatial\", not to \"", method, "\".", class = "argument")
  }
  if (method != "gerfin" && !is.null(forecast)) {
    abort("`forecast` belongs to the method \"gerfin\", not to \"", method, "\".", class = "argument")
  }
  if (method == "gerfin" && !is.null(firm)) {
    abort("`firm` splits a regional term; the method \"gerfin\" has an index instead. Take another method.",
      class = "argument"
    )
  }
}

# Firms of a migration_data that are open at the end of their period
open_firms <- function(firms, region) {
  firms[!is.na(firms[[region]]), , drop = FALSE]
}

# Sizes as an array region x industry x time and, when rows are firms, the rows in codes
growth_panel <- function(data, region, industry, time, size, firm) {
  data <- plain_table(data, "data")
  for (key in list(c(region, "region"), c(industry, "industry"), c(time, "time"), c(firm, "firm"))) {
    if (length(key) == 1) next
    check_column(data, key[1], key[2], "data")
    check_key(data[[key[1]]], paste0("data$", key[1]))
  }
  value <- check_size(data, size)
  place <- code_ids(data[[region]])
  sector <- code_ids(data[[industry]])
  when <- code_times(data[[time]])
  if (length(when$values) < 2) {
    abort("`data$", time, "` has ", plural(length(when$values), "time"),
      ": growth needs at least two.",
      class = "time"
    )
  }
  dims <- c(length(place$levels), length(sector$levels), length(when$values))
  panel <- list(
    region = place$levels, industry = sector$levels, time = when$values,
    size = sum_cells(value, list(place$code, sector$code, when$code), dims)
  )
  if (!is.null(firm)) {
    panel$firms <- list(
      firm = code_ids(data[[firm]])$code, region = place$code, industry = sector$code, time = when$code,
      size = value
    )
    check_unique(
      combine_codes(panel$firms[c("firm", "time")], c(max(panel$firms$firm, 0), dims[3])),
      function(rows) paste(data[[firm]][rows], data[[time]][rows]), "data", "a firm and time",
      "Give each firm one row a time, or the ids of plants."
    )
  }
  panel
}

# A column of sizes: numbers, none missing, none negative
check_size <- function(data, size, arg = "size", table_arg = "data") {
  check_column(data, size, arg, table_arg)
  value <- data[[size]]
  label <- paste0("`", table_arg, "$", size, "`")
  if (!is.numeric(value)) {
    abort(label, " must be numbers, not ", describe_type(value), ".", class = "type")
  }
  value <- as.numeric(value)
  bad <- which(!is.finite(value))
  if (length(bad)) {
    abort(label, " is missing or infinite in ", plural(length(bad), "row"), ": ", quote_rows(bad),
      ". A suppressed cell is not 0: estimate it, or merge it with another.",
      class = "size"
    )
  }
  bad <- which(value < 0)
  if (length(bad)) {
    abort(label, " is negative in ", plural(length(bad), "row"), ": ", quote_rows(bad),
      ". Sizes must be 0 or more.",
      class = "size"
    )
  }
  value
}

# Sums of `value` over the cells of an array
sum_cells <- function(value, codes, dims) {
  sums <- numeric(prod(dims))
  if (length(value)) {
    cell <- combine_codes(codes, dims)
    sums[unique(cell)] <- rowsum(value, cell, reorder = FALSE)
  }
  array(sums, dims)
}

# Adds the reference sizes, region x industry x time, and the words for them
growth_reference <- function(panel, reference, columns) {
  if (is.data.frame(reference)) {
    return(reference_table(panel, reference, columns))
  }
  if (!is.character(reference) || length(reference) != 1 || is.na(reference)) {
    abort("`reference` must be \"regions\", \"rest\", the name of a region or a data frame, not ",
      describe_type(reference), ".",
      class = "argument"
    )
  }
  if (reference %in% panel$region) {
    return(reference_region(panel, reference))
  }
  total <- colSums(panel$size)
  n <- length(panel$region)
  all <- aperm(array(total, c(dim(total), n)), c(3, 1, 2))
  if (reference == "regions") {
    return(c(panel, list(national = all, reference_text = "reference: all regions together")))
  }
  if (reference != "rest") {
    abort("`reference` is `", reference, "`, which is neither \"regions\", \"rest\" nor a region of `data`.",
      did_you_mean(reference, c("regions", "rest", panel$region)),
      class = "argument"
    )
  }
  if (n < 2) abort("`reference = \"rest\"` needs at least two regions.", class = "argument")
  c(panel, list(national = all - panel$size, reference_text = "reference: the rest, all other regions together"))
}

# One region is the reference: it is taken out of the others; its firms stay, as partners of moves
reference_region <- function(panel, reference) {
  own <- match(reference, panel$region)
  if (!is.null(panel$firms)) {
    panel$firms$region <- match(panel$firms$region, c(seq_along(panel$region)[-own], own))
    panel$outside <- reference
  }
  nation <- panel$size[own, , , drop = FALSE]
  panel$size <- panel$size[-own, , , drop = FALSE]
  panel$region <- panel$region[-own]
  if (!length(panel$region)) abort("`data` has no region but the reference `", reference, "`.", class = "argument")
  panel$national <- nation[rep(1L, length(panel$region)), , , drop = FALSE]
  panel$reference_text <- paste0("reference: `", reference, "`")
  panel
}

# The reference is a table of its own; it may have industries that no region has
reference_table <- function(panel, reference, columns) {
  reference <- plain_table(reference, "reference")
  for (key in c("industry", "time")) check_column(reference, columns[[key]], key, "reference")
  value <- check_size(reference, columns[["size"]], "size", "reference")
  sector <- code_ids(reference[[columns[["industry"]]]])
  lacking <- setdiff(panel$industry, sector$levels)
  if (length(lacking)) {
    abort("`reference` lacks ", plural(length(lacking), "industry", "industries"), " of `data`: ",
      quote_names(lacking), ".",
      class = "reference"
    )
  }
  industry <- c(panel$industry, setdiff(sector$levels, panel$industry))
  when <- code_among(reference[[columns[["time"]]]], id_text(panel$time))
  lacking <- setdiff(seq_along(panel$time), when)
  if (length(lacking)) {
    abort("`reference` lacks ", plural(length(lacking), "time"), " of `data`: ",
      quote_names(panel$time[lacking]), ".",
      class = "reference"
    )
  }
  kept <- !is.na(when)
  dims <- c(length(industry), length(panel$time))
  codes <- list(match(sector$levels, industry)[sector$code][kept], when[kept])
  nation <- array(sum_cells(value[kept], codes, dims), c(1, dims))
  wider <- array(0, c(length(panel$region), dims))
  wider[, seq_along(panel$industry), ] <- panel$size
  panel$industry <- industry
  panel$size <- wider
  panel$national <- nation[rep(1L, length(panel$region)), , , drop = FALSE]
  panel$reference_text <- "reference: the table given as `reference`"
  panel
}

# Warn when one region or industry is the sum of the others: a row of totals among the rows
warn_total <- function(panel) {
  for (margin in 1:2) {
    others <- setdiff(1:3, margin)
    size <- matrix(aperm(panel$size, c(margin, others)), dim(panel$size)[margin])
    if (nrow(size) < 3) next
    total <- colSums(size)
    gap <- abs(2 * size - rep(total, each = nrow(size)))
    found <- which(rowSums(gap > 1e-9 * rep(total, each = nrow(size))) == 0 & rowSums(size) > 0)
    if (length(found)) {
      warn("The ", c("region", "industry")[margin], " ",
        quote_names(list(panel$region, panel$industry)[[margin]][found]),
        " is the sum of the others in every cell. If it is a row of totals, ",
        if (margin == 1) "give it as `reference`." else "drop it.",
        class = "totals"
      )
    }
  }
}

# Spatial weights as a matrix in the order of `regions`
growth_weights <- function(weights, regions) {
  if (inherits(weights, "listw")) weights <- weights_of_list(weights)
  if (is.data.frame(weights)) {
    return(weights_from_table(plain_table(weights, "neighbours"), regions))
  }
  weights <- as.matrix(weights)
  n <- length(regions)
  if (!is.numeric(weights) || any(dim(weights) != n)) {
    abort("`neighbours` must be a matrix of numbers with a row and a column for each of the ",
      plural(n, "region"), ", not ", nrow(weights), " x ", ncol(weights), ".",
      class = "weights"
    )
  }
  names <- rownames(weights)
  if (is.null(names)) names <- colnames(weights)
  if (!is.null(names)) {
    lacking <- setdiff(regions, names)
    if (length(lacking)) {
      abort("`neighbours` has no row for ", plural(length(lacking), "region"), ": ", quote_names(lacking), ".",
        class = "weights"
      )
    }
    weights <- weights[match(regions, names), match(regions, names), drop = FALSE]
  }
  check_spatial_weights(unname(weights), regions)
}

# Weights of spdep: lists of neighbours and of weights; 0 stands for no neighbour
weights_of_list <- function(weights) {
  ids <- attr(weights$neighbours, "region.id")
  at <- rep(seq_along(weights$neighbours), lengths(weights$neighbours))
  to <- unlist(weights$neighbours)
  present <- to > 0
  matrix <- matrix(0, length(ids), length(ids), dimnames = list(ids, ids))
  matrix[cbind(at, to)[present, , drop = FALSE]] <- unlist(weights$weights)
  matrix
}

weights_from_table <- function(table, regions) {
  if (ncol(table) != 3 || !is.numeric(table[[3]])) {
    abort("`neighbours` as a data frame must have three columns: region, neighbour and weight.", class = "weights")
  }
  ids <- lapply(table[1:2], code_among, levels = regions)
  unknown <- is.na(ids[[1]]) | is.na(ids[[2]])
  if (any(unknown)) {
    abort("`neighbours` names regions that `data` lacks in ", plural(sum(unknown), "row"), ": ",
      quote_rows(which(unknown)), ".",
      class = "weights"
    )
  }
  matrix <- sum_cells(as.numeric(table[[3]]), ids, rep(length(regions), 2))
  check_spatial_weights(matrix, regions)
}

check_spatial_weights <- function(weights, regions) {
  if (any(!is.finite(weights)) || any(weights < 0)) {
    abort("`neighbours` must be finite and not negative.", class = "weights")
  }
  own <- which(diag(weights) != 0)
  if (length(own)) {
    abort("`neighbours` makes ", quote_names(regions[own]), if (length(own) == 1) {
      " its own neighbour"
    } else {
      " their own neighbours"
    }, ": set the diagonal to 0.", class = "weights")
  }
  weights
}

#' @rdname print.decomposition
#' @export
print.decompose_growth <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  print_reference(x)
  span <- as.character(unlist(lapply(x$totals[1, c("start", "end")], as.character)))
  cat("  from ", span[1], " to ", span[2], "\n", sep = "")
  if (!is.null(x$index)) {
    cat("\nindices: mix x region = total\n")
    print(utils::head(component_lines(x$index, "region"), n), digits = digits, row.names = FALSE)
  } else {
    ends <- rowsum(x$totals[c("size_start", "size_end")], x$totals$region, reorder = FALSE)
    print_component_lines(x$regions, "region", data.frame(rownames(ends), ends), "start + components = end:", digits, n)
  }
  if (!is.null(x$regional)) print_regional(x, digits, n)
  print_residual(x)
  invisible(x)
}

# The regional term by what firms did, summed over industries
print_regional <- function(x, digits, n) {
  cat("\nregional term, by what firms did:\n")
  lines <- component_lines(
    stats::aggregate(estimate ~ component + region, x$regional, sum, na.action = stats::na.pass),
    "region"
  )
  order <- c("region", intersect(firm_components, names(lines)))
  lines <- lines[match(unique(x$regional$region), lines$region), order]
  lines$sum <- rowSums(lines[-1])
  print(utils::head(lines, n), digits = digits, row.names = FALSE)
}
