# Longitude and latitude as a plane: the azimuthal equidistant projection at the middle of the points, in kilometres.
# Its distances from the middle are exact; how far others are off is measured on pairs of the points.

# Whether coordinates are degrees: said so, or by the reference system, or by the names of the columns
are_degrees <- function(x, y, degrees) {
  if (!is.null(degrees)) {
    return(check_flag(degrees, "degrees"))
  }
  if (inherits(x, c("sf", "sfc"))) {
    return(requireNamespace("sf", quietly = TRUE) && isTRUE(sf::st_is_longlat(x)))
  }
  is_name <- function(value, names) is.character(value) && length(value) == 1L && tolower(value) %in% names
  is_name(x, c("lon", "long", "lng", "longitude")) && is_name(y, c("lat", "latitude"))
}

flatten_degrees <- function(lon, lat) {
  if (any(abs(lon) > 360) || any(abs(lat) > 90)) {
    abort("Degrees must be longitudes `x` within 360 and latitudes `y` within 90.", class = "argument")
  }
  at <- cbind(cos(lat * pi / 180) * cos(lon * pi / 180), cos(lat * pi / 180) * sin(lon * pi / 180), sin(lat * pi / 180))
  middle <- colMeans(at)
  if (sum(middle^2) < 1e-6) {
    abort("The points lie all around the earth: no plane has their distances.", class = "argument")
  }
  lon0 <- atan2(middle[2], middle[1])
  lat0 <- atan2(middle[3], sqrt(sum(middle[1:2]^2)))
  turn <- lon * pi / 180 - lon0
  lat <- lat * pi / 180
  cosine <- sin(lat0) * sin(lat) + cos(lat0) * cos(lat) * cos(turn)
  angle <- acos(pmin(pmax(cosine, -1), 1))
  scale <- earth_radius * ifelse(angle < 1e-9, 1, angle / sin(angle))
  flat <- list(
    x = scale * cos(lat) * sin(turn), y = scale * (cos(lat0) * sin(lat) - sin(lat0) * cos(lat) * cos(turn))
  )
  tell_flatness(flat, at)
  flat
}

# Great-circle against plane distances of some thousand pairs
tell_flatness <- function(flat, at) {
  n <- nrow(at)
  from <- rep_len(seq_len(n), min(5000, 50 * n))
  to <- (from + seq_along(from) * 7919L - 1L) %% n + 1L
  chord <- sqrt(rowSums((at[from, , drop = FALSE] - at[to, , drop = FALSE])^2))
  true <- 2 * earth_radius * asin(pmin(chord / 2, 1))
  plane <- sqrt((flat$x[from] - flat$x[to])^2 + (flat$y[from] - flat$y[to])^2)
  off <- max(0, abs(plane / true - 1)[true > 0])
  text <- paste0(
    "Longitude and latitude are taken as degrees: distances are in kilometres, off those on the great circle by ",
    format(100 * off, digits = 2), "% at most"
  )
  if (off > 0.01) {
    warn(text, ". For so large a region project the points for your question.", class = "degrees")
  } else {
    inform(text, ".", class = "degrees")
  }
}
