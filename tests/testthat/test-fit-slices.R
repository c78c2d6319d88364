# Which rows -------------------------------------------------------------------------------------------

test_that("slices end with a firm and are cut by rows", {
  firm <- rep(1:6, c(3, 1, 2, 5, 1, 1))
  cut <- slices_of_firms(firm, 4)
  expect_equal(cut$first, c(1, 5, 12))
  expect_equal(cut$last, c(4, 11, 13))
  expect_equal(slices_of_firms(firm, 13)$last, 13)
  expect_equal(slices_of_firms(firm, 1)$last, cumsum(c(3, 1, 2, 5, 1, 1)))
  expect_equal(slices_of_firms(rep(1L, 9), 2)$last, 9)
})

test_that("slices of rows in memory are those of a store", {
  data <- together()
  store <- store_of(data)
  for (rows in c(1, 7, 150, 399, 1000)) {
    expect_equal(
      slices_of_firms(data$index$firm, rows)[c("first", "last")], store_slices(store, rows)[c("first", "last")],
      ignore_attr = TRUE
    )
  }
})

test_that("firms whose rows are together keep their order, others follow their first row", {
  expect_null(firm_order(c(2L, 2L, 1L, 3L, 3L)))
  expect_null(firm_order(4L))
  expect_equal(firm_order(c(2L, 1L, 2L, 3L, 1L)), c(1, 3, 2, 5, 4))
  expect_equal(before(c(3, 0, 2)), c(0, 3, 3))
})

test_that("rows of data keep their keys, weights and long rows", {
  data <- relocation_data(40)
  few <- rows_of(data, c(3, 1))
  expect_equal(few$firms, data$firms[c(3, 1), ])
  expect_equal(few$index$place, data$index$place[c(3, 1)])
  long <- ragged_data(20)
  head <- rows_of(long, 1:4)
  expect_equal(unname(diff(head$start)), unname(diff(long$start)[1:4]))
  expect_equal(nrow(head$data), head$start[5])
  expect_equal(split_at(5:9, c(2, 5)), list(5:6, 7:9))
  expect_equal(
    rows_in_use(list(spec = list(weights = c(2, 3)), occasion = c(1L, 4L)), 4),
    list(weights = c(2, 0, 0, 3), subset = c(TRUE, FALSE, FALSE, TRUE))
  )
})

# The same fit -----------------------------------------------------------------------------------------

test_that("conditional logits in slices are those of the whole, firms together or scattered", {
  formula <- ~ keep(size) + rent + distance
  fits <- in_slices(formula, relocation_data())
  expect_slices_agree(fits)
  expect_slices_agree(in_slices(formula, together()))
  # scattered rows are put together by firm, so that both sum the same slices
  expect_same_bits(fits$sliced, in_slices(formula, together())$sliced)
})

test_that("data are in fact summed in slices", {
  kept <- NULL
  with_function("close_sums", function(sums) kept <<- sums$parts, {
    quiet_fit(~rent, relocation_data(), control = sliced(150))
    expect_length(kept, 3)
    expect_equal(vapply(kept, function(part) part$number, 0L), 1:3)
    quiet_fit(~rent, relocation_data(), control = sliced(400))
    expect_null(kept)
  })
})

test_that("a subset by row numbers, weights and long data are cut alike", {
  data <- relocation_data()
  some <- seq(1, nrow(data$firms), by = 2)
  expect_slices_agree(in_slices(~ rent + distance, data, subset = some, weights = rep(1:2, length.out = nrow(data$firms))))
})

test_that("nested logits in slices are those of the whole", {
  fits <- in_slices(~ keep(size) + rent + distance, relocation_data(), model = nested())
  expect_slices_agree(fits)
})

test_that("mixed logits in slices are those of the whole, as a panel and by occasion", {
  # draws are numbered by occasion there, so that rows put in another order have others
  expect_slices_agree(in_slices(~ rent + distance, relocation_data(), model = few_draws()), 1e-6)
  expect_slices_agree(in_slices(~ rent + distance, together(), model = few_draws(panel = FALSE)), 1e-6)
})

test_that("draws that the user gives by firm are not cut, those for all firms are", {
  set.seed(3)
  draws <- array(stats::runif(200 * 16), c(200, 16, 1))
  own <- mixed(c(rent = "normal"), draws = draws, check_draws = 0)
  fits <- in_slices(~ rent + distance, together(), model = own)
  expect_same_bits(fits$sliced, fits$whole)
  expect_error(quiet_fit(~rent, store_of(together()), model = own), class = "firmmove_error_store_model")
  all <- mixed(c(rent = "normal"), draws = matrix(draws[1, , ], 16), check_draws = 0)
  # a spread of nothing, whose sign, and that of its covariances, is chance
  fits <- in_slices(~ rent + distance, together(), model = all)
  expect_equal(fits$sliced[c("coefficients", "loglik")], fits$whole[c("coefficients", "loglik")], tolerance = 1e-6)
  expect_same_bits(fits$sliced, fits$two)
})

