# Answers that say more than one choice: rankings and best-worst answers in the column `chosen` of long data.
# They become index$rank, an integer for each row in grouped order: 1, 2, ... the rank, -1 the worst, 0 neither.

# Adds the coded answers to long data: the chosen place of each occasion and, for rankings and best-worst answers,
# the ranks
code_answers <- function(x, answer) {
  if (answer == "choice") {
    x$index$chosen <- code_chosen(x)
    return(x)
  }
  x$answer <- answer
  x$index$rank <- if (answer == "ranking") code_ranking(x) else code_best_worst(x)
  x$index$chosen <- as.integer(which(x$index$rank == 1L) - x$start[-length(x$start)])
  x
}

row_occasion <- function(x) {
  rep.int(seq_along(x$id), offer_sizes(x))
}

# Ranks 1, 2, ... of each occasion; 0 for NA and for what is tied at the bottom
code_ranking <- function(x) {
  rank <- whole_ranks(x)
  occasion <- row_occasion(x)
  ranked <- which(!is.na(rank))
  ranked <- ranked[order(occasion[ranked], rank[ranked])]
  at <- occasion[ranked]
  value <- rank[ranked]
  first <- !duplicated(at)
  rise <- value - c(0L, value[-length(value)])
  rise[first] <- value[first]
  lowest <- integer(length(x$id))
  lowest[at] <- value
  open <- tabulate(occasion[is.na(rank)], length(x$id)) > 0L
  bottom <- value == lowest[at] & !open[at]
  stop_ranks(x, at[rise == 0L & !bottom], "gives one rank twice", "A tie is allowed at the bottom only")
  stop_ranks(x, at[rise > 1L], "leaves out a rank", "Ranks must be 1, 2, 3, ... without a gap")
  tied <- unique(at[rise == 0L])
  rank[ranked[bottom & at %in% tied]] <- NA
  rank <- no_na(rank)
  none <- which(tabulate(occasion[rank == 1L], length(x$id)) == 0L)
  stop_ranks(x, none, "ranks nothing", "Drop such an occasion")
  rank
}

# The column of ranks in grouped order, as integers
whole_ranks <- function(x) {
  value <- grouped(x, x$names$chosen)
  label <- paste0("`data$", x$names$chosen, "`")
  if (!is.numeric(value) && !all(is.na(value))) {
    abort(
      label, " must hold ranks: 1 for the best, 2 for the next, and so on, NA for what is not ranked; it has ",
      "values like ", quote_names(utils::head(unique(value[!is.na(value)]), 3)), ".",
      class = "chosen"
    )
  }
  bad <- which(!is.na(value) & (value < 1 | value != round(value) | !is.finite(value)))
  if (length(bad) > 0L) {
    abort(
      label, " must hold ranks: 1 for the best, 2 for the next, and so on, NA for what is not ranked; it has ",
      "`", format(value[bad[1L]]), "` in occasion ", quote_ids(x, occasion_of(x, bad[1L])), ".",
      class = "chosen"
    )
  }
  as.integer(value)
}

stop_ranks <- function(x, occasion, what, then) {
  occasion <- unique(occasion)
  if (length(occasion) > 0L) {
    abort(
      "`data$", x$names$chosen, "` ", what, " in ", plural(length(occasion), "occasion"), ": ",
      quote_ids(x, occasion), ". ", then, ".",
      class = "ranks"
    )
  }
}

# 1 for the best, -1 for the worst, 0 for the others
code_best_worst <- function(x) {
  rank <- best_worst_values(x)
  occasion <- row_occasion(x)
  count <- function(value) tabulate(occasion[rank == value], length(x$id))
  best <- count(1L)
  stop_ranks(x, which(best == 0L), "names no best", "Each occasion needs one; a worst may be missing")
  stop_ranks(x, which(best > 1L), "names more than one best", "Each occasion needs one")
  stop_ranks(x, which(count(-1L) > 1L), "names more than one worst", "There can be one at most")
  rank
}

best_worst_values <- function(x) {
  value <- grouped(x, x$names$chosen)
  word <- if (is.numeric(value)) value else tolower(as.character(value))
  known <- if (is.numeric(value)) list(1, -1, c(0, NA)) else list("best", "worst", c("", "none", NA))
  rank <- integer(length(value))
  rank[word %in% known[[1L]]] <- 1L
  rank[word %in% known[[2L]]] <- -1L
  unknown <- unique(value[!word %in% unlist(known)])
  if (length(unknown) > 0L) {
    abort(
      "`data$", x$names$chosen, "` must be 1 for the best, -1 for the worst and 0 for the others, or \"best\", ",
      "\"worst\" and \"\"; it has values like ", quote_names(utils::head(unknown, 3)), ".",
      class = "chosen"
    )
  }
  rank
}

# "85 rankings with 2 to 6 ranks", or NULL
describe_answers <- function(x) {
  if (is.null(x$answer)) {
    return(NULL)
  }
  if (x$answer == "best_worst") {
    return(paste0(format_count(sum(x$index$rank == 1L)), " best, ", format_count(sum(x$index$rank == -1L)), " worst"))
  }
  depth <- range(tabulate(row_occasion(x)[x$index$rank > 0L], length(x$id)))
  paste0(
    plural(length(x$id), "ranking"), " of ", if (depth[1L] < depth[2L]) paste0(depth[1L], " to "),
    plural(depth[2L], "rank")
  )
}
