# peers() against counting firm by firm.

data <- random_migration(seed = 3, n = 12)
hand <- by_hand(data)

# location of a firm at the end of period s (0: start of the first period)
where <- function(firm, s, firms) {
  years <- 2001:2003
  if (s > 0) {
    row <- firms[firms$firm == firm & firms$year == years[s], ]
    if (nrow(row)) return(row$to)
  }
  row <- firms[firms$firm == firm & firms$year == years[s + 1], ]
  if (nrow(row)) row$from else NA
}

group_at <- function(firm, s, firms, column) {
  years <- 2001:2003
  row <- if (s > 0) firms[firms$firm == firm & firms$year == years[s], ]
  if (is.null(row) || !nrow(row)) row <- firms[firms$firm == firm & firms$year == years[s + 1], ]
  as.character(row[[column]])
}

count_by_hand <- function(hand, data, lag, weight, include_self = FALSE) {
  ids <- unique(data$firms$firm)
  unname(mapply(function(firm, year, kin, place) {
    s <- max(match(year, 2001:2003) - lag, 0)
    others <- if (include_self) ids else setdiff(ids, firm)
    sum(vapply(others, function(other) {
      at <- where(other, s, data$firms)
      if (is.na(at) || (!is.null(place) && at != place)) return(0)
      weight(firm, other, kin, s)
    }, 0))
  }, hand$firm, hand$year, hand$kin, data$place[hand$place]))
}

same_kin <- function(firm, other, kin, s) as.numeric(group_at(other, s, data$firms, "kin") == kin)

test_that("peers of a group: count, log1p and share, other firms only", {
  x <- design_reference(migration_design(
    ~ peers(kin, scale = "count") + peers(kin, scale = "log1p") + peers(kin), data))
  count <- count_by_hand(hand, data, 1, same_kin)
  total <- rowsum(count_by_hand(hand, data, 1, same_kin, include_self = TRUE), hand$occasion)
  expect_equal(x[[4]], count)
  expect_equal(x[[5]], log1p(count))
  share <- count / total[hand$occasion]
  expect_equal(x[[6]], ifelse(is.nan(share), 0, share))
})

test_that("lags: 0 is the same period, 2 reaches back to the first locations", {
  x <- design_reference(migration_design(
    ~ peers(kin, lag = 0, scale = "count") + peers(kin, lag = 2, scale = "count"), data))
  expect_equal(x[[4]], count_by_hand(hand, data, 0, same_kin))
  expect_equal(x[[5]], count_by_hand(hand, data, 2, same_kin))
})

test_that("peers() counts all other firms, peers(network) the linked ones with weights", {
  x <- design_reference(migration_design(
    ~ peers(scale = "count") + peers(network, scale = "count") + peers(network), data))
  expect_equal(x[[4]], count_by_hand(hand, data, 1, function(...) 1))
  link <- function(firm, other, kin, s) {
    sum(data$network$weight[data$network$firm == firm & data$network$peer == other])
  }
  count <- count_by_hand(hand, data, 1, link)
  expect_equal(x[[5]], count)
  total <- rowsum(count, hand$occasion)[hand$occasion]
  expect_equal(x[[6]], ifelse(total > 0, count / total, 0))
})

test_that("peers interact and carry roles", {
  x <- design_reference(migration_design(
    ~ peers(kin) + peers(kin):price + size:peers(kin) + pull(peers(kin)) + stay:peers(kin), data))
  share <- x$`peers(kin)`
  expect_equal(x$`peers(kin):price`, share * hand$price)
  expect_equal(x$`size:peers(kin)`, share * hand$size)
  expect_equal(x$`pull(peers(kin))`, share * (1 - hand$stay))
  expect_equal(x$`stay:peers(kin)`, share * hand$stay)
})

test_that("a missing group is missing, and is nobody's peer", {
  firms <- data$firms
  firms$kin[3] <- NA
  some <- migration_data(firms, data$places, time = "year")
  design <- migration_design(~ peers(kin, scale = "count"), some)
  expect_length(design$na.action, 1)
  table <- by_hand(data)
  table$kin[table$firm == firms$firm[3] & table$year == firms$year[3]] <- NA
  known <- function(firm, other, kin, s) {
    group <- group_at(other, s, firms, "kin")
    as.numeric(!is.na(kin) && !is.na(group) && group == kin)
  }
  count <- count_by_hand(table, some, 1, known)
  expect_equal(design_reference(design)[[4]], count[!is.na(table$kin)])
})

test_that("long data give the same peers", {
  long <- expand_long(data)
  wide <- migration_design(~ peers(kin) + peers(scale = "log1p"), data)
  ragged <- migration_design(
    ~ peers(kin) + peers(scale = "log1p"),
    choice_data(long, "chosen", "occasion", "place", firm = "firm", from = "from", time = "year"))
  # the long table lacks the closed firm, which was at its origin before
  closed <- data$firms[is.na(data$firms$to), ]
  later <- wide$occasion
  same <- data$firms$year[later] < closed$year
  a <- design_reference(wide)
  b <- design_reference(ragged)
  keep <- same[a$occasion]
  expect_gt(sum(keep), 10)
  expect_equal(a[keep, 4], b[keep, 4])
  expect_equal(a[keep, 5], b[keep, 5])
})

test_that("without a network, `network` may be a column of firms", {
  firms <- transform(data$firms, network = kin)
  some <- migration_data(firms, data$places, time = "year")
  expect_equal(design_reference(migration_design(~ peers(network), some))[[4]],
               design_reference(migration_design(~ peers(kin), data))[[4]])
})

test_that("bad peers() are explained", {
  expect_snapshot(error = TRUE, {
    migration_design(~ peers(kim), data)
    migration_design(~ peers(kin, lag = -1), data)
    migration_design(~ peers(kin, lag = 1.5), data)
    migration_design(~ peers(kin, scale = "log"), data)
    migration_design(~ peers(kin, weight = 1), data)
    migration_design(~ peers(log(size)), data)
    migration_design(~ push(peers(kin)), data)
  })
  cross <- migration_data(subset(data$firms, year == 2001), subset(data$places, year == 2001))
  expect_snapshot(error = TRUE, migration_design(~ peers(kin), cross))
  alone <- migration_data(data$firms, data$places, time = "year")
  expect_snapshot(error = TRUE, migration_design(~ peers(network), alone))
})
