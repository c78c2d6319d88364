# Every other model and what is asked of its fits, on data of a few rows: see reach.R.
one <- migration_control(threads = 1, max_iterations = 4)
data <- relocation_data(24)
kinds <- two_kinds_data(firms = 12, times = 2, apart = 1.5)
regions <- data.frame(
  place = c("a", "b", "c", "c", "d", "e", "f"), nest = c("north", "north", "north", "south", "south", "south", "east"),
  allocation = c(1, 1, 0.5, 0.5, 1, 1, 1)
)

# What all fits answer; what a model cannot is an error of its own
answers <- function(fit) {
  vcov(fit)
  try(vcov(fit, type = "robust"), silent = TRUE)
  try(predict(fit), silent = TRUE)
  try(simulate(fit, seed = 1), silent = TRUE)
  utils::capture.output(print(summary(fit)))
  fit
}
fit <- function(...) fit_migration(..., control = one)

step("cross-nested", answers(fit(~ rent + distance, data, model = cross_nested(regions))))
random <- mixed(c(x = "normal"), draws = 8, check_draws = 0)
step("mixed", individual(answers(fit(~ x + y, kinds, model = random))))
step("latent", individual(answers(fit(~ x + y, kinds, model = latent(2, starts = 1)))))
step("firms that look ahead", answers(fit(~ rent + distance, data, model = dynamic(0.9))))
step("chain", {
  linked <- answers(fit(chain_formula, chain_panel(1, groups = 2, periods = 2), model = chain(kin)))
  try(equilibria(linked, starts = 2, delta = NULL), silent = TRUE)
})
step("hazard", answers(fit(~ push(rent) + w, hazard_data(40), model = hazard(baseline = "log"))))
step("hazard with frailty", {
  answers(fit(~ push(rent) + w, hazard_data(40), model = hazard(baseline = "log", frailty = TRUE)))
})
step("ranked", {
  answers(fit(rank ~ factor, head(wenzhou_interviews(), 48), ranked(), id = "firm", place = "factor"))
})
step("long data of one table", model.matrix(answers(fit(~ x + y, ragged_data(12)))))
