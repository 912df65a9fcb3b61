/* ROW_BACKWARD: sums over whole sets and dx, in one launch, with statistics that training saved.
 *
 * Each element its own parameter (per_element): every set has the same parameters, so a thread meets the same columns
 * in each of its sets and keeps their sums of dz xhat and dz. At the end the teams of a block add theirs in the order
 * of teams, which makes a row of job.params for each block. All sets of one parameter each: their sums go to job.sums.
 *
 * Columns' sums stay in registers up to LANES_4 and BLOCK_2; in BLOCK_4 and BLOCK_LOOP in dynamic shared memory, and
 * LANES_1, LANES_4 meet there: column_sums_bytes. */
#ifndef WNI_ROW_BACKWARD_CUH
#define WNI_ROW_BACKWARD_CUH
#include "kernels/cuda/row_forward.cuh"

namespace wn {

/* ---- sums of columns in shared memory: [2][16 bytes of an octet][octets], so that neighbours' accesses do not collide
 */

template <class R>
struct ColumnSums {
  uint4 *room;
  unsigned octets;
};

/* Of 16 bytes, in all. */
template <class R>
WN_DEVICE unsigned column_words(const ColumnSums<R> &c) {
  return 2 * (Packed<R>::kWords / 4) * c.octets;
}

/* Numbers in 16 bytes. */
template <class R>
constexpr int kAcross = 16 / sizeof(R);

template <class R>
WN_DEVICE void load_word(const uint4 *from, R (&v)[kAcross<R>]) {
  const uint4 w = *from;
  __builtin_memcpy(v, &w, sizeof w);
}

template <class R>
WN_DEVICE void store_word(uint4 *to, const R (&v)[kAcross<R>]) {
  uint4 w;
  __builtin_memcpy(&w, v, sizeof w);
  *to = w;
}

/* ---- a thread's sums of an octet of columns */

template <class R>
struct OctetSums {
  R of[2][8]; /* dz xhat, dz */
};

template <class R>
WN_DEVICE OctetSums<R> no_sums() {
  OctetSums<R> v;
#pragma unroll
  for (int i = 0; i < 8; i++) v.of[0][i] = v.of[1][i] = 0;
  return v;
}

/* f(which, first, word): with the 16 bytes of columns first, first + 1, . . . of the octet. */
template <class R, class F>
WN_DEVICE void each_word(const ColumnSums<R> &c, unsigned octet, const F &f) {
#pragma unroll
  for (int which = 0; which < 2; which++)
#pragma unroll
    for (int word = 0; word < 8 / kAcross<R>; word++)
      f(which, word * kAcross<R>, c.room + ((which * (8 / kAcross<R>)+word) * c.octets + octet));
}

template <class R>
WN_DEVICE OctetSums<R> load_sums(const ColumnSums<R> &c, unsigned octet) {
  OctetSums<R> v;
  each_word(c, octet, [&](int which, int first, const uint4 *word) {
    R w[kAcross<R>];
    load_word(word, w);
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++) v.of[which][first + i] = w[i];
  });
  return v;
}

template <class R>
WN_DEVICE void store_sums(const ColumnSums<R> &c, unsigned octet, const OctetSums<R> &v) {
  each_word(c, octet, [&](int which, int first, uint4 *word) {
    R w[kAcross<R>];
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++) w[i] = v.of[which][first + i];
    store_word(word, w);
  });
}

template <class R>
WN_DEVICE void add_sums(OctetSums<R> *v, const OctetSums<R> &other) {
#pragma unroll
  for (int which = 0; which < 2; which++)
#pragma unroll
    for (int i = 0; i < 8; i++) v->of[which][i] += other.of[which][i];
}

/* To sums in registers. */
template <class R>
WN_DEVICE void add_products(OctetSums<R> *v, const Octet<R> &dz, const Octet<R> &xhat) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    v->of[0][i] = wn_fma(dz.v[i], xhat.v[i], v->of[0][i]);
    v->of[1][i] += dz.v[i];
  }
}

