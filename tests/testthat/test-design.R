# The whole way: what the kernels read from a spec is what its plain reading says.

data <- random_migration()
formula <- ~ price + pull(space) + push(price) + keep(size) + distance + relatives + size:price +
  age:distance + relatives:size + relatives:price + region + kin:price + keep(kin) + dialect +
  peers(kin) + peers(network, scale = "count"):price + push(space):pull(price) + offset(log(price))

expect_kernel_agrees <- function(design) {
  kernel <- .Call(C_model_matrix, design$spec)
  reference <- design_reference(design)
  # the kernels keep occasions that share tables together
  order <- order(kernel$occasion, kernel$place)
  expect_equal(kernel$occasion[order], reference$occasion)
  expect_equal(kernel$place[order], reference$place)
  difference <- kernel$x[order, , drop = FALSE] - as.matrix(reference[design$terms$name])
  expect_lt(max(abs(difference)), 1e-12)
}

test_that("the kernels read relational and long specs as they are meant", {
  expect_kernel_agrees(migration_design(formula, data))
  long <- by_hand(data)
  long$won <- as.integer(data$place[long$place] == long$to)
  long$here <- long$stay == 1
  choice <- choice_data(long, "won", "occasion", "place", firm = "firm", from = "here", time = "year")
  expect_kernel_agrees(migration_design(~ price + push(price) + keep(size) + size:space + region +
                                          peers(kin), choice))
})

test_that("the kernels agree where places are not all offered", {
  open <- function(from, to, time) is.na(from) | from == to | to != "p2" | time > 2001
  firms <- subset(data$firms, !(year == 2001 & to %in% "p2" & !from %in% c("p2", NA)))
  ties <- lapply(data$ties, `[[`, "data")
  some <- migration_data(firms, data$places, ties, time = "year", available = open)
  expect_kernel_agrees(migration_design(~ price + size:price + distance + keep(size) + relatives, some))
})

test_that("terms of the design print", {
  expect_snapshot(print(migration_design(~ price + keep(size) + size:distance, data)))
})
