/* Steps of the backward passes: an octet's gradient, a thread's share of a set's sums, its share of dx. */
#ifndef WNI_ROW_GRADIENT_CUH
#define WNI_ROW_GRADIENT_CUH
#include "kernels/cuda/row_columns.cuh"

namespace wn {

/* ---- one octet */

/* The first n products with xhat, and terms. */
template <class R>
WN_DEVICE void add_terms(int n, const Octet<R> &term, const Octet<R> &xhat, R (&sums)[2]) {
  R product = term.v[0] * xhat.v[0], sum = term.v[0];
  each_element<1>(n, [&](int i) {
    product = wn_fma(term.v[i], xhat.v[i], product);
    sum += term.v[i];
  });
  sums[0] += product;
  sums[1] += sum;
}

/* g = gamma dz */
template <class R>
WN_DEVICE Octet<R> weighted(const Gradient<R> &v) {
  Octet<R> g = v.gamma;
#pragma unroll
  for (int i = 0; i < 8; i++) g.v[i] *= v.dz.v[i];
  return g;
}

/* What dx is made of: g, or dz where the set has one parameter, which is a factor of all its sums and gradients
 * (GradientTerms.scale). */
template <class R>
WN_DEVICE Octet<R> term_of(const wni_cuda_job &job, const Gradient<R> &v) {
  return job.cut.row.per_element ? weighted(v) : v.dz;
}

/* Adds to the set's sums its terms, with xhat and without; and dz to those of columns if `columns` says so. */
template <class R, class Columns>
WN_DEVICE void add_gradient(const wni_cuda_job &job, int n, const Gradient<R> &v, R (&set_sums)[2], bool columns,
                            Columns *column_sums) {
  if (columns) add_products(column_sums, v.dz, v.xhat);
  if (job.cut.row.per_element) {
    add_terms(n, weighted(v), v.xhat, set_sums);
  } else {
    add_terms(n, v.dz, v.xhat, set_sums);
  }
}

/* Where g was not kept: from x and dy to dx once more. late: the extra tensor is still to be loaded. */
template <class X, class D>
WN_DEVICE void gradient_again(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowOctet &o, int n,
                              const Normalizer<Real<X>> &s, const GradientTerms<Real<X>> &terms,
                              const BackwardInput<X, D> &in, bool late, const ParamSource<Real<X>> &from) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const Gradient<R> v = gradient_of(job, set, o, n, in, late, s, from);
  store_dresidual(call, set, o, n, v.dz);
  if (call.dx.data == nullptr) return;
  const Octet<R> g = weighted(v);
  store_dx(call, set, o, n, {terms.gxhat, terms.g, s.rstd}, v.xhat, g,
           late && needs_dsum(call) ? load_at(set.extra, o, n) : in.extra);
}

/* Of a set whose sums these are. one: of an even job's set, if it has one. */
template <class R>
WN_DEVICE GradientTerms<R> terms_of_sums(const wni_cuda_job &job, const Normalizer<R> &s, const R (&sums)[2],
                                         const OneParam<R> &one, int64_t param) {
  const R inverse_m = constants_of<R>(job).inverse_size;
  const R gamma = job.cut.row.per_element ? 1 : job.even ? one.gamma : gamma_of<R>(job.call, param);
  GradientTerms<R> terms = gradient_terms(job.call, s, gamma * (sums[0] * inverse_m), gamma * (sums[1] * inverse_m));
  terms.scale *= gamma;
  return terms;
}

template <class R>
WN_DEVICE void store_task_sums(const wni_cuda_job &job, int64_t task, const R (&sums)[2]) {
  R *const to = static_cast<R *>(job.sums) + 2 * task;
  to[0] = sums[0];
  to[1] = sums[1];
}

/* What a call wants of ROW_BACKWARD. */
struct BackwardWants {
  bool columns, sums, dx;
};

WN_DEVICE BackwardWants backward_wants(const wni_cuda_job &job) {
  const wni_call &call = job.call;
  const bool params = call.dgamma != nullptr || call.dbeta != nullptr, each = job.cut.row.per_element;
  return {params && each, params && !each, call.dx.data != nullptr};
}

/* ---- parts of any length, which are read once for the sums and once for dx */

/* Octets of a plain job that a thread loads at a time. The long way has registers for one. */
template <class X, class D>
constexpr int kGradientBatch = sizeof(X) <= 2 && !kIsMixed<D> ? 2 : 1;

