/* What one step of training changes for each layer, measured in a twin of the network, so that the training does not
 * notice. A layer is a stage with weights and what follows it up to the next one. Of each layer but the first:
 *
 *   shift    how far the distribution of each of its inputs has moved over the same pictures: the distance between the
 *            sorted values (Wasserstein's first), mean over the inputs, in units of their standard deviation
 *   earlier  the gradient at its weights for the same batch, against that before the step, when only the layers before
 *            it have made the step (the internal covariate shift of Santurkar et al. 2018)
 *   all      the same when all layers have made the step */
#ifndef GRADIENT_PROBE_H
#define GRADIENT_PROBE_H

#include "train.h"

typedef struct gradient_change {
  double cosine;     /* of the angle between the two */
  double difference; /* length of the difference, in lengths of the gradient before */
} gradient_change;

typedef struct layer_change {
  double shift;
  gradient_change earlier, all;
} layer_change;

/* A step and a layer, counted from 0. */
typedef void gradient_probe_found(void *context, int64_t step, int layer, const layer_change *);

typedef struct gradient_plan {
  const network_design *design; /* of the network that is watched */
  int64_t batch;
  const float *pictures; /* in device memory: for the inputs' distributions */
  int64_t picture_count;
  const int64_t *steps; /* that are measured, rising; each but the training's last */
  int step_count;
  gradient_probe_found *found;
  void *context;
} gradient_plan;

typedef struct gradient_probe {
  const gradient_plan *plan;
  network twin;
  buffers memory;
  float *images; /* the step's batch */
  uint8_t *labels;
  /* On the host. Of all tensors, one after another; before, after: the step. */
  float *before, *after, *gradient, *gradient_now;
  float *inputs, *inputs_now; /* of all layers but the first, one after another */
  float *sorted;              /* two columns */
  int next;                   /* of plan->steps */
  bool pending;               /* `before` and `gradient` are of the step before this one */
} gradient_probe;

bool gradient_probe_open(gradient_probe *, machine *, const gradient_plan *, fault *);
void gradient_probe_close(gradient_probe *); /* after a failure too */

/* A train_watch's step; the context is a gradient_probe. */
bool gradient_probe_step(void *probe, network *, int64_t step, int64_t rows, const float *images, const uint8_t *labels,
                         fault *);

double gradient_length(int64_t count, const float *gradient);

#endif
