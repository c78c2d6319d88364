# Decompositions, locations, attribution: see reach.R.
set.seed(2)
one <- migration_control(threads = 1, max_iterations = 4)
panel <- data.frame(
  firm = rep(1:8, 2), year = rep(1:2, each = 8), to = sample(c("a", "b"), 16, TRUE), prod = runif(16),
  jobs = rpois(16, 5) + 1, seg = sample(c("x", "y"), 16, TRUE), kin = sample(c("u", "v"), 16, TRUE)
)
in_panel <- list(performance = "prod", weight = "jobs", cluster = "to", time = "year", firm = "firm")

step("clusters", do.call(decompose_cluster, c(list(panel), in_panel)))
step("productivity", do.call(decompose_productivity, c(list(panel), in_panel)))
step("moves recoded", do.call(recode_moves, c(list(panel), in_panel)))
step("growth", decompose_growth(panel, "to", "seg", "year", "jobs", firm = "firm"))
step("gap", decompose_gap(prod ~ jobs, panel, "to"))
step("Shapley", decompose_shapley(function(x) length(x), c("a", "b", "c")))
step("Shapley in blocks", {
  decompose_shapley(function(x) length(x), c("a", "b", "c"), blocks = c(a = "z", b = "z", c = "c"))
})
step("concentration", concentration(panel, "to", "seg", "jobs", plant = "firm"))
points <- data.frame(x = runif(12), y = runif(12), type = rep(c("p", "q"), 6))
located <- function(points, ...) colocation(points$x, points$y, points$type, ..., control = one)
step("K density", located(points, distance = seq(0, 0.5, 0.1), draws = 5))
step("M function", located(points, distance = c(0.1, 0.3), statistic = "m", draws = 5))
# too many pairs to sort
step("distances of many points", distance_quantiles(runif(3000), runif(3000), 0.5, 1L))
step("codes in another order", recode(c(2L, 1L), 2:1))
step("synergy", innovation_synergy(rbind(panel, panel), c("seg", "kin", "year"), region = "to", permutations = 3))
step("quantiles", {
  more <- panel[rep(1:16, 3), ]
  more$firm <- rep(1:8, 6) + rep(0:2, each = 16) * 8
  compare_quantiles(more, "prod", "to", between = c("a", "b"), draws = 3)
})
step("relatedness", relatedness(panel, "to", "seg", "jobs"))
step("places", decompose_places(twelve_firms(), "y", "firm", "place", "time"))
step("events", move_events(wenzhou_guzhen(), "productivity"))
fit <- fit_migration(~ push(rent) + distance, relocation_data(24), control = one)
groups <- list(a = "push(rent)", b = "distance")
step("attribution", attribute_moves(fit, groups))
step("attribution of moves", attribute_moves(fit, groups, what = "moves"))
step("attribution of likelihood", attribute_moves(fit, groups, what = "likelihood"))
step("responses", {
  predict(fit, se.fit = TRUE)
  elasticities(fit, "rent")
  counterfactual(fit, places = function(p) transform(p, rent = rent + 1), draws = 20, seed = 1)
})
step("responses of nests", {
  nested <- suppressWarnings(fit_migration(~ push(rent) + distance, relocation_data(24), model = nested(), control = one))
  predict(nested, se.fit = TRUE)
  counterfactual(nested, places = function(p) transform(p, rent = rent + 1), seed = 1)
})
step("spread of draws", with_draws(list(), matrix(stats::rnorm(40), 4), 0.9))
