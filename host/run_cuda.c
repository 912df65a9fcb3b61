/* A pass on its way to the GPU: kernels loaded when a plan is made, launched when it runs. Running neither allocates
 * nor waits, so it can be captured. */
#include <stdatomic.h>

#include "cuda_state.h"
#include "error.h"
#include "kernels/cuda/cuda_job.h"
#include "names.h"
#include "sync.h"

#define CUDA(function, ...) wni_cuda_check(function(__VA_ARGS__), #function)

static bool is_backward(wn_pass pass) { return pass == WN_BACKWARD || pass == WN_BACKWARD_FROZEN; }

/* ---- loading ---------------------------------------------------------------------------------------------------- */

static wn_status no_kernel(const wni_cuda_launch *l, const wni_plan_input *in) {
  return wni_error(WN_ERR_DEVICE, "this build has no kernel %s, variant %d, for %s and %s",
                   wni_cuda_function_name(l->function), l->variant, wni_dtype_name(in->types.x),
                   wni_dtype_name(is_backward(in->pass) ? in->types.dy : in->types.y));
}

/* Asking for a kernel's attributes loads it. The limit of its shared memory is raised to all that there is, whatever
 * this launch needs: another plan's launch of the same kernel may need more, and finds it loaded. */
static wn_status load(const wni_cuda_state *s, const wni_cuda_launch *l, const wni_plan_input *in) {
  if (l->function == WNI_CUDA_EXCHANGE) return WN_OK;
  const void *const kernel = wni_cuda_kernel(l->function, l->variant, &in->types);
  if (!kernel) return no_kernel(l, in);
  struct cudaFuncAttributes a;
  wn_status status = CUDA(cudaFuncGetAttributes, &a, kernel);
  if (status != WN_OK) return status;
  if ((unsigned)a.maxThreadsPerBlock < l->block)
    return wni_error(WN_ERR_DEVICE, "kernel %s, variant %d, runs at most %d threads a block; the plan has %u",
                     wni_cuda_function_name(l->function), l->variant, a.maxThreadsPerBlock, l->block);
  const int most = (int)(s->figures.shared_per_block - (int64_t)a.sharedSizeBytes);
  return CUDA(cudaFuncSetAttribute, kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most);
}

static wn_status load_once(wni_cuda_state *s, const wni_cuda_launch *l, const wni_plan_input *in) {
  const wn_dtype other = is_backward(in->pass) ? in->types.dy : in->types.y;
  _Atomic unsigned char *const loaded = &s->loaded[l->function][l->variant][in->types.x][other];
  if (atomic_load_explicit(loaded, memory_order_acquire)) return WN_OK;
  const wn_status status = load(s, l, in);
  if (status == WN_OK) atomic_store_explicit(loaded, 1, memory_order_release);
  return status;
}

static wn_status load_plan(wni_cuda_state *s, const wni_plan_input *in) {
  wni_cuda_plan plan;
  wni_plan_cuda(in, &s->figures, &plan);
  wn_status status = WN_OK;
  for (int i = 0; i < plan.launches && status == WN_OK; i++) status = load_once(s, &plan.launch[i], in);
  return status;
}

