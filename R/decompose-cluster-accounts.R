# The accounts of decompose_cluster(), as formulas of the sums of firms. Every term is a `dual` number, so
# that its standard error comes with it.
#
# Notation, for one cluster and a pair of periods: W0, W1 are sums of weights, q = performance - centre,
# P0 and P1 sums of w q, S the stayers; a group B (births), I (immigrants) is seen at the end, D (deaths),
# O (emigrants) at the start.

# Sums -----------------------------------------------------------------------------------------------

# Sums of the cells by class of firms and unit (pair, cluster)
firm_sums <- function(cells, n_pairs, n_places, centre) {
  unit <- function(place, where) {
    index <- (cells$pair - 1L) * n_places + place
    index[!where | place < 1L | place > n_places] <- NA
    index
  }
  unseen <- function(place) place < 1L | place > n_places
  n <- n_pairs * n_places
  stays <- cells$start == cells$end
  always <- rep(TRUE, length(stays))
  index <- list(
    start = unit(cells$start, always), end = unit(cells$end, always), stay = unit(cells$start, stays),
    dead = unit(cells$start, cells$end == 0L), gone = unit(cells$start, unseen(cells$end)),
    new = unit(cells$end, unseen(cells$start))
  )
  total <- lapply(index, function(i) class_sums(cells$sum, i, n))
  pair <- rep(seq_len(n_pairs), each = n_places)
  total$all <- class_sums(cells$sum, cells$pair, n_pairs)[pair, , drop = FALSE]
  list(
    cells = cells, index = index, n_places = n_places, n_pairs = n_pairs, n_units = n, centre = centre, pair = pair,
    place = rep(seq_len(n_places), n_pairs), sum = total
  )
}

# One class and moment of all units as a dual
unit_sum <- function(sums, class, moment) {
  dual_sum(sums$sum[[class]][, match(moment, dual_moments)], class, moment)
}

# Groups of firms that come or go: a row for each unit and partner, and one for births and for deaths
#
# `partner` is a cluster, 0 for births and deaths, n_places + 1 for firms out of sight; `cell` is 0 where
# nobody is in the group.
moving_groups <- function(sums) {
  cells <- sums$cells
  n <- sums$n_places
  side <- function(place, partner, side, alone) {
    at <- which(place >= 1L & place <= n & place != partner)
    unit <- (cells$pair[at] - 1L) * n + place[at]
    component <- rep(if (side == "in") "immigration" else "emigration", length(at))
    component[partner[at] == 0L] <- alone
    component[partner[at] == n + 1L] <- paste0("gap_", side)
    lacking <- setdiff(seq_len(sums$n_units), unit[component == alone])
    none <- rep(0L, length(lacking))
    list(
      unit = c(unit, lacking), partner = c(partner[at], none), cell = c(at, none),
      side = rep(side, length(at) + length(lacking)), component = c(component, rep(alone, length(lacking)))
    )
  }
  groups <- Map(c, side(cells$end, cells$start, "in", "birth"), side(cells$start, cells$end, "out", "death"))
  ordering <- order(groups$unit, match(groups$component, component_order), groups$partner)
  do.call(quick_table, lapply(groups, `[`, ordering))
}

# Components in the order in which an account lists them
component_order <- c(
  "within", "transmission", "covariance", "between", "selection", "cross", "stayers", "birth", "immigration", "transfer_in", "post_move",
  "gap_in", "death", "emigration", "transfer_out", "gap_out", "total_growth"
)

# The sums of the group of each row, as duals
own_sum <- function(groups, sums, moment) {
  v <- numeric(nrow(groups))
  some <- groups$cell > 0
  v[some] <- sums$cells$sum[groups$cell[some], match(moment, dual_moments)]
  dual_sum(v, "own", moment)
}

# Terms: rows of an account with their duals
new_terms <- function(unit, component, partner, cell, side, dual) {
  list(unit = unit, component = component, partner = partner, cell = cell, side = side, dual = dual)
}

