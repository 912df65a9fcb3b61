/* Where the threads of the ROW family are: teams of threads take tasks, which are sets or pieces of sets, octet by
 * octet.
 *
 *   octets of a set       run 0: |0|1|2|   run 1: |3|4|5|   . . .      run_octets = 3
 *   team of 4 threads             0 1 2            3 0 1               thread t has octets t, t + 4, t + 8, . . .
 *
 * Places are divided out once and stepped from there on: a step is two additions and a carry. */
#ifndef WNI_ROW_CUH
#define WNI_ROW_CUH
#include "kernels/cuda/stage.cuh"

namespace wn {

/* ---- teams */

/* The threads that take a task together: 2^lanes_log2 neighbouring lanes, or the block. A warp's teams have tasks
 * base + offset, all of them in the same turn, so that trip counts are the warp's:
 *
 *   for (int64_t base = team.base; base < tasks; base += team.step) ... task base + team.offset, if there is one */
struct Team {
  bool block;
  int lanes_log2;
  unsigned width, rank, offset;
  int64_t base, step;
};

WN_DEVICE Team block_team() { return {true, 5, wn_threads(), wn_thread(), 0, wn_block(), wn_blocks()}; }

WN_DEVICE Team lanes_team(int lanes_log2) {
  const unsigned warps = wn_threads() / 32, side_by_side = 32u >> lanes_log2;
  const int64_t warp = static_cast<int64_t>(wn_block()) * warps + wn_thread() / 32;
  return {false,
          lanes_log2,
          1u << lanes_log2,
          wn_lane() & ((1u << lanes_log2) - 1),
          wn_lane() >> lanes_log2,
          warp * side_by_side,
          static_cast<int64_t>(wn_blocks()) * warps * side_by_side};
}

/* Where the plan's figure decides at run time. */
WN_DEVICE Team row_team(const wni_cuda_job &job) {
  return job.cut.row.lanes <= 32 ? lanes_team(job.lanes_log2) : block_team();
}

/* Sums and moments of a team, to all of its threads. */
template <class R, int N>
WN_DEVICE void sum_team(const Team &team, R (&v)[N], R *room, int *turn) {
  if (team.block) {
    sum_block(v, room, turn);
  } else {
    sum_lanes(v, team.lanes_log2);
  }
}

/* room: 2 x warps, its halves used in turn as in sum_block. */
template <class R>
WN_DEVICE Moments<R> merge_team(const Team &team, const Moments<R> &v, Moments<R> *room, int *turn) {
  if (!team.block) return merge_lanes(v, team.lanes_log2);
  return merge_block(v, room + (*turn)++ % 2 * (wn_threads() / 32));
}

/* ---- sets and their pieces */

WN_DEVICE int64_t divide(int64_t a, int64_t b, int64_t *rest) {
  if (b == 1) {
    *rest = 0;
    return a;
  }
  if ((a | b) >> 32 == 0) {
    const uint32_t quotient = static_cast<uint32_t>(a) / static_cast<uint32_t>(b);
    *rest = static_cast<uint32_t>(a) - quotient * static_cast<uint32_t>(b);
    return quotient;
  }
  const int64_t quotient = a / b;
  *rest = a - quotient * b;
  return quotient;
}

/* Task = (outer * middles + middle) * pieces + piece. */
struct RowPlace {
  int64_t outer, middle, piece;
};

WN_DEVICE RowPlace row_place(const wni_geometry &geo, int64_t pieces, int64_t task) {
  RowPlace at;
  const int64_t set = divide(task, pieces, &at.piece);
  at.outer = divide(set, geo.extent[1], &at.middle);
  return at;
}

WN_DEVICE int64_t forget(int64_t v) {
  return static_cast<int64_t>((static_cast<uint64_t>(v) & ~0xffffffffull) | wn_forget(static_cast<uint32_t>(v)));
}

/* The places of sets that a team takes one after another. Steps need no division, but more registers than some can
 * spare where sets are not evenly apart: these divide, once for all of a thread's octets. Of a job whose sets are
 * (job.even) `outer` counts all sets, and `middle` says whose parameters they have, or nothing. */
struct RowStep {
  bool steps;
  RowPlace at, by;
};

WN_DEVICE RowStep row_step(const wni_cuda_job &job, const Team &team, bool steps) {
  const wni_geometry &geo = job.call.geo;
  if (!steps || (job.even && geo.param_step == 0)) return {};
  return {true, row_place(geo, 1, team.base + team.offset), row_place(geo, 1, team.step)};
}

/* Of set `set` of an even job without its parameters' place, or of any. */
WN_DEVICE RowPlace place_of_set(const wni_cuda_job &job, int64_t set) {
  return job.even ? RowPlace{set, 0, 0} : row_place(job.call.geo, 1, set);
}

WN_DEVICE RowPlace next_set(const wni_cuda_job &job, int64_t set, RowStep *step) {
  const RowPlace at = step->at;
  if (job.even) {
    const unsigned across = static_cast<unsigned>(job.call.geo.extent[1]), middle = static_cast<unsigned>(at.middle),
                   next = middle + static_cast<unsigned>(step->by.middle);
    step->at.middle = next >= across ? next - across : next;
    return {set, middle, 0};
  }
  if (!step->steps) return place_of_set(job, set);
  step->at.outer += step->by.outer;
  step->at.middle += step->by.middle;
  if (step->at.middle >= job.call.geo.extent[1]) step->at.middle -= job.call.geo.extent[1], step->at.outer++;
  return at;
}

/* ---- octets. A part of a set has less than 2^31, so that an octet's place in it takes 32 bits. */

/* Part of a set: `count` octets from octet `octet` of run `run` on. */
struct RowPart {
  int64_t run;
  unsigned octet, count;
};

/* Segment `segment` of `octets` octets from run `run` on, cut by row.segment_octets. */
WN_DEVICE RowPart row_segment(const wni_cuda_row &row, int64_t run, int64_t octets, int64_t segment) {
  const int64_t first = segment * row.segment_octets, left = octets - first;
  int64_t octet;
  run += row.runs == 1 ? (octet = first, 0) : divide(first, row.run_octets, &octet);
  return {run, static_cast<unsigned>(octet),
          static_cast<unsigned>(left < row.segment_octets ? left : row.segment_octets)};
}

/* What a block of a team has of each set: a segment, or whole runs, whose sums are their own. */
WN_DEVICE RowPart team_part(const wni_cuda_row &row, unsigned member) {
  if (row.team_runs == 0) return row_segment(row, 0, row.octets, member);
  const int64_t run = member * row.team_runs, left = row.runs - run, runs = left < row.team_runs ? left : row.team_runs;
  return {run, 0, static_cast<unsigned>(runs * row.run_octets)};
}

/* Octet `octet` of run `run`, counted from the part's first run. */
struct RowOctet {
  unsigned run, octet;
};

/* Octet i from the start of a run on. */
WN_DEVICE RowOctet row_octet(const wni_cuda_row &row, unsigned i) {
  if (row.runs == 1) return {0, i};
  const unsigned across = static_cast<unsigned>(row.run_octets), run = i / across;
  return {run, i - run * across};
}

WN_DEVICE void octet_step(const wni_cuda_row &row, const RowOctet &by, RowOctet *o) {
  const unsigned across = static_cast<unsigned>(row.run_octets);
  o->run += by.run;
  o->octet += by.octet;
  if (o->octet >= across) o->octet -= across, o->run++;
}

/* Beyond the last octet of a set: has no elements. */
WN_DEVICE RowOctet no_octet() { return {0, 0xffffffffu}; }

WN_DEVICE int octet_elements(const wni_cuda_row &row, const RowOctet &o) {
  const unsigned last = static_cast<unsigned>(row.run_octets) - 1;
  return o.octet <= last ? (o.octet == last ? row.last : 8) : 0; /* one comparison where row.last is the constant 8 */
}

/* Its addresses are made again rather than kept: there is one for each tensor and octet. */
WN_DEVICE RowOctet forget(const RowOctet &o) { return {wn_forget(o.run), wn_forget(o.octet)}; }

/* This thread's octets of a part, `batch` at a time: all that load(octet, n, i) loads is on its way before
 * use(octet, n, i, loaded) meets the first of it; i: how many octets of the part come before. ask(first, count) is for
 * octets whose turn comes `turns` later, if turns > 0. Threads have as many octets as there are, so none of the three
 * may wait for other threads. */
template <int batch, class Load, class Use, class Ask>
WN_DEVICE void each_octet(const wni_cuda_row &row, const RowPart &part, const Team &team, const Load &load,
                          const Use &use, unsigned turns, const Ask &ask) {
  RowOctet next = row_octet(row, part.octet + team.rank);
  const RowOctet by = row_octet(row, team.width);
  const unsigned turn = batch * team.width;
  if (turns > 1) ask(turn, (turns - 1) * turn);
  for (unsigned i = team.rank; i < part.count; i += turn) {
    if (turns > 0) ask(i - team.rank + turns * turn, turn);
    RowOctet at[batch];
    int n[batch];
    decltype(load(next, 0, 0u)) loaded[batch];
#pragma unroll
    for (int k = 0; k < batch; k++) {
      at[k] = next;
      n[k] = i + k * team.width < part.count ? octet_elements(row, next) : 0;
      loaded[k] = load(at[k], n[k], i + k * team.width);
      octet_step(row, by, &next);
    }
#pragma unroll
    for (int k = 0; k < batch; k++)
      if (n[k] > 0) use(forget(at[k]), n[k], i + k * team.width, loaded[k]);
  }
}

template <int batch, class Load, class Use>
WN_DEVICE void each_octet(const wni_cuda_row &row, const RowPart &part, const Team &team, const Load &load,
                          const Use &use) {
  each_octet<batch>(row, part, team, load, use, 0, [](unsigned, unsigned) {});
}

/* ---- what a part has of tensors */

/* Runs lie view.stride[2] apart, or where they are pieces of one run (then that stride is 0) side by side. */
template <class T>
struct RowTensor {
  Elements<T> first; /* of the part's first run */
  int64_t step;      /* to the next run */
  bool one;          /* there is no next one, as in most calls: an octet's place takes one instruction and not ten */
  bool plain;        /* of the job */
};

template <class T>
WN_DEVICE RowTensor<T> row_tensor(const wni_cuda_job &job, const wni_tensor &t, const RowPlace &at, int64_t run) {
  const int64_t *const stride = t.view.stride;
  const wni_cuda_row &row = job.cut.row;
  const int64_t step = stride[2] + (row.param_run != 0 ? row.elements : 0);
  const bool one = row.runs == 1;
  const int64_t set = job.even ? at.outer * stride[2] : at.outer * stride[0] + at.middle * stride[1];
  const Elements<T> first = ElementsOf<T>::at(t.data, t.type) + (set + (one ? 0 : run * step));
  return {job.plain ? pinned(first) : first, step, one, job.plain};
}

template <class T>
WN_DEVICE Elements<T> row_at(const RowTensor<T> &t, const RowOctet &o) {
  const int64_t inside = 8 * static_cast<int64_t>(o.octet);
  return t.one ? t.first + inside : t.first + (o.run * t.step + inside);
}

template <class T>
WN_DEVICE auto load_at(const RowTensor<T> &t, const RowOctet &o, int n) {
  return load_octet(row_at(t, o), n, t.plain);
}

template <class T>
WN_DEVICE void store_at(const RowTensor<T> &t, const RowOctet &o, const Packed<T> &p, int n) {
  store_octet(row_at(t, o), p, n, t.plain);
}

/* Set, byte of the mask and parameter at the start of the part's first run. */
struct RowStart {
  int64_t set, mask, param;
};

WN_DEVICE RowStart row_start(const wni_cuda_job &job, const RowPlace &at, int64_t run) {
  const wni_geometry &geo = job.call.geo;
  const wni_cuda_row &row = job.cut.row;
  const int64_t set = job.even ? at.outer : at.outer * geo.extent[1] + at.middle;
  return {set, set * row.octets + run * row.run_octets, at.middle * geo.param_step + run * row.param_run};
}

WN_DEVICE uint8_t *mask_at(const wni_cuda_job &job, const RowStart &start, const RowOctet &o) {
  return job.call.mask + (start.mask + static_cast<int64_t>(o.run) * job.cut.row.run_octets + o.octet);
}

WN_DEVICE int64_t param_at(const wni_cuda_job &job, const RowStart &start, const RowOctet &o) {
  const wni_cuda_row &row = job.cut.row;
  return start.param + (row.param_run != 0 ? o.run : 0) + (row.per_element ? 8 * static_cast<int64_t>(o.octet) : 0);
}

/* ---- parameters of an octet */

template <class R>
struct RowParams {
  Octet<R> gamma, beta;
};

template <class R>
WN_DEVICE Octet<R> row_gammas(const wni_cuda_job &job, int64_t param, int n) {
  return job.cut.row.per_element ? gammas_of<R>(job.call, param, n, job.plain) : splat(gamma_of<R>(job.call, param));
}

template <class R>
WN_DEVICE Octet<R> row_betas(const wni_cuda_job &job, int64_t param, int n) {
  return job.cut.row.per_element ? betas_of<R>(job.call, param, n, job.plain) : splat(beta_of<R>(job.call, param));
}

template <class R>
WN_DEVICE RowParams<R> row_params(const wni_cuda_job &job, int64_t param, int n) {
  return {row_gammas<R>(job, param, n), row_betas<R>(job, param, n)};
}

/* Of one octet a thread the parameters stay as long as they are the same, which in layer and RMS norm (param_step 0) is
 * for ever; of more they are loaded where they are used. */
template <class R>
struct HeldParams {
  int64_t param;
  RowParams<R> values;
};

template <class R>
WN_DEVICE void hold_params(const wni_cuda_job &job, int64_t param, int n, HeldParams<R> *held) {
  if (held->param >= 0 && (job.call.geo.param_step == 0 || held->param == param)) return;
  held->param = param;
  held->values = row_params<R>(job, param, n);
}

/* f(i) for elements `first` to n - 1 of an octet; full ones, nearly all, without asking at each. */
template <int first = 0, class F>
WN_DEVICE void each_element(int n, const F &f) {
  if (n == 8) {
#pragma unroll
    for (int i = first; i < 8; i++) f(i);
  } else {
#pragma unroll
    for (int i = first; i < 8; i++)
      if (i < n) f(i);
  }
}

/* The job of a launch in which job.plain is true, with what that says as constants: whatever is asked of the copy is
 * answered by the compiler. */
WN_DEVICE wni_cuda_job plain_job(const wni_cuda_job &job, bool per_element, bool one_run, bool even) {
  wni_cuda_job plain = job;
  wni_cuda_row &row = plain.cut.row;
  plain.plain = true;
  plain.even = even;
  row.last = 8;
  row.per_element = per_element;
  if (one_run) {
    row.runs = 1;
    row.run_octets = job.cut.row.octets;
    row.param_run = 0;
  }
  plain.call.add = WN_ADD_NONE;
  plain.call.mask = nullptr;
  plain.call.y_amax = nullptr;
  plain.call.dsum.data = nullptr;
  plain.call.dresidual.data = nullptr;
  return plain;
}

/* The job of a kernel that has no shorter way. */
WN_DEVICE wni_cuda_job long_job(const wni_cuda_job &job) {
  wni_cuda_job other = job;
  other.plain = other.even = false;
  return other;
}

/* f(job), the plain ones as such. whole: the kernel takes whole sets. */
template <bool whole, bool short_way = true, class F>
WN_DEVICE void by_plainness(const wni_cuda_job &job, const F &f) {
  if constexpr (!(short_way && WN_FAST_MEMORY)) {
    f(long_job(job));
  } else if (!job.plain) {
    f(long_job(job));
  } else if (job.cut.row.per_element) {
    f(plain_job(job, true, true, whole));
  } else {
    f(plain_job(job, false, whole, whole));
  }
}

}  // namespace wn
#endif