/* To sums in shared memory, few of them in registers at a time. */
template <class R>
struct SharedOctet {
  ColumnSums<R> sums;
  unsigned octet;
};

template <class R>
WN_DEVICE void add_products(const SharedOctet<R> *v, const Octet<R> &dz, const Octet<R> &xhat) {
  each_word(v->sums, v->octet, [&](int which, int first, uint4 *word) {
    R w[kAcross<R>];
    load_word(word, w);
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++)
      w[i] = which == 0 ? wn_fma(dz.v[first + i], xhat.v[first + i], w[i]) : w[i] + dz.v[first + i];
    store_word(word, w);
  });
}

/* Of the lane that differs in bit `bit` of its number. */
template <class R>
WN_DEVICE void add_across(OctetSums<R> *v, int bit) {
#pragma unroll
  for (int which = 0; which < 2; which++)
#pragma unroll
    for (int i = 0; i < 8; i++) v->of[which][i] += wn_shuffle_xor(0xffffffffu, v->of[which][i], bit);
}

/* To the block's row of job.params. */
template <class R>
WN_DEVICE void store_param_row(const wni_cuda_job &job, unsigned octet, int n, const OctetSums<R> &v) {
  const int64_t params = job.call.geo.params;
  R *const row = static_cast<R *>(job.params) + static_cast<int64_t>(wn_block()) * 2 * params + 8 * octet;
#pragma unroll
  for (int which = 0; which < 2; which++) {
    Octet<R> o;
#pragma unroll
    for (int i = 0; i < 8; i++) o.v[i] = v.of[which][i];
    store_octet(row + which * params, pack<R>(o), n);
  }
}

/* The sums of a block's teams meet: first those side by side in a warp, then warp by warp in `shared`. add(warp): what
 * warp `warp` does in its turn. */
template <class Add>
WN_DEVICE void warp_by_warp(const Add &add) {
  for (unsigned warp = 0; warp < wn_threads() / 32; warp++) {
    if (wn_thread() / 32 == warp) add(warp);
    wn_sync_block();
  }
}

/* From registers. */
template <class R, int K>
WN_DEVICE void meet_in_block(const Team &team, const HeldOctets<K> &octets, OctetSums<R> (&sums)[K],
                             const ColumnSums<R> &shared) {
  if (K == 1)
    for (int i = team.lanes_log2; i < 5; i++) add_across(&sums[0], 1 << i);
  warp_by_warp([&](unsigned warp) {
#pragma unroll
    for (int k = 0; k < K; k++) {
      if (octets.at[k].octet >= shared.octets || wn_lane() >= team.width) continue;
      if (warp > 0) add_sums(&sums[k], load_sums(shared, octets.at[k].octet));
      store_sums(shared, octets.at[k].octet, sums[k]);
    }
  });
}

/* From the warps' own places in shared memory; the first one's is `shared`. */
template <class R>
WN_DEVICE void meet_in_block(const ColumnSums<R> &own, const ColumnSums<R> &shared) {
  wn_sync_block();
  warp_by_warp([&](unsigned warp) {
    for (unsigned o = wn_lane(); o < shared.octets && warp > 0; o += 32) {
      OctetSums<R> v = load_sums(shared, o);
      add_sums(&v, load_sums(own, o));
      store_sums(shared, o, v);
    }
  });
}

template <class R>
WN_DEVICE void store_param_rows(const wni_cuda_job &job, const ColumnSums<R> &shared) {
  for (unsigned o = wn_thread(); o < shared.octets; o += wn_threads())
    store_param_row(job, o, octet_elements(job.cut.row, {0, o}), load_sums(shared, o));
}

/* ---- one octet */

/* g = gamma dz. Adds to the columns' dz xhat and dz if `columns` says so; and to the set's sums g xhat and g, or dz
 * xhat and dz where the set has one parameter. Without `held` gamma is loaded. */
