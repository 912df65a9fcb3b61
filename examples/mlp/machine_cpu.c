/* The processor's table. Plain loops over plain_math.h: next to the matrix products these passes are small, and
 * normalization, which would not be, is the library's. */
#include <string.h>

#include "machine.h"
#include "plain_math.h"
#include "window_math.h"

static bool cpu_open(machine *m, int threads, fault *f) {
  (void)m, (void)f;
  matrix_cblas_threads(threads);
  return true;
}

static void cpu_close(machine *m) { (void)m; }

static void cpu_fill(machine *m, int64_t count, float value, float *x) {
  (void)m;
  for (int64_t i = 0; i < count; i++) x[i] = value;
}

static void cpu_bias_add(machine *m, int64_t rows, int64_t columns, const float *restrict bias, float *restrict y) {
  (void)m;
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t column = 0; column < columns; column++) y[row * columns + column] += bias[column];
  }
}

static void cpu_column_sum(machine *m, int64_t rows, int64_t columns, const float *restrict x, float *restrict sum) {
  (void)m;
  memset(sum, 0, (size_t)columns * sizeof *sum);
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t column = 0; column < columns; column++) sum[column] += x[row * columns + column];
  }
}

static void cpu_times(machine *m, int64_t count, const float *a, const float *b, float *y) {
  (void)m;
  for (int64_t i = 0; i < count; i++) y[i] = a[i] * b[i];
}

static void cpu_add(machine *m, int64_t count, const float *restrict x, float *restrict y) {
  (void)m;
  for (int64_t i = 0; i < count; i++) y[i] += x[i];
}

static void cpu_swap_axes(machine *m, int64_t outer, int64_t inner, int64_t columns, const float *x, float *y) {
  (void)m;
  for (int64_t i = 0; i < outer; i++) {
    for (int64_t j = 0; j < inner; j++, x += columns) {
      memcpy(y + (j * outer + i) * columns, x, (size_t)columns * sizeof *x);
    }
  }
}

static void cpu_softmax(machine *m, int64_t rows, int64_t columns, float scale, float *x) {
  (void)m;
  for (int64_t row = 0; row < rows; row++) plain_softmax(columns, scale, x + row * columns);
}

static void cpu_softmax_back(machine *m, int64_t rows, int64_t columns, float scale, const float *y, float *d) {
  (void)m;
  for (int64_t row = 0; row < rows; row++) plain_softmax_back(columns, scale, y + row * columns, d + row * columns);
}

static void cpu_activate(machine *m, wn_act act, int64_t count, const float *x, float *y) {
  (void)m;
  for (int64_t i = 0; i < count; i++) y[i] = plain_act(act, x[i]);
}

static void cpu_activate_back(machine *m, wn_act act, int64_t count, const float *x, float *d) {
  (void)m;
  for (int64_t i = 0; i < count; i++) d[i] = plain_act_back(act, x[i], d[i]);
}

static void cpu_patches(machine *m, const window *w, int64_t rows, const float *x, float *patches) {
  (void)m;
  const int64_t positions = form_positions(&w->out), patch = window_values(w) + 1;
  for (int64_t row = 0; row < rows; row++, x += form_values(&w->in)) {
    for (int64_t at = 0; at < positions; at++, patches += patch) plain_patch(w, x, at, patches);
  }
}

static void cpu_patches_back(machine *m, const window *w, int64_t rows, const float *patches, float *dx) {
  (void)m;
  const int64_t positions = form_positions(&w->in);
  for (int64_t row = 0; row < rows; row++, dx += form_values(&w->in)) {
    for (int64_t at = 0; at < positions; at++) plain_patch_back(w, patches, at, dx);
    patches += form_positions(&w->out) * window_values(w);
  }
}

static void cpu_pool(machine *m, const window *w, int64_t rows, const float *x, float *y) {
  (void)m;
  const int64_t positions = form_positions(&w->out);
  for (int64_t row = 0; row < rows; row++, x += form_values(&w->in), y += form_values(&w->out)) {
    for (int64_t at = 0; at < positions; at++) plain_pool(w, x, at, y);
  }
}

static void cpu_pool_back(machine *m, const window *w, int64_t rows, const float *d, float *dx) {
  (void)m;
  const int64_t positions = form_positions(&w->in);
  for (int64_t row = 0; row < rows; row++, d += form_values(&w->out), dx += form_values(&w->in)) {
    for (int64_t at = 0; at < positions; at++) plain_pool_back(w, d, at, dx);
  }
}

static void cpu_gather(machine *m, int64_t rows, int64_t columns, const int32_t *index, const float *images,
                       const uint8_t *labels, float *image_rows, uint8_t *label_rows) {
  (void)m;
  for (int64_t row = 0; row < rows; row++) {
    memcpy(image_rows + row * columns, images + index[row] * columns, (size_t)columns * sizeof *images);
    label_rows[row] = labels[index[row]];
  }
}

static void cpu_softmax_loss(machine *m, int64_t rows, int64_t classes, const float *logits, const uint8_t *labels,
                             float *dlogits, score *result) {
  (void)m;
  *result = (score){0, 0};
  for (int64_t row = 0; row < rows; row++) {
    float *const d = dlogits ? dlogits + row * classes : NULL;
    plain_softmax_row(classes, logits + row * classes, labels[row], (double)rows, d, result);
  }
}

static void cpu_to_bf16(machine *m, int64_t count, const float *x, uint16_t *y) {
  (void)m;
  for (int64_t i = 0; i < count; i++) y[i] = plain_to_bf16(x[i]);
}

static void cpu_from_bf16(machine *m, int64_t count, const uint16_t *x, float *y) {
  (void)m;
  for (int64_t i = 0; i < count; i++) y[i] = plain_from_bf16(x[i]);
}

static void cpu_step_sgd(machine *m, int64_t count, float rate, const float *restrict gradient, float *restrict value) {
  (void)m;
  for (int64_t i = 0; i < count; i++) value[i] -= rate * gradient[i];
}

static void cpu_step_adam(machine *m, int64_t count, float rate, double correction1, double correction2,
                          const float *restrict gradient, float *restrict average1, float *restrict average2,
                          float *restrict value) {
  (void)m;
  const plain_adam constants = plain_adam_of(rate, correction1, correction2);
  for (int64_t i = 0; i < count; i++) {
    plain_adam_step(&constants, gradient[i], &average1[i], &average2[i], &value[i]);
  }
}

const machine_ops machine_cpu = {
    .open = cpu_open,
    .close = cpu_close,
    .multiply = matrix_cblas_multiply,
    .fill = cpu_fill,
    .bias_add = cpu_bias_add,
    .column_sum = cpu_column_sum,
    .times = cpu_times,
    .add = cpu_add,
    .swap_axes = cpu_swap_axes,
    .softmax = cpu_softmax,
    .softmax_back = cpu_softmax_back,
    .activate = cpu_activate,
    .activate_back = cpu_activate_back,
    .patches = cpu_patches,
    .patches_back = cpu_patches_back,
    .pool = cpu_pool,
    .pool_back = cpu_pool_back,
    .gather = cpu_gather,
    .softmax_loss = cpu_softmax_loss,
    .to_bf16 = cpu_to_bf16,
    .from_bf16 = cpu_from_bf16,
    .step_sgd = cpu_step_sgd,
    .step_adam = cpu_step_adam,
};
