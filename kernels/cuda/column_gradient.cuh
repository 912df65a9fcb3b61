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
struct GradientLines {
  Line<const X *> x, more;
  Line<Elements<const D>> dy;
  RowsAhead ahead;
};

/* Of a loop that takes n rows in a turn. */
template <int n, class X, class D, bool back, bool column>
WN_DEVICE GradientLines<X, D> gradient_lines(const wni_cuda_job &job, const GradientInput &in,
                                             const ColumnShape<column> &s, const ColumnTask &t,
                                             const RowWalk<back> &w) {
  const wni_call &call = job.call;
  const wni_cuda_walk &steps = job.walk;
  return {line_of<const X>(s, t, w, call.x, steps.x),
          in.dsum ? line_of<const X>(s, t, w, call.dsum, steps.dsum)
                  : line_of<const X>(s, t, w, call.residual, steps.residual),
          line_of<const D>(s, t, w, call.dy, steps.dy), rows_ahead<n>(job, (in.x ? 16 : 8) * n * sizeof(X))};
}

/* Some of a thread's rows, one after the other. */
template <class X, class D, int N>
struct GradientRows {
  Packed<X> x[N], more[N];
  Packed<D> dy[N];
  unsigned signs[N];
};

/* N rows, the thread's i-th first, of which `rows` are there, the others 0. */
template <bool back, class X, class D, int N, bool column>
WN_DEVICE void take_gradients(const wni_cuda_job &job, const GradientInput &in, const ColumnShape<column> &s,
                              const ColumnTask &t, RowsAnew anew, int i, GradientLines<X, D> *lines,
                              GradientRows<X, D, N> *to) {
  const bool wide = in.wide && t.columns == 8;
  const int rows = t.rows - i;
  load_rows<back>(lines->ahead, anew, wide, t.columns, in.x ? rows : 0, &lines->x, to->x);
  load_rows<back>(lines->ahead, anew, wide, t.columns, rows, &lines->dy, to->dy);
  if (in.residual || in.dsum) load_rows<back>(lines->ahead, anew, wide, t.columns, rows, &lines->more, to->more);
#pragma unroll
  for (int j = 0; j < N; j++) to->signs[j] = 0;
  if (!in.mask || signs_scattered<column>(job)) return;
#pragma unroll
  for (int j = 0; j < N; j++)
    if (j < rows) to->signs[j] = *mask_at(job, t, job.call.mask, row_number<back>(s, t, i + j));
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

/* Gamma and beta of the tile's columns, in shared memory, 16 bytes after 16, from `first` on; or the row's own. */
struct Factors {
  unsigned first, octets;
  unsigned octet; /* the thread's, of the tile */
  bool by_row;
};

/* Made where it is used: compilers lose sight of what a pointer to shared memory is. */
template <class R>
WN_DEVICE SharedPairs<R> factors_tile(const Factors &f) {
  WN_DYNAMIC_SHARED(uint4, dynamic);
  return {dynamic + f.first, f.octets};
}

template <class R>
WN_DEVICE Factors factors_of_task(const wni_cuda_job &job, const ColumnTask &t, unsigned first_word) {
  const unsigned octets = static_cast<unsigned>(job.cut.column.tile_octets);
  const Factors f = {first_word, octets, wn_thread() & (octets - 1), job.call.geo.param_by_row};
  if (f.by_row) return f;
  const SharedPairs<R> tile = factors_tile<R>(f);
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

/* Where instructions count, rows with parameters of their own have loops of their own: shorter, and with fewer
 * registers, but only there. */
template <class X>
constexpr bool kOwnLoops = sizeof(X) == 2;

/* sweep(known), in which known.by_row is a constant where it is so. */
template <class X, class F>
WN_DEVICE void with_known_factors(const Factors &f, const F &sweep) {
  if (!kOwnLoops<X>) {
    sweep(f);
  } else if (f.by_row) {
    sweep({f.first, f.octets, f.octet, true});
  } else {
    sweep({f.first, f.octets, f.octet, false});
  }
}

/* Where the statistics are the columns' too, what is made of gamma and rstd is in gamma's place: all threads of an
 * octet have the same ones. */
template <class R>
WN_DEVICE void scale_tile(const ColumnTask &t, const Factors &f, const ColumnStatistics<R> &k) {
  if (f.by_row) return;
  if (t.lane == 0) {
#pragma unroll
    for (unsigned i = 0; i < 8; i++) *pair_element(factors_tile<R>(f), 0, f.octet, i) *= k.rstd[i];
  }
  wn_sync_block();
}

/* The two numbers of each of an octet's columns. */
template <class R>
WN_DEVICE void take_pair(const SharedPairs<R> &tile, unsigned octet, R (&first)[8], R (&second)[8]) {
  const OctetPair<R> v = load_shared(tile, octet);
#pragma unroll
  for (int i = 0; i < 8; i++) first[i] = v.of[0][i], second[i] = v.of[1][i];
}

/* Of columns scale = gamma rstd and beta. own: the row's gamma and beta, else 1 and 0; `scale` and `beta` are theirs
 * too, or have no meaning (kOwnLoops). */
template <class R>
struct ColumnScales {
  R scale[8], beta[8];
  RowFactors<R> own;
};

/* scaled: see scale_tile. row(): its number, which is the parameter's. */
template <class X, class Row>
WN_DEVICE ColumnScales<Real<X>> scales_of_row(const wni_call &call, const Factors &f, bool scaled, const Row &row,
                                              const ColumnStatistics<Real<X>> &k) {
  typedef Real<X> R;
  ColumnScales<R> v;
  v.own = {1, 0};
  if (f.by_row) {
    v.own = row_factors<R>(call, row());
    if constexpr (!kOwnLoops<X>) {
#pragma unroll
      for (int i = 0; i < 8; i++) v.scale[i] = k.rstd[i] * v.own.gamma, v.beta[i] = v.own.beta;
    }
    return v;
  }
  take_pair(factors_tile<R>(f), f.octet, v.scale, v.beta);
  if (scaled) return v;
#pragma unroll
  for (int i = 0; i < 8; i++) v.scale[i] *= k.rstd[i];
  return v;
}

/* h - mean */
template <class R>
WN_DEVICE Octet<R> centered(const ColumnStatistics<R> &k, Octet<R> h) {
#pragma unroll
  for (int i = 0; i < 8; i++) h.v[i] -= k.mean[i];
  return h;
}

template <class R>
WN_DEVICE Octet<R> xhats_of(const ColumnStatistics<R> &k, Octet<R> apart) {
#pragma unroll
  for (int i = 0; i < 8; i++) apart.v[i] *= k.rstd[i];
  return apart;
}

/* gamma rstd */
template <class X, class R>
WN_DEVICE Octet<R> scales_of(const Factors &f, const ColumnStatistics<R> &k, const ColumnScales<R> &v) {
  Octet<R> scale;
#pragma unroll
  for (int i = 0; i < 8; i++) scale.v[i] = kOwnLoops<X> && f.by_row ? k.rstd[i] * v.own.gamma : v.scale[i];
  return scale;
}

/* ---- dz --------------------------------------------------------------------------------------------------------- */

/* Made again where a sign or slope needs it. apart: h - mean. */
template <class X, class R>
WN_DEVICE Octet<R> affine_of(const Factors &f, const ColumnStatistics<R> &k, const ColumnScales<R> &v,
                             const Octet<R> &apart) {
  if (kOwnLoops<X> && f.by_row) {
    Octet<R> z = xhats_of(k, apart);
#pragma unroll
    for (int i = 0; i < 8; i++) z.v[i] = wn_fma(z.v[i], v.own.gamma, v.own.beta);
    return z;
  }
  Octet<R> z = apart;
#pragma unroll
  for (int i = 0; i < 8; i++) z.v[i] = wn_fma(z.v[i], v.scale[i], v.beta[i]);
  return z;
}

/* dz in place of dy. affine(): what the residual comes to. */
template <class X, class Affine>
WN_DEVICE void make_dz(const wni_cuda_job &job, const GradientInput &in, const Affine &affine, const Packed<X> &more,
                       unsigned signs, Octet<Real<X>> *dy) {
  if (job.call.act == WN_ACT_NONE) return;
  if (in.mask) {
    mask_back(job, static_cast<uint8_t>(signs), dy->v);
    return;
  }
  Octet<Real<X>> z = affine();
  if (in.residual) {
    const Octet<Real<X>> r = unpack(more);
#pragma unroll
    for (int i = 0; i < 8; i++) z.v[i] += r.v[i];
  }
  activate_back(job, z.v, dy->v);
}

}  // namespace wn
#endif
