/* pairs.c: densities of distances and sums around points. Numbers of sites begin with 1 in R. */
#include "pairs.h"

#include "../core/decompose/pairs.h"
#include "../core/decompose/rings.h"

static fm_sites sites_of(SEXP x, SEXP y) {
  return (fm_sites){(size_t)Rf_xlength(x), REAL_RO(x), REAL_RO(y)};
}

static fm_run run_of(SEXP threads) {
  return (fm_run){.threads = Rf_asInteger(threads), .interrupted = fm_user_interrupted};
}

SEXP firmmove_pair_distances(SEXP x, SEXP y) {
  const fm_sites sites = sites_of(x, y);
  const double n = (double)sites.n;
  SEXP result = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)(n * (n - 1) / 2)));
  fm_pair_distances(&sites, REAL(result));
  UNPROTECT(1);
  return result;
}

SEXP firmmove_pair_histogram(SEXP x, SEXP y, SEXP top, SEXP n_bins, SEXP threads) {
  const fm_sites sites = sites_of(x, y);
  const fm_run run = run_of(threads);
  const int bins = Rf_asInteger(n_bins);
  SEXP result = PROTECT(Rf_allocVector(REALSXP, bins));
  fm_error err = {FM_OK, ""};
  fm_check(fm_pair_histogram(&sites, Rf_asReal(top), (size_t)bins, REAL(result), &run, &err), &err);
  UNPROTECT(1);
  return result;
}

/* member: sites x draws; weight: of each site of a draw, or a matrix like member; returns at x draws. */
SEXP firmmove_pair_density(SEXP x, SEXP y, SEXP member, SEXP weight, SEXP at, SEXP bandwidth,
                           SEXP threads) {
  const fm_sites sites = sites_of(x, y);
  const fm_run run = run_of(threads);
  const fm_kernel kernel = {REAL_RO(at), (size_t)Rf_xlength(at), Rf_asReal(bandwidth)};
  const fm_subsets subsets = {
      .n = (size_t)Rf_nrows(member),
      .n_draws = (size_t)Rf_ncols(member),
      .member = fm_from_zero(member),
      .weight = fm_as_doubles(weight, (size_t)Rf_xlength(weight), "weight"),
      .weight_step = Rf_isMatrix(weight) ? (size_t)Rf_nrows(member) : 0,
  };
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)kernel.n_at, (int)subsets.n_draws));
  fm_error err = {FM_OK, ""};
  fm_check(fm_pair_density(&sites, &subsets, &kernel, REAL(result), &run, &err), &err);
  UNPROTECT(1);
  return result;
}

/* list(mean: at x bandwidths, site, pair: at x at x bandwidths). */
SEXP firmmove_pair_moments(SEXP x, SEXP y, SEXP at, SEXP bandwidth, SEXP threads) {
  const fm_sites sites = sites_of(x, y);
  const fm_run run = run_of(threads);
  const int n_at = (int)Rf_xlength(at), n_h = (int)Rf_xlength(bandwidth);
  SEXP mean = PROTECT(Rf_allocMatrix(REALSXP, n_at, n_h));
  SEXP site = PROTECT(Rf_alloc3DArray(REALSXP, n_at, n_at, n_h));
  SEXP pair = PROTECT(Rf_alloc3DArray(REALSXP, n_at, n_at, n_h));
  const fm_pair_moments moments = {.at = REAL_RO(at),
                                   .h = REAL_RO(bandwidth),
                                   .n_at = (size_t)n_at,
                                   .n_h = (size_t)n_h,
                                   .mean = REAL(mean),
                                   .site = REAL(site),
                                   .pair = REAL(pair)};
  fm_error err = {FM_OK, ""};
  fm_check(fm_pair_moments_all(&sites, &moments, &run, &err), &err);
  const char *names[] = {"mean", "site", "pair", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, mean);
  SET_VECTOR_ELT(result, 1, site);
  SET_VECTOR_ELT(result, 2, pair);
  UNPROTECT(4);
  return result;
}

/* Weights of the sites `to` around the sites `from` (NULL: all); radii x from. */
SEXP firmmove_ring_sums(SEXP x, SEXP y, SEXP weight, SEXP from, SEXP to, SEXP radius, SEXP threads) {
  const fm_sites sites = sites_of(x, y);
  const fm_run run = run_of(threads);
  const fm_radii radii = {REAL_RO(radius), (size_t)Rf_xlength(radius)};
  const fm_around around = {
      .from = fm_from_zero(from),
      .n_from = from == R_NilValue ? sites.n : (size_t)Rf_xlength(from),
      .to = fm_from_zero(to),
      .n_to = to == R_NilValue ? sites.n : (size_t)Rf_xlength(to),
      .weight = REAL_RO(weight),
  };
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)radii.n, (int)around.n_from));
  fm_error err = {FM_OK, ""};
  fm_check(fm_ring_sums(&sites, &around, &radii, REAL(result), &run, &err), &err);
  UNPROTECT(1);
  return result;
}

/* member: (reference, then neighbour sites) x draws, with all: radii x sites; or those sites once, with
 * place: sites x draws,
 * where the type and weight of each site are in each draw. Returns radii x draws. */
SEXP firmmove_m_function(SEXP x, SEXP y, SEXP weight, SEXP all, SEXP member, SEXP place, SEXP n_from,
                         SEXP radius, SEXP threads) {
  const fm_sites sites = sites_of(x, y);
  const fm_run run = run_of(threads);
  const fm_radii radii = {REAL_RO(radius), (size_t)Rf_xlength(radius)};
  const size_t from = (size_t)Rf_asInteger(n_from);
  const int moves = place != R_NilValue;
  const fm_m_draws draws = {
      .n_from = from,
      .n_to = (size_t)Rf_nrows(member) - from,
      .n_draws = (size_t)Rf_ncols(moves ? place : member),
      .member = fm_from_zero(member),
      .place = fm_from_zero(place),
      .weight = REAL_RO(weight),
      .all = moves ? NULL : REAL_RO(all),
  };
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)radii.n, (int)draws.n_draws));
  fm_error err = {FM_OK, ""};
  fm_check(fm_m_function(&sites, &draws, &radii, REAL(result), &run, &err), &err);
  UNPROTECT(1);
  return result;
}
