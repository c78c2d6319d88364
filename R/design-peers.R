# peers(): how many other firms of the same group, or linked by the network,
# were at a place `lag` periods before.
#
# State s is the end of period s, state 0 the start of the first period. With
# n_g(s, j) the firms of group g at place j in state s, and o the own place then,
#   count_ij = n_g(s, j) - 1{j = o_i and the firm itself is counted there},
#   share_ij = count_ij / sum_l n_g(s, l),  log1p_ij = log(1 + count_ij).
# Counts are kept by (group, state), sparse over places; the firm's own place is
# a second dimension of the key, so the table has a row for each (group, state,
# own place) that occurs and never one for each firm.

# Component of a peers() atom: codes of the occasions and the counts they refer to
# Value: list(kind, suffix, missing, dims, and either counts (group) or links (network))
peers_component <- function(atom, data, occasions) {
  peers <- atom$peers
  check_peers_data(atom, data)
  index <- peer_index(data)
  # of some rows of larger data: what was counted over all of them
  known <- data$peer_counts[[atom$id]]
  located <- locate_firms(index, length(data$firm), known$states %||% (max(index$time) + 1L))
  state <- pmax(occasions$time - peers$lag, 0L)
  component <- list(kind = "numeric", suffix = "", peers = peers, basis = NULL)
  if (counts_links(peers, data)) {
    return(c(component, list(
      links = peer_links(data), located = located, state = state,
      firms = length(data$firm)
    )))
  }
  group <- peer_groups(peers$group, data, known$labels)
  counts <- known$counts %||% count_peers(located, group, length(data$place))
  c(
    component, group_codes(atom, occasions, state, group, located, counts, length(data$place)),
    list(counts = counts)
  )
}

# peers() needs periods, and a network if it names one
check_peers_data <- function(atom, data) {
  if (is.null(data$time)) {
    abort("`", atom$text, "` counts firms where they were in an earlier period, but the data ",
      "have no periods. Name their column with `time =`.",
      class = "formula"
    )
  }
  if (identical(atom$peers$group, "network") && is.null(data$network) &&
    !"network" %in% variable_tables(data)[[atom$table]]) {
    abort("`", atom$text, "` needs links between firms, but the data have no `network`.",
      class = "formula"
    )
  }
}

# `network` is the table of links, or a column of that name where there is no such table
counts_links <- function(peers, data) {
  identical(peers$group, "network") && !is.null(data$network)
}

# Codes of every row of firms (also the closed): firm, time, origin, chosen place (0 none)
peer_index <- function(data) {
  index <- c(data$index[c("firm", "time")], occasion_places(data))
  list(
    firm = index$firm, time = index$time, origin = no_na(index$origin),
    chosen = no_na(index$chosen)
  )
}

# Where firms were: firm, state, place, and the row of firms that says so
#
# At the end of a period a firm is at its `to`; where it has no row for that
# period, at the `from` of its next one. Closed firms are nowhere.
locate_firms <- function(index, n_firms, states) {
  key <- function(firm, state) combine_codes(list(firm, state + 1L), c(n_firms, states))
  here <- which(index$chosen > 0L)
  before <- which(index$origin > 0L)
  seen <- key(index$firm[before], index$time[before] - 1L) %in% key(index$firm, index$time)
  before <- before[!seen]
  row <- c(here, before)
  firm <- index$firm[row]
  state <- c(index$time[here], index$time[before] - 1L)
  list(
    row = row, firm = firm, state = state, states = states, key = key(firm, state),
    find = key, place = c(index$chosen[here], index$origin[before])
  )
}

# Group of each row of firms as codes, NA where missing; one group for peers()
peer_groups <- function(group, data, labels = NULL) {
  rows <- length(data$index$firm)
  if (is.null(group)) {
    return(list(code = rep(1L, rows), size = 1L))
  }
  value <- group_values(group, data)
  if (!is.null(labels)) {
    return(list(code = match(value, labels), size = length(labels)))
  }
  found <- distinct(value)
  list(code = found$code, size = length(found$values))
}

# Firms by (group, state) and place: sorted codes, their counts, size of each cell
count_peers <- function(located, group, J) {
  code <- group$code[located$row]
  use <- which(!is.na(code))
  cells <- group$size * located$states
  cell <- combine_codes(
    list(code[use], located$state[use] + 1L),
    c(group$size, located$states)
  )
  at <- combine_codes(list(located$place[use], cell), c(J, cells))
  key <- sort(unique(at))
  list(
    key = key, count = as.double(tabulate(match(at, key), length(key))),
    total = as.double(tabulate(cell, cells)), cells = cells
  )
}

# Cell and own place of each occasion, as dimensions of keys
group_codes <- function(atom, occasions, state, group, located, counts, J) {
  code <- group$code[occasions$number]
  missing <- if (anyNA(code)) is.na(code)
  # a group of its own for the occasions that will be dropped: any will do
  code[is.na(code)] <- 1L
  at <- match(located$find(occasions$firm, state), located$key)
  own <- located$place[at]
  own[is.na(own) | !group$code[located$row[at]] %in% seq_len(group$size) |
    group$code[located$row[at]] != code] <- 0L
  dims <- list(
    list(
      code = combine_codes(list(code, state + 1L), c(group$size, located$states)),
      size = counts$cells
    ),
    list(code = own + 1L, size = J + 1L)
  )
  names(dims) <- paste(c("cell", "own"), atom$id)
  list(missing = missing, dims = dims)
}

# Links of the network between firms of the data, sorted by firm
peer_links <- function(data) {
  firm <- match(data$network$firm, data$firm)
  peer <- match(data$network$peer, data$firm)
  use <- which(!is.na(firm) & !is.na(peer) & firm != peer)
  use <- use[order(firm[use], method = "radix")]
  list(
    ptr = c(0L, cumsum(tabulate(firm[use], length(data$firm)))), peer = peer[use],
    weight = as.double(data$network$weight[use])
  )
}

