/* Plain gradient descent, or Adam. */
#ifndef OPTIMIZER_H
#define OPTIMIZER_H

#include "network.h"

typedef enum optimizer_kind { OPTIMIZER_SGD, OPTIMIZER_ADAM } optimizer_kind;

typedef struct optimizer {
  optimizer_kind kind;
  double rate;
  int64_t steps;
  network *net;
  buffers memory;
  float *averages[2]; /* Adam: of the gradient and its square, all tensors one after another */
} optimizer;

/* The network must outlive the optimizer. */
bool optimizer_create(optimizer *, optimizer_kind, double rate, network *, fault *);
void optimizer_destroy(optimizer *);
void optimizer_step(optimizer *); /* with the gradients of the last backward */

#endif
