quietly <- function(code) suppressMessages(code, classes = "firmmove_message")

# Worked numbers -------------------------------------------------------------------------------------

test_that("three clusters with moves: the worked account of cluster W", {
  x <- decompose_long(three_clusters())
  of <- function(table, component, partner = NA, cluster = "W") {
    row <- table$cluster == cluster & table$component == component & table$partner %in% partner
    table$estimate[row]
  }
  W <- x$totals[x$totals$cluster == "W", ]
  expect_equal(W$value_start, 1.7684210526, tolerance = 1e-9)
  expect_equal(W$value_end, 1.8076923077, tolerance = 1e-9)
  expect_equal(W$change, .0392712551, tolerance = 1e-9)
  stay <- decompose_long(subset(three_clusters(), id %in% c("a1", "a2", "a3")))$totals
  expect_equal(c(stay$value_start, stay$value_end), c(1.65, 1.87), tolerance = 1e-12)
  expect_equal(30 / W$size_end, .1153846154, tolerance = 1e-9)
  expect_equal(of(x$mean, "within"), .2, tolerance = 1e-12)
  expect_equal(of(x$mean, "covariance"), .02, tolerance = 1e-12)
  expect_equal(of(x$mean, "birth"), -.0196153846, tolerance = 1e-9)
  expect_equal(of(x$mean, "death"), .0447368421, tolerance = 1e-9)
  expect_equal(of(x$mean, "immigration", "G"), -.0426923077, tolerance = 1e-9)
  expect_equal(of(x$mean, "emigration", "G"), -.1434210526, tolerance = 1e-9)
  expect_equal(of(x$mean, "emigration", "N"), -.0197368421, tolerance = 1e-9)
  expect_equal(of(x$sorting, "sorting", "G"), -.02884615385, tolerance = 1e-9)
  expect_equal(of(x$sorting, "post_move", "G"), -.01384615385, tolerance = 1e-9)
  expect_identical(
    account_of(x$size, "W"),
    c(birth = 30, death = -20, post_move = 0, stayers = 0, transfer_in = 30, transfer_out = -160)
  )
  expect_identical(x$growth$estimate[x$growth$cluster == "W"], c(10, -10))
  expect_identical(c(W$size_start, W$size_end, W$size_change), c(380, 260, -120))
  expect_named(x$mean, c(
    "cluster", "start", "end", "component", "partner", "estimate", "std.error", "conf.low", "conf.high", "df", "firms"
  ))
  expect_lt(max(abs(x$residual$residual)), 1e-14)
})

six_methods <- list(
  baily_hulten_campbell = c(within = -.1872, between = -.2097, birth = .3663, death = -.2978),
  griliches_regev = c(within = -.18385, between = -.037534, birth = -.128336, death = .02132),
  foster_haltiwanger_krizan = c(within = -.1872, between = -.022822, cross = .0067, birth = -.179238, death = .05416),
  baldwin_gu = c(within = -.18385, between = -.04926, birth = -.09529, death = 0),
  diewert_fox = c(within = -.247797101449275, between = -.0360797101449275, birth = -.112223188405797, death = .0677),
  melitz_polanec = c(within = -.305, covariance = .0211231884057971, birth = -.112223188405797, death = .0677)
)
back_again <- list(
  baily_hulten_campbell = c(within = .1805, between = .2164, birth = .2978, death = -.3663),
  griliches_regev = c(within = .18385, between = .037534, birth = -.02132, death = .128336),
  foster_haltiwanger_krizan = c(within = .1805, between = .052246, cross = .0067, birth = .01152, death = .077434),
  baldwin_gu = c(within = .18385, between = .08307258, birth = .06147742, death = 0),
  diewert_fox = c(within = .247797101449275, between = .0360797101449275, birth = -.0677, death = .112223188405797),
  melitz_polanec = c(within = .305, covariance = -.0211231884057971, birth = -.0677, death = .112223188405797)
)

decompose_six <- function(data, method, ...) {
  decompose_cluster(data, "q", "w", "id", "place", "t", method = method, ...)
}

test_that("six methods on the firms of dfvad's test file, forth and back", {
  for (method in cluster_methods) {
    forth <- decompose_six(six_firms(), method)
    expected <- six_methods[[method]]
    expect_equal(account_of(forth$mean, "all")[names(expected)], expected, tolerance = 1e-9)
    expect_equal(forth$totals$change, -.3284, tolerance = 1e-12)
    back <- decompose_six(six_firms(periods = 2:3), method)
    expected <- back_again[[method]]
    expect_lt(max(abs(account_of(back$mean, "all")[names(expected)] - expected)), 1e-8)
    expect_equal(back$totals$change, .3284, tolerance = 1e-12)
  }
})

test_that("the six firms' means, the shares and means of their stayers, and growth on three scales", {
  all <- decompose_six(six_firms(), "melitz_polanec")$totals
  expect_equal(c(all$value_start, all$value_end), c(1.7598, 1.4314), tolerance = 1e-12)
  stay <- decompose_six(subset(six_firms(), id <= 4), "melitz_polanec")
  expect_equal(c(stay$totals$value_start, stay$totals$value_end), c(1.8275, 1.54362318840580), tolerance = 1e-12)
  expect_equal(c(stay$totals$size_start, stay$totals$size_end), c(.80, .69), tolerance = 1e-12)
  plain <- vapply(1:2, function(t) {
    level <- decompose_productivity(subset(six_firms(periods = t), id <= 4), "q", "w", cluster = "place")$level
    level$estimate[level$component == "mean"]
  }, 1)
  expect_equal(plain, c(1.7925, 1.4875), tolerance = 1e-12)
  expect_equal(all$change / all$value_start, -.186612115, tolerance = 1e-8)
  expect_equal(log(all$value_end / all$value_start), -.2065471799, tolerance = 1e-9)
})

