/* ROW_FORWARD: the statistics of whole sets and y, in one launch. Where a set stays in registers, from load to store,
 * its statistics are those of the corrected two-pass algorithm (docs/numerics.md) with the set's first element for a
 * start, so that a set of equal elements has just that mean; where it does not, octets' moments are merged. */
#ifndef WNI_ROW_FORWARD_CUH
#define WNI_ROW_FORWARD_CUH
#include "kernels/cuda/pieces.cuh"
#include "kernels/cuda/row_stage.cuh"
#include "kernels/cuda/team.cuh"

namespace wn {

/* Octets of a set that a thread has; 0: any number. */
template <wni_cuda_scope scope>
constexpr int kScopeOctets = scope == WNI_CUDA_LANES_1   ? 1
                             : scope == WNI_CUDA_BLOCK_2 ? 2
                             : scope == WNI_CUDA_TEAM    ? 0
                                                         : 4;
template <wni_cuda_scope scope>
constexpr bool kScopeIsBlock = scope >= WNI_CUDA_BLOCK_2;

template <wni_cuda_scope scope>
WN_DEVICE Team scope_team(const wni_cuda_job &job) {
  if constexpr (kScopeIsBlock<scope>) {
    return block_team();
  } else {
    return lanes_team(job.lanes_log2);
  }
}

/* This thread's octets of a set, the same ones of each. */
template <int K>
struct HeldOctets {
  RowOctet at[K];
};

template <int K>
WN_DEVICE HeldOctets<K> held_octets(const wni_cuda_row &row, const Team &team) {
  HeldOctets<K> held;
  RowOctet next = row_octet(row, team.rank);
  const RowOctet by = row_octet(row, team.width);
#pragma unroll
  for (int k = 0; k < K; k++) {
    held.at[k] = team.rank + k * team.width < row.octets ? next : no_octet();
    octet_step(row, by, &next);
  }
  return held;
}

/* Gamma and beta of a plain job's octets, which nobody keeps, while x is on its way: they are needed when the set's
 * sums are there. */
template <int K>
WN_DEVICE void fetch_params(const wni_cuda_job &job, const HeldOctets<K> &octets) {
  const wni_call &call = job.call;
  const wni_cuda_row &row = job.cut.row;
  if (!job.plain || !row.per_element || row.keeps_params || call.geo.param_step != 0) return;
  const unsigned bytes = 8u << (call.types.param == WN_F64 ? 3 : bytes_log2(call.types.param));
#pragma unroll
  for (int k = 0; k < K; k++) {
    if (octets.at[k].octet >= row.octets) continue;
    const uint64_t at = static_cast<uint64_t>(octets.at[k].octet) * bytes;
    if (call.gamma != nullptr) wn_fetch_own(static_cast<const char *>(call.gamma) + at);
    if (call.beta != nullptr) wn_fetch_own(static_cast<const char *>(call.beta) + at);
  }
}

/* ---- statistics of a set in registers */

/* off: from the first mean to the mean. */
template <class R>
struct SetStatistics {
  Normalizer<R> s;
  R var, off;
};

template <class R>
WN_DEVICE void store_statistics(const wni_cuda_job &job, int64_t set, const SetStatistics<R> &v) {
  store_stats<R>(job, set, {v.s.mean, v.s.mean_low, v.s.rstd, v.var});
}

/* f(k, n[k]) for each of a thread's octets that has elements. */
template <int K, class F>
WN_DEVICE void each_held(const int (&n)[K], const F &f) {
#pragma unroll
  for (int k = 0; k < K; k++)
    if (n[k] > 0) f(k, n[k]);
}

/* To `totals` what f(k, n, part) makes of each of a thread's octets. plain: they are full or have no elements, and of
 * the latter it is thrown away, which costs less than not to make it. */
template <int N, int K, class R, class F>
WN_DEVICE void add_held(bool plain, const int (&n)[K], R (&totals)[N], const F &f) {
#pragma unroll
  for (int k = 0; k < K; k++) {
    if (!plain && n[k] == 0) continue;
    R part[N];
    f(k, plain ? 8 : n[k], part);
#pragma unroll
    for (int i = 0; i < N; i++) {
      const R added = n[k] > 0 ? part[i] : 0;
      totals[i] = k == 0 ? added : totals[i] + added;
    }
  }
}

/* A mean of elements h, good to a few last places, made about their first one. */
template <class R, int K>
WN_DEVICE R first_mean(const Team &team, bool plain, const int (&n)[K], const Octet<R> (&h)[K], R first,
                       const Constants<R> &all, R *room, int *turn) {
  R total[1] = {0};
  add_held(plain, n, total, [&](int k, int count, R(&part)[1]) {
    part[0] = h[k].v[0] - first;
    each_element<1>(count, [&](int i) { part[0] += h[k].v[i] - first; });
  });
  sum_team(team, total, room, turn);
  return first + total[0] * all.inverse_size;
}

/* Takes the first mean from the elements; their statistics come of what is left. */
template <class R, int K>
WN_DEVICE SetStatistics<R> centered_statistics(const Team &team, bool plain, const int (&n)[K], R about,
                                               const Constants<R> &all, R *room, int *turn, Octet<R> (&h)[K]) {
  R rest[2] = {0, 0}; /* of the distances, of their squares */
  add_held(plain, n, rest, [&](int k, int count, R(&part)[2]) {
    R(&d)[8] = h[k].v;
#pragma unroll
    for (int i = 0; i < 8; i++) d[i] -= about;
    part[0] = d[0];
    part[1] = d[0] * d[0];
    each_element<1>(count, [&](int i) {
      part[0] += d[i];
      part[1] = wn_fma(d[i], d[i], part[1]);
    });
  });
  sum_team(team, rest, room, turn);
  SetStatistics<R> v;
  v.off = rest[0] * all.inverse_size;
  const R var = rest[1] * all.inverse_size - v.off * v.off;
  v.var = var < 0 ? 0 : var; /* NaN stays */
  two_sum(about, v.off, &v.s.mean, &v.s.mean_low);
  v.s.rstd = rstd_of(v.var, all.eps);
  return v;
}

template <class R, int K>
WN_DEVICE SetStatistics<R> square_statistics(const Team &team, bool plain, const int (&n)[K], const Octet<R> (&h)[K],
                                             const Constants<R> &all, R *room, int *turn) {
  R squares[1] = {0};
  add_held(plain, n, squares, [&](int k, int count, R(&part)[1]) {
    part[0] = h[k].v[0] * h[k].v[0];
    each_element<1>(count, [&](int i) { part[0] = wn_fma(h[k].v[i], h[k].v[i], part[0]); });
  });
  sum_team(team, squares, room, turn);
  const R var = squares[0] * all.inverse_size;
  return {{0, 0, rstd_of(var, all.eps)}, var, 0};
}

/* ---- sets in registers */

/* The set's first element. A block's threads read it each for themselves: before the first barrier of the set, after
 * which `sum` may take its place. */
template <class X, class Y>
WN_DEVICE Real<X> first_element(const wni_call &call, const Team &team, const RowForward<X, Y> &set, bool here,
                                Real<X> mine) {
  if (!team.block) return wn_shuffle(0xffffffffu, mine, static_cast<int>(wn_lane() - team.rank));
  if (!here) return 0;
  const Real<X> x = to_real(*set.x.first);
  return call.add == WN_ADD_BEFORE ? rounded<X>(x + to_real(*set.residual.first)) : x;
}

/* Loads this thread's octets of a set, of n elements each; r: the residual, where it is added before or `early` after.
 */
template <class X, class Y, int K>
WN_DEVICE void load_set(const wni_cuda_job &job, const RowForward<X, Y> &set, const HeldOctets<K> &octets,
                        const int (&n)[K], bool early, Octet<Real<X>> (&h)[K], Packed<X> (&r)[K]) {
  const bool before = job.call.add == WN_ADD_BEFORE, loads = before || (early && job.call.add == WN_ADD_AFTER);
  Packed<X> x[K];
#pragma unroll
  for (int k = 0; k < K; k++) x[k] = load_at(set.x, octets.at[k], n[k]);
#pragma unroll
  for (int k = 0; k < K; k++) r[k] = loads ? load_at(set.residual, octets.at[k], n[k]) : packed_zero<X>();
#pragma unroll
  for (int k = 0; k < K; k++) h[k] = unpack(before ? add_residual(x[k], r[k]) : x[k]);
}

template <class X, class Y, wni_cuda_scope scope>
WN_DEVICE void forward_held(const wni_cuda_job &job) {
  typedef Real<X> R;
  constexpr int K = kScopeOctets<scope>;
  constexpr bool early = K == 1; /* a residual that comes after is loaded with x where registers allow */
  WN_SHARED(R, room, kSumRoom);
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const wni_call &call = job.call;
  const wni_cuda_row &row = job.cut.row;
  const Team team = scope_team<scope>(job);
  const SharedPairs<R> pairs = {wn_pin_shared(dynamic), static_cast<unsigned>(row.octets)};
  if (K > 1 && row.keeps_params) {
    keep_params(job, pairs, true);
    wn_sync_block();
  }
  HeldOctets<K> octets = held_octets<K>(row, team);
  fetch_params(job, octets);
  const Constants<R> &all = constants_of<R>(job);
  const bool stores_sum = call.add == WN_ADD_BEFORE && call.sum.data != nullptr;
  int turn = 0;
  Largest largest = {0};
  HeldParams<R> params = {-1, {}};
  OneParam<R> one = {};
  const ParamSource<R> from = {&one, K == 1 ? &params.values : nullptr, K == 1 ? nullptr : &pairs};
  RowStep step = row_step(job, team, K == 1 || job.plain);
  const SetsAhead ahead = sets_ahead(job, team, K * 8 * sizeof(X), K * 8 * sizeof(X));
  fetch_first_sets<X>(job, ahead, team, call.x);
  for (int64_t base = team.base; base < call.geo.sets; base += team.step) {
    const RowPlace at = next_set(job, base + team.offset, &step);
    const bool here = kScopeIsBlock<scope> || base + team.offset < call.geo.sets;
    const RowForward<X, Y> set = row_forward<X, Y>(job, at, 0);
    Octet<R> h[K];
    Packed<X> r[K];
    int n[K];
#pragma unroll
    for (int k = 0; k < K; k++) {
      octets.at[k] = forget(octets.at[k]);
      n[k] = here ? octet_elements(row, octets.at[k]) : 0;
    }
    fetch_sets<X>(job, ahead, team, call.x, base);
    load_set(job, set, octets, n, early, h, r);
    one = one_param<R>(job, set.start, here);
    if (K == 1 && n[0] > 0 && !has_one(from, job))
      hold_params(job, param_at(job, set.start, octets.at[0]), n[0], &params);
    R about = 0;
    if (call.geo.centered) {
      const R first = first_element(call, team, set, here, h[0].v[0]);
      about = first_mean(team, job.plain, n, h, first, all, room, &turn);
    }
    if (stores_sum) each_held(n, [&](int k, int count) { store_at(set.sum, octets.at[k], pack<X>(h[k]), count); });
    const SetStatistics<R> v = call.geo.centered ? centered_statistics(team, job.plain, n, about, all, room, &turn, h)
                                                 : square_statistics(team, job.plain, n, h, all, room, &turn);
    if (here && team.rank == 0) store_statistics(job, set.start.set, v);
    const R shift = -v.off * v.s.rstd;
    each_held(n, [&](int k, int count) {
      const RowOctet o = forget(octets.at[k]);
      if (!early && call.add == WN_ADD_AFTER) r[k] = load_at(set.residual, o, count);
      with_params(from, job, set.start, o, count, [&](const RowParams<R> &p) WN_INLINED {
#pragma unroll
        for (int i = 0; i < 8; i++) h[k].v[i] = wn_fma(wn_fma(h[k].v[i], v.s.rstd, shift), p.gamma.v[i], p.beta.v[i]);
      });
      if (!job.plain) store_y(job, set, o, count, h[k], r[k], &largest);
    });
    if (!job.plain) continue;
    activate(job, h);
    each_held(n, [&](int k, int count) { store_values_of(call, set, forget(octets.at[k]), count, h[k], &largest); });
  }
  if constexpr (kIsMixed<Y>) store_largest(call, largest);
}

/* ---- sets of any length */

/* The moments of a part's octets of this thread; `sum` is stored, and kept what there is room for. */
template <int batch, class X, class Y>
WN_DEVICE Moments<Real<X>> take_moments(const wni_cuda_job &job, const RowForward<X, Y> &set, const RowPart &part,
                                        const Team &team, const KeptOctets<X> &kept) {
  const wni_call &call = job.call;
  const bool before = call.add == WN_ADD_BEFORE;
  Moments<Real<X>> v = no_moments<Real<X>>();
  each_octet<batch>(
      job.cut.row, part, team, [&](const RowOctet &o, int n, unsigned) { return load_pair(set, o, n, before); },
      [&](const RowOctet &o, int n, unsigned i, const PackedPair<X> &p) {
        const Packed<X> h = before ? add_residual(p.x, p.r) : p.x;
        if (before && call.sum.data != nullptr) store_at(set.sum, o, h, n);
        if (i < kept.octets) keep_octet(kept, i, h);
        v = merge(v, moments_of(unpack(h).v, n, call.geo.centered));
      },
      part_turns_ahead(job, team, batch * 8 * sizeof(X)),
      [&](unsigned first, unsigned count) { fetch_octets(job.cut.row, set.x, part, first, count); });
  return v;
}

/* x, or what was kept of x + residual, and the residual or zeros. */
template <class X, class Y>
WN_DEVICE PackedPair<X> load_or_take(const RowForward<X, Y> &set, const RowOctet &o, int n, bool with_residual,
                                     unsigned i, const KeptOctets<X> &kept, bool adds) {
  if (i >= kept.octets || n == 0) return load_pair(set, o, n, with_residual);
  PackedPair<X> p;
  take_octet(kept, i, &p.x);
  p.r = with_residual && !adds ? load_at(set.residual, o, n) : packed_zero<X>();
  return p;
}

/* y of a part's octets of this thread. What was added before is kept, or in `sum` if there is one, else it is added
 * again. whole_sets: nothing is read that has not been read before. */
template <bool whole_sets, class X, class Y>
WN_DEVICE void apply_octets(const wni_cuda_job &job, RowForward<X, Y> set, const RowPart &part, const Team &team,
                            const Normalizer<Real<X>> &s, bool stored, const KeptOctets<X> &kept, Largest *largest) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const bool before = call.add == WN_ADD_BEFORE, adds = before && !stored;
  if (before && stored) set.x = {set.sum.first, set.sum.step, set.sum.one, set.sum.plain};
  const bool with_residual = adds || call.add == WN_ADD_AFTER;
  const OneParam<R> one = one_param<R>(job, set.start, true);
  const ParamSource<R> from = {&one, nullptr, nullptr};
  constexpr int kBatch = whole_sets && sizeof(X) == 2 ? 4 : 2;
  each_octet<kBatch>(
      job.cut.row, part, team,
      [&](const RowOctet &o, int n, unsigned i) { return load_or_take(set, o, n, with_residual, i, kept, adds); },
      [&](const RowOctet &o, int n, unsigned i, const PackedPair<X> &p) {
        const RowParams<R> params = params_from(from, job, set.start, o, n);
        const bool adds_now = adds && i >= kept.octets;
        const Packed<X> h = adds_now ? add_residual(p.x, p.r) : p.x;
        if (adds_now && call.sum.data != nullptr) store_at(set.sum, o, h, n);
        Octet<R> z = unpack(h);
#pragma unroll
        for (int e = 0; e < 8; e++) z.v[e] = affine(s, params.gamma.v[e], params.beta.v[e], z.v[e]);
        store_y(job, set, o, n, z, p.r, largest);
      },
      whole_sets ? 0 : part_turns_ahead(job, team, kBatch * 8 * sizeof(X)),
      [&](unsigned first, unsigned count) { fetch_octets(job.cut.row, set.x, part, first, count); });
}

