/* COLUMN_FORWARD: statistics and y in one launch, of sets that a team of blocks keeps in shared memory in between. */
#ifndef WNI_COLUMN_FORWARD_TEAM_CUH
#define WNI_COLUMN_FORWARD_TEAM_CUH
#include "kernels/cuda/column_forward.cuh"
#include "kernels/cuda/column_team.cuh"

namespace wn {

/* ---- x, or x + residual */

template <class X>
WN_DEVICE void keep_rows(const wni_cuda_job &job, const ForwardShape &s, const ColumnTask &t,
                         const KeptOctets<X> &kept) {
  constexpr int kRows = kInputRows<X>;
  const ColumnInput in = column_input<X>(job.call, false, false);
  RowWalk<false> walk = row_walk<false>(job, s, t);
  InputLines<X> lines = input_lines<kRows, X>(job, in, s, t, walk);
  lines.ahead.least = kFarRows;
  unsigned slot = wn_thread();
  if (in.wide && t.columns == 8 && !in.adds) {
    const X *x[1];
    for (int i = 0; i < t.rows; i++, slot += wn_threads()) {
      take_places<false>(walk_rows<1>(&walk), &lines.x, x);
      copy_octet(kept, slot, x[0]);
    }
    wait_for_copies();
    return;
  }
  for (int i = 0; i < t.rows; i += kRows) {
    InputRows<X, kRows> input;
    take_input<false>(in, t, walk_rows<kRows>(&walk), t.rows - i, &lines, &input);
#pragma unroll
    for (int k = 0; k < kRows; k++, slot += wn_threads())
      if (i + k < t.rows) keep_octet(kept, slot, input.h[k]);
  }
}

/* ---- moments of the chunk's columns */

template <class X>
WN_DEVICE ColumnMoments<Real<X>> moments_of_kept(const wni_call &call, const ColumnTask &t, const KeptOctets<X> &kept) {
  constexpr int kRows = sizeof(X) == 2 ? kGroupRows<X> / 2 : kGroupRows<X>; /* what registers have room for */
  ColumnMoments<Real<X>> v = {};
  unsigned slot = wn_thread();
  for (int i = 0; i < t.rows; i += kRows) {
    const int rows = t.rows - i < kRows ? t.rows - i : kRows;
    Packed<X> h[kRows];
#pragma unroll
    for (int k = 0; k < kRows; k++, slot += wn_threads()) {
      h[k] = packed_zero<X>();
      if (k < rows) take_octet(kept, slot, &h[k]);
    }
    add_rows(h, i, rows, call.geo.centered, &v);
  }
  return v;
}

/* Of the threads of a warp that have the same columns, to the first of them. */
template <class R>
WN_DEVICE void merge_in_warp(const ColumnTask &t, int block_lanes, int width, ColumnMoments<R> *v) {
  int rows = t.rows;
  each_pair_of_lanes(t, block_lanes, width, [&](int apart) {
    const int other_rows = wn_shuffle_xor(0xffffffffu, rows, apart);
    const bool merges = (wn_lane() & static_cast<unsigned>(apart)) == 0 && other_rows > 0;
    const Shares<R> shares = shares_of<R>(rows, merges ? other_rows : 1);
#pragma unroll
    for (int i = 0; i < 8; i++) {
      const R mean = wn_shuffle_xor(0xffffffffu, v->mean[i], apart),
              low = wn_shuffle_xor(0xffffffffu, v->low[i], apart);
      const R m2 = wn_shuffle_xor(0xffffffffu, v->m2[i], apart);
      if (merges) merge_column(v, i, shares, mean, low, m2);
    }
    if (merges) rows += other_rows;
  });
}

/* A column of a tile in shared memory: [warp][octet of the tile][25], one number more than there are, for the banks. */
template <class R>
WN_DEVICE R *warp_moments(R *room, int warp, int width, int octet) {
  return room + 25 * (warp * width + octet);
}

/* Of all warps, one column after the other in a thread; to where merges look for them. */
template <class R>
WN_DEVICE void leave_moments(const wni_cuda_job &job, const ForwardShape &s, const ColumnTask &t, const R *room) {
  const int width = job.cut.column.tile_octets, warps = static_cast<int>(wn_threads() / 32);
  const int64_t first = 8 * t.tile * width, left = job.cut.column.columns - first;
  StoredMoments<R> *const to = static_cast<StoredMoments<R> *>(job.moments) + t.piece * job.cut.column.columns + first;
  for (int column = static_cast<int>(wn_thread()); column < 8 * width && column < left;
       column += static_cast<int>(wn_threads())) {
    ColumnMoments<R> v = {};
    int rows = 0;
    for (int warp = 0; warp < warps; warp++) {
      const R *const from = warp_moments(const_cast<R *>(room), warp, width, column / 8) + column % 8;
      const int more = rows_of_warp(t, s.lanes, warp);
      if (more == 0) continue;
      if (rows == 0) {
        v.mean[0] = from[0], v.low[0] = from[8], v.m2[0] = from[16];
      } else {
        merge_column(&v, 0, shares_of<R>(rows, more), from[0], from[8], from[16]);
      }
      rows += more;
    }
    to[column] = {v.mean[0], v.low[0], v.m2[0], 0};
  }
}

template <class X>
WN_DEVICE void take_chunk_moments(const wni_cuda_job &job, const ForwardShape &s, const ColumnTask &t,
                                  const KeptOctets<X> &kept, Real<X> *room) {
  typedef Real<X> R;
  const int width = job.cut.column.tile_octets;
  ColumnMoments<R> v = moments_of_kept(job.call, t, kept);
  merge_in_warp(t, s.lanes, width, &v);
  if (static_cast<int>(wn_lane()) < width) {
    R *const to = warp_moments(room, static_cast<int>(wn_thread() / 32), width, static_cast<int>(wn_lane()));
#pragma unroll
    for (int i = 0; i < 8; i++) to[i] = v.mean[i], to[8 + i] = v.low[i], to[16 + i] = v.m2[i];
  }
  wn_sync_block();
  leave_moments(job, s, t, room);
}

/* ---- statistics of the tile's sets */

template <class R>
WN_DEVICE void make_table(const wni_cuda_job &job, const ColumnTask &t, const TileSets &sets, Stats<R> *table) {
  const Pieces pieces = pieces_of_moments(job);
  const int log2 = lanes_for(pieces.count);
  each_tile_set(sets, log2, [&](int64_t set, int64_t i, bool there) {
    const Moments<R> v = moments_of_set<R>(job, set, pieces, log2, there);
    if (!there || (wn_lane() & ((1u << log2) - 1)) != 0) return;
    table[i] = statistics_of_moments(job, v);
    if (tells_of_set(job, t, sets, set)) store_stats<R>(job, set, table[i]);
  });
  wn_sync_block();
}

/* ---- y */

template <class X, class Y>
WN_DEVICE void apply_kept(const wni_cuda_job &job, const ForwardShape &s, const ColumnTask &t,
                          const KeptOctets<X> &kept, const ColumnFactors<Real<X>> &k, uint32_t *largest) {
  typedef Real<X> R;
  constexpr int kRows = kInputRows<X>;
  const wni_call &call = job.call;
  const bool after = call.add == WN_ADD_AFTER, full = t.columns == 8;
  const bool wide = is_wide<X>(call.residual) && full, wide_y = is_wide<Y>(call.y) && full;
  RowWalk<false> walk = row_walk<false>(job, s, t);
  Line<const X *> residual = line_of<const X>(s, t, walk, call.residual, job.walk.residual);
  Line<Elements<Y>> y = line_of<Y>(s, t, walk, call.y, job.walk.y);
  unsigned slot = wn_thread();
  for (int i = 0; i < t.rows; i += kRows) {
    const int rows = t.rows - i;
    const RowsAnew anew = walk_rows<kRows>(&walk);
    Packed<X> second[kRows] = {};
    if (after) load_rows<false>({0, kFarRows}, anew, wide, t.columns, rows, &residual, second);
    Elements<Y> to[kRows];
    take_places<false>(anew, &y, to);
#pragma unroll
    for (int j = 0; j < kRows; j++, slot += wn_threads()) {
      if (j < rows) {
        const auto row = [&] { return row_number<false>(s, t, i + j); };
        Packed<X> h;
        take_octet(kept, slot, &h);
        Octet<R> z = unpack(h);
        column_affine(call, k, row, &z);
        finish_row(job, t, row, second[j], &z, to[j], wide_y, largest);
      }
    }
  }
}

/* Shared memory: what is kept, then rooms for moments and the table of statistics, in turn. */
template <class X, class Y>
WN_KERNEL(kTeamThreads<X>, 2)
column_forward_kernel(WN_PARAM(wni_cuda_job) job) {
  typedef Real<X> R;
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const ForwardShape s = column_shape<true>(job);
  const KeptOctets<X> kept = {dynamic, static_cast<unsigned>(job.cut.column.kept_octets)};
  R *const room = reinterpret_cast<R *>(dynamic + kept.octets * kKeptWords<X>);
  Stats<R> *const table = reinterpret_cast<Stats<R> *>(room);
  BlockTeam team = block_team_of(job.cut.column.team);
  uint32_t largest = 0;
  for (int64_t task = team.index; task < team_tasks(job); task += team.teams) {
    const ColumnTask t = team_task(job, s, task, team.member);
    keep_rows(job, s, t, kept);
    take_chunk_moments(job, s, t, kept, room);
    meet(job, &team);
    const TileSets sets = tile_sets(job, t);
    make_table<R>(job, t, sets, table);
    apply_kept<X, Y>(job, s, t, kept, column_factors<R>(job, t, table, sets.first), &largest);
    wn_sync_block(); /* before the room is used again */
  }
  if (job.call.y_amax != nullptr) raise_largest(job.call.y_amax, largest);
}

}  // namespace wn
#endif