test_that("an entrant that sorts first changes nothing (dfvad: wrong totals)", {
  for (method in cluster_methods) {
    plain <- decompose_six(six_firms(), method)
    first <- decompose_six(six_firms(entrants = c(0, 8)), method)
    expect_equal(first$mean$estimate, plain$mean$estimate, tolerance = 1e-12)
  }
})

test_that("without exiters the terms still add up (dfvad: Baldwin and Gu do not)", {
  data <- six_firms()
  data <- data[!data$id %in% 5:6, ]
  one <- data$t == 1
  data$w[one] <- data$w[one] / sum(data$w[one])
  expected <- list(
    griliches_regev = c(within = -.20725, between = -.0500205, birth = -.1388295, death = 0),
    foster_haltiwanger_krizan = c(within = -.234, between = -.015375, cross = .0535, birth = -.200225, death = 0),
    melitz_polanec = c(within = -.305, covariance = .021123188, birth = -.11222319, death = 0)
  )
  for (method in names(expected)) {
    got <- account_of(decompose_six(data, method)$mean, "all")[names(expected[[method]])]
    expect_lt(max(abs(got - expected[[method]])), 1e-8)
  }
  gu <- decompose_six(data, "baldwin_gu")
  expect_equal(gu$totals$change, -.3961, tolerance = 1e-12)
  expect_equal(sum(gu$mean$estimate), -.3961, tolerance = 1e-12)
  expect_match(gu$notes$note, "nobody leaves")
})

# Against the reference ------------------------------------------------------------------------------

test_that("all methods agree with the definitions on random panels", {
  set.seed(11)
  for (draw in seq_len(6)) {
    data <- random_panel(60, 3, 3)
    for (method in all_methods) {
      x <- quietly(decompose_long(data, method))
      for (pair in list(c(2001, 2002), c(2001, 2003))) {
        for (cluster in unique(x$totals$cluster)) {
          expected <- reference_mean(data, cluster, pair[1], pair[2], method)
          got <- account_of(x$mean, cluster, pair[1], pair[2])[names(expected$terms)]
          got[is.na(names(got))] <- 0
          expect_lt(max(abs(got - expected$terms)), 1e-11)
          flows <- x$mean[x$mean$cluster == cluster & x$mean$start == pair[1] & x$mean$end == pair[2] &
                            x$mean$component == "immigration", ]
          expect_equal(flows$estimate, unname(expected$from[flows$partner]), tolerance = 1e-10)
        }
      }
    }
  }
})

test_that("every table adds up on random panels with moves, births, deaths and empty groups", {
  n <- if (identical(Sys.getenv("NOT_CRAN"), "true") && !nzchar(Sys.getenv("FIRMMOVE_SANITIZE"))) 400 else 60
  set.seed(23)
  worst <- 0
  for (draw in seq_len(n)) {
    data <- random_panel(sample(5:40, 1), sample(1:4, 1), sample(2:3, 1), stats::runif(1), stats::runif(1, .05, .6),
                         stats::runif(1))
    if (length(unique(data$year)) < 2) next
    x <- quietly(decompose_long(data, all_methods[draw %% 8 + 1]))
    scale <- pmax(1, max(abs(x$totals[c("value_start", "value_end", "size_start", "size_end")]), na.rm = TRUE))
    expect_false(anyNA(x$residual$residual[x$residual$table %in% c("size", "system")]))
    worst <- max(worst, abs(x$residual$residual) / scale, na.rm = TRUE)
    # transfers are zero-sum
    transfers <- x$size[x$size$component %in% c("transfer_in", "transfer_out"), ]
    if (nrow(transfers)) {
      net <- rowsum(transfers$estimate, paste(transfers$start, transfers$end))
      worst <- max(worst, abs(net) / scale)
    }
    # immigration is who came and how they did
    came <- x$mean[x$mean$component == "immigration", ]
    parts <- rowsum(x$sorting$estimate, paste(x$sorting$cluster, x$sorting$start, x$sorting$end, x$sorting$partner))
    gap <- came$estimate - parts[match(paste(came$cluster, came$start, came$end, came$partner), rownames(parts))]
    worst <- max(worst, abs(gap) / scale, na.rm = TRUE)
    worst <- max(worst, abs(rowsum(x$relocation$difference, paste(x$relocation$start, x$relocation$end))))
  }
  expect_lt(worst, 1e-10)
})

# Properties -----------------------------------------------------------------------------------------

