moves <- ~ keep(size) + rent + distance

# The same bits ----------------------------------------------------------------------------------------

test_that("a conditional logit on a store is bit for bit the one in memory", {
  fit <- expect_store_bits(moves, together())
  expect_equal(coef(fit)[["distance"]], -0.8, tolerance = 0.5)
  # rows of a firm apart: they are put together alike
  expect_store_bits(moves, relocation_data(), shards = 61)
  # a slice for each firm
  expect_store_bits(moves, together(relocation(80)), slice = 1, shards = 262144)
})

test_that("all other models on a store are bit for bit those in memory", {
  expect_store_bits(moves, together(), model = nested(), shards = 61)
  expect_store_bits(~ rent + distance, together(), model = few_draws(), shards = 61)
  expect_store_bits(~ rent + distance, relocation_data(), model = few_draws(panel = FALSE), shards = 61)
  expect_store_bits(~ x + y, two_clear_kinds(), model = latent(2, starts = 2), shards = 101)
  data <- hazard_data(300, v = 1)
  for (frailty in c(FALSE, TRUE)) {
    model <- hazard(baseline = "log", frailty = frailty)
    expect_store_bits(~ push(rent) + w, data, model = model, slice = 500, shards = 333)
  }
  expect_store_bits(~ push(rent) + w, data, model = hazard(baseline = "dummies"), slice = 500, shards = 333)
})

test_that("membership of latent classes by numbers and by words a slice lacks is that in memory", {
  tables <- two_kinds(firms = 200, times = 3, apart = 1.5)
  tables$firms <- tables$firms[order(tables$firms$segment, tables$firms$firm), ]
  data <- migration_data(tables$firms, tables$places, time = "year")
  expect_store_bits(~ x + y, data, model = latent(2, ~ z + segment, starts = 2), slice = 250, shards = 101)
})

test_that("the bundled data on a store give the same bits", {
  formula <- ~ keep(log(size)) + push(land_price) + pull(makers) + log(distance) + same_dialect
  fit <- expect_store_bits(formula, wenzhou_guzhen(), slice = 2000, shards = 5000)
  expect_equal(fit$n, 17517)
})

test_that("slices for which there is no room wait on disk, and their files go", {
  store <- store_of(together())
  memory <- little_memory(store, moves)
  # a file of a slice loses its name once it is open: nobody cuts it, and a session that is killed leaves none
  files <- function() list.files(tempdir(), "^slice-.*fms$")
  open <- function() length(unique(grep("slice-.*deleted", readLines("/proc/self/maps"), value = TRUE)))
  before <- files()
  seen <- 0L
  old <- slice_kernel
  look <- function(kernel, slice) {
    seen <<- max(seen, if (file.exists("/proc/self/maps")) open() else 2)
    old(kernel, slice)
  }
  fit <- with_function("slice_kernel", look, quiet_fit(moves, store, control = sliced(150, memory = memory)))
  expect_equal(seen, 2)
  expect_setequal(files(), before)
  expect_same_bits(fit, quiet_fit(moves, together(), control = sliced(150)))
})

# What formulas and rows may have ----------------------------------------------------------------------

test_that("factors, also those whose levels the first slice lacks, are those of all rows", {
  tables <- relocation()
  tables$firms <- tables$firms[order(tables$firms$kin, tables$firms$firm), ]
  tables$firms$firm <- paste(tables$firms$firm, tables$firms$kin)
  tables$firms$grade <- factor(c(Li = "late", Wang = "early", Zhu = "mid")[tables$firms$kin], c("early", "mid", "late", "never"))
  data <- together(tables)
  # the first slice has one kin only, and none that is not "Li"
  for (formula in list(
    ~ keep(kin) + rent, ~ keep(grade) + rent, ~ rent + rent:grade, ~ keep(factor(round(size))) + rent,
    ~ keep(kin == "Zhu") + rent, ~ keep(log(size + 1)) + rent
  )) {
    expect_store_bits(formula, data, shards = 61)
  }
})

