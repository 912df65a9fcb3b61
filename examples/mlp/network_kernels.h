/* The GPU's kernels for a machine's arithmetic: each is a function of one plain struct, whose pointers are to device
 * memory. One dimension of threads and blocks; the sizes of the launch that each wants stand beside its struct. */
#ifndef NETWORK_KERNELS_H
#define NETWORK_KERNELS_H

#include "window_math.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  ELEMENT_THREADS = 256, /* of a block, for kernels of elements: any number of blocks covers them */
  COLUMN_SUM_COLUMNS = 8,
  COLUMN_SUM_LANES = 32, /* threads that share a column */
  COLUMN_SUM_THREADS = COLUMN_SUM_COLUMNS * COLUMN_SUM_LANES,
  LOSS_MOST_THREADS = 512
};

typedef struct fill_job { /* elements */
  int64_t count;
  float value;
  float *x;
} fill_job;

typedef struct bias_add_job { /* a block a row */
  int64_t columns;
  const float *bias;
  float *y;
} bias_add_job;

typedef struct column_sum_job { /* a block of COLUMN_SUM_THREADS for each COLUMN_SUM_COLUMNS */
  int64_t rows, columns;
  const float *x;
  float *sum;
} column_sum_job;

typedef struct activate_job { /* elements; back: y *= act'(x), else y = act(x) */
  int64_t count;
  wn_act act;
  int back;
  const float *x;
  float *y;
} activate_job;

typedef struct times_job { /* elements: y = a b */
  int64_t count;
  const float *a, *b;
  float *y;
} times_job;

typedef struct window_job { /* elements: the positions of all pictures, those of `to` but for patches, which has out's
                             */
  window at;
  int64_t rows;
  const float *from;
  float *to;
} window_job;

typedef struct add_job { /* elements */
  int64_t count;
  const float *x;
  float *y;
} add_job;

typedef struct swap_axes_job { /* elements */
  int64_t outer, inner, columns;
  const float *x;
  float *y;
} swap_axes_job;

typedef struct softmax_job { /* an element is a row. y: back, and x is d; NULL: forward */
  int64_t rows, columns;
  float scale;
  const float *y;
  float *x;
} softmax_job;

typedef struct gather_job { /* a block a row */
  int64_t columns;
  const int32_t *index;
  const float *images;
  const uint8_t *labels;
  float *image_rows;
  uint8_t *label_rows;
} gather_job;

typedef struct softmax_loss_job { /* one block of a power of two of threads, from 32 to LOSS_MOST_THREADS */
  int64_t rows, classes;
  const float *logits;
  const uint8_t *labels;
  float *dlogits; /* may be NULL */
  score *result;
} softmax_loss_job;

typedef struct to_bf16_job { /* elements */
  int64_t count;
  const float *x;
  uint16_t *y;
} to_bf16_job;

typedef struct from_bf16_job { /* elements */
  int64_t count;
  const uint16_t *x;
  float *y;
} from_bf16_job;

typedef struct step_sgd_job { /* elements */
  int64_t count;
  float rate;
  const float *gradient;
  float *value;
} step_sgd_job;

typedef struct step_adam_job { /* elements */
  int64_t count;
  plain_adam constants;
  const float *gradient;
  float *average1, *average2, *value;
} step_adam_job;

typedef enum network_kernel {
  KERNEL_FILL,
  KERNEL_BIAS_ADD,
  KERNEL_COLUMN_SUM,
  KERNEL_ACTIVATE,
  KERNEL_TIMES,
  KERNEL_ADD,
  KERNEL_SWAP_AXES,
  KERNEL_SOFTMAX,
  KERNEL_PATCHES,
  KERNEL_PATCHES_BACK,
  KERNEL_POOL,
  KERNEL_POOL_BACK,
  KERNEL_GATHER,
  KERNEL_SOFTMAX_LOSS,
  KERNEL_TO_BF16,
  KERNEL_FROM_BF16,
  KERNEL_STEP_SGD,
  KERNEL_STEP_ADAM
} network_kernel;

/* For cudaLaunchKernelExC. */
const void *network_kernel_function(network_kernel);

#ifdef __cplusplus
}
#endif

#endif
