test_that("cells of few firms and what gives them away are blank, totals are kept", {
  lamps <- wenzhou_guzhen()
  full <- decompose_cluster(lamps, "productivity", "jobs", pairs = "ends")
  x <- decompose_cluster(lamps, "productivity", "jobs", pairs = "ends", min_firms = 5)
  few <- full$size$firms > 0 & full$size$firms < 5
  expect_gt(sum(few), 50)
  expect_true(all(is.na(x$size$estimate[few])))
  expect_identical(x$system_total, full$system_total)
  kept <- !is.na(x$totals$firms_start)
  expect_identical(x$totals$size_end[kept], full$totals$size_end[kept])
  # no account has one blank row with firms in it
  hidden <- tapply(is.na(x$size$estimate) & full$size$firms > 0, full$size$cluster, sum)
  expect_true(all(hidden != 1))
  # what is blank where firms leave is blank where they come
  out <- x$size[x$size$component == "transfer_out", ]
  into <- x$size[x$size$component == "transfer_in", ]
  at <- match(paste(out$cluster, out$partner), paste(into$partner, into$cluster))
  expect_identical(is.na(out$estimate), is.na(into$estimate[at]))
  expect_identical(
    is.na(x$mean$estimate[x$mean$component == "emigration"]),
    is.na(out$estimate[match(
      with(x$mean[x$mean$component == "emigration", ], paste(cluster, partner)), paste(out$cluster, out$partner)
    )])
  )
  expect_match(x$reference, "fewer than 5 firms", all = FALSE)
})

test_that("one blank cluster blanks the next smallest", {
  x <- data.frame(time = 1, cluster = letters[1:4], firms = c(2, 30, 12, 40), value = 1:4)
  blank <- disclose(list(totals = x), 3, list(totals = list(by = "time", cell = "cluster")))$totals
  expect_identical(is.na(blank$value), c(TRUE, FALSE, TRUE, FALSE))
  expect_identical(is.na(blank$firms), c(TRUE, FALSE, TRUE, FALSE))
})