# Table of a peers() component for a relational frame
peers_table <- function(component, frame) {
  if (!is.null(component$links)) {
    return(network_table(component, frame))
  }
  names <- names(component$dims)
  key <- occasion_key(frame, names)
  cell <- key$parts[[names[1L]]]
  own <- key$parts[[names[2L]]] - 1L
  values <- group_rows_of(component, cell, own, frame$J)
  # judged by the counts, so that some rows of larger data are stored as all of them are
  counts <- component$counts
  new_sparse(values, key, frame$J, 2 * length(counts$key) >= sum(counts$total > 0) * frame$J)
}

# Compressed rows of peers for cells and own places
group_rows_of <- function(component, cell, own, J) {
  counts <- component$counts
  first <- findInterval((cell - 1) * J, counts$key)
  number <- findInterval(as.numeric(cell) * J, counts$key) - first
  at <- sequence(number, from = first + 1L)
  row <- rep.int(seq_along(cell), number)
  col <- as.integer(counts$key[at] - (cell[row] - 1) * J)
  val <- scale_peers(
    counts$count[at] - (col == own[row]), counts$total[cell[row]],
    component$peers$scale
  )
  keep <- val != 0
  list(ptr = c(0L, cumsum(tabulate(row[keep], length(cell)))), col = col[keep], val = val[keep])
}

# Share, log1p or count
scale_peers <- function(count, total, scale) {
  switch(scale,
    share = ifelse(total > 0, count / total, 0),
    log1p = log1p(count),
    count = count
  )
}

# Linked firms by firm and period
network_table <- function(component, frame) {
  key <- occasion_key(frame, c("firm", "time"))
  state <- pmax(key$parts$time - component$peers$lag, 0L)
  new_sparse(network_rows(component, key$parts$firm, state, frame$J), key, frame$J)
}

# Compressed rows of linked firms, for firms in states
network_rows <- function(component, firm, state, J) {
  links <- component$links
  located <- component$located
  number <- diff(links$ptr)[firm]
  at <- sequence(number, from = links$ptr[firm] + 1L)
  row <- rep.int(seq_along(firm), number)
  place <- located$place[match(located$find(links$peer[at], state[row]), located$key)]
  use <- which(!is.na(place))
  code <- combine_codes(list(place[use], row[use]), c(J, length(firm)))
  key <- sort(unique(code))
  weight <- links$weight[at][use]
  count <- if (length(key)) as.vector(rowsum(weight, match(code, key))) else numeric()
  row <- as.integer((key - 1) %/% J) + 1L
  total <- numeric(length(firm))
  if (length(key)) total[sort(unique(row))] <- as.vector(rowsum(count, row))
  list(
    ptr = c(0L, cumsum(tabulate(row, length(firm)))), col = as.integer((key - 1) %% J) + 1L,
    val = scale_peers(count, total[row], component$peers$scale)
  )
}

# Peers at each row of long data: place and occasion of the row
peers_column <- function(component, occasions, place, occasion, J) {
  rows <- if (!is.null(component$links)) {
    network_rows(component, occasions$firm, component$state, J)
  } else {
    group_rows_of(component, component$dims[[1L]]$code, component$dims[[2L]]$code - 1L, J)
  }
  sparse_at(rows, place, occasion, J)
}

# Some rows of larger data -----------------------------------------------------------------------------

# The group of each row of firms
group_values <- function(group, data) {
  value <- occasion_column(data, group)
  if (is.factor(value)) as.character(value) else value
}

# What peers() of some rows needs to know of all: by atom list(states, labels, counts), for `peer_counts` of data
# parts: function(s) giving part s of n parts of the data, a firm whole in each.
learn_peers <- function(atoms, parts, n) {
  atoms <- Filter(function(atom) atom$level == "peers", atoms)
  if (length(atoms) == 0L) {
    return(NULL)
  }
  labels <- lapply(atoms, function(atom) NULL)
  for (s in seq_len(n)) {
    data <- parts(s)
    for (atom in atoms) {
      check_peers_data(atom, data)
      if (counts_links(atom$peers, data)) refuse_links(atom)
      if (!is.null(atom$peers$group)) {
        value <- group_values(atom$peers$group, data)
        labels[[atom$id]] <- unique(c(labels[[atom$id]], value[!is.na(value)]))
      }
    }
  }
  known <- lapply(atoms, function(atom) {
    list(states = length(data$time) + 1L, labels = labels[[atom$id]], counts = NULL)
  })
  for (s in seq_len(n)) {
    data <- parts(s)
    for (atom in atoms) {
      more <- count_part(known[[atom$id]], atom, data)
      known[[atom$id]]$counts <- add_counts(known[[atom$id]]$counts, more)
    }
  }
  known
}

refuse_links <- function(atom) {
  abort("`", atom$text, "` follows links between firms that may be in different slices of the data, so it cannot be ",
    "computed slice by slice. Compute it as a column before write_store(), or read the store into memory with ",
    "as_migration_data().",
    class = "store_formula"
  )
}

count_part <- function(known, atom, data) {
  located <- locate_firms(peer_index(data), length(data$firm), known$states)
  count_peers(located, peer_groups(atom$peers$group, data, known$labels), length(data$place))
}

add_counts <- function(a, b) {
  if (is.null(a)) {
    return(b)
  }
  key <- sort(unique(c(a$key, b$key)))
  count <- numeric(length(key))
  count[match(a$key, key)] <- a$count
  at <- match(b$key, key)
  count[at] <- count[at] + b$count
  list(key = key, count = count, total = a$total + b$total, cells = a$cells)
}
