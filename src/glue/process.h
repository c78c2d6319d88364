/* process.h: what the system lets this process have. */
#ifndef FM_GLUE_PROCESS_H
#define FM_GLUE_PROCESS_H

#include "glue.h"

SEXP firmmove_startable_threads(SEXP wanted);
SEXP firmmove_loopback(SEXP port);

#endif
