/* ROW_BACKWARD: sums over whole sets and dx, in one launch, with statistics that training saved.
 *
 * Each element its own parameter (per_element): every set has the same parameters, so a thread meets the same columns
 * in each of its sets and keeps their sums: in registers, or in BLOCK_4 and TEAM in dynamic shared memory, where
 * the teams of LANES_1 and LANES_4 add up theirs at the end. A row of job.params for each block, or team of
 * blocks, comes of it. One
 * parameter to a set: its sums go to job.sums. */
#ifndef WNI_ROW_BACKWARD_CUH
#define WNI_ROW_BACKWARD_CUH
#include "kernels/cuda/row_gradient.cuh"

namespace wn {

/* ---- sets in registers: x and g of each octet stay from load to store */

/* What registers have room for. */
template <class X, class D, wni_cuda_scope scope>
struct BackwardHolds {
  static constexpr int limit = sizeof(X) < 8 ? 4 : 2; /* the planner's for LANES_4, so that sums of columns fit */
  static constexpr int octets = kScopeOctets<scope> < limit ? kScopeOctets<scope> : limit;
  static constexpr bool sums = scope != WNI_CUDA_BLOCK_4;    /* of columns; else in shared memory */
  static constexpr bool set = octets == 1 || sizeof(X) == 2; /* x and g from load to store; else both are read twice */
  static constexpr bool x = set && !(scope == WNI_CUDA_BLOCK_4); /* else it is read twice, from the caches */
  static constexpr int batch =
      set && octets * (sizeof(X) + sizeof(D)) <= (scope == WNI_CUDA_BLOCK_2 ? 8 : 16) ? octets : octets / 2;
  static constexpr bool early = octets * sizeof(X) <= 4 || octets == 1; /* the extra tensor comes with x and dy */
};

template <class X, class D, wni_cuda_scope scope>
struct HeldSet {
  typedef BackwardHolds<X, D, scope> Holds;
  Packed<X> x[Holds::octets], extra[Holds::octets];
  Octet<Real<X>> g[Holds::octets]; /* term_of */
};

/* What a thread has for all its sets. */
template <class R, int K>
struct HeldState {
  HeldOctets<K> octets;
  OctetPair<R> sums[K];  /* of columns */
  SharedPairs<R> shared; /* the same, or where they meet */
  SharedPairs<R> pairs;  /* row.keeps_params: gamma, beta */
  HeldParams<R> params;  /* of one octet */
  OneParam<R> one;
  BackwardWants wants;
};

template <class R, int K>
WN_DEVICE ParamSource<R> params_of(const HeldState<R, K> &state) {
  return {&state.one, K == 1 ? &state.params.values : nullptr, K == 1 ? nullptr : &state.pairs};
}

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
      if (!job.plain) held->g[k] = splat<R>(0);
      if (n == 0) continue;
      const ParamSource<R> from = params_of(*state);
      if (K == 1 && !has_one(from, job)) hold_params(job, param_at(job, set.start, o), n, &state->params);
      const Gradient<R> v = gradient_of(job, set, o, n, in[k], !Holds::early, s, from);
      if (Holds::set) store_dresidual(call, set, o, n, v.dz);
      const bool columns = state->wants.columns;
      if (Holds::sums) {
        add_gradient(job, n, v, sums, columns, &state->sums[k]);
      } else {
        const SharedOctet<R> to = {state->shared, o.octet};
        add_gradient(job, n, v, sums, columns, &to);
      }
      if (Holds::set) held->g[k] = term_of(job, v);
    }
  }
}

/* dx of a set; dresidual too where dy, whose place it may take, was needed until now. */
template <class X, class D, wni_cuda_scope scope, class R, int K>
WN_DEVICE void give_set(const wni_cuda_job &job, const RowBackward<X, D> &set, const Normalizer<R> &s,
                        const GradientTerms<R> &terms, const HeldState<R, K> &state, HeldSet<X, D, scope> *held) {
  typedef BackwardHolds<X, D, scope> Holds;
  const wni_call &call = job.call;
  const GradientTerms<R> scaled = {terms.gxhat * s.rstd, terms.g, terms.scale}; /* of x - mean instead of xhat */
#pragma unroll
  for (int k = 0; k < K; k++) {
    const RowOctet o = forget(state.octets.at[k]);
    const int n = octet_elements(job.cut.row, o);
    if (n == 0) continue;
    if (Holds::set) {
      if (!Holds::x) held->x[k] = load_at(set.x, o, n);
      if (!Holds::early && needs_dsum(call)) held->extra[k] = load_at(set.extra, o, n);
      store_dx(call, set, o, n, scaled, distances_of(s, forget(held->x[k])), held->g[k], held->extra[k]);
    } else {
      gradient_again(job, set, o, n, s, terms, load_backward(job, set, o, n, false), true, params_of(state));
    }
  }
}

