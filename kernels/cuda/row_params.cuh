/* Where the ROW family has the parameters of its octets. */
#ifndef WNI_ROW_PARAMS_CUH
#define WNI_ROW_PARAMS_CUH
#include "kernels/cuda/pairs.cuh"
#include "kernels/cuda/row.cuh"

namespace wn {

/* ---- parameters that all sets share: converted once for a block, which then loads them as it does arithmetic with
 * them. The caller's barrier comes after. */

template <class R>
WN_DEVICE void keep_params(const wni_cuda_job &job, const SharedPairs<R> &pairs, bool with_beta) {
  for (unsigned o = wn_thread(); o < pairs.octets; o += wn_threads()) {
    const int n = octet_elements(job.cut.row, {0, o});
    const int64_t param = 8 * static_cast<int64_t>(o);
    const Octet<R> gamma = row_gammas<R>(job, param, n);
    const Octet<R> beta = with_beta ? betas_of<R>(job.call, param, n, job.plain) : splat<R>(0);
    OctetPair<R> v;
#pragma unroll
    for (int i = 0; i < 8; i++) v.of[0][i] = gamma.v[i], v.of[1][i] = beta.v[i];
    store_shared(pairs, o, v);
  }
}

template <class R>
struct OneParam {
  R gamma, beta;
};

/* Of a plain set, or part of one, whose elements have one: loaded once for all of them. */
WN_DEVICE bool is_of_one_param(const wni_cuda_job &job) {
  return job.plain && !job.cut.row.per_element && job.cut.row.param_run == 0;
}

template <class R>
WN_DEVICE OneParam<R> one_param(const wni_cuda_job &job, const RowStart &start, bool here) {
  if (!is_of_one_param(job) || !here) return {};
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
  return from.one != nullptr && is_of_one_param(job);
}

template <class R>
WN_DEVICE Octet<R> gammas_from(const ParamSource<R> &from, const wni_cuda_job &job, const RowStart &start,
                               const RowOctet &o, int n) {
  if (has_one(from, job)) return splat(from.one->gamma);
  if (from.held != nullptr) return from.held->gamma;
  if (from.kept != nullptr && job.cut.row.keeps_params) return load_shared(*from.kept, 0, o.octet);
  return row_gammas<R>(job, param_at(job, start, o), n);
}

template <class R>
WN_DEVICE Octet<R> betas_from(const ParamSource<R> &from, const wni_cuda_job &job, const RowStart &start,
                              const RowOctet &o, int n) {
  if (has_one(from, job)) return splat(from.one->beta);
  if (from.held != nullptr) return from.held->beta;
  if (from.kept != nullptr && job.cut.row.keeps_params) return load_shared(*from.kept, 1, o.octet);
  return row_betas<R>(job, param_at(job, start, o), n);
}

/* Both from shared memory: their places are made once. */
template <class R>
WN_DEVICE RowParams<R> kept_params(const SharedPairs<R> &pairs, const RowOctet &o) {
  const OctetPair<R> kept = load_shared(pairs, o.octet);
  RowParams<R> p;
#pragma unroll
  for (int i = 0; i < 8; i++) p.gamma.v[i] = kept.of[0][i], p.beta.v[i] = kept.of[1][i];
  return p;
}

template <class R>
WN_DEVICE RowParams<R> params_from(const ParamSource<R> &from, const wni_cuda_job &job, const RowStart &start,
                                   const RowOctet &o, int n) {
  if (sizeof(R) < 8 && from.kept != nullptr && job.cut.row.keeps_params) return kept_params(*from.kept, o);
  return {gammas_from(from, job, start, o, n), betas_from(from, job, start, o, n)};
}

/* use(params), for each source on its own: one number is not copied eight times to be what sixteen loaded ones are. */
template <class R, class F>
WN_DEVICE void with_params(const ParamSource<R> &from, const wni_cuda_job &job, const RowStart &start,
                           const RowOctet &o, int n, const F &use) {
  if (has_one(from, job)) {
    use(RowParams<R>{splat(from.one->gamma), splat(from.one->beta)});
  } else {
    use(params_from(from, job, start, o, n));
  }
}

}  // namespace wn
#endif
