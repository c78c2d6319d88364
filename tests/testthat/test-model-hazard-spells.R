# One firm a row of `text`: places by period, "-" for a period without a row, "." for closed
firms_of <- function(text, age = NULL) {
  rows <- lapply(seq_along(text), function(i) {
    at <- strsplit(text[i], "")[[1]]
    n <- length(at) - 1
    from <- at[seq_len(n)]
    to <- at[-1]
    keep <- from != "-" & from != "."
    to[to == "-"] <- from[to == "-"]
    data.frame(firm = paste0("f", i), year = seq_len(n), from = from, to = ifelse(to == ".", NA, to))[keep, ]
  })
  do.call(rbind, rows)
}

panel_of <- function(...) {
  migration_data(firms_of(c(...)), data.frame(place = c("a", "b", "c"), rent = 1:3), time = "year")
}

test_that("durations and spells follow the firm", {
  spells <- hazard_spells(hazard(), panel_of("aaabbb", "aab.", "abab"), choice = TRUE, report = FALSE)
  expect_equal(spells$duration, c(1, 2, 3, 1, 2, 1, 2, 1, 1, 1, 1))
  expect_equal(spells$spell, c(1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7))
  expect_equal(spells$outcome, c(1, 1, 2, 1, 1, 1, 2, 3, 2, 2, 2))
  # only the later rows of a spell would come under observation late
  expect_equal(which(spells$late), c(2, 3, 5, 7))
  moves <- hazard_spells(hazard(risks = "move"), panel_of("aab.", "abab"), TRUE, FALSE)
  expect_equal(moves$outcome, c(1, 2, NA, 2, 2, 2))
  exits <- hazard_spells(hazard(risks = "exit"), panel_of("aab.", "abab"), TRUE, FALSE)
  expect_equal(exits$outcome, c(1, 1, 2, 1, 1, 1))
  expect_equal(exits$spell, c(1, 1, 1, 2, 2, 2))
  # the order of the rows does not matter
  data <- panel_of("aaabbb", "aab.", "abab")
  shuffled <- migration_data(data$firms[11:1, ], data$places, time = "year")
  expect_equal(rev(hazard_spells(hazard(), shuffled, TRUE, FALSE)$duration), spells$duration)
})

test_that("rows without an origin are not at risk, and the spell after them has a known start", {
  firms <- rbind(data.frame(firm = "new", year = 1, from = NA, to = "a"), firms_of("aaaab")[2:4, ])
  firms$firm <- "new"
  data <- migration_data(firms, data.frame(place = c("a", "b"), rent = 1:2), time = "year")
  expect_no_message(spells <- hazard_spells(hazard(), data, TRUE, TRUE))
  expect_equal(spells$duration[-1], 1:3)
  expect_equal(spells$outcome, c(NA, 1, 1, 2))
})

test_that("left censoring, gaps and jumps are told", {
  expect_snapshot(hazard_spells(hazard(), panel_of("aaab", "aabb"), TRUE, TRUE)$duration)
  expect_snapshot(hazard_spells(hazard(), panel_of("aa-aab", "aaaaaa"), TRUE, TRUE)$duration)
  data <- panel_of("aaaa", "bbbb")
  data$firms$from[3] <- "b"
  data$firms$to[3] <- "b"
  jump <- migration_data(data$firms, data$places, time = "year")
  expect_snapshot(hazard_spells(hazard(), jump, TRUE, TRUE)$duration)
})

test_that("rows after closing are an error", {
  firms <- firms_of(c("aaaa", "bbbb"))
  firms$to[2] <- NA
  data <- migration_data(firms, data.frame(place = c("a", "b"), rent = 1:2), time = "year")
  expect_snapshot(error = TRUE, hazard_spells(hazard(), data, TRUE, TRUE))
})

test_that("durations may be given", {
  data <- panel_of("aaab", "aab.")
  data$firms$age <- 10 + seq_len(6)
  spells <- hazard_spells(hazard(duration = "age"), data, TRUE, TRUE)
  expect_equal(spells$duration, 11:16)
  # a spell whose start is seen is not late, whatever the age of the firm
  arrived <- hazard_spells(hazard(duration = ~ 0 * year + 5), panel_of("abb"), TRUE, TRUE)
  expect_equal(arrived$late, c(TRUE, FALSE))
  expect_equal(hazard_spells(hazard(duration = ~ age - 10), data, TRUE, TRUE)$duration, 1:6)
  expect_snapshot(error = TRUE, hazard_spells(hazard(duration = "agee"), data, TRUE, TRUE))
  expect_snapshot(error = TRUE, hazard_spells(hazard(duration = ~ age - 12), data, TRUE, TRUE))
  expect_snapshot(error = TRUE, hazard_spells(hazard(duration = "to"), data, TRUE, TRUE))
  expect_snapshot(error = TRUE, hazard_spells(hazard(duration = ~ age + nothing), data, TRUE, TRUE))
  data$firms$duration <- 1
  expect_snapshot(error = TRUE, hazard_spells(hazard(), data, TRUE, TRUE))
})