template <class X, class D, wni_cuda_scope scope, class R, int K>
WN_DEVICE void begin_columns(HeldState<R, K> *state) {
#pragma unroll
  for (int k = 0; k < K; k++) {
    const unsigned o = state->octets.at[k].octet;
    state->sums[k] = no_sums<R>();
    if (!BackwardHolds<X, D, scope>::sums && state->wants.columns && o < state->shared.octets)
      store_shared(state->shared, o, state->sums[k]);
  }
}

/* A block's sums to a row of job.params. */
template <class X, class D, wni_cuda_scope scope, class R, int K>
WN_DEVICE void end_columns(const wni_cuda_job &job, const Team &team, HeldState<R, K> *state) {
  if (!state->wants.columns) return;
  constexpr bool registers = BackwardHolds<X, D, scope>::sums;
  const bool meets = !kScopeIsBlock<scope> || job.cut.row.cluster > 1;
  const SharedPairs<R> shared = {registers ? state->pairs.room : state->shared.room, state->shared.octets};
  if (meets && registers && job.cut.row.keeps_params) wn_sync_block(); /* they meet where the parameters were */
  if constexpr (!kScopeIsBlock<scope>) {
    meet_in_block(team, state->octets, state->sums, shared);
  } else {
#pragma unroll
    for (int k = 0; k < K; k++) {
      const RowOctet o = state->octets.at[k];
      if (o.octet >= shared.octets) continue;
      if (!meets) {
        store_param_row(job, wn_block(), o.octet, octet_elements(job.cut.row, o),
                        registers ? state->sums[k] : load_shared(shared, o.octet));
      } else if (registers) {
        store_shared(shared, o.octet, state->sums[k]);
      }
    }
  }
  if (meets) store_cluster_rows(job, shared);
}

template <class X, class D, wni_cuda_scope scope>
WN_DEVICE void backward_held(const wni_cuda_job &job) {
  typedef Real<X> R;
  typedef BackwardHolds<X, D, scope> Holds;
  constexpr int K = Holds::octets;
  WN_SHARED(R, room, kSumRoom);
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const wni_geometry &geo = job.call.geo;
  const Team team = scope_team<scope>(job);
  const wni_cuda_row &row = job.cut.row;
  const unsigned across = static_cast<unsigned>(row.octets);
  const SharedPairs<R> pairs = {sizeof(R) < 8 ? wn_pin_shared(dynamic) : dynamic, across};
  const unsigned behind = kScopeIsBlock<scope> && row.keeps_params ? across * (sizeof(OctetPair<R>) / 16) : 0;
  const BackwardWants wants = backward_wants(job);
  HeldState<R, K> state = {held_octets<K>(row, team),
                           {},
                           {Holds::sums ? dynamic : wn_pin_shared(dynamic + behind), across},
                           pairs,
                           {-1, {}},
                           {},
                           wants};
  fetch_params(job, state.octets);
  if (K > 1 && row.keeps_params) {
    keep_params(job, pairs, needs_z(job.call));
    wn_sync_block();
  }
  const bool gives = wants.dx || (!Holds::set && job.call.dresidual.data != nullptr);
  begin_columns<X, D, scope>(&state);
  int turn = 0;
  RowStep step = row_step(job, team, K == 1 || job.plain);
  constexpr unsigned kBytes = 8 * (sizeof(X) + sizeof(D));
  const SetsAhead ahead = sets_ahead(job, team, Holds::batch * kBytes, K * kBytes);
  fetch_first_sets<X>(job, ahead, team, job.call.x);
  fetch_first_sets<D>(job, ahead, team, job.call.dy);
  for (int64_t base = team.base; base < geo.sets; base += team.step) {
    fetch_sets<X>(job, ahead, team, job.call.x, base);
    fetch_sets<D>(job, ahead, team, job.call.dy, base);
    const RowPlace at = next_set(job, base + team.offset, &step);
    const bool here = kScopeIsBlock<scope> || base + team.offset < geo.sets;
    const RowBackward<X, D> set = row_backward<X, D>(job, at, 0);
    const Normalizer<R> s = here ? saved_normalizer<R>(job.call, base + team.offset) : Normalizer<R>{0, 0, 0};
    HeldSet<X, D, scope> held;
    R sums[2] = {0, 0};
    state.one = one_param<R>(job, set.start, here);
    take_set(job, set, here, s, &state, &held, sums);
    if (!gives && !wants.sums) continue;
    sum_team(team, sums, room, &turn);
    if (wants.sums && here && team.rank == 0) store_task_sums(job, base + team.offset, sums);
    if (!gives || !here) continue;
    /* Where registers are short places are made again, rather than kept: of many octets once. */
    const RowBackward<X, D> again = K > 1 && (kScopeIsBlock<scope> || !job.plain)
                                        ? row_backward<X, D>(job, place_of_set(job, forget(base) + team.offset), 0)
                                        : set;
    give_set(job, again, s, terms_of_sums(job, s, sums, state.one, again.start.param), state, &held);
  }
  end_columns<X, D, scope>(job, team, &state);
}