test_that("rows, ids and types do not matter, nor the unit of the weights", {
  set.seed(5)
  data <- random_panel(80, 3, 3)
  same <- function(x, y, columns = c("cluster", "start", "end", "component", "partner", "estimate", "std.error")) {
    for (table in c("mean", "sorting")) expect_equal(x[[table]][columns], y[[table]][columns], tolerance = 1e-9)
  }
  x <- quietly(decompose_long(data))
  same(x, quietly(decompose_long(data[sample(nrow(data)), ])))
  changed <- data
  changed$id <- factor(paste("firm", 1000 - data$id))
  same(x, quietly(decompose_long(changed)))
  changed$id <- data$id * 1e7 + 0.5
  same(x, quietly(decompose_long(changed)))
  changed$id <- as.Date("2000-01-01") + data$id
  same(x, quietly(decompose_long(changed)))
  changed$id <- paste0(ifelse(data$id %% 2 == 0, "\u53e4", "a"), data$id)
  same(x, quietly(decompose_long(changed)))
  same(x, quietly(decompose_long(transform(data, w = w * 1000))))
  skip_if_not_installed("tibble")
  same(x, quietly(decompose_long(tibble::as_tibble(transform(data, town = factor(town))))))
})

test_that("a constant added to performance changes nothing but Baily, Hulten and Campbell", {
  set.seed(6)
  data <- random_panel(80, 3, 2)
  for (method in all_methods) {
    x <- quietly(decompose_long(data, method))
    y <- quietly(decompose_long(transform(data, q = q + 100), method))
    moved <- max(abs(x$mean$estimate - y$mean$estimate), na.rm = TRUE)
    if (method == "baily_hulten_campbell") expect_gt(moved, 1) else expect_lt(moved, 1e-10)
    if (method != "baily_hulten_campbell") expect_equal(x$mean$std.error, y$mean$std.error, tolerance = 1e-7)
    expect_equal(x$mean$estimate[x$mean$component == "within"], y$mean$estimate[y$mean$component == "within"],
                 tolerance = 1e-10)
  }
})

test_that("relations between methods hold", {
  set.seed(8)
  data <- random_panel(100, 2, 2)
  account <- lapply(stats::setNames(nm = cluster_methods), function(m) account_of(decompose_long(data, m)$mean, "T1"))
  mp <- account$melitz_polanec
  df <- account$diewert_fox
  fhk <- account$foster_haltiwanger_krizan
  gr <- account$griliches_regev
  expect_equal(sum(df[c("within", "between")]), sum(mp[c("within", "covariance")]), tolerance = 1e-12)
  expect_equal(df[["birth"]], mp[["birth"]], tolerance = 1e-12)
  expect_equal(df[["emigration"]], mp[["emigration"]], tolerance = 1e-12)
  expect_equal(fhk[["within"]], account$baily_hulten_campbell[["within"]], tolerance = 1e-12)
  expect_equal(account$baldwin_gu[["within"]], gr[["within"]], tolerance = 1e-12)
  expect_equal(fhk[["within"]] + fhk[["cross"]] / 2, gr[["within"]], tolerance = 1e-12)
  expect_equal(account$baldwin_gu[["death"]] + account$baldwin_gu[["emigration"]], 0, tolerance = 1e-12)
})

test_that("time reversal swaps coming and going and flips the sign", {
  set.seed(9)
  data <- random_panel(100, 3, 2)
  other <- c(within = "within", covariance = "covariance", between = "between", birth = "death", death = "birth",
             immigration = "emigration", emigration = "immigration")
  for (method in c("melitz_polanec", "diewert_fox", "griliches_regev", "shapley")) {
    forth <- account_of(decompose_long(data, method)$mean, "T2")
    back <- account_of(decompose_long(transform(data, year = -year), method)$mean, "T2")
    expect_equal(unname(back[other[names(forth)]]), unname(-forth), tolerance = 1e-11)
  }
})

test_that("moves coded as deaths and births give the published methods", {
  set.seed(10)
  data <- random_panel(100, 3, 2)
  recoded <- transform(data, id = paste(id, town))
  for (method in cluster_methods) {
    x <- account_of(decompose_long(data, method)$mean, "T1")
    y <- account_of(decompose_long(recoded, method)$mean, "T1")
    expect_equal(y[["birth"]], x[["birth"]] + x[["immigration"]], tolerance = 1e-11)
    expect_equal(y[["death"]], x[["death"]] + x[["emigration"]], tolerance = 1e-11)
    expect_equal(y[["within"]], x[["within"]], tolerance = 1e-11)
  }
})

test_that("Price: on survivors, selection is the between of Foster, Haltiwanger and Krizan", {
  set.seed(18)
  data <- random_panel(60, 1, 2, exit = 1e-9, late = 0)
  price <- account_of(decompose_long(data, "price")$mean, "T1")
  fhk <- account_of(decompose_long(data, "foster_haltiwanger_krizan")$mean, "T1")
  expect_equal(price[["selection"]], fhk[["between"]], tolerance = 1e-12)
  expect_equal(price[["transmission"]], fhk[["within"]] + fhk[["cross"]], tolerance = 1e-12)
})

