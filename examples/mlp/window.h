/* A square window that moves over the positions of a picture, as convolutions and poolings have it. */
#ifndef WINDOW_H
#define WINDOW_H

#include "fault.h"
#include "form.h"

typedef struct window_shape { /* in positions */
  int64_t size, stride, pad;  /* pad: zeros around the picture, on each side */
} window_shape;

typedef struct window {
  window_shape shape;
  form in, out; /* out: a position for each place of the window */
} window;

/* Values under the window: a patch, [channels][size][size] in both layouts. */
static inline int64_t window_values(const window *w) { return w->in.channels * w->shape.size * w->shape.size; }

/* Over pictures of the form `in`; out has as many channels as asked. */
bool window_create(window *, const window_shape *, const form *in, int64_t channels, fault *);

#endif
