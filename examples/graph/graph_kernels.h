/* The three kernels of the example beside the library's. What changes from step to step, they read from device memory:
 * the arguments of a captured launch are frozen. */
#ifndef GRAPH_KERNELS_H
#define GRAPH_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { GRAPH_THREADS = 256, GRAPH_LOSS_BLOCKS = 32 };

typedef struct load_job { /* x = the step's batch: GRAPH_THREADS a block, an element a thread */
  int64_t count;          /* of one batch */
  int64_t batches;
  const int64_t *step;
  const float *data; /* all batches */
  float *x;
} load_job;

typedef struct loss_job { /* GRAPH_LOSS_BLOCKS blocks of GRAPH_THREADS */
  int64_t count, batches;
  const int64_t *step;
  const float *y, *targets; /* the targets of all batches */
  float scale;              /* dy = scale (y - target), the gradient of scale/2 sum (y - target)^2 */
  float *dy;
  double *partial; /* of each block: its share of sum (y - target)^2 */
} loss_job;

typedef struct update_job { /* elements as in load_job */
  int64_t count;
  float rate;
  const float *gradient;
  float *value;
  const double *partial; /* the first thread puts the loss together, notes it, and steps on */
  double scale;
  double *losses; /* one a step */
  int64_t *step;
} update_job;

typedef enum { GRAPH_LOAD, GRAPH_LOSS, GRAPH_UPDATE } graph_kernel;

/* For cudaLaunchKernelExC. */
const void *graph_kernel_function(graph_kernel);

#ifdef __cplusplus
}
#endif

#endif