test_that("Shapley without moves is Diewert and Fox; with moves it is the game of three factors", {
  set.seed(19)
  data <- random_panel(100, 3, 2)
  recoded <- transform(data, id = paste(id, town))
  x <- decompose_long(recoded, "shapley")$mean
  y <- decompose_long(recoded, "diewert_fox")$mean
  expect_equal(x$estimate, y$estimate, tolerance = 1e-11)
  expect_equal(x$std.error, y$std.error, tolerance = 1e-8)
  # the worked example, by hand: cluster W, immigration of g3 and its two parts
  x <- decompose_long(three_clusters(), "shapley")
  share <- c(30 / 230, 30 / 230)
  stay <- c(330 / 200, 1.87, (220 + 96 + 52) / 200, (220 + 75 + 40) / 200)
  at <- function(a, q, phi) share[a] * (q - phi)
  gap <- c(at(1, 1.4, 1.65), at(1, 1.5, 368 / 200), at(2, 1.4, 335 / 200), at(2, 1.5, 1.87))
  row <- x$mean$cluster == "W" & x$mean$component == "immigration"
  expect_equal(x$mean$estimate[row], sum(gap * c(2, 1, 1, 2)) / 6, tolerance = 1e-12)
  expect_equal(x$sorting$estimate[x$sorting$cluster == "W"],
               c((gap[1] + gap[3]) / 2, sum(gap * c(2, 1, 1, 2)) / 6 - (gap[1] + gap[3]) / 2), tolerance = 1e-12)
})

test_that("the transfers between merged clusters vanish", {
  data <- three_clusters()
  merged <- transform(data, town = ifelse(town == "W", "W", "rest"))
  x <- decompose_long(data)$size
  y <- decompose_long(merged)$size
  expect_false(any(y$cluster == "rest" & y$partner %in% c("G", "N")))
  expect_equal(account_of(y, "W"), account_of(x, "W"))
  out <- function(x) sum(x$estimate[x$cluster != "W" & x$component == "transfer_out"])
  expect_equal(out(x) - out(y), -40)
})

test_that("the system seen as one place is Melitz and Polanec's own account", {
  data <- three_clusters()
  x <- decompose_long(data)
  all <- decompose_long(transform(data, town = "all"))
  expect_equal(x$system_total$change, all$totals$change, tolerance = 1e-12)
  shown <- stats::setNames(x$relocation$ignoring_places, x$relocation$component)
  alone <- account_of(all$mean, "all")
  expect_equal(shown[names(alone)], alone, tolerance = 1e-12)
  expect_equal(sum(x$system$estimate), x$system_total$change, tolerance = 1e-12)
})

test_that("consecutive pairs chain to the end points in totals", {
  set.seed(12)
  data <- random_panel(100, 3, 4)
  x <- quietly(decompose_long(data))
  totals <- x$totals[x$totals$cluster == "T1", ]
  last <- totals$start == 2001 & totals$end == 2004
  expect_equal(sum(totals$change[!last]), totals$change[last], tolerance = 1e-12)
  ends <- quietly(decompose_long(data, pairs = "ends"))
  whole <- x$mean$start == 2001 & x$mean$end == 2004
  expect_equal(ends$mean$estimate, x$mean$estimate[whole], tolerance = 1e-12)
  expect_equal(ends$mean$std.error, x$mean$std.error[whole], tolerance = 1e-12)
  expect_equal(ends$size$estimate, x$size$estimate[x$size$start == 2001 & x$size$end == 2004], tolerance = 1e-12)
  expect_equal(ends$size$std.error, x$size$std.error[x$size$start == 2001 & x$size$end == 2004], tolerance = 1e-12)
  apart <- quietly(decompose_long(data, pairs = "consecutive"))
  expect_equal(apart$mean$estimate, x$mean$estimate[!whole], tolerance = 1e-12)
})

# Standard errors ------------------------------------------------------------------------------------

test_that("standard errors are those of the influence functions of Melitz and Polanec", {
  set.seed(13)
  data <- random_panel(200, 2, 2)
  wide <- merge(data[data$year == 2001, ], data[data$year == 2002, ], by = "id", all = TRUE, suffixes = c("0", "1"))
  n <- nrow(wide)
  w0 <- ifelse(is.na(wide$w0), 0, wide$w0)
  w1 <- ifelse(is.na(wide$w1), 0, wide$w1)
  q0 <- ifelse(is.na(wide$q0), 0, wide$q0)
  q1 <- ifelse(is.na(wide$q1), 0, wide$q1)
  c0 <- wide$town0 %in% "T1"
  c1 <- wide$town1 %in% "T1"
  mean_of <- function(g, w, q) sum(w[g] * q[g]) / sum(w[g])
  IF_mean <- function(g, w, q) g * w * (q - mean_of(g, w, q)) / sum(w[g])
  IF_share <- function(g, all, w) (all * w * (g - sum(w[g]) / sum(w[all]))) / sum(w[all])
  S <- c0 & c1
  IF_plain <- function(q) S * (q - mean(q[S])) / sum(S)
  term <- function(g, all, w, q) {
    share <- sum(w[g]) / sum(w[all])
    gap <- mean_of(g, w, q) - mean_of(S, w, q)
    IF_share(g, all, w) * gap + share * (IF_mean(g, w, q) - IF_mean(S, w, q))
  }
  came <- c1 & wide$town0 %in% "T2"
  left <- c0 & wide$town1 %in% "T2"
  IF <- list(
    within = IF_plain(q1) - IF_plain(q0),
    covariance = IF_mean(S, w1, q1) - IF_plain(q1) - IF_mean(S, w0, q0) + IF_plain(q0),
    birth = term(c1 & is.na(wide$town0), c1, w1, q1), immigration = term(came, c1, w1, q1),
    death = -term(c0 & is.na(wide$town1), c0, w0, q0), emigration = -term(left, c0, w0, q0)
  )
  x <- decompose_long(data)
  mine <- x$mean[x$mean$cluster == "T1", ]
  # each group of firms with its n / (n - 1)
  own <- list(birth = c1 & is.na(wide$town0), immigration = came, death = c0 & is.na(wide$town1), emigration = left)
  more <- function(n) n / (n - 1)
  error <- function(name) {
    g <- own[[name]] %||% rep(FALSE, length(S))
    sqrt(sum(IF[[name]][g]^2) * more(max(2, sum(g))) + sum(IF[[name]][!g]^2) * more(sum(S)))
  }
  expect_equal(mine$std.error, unname(vapply(mine$component, error, 1)), tolerance = 1e-9)
  expect_identical(mine$firms[mine$component %in% c("birth", "immigration")], c(sum(own$birth), sum(came)) + 0)
  # the influences of the terms add up to that of the change
  change <- IF_mean(c1, w1, q1) - IF_mean(c0, w0, q0)
  expect_equal(Reduce(`+`, IF), change, tolerance = 1e-12)
  error <- sqrt(sum(change^2) * more(min(sum(c0), sum(c1))))
  expect_equal(x$totals$std.error[x$totals$cluster == "T1"], error, tolerance = 1e-9)
  # a count varies with who is drawn
  y <- w0 * left
  expect_equal(x$size$std.error[x$size$cluster == "T1" & x$size$component == "transfer_out"],
               sqrt(sum((y - mean(y))^2)), tolerance = 1e-9)
})

