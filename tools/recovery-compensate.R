# Do the intervals of compensate() cover the true worth?
#
#   Rscript tools/recovery-compensate.R [replications, 1000]        (the package must be installed; some minutes)
#
# Draws relocations of firms that know what rent, wages, kin and moving are worth to them, with and without a network of
# kin, and prints for each row of compensate() the bias and how often the 95% interval covers the truth, by kind of
# interval, with the Monte Carlo error of a coverage of 95%. Exit code 1 when one of Fieller's, which hold their level
# whatever the price coefficient, is more than three of these errors from 95%, or one of the others, which are
# right in large samples only, outside 92% to 98%.

library(firmmove)
root <- dirname(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))))
for (helper in c("helper-fit.R", "helper-answers.R")) {
  source(file.path(root, "tests", "testthat", helper))
}
replications <- as.integer(c(commandArgs(TRUE), 1000)[1])
intervals <- c("delta", "fieller", "simulated")

covers <- function(table, truth) {
  between <- table$conf.low <= truth & truth <= table$conf.high
  ifelse(table$region == "all but", !between, between)
}

# Rows of compensate() x (estimate - truth, then the truth, then whether each interval covers it)
one_draw <- function(seed, kin) {
  drawn <- worth_draw(seed, kin = kin)
  formula <- if (kin != 0) ~ rent + wage + kin else ~ rent + wage
  fit <- fit_migration(formula, drawn$data, control = migration_control(threads = 1))
  tables <- lapply(intervals, function(interval) {
    as.data.frame(suppressWarnings(compensate(fit, "rent",
      interval = interval, network = if (kin != 0) "kin", seed = seed
    )))
  })
  term <- tables[[1]]$term
  truth <- drawn$truth[ifelse(term == "moving cost", "moving cost without network", term)]
  found <- vapply(tables, covers, logical(length(term)), truth = truth)
  matrix(c(tables[[1]]$estimate - truth, truth, found), length(term), dimnames = list(term, NULL))
}

report <- function(kin, title) {
  draws <- vapply(40000 + seq_len(replications), one_draw, one_draw(1, kin), kin = kin)
  error <- draws[, 1, ]
  coverage <- rowMeans(draws[, 3:5, ], dims = 2)
  colnames(coverage) <- intervals
  table <- data.frame(
    true = rowMeans(draws[, 2, ]), bias = rowMeans(error), bias_se = apply(error, 1, sd) / sqrt(replications), coverage
  )
  cat(title, "\n")
  print(round(table, 4))
  coverage
}

monte_carlo <- sqrt(0.95 * 0.05 / replications)
with <- report(1, "With a network of kin")
without <- report(0, "Without")
cat(replications, "replications; Monte Carlo error of a coverage of 95%:", round(monte_carlo, 4), "\n")
coverage <- rbind(with, without)
off <- abs(coverage[, "fieller"] - 0.95) > 3 * monte_carlo
rough <- coverage[, c("delta", "simulated")]
if (any(off) || any(rough < 0.92 | rough > 0.98)) {
  cat("too far from 95%\n")
  quit(status = 1)
}
