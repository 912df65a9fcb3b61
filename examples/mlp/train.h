/* One training: one network, one standard deviation of the initial weights. */
#ifndef TRAIN_H
#define TRAIN_H

#include "dataset.h"
#include "network.h"
#include "optimizer.h"
#include "ranks.h"

typedef struct train_images { /* in device memory */
  int64_t count, pixels;
  const float *images;
  const uint8_t *labels;
} train_images;

/* Looks on. Both may be NULL; what they find wrong ends the training. */
typedef struct train_watch {
  void *context;
  /* Between backward and the optimizer's step, of which there were `step` before: the batch and all gradients. */
  bool (*step)(void *context, network *, int64_t step, int64_t rows, const float *images, const uint8_t *labels,
               fault *);
  bool (*end)(void *context, network *, fault *); /* after the last step and the last evaluation */
} train_watch;

typedef struct train_plan {
  const network_design *design; /* NULL: the network of `shape` */
  network_shape shape;
  double deviation;
  int64_t batch;
  int epochs;
  int64_t epoch_steps;
  optimizer_kind optimizer;
  double rate;
  uint64_t seed;
  const ranks *together; /* that share each batch; NULL: this process alone */
  train_images training, test;
  const train_watch *watch; /* may be NULL */
} train_plan;

typedef struct train_sample { /* inference over all training images */
  int64_t step;               /* steps done so far */
  double accuracy, loss;      /* loss: mean over the images */
} train_sample;

typedef struct train_result {      /* of ranks, only rank 0 evaluates: on the others all of it but the steps is 0 */
  train_sample *samples;           /* `epochs` of them, the caller's: each epoch's is taken after its first step;
                                    * NULL: none is taken */
  train_sample end;                /* after the last step */
  double test_accuracy, test_loss; /* then, on the test images */
} train_result;

/* Called after each epoch; may be NULL. */
typedef void train_tick(void *context, const network *);

bool train_upload(train_images *, const dataset *, buffers *, fault *);
bool train_run(machine *, const train_plan *, train_result *, train_tick *, void *context, fault *);

#endif
