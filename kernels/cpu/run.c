/* The phases of a call: which kernels run over which tasks, and what is made between them. */
#include "call_job.h"
#include "host/names.h"
#include "host/sync.h"
#include "parallel.h"

/* ---- the workspace ---------------------------------------------------------------------------------------------- */

static bool updates_running(const wni_call *call) {
  return call->stats == WNI_STATS_COMPUTED && call->running_mean != NULL;
}

/* In place the lines are in the cache already. */
static bool is_in_place(const wni_call *call) {
  const void *const out = call->y.data ? call->y.data : call->dx.data;
  return out == call->x.data || out == call->residual.data || out == call->dy.data || out == call->dsum.data;
}

static wni_cpu_job job_make(const wni_cpu_plan *plan, const wni_call *call, void *work) {
  char *const base = work;
  const wni_cpu_layout *const at = &plan->at;
  const bool whole = !call->sync && (plan->geo.pattern == WNI_ROW ? plan->row.segments == 1 : plan->column.fused);
  const wni_cpu_job job = {.plan = plan,
                           .call = call,
                           .set_size = call->geo.set_size,
                           .moments = whole && !updates_running(call) ? NULL : (wni_moments *)(base + at->moments),
                           .set_mean = (double *)(base + at->set_mean),
                           .set_rstd = (double *)(base + at->set_rstd),
                           .sums = (double *)(base + at->sums),
                           .set_sums = (double *)(base + at->set_sums),
                           .partial = (double *)(base + at->partial),
                           .accumulators = base + at->accumulators,
                           .mine = base + at->mine,
                           .all = base + at->all,
                           .stream = plan->stream && !is_in_place(call),
                           .amax = call->y_amax ? (uint32_t *)(base + at->amax) : NULL};
  return job;
}

/* ---- phases ----------------------------------------------------------------------------------------------------- */

/* Some of a kernel's tasks: `width` of each `apart`, from `first` on. */
typedef struct phase {
  const wni_cpu_job *job;
  wni_cpu_kernel kernel;
  int64_t first, width, apart;
} phase;

static phase tasks_from(const wni_cpu_job *job, wni_cpu_kernel kernel, int64_t first) {
  const phase p = {job, kernel, first, 1, 1};
  return p;
}

/* Stores that went past the caches are not ordered before what other threads learn of this one. */
static void store_fence(void) {
#if defined(__x86_64__)
  __builtin_ia32_sfence();
#endif
}

static void phase_task(void *context, int64_t i) {
  const phase *const p = context;
  p->kernel(p->job, p->first + i / p->width * p->apart + i % p->width);
  if (p->job->stream) store_fence();
}

/* About what a sweep over the tensors moves. */
static int64_t sweep_bytes(const wni_call *call) {
  const bool forward = call->y.data != NULL;
  return wni_elements(&call->geo) *
         ((int64_t)wni_dtype_size(call->types.x) + (int64_t)wni_dtype_size(forward ? call->types.y : call->types.dy));
}

static void sweep(const wni_cpu_job *job, wni_cpu_kernel kernel, int64_t tasks) {
  phase p = tasks_from(job, kernel, 0);
  wni_parallel_for(tasks, sweep_bytes(job->call), phase_task, &p);
}

/* A second sweep over the same. */
static void sweep_again(const wni_cpu_job *job, wni_cpu_kernel kernel, int64_t tasks) {
  phase p = tasks_from(job, kernel, 0);
  wni_parallel_for_backward(tasks, sweep_bytes(job->call), phase_task, &p);
}

/* A phase over what a sweep left: a part of its bytes. */
static void merge(const wni_cpu_job *job, wni_cpu_kernel kernel, int64_t tasks) {
  phase p = tasks_from(job, kernel, 0);
  wni_parallel_for(tasks, sweep_bytes(job->call) / 16, phase_task, &p);
}

