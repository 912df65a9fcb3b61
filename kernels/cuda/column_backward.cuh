/* Backward passes of the column family: sums of chunks, dx from the sums of sets, and both in one sweep where the
 * statistics are running ones. */
#ifndef WNI_COLUMN_BACKWARD_CUH
#define WNI_COLUMN_BACKWARD_CUH
#include "kernels/cuda/column_gradient.cuh"

namespace wn {

/* ---- sums ------------------------------------------------------------------------------------------------------- */

/* Of a thread's columns: of dz xhat in the first 8, of dz in the others. */
template <class R>
struct ColumnSums {
  R v[16];
};

enum { kFewRows = 16 }; /* are summed on their own, so that errors do not grow with the rows of a chunk */

/* weight: gamma where it is the row's. */
template <class R>
WN_DEVICE void add_row(const ColumnStatistics<R> &k, const Octet<R> &h, const Octet<R> &dz, R weight,
                       ColumnSums<R> *sums) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const R xhat = xhat_of<R>({k.mean[i], 0, k.rstd[i]}, h.v[i]), g = dz.v[i] * weight;
    sums->v[i] = wn_fma(g, xhat, sums->v[i]);
    sums->v[8 + i] += g;
  }
}

/* To the thread's own place in shared memory: registers are few. */
template <class R>
WN_DEVICE void flush(ColumnSums<R> *few, bool first, R *mine) {
#pragma unroll
  for (int i = 0; i < 16; i++) mine[i] = first ? few->v[i] : mine[i] + few->v[i], few->v[i] = 0;
}

/* Where a call wants them. */
template <class X>
struct GradientOutputs {
  X *dx, *dresidual;
};

template <class X, bool column>
WN_DEVICE GradientOutputs<X> gradient_outputs(const wni_call &call, const ColumnShape<column> &s, const ColumnTask &t) {
  return {octets_of<X>(s, t, call.dx), octets_of<X>(s, t, call.dresidual)};
}

template <class X, bool column>
WN_DEVICE void store_gradients(const wni_call &call, const GradientInput &in, const ColumnShape<column> &s,
                               const ColumnTask &t, const RowPlace &place, const Packed<X> &more,
                               const Octet<Real<X>> &dz, Octet<Real<X>> *dx, const GradientOutputs<X> &to) {
  if (call.dx.data != nullptr) {
    if (in.dsum) {
      const Octet<Real<X>> r = unpack(more);
#pragma unroll
      for (int i = 0; i < 8; i++) dx->v[i] += r.v[i];
    }
    store_line(to.dx + row_offset(s, call.dx, place), pack<X>(*dx), t.columns);
  }
  if (call.dresidual.data != nullptr)
    store_line(to.dresidual + row_offset(s, call.dresidual, place), pack<X>(dz), t.columns);
}

/* Of ROW sets the statistics are the row's own. */
template <class R, bool column>
WN_DEVICE void take_row_statistics(const wni_cuda_job &job, const ColumnShape<column> &, const ColumnTask &t,
                                   const SetPlace &sets, int64_t row, ColumnStatistics<R> *k) {
  if (!column) load_statistics(job.call, t, sets, row * (job.cut.column.columns / sets.width), k);
}

/* 16-bit types take two rows at once: as many bytes in flight as the others have with one. */
template <class X>
constexpr int kGradientRows = sizeof(X) == 2 ? 2 : 1;

/* A thread's rows: its sums, and where the statistics are constants (frozen) dx, dresidual as well. room: 17 numbers a
 * thread, where the sums are left, and 16 an octet of the tile. */
