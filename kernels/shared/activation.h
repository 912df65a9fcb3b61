/* Activations and their derivatives for f32, without branches, for the value types that narrow.h describes (and
 * vec_fma, vec_le, vec_clamp). Within 4 ulp or 1e-7 of the exact value for every input, infinities and NaN included.
 * What tends to 0 keeps its relative precision, so that 16-bit results are within their last place there too.
 *
 * All rest on e^x for x <= 0: it cannot overflow, and every formula has a form that needs no other. */
#ifndef WNI_ACTIVATION_H
#define WNI_ACTIVATION_H

/* e^x = 2^power (1 + fraction), |fraction| < 0.42. */
typedef struct exponential {
  vec fraction;
  uvec power; /* two's complement */
} exponential;

/* -104 <= x <= 0; NaN gives a fraction of NaN. */
WNI_INLINE exponential exponential_of(vec x) {
  const vec magic = vec_splat(0x1.8p23); /* its last bit is 1: adding it rounds to integers */
  const vec shifted = vec_fma(x, vec_splat(1.44269504), magic);
  const vec n = shifted - magic;
  /* log 2 in two pieces; n times the first is exact, so that it does not matter whether vec_fma is fused */
  vec r = vec_fma(n, vec_splat(-0.693359375), x);
  r = vec_fma(n, vec_splat(2.12194440e-4), r);
  /* (e^r - 1 - r) / r^2, minimax on |r| <= log(2)/2: 4e-9 */
  vec q = vec_splat(1.38131424e-3);
  q = vec_fma(q, r, vec_splat(8.36941879e-3));
  q = vec_fma(q, r, vec_splat(4.16684560e-2));
  q = vec_fma(q, r, vec_splat(1.66665152e-1));
  q = vec_fma(q, r, vec_splat(4.99999940e-1));
  const exponential e = {vec_fma(r * r, q, r), vec_bits(shifted) - vec_bits(magic)};
  return e;
}

WNI_INLINE vec power_of_two(uvec n) { return vec_of_bits((n + 127) << 23); }

/* e^x for x <= 0, subnormal results too. */
WNI_INLINE vec exp_nonpositive(vec x) {
  const exponential e = exponential_of(vec_clamp(x, -104, 0));
  const uvec half = ((e.power + 256) >> 1) - 128; /* two factors reach where one power of two would be subnormal */
  return (vec_splat(1) + e.fraction) * power_of_two(half) * power_of_two(e.power - half);
}

/* With w = |argument|: both branches of the sigmoid, sigma(w) and sigma(-w). */
typedef struct logistic {
  vec large, small;
} logistic;

WNI_INLINE logistic logistic_of(vec w) {
  const vec e = exp_nonpositive(-w);
  const vec inverse = vec_splat(1) / (vec_splat(1) + e);
  const logistic s = {inverse, e * inverse};
  return s;
}

/* sigma(w) sigma(-w) with one rounding less than their product has, w >= 0. */
WNI_INLINE vec logistic_slope(vec w) {
  const vec e = exp_nonpositive(-w), d = vec_splat(1) + e;
  return e / (d * d);
}

WNI_INLINE vec by_sign(vec z, vec if_negative, vec otherwise) {
  return vec_select(vec_lt(z, vec_splat(0)), if_negative, otherwise);
}

/* z p where p is a factor that goes to 0 towards -infinity faster than 1/z: the product's limit there is -0. */
WNI_INLINE vec gated(vec z, vec p) {
  const vec least = vec_splat(-0x1.fffffep127);
  return vec_select(vec_lt(z, least), least, z) * p;
}

WNI_INLINE vec tanh_value(vec z) {
  const vec w = vec_clamp(vec_abs(z), 0, 20); /* tanh is 1 beyond 9.1 */
  const exponential e = exponential_of(w * vec_splat(-2));
  const vec scale = power_of_two(e.power);
  const vec minus = vec_fma(scale, e.fraction, scale - vec_splat(1)); /* e^(-2w) - 1, to its last places near 0 */
  const vec magnitude = vec_abs(minus / (vec_splat(2) + minus));
  return vec_of_bits(vec_bits(magnitude) | (vec_bits(z) & 0x80000000u));
}

/* The normal distribution at z: its density without the factor 1/sqrt(2 pi), and the area below z. */
typedef struct normal {
  vec bell, below;
} normal;

