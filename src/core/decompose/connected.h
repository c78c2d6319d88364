/* connected.h: which firms and places can be compared.
 *
 * Places are tied to each other by the firms that were at several of them. Kept is the largest set (by
 * rows) of places
 * that stays in one piece whichever single firm is left out: firms that alone tie two parts (articulation
 * points of the
 * graph of firms and places) are dropped, the largest part kept, until nothing changes. This is the same
 * as no firm having
 * a leverage of 1.
 */
#ifndef FM_CONNECTED_H
#define FM_CONNECTED_H

#include "lives.h"

enum fm_reason {
  FM_KEPT,
  FM_SEEN_ONCE, /* one row: nothing within the firm */
  FM_SOLE_TIE,  /* alone ties two sets of places */
  FM_OUTSIDE    /* not in the largest set */
};

/* keep: n_firms, 1 for a firm that is kept; reason: n_firms. *leaves_out is 0 when no two places are left
 * so: then the
 * largest connected set is kept as it is. */
fm_code fm_connected(const fm_lives *lives, unsigned char *keep, unsigned char *reason, int *leaves_out);

#endif