wn_status wni_cuda_prepare(void *state, const wni_plan_input *input) {
  wni_cuda_visit visit;
  wn_status status = wni_cuda_enter(state, &visit);
  if (status != WN_OK) return status;
  wni_plan_input smaller;
  for (int i = 0; status == WN_OK && wni_cuda_smaller(input, i, &smaller); i++) status = load_plan(state, &smaller);
  return wni_cuda_leave(&visit, status);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static unsigned wanted_by(const wni_call *call) {
  unsigned wanted = 0;
  if (call->dx.data || call->dresidual.data) wanted |= WNI_CUDA_WANT_DX;
  if (call->dgamma || call->dbeta) wanted |= WNI_CUDA_WANT_PARAMS;
  if (call->stats == WNI_STATS_COMPUTED && call->running_mean) {
    wanted |= WNI_CUDA_WANT_RUNNING;
    if (call->batches_seen) wanted |= WNI_CUDA_WANT_COUNT;
  }
  return wanted;
}

static int log2_of(int power) {
  int log = 0;
  while (power >> (log + 1)) log++;
  return log;
}

static void *array(void *work, size_t at) { return at == WNI_CUDA_NONE ? NULL : (char *)work + at; }

static void sync_make(const wni_cuda_plan *plan, const wni_call *call, void *work, wni_cuda_job *job) {
  job->mine = array(work, plan->at.mine);
  job->all = array(work, plan->at.all);
  job->joined = array(work, plan->at.joined);
  job->message_bytes = wni_sync_bytes(wni_dtype_size(call->types.real), call->geo.params);
  job->sync_ranks = call->sync ? call->sync->comm.ranks : 0;
  job->sync_plan = call->sync ? call->sync->plan : 0;
  job->sync_state = call->sync ? call->sync->state : NULL;
}

static bool is_wide(const void *p) { return ((uintptr_t)p & 15) == 0; }

/* From one run to any other are whole octets. */
static bool is_wide_tensor(const wni_geometry *g, const wni_tensor *t) {
  int64_t steps = 0;
  for (int i = 0; i < 3; i++)
    if (g->extent[i] > 1) steps |= t->view.stride[i];
  return !t->data || (is_wide(t->data) && steps % WNI_OCTET == 0);
}

static bool is_plain(const wni_cuda_row *row, const wni_call *call) {
  const wni_tensor *const tensors[] = {&call->x, &call->y, &call->dy, &call->dx};
  for (int i = 0; i < 4; i++)
    if (!is_wide_tensor(&call->geo, tensors[i])) return false;
  const bool params =
      !row->per_element || (is_wide(call->gamma) && is_wide(call->beta) && call->geo.param_step % WNI_OCTET == 0);
  return row->last == WNI_OCTET && params && call->add == WN_ADD_NONE && !call->mask && !call->y_amax;
}

static bool is_side_by_side(const wni_geometry *g, const wni_tensor *t) {
  const int64_t *const stride = t->view.stride;
  return !t->data || ((g->extent[1] == 1 || stride[1] == g->set_size) &&
                      (g->extent[0] == 1 || stride[0] == g->extent[1] * g->set_size));
}

static void set_constants(const wni_call *call, wni_cuda_job *job) {
  job->f64.inverse_size = call->geo.set_size > 0 ? 1.0 / (double)call->geo.set_size : 0;
  job->f64.eps = call->eps;
  job->f32.inverse_size = (float)job->f64.inverse_size;
  job->f32.eps = (float)call->eps;
}

/* What a pass reads first. */
static void set_ahead(const wni_cuda_row *row, const wni_call *call, wni_cuda_job *job) {
  const wni_geometry *const g = &call->geo;
  const bool wide = row->last == WNI_OCTET && is_wide_tensor(g, &call->x) && is_wide_tensor(g, &call->dy);
  job->ahead = g->pattern == WNI_ROW && wide;
  job->sets_ahead = job->ahead && row->runs == 1 && is_side_by_side(g, &call->x) && is_side_by_side(g, &call->dy);
}

static unsigned in_flight_of_thread(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_launch *l) {
  const int64_t threads = wni_cuda_resident(in, d, l) * l->block;
  return (unsigned)((d->in_flight + threads - 1) / threads);
}

/* A tensor's sets evenly apart, by *step. */
static bool has_step(const wni_geometry *g, const wni_tensor *t, int64_t *step) {
  const int64_t *const stride = t->view.stride;
  *step = g->extent[1] == 1 ? stride[0] : stride[1];
  return g->extent[0] == 1 || g->extent[1] == 1 || stride[0] == g->extent[1] * stride[1];
}

/* Makes such a job of one with whole sets, if it can. */
static bool make_even(wni_cuda_job *job) {
  wni_tensor *const tensors[] = {&job->call.x, &job->call.y, &job->call.dy, &job->call.dx};
  int64_t step[4];
  for (int i = 0; i < 4; i++)
    if (!has_step(&job->call.geo, tensors[i], &step[i])) return false;
  for (int i = 0; i < 4; i++) tensors[i]->view.stride[2] = step[i]; /* there is one run */
  return true;
}

static bool has_whole_sets(const wni_cuda_launch *l) {
  return (l->function == WNI_CUDA_ROW_FORWARD || l->function == WNI_CUDA_ROW_BACKWARD) && l->variant != WNI_CUDA_TEAM;
}

static bool is_column(wni_cuda_function f) {
  return f >= WNI_CUDA_COLUMN_FORWARD && f <= WNI_CUDA_COLUMN_BACKWARD_APPLY;
}

/* All rows of a slab are as far from one another. */
static bool is_even(const wni_tensor *t, int a, int64_t inner) {
  return !t->data || t->view.stride[a] == inner * t->view.stride[a + 1];
}

static wni_cuda_step step_of(const wni_cuda_walk *w, const wni_tensor *t, int a) {
  const int64_t bytes = (int64_t)wni_dtype_size(t->type), by_a = bytes * t->view.stride[a],
                by_b = bytes * t->view.stride[a + 1];
  return (wni_cuda_step){w->step_a * by_a + w->step_b * by_b, w->even ? 0 : by_a - w->inner * by_b};
}

/* COLUMN: a slab's rows are (a, b), the strides 1 and 2 of a tensor. ROW sets whose parameters go by column are one
 * slab: a row for each outer index, or where each middle one has the same parameters for those too: strides 0 and 1.
 * Where that makes no difference all are b. */
static wni_cuda_walk walk_make(const wni_call *call, const wni_cuda_launch *l, int tile_octets) {
  const wni_geometry *const g = &call->geo;
  const bool column = g->pattern == WNI_COLUMN;
  const int a = column ? 1 : 0;
  const int64_t inner = column ? g->extent[2] : g->param_step == 0 ? g->extent[1] : 1;
  const wni_tensor *const tensors[] = {&call->x,  &call->residual, &call->y,  &call->sum,
                                       &call->dy, &call->dsum,     &call->dx, &call->dresidual};
  bool even = true;
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
    even = even && (g->extent[a] == 1 || is_even(tensors[i], a, inner));
  wni_cuda_walk w = {.lanes = (int)l->block / tile_octets,
                     .even = even || inner == 1,
                     .inner = even && inner != 1 ? g->extent[a] * inner : inner};
  w.step_a = w.inner > w.lanes ? 0 : w.lanes / (int)w.inner;
  w.step_b = w.lanes - w.step_a * (int)w.inner;
  wni_cuda_step *const steps[] = {&w.x, &w.residual, &w.y, &w.sum, &w.dy, &w.dsum, &w.dx, &w.dresidual};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) *steps[i] = step_of(&w, tensors[i], a);
  return w;
}

