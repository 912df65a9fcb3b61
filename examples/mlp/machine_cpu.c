/* The processor's table. Plain loops: next to the matrix products these passes are small, and normalization, which
 * would not be, is the library's. */
#include <math.h>
#include <string.h>

#include "machine.h"

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

/* x Phi(x) and its derivative Phi(x) + x phi(x); the tanh form is Hendrycks and Gimpel's (2016). */
static const double sqrt_half = 0.70710678118654752, inverse_sqrt_2pi = 0.39894228040143268;
static const double gelu_a = 0.79788456080286536, gelu_b = 0.044715; /* sqrt(2/pi) */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double activation(wn_act act, double x) {
  switch (act) {
    case WN_ACT_NONE:
      return x;
    case WN_ACT_RELU:
      return x <= 0 ? 0 : x; /* keeps NaN */
    case WN_ACT_LEAKY_RELU:
      return x <= 0 ? MACHINE_LEAKY_SLOPE * x : x;
    case WN_ACT_SIGMOID:
      return sigmoid(x);
    case WN_ACT_TANH:
      return tanh(x);
    case WN_ACT_GELU:
      return 0.5 * x * (1 + erf(x * sqrt_half));
    case WN_ACT_GELU_TANH:
      return 0.5 * x * (1 + tanh(gelu_a * (x + gelu_b * x * x * x)));
    case WN_ACT_SILU:
      return x * sigmoid(x);
  }
  return NAN;
}

static double derivative(wn_act act, double x) {
  switch (act) {
    case WN_ACT_NONE:
      return 1;
    case WN_ACT_RELU:
      return x <= 0 ? 0 : 1;
    case WN_ACT_LEAKY_RELU:
      return x <= 0 ? MACHINE_LEAKY_SLOPE : 1;
    case WN_ACT_SIGMOID:
      return sigmoid(x) * (1 - sigmoid(x));
    case WN_ACT_TANH:
      return 1 - tanh(x) * tanh(x);
    case WN_ACT_GELU:
      return 0.5 * (1 + erf(x * sqrt_half)) + x * inverse_sqrt_2pi * exp(-0.5 * x * x);
    case WN_ACT_GELU_TANH: {
      const double t = tanh(gelu_a * (x + gelu_b * x * x * x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * gelu_a * (1 + 3 * gelu_b * x * x);
    }
    case WN_ACT_SILU:
      return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
  }
  return NAN;
}

static void cpu_activate(machine *m, wn_act act, int64_t count, const float *x, float *y) {
  (void)m;
  for (int64_t i = 0; i < count; i++) y[i] = (float)activation(act, x[i]);
}

static void cpu_activate_back(machine *m, wn_act act, int64_t count, const float *x, float *d) {
  (void)m;
  /* No product where the derivative is 0: an infinite gradient of a dead unit stays off, as with a mask. */
  for (int64_t i = 0; i < count; i++) {
    const double slope = derivative(act, x[i]);
    d[i] = slope == 0 ? 0 : (float)(slope * d[i]);
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

static int64_t largest(int64_t count, const float *x) {
  int64_t best = 0;
  for (int64_t i = 0; i < count; i++) {
    if (isnan(x[i])) return i;
    if (x[i] > x[best]) best = i;
  }
  return best;
}

static void cpu_softmax_loss(machine *m, int64_t rows, int64_t classes, const float *logits, const uint8_t *labels,
                             float *dlogits, score *result) {
  (void)m;
  *result = (score){0, 0};
  for (int64_t row = 0; row < rows; row++) {
    const float *const x = logits + row * classes;
    const int64_t predicted = largest(classes, x);
    const double shift = x[predicted]; /* the largest: exp never overflows; a NaN makes the loss NaN, as it should */
    double sum = 0;
    for (int64_t i = 0; i < classes; i++) sum += exp(x[i] - shift);
    result->loss += log(sum) - (x[labels[row]] - shift);
    result->correct += predicted == labels[row];
    if (!dlogits) continue;
    for (int64_t i = 0; i < classes; i++) {
      const double probability = exp(x[i] - shift) / sum;
      dlogits[row * classes + i] = (float)((probability - (i == labels[row])) / (double)rows);
    }
  }
}

static void cpu_to_bf16(machine *m, int64_t count, const float *x, uint16_t *y) {
  (void)m;
  for (int64_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    if (isnan(x[i])) {
      y[i] = (uint16_t)(bits >> 16 | 0x40u); /* the payload's low half may be all there is: keep it a NaN */
    } else {
      y[i] = (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
    }
  }
}

static void cpu_from_bf16(machine *m, int64_t count, const uint16_t *x, float *y) {
  (void)m;
  for (int64_t i = 0; i < count; i++) {
    const uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(&y[i], &bits, sizeof bits);
  }
}

static void cpu_step_sgd(machine *m, int64_t count, float rate, const float *restrict gradient, float *restrict value) {
  (void)m;
  for (int64_t i = 0; i < count; i++) value[i] -= rate * gradient[i];
}

static void cpu_step_adam(machine *m, int64_t count, float rate, double correction1, double correction2,
                          const float *restrict gradient, float *restrict average1, float *restrict average2,
                          float *restrict value) {
  (void)m;
  const float beta1 = (float)MACHINE_ADAM_BETA1, beta2 = (float)MACHINE_ADAM_BETA2,
              epsilon = (float)MACHINE_ADAM_EPSILON;
  const float scale1 = (float)(1 / correction1), scale2 = (float)(1 / correction2);
  for (int64_t i = 0; i < count; i++) {
    average1[i] += (1 - beta1) * (gradient[i] - average1[i]);
    average2[i] += (1 - beta2) * (gradient[i] * gradient[i] - average2[i]);
    value[i] -= rate * (average1[i] * scale1) / (sqrtf(average2[i] * scale2) + epsilon);
  }
}

const machine_ops machine_cpu = {
    .open = cpu_open,
    .close = cpu_close,
    .multiply = matrix_cblas_multiply,
    .fill = cpu_fill,
    .bias_add = cpu_bias_add,
    .column_sum = cpu_column_sum,
    .activate = cpu_activate,
    .activate_back = cpu_activate_back,
    .gather = cpu_gather,
    .softmax_loss = cpu_softmax_loss,
    .to_bf16 = cpu_to_bf16,
    .from_bf16 = cpu_from_bf16,
    .step_sgd = cpu_step_sgd,
    .step_adam = cpu_step_adam,
};
