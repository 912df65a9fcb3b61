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

/* weighs: with gamma, where it may be the row's. */
template <bool weighs, class R>
WN_DEVICE void add_row(const Octet<R> &xhat, const Octet<R> &dz, R weight, ColumnSums<R> *sums) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const R g = weighs ? dz.v[i] * weight : dz.v[i];
    sums->v[i] = wn_fma(g, xhat.v[i], sums->v[i]);
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
  Line<X *> dx, dresidual;
  bool wide;
};

template <class X, bool back, bool column>
WN_DEVICE GradientOutputs<X> gradient_outputs(const wni_cuda_job &job, const ColumnShape<column> &s,
                                              const ColumnTask &t, const RowWalk<back> &w) {
  const wni_call &call = job.call;
  return {line_of<X>(s, t, w, call.dx, job.walk.dx), line_of<X>(s, t, w, call.dresidual, job.walk.dresidual),
          is_wide<X>(call.dx) && is_wide<X>(call.dresidual) && t.columns == 8};
}

/* Of a few rows. */
template <class X, int N>
struct GradientPlaces {
  X *dx[N], *dresidual[N];
};

template <bool back, class X, int N>
WN_DEVICE void take_outputs(const wni_call &call, RowsAnew anew, GradientOutputs<X> *lines, GradientPlaces<X, N> *to) {
  if (call.dx.data != nullptr) take_places<back>(anew, &lines->dx, to->dx);
  if (call.dresidual.data != nullptr) take_places<back>(anew, &lines->dresidual, to->dresidual);
}

