#' How much hangs on which firms are taken for movers
#'
#' @description
#' A firm that moves often gets a new id, and then looks like a death at the origin and a birth at the destination.
#' `recode_moves()` links such deaths and births, for several longest gaps between them, and runs
#' [decompose_cluster()] on each coding: what was death and birth becomes emigration and immigration. If the terms
#' change little, the noise in the ids does not matter.
#'
#' @details
#' A death is a firm whose last period is not the last of the data; a birth one whose first period is not the first. A
#' death at \eqn{o} in period \eqn{s} and a birth at \eqn{d \ne o}{d, another cluster,} in period \eqn{t} may be one
#' firm if \eqn{1 \le t - s \le k}{1 <= t - s <= k} (in periods of the data), if the columns `match` have the same
#' values, and if neither weight is more than `ratio` times the other. Each death goes to one birth at most: the pair
#' with the shortest gap first, then that with the most similar weights. So the links for a smaller \eqn{k} are among
#' those for a larger one. \eqn{k = 0} recodes nothing.
#'
#' A gap of more than a period leaves a firm out of sight in between: with the default `gaps = "separate"` the
#' accounts of the periods concerned have `gap_out` and `gap_in` instead of a move; those of the end points have the
#' move.
#'
#' @section What the numbers do not say:
#' Without `match` any death and birth of similar size are linked: an upper bound of the moves that ids hide, not an
#' estimate.
#'
#' @inheritParams decompose_cluster
#' @param within Whole numbers: longest gaps \eqn{k} to compare, in periods.
#' @param match `NULL`, or names of columns that do not change when a firm moves, such as its owner, industry or
#' founding
#'   year. A missing value matches nothing.
#' @param ratio How different the weights at the death and at the birth may be: at least 1; `Inf` for any.
#' @param ... More arguments of [decompose_cluster()], such as `method`, `pairs` or `size`.
#' @return An object of class `recode_moves` and `decomposition`:
#' \describe{
#'   \item{`sensitivity`}{`within`, `account` (`mean` or `size`), `cluster`, `start`, `end`, `component`, `estimate`
#'     (over all partners), and `change`, its difference from that for the smallest `within`.}
#'   \item{`moves`}{`within`, `linked` (deaths and births recoded), `deaths`, `births` that remain.}
#'   \item{`mean`}{the mean accounts with all partners and standard errors, and `within`.}
#'   \item{`links`}{`died` and `born` (the two ids), `from`, `to`, `last` and `first` (the periods), `gap`.}
#' }
#' and `method`, `reference`, `residual`, `call`.
#' @section Errors: Those of [decompose_cluster()]; too many candidates (more than five million), which a column to
#' `match` avoids.
#' @seealso [decompose_cluster()].
#' @examples
#' # two years in which movers were given new ids
#' lamps <- wenzhou_guzhen(1996:1999)
#' firms <- as.data.frame(lamps$firms)
#' firms <- firms[!is.na(firms$to), ]
#' firms$id <- paste(firms$firm, firms$to)
#' recode_moves(firms, "productivity", "jobs", "id", "to", "year", within = 0:1,
#'              match = c("founded", "kin", "native"), ratio = Inf, pairs = "ends")
#' @export
recode_moves <- function(data, performance, weight, firm, cluster, time, within = 0:2, match = NULL, ratio = 2, ...) {
  call <- match.call()
  given <- function(x) if (!missing(x)) x
  columns <- list(
    performance = given(performance), weight = given(weight), firm = given(firm),
    cluster = given(cluster), time = given(time)
  )
  within <- check_gaps(within)
  if (!is.numeric(ratio) || length(ratio) != 1 || is.na(ratio) || ratio < 1) {
    abort("`ratio` must be a number of at least 1.", class = "argument")
  }
  lives <- firm_lives(data, columns, match)
  links <- life_links(lives, max(within), ratio)
  runs <- lapply(within, function(k) recoded_run(lives, links[links$gap <= k, , drop = FALSE], ...))
  structure(
    c(
      sensitivity_tables(runs, within, lives, links),
      list(method = runs[[1]]$method, reference = runs[[1]]$reference, call = call)
    ),
    class = c("recode_moves", "decomposition")
  )
}

