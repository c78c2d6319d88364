/* panel.c: codes and numbers of a panel, checked, so that the core never leaves its arrays. */
#include "panel.h"

fm_panel fm_panel_from_list(SEXP list) {
  const size_t n = (size_t)Rf_xlength(fm_list_need(list, "performance", REALSXP));
  fm_panel panel = {.n = n,
                    .n_firms = fm_list_count(list, "n_firms"),
                    .n_times = fm_list_count(list, "n_times"),
                    .n_places = fm_list_count(list, "n_places")};
  if (n >= 4294967295u) {
    Rf_error("internal: a panel of more than 2^32 rows");
  }
  panel.firm = fm_list_codes(list, "firm", n, 0, (double)panel.n_firms - 1.0);
  panel.time = fm_list_codes(list, "time", n, 1, (double)panel.n_times);
  panel.place = fm_list_codes(list, "place", n, NA_INTEGER, (double)panel.n_places);
  panel.performance = fm_list_doubles(list, "performance", n);
  panel.weight = fm_list_doubles(list, "weight", n);
  return panel;
}

SEXP fm_panel_repeats(const size_t *row, size_t repeated) {
  const size_t shown = repeated < 5 ? repeated : 5;
  SEXP result = Rf_allocVector(REALSXP, (R_xlen_t)shown);
  for (size_t i = 0; i < shown; i++) {
    REAL(result)[i] = (double)row[i] + 1.0;
  }
  return result;
}