test_that("grouped by firm, errors are those of firms", {
  set.seed(14)
  data <- random_panel(150, 3, 3)
  for (method in c("melitz_polanec", "baldwin_gu", "price", "shapley")) {
    x <- quietly(decompose_long(data, method))
    y <- quietly(decompose_long(data, method, se_cluster = "id"))
    expect_equal(all_errors(y), all_errors(x), tolerance = 1e-8)
  }
})

bootstrap_ratio <- function(data, unit, draws, method, se_cluster = NULL, tables = c("mean", "size")) {
  rows <- split(seq_len(nrow(data)), data[[unit]])
  errors <- all_errors(decompose_long(data, method, se_cluster = se_cluster), tables)
  found <- matrix(NA_real_, draws, length(errors), dimnames = list(NULL, names(errors)))
  for (b in seq_len(draws)) {
    pick <- sample(length(rows), replace = TRUE)
    copy <- data[unlist(rows[pick]), ]
    copy$id <- paste(copy$id, rep(seq_along(pick), lengths(rows[pick])))
    drawn <- all_estimates(decompose_long(copy, method), tables)
    found[b, intersect(names(drawn), names(errors))] <- drawn[intersect(names(drawn), names(errors))]
  }
  errors / apply(found, 2, stats::sd, na.rm = TRUE)
}

test_that("standard errors are near those of a bootstrap of firms", {
  skip_on_cran()
  skip_if(nzchar(Sys.getenv("FIRMMOVE_SANITIZE")), "long")
  set.seed(15)
  data <- random_panel(1500, 2, 2, move = .3, exit = .2, late = .4)
  ratio <- bootstrap_ratio(data, "id", 300, "melitz_polanec")
  # 300 draws know a standard error to some 4%
  expect_gt(min(ratio), .85)
  expect_lt(max(ratio), 1.15)
  expect_lt(abs(mean(ratio) - 1), .03)
  data$group <- (data$id - 1) %% 300
  data$q <- data$q + stats::rnorm(300)[data$group + 1]
  ratio <- bootstrap_ratio(data, "group", 200, "griliches_regev", se_cluster = "group")
  expect_gt(min(ratio), .8)
  expect_lt(max(ratio), 1.2)
  expect_lt(abs(mean(ratio) - 1), .05)
})

# Sums over the firms of a group in every draw: multiplicities (draws x firms) times x
drawn_accounts <- function(times, wide) {
  sum_of <- function(group, x) drop(times %*% ifelse(group, x, 0))
  here <- list(wide$town0 %in% "T1", wide$town1 %in% "T1")
  w <- list(ifelse(here[[1]], wide$w0, 0), ifelse(here[[2]], wide$w1, 0))
  q <- list(wide$q0, wide$q1)
  stay <- here[[1]] & here[[2]]
  mean_of <- function(group, t) sum_of(group, w[[t]] * q[[t]]) / sum_of(group, w[[t]])
  plain <- function(t) sum_of(stay, q[[t]]) / drop(times %*% stay)
  gap <- function(group, t) {
    sum_of(group, w[[t]]) / sum_of(here[[t]], w[[t]]) * (mean_of(group, t) - mean_of(stay, t))
  }
  cbind(
    within = plain(2) - plain(1), covariance = mean_of(stay, 2) - plain(2) - mean_of(stay, 1) + plain(1),
    birth = gap(here[[2]] & is.na(wide$w0), 2), immigration = gap(here[[2]] & wide$town0 %in% "T2", 2),
    death = -gap(here[[1]] & is.na(wide$w1), 1), emigration = -gap(here[[1]] & wide$town1 %in% "T2", 1)
  )
}

