/* pack.h: vectors of C as vectors of R, and memory of the core that R frees. */
#ifndef FM_GLUE_PACK_H
#define FM_GLUE_PACK_H

#include "glue.h"

/* Copies; NULL makes a vector of n numbers that nobody has set. Not protected. */
SEXP fm_pack_doubles(const double *x, size_t n);
SEXP fm_pack_ints(const int *x, size_t n);
SEXP fm_pack_flags(const unsigned char *x, size_t n);
/* n x n, row after row or column after column: only for what is symmetric. */
SEXP fm_pack_symmetric(const double *x, size_t n);

/* Zeroed memory of `size` bytes that belongs to an external pointer: `release` gets the pointer when R
 * lets go of it, whatever R does meanwhile. */
void *fm_hold(SEXP pointer, size_t size, void (*release)(SEXP pointer));

#endif