static void job_make(const wni_cuda_plan *plan, const wni_call *call, unsigned wanted, void *work, wni_cuda_job *job) {
  const int lanes = plan->cut.row.lanes;
  job->call = *call;
  job->cut = plan->cut;
  job->walk = (wni_cuda_walk){0};
  job->lanes_log2 = lanes <= 32 ? log2_of(lanes) : 5;
  job->tile_octets_log2 = log2_of(plan->cut.column.tile_octets);
  job->moments = array(work, plan->at.moments);
  job->stats = array(work, plan->at.stats);
  job->sums = array(work, plan->at.sums);
  job->set_sums = array(work, plan->at.set_sums);
  job->params = array(work, plan->at.params);
  job->arrived = array(work, plan->at.arrived);
  sync_make(plan, call, work, job);
  /* Of whole sets nobody else needs the statistics. */
  const wni_cuda_function first = plan->launch[0].function;
  const bool whole = first == WNI_CUDA_ROW_FORWARD || first == WNI_CUDA_COLUMN_FORWARD;
  if (whole && !(wanted & WNI_CUDA_WANT_RUNNING)) job->stats = NULL;
}

/* Kernels that follow another one of the call, and wait for it themselves (begin_later): they may be brought to where
 * that one leaves room, and begin when it ends, not a launch later. */
static bool waits(wni_cuda_function function) {
  switch (function) {
    case WNI_CUDA_ROW_FORWARD:
    case WNI_CUDA_ROW_MOMENTS:
    case WNI_CUDA_ROW_BACKWARD:
    case WNI_CUDA_ROW_BACKWARD_SUMS:
    case WNI_CUDA_COLUMN_FORWARD:
    case WNI_CUDA_COLUMN_MOMENTS:
    case WNI_CUDA_COLUMN_BACKWARD:
      return false;
    default:
      return true;
  }
}

