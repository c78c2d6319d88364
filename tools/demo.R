# What `make demo` shows: the bundled data, a conditional and a nested model of it, tables and pictures.
#
#   Rscript tools/demo.R DIRECTORY      (the package must be installed)
library(firmmove)
directory <- commandArgs(TRUE)[1]

section <- function(title) cat("\n\n", title, "\n", strrep("=", nchar(title)), "\n\n", sep = "")

picture <- function(name, width, height, draw) {
  file <- file.path(directory, paste0(name, ".png"))
  grDevices::png(file, width = width, height = height, units = "in", res = 110)
  on.exit(grDevices::dev.off())
  print(draw())
  pictures <<- c(pictures, file)
}
pictures <- character()

lamps <- wenzhou_guzhen()
terms <- ~ push(land_price) + push(space) + push(technology) + push(environment) + pull(land_price) +
  pull(creativity) + pull(governance) + log(makers) + log(distance) + same_dialect + peers(kin) +
  peers(network) + keep(log(size)) + keep(log(age))

section("The data (simulated: see ?wenzhou_guzhen)")
print(lamps)

section("Flows between places, the ten largest")
flows <- as_flows(lamps)
moves <- flows[flows$from != flows$to & flows$count > 0, ]
moves <- aggregate(count ~ from + to, moves, sum)
print(utils::head(moves[order(-moves$count), ], 10), row.names = FALSE)

section("Conditional logit: who leaves, and for where")
fit <- fit_migration(terms, lamps)
print(summary(fit))

section("Nested logit: first whether to move, then where to")
nest <- fit_migration(terms, lamps, model = nested("move"))
print(summary(nest))

section("Is the nest needed?")
print(anova(fit, nest))

if (requireNamespace("ggplot2", quietly = TRUE)) {
  picture("flows", 8, 6, function() ggplot2::autoplot(lamps))
  picture("coefficients", 7, 5, function() ggplot2::autoplot(fit))
  cat("\nPictures:", pictures, sep = "\n  ")
  cat("\n")
} else {
  cat("\nInstall ggplot2 for the pictures.\n")
}