template <class X, class D, bool frozen, bool column>
WN_DEVICE void sweep_sums(const wni_cuda_job &job, const ColumnShape<column> &s, const ColumnTask &t, bool sums,
                          Real<X> *room) {
  typedef Real<X> R;
  constexpr int kRows = kGradientRows<X>;
  const wni_call &call = job.call;
  const GradientInput in = gradient_input<X, D>(call, sums, frozen);
  const GradientTensors<X, D> from = gradient_tensors<X, D>(call, in, s, t);
  const GradientOutputs<X> to = gradient_outputs<X>(call, s, t);
  const SetPlace sets = sets_of_task<column>(job, t);
  ColumnStatistics<R> k = {};
  if (column) k = statistics_of_task<R>(job, t, sets);
  Factors<R> f = factors_of_task(job, t, room + 17 * wn_threads());
  R *const mine = room + 17 * wn_thread();
  ColumnSums<R> few = {};
  RowPlace place = first_row(s, t);
  int64_t row = t.row;
  for (int i = 0; i < t.rows; i += kRows) {
    GradientRows<X, D, kRows> input;
    take_gradients(job, in, s, t, place, row, t.rows - i, from, &input);
#pragma unroll
    for (int j = 0; j < kRows; j++) {
      if (i + j < t.rows) {
        take_row_factors(call, place.b, &f);
        take_row_statistics(job, s, t, sets, row, &k);
        const Octet<R> h = unpack(input.x[j]);
        Octet<R> dz = unpack(input.dy[j]);
        if (in.mask && signs_scattered<column>(job)) input.signs[j] = scattered_signs(job, t, sets, row);
        make_dz<X>(call, in, k, f, h, input.more[j], input.signs[j], &dz);
        if (sums) add_row<R>(k, h, dz, f.gamma, &few);
        if (frozen) {
          const Octet<R> gamma = gammas(f);
          Octet<R> dx;
#pragma unroll
          for (int c = 0; c < 8; c++) dx.v[c] = dz.v[c] * (k.rstd[c] * gamma.v[c]);
          store_gradients(call, in, s, t, place, input.more[j], dz, &dx, to);
        }
      }
      next_row(s, &place);
      row += s.lanes;
    }
    if (sums && (i + kRows) % kFewRows == 0) flush(&few, i < kFewRows, mine);
  }
  if (sums) flush(&few, t.rows <= kFewRows - kRows, mine);
}

/* One after the other as the tasks' pieces are: ROW's go straight to the partial rows of parameters. */
template <bool column, class R>
WN_DEVICE void store_sums(const wni_cuda_job &job, const ColumnTask &t, R *room) {
  ColumnSums<R> sums;
#pragma unroll
  for (int i = 0; i < 16; i++) sums.v[i] = room[17 * wn_thread() + i];
  sum_threads(sums.v, room, job.cut.column.tile_octets);
  if (t.lane == 0) {
    const int64_t columns = job.cut.column.columns;
    R *const to = static_cast<R *>(column ? job.sums : job.params) + 2 * t.piece * columns + t.column;
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (i < t.columns) to[i] = sums.v[i], to[columns + i] = sums.v[8 + i];
  }
  wn_sync_block(); /* before the room is used again */
}

template <class X, class D, bool column>
WN_DEVICE void sums_of_tasks(const wni_cuda_job &job, Real<X> *room) {
  const ColumnShape<column> s = column_shape<column>(job);
  for (int64_t task = wn_block(); task < s.tasks; task += wn_blocks()) {
    const ColumnTask t = column_task(job, s, task);
    sweep_sums<X, D, false>(job, s, t, true, room);
    store_sums<column>(job, t, room);
  }
}

template <class X, class D>
WN_KERNEL(128, sizeof(X) == 8 ? 2 : 3)
column_backward_sums_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  WN_DYNAMIC_SHARED(Real<X>, room);
  if (job.call.geo.pattern == WNI_COLUMN) {
    sums_of_tasks<X, D, true>(job, room);
  } else {
    sums_of_tasks<X, D, false>(job, room);
  }
}

/* ---- dx --------------------------------------------------------------------------------------------------------- */

/* dx = rstd gamma dz - (xhat of_xhat + constant) */
template <class R>
struct ColumnTerms {
  R of_xhat[8], constant[8];
};

template <class R>
WN_DEVICE R dx_of(const ColumnStatistics<R> &k, const ColumnTerms<R> &terms, int column, R h, R g) {
  const R xhat = xhat_of<R>({k.mean[column], 0, k.rstd[column]}, h);
  return wn_fma(g, k.rstd[column], -wn_fma(xhat, terms.of_xhat[column], terms.constant[column]));
}

/* all: of each set, from set `first` on, means of g xhat and of g. */
template <class R>
WN_DEVICE ColumnTerms<R> column_terms(const wni_cuda_job &job, const ColumnTask &t, SetPlace sets,
                                      const ColumnStatistics<R> &k, const R *all, int64_t first) {
  ColumnTerms<R> v = {};
  if (job.call.dx.data == nullptr) return v; /* then there may be no sums of sets */
  sets.set += t.slab * (job.cut.column.columns / sets.width) - first;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    if (i >= t.columns) continue;
    v.of_xhat[i] = k.rstd[i] * all[2 * sets.set];
    v.constant[i] = k.rstd[i] * all[2 * sets.set + 1];
    next_column(&sets);
  }
  return v;
}