# Terms of units as a whole, without a group of their own
unit_terms <- function(component, dual, units = seq_along(dual$v)) {
  n <- length(units)
  new_terms(units, rep(component, n), rep(0L, n), rep(0L, n), rep("", n), dual[units])
}

group_terms <- function(groups, dual, component = groups$component) {
  new_terms(groups$unit, rep_len(component, nrow(groups)), groups$partner, groups$cell, groups$side, dual)
}

join_terms <- function(list) {
  each <- c("unit", "component", "partner", "cell", "side")
  joined <- lapply(stats::setNames(nm = each), function(name) unlist(lapply(list, `[[`, name), use.names = FALSE))
  joined$dual <- dual_join(lapply(list, `[[`, "dual"))
  ordering <- order(joined$unit, match(joined$component, component_order), joined$partner)
  pick_terms(joined, ordering)
}

pick_terms <- function(terms, i) lapply(terms, function(x) x[i])

# The mean account -----------------------------------------------------------------------------------

# Reference values of a method and its terms of the stayers: list(stay =, start =, end =, of =)
#
# A group g that comes adds S_g (Phi_g - end), one that goes S_g (start - Phi_g), with S_g its share.
method_parts <- function(method, sums, leavers) {
  s <- function(moment) unit_sum(sums, "stay", moment)
  W0 <- unit_sum(sums, "start", "w0")
  W1 <- unit_sum(sums, "end", "w1")
  mean0 <- unit_sum(sums, "start", "p0") / W0
  mean1 <- unit_sum(sums, "end", "p1") / W1
  # start and end weights of the stayers' performances
  gain0 <- (s("x01") - s("p0")) / W0
  gain1 <- (s("p1") - s("x10")) / W1
  share <- s("w1") / W1 - s("w0") / W0
  half <- (s("p1") + s("x10")) / W1 - (s("p0") + s("x01")) / W0
  switch(method,
    melitz_polanec = {
      stay0 <- s("p0") / s("w0")
      stay1 <- s("p1") / s("w1")
      plain0 <- s("v0") / s("u")
      plain1 <- s("v1") / s("u")
      list(
        stay = list(within = plain1 - plain0, covariance = (stay1 - plain1) - (stay0 - plain0)),
        start = stay0, end = stay1
      )
    },
    price = {
      # fitness of a stayer: its weight at the end over that at the start
      kept <- s("x10") / s("w1")
      stay0 <- s("p0") / s("w0")
      stay1 <- s("p1") / s("w1")
      list(stay = list(transmission = stay1 - kept, selection = kept - stay0), start = stay0, end = stay1)
    },
    diewert_fox = {
      w0 <- s("w0")
      w1 <- s("w1")
      list(
        stay = list(
          within = ((s("x01") - s("p0")) / w0 + (s("p1") - s("x10")) / w1) * 0.5,
          between = ((s("p1") + s("x10")) / w1 - (s("p0") + s("x01")) / w0) * 0.5
        ),
        start = s("p0") / w0, end = s("p1") / w1
      )
    },
    griliches_regev = {
      R <- (mean0 + mean1) * 0.5
      list(stay = list(within = (gain0 + gain1) * 0.5, between = half * 0.5 - R * share), start = R, end = R)
    },
    foster_haltiwanger_krizan = list(
      stay = list(within = gain0, between = s("x10") / W1 - s("p0") / W0 - mean0 * share, cross = gain1 - gain0),
      start = mean0, end = mean0
    ),
    baily_hulten_campbell = {
      # this method measures from zero, and q from the centre
      R <- dual(rep(-sums$centre, sums$n_units))
      list(stay = list(within = gain0, between = s("p1") / W1 - s("x01") / W0 - R * share), start = R, end = R)
    },
    baldwin_gu = {
      R <- leavers_mean(sums, leavers, mean0)
      list(stay = list(within = (gain0 + gain1) * 0.5, between = half * 0.5 - R * share), start = R, end = R)
    }
  )
}