test_that("1,500 firms, 2,000 draws: each component's standard error is within 5% of the bootstrap's", {
  skip_on_cran()
  skip_if(nzchar(Sys.getenv("FIRMMOVE_SANITIZE")), "long")
  set.seed(16)
  data <- random_panel(1500, 2, 2, move = .3, exit = .2, late = .4)
  data$w <- stats::rlnorm(nrow(data), 2, .5)
  wide <- merge(data[data$year == 2001, ], data[data$year == 2002, ], by = "id", all = TRUE, suffixes = c("0", "1"))
  n <- nrow(wide)
  x <- decompose_long(data)$mean
  x <- x[x$cluster == "T1", ]
  once <- drawn_accounts(matrix(1, 1, n), wide)
  expect_equal(x$estimate, once[1, x$component], ignore_attr = TRUE, tolerance = 1e-10)
  draws <- drawn_accounts(t(stats::rmultinom(2000, n, rep(1, n))) + 0, wide)
  ratio <- x$std.error / apply(draws, 2, stats::sd)[x$component]
  expect_gt(min(ratio), .95)
  expect_lt(max(ratio), 1.05)
})

# The share block of the system and the relocation table in every draw
drawn_system <- function(times, wide) {
  sum_of <- function(group, x) drop(times %*% ifelse(group & !is.na(x), x, 0))
  both <- !is.na(wide$w0) & !is.na(wide$w1)
  all <- rep(TRUE, nrow(wide))
  total <- list(sum_of(all, wide$w0), sum_of(all, wide$w1))
  level <- list(sum_of(all, wide$w0 * wide$q0) / total[[1]], sum_of(all, wide$w1 * wide$q1) / total[[2]])
  found <- list()
  share_change <- 0
  within <- 0
  for (c in c("T1", "T2")) {
    here <- list(wide$town0 %in% c, wide$town1 %in% c)
    size <- list(sum_of(here[[1]], wide$w0), sum_of(here[[2]], wide$w1))
    mean <- list(sum_of(here[[1]], wide$w0 * wide$q0) / size[[1]], sum_of(here[[2]], wide$w1 * wide$q1) / size[[2]])
    gap <- (mean[[1]] + mean[[2]] - level[[1]] - level[[2]]) / 2
    per <- (1 / total[[1]] + 1 / total[[2]]) / 2 * gap
    stay <- here[[1]] & here[[2]]
    came <- here[[2]] & !is.na(wide$town0) & !here[[1]]
    left <- here[[1]] & !is.na(wide$town1) & !here[[2]]
    found[[c]] <- cbind(
      stayers = sum_of(stay, wide$w1 - wide$w0) * per, birth = sum_of(here[[2]] & is.na(wide$w0), wide$w1) * per,
      transfer_in = sum_of(came, wide$w0) * per, post_move = sum_of(came, wide$w1 - wide$w0) * per,
      death = -sum_of(here[[1]] & is.na(wide$w1), wide$w0) * per, transfer_out = -sum_of(left, wide$w0) * per,
      total_growth = (size[[1]] + size[[2]]) / 2 * (1 / total[[2]] - 1 / total[[1]]) * gap
    )
    share_change <- share_change + (size[[2]] / total[[2]] - size[[1]] / total[[1]]) * gap
    d_plain <- sum_of(stay, wide$q1 - wide$q0) / drop(times %*% stay)
    within <- within + (size[[2]] / total[[2]] + size[[1]] / total[[1]]) / 2 * d_plain
  }
  list(share = do.call(cbind, found), relocation = cbind(
    within = within - sum_of(both, wide$q1 - wide$q0) / drop(times %*% both), share = share_change
  ))
}

# Ratios of the standard errors of both tables to those of 4,000 draws; `apart` is how much better firms of T2 are
system_ratio <- function(apart) {
  set.seed(24)
  data <- random_panel(1200, 2, 2, move = .3, exit = .2, late = .4)
  data$w <- stats::rlnorm(nrow(data), 2, .5)
  data$q <- data$q + apart * (data$town == "T2")
  wide <- merge(data[data$year == 2001, ], data[data$year == 2002, ], by = "id", all = TRUE, suffixes = c("0", "1"))
  x <- decompose_long(data)
  draws <- drawn_system(t(stats::rmultinom(4000, nrow(wide), rep(1, nrow(wide)))) + 0, wide)
  once <- drawn_system(matrix(1, 1, nrow(wide)), wide)
  share <- x$system[x$system$block == "share", ]
  expect_equal(share$estimate, once$share[1, ], ignore_attr = TRUE, tolerance = 1e-9)
  relocation <- x$relocation[match(c("within", "share"), x$relocation$component), ]
  expect_equal(relocation$difference, once$relocation[1, ], ignore_attr = TRUE, tolerance = 1e-9)
  deviation <- function(x) apply(x, 2, stats::sd)
  list(share = share$std.error / deviation(draws$share),
       relocation = relocation$std.error / deviation(draws$relocation))
}

test_that("products of two differences: standard errors within 5% of the bootstrap's, clusters alike or not", {
  skip_on_cran()
  skip_if(nzchar(Sys.getenv("FIRMMOVE_SANITIZE")), "long")
  for (apart in c(1, 0)) {
    ratio <- system_ratio(apart)
    expect_gt(min(ratio$share), .95)
    expect_lt(max(ratio$share), 1.05)
    # sums over clusters are of first order: near the bootstrap where clusters differ
    expect_lt(max(abs(ratio$relocation[if (apart) 1:2 else 1] - 1)), .05)
  }
})

