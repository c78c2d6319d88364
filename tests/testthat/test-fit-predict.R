test_that("relational predictions follow the definition", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data, weights = w)
  v <- predict(fit, type = "utility")
  p <- predict(fit, type = "probability")
  expect_equal(p, exp(v) / rowSums(exp(v)), tolerance = 1e-12)
  expect_identical(colnames(p), letters[1:6])
  expect_identical(rownames(p), as.character(1:400))
  expect_equal(unname(predict(fit, type = "logsum")), unname(log(rowSums(exp(v)))), tolerance = 1e-12)
  stay <- coef(fit)[["stay"]] + coef(fit)[["rent"]] * data$places$rent[1]
  first <- which(data$firms$from == "a")[1]
  expect_equal(v[first, "a"], stay)
  choice <- predict(fit, type = "choice")
  expect_identical(as.integer(choice), max.col(p, "first"))
  expect_identical(levels(choice), letters[1:6])
})

test_that("flows add up the probabilities of the firms of an origin", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data, weights = w)
  flows <- predict(fit, type = "flows")
  expect_named(flows, c("from", "to", "flow"))
  by_hand <- rowsum(predict(fit) * data$firms$w, data$firms$from)
  expect_equal(flows$flow, unname(c(t(by_hand))), tolerance = 1e-12)
  expect_equal(sum(flows$flow), sum(data$firms$w))
  # a model with the constant of staying predicts the observed number of stayers
  stayed <- sum(data$firms$w[data$firms$from == data$firms$to])
  expect_equal(sum(flows$flow[flows$from == flows$to]), stayed, tolerance = 1e-7)
})

test_that("firms without an origin flow from NA", {
  tables <- relocation()
  tables$firms$from[1:40] <- NA
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  fit <- fit_migration(~ rent + distance, data)
  flows <- predict(fit, type = "flows")
  expect_equal(sum(flows$flow[is.na(flows$from)]), 40)
  expect_equal(fit$n_movers, sum(tables$firms$from != tables$firms$to, na.rm = TRUE))
})

test_that("long predictions are in the order of the rows, grouped or not", {
  long <- relocation_long()
  fit <- fit_migration(chosen ~ rent + distance, long, id = "id", place = "place", from = "from")
  relational <- fit_migration(~ rent + distance, relocation_data())
  expect_equal(unname(predict(fit)), unname(c(t(predict(relational)))), tolerance = 1e-9)
  set.seed(1)
  shuffled <- long[sample(nrow(long)), ]
  other <- fit_migration(chosen ~ rent + distance, shuffled, id = "id", place = "place", from = "from")
  expect_equal(predict(other), predict(fit)[row.names(shuffled)], tolerance = 1e-9)
  expect_equal(predict(other, type = "utility"), predict(fit, type = "utility")[row.names(shuffled)], tolerance = 1e-8)
  choice <- predict(fit, type = "choice")
  expect_identical(as.character(predict(other, type = "choice")[names(choice)]), as.character(choice))
  expect_equal(residuals(other, "response"), residuals(fit, "response")[row.names(shuffled)], tolerance = 1e-8)
  expect_equal(
    predict(other, type = "flows")[c("from", "to", "flow")][do.call(order, predict(other, type = "flows")[1:2]), "flow"],
    predict(relational, type = "flows")$flow,
    tolerance = 1e-8
  )
})

test_that("new data of the same kind give the same predictions", {
  data <- relocation_data()
  fit <- fit_migration(~ poly(rent, 2) + log(1 + distance) + keep(size) + factor(kin):wage, data)
  expect_equal(predict(fit, data), predict(fit))
  firms <- data$firms[5:9, ]
  expect_equal(predict(fit, firms), predict(fit)[5:9, ])
  firms$to <- NULL
  expect_equal(predict(fit, firms), predict(fit)[5:9, ])
  expect_equal(predict(fit, firms[1, ]), predict(fit)[5, , drop = FALSE])
  firms$size[2] <- NA
  expect_true(all(is.na(predict(fit, firms)[2, ])))
  expect_equal(predict(fit, firms)[-2, ], predict(fit)[c(5, 7:9), ])
  long <- relocation_long()
  fit <- fit_migration(chosen ~ poly(rent, 2) + distance, long, id = "id", place = "place", from = "from")
  new <- long[long$id %in% 5:9, setdiff(names(long), "chosen")]
  expect_equal(predict(fit, new), predict(fit)[long$id %in% 5:9])
  expect_equal(predict(fit, choice_data(long, "chosen", "id", "place", from = "from")), predict(fit))
})

