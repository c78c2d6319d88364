# The view of a design: what is asked of a spec, however utilities are stored. It is for R what src/core/design/design.h
# is for C. A storage is a class of spec, "relational_spec" or "ragged_spec", with a method of each generic in the file
# that owns it (design-relational.R, design-ragged.R); nothing else knows which storage there is.
#
# Fields that every spec has: origin and chosen (an outcome of each occasion, 0 for none: the number of the place where
# all occasions offer all places, else the position within the occasion), weights (or NULL), J (number of places),
# effects (are there constants of places?), offered (places not taken out, or NULL).

# Numbers of occasions, weights and moves ---------------------------------------------------------------

n_occasions <- function(spec) {
  length(spec$origin)
}

# A weight for each occasion
occasion_weights <- function(spec) {
  spec$weights %||% rep(1, n_occasions(spec))
}

# Occasions that left their origin
moved <- function(spec) {
  spec$origin > 0L & spec$chosen != spec$origin
}

# Numbers of places -------------------------------------------------------------------------------------

# The number of the place of an outcome of each occasion; 0 stays 0
place_code <- function(spec, outcome) {
  UseMethod("place_code")
}

chosen_place <- function(spec) {
  place_code(spec, spec$chosen)
}

origin_place <- function(spec) {
  place_code(spec, spec$origin)
}

# Values by occasion and place --------------------------------------------------------------------------

# From values in the shape that the kernels give them, the value at one outcome of each occasion; NA where the outcome
# is 0
at_outcome <- function(spec, values, outcome) {
  UseMethod("at_outcome")
}

at_chosen <- function(spec, values) {
  at_outcome(spec, values, spec$chosen)
}

at_home <- function(spec, values) {
  at_outcome(spec, values, spec$origin)
}

# 1 for the chosen places and 0 for the others, in the shape of the kernels' values
chosen_indicator <- function(spec) {
  UseMethod("chosen_indicator")
}

# The number of the place with the largest value of each occasion, the first of those alike
likely_place <- function(spec, values) {
  UseMethod("likely_place")
}

# The n places with the largest values of each occasion, those alike in the order of places: list(place, value), each a
# matrix with a row for each occasion; NA where no place with a value above 0 is left
likeliest_places <- function(spec, values, n) {
  UseMethod("likeliest_places")
}

# The value of the first move on offer of each occasion; 0 without an origin or a move
first_move <- function(spec, values) {
  UseMethod("first_move")
}

# Weighted sums of values over the moves and over the stays on offer of occasions with an origin, and the weights
# they are sums of: c(move, stay, n_move, n_stay)
sums_of_moves <- function(spec, values) {
  UseMethod("sums_of_moves")
}

# The values as the user sees them: named, with NA for occasions that na.exclude took out
user_values <- function(spec, values, design, data) {
  UseMethod("user_values")
}

# Moves on offer to an occasion with an origin, on average
mean_moves <- function(spec) {
  UseMethod("mean_moves")
}

# Some of the occasions ---------------------------------------------------------------------------------

some_occasions <- function(spec, rows) {
  UseMethod("some_occasions")
}

# Runs of occasions so short that occasions x places is no burden; NULL: all at once
occasion_pieces <- function(spec) {
  UseMethod("occasion_pieces")
}

# Whether the core can build occasions in another order than that of the spec
can_reorder <- function(spec) {
  UseMethod("can_reorder")
}

# Terms -------------------------------------------------------------------------------------------------

# Number of terms, offsets not among them
term_count <- function(spec) {
  UseMethod("term_count")
}

# The spec with some of the terms (a logical for each) and all offsets
keep_terms <- function(spec, keep) {
  UseMethod("keep_terms")
}

# The columns of the terms at the origin and at the chosen place of some occasions, before any mask sets them to 0:
# list(origin, chosen, at_home). `at_home` is FALSE for a column that is one of moving, which the storage knows by its
# being 0 at the origin. NULL where the storage holds masked columns only. `terms` is the terms table.
# masked: list(origin, chosen, at_home). `at_home` is FALSE for a column that the storage shows to be one of moving,
# for it is 0 at the origin. NULL where the storage holds masked columns only.
columns_of_moves <- function(spec, rows, terms) {
  UseMethod("columns_of_moves")
}

# For each term, whether its columns have a value other than 0 at an origin; a storage that keeps columns as they are
# before they are masked says TRUE
matters_at_home <- function(spec) {
  UseMethod("matters_at_home")
}

# The spec with a variable changed at the origins alone, given that in which it is changed at all places, and for each
# term whether the factors with the variable take it from the origin (a logical for each): list(spec, cut), `cut` the
# numbers of terms that stand a second time, after the others. NULL where it cannot be told.
swap_at_home <- function(spec, changed, pushed) {
  UseMethod("swap_at_home")
}

# The spec with further terms: the derivatives, by (up - down) / width, of the terms that a variable changes, given the
# specs in which it is higher and lower everywhere; list(spec, at: numbers of the terms that have a derivative, in their
# order). NULL where it cannot be told.
with_derivatives <- function(spec, up, down, width) {
  UseMethod("with_derivatives")
}

# What terms that are the same at all moves add to the utility of moving, for each occasion, at coefficients b of the
# terms; 0 without an origin. NULL where the storage does not say that they are.
utility_of_leaving <- function(spec, b) {
  UseMethod("utility_of_leaving")
}

# Adds an offset: a value for each place (rows) in each cell (columns), the cell of each occasion being spec$cell
with_cell_offset <- function(spec, value) {
  UseMethod("with_cell_offset")
}

# The choices of a spec, for what asks who chose what without asking how utilities are stored: list(origin, chosen,
# weight; J; moves, those on offer on average). Origin and chosen outcome are equal for who stays; an origin of 0 is
# none.
choices_of <- function(spec) {
  list(
    origin = spec$origin, chosen = spec$chosen, weight = occasion_weights(spec), J = spec$J, moves = mean_moves(spec)
  )
}
