/* What the ROW family does with one octet: loads it, makes y of it or its gradients, and stores them. */
#ifndef WNI_ROW_STAGE_CUH
#define WNI_ROW_STAGE_CUH
#include "kernels/cuda/row_ahead.cuh"
#include "kernels/cuda/row_params.cuh"

namespace wn {

/* ---- forward */

template <class X, class Y>
struct RowForward {
  RowTensor<const X> x, residual;
  RowTensor<X> sum;
  RowTensor<Y> y;
  RowStart start;
};

template <class X, class Y>
WN_DEVICE RowForward<X, Y> row_forward(const wni_cuda_job &job, const RowPlace &at, int64_t run) {
  const wni_call &call = job.call;
  const bool added = call.add != WN_ADD_NONE; /* else these places are not worth making */
  return {row_tensor<const X>(job, call.x, at, run),
          added ? row_tensor<const X>(job, call.residual, at, run) : RowTensor<const X>{},
          added ? row_tensor<X>(job, call.sum, at, run) : RowTensor<X>{}, row_tensor<Y>(job, call.y, at, run),
          row_start(job, at, run)};
}

/* x + r as it is stored. */
template <class X>
WN_DEVICE Packed<X> add_residual(const Packed<X> &x, const Packed<X> &r) {
  const Octet<Real<X>> a = unpack(x), b = unpack(r);
  Octet<Real<X>> h;
#pragma unroll
  for (int i = 0; i < 8; i++) h.v[i] = a.v[i] + b.v[i];
  return pack<X>(h);
}

template <class X>
struct PackedPair {
  Packed<X> x, r;
};

/* x, and the residual or zeros. */
template <class X, class Y>
WN_DEVICE PackedPair<X> load_pair(const RowForward<X, Y> &set, const RowOctet &o, int n, bool with_residual) {
  PackedPair<X> p;
  p.x = load_at(set.x, o, n);
  p.r = with_residual ? load_at(set.residual, o, n) : packed_zero<X>();
  return p;
}

/* Largest |y|, as bits: of numbers without a sign these are in the numbers' order, NaN last. */
struct Largest {
  unsigned bits;
};

template <class R>
WN_DEVICE void note_largest(Largest *largest, const R (&y)[8], int n) {
  each_element(n, [&](int i) {
    const unsigned bits = wn_bits(static_cast<float>(y[i])) & 0x7fffffffu;
    largest->bits = bits > largest->bits ? bits : largest->bits;
  });
}

/* Of the whole warp. */
WN_DEVICE void store_largest(const wni_call &call, Largest largest) {
  if (call.y_amax == nullptr) return;
#pragma unroll
  for (int i = 1; i < 32; i *= 2) {
    const unsigned other = wn_shuffle_xor(0xffffffffu, largest.bits, i);
    largest.bits = other > largest.bits ? other : largest.bits;
  }
  if (wn_lane() == 0) wn_atomic_max(reinterpret_cast<unsigned *>(call.y_amax), largest.bits);
}

/* What the activation has made of an octet. */
template <class X, class Y>
WN_DEVICE void store_values_of(const wni_call &call, const RowForward<X, Y> &set, const RowOctet &o, int n,
                               Octet<Real<X>> z, Largest *largest) {
  typedef Real<X> R;
  if constexpr (kIsMixed<Y>) {
    if (call.y_amax != nullptr) note_largest(largest, z.v, n);
    if (call.y_scale != nullptr) {
      const R scale = *call.y_scale;
#pragma unroll
      for (int i = 0; i < 8; i++) z.v[i] *= scale;
    }
  }
  store_values(row_at(set.y, o), z, n, set.y.plain);
}

/* y from the affine map's result and the residual that comes after (zeros where none does). */
template <class X, class Y>
WN_DEVICE void store_y(const wni_cuda_job &job, const RowForward<X, Y> &set, const RowOctet &o, int n, Octet<Real<X>> z,
                       const Packed<X> &r, Largest *largest) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  if (call.add == WN_ADD_AFTER) {
    const Octet<R> after = unpack(r);
#pragma unroll
    for (int i = 0; i < 8; i++) z.v[i] += after.v[i];
  }
  if (call.mask != nullptr) *mask_at(job, set.start, o) = signs_of(z.v, n);
  activate(job, z.v);
  store_values_of(call, set, o, n, z, largest);
}

