/* Stages that move a window over pictures: a convolution, as a matrix product over patches, and average pooling. */
#include <stdlib.h>

#include "stage.h"

/* ---- convolution. With p a patch and the 1 behind it, and w of [patch values + 1][units], the bias in its last row,
 *
 *      y at a position of `out` = p w
 *
 * The patches of a slice of pictures are the rows of P. In NXC their y is P w as it lies, for as many pictures as the
 * slice holds. In NCX it is (P w)^T = w^T P^T of each picture, so that a slice is one. Backward makes the patches
 * again: kept from the forward they would take size^2 times the memory of x, which a slice's never does. */

enum { NXC_SLICE = 16 }; /* pictures: their patches still lie in a processor's cache when they are multiplied */

typedef struct convolution {
  window at;
  int64_t values, positions; /* of a patch, without the 1; of `out` */
  int64_t slice;             /* pictures */
  float *weight, *dweight, *patches;
} convolution;

/* Weight and bias are two tensors of one matrix. */
static bool convolution_take(stage *s, convolution *c, buffers *memory, fault *f) {
  const int64_t weights = c->values * s->spec.units, patch = c->values + 1;
  if (!(c->weight = buffers_take(memory, patch * s->spec.units, sizeof(float), f))) return false;
  if (!(c->dweight = buffers_take(memory, patch * s->spec.units, sizeof(float), f))) return false;
  if (!(c->patches = buffers_take(memory, c->slice * c->positions * patch, sizeof(float), f))) return false;
  s->tensors[s->tensor_count++] = (tensor){"weight", s->layer, weights, c->weight, c->dweight};
  s->tensors[s->tensor_count++] = (tensor){"bias", s->layer, s->spec.units, c->weight + weights, c->dweight + weights};
  return true;
}

static bool convolution_create(stage *s, buffers *memory, fault *f) {
  convolution *const c = s->state = calloc(1, sizeof *c);
  if (!c) return fault_set(f, "no memory for a convolution");
  if (!window_create(&c->at, &s->spec.window, &s->in, s->spec.units, f)) return false;
  s->out = c->at.out;
  c->values = window_values(&c->at);
  c->positions = form_positions(&s->out);
  c->slice = s->in.layout == WN_NCX ? 1 : s->most_rows < NXC_SLICE ? s->most_rows : NXC_SLICE;
  return convolution_take(s, c, memory, f);
}

static void window_destroy(stage *s) { free(s->state); }

static bool convolution_reset(stage *s, rng *random, double deviation, fault *f) {
  if (!stage_draw(s, &s->tensors[0], random, deviation, f)) return false;
  s->on->ops->fill(s->on, s->tensors[1].count, 0, s->tensors[1].value);
  return true;
}

/* How many of the rows are in the slice that begins at row `first`. */
static int64_t slice_rows(const convolution *c, int64_t first, int64_t rows) {
  return rows - first < c->slice ? rows - first : c->slice;
}

static void multiply_forward(const stage *s, const convolution *c, int64_t rows, float *y) {
  const int64_t patch = c->values + 1, places = rows * c->positions, units = s->spec.units;
  matrix_product p = {.rows = places, .columns = units, .inner = patch, .a = c->patches, .b = c->weight, .c = y};
  if (s->out.layout == WN_NCX) {
    p = (matrix_product){.rows = units, .columns = places, .inner = patch, .a = c->weight, .b = c->patches, .c = y};
    p.a_transposed = p.b_transposed = true;
  }
  s->on->ops->multiply(s->on, &p);
}

static bool convolution_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  const convolution *const c = s->state;
  const int64_t inputs = form_values(&s->in), outputs = form_values(&s->out);
  for (int64_t first = 0; first < rows; first += c->slice) {
    const int64_t count = slice_rows(c, first, rows);
    s->on->ops->patches(s->on, &c->at, count, x + first * inputs, c->patches);
    multiply_forward(s, c, count, s->y + first * outputs);
  }
  return true;
}

/* dw = P^T dy, summed over the slices. */
static void multiply_weights(const stage *s, const convolution *c, int64_t rows, const float *d, bool add) {
  s->on->ops->multiply(s->on, &(matrix_product){.rows = c->values + 1,
                                                .columns = s->spec.units,
                                                .inner = rows * c->positions,
                                                .a = c->patches,
                                                .b = d,
                                                .c = c->dweight,
                                                .a_transposed = true,
                                                .b_transposed = s->out.layout == WN_NCX,
                                                .add = add});
}

/* dP = dy w^T without the bias's row, over the patches. */
static void multiply_patches(const stage *s, const convolution *c, int64_t rows, const float *d) {
  s->on->ops->multiply(s->on, &(matrix_product){.rows = rows * c->positions,
                                                .columns = c->values,
                                                .inner = s->spec.units,
                                                .a = d,
                                                .b = c->weight,
                                                .c = c->patches,
                                                .a_transposed = s->out.layout == WN_NCX,
                                                .b_transposed = true});
}

static bool convolution_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)f;
  const convolution *const c = s->state;
  const int64_t inputs = form_values(&s->in), outputs = form_values(&s->out);
  for (int64_t first = 0; first < rows; first += c->slice) {
    const int64_t count = slice_rows(c, first, rows);
    const float *const dy = d + first * outputs;
    s->on->ops->patches(s->on, &c->at, count, x + first * inputs, c->patches);
    multiply_weights(s, c, count, dy, first > 0);
    if (!dx) continue;
    multiply_patches(s, c, count, dy);
    s->on->ops->patches_back(s->on, &c->at, count, c->patches, dx + first * inputs);
  }
  return true;
}

const stage_kind stage_convolution = {
    .weighted = true,
    .create = convolution_create,
    .destroy = window_destroy,
    .reset = convolution_reset,
    .forward = convolution_forward,
    .backward = convolution_backward,
};

/* ---- average pooling */

static bool pool_create(stage *s, buffers *memory, fault *f) {
  (void)memory;
  window *const w = s->state = calloc(1, sizeof *w);
  if (!w) return fault_set(f, "no memory for a pooling");
  if (s->spec.window.pad != 0) {
    return fault_set(f, "an average pooling of pad %lld: expected 0", (long long)s->spec.window.pad);
  }
  if (!window_create(w, &s->spec.window, &s->in, s->in.channels, f)) return false;
  s->out = w->out;
  return true;
}

static bool pool_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  s->on->ops->pool(s->on, s->state, rows, x, s->y);
  return true;
}

static bool pool_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)x, (void)f;
  if (dx) s->on->ops->pool_back(s->on, s->state, rows, d, dx);
  return true;
}

const stage_kind stage_average_pool = {
    .create = pool_create,
    .destroy = window_destroy,
    .forward = pool_forward,
    .backward = pool_backward,
};
