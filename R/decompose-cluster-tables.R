# The tables of decompose_cluster(), from the terms of its accounts.

# All tables, from the sums
cluster_tables <- function(sums, frame, options) {
  groups <- moving_groups(sums)
  state <- unit_state(sums, options)
  mean <- mean_terms(options$method, sums, groups, options$leavers)
  second <- if (any(state$fallback)) mean_terms("griliches_regev", sums, groups)
  flows <- flow_terms(sums, groups)
  share <- share_terms(sums, flows)
  system <- system_terms(sums, groups, with_fallback(mean, second, state))
  sorting <- sorting_terms(options$method, sums, groups, options$leavers, options$sorting_weight)
  none <- rep(FALSE, sums$n_units)
  # `method`: that of terms of means, whose errors depend on how few firms they rest on
  write <- function(terms, drop = !state$present, undefined = none, counted = FALSE, method = NULL) {
    if (any(drop)) {
      terms <- pick_terms(terms, !drop[terms$unit])
    }
    counts <- if (!is.null(method)) mean_counts(terms, sums, method, options$leavers)
    if (!is.null(terms$block)) {
      # products of sums and means: errors of the sums are as they are
      counts[c("own", "rest")] <- lapply(counts[c("own", "rest")], replace, terms$block == "share", Inf)
    }
    write_terms(terms, sums, frame, undefined, options$conf.level, counted, counts)
  }
  tables <- list(
    mean = write(mean, undefined = !state$defined, method = options$method),
    totals = cluster_totals(sums, frame, state, options$conf.level),
    size = write(flows, counted = TRUE),
    share = write(share),
    sorting = write(sorting, undefined = !state$defined, method = options$method),
    system = write(system, method = options$method),
    growth = write(growth_terms(sums), counted = TRUE),
    fallback = write(if (is.null(second)) mean else second, drop = !state$fallback, method = "griliches_regev")
  )
  tables$system_total <- system_totals(sums, frame)
  if (!all(state$present)) system <- pick_terms(system, state$present[system$unit])
  tables$relocation <- relocation_table(sums, frame, system, options)
  tables$residual <- cluster_residuals(tables)
  tables$notes <- rbind(cluster_notes(state, sums, frame, tables$sorting), lone_notes(tables))
  if (is.null(options$min_firms)) tables else disclose_accounts(tables, options$min_firms)
}

# Which units have firms, a defined account, a fallback; and why not
unit_state <- function(sums, options) {
  w0 <- match("w0", dual_moments)
  w1 <- match("w1", dual_moments)
  cells <- sums$cells
  unit <- function(place) ifelse(place < 1L | place > sums$n_places, NA, (cells$pair - 1L) * sums$n_places + place)
  count <- function(place) drop(class_sums(cbind(cells$count), unit(place), sums$n_units))
  firms <- list(start = count(cells$start), end = count(cells$end))
  none <- function(x) abs(x) < 1e-300
  from_stayers <- options$method %in% c("melitz_polanec", "diewert_fox", "price", "shapley")
  stay <- sums$sum$stay
  no_stayers <- from_stayers & (none(stay[, w0]) | none(stay[, w1]) |
    (options$method == "melitz_polanec" & stay[, match("u", dual_moments)] == 0))
  note <- rep(NA_character_, sums$n_units)
  note[no_stayers] <- "no firm stays from start to end, and the method measures from stayers: NA; see `fallback`"
  note[none(sums$sum$end[, w1])] <- "firms at the end have no weight: no mean"
  note[none(sums$sum$start[, w0])] <- "firms at the start have no weight: no mean"
  note[firms$end == 0] <- "no firm at the end: no mean to compare"
  note[firms$start == 0] <- "no firm at the start: no mean to compare"
  both <- !none(sums$sum$start[, w0]) & !none(sums$sum$end[, w1])
  replaced <- options$method == "baldwin_gu" & both & !has_leavers(sums, options$leavers)
  list(
    present = firms$start > 0 | firms$end > 0, defined = both & !no_stayers, fallback = both & no_stayers,
    note = note, replaced = replaced, firms = firms,
    hollow = weightless(firms$start, sums$sum$start, c("w0", "p0")) | weightless(firms$end, sums$sum$end, c("w1", "p1"))
  )
}

# Whether weights cancel: they sum to 0 and the weighted performances do not
weightless <- function(firms, sum, moments) {
  at <- match(moments, dual_moments)
  firms > 0 & abs(sum[, at[1L]]) < 1e-300 & sum[, at[2L]] != 0
}