/* early: a kernel of the call is what is in front of it in the stream, and the device has such launches. */
static wn_status launch(const wni_cuda_launch *l, bool early, wni_cuda_job *job, cudaStream_t stream) {
  if (l->function == WNI_CUDA_EXCHANGE)
    return wni_sync_gather(job->call.sync, job->mine, job->all, job->message_bytes, stream);
  cudaLaunchAttribute how[3];
  unsigned count = 0;
  if (l->together)
    how[count++] = (cudaLaunchAttribute){.id = cudaLaunchAttributeCooperative, .val = {.cooperative = 1}};
  if (early)
    how[count++] = (cudaLaunchAttribute){.id = cudaLaunchAttributeProgrammaticStreamSerialization,
                                         .val = {.programmaticStreamSerializationAllowed = 1}};
  if (l->cluster > 1)
    how[count++] =
        (cudaLaunchAttribute){.id = cudaLaunchAttributeClusterDimension, .val = {.clusterDim = {l->cluster, 1, 1}}};
  const cudaLaunchConfig_t config = {.gridDim = {l->grid, 1, 1},
                                     .blockDim = {l->block, 1, 1},
                                     .dynamicSmemBytes = l->shared,
                                     .stream = stream,
                                     .attrs = how,
                                     .numAttrs = count};
  void *arguments[] = {job};
  return CUDA(cudaLaunchKernelExC, &config, wni_cuda_kernel(l->function, l->variant, &job->call.types), arguments);
}

/* How many blocks of each team have come. */
static wn_status clear_arrived(const wni_cuda_launch *l, const wni_cuda_job *job, cudaStream_t stream) {
  return l->together ? CUDA(cudaMemsetAsync, job->arrived, 0, l->grid * sizeof *job->arrived, stream) : WN_OK;
}

/* max |y| as bits, of which kernels take the largest. */
static wn_status clear_amax(const wni_call *call, cudaStream_t stream) {
  return call->y_amax ? CUDA(cudaMemsetAsync, call->y_amax, 0, sizeof *call->y_amax, stream) : WN_OK;
}

/* Nothing to normalize: no statistic and no counter changes. */
static wn_status run_empty(const wni_call *call, cudaStream_t stream) {
  if (!is_backward(call->pass)) return clear_amax(call, stream);
  if (call->flags & WN_GRAD_ADD) return WN_OK;
  const size_t bytes = (size_t)call->geo.params * wni_dtype_size(call->types.param_grad);
  wn_status status = WN_OK;
  if (call->dgamma) status = CUDA(cudaMemsetAsync, call->dgamma, 0, bytes, stream);
  if (call->dbeta && status == WN_OK) status = CUDA(cudaMemsetAsync, call->dbeta, 0, bytes, stream);
  return status;
}

/* Sweeps over tensors, and what is made of their sums alone: a rank without samples leaves these out. */
static bool needs_samples(wni_cuda_function function) {
  return function <= WNI_CUDA_COLUMN_BACKWARD_APPLY || function == WNI_CUDA_MERGE_PARAMS;
}

static wn_status run_here(wni_cuda_state *s, const wni_plan_input *in, const wni_call *call, void *work,
                          cudaStream_t stream) {
  const bool empty = wni_elements(&call->geo) == 0;
  if (empty) {
    const wn_status status = run_empty(call, stream);
    if (status != WN_OK || !call->sync) return status;
  }
  wni_cuda_plan plan;
  wni_plan_cuda(in, &s->figures, &plan);
  const unsigned wanted = wanted_by(call);
  wni_cuda_job job;
  job_make(&plan, call, wanted, work, &job);
  wn_status status = empty ? WN_OK : clear_amax(call, stream);
  const bool plain = call->geo.pattern == WNI_ROW && is_plain(&plan.cut.row, call);
  set_ahead(&plan.cut.row, call, &job);
  set_constants(call, &job);
  bool behind_kernel = false;
  for (int i = 0; i < plan.launches && status == WN_OK; i++) {
    const wni_cuda_launch *const l = &plan.launch[i];
    job.plain = plain && wni_cuda_may_be_plain(l->function, &plan.cut.row);
    job.even = job.plain && has_whole_sets(l) && make_even(&job);
    if (has_whole_sets(l)) job.plain = job.even;
    job.in_flight = in_flight_of_thread(in, &s->figures, l);
    if (empty && needs_samples(l->function)) continue;
    if (l->wanted != 0 && !(l->wanted & wanted)) continue;
    if (is_column(l->function)) job.walk = walk_make(call, l, plan.cut.column.tile_octets);
    status = clear_arrived(l, &job, stream);
    if (status == WN_OK) status = launch(l, behind_kernel && !l->together && waits(l->function), &job, stream);
    behind_kernel = s->figures.sm >= 90 && l->function != WNI_CUDA_EXCHANGE;
  }
  return status;
}

wn_status wni_cuda_run(void *state, const wni_plan_input *input, const wni_call *call, void *work, void *stream) {
  wni_cuda_visit visit;
  const wn_status status = wni_cuda_enter(state, &visit);
  if (status != WN_OK) return status;
  return wni_cuda_leave(&visit, run_here(state, input, call, work, stream));
}
