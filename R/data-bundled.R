# The bundled tables of inst/extdata: the simulated panel and interviews, and the public
# figures they are set to resemble. tools/dataset.R writes the simulated files.

#' Lamp makers of Wenzhou and Guzhen, 1992-2008 (SIMULATED)
#'
#' A panel of lamp makers in 17 places of China, made for models of their moves
#' ([fit_migration()]) and for accounts of what the moves do to the clusters. **It is simulated**:
#' [simulate_migration()] drew it from the parameters in its attribute `truth`. The micro-data of the field study (Zhu
#' and others 2009) are not public; results on these data illustrate its claims and are no evidence for them.
#'
#' @section Facts:
#' * The 17 places, their provinces and dialect groups; `longitude` and `latitude`,
#'   typed by hand to about 5 km (approximate); the great-circle `distance` from them.
#' * What the draw was set to resemble, see [cluster_facts()]: about 1,000 makers in
#'   Wenzhou in 1996-97; leaving that bunches in 1997 and 1999-2003; six in
#'   ten leavers going to Guzhen; about half of them in groups; capital log-normal
#'   with median 3.5 million yuan.
#'
#' @section Invented:
#' Every firm, link, kin group and move, every attribute of a place in every year
#' (land prices too: no public series was found), and all parameters. Wages have no
#' effect on anything. The seed is the smallest with which the draw resembles the
#' figures above, each true value lies within two standard errors of its estimate,
#' and the weak terms, push of land price and of space, are not significant.
#'
#' @section Tables:
#' `firms`, a row per firm and year:
#' * `firm`, `year`, `from` and `to` (place at the start and at the end of the
#'   year; `to` is `NA` in the year a firm closes), `founded`, `age` (years);
#' * fixed: `native` (home place of the family), `kin` (kin group), `segment`
#'   (kind of lamp), `exporter` (0/1); a new firm has those of the firm it comes out of;
#' * at the start of the year: `size` (jobs), `capital` (registered, 1,000 yuan),
#'   `tfp` (log productivity);
#' * in the year, at `to`: `productivity` (log), `jobs`, `output` (value added,
#'   1,000 yuan), `patents` (number); `NA` if the firm closed. These are the
#'   columns to decompose; `tfp` and `size` are those to explain moves with.
#'
#' `places`, a row per place and year: `place`, `year`, `province`, `dialect`,
#' `longitude`, `latitude`; `land_price` (10,000 yuan per mu of industrial land);
#' indices from 0, bad, to 10, good: `space` (room to build), `technology` (access
#' to core technology), `environment` (business environment), `governance` (of
#' the cluster), `creativity` (of the cluster); `wage` (1,000 yuan a year); `makers`
#' (lamp makers at the start of the year: a background number plus the firms of the
#' panel); `birth_rate` (new firms per firm and year).
#'
#' `ties`, a row per ordered pair of different places: `from`, `to`, `distance`
#' (km), `same_province`, `same_dialect` (0/1). `network`: `firm`, `peer`, `weight`.
#'
#' @param years years to keep, e.g. `1997:2003`; `NULL` keeps all.
#' @return A [migration_data()]; attribute `truth` has the true formula and
#'   parameters and prints, attribute `note` says that the data are simulated.
#'   A year outside 1992-2008 is an error.
#' @seealso [wenzhou_interviews()], [cluster_facts()]
#' @source Simulated by `tools/dataset.R` of the sources of the package. The study: Zhu, H.,
#'   Wang, J., Li, P. and Li, W. (2009), Firm migration of clusters in east coastal areas of
#'   China, *Progress in Geography* 28(3), 329-336,
#'   \doi{10.11820/dlkxjz.2009.03.002}.
#' @examples
#' lamps <- wenzhou_guzhen()
#' lamps
#' attr(lamps, "truth")
#' @export
wenzhou_guzhen <- function(years = NULL) {
  firms <- read_extdata("firms")
  places <- read_extdata("places")
  if (!is.null(years)) {
    check_years(years, unique(places$year))
    firms <- keep_years(firms, years)
    places <- keep_years(places, years)
  }
  data <- migration_data(firms, places,
    ties = read_extdata("ties"),
    network = read_extdata("network"), time = "year"
  )
  attr(data, "truth") <- read_truth()
  attr(data, "note") <- paste(
    "SIMULATED: no firm in it exists. Places and distances are real, all else is invented",
    "(?wenzhou_guzhen). The true parameters are attr(, \"truth\")."
  )
  data
}