test_that("cheaper land at a place draws firms there", {
  tables <- relocation()
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  fit <- fit_migration(~ rent + distance, data)
  tables$places$rent[4] <- 0
  cheap <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  expect_true(all(predict(fit, cheap)[, "d"] > predict(fit)[, "d"]))
})

test_that("place constants and nests carry over to new data", {
  data <- relocation_data()
  fit <- fit_migration(~ distance + keep(size) | place, data)
  expect_equal(predict(fit, data$firms[1:7, ]), predict(fit)[1:7, ])
  counts <- table(factor(data$firms$to, letters[1:6]))
  expect_equal(unname(colSums(predict(fit))), as.numeric(counts), tolerance = 1e-7)
  nest <- suppressWarnings(fit_migration(~ rent + distance, data, model = nested(~region)))
  expect_equal(predict(nest, data$firms[1:7, ]), predict(nest)[1:7, ])
  three <- suppressWarnings(fit_migration(~ rent + distance, data, model = nested(~ move / region, "one")))
  expect_equal(predict(three, data$firms[1:7, ]), predict(three)[1:7, ])
  expect_equal(unname(rowSums(predict(three))), rep(1, 400))
})

test_that("probabilities sum to 1 at utilities of any size", {
  long <- ragged_long()
  for (model in list(conditional(), nested(~nest))) {
    long$nest <- c("p", "q")[1 + long$place %in% letters[1:4]]
    fit <- suppressWarnings(fit_migration(chosen ~ x, long, model = model, id = "id", place = "place"))
    new <- long
    new$x <- new$x * 1e4
    p <- predict(fit, new)
    expect_equal(as.vector(rowsum(p, long$id)), rep(1, 150), tolerance = 1e-12)
    expect_false(anyNA(p))
  }
})

test_that("wrong new data are named", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + keep(size), data)
  expect_snapshot(error = TRUE, predict(fit, 1:3))
  expect_snapshot(error = TRUE, predict(fit, data$firms[c("firm", "year", "from")]))
  expect_snapshot(error = TRUE, predict(fit, ragged_data()))
  expect_snapshot(error = TRUE, predict(fit, ragged_long()))
  peers <- fit_migration(~ rent + peers(kin), data)
  expect_equal(predict(peers, data), predict(peers))
  expect_snapshot(error = TRUE, predict(peers, data$firms))
  expect_error(predict(fit, type = "response"), "must be one of .*, not `")
  expect_error(predict(fit, newdta = 1), class = "firmmove_error_argument")
  long <- fit_migration(~x, ragged_data())
  expect_snapshot(error = TRUE, predict(long, ragged_long()[c("id", "x")]))
})

# The n largest of each row of p, as predict(type = "top") tells them
top_by_hand <- function(p, n) {
  do.call(rbind, lapply(seq_len(nrow(p)), function(i) {
    first <- utils::head(order(-p[i, ]), n)
    first <- first[p[i, first] > 0]
    data.frame(
      occasion = rownames(p)[i], rank = seq_along(first), place = factor(colnames(p)[first], colnames(p)),
      probability = unname(p[i, first])
    )
  }))
}

test_that("the likeliest places of every model are those of its probabilities", {
  fits <- fits_of_models()
  for (model in setdiff(names(fits), c("hazard", "ranked", "long"))) {
    fit <- fits[[model]]
    p <- predict(fit)
    top <- predict(fit, type = "top", n = 2)
    expect_equal(top[1:4], top_by_hand(p, 2), tolerance = 1e-12, info = model)
    home <- match(fit$data$firms[[fit$data$names$from]], colnames(p))
    expect_equal(top$stay, unname(p[cbind(seq_len(nrow(p)), home)])[match(top$occasion, rownames(p))], info = model)
    expect_identical(as.character(top$place[top$rank == 1L]), as.character(predict(fit, type = "choice")), info = model)
  }
  expect_identical(predict(fits$conditional, type = "top"), predict(fits$conditional, type = "top", n = 3))
  ranked <- predict(fits$ranked, type = "top", n = 1)
  expect_identical(as.character(ranked$place), as.character(predict(fits$ranked, type = "choice")))
})

