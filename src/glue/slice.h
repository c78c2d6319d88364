/* slice.h: entry points for slices of the data, called from R/fit-slices.R. */
#ifndef FM_SLICE_H
#define FM_SLICE_H

#include <Rinternals.h>

/* The occasions of a spec as slices that end at each of `last` (rising), in the order of the data or in
 * `order` (NULL, or a permutation): a list of external pointers. group: NULL, or a list of the 1-based
 * codes of the occasions of each slice, all used. keep: what must outlive the slices. */
SEXP firmmove_slices_new(SEXP spec, SEXP order, SEXP last, SEXP group, SEXP keep);
/* c(units, groups, bytes) */
SEXP firmmove_slice_size(SEXP slice);
/* Moves a slice to a file, which is removed with it. */
SEXP firmmove_slice_spill(SEXP slice, SEXP path);
/* Has the system read a slice that is in a file. */
SEXP firmmove_slice_prefetch(SEXP slice);
/* c(value, score, information) of a model at theta, as far as order asks.
 * extent: a spec without its arrays. */
SEXP firmmove_slice_sums(SEXP slice, SEXP numbers, SEXP model, SEXP theta, SEXP order, SEXP control);
/* What fm_count_along() counts. question: c(what, tolerance). */
SEXP firmmove_slice_count(SEXP slice, SEXP direction, SEXP question, SEXP control);
/* Posterior probabilities of the classes of a latent model: classes x groups of the slice. */
SEXP firmmove_slice_posterior(SEXP slice, SEXP numbers, SEXP model, SEXP theta, SEXP control);
SEXP firmmove_slice_free(SEXP slice);
/* The sum of equally long numeric vectors, entry by entry, in their order and with compensation. */
SEXP firmmove_sum_slices(SEXP parts);

#endif