/* ---- sets of any length */

/* Runs have parameters and sums of their own: a warp for each run of what the block keeps, which is all of its part.
 * use(octet, n, input, params) for a lane's octets, then end(run). */
template <class X, class D, class Use, class End>
WN_DEVICE void each_run(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part, bool with_extra,
                        const KeptInput<X, D> &kept, const Use &use, const End &end) {
  typedef Real<X> R;
  const wni_cuda_row &row = job.cut.row;
  const unsigned across = static_cast<unsigned>(row.run_octets), warps = wn_threads() / 32;
  for (unsigned run = wn_thread() / 32; run < wn_forget(part.count) / across; run += warps) {
    const RowParams<R> params = row_params<R>(job, param_at(job, set.start, {run, 0}), 8);
    const ParamSource<R> from = {nullptr, &params, nullptr};
    for (unsigned octet = wn_lane(); octet < across; octet += 32) {
      const RowOctet o = {run, octet};
      const int n = octet_elements(row, o);
      use(o, n, load_or_take(job, set, o, n, with_extra, run * across + octet, kept), from);
    }
    end(run);
  }
}

template <class X, class D>
WN_DEVICE void sum_runs(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part,
                        const Normalizer<Real<X>> &s, const KeptInput<X, D> &kept) {
  typedef Real<X> R;
  R sums[2] = {0, 0};
  each_run(
      job, set, part, needs_residual(job.call), kept,
      [&](const RowOctet &o, int n, const BackwardInput<X, D> &in, const ParamSource<R> &from) {
        const Gradient<R> v = gradient_of(job, set, o, n, in, false, s, from);
        add_gradient(job, n, v, sums, false, static_cast<OctetPair<R> *>(nullptr));
      },
      [&](unsigned run) {
        sum_lanes(sums, 5);
        if (wn_lane() == 0) store_task_sums(job, set.start.set * job.cut.row.runs + part.run + run, sums);
        sums[0] = sums[1] = 0;
      });
}

template <class X, class D>
WN_DEVICE void apply_runs(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part,
                          const Normalizer<Real<X>> &s, const GradientTerms<Real<X>> &terms,
                          const KeptInput<X, D> &kept) {
  each_run(
      job, set, part, needs_extra(job.call), kept,
      [&](const RowOctet &o, int n, const BackwardInput<X, D> &in, const ParamSource<Real<X>> &from) {
        gradient_again(job, set, o, n, s, terms, in, false, from);
      },
      [](unsigned) {});
}

template <class X, class D>
WN_DEVICE void keep_part(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part, const Team &team,
                         const KeptInput<X, D> &kept) {
  each_gradient(
      job, set, part, team, true,
      [&](const RowOctet &o, int n, unsigned) { return load_backward(job, set, o, n, false); },
      [&](const RowOctet &, int, unsigned i, BackwardInput<X, D> in) { keep_input(job, kept, i, &in); });
}

/* In the launch's shared memory: sums of the part's columns, if there are any, and what is kept. */
template <class X, class D, class R>
struct TeamRooms {
  SharedPairs<R> columns;
  KeptInput<X, D> kept;
};

template <class X, class D, class R>
WN_DEVICE TeamRooms<X, D, R> team_rooms(const wni_cuda_row &row, const RowPart &part, uint4 *room) {
  const unsigned columns = row.per_element ? static_cast<unsigned>(row.segment_octets) : 0;
  const unsigned kept = static_cast<unsigned>(row.kept_octets);
  uint4 *const x = room + columns * (sizeof(OctetPair<R>) / 16);
  return {{room, row.per_element ? part.count : 0}, {{x, kept}, {x + kept * kKeptWords<X>, kept}}};
}

