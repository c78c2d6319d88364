/* total.h: a sum with the low part that rounding loses kept beside it (Neumaier 1974, ZAMM 54, 39-51).
 *
 * The result depends on the order of the terms only, and hardly on that. A sum that leaves the finite
 * numbers stays what plain addition makes of it.
 */
#ifndef FM_TOTAL_H
#define FM_TOTAL_H

#include <math.h>

typedef struct fm_total {
  double sum, lost;
} fm_total;

static inline void fm_total_add(fm_total *total, double x) {
  const double sum = total->sum + x;
  total->lost += fabs(total->sum) >= fabs(x) ? (total->sum - sum) + x : (x - sum) + total->sum;
  total->sum = sum;
}

static inline double fm_total_value(const fm_total *total) {
  return isfinite(total->sum) ? total->sum + total->lost : total->sum;
}

#endif