template <class X, class D, class R, class Columns>
WN_DEVICE Octet<R> take_gradient(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowOctet &o, int n,
                                 const Normalizer<R> &s, const RowParams<R> *held, const Packed<X> &x,
                                 const Octet<R> &dz, R (&set_sums)[2], bool columns, Columns *column_sums) {
  const bool weighted = job.cut.row.per_element;
  Octet<R> xhat = unpack(x);
#pragma unroll
  for (int i = 0; i < 8; i++) xhat.v[i] = xhat_of(s, xhat.v[i]);
  if (columns) add_products(column_sums, dz, xhat);
  Octet<R> g = held != nullptr ? held->gamma : row_gammas<R>(job, param_at(job, set.start, forget(o)), n);
#pragma unroll
  for (int i = 0; i < 8; i++) g.v[i] *= dz.v[i];
  R product = 0, plain = 0;
  each_element(n, [&](int i) {
    const R term = weighted ? g.v[i] : dz.v[i];
    product = wn_fma(term, xhat.v[i], product);
    plain += term;
  });
  set_sums[0] += product;
  set_sums[1] += plain;
  return g;
}

/* Where g was not kept: from x and dy to dx once more. late: the extra tensor is still to be loaded. */
template <class X, class D>
WN_DEVICE void gradient_again(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowOctet &o, int n,
                              const Normalizer<Real<X>> &s, const GradientTerms<Real<X>> &terms,
                              const BackwardInput<X, D> &in, bool late) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  Octet<R> g = dz_of(job, set, o, n, in, late, s, static_cast<const RowParams<R> *>(nullptr));
  store_dresidual(call, set, o, n, g);
  if (call.dx.data == nullptr) return;
  const Octet<R> gamma = row_gammas<R>(job, param_at(job, set.start, forget(o)), n);
#pragma unroll
  for (int i = 0; i < 8; i++) g.v[i] *= gamma.v[i];
  store_dx(call, set, o, n, s, terms, in.x, g,
           late && needs_dsum(call) ? load_octet(row_at(set.extra, o), n) : in.extra);
}

/* Of a set whose sums these are. */
template <class R>
WN_DEVICE GradientTerms<R> terms_of_sums(const wni_cuda_job &job, const Normalizer<R> &s, const R (&sums)[2],
                                         int64_t param) {
  const R m = static_cast<R>(job.call.geo.set_size);
  const R gamma = job.cut.row.per_element ? 1 : gamma_of<R>(job.call, param);
  return gradient_terms(job.call, s, gamma * wn_divide(sums[0], m), gamma * wn_divide(sums[1], m));
}

template <class R>
WN_DEVICE void store_task_sums(const wni_cuda_job &job, int64_t task, const R (&sums)[2]) {
  R *const to = static_cast<R *>(job.sums) + 2 * task;
  to[0] = sums[0];
  to[1] = sums[1];
}

/* What a call wants of ROW_BACKWARD. */
struct BackwardWants {
  bool columns, sums, dx;
};

WN_DEVICE BackwardWants backward_wants(const wni_cuda_job &job) {
  const wni_call &call = job.call;
  const bool params = call.dgamma != nullptr || call.dbeta != nullptr, each = job.cut.row.per_element;
  return {params && each, params && !each, call.dx.data != nullptr};
}

/* ---- sets in registers: x and g of each octet stay from load to store */

/* What registers have room for, of D x and dy. */
template <class X, class D, wni_cuda_scope scope>
struct BackwardHolds {
  static constexpr int limit = sizeof(X) < 8 ? 4 : 2; /* the planner's for LANES_4, so that sums of columns fit */
  static constexpr int octets = kScopeOctets<scope> < limit ? kScopeOctets<scope> : limit;
  static constexpr bool sums = scope != WNI_CUDA_BLOCK_4;    /* of columns; else in shared memory */
  static constexpr bool set = octets == 1 || sizeof(X) == 2; /* x and g from load to store; else both are read twice */
  static constexpr bool x = set && !(scope == WNI_CUDA_BLOCK_4); /* else it is read twice, from the caches */
  static constexpr int batch = set && octets * (sizeof(X) + sizeof(D)) <= 16 ? octets : octets / 2;
  static constexpr bool early = octets * sizeof(X) <= 4 || octets == 1; /* the extra tensor comes with x and dy */
};