# Mean at the start of the firms that leave, or of those that close; of all firms where none does
leavers_mean <- function(sums, leavers, otherwise) {
  gone <- function(moment) {
    if (leavers == "deaths") {
      return(unit_sum(sums, "dead", moment))
    }
    unit_sum(sums, "start", moment) - unit_sum(sums, "stay", moment)
  }
  dual_if(has_leavers(sums, leavers), gone("p0") / gone("w0"), otherwise)
}

# Whether the firms that leave a unit have any weight
has_leavers <- function(sums, leavers) {
  w <- match("w0", dual_moments)
  gone <- if (leavers == "deaths") sums$sum$dead[, w] else sums$sum$start[, w] - sums$sum$stay[, w]
  abs(gone) > 1e-12 * abs(sums$sum$start[, w])
}

# Terms of the mean account of all units
mean_terms <- function(method, sums, groups, leavers = "all") {
  if (method == "shapley") {
    return(shapley_terms(sums, groups))
  }
  parts <- method_parts(method, sums, leavers)
  stay <- Map(unit_terms, names(parts$stay), parts$stay)
  join_terms(c(stay, list(group_terms(groups, group_gap(groups, sums, parts)))))
}

# S_g (Phi_g - reference) of groups that come, S_g (reference - Phi_g) of those that go
group_gap <- function(groups, sums, parts) {
  comes <- groups$side == "in"
  unit <- groups$unit
  own <- function(moment) own_sum(groups, sums, moment)
  W0 <- unit_sum(sums, "start", "w0")[unit]
  W1 <- unit_sum(sums, "end", "w1")[unit]
  dual_if(
    comes, (own("p1") - own("w1") * parts$end[unit]) / W1, (own("w0") * parts$start[unit] - own("p0")) / W0
  )
}

# Immigration split into who came and how they did afterwards
#
# S (Phi_1 - R_1) = S (Phi_0* - R_0) + S [(Phi_1 - Phi_0*) - (R_1 - R_0)], Phi_0* the mean of the movers before
# they moved, with their weights then (or now).
sorting_terms <- function(method, sums, groups, leavers, weights) {
  came <- groups[groups$component == "immigration", , drop = FALSE]
  if (method == "shapley") {
    return(sorted_terms(came, shapley_sorting(sums, came)))
  }
  parts <- method_parts(method, sums, leavers)
  own <- function(moment) own_sum(came, sums, moment)
  share <- own("w1") / unit_sum(sums, "end", "w1")[came$unit]
  before <- if (weights == "start") own("p0") / own("w0") else own("x10") / own("w1")
  R0 <- parts$start[came$unit]
  R1 <- parts$end[came$unit]
  after <- own("p1") / own("w1")
  sorted_terms(came, list(sorting = share * (before - R0), post_move = share * ((after - before) - (R1 - R0))))
}

# Both parts of each immigration term, one after the other
sorted_terms <- function(came, parts) {
  terms <- join_terms(Map(function(dual, name) group_terms(came, dual, name), parts, names(parts)))
  pick_terms(terms, order(terms$unit, terms$partner, match(terms$component, c("sorting", "post_move"))))
}

# The size and the share account ---------------------------------------------------------------------

# Flows of size: stayers' growth, births, deaths, transfers at their size before the move, growth after it
flow_terms <- function(sums, groups, y = c("y0", "y1")) {
  own <- function(moment) own_sum(groups, sums, moment)
  comes <- groups$side == "in"
  moved <- groups$component == "immigration"
  size <- dual_if(comes, dual_if(moved, own(y[1]), own(y[2])), -own(y[1]))
  component <- groups$component
  component[moved] <- "transfer_in"
  component[component == "emigration"] <- "transfer_out"
  after <- groups[moved, , drop = FALSE]
  growth <- own_sum(after, sums, y[2]) - own_sum(after, sums, y[1])
  stayers <- unit_sum(sums, "stay", y[2]) - unit_sum(sums, "stay", y[1])
  join_terms(list(
    unit_terms("stayers", stayers), group_terms(groups, size, component), group_terms(after, growth, "post_move")
  ))
}