test_that("peers, offsets and place constants are those of all rows", {
  data <- together()
  expect_store_bits(~ distance + peers(kin), data, shards = 61)
  expect_store_bits(~ distance + peers(lag = 1), data, shards = 61)
  expect_store_bits(~ rent + offset(0.5 * distance), data, shards = 61)
  expect_store_bits(~ keep(size) + distance | place, data, shards = 61)
})

test_that("places nobody chose have no constant on a store either", {
  tables <- relocation()
  tables$firms <- tables$firms[tables$firms$to != "c", ]
  data <- together(tables)
  fit <- expect_store_bits(~ distance | place, data, shards = 61)
  expect_equal(names(which(!is.finite(fit$effects))), "c")
  store <- store_of(data)
  expect_snapshot(fit <- fit_migration(~ distance | place, store, control = sliced(150)))
})

test_that("subset and weights are looked up in the rows, with the caller's values", {
  data <- together()
  limit <- 1.5
  above <- function(x) x > limit
  formula <- ~ rent + distance
  expect_store_bits(formula, data, weights = quote(w), shards = 61)
  store <- store_of(data)
  memory <- fit_migration(formula, data, subset = above(size), weights = w * limit, control = sliced(150))
  expect_same_bits(
    fit_migration(formula, store, subset = above(size), weights = w * limit, control = sliced(150)), memory
  )
  expect_same_bits(fit_migration(formula, store, subset = size > limit, control = sliced(150)),
                   fit_migration(formula, data, subset = size > limit, control = sliced(150)))
  scaled <- function(x) x / limit
  expect_same_bits(fit_migration(~ pull(scaled(rent)) + distance, store, control = sliced(150)),
                   fit_migration(~ pull(scaled(rent)) + distance, data, control = sliced(150)))
  # weights as the data have them, or as one number for each row of the whole
  tables <- relocation()
  weighted <- migration_data(data$firms, tables$places, tables$ties, time = "year", weights = "w")
  expect_store_bits(formula, weighted, shards = 61)
  own <- rep_len(c(1, 2, 0.5), nrow(data$firms))
  expect_same_bits(fit_migration(formula, store, weights = own, control = sliced(150)),
                   fit_migration(formula, data, weights = own, control = sliced(150)))
})

test_that("a slice without an occasion adds nothing", {
  data <- together()
  expect_store_bits(~ rent + distance, data, subset = quote(seq_along(size) > 0 & size > 0), shards = 61)
  tables <- relocation()
  tables$firms$first <- tables$firms$firm %in% data$firms$firm[1:160]
  data <- together(tables)
  expect_store_bits(~ rent + distance, data, subset = quote(!first), shards = 61)
  expect_store_bits(~ distance | place, data, subset = quote(!first), shards = 61)
  expect_store_bits(~ keep(kin) + peers(kin), data, subset = quote(!first), shards = 61)
  # levels are learnt from the slices after the empty one
  expect_store_bits(~ keep(factor(round(size))) + rent, data, subset = quote(!first), shards = 61, slice = 100)
  store <- store_of(data)
  expect_snapshot(error = TRUE, fit_migration(~rent, store, subset = size < 0, control = sliced(150)))
})

test_that("missing values are dropped, kept apart or refused as in memory", {
  tables <- relocation()
  tables$firms$size[c(3, 200, 201, 390)] <- NA
  tables$firms$w[77] <- NA
  data <- together(tables)
  formula <- ~ keep(size) + keep(w) + rent
  fit <- expect_store_bits(formula, data, shards = 61)
  expect_equal(fit$n, 395)
  expect_store_bits(formula, data, na.action = na.exclude, shards = 61)
  store <- store_of(data)
  memory <- quiet_fit(formula, data, control = sliced(150))
  streamed <- quiet_fit(formula, store, control = sliced(150))
  expect_equal(length(streamed$na.action), length(memory$na.action))
  expect_equal(attr(streamed$na.action, "counts"), attr(memory$na.action, "counts"))
  expect_equal(class(quiet_fit(formula, store, na.action = na.exclude, control = sliced(150))$na.action), "exclude")
  expect_error(fit_migration(formula, store, na.action = na.fail, control = sliced(150)), class = "firmmove_error_missing")
  # all of a slice missing
  tables$firms$size[tables$firms$firm %in% data$firms$firm[1:160]] <- NA
  fit <- expect_store_bits(~ keep(size) + rent, together(tables), shards = 61)
  streamed <- quiet_fit(~ keep(size) + rent, store_of(together(tables)), control = sliced(150))
  expect_equal(attr(streamed$na.action, "counts"), attr(fit$na.action, "counts"))
  expect_equal(length(streamed$na.action), length(fit$na.action))
})

