/* What lies between sweeps and after them: moments and sums of pieces become those of sets and parameters. Little is
 * read here, and it is read once; orders of merging follow from the plan. */
#ifndef WNI_MERGE_CUH
#define WNI_MERGE_CUH
#include "kernels/cuda/column.cuh"
#include "kernels/cuda/exchange.cuh"
#include "kernels/cuda/pieces.cuh"

namespace wn {

/* ---- warps and their sets -------------------------------------------------------------------------------------- */

/* The set of this thread's group of lanes in round `round`, one lane a piece. All lanes of a warp come along, those
 * beyond the last set too. */
WN_DEVICE int64_t first_set_of_warp(int lanes_log2) {
  return (static_cast<int64_t>(wn_block()) * (wn_threads() / 32) + wn_thread() / 32) << (5 - lanes_log2);
}

WN_DEVICE int64_t sets_of_grid(int lanes_log2) {
  return (static_cast<int64_t>(wn_blocks()) * (wn_threads() / 32)) << (5 - lanes_log2);
}

WN_DEVICE bool is_first_lane(int lanes_log2) { return (wn_lane() & ((1u << lanes_log2) - 1)) == 0; }

/* ---- moments to statistics -------------------------------------------------------------------------------------- */

/* Of a rank without samples 0, 0. */
template <class R>
WN_DEVICE void send_moments(const wni_cuda_job &job, int64_t set, const Moments<R> &v) {
  const int64_t size = job.call.geo.set_size;
  store_numbers(job, set, v.mean + v.low, size > 0 ? wn_divide(v.m2, static_cast<R>(size)) : static_cast<R>(0));
}

/* A rank of a sync plan may have none. */
WN_DEVICE Pieces pieces_if_any(const wni_cuda_job &job, const Pieces &pieces) {
  return job.call.geo.set_size > 0 ? pieces : Pieces{0, 1};
}

template <class R>
WN_KERNEL(256, 1)
merge_moments_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  const Pieces pieces = pieces_if_any(job, pieces_of_moments(job));
  const bool sends = job.mine != nullptr;
  const int64_t sets = job.call.geo.sets;
  const int log2 = lanes_for(pieces.count);
  for (int64_t first = first_set_of_warp(log2); first < sets; first += sets_of_grid(log2)) {
    const int64_t set = first + (wn_lane() >> log2);
    const Moments<R> v = moments_of_set<R>(job, set, pieces, log2, set < sets);
    if (set >= sets || !is_first_lane(log2)) continue;
    if (sends) {
      send_moments(job, set, v);
    } else {
      store_stats<R>(job, set, statistics_of_moments(job, v));
    }
  }
  if (sends) store_header(job);
}

/* ---- sums of pieces to those of sets ---------------------------------------------------------------------------- */

template <class R>
WN_KERNEL(256, 1)
merge_sums_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  const wni_geometry &g = job.call.geo;
  const Pieces pieces = pieces_if_any(job, pieces_of_sums(job));
  const bool sends = job.mine != nullptr;
  const int log2 = lanes_for(pieces.count);
  for (int64_t first = first_set_of_warp(log2); first < g.sets; first += sets_of_grid(log2)) {
    const int64_t set = first + (wn_lane() >> log2);
    double v[2];
    sums_of_set<R>(job, set, pieces, log2, set < g.sets, !sends, v); /* ranks send sums of dz */
    if (set >= g.sets || !is_first_lane(log2)) continue;
    if (sends) {
      store_numbers(job, set, static_cast<R>(v[0]), static_cast<R>(v[1]));
      continue;
    }
    const SetMeans<R> means = means_of_sums<R>(g, v);
    R *const to = static_cast<R *>(job.set_sums) + 2 * set;
    to[0] = means.gxhat;
    to[1] = means.g;
  }
  if (sends) store_header(job);
}

/* ---- over all that shares a parameter --------------------------------------------------------------------------- */

/* Columns are parameters, neighbours side by side in a warp; a block of a power of two of threads has several lanes of
 * rows for each. As many columns as there are parameters, at most 32. */
WN_DEVICE int param_columns(int64_t params) {
  int width = 1;
  while (width < 32 && width < params) width *= 2;
  return width;
}

/* ---- partial rows to dgamma, dbeta */

/* [row][2][params] */
template <class R>
struct PartialRows {
  const R *at;
  int64_t rows;
};

template <class R>
WN_DEVICE PartialRows<R> partial_rows(const wni_cuda_job &job) {
  const wni_geometry &g = job.call.geo;
  if (g.pattern == WNI_COLUMN && !g.param_by_row)
    return {static_cast<const R *>(job.sums), g.extent[0] * job.cut.column.chunks};
  return {static_cast<const R *>(job.params), job.cut.param_rows};
}

template <class R>
WN_DEVICE void add_partial_rows(const wni_cuda_job &job, int64_t param, int64_t first, int64_t lanes, double (&v)[2]) {
  const PartialRows<R> from = partial_rows<R>(job);
  const int64_t params = job.call.geo.params;
#pragma unroll 4
  for (int64_t row = first; row < from.rows; row += lanes) {
    v[0] += static_cast<double>(from.at[2 * row * params + param]);
    v[1] += static_cast<double>(from.at[(2 * row + 1) * params + param]);
  }
}

