test_that("what follows the bar is place, nothing, or an error that translates", {
  expect_equal(coef(fit_three(y ~ x | 0)), coef(fit_three(y ~ x)))
  expect_error(fit_three(y ~ x | 1), "`| 1` is read as constants by some", fixed = TRUE)
  expect_error(fit_three(y ~ x | w), "`~ x + w:factor(alt) | place`", fixed = TRUE)
  expect_error(fit_three(y ~ x | w | z), "z:factor(place) | place`", fixed = TRUE)
  for (formula in list(y ~ x | alt | z ~ q, y ~ x | z ~ q)) {
    expect_error(fit_three(formula), "as fixest writes instruments: they are not supported", fixed = TRUE)
  }
})

test_that("a constant that is not there can be taken out, `stay` only by its name", {
  expect_equal(coef(fit_three(y ~ x - 1)), coef(fit_three(y ~ x)))
  expect_error(fit_three(y ~ 0 + x, from = "home"), "Write `- stay`", class = "firmmove_error_formula")
  expect_named(coef(fit_three(y ~ 0 + x - stay, from = "home")), "x")
})

test_that("a column called stay is an error where the formula says stay", {
  d <- three_places()
  d$stay <- d$x
  says <- "`stay` is the constant of staying in formulas and also a column of `data`"
  expect_error(fit_three(y ~ stay + z, d, from = "home"), says)
  expect_error(fit_three(y ~ stay + z, d), says)
  expect_error(fit_three(y ~ pull(stay) + z, d, from = "home"), says)
  expect_error(fit_three(y ~ stay:w, d, from = "home"), says)
  # the constant is added and taken out as ever, and the column has a name of its own
  without <- three_places()
  expect_equal(coef(fit_three(y ~ z, d, from = "home")), coef(fit_three(y ~ z, without, from = "home")))
  expect_equal(
    unname(coef(fit_three(y ~ data$stay + z - stay, d, from = "home"))), unname(coef(fit_three(y ~ x + z, without)))
  )
  data <- stayers_by_size()
  firms <- transform(data$firms, stay = size)
  expect_error(fit_migration(~ keep(stay) + rent, migration_data(firms, data$places)), "Write `firms$stay`",
    fixed = TRUE
  )
  expect_equal(
    unname(coef(fit_migration(~ keep(firms$stay) + rent, migration_data(firms, data$places)))),
    unname(coef(fit_migration(~ keep(size) + rent, data)))
  )
})

test_that("a chooser's factor beside absorbed constants has its first level as base, in long data too", {
  d <- three_places()
  absorbed <- fit_three(y ~ x + alt:w | alt, d)
  written <- fit_three(y ~ x + alt + alt:w, d)
  shared <- names(coef(absorbed))
  expect_equal(shared, c("x", "altb:wmid", "altc:wmid", "altb:whi", "altc:whi"))
  expect_equal(coef(absorbed), coef(written)[shared], tolerance = 1e-8)
  expect_equal(as.numeric(logLik(absorbed)), as.numeric(logLik(written)))
  # one occasion cannot tell that alt is a function of the place: the coding is the fit's
  expect_equal(predict(absorbed, d[1:3, ]), predict(written, d[1:3, ]))
})

test_that("in relational data how many periods new data have does not change the coding", {
  tables <- relocation()
  places <- merge(tables$places, data.frame(year = 1:2))
  data <- migration_data(tables$firms, places, tables$ties, time = "year")
  # a region that never changes is contained in the constants: a level of each factor is the base
  expect_silent(fit <- fit_migration(~ kin:region | place, data))
  expect_length(coef(fit), 1 + 2 * 2)
  firms <- data$firms[data$firms$year == 2, ]
  expect_equal(predict(fit, firms), predict(fit)[data$firms$year == 2, ], ignore_attr = TRUE)
})

test_that("%in%, C() and misspelt functions", {
  d <- three_places()
  expect_error(fit_three(y ~ alt %in% c("a", "b"), d), "Write `I(alt %in% c(\"a\", \"b\"))`", fixed = TRUE)
  expect_named(coef(fit_three(y ~ I(alt %in% c("a", "b")) + x, d)), c("I(alt %in% c(\"a\", \"b\"))", "x"))
  d$o <- factor(rep(1:3, 200))
  fit <- fit_three(y ~ C(o, contr.sum) + x, d)
  d$s1 <- contr.sum(3)[d$o, 1]
  d$s2 <- contr.sum(3)[d$o, 2]
  expect_equal(unname(coef(fit)), unname(coef(fit_three(y ~ s1 + s2 + x, d))))
  expect_error(fit_three(y ~ Push(x), d, from = "home"), "Did you mean `push()`?", fixed = TRUE)
  expect_error(fit_three(y ~ peer(w), d, from = "home"), "Did you mean `peers()`?", fixed = TRUE)
  expect_error(fit_three(y ~ lgo(x), d), "There is no function `lgo()`", fixed = TRUE)
})

test_that("an attribute of the chooser alone is met with what can be written", {
  expect_error(fit_three(y ~ w + x), "write `w:x` with an attribute x of places", fixed = TRUE)
  expect_error(fit_three(y ~ w + x, from = "home"), "write `keep(w)`, or `w:x`", fixed = TRUE)
})

test_that("a column called duration is an error in a hazard whose formula says duration", {
  firms <- transform(wenzhou_guzhen()$firms, duration = age)
  data <- migration_data(firms, wenzhou_guzhen()$places, time = "year")
  expect_error(fit_migration(~ log(size):duration, data, model = hazard(risks = "move")), "hazard(duration = \"duration\")",
    fixed = TRUE
  )
})

test_that("distances with a diagonal of zeros are met with the advice to leave it out", {
  tables <- relocation()
  diagonal <- data.frame(from = letters[1:6], to = letters[1:6], distance = 0)
  data <- migration_data(tables$firms, tables$places, rbind(tables$ties, diagonal), time = "year")
  expect_error(fit_migration(~ log(distance), data), "infinite in 6 rows, each a place with itself",
    class = "firmmove_error_infinite"
  )
  expect_named(coef(fit_migration(~ log(distance), relocation_data())), c("stay", "log(distance)"))
})

test_that("a subset of rows is no subset of occasions", {
  expect_error(fit_migration(y ~ x, three_places(), id = "id", place = "alt", subset = x > 0),
    "leave their rows out of `data`", fixed = TRUE
  )
})