/* 64 bytes of a thread on their way, where registers allow. */
template <class X>
constexpr int kTeamBatch = sizeof(X) <= 2   ? 4
                           : sizeof(X) == 4 ? 2
                                            : 1;

/* Blocks of a team take a segment each. */
template <class X, class Y>
WN_DEVICE void forward_team(const wni_cuda_job &job) {
  typedef Real<X> R;
  WN_SHARED(Moments<R>, room, 2 * 32);
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const wni_call &call = job.call;
  const wni_cuda_row &row = job.cut.row;
  const Team threads = block_team();
  BlockTeam team = block_team_of(row.team);
  const RowPart part = team_part(row, team.member);
  const KeptOctets<X> kept = {dynamic, static_cast<unsigned>(row.kept_octets)};
  const Pieces pieces = pieces_of_moments(job);
  const int log2 = lanes_for(pieces.count);
  int turn = 0;
  Largest largest = {0};
  for (int64_t task = team.index; task < call.geo.sets; task += team.teams) {
    const RowForward<X, Y> set = row_forward<X, Y>(job, row_place(call.geo, 1, task), part.run);
    Moments<R> v = merge_team(threads, take_moments<kTeamBatch<X>>(job, set, part, threads, kept), room, &turn);
    if (team.blocks > 1) {
      if (threads.rank == 0)
        static_cast<StoredMoments<R> *>(job.moments)[task * row.segments + team.member] = {v.mean, v.low, v.m2, 0};
      meet(job, &team);
      v = moments_of_set<R>(job, task, pieces, log2, true);
    }
    const Stats<R> s = statistics_of_moments(job, v);
    if (threads.rank == 0 && team.member == 0) store_stats<R>(job, task, s);
    apply_octets<true>(job, set, part, threads, {s.mean, s.mean_low, s.rstd}, call.sum.data != nullptr, kept, &largest);
  }
  if constexpr (kIsMixed<Y>) store_largest(call, largest);
}

