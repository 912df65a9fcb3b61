#include "activation_loops.h"

#include <math.h>

#include "machine.h"

static const float slope = (float)MACHINE_LEAKY_SLOPE;

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }
static float normal_below(float x) { return 0.5f * (1 + erff(x * 0.70710678f)); }
static float normal_density(float x) { return 0.39894228f * expf(-0.5f * x * x); }

static float relu(float x) { return x <= 0 ? 0 : x; }
static float leaky_relu(float x) { return x <= 0 ? slope * x : x; }
static float gelu(float x) { return x * normal_below(x); }
static float silu(float x) { return x * sigmoid(x); }

/* d times the derivative: where that is a choice, the choice of a product, which compilers turn into a select. By the
 * sign of x, which is y's too. */
static float relu_back(float x, float d) { return x <= 0 ? 0 : d; }
static float leaky_relu_back(float x, float d) { return x <= 0 ? slope * d : d; }

static float sigmoid_back_of_y(float y, float d) { return d * y * (1 - y); }
static float sigmoid_back(float x, float d) { return sigmoid_back_of_y(sigmoid(x), d); }
static float tanh_back_of_y(float y, float d) { return d * (1 - y * y); }
static float tanh_back(float x, float d) { return tanh_back_of_y(tanhf(x), d); }
static float gelu_back(float x, float d) { return d * (normal_below(x) + x * normal_density(x)); }
static float silu_back(float x, float d) {
  const float s = sigmoid(x);
  return d * s * (1 + x * (1 - s));
}

#define FORWARD_LOOP(name, value)                                                         \
  static void name##_forward(int64_t count, const float *restrict x, float *restrict y) { \
    for (int64_t i = 0; i < count; i++) y[i] = value(x[i]);                               \
  }
#define BACKWARD_LOOP(back)                                                                                          \
  static void back##_loop(int64_t count, const float *restrict from, const float *restrict dy, float *restrict dx) { \
    for (int64_t i = 0; i < count; i++) dx[i] = back(from[i], dy[i]);                                                \
  }

FORWARD_LOOP(relu, relu)
FORWARD_LOOP(leaky_relu, leaky_relu)
FORWARD_LOOP(sigmoid, sigmoid)
FORWARD_LOOP(tanh, tanhf)
FORWARD_LOOP(gelu, gelu)
FORWARD_LOOP(silu, silu)
BACKWARD_LOOP(relu_back)
BACKWARD_LOOP(leaky_relu_back)
BACKWARD_LOOP(sigmoid_back)
BACKWARD_LOOP(sigmoid_back_of_y)
BACKWARD_LOOP(tanh_back)
BACKWARD_LOOP(tanh_back_of_y)
BACKWARD_LOOP(gelu_back)
BACKWARD_LOOP(silu_back)

const activation_loops all_activations[ACTIVATIONS] = {
    {WN_ACT_SIGMOID, "sigmoid", sigmoid_forward, sigmoid_back_loop, sigmoid_back_of_y_loop},
    {WN_ACT_TANH, "tanh", tanh_forward, tanh_back_loop, tanh_back_of_y_loop},
    {WN_ACT_RELU, "relu", relu_forward, relu_back_loop, relu_back_loop},
    {WN_ACT_LEAKY_RELU, "leaky-relu", leaky_relu_forward, leaky_relu_back_loop, leaky_relu_back_loop},
    {WN_ACT_GELU, "gelu", gelu_forward, gelu_back_loop, NULL},
    {WN_ACT_SILU, "silu", silu_forward, silu_back_loop, NULL},
};