test_that("ties of single firms and places not on offer are those in memory", {
  tables <- relocation()
  set.seed(5)
  kin <- expand.grid(firm = unique(tables$firms$firm), to = letters[1:6], stringsAsFactors = FALSE)
  kin$cousins <- rpois(nrow(kin), 1)
  tables$ties$open <- tables$ties$distance < 1.9
  firms <- tables$firms[order(match(tables$firms$firm, unique(tables$firms$firm))), ]
  data <- migration_data(firms, tables$places, list(ties = tables$ties, kin = kin), time = "year")
  fit <- expect_store_bits(~ rent + cousins, data, shards = 61)
  expect_true("cousins" %in% names(coef(fit)))
  used <- tables$ties$open[match(paste(firms$from, firms$to), paste(tables$ties$from, tables$ties$to))]
  firms <- firms[is.na(used) | used, ]
  limited <- migration_data(firms, tables$places, tables$ties, time = "year", available = "open")
  expect_store_bits(~ rent + distance, limited, shards = 61)
})

test_that("a store that is written again and opened again is fitted again", {
  data <- together()
  store <- store_of(data)
  fit <- fit_migration(~rent, store, control = sliced(150))
  store <- write_store(data, store$path, shard_rows = 90, overwrite = TRUE)
  expect_same_bits(fit_migration(~rent, store, control = sliced(150)), fit)
  tables <- relocation(200)
  store <- write_store(together(tables), store$path, overwrite = TRUE)
  expect_equal(fit_migration(~rent, store, control = sliced(150))$n, 200)
})

# What is refused --------------------------------------------------------------------------------------

test_that("terms that depend on all rows are refused with what to do", {
  store <- store_of(together())
  expect_snapshot(error = TRUE, {
    fit_migration(~ keep(poly(size, 2)) + rent, store)
    fit_migration(~ keep(scale(size)) + rent, store)
    fit_migration(~ keep(w - mean(w)) + rent, store)
    fit_migration(~ x, store_of(two_clear_kinds(50)), model = latent(2, ~ scale(z)))
  })
})

test_that("models that need all data are refused", {
  store <- store_of(together())
  regions <- data.frame(place = letters[1:6], nest = rep(c("n", "s"), 3))
  expect_snapshot(error = TRUE, {
    fit_migration(~rent, store, model = chain(kin))
    fit_migration(~rent, store, model = ranked())
    fit_migration(~rent, store, model = cross_nested(regions))
  })
})

test_that("functions of all rows are refused where the first slice does not show it", {
  tables <- relocation()
  tables$firms$flat <- 1
  store <- store_of(together(tables))
  for (formula in list(~ keep(flat - mean(flat)) + rent, ~ keep(size / max(size)) + rent, ~ keep(cut(size, 3)) + rent)) {
    expect_error(fit_migration(formula, store, control = sliced(150)), class = "firmmove_error_store_formula")
  }
  breaks <- c(-Inf, 0, Inf)
  expect_s3_class(quiet_fit(~ keep(cut(size - 1, breaks)) + rent, store, control = sliced(150)), "migration_fit")
})

