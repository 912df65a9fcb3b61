/* What is trained: a residual stack of normalizations, each with its activation and its residual fused.
 *
 *   layer 0       y0 = relu(batch norm(x)), with cumulative running statistics
 *   layer k       s_k = y_(k-1) + s_(k-1), s_0 = x;  y_k = silu(RMS norm(s_k))
 *   loss          1/(2 rows) sum (y_last - target)^2, over batches that come in turn
 *   update        every gamma and beta down its gradient
 *
 * One step is a few dozen short launches on one stream: what CUDA graphs are for. */
#ifndef GRAPH_STACK_H
#define GRAPH_STACK_H

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <warpnorm.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { GRAPH_MOST_LAYERS = 64, GRAPH_BATCHES = 4 };

typedef struct stack_layer {
  wn_plan *plan;
  float *sum, *y;                       /* sum: of layers with a residual */
  float *mean, *rstd;                   /* mean: batch norm's */
  void *mask;                           /* relu's signs */
  float *gamma, *beta, *dgamma, *dbeta; /* in the state; RMS norm has no beta */
} stack_layer;

typedef struct stack {
  wn_device *device;
  cudaStream_t stream;
  int64_t rows, channels, steps;
  int layer_count;
  stack_layer layers[GRAPH_MOST_LAYERS];
  float *data, *targets, *x; /* of all batches; of the step */
  float *dy[2];              /* gradients on their way back, in turn */
  double *partial;
  void *work;
  size_t work_bytes;
  /* All that a step leaves to the next, or to be looked at, in one buffer: parameters, gradients, running statistics,
   * losses, counters. */
  void *state;
  size_t state_bytes;
  int64_t parameters;
  float *running_mean, *running_var;
  double *losses;
  int64_t *step, *batches_seen;
  void *buffers[8 * GRAPH_MOST_LAYERS];
  int buffer_count;
} stack;

/* Each says on stderr what failed, and returns false. `steps`: the most between two resets. On failure of
 * stack_create, too, stack_destroy gives back what there is. */
bool stack_create(stack *, wn_device *, cudaStream_t, int64_t rows, int64_t channels, int layers, int64_t steps);
void stack_destroy(stack *);
bool stack_reset(stack *);
bool stack_step(stack *); /* enqueues: may be captured */
bool stack_read(stack *, void *state);
/* The loss of a step, in a state that was read. */
double stack_loss(const stack *, const void *state, int64_t step);

bool stack_check(wn_status, const char *doing);
bool stack_check_cuda(cudaError_t, const char *doing);

#ifdef __cplusplus
}
#endif

#endif
