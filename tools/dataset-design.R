# The design of the SIMULATED data set: places, firms at the start, true parameters. Read by dataset.R, which
# draws the one panel that is bundled, and by recovery.R, which draws many.

library(firmmove)

RNGkind("Mersenne-Twister", "Inversion", "Rejection")
years <- 1992:2008
set.seed(1992) # of the places

# True parameters -----------------------------------------------------------------

beta <- c(
  stay = -1.3,
  "push(land_price)" = 0.01,
  "push(space)" = -0.03,
  "push(technology)" = -0.5,
  "push(environment)" = -0.6,
  "pull(land_price)" = -0.04,
  "pull(creativity)" = 0.48,
  "pull(governance)" = 0.3,
  "log(makers)" = 0.35,
  "log(distance)" = -0.65,
  "same_dialect" = 0.5,
  "peers(kin)" = 2,
  "peers(network)" = 1,
  "peers(kin):pull(land_price)" = 0.06,
  "tfp:pull(creativity)" = 0.08,
  "keep(log(size))" = 0.25,
  "keep(log(age))" = 0.25
)
performance <- list(gain = 0.12, place = c(technology = 0.03, environment = 0.01))
exit <- c(constant = -3.3, tfp = -0.8, size = -0.2)

# Places: coordinates to about 5 km ---------------------------------------------------

