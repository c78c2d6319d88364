# The Shapley (Das Gupta) form of the mean account: what changes a cluster's mean are the productivities of its firms,
# their weights, and who belongs to it.
#
# Only firms seen at both ends have a productivity and a weight to switch; births and deaths are set apart first,
# measured from these firms. With C_0 the firms of the cluster at the start that are seen at the end, wherever, and C_1
# those at the end that were seen at the start,
#
#   v(m, a, b) = sum over C_m of w_a q_b / sum over C_m of w_a,      m, a, b = 0 or 1 (start or end),
#
# and the three parts of v(1,1,1) - v(0,0,0) are Shapley values. A part averages the change in its own switch over the
# states of the other two: 1/3 where both are 0 or both 1, 1/6 in the two mixed states.

# Weight of a state of two switches
state_weight <- function(x, y) if (x == y) 1 / 3 else 1 / 6

# Moment with the sum of w_a q_b
product_moment <- function(a, b) c("p0", "x01", "x10", "p1")[1 + 2 * a + b]

# Average of f(x, y) over the states of two switches
average_states <- function(f) {
  both <- f(0, 0) * state_weight(0, 0) + f(1, 1) * state_weight(1, 1)
  both + f(0, 1) * state_weight(0, 1) + f(1, 0) * state_weight(1, 0)
}

# Sum over the firms of the cluster at one end that are seen at the other
seen_twice <- function(sums, m, moment) {
  # a firm not seen at the other end has no weight there, so that sums of mixed moments leave it out by themselves
  if (m == 0 && moment %in% c("w0", "p0")) {
    return(unit_sum(sums, "start", moment) - unit_sum(sums, "gone", moment))
  }
  if (m == 1 && moment %in% c("w1", "p1")) {
    return(unit_sum(sums, "end", moment) - unit_sum(sums, "new", moment))
  }
  unit_sum(sums, if (m == 0) "start" else "end", moment)
}

# v(m, a, b) of all units
switched_mean <- function(sums, m, a, b) {
  seen_twice(sums, m, product_moment(a, b)) / seen_twice(sums, m, c("w0", "w1")[1 + a])
}

# Terms of the mean account of all units
shapley_terms <- function(sums, groups) {
  v <- function(m, a, b) switched_mean(sums, m, a, b)
  parts <- list(start = v(0, 0, 0), end = v(1, 1, 1))
  moves <- groups$component %in% c("immigration", "emigration")
  dual <- dual_if(moves, average_states(function(a, b) moved_gap(sums, groups, a, b)), group_gap(groups, sums, parts))
  join_terms(list(
    unit_terms("within", average_states(function(m, a) v(m, a, 1) - v(m, a, 0))),
    unit_terms("between", average_states(function(m, b) v(m, 1, b) - v(m, 0, b))),
    group_terms(groups, dual)
  ))
}

# What the arrival, or the leaving, of each group does to the mean at given weights and productivities: v(1, a, b) -
# v(0, a, b)
# splits over groups when each is measured from the stayers
moved_gap <- function(sums, groups, a, b) {
  w <- c("w0", "w1")[1 + a]
  p <- product_moment(a, b)
  stayers <- (unit_sum(sums, "stay", p) / unit_sum(sums, "stay", w))[groups$unit]
  gap <- own_sum(groups, sums, p) - own_sum(groups, sums, w) * stayers
  dual_if(groups$side == "in", gap / seen_twice(sums, 1, w)[groups$unit], -gap / seen_twice(sums, 0, w)[groups$unit])
}

# Immigration at the productivities of the start, and what those of the end add
shapley_sorting <- function(sums, came) {
  sorting <- (moved_gap(sums, came, 0, 0) + moved_gap(sums, came, 1, 0)) * 0.5
  all <- average_states(function(a, b) moved_gap(sums, came, a, b))
  list(sorting = sorting, post_move = all - sorting)
}
