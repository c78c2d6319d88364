# Writes inst/extdata: the SIMULATED data set of wenzhou_guzhen() and wenzhou_interviews().
#
#   Rscript tools/dataset.R [directory]        (the package must be installed)
#
# The files depend on the seed below alone and are byte-identical on every run.
# Facts: the 17 places, their provinces, dialect groups and approximate coordinates (hence
# the distances). Everything else is invented, set so that moves bunch in 1997 and
# 1999-2003 and about six in ten leavers of Wenzhou go to Guzhen, as the public
# figures of cluster_facts() suggest. cluster_facts.csv is typed by hand, not written here.

tools <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
source(file.path(tools, "dataset-design.R"))

# Of the firms: the smallest seed with 1,400 to 1,600 firms, 850 or more of them in Wenzhou
# in 1997, 60 to 65% of the leavers of Wenzhou going to Guzhen, 40 to 60% of them in
# groups, every true parameter within two standard errors of its estimate, the weak terms
# (push of land price and space) below |t| = 2 and the strong ones above 3.
seed <- 17
panel <- draw_panel(seed)

# Patents of the year (invented): creative places, productive and large firms ---------------

set.seed(seed + 1)
patents <- function(firms, places) {
  at <- match(paste(firms$to, firms$year), paste(places$place, places$year))
  rate <- exp(-3.6 + 0.3 * places$creativity[at] + 0.6 * firms$productivity +
                0.3 * log(firms$jobs / 12))
  drawn <- rep(NA_integer_, nrow(firms))
  open <- !is.na(rate)
  drawn[open] <- rpois(sum(open), rate[open])
  drawn
}
all_firms <- panel$firms
all_firms$patents <- patents(all_firms, panel$places)
all_firms$capital <- round(all_firms$capital)
all_firms$tfp <- round(all_firms$tfp, 3)
all_firms$productivity <- round(all_firms$productivity, 3)
all_firms$output <- round(all_firms$output)

# Interviews: 85 firms that left Wenzhou, push factors ranked --------------------------------
# First ranks by the Yueqing survey: own development 21, land 21, soft environment 43; the
# split within the three is invented. Later ranks: Plackett-Luce with the same worths.

factors <- data.frame(
  factor = c("technology", "market", "land_price", "space", "red_tape", "services"),
  group = rep(c("own development", "land", "soft environment"), each = 2),
  first = c(13, 8, 11, 10, 29, 14)
)
left <- all_firms[which(all_firms$from == "Wenzhou" & all_firms$to != "Wenzhou" &
                          all_firms$native == "Wenzhou" & all_firms$year <= 2003), ]
left <- left[!duplicated(left$firm), ]
asked <- left[sort(sample(nrow(left), 85)), c("firm", "year", "to", "size")]
rank_factors <- function() {
  first <- sample(rep(seq_len(6), factors$first))
  key <- matrix(log(factors$first) - log(-log(runif(6 * 85))), 6)
  key[cbind(first, seq_len(85))] <- Inf
  rank <- apply(-key, 2, rank)
  named <- sample(2:6, 85, TRUE, c(0.25, 0.35, 0.2, 0.1, 0.1))
  rank[rank > rep(named, each = 6)] <- NA
  rank
}
interviews <- data.frame(asked[rep(seq_len(85), each = 6), ],
                         factors[rep(seq_len(6), 85), c("factor", "group")],
                         rank = as.integer(rank_factors()))

# Files --------------------------------------------------------------------------------------

values <- function(part, x) {
  data.frame(part = part, name = names(x), value = vapply(unname(x), format, "", digits = 15))
}
truth <- attr(panel, "truth")
process <- truth$performance
truth <- rbind(values("choice", truth$beta), values("exit", truth$exit),
               values("performance", unlist(process[names(process) != "place"])),
               values("performance_place", process$place),
               data.frame(part = c("births", "stock", "seed"), name = "",
                          value = c(truth$births, truth$stock, truth$seed)),
               values("interviews", stats::setNames(factors$first / 85, factors$factor)))

directory <- c(commandArgs(TRUE), "inst/extdata")[1]
save_csv <- function(data, name) {
  con <- xzfile(file.path(directory, paste0(name, ".csv.xz")), "wb", compression = -9)
  on.exit(close(con))
  write.csv(data, con, row.names = FALSE, quote = FALSE, na = "")
}
save_csv(all_firms, "firms")
save_csv(panel$places, "places")
save_csv(ties, "ties")
save_csv(panel$network, "network")
save_csv(interviews, "interviews")
save_csv(truth, "truth")