template <class X, class D, wni_cuda_scope scope>
struct HeldSet {
  typedef BackwardHolds<X, D, scope> Holds;
  Packed<X> x[Holds::octets], extra[Holds::octets];
  Octet<Real<X>> g[Holds::octets];
};

/* What a thread has for all its sets. */
template <class R, int K>
struct HeldState {
  HeldOctets<K> octets;
  OctetSums<R> kept[K]; /* of columns */
  ColumnSums<R> shared; /* of columns, or where they meet */
  HeldParams<R> params;
  BackwardWants wants;
};

/* Loads a set, adds to the columns' sums and makes the set's. */
template <class X, class D, wni_cuda_scope scope, class R, int K>
WN_DEVICE void take_set(const wni_cuda_job &job, const RowBackward<X, D> &set, bool here, const Normalizer<R> &s,
                        HeldState<R, K> *state, HeldSet<X, D, scope> *held, R (&sums)[2]) {
  typedef BackwardHolds<X, D, scope> Holds;
  const wni_call &call = job.call;
#pragma unroll
  for (int first = 0; first < K; first += Holds::batch) {
    BackwardInput<X, D> in[K];
#pragma unroll
    for (int k = first; k < first + Holds::batch; k++) {
      const RowOctet o = state->octets.at[k] = forget(state->octets.at[k]);
      const int n = here ? octet_elements(job.cut.row, o) : 0;
      in[k] = load_backward(job, set, o, n, Holds::early && needs_extra(call));
      held->x[k] = in[k].x;
      held->extra[k] = in[k].extra;
    }
#pragma unroll
    for (int k = first; k < first + Holds::batch; k++) {
      const RowOctet at = state->octets.at[k], o = {wn_forget(at.run), wn_forget_until(at.octet, &sums[0])};
      const int n = here ? octet_elements(job.cut.row, o) : 0;
      held->g[k] = splat<R>(0);
      if (n == 0) continue;
      if (K == 1) hold_params(job, param_at(job, set.start, o), n, &state->params);
      const RowParams<R> *const params = K == 1 ? &state->params.values : nullptr;
      const Octet<R> dz = dz_of(job, set, o, n, in[k], !Holds::early, s, params);
      if (Holds::set) store_dresidual(call, set, o, n, dz);
      const bool columns = state->wants.columns;
      if (Holds::sums) {
        held->g[k] = take_gradient(job, set, o, n, s, params, in[k].x, dz, sums, columns, &state->kept[k]);
      } else {
        const SharedOctet<R> v = {state->shared, o.octet};
        held->g[k] = take_gradient(job, set, o, n, s, params, in[k].x, dz, sums, columns, &v);
      }
    }
  }
}

/* dx of a set; dresidual too where dy, whose place it may take, was needed until now. */
template <class X, class D, wni_cuda_scope scope, class R, int K>
WN_DEVICE void give_set(const wni_cuda_job &job, const RowBackward<X, D> &set, const Normalizer<R> &s,
                        const GradientTerms<R> &terms, const HeldOctets<K> &octets, HeldSet<X, D, scope> *held) {
  typedef BackwardHolds<X, D, scope> Holds;
  const wni_call &call = job.call;
#pragma unroll
  for (int k = 0; k < K; k++) {
    const RowOctet o = forget(octets.at[k]);
    const int n = octet_elements(job.cut.row, o);
    if (n == 0) continue;
    if (Holds::set) {
      if (!Holds::x) held->x[k] = load_octet(row_at(set.x, o), n);
      if (!Holds::early && needs_dsum(call)) held->extra[k] = load_octet(row_at(set.extra, o), n);
      store_dx(call, set, o, n, s, terms, forget(held->x[k]), held->g[k], held->extra[k]);
    } else {
      gradient_again(job, set, o, n, s, terms, load_backward(job, set, o, n, false), true);
    }
  }
}

