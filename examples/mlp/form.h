/* What one picture is between two parts of a network. */
#ifndef FORM_H
#define FORM_H

#include <stdint.h>

#include "warpnorm.h"

/* channels x (height x width) values, in a layout of the library's. */
typedef struct form {
  int64_t channels, height, width;
  wn_layout layout;
} form;

static inline int64_t form_positions(const form *f) { return f->height * f->width; }
static inline int64_t form_values(const form *f) { return f->channels * form_positions(f); }

#endif