check_gaps <- function(within) {
  if (!is.numeric(within) || !length(within) || anyNA(within) || any(within < 0 | within != round(within))) {
    abort("`within` must be whole numbers from 0 on.", class = "argument")
  }
  sort(unique(within))
}

# First and last rows of each firm: list(table, columns, firm = code of each row, first, last = rows, time = code of
# each row,
# n_times, place = code of each row, key)
firm_lives <- function(data, columns, match) {
  source <- firms_of(data)
  columns <- known_columns(columns, source)
  check_time(columns, source)
  arg <- source$arg
  table <- plain_table(source$table, arg)
  check_panel_columns(table, columns, arg)
  for (name in match) check_column(table, name, "match", arg)
  check_no_na(table[[columns$firm]], paste0(arg, "$", columns$firm))
  check_no_na(table[[columns$time]], paste0(arg, "$", columns$time))
  place <- ordered_codes(table[[columns$cluster]])
  time <- ordered_codes(table[[columns$time]])
  firm <- code_ids(table[[columns$firm]])
  alive <- which(!is.na(place$code))
  by_time <- alive[order(firm$code[alive], time$code[alive])]
  list(
    table = table, columns = columns, firm = firm$code, ids = firm$levels, time = time$code, times = time$values,
    place = place$code, places = id_text(place$values), first = by_time[!duplicated(firm$code[by_time])],
    last = by_time[!duplicated(firm$code[by_time], fromLast = TRUE)], key = match_keys(table, match)
  )
}

# One text for the values of the columns in each row, NA where one is missing
match_keys <- function(table, match) {
  if (is.null(match)) {
    return(rep("", nrow(table)))
  }
  text <- lapply(table[match], function(x) as.character(x))
  key <- do.call(paste, c(unname(text), sep = "\r"))
  key[Reduce(`|`, lapply(text, is.na))] <- NA
  key
}

# Deaths and births that may be one firm, each once: rows of the death and of the birth, and the gap
life_links <- function(lives, longest, ratio) {
  died <- lives$last[lives$time[lives$last] < length(lives$times)]
  born <- lives$first[lives$time[lives$first] > 1L]
  died <- died[!is.na(lives$key[died])]
  born <- born[!is.na(lives$key[born])]
  gaps <- seq_len(min(longest, length(lives$times)))
  at <- function(rows, time) paste(lives$key[rows], time, sep = "\r")
  found <- lapply(gaps, function(gap) {
    join_rows(died, born, at(died, lives$time[died] + gap), at(born, lives$time[born]), gap)
  })
  found <- do.call(rbind, c(found, list(data.frame(died = integer(), born = integer(), gap = integer()))))
  weight <- as.double(lives$table[[lives$columns$weight]])
  # no weight at all at one end only is as different as can be
  found$distance <- abs(log(weight[found$died] / weight[found$born]))
  found$distance[weight[found$died] == 0 & weight[found$born] == 0] <- 0
  fits <- lives$place[found$died] != lives$place[found$born] & lives$firm[found$died] != lives$firm[found$born] &
    !is.na(found$distance) & found$distance <= log(ratio) * (1 + 1e-12)
  nearest_pairs(found[fits, , drop = FALSE])
}

# All pairs of rows with the same text
join_rows <- function(died, born, key_died, key_born, gap) {
  groups <- split(seq_along(born), key_born)
  at <- match(key_died, names(groups))
  size <- ifelse(is.na(at), 0L, lengths(groups)[at])
  if (sum(as.double(size)) > 5e6) {
    abort(format_count(sum(as.double(size))), " deaths and births could be one firm. Name columns that a move leaves ",
      "as they are: match = c(\"owner\", \"industry\").",
      class = "match"
    )
  }
  data.frame(
    died = rep(died, size), born = born[unlist(groups[at[size > 0]], use.names = FALSE)],
    gap = rep(gap, sum(size))
  )
}

# One to one: again and again the pairs that are the best left for both
nearest_pairs <- function(pairs) {
  pairs <- pairs[order(pairs$gap, pairs$distance, pairs$died, pairs$born), , drop = FALSE]
  taken <- pairs[0, , drop = FALSE]
  while (nrow(pairs)) {
    best <- !duplicated(pairs$died) & !duplicated(pairs$born)
    taken <- rbind(taken, pairs[best, , drop = FALSE])
    pairs <- pairs[!pairs$died %in% taken$died & !pairs$born %in% taken$born, , drop = FALSE]
  }
  plain_rows(taken[order(taken$gap, taken$distance, taken$died), c("died", "born", "gap")])
}