test_that("errors of sums over clusters are those of firms, grouped by firm or not", {
  set.seed(25)
  data <- random_panel(150, 3, 3)
  x <- quietly(decompose_long(data))
  y <- quietly(decompose_long(data, se_cluster = "id"))
  expect_equal(y$relocation, x$relocation, tolerance = 1e-8)
  # seen as one place, the terms and their errors are those of an account without places
  one <- quietly(decompose_long(transform(data, town = "all")))$mean
  key <- function(t) paste(t$start, t$end, t$component)
  at <- match(key(one), key(x$relocation))
  expect_equal(x$relocation$ignoring_places[at], one$estimate, tolerance = 1e-10)
  expect_equal(
    x$relocation$ignoring_places.std.error[at], one$std.error,
    tolerance = 0.05, ignore_attr = TRUE
  )
  # with one place nothing is different
  alone <- quietly(decompose_long(transform(data, town = "all")))$relocation
  expect_lt(max(abs(alone$difference), alone$std.error), 1e-7)
})

test_that("a million firms: the C pass against sums in R", {
  skip_on_cran()
  skip_if(nzchar(Sys.getenv("FIRMMOVE_SANITIZE")), "long")
  set.seed(17)
  n <- 1e6
  w <- matrix(stats::rexp(2 * n), n)
  q <- matrix(stats::rnorm(2 * n), n)
  town <- matrix(sample(c(1:3, NA), 2 * n, TRUE), n)
  x <- decompose_cluster(
    data.frame(id = rep(seq_len(n), 2), year = rep(1:2, each = n), town = c(town), w = c(w), q = c(q)),
    "q", "w", "id", "town", "year"
  )
  here <- function(t) town[, t] %in% 1
  stay <- here(1) & here(2)
  mean_of <- function(group, t) sum(w[group, t] * q[group, t]) / sum(w[group, t])
  gap <- function(group, t) sum(w[group, t]) / sum(w[here(t), t]) * (mean_of(group, t) - mean_of(stay, t))
  d_plain <- mean(q[stay, 2]) - mean(q[stay, 1])
  expected <- c(
    d_plain, mean_of(stay, 2) - mean_of(stay, 1) - d_plain, gap(here(2) & is.na(town[, 1]), 2),
    gap(here(2) & town[, 1] %in% 2, 2), gap(here(2) & town[, 1] %in% 3, 2), -gap(here(1) & is.na(town[, 2]), 1),
    -gap(here(1) & town[, 2] %in% 2, 1), -gap(here(1) & town[, 2] %in% 3, 1)
  )
  expect_lt(max(abs(x$mean$estimate[x$mean$cluster == "1"] - expected)), 1e-12)
})

# Options and input ----------------------------------------------------------------------------------

test_that("migration data need no key columns, and another size can be counted", {
  lamps <- wenzhou_guzhen(1996:1998)
  x <- decompose_cluster(lamps, "productivity", "jobs", size = "output")
  y <- decompose_cluster(lamps$firms, "productivity", "jobs", "firm", "to", "year", size = "output")
  order <- function(t) t[do.call(base::order, t[c("start", "end", "cluster", "component", "partner")]), "estimate"]
  expect_equal(order(x$mean), order(y$mean))
  expect_equal(order(x$size), order(y$size))
  alive <- lamps$firms[lamps$firms$year == 1998 & !is.na(lamps$firms$to), ]
  here <- alive$to == "Guzhen"
  totals <- x$totals[x$totals$cluster == "Guzhen" & x$totals$end == 1998 & x$totals$start == 1996, ]
  expect_equal(totals$size_end, sum(alive$output[here]))
  expect_equal(totals$value_end, stats::weighted.mean(alive$productivity[here], alive$jobs[here]))
  expect_equal(totals$firms_end, sum(here))
})

test_that("a firm out of sight is no death", {
  data <- data.frame(id = c(1, 1, 2, 2, 2, 3, 3, 3), t = c(1, 3, 1, 2, 3, 1, 2, 3), place = "a", q = 1:8, w = 1)
  expect_message(x <- decompose_six(data, "melitz_polanec"), class = "firmmove_message_gap")
  first <- x$mean$start == 1 & x$mean$end == 2
  expect_equal(x$mean$estimate[first & x$mean$component == "death"], 0)
  expect_equal(x$mean$estimate[first & x$mean$component == "gap_out"], (4.5 - 1) / 3, tolerance = 1e-12)
  expect_lt(max(abs(x$residual$residual)), 1e-12)
  expect_false("gap_in" %in% x$mean$component[x$mean$start == 1 & x$mean$end == 3])
  expect_message(y <- decompose_six(data, "melitz_polanec", gaps = "exit"), "death and a birth")
  first_y <- y$mean$start == 1 & y$mean$end == 2
  expect_equal(y$mean$estimate[first_y & y$mean$component == "death"],
               x$mean$estimate[first & x$mean$component == "gap_out"])
  expect_error(decompose_six(data, "melitz_polanec", gaps = "error"), class = "firmmove_error_gap")
})