/* Threads of the largest block, and blocks of it that a multiprocessor's registers hold. The short way needs registers
 * beside those of the long one, which takes all where numbers are wide. */
template <class X, class Y, wni_cuda_scope scope>
struct ForwardBounds {
  static constexpr int threads = kScopeIsBlock<scope> && sizeof(X) < 8 ? 512 : 256;
  static constexpr int blocks = kScopeIsBlock<scope> || sizeof(X) > 2 || kIsMixed<Y> ? 1 : 2;
  static constexpr bool short_way = sizeof(X) < 4 || (sizeof(X) == 4 && scope != WNI_CUDA_BLOCK_4);
};

template <class X, class Y, wni_cuda_scope scope>
WN_KERNEL((ForwardBounds<X, Y, scope>::threads), (ForwardBounds<X, Y, scope>::blocks))
row_forward_kernel(WN_PARAM(wni_cuda_job) job) {
  if (scope != WNI_CUDA_TEAM) wn_let_later_begin();
  by_plainness<scope != WNI_CUDA_TEAM, ForwardBounds<X, Y, scope>::short_way>(job,
                                                                              [](const wni_cuda_job &as) WN_INLINED {
                                                                                if constexpr (scope == WNI_CUDA_TEAM) {
                                                                                  forward_team<X, Y>(as);
                                                                                } else {
                                                                                  forward_held<X, Y, scope>(as);
                                                                                }
                                                                              });
}

}  // namespace wn
#endif
