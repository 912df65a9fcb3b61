/* A small classifier with a batch normalization in it: linear, batch norm and relu, linear, softmax. */
#ifndef NETWORK_H
#define NETWORK_H
#include <warpnorm.h>

enum { FEATURES = 16, HIDDEN = 32, CLASSES = 4 };

/* All that is learned, and its gradients: floats without a gap, so that ranks can sum them as one array. */
typedef struct weights {
  float first[FEATURES][HIDDEN];
  float gamma[HIDDEN], beta[HIDDEN];
  float last[HIDDEN][CLASSES];
} weights;
enum { WEIGHTS = sizeof(weights) / sizeof(float) };

typedef struct batch { /* of one rank */
  int64_t samples;
  const float *x; /* [samples][FEATURES] */
  const int *label;
} batch;

typedef struct network {
  weights value;
  float running_mean[HIDDEN], running_var[HIDDEN]; /* for inference, which this example does not come to */
  float mean[HIDDEN], rstd[HIDDEN];                /* between the forward and the backward pass */
  float *before, *after, *gradient;                /* [most samples][HIDDEN] each */
  wn_device *device;
  wn_plan *plan;
  void *work;
  size_t work_bytes;
} network;

/* The same weights whenever it is called. comm: ranks that share their statistics, all of which call this; NULL: none.
 */
wn_status network_open(network *, wn_device *processor, const wn_comm *comm, int64_t most_samples);
void network_close(network *);

/* Gradients of the loss: its mean over `total` samples, of which these are some. With a comm a collective. */
wn_status network_gradient(network *, const batch *, int64_t total, weights *gradient, double *loss);
void network_step(network *, const weights *gradient, float rate);

#endif