template <class X, class D, wni_cuda_scope scope, class R, int K>
WN_DEVICE void begin_columns(HeldState<R, K> *state) {
#pragma unroll
  for (int k = 0; k < K; k++) {
    const unsigned o = state->octets.at[k].octet;
    state->kept[k] = no_sums<R>();
    if (!BackwardHolds<X, D, scope>::sums && state->wants.columns && o < state->shared.octets)
      store_sums(state->shared, o, state->kept[k]);
  }
}

/* A block's sums to its row of job.params. */
template <class X, class D, wni_cuda_scope scope, class R, int K>
WN_DEVICE void end_columns(const wni_cuda_job &job, const Team &team, HeldState<R, K> *state) {
  if (!state->wants.columns) return;
  const ColumnSums<R> &shared = state->shared;
  if constexpr (!kScopeIsBlock<scope>) {
    meet_in_block(team, state->octets, state->kept, shared);
    store_param_rows(job, shared);
  } else {
#pragma unroll
    for (int k = 0; k < K; k++) {
      const RowOctet o = state->octets.at[k];
      if (o.octet >= shared.octets) continue;
      store_param_row(job, o.octet, octet_elements(job.cut.row, o),
                      BackwardHolds<X, D, scope>::sums ? state->kept[k] : load_sums(shared, o.octet));
    }
  }
}

template <class X, class D, wni_cuda_scope scope>
WN_DEVICE void backward_held(const wni_cuda_job &job) {
  typedef Real<X> R;
  typedef BackwardHolds<X, D, scope> Holds;
  constexpr int K = Holds::octets;
  WN_SHARED(R, room, 2 * 2 * 32);
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const wni_geometry &geo = job.call.geo;
  const Team team = scope_team<scope>(job);
  const ColumnSums<R> shared = {dynamic, static_cast<unsigned>(job.cut.row.octets)};
  const BackwardWants wants = backward_wants(job);
  HeldState<R, K> state = {held_octets<K>(job.cut.row, team), {}, shared, {-1, {}}, wants};
  const bool gives = wants.dx || (!Holds::set && job.call.dresidual.data != nullptr);
  begin_columns<X, D, scope>(&state);
  int turn = 0;
  RowStep step = row_step<K>(geo, team);
  for (int64_t base = team.base; base < geo.sets; base += team.step) {
    const RowPlace at = next_set<K>(geo, base + team.offset, &step);
    const bool here = kScopeIsBlock<scope> || base + team.offset < geo.sets;
    const RowBackward<X, D> set = row_backward<X, D>(job, at, 0);
    const Normalizer<R> s = here ? saved_normalizer<R>(job.call, base + team.offset) : Normalizer<R>{0, 0, 0};
    HeldSet<X, D, scope> held;
    R sums[2] = {0, 0};
    take_set(job, set, here, s, &state, &held, sums);
    if (!gives && !wants.sums) continue;
    sum_team(team, sums, room, &turn);
    if (wants.sums && here && team.rank == 0) store_task_sums(job, base + team.offset, sums);
    if (!gives || !here) continue;
    /* Where registers are short places are made again, rather than kept: of many octets once. */
    const RowBackward<X, D> again =
        K > 1 ? row_backward<X, D>(job, row_place(geo, 1, forget(base) + team.offset), 0) : set;
    give_set(job, again, s, terms_of_sums(job, s, sums, again.start.param), state.octets, &held);
  }
  end_columns<X, D, scope>(job, team, &state);
}

/* ---- sets of any length: x and dy are read twice */

template <class X>
constexpr int kGradientBatch = sizeof(X) <= 2 ? 2 : 1;

