# Do chain() fits recover the interaction they are drawn with?
#
#   Rscript tools/recovery-chain.R [replications, 200]        (the package must be installed; a few minutes)
#
# Draws panels from the equilibrium of known parameters, fits them by maximum likelihood and by nested
# pseudo-likelihood, and prints for each coefficient the bias, the ratio of the mean standard error to the standard
# deviation of the estimates, and how often the 95% interval covers the truth. Exit code 1 when a bias is above 5% of
# the truth (and three of its standard errors), or a coverage outside 92% to 98%. With 200 replications a coverage has a standard error of
# 1.5 points, so one in twenty is outside by chance.

library(firmmove)
root <- dirname(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))))
source(file.path(root, "tests", "testthat", "helper-chain.R"))
replications <- as.integer(c(commandArgs(TRUE), 200)[1])

one_fit <- function(panel, estimator) {
  fit <- suppressWarnings(fit_migration(chain_formula, panel,
    model = chain("kin", estimator = estimator), control = migration_control(threads = 1)
  ))
  interval <- confint(fit)
  cbind(
    estimate = coef(fit), se = sqrt(diag(vcov(fit))),
    covered = interval[, 1] <= chain_truth & chain_truth <= interval[, 2]
  )
}

report <- function(fits, title) {
  estimate <- fits[, 1, ]
  spread <- apply(estimate, 1, sd)
  table <- data.frame(
    true = chain_truth, mean = rowMeans(estimate), bias_percent = 100 * (rowMeans(estimate) / chain_truth - 1),
    bias_se_percent = abs(100 * spread / sqrt(replications) / chain_truth),
    se_ratio = rowMeans(fits[, 2, ]) / spread, coverage = rowMeans(fits[, 3, ])
  )
  cat(title, "\n")
  print(round(table, 4))
  any(abs(table$bias_percent) > pmax(5, 3 * table$bias_se_percent)) || any(table$coverage < 0.92 | table$coverage > 0.98)
}

panels <- lapply(20000 + seq_len(replications), chain_panel)
failed <- vapply(c("ml", "npl"), function(estimator) {
  report(vapply(panels, one_fit, matrix(0, length(chain_truth), 3), estimator = estimator), estimator)
}, NA)
cat(replications, "replications\n")
if (any(failed)) {
  quit(status = 1)
}