WNI_INLINE normal normal_of(vec z) {
  const vec w = vec_abs(z);
  const vec bell = exp_nonpositive(w * w * vec_splat(-0.5));
  /* The tail is bell times a function of w without exponentials, here a quotient of polynomials without cancellation,
   * minimax for w <= 15: 7e-9. One polynomial in 1/(1 + c w) costs as much and loses two places near 0. */
  const vec v = vec_clamp(w, 0, 16);
  vec p = vec_splat(4.15318494e-3);
  p = vec_fma(p, v, vec_splat(4.08808387e-2));
  p = vec_fma(p, v, vec_splat(1.83968301e-1));
  p = vec_fma(p, v, vec_splat(4.39282331e-1));
  p = vec_fma(p, v, vec_splat(0.5));
  vec q = vec_splat(1.04103791e-2);
  q = vec_fma(q, v, vec_splat(1.02479183e-1));
  q = vec_fma(q, v, vec_splat(4.71406480e-1));
  q = vec_fma(q, v, vec_splat(1.20554485));
  q = vec_fma(q, v, vec_splat(1.67644967));
  q = vec_fma(q, v, vec_splat(1));
  const vec tail = bell * (p / q);
  const normal area = {bell, by_sign(z, tail, vec_splat(1) - tail)};
  return area;
}

#define WNI_GELU_TANH_1 1.5957691216057308  /* 2 sqrt(2/pi): 0.5 (1 + tanh u) = sigma(2u) */
#define WNI_GELU_TANH_3 0.07135481282553425 /* the same times 0.044715 */

WNI_INLINE vec gelu_tanh_argument(vec w) {
  return w * vec_fma(w * w, vec_splat(WNI_GELU_TANH_3), vec_splat(WNI_GELU_TANH_1));
}

/* act is a constant where these are called. */
WNI_INLINE vec act_value(wn_act act, double slope, vec z) {
  const vec zero = vec_splat(0);
  switch (act) {
    case WN_ACT_RELU:
      return vec_select(vec_le(z, zero), zero, z);
    case WN_ACT_LEAKY_RELU:
      return vec_select(vec_lt(zero, z), z, vec_splat(slope) * z);
    case WN_ACT_SIGMOID: {
      const logistic s = logistic_of(vec_abs(z));
      return by_sign(z, s.small, s.large);
    }
    case WN_ACT_TANH:
      return tanh_value(z);
    case WN_ACT_GELU:
      return gated(z, normal_of(z).below);
    case WN_ACT_GELU_TANH: {
      const logistic s = logistic_of(gelu_tanh_argument(vec_abs(z)));
      return gated(z, by_sign(z, s.small, s.large));
    }
    case WN_ACT_SILU: {
      const logistic s = logistic_of(vec_abs(z));
      return gated(z, by_sign(z, s.small, s.large));
    }
    default:
      return z;
  }
}

WNI_INLINE vec act_derivative(wn_act act, double slope, vec z) {
  const vec one = vec_splat(1);
  switch (act) {
    case WN_ACT_RELU:
      return vec_select(vec_lt(vec_splat(0), z), one, vec_splat(0));
    case WN_ACT_LEAKY_RELU:
      return vec_select(vec_lt(vec_splat(0), z), one, vec_splat(slope));
    case WN_ACT_SIGMOID:
      return logistic_slope(vec_abs(z));
    case WN_ACT_TANH:
      return logistic_slope(vec_abs(z) * vec_splat(2)) * vec_splat(4);
    case WN_ACT_GELU: {
      const normal v = normal_of(z);
      return vec_fma(vec_clamp(z, -64, 64), v.bell * vec_splat(0.3989422804014327), v.below);
    }
    case WN_ACT_GELU_TANH: {
      const vec c = vec_clamp(z, -64, 64); /* beyond, the derivative is 0 or 1, and infinity times 0 would not be */
      const logistic s = logistic_of(gelu_tanh_argument(vec_abs(c)));
      const vec inner = vec_fma(c * c, vec_splat(3 * WNI_GELU_TANH_3), vec_splat(WNI_GELU_TANH_1));
      return vec_fma(c * (s.small * s.large), inner, by_sign(z, s.small, s.large));
    }
    case WN_ACT_SILU: {
      const vec c = vec_clamp(z, -128, 128);
      const logistic s = logistic_of(vec_abs(c));
      return vec_fma(c, s.small * s.large, by_sign(z, s.small, s.large));
    }
    default:
      return one;
  }
}

#endif