/* ---- backward */

template <class X, class D>
struct RowBackward {
  RowTensor<const X> x, extra;
  RowTensor<const D> dy;
  RowTensor<X> dx, dresidual;
  RowStart start;
};

/* Whether dz depends on z, of which no mask tells the sign. */
WN_DEVICE bool needs_z(const wni_call &call) { return call.act != WN_ACT_NONE && call.mask == nullptr; }

/* The third tensor that a backward pass may read: the residual that was added after and decides about signs, or dsum
 * where it was added before. */
WN_DEVICE bool needs_residual(const wni_call &call) { return call.add == WN_ADD_AFTER && needs_z(call); }
WN_DEVICE bool needs_dsum(const wni_call &call) { return call.dsum.data != nullptr && call.dx.data != nullptr; }
WN_DEVICE bool needs_extra(const wni_call &call) { return needs_residual(call) || needs_dsum(call); }

template <class X, class D>
WN_DEVICE RowBackward<X, D> row_backward(const wni_cuda_job &job, const RowPlace &at, int64_t run) {
  const wni_call &call = job.call;
  const bool added = call.add != WN_ADD_NONE;
  return {row_tensor<const X>(job, call.x, at, run),
          !added                 ? RowTensor<const X>{}
          : needs_residual(call) ? row_tensor<const X>(job, call.residual, at, run)
                                 : row_tensor<const X>(job, call.dsum, at, run),
          row_tensor<const D>(job, call.dy, at, run),
          row_tensor<X>(job, call.dx, at, run),
          added ? row_tensor<X>(job, call.dresidual, at, run) : RowTensor<X>{},
          row_start(job, at, run)};
}

template <class X, class D>
struct BackwardInput {
  Packed<X> x, extra;
  Packed<D> dy;
  uint8_t signs;
};

template <class X, class D>
WN_DEVICE BackwardInput<X, D> load_backward(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowOctet &o,
                                            int n, bool with_extra) {
  BackwardInput<X, D> in;
  in.x = load_at(set.x, o, n);
  in.dy = load_at(set.dy, o, n);
  in.extra = with_extra ? load_at(set.extra, o, n) : packed_zero<X>();
  in.signs = job.call.mask != nullptr && n > 0 ? *mask_at(job, set.start, o) : 0;
  return in;
}

/* Saved statistics and running ones have no low part. */
template <class X>
WN_DEVICE Octet<Real<X>> distances_of(const Normalizer<Real<X>> &s, const Packed<X> &x) {
  Octet<Real<X>> distance = unpack(x);
#pragma unroll
  for (int i = 0; i < 8; i++) distance.v[i] -= s.mean;
  return distance;
}

template <class X>
WN_DEVICE Octet<Real<X>> xhats_of(const Normalizer<Real<X>> &s, const Packed<X> &x) {
  Octet<Real<X>> xhat = distances_of(s, x);
#pragma unroll
  for (int i = 0; i < 8; i++) xhat.v[i] *= s.rstd;
  return xhat;
}

/* Of an octet; what is beyond its n elements has no meaning. */
template <class R>
struct Gradient {
  Octet<R> dz, xhat, gamma;
};