# Terms with those of undefined units taken from the fallback method
with_fallback <- function(mean, second, state) {
  if (is.null(second)) {
    return(mean)
  }
  mean <- pick_terms(mean, !state$fallback[mean$unit])
  join_terms(list(mean, pick_terms(second, state$fallback[second$unit])))
}

# Terms as a data frame with standard errors and intervals
write_terms <- function(terms, sums, frame, undefined, conf.level, counted = FALSE, counts = NULL) {
  estimate <- terms$dual$v
  found <- if (length(estimate) > 0L) term_errors(terms, sums, counted, counts) else list(error = numeric(), df = numeric())
  drop <- undefined[terms$unit] | !is.finite(estimate)
  estimate[drop] <- NA_real_
  found$error[drop] <- NA_real_
  reach <- interval_reach(found$error, found$df, conf.level)
  pair <- sums$pair[terms$unit]
  table <- quick_table(
    cluster = frame$places[sums$place[terms$unit]], start = frame$pairs$start[pair], end = frame$pairs$end[pair],
    component = terms$component, partner = frame$places[replace(terms$partner, terms$partner == 0L, NA)],
    estimate = estimate, std.error = found$error, conf.low = estimate - reach, conf.high = estimate + reach,
    df = replace(found$df, is.na(found$error), NA_real_), firms = term_firms(terms, sums)
  )
  if (is.null(terms$block)) table else quick_table(block = terms$block, table)
}

# Means, sizes, shares and numbers of firms at both ends
cluster_totals <- function(sums, frame, state, conf.level) {
  s <- function(class, moment) sums$sum[[class]][, match(moment, dual_moments)]
  mean0 <- unit_sum(sums, "start", "p0") / unit_sum(sums, "start", "w0")
  mean1 <- unit_sum(sums, "end", "p1") / unit_sum(sums, "end", "w1")
  change <- unit_terms("change", mean1 - mean0)
  counts <- list(own = numeric(sums$n_units), rest = unit_counts(sums)$both)
  counts$rest_worth <- if (any(counts$rest < few_firms & counts$rest > 1)) class_worth(sums, c("start", "end"))
  change <- write_terms(change, sums, frame, rep(FALSE, sums$n_units), conf.level, counts = counts)
  value <- function(x) replace(x + sums$centre, !is.finite(x), NA_real_)
  table <- quick_table(
    change[c("cluster", "start", "end")],
    value_start = value(mean0$v), value_end = value(mean1$v),
    change = change$estimate, change[c("std.error", "conf.low", "conf.high", "df")],
    size_start = s("start", "y0"), size_end = s("end", "y1"), size_change = s("end", "y1") - s("start", "y0"),
    share_start = s("start", "y0") / s("all", "y0"), share_end = s("end", "y1") / s("all", "y1"),
    firms_start = state$firms$start, firms_end = state$firms$end
  )
  plain_rows(table[state$present, ])
}

# Mean of all clusters at both ends of each pair
system_totals <- function(sums, frame) {
  first <- (seq_len(sums$n_pairs) - 1) * sums$n_places + 1
  s <- function(moment) sums$sum$all[first, match(moment, dual_moments)]
  start <- s("p0") / s("w0")
  end <- s("p1") / s("w1")
  quick_table(frame$pairs, value_start = start + sums$centre, value_end = end + sums$centre, change = end - start)
}

# The system by place against the same method where places do not count
#
# Sums of terms over clusters have their errors from the derivatives in each cell. Components are taken together: one
# after the other they would cost more than the rest of the accounts.
relocation_table <- function(sums, frame, system, options) {
  one <- firm_sums(merged_cells(sums$cells, sums$n_places), sums$n_pairs, 1L, sums$centre)
  groups <- moving_groups(one)
  method <- if (all(unit_state(one, options)$defined)) options$method else "griliches_regev"
  merged <- mean_terms(method, one, groups, options$leavers)
  system$component[system$block == "share"] <- "share"
  components <- intersect(c(component_order, "share"), c(system$component, merged$component))
  n <- length(components)
  here <- match(system$component, components)
  here[!is.finite(system$dual$v)] <- NA
  by_place <- summed_terms(system, here, n, sums)
  ignoring <- summed_terms(merged, match(merged$component, components), n, one)
  ignoring$gradient <- ignoring$gradient[one$cells$of, , , drop = FALSE]
  # a row for each component that a pair of periods has
  at <- which(t(by_place$any | ignoring$any), arr.ind = TRUE)[, 2:1, drop = FALSE]
  error <- function(gradient) {
    each <- vapply(seq_len(n), function(k) {
      .Call(C_cell_variance, sums$cells$pointer, matrix(gradient[, , k], ncol = length(dual_moments)))
    }, numeric(sums$n_pairs))
    squares <- pmax(matrix(each, ncol = n)[at], 0)
    firms <- unname(drop(rowsum(sums$cells$groups %||% sums$cells$count, sums$cells$pair)))[at[, 1L]]
    error_of_few(cbind(squares, 0), list(own = 0 * squares, rest = firms))
  }
  difference <- (by_place$sum - ignoring$sum)[at]
  found <- error(by_place$gradient - ignoring$gradient)
  reach <- interval_reach(found$error, found$df, options$conf.level)
  quick_table(
    start = frame$pairs$start[at[, 1L]], end = frame$pairs$end[at[, 1L]], component = components[at[, 2L]],
    by_place = by_place$sum[at], by_place.std.error = error(by_place$gradient)$error, ignoring_places = ignoring$sum[at],
    ignoring_places.std.error = error(ignoring$gradient)$error, difference = difference, std.error = found$error,
    conf.low = difference - reach, conf.high = difference + reach, df = found$df
  )
}

