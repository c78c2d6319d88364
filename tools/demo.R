# What `make demo` shows: the bundled data, a conditional and a nested model of it, what
# the moves did to the clusters, tables and pictures.
#
#   Rscript tools/demo.R DIRECTORY      (the package must be installed)
library(firmmove)
directory <- c(commandArgs(TRUE), ".")[1]
options(width = 100, digits = 4)

section <- function(title) cat("\n\n", title, "\n", strrep("=", nchar(title)), "\n\n", sep = "")

pictures <- character()
picture <- function(name, width, height, drawn) {
  file <- file.path(directory, paste0(name, ".png"))
  grDevices::png(file, width = width, height = height, units = "in", res = 110)
  on.exit(grDevices::dev.off())
  print(drawn)
  pictures <<- c(pictures, file)
}

lamps <- wenzhou_guzhen()
terms <- ~ push(land_price) + push(space) + push(technology) + push(environment) +
  pull(land_price) + pull(creativity) + pull(governance) + log(makers) +
  log(distance) + same_dialect + peers(kin) + peers(network) +
  peers(kin):pull(land_price) + tfp:pull(creativity) + keep(log(size)) + keep(log(age))

section("The data (simulated: see ?wenzhou_guzhen)")
print(lamps)

section("Conditional logit: who leaves, and for where")
fit <- fit_migration(terms, lamps)
print(summary(fit))

section("Estimates and true parameters, errors clustered by firm and by kin")
truth <- attr(lamps, "truth")$beta[names(coef(fit))]
by_kin <- sqrt(diag(vcov(fit, cluster = ~ kin)))
by_firm <- sqrt(diag(vcov(fit, cluster = ~ firm)))
print(round(data.frame(truth, estimate = coef(fit), by_firm, by_kin), 3))

section("Flows between places: the ten largest, observed and predicted")
observed <- subset(as_flows(lamps), !stay, c(from, to, count))
flows <- merge(observed, predict(fit, type = "flows"), by = c("from", "to"))
names(flows)[3:4] <- c("observed", "predicted")
flows <- flows[order(-flows$observed), ]
print(utils::head(flows, 10), digits = 3, row.names = FALSE)

section("Expected leavers of Wenzhou, 1997-2003, had it been like Guzhen in one attribute")
firms <- lamps$firms
counted <- firms$from == "Wenzhou" & !is.na(firms$to) & firms$year %in% 1997:2003
expected <- function(data) sum(1 - predict(fit, data)[counted, "Wenzhou"])
like_guzhen <- function(attribute) {
  changed <- lamps
  place <- lamps$places$place
  changed$places[place == "Wenzhou", attribute] <- lamps$places[place == "Guzhen", attribute]
  expected(changed)
}
causes <- c("land_price", "space", "technology", "environment")
print(round(c("as it was" = expected(lamps), vapply(causes, like_guzhen, 0))))

section("Nested logit: first whether to move, then where to")
nest <- fit_migration(terms, lamps, model = nested("move"))
print(subset(tidy(nest, conf.int = TRUE), group == "lambda"), row.names = FALSE)
print(anova(fit, nest))

section("What the moves did to the two clusters, 1996 to 2004: mean productivity and jobs")
account <- decompose_cluster(subset(lamps, year %in% c(1996, 2004)), performance = "productivity", weight = "jobs")
two <- function(table) subset(table, cluster %in% c("Wenzhou", "Guzhen"), -c(start, end))
wide <- summary(account)$wide
cat("Mean account: components add up to the change of the weighted mean of log productivity\n")
print(two(wide$mean), digits = 3, row.names = FALSE)
cat("Size account: components add up to the change in jobs\n")
print(two(wide$size), row.names = FALSE)
cat("By partner, with 95% intervals\n")
between <- function(table, digits) {
  rows <- subset(table, cluster %in% c("Wenzhou", "Guzhen") & partner %in% c("Wenzhou", "Guzhen"),
                 c(cluster, component, partner, estimate, conf.low, conf.high))
  rows[4:6] <- round(rows[4:6], digits)
  print(rows, row.names = FALSE)
}
between(account$mean, 3)
between(account$size, 0)

section("Innovation synergy of Guzhen before and after the arrivals, in bits")
firms$size_class <- cut(firms$jobs, c(0, 5, 20, Inf))
for (year in c(1996, 2004)) {
  cat(year, "\n")
  print(innovation_synergy(firms[firms$to %in% "Guzhen" & firms$year == year, ],
                           dimensions = c("native", "segment", "size_class")))
}

if (requireNamespace("ggplot2", quietly = TRUE)) {
  library(ggplot2)
  used <- augment(fit)
  years <- aggregate(cbind(observed = as.integer(to != from), predicted = .leave) ~ year, used, sum)
  picture("flows", 8, 6, autoplot(lamps))
  picture("coefficients", 8, 6, autoplot(fit, standardise = TRUE))
  picture("years", 8, 4, ggplot(years, aes(year)) +
    geom_col(aes(y = observed), fill = "grey80") +
    geom_line(aes(y = predicted)) +
    geom_point(aes(y = predicted)) +
    labs(x = NULL, y = "Moves", title = "Moves by year", caption = "Bars: observed. Line: predicted.") +
    theme_bw())
  picture("clusters", 8, 5, plot(account, clusters = c("Wenzhou", "Guzhen")))
  picture("predicted", 6, 6, ggplot(flows, aes(predicted, observed)) +
    geom_abline(colour = "grey60") +
    geom_point(alpha = 0.5) +
    scale_x_continuous(trans = "log1p", breaks = c(0, 1, 3, 10, 30, 100, 300)) +
    scale_y_continuous(trans = "log1p", breaks = c(0, 1, 3, 10, 30, 100, 300)) +
    coord_equal() +
    labs(x = "Predicted moves", y = "Observed moves", title = "Flows between places") +
    theme_bw())
  cat("\nPictures:", pictures, sep = "\n  ")
  cat("\n")
} else {
  cat("\nInstall ggplot2 for the pictures.\n")
}
