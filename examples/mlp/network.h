/* A network: stages one after another, the last of which puts out a logit for each class; softmax cross-entropy. */
#ifndef NETWORK_H
#define NETWORK_H

#include "stage.h"

typedef struct network_design { /* a network as data */
  form input;
  int stage_count;
  const stage_spec *stages;
  bool per_input; /* a weight's standard deviation is divided by the square root of how many inputs its unit has */
} network_design;

/* The network of the study of initial scales: linear layers of equal width, each followed by an activation and, when
 * asked, a normalization before or after it; a linear layer to the classes. */
typedef struct network_shape {
  int64_t inputs, width, classes;
  int hidden; /* hidden layers */
  wn_act act;
  bool normalized;  /* false: norm and norm_after are not read */
  bool norm_after;  /* normalize what comes out of the activation, not what goes in */
  norm_choice norm; /* its `act` is set by network_create: act when the norm comes first, none when it comes after */
} network_shape;

typedef struct network {
  machine *on; /* where it lives */
  bool per_input;
  int64_t inputs, classes, most_rows;
  buffers memory;
  stage *stages;
  int stage_count;
  float *logits; /* the last stage's y */
  float *dlogits;
  float *d[2]; /* gradients that travel back; in turn */
  score *result;
  tensor *tensors; /* of all stages, in their order */
  int tensor_count;
} network;

/* For up to most_rows pictures in one pass. On failure everything is given back. */
bool network_build(network *, machine *, const network_design *, int64_t most_rows, fault *);
bool network_create(network *, machine *, const network_shape *, int64_t most_rows, fault *); /* network_shape.c */
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
