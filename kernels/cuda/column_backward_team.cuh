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
  RowWalk<false> walk = row_walk<false>(job, s, t);
  Line<const X *> x = line_of<const X>(s, t, walk, call.x, job.walk.x);
  Line<Elements<const D>> dy = line_of<const D>(s, t, walk, call.dy, job.walk.dy);
  const X *from_x[1];
  Elements<const D> from_dy[1];
  unsigned slot = wn_thread();
  for (int i = 0; i < t.rows; i++, slot += wn_threads()) {
    const RowsAnew anew = walk_rows<1>(&walk);
    take_places<false>(anew, &x, from_x);
    take_places<false>(anew, &dy, from_dy);
    if (wide) {
      copy_octet(kept.x, slot, from_x[0]);
      copy_octet(kept.dy, slot, from_dy[0]);
    } else {
      keep_octet(kept.x, slot, load_line<false>(from_x[0], t.columns, true));
      keep_octet(kept.dy, slot, load_line<false>(from_dy[0], t.columns, true));
    }
  }
  wait_for_copies();
}

/* ---- statistics of the tile's columns, in shared memory: mean, rstd, and what is made of rstd and gamma there, in
 * place of gamma. Registers have no place for them beside the rows at hand. */

template <class R>
WN_DEVICE void keep_statistics(const wni_cuda_job &job, const ColumnTask &t, const Factors &f,
                               const SharedPairs<R> &tile) {
  const int64_t width = job.call.geo.set_columns, columns = job.cut.column.columns;
  const int64_t first = 8 * t.tile * job.cut.column.tile_octets, base = t.slab * (columns / width);
  for (unsigned i = wn_thread(); i < 8 * tile.octets; i += wn_threads()) {
    const bool there = first + i < columns;
    const Normalizer<R> n = there ? saved_normalizer<R>(job.call, base + (first + i) / width) : Normalizer<R>{0, 0, 0};
    *pair_element(tile, 0, i / 8, i % 8) = n.mean;
    *pair_element(tile, 1, i / 8, i % 8) = n.rstd;
    if (!f.by_row) *pair_element(factors_tile<R>(f), 0, i / 8, i % 8) *= n.rstd;
  }
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

/* The residual, or dsum; not used where there is none. */
template <class X>
WN_DEVICE void load_more(const GradientInput &in, const ColumnTask &t, RowsAnew anew, bool wanted,
                         Line<const X *> *line, Packed<X> (&more)[1]) {
  if (wanted) load_rows<false>({0, kFarRows}, anew, in.wide && t.columns == 8, t.columns, 1, line, more);
}

template <class R>
struct KeptRow {
  Octet<R> apart, dz; /* h - mean */
  ColumnStatistics<R> k;
  ColumnScales<R> v;
};

/* A function that is not inlined makes costly slopes; a row's other numbers are taken from shared memory on both sides
 * of it, and not saved. Where instructions count, and registers do, cheap ones have a way without that. */
template <class X>
constexpr bool kAlwaysTwice = !WN_FAST_MEMORY || sizeof(X) != 2;

/* A row at hand; what dz takes that is not kept is `more`. again: the second time. row(): its number. */
template <class X, class D, class Row>
WN_DEVICE KeptRow<Real<X>> kept_row(const wni_cuda_job &job, const GradientInput &in, const ColumnTask &t,
                                    const SharedPairs<Real<X>> &statistics, const Factors &f,
                                    const KeptInput<X, D> &kept, unsigned slot, const Row &row, const Packed<X> &more,
                                    bool again) {
  const wni_call &call = job.call;
  KeptRow<Real<X>> r;
  const auto take = [&] {
    r.k = kept_statistics(statistics, f.octet);
    r.v = scales_of_row<X>(call, f, true, row, r.k);
    r.apart = centered(r.k, kept_h(kept.x, slot));
  };
  Packed<D> dy = load_line<false>(Elements<const D>(ElementsOf<const D>::at(nullptr, call.dy.type)), 0, false);
  take_octet(kept.dy, slot, &dy);
  r.dz = unpack(dy);
  take();
  if (in.mask) {
    const bool taken = takes_signs<D>(call);
    if (again && taken) return r;
    mask_back(job, *mask_at(job, t, call.mask, row()), r.dz.v);
    if constexpr (!kIsMixed<D>) {
      if (taken) keep_octet(kept.dy, slot, pack<D>(r.dz));
    }
    return r;
  }
  GradientInput made = in;
  made.mask = false;
  const auto affine = [&] { return affine_of<X>(f, r.k, r.v, r.apart); };
  if (kAlwaysTwice<X> || is_costly(call.act)) {
    make_dz(job, made, affine, more, 0, &r.dz);
    take();
  } else {
    make_dz(job, made, affine, more, 0, &r.dz);
  }
  return r;
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
                        const SharedPairs<Real<X>> &statistics, const Factors &f, const KeptInput<X, D> &kept,
                        Real<X> *room) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const bool row_sums = call.geo.param_by_row && (call.dgamma != nullptr || call.dbeta != nullptr);
  const GradientInput in = gradient_input<X, D>(call, true, false);
  RowWalk<false> walk = row_walk<false>(job, s, t);
  Line<const X *> residual = line_of<const X>(s, t, walk, call.residual, job.walk.residual);
  R *const all = row_sums_of<R>(job, t);
  ColumnSums<R> few = {};
  unsigned slot = wn_thread();
  for (int i = 0; i < t.trips; i++, slot += wn_threads()) {
    const RowsAnew anew = in.residual ? walk_rows<1>(&walk) : 0;
    const bool there = i < t.rows;
    const auto row = [&] { return row_number<false>(s, t, i); };
    RowSums<R> of_row = {};
    if (there) {
      Packed<X> more[1];
      load_more(in, t, anew, in.residual, &residual, more);
      const KeptRow<R> r = kept_row(job, in, t, statistics, f, kept, slot, row, more[0], false);
      const Octet<R> xhat = xhats_of(r.k, r.apart);
      add_row<true>(xhat, r.dz, r.v.own.gamma, &few);
      if (row_sums) of_row = row_sums_of_octet(xhat, r.dz);
    }
    if (row_sums) store_row_sums(job, of_row, there && f.octet == 0, row, all);
    if ((i + 1) % kFewRows == 0 || i + 1 == t.trips)
      flush_warp(t, s.lanes, job.cut.column.tile_octets, i < kFewRows, &few, room);
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
                          const SharedPairs<Real<X>> &statistics, const Factors &f, const SharedPairs<Real<X>> &terms,
                          const KeptInput<X, D> &kept) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const GradientInput in = gradient_input<X, D>(call, false, true);
  RowWalk<false> walk = row_walk<false>(job, s, t);
  Line<const X *> from = in.dsum ? line_of<const X>(s, t, walk, call.dsum, job.walk.dsum)
                                 : line_of<const X>(s, t, walk, call.residual, job.walk.residual);
  GradientOutputs<X> to = gradient_outputs<X>(job, s, t, walk);
  unsigned slot = wn_thread();
  for (int i = 0; i < t.rows; i++, slot += wn_threads()) {
    const auto row = [&] { return row_number<false>(s, t, i); };
    const RowsAnew anew = walk_rows<1>(&walk);
    Packed<X> more[1];
    load_more(in, t, anew, in.residual || in.dsum, &from, more);
    const KeptRow<R> r = kept_row(job, in, t, statistics, f, kept, slot, row, more[0], true);
    Octet<R> dx = dx_of(scales_of<X>(f, r.k, r.v), kept_terms(terms, f.octet), xhats_of(r.k, r.apart), r.dz);
    GradientPlaces<X, 1> at = {};
    take_outputs<false>(call, anew, &to, &at);
    store_gradients(call, in, t, to.wide, more[0], r.dz, &dx, at.dx[0], at.dresidual[0]);
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
  const bool applies = call.dx.data != nullptr || call.dresidual.data != nullptr;
  for (unsigned turn = 0;; turn++) {
    BlockTeam team =
        block_team_of(static_cast<int>(wn_forget(static_cast<uint32_t>(cut.team)))); /* registers are few */
    team.met = turn * team.blocks;
    const int64_t task = team.index + static_cast<int64_t>(turn) * team.teams;
    if (task >= team_tasks(job)) return;
    const ColumnTask t = team_task(job, s, task, team.member);
    keep_gradients(job, s, t, kept);
    const Factors f = factors_of_task<R>(job, t, static_cast<unsigned>(reinterpret_cast<uint4 *>(factors) - dynamic));
    keep_statistics(job, t, f, statistics);
    wn_sync_block();
    with_known_factors<X>(f,
                          [&](const Factors &known) WN_INLINED { sum_kept(job, s, t, statistics, known, kept, room); });
    leave_sums(job, t, room);
    if (sums) {
      meet(job, &team);
      make_means(job, tile_sets(job, t), room);
    }
    if (applies) {
      keep_terms(job, tile_sets(job, t), statistics, room, terms);
      with_known_factors<X>(
          f, [&](const Factors &known) WN_INLINED { apply_kept<X, D>(job, s, t, statistics, known, terms, kept); });
    }
    wn_sync_block(); /* before the room is used again */
  }
}

}  // namespace wn
#endif
