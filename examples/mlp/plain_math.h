/* The arithmetic of one element, or of one row, beside matrix products and normalization: the same text for both
 * machines, so that what they compute differs by the roundings of exp and its like. In double where the C library is
 * asked: next to the matrix products these are few. */
#ifndef PLAIN_MATH_H
#define PLAIN_MATH_H

#include <math.h>
#include <string.h>

#include "machine.h"

#ifdef __CUDACC__
#define PLAIN static inline __host__ __device__
#else
#define PLAIN static inline
#endif

/* ---- activations that no normalization has fused */

/* x Phi(x) and its derivative Phi(x) + x phi(x); the tanh form is Hendrycks and Gimpel's (2016). */
#define PLAIN_SQRT_HALF 0.70710678118654752
#define PLAIN_INVERSE_SQRT_2PI 0.39894228040143268
#define PLAIN_GELU_A 0.79788456080286536 /* sqrt(2/pi) */
#define PLAIN_GELU_B 0.044715

PLAIN double plain_sigmoid(double x) { return 1 / (1 + exp(-x)); }

PLAIN double plain_act_value(wn_act act, double x) {
  switch (act) {
    case WN_ACT_NONE:
      return x;
    case WN_ACT_RELU:
      return x <= 0 ? 0 : x; /* keeps NaN */
    case WN_ACT_LEAKY_RELU:
      return x <= 0 ? MACHINE_LEAKY_SLOPE * x : x;
    case WN_ACT_SIGMOID:
      return plain_sigmoid(x);
    case WN_ACT_TANH:
      return tanh(x);
    case WN_ACT_GELU:
      return 0.5 * x * (1 + erf(x * PLAIN_SQRT_HALF));
    case WN_ACT_GELU_TANH:
      return 0.5 * x * (1 + tanh(PLAIN_GELU_A * (x + PLAIN_GELU_B * x * x * x)));
    case WN_ACT_SILU:
      return x * plain_sigmoid(x);
  }
  return NAN;
}

PLAIN double plain_act_slope(wn_act act, double x) {
  switch (act) {
    case WN_ACT_NONE:
      return 1;
    case WN_ACT_RELU:
      return x <= 0 ? 0 : 1;
    case WN_ACT_LEAKY_RELU:
      return x <= 0 ? MACHINE_LEAKY_SLOPE : 1;
    case WN_ACT_SIGMOID:
      return plain_sigmoid(x) * (1 - plain_sigmoid(x));
    case WN_ACT_TANH:
      return 1 - tanh(x) * tanh(x);
    case WN_ACT_GELU:
      return 0.5 * (1 + erf(x * PLAIN_SQRT_HALF)) + x * PLAIN_INVERSE_SQRT_2PI * exp(-0.5 * x * x);
    case WN_ACT_GELU_TANH: {
      const double t = tanh(PLAIN_GELU_A * (x + PLAIN_GELU_B * x * x * x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * PLAIN_GELU_A * (1 + 3 * PLAIN_GELU_B * x * x);
    }
    case WN_ACT_SILU:
      return plain_sigmoid(x) * (1 + x * (1 - plain_sigmoid(x)));
  }
  return NAN;
}

PLAIN float plain_act(wn_act act, float x) { return (float)plain_act_value(act, x); }

/* d act'(x). No product where the derivative is 0: an infinite gradient of a dead unit stays off, as with a mask. */
PLAIN float plain_act_back(wn_act act, float x, float d) {
  const double slope = plain_act_slope(act, x);
  return slope == 0 ? 0 : (float)(slope * d);
}

/* ---- softmax cross-entropy */

PLAIN int64_t plain_largest(int64_t count, const float *x) {
  int64_t best = 0;
  for (int64_t i = 0; i < count; i++) {
    if (isnan(x[i])) return i;
    if (x[i] > x[best]) best = i;
  }
  return best;
}

/* Adds one row to the score. d: the row's gradient of the loss divided by `share`; may be NULL. */
PLAIN void plain_softmax_row(int64_t classes, const float *x, int label, double share, float *d, score *total) {
  const int64_t predicted = plain_largest(classes, x);
  const double shift = x[predicted]; /* the largest: exp never overflows; a NaN makes the loss NaN, as it should */
  double sum = 0;
  for (int64_t i = 0; i < classes; i++) sum += exp(x[i] - shift);
  total->loss += log(sum) - (x[label] - shift);
  total->correct += predicted == label;
  if (!d) return;
  for (int64_t i = 0; i < classes; i++) {
    const double probability = exp(x[i] - shift) / sum;
    d[i] = (float)((probability - (i == label ? 1 : 0)) / share);
  }
}

/* ---- softmax of scale x, where x lies, and its gradient */

PLAIN void plain_softmax(int64_t count, float scale, float *x) {
  const float largest = x[plain_largest(count, x)];
  double sum = 0;
  for (int64_t i = 0; i < count; i++) {
    const double power = exp((double)scale * (x[i] - largest)); /* scale > 0: at most 1 */
    sum += power;
    x[i] = (float)power;
  }
  for (int64_t i = 0; i < count; i++) x[i] = (float)(x[i] / sum);
}

PLAIN void plain_softmax_back(int64_t count, float scale, const float *y, float *d) {
  double mean = 0; /* of d, weighted by y */
  for (int64_t i = 0; i < count; i++) mean += (double)y[i] * d[i];
  for (int64_t i = 0; i < count; i++) d[i] = (float)((double)scale * y[i] * (d[i] - mean));
}

/* ---- bf16 */

PLAIN uint16_t plain_to_bf16(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (isnan(x)) return (uint16_t)(bits >> 16 | 0x40u); /* the payload's low half may be all there is: keep it a NaN */
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

PLAIN float plain_from_bf16(uint16_t x) {
  const uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* ---- Adam */

typedef struct plain_adam { /* of one step */
  float rate, share1, share2, scale1, scale2;
} plain_adam;

static inline plain_adam plain_adam_of(float rate, double correction1, double correction2) {
  const plain_adam a = {rate, 1 - (float)MACHINE_ADAM_BETA1, 1 - (float)MACHINE_ADAM_BETA2, (float)(1 / correction1),
                        (float)(1 / correction2)};
  return a;
}

PLAIN void plain_adam_step(const plain_adam *a, float gradient, float *average1, float *average2, float *value) {
  *average1 += a->share1 * (gradient - *average1);
  *average2 += a->share2 * (gradient * gradient - *average2);
  *value -= a->rate * (*average1 * a->scale1) / (sqrtf(*average2 * a->scale2) + (float)MACHINE_ADAM_EPSILON);
}

#endif