sites <- read.csv(text = "
place,    province,  dialect,   longitude, latitude, firms, kin
Wenzhou,  Zhejiang,  Wu,        120.68,    27.99,    200,   30
Guzhen,   Guangdong, Cantonese, 113.19,    22.61,    40,    10
Linhai,   Zhejiang,  Wu,        121.15,    28.92,    25,    6
Yiwu,     Zhejiang,  Wu,        120.07,    29.31,    15,    4
Beilun,   Zhejiang,  Wu,        121.90,    29.93,    45,    8
Hangzhou, Zhejiang,  Wu,        120.16,    30.27,    15,    5
Shanghai, Shanghai,  Wu,        121.47,    31.23,    20,    6
Zouqu,    Jiangsu,   Wu,        119.85,    31.78,    20,    6
Xiamen,   Fujian,    Min,       118.09,    24.48,    10,    4
Nanchang, Jiangxi,   Gan,       115.84,    28.68,    8,     3
Dongguan, Guangdong, Cantonese, 113.75,    23.02,    20,    6
Shenzhen, Guangdong, Cantonese, 114.06,    22.54,    20,    6
Foshan,   Guangdong, Cantonese, 113.12,    23.02,    25,    6
Henglan,  Guangdong, Cantonese, 113.22,    22.55,    8,     3
Jiangmen, Guangdong, Cantonese, 113.08,    22.58,    10,    4
Shenyang, Liaoning,  Mandarin,  123.43,    41.80,    8,     3
Chengdu,  Sichuan,   Mandarin,  104.07,    30.57,    10,    4
", strip.white = TRUE)

great_circle_km <- function(lon1, lat1, lon2, lat2) {
  rad <- pi / 180
  h <- sin((lat2 - lat1) * rad / 2)^2 +
    cos(lat1 * rad) * cos(lat2 * rad) * sin((lon2 - lon1) * rad / 2)^2
  2 * 6371 * asin(sqrt(h))
}

pair <- expand.grid(to = seq_len(nrow(sites)), from = seq_len(nrow(sites)))
pair <- pair[pair$from != pair$to, ]
a <- sites[pair$from, ]
b <- sites[pair$to, ]
ties <- data.frame(
  from = a$place, to = b$place,
  distance = round(great_circle_km(a$longitude, a$latitude, b$longitude, b$latitude)),
  same_province = as.integer(a$province == b$province),
  same_dialect = as.integer(a$dialect == b$dialect)
)

# Attributes of places by year (invented) ------------------------------------------------
# A column of `levels` per attribute: its value in 1992 and in 2008, on a line in between,
# with slow noise around it. Wenzhou and Guzhen follow paths of their own, given further down.

levels <- read.csv(text = "
place,    land92, land08, space, tech92, tech08, env, gov, cre, base92, base08
Wenzhou,  6,      30,     4,     4.8,    5.0,    5.5, 4.0, 4.0, 0,      0
Guzhen,   4,      26,     6,     6.0,    8.0,    7.5, 7.0, 7.0, 500,    2300
Linhai,   4,      16,     6,     5.0,    6.0,    6.5, 4.5, 3.0, 80,     300
Yiwu,     6,      32,     4,     5.0,    6.0,    7.0, 6.0, 3.5, 100,    160
Beilun,   5,      20,     5,     5.0,    6.0,    6.5, 5.0, 3.0, 100,    160
Hangzhou, 10,     42,     4,     6.0,    7.5,    6.5, 6.0, 4.5, 100,    150
Shanghai, 14,     58,     3,     7.0,    8.5,    7.0, 6.5, 5.5, 200,    300
Zouqu,    3,      14,     7,     5.0,    6.0,    7.0, 6.5, 4.0, 100,    500
Xiamen,   8,      34,     5,     5.5,    6.5,    7.0, 6.0, 4.0, 80,     150
Nanchang, 2,      12,     7,     4.5,    5.5,    5.5, 4.0, 3.0, 60,     90
Dongguan, 5,      28,     6,     6.0,    7.5,    6.0, 5.0, 5.0, 150,    400
Shenzhen, 12,     52,     3,     6.5,    8.5,    6.5, 6.0, 5.5, 200,    400
Foshan,   5,      26,     5,     6.0,    7.0,    6.0, 5.5, 4.5, 200,    400
Henglan,  2,      14,     8,     5.0,    6.5,    6.5, 5.5, 3.5, 60,     300
Jiangmen, 3,      14,     8,     5.0,    6.5,    6.5, 5.5, 3.5, 80,     300
Shenyang, 4,      18,     6,     5.0,    6.0,    5.5, 4.0, 2.5, 80,     100
Chengdu,  4,      20,     6,     5.0,    6.5,    6.0, 4.5, 3.0, 80,     120
", strip.white = TRUE)
stopifnot(identical(levels$place, sites$place))

slow_noise <- function(J, sd, persistence = 0.7) {
  e <- matrix(rnorm(J * length(years), 0, sd), J)
  for (t in seq_along(years)[-1]) {
    e[, t] <- persistence * e[, t - 1] + sqrt(1 - persistence^2) * e[, t]
  }
  e
}
path <- function(start, end = start, sd = 0) {
  grown <- seq(0, 1, length.out = length(years))
  outer(start, 1 - grown) + outer(end, grown) + slow_noise(length(start), sd)
}
index <- function(x) round(pmin(10, pmax(0, x)), 2)
through <- function(at, value) approx(at, value, years)$y

space <- path(levels$space, levels$space, 0.9)
technology <- path(levels$tech92, levels$tech08, 0.6)
environment <- path(levels$env, levels$env, 0.9)
governance <- path(levels$gov, levels$gov + 0.5, 0.6)
creativity <- path(levels$cre, levels$cre + 1, 0.6)
land_price <- exp(path(log(levels$land92), log(levels$land08), 0.2))
base <- exp(path(log(pmax(levels$base92, 1)), log(pmax(levels$base08, 1)), 0.05))
base[levels$base92 == 0, ] <- 0

W <- 1
G <- 2
environment[W, ] <- c(5.6, 6.0, 5.3, 5.8, 5.4, 0.5, 4.2, 3.0, 3.3, 4.2, 4.2, 5.5, 6.6,
                      6.4, 6.7, 7.0, 6.8)
technology[W, ] <- c(5.2, 5.3, 5.0, 5.2, 4.8, 3.9, 4.6, 3.6, 3.2, 3.0, 3.3, 3.1, 4.2,
                     4.4, 4.9, 5.2, 5.3)
space[W, ] <- c(5.0, 4.4, 4.6, 3.6, 3.2, 3.4, 2.6, 3.0, 3.4, 2.6, 1.8, 1.6, 2.2, 3.0,
                3.8, 3.4, 4.0)
land_price[W, ] <- c(6, 9, 10, 9, 10, 9, 11, 12, 12, 15, 19, 25, 24, 23, 26, 29, 28)
creativity[G, ] <- through(c(1992, 1996, 1999, 2003, 2008), c(6.0, 7.7, 8.4, 8.7, 8.4))
governance[G, ] <- through(c(1992, 1997, 1999, 2003, 2008), c(6.5, 8.0, 8.6, 8.8, 8.4))
base[G, ] <- through(c(1992, 1997, 1999, 2002, 2005, 2008),
                     c(500, 700, 800, 1100, 2000, 2300))

birth_rate <- matrix(0.02, nrow(sites), length(years))
birth_rate[W, ] <- through(c(1992, 1993, 1996, 1997, 1999, 2008),
                           c(0.40, 0.46, 0.33, 0.03, 0.015, 0.01))
birth_rate[G, ] <- 0.03

places <- data.frame(
  place = rep(sites$place, length(years)), year = rep(years, each = nrow(sites)),
  province = sites$province, dialect = sites$dialect,
  longitude = sites$longitude, latitude = sites$latitude,
  land_price = round(as.vector(land_price), 1),
  space = index(as.vector(space)),
  technology = index(as.vector(technology)),
  environment = index(as.vector(environment)),
  governance = index(as.vector(governance)),
  creativity = index(as.vector(creativity)),
  wage = round(as.vector(path(4 + levels$tech92 / 3, 14 + levels$tech08, 0.4)), 1),
  makers = round(as.vector(base)),
  birth_rate = round(as.vector(birth_rate), 3)
)

# Firms of 1992 (invented) ---------------------------------------------------------------

home <- rep(seq_len(nrow(sites)), sites$firms)
n <- length(home)
firms <- data.frame(
  firm = sprintf("F%05d", seq_len(n)), place = sites$place[home],
  founded = 1991 - pmin(floor(rexp(n, 1 / 4)), 12),
  native = sites$place[home],
  kin = sprintf("%s-%02d", sites$place[home], ceiling(runif(n) * sites$kin[home])),
  segment = sample(c("ceiling", "crystal", "outdoor", "table", "parts", "energy-saving"),
                   n, TRUE, c(0.3, 0.15, 0.1, 0.15, 0.2, 0.1)),
  exporter = as.integer(runif(n) < 0.15)
)
# A few families of Wenzhou and Beilun already sell elsewhere.
away <- c(which(firms$native == "Wenzhou")[seq(10, 200, by = 10)],
          which(firms$native == "Beilun")[seq(5, 45, by = 5)])
firms$place[away] <- rep(c("Guzhen", "Shanghai", "Guzhen", "Shenyang", "Guzhen",
                           "Chengdu", "Guzhen", "Zouqu"), length.out = length(away))

draw_panel <- function(seed) {
  simulate_migration(firms, places, ties, network = 3, years = years, beta = beta,
                     births = "birth_rate", exit = exit, performance = performance,
                     stock = "makers", seed = seed)
}
