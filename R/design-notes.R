# What is said of the occasions and the missing values of a design, once for a fit.

# Movers --------------------------------------------------------------------------------------------------

# Whether no occasion stays, though there are origins: firms that must move
only_movers <- function(occasions) {
  weighted <- occasions$chosen > 0L & (occasions$weights %||% 1) > 0
  weighted[is.na(weighted)] <- FALSE
  home <- occasions$origin > 0L
  any(weighted & home) && !any(weighted & home & occasions$chosen == occasions$origin)
}

# Whether a design is of movers only, for whom origins are not on offer; long data have the rows they have, and are
# told of it
movers_design <- function(data, occasions, basis, choice) {
  if (!is.null(basis) || !choice) {
    return(isTRUE(basis$movers))
  }
  if (!only_movers(occasions) || !offers_home(data, occasions)) {
    return(FALSE)
  }
  if (!has_tables(data)) {
    warn("No firm stays, though the origin is among the places on offer in ",
      plural(sum(occasions$origin > 0L), "occasion"), ": the model takes it that staying was possible and nobody ",
      "wanted it. Where the data hold movers only, leave the rows of origins out of `data`.",
      class = "movers_only"
    )
    return(FALSE)
  }
  inform("No firm stays in these data, so the model is one of where movers go: origins are not on offer, and there is ",
    "no `stay`.",
    class = "movers_only"
  )
  TRUE
}

# Is any firm offered its origin?
offers_home <- function(data, occasions) {
  at <- which(occasions$origin > 0L)
  !has_tables(data) || any(pair_available(
    data, occasions$firm[at], occasions$origin[at], occasions$origin[at], occasions$time[at]
  ))
}

# The table of places on offer with each firm's origin taken out; base: the table without that, or NULL
without_origins <- function(base, frame) {
  key <- occasion_key(frame, union(base$key$dims, "origin"))
  values <- if (is.null(base)) matrix(TRUE, frame$J, key$size) else rekey(base, key)$values
  origin <- key$parts$origin - 1L
  known <- which(origin > 0L)
  values[cbind(origin[known], known)] <- FALSE
  list(kind = "dense", key = key, values = values)
}

# Births and stays ------------------------------------------------------------------------------------------

# choices: choices_of() of data in memory, an entry for each occasion
tell_origins <- function(choices) {
  weighted <- choices$weight > 0
  born <- sum(weighted & choices$origin == 0L)
  home <- sum(weighted & choices$origin > 0L)
  if (born > 0L && home > 0L) {
    inform(format_count(born), " of ", plural(born + home, "occasion"), if (born == 1L) " has" else " have",
      " no origin, as start-ups have none: they choose among all places with the coefficients of firms that move. ",
      "subset = !is.na(from) leaves them out.",
      class = "no_origin"
    )
  }
  moves <- sum(weighted & moved(choices))
  if (home >= 50L && moves < home && moves > 0.95 * home) {
    inform(format(100 * moves / home, digits = 3), "% of the occasions with an origin are moves: if firms that stayed ",
      "are left out of the data, `stay` says nothing. Put them in, or leave out the few that stay.",
      class = "few_stay"
    )
  }
}

# Missing attributes ----------------------------------------------------------------------------------------

# Warns of occasions that are lost because a place or tie lacks an attribute, though the firms themselves lack nothing
# missing: occasions that lack each variable, named by its text; where: for each atom the names of places, or NULL.
warn_missing_attributes <- function(missing, atoms, where, n) {
  text <- vapply(atoms, function(atom) atom$text, "")
  for (name in names(missing)) {
    lost <- sum(missing[[name]] %||% FALSE)
    at <- match(name, text)
    if (lost == 0L || is.na(at) || !atoms[[at]]$level %in% c("place", "tie", "row")) {
      next
    }
    places <- where(atoms[[at]])
    if (length(places) == 0L) {
      next
    }
    warn("`", name, "` is missing for ", quote_names(places), ", which costs ", plural(lost, "occasion"), " of ",
      format_count(n), " (", format(100 * lost / n, digits = 2), "%): all that may choose ",
      if (length(places) == 1L) "this place" else "one of these places", ". Fill it in; or take ",
      if (length(places) == 1L) "the place" else "the places", " out of the choice sets where it is missing: ",
      if (atoms[[at]]$level == "row") {
        "leave those rows out of `data`."
      } else {
        "available = function(from, to, time) ..., or drop the rows of `places` and say available = \"rows\"."
      },
      class = "missing_attribute"
    )
  }
}

# Places for which an atom of relational data is missing
places_lacking <- function(component, atom, data) {
  bad <- component_missing(component)
  if (is.null(bad)) {
    return(NULL)
  }
  code <- if (atom$level == "place") {
    row(data$place_row)[which(bad[data$place_row])]
  } else {
    data$ties[[atom$table]]$index$to[bad]
  }
  data$place[sort(unique(code))]
}
