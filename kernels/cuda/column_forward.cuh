/* Forward passes of the column family: moments of chunks, and y from the statistics of sets or running ones. */
#ifndef WNI_COLUMN_FORWARD_CUH
#define WNI_COLUMN_FORWARD_CUH
#include "kernels/cuda/column.cuh"

namespace wn {

typedef ColumnShape<true> ForwardShape;

/* ---- what is normalized: h */

/* Where h comes from: x, the stored sum, or x + residual. */
struct ColumnInput {
  bool adds, stores; /* x + residual; to sum */
  bool second;       /* the residual is read, before or after */
  bool from_sum, wide, sum_wide;
};

/* again: a sum that the call stores has been stored; x or the residual may have been in its place. */
template <class X>
WN_DEVICE ColumnInput column_input(const wni_call &call, bool again, bool finishes) {
  ColumnInput in;
  const bool before = call.add == WN_ADD_BEFORE, stored = call.sum.data != nullptr;
  in.from_sum = before && again && stored;
  in.adds = before && !in.from_sum;
  in.stores = in.adds && stored;
  in.second = in.adds || (finishes && call.add == WN_ADD_AFTER);
  in.wide = is_wide<X>(in.from_sum ? call.sum : call.x) && (!in.second || is_wide<X>(call.residual));
  in.sum_wide = is_wide<X>(call.sum);
  return in;
}

template <class X>
struct InputLines {
  Line<const X *> x, residual;
  Line<X *> sum;
  RowsAhead ahead;
};

/* Of a loop that takes n rows in a turn. */
template <int n, class X, bool back>
WN_DEVICE InputLines<X> input_lines(const wni_cuda_job &job, const ColumnInput &in, const ForwardShape &s,
                                    const ColumnTask &t, const RowWalk<back> &w) {
  const wni_call &call = job.call;
  const wni_cuda_walk &steps = job.walk;
  return {in.from_sum ? line_of<const X>(s, t, w, call.sum, steps.sum) : line_of<const X>(s, t, w, call.x, steps.x),
          line_of<const X>(s, t, w, call.residual, steps.residual), line_of<X>(s, t, w, call.sum, steps.sum),
          rows_ahead<n>(job, (in.second ? 16 : 8) * n * sizeof(X))};
}

template <class X>
WN_DEVICE Packed<X> sum_of(const Packed<X> &a, const Packed<X> &b) {
  Octet<Real<X>> h = unpack(a);
  const Octet<Real<X>> r = unpack(b);
#pragma unroll
  for (int i = 0; i < 8; i++) h.v[i] += r.v[i];
  return pack<X>(h);
}

/* Some of a thread's rows, one after the other. */
template <class X, int N>
struct InputRows {
  Packed<X> h[N], second[N];
};

/* More of x + residual at once would not fit in registers. */
template <class X>
constexpr int kInputRows = sizeof(X) == 2 ? 2 : 1;

/* N rows, of which `rows` are there, the others 0. In the end h is what is normalized. */
template <bool back, class X, int N>
WN_DEVICE void take_input(const ColumnInput &in, const ColumnTask &t, RowsAnew anew, int rows, InputLines<X> *lines,
                          InputRows<X, N> *to) {
  const bool wide = in.wide && t.columns == 8;
  load_rows<back>(lines->ahead, anew, wide, t.columns, rows, &lines->x, to->h);
  if (in.second) load_rows<back>(lines->ahead, anew, wide, t.columns, rows, &lines->residual, to->second);
  if (!in.adds) return;
#pragma unroll
  for (int i = 0; i < N; i++) to->h[i] = sum_of(to->h[i], to->second[i]);
  if (!in.stores) return;
  const bool sum_wide = in.sum_wide && t.columns == 8;
  X *sum[N];
  take_places<back>(anew, &lines->sum, sum);
#pragma unroll
  for (int i = 0; i < N; i++)
    if (i < rows) store_line(sum_wide, sum[i], to->h[i], t.columns);
}

/* ---- moments */

/* Of 8 columns; how many rows they are of is the same for all, and known. */
template <class R>
struct ColumnMoments {
  R mean[8], low[8], m2[8];
};

/* How much b's rows weigh among those of both, the same for all columns. */
template <class R>
struct Shares {
  R a_rows, b_share;
};

template <class R>
WN_DEVICE Shares<R> shares_of(int a_rows, int b_rows) {
  return {static_cast<R>(a_rows), wn_divide(static_cast<R>(b_rows), static_cast<R>(a_rows + b_rows))};
}

/* As merge() of reduce.cuh: b into column i of a. */
template <class R>
WN_DEVICE void merge_column(ColumnMoments<R> *a, int i, const Shares<R> &n, R mean, R low, R m2) {
  const R apart = (mean - a->mean[i]) + (low - a->low[i]), step = apart * n.b_share;
  R error;
  two_sum(a->mean[i], step, &a->mean[i], &error);
  a->low[i] += error;
  a->m2[i] = (a->m2[i] + m2) + apart * step * n.a_rows;
}

/* Of column c of the first n (1 to N) rows, as moments_of() of reduce.cuh; inverse is 1/n. */
template <class X, int N>
WN_DEVICE void moments_of_rows(const Packed<X> (&h)[N], int c, int n, Real<X> inverse, bool centered, Real<X> *mean,
                               Real<X> *low, Real<X> *m2) {
  typedef Real<X> R;
  const R origin = to_real(packed_get(h[0], c));
  R sum = 0, squares = 0, first = 0, d = 0;
  if (centered) {
#pragma unroll
    for (int i = 1; i < N; i++)
      if (i < n) sum += to_real(packed_get(h[i], c)) - origin;
    first = origin + sum * inverse;
  }
#pragma unroll
  for (int i = 0; i < N; i++) {
    const R e = to_real(packed_get(h[i], c)) - first;
    if (i < n) d += e, squares = wn_fma(e, e, squares);
  }
  *mean = *low = 0;
  *m2 = squares;
  if (!centered) return;
  const R correction = d * inverse, about = squares - correction * d;
  *m2 = about < 0 ? 0 : about; /* NaN stays */
  two_sum(first, correction, mean, low);
}

/* Those of `rows` more rows to the moments of `before`. */
template <class X, int N>
WN_DEVICE void add_rows(const Packed<X> (&h)[N], int before, int rows, bool centered, ColumnMoments<Real<X>> *v) {
  typedef Real<X> R;
  const R inverse = wn_divide(static_cast<R>(1), static_cast<R>(rows));
  const Shares<R> shares = shares_of<R>(before, rows);
#pragma unroll
  for (int c = 0; c < 8; c++) {
    R mean, low, m2;
    moments_of_rows(h, c, rows, inverse, centered, &mean, &low, &m2);
    if (before == 0) {
      v->mean[c] = mean, v->low[c] = low, v->m2[c] = m2;
    } else {
      merge_column(v, c, shares, mean, low, m2);
    }
  }
}

/* A group is 128 bytes of x. */
template <class X>
constexpr int kGroupRows = 16 / sizeof(X);

/* Of a thread's rows, in groups. */
template <class X>
WN_DEVICE ColumnMoments<Real<X>> moments_of_thread(const wni_cuda_job &job, const ForwardShape &s,
                                                   const ColumnTask &t) {
  typedef Real<X> R;
  constexpr int kRows = kGroupRows<X>, kAtOnce = kInputRows<X>;
  const wni_call &call = job.call;
  const ColumnInput in = column_input<X>(call, false, false);
  RowWalk<false> walk = row_walk<false>(job, s, t);
  InputLines<X> lines = input_lines<kAtOnce, X>(job, in, s, t, walk);
  lines.ahead.least = kFarRows; /* a group's loads are enough */
  ColumnMoments<R> v = {};
  for (int i = 0; i < t.rows; i += kRows) {
    const int rows = t.rows - i < kRows ? t.rows - i : kRows;
    Packed<X> h[kRows];
#pragma unroll
    for (int j = 0; j < kRows; j += kAtOnce) {
      InputRows<X, kAtOnce> input;
      take_input<false>(in, t, walk_rows<kAtOnce>(&walk), rows - j, &lines, &input);
#pragma unroll
      for (int k = 0; k < kAtOnce; k++) h[j + k] = input.h[k];
    }
    add_rows(h, i, rows, call.geo.centered, &v);
  }
  return v;
}

/* As sum_threads: thread t < width gets what its octet has in the chunk. A thread that holds the rows of every
 * (2 h)-th lane merges those of the thread h lanes further, which makes every h-th. room: 25 numbers a thread. */
template <class R>
WN_DEVICE void merge_threads(ColumnMoments<R> *v, const ColumnTask &t, int width, int width_log2, R *room) {
  const int thread = static_cast<int>(wn_thread());
  for (int half = static_cast<int>(wn_threads()) / 2; half >= width; half /= 2) {
    if (thread >= half && thread < 2 * half) {
      R *const mine = room + 25 * thread;
#pragma unroll
      for (int i = 0; i < 8; i++) mine[i] = v->mean[i], mine[8 + i] = v->low[i], mine[16 + i] = v->m2[i];
    }
    wn_sync_block();
    const int lanes = half >> width_log2;
    const int other_rows = rows_from(t.lane + lanes, 2 * lanes, t.all_rows);
    if (thread < half && other_rows > 0) {
      const R *const theirs = room + 25 * (thread + half);
      const Shares<R> shares = shares_of<R>(rows_from(t.lane, 2 * lanes, t.all_rows), other_rows);
#pragma unroll
      for (int i = 0; i < 8; i++) merge_column(v, i, shares, theirs[i], theirs[8 + i], theirs[16 + i]);
    }
  }
}

template <class X>
WN_KERNEL(128, sizeof(X) == 8 ? 2 : 4)
column_moments_kernel(WN_PARAM(wni_cuda_job) job) {
  wn_let_later_begin();
  typedef Real<X> R;
  WN_DYNAMIC_SHARED(R, room);
  const ForwardShape s = column_shape<true>(job);
  for (int64_t task = wn_block(); task < s.tasks; task += wn_blocks()) {
    const ColumnTask t = column_task(job, s, task);
    ColumnMoments<R> v = moments_of_thread<X>(job, s, t);
    merge_threads(&v, t, job.cut.column.tile_octets, job.tile_octets_log2, room);
    if (t.lane == 0) {
      StoredMoments<R> *const to =
          static_cast<StoredMoments<R> *>(job.moments) + t.piece * job.cut.column.columns + t.column;
#pragma unroll
      for (int i = 0; i < 8; i++)
        if (i < t.columns) to[i] = {v.mean[i], v.low[i], v.m2[i], 0};
    }
    wn_sync_block(); /* before the room is used again */
  }
}

/* ---- y */

/* z = (h - mean) scale + shift. With the parameter by row scale is rstd, and shift the low part of the mean. */
template <class R>
struct ColumnFactors {
  R mean[8], scale[8], shift[8];
};

/* stats: from set `first` on. */
template <class R>
WN_DEVICE ColumnFactors<R> column_factors(const wni_cuda_job &job, const ColumnTask &t, const Stats<R> *stats,
                                          int64_t first) {
  const wni_call &call = job.call;
  const bool running = call.stats == WNI_STATS_RUNNING;
  SetPlace p = set_place(t.column, call.geo.set_columns);
  if (!running) p.set += t.slab * (job.cut.column.columns / p.width) - first;
  ColumnFactors<R> v = {};
#pragma unroll
  for (int i = 0; i < 8; i++) {
    if (i >= t.columns) continue;
    Normalizer<R> n;
    if (running) {
      n = running_of_column<R>(call, t.column + i);
    } else {
      n = {stats[p.set].mean, stats[p.set].mean_low, stats[p.set].rstd};
    }
    v.mean[i] = n.mean;
    if (call.geo.param_by_row) {
      v.scale[i] = n.rstd;
      v.shift[i] = n.mean_low;
    } else {
      v.scale[i] = n.rstd * gamma_of<R>(call, t.column + i);
      v.shift[i] = wn_fma(-n.mean_low, v.scale[i], beta_of<R>(call, t.column + i));
    }
    next_column(&p);
  }
  return v;
}

/* As affine() of stage.cuh. row(): its number, which is the parameter's where that is by row. */
template <class R, class Row>
WN_DEVICE void column_affine(const wni_call &call, const ColumnFactors<R> &k, const Row &row, Octet<R> *h) {
  if (call.geo.param_by_row) {
    const RowFactors<R> f = row_factors<R>(call, row());
#pragma unroll
    for (int i = 0; i < 8; i++) h->v[i] = affine<R>({k.mean[i], k.shift[i], k.scale[i]}, f.gamma, f.beta, h->v[i]);
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++) h->v[i] = wn_fma(h->v[i] - k.mean[i], k.scale[i], k.shift[i]);
  }
}

