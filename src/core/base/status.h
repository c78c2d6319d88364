/* status.h: how the core says that something went wrong.
 *
 * Every core function that can fail returns an fm_code. Where a caller needs words, it owns an
 * fm_error and passes its address down; the core fills it, never prints and never exits.
 * Thread safety: no state; an fm_error belongs to one thread at a time.
 */
#ifndef FM_STATUS_H
#define FM_STATUS_H

typedef enum fm_code {
  FM_OK = 0,
  FM_NO_MEMORY,   /* an allocation failed */
  FM_INVALID,     /* an argument is outside its domain */
  FM_SINGULAR,    /* a matrix that must be positive definite is not */
  FM_DIVERGED,    /* an iteration left the finite numbers */
  FM_INTERRUPTED, /* the caller's interrupt callback asked to stop */
  FM_IO,          /* the system refused a file: the message names it and says why */
  FM_CORRUPT      /* a file is not what was written: the message names it and the block */
} fm_code;

#define FM_MESSAGE_SIZE 512

typedef struct fm_error {
  fm_code code;
  char message[FM_MESSAGE_SIZE];
} fm_error;

/* Passes a failure up; the only macro of the core that returns. */
#define FM_TRY(call)                     \
  do {                                   \
    const fm_code fm_try_code_ = (call); \
    if (fm_try_code_ != FM_OK) {         \
      return fm_try_code_;               \
    }                                    \
  } while (0)

/* The words for a code, for callers without an fm_error. */
const char *fm_code_text(fm_code code);

/* Records code and a printf-style message in err (may be NULL); returns code. */
fm_code fm_fail(fm_error *err, fm_code code, const char *format, ...)
#if defined(__GNUC__) && !defined(__clang__)
    __attribute__((format(gnu_printf, 3, 4)))
#elif defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

#endif
