/* slice.c: a slice of the data, built once and passed over many times.
 *
 * A slice is a design of some of the occasions, in memory or, spilled, in a file that is mapped. R adds the
 * sums of slices up (see R/fit-slices.R), so they may come from other processes too. The numbers of tables
 * stay where R keeps them, in the protected part of the pointer, until the slice is spilled.
 */
#include "slice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../core/base/alloc.h"
#include "../core/base/total.h"
#include "../core/choice/latent_em.h"
#include "../core/choice/separation.h"
#include "../core/design/image.h"
#include "model.h"

typedef struct slice {
  fm_design design;
  fm_store_file file;
  char *path; /* of the file, or NULL in memory */
  size_t bytes;
} slice;

/* ---- life -------------------------------------------------------------------------------------------- */
static void release(slice *s) {
  if (s == NULL) {
    return;
  }
  if (s->design.ops != NULL) {
    s->design.ops->free(&s->design);
  }
  if (s->path != NULL) {
    fm_store_close(&s->file);
  }
  fm_free(s->path), fm_free(s);
}

static void finalize(SEXP pointer) {
  release(R_ExternalPtrAddr(pointer));
  R_ClearExternalPtr(pointer);
}

static slice *slice_of(SEXP pointer) {
  slice *s = TYPEOF(pointer) == EXTPTRSXP ? R_ExternalPtrAddr(pointer) : NULL;
  if (s == NULL) {
    Rf_error("internal: not a slice, or one of another session");
  }
  return s;
}

SEXP firmmove_slice_free(SEXP pointer) {
  finalize(pointer);
  R_SetExternalPtrProtected(pointer, R_NilValue);
  return R_NilValue;
}

/* The slice of occasions from .. to-1, with the numbers of its groups, as an external pointer. */
static SEXP new_slice(const fm_spec *whole, const int *order, size_t from, size_t to, SEXP group,
                      SEXP keep) {
  const size_t n = to - from;
  const int *code = fm_as_codes(group, n, 1, (double)n, "group");
  const fm_spec *part = fm_spec_part(whole, order, from, to, code, fm_largest_code(code, n));
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, keep));
  R_RegisterCFinalizerEx(pointer, finalize, TRUE);
  fm_error err = {FM_OK, ""};
  slice *s = fm_alloc_zero(1, sizeof(slice));
  const fm_code made = s ? fm_spec_design(part, &s->design, &err) : FM_NO_MEMORY;
  if (made != FM_OK) {
    fm_free(s);
  }
  fm_check(made, &err);
  s->design.interrupted = fm_user_interrupted;
  s->bytes = fm_design_bytes(&s->design);
  R_SetExternalPtrAddr(pointer, s);
  UNPROTECT(1);
  return pointer;
}

SEXP firmmove_slices_new(SEXP spec, SEXP order, SEXP last, SEXP group, SEXP keep) {
  const size_t n = fm_spec_extent(spec).n_occasions;
  const R_xlen_t n_slices = Rf_xlength(last);
  const fm_spec_options options = {.merge = 1};
  const fm_spec *whole = fm_spec_unpack(spec, &options);
  const int *permutation = fm_as_codes(order, n, 1, (double)n, "order");
  SEXP result = PROTECT(Rf_allocVector(VECSXP, n_slices));
  size_t from = 0;
  for (R_xlen_t i = 0; i < n_slices; i++) {
    const size_t to = (size_t)REAL(last)[i];
    if (from >= to || to > n) {
      Rf_error("internal: a slice of occasions %lu to %lu of %lu", (unsigned long)from, (unsigned long)to,
               (unsigned long)n);
    }
    void *mark = vmaxget(); /* what was picked for a slice is not needed any more */
    SEXP codes = group == R_NilValue ? R_NilValue : VECTOR_ELT(group, i);
    SET_VECTOR_ELT(result, i, new_slice(whole, permutation, from, to, codes, keep));
    vmaxset(mark);
    from = to;
  }
  UNPROTECT(1);
  return result;
}

SEXP firmmove_slice_size(SEXP pointer) {
  const slice *s = slice_of(pointer);
  SEXP result = Rf_allocVector(REALSXP, 3);
  REAL(result)[0] = (double)s->design.n_units;
  REAL(result)[1] = (double)s->design.n_groups;
  REAL(result)[2] = (double)s->bytes;
  return result;
}

/* ---- files ------------------------------------------------------------------------------------------- */
/* The design of s becomes the one in its file. */
static fm_code reopen(slice *s, fm_error *err) {
  fm_design mapped;
  FM_TRY(fm_store_map(&s->file, s->path, err));
  const fm_code code = fm_design_open(&mapped, &s->file, err);
  if (code != FM_OK) {
    fm_store_close(&s->file);
    return code;
  }
  s->design.ops->free(&s->design);
  s->design = mapped;
  s->design.interrupted = fm_user_interrupted;
  (void)remove(s->path); /* nobody cuts a file without a name, and a process that is killed leaves none */
  return FM_OK;
}

static fm_code spill(slice *s, const char *name, fm_error *err) {
  s->path = fm_alloc_copy(name, strlen(name) + 1, 1);
  if (s->path == NULL) {
    return FM_NO_MEMORY;
  }
  FM_TRY(fm_design_save(&s->design, name, err));
  return reopen(s, err);
}

