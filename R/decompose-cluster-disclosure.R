# Blank cells of the accounts of clusters. A flow of few firms from o to d is a row of o and a row of d, in several
# accounts: it is blank in all of them. Where only one row of an account of a cluster is blank, the next smallest is
# too, and if that is a flow, so is its twin in the other cluster, until no row can be had from a total.

disclose_accounts <- function(tables, min_firms) {
  tables <- disclose_totals(tables, min_firms)
  rows <- tables$size[c("cluster", "start", "end", "component", "partner", "firms")]
  rows <- rows[!rows$component %in% "post_move", , drop = FALSE]
  hidden <- blank_account_rows(rows, tables$totals, min_firms)
  for (name in c("mean", "size", "share", "sorting", "system", "growth", "fallback")) {
    table <- tables[[name]]
    keys <- intersect(c("block", "cluster", "component", "partner"), names(table))
    tables[[name]] <- blank_rows(table, hidden_row(table, rows, hidden), keys)
  }
  tables
}

# Clusters of few firms at one end, and another that would tell of them; the mean of all clusters is kept
disclose_totals <- function(tables, min_firms) {
  totals <- tables$totals
  few <- function(n) n > 0 & n < min_firms
  pair <- row_codes(totals, c("start", "end"))
  blank <- cells_to_blank(
    pmax(totals$firms_start, totals$firms_end), pair, min_firms, few(totals$firms_start) | few(totals$firms_end)
  )
  tables$totals <- blank_rows(totals, blank, "cluster")
  tables
}

# Which flows and groups of firms are hidden, a row for each of the size account (its rows are those of all accounts)
blank_account_rows <- function(rows, totals, min_firms) {
  kind <- flow_kind(rows$component)
  # the same firms have the same code in the cluster they leave and in the one they join
  from <- ifelse(kind == "in", rows$partner, rows$cluster)
  to <- ifelse(kind == "in", rows$cluster, rows$partner)
  moved <- !is.na(rows$partner)
  firms_code <- row_codes(
    data.frame(rows$start, rows$end, from, to, ifelse(moved, "moved", rows$component)), 1:5
  )
  gone <- paste(rows$cluster, rows$start, rows$end) %in%
    with(totals[is.na(totals$firms_start), ], paste(cluster, start, end))
  first <- !duplicated(firms_code)
  firms <- rows$firms[first]
  blank <- (firms > 0 & firms < min_firms) | tapply(gone, firms_code, any)[as.character(firms_code[first])]
  # a flow is part of the account of two clusters
  account <- row_codes(rows, c("cluster", "start", "end"))
  twin <- !first
  other <- account[first]
  other[firms_code[twin]] <- account[twin]
  blank <- cells_to_blank(firms, list(account[first], other), min_firms, as.vector(blank))
  blank[firms_code]
}

flow_kind <- function(component) {
  ifelse(component %in% c("immigration", "transfer_in", "sorting", "post_move", "birth", "gap_in"), "in", "out")
}

# Names of a component in the size account
size_component <- function(component) {
  same <- c(immigration = "transfer_in", sorting = "transfer_in", post_move = "transfer_in", emigration = "transfer_out")
  known <- component %in% names(same)
  component[known] <- same[component[known]]
  inside <- c("within", "covariance", "between", "cross", "selection", "transmission", "expansion", "contraction")
  component[component %in% inside] <- "stayers"
  component
}

# Whether each row of a table is of hidden firms; terms of stayers are, where the stayers are
hidden_row <- function(table, rows, hidden) {
  key <- function(x, component) paste(x$cluster, x$start, x$end, component, x$partner, sep = "\r")
  found <- hidden[match(key(table, size_component(table$component)), key(rows, rows$component))]
  whole <- table$component == "total_growth"
  if (any(whole)) {
    # what the growth of all takes from a share tells its size: hidden with any other row of the cluster
    account <- function(x) paste(x$cluster, x$start, x$end, sep = "\r")
    found[whole] <- account(table)[whole] %in% account(rows)[hidden]
  }
  !is.na(found) & found
}