test_that("without stayers the two methods that need them are NA with a reason, and Griliches and Regev stand in", {
  data <- data.frame(id = c(1:4, 5, 5), t = c(1, 1, 2, 2, 1, 2), place = c("a", "a", "a", "a", "b", "b"),
                     q = c(1, 2, 3, 5, 1, 2), w = 1)
  for (method in c("melitz_polanec", "diewert_fox", "price", "shapley")) {
    x <- decompose_six(data, method)
    expect_true(all(is.na(x$mean$estimate[x$mean$cluster == "a"])))
    expect_false(anyNA(x$mean$estimate[x$mean$cluster == "b"]))
    expect_match(x$notes$note[x$notes$cluster == "a"], "no firm stays")
    expect_equal(sum(x$fallback$estimate), 2.5)
    expect_equal(x$residual$residual[x$residual$table == "system"], 0, tolerance = 1e-12)
  }
  one <- decompose_six(data[data$place == "b", ], "melitz_polanec")
  expect_equal(one$mean$estimate[one$mean$component == "covariance"], 0)
})

test_that("a cluster that appears has a size account, and no mean to compare", {
  data <- data.frame(id = c(1, 1, 2, 2, 3), t = c(1, 2, 1, 2, 2), place = c("a", "a", "a", "b", "b"), q = 1:5, w = 1)
  x <- decompose_six(data, "melitz_polanec")
  expect_true(all(is.na(x$mean$estimate[x$mean$cluster == "b"])))
  expect_match(x$notes$note, "no firm at the start", all = FALSE)
  expect_equal(account_of(x$size, "b")[c("birth", "transfer_in")], c(birth = 1, transfer_in = 1))
  expect_equal(sum(x$system$estimate), x$system_total$change, tolerance = 1e-12)
})

test_that("firms of weight zero are in unweighted means only when they are kept", {
  data <- rbind(six_firms(), data.frame(id = 99, t = 1:2, q = c(50, -50), w = 0, place = "all"))
  expect_message(x <- decompose_six(data, "melitz_polanec"), class = "firmmove_message_zero_weight")
  expect_equal(account_of(x$mean, "all")[names(six_methods$melitz_polanec)], six_methods$melitz_polanec, tolerance = 1e-9)
  kept <- quietly(decompose_six(data, "melitz_polanec", zero_weight = "keep"))
  expect_equal(kept$mean$estimate[1], (4 * -.305 - 100) / 5, tolerance = 1e-12)
  expect_equal(sum(kept$mean$estimate), -.3284, tolerance = 1e-12)
})

test_that("Baldwin and Gu measure from deaths alone when asked", {
  data <- three_clusters()
  x <- decompose_long(data, "baldwin_gu", leavers = "deaths")
  expect_equal(unname(account_of(x$mean, "W")["death"]), 0, tolerance = 1e-12)
  expect_gt(abs(account_of(x$mean, "W")["emigration"]), .1)
  expect_lt(max(abs(x$residual$residual)), 1e-13)
  y <- decompose_long(data, "baldwin_gu", leavers = "deaths", se_cluster = "id")
  expect_equal(y$mean$std.error, x$mean$std.error, tolerance = 1e-8)
})

test_that("movers can be weighted as they are after the move", {
  x <- decompose_long(three_clusters(), sorting_weight = "end")
  row <- x$sorting$cluster == "G" & x$sorting$partner == "W"
  before <- (100 * 2.5 + 20 * 1.2) / 120
  stay0 <- (120 * 2.2 + 70 * 1.9) / 190
  expect_equal(x$sorting$estimate[row][1], 120 / 460 * (before - stay0), tolerance = 1e-12)
})

test_that("logs are taken where asked", {
  x <- decompose_six(six_firms(), "melitz_polanec", log = TRUE)
  expect_equal(x$totals$change, -.2234156308, tolerance = 1e-9)
})

test_that("negative weights warn and the account adds up", {
  data <- six_firms()
  data$w[3] <- -.02
  expect_warning(x <- decompose_six(data, "foster_haltiwanger_krizan"), class = "firmmove_warning_negative_weight")
  expect_equal(sum(x$mean$estimate), x$totals$change, tolerance = 1e-12)
})

test_that("bad input is told in words", {
  data <- six_firms()
  expect_snapshot(error = TRUE, {
    decompose_six(rbind(data, data[2, ]), "melitz_polanec")
    decompose_six(transform(data, q = replace(q, 3, NA)), "melitz_polanec")
    decompose_six(transform(data, w = replace(w, 3:4, Inf)), "melitz_polanec")
    decompose_six(transform(data, q = as.character(q)), "melitz_polanec")
    decompose_six(transform(data, q = q - 1.5), "melitz_polanec", log = TRUE)
    decompose_six(data[data$t == 1, ], "melitz_polanec")
    decompose_six(transform(data, place = NA), "melitz_polanec")
    decompose_six(data, "melitz_pollanec")
    decompose_six(data[0, ], "melitz_polanec")
    decompose_six(data, "melitz_polanec", se_cluster = "place")
    decompose_cluster(data, "tfp", "w", "id", "place", "t")
    decompose_cluster(data, "q", "w", "id", "place")
    decompose_cluster(1:3, "q", "w", "id", "place", "t")
    decompose_cluster(data, "q", "w", "id", "place", "t", conf.level = 95)
  })
})

test_that("the print shows an account that adds up, with its reference", {
  expect_snapshot({
    decompose_long(three_clusters())
    decompose_six(six_firms(), "baldwin_gu")
  })
})