/* ROW sets with a parameter for a run: [outer][middle][run][segment][2] */
template <class R>
WN_DEVICE void add_runs(const wni_cuda_job &job, int64_t param, int64_t first, int64_t lanes, double (&v)[2]) {
  const wni_geometry &g = job.call.geo;
  const wni_cuda_row &row = job.cut.row;
  const Piece place = piece_at(param, g.param_step); /* middle, run */
  const int64_t outer_runs = g.extent[1] * runs_apart(row), run = place.high * runs_apart(row) + place.low;
  const Piece step = piece_at(lanes, row.segments);
  Piece p = piece_at(first, row.segments); /* outer, segment */
#pragma unroll 4
  for (int64_t i = first; i < g.extent[0] * row.segments; i += lanes) {
    const R *const at = static_cast<const R *>(job.sums) + 2 * ((p.high * outer_runs + run) * row.segments + p.low);
    v[0] += static_cast<double>(at[0]);
    v[1] += static_cast<double>(at[1]);
    next_piece(&p, step, row.segments);
  }
}

/* One rounding to the type of the gradient; an old value is added in R. */
template <class R>
WN_DEVICE void store_gradient(const wni_call &call, void *to, int64_t param, R sum) {
  if (to == nullptr) return;
  const wn_dtype type = call.types.param_grad;
  if ((call.flags & WN_GRAD_ADD) != 0) sum = load_value<R>(type, to, param) + sum;
  if constexpr (sizeof(R) == 8) {
    static_cast<double *>(to)[param] = sum;
  } else if (type == WN_F16) {
    from_real(sum, static_cast<f16 *>(to) + param);
  } else if (type == WN_BF16) {
    from_real(sum, static_cast<bf16 *>(to) + param);
  } else {
    static_cast<float *>(to)[param] = sum;
  }
}

template <class R>
WN_KERNEL(1024, 1)
merge_params_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  WN_DYNAMIC_SHARED(double, room);
  const wni_geometry &g = job.call.geo;
  const bool runs = g.pattern == WNI_ROW && !job.cut.row.per_element;
  const int width = param_columns(g.params), thread = static_cast<int>(wn_thread());
  const int64_t first_row = thread / width, lanes = static_cast<int>(wn_threads()) / width;
  for (int64_t first = static_cast<int64_t>(wn_block()) * width; first < g.params;
       first += static_cast<int64_t>(wn_blocks()) * width) {
    const int64_t param = first + thread % width;
    double v[2] = {0, 0};
    if (param < g.params) {
      if (runs) {
        add_runs<R>(job, param, first_row, lanes, v);
      } else {
        add_partial_rows<R>(job, param, first_row, lanes, v);
      }
    }
    sum_threads(v, room, width);
    if (thread < width && param < g.params) {
      store_gradient(job.call, job.call.dgamma, param, static_cast<R>(v[0]));
      store_gradient(job.call, job.call.dbeta, param, static_cast<R>(v[1]));
    }
    wn_sync_block(); /* before the room is used again */
  }
}

/* ---- running statistics ----------------------------------------------------------------------------------------- */

/* How much a new statistic weighs: the momentum, or in the average over all calls 1/k on call k. */
WN_DEVICE double weight_of_call(const wni_call &call) {
  if ((call.flags & WN_RUNNING_CUMULATIVE) == 0) return call.momentum;
  return wn_divide(1.0, static_cast<double>(*call.batches_seen + 1));
}

/* A weight of 1 must not read what was there, which may be no number. */
template <class R>
WN_DEVICE void blend(void *running, int64_t param, double weight, double value) {
  R *const to = static_cast<R *>(running) + param;
  if (weight != 1) value = (1 - weight) * static_cast<double>(*to) + weight * value;
  *to = static_cast<R>(value);
}

/* The sets of a parameter (ghost parts; samples) lie `params` apart. What is averaged are distances from the first one:
 * equal ones give themselves. */
template <class R>
WN_KERNEL(1024, 1)
running_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  WN_DYNAMIC_SHARED(double, room);
  const wni_call &call = job.call;
  const wni_geometry &g = call.geo;
  const Stats<R> *const stats = static_cast<const Stats<R> *>(job.stats);
  const int64_t sets = g.sets / g.params;
  const int64_t size = job.joined != nullptr ? *job.joined : g.set_size;
  if (size == 0) return; /* a sync plan's call without statistics */
  const double m = static_cast<double>(size), weight = weight_of_call(call);
  const bool population = (call.flags & WN_RUNNING_POPULATION) != 0;
  const int width = param_columns(g.params), thread = static_cast<int>(wn_thread());
  const int64_t lanes = static_cast<int>(wn_threads()) / width;
  for (int64_t first = static_cast<int64_t>(wn_block()) * width; first < g.params;
       first += static_cast<int64_t>(wn_blocks()) * width) {
    const int64_t param = first + thread % width;
    double v[2] = {0, 0}, mean = 0, var = 0;
    if (param < g.params) {
      mean = static_cast<double>(stats[param].mean) + static_cast<double>(stats[param].mean_low);
      var = static_cast<double>(stats[param].var);
#pragma unroll 4
      for (int64_t i = thread / width; i < sets; i += lanes) {
        const Stats<R> &s = stats[i * g.params + param];
        v[0] += (static_cast<double>(s.mean) - mean) + static_cast<double>(s.mean_low);
        v[1] += static_cast<double>(s.var) - var;
      }
    }
    sum_threads(v, room, width);
    if (thread < width && param < g.params) {
      mean += wn_divide(v[0], static_cast<double>(sets));
      var += wn_divide(v[1], static_cast<double>(sets));
      blend<R>(call.running_mean, param, weight, mean);
      /* One element has no unbiased variance. */
      if (population) blend<R>(call.running_var, param, weight, var);
      if (!population && m > 1) blend<R>(call.running_var, param, weight, var * wn_divide(m, m - 1));
    }
    wn_sync_block(); /* before the room is used again */
  }
}

/* After the running statistics have read it. */
template <class R>
WN_KERNEL(256, 1)
count_call_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  const bool counts = job.joined == nullptr || *job.joined > 0;
  if (wn_block() == 0 && wn_thread() == 0 && counts) *job.call.batches_seen += 1;
}

}  // namespace wn
#endif