# Stayers' growth by those that grow and those that shrink
growth_terms <- function(sums) {
  gain <- unit_sum(sums, "stay", "gain")
  net <- unit_sum(sums, "stay", "y1") - unit_sum(sums, "stay", "y0")
  terms <- list(unit_terms("expansion", gain), unit_terms("contraction", net - gain))
  joined <- join_terms(terms)
  pick_terms(joined, order(joined$unit))
}

# Change of a cluster's share: its flows over the mean total, and what the growth of the total takes away
#
# d theta = 1/2 (1/Y1 + 1/Y0) (flows) + 1/2 (Yc1 + Yc0) (1/Y1 - 1/Y0)
share_terms <- function(sums, flows, y = c("y0", "y1")) {
  total0 <- unit_sum(sums, "all", y[1])
  total1 <- unit_sum(sums, "all", y[2])
  per <- (1 / total1 + 1 / total0) * 0.5
  flows$dual <- flows$dual * per[flows$unit]
  level <- (unit_sum(sums, "end", y[2]) + unit_sum(sums, "start", y[1])) * 0.5
  join_terms(list(flows, unit_terms("total_growth", level * (1 / total1 - 1 / total0))))
}

# The system -----------------------------------------------------------------------------------------

# Both accounts inserted in dA = sum thetabar_c dPhi_c + sum dtheta_c (Phibar_c - Abar)
#
# A cluster with firms at one end only has no dPhi; its mean is that of that end.
system_terms <- function(sums, groups, mean) {
  y <- c("w0", "w1")
  W0 <- unit_sum(sums, "start", "w0")
  W1 <- unit_sum(sums, "end", "w1")
  all0 <- unit_sum(sums, "all", "w0")
  all1 <- unit_sum(sums, "all", "w1")
  share <- (W0 / all0 + W1 / all1) * 0.5
  mean0 <- unit_sum(sums, "start", "p0") / W0
  mean1 <- unit_sum(sums, "end", "p1") / W1
  here0 <- W0$v != 0
  here1 <- W1$v != 0
  level <- dual_if(here0 & here1, (mean0 + mean1) * 0.5, dual_if(here0, mean0, dual_if(here1, mean1, 0 * W0)))
  level <- level - (unit_sum(sums, "all", "p0") / all0 + unit_sum(sums, "all", "p1") / all1) * 0.5
  mean <- pick_terms(mean, (here0 & here1)[mean$unit])
  mean$dual <- mean$dual * share[mean$unit]
  moves <- share_terms(sums, flow_terms(sums, groups, y), y)
  # both factors are kept: where they are near 0 their product has more variance than its first derivatives tell
  moves$x <- moves$dual
  moves$y <- level[moves$unit]
  moves$dual <- moves$x * moves$y
  mean$x <- mean$y <- dual(numeric(length(mean$unit)))
  mean$block <- rep("mean", length(mean$unit))
  moves$block <- rep("share", length(moves$unit))
  joined <- lapply(stats::setNames(nm = names(mean)), function(name) {
    if (inherits(mean[[name]], "dual")) {
      return(dual_join(list(mean[[name]], moves[[name]])))
    }
    c(mean[[name]], moves[[name]])
  })
  pick_terms(joined, order(joined$unit, joined$block))
}

# The cells of the system seen as one place: a mover is a firm that stays
merged_cells <- function(cells, n_places) {
  one <- function(place) ifelse(place > n_places, 2L, pmin(place, 1L))
  merge_cells(cells, one(cells$start), one(cells$end))
}

# Cells with other ends; those that become the same are added up, `of` says where each went
merge_cells <- function(cells, start, end) {
  n <- max(start, end) + 1
  key <- (cells$pair * n + start) * n + end
  each <- !duplicated(key)
  merge <- function(x) {
    found <- rowsum(as.matrix(x), key, reorder = FALSE)
    dimnames(found) <- NULL
    found
  }
  list(
    pair = cells$pair[each], start = start[each], end = end[each], count = drop(merge(cells$count)),
    sum = merge(cells$sum), of = match(key, key[each])
  )
}
