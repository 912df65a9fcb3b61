/* COLUMN_BACKWARD: sums of columns and dx in one launch, of sets whose x and dy a team of blocks keeps in shared memory
 * in between. */
#ifndef WNI_COLUMN_BACKWARD_TEAM_CUH
#define WNI_COLUMN_BACKWARD_TEAM_CUH
#include "kernels/cuda/column_backward.cuh"
#include "kernels/cuda/column_team.cuh"

namespace wn {

template <class X, class D>
struct KeptGradients {
  KeptOctets<X> x;
  KeptOctets<D> dy;
};

/* ---- x and dy */

template <class X, class D>
WN_DEVICE void keep_gradients(const wni_cuda_job &job, const ColumnShape<true> &s, const ColumnTask &t,
                              const KeptGradients<X, D> &kept) {
  const wni_call &call = job.call;
  const bool wide = is_wide<X>(call.x) && is_wide<D>(call.dy) && t.columns == 8;
  const X *const x = octets_of<const X>(s, t, call.x);
  const Elements<const D> dy = octets_of<const D>(s, t, call.dy);
  RowPlace place = first_row(s, t);
  unsigned slot = wn_thread();
  for (int i = 0; i < t.rows; i++, slot += wn_threads()) {
    const auto from_x = x + row_offset(s, call.x, place);
    const auto from_dy = dy + row_offset(s, call.dy, place);
    if (wide) {
      copy_octet(kept.x, slot, from_x);
      copy_octet(kept.dy, slot, from_dy);
    } else {
      keep_octet(kept.x, slot, load_line<false>(from_x, t.columns, true));
      keep_octet(kept.dy, slot, load_line<false>(from_dy, t.columns, true));
    }
    next_row(s, &place);
  }
  wait_for_copies();
}

template <class X>
struct KeptRow {
  Octet<Real<X>> h, dz;
  Packed<X> more;
};

/* What is not kept is loaded: `more`, and signs. again: the second time. */
template <class X, class D>
WN_DEVICE KeptRow<X> kept_row(const wni_cuda_job &job, const GradientInput &in, const ColumnShape<true> &s,
                              const ColumnTask &t, const ColumnStatistics<Real<X>> &k, const Factors<Real<X>> &f,
                              const KeptGradients<X, D> &kept, unsigned slot, const RowPlace &place, int64_t row,
                              const GradientTensors<X, D> &from, bool again) {
  const wni_call &call = job.call;
  Packed<X> x;
  Packed<D> dy = load_line<false>(from.dy, 0, false); /* its type */
  take_octet(kept.x, slot, &x);
  take_octet(kept.dy, slot, &dy);
  KeptRow<X> v = {unpack(x), unpack(dy), packed_zero<X>()};
  if (in.residual || in.dsum) {
    const X *const more = from.more + row_offset(s, in.dsum ? call.dsum : call.residual, place);
    v.more =
        in.wide && t.columns == 8 ? load_line<true>(more, t.columns, true) : load_line<false>(more, t.columns, true);
  }
  const bool taken = takes_signs<D>(call);
  if (again && taken) return v;
  make_dz<X>(call, in, k, f, v.h, v.more, in.mask ? signs_of_row(job, t, row) : 0, &v.dz);
  if constexpr (!kIsMixed<D>) {
    if (taken) keep_octet(kept.dy, slot, pack<D>(v.dz));
  }
  return v;
}

/* ---- sums of the chunk's columns */

template <class X, class D>
WN_DEVICE ColumnSums<Real<X>> sums_of_kept(const wni_cuda_job &job, const ColumnShape<true> &s, const ColumnTask &t,
                                           const ColumnStatistics<Real<X>> &k, Factors<Real<X>> f,
                                           const KeptGradients<X, D> &kept) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const GradientInput in = gradient_input<X, D>(call, true, false);
  const GradientTensors<X, D> from = gradient_tensors<X, D>(call, in, s, t);
  ColumnSums<R> all = {}, few = {};
  RowPlace place = first_row(s, t);
  unsigned slot = wn_thread();
  int64_t row = t.row;
  for (int i = 0; i < t.rows; i++, slot += wn_threads(), row += s.lanes) {
    take_row_factors(call, place.b, &f);
    const KeptRow<X> v = kept_row(job, in, s, t, k, f, kept, slot, place, row, from, false);
    add_row<R>(k, v.h, v.dz, f.gamma, &few);
    if ((i + 1) % kFewRows == 0 || i + 1 == t.rows) {
#pragma unroll
      for (int j = 0; j < 16; j++) all.v[j] += few.v[j], few.v[j] = 0;
    }
    next_row(s, &place);
  }
  return all;
}

/* To the place of the chunk, one after the other as sums are: [2][column]. room: 17 numbers for each warp and octet of
 * the tile. */
