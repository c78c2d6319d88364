/* kernels_points.h: the part of kernels_impl.h that looks at points: those in a disc, distances, and their
 * moments in bins. Included by kernels_impl.h once per instruction set, with its macros.
 */

/* ---- points in a disc ----------------------------------------------------------------------------- */
FM_TARGET static double FM_NAME(disc_)(const fm_points *points, const size_t *run, const double *centre,
                                       double square, double *count) {
  vec total = SPLAT(0.0), found = SPLAT(0.0), lane = SPLAT(0.0);
  for (size_t l = 0; l < FM_LANES; l++) {
    lane[l] = (double)l;
  }
  for (size_t r = 0; r < 4; r += 2) {
    for (size_t i = run[r]; i < run[r + 1]; i += FM_LANES) {
      const vec dx = LOAD(points->x + i) - centre[0], dy = LOAD(points->y + i) - centre[1];
      const ivec in = (dx * dx + dy * dy <= SPLAT(square)) & (lane < SPLAT((double)(run[r + 1] - i)));
      total += (vec)(in & (ivec)LOAD(points->weight + i));
      found += (vec)(in & (ivec)SPLAT(1.0));
    }
  }
  *count += FM_NAME(lanes)(found);
  return FM_NAME(lanes)(total);
}

/* ---- distances, and their moments in bins --------------------------------------------------------- */
/* 1/sqrt(v) by halving the exponent and four steps of Newton, from 4% to the last bits; v = 0 gives a
 * finite number. */
FM_INLINE vec FM_NAME(inverse_root)(vec v) {
  vec r = (vec)(0x5fe6eb50c7b537a9ULL - ((uvec)v >> 1));
  const vec half = 0.5 * v;
  for (int step = 0; step < 4; step++) {
    r = r * (1.5 - half * r * r);
  }
  return r;
}

FM_TARGET static void FM_NAME(distances_)(const double *x, const double *y, const double *centre,
                                          double scale, double *d, size_t n) {
  size_t i = 0;
  for (; i + FM_LANES <= n; i += FM_LANES) {
    const vec dx = LOAD(x + i) - centre[0], dy = LOAD(y + i) - centre[1];
    const vec square = dx * dx + dy * dy;
    STORE(d + i, scale * (square * FM_NAME(inverse_root)(square)));
  }
  for (; i < n; i++) {
    const double dx = x[i] - centre[0], dy = y[i] - centre[1];
    d[i] = scale * sqrt(dx * dx + dy * dy);
  }
}

/* 1, t, t^2, ... in the lanes. */
FM_INLINE vec FM_NAME(powers)(double t) {
  ivec lane = {0};
  for (int l = 0; l < (int)FM_LANES; l++) {
    lane[l] = l;
  }
  vec power = SELECT((lane & 1) != 0, SPLAT(t), SPLAT(1.0));
  double square = t;
  for (int bit = 2; bit < (int)FM_LANES; bit *= 2) {
    square *= square;
    power *= SELECT((lane & bit) != 0, SPLAT(square), SPLAT(1.0));
  }
  return power;
}

FM_TARGET static void FM_NAME(bin_powers_)(const double *position, const double *weight, size_t n,
                                           size_t n_bins, double *moment) {
  const double beyond = (double)n_bins - 0.5;
  for (size_t i = 0; i < n; i++) {
    const double at = position[i] < beyond ? position[i] : beyond;
    const size_t bin = (size_t)at;
    const double t = at - (double)bin - 0.5, t2 = t * t, t4 = t2 * t2;
    const double step = FM_LANES == 8 ? 0.0 : FM_LANES == 4 ? t4 : t2;
    vec power = FM_NAME(powers)(t);
    if (weight != NULL) {
      power *= weight[i];
    }
    for (size_t k = 0; k < 8; k += FM_LANES) {
      STORE(moment + 8 * bin + k, LOAD(moment + 8 * bin + k) + power);
      power *= step;
    }
  }
}