/* Sums over a row of the tile, of dz xhat and of dz, for the row's parameter. By whole warps. */
template <class R>
WN_DEVICE void store_row_sums(const wni_cuda_job &job, const ColumnTask &t, const ColumnStatistics<R> &k,
                              const Octet<R> &h, const Octet<R> &dz, bool there, int64_t param) {
  R v[2] = {0, 0}, odd[2] = {0, 0}; /* two chains */
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const bool counts = there && i < t.columns;
    const R d = counts ? dz.v[i] : 0, product = counts ? d * xhat_of<R>({k.mean[i], 0, k.rstd[i]}, h.v[i]) : 0;
    R *const to = i % 2 == 0 ? v : odd;
    to[0] += product;
    to[1] += d;
  }
  v[0] += odd[0];
  v[1] += odd[1];
  sum_lanes(v, job.tile_octets_log2);
  if (!there || wn_thread() % static_cast<unsigned>(job.cut.column.tile_octets) != 0) return;
  const int64_t params = job.call.geo.params;
  R *const to = static_cast<R *>(job.params) + 2 * params * (t.slab * job.cut.column.tiles + t.tile) + param;
  to[0] = v[0];
  to[params] = v[1];
}

template <class X, class D>
WN_DEVICE void apply_task(const wni_cuda_job &job, const ColumnShape<true> &s, const ColumnTask &t, Real<X> *room) {
  typedef Real<X> R;
  constexpr int kRows = kGradientRows<X>;
  const wni_call &call = job.call;
  const bool row_sums = call.geo.param_by_row && (call.dgamma != nullptr || call.dbeta != nullptr);
  const GradientInput in = gradient_input<X, D>(call, row_sums, true);
  const GradientTensors<X, D> from = gradient_tensors<X, D>(call, in, s, t);
  const GradientOutputs<X> to = gradient_outputs<X>(call, s, t);
  const SetPlace sets = sets_of_task<true>(job, t);
  const ColumnStatistics<R> k = statistics_of_task<R>(job, t, sets);
  Factors<R> f = factors_of_task(job, t, room + 17 * wn_threads());
  const ColumnTerms<R> terms = column_terms(job, t, sets, k, static_cast<const R *>(job.set_sums), 0);
  const int last = last_group(t.trips, kRows);
  RowPlace group = place_of_row(s, t, last);
  for (int i = last; i >= 0; i -= kRows, rows_back(s, kRows, &group)) {
    RowPlace place = group;
    GradientRows<X, D, kRows> input;
    take_gradients(job, in, s, t, place, t.row + static_cast<int64_t>(i) * s.lanes, t.rows - i, from, &input);
#pragma unroll
    for (int j = 0; j < kRows; j++) {
      const bool there = i + j < t.rows;
      if (there) take_row_factors(call, place.b, &f);
      const Octet<R> h = unpack(input.x[j]);
      Octet<R> dz = unpack(input.dy[j]), dx;
      make_dz<X>(call, in, k, f, h, input.more[j], input.signs[j], &dz);
      if (row_sums) store_row_sums(job, t, k, h, dz, there, place.b);
      const Octet<R> gamma = gammas(f);
#pragma unroll
      for (int c = 0; c < 8; c++) dx.v[c] = dx_of(k, terms, c, h.v[c], gamma.v[c] * dz.v[c]);
      if (there) store_gradients(call, in, s, t, place, input.more[j], dz, &dx, to);
      next_row(s, &place);
    }
  }
}

template <class X, class D>
WN_KERNEL(128, sizeof(X) == 8 ? 2 : 3)
column_backward_apply_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  WN_DYNAMIC_SHARED(Real<X>, room);
  const ColumnShape<true> s = column_shape<true>(job);
  const bool frozen = job.call.stats == WNI_STATS_RUNNING;
  const bool sums = frozen && (job.call.dgamma != nullptr || job.call.dbeta != nullptr);
  for (int64_t task = wn_block(); task < s.tasks; task += wn_blocks()) {
    const ColumnTask t = column_task(job, s, s.tasks - 1 - task);
    if (frozen) {
      sweep_sums<X, D, true>(job, s, t, sums, room);
      if (sums) store_sums<true>(job, t, room);
    } else {
      apply_task<X, D>(job, s, t, room);
    }
  }
}

}  // namespace wn
#endif