/* The largest |y|, as bits: as integers they are in the order of the numbers, with NaN above all. */
WN_DEVICE void note_largest(const Octet<float> &y, int n, uint32_t *largest) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const uint32_t bits = wn_bits(y.v[i]) & 0x7fffffffu;
    if (i < n && bits > *largest) *largest = bits;
  }
}
WN_DEVICE void note_largest(const Octet<double> &, int, uint32_t *) {} /* f64 data have no f8 results */

/* By whole warps. */
WN_DEVICE void raise_largest(float *amax, uint32_t largest) {
#pragma unroll
  for (int i = 1; i < 32; i *= 2) {
    const uint32_t other = wn_shuffle_xor(0xffffffffu, largest, i);
    if (other > largest) largest = other;
  }
  if (wn_lane() == 0) wn_atomic_max(reinterpret_cast<unsigned *>(amax), largest);
}

template <class R>
WN_DEVICE void scale_octet(R scale, Octet<R> *y) {
#pragma unroll
  for (int i = 0; i < 8; i++) y->v[i] *= scale;
}

/* From z on. row(): the row's number. wide: y is, and the octet full. */
template <class X, class Row, class Place>
WN_DEVICE void finish_row(const wni_cuda_job &job, const ColumnTask &t, const Row &row, const Packed<X> &residual,
                          Octet<Real<X>> *z, const Place &to, bool wide, uint32_t *largest) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  if (call.add == WN_ADD_AFTER) {
    const Octet<R> r = unpack(residual);
#pragma unroll
    for (int i = 0; i < 8; i++) z->v[i] += r.v[i];
  }
  if (call.mask != nullptr) *mask_at(job, t, call.mask, row()) = signs_of(z->v, t.columns);
  activate(job, z->v);
  if (call.y_amax != nullptr) note_largest(*z, t.columns, largest);
  if (call.y_scale != nullptr) scale_octet(static_cast<R>(*call.y_scale), z);
  store_line(wide, to, *z, t.columns);
}

