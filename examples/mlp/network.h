/* The network of the study: linear layers of equal width, each followed by an activation and, when asked, a
 * normalization before or after it; a linear layer to the classes; softmax cross-entropy. */
#ifndef NETWORK_H
#define NETWORK_H

#include "machine.h"
#include "norm_layer.h"
#include "rng.h"

typedef struct network_shape {
  int64_t inputs, width, classes;
  int hidden; /* hidden layers */
  wn_act act;
  bool normalized;  /* false: norm and norm_after are not read */
  bool norm_after;  /* normalize what comes out of the activation, not what goes in */
  norm_choice norm; /* its `act` is set by network_create: act when the norm comes first, none when it comes after */
} network_shape;

typedef struct tensor { /* one parameter and its gradient, in device memory */
  const char *name;     /* "weight", "bias", "gamma", "beta" */
  int layer;            /* 0: next to the images */
  int64_t count;
  float *value, *gradient;
} tensor;

typedef struct linear {
  int64_t inputs, outputs;
  float *weight, *bias, *dweight, *dbias; /* weight: inputs x outputs */
} linear;

typedef struct hidden_layer {
  norm_layer norm;
  float *sums;      /* what the linear layer puts out */
  float *activated; /* between activation and norm, when the norm comes after; else NULL */
  float *out;
} hidden_layer;

typedef struct network {
  machine *on; /* where it lives */
  network_shape shape;
  int64_t most_rows;
  buffers memory;
  linear *linears;      /* hidden + 1 */
  hidden_layer *layers; /* hidden */
  float *logits, *dlogits;
  float *d[2]; /* gradients that travel back, rows x width; in turn */
  score *result;
  tensor *tensors;
  int tensor_count;
} network;

/* For up to most_rows pictures in one pass. On failure everything is given back. */
bool network_create(network *, machine *, const network_shape *, int64_t most_rows, fault *);
void network_destroy(network *);

/* Weights from a normal distribution of this standard deviation, biases and beta 0, gamma 1. The order in which numbers
 * are drawn does not depend on the normalization, so that networks with and without it start from the same weights. */
bool network_reset(network *, rng *, double deviation, fault *);

/* network_pass.c. Forward leaves the logits; training: batch statistics, and what backward needs is kept. */
bool network_forward(network *, bool training, int64_t rows, const float *images, fault *);
/* After a training forward of the same images: every tensor's gradient of the mean loss. */
bool network_backward(network *, int64_t rows, const float *images, const uint8_t *labels, fault *);
/* Inference over any number of pictures, most_rows at a time. */
bool network_evaluate(network *, int64_t count, const float *images, const uint8_t *labels, score *, fault *);

#endif