#' Interviews with 85 firms that left Wenzhou (SIMULATED)
#'
#' Why firms left: each of 85 firms of [wenzhou_guzhen()] that left Wenzhou by 2003
#' ranks what pushed it out. **The answers are simulated.** Only the numbers of
#' first ranks are those of a survey of 85 firms that left Yueqing (Wenzhou): own
#' development 21, land 21, soft environment 43. How each of the three is split over two
#' factors, and all lower ranks, are invented: draws from a Plackett-Luce model
#' \deqn{P(f_1, f_2, \ldots) = \prod_r \frac{w_{f_r}}{\sum_{s \ge r} w_{f_s}}}{P(f1, f2, ...) = prod_r w[f_r] / sum_(s
#'   >= r) w[f_s]}
#' with worths \eqn{w} in attribute `truth`, given the first ranks.
#'
#' @return A data frame of 510 rows, six factors for each of 85 firms: `firm` (id in
#'   [wenzhou_guzhen()]), `year` and `to` (of its move), `size` (jobs then), `factor`,
#'   `group` (`land`, `own development`, `soft environment`), `rank` (1 is the most
#'   important, `NA` not ranked; a firm ranks two to six factors).
#' @source Counts of first ranks: policy research office of Yueqing, quoted at
#'   yucai365.com (grade C in [cluster_facts()]).
#' @seealso [ranked()], the model for such answers; [wenzhou_guzhen()], [cluster_facts()].
#' @examples
#' interviews <- wenzhou_interviews()
#' interviews
#' with(interviews, table(group, rank, useNA = "ifany"))
#' @export
wenzhou_interviews <- function() {
  data <- read_extdata("interviews")
  truth <- read_extdata("truth")
  truth <- truth[truth$part == "interviews", ]
  attr(data, "truth") <- stats::setNames(as.numeric(truth$value), truth$name)
  attr(data, "note") <- paste(
    "SIMULATED answers: only the numbers of first ranks by group (21, 21, 43) are those of",
    "a survey (?wenzhou_interviews)."
  )
  class(data) <- c("wenzhou_interviews", class(data))
  data
}

#' @export
print.wenzhou_interviews <- function(x, n = 12, ...) {
  writeLines(strwrap(attr(x, "note")))
  plain <- x
  class(plain) <- setdiff(class(x), "wenzhou_interviews")
  print(utils::head(plain, n), ...)
  if (nrow(x) > n) cat("... ", plural(nrow(x) - n, "more row"), "\n", sep = "")
  invisible(x)
}

#' Public figures about the lamp clusters of Wenzhou and Guzhen
#'
#' What is known in public, with sources and grades; [wenzhou_guzhen()] is
#' set to resemble it. Several figures contradict each other, and what is counted
#' changes from factories to firms to all licences: do not take differences of
#' counts. Not found in public: land prices per mu by year, jobs in the lamp
#' industry of Wenzhou, its number of lamp makers after 1998.
#'
#' @return A data frame, a row per figure: `place`, `date` (year or years, as text),
#'   `fact`, `value` (number; `NA` when it is words only), `value_high` (upper end when a
#'   range is given), `unit`, `source`, `grade`: `A` statistics office or journal,
#'   `B` newspaper or government page, `C` trade blog, book excerpt or repost, `B/C`
#'   between the two, `X` computed from others.
#' @source Column `source`.
#' @seealso [wenzhou_guzhen()] and [wenzhou_interviews()], simulated to resemble them.
#' @examples
#' facts <- cluster_facts()
#' subset(facts, place == "Guzhen" & unit == "firms", c(date, value, fact, grade))
#' @export
cluster_facts <- function() {
  utils::read.csv(extdata_path("cluster_facts.csv"),
    stringsAsFactors = FALSE,
    colClasses = c(date = "character")
  )
}

# Path of a bundled file
extdata_path <- function(file) system.file("extdata", file, package = "firmmove", mustWork = TRUE)

# A bundled table
read_extdata <- function(name) {
  utils::read.csv(extdata_path(paste0(name, ".csv.xz")),
    na.strings = "",
    stringsAsFactors = FALSE
  )
}

# The true parameters of the bundled panel, in the form simulate_migration() attaches
read_truth <- function() {
  table <- read_extdata("truth")
  numbers <- function(part) {
    rows <- table[table$part == part, ]
    stats::setNames(as.numeric(rows$value), rows$name)
  }
  beta <- numbers("choice")
  performance <- c(
    as.list(numbers("performance")),
    list(place = numbers("performance_place"))
  )
  truth <- list(
    formula = formula_of_terms(names(beta)), model = conditional(), beta = beta,
    births = table$value[table$part == "births"], exit = numbers("exit"),
    performance = performance[names(performance_defaults())],
    stock = table$value[table$part == "stock"],
    seed = unname(numbers("seed"))
  )
  structure(truth, class = "migration_truth")
}

# Years asked for must be in the data
check_years <- function(years, among) {
  unknown <- setdiff(years, among)
  if (length(unknown) || !length(years)) {
    abort("`years` must be among ", min(among), " to ", max(among), "; ",
      quote_names(unknown), " ", if (length(unknown) == 1) "is" else "are", " not.",
      class = "argument"
    )
  }
}

# Rows of the given years
keep_years <- function(table, years) {
  table <- table[table$year %in% years, , drop = FALSE]
  rownames(table) <- NULL
  table
}
