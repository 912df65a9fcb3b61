/* One normalization of a hidden layer, by libwarpnorm. In f32, or in bf16: then the activations are rounded to bf16 on
 * the way into each call and widened again on the way out, as in mixed-precision training. */
#ifndef NORM_LAYER_H
#define NORM_LAYER_H

#include "form.h"
#include "machine.h"

typedef struct norm_choice {
  wn_kind kind;
  int64_t groups; /* GROUP; INSTANCE without positions: its features are this many channels of width / groups */
  int64_t parts;  /* BATCH: ghost parts, each with statistics of its own, that divide a training batch; 0: one */
  bool bf16;
  wn_act act; /* fused: applied to what was normalized; backward counts it in */
  double eps;
  double momentum;           /* as the library counts: the share of the new statistic in the running one */
  const wn_comm *statistics; /* of batch norm: the ranks whose samples count together; NULL: this process's own */
} norm_choice;

typedef struct norm_layer {
  machine *on; /* where it lives */
  wn_plan *plan;
  int64_t width, channels;
  bool running;                         /* keeps running statistics, and infers from them */
  float *gamma, *beta, *dgamma, *dbeta; /* channels each; RMS has no beta */
  float *running_mean, *running_var;    /* batch only */
  float *mean, *rstd;                   /* of the last training forward, for backward */
  uint16_t *x_bf16, *y_bf16, *d_bf16;   /* bf16 only */
  void *work;
  size_t work_bytes;
} norm_layer;

/* For calls of up to most_rows pictures of this form. Memory comes from the buffers, which must outlive the layer. */
bool norm_layer_create(norm_layer *, const norm_choice *, int64_t most_rows, const form *, buffers *, fault *);
void norm_layer_destroy(norm_layer *);

/* gamma 1, beta 0, running statistics 0: the first update makes them (1 - momentum) 0 + momentum stat. */
void norm_layer_reset(norm_layer *);

bool norm_layer_forward(norm_layer *, bool training, int64_t rows, const float *x, float *y, fault *);
/* x of the last training forward; dx may take dy's place. */
bool norm_layer_backward(norm_layer *, int64_t rows, const float *x, const float *dy, float *dx, fault *);

#endif