template <class X>
WN_DEVICE void store_gradients(const wni_call &call, const GradientInput &in, const ColumnTask &t, bool wide,
                               const Packed<X> &more, const Octet<Real<X>> &dz, Octet<Real<X>> *dx, X *to_dx,
                               X *to_dresidual) {
  if (call.dx.data != nullptr) {
    if (in.dsum) {
      const Octet<Real<X>> r = unpack(more);
#pragma unroll
      for (int i = 0; i < 8; i++) dx->v[i] += r.v[i];
    }
    store_line(wide, to_dx, *dx, t.columns);
  }
  if (call.dresidual.data != nullptr) store_line(wide, to_dresidual, dz, t.columns);
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
  constexpr bool kByRow = column && !frozen; /* batch normalization's are the columns' */
  const wni_call &call = job.call;
  const GradientInput in = gradient_input<X, D>(call, sums, frozen);
  RowWalk<false> walk = row_walk<false>(job, s, t);
  GradientLines<X, D> lines = gradient_lines<kRows, X, D>(job, in, s, t, walk);
  GradientOutputs<X> to = gradient_outputs<X>(job, s, t, walk);
  const SetPlace sets = sets_of_task<column>(job, t);
  const int64_t row_sets = column ? 0 : job.cut.column.columns / sets.width;
  Factors f = factors_of_task<R>(job, t, 17 * wn_threads() / kAcross<R>);
  if (!kByRow) f.by_row = false; /* which the compiler then knows */
  ColumnStatistics<R> k = {};
  if (column) {
    k = statistics_of_task<R>(job, t, sets);
    scale_tile(t, f, k);
  }
  R *const mine = room + 17 * wn_thread();
  ColumnSums<R> few = {};
  for (int i = 0; i < t.rows; i += kRows) {
    const RowsAnew anew = walk_rows<kRows>(&walk);
    GradientRows<X, D, kRows> input;
    take_gradients<false>(job, in, s, t, anew, i, &lines, &input);
    GradientPlaces<X, kRows> at = {};
    if (frozen) take_outputs<false>(call, anew, &to, &at);
#pragma unroll
    for (int j = 0; j < kRows; j++) {
      if (i + j < t.rows) {
        const auto row = [&] { return row_number<false>(s, t, i + j); };
        if (!column) load_statistics(call, t, sets, row() * row_sets, &k);
        if (in.mask && signs_scattered<column>(job)) input.signs[j] = scattered_signs(job, t, sets, row());
        const ColumnScales<R> v = scales_of_row<X>(call, f, column, row, k);
        const Octet<R> apart = centered(k, unpack(input.x[j]));
        Octet<R> dz = unpack(input.dy[j]);
        make_dz(
            job, in, [&] { return affine_of<X>(f, k, v, apart); }, input.more[j], input.signs[j], &dz);
        if (sums) add_row<kByRow>(xhats_of(k, apart), dz, v.own.gamma, &few);
        if (frozen) {
          Octet<R> dx;
#pragma unroll
          for (int c = 0; c < 8; c++) dx.v[c] = dz.v[c] * v.scale[c];
          store_gradients(call, in, t, to.wide, input.more[j], dz, &dx, at.dx[j], at.dresidual[j]);
        }
      }
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

/* A task of few rows is asked for as a whole, ahead of its turn. */
template <class X, class D, bool column>
WN_DEVICE void fetch_task(const wni_cuda_job &job, const ColumnShape<column> &s, const ColumnTask &t) {
  const wni_call &call = job.call;
  const RowsAhead ahead = rows_ahead<1>(job, 16 * sizeof(X));
  const bool wide = is_wide<X>(call.x) && is_wide<D>(call.dy) && t.columns == 8;
  if (!wide || t.rows > 2 * static_cast<int>(ahead.by)) return;
  const RowWalk<false> walk = row_walk<false>(job, s, t);
  Line<const X *> x = line_of<const X>(s, t, walk, call.x, job.walk.x);
  Line<Elements<const D>> dy = line_of<const D>(s, t, walk, call.dy, job.walk.dy);
  const X *from_x[1];
  Elements<const D> from_dy[1];
  for (int i = 0; i < t.rows; i++) {
    take_places<false>(0, &x, from_x);
    take_places<false>(0, &dy, from_dy);
    fetch_rows<false>({0, 0}, x, from_x);
    fetch_rows<false>({0, 0}, dy, from_dy);
  }
}

template <class X, class D, bool column>
WN_DEVICE void sums_of_tasks(const wni_cuda_job &job, Real<X> *room) {
  const ColumnShape<column> s = column_shape<column>(job);
  for (int64_t task = wn_block(); task < s.tasks; task += wn_blocks()) {
    const ColumnTask t = column_task(job, s, task);
    if (WN_FETCHES_AHEAD && !column && task + wn_blocks() < s.tasks)
      fetch_task<X, D>(job, s, column_task(job, s, task + wn_blocks()));
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

/* dx = scale dz - (xhat of_xhat + constant) */
template <class R>
struct ColumnTerms {
  R of_xhat[8], constant[8];
};

template <class R>
WN_DEVICE Octet<R> dx_of(const Octet<R> &scale, const ColumnTerms<R> &terms, const Octet<R> &xhat, const Octet<R> &dz) {
  Octet<R> dx;
#pragma unroll
  for (int i = 0; i < 8; i++)
    dx.v[i] = wn_fma(dz.v[i], scale.v[i], -wn_fma(xhat.v[i], terms.of_xhat[i], terms.constant[i]));
  return dx;
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

/* Where the sums of a tile's rows are for the rows' parameters: of dz xhat, params behind that of dz. */
template <class R>
WN_DEVICE R *row_sums_of(const wni_cuda_job &job, const ColumnTask &t) {
  return static_cast<R *>(job.params) + 2 * job.call.geo.params * (t.slab * job.cut.column.tiles + t.tile);
}

template <class R>
struct RowSums {
  R v[2];
};

/* Of a thread's octet. dz is 0 beyond the row's columns. */
template <class R>
WN_DEVICE RowSums<R> row_sums_of_octet(const Octet<R> &xhat, const Octet<R> &dz) {
  R even[2] = {dz.v[0] * xhat.v[0], dz.v[0]}, odd[2] = {dz.v[1] * xhat.v[1], dz.v[1]}; /* two chains */
#pragma unroll
  for (int i = 2; i < 8; i += 2) {
    even[0] = wn_fma(dz.v[i], xhat.v[i], even[0]);
    even[1] += dz.v[i];
    odd[0] = wn_fma(dz.v[i + 1], xhat.v[i + 1], odd[0]);
    odd[1] += dz.v[i + 1];
  }
  return {{even[0] + odd[0], even[1] + odd[1]}};
}

/* Over a row of the tile, by whole warps. v: 0 where the row is not there. */
template <class R, class Row>
WN_DEVICE void store_row_sums(const wni_cuda_job &job, RowSums<R> sums, bool stores, const Row &row, R *all) {
  sum_lanes(sums.v, job.tile_octets_log2);
  if (!stores) return;
  R *const to = all + row();
  to[0] = sums.v[0];
  to[job.call.geo.params] = sums.v[1];
}

template <class X, class D>
WN_DEVICE void apply_task(const wni_cuda_job &job, const ColumnShape<true> &s, const ColumnTask &t) {
  typedef Real<X> R;
  constexpr int kRows = kGradientRows<X>;
  const wni_call &call = job.call;
  const bool row_sums = call.geo.param_by_row && (call.dgamma != nullptr || call.dbeta != nullptr);
  const GradientInput in = gradient_input<X, D>(call, row_sums, true);
  RowWalk<true> walk = row_walk<true>(job, s, t);
  GradientLines<X, D> lines = gradient_lines<kRows, X, D>(job, in, s, t, walk);
  GradientOutputs<X> to = gradient_outputs<X>(job, s, t, walk);
  const SetPlace sets = sets_of_task<true>(job, t);
  const ColumnStatistics<R> k = statistics_of_task<R>(job, t, sets);
  const Factors f = factors_of_task<R>(job, t, 17 * wn_threads() / kAcross<R>);
  scale_tile(t, f, k);
  R *const all = row_sums_of<R>(job, t);
  const ColumnTerms<R> terms = column_terms(job, t, sets, k, static_cast<const R *>(job.set_sums), 0);
  with_known_factors<X>(f, [&](const Factors &known) WN_INLINED {
    for (int i = 0; i < t.trips; i += kRows) {
      const RowsAnew anew = walk_rows<kRows>(&walk);
      GradientRows<X, D, kRows> input;
      take_gradients<true>(job, in, s, t, anew, i, &lines, &input);
      GradientPlaces<X, kRows> at = {};
#pragma unroll
      for (int j = 0; j < kRows; j++) {
        const bool there = i + j < t.rows;
        const auto row = [&] { return there ? row_number<true>(s, t, i + j) : 0; };
        const ColumnScales<R> v = scales_of_row<X>(call, known, true, row, k);
        const Octet<R> apart = centered(k, unpack(input.x[j]));
        Octet<R> dz = unpack(input.dy[j]);
        make_dz(
            job, in, [&] { return affine_of<X>(known, k, v, apart); }, input.more[j], input.signs[j], &dz);
        const Octet<R> xhat = xhats_of(k, apart);
        if (row_sums) {
          const RowSums<R> of_row = there ? row_sums_of_octet(xhat, dz) : RowSums<R>{};
          store_row_sums(job, of_row, there && f.octet == 0, row, all);
        }
        Octet<R> dx = dx_of(scales_of<X>(known, k, v), terms, xhat, dz);
        if (j == 0) take_outputs<true>(call, anew, &to, &at);
        if (there) store_gradients(call, in, t, to.wide, input.more[j], dz, &dx, at.dx[j], at.dresidual[j]);
      }
    }
  });
}

template <class X, class D>
WN_KERNEL(128, sizeof(X) == 8 ? 2 : 3)
column_backward_apply_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  WN_DYNAMIC_SHARED(Real<X>, room);
  const ColumnShape<true> s = column_shape<true>(job);
  const bool frozen = job.call.stats == WNI_STATS_RUNNING;
  const bool sums = frozen && (job.call.dgamma != nullptr || job.call.dbeta != nullptr);
  const auto task_at = [&](int64_t task) { return column_task(job, s, s.tasks - 1 - task); };
  if (!frozen) {
    for (int64_t task = wn_block(); task < s.tasks; task += wn_blocks()) apply_task<X, D>(job, s, task_at(task));
    return;
  }
  for (int64_t task = wn_block(); task < s.tasks; task += wn_blocks()) {
    const ColumnTask t = task_at(task);
    sweep_sums<X, D, true>(job, s, t, sums, room);
    if (sums) store_sums<true>(job, t, room);
  }
}

}  // namespace wn
#endif
