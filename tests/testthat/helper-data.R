# Small tables with known answers, shared by the tests of the data classes.

towns <- c("Wenzhou", "Guzhen", "Yiwu")

small_firms <- function() {
  data.frame(
    firm = c(11, 25, 37, 48, 59), from = c("Wenzhou", "Wenzhou", "Guzhen", NA, "Wenzhou"),
    to = c("Guzhen", "Wenzhou", "Guzhen", "Guzhen", NA), size = c(20, 150, 60, 8, 3)
  )
}

small_places <- function() data.frame(place = towns, land_price = c(9, 5, 7))

small_ties <- function() {
  ties <- expand.grid(from = towns, to = towns, stringsAsFactors = FALSE)
  ties$distance <- c(0, 1050, 240, 1050, 0, 1000, 240, 1000, 0)
  ties
}

panel_firms <- function() {
  data.frame(
    firm = rep(c("a", "b"), each = 2), year = rep(c(1999, 2000), 2),
    from = c("Wenzhou", "Guzhen", "Wenzhou", "Wenzhou"),
    to = c("Guzhen", "Guzhen", "Wenzhou", "Yiwu")
  )
}

panel_places <- function() {
  data.frame(place = rep(towns, 2), year = rep(c(2000, 1999), each = 3), rent = 1:6)
}

small_long <- function() {
  data.frame(
    id = rep(c(5, 7, 3), c(3, 2, 3)),
    town = c("Guzhen", "Wenzhou", "Yiwu", "Guzhen", "Wenzhou", "Guzhen", "Wenzhou", "Yiwu"),
    went = c(1, 0, 0, 0, 1, 0, 0, 1), home = "Wenzhou", rent = c(5, 9, 7, 5, 9, 6, 9, 7)
  )
}