test_that("hazards in slices are those of the whole, with frailty that is there", {
  data <- hazard_data(500, v = 1)
  expect_slices_agree(in_slices(~ push(rent) + w, data, model = hazard(baseline = "log"), slice = 600))
  fits <- in_slices(~ push(rent) + w, data, model = hazard(baseline = "log", frailty = TRUE), slice = 600)
  expect_gt(coef(fits$whole)[["frailty"]], 0.1)
  expect_slices_agree(fits)
})

test_that("latent classes in slices are those of the whole where classes are clear", {
  fits <- in_slices(~ x + y, two_clear_kinds(), model = latent(2, starts = 2))
  expect_slices_agree(fits, 1e-6)
  expect_equal(fits$sliced$shares, fits$whole$shares, tolerance = 1e-6)
  expect_equal(fits$sliced$entropy_r2, fits$whole$entropy_r2, tolerance = 1e-6)
})

test_that("place constants, weights and peers in slices are those of the whole", {
  data <- relocation_data()
  expect_slices_agree(in_slices(~ keep(size) + distance | place, data))
  expect_slices_agree(in_slices(~ rent + distance, data, weights = quote(w)))
  expect_slices_agree(in_slices(~ rent + distance, data, subset = quote(size < 2)))
  expect_slices_agree(in_slices(~ distance + peers(kin), data))
})

test_that("long data of unequal choice sets in slices are those of the whole", {
  expect_slices_agree(in_slices(~ x + y, ragged_data(), slice = 40))
  tables <- two_kinds_long(firms = 120, apart = 1.5)
  panel <- choice_data(tables, "chosen", "id", "place", from = "from", time = "year", firm = "firm")
  expect_slices_agree(in_slices(~ x + y, panel, slice = 100))
  model <- mixed(c(x = "normal"), draws = 16, check_draws = 0)
  expect_slices_agree(in_slices(~ x + y, panel, model = model, slice = 100), 1e-6)
})

test_that("answers of a fit in slices are those of the whole", {
  fits <- in_slices(~ keep(size) + rent + distance, relocation_data())
  expect_equal(vcov(fits$sliced, "robust"), vcov(fits$whole, "robust"), tolerance = 1e-8)
  expect_equal(vcov(fits$sliced, cluster = ~firm), vcov(fits$whole, cluster = ~firm), tolerance = 1e-8)
  expect_equal(fitted(fits$sliced), fitted(fits$whole), tolerance = 1e-8)
  expect_equal(predict(fits$sliced, type = "flows"), predict(fits$whole, type = "flows"), tolerance = 1e-8)
})

# What goes wrong --------------------------------------------------------------------------------------

test_that("an error inside a slice is passed on with its class", {
  lose <- function(kernel, slice) abort("Slice ", slice$number, " is lost.", class = "lost_slice")
  environment(lose) <- asNamespace("firmmove")
  with_function("slice_kernel", lose, expect_error(
    quiet_fit(~rent, relocation_data(), control = sliced(150)), "Slice 1 is lost.", class = "firmmove_error_lost_slice"
  ))
})

test_that("choices that terms separate are found over all slices", {
  tables <- relocation()
  # nobody is at d or goes there
  tables$places$shut <- as.numeric(tables$places$place == "d")
  tables$firms <- tables$firms[tables$firms$to != "d" & tables$firms$from != "d", ]
  data <- migration_data(tables$firms, tables$places, tables$ties, time = "year")
  warned <- function(control) {
    tryCatch(fit_migration(~ rent + shut, data, control = control), firmmove_warning_separated = function(w) {
      conditionMessage(w)
    })
  }
  expect_type(warned(one_thread()), "character")
  expect_identical(warned(sliced(100)), warned(one_thread()))
  # separated in one slice only: the fit is as of the whole
  tables <- relocation()
  first <- seq_len(nrow(tables$firms)) <= 100
  tables$firms$late <- as.numeric(!first)
  tables$places$shut <- as.numeric(tables$places$place == "d")
  data <- migration_data(tables$firms[!(first & tables$firms$to == "d"), ], tables$places, tables$ties, time = "year")
  fits <- in_slices(~ rent + shut, data, slice = 100)
  expect_slices_agree(fits)
})
