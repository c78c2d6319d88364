/* many_fits.h: conditional logits of many designs, each from a good start, side by side on several threads.
 *
 * For each fit: the design is made, the maximum is climbed to with a few Newton steps (few_steps.h), and
 * the logsum of each occasion is read there. Fits share nothing, and each runs on one thread (a fit alone
 * on all), so that results are the same bit by bit whatever the number of threads.
 */
#ifndef FM_MANY_FITS_H
#define FM_MANY_FITS_H

#include "../base/status.h"
#include "../base/threads.h"
#include "../design/design.h"

typedef struct fm_one_fit {
  const void *spec; /* what make() makes the design of */
  const int *fixed; /* n_linear: 1 = stays at the start */
  double *theta;    /* n_linear: the start, then the maximum */
  double *logsum;   /* n_occasions: written where done */
  double value;     /* the rest is output: what fm_few_steps() says */
  int done;
  fm_error err;
} fm_one_fit;

/* Makes a design. Called on any thread, of several fits at once. */
typedef fm_code (*fm_make_design)(const void *spec, fm_design *design, fm_error *err);

/* Steps end with the one that promises less than `enough`. interrupted (may be NULL) is asked between fits,
 * on the calling thread. err (may be NULL): that of the first fit that failed. */
fm_code fm_many_fits(fm_one_fit *fits, size_t n, fm_make_design make, double enough, int threads,
                     fm_interrupted interrupted, fm_error *err);

#endif
