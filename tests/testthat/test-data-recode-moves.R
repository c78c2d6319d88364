with_new_ids <- function(...) {
  data <- three_clusters()
  transform(data, id = paste0(id, town), owner = id, ...)
}

recode <- function(data, ..., within = 0:1, match = "owner", ratio = Inf) {
  recode_moves(data, "q", "w", "id", "town", "year", within = within, match = match, ratio = ratio, ...)
}

test_that("movers with new ids are found again: their accounts are those of the true ids", {
  x <- recode(with_new_ids())
  truth <- decompose_long(three_clusters())
  found <- x$mean[x$mean$within == 1, names(truth$mean)]
  expect_equal(found, truth$mean, ignore_attr = TRUE, tolerance = 1e-12)
  hidden <- x$mean[x$mean$within == 0, ]
  expect_false("immigration" %in% hidden$component)
  expect_identical(x$moves$linked, c(0L, 5L))
  # a7, g4 and n4 die; a8, g5, g6 and n5 are born
  expect_identical(x$moves$deaths, c(8L, 3L))
  expect_identical(x$moves$births, c(9L, 4L))
  expect_identical(sort(paste(x$links$died, x$links$born)), c("a4W a4G", "a5W a5G", "a6W a6N", "g3G g3W", "n3N n3G"))
  expect_lt(max(abs(x$residual$residual)), 1e-12)
})

test_that("the change is from the first coding, and the accounts keep their sums", {
  x <- recode(with_new_ids())
  s <- x$sensitivity
  for (account in c("mean", "size")) {
    rows <- s$account == account & s$cluster == "W"
    sums <- tapply(s$estimate[rows], s$within[rows], sum)
    expect_equal(sums[[1]], sums[[2]], tolerance = 1e-12)
  }
  of <- function(within, component) {
    s[s$account == "size" & s$cluster == "W" & s$within == within & s$component == component, ]
  }
  expect_equal(of(0, "death")$estimate, -180)
  expect_equal(of(1, "death")[c("estimate", "change")], data.frame(estimate = -20, change = 160), ignore_attr = TRUE)
  expect_equal(of(1, "transfer_out")$change, -160)
  expect_true(all(s$change[s$within == 0] == 0))
})

test_that("gaps, chains, ratios and closed rows", {
  data <- data.frame(
    id = c("a", "a", "b", "c", "x", "x", "x", "x", "x"), year = c(1, 2, 4, 5, 1:5),
    town = c("A", "A", "B", "A", rep("A", 5)), w = c(10, 10, 14, 9, rep(20, 5)), q = c(1, 1, 2, 3, rep(2, 5))
  )
  links <- function(...) recode(data, match = NULL, ...)$links
  expect_identical(nrow(links(within = 0:1, ratio = 2)), 1L)
  both <- links(within = 0:2, ratio = 2)
  expect_identical(both$died, c("b", "a"))
  expect_identical(both$born, c("c", "b"))
  expect_identical(both$gap, c(1L, 2L))
  expect_identical(nrow(links(within = 2, ratio = 1.45)), 1L)
  # the chain a, b, c is one firm: alive at the start and at the end
  x <- recode(data, match = NULL, within = 2, ratio = 2, pairs = "ends")
  expect_true(all(x$mean$estimate[x$mean$component %in% c("birth", "death")] == 0))
  # rows that say it has closed do not stand in the way
  closed <- rbind(data, data.frame(id = "a", year = 3:4, town = NA, w = NA, q = NA))
  y <- recode(closed, match = NULL, within = 2, ratio = 2, pairs = "ends")
  expect_equal(y$mean, x$mean)
})

test_that("of several births the nearest in time, then in size, is taken; each once", {
  data <- data.frame(
    id = c("k", "l", "m", "n", "z", "z", "z"), year = c(1, 1, 2, 2, 1:3), town = c("A", "A", "B", "B", "A", "A", "A"),
    w = c(10, 20, 19, 11, 1, 1, 1), q = 1
  )
  x <- recode(data, match = NULL, within = 2)
  expect_identical(x$links$died, c("l", "k"))
  expect_identical(x$links$born, c("m", "n"))
  # a missing value matches nothing
  data$owner <- c("o", NA, "p", NA, "q", "q", "q")
  expect_identical(nrow(recode(data)$links), 0L)
})

test_that("print and refusals", {
  expect_snapshot(recode(with_new_ids(), pairs = "ends"), transform = function(x) sub("e-1[0-9]$", "e-1x", x))
  expect_snapshot(error = TRUE, {
    recode(with_new_ids(), within = -1)
    recode(with_new_ids(), ratio = .5)
    recode(with_new_ids(), match = "ovner")
    recode(with_new_ids(), method = "prize")
  })
})
