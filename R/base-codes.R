# Numbers that R and the C core both know, under the names that the headers of the core have for them: FM_SCORE of
# optim/objective.h is fm_score. `make lint` holds each against its header. Everything else is a word at the border.

# How far a pass goes: each includes what is before it (optim/objective.h)
fm_value <- 0L
fm_score <- 1L
fm_information <- 2L

# How Newton's method ended (optim/newton.h)
fm_converged <- 0L

# Why a parameter was not estimated (base/linalg.h)
fm_not_aliased <- 0L
fm_no_variation <- 2L
