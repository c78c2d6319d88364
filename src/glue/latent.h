/* latent.h: the entry point of the latent-class logit besides those that all models have. */
#ifndef FM_GLUE_LATENT_H
#define FM_GLUE_LATENT_H

#include "glue.h"

SEXP firmmove_latent_em(SEXP spec, SEXP model, SEXP start, SEXP fixed, SEXP control);

#endif
