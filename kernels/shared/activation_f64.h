/* Activations and their derivatives for f64, an element at a time through libm: whoever asks for f64 asks for its last
 * places, not for its speed. act is a constant where these are called. */
#ifndef WNI_ACTIVATION_F64_H
#define WNI_ACTIVATION_F64_H
#include <math.h>

#ifndef WNI_FUNCTION /* how a function is declared that each thread of the machine may call */
#define WNI_FUNCTION static inline
#endif

WNI_FUNCTION double sigmoid_f64(double z) {
  const double e = exp(-fabs(z));
  return z < 0 ? e / (1 + e) : 1 / (1 + e);
}

/* The area of the normal distribution below z; erfc keeps the digits that 1 + erf loses. */
WNI_FUNCTION double normal_below_f64(double z) { return 0.5 * erfc(z * -0.70710678118654752440); }

#define WNI_GELU_TANH_ROOT 0.79788456080286535588 /* sqrt(2/pi) */
#define WNI_GELU_TANH_CUBIC 0.044715

WNI_FUNCTION double gelu_tanh_gate_f64(double z) {
  return sigmoid_f64(2 * WNI_GELU_TANH_ROOT * z * (1 + WNI_GELU_TANH_CUBIC * z * z));
}

WNI_FUNCTION double act_value_f64(wn_act act, double slope, double z) {
  switch (act) {
    case WN_ACT_RELU:
      return z <= 0 ? 0 : z;
    case WN_ACT_LEAKY_RELU:
      return z > 0 ? z : slope * z;
    case WN_ACT_SIGMOID:
      return sigmoid_f64(z);
    case WN_ACT_TANH:
      return tanh(z);
    case WN_ACT_GELU: /* the limits at -infinity are no product */
      return z < -1e3 ? -0.0 : z * normal_below_f64(z);
    case WN_ACT_GELU_TANH:
      return z < -1e3 ? -0.0 : z * gelu_tanh_gate_f64(z);
    case WN_ACT_SILU:
      return z < -1e3 ? -0.0 : z * sigmoid_f64(z);
    default:
      return z;
  }
}

WNI_FUNCTION double act_derivative_f64(wn_act act, double slope, double z) {
  const double c = z > 1e3 ? 1e3 : z < -1e3 ? -1e3 : z; /* where the smooth ones are 0 or 1 to the last place */
  switch (act) {
    case WN_ACT_RELU:
      return z > 0 ? 1 : 0;
    case WN_ACT_LEAKY_RELU:
      return z > 0 ? 1 : slope;
    case WN_ACT_SIGMOID:
      return sigmoid_f64(z) * sigmoid_f64(-z);
    case WN_ACT_TANH:
      return 4 * sigmoid_f64(2 * z) * sigmoid_f64(-2 * z);
    case WN_ACT_GELU:
      return normal_below_f64(c) + c * exp(-0.5 * c * c) * 0.39894228040143267794;
    case WN_ACT_GELU_TANH: {
      const double s = gelu_tanh_gate_f64(c), rest = gelu_tanh_gate_f64(-c);
      return s + c * s * rest * 2 * WNI_GELU_TANH_ROOT * (1 + 3 * WNI_GELU_TANH_CUBIC * c * c);
    }
    case WN_ACT_SILU: {
      const double s = sigmoid_f64(c);
      return s + c * s * sigmoid_f64(-c);
    }
    default:
      return 1;
  }
}

#endif