test_that("equal probabilities stand in the order of places, in both storages", {
  firms <- data.frame(firm = 1:8, from = rep(c("c", "d"), 4), to = c("c", "d", "a", "b", "d", "c", "b", "a"))
  data <- migration_data(firms, data.frame(place = c("d", "b", "a", "c")))
  fit <- fit_migration(~stay, data, control = migration_control(fixed = c(stay = 1)))
  top <- predict(fit, type = "top", n = 10)
  expect_identical(as.character(top$place[1:4]), c("c", "d", "b", "a"))
  expect_identical(as.character(top$place[5:8]), c("d", "b", "a", "c"))
  expect_equal(top$stay, rep(exp(1) / (exp(1) + 3), 32))
  long <- data.frame(
    id = rep(1:2, each = 3), place = c("c", "b", "a", "a", "b", "c"), x = c(1, 0, 1, 0, 0, 0), chosen = c(1, 0, 0, 0, 1, 0)
  )
  fit <- fit_migration(chosen ~ x, long, id = "id", place = "place", control = migration_control(fixed = c(x = 0)))
  places <- levels(predict(fit, type = "choice"))
  top <- predict(fit, type = "top", n = 2)
  expect_identical(as.character(top$place), rep(places[1:2], 2))
  expect_equal(top$probability, rep(1 / 3, 4))
  expect_true(all(is.na(top$stay)))
})

test_that("an occasion with fewer places has fewer rows, one with a missing value a row of NA", {
  long <- relocation_long()
  long <- long[!(long$id == long$id[1] & long$place %in% c("b", "c", "d", "e", "f") & long$chosen == 0 & long$place != long$from), ]
  fit <- fit_migration(chosen ~ rent + distance, long, id = "id", place = "place", from = "from")
  p <- predict(fit)
  top <- predict(fit, type = "top", n = 4)
  own <- split(unname(p), factor(long$id, unique(long$id)))
  expect_equal(top$probability, unlist(lapply(own, function(x) utils::head(sort(x, decreasing = TRUE), 4)), use.names = FALSE))
  data <- relocation_data()
  fit <- fit_migration(~ rent + keep(w), data)
  firms <- data$firms[1:3, ]
  firms$w[2] <- NA
  top <- predict(fit, firms, type = "top", n = 2)
  expect_identical(top$rank, c(1L, 2L, NA, 1L, 2L))
  expect_true(all(is.na(top[3, c("place", "probability", "stay")])))
  whole <- predict(fit, type = "top", n = 2)
  expect_equal(top$probability[-3], whole$probability[c(1:2, 5:6)])
  firms$w <- NA_real_
  expect_identical(dim(predict(fit, firms, type = "top")), c(3L, 5L))
})

test_that("places asked for must be a number, and have no standard error", {
  fit <- fit_of("conditional")
  expect_error(predict(fit, type = "top", n = 0), "`n` must be a whole number", class = "firmmove_error_argument")
  expect_error(predict(fit, type = "top", se.fit = TRUE), "has no standard error")
})

test_that("a store is told its likeliest places as data in memory are", {
  data <- relocation_data()
  fit <- fit_migration(~ rent + distance, data)
  path <- tempfile("store-")
  on.exit(unlink(path, recursive = TRUE))
  write_store(data, path)
  store <- open_store(path)
  sliced <- fit_migration(~ rent + distance, store, control = migration_control(slice = 100))
  expect_equal(predict(sliced, type = "top", n = 2)[-1], predict(fit, type = "top", n = 2)[-1], tolerance = 1e-8)
})

test_that("what would have more than 2^31 numbers is refused before it is made", {
  expect_silent(refuse_cells("The data", c(46340, 46340), "Take less."))
  expect_error(refuse_cells("The data", c(46341, 46341), "Take less."), class = "firmmove_error_too_large")
  fit <- fit_migration(~ rent, relocation_data(40), control = one_thread())
  # predictions of as many rows as nobody has memory for
  design <- fit_design(fit)
  design$occasion <- structure(list(), class = "endless")
  registerS3method("length", "endless", function(x) 2^31, envir = baseenv())
  for (type in c("probability", "utility")) {
    expect_error(shape_prediction(fit, type, design, fit$data, NULL), "6 numbers, more than 2\\^31", class = "firmmove_error_too_large")
  }
})