test_that("a memory in which no slice can be built is an error with one in which it can", {
  store <- store_of(together())
  error <- tryCatch(fit_migration(~rent, store, control = sliced(300, memory = 180000)), error = identity)
  expect_s3_class(error, "firmmove_error_memory")
  expect_match(conditionMessage(error), "a slice of 300 rows needs about .*slice = [0-9]+")
  expect_error(fit_migration(~rent, store, control = sliced(300, memory = 1000)), "memory = \\)[.]$")
  less <- as.numeric(sub(".*slice = ([0-9]+).*", "\\1", conditionMessage(error)))
  expect_lt(less, 300)
  expect_s3_class(fit_migration(~rent, store, control = sliced(less, memory = 180000)), "migration_fit")
})

test_that("a store that changes or goes under a fit ends it", {
  data <- together()
  store <- store_of(data)
  change <- function(of) {
    count <- 0L
    old <- slice_data
    with_function("slice_data", function(plan, s) {
      count <<- count + 1L
      if (count == 4L) of()
      old(plan, s)
    }, tryCatch(fit_migration(moves, store, control = sliced(150)), error = identity))
  }
  tables <- relocation()
  tables$firms$size <- 2 * tables$firms$size
  error <- change(function() write_store(together(tables), store$path, overwrite = TRUE))
  expect_s3_class(error, "firmmove_error_store_changed")
  expect_match(conditionMessage(error), "Open it again")
  # the fit does not take up the new rows by itself
  expect_error(fit_migration(moves, store, control = sliced(150)), class = "firmmove_error_store_changed")
  # between the look at the manifest and the reading of rows
  store <- store_of(data)
  read <- store_data
  late <- function(...) {
    write_store(together(tables), store$path, overwrite = TRUE)
    read(...)
  }
  rows <- list(weights = NULL, subset = NULL, env = globalenv())
  plan <- stream_plan(store, conditional(), moves, rows, na.omit, sliced(150))
  expect_error(with_function("store_data", late, slice_data(plan, 3L)), class = "firmmove_error_store_changed")
  store <- store_of(data)
  expect_s3_class(change(function() unlink(store$path, recursive = TRUE)), "firmmove_error_store_changed")
  expect_length(list.files(tempdir(), "^slice-"), 0)
})

# What a fit on a store answers ------------------------------------------------------------------------

test_that("what needs all occasions says how to get it", {
  store <- store_of(together())
  fit <- fit_migration(moves, store, control = sliced(150))
  expect_snapshot(error = TRUE, transform = without_paths, {
    fitted(fit)
    residuals(fit)
    elasticities(fit)
    model.matrix(fit)
  })
  others <- list(
    function() marginal_effects(fit), function() simulate(fit), function() iia_test(fit, "a"), function() estfun.migration_fit(fit)
  )
  for (other in others) expect_error(other(), class = "firmmove_error_streamed")
})

test_that("a fit on a store prints, and answers what does not need its rows", {
  data <- together()
  store <- store_of(data)
  fit <- fit_migration(moves, store, control = sliced(150))
  memory <- fit_migration(moves, data, control = sliced(150))
  expect_snapshot({
    fit
    summary(fit)
  })
  expect_identical(coef(fit), coef(memory))
  expect_identical(confint(fit), confint(memory))
  expect_identical(AIC(fit), AIC(memory))
  expect_identical(BIC(fit), BIC(memory))
  expect_identical(nobs(fit), nobs(memory))
  expect_identical(logLik(fit), logLik(memory))
  expect_equal(tidy(fit), tidy(memory))
  expect_equal(glance(fit), glance(memory))
  small <- update(fit, . ~ . - keep(size))
  expect_s3_class(small$data, "migration_store")
  expect_equal(names(coef(small)), setdiff(names(coef(fit)), "keep(size)"))
  table <- anova(small, fit)
  expect_equal(table[["Chisq"]][2], anova(update(memory, . ~ . - keep(size)), memory)[["Chisq"]][2])
  whole <- update(fit, data = as_migration_data(store), start = coef(fit))
  expect_equal(coef(whole), coef(fit), tolerance = 1e-8)
})