template <class R>
WN_DEVICE void leave_sums(const wni_cuda_job &job, const ColumnTask &t, ColumnSums<R> v, R *room) {
  const int width = job.cut.column.tile_octets, warps = static_cast<int>(wn_threads() / 32);
  for (int apart = width; apart < 32; apart *= 2) {
#pragma unroll
    for (int i = 0; i < 16; i++) v.v[i] += wn_shuffle_xor(0xffffffffu, v.v[i], apart);
  }
  if (static_cast<int>(wn_lane()) < width) {
    R *const to = room + 17 * (static_cast<int>(wn_thread() / 32) * width + static_cast<int>(wn_lane()));
#pragma unroll
    for (int i = 0; i < 16; i++) to[i] = v.v[i];
  }
  wn_sync_block();
  const int64_t columns = job.cut.column.columns, first = 8 * t.tile * width;
  for (int i = static_cast<int>(wn_thread()); i < 16 * width; i += static_cast<int>(wn_threads())) {
    const int which = i / (8 * width), column = i - which * 8 * width;
    if (first + column >= columns) continue;
    R sum = 0;
    for (int warp = 0; warp < warps; warp++) sum += room[17 * (warp * width + column / 8) + 8 * which + column % 8];
    static_cast<R *>(job.sums)[(2 * t.piece + which) * columns + first + column] = sum;
  }
}

/* Means of g xhat and of g, of the tile's sets. */
template <class R>
WN_DEVICE void make_means(const wni_cuda_job &job, const TileSets &sets, R *table) {
  const Pieces pieces = pieces_of_sums(job);
  const int log2 = lanes_for(pieces.count);
  each_tile_set(sets, log2, [&](int64_t set, int64_t i, bool there) {
    double v[2];
    sums_of_set<R>(job, set, pieces, log2, there, true, v);
    if (!there || (wn_lane() & ((1u << log2) - 1)) != 0) return;
    const SetMeans<R> means = means_of_sums<R>(job.call.geo, v);
    table[2 * i] = means.gxhat;
    table[2 * i + 1] = means.g;
  });
  wn_sync_block();
}

/* ---- dx */

template <class X, class D>
WN_DEVICE void apply_kept(const wni_cuda_job &job, const ColumnShape<true> &s, const ColumnTask &t,
                          const ColumnStatistics<Real<X>> &k, Factors<Real<X>> f, const ColumnTerms<Real<X>> &terms,
                          const KeptGradients<X, D> &kept) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const bool row_sums = call.geo.param_by_row && (call.dgamma != nullptr || call.dbeta != nullptr);
  const GradientInput in = gradient_input<X, D>(call, row_sums, true);
  const GradientTensors<X, D> from = gradient_tensors<X, D>(call, in, s, t);
  const GradientOutputs<X> to = gradient_outputs<X>(call, s, t);
  RowPlace place = first_row(s, t);
  unsigned slot = wn_thread();
  int64_t row = t.row;
  for (int i = 0; i < t.trips; i++, slot += wn_threads(), row += s.lanes) {
    const bool there = i < t.rows;
    KeptRow<X> v = {};
    if (there) {
      take_row_factors(call, place.b, &f);
      v = kept_row(job, in, s, t, k, f, kept, slot, place, row, from, true);
    }
    if (row_sums) store_row_sums(job, t, k, v.h, v.dz, there, place.b);
    if (there) {
      const Octet<R> gamma = gammas(f);
      Octet<R> dx;
#pragma unroll
      for (int c = 0; c < 8; c++) dx.v[c] = dx_of(k, terms, c, v.h.v[c], gamma.v[c] * v.dz.v[c]);
      store_gradients(call, in, s, t, place, v.more, v.dz, &dx, to);
    }
    next_row(s, &place);
  }
}

/* Shared memory: what is kept, gamma and beta of the tile, then rooms for sums and for means, in turn. */
template <class X, class D>
WN_KERNEL(kTeamThreads<X>, 2)
column_backward_kernel(WN_PARAM(wni_cuda_job) job) {
  typedef Real<X> R;
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const wni_call &call = job.call;
  const wni_cuda_column &cut = job.cut.column;
  const ColumnShape<true> s = column_shape<true>(job);
  const unsigned octets = static_cast<unsigned>(cut.kept_octets);
  const KeptGradients<X, D> kept = {{dynamic, octets}, {dynamic + octets * kKeptWords<X>, octets}};
  R *const factors = reinterpret_cast<R *>(kept.dy.room + octets * kKeptWords<D>);
  R *const room = factors + 16 * cut.tile_octets;
  const bool sums = !call.geo.param_by_row || call.dx.data != nullptr; /* else nobody asks for them */
  const bool applies = call.dx.data != nullptr || call.dresidual.data != nullptr || call.geo.param_by_row;
  BlockTeam team = block_team_of(job, cut.team);
  for (int64_t task = team.index; task < team_tasks(job); task += team.teams) {
    const ColumnTask t = team_task(job, s, task, team.member);
    const TileSets sets = tile_sets(job, t);
    keep_gradients(job, s, t, kept);
    const SetPlace place = sets_of_task<true>(job, t);
    const ColumnStatistics<R> k = statistics_of_task<R>(job, t, place);
    const Factors<R> f = factors_of_task(job, t, factors);
    leave_sums(job, t, sums_of_kept<X, D>(job, s, t, k, f, kept), room);
    if (sums) {
      meet(&team);
      make_means(job, sets, room);
    }
    if (applies) apply_kept<X, D>(job, s, t, k, f, column_terms(job, t, place, k, room, sets.first), kept);
    wn_sync_block(); /* before the room is used again */
  }
}

}  // namespace wn
#endif