/* What there is to do in a backward pass: sums for dx or the parameters; dx or dresidual. */
static bool wants_sums(const wni_call *call) { return call->dx.data || call->dgamma || call->dbeta; }
static bool wants_apply(const wni_call *call) { return call->dx.data || call->dresidual.data; }

/* ---- waves --------------------------------------------------------------------------------------------------------
 * Sets that are read twice, some at a time: so many that the threads' own caches still have most of them when they are
 * read again. That is while y or dx is written; what the next wave reads first is asked for meanwhile, or memory would
 * be read and written in turns. Nothing that is computed depends on it. */

enum { WAVE_BYTES = 1 << 20, ASKED_BYTES = 4 << 20 }; /* a thread's, of what is read; and what is asked for, at most */

/* n sets of a ROW, slabs of a COLUMN, or blocks of its one slab from `first` on; bytes is what a sweep over them moves.
 */
typedef struct wave {
  const wni_cpu_job *job;
  int64_t first, n, bytes;
} wave;

static void wave_sweep(const wave *w, phase p, int64_t tasks) { wni_parallel_for(tasks, w->bytes, phase_task, &p); }

static void wave_sweep_again(const wave *w, phase p, int64_t tasks) {
  wni_parallel_for_backward(tasks, w->bytes, phase_task, &p);
}

static void wave_merge(const wave *w, phase p, int64_t tasks) {
  wni_parallel_for(tasks, w->bytes / 16, phase_task, &p);
}

/* Of all that the call has. */
static wave wave_of_all(const wni_cpu_job *job, int64_t units) {
  const wave w = {job, 0, units, sweep_bytes(job->call)};
  return w;
}

/* Bytes of one of `units` that a call reads for its sums. */
static int64_t unit_bytes(const wni_call *call, int64_t units) {
  const size_t dy = call->y.data ? 0 : wni_dtype_size(call->types.dy);
  return most(1, wni_elements(&call->geo) / units * (int64_t)(wni_dtype_size(call->types.x) + dy));
}

/* One wave after the other; columns: of a unit, where those are blocks, else 0. */
static void each_wave(const wni_cpu_job *job, const wni_cpu_kernels *k, int64_t units, int64_t columns,
                      void (*pass)(const wave *w, const wni_cpu_kernels *k)) {
  const int64_t bytes = unit_bytes(job->call, units), threads = wni_parallel_threads();
  const int64_t n = least(units, most(1, WAVE_BYTES * threads / bytes));
  for (int64_t first = 0; first < units; first += n) {
    wni_cpu_job of_wave = *job;
    if (first + n < units && n * bytes <= ASKED_BYTES * threads) {
      of_wave.next_sets = columns > 0 ? 0 : n;
      of_wave.next_columns = n * columns;
    }
    const int64_t here = least(n, units - first);
    const wave w = {&of_wave, first, here, sweep_bytes(job->call) / units * here};
    pass(&w, k);
  }
}

/* ---- ROW -------------------------------------------------------------------------------------------------------- */

static int64_t segment_tasks(const wni_cpu_job *job) { return job->call->geo.sets * job->plan->row.segments; }

/* The segments of a wave. */
static phase row_phase(const wave *w, wni_cpu_kernel kernel) {
  return tasks_from(w->job, kernel, w->first * w->job->plan->row.segments);
}

static void row_moments(const wave *w, const wni_cpu_kernels *k) {
  wave_sweep(w, row_phase(w, k->row_moments), w->n * w->job->plan->row.segments);
  wni_merge_segments(w->job, w->first, w->n);
}

/* Moments, then y. */
static void row_forward_wave(const wave *w, const wni_cpu_kernels *k) {
  row_moments(w, k);
  wni_finish_statistics(w->job, w->first, w->n);
  wave_sweep_again(w, row_phase(w, k->row_apply), w->n * w->job->plan->row.segments);
}

