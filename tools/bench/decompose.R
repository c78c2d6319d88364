# Decomposing and co-location: firm dynamics with moves, M function, K density. There is no fit to look into, and
# the peers have no standard errors, so these rows compare estimates alone.

# ---- firm dynamics ------------------------------------------------------------------------------------------

# Ours gives every cluster and every flow between them, with standard errors. dfvad knows neither places nor errors:
# it does all firms as one place, which we report as well, and that is compared, pair of periods after pair.
dynamics_components <- c("within", "covariance", "birth", "death")

dynamics_calls <- list(
  firmmove = function(data) {
    account <- firmmove::decompose_cluster(
      data, "productivity", "jobs", firm = "firm", cluster = "town", time = "year", pairs = "consecutive"
    )
    together <- account$relocation
    years <- unique(together$end)
    wanted <- expand.grid(component = dynamics_components, end = years)
    at <- match(paste(wanted$component, wanted$end), paste(together$component, together$end))
    list(coefficients = together$ignoring_places[at])
  },
  dfvad = function(data) {
    data$share <- data$jobs / rowsum(data$jobs, data$year)[as.character(data$year), ]
    found <- dfvad::dynamics(data, "productivity", "share", "firm", "year", typ = "mp")
    list(coefficients = as.numeric(t(found[c("mean", "covariance", "entry", "exit")])))
  }
)

dynamics_title <- function(size) {
  sprintf("firm dynamics: %s firm-years, %s years, %s towns, standard errors of everything (dfvad: one place, none)",
          count(size$firm_years), count(size$years), count(size$towns))
}

add_row("dynamics",
  title = dynamics_title, make = make_dynamics, calls = dynamics_calls,
  size = list(firm_years = 4e5, years = 2, towns = 20), quick = list(firm_years = 20000, years = 2, towns = 10),
  goal = list(seconds = 0.03, ratio = c(dfvad = 50))
)

# Ours alone: a panel of the size of a census, to see that time grows with the rows and no faster.
add_row("dynamics-large",
  title = dynamics_title, make = make_dynamics, calls = dynamics_calls["firmmove"],
  size = list(firm_years = 1e7, years = 10, towns = 20), quick = list(firm_years = 50000, years = 5, towns = 10),
  goal = list(seconds = 1.5)
)

# ---- points -------------------------------------------------------------------------------------------------

point_pattern <- function(data) {
  dbmss::wmppp(
    data.frame(X = data$x, Y = data$y, PointType = data$type, PointWeight = data$jobs),
    window = spatstat.geom::owin()
  )
}

# At distance 0 nobody has neighbours.
m_distances <- seq(0, 0.3, by = 0.01)

add_row("m-function",
  title = function(size) {
    sprintf("M function: %s points with weights, 5%% of them cases, %d distances to %g of the side of the square",
            count(size$points), length(m_distances) - 1L, max(m_distances))
  },
  make = make_cases,
  calls = list(
    firmmove = function(data) {
      found <- firmmove::colocation("x", "y", "type", "jobs", data = data, statistic = "m", bands = "none",
                                    reference = "case", distance = m_distances)
      list(coefficients = found$values$estimate[-1])
    },
    dbmss = function(data) {
      found <- dbmss::Mhat(point_pattern(data), r = m_distances, ReferenceType = "case")
      list(coefficients = found$M[-1])
    }
  ),
  size = list(points = 1e5), quick = list(points = 5000),
  goal = list(seconds = 0.5, ratio = c(dbmss = 9))
)

# The simulations that dbmss is given: a fiftieth of the 1,000 that are usual. It takes the bandwidth from distances
# up to twice the last one here, which are all there are in the square; the density comes from density()'s grid.
k_draws <- 20
k_distances <- seq(0, 0.75, by = 0.015)

add_row("k-density",
  title = function(size) {
    sprintf("K density: %s sites, analytic bands for each of %s industries (dbmss: one industry, %d simulations)",
            count(size$points), count(size$industries), k_draws)
  },
  make = make_industries,
  calls = list(
    firmmove = function(data) {
      found <- firmmove::colocation("x", "y", "type", data = data, distance = k_distances)$values
      list(coefficients = found$estimate[found$type == data$type[1]])
    },
    dbmss = function(data) {
      found <- dbmss::KdEnvelope(
        point_pattern(data), r = k_distances, NumberOfSimulations = k_draws, ReferenceType = data$type[1],
        Weighted = FALSE, Approximate = 0, SimulationType = "RandomLocation", verbose = FALSE
      )
      list(coefficients = found$obs)
    }
  ),
  size = list(points = 20000, industries = 50), quick = list(points = 1000, industries = 5)
)
