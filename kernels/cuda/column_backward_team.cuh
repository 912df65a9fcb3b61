/* COLUMN_BACKWARD: sums of columns and dx in one launch, of sets whose x and dy a team of blocks keeps in shared memory
 * in between. */
#ifndef WNI_COLUMN_BACKWARD_TEAM_CUH
#define WNI_COLUMN_BACKWARD_TEAM_CUH
#include "kernels/cuda/column_backward.cuh"
#include "kernels/cuda/column_team.cuh"

namespace wn {

/* ---- x and dy */

template <class X, class D>
WN_DEVICE void keep_gradients(const wni_cuda_job &job, const ColumnShape<true> &s, const ColumnTask &t,
                              const KeptInput<X, D> &kept) {
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

/* ---- statistics of the tile's columns, in shared memory: mean, rstd. Registers have no place for them beside the rows
 * at hand. */

template <class R>
WN_DEVICE void keep_statistics(const wni_cuda_job &job, const ColumnTask &t, const SharedPairs<R> &tile) {
  const int64_t width = job.call.geo.set_columns, columns = job.cut.column.columns;
  const int64_t first = 8 * t.tile * job.cut.column.tile_octets, base = t.slab * (columns / width);
  for (unsigned i = wn_thread(); i < 8 * tile.octets; i += wn_threads()) {
    const bool there = first + i < columns;
    const Normalizer<R> n = there ? saved_normalizer<R>(job.call, base + (first + i) / width) : Normalizer<R>{0, 0, 0};
    *pair_element(tile, 0, i / 8, i % 8) = n.mean;
    *pair_element(tile, 1, i / 8, i % 8) = n.rstd;
  }
}

/* The two numbers of each of an octet's columns. */
template <class R>
WN_DEVICE void take_pair(const SharedPairs<R> &tile, unsigned octet, R (&first)[8], R (&second)[8]) {
  const OctetPair<R> v = load_shared(tile, octet);
#pragma unroll
  for (int i = 0; i < 8; i++) first[i] = v.of[0][i], second[i] = v.of[1][i];
}

template <class R>
WN_DEVICE ColumnStatistics<R> kept_statistics(const SharedPairs<R> &tile, unsigned octet) {
  ColumnStatistics<R> k;
  take_pair(tile, octet, k.mean, k.rstd);
  return k;
}

/* ---- rows that are kept: h and dz */

template <class X>
WN_DEVICE Octet<Real<X>> kept_h(const KeptOctets<X> &kept, unsigned slot) {
  Packed<X> x;
  take_octet(kept, slot, &x);
  return unpack(x);
}

/* The residual, or dsum; zeros where there is none. */
template <class X, class D>
WN_DEVICE Packed<X> load_more(const wni_call &call, const GradientInput &in, const ColumnShape<true> &s,
                              const ColumnTask &t, const RowPlace &place, const GradientTensors<X, D> &from,
                              bool wanted) {
  if (!wanted) return packed_zero<X>();
  const X *const more = from.more + row_offset(s, in.dsum ? call.dsum : call.residual, place);
  return in.wide && t.columns == 8 ? load_line<true>(more, t.columns, true) : load_line<false>(more, t.columns, true);
}

/* dz of a row; what it takes that is not kept is loaded. again: the second time. A function that is not inlined makes
 * slopes; h and the statistics are taken from shared memory on both sides of it, and not saved. */
template <class X, class D>
WN_DEVICE Octet<Real<X>> kept_dz(const wni_cuda_job &job, const GradientInput &in, const ColumnShape<true> &s,
                                 const ColumnTask &t, const SharedPairs<Real<X>> &statistics, const Factors<Real<X>> &f,
                                 const KeptInput<X, D> &kept, unsigned slot, const RowPlace &place, int64_t row,
                                 const GradientTensors<X, D> &from, bool again) {
  const wni_call &call = job.call;
  Packed<D> dy = load_line<false>(from.dy, 0, false); /* its type */
  take_octet(kept.dy, slot, &dy);
  Octet<Real<X>> dz = unpack(dy);
  const bool taken = takes_signs<D>(call);
  if (again && taken) return dz;
  make_dz<X>(call, in, kept_statistics(statistics, f.octet), f, kept_h(kept.x, slot),
             load_more(call, in, s, t, place, from, in.residual), in.mask ? signs_of_row(job, t, row) : 0, &dz);
  if constexpr (!kIsMixed<D>) {
    if (taken) keep_octet(kept.dy, slot, pack<D>(dz));
  }
  return dz;
}

/* ---- sums of the chunk's columns */

/* Of the threads of a warp that have the same columns, added to what the warp has in the room, [warp][octet of the
 * tile][17]: registers have no place for it beside the rows at hand. */
template <class R>
WN_DEVICE void flush_warp(const ColumnTask &t, int block_lanes, int width, bool first, ColumnSums<R> *few, R *room) {
  each_pair_of_lanes(t, block_lanes, width, [&](int apart) {
#pragma unroll
    for (int i = 0; i < 16; i++) few->v[i] += wn_shuffle_xor(0xffffffffu, few->v[i], apart);
  });
  if (static_cast<int>(wn_lane()) < width) {
    R *const to = room + 17 * (static_cast<int>(wn_thread() / 32) * width + static_cast<int>(wn_lane()));
    flush(few, first, to);
  }
  *few = {};
}

template <class X, class D>
WN_DEVICE void sum_kept(const wni_cuda_job &job, const ColumnShape<true> &s, const ColumnTask &t,
                        const SharedPairs<Real<X>> &statistics, Factors<Real<X>> f, const KeptInput<X, D> &kept,
                        Real<X> *room) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const GradientInput in = gradient_input<X, D>(call, true, false);
  const GradientTensors<X, D> from = gradient_tensors<X, D>(call, in, s, t);
  ColumnSums<R> few = {};
  RowPlace place = first_row(s, t);
  unsigned slot = wn_thread();
  int64_t row = t.row;
  for (int i = 0; i < t.trips; i++, slot += wn_threads(), row += s.lanes) {
    if (i < t.rows) {
      take_row_factors(call, place.b, &f);
      const Octet<R> dz = kept_dz(job, in, s, t, statistics, f, kept, slot, place, row, from, false);
      add_row<R>(kept_statistics(statistics, f.octet), kept_h(kept.x, slot), dz, f.gamma, &few);
    }
    if ((i + 1) % kFewRows == 0 || i + 1 == t.trips)
      flush_warp(t, s.lanes, job.cut.column.tile_octets, i < kFewRows, &few, room);
    next_row(s, &place);
  }
}

/* Of all warps, to the place of the chunk, one after the other as sums are: [2][column]. */
template <class R>
WN_DEVICE void leave_sums(const wni_cuda_job &job, const ColumnTask &t, const R *room) {
  const int width = job.cut.column.tile_octets, warps = static_cast<int>(wn_threads() / 32);
  const int64_t columns = job.cut.column.columns, first = 8 * t.tile * width;
  wn_sync_block();
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

/* Of the tile's columns, beside the means that they come of: of_xhat, constant. */
template <class R>
WN_DEVICE void keep_terms(const wni_cuda_job &job, const TileSets &sets, const SharedPairs<R> &statistics,
                          const R *means, const SharedPairs<R> &terms) {
  const int64_t width = job.call.geo.set_columns, before = sets.column / width;
  for (unsigned i = wn_thread(); i < 8 * terms.octets; i += wn_threads()) {
    const bool there = sets.column + i < job.cut.column.columns && job.call.dx.data != nullptr;
    const R rstd = *pair_element(statistics, 1, i / 8, i % 8);
    const R *const of_set = means + 2 * ((sets.column + i) / width - before);
    *pair_element(terms, 0, i / 8, i % 8) = there ? rstd * of_set[0] : 0;
    *pair_element(terms, 1, i / 8, i % 8) = there ? rstd * of_set[1] : 0;
  }
  wn_sync_block();
}

template <class R>
WN_DEVICE ColumnTerms<R> kept_terms(const SharedPairs<R> &terms, unsigned octet) {
  ColumnTerms<R> k;
  take_pair(terms, octet, k.of_xhat, k.constant);
  return k;
}

template <class X, class D>
WN_DEVICE void apply_kept(const wni_cuda_job &job, const ColumnShape<true> &s, const ColumnTask &t,
                          const SharedPairs<Real<X>> &statistics, Factors<Real<X>> f, const SharedPairs<Real<X>> &terms,
                          const KeptInput<X, D> &kept) {
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
    Octet<R> dz = splat<R>(0), h = dz;
    if (there) {
      take_row_factors(call, place.b, &f);
      dz = kept_dz(job, in, s, t, statistics, f, kept, slot, place, row, from, true);
      h = kept_h(kept.x, slot);
    }
    const ColumnStatistics<R> k = kept_statistics(statistics, f.octet);
    if (row_sums) store_row_sums(job, t, k, h, dz, there, place.b);
    if (there) {
      const Octet<R> gamma = gammas(f);
      const ColumnTerms<R> of_columns = kept_terms(terms, f.octet);
      Octet<R> dx;
#pragma unroll
      for (int c = 0; c < 8; c++) dx.v[c] = dx_of(k, of_columns, c, h.v[c], gamma.v[c] * dz.v[c]);
      store_gradients(call, in, s, t, place, load_more(call, in, s, t, place, from, in.dsum), dz, &dx, to);
    }
    next_row(s, &place);
  }
}

/* Shared memory: what is kept, gamma, beta, mean and rstd of the tile, then rooms for sums, and for means and terms, in
 * turn. */
template <class X, class D>
WN_KERNEL(kTeamThreads<X>, 2)
column_backward_kernel(WN_PARAM(wni_cuda_job) job) {
  typedef Real<X> R;
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const wni_call &call = job.call;
  const wni_cuda_column &cut = job.cut.column;
  const ColumnShape<true> s = column_shape<true>(job);
  const unsigned octets = static_cast<unsigned>(cut.kept_octets);
  const KeptInput<X, D> kept = {{dynamic, octets}, {dynamic + octets * kKeptWords<X>, octets}};
  R *const factors = reinterpret_cast<R *>(kept.dy.room + octets * kKeptWords<D>);
  const SharedPairs<R> statistics = {reinterpret_cast<uint4 *>(factors + 16 * cut.tile_octets),
                                     static_cast<unsigned>(cut.tile_octets)};
  R *const room = factors + 32 * cut.tile_octets;
  const SharedPairs<R> terms = {reinterpret_cast<uint4 *>(room + 16 * cut.tile_octets), statistics.octets};
  const bool sums = !call.geo.param_by_row || call.dx.data != nullptr; /* else nobody asks for them */
  const bool applies = call.dx.data != nullptr || call.dresidual.data != nullptr || call.geo.param_by_row;
  BlockTeam team = block_team_of(cut.team);
  for (int64_t task = team.index; task < team_tasks(job); task += team.teams) {
    const ColumnTask t = team_task(job, s, task, team.member);
    keep_gradients(job, s, t, kept);
    const Factors<R> f = factors_of_task(job, t, factors);
    keep_statistics(job, t, statistics);
    wn_sync_block();
    sum_kept(job, s, t, statistics, f, kept, room);
    leave_sums(job, t, room);
    if (sums) {
      meet(job, &team);
      make_means(job, tile_sets(job, t), room);
    }
    if (applies) {
      keep_terms(job, tile_sets(job, t), statistics, room, terms);
      apply_kept<X, D>(job, s, t, statistics, f, terms, kept);
    }
    wn_sync_block(); /* before the room is used again */
  }
}

}  // namespace wn
#endif