# Sums of terms, pair x sum, with their derivatives and which pairs have any; `of` is the sum, 1 .. n, of each term
summed_terms <- function(terms, of, n, sums) {
  at <- sums$pair[terms$unit] + sums$n_pairs * (of - 1L)
  list(
    sum = matrix(class_sums(cbind(terms$dual$v), at, sums$n_pairs * n), sums$n_pairs),
    any = matrix(tabulate(at, sums$n_pairs * n) > 0L, sums$n_pairs), gradient = cell_gradients(terms, of, n, sums)
  )
}

# What the terms of each account leave of the change
cluster_residuals <- function(tables) {
  totals <- tables$totals
  key <- function(x) paste(x$cluster, x$start, x$end, sep = "\r")
  left <- function(name, change, table = tables[[name]]) {
    sum <- rowsum(table$estimate, key(table))
    quick_table(
      table = rep(name, nrow(totals)), totals[c("cluster", "start", "end")],
      residual = unname(change - sum[match(key(totals), rownames(sum)), 1])
    )
  }
  pair <- function(x) paste(x$start, x$end, sep = "\r")
  total <- tables$system_total
  by_pair <- rowsum(tables$system$estimate, pair(tables$system))
  system <- quick_table(
    table = rep("system", nrow(total)), cluster = rep(NA_character_, nrow(total)), total[c("start", "end")],
    residual = unname(total$change - by_pair[match(pair(total), rownames(by_pair)), 1])
  )
  plain_rows(rbind(
    left("mean", totals$change), left("size", totals$size_change),
    left("share", totals$share_end - totals$share_start), system
  ))
}

# Why an estimate is NA, or which reference was replaced
cluster_notes <- function(state, sums, frame, sorting) {
  note <- function(units, table, text) {
    pair <- sums$pair[units]
    quick_table(
      cluster = frame$places[sums$place[units]], start = frame$pairs$start[pair],
      end = frame$pairs$end[pair], table = rep(table, length(units)), note = text
    )
  }
  why <- which(!is.na(state$note) & state$present)
  swapped <- which(state$replaced)
  hollow <- which(state$hollow)
  notes <- rbind(
    note(why, "mean", state$note[why]),
    note(swapped, "mean", rep("nobody leaves: measured from the cluster's mean at the start", length(swapped))),
    note(hollow, "system", rep("its weights sum to 0 though it has firms: the system does not add up", length(hollow)))
  )
  defined <- paste(sorting$cluster, sorting$start, sorting$end)
  lost <- sorting[is.na(sorting$estimate) & !defined %in% paste(notes$cluster, notes$start, notes$end), , drop = FALSE]
  text <- rep("the movers have no weight at one end: no mean before or after the move", nrow(lost))
  plain_rows(unique(rbind(notes, quick_table(
    lost[c("cluster", "start", "end")],
    table = rep("sorting", nrow(lost)), note = text
  ))))
}

# Clusters with terms of one firm, which have no standard error: a note for each, with the tables
lone_notes <- function(tables) {
  judged <- tables[c("mean", "totals", "sorting", "fallback")]
  each <- lapply(names(judged), function(name) {
    table <- judged[[name]]
    lone <- is.na(table$std.error) & !is.na(if (is.null(table$estimate)) table$change else table$estimate)
    quick_table(table[lone, c("cluster", "start", "end")], table = rep(name, sum(lone)))
  })
  rows <- unique(do.call(rbind, each))
  account <- row_codes(rows, c("cluster", "start", "end"))
  first <- !duplicated(account)
  where <- vapply(split(rows$table, account), paste, "", collapse = ", ")
  quick_table(
    rows[first, c("cluster", "start", "end")],
    table = unname(where),
    note = rep("terms of one firm have no standard error", sum(first))
  )
}