# The account with the linked firms as one
recoded_run <- function(lives, links, ...) {
  root <- seq_along(lives$ids)
  root[lives$firm[links$born]] <- lives$firm[links$died]
  # chains: the firm of the firm of ...
  while (any(root[root] != root)) root <- root[root]
  table <- lives$table
  columns <- lives$columns
  # rows that say a firm has closed are wrong for one that has moved
  closed <- is.na(lives$place) & lives$firm %in% lives$firm[links$died]
  table <- table[!closed, , drop = FALSE]
  table[[columns$firm]] <- root[lives$firm][!closed]
  suppressMessages(
    decompose_cluster(table, columns$performance, columns$weight, columns$firm, columns$cluster, columns$time, ...),
    classes = "firmmove_message"
  )
}

sensitivity_tables <- function(runs, within, lives, links) {
  each <- function(f) do.call(rbind, Map(f, runs, within))
  accounts <- each(function(run, k) rbind(account_sums(run$mean, "mean", k), account_sums(run$size, "size", k)))
  key <- paste(accounts$account, accounts$cluster, accounts$start, accounts$end, accounts$component, sep = "\r")
  first <- accounts$within == within[1]
  # a component that the first coding does not have is 0 there
  before <- accounts$estimate[first][match(key, key[first])]
  before[!key %in% key[first]] <- 0
  accounts$change <- accounts$estimate - before
  ends <- function(rows) length(unique(lives$firm[rows]))
  died <- ends(lives$last[lives$time[lives$last] < length(lives$times)])
  born <- ends(lives$first[lives$time[lives$first] > 1L])
  linked <- vapply(within, function(k) sum(links$gap <= k), 0L)
  list(
    sensitivity = plain_rows(accounts),
    moves = data.frame(within = within, linked = linked, deaths = died - linked, births = born - linked),
    mean = plain_rows(each(function(run, k) quick_table(within = rep(k, nrow(run$mean)), run$mean))),
    links = data.frame(
      died = lives$ids[lives$firm[links$died]], born = lives$ids[lives$firm[links$born]],
      from = lives$places[lives$place[links$died]], to = lives$places[lives$place[links$born]],
      last = lives$times[lives$time[links$died]], first = lives$times[lives$time[links$born]], gap = links$gap
    ),
    residual = plain_rows(each(function(run, k) quick_table(within = rep(k, nrow(run$residual)), run$residual)))
  )
}

# Sums over partners
account_sums <- function(table, account, k) {
  key <- paste(table$cluster, table$start, table$end, table$component, sep = "\r")
  each <- !duplicated(key)
  sums <- rowsum(table$estimate, key, reorder = FALSE)
  quick_table(
    within = rep(k, sum(each)), account = rep(account, sum(each)),
    table[each, c("cluster", "start", "end", "component")], estimate = unname(sums[, 1])
  )
}

#' @rdname print.decomposition
#' @export
print.recode_moves <- function(x, digits = max(3L, getOption("digits") - 3L), n = 12, ...) {
  print_reference(x)
  cat("\nfirms linked:\n")
  print(x$moves, row.names = FALSE)
  runs <- x$moves$within
  for (account in unique(x$sensitivity$account)) {
    table <- x$sensitivity[x$sensitivity$account == account, , drop = FALSE]
    key <- paste(table$cluster, table$start, table$end, table$component, sep = "\r")
    rows <- table[!duplicated(key), c("cluster", "start", "end", "component")]
    wide <- matrix(0, nrow(rows), length(runs), dimnames = list(NULL, paste("within", runs)))
    wide[cbind(match(key, unique(key)), match(table$within, runs))] <- table$estimate
    ordering <- order(rows$start, rows$end, rows$cluster, match(rows$component, component_order))
    cat("\n", account, " account, by the longest gap:\n", sep = "")
    print(utils::head(data.frame(rows, wide, check.names = FALSE)[ordering, ], n), digits = digits, row.names = FALSE)
    if (nrow(rows) > n) cat("... ", plural(nrow(rows) - n, "more row"), " in `sensitivity`\n", sep = "")
  }
  print_residual(x)
  invisible(x)
}