/* Sums, then dx. Sets in segments are so large that each is a task of the merge. */
static void row_backward_wave(const wave *w, const wni_cpu_kernels *k) {
  const wni_call *const call = w->job->call;
  const int64_t tasks = w->n * w->job->plan->row.segments;
  if (wants_sums(call)) wave_sweep(w, row_phase(w, k->row_backward_sums), tasks);
  if (call->dx.data) wave_merge(w, tasks_from(w->job, k->row_backward_merge, w->first), w->n);
  if (wants_apply(call)) wave_sweep_again(w, row_phase(w, k->row_backward_apply), tasks);
}

static void row_forward(const wni_cpu_job *job, const wni_cpu_kernels *k) {
  const wni_row_plan *const p = &job->plan->row;
  const wni_geometry *const g = &job->call->geo;
  if (job->call->stats == WNI_STATS_RUNNING) {
    const int64_t lines = g->sets * g->extent[2];
    sweep(job, k->row_lines, p->line_pieces > 1 ? lines * p->line_pieces : ceil_div(lines, p->lines_per_task));
  } else if (p->segments == 1) {
    sweep(job, k->row_forward, ceil_div(g->sets, p->sets_per_task));
  } else {
    each_wave(job, k, g->sets, 0, row_forward_wave);
  }
}

/* Sets in segments whose elements have parameters of their own: all at once, for the sums of those. */
static void row_backward_each(const wni_cpu_job *job, const wni_cpu_kernels *k) {
  const wni_row_plan *const p = &job->plan->row;
  const wni_call *const call = job->call;
  const int64_t tasks = p->chunks * p->segments;
  if (wants_sums(call)) sweep(job, k->row_backward_sums, tasks);
  if (call->dx.data) merge(job, k->row_backward_merge, ceil_div(call->geo.sets, p->sets_per_task));
  if (wants_apply(call)) sweep_again(job, k->row_backward_apply, tasks);
}

static void row_backward(const wni_cpu_job *job, const wni_cpu_kernels *k) {
  const wni_row_plan *const p = &job->plan->row;
  const wni_geometry *const g = &job->call->geo;
  if (job->call->stats == WNI_STATS_RUNNING) {
    sweep(job, k->row_frozen, segment_tasks(job));
  } else if (p->segments == 1) {
    sweep(job, k->row_backward, p->per_element ? p->chunks : ceil_div(g->sets, p->sets_per_task));
  } else if (p->per_element) {
    row_backward_each(job, k);
  } else {
    each_wave(job, k, g->sets, 0, row_backward_wave);
  }
}

/* ---- COLUMN ----------------------------------------------------------------------------------------------------- */

static int64_t chunk_tasks(const wni_cpu_job *job) {
  const wni_column_plan *const p = &job->plan->column;
  return job->call->geo.extent[0] * p->chunks * p->blocks;
}

/* What waves are of: blocks of the only slab, which are merged singly, or slabs. */
static bool waves_of_blocks(const wni_cpu_job *job) {
  const wni_column_plan *const p = &job->plan->column;
  return job->call->geo.extent[0] == 1 && p->merge_columns == p->columns;
}

static void each_chunk(const wave *w, wni_cpu_kernel kernel, void (*sweeps)(const wave *w, phase p, int64_t tasks)) {
  const wni_column_plan *const p = &w->job->plan->column;
  if (waves_of_blocks(w->job)) {
    const phase of_blocks = {w->job, kernel, w->first, w->n, p->blocks};
    sweeps(w, of_blocks, w->n * p->chunks);
  } else {
    const int64_t tasks = p->chunks * p->blocks;
    sweeps(w, tasks_from(w->job, kernel, w->first * tasks), w->n * tasks);
  }
}

static void each_merge(const wave *w, wni_cpu_kernel kernel) {
  const int64_t tasks = waves_of_blocks(w->job) ? 1 : w->job->plan->column.merges;
  wave_merge(w, tasks_from(w->job, kernel, w->first * tasks), w->n * tasks);
}