/* late: the residual is still to be loaded. */
template <class X, class D>
WN_DEVICE Gradient<Real<X>> gradient_of(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowOctet &o, int n,
                                        const BackwardInput<X, D> &in, bool late, const Normalizer<Real<X>> &s,
                                        const ParamSource<Real<X>> &from) {
  const wni_call &call = job.call;
  typedef Real<X> R;
  Gradient<R> v = {unpack(in.dy), xhats_of(s, in.x), {}};
  if (needs_z(call)) {
    const RowParams<R> params = params_from(from, job, set.start, o, n);
    v.gamma = params.gamma;
    Octet<R> z = params.beta;
#pragma unroll
    for (int i = 0; i < 8; i++) z.v[i] = wn_fma(v.xhat.v[i], v.gamma.v[i], z.v[i]);
    if (call.add == WN_ADD_AFTER) {
      const Octet<R> after = unpack(late ? load_at(set.extra, o, n) : in.extra);
#pragma unroll
      for (int i = 0; i < 8; i++) z.v[i] += after.v[i];
    }
    if (call.act == WN_ACT_RELU) { /* the one that most calls have is asked for once */
      relu_back(z.v, v.dz.v);
      return v;
    }
    activate_back(job, z.v, v.dz.v);
    if (sizeof(R) < 8 && !is_costly(call.act)) return v; /* nothing is kept over a call, and f64 has not the room */
    v.xhat = xhats_of(s, forget(in.x));
  } else if (call.act != WN_ACT_NONE) {
    mask_back(job, in.signs, v.dz.v);
  }
  v.gamma = gammas_from(from, job, set.start, forget(o), n);
  return v;
}

template <class X, class D>
WN_DEVICE void store_dresidual(const wni_call &call, const RowBackward<X, D> &set, const RowOctet &o, int n,
                               const Octet<Real<X>> &dz) {
  if (call.dresidual.data != nullptr) store_at(set.dresidual, o, pack<X>(dz), n);
}

/* Of a set: means of g xhat and of g, times rstd; scale: what g is multiplied with, or dz where g was not made. */
template <class R>
struct GradientTerms {
  R gxhat, g, scale;
};

template <class R>
WN_DEVICE GradientTerms<R> gradient_terms(const wni_call &call, const Normalizer<R> &s, R mean_gxhat, R mean_g) {
  return {s.rstd * mean_gxhat, call.geo.centered ? s.rstd * mean_g : 0, s.rstd};
}

/* Where dx goes, with dsum (in `extra`) added. */
template <class X, class D>
WN_DEVICE void finish_dx(const wni_call &call, const RowBackward<X, D> &set, const RowOctet &o, int n,
                         Octet<Real<X>> dx, const Packed<X> &extra) {
  if (needs_dsum(call)) {
    const Octet<Real<X>> arriving = unpack(extra);
#pragma unroll
    for (int i = 0; i < 8; i++) dx.v[i] += arriving.v[i];
  }
  store_at(set.dx, o, pack<X>(dx), n);
}

/* dx = rstd (g - mean(g) - xhat mean(g xhat)) */
template <class X, class D>
WN_DEVICE void store_dx(const wni_call &call, const RowBackward<X, D> &set, const RowOctet &o, int n,
                        const GradientTerms<Real<X>> &terms, const Octet<Real<X>> &xhat, const Octet<Real<X>> &g,
                        const Packed<X> &extra) {
  Octet<Real<X>> dx;
#pragma unroll
  for (int i = 0; i < 8; i++) dx.v[i] = wn_fma(g.v[i], terms.scale, -wn_fma(xhat.v[i], terms.gxhat, terms.g));
  finish_dx(call, set, o, n, dx, extra);
}

/* dx = rstd g, whatever x is: no x that is not a number gets into it. */
template <class X, class D>
WN_DEVICE void store_dx_frozen(const wni_call &call, const RowBackward<X, D> &set, const RowOctet &o, int n,
                               Real<X> rstd, Octet<Real<X>> g, const Packed<X> &extra) {
#pragma unroll
  for (int i = 0; i < 8; i++) g.v[i] *= rstd;
  finish_dx(call, set, o, n, g, extra);
}

}  // namespace wn
#endif
