/* What happens to an octet between load and store, the same for rows and columns: residual, statistics, parameters,
 * activation, mask, and back. Everything that a call chooses is uniform over a launch. */
#ifndef WNI_STAGE_CUH
#define WNI_STAGE_CUH
#include "kernels/cuda/cuda_job.h"
#include "kernels/cuda/mixed.cuh"
#include "kernels/cuda/reduce.cuh"

namespace wn {

/* What a kernel begins with that may follow another one of the same call, whose results it takes. The launch behind it
 * does not begin before that one has ended: two launches overlap, no third. */
WN_DEVICE void begin_later() {
  wn_wait_for_earlier();
  wn_let_later_begin();
}

/* How a set's elements become xhat: ((h - mean) - mean_low) rstd. */
template <class R>
struct Normalizer {
  R mean, mean_low, rstd;
};

template <class R>
struct StatsOf {
  typedef wni_cuda_stats_f32 type;
  typedef wni_cuda_moments_f32 moments;
};
template <>
struct StatsOf<double> {
  typedef wni_cuda_stats_f64 type;
  typedef wni_cuda_moments_f64 moments;
};
template <class R>
using Stats = typename StatsOf<R>::type;
template <class R>
using StoredMoments = typename StatsOf<R>::moments;

/* What is the same for all sets, converted once, by the host. */
template <class R>
struct ConstantsOf;
template <>
struct ConstantsOf<float> {
  typedef wni_cuda_constants_f32 type;
};
template <>
struct ConstantsOf<double> {
  typedef wni_cuda_constants_f64 type;
};
template <class R>
using Constants = typename ConstantsOf<R>::type;

template <class R>
WN_DEVICE const Constants<R> &constants_of(const wni_cuda_job &job) {
  if constexpr (sizeof(R) == 8) {
    return job.f64;
  } else {
    return job.f32;
  }
}

/* Where the call and later launches want them; one thread of a set does it. */
template <class R>
WN_DEVICE void store_stats(const wni_cuda_job &job, int64_t set, const Stats<R> &s) {
  const wni_call &call = job.call;
  if (job.stats != nullptr) static_cast<Stats<R> *>(job.stats)[set] = s;
  if (call.mean != nullptr) static_cast<R *>(call.mean)[set] = s.mean;
  if (call.rstd != nullptr) static_cast<R *>(call.rstd)[set] = s.rstd;
}

WN_DEVICE double rstd_of(double var, double eps) { return wn_divide(1.0, wn_sqrt(var + eps)); }

/* A step of Newton's after the machine's approximation is as good as a root and a quotient, for half the instructions;
 * of 0 and infinity the approximation itself is exact, and the step NaN. */
WN_DEVICE float rstd_of(float var, float eps) {
  const float v = var + eps, about = wn_inverse_root(v);
  const float rstd = wn_fma(0.5f * about, wn_fma(-v * about, about, 1), about);
  return rstd == rstd ? rstd : about;
}

/* From the mean, rstd that training saved; mean NULL: 0. */
template <class R>
WN_DEVICE Normalizer<R> saved_normalizer(const wni_call &call, int64_t set) {
  return {call.mean != nullptr ? static_cast<const R *>(call.mean)[set] : 0, 0, static_cast<const R *>(call.rstd)[set]};
}

template <class R>
WN_DEVICE Normalizer<R> running_normalizer(const wni_call &call, int64_t param) {
  return {static_cast<const R *>(call.running_mean)[param], 0,
          rstd_of(static_cast<const R *>(call.running_var)[param], static_cast<R>(call.eps))};
}

/* ---- parameters */

template <class R>
WN_DEVICE R gamma_of(const wni_call &call, int64_t param) {
  if (call.gamma == nullptr) return 1;
  const R stored = load_value<R>(call.types.param, call.gamma, param);
  return (call.flags & WN_GAMMA_MINUS_ONE) != 0 ? stored + 1 : stored;
}

template <class R>
WN_DEVICE R beta_of(const wni_call &call, int64_t param) {
  return call.beta == nullptr ? 0 : load_value<R>(call.types.param, call.beta, param);
}

/* v eight times, not made where another branch is taken. */
template <class R>
WN_DEVICE Octet<R> splat_here(R v) {
  if constexpr (sizeof(R) == 4) v = wn_of_bits(wn_forget(wn_bits(v)));
  return splat(v);
}

/* Of n neighbours from `first` on; the rest of the octet is not used. plain: as in store_octet. */
template <class R>
WN_DEVICE Octet<R> gammas_of(const wni_call &call, int64_t first, int n, bool plain = false) {
  if (call.gamma == nullptr) return splat_here<R>(1);
  Octet<R> o = load_values<R>(call.types.param, call.gamma, first, n, plain);
  if ((call.flags & WN_GAMMA_MINUS_ONE) != 0) {
#pragma unroll
    for (int i = 0; i < 8; i++) o.v[i] += 1;
  }
  return o;
}

template <class R>
WN_DEVICE Octet<R> betas_of(const wni_call &call, int64_t first, int n, bool plain = false) {
  return call.beta == nullptr ? splat_here<R>(0) : load_values<R>(call.types.param, call.beta, first, n, plain);
}

/* ---- activations. The costly ones are a call of a function over a few numbers: one copy of each in a kernel. */

/* Side by side f32 hides its latency; f64 has not the registers. */
template <class R>
constexpr int kFew = sizeof(R) == 8 ? 1 : 4;

template <class R>
struct Few {
  R v[kFew<R>];
};

WN_DEVICE float act_one(wn_act act, double slope, float z) { return act_value(act, slope, z); }
WN_DEVICE double act_one(wn_act act, double slope, double z) { return act_value_f64(act, slope, z); }
WN_DEVICE float act_slope_one(wn_act act, double slope, float z) { return act_derivative(act, slope, z); }
WN_DEVICE double act_slope_one(wn_act act, double slope, double z) { return act_derivative_f64(act, slope, z); }

WN_DEVICE bool is_costly(wn_act act) { return act != WN_ACT_NONE && act != WN_ACT_RELU && act != WN_ACT_LEAKY_RELU; }

/* The value of `act`, or its derivative, at each. The constants make a copy of each formula, not a switch in it. */
template <class R, bool derivative>
WN_NOINLINE Few<R> act_few(wn_act act, Few<R> z) {
#define WNI_ACT_CASE(name)                                                      \
  case name:                                                                    \
    _Pragma("unroll") for (int i = 0; i < kFew<R>; i++) z.v[i] =                \
        derivative ? act_slope_one(name, 0, z.v[i]) : act_one(name, 0, z.v[i]); \
    break
  switch (act) {
    WNI_ACT_CASE(WN_ACT_SIGMOID);
    WNI_ACT_CASE(WN_ACT_TANH);
    WNI_ACT_CASE(WN_ACT_GELU);
    WNI_ACT_CASE(WN_ACT_GELU_TANH);
    WNI_ACT_CASE(WN_ACT_SILU);
    default:
      break;
  }
#undef WNI_ACT_CASE
  return z;
}

template <class R, bool derivative>
WN_DEVICE void act_costly(wn_act act, R (&z)[8]) {
#pragma unroll
  for (int first = 0; first < 8; first += kFew<R>) {
    Few<R> few;
#pragma unroll
    for (int i = 0; i < kFew<R>; i++) few.v[i] = z[first + i];
    few = act_few<R, derivative>(act, few);
#pragma unroll
    for (int i = 0; i < kFew<R>; i++) z[first + i] = few.v[i];
  }
}

template <class R>
WN_DEVICE void activate(const wni_cuda_job &job, R (&z)[8]) {
  const wni_call &call = job.call;
  if (call.act == WN_ACT_NONE) return;
  if (call.act == WN_ACT_RELU) {
#pragma unroll
    for (int i = 0; i < 8; i++) z[i] = wn_largest(z[i], static_cast<R>(0));
  } else if (call.act == WN_ACT_LEAKY_RELU) {
    const R slope = constants_of<R>(job).act_slope;
#pragma unroll
    for (int i = 0; i < 8; i++) z[i] = z[i] > 0 ? z[i] : slope * z[i];
  } else {
    act_costly<R, false>(call.act, z);
  }
}

/* Of several octets: the call's activation is asked for once. */
template <class R, int K>
WN_DEVICE void activate(const wni_cuda_job &job, Octet<R> (&z)[K]) {
  if (job.call.act == WN_ACT_NONE) return;
  if (job.call.act == WN_ACT_RELU) {
#pragma unroll
    for (int k = 0; k < K; k++)
#pragma unroll
      for (int i = 0; i < 8; i++) z[k].v[i] = wn_largest(z[k].v[i], static_cast<R>(0));
    return;
  }
#pragma unroll
  for (int k = 0; k < K; k++) activate(job, z[k].v);
}

template <class R>
WN_DEVICE void relu_back(const R (&z)[8], R (&dy)[8]) {
#pragma unroll
  for (int i = 0; i < 8; i++) dy[i] = z[i] > 0 ? dy[i] : 0;
}

/* dz = dy act'(z), in place of dy. */
template <class R>
WN_DEVICE void activate_back(const wni_cuda_job &job, R (&z)[8], R (&dy)[8]) {
  const wni_call &call = job.call;
  if (call.act == WN_ACT_RELU) {
    relu_back(z, dy);
  } else if (call.act == WN_ACT_LEAKY_RELU) {
    const R slope = constants_of<R>(job).act_slope;
#pragma unroll
    for (int i = 0; i < 8; i++) dy[i] = z[i] > 0 ? dy[i] : slope * dy[i];
  } else if (call.act != WN_ACT_NONE) {
    act_costly<R, true>(call.act, z);
#pragma unroll
    for (int i = 0; i < 8; i++) dy[i] *= z[i];
  }
}

/* ---- the mask: a byte for each octet, bit i for element i: z > 0 */

template <class R>
WN_DEVICE uint8_t signs_of(const R (&z)[8], int n) {
  unsigned signs = 0;
#pragma unroll
  for (int i = 0; i < 8; i++)
    if (i < n && z[i] > 0) signs |= 1u << i;
  return static_cast<uint8_t>(signs);
}

template <class R>
WN_DEVICE void mask_back(const wni_cuda_job &job, uint8_t signs, R (&dy)[8]) {
  if (job.call.act == WN_ACT_RELU) {
#pragma unroll
    for (int i = 0; i < 8; i++) dy[i] = (signs >> i & 1) != 0 ? dy[i] : 0;
  } else {
    const R slope = constants_of<R>(job).act_slope;
#pragma unroll
    for (int i = 0; i < 8; i++) dy[i] = (signs >> i & 1) != 0 ? dy[i] : slope * dy[i];
  }
}

/* Whether a kept dy is one that relu's mask has taken signs from for good, so that none is asked for again. Other
 * activations' dz is no dy, and a rounded one of another type. */
template <class D>
WN_DEVICE bool takes_signs(const wni_call &call) {
  return !kIsMixed<D> && call.mask != nullptr && call.act == WN_ACT_RELU;
}

/* ---- from h to y */

/* z = gamma xhat + beta, with the low part of the mean folded into the shift: the same for every set of equal elements
 * as beta, because h - mean is 0 and the low part too. */
template <class R>
WN_DEVICE R affine(const Normalizer<R> &s, R gamma, R beta, R h) {
  const R scale = s.rstd * gamma;
  return wn_fma(h - s.mean, scale, wn_fma(-s.mean_low, scale, beta));
}

}  // namespace wn
#endif