static void finish_wave(const wave *w) {
  const wni_column_plan *const p = &w->job->plan->column;
  const wni_geometry *const g = &w->job->call->geo;
  const int64_t each = waves_of_blocks(w->job) ? p->columns / g->set_columns : g->sets / g->extent[0];
  const int64_t first = w->first * each;
  wni_finish_statistics(w->job, first, least(w->n * each, g->sets - first));
}

static void column_moments(const wave *w, const wni_cpu_kernels *k) {
  each_chunk(w, k->column_moments, wave_sweep);
  each_merge(w, k->column_merge);
}

static void column_sums(const wave *w, const wni_cpu_kernels *k) {
  each_chunk(w, k->column_backward_sums, wave_sweep);
  each_merge(w, k->column_backward_merge);
}

static void column_forward_wave(const wave *w, const wni_cpu_kernels *k) {
  column_moments(w, k);
  finish_wave(w);
  each_chunk(w, k->column_apply, wave_sweep_again);
}

static void column_backward_wave(const wave *w, const wni_cpu_kernels *k) {
  const wni_call *const call = w->job->call;
  if (wants_sums(call)) column_sums(w, k);
  if (wants_apply(call)) each_chunk(w, k->column_backward_apply, wave_sweep_again);
}

static int64_t column_units(const wni_cpu_job *job) {
  return waves_of_blocks(job) ? job->plan->column.blocks : job->call->geo.extent[0];
}

static void column_waves(const wni_cpu_job *job, const wni_cpu_kernels *k,
                         void (*pass)(const wave *w, const wni_cpu_kernels *k)) {
  each_wave(job, k, column_units(job), waves_of_blocks(job) ? job->plan->column.columns : 0, pass);
}

static void column_forward(const wni_cpu_job *job, const wni_cpu_kernels *k) {
  const wni_column_plan *const p = &job->plan->column;
  if (job->call->stats == WNI_STATS_RUNNING) {
    sweep(job, k->column_apply, chunk_tasks(job));
  } else if (p->fused) {
    sweep(job, k->column_forward, p->slab_tasks * p->blocks);
  } else {
    column_waves(job, k, column_forward_wave);
  }
}

static void column_backward(const wni_cpu_job *job, const wni_cpu_kernels *k) {
  const wni_column_plan *const p = &job->plan->column;
  if (job->call->stats == WNI_STATS_RUNNING) {
    sweep(job, k->column_frozen, chunk_tasks(job));
  } else if (p->fused) {
    sweep(job, k->column_backward, p->slab_tasks * p->blocks);
  } else {
    column_waves(job, k, column_backward_wave);
  }
}

/* ---- ranks that exchange what they know between the sweeps ----------------------------------------------------------
 * A rank without samples has no sweeps, and takes part in the rest. */

static wn_status synced_forward(wni_cpu_job *job, const wni_cpu_kernels *k) {
  const bool row = job->plan->geo.pattern == WNI_ROW, any = job->call->geo.set_size > 0;
  const wave all = wave_of_all(job, row ? job->call->geo.sets : column_units(job));
  if (any && row) row_moments(&all, k);
  if (any && !row) column_moments(&all, k);
  const wn_status status = wni_exchange_moments(job);
  if (status != WN_OK || job->set_size == 0) return status;
  wni_finish_statistics(job, 0, job->call->geo.sets);
  if (any && row) sweep_again(job, k->row_apply, segment_tasks(job));
  if (any && !row) sweep_again(job, k->column_apply, chunk_tasks(job));
  return WN_OK;
}

