# The slow, plain reading of a spec: a long matrix with a row for each occasion
# and offered place. Tests compare it with columns computed by hand.

design_reference <- function(design) {
  spec <- design$spec
  if (spec$kind == "ragged") ragged_reference(design) else relational_reference(design)
}

# x (rows x terms), offset, occasion and place of each row
relational_reference <- function(design) {
  spec <- design$spec
  rows <- expand.grid(place = seq_len(spec$J), occasion = seq_len(spec$n))
  columns <- lapply(seq_along(spec$terms$table), function(k) {
    mapply(term_value, rows$occasion, rows$place, MoreArgs = list(k = k, spec = spec))
  })
  offered <- mapply(is_offered, rows$occasion, rows$place, MoreArgs = list(spec = spec))
  reference_table(design, columns, spec$terms$offset == 1L, rows$occasion, rows$place)[offered, ]
}

# multiplier x table entry x mask of term k
term_value <- function(i, j, k, spec) {
  stays <- spec$origin[i] == j
  mask <- c(all = TRUE, move = !stays, stay = stays)[[spec$terms$mask[k]]]
  multiplier <- spec$terms$multiplier[k]
  w <- if (multiplier == 0L) 1 else spec$multipliers[[multiplier]][i]
  mask * w * table_value(spec$tables[[spec$terms$table[k]]], i, j, spec)
}

table_value <- function(table, i, j, spec) {
  row <- if (table$key == 0L) 1L else spec$keys[[table$key]][i]
  if (table$kind == "dense") return(table$values[j, row])
  if (table$kind == "scalar") return(table$values[row])
  entries <- seq_len(diff(table$values$ptr)[row]) + table$values$ptr[row]
  sum(table$values$val[entries][table$values$col[entries] == j])
}

is_offered <- function(i, j, spec) {
  if (!is.null(spec$offered) && !spec$offered[j]) return(FALSE)
  if (is.null(spec$available)) return(TRUE)
  row <- if (spec$available$key == 0L) 1L else spec$keys[[spec$available$key]][i]
  spec$available$values[j, row] == as.raw(1L)
}

ragged_reference <- function(design) {
  spec <- design$spec
  occasion <- rep(seq_len(length(spec$start) - 1L), diff(spec$start))
  offset <- seq_along(spec$columns) > length(spec$columns) - spec$n_offset
  reference_table(design, spec$columns, offset, occasion, spec$place)
}

reference_table <- function(design, columns, offset, occasion, place) {
  table <- as.data.frame(columns[!offset], col.names = design$terms$name, optional = TRUE)
  names(table) <- design$terms$name
  cbind(occasion = occasion, place = place, table,
        offset = if (any(offset)) Reduce(`+`, columns[offset]) else 0)
}

# A random panel: J places, n firms in three years, all kinds of tables --------

random_migration <- function(seed = 1, n = 15, J = 4, timed = TRUE, ...) {
  set.seed(seed)
  ids <- paste0("p", seq_len(J))
  years <- 2001:2003
  places <- if (timed) expand.grid(place = ids, year = years, stringsAsFactors = FALSE) else
    data.frame(place = ids)
  places$price <- runif(nrow(places), 1, 2)
  places$space <- rnorm(nrow(places))
  places$region <- rep(c("coast", "delta", "inland", "coast"), length.out = nrow(places))
  path <- matrix(sample(ids, 4 * n, TRUE), n)
  firms <- data.frame(
    firm = rep(paste0("f", seq_len(n)), 3), year = rep(years, each = n),
    from = as.vector(path[, 1:3]), to = as.vector(path[, 2:4]),
    size = runif(3 * n, 1, 9), age = rpois(3 * n, 5), kin = sample(c("a", "b", "c"), 3 * n, TRUE),
    export = sample(c(TRUE, FALSE), 3 * n, TRUE)
  )
  firms$from[c(2, 5)] <- NA
  firms$to[n + 3] <- NA
  firms <- firms[sample(nrow(firms)), ]
  migration_data(firms, places, random_ties(ids, unique(firms$firm)), time = "year",
                 network = data.frame(firm = c("f1", "f1", "f2", "f4"),
                                      peer = c("f2", "f3", "f1", "f5"), weight = c(1, 2, 1, 3)), ...)
}

random_ties <- function(ids, firms) {
  roads <- expand.grid(from = ids, to = ids, stringsAsFactors = FALSE)
  roads$distance <- runif(nrow(roads), 1, 5)
  roads$dialect <- sample(c("wu", "yue", "min"), nrow(roads), TRUE)
  roads$open <- runif(nrow(roads)) < 0.7 | roads$from == roads$to
  roads <- roads[roads$from != roads$to | roads$from == ids[1], ]
  kin <- expand.grid(firm = firms, to = ids, stringsAsFactors = FALSE)[c(TRUE, FALSE, FALSE), ]
  kin$relatives <- rpois(nrow(kin), 2)
  attr(kin, "default") <- 0
  list(roads = roads, kinship = kin)
}

# The long table by loops: for each occasion and place what the tables say -----

by_hand <- function(data) {
  firms <- data$firms[!is.na(data$firms$to), ]
  rows <- lapply(seq_len(nrow(firms)), function(i) hand_rows(firms[i, ], data))
  long <- do.call(rbind, rows)
  long$occasion <- rep(seq_len(nrow(firms)), each = length(data$place))
  long
}

hand_rows <- function(firm, data) {
  at <- function(table, keys) {
    which(Reduce(`&`, Map(function(k, v) as.character(table[[k]]) == as.character(v), names(keys), keys)))
  }
  timed <- "year" %in% names(data$places)
  origin <- firm$from
  do.call(rbind, lapply(data$place, function(j) {
    place <- data$places[at(data$places, c(list(place = j), if (timed) list(year = firm$year))), ]
    home <- if (!is.na(origin)) {
      data$places[at(data$places, c(list(place = origin), if (timed) list(year = firm$year))), ]
    }
    roads <- data$ties$roads$data
    road <- if (!is.na(origin)) roads[at(roads, list(from = origin, to = j)), ]
    kinship <- data$ties$kinship$data
    kin <- kinship[at(kinship, list(firm = firm$firm, to = j)), ]
    value <- function(row, column, none = 0) if (is.null(row) || !nrow(row)) none else row[[column]]
    data.frame(
      place = match(j, data$place), firm = firm$firm, year = firm$year, to = firm$to,
      stay = as.numeric(identical(j, origin)), has = as.numeric(!is.na(origin)),
      size = firm$size, age = firm$age, kin = firm$kin, export = as.numeric(firm$export),
      price = place$price, space = place$space, region = place$region,
      home_price = value(home, "price"), home_space = value(home, "space"),
      home_region = value(home, "region", NA),
      distance = value(road, "distance"), dialect = value(road, "dialect", NA),
      road = !is.null(road) && nrow(road) > 0, relatives = value(kin, "relatives")
    )
  }))
}

# Names of the functions that a file of R/ defines. Skips where the sources are not beside the tests, as in a check of
# the built package.
names_defined_in <- function(file) {
  path <- testthat::test_path("..", "..", "R", file)
  if (!file.exists(path)) testthat::skip("the sources are not at hand")
  parsed <- parse(path)
  named <- vapply(parsed, function(e) is.call(e) && identical(e[[1L]], quote(`<-`)) && is.name(e[[2L]]), NA)
  vapply(parsed[named], function(e) as.character(e[[2L]]), "")
}