/* each_octet; asks: for x and dy ahead of their turn. */
template <class X, class D, class Load, class Use>
WN_DEVICE void each_gradient(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part,
                             const Team &team, bool asks, const Load &load, const Use &use) {
  const wni_cuda_row &row = job.cut.row;
  const auto ask = [&](unsigned first, unsigned count) {
    fetch_octets(row, set.x, part, first, count);
    fetch_octets(row, set.dy, part, first, count);
  };
  constexpr int kBatch = kGradientBatch<X, D>;
  constexpr unsigned kBytes = 8 * (sizeof(X) + sizeof(D));
  if (job.plain) {
    each_octet<kBatch>(row, part, team, load, use, asks ? part_turns_ahead(job, team, kBatch * kBytes) : 0, ask);
  } else {
    each_octet<1>(row, part, team, load, use, asks ? part_turns_ahead(job, team, kBytes) : 0, ask);
  }
}

template <class X, class D>
WN_DEVICE void keep_input(const wni_cuda_job &job, const KeptInput<X, D> &kept, unsigned i, BackwardInput<X, D> *in) {
  if (i >= kept.x.octets) return;
  if constexpr (!kIsMixed<D>) {
    if (takes_signs<D>(job.call)) {
      Octet<Real<X>> dz = unpack(in->dy);
      mask_back(job, in->signs, dz.v);
      in->dy = pack<D>(dz);
    }
  }
  keep_octet(kept.x, i, in->x);
  keep_octet(kept.dy, i, in->dy);
}

template <class X, class D>
WN_DEVICE BackwardInput<X, D> load_or_take(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowOctet &o,
                                           int n, bool with_extra, unsigned i, const KeptInput<X, D> &kept) {
  if (i >= kept.x.octets || n == 0) return load_backward(job, set, o, n, with_extra);
  BackwardInput<X, D> in;
  in.dy = load_at(set.dy, o, 0); /* its type */
  take_octet(kept.x, i, &in.x);
  take_octet(kept.dy, i, &in.dy);
  in.extra = with_extra ? load_at(set.extra, o, n) : packed_zero<X>();
  in.signs = 0xff;
  if (job.call.mask != nullptr && !takes_signs<D>(job.call) && n > 0) in.signs = *mask_at(job, set.start, o);
  return in;
}

/* Of this thread's octets of a part: dresidual where nothing later writes it, sums of the set, of columns. */
template <class X, class D>
WN_DEVICE void sum_octets(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part, const Team &team,
                          const Normalizer<Real<X>> &s, Real<X> (&sums)[2], bool columns,
                          const SharedPairs<Real<X>> &shared, const KeptInput<X, D> &kept) {
  typedef Real<X> R;
  const bool residual = needs_residual(job.call);
  const OneParam<R> one = one_param<R>(job, set.start, true);
  const ParamSource<R> from = {&one, nullptr, nullptr};
  each_gradient(
      job, set, part, team, true,
      [&](const RowOctet &o, int n, unsigned) { return load_backward(job, set, o, n, residual); },
      [&](const RowOctet &o, int n, unsigned i, BackwardInput<X, D> in) {
        const Gradient<R> v = gradient_of(job, set, o, n, in, false, s, from);
        keep_input(job, kept, i, &in);
        const SharedOctet<R> to = {shared, i};
        add_gradient(job, n, v, sums, columns, &to);
      });
}

/* whole_sets: nothing is read that has not been read before. */
template <bool whole_sets, class X, class D>
WN_DEVICE void apply_gradient(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part,
                              const Team &team, const Normalizer<Real<X>> &s, const GradientTerms<Real<X>> &terms,
                              const KeptInput<X, D> &kept) {
  const bool extra = needs_extra(job.call);
  const OneParam<Real<X>> one = one_param<Real<X>>(job, set.start, true);
  const ParamSource<Real<X>> from = {&one, nullptr, nullptr};
  each_gradient(
      job, set, part, team, !whole_sets,
      [&](const RowOctet &o, int n, unsigned i) { return load_or_take(job, set, o, n, extra, i, kept); },
      [&](const RowOctet &o, int n, unsigned, const BackwardInput<X, D> &in) {
        gradient_again(job, set, o, n, s, terms, in, false, from);
      });
}

}  // namespace wn
#endif