template <class X, class Y>
WN_DEVICE void apply_task(const wni_cuda_job &job, const ForwardShape &s, const ColumnTask &t, uint32_t *largest) {
  typedef Real<X> R;
  constexpr int kRows = sizeof(X) == 8 ? 1 : 8 / sizeof(X);
  const wni_call &call = job.call;
  const ColumnInput in = column_input<X>(call, call.stats == WNI_STATS_COMPUTED, true);
  RowWalk<true> walk = row_walk<true>(job, s, t);
  InputLines<X> lines = input_lines<kRows, X>(job, in, s, t, walk);
  Line<Elements<Y>> y = line_of<Y>(s, t, walk, call.y, job.walk.y);
  const bool wide = is_wide<Y>(call.y) && t.columns == 8;
  const ColumnFactors<R> k = column_factors<R>(job, t, static_cast<const Stats<R> *>(job.stats), 0);
  for (int i = 0; i < t.rows; i += kRows) {
    const int rows = t.rows - i;
    const RowsAnew anew = walk_rows<kRows>(&walk);
    InputRows<X, kRows> input;
    take_input<true>(in, t, anew, rows, &lines, &input);
    Elements<Y> to[kRows];
    take_places<true>(anew, &y, to);
#pragma unroll
    for (int j = 0; j < kRows; j++) {
      if (j < rows) {
        const auto row = [&] { return row_number<true>(s, t, i + j); };
        Octet<R> z = unpack(input.h[j]);
        column_affine(call, k, row, &z);
        finish_row(job, t, row, input.second[j], &z, to[j], wide, largest);
      }
    }
  }
}

template <class X, class Y>
WN_KERNEL(128, sizeof(X) == 8 ? 2 : 4)
column_apply_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  const ForwardShape s = column_shape<true>(job);
  uint32_t largest = 0;
  for (int64_t task = wn_block(); task < s.tasks; task += wn_blocks())
    apply_task<X, Y>(job, s, column_task(job, s, s.tasks - 1 - task), &largest);
  if (job.call.y_amax != nullptr) raise_largest(job.call.y_amax, largest);
}

}  // namespace wn
#endif
