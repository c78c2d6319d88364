/* status.c: the words for a failure, and the one place that writes them. */
#if defined(_WIN32)
#define __USE_MINGW_ANSI_STDIO 1 /* the older of the two C libraries of Windows knows no %zu */
#endif
#include "status.h"

#include <stdarg.h>
#include <stdio.h>

const char *fm_code_text(fm_code code) {
  switch (code) {
    case FM_OK:
      return "no error";
    case FM_NO_MEMORY:
      return "out of memory";
    case FM_INVALID:
      return "an argument is outside its domain";
    case FM_SINGULAR:
      return "a matrix is not positive definite";
    case FM_DIVERGED:
      return "the iteration left the finite numbers";
    case FM_INTERRUPTED:
      return "interrupted";
    case FM_IO:
      return "a file cannot be read or written";
    case FM_CORRUPT:
      return "a file is damaged";
  }
  return "unknown error";
}

fm_code fm_fail(fm_error *err, fm_code code, const char *format, ...) {
  if (err != NULL) {
    va_list arguments;
    va_start(arguments, format);
    err->code = code;
    (void)vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
  }
  return code;
}
