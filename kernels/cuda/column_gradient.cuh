/* What the backward passes of the column family make of a row's octets: dz, from what they read. */
#ifndef WNI_COLUMN_GRADIENT_CUH
#define WNI_COLUMN_GRADIENT_CUH
#include "kernels/cuda/column.cuh"
#include "kernels/cuda/pairs.cuh"

namespace wn {

/* ---- what is read ----------------------------------------------------------------------------------------------- */

/* `more` is the residual where a sign or slope needs it, or dsum: no call has both. */
struct GradientInput {
  bool x, residual, dsum, mask, wide;
};

template <class X, class D>
WN_DEVICE GradientInput gradient_input(const wni_call &call, bool sums, bool applies) {
  GradientInput in;
  const bool active = call.act != WN_ACT_NONE;
  in.mask = active && call.mask != nullptr;
  in.residual = active && !in.mask && call.residual.data != nullptr;
  in.dsum = applies && call.dx.data != nullptr && call.dsum.data != nullptr;
  /* Frozen statistics: dx is dz times a factor, whatever x is. */
  in.x = sums || (active && !in.mask) || call.stats != WNI_STATS_RUNNING;
  in.wide = is_wide<X>(call.x) && is_wide<D>(call.dy) && (!in.residual || is_wide<X>(call.residual)) &&
            (!in.dsum || is_wide<X>(call.dsum));
  return in;
}

/* Where a row has many sets and the mask begins anew with each, an octet's bits are those of several bytes. */
template <bool column>
WN_DEVICE bool signs_scattered(const wni_cuda_job &job) {
  return !column && job.call.geo.param_step != 0 && job.cut.row.elements % 8 != 0;
}

WN_DEVICE unsigned signs_of_row(const wni_cuda_job &job, const ColumnTask &t, int64_t row) {
  const int64_t row_bytes = (job.cut.column.columns + 7) / 8;
  return job.call.mask[(t.slab * job.cut.column.rows + row) * row_bytes + t.column / 8];
}

WN_DEVICE unsigned scattered_signs(const wni_cuda_job &job, const ColumnTask &t, SetPlace sets, int64_t row) {
  const int64_t set_bytes = job.cut.row.run_octets, row_sets = job.call.geo.extent[1];
  unsigned signs = 0;
  for (int i = 0; i < t.columns; i++) {
    const int64_t element = sets.width - sets.left;
    const unsigned byte = job.call.mask[(row * row_sets + sets.set) * set_bytes + element / 8];
    signs |= (byte >> (element % 8) & 1u) << i;
    next_column(&sets);
  }
  return signs;
}

template <class X, class D>
struct GradientTensors {
  const X *x, *more;
  Elements<const D> dy;
};

template <class X, class D, bool column>
WN_DEVICE GradientTensors<X, D> gradient_tensors(const wni_call &call, const GradientInput &in,
                                                 const ColumnShape<column> &s, const ColumnTask &t) {
  return {octets_of<const X>(s, t, call.x), octets_of<const X>(s, t, in.dsum ? call.dsum : call.residual),
          octets_of<const D>(s, t, call.dy)};
}

/* Some of a thread's rows, one after the other. */
template <class X, class D, int N>
struct GradientRows {
  Packed<X> x[N], more[N];
  Packed<D> dy[N];
  unsigned signs[N];
};

template <bool wide, class X, class D, int N, bool column>
WN_DEVICE void load_gradients(const wni_cuda_job &job, const GradientInput &in, const ColumnShape<column> &s,
                              const ColumnTask &t, RowPlace place, int64_t row, int rows,
                              const GradientTensors<X, D> &from, GradientRows<X, D, N> *to) {
  const wni_call &call = job.call;
#pragma unroll
  for (int i = 0; i < N; i++) {
    const bool there = i < rows;
    to->x[i] = load_line<wide>(from.x + row_offset(s, call.x, place), t.columns, there && in.x);
    to->dy[i] = load_line<wide>(from.dy + row_offset(s, call.dy, place), t.columns, there);
    if (in.residual || in.dsum) {
      const int64_t offset = row_offset(s, in.dsum ? call.dsum : call.residual, place);
      to->more[i] = load_line<wide>(from.more + offset, t.columns, there);
    }
    to->signs[i] = 0;
    if (in.mask && there) to->signs[i] = signs_of_row(job, t, row + i * s.lanes);
    next_row(s, &place);
  }
}

/* N rows from `row` on, of which `rows` are there, the others 0. */
template <class X, class D, int N, bool column>
WN_DEVICE void take_gradients(const wni_cuda_job &job, const GradientInput &in, const ColumnShape<column> &s,
                              const ColumnTask &t, const RowPlace &place, int64_t row, int rows,
                              const GradientTensors<X, D> &from, GradientRows<X, D, N> *to) {
  if (in.wide && t.columns == 8) {
    load_gradients<true>(job, in, s, t, place, row, rows, from, to);
  } else {
    load_gradients<false>(job, in, s, t, place, row, rows, from, to);
  }
}

/* ---- statistics and parameters ---------------------------------------------------------------------------------- */

/* Of the thread's columns, or of the row at hand where the statistics are the row's: xhat = (h - mean) rstd. */
template <class R>
struct ColumnStatistics {
  R mean[8], rstd[8];
};

/* COLUMN: the sets of a slab lie side by side. ROW: those of an outer index, or one set is a row. */
template <bool column>
WN_DEVICE SetPlace sets_of_task(const wni_cuda_job &job, const ColumnTask &t) {
  return set_place(t.column, column ? job.call.geo.set_columns : job.cut.row.elements);
}

/* base: the first set of the slab or row. */
template <class R>
WN_DEVICE void load_statistics(const wni_call &call, const ColumnTask &t, SetPlace sets, int64_t base,
                               ColumnStatistics<R> *k) {
  const bool running = call.stats == WNI_STATS_RUNNING;
  if (sets.left >= t.columns && !running) {
    const Normalizer<R> n = saved_normalizer<R>(call, base + sets.set);
#pragma unroll
    for (int i = 0; i < 8; i++) k->mean[i] = n.mean, k->rstd[i] = n.rstd;
    return;
  }
#pragma unroll
  for (int i = 0; i < 8; i++) {
    if (i >= t.columns) continue;
    const Normalizer<R> n =
        running ? running_of_column<R>(call, t.column + i) : saved_normalizer<R>(call, base + sets.set);
    k->mean[i] = n.mean, k->rstd[i] = n.rstd;
    next_column(&sets);
  }
}

template <class R>
WN_DEVICE ColumnStatistics<R> statistics_of_task(const wni_cuda_job &job, const ColumnTask &t, const SetPlace &sets) {
  ColumnStatistics<R> k = {};
  if (t.columns > 0) load_statistics(job.call, t, sets, t.slab * (job.cut.column.columns / sets.width), &k);
  return k;
}

/* z is made again where a sign or slope needs it: from the factors of the tile's columns, which wait for that in shared
 * memory, beside the room of the sums; or with the row's own parameters. */
template <class R>
struct Factors {
  SharedPairs<R> tile; /* gamma, beta */
  unsigned octet;      /* the thread's, of the tile */
  bool by_row;
  R gamma, beta;
};

template <class R>
WN_DEVICE Octet<R> gammas(const Factors<R> &f) {
  return f.by_row ? splat(f.gamma) : load_shared(f.tile, 0, f.octet);
}

template <class R>
WN_DEVICE Octet<R> betas(const Factors<R> &f) {
  return f.by_row ? splat(f.beta) : load_shared(f.tile, 1, f.octet);
}

template <class R>
WN_DEVICE Factors<R> factors_of_task(const wni_cuda_job &job, const ColumnTask &t, R *room) {
  const unsigned octets = static_cast<unsigned>(job.cut.column.tile_octets);
  const SharedPairs<R> tile = {reinterpret_cast<uint4 *>(room), octets};
  const Factors<R> f = {tile, wn_thread() % octets, job.call.geo.param_by_row, 1, 0};
  if (f.by_row) return f;
  wn_sync_block(); /* nobody reads the last task's any more */
  const int64_t first = 8 * t.tile * job.cut.column.tile_octets, after = job.cut.column.columns - first;
  const int columns = 8 * job.cut.column.tile_octets, threads = static_cast<int>(wn_threads());
  for (int i = static_cast<int>(wn_thread()); i < columns; i += threads) {
    const unsigned octet = static_cast<unsigned>(i) / 8, element = static_cast<unsigned>(i) % 8;
    *pair_element(tile, 0, octet, element) = i < after ? gamma_of<R>(job.call, first + i) : 1;
    *pair_element(tile, 1, octet, element) = i < after ? beta_of<R>(job.call, first + i) : 0;
  }
  wn_sync_block();
  return f;
}

/* b of a row: where the parameter is the row's, a is 0 always, and this its index. */
template <class R>
WN_DEVICE void take_row_factors(const wni_call &call, int64_t b, Factors<R> *f) {
  if (f->by_row) f->gamma = gamma_of<R>(call, b), f->beta = beta_of<R>(call, b);
}

/* ---- dz --------------------------------------------------------------------------------------------------------- */

/* dz in place of dy. */
template <class X>
WN_DEVICE void make_dz(const wni_call &call, const GradientInput &in, const ColumnStatistics<Real<X>> &k,
                       const Factors<Real<X>> &f, const Octet<Real<X>> &h, const Packed<X> &more, unsigned signs,
                       Octet<Real<X>> *dy) {
  if (call.act == WN_ACT_NONE) return;
  if (in.mask) {
    mask_back(call, static_cast<uint8_t>(signs), dy->v);
    return;
  }
  const Octet<Real<X>> gamma = gammas(f), beta = betas(f);
  Octet<Real<X>> z;
#pragma unroll
  for (int i = 0; i < 8; i++) z.v[i] = wn_fma(h.v[i] - k.mean[i], k.rstd[i] * gamma.v[i], beta.v[i]);
  if (in.residual) {
    const Octet<Real<X>> r = unpack(more);
#pragma unroll
    for (int i = 0; i < 8; i++) z.v[i] += r.v[i];
  }
  activate_back(call, z.v, dy->v);
}

}  // namespace wn
#endif
