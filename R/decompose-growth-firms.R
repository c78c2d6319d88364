# The regional term split by what firms did. Rows of the start and of the end of a step are two sets of entries,
# each with a cell, a component and a value: +e1 for a firm that is there at the end, -(1 + rate) e0 for one that
# was there at the start. Their sums over a cell are e1 - (1 + rate) e0, the regional term, whatever firms did.

firm_components <- c(
  "stayers", "births", "deaths", "immigration", "emigration", "switch_in", "switch_out",
  "gap_in", "gap_out"
)

# Tables `regional` and `flows`, summed over steps
regional_tables <- function(panel, pairs, steps, span) {
  first <- end_of_firm(panel$firms, last = FALSE)
  last <- end_of_firm(panel$firms, last = TRUE)
  entries <- lapply(seq_len(nrow(pairs)), function(k) {
    firm_entries(panel$firms, pairs[k, 1], pairs[k, 2], steps[[k]]$rate, first, last)
  })
  entries <- lapply(stats::setNames(nm = names(entries[[1]])), function(column) {
    unlist(lapply(entries, `[[`, column), use.names = FALSE)
  })
  inside <- entries$region <= length(panel$region)
  entries <- lapply(entries, `[`, inside)
  list(
    regional = regional_table(entries, panel, steps, span),
    flows = growth_flows(entries, panel, span)
  )
}

# First or last time of each firm, by its code: written in an order in which the right one comes last
end_of_firm <- function(firms, last) {
  ordering <- order(firms$time, decreasing = !last, method = "radix")
  found <- integer(max(firms$firm, 0))
  found[firms$firm[ordering]] <- firms$time[ordering]
  found
}

# Entries of a step: region, industry, component, partner (region, 0 for none), value
firm_entries <- function(firms, from, to, rate, first, last) {
  start <- lapply(firms, `[`, firms$time == from)
  end <- lapply(firms, `[`, firms$time == to)
  before <- match(end$firm, start$firm)
  after <- match(start$firm, end$firm)
  # firms of a region that is the reference are there as partners only
  rate <- rbind(rate, 0)
  came <- classify(end, start, before, first[end$firm] < from, c("births", "immigration", "switch_in", "gap_in"))
  left <- classify(start, end, after, last[start$firm] > to, c("deaths", "emigration", "switch_out", "gap_out"))
  list(
    region = c(end$region, start$region), industry = c(end$industry, start$industry),
    component = c(came$component, left$component), partner = c(came$partner, left$partner),
    value = c(end$size, -(1 + rate[cbind(start$region, start$industry)]) * start$size)
  )
}

# Component of each firm of `here`, seen from `there` at the other end of the step
classify <- function(here, there, row, seen, names) {
  code <- match(names, firm_components)
  away <- is.na(row)
  moved <- !away & there$region[row] != here$region
  switched <- !away & !moved & there$industry[row] != here$industry
  component <- rep(match("stayers", firm_components), length(row))
  component[away] <- code[1]
  component[away & seen] <- code[4]
  component[switched] <- code[3]
  component[moved] <- code[2]
  partner <- integer(length(row))
  partner[moved] <- there$region[row[moved]]
  list(component = component, partner = partner)
}

# Regional term by region, industry and component: 0 where nothing happened, kinds that never happen left out
#
# An undefined rate makes the whole cell undefined, with firms or without.
regional_table <- function(entries, panel, steps, span) {
  dims <- c(length(panel$region), length(panel$industry), length(firm_components))
  sums <- sum_cells(entries$value, entries[c("region", "industry", "component")], dims)
  undefined <- Reduce(`|`, lapply(steps, function(step) is.na(step$rate)))
  common <- c("stayers", "births", "deaths", "immigration", "emigration")
  shown <- firm_components %in% common | tabulate(entries$component, dims[3]) > 0
  terms <- lapply(which(shown), function(k) {
    term <- matrix(sums[, , k], dims[1], dims[2])
    term[undefined] <- NA
    term
  })
  names(terms) <- firm_components[shown]
  table <- stack_cells(terms, panel, span)
  # a firm that stays has an entry at each end of a step
  count <- sum_cells(rep(1, length(entries$value)), entries[c("region", "industry", "component")], dims)
  count[, , 1L] <- count[, , 1L] / 2
  counts <- lapply(which(shown), function(k) matrix(count[, , k], dims[1], dims[2]))
  table$firms <- stack_cells(stats::setNames(counts, names(terms)), panel, span)$estimate
  table
}

# Immigration and emigration by partner; only pairs between which firms moved
growth_flows <- function(entries, panel, span) {
  partners <- c(panel$region, panel$outside)
  moves <- entries$partner > 0
  kept <- lapply(entries, `[`, moves)
  codes <- kept[c("region", "industry", "component", "partner")]
  key <- combine_codes(codes, c(
    length(panel$region), length(panel$industry), length(firm_components),
    length(partners)
  ))
  each <- which(!duplicated(key))
  table <- data.frame(
    region = panel$region[codes$region[each]], industry = panel$industry[codes$industry[each]],
    start = rep(span[1], length(each)), end = rep(span[2], length(each)),
    component = firm_components[codes$component[each]], partner = partners[codes$partner[each]],
    estimate = if (length(each)) as.vector(rowsum(kept$value, key, reorder = FALSE)) else numeric(),
    firms = tabulate(match(key, key[each]), length(each))
  )
  table <- table[order(codes$region[each], codes$industry[each], codes$component[each], codes$partner[each]), ]
  row.names(table) <- NULL
  table
}
