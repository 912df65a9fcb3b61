/* Pairs of numbers for the elements of a row, an octet's at a time: parameters (gamma, beta), or sums of columns. In
 * registers, and in shared memory, where the 16 bytes of neighbouring octets lie side by side so that accesses do not
 * collide: [2][16 bytes of an octet][octets]. */
#ifndef WNI_ROW_PAIRS_CUH
#define WNI_ROW_PAIRS_CUH
#include "kernels/cuda/row.cuh"

namespace wn {

template <class R>
struct OctetPair {
  R of[2][8];
};

template <class R>
struct SharedPairs {
  uint4 *room;
  unsigned octets;
};

/* Numbers in 16 bytes. */
template <class R>
constexpr int kAcross = 16 / sizeof(R);

template <class R>
WN_DEVICE void load_word(const uint4 *from, R (&v)[kAcross<R>]) {
  const uint4 w = *from;
  __builtin_memcpy(v, &w, sizeof w);
}

template <class R>
WN_DEVICE void store_word(uint4 *to, const R (&v)[kAcross<R>]) {
  uint4 w;
  __builtin_memcpy(&w, v, sizeof w);
  *to = w;
}

/* f(first, word): with the 16 bytes of elements first, first + 1, . . . of the octet, of the pairs' `which`. */
template <class R, class F>
WN_DEVICE void each_word(const SharedPairs<R> &pairs, int which, unsigned octet, const F &f) {
#pragma unroll
  for (int word = 0; word < 8 / kAcross<R>; word++)
    f(word * kAcross<R>, pairs.room + ((which * (8 / kAcross<R>)+word) * pairs.octets + octet));
}

/* f(which, first, word) */
template <class R, class F>
WN_DEVICE void each_word(const SharedPairs<R> &pairs, unsigned octet, const F &f) {
#pragma unroll
  for (int which = 0; which < 2; which++)
    each_word(pairs, which, octet, [&](int first, uint4 *word) { f(which, first, word); });
}

template <class R>
WN_DEVICE OctetPair<R> load_shared(const SharedPairs<R> &pairs, unsigned octet) {
  OctetPair<R> v;
  each_word(pairs, octet, [&](int which, int first, const uint4 *word) {
    R w[kAcross<R>];
    load_word(word, w);
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++) v.of[which][first + i] = w[i];
  });
  return v;
}

template <class R>
WN_DEVICE void store_shared(const SharedPairs<R> &pairs, unsigned octet, const OctetPair<R> &v) {
  each_word(pairs, octet, [&](int which, int first, uint4 *word) {
    R w[kAcross<R>];
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++) w[i] = v.of[which][first + i];
    store_word(word, w);
  });
}

/* ---- parameters that all sets share: converted once for a block, which then loads them as it does arithmetic with
 * them. The caller's barrier comes after. */

template <class R>
WN_DEVICE void keep_params(const wni_cuda_job &job, const SharedPairs<R> &pairs) {
  for (unsigned o = wn_thread(); o < pairs.octets; o += wn_threads()) {
    const int n = octet_elements(job.cut.row, {0, o});
    const RowParams<R> params = row_params<R>(job, 8 * static_cast<int64_t>(o), n);
    OctetPair<R> v;
#pragma unroll
    for (int i = 0; i < 8; i++) v.of[0][i] = params.gamma.v[i], v.of[1][i] = params.beta.v[i];
    store_shared(pairs, o, v);
  }
}

template <class R>
WN_DEVICE Octet<R> kept(const SharedPairs<R> &pairs, int which, unsigned octet) {
  Octet<R> v;
  each_word(pairs, which, octet, [&](int first, const uint4 *word) {
    R w[kAcross<R>];
    load_word(word, w);
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++) v.v[first + i] = w[i];
  });
  return v;
}

template <class R>
struct OneParam {
  R gamma, beta;
};

/* Of a plain set, or part of one, whose elements have one: loaded once for all of them. */
template <class R>
WN_DEVICE OneParam<R> one_param(const wni_cuda_job &job, const RowStart &start, bool here) {
  if (!job.plain || job.cut.row.per_element || !here) return {};
  return {gamma_of<R>(job.call, start.param), beta_of<R>(job.call, start.param)};
}

/* Where a thread has the parameters of its octets: as one of a plain job, in registers, in its block's shared memory,
 * else (NULL) in global memory. */
template <class R>
struct ParamSource {
  const OneParam<R> *one;
  const RowParams<R> *held;
  const SharedPairs<R> *kept;
};

template <class R>
WN_DEVICE bool has_one(const ParamSource<R> &from, const wni_cuda_job &job) {
  return from.one != nullptr && job.plain && !job.cut.row.per_element;
}

template <class R>
WN_DEVICE Octet<R> gammas_from(const ParamSource<R> &from, const wni_cuda_job &job, const RowStart &start,
                               const RowOctet &o, int n) {
  if (has_one(from, job)) return splat(from.one->gamma);
  if (from.held != nullptr) return from.held->gamma;
  if (from.kept != nullptr && job.cut.row.keeps_params) return kept(*from.kept, 0, o.octet);
  return row_gammas<R>(job, param_at(job, start, o), n);
}

template <class R>
WN_DEVICE RowParams<R> params_from(const ParamSource<R> &from, const wni_cuda_job &job, const RowStart &start,
                                   const RowOctet &o, int n) {
  if (has_one(from, job)) return {splat(from.one->gamma), splat(from.one->beta)};
  if (from.held != nullptr) return *from.held;
  if (from.kept != nullptr && job.cut.row.keeps_params)
    return {kept(*from.kept, 0, o.octet), kept(*from.kept, 1, o.octet)};
  return row_params<R>(job, param_at(job, start, o), n);
}

}  // namespace wn
#endif