/* Of this thread's octets of a part: dresidual where nothing later writes it, sums of the set, of columns. */
template <class X, class D>
WN_DEVICE void sum_octets(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part, const Team &team,
                          const Normalizer<Real<X>> &s, Real<X> (&sums)[2], bool columns,
                          const ColumnSums<Real<X>> &shared) {
  typedef Real<X> R;
  const bool residual = needs_residual(job.call);
  const RowParams<R> *const none = nullptr;
  each_octet<kGradientBatch<X>>(
      job.cut.row, part, team, [&](const RowOctet &o, int n) { return load_backward(job, set, o, n, residual); },
      [&](const RowOctet &o, int n, const BackwardInput<X, D> &in) {
        const Octet<R> dz = dz_of(job, set, o, n, in, false, s, none);
        const SharedOctet<R> v = {shared, o.octet};
        take_gradient(job, set, o, n, s, none, in.x, dz, sums, columns, &v);
      });
}

template <class X, class D>
WN_DEVICE void apply_gradient(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part,
                              const Team &team, const Normalizer<Real<X>> &s, const GradientTerms<Real<X>> &terms) {
  const bool extra = needs_extra(job.call);
  each_octet<kGradientBatch<X>>(
      job.cut.row, part, team, [&](const RowOctet &o, int n) { return load_backward(job, set, o, n, extra); },
      [&](const RowOctet &o, int n, const BackwardInput<X, D> &in) {
        gradient_again(job, set, o, n, s, terms, in, false);
      });
}

/* A team's threads have an octet's columns in each of its sets, and so its sums in shared memory to themselves. */
template <class X, class D, wni_cuda_scope scope>
WN_DEVICE void backward_loop(const wni_cuda_job &job) {
  typedef Real<X> R;
  WN_SHARED(R, room, 2 * 2 * 32);
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const wni_call &call = job.call;
  const BackwardWants wants = backward_wants(job);
  const Team team = scope_team<scope>(job);
  const RowPart whole = whole_set(job.cut.row);
  const ColumnSums<R> shared = {dynamic, whole.count};
  ColumnSums<R> own = shared;
  if (!team.block) own.room += wn_thread() / 32 * column_words(shared);
  if (wants.columns)
    for (unsigned o = team.rank; o < whole.count; o += team.width) store_sums(own, o, no_sums<R>());
  int turn = 0;
  for (int64_t set = team.base; set < call.geo.sets; set += team.step) {
    const RowBackward<X, D> tensors = row_backward<X, D>(job, row_place(call.geo, 1, set), 0);
    const Normalizer<R> s = saved_normalizer<R>(call, set);
    R sums[2] = {0, 0};
    sum_octets(job, tensors, whole, team, s, sums, wants.columns, own);
    sum_team(team, sums, room, &turn);
    if (wants.sums && team.rank == 0) store_task_sums(job, set, sums);
    if (wants.dx || call.dresidual.data != nullptr)
      apply_gradient(job, tensors, whole, team, s, terms_of_sums(job, s, sums, tensors.start.param));
  }
  if (!wants.columns) return;
  if (!team.block) meet_in_block(own, shared);
  store_param_rows(job, shared);
}

template <class X, wni_cuda_scope scope>
struct BackwardBounds {
  static constexpr bool held = scope <= WNI_CUDA_BLOCK_2 || (scope == WNI_CUDA_BLOCK_4 && sizeof(X) == 2);
  static constexpr int threads = kScopeIsBlock<scope> && sizeof(X) < 8 ? 512 : 256;
  static constexpr int blocks = 1;
};

template <class X, class D, wni_cuda_scope scope>
WN_KERNEL((BackwardBounds<X, scope>::threads), (BackwardBounds<X, scope>::blocks))
row_backward_kernel(WN_PARAM(wni_cuda_job) job) {
  if constexpr (BackwardBounds<X, scope>::held) {
    backward_held<X, D, scope>(job);
  } else {
    backward_loop<X, D, scope>(job);
  }
}

}  // namespace wn
#endif