SEXP firmmove_slice_spill(SEXP pointer, SEXP path) {
  slice *s = slice_of(pointer);
  const char *name = R_ExpandFileName(CHAR(Rf_asChar(path)));
  fm_error err = {FM_OK, ""};
  if (s->path != NULL) {
    return R_NilValue;
  }
  const fm_code code = spill(s, name, &err);
  if (code != FM_OK) {
    (void)remove(name);
    fm_free(s->path);
    s->path = NULL;
  }
  fm_check(code, &err);
  R_SetExternalPtrProtected(pointer, R_NilValue);
  return R_NilValue;
}

SEXP firmmove_slice_prefetch(SEXP pointer) {
  const slice *s = slice_of(pointer);
  if (s->path != NULL) {
    fm_store_prefetch(&s->file);
  }
  return R_NilValue;
}

/* Pages that a pass has read may go. */
static void done_with(const slice *s) {
  if (s->path != NULL) {
    fm_store_release(&s->file);
  }
}

/* ---- sums -------------------------------------------------------------------------------------------- */
static SEXP new_sums(size_t p, int order) {
  const size_t n = 1 + (order >= FM_SCORE ? p : 0) + (order >= FM_INFORMATION ? p * p : 0);
  return Rf_allocVector(REALSXP, (R_xlen_t)n);
}

SEXP firmmove_slice_sums(SEXP pointer, SEXP numbers, SEXP model, SEXP theta, SEXP order, SEXP control) {
  const slice *s = slice_of(pointer);
  const fm_extent extent = fm_slices_extent(numbers);
  const fm_model *m = fm_model_from_list(model, &extent);
  const size_t p = s->design.n_linear + m->extra;
  const double *at = fm_need_doubles(theta, p, "theta");
  const int asked = Rf_asInteger(order);
  SEXP result = PROTECT(new_sums(p, asked));
  double *out = REAL(result);
  fm_error err = {FM_OK, ""};
  fm_pass pass = m->ops->pass(m, &s->design, fm_control_threads(control));
  pass.theta = at;
  pass.order = asked;
  const fm_code code = fm_pass_run(&pass, out, out + 1, out + 1 + p, &err);
  done_with(s);
  fm_check(code, &err);
  if (!isfinite(out[0])) { /* outside the domain nothing else is written */
    memset(out + 1, 0, ((size_t)Rf_xlength(result) - 1) * sizeof(double));
  }
  UNPROTECT(1);
  return result;
}

SEXP firmmove_slice_count(SEXP pointer, SEXP direction, SEXP question, SEXP control) {
  const slice *s = slice_of(pointer);
  const double *along = fm_need_doubles(direction, s->design.n_linear, "direction");
  double answer = 0.0;
  fm_error err = {FM_OK, ""};
  const fm_along what = (fm_along)(int)REAL(question)[0];
  const fm_code code = fm_count_along(&s->design, NULL, along, what, REAL(question)[1],
                                      fm_control_threads(control), &answer, &err);
  done_with(s);
  fm_check(code, &err);
  return Rf_ScalarReal(answer);
}

SEXP firmmove_slice_posterior(SEXP pointer, SEXP numbers, SEXP model, SEXP theta, SEXP control) {
  const slice *s = slice_of(pointer);
  const fm_extent extent = fm_slices_extent(numbers);
  const fm_model *m = fm_model_from_list(model, &extent);
  const fm_latent *latent = m->state;
  const size_t p = s->design.n_linear + m->extra;
  const double *at = fm_need_doubles(theta, p, "theta");
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)latent->n_classes, (int)s->design.n_groups));
  double path = 0.0, *kept = (double *)R_alloc(p + 1, sizeof(double));
  memcpy(kept, at, p * sizeof(double));
  const fm_em_control only = {.iterations = 0};
  fm_em_result out = {.theta = kept, .posterior = REAL(result), .path = &path};
  fm_error err = {FM_OK, ""};
  const fm_code code = fm_latent_em(latent, &s->design, fm_control_threads(control), &only, &out, &err);
  done_with(s);
  fm_check(code, &err);
  UNPROTECT(1);
  return result;
}

SEXP firmmove_sum_slices(SEXP parts) {
  const R_xlen_t n = Rf_xlength(parts), length = n > 0 ? Rf_xlength(VECTOR_ELT(parts, 0)) : 0;
  for (R_xlen_t i = 0; i < n; i++) {
    if (TYPEOF(VECTOR_ELT(parts, i)) != REALSXP || Rf_xlength(VECTOR_ELT(parts, i)) != length) {
      Rf_error("internal: sums of slices must be numbers, and equally many");
    }
  }
  SEXP result = PROTECT(Rf_allocVector(REALSXP, length));
  for (R_xlen_t at = 0; at < length; at++) {
    fm_total total = {0.0, 0.0};
    for (R_xlen_t i = 0; i < n; i++) {
      fm_total_add(&total, REAL(VECTOR_ELT(parts, i))[at]);
    }
    REAL(result)[at] = fm_total_value(&total);
  }
  UNPROTECT(1);
  return result;
}
