/* The device that a network runs on: memory from libwarpnorm's buffers, and one const table of functions with all the
 * arithmetic beside normalization. Every pointer below is device memory; calls enqueue on the machine's stream. The
 * processor is one table, a GPU another: nothing in network_*.c or norm_layer.c knows the difference. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

#include "fault.h"
#include "matrix.h"
#include "warpnorm.h"
#include "window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct machine machine;

typedef struct score { /* of one batch, in device memory until it is read */
  double loss;         /* summed over the pictures */
  int64_t correct;
} score;

/* Calls that return nothing only enqueue; what goes wrong with one is kept by machine_fail. */
typedef struct machine_ops {
  bool (*open)(machine *, int threads, fault *);
  void (*close)(machine *);

  void (*multiply)(machine *, const matrix_product *);
  void (*fill)(machine *, int64_t count, float value, float *x);
  void (*bias_add)(machine *, int64_t rows, int64_t columns, const float *bias, float *y);
  void (*column_sum)(machine *, int64_t rows, int64_t columns, const float *x, float *sum);

  void (*times)(machine *, int64_t count, const float *a, const float *b, float *y); /* y = a b, element by element */
  void (*add)(machine *, int64_t count, const float *x, float *y);                   /* y += x */
  /* x is outer x inner x columns, y inner x outer x columns. */
  void (*swap_axes)(machine *, int64_t outer, int64_t inner, int64_t columns, const float *x, float *y);

  void (*activate)(machine *, wn_act, int64_t count, const float *x, float *y);
  void (*activate_back)(machine *, wn_act, int64_t count, const float *x, float *d); /* d *= act'(x) */

  /* Of each row: y = softmax(scale x), where x lies; back: of that y, dy to dx where it lies. */
  void (*softmax)(machine *, int64_t rows, int64_t columns, float scale, float *x);
  void (*softmax_back)(machine *, int64_t rows, int64_t columns, float scale, const float *y, float *d);

  /* Over `rows` pictures. patches: a row for each place of the window, in the pictures' order: what is under it, and a
   * 1. patches_back: x of their gradients, which have no 1. pool: means, no pad. */
  void (*patches)(machine *, const window *, int64_t rows, const float *x, float *patches);
  void (*patches_back)(machine *, const window *, int64_t rows, const float *patches, float *dx);
  void (*pool)(machine *, const window *, int64_t rows, const float *x, float *y);
  void (*pool_back)(machine *, const window *, int64_t rows, const float *d, float *dx);

  /* Rows `index` of images and labels, side by side. */
  void (*gather)(machine *, int64_t rows, int64_t columns, const int32_t *index, const float *images,
                 const uint8_t *labels, float *image_rows, uint8_t *label_rows);

  /* Softmax cross-entropy. dlogits: the gradient of the mean loss, NULL when not wanted. The prediction is the largest
   * logit, the first of equal ones, and a NaN counts as the largest, as numpy's argmax has it. */
  void (*softmax_loss)(machine *, int64_t rows, int64_t classes, const float *logits, const uint8_t *labels,
                       float *dlogits, score *);

  void (*to_bf16)(machine *, int64_t count, const float *x, uint16_t *y); /* to nearest, ties to even */
  void (*from_bf16)(machine *, int64_t count, const uint16_t *x, float *y);

  void (*step_sgd)(machine *, int64_t count, float rate, const float *gradient, float *value);
  /* correction1, 2: 1 - beta^t of the two averages at step t. */
  void (*step_adam)(machine *, int64_t count, float rate, double correction1, double correction2, const float *gradient,
                    float *average1, float *average2, float *value);
} machine_ops;

struct machine {
  wn_device *device;
  int ordinal; /* which GPU; 0: the first, and the processor */
  void *stream;
  const machine_ops *ops;
  void *state;  /* the table's own, such as a BLAS handle */
  fault failed; /* the first failure of a call that enqueues; its text is empty while there is none */
};

extern const machine_ops machine_cpu;
extern const machine_ops machine_cuda; /* in builds with WARPNORM_CUDA and cuBLAS: MLP_HAVE_CUDA */

/* leaky relu: libwarpnorm's default, which the plain activation uses too. */
#define MACHINE_LEAKY_SLOPE 0.01
/* Adam's constants, as its paper gives them (Kingma and Ba 2015). */
#define MACHINE_ADAM_BETA1 0.9
#define MACHINE_ADAM_BETA2 0.999
#define MACHINE_ADAM_EPSILON 1e-8

bool machine_open(machine *, wn_backend, int ordinal, int threads, fault *);
void machine_close(machine *); /* after what was allocated on it */

/* Keeps the sentence if it is the first; machine_write and machine_read fail with it from then on. */
void machine_fail(machine *, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool machine_has_failed(const machine *m) { return m->failed.text[0] != '\0'; }

/* From one product of a series to the next: how far a, b and c lie apart. c's 0: one c, the sum of all. */
typedef struct matrix_steps {
  int64_t a, b, c;
} matrix_steps;

void machine_multiply_each(machine *, int64_t count, matrix_product first, matrix_steps by);

/* Device memory that is given back together. */
typedef struct buffers {
  machine *on; /* where it lives */
  void **list;
  int count, room;
} buffers;

void *buffers_take(buffers *, int64_t elements, size_t element_bytes, fault *); /* NULL: no memory, and a fault */
void buffers_release(buffers *);

bool machine_write(machine *, void *device_memory, const void *host, int64_t bytes, fault *); /* waits, on a GPU */
bool machine_read(machine *, void *host, const void *device_memory, int64_t bytes, fault *);  /* waits */

#ifdef __cplusplus
}
#endif

#endif
