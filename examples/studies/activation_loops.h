/* The activations of the studies, each alone: plain loops in single precision, which ask the C library for exp, tanh
 * and erf one value at a time. What a program pays that has nothing better. */
#ifndef ACTIVATION_LOOPS_H
#define ACTIVATION_LOOPS_H

#include <stdint.h>

#include "warpnorm.h"

typedef void activation_forward(int64_t count, const float *x, float *y);
/* dx = dy times the derivative, which is computed from x or from y. */
typedef void activation_backward(int64_t count, const float *x_or_y, const float *dy, float *dx);

typedef struct activation_loops {
  wn_act act;
  const char *name;
  activation_forward *forward;
  activation_backward *backward, *backward_of_y; /* backward_of_y: NULL where y does not tell */
} activation_loops;

enum { ACTIVATIONS = 6 };
extern const activation_loops all_activations[ACTIVATIONS];

#endif