static wn_status synced_backward(wni_cpu_job *job, const wni_cpu_kernels *k) {
  const bool row = job->plan->geo.pattern == WNI_ROW, any = job->call->geo.set_size > 0;
  if (any && row) sweep(job, k->row_backward_sums, segment_tasks(job));
  if (any && !row) {
    const wave all = wave_of_all(job, column_units(job));
    column_sums(&all, k);
  }
  const wn_status status = wni_exchange_sums(job);
  if (status != WN_OK || !any || !wants_apply(job->call)) return status;
  if (row) sweep_again(job, k->row_backward_apply, segment_tasks(job));
  if (!row) sweep_again(job, k->column_backward_apply, chunk_tasks(job));
  return WN_OK;
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

static bool is_forward(const wni_call *call) { return call->pass == WN_TRAIN || call->pass == WN_INFER; }

static wn_status run_forward(wni_cpu_job *job, const wni_cpu_kernels *kernels) {
  const wni_call *const call = job->call;
  wn_status status = WN_OK;
  if (job->amax) *job->amax = 0;
  if (call->stats == WNI_STATS_RUNNING) wni_read_running(job);
  if (call->sync) {
    status = synced_forward(job, kernels);
  } else if (job->plan->geo.pattern == WNI_ROW) {
    row_forward(job, kernels);
  } else {
    column_forward(job, kernels);
  }
  if (status != WN_OK) return status;
  if (updates_running(call) && job->set_size > 0) wni_update_running(job);
  if (job->amax) memcpy(call->y_amax, job->amax, sizeof *job->amax);
  return WN_OK;
}

/* Nothing to normalize: no statistic and no counter changes. */
static void run_empty(const wni_call *call) {
  if (is_forward(call)) {
    if (call->y_amax) *call->y_amax = 0;
  } else if (!(call->flags & WN_GRAD_ADD)) {
    const size_t bytes = (size_t)call->geo.params * wni_dtype_size(call->types.param_grad);
    if (call->dgamma) memset(call->dgamma, 0, bytes);
    if (call->dbeta) memset(call->dbeta, 0, bytes);
  }
}

static wn_status run_backward(wni_cpu_job *job, const wni_cpu_kernels *kernels) {
  const wni_call *const call = job->call;
  wn_status status = WN_OK;
  if (call->stats == WNI_STATS_RUNNING) wni_read_running(job);
  if (call->sync) {
    status = synced_backward(job, kernels);
  } else if (job->plan->geo.pattern == WNI_ROW) {
    row_backward(job, kernels);
  } else {
    column_backward(job, kernels);
  }
  if (status != WN_OK) return status;
  if (call->geo.set_size > 0) {
    wni_store_param_gradients(job);
  } else {
    run_empty(call);
  }
  return WN_OK;
}

/* Rows of many columns have fewer bits left over than short runs: the caller's mask, which is for those, has the same
 * bits after every call all the same. */
static void clear_rest_of_mask(const wni_call *call, const wni_call *seen) {
  const int64_t bytes = wni_mask_bytes(&call->geo), used = wni_mask_bytes(&seen->geo);
  if (used < bytes) memset(call->mask + used, 0, (size_t)(bytes - used));
}

static const wni_cpu_kernels *kernels_for(const wni_cpu_isa *isa, const wni_types *t) {
  if (t->real == WN_F64) return isa->f64;
  return t->x == WN_F16 || t->y == WN_F16 || t->dy == WN_F16 ? isa->f16 : isa->f32;
}

wn_status wni_cpu_run(const wni_cpu_isa *isa, const wni_cpu_plan *plan, const wni_call *call, void *work) {
  if (wni_elements(&call->geo) == 0 && !call->sync) {
    run_empty(call);
    return WN_OK;
  }
  const wni_cpu_kernels *const kernels = kernels_for(isa, &call->types);
  wni_call seen;
  if (plan->geo.pattern != call->geo.pattern) {
    seen = wni_cpu_call(plan, call);
    if (call->mask && is_forward(call)) clear_rest_of_mask(call, &seen);
    call = &seen;
  }
  wni_cpu_job job = job_make(plan, call, work);
  wni_prepare_params(&job, work);
  return is_forward(call) ? run_forward(&job, kernels) : run_backward(&job, kernels);
}
