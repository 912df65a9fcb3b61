/* ROW_FORWARD: the statistics of whole sets and y, in one launch. Where a set stays in registers, from load to store,
 * its statistics are those of the corrected two-pass algorithm (docs/numerics.md) with the set's first element for a
 * start, so that a set of equal elements has just that mean; where it does not, octets' moments are merged. */
#ifndef WNI_ROW_FORWARD_CUH
#define WNI_ROW_FORWARD_CUH
#include "kernels/cuda/row_stage.cuh"

namespace wn {

/* Octets of a set that a thread has; 0: any number. */
template <wni_cuda_scope scope>
constexpr int kScopeOctets = scope == WNI_CUDA_LANES_1      ? 1
                             : scope == WNI_CUDA_BLOCK_2    ? 2
                             : scope == WNI_CUDA_BLOCK_LOOP ? 0
                                                            : 4;
template <wni_cuda_scope scope>
constexpr bool kScopeIsBlock = scope >= WNI_CUDA_BLOCK_2;

template <wni_cuda_scope scope>
WN_DEVICE Team scope_team(const wni_cuda_job &job) {
  if constexpr (kScopeIsBlock<scope>) {
    return block_team();
  } else {
    return lanes_team(scope == WNI_CUDA_LANES_1 ? job.lanes_log2 : 5);
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

/* ---- statistics of a set in registers */

template <class R>
struct SetStatistics {
  Normalizer<R> s;
  R var;
};

/* What is the same for all sets: divided and converted once. A quotient by m becomes a product, which costs a third of
 * it and is wrong by one more half of a last place. */
template <class R>
struct SetConstants {
  R inverse_m, eps;
};

template <class R>
WN_DEVICE SetConstants<R> set_constants(const wni_call &call) {
  return {wn_divide(static_cast<R>(1), static_cast<R>(call.geo.set_size)), static_cast<R>(call.eps)};
}

template <class R>
WN_DEVICE SetStatistics<R> statistics_of(R mean, R mean_low, R var, R eps) {
  return {{mean, mean_low, rstd_of(var, eps)}, var};
}

template <class R>
WN_DEVICE void store_statistics(const wni_cuda_job &job, int64_t set, const SetStatistics<R> &v) {
  store_stats<R>(job, set, {v.s.mean, v.s.mean_low, v.s.rstd, v.var});
}

/* add(h, n) for each of a thread's octets. */
template <int K, class X, class F>
WN_DEVICE void each_held(const wni_cuda_row &row, const HeldOctets<K> &octets, bool here, const Packed<X> (&h)[K],
                         const F &add) {
#pragma unroll
  for (int k = 0; k < K; k++) {
    const Octet<Real<X>> o = unpack(K == 1 ? h[k] : forget(h[k])); /* registers have room for one */
    if (here) add(o.v, octet_elements(row, octets.at[k]));
  }
}

template <class X, int K>
WN_DEVICE SetStatistics<Real<X>> held_statistics(const wni_cuda_job &job, const Team &team, const HeldOctets<K> &octets,
                                                 bool here, const Packed<X> (&h)[K], Real<X> first,
                                                 const SetConstants<Real<X>> &all, Real<X> *room, int *turn) {
  typedef Real<X> R;
  const wni_cuda_row &row = job.cut.row;
  if (!job.call.geo.centered) {
    R squares[1] = {0};
    each_held(row, octets, here, h, [&](const R(&v)[8], int count) {
      R sum = 0;
      each_element(count, [&](int i) { sum = wn_fma(v[i], v[i], sum); });
      squares[0] += sum;
    });
    sum_team(team, squares, room, turn);
    return statistics_of<R>(0, 0, squares[0] * all.inverse_m, all.eps);
  }
  R total[1] = {0};
  each_held(row, octets, here, h, [&](const R(&v)[8], int count) {
    R sum = 0;
    each_element(count, [&](int i) { sum += v[i] - first; });
    total[0] += sum;
  });
  sum_team(team, total, room, turn);
  const R about = first + total[0] * all.inverse_m;
  R rest[2] = {0, 0}; /* of h - about, of its square */
  each_held(row, octets, here, h, [&](const R(&v)[8], int count) {
    R sum = 0, squares = 0;
    each_element(count, [&](int i) {
      const R d = v[i] - about;
      sum += d;
      squares = wn_fma(d, d, squares);
    });
    rest[0] += sum;
    rest[1] += squares;
  });
  sum_team(team, rest, room, turn);
  const R correction = rest[0] * all.inverse_m, var = rest[1] * all.inverse_m - correction * correction;
  R mean, low;
  two_sum(about, correction, &mean, &low);
  return statistics_of<R>(mean, low, var < 0 ? 0 : var, all.eps); /* NaN stays */
}

/* ---- sets in registers */

/* The set's first element. A block's threads read it each for themselves: before the first barrier of the set, after
 * which `sum` may take its place. */
template <class X, class Y>
WN_DEVICE Real<X> first_element(const wni_call &call, const Team &team, const RowForward<X, Y> &set, bool here,
                                const Packed<X> &h) {
  typedef Real<X> R;
  if (!team.block) {
    const R mine = to_real(packed_get(h, 0));
    return wn_shuffle(0xffffffffu, mine, static_cast<int>(wn_lane() - team.rank));
  }
  if (!here) return 0;
  const R x = to_real(*set.x.first);
  return call.add == WN_ADD_BEFORE ? rounded<X>(x + to_real(*set.residual.first)) : x;
}

template <class X, class Y, wni_cuda_scope scope>
WN_DEVICE void forward_held(const wni_cuda_job &job) {
  typedef Real<X> R;
  constexpr int K = kScopeOctets<scope>;
  /* The residual that comes after is loaded with x where registers allow. */
  constexpr bool early = K <= 2;
  WN_SHARED(R, room, 2 * 2 * 32);
  const wni_call &call = job.call;
  const wni_cuda_row &row = job.cut.row;
  const Team team = scope_team<scope>(job);
  HeldOctets<K> octets = held_octets<K>(row, team);
  const bool before = call.add == WN_ADD_BEFORE, after = call.add == WN_ADD_AFTER;
  int turn = 0;
  Largest largest = {0};
  HeldParams<R> params = {-1, {}};
  const SetConstants<R> all = set_constants<R>(call);
  RowStep step = row_step<K>(call.geo, team);
  for (int64_t base = team.base; base < call.geo.sets; base += team.step) {
    const RowPlace at = next_set<K>(call.geo, base + team.offset, &step);
    const bool here = kScopeIsBlock<scope> || base + team.offset < call.geo.sets;
    const RowForward<X, Y> set = row_forward<X, Y>(job, at, 0);
    Packed<X> h[K], r[K];
#pragma unroll
    for (int k = 0; k < K; k++) {
      octets.at[k] = forget(octets.at[k]);
      h[k] = load_octet(row_at(set.x, octets.at[k]), here ? octet_elements(row, octets.at[k]) : 0);
    }
#pragma unroll
    for (int k = 0; k < K; k++)
      r[k] = before || (early && after)
                 ? load_octet(row_at(set.residual, octets.at[k]), here ? octet_elements(row, octets.at[k]) : 0)
                 : packed_zero<X>();
    if (K == 1 && here && octet_elements(row, octets.at[0]) > 0)
      hold_params(job, param_at(job, set.start, octets.at[0]), octet_elements(row, octets.at[0]), &params);
    if (before) {
#pragma unroll
      for (int k = 0; k < K; k++) h[k] = add_residual(h[k], r[k]);
    }
    const R first = first_element(call, team, set, here, h[0]);
    const SetStatistics<R> v = held_statistics(job, team, octets, here, h, first, all, room, &turn);
    if (here && team.rank == 0) store_statistics(job, set.start.set, v);
#pragma unroll
    for (int k = 0; k < K; k++) {
      const RowOctet o = forget(octets.at[k]);
      const int n = here ? octet_elements(row, o) : 0;
      if (n == 0) continue;
      if (!early && after) r[k] = load_octet(row_at(set.residual, o), n);
      const RowParams<R> p = K == 1 ? params.values : row_params<R>(job, param_at(job, set.start, o), n);
      if (before && call.sum.data != nullptr) store_octet(row_at(set.sum, o), h[k], n);
      store_y(job, set, o, n, v.s, p, K == 1 ? h[k] : forget(h[k]), r[k], &largest);
    }
  }
  if constexpr (kIsMixed<Y>) store_largest(call, largest);
}

/* ---- sets of any length */

/* The moments of a segment's octets of this thread; `sum` is stored. */
template <class X, class Y>
WN_DEVICE Moments<Real<X>> take_moments(const wni_cuda_job &job, const RowForward<X, Y> &set, const RowPart &part,
                                        const Team &team) {
  const wni_call &call = job.call;
  const bool before = call.add == WN_ADD_BEFORE;
  Moments<Real<X>> v = no_moments<Real<X>>();
  each_octet<2>(
      job.cut.row, part, team, [&](const RowOctet &o, int n) { return load_pair(set, o, n, before); },
      [&](const RowOctet &o, int n, const PackedPair<X> &p) {
        const Packed<X> h = before ? add_residual(p.x, p.r) : p.x;
        if (before && call.sum.data != nullptr) store_octet(row_at(set.sum, o), h, n);
        v = merge(v, moments_of(unpack(h).v, n, call.geo.centered));
      });
  return v;
}

/* y of a segment's octets of this thread. What was added before is in `sum` if there is one, else it is added again. */
template <class X, class Y>
WN_DEVICE void apply_octets(const wni_cuda_job &job, RowForward<X, Y> set, const RowPart &part, const Team &team,
                            const Normalizer<Real<X>> &s, bool stored, Largest *largest) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const bool before = call.add == WN_ADD_BEFORE, adds = before && !stored;
  if (before && stored) set.x = {set.sum.first, set.sum.step, set.sum.one};
  const bool with_residual = adds || call.add == WN_ADD_AFTER;
  each_octet<2>(
      job.cut.row, part, team, [&](const RowOctet &o, int n) { return load_pair(set, o, n, with_residual); },
      [&](const RowOctet &o, int n, const PackedPair<X> &p) {
        const RowParams<R> params = row_params<R>(job, param_at(job, set.start, o), n);
        const Packed<X> h = adds ? add_residual(p.x, p.r) : p.x;
        if (adds && call.sum.data != nullptr) store_octet(row_at(set.sum, o), h, n);
        store_y(job, set, o, n, s, params, h, p.r, largest);
      });
}

template <class R>
WN_DEVICE SetStatistics<R> statistics_of(const wni_call &call, const Moments<R> &v) {
  return statistics_of<R>(v.mean, v.low, wn_divide(v.m2, static_cast<R>(call.geo.set_size)), static_cast<R>(call.eps));
}

template <class X, class Y>
WN_DEVICE void forward_loop(const wni_cuda_job &job) {
  typedef Real<X> R;
  WN_SHARED(Moments<R>, room, 2 * 32);
  const wni_call &call = job.call;
  const Team team = block_team();
  const RowPart whole = whole_set(job.cut.row);
  int turn = 0;
  Largest largest = {0};
  for (int64_t task = team.base; task < call.geo.sets; task += team.step) {
    const RowForward<X, Y> set = row_forward<X, Y>(job, row_place(call.geo, 1, task), 0);
    const Moments<R> moments = merge_team(team, take_moments(job, set, whole, team), room, &turn);
    const SetStatistics<R> v = statistics_of(call, moments);
    if (team.rank == 0) store_statistics(job, set.start.set, v);
    apply_octets(job, set, whole, team, v.s, call.sum.data != nullptr, &largest);
  }
  if constexpr (kIsMixed<Y>) store_largest(call, largest);
}

/* Threads of the largest block, and blocks of it that a multiprocessor's registers hold. */
template <class X, wni_cuda_scope scope>
struct ForwardBounds {
  static constexpr int threads = kScopeIsBlock<scope> && sizeof(X) < 8 ? 512 : 256;
  static constexpr int blocks = 1;
};

template <class X, class Y, wni_cuda_scope scope>
WN_KERNEL((ForwardBounds<X, scope>::threads), (ForwardBounds<X, scope>::blocks))
row_forward_kernel(WN_PARAM(wni_cuda_job) job) {
  if constexpr (scope == WNI_CUDA_BLOCK_LOOP) {
    forward_loop<X, Y>(job);
  } else {
    forward_held<X, Y, scope>(job);
  }
}

}  // namespace wn
#endif
