# Makes the three small messy files of the vignette "Your own register" in inst/extdata: a panel as offices keep it
# (semicolons, decimal commas, codes that lost their zeros, blanks, repeated rows, rows of firms that are not there, a
# code that changed), its towns by year, and the changes of codes. Everything is drawn:  Rscript tools/register.R
set.seed(20)
towns <- data.frame(
  code = c("0577", "0760", "0579", "0571", "0769", "0592", "0519", "021"),
  name = c("Wenzhou", "Guzhen", "Yiwu", "Hangzhou", "Dongguan", "Xiamen", "Zouqu", "Shanghai"),
  lon = c(120.70, 113.19, 120.07, 120.15, 113.75, 118.09, 119.85, 121.47),
  lat = c(28.00, 22.61, 29.31, 30.28, 23.02, 24.48, 31.80, 31.23)
)
years <- 2001:2009
rent <- outer(c(9, 4, 6, 10, 6, 7, 4, 14), 1 + 0.05 * (years - 2001)) * exp(rnorm(72, 0, 0.1))
n <- 420
J <- nrow(towns)
far <- outer(seq_len(J), seq_len(J), Vectorize(function(i, j) {
  sqrt(((towns$lon[i] - towns$lon[j]) * cos(0.48))^2 + (towns$lat[i] - towns$lat[j])^2) * 111
}))

size <- round(exp(rnorm(n, 2.5, 1)) + 1)
place <- sample(J, n, TRUE, c(8, 1, 2, 2, 2, 1, 1, 2))
born <- sample(c(rep(2001, 12), 2002:2006), n, TRUE)
dies <- ifelse(runif(n) < 0.15, sample(2005:2010, n, TRUE), 2010)
rows <- list()
for (t in seq_along(years)) {
  for (i in which(born < years[t] & dies > years[t])) {
    u <- 3.6 * (seq_len(J) == place[i]) - 0.15 * rent[, t] - 0.3 * log1p(far[place[i], ]) + 0.15 * log(size[i]) *
      (seq_len(J) == place[i])
    place[i] <- sample(J, 1L, prob = exp(u))
  }
  here <- which(born <= years[t] & dies > years[t])
  rows[[t]] <- data.frame(
    firm = sprintf("F%04d", here), year = years[t], town = towns$code[place[here]], jobs = size[here],
    sales = round(size[here] * exp(rnorm(length(here), 0, 0.3)), 2)
  )
  size <- pmax(1, round(size * exp(rnorm(n, 0.02, 0.1))))
}
panel <- do.call(rbind, rows)
# a wide table made long has rows of firms that are not there
absent <- data.frame(firm = sprintf("F%04d", which(born > 2001)), year = 2001, town = "", jobs = NA, sales = NA)
panel <- rbind(panel, absent[sample(nrow(absent), 40), ])
late <- panel$year >= 2006
# Yiwu has a new code from 2005 on; files of the last years were written by a program that read codes as numbers
panel$town[panel$town == "0579" & panel$year >= 2005] <- "0580"
panel$town[late] <- sub("^0", "", panel$town[late])
blank <- sample(which(nzchar(panel$town)), 60)
panel$town[blank] <- paste0(panel$town[blank], " ")
# some years of some firms are missing, some rows are there twice
panel <- panel[-sample(which(panel$year %in% 2003:2007), 25), ]
panel <- rbind(panel, panel[sample(nrow(panel), 8), ])
panel <- panel[order(panel$year, panel$firm), ]

places <- data.frame(
  town = rep(towns$code, length(years)), name = rep(towns$name, length(years)), year = rep(years, each = J),
  rent = round(c(rent), 2), lon = rep(towns$lon, length(years)), lat = rep(towns$lat, length(years))
)
places$town[places$town == "0579"] <- "0580"
folder <- file.path("inst", "extdata")
write.csv2(panel, file.path(folder, "register-firms.csv"), row.names = FALSE, quote = FALSE, na = "")
write.csv2(places, file.path(folder, "register-towns.csv"), row.names = FALSE, quote = FALSE)
write.csv2(data.frame(old = "0579", new = "0580"), file.path(folder, "register-codes.csv"), row.names = FALSE, quote = FALSE)