/* Blocks of a team take a segment each, or some of the runs. */
template <class X, class D>
WN_DEVICE void backward_team(const wni_cuda_job &job) {
  typedef Real<X> R;
  WN_SHARED(R, room, kSumRoom);
  WN_DYNAMIC_SHARED(uint4, dynamic);
  const wni_call &call = job.call;
  const wni_cuda_row &row = job.cut.row;
  const BackwardWants wants = backward_wants(job);
  const Team threads = block_team();
  BlockTeam team = block_team_of(row.team);
  const RowPart kept_part = team_part(row, team.member);
  const TeamRooms<X, D, R> rooms = team_rooms<X, D, R>(row, kept_part, dynamic);
  /* Not kept where registers are needed to ask ahead. */
  const auto own_part = [&] { return WN_FETCHES_AHEAD ? team_part(row, wn_forget(team.member)) : kept_part; };
  const bool runs = row.team_runs != 0, meets = runs || team.blocks > 1;
  const Pieces pieces = pieces_of_sums(job);
  const int log2 = lanes_for(pieces.count);
  if (wants.columns) /* a thread has the same columns in each set, and so their sums to itself */
    for (unsigned o = threads.rank; o < kept_part.count; o += threads.width)
      store_shared(rooms.columns, o, no_sums<R>());
  int turn = 0;
  for (int64_t task = team.index; task < call.geo.sets; task += team.teams) {
    const RowPart part = own_part();
    const RowBackward<X, D> set = row_backward<X, D>(job, row_place(call.geo, 1, task), forget(part.run));
    const Normalizer<R> s = saved_normalizer<R>(call, task);
    R sums[2] = {0, 0};
    if (runs) {
      keep_part(job, set, part, threads, rooms.kept);
      wn_sync_block();
      sum_runs(job, set, part, s, rooms.kept);
    } else {
      sum_octets(job, set, part, threads, s, sums, wants.columns, rooms.columns, rooms.kept);
      sum_team(threads, sums, room, &turn);
      if ((meets || wants.sums) && threads.rank == 0) store_task_sums(job, task * row.segments + team.member, sums);
    }
    if (!wants.dx && call.dresidual.data == nullptr) {
      wn_sync_block(); /* before what is kept is another set's */
      continue;
    }
    GradientTerms<R> terms;
    if (meets) {
      double all[2];
      meet(job, &team);
      sums_of_set<R>(job, task, pieces, log2, true, true, all);
      const SetMeans<R> means = means_of_sums<R>(call.geo, all);
      terms = gradient_terms(call, s, means.gxhat, means.g);
    } else {
      terms = terms_of_sums(job, s, sums, OneParam<R>{}, set.start.param);
    }
    const RowPart part_again = own_part();
    const RowBackward<X, D> again =
        row_backward<X, D>(job, row_place(call.geo, 1, forget(task)), forget(part_again.run));
    const Normalizer<R> same = saved_normalizer<R>(call, forget(task));
    if (WN_FAST_MEMORY && runs && row.run_octets >= 32) {
      apply_runs(job, again, part_again, same, terms, rooms.kept);
      wn_sync_block(); /* before what others have kept is another set's */
    } else {
      apply_gradient<true>(job, again, part_again, threads, same, terms, rooms.kept);
    }
  }
  if (!wants.columns) return;
  if (row.cluster == 1) {
    store_param_rows(job, team.index, kept_part.octet, rooms.columns);
  } else {
    store_cluster_rows(job, rooms.columns);
  }
}

template <class X, class D, wni_cuda_scope scope>
struct BackwardBounds {
  static constexpr int threads = kScopeIsBlock<scope> && sizeof(X) < 8 ? 512 : 256;
  static constexpr int blocks = 1;
  /* As in ForwardBounds; and dy of another type than x is rare. */
  static constexpr bool short_way = sizeof(X) < 8 && !kIsMixed<D> && (scope != WNI_CUDA_BLOCK_2 || sizeof(X) == 2);
};

template <class X, class D, wni_cuda_scope scope>
WN_KERNEL((BackwardBounds<X, D, scope>::threads), (BackwardBounds<X, D, scope>::blocks))
row_backward_kernel(WN_PARAM(wni_cuda_job) job) {
  typedef BackwardBounds<X, D, scope> Bounds;
  if (scope != WNI_CUDA_TEAM) wn_let_later_begin(); /* nothing comes beside blocks that wait for one another */
  by_plainness<scope != WNI_CUDA_TEAM, Bounds::short_way>(job, [](const wni_cuda_job &as) WN_INLINED {
    if constexpr (scope == WNI_CUDA_TEAM) {
      backward_team<X, D>(as);
    } else {
      backward_held<X, D, scope>(as);
    }
  });
}

}  // namespace wn
#endif
