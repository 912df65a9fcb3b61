/* What kernels are handed: a call's job, and what of it is a launch's. */
#include "job_cuda.h"

#include "names.h"
#include "sync.h"

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
  const double inverse_size = call->geo.set_size > 0 ? 1.0 / (double)call->geo.set_size : 0;
  job->f64 = (wni_cuda_constants_f64){inverse_size, call->eps, call->act_slope};
  job->f32 = (wni_cuda_constants_f32){(float)inverse_size, (float)call->eps, (float)call->act_slope};
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
  if (job->call.geo.param_step != 0 && job->call.geo.extent[1] > INT32_MAX) return false; /* is counted in 32 bits */
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

void wni_cuda_job_make(const wni_cuda_plan *plan, const wni_call *call, unsigned wanted, void *work,
                       wni_cuda_job *job) {
  const int lanes = plan->cut.row.lanes;
  job->call = *call;
  job->cut = plan->cut;
  job->lanes_log2 = lanes <= 32 ? log2_of(lanes) : 5;
  job->tile_octets_log2 = log2_of(plan->cut.column.tile_octets);
  job->moments = array(work, plan->at.moments);
  job->stats = array(work, plan->at.stats);
  job->sums = array(work, plan->at.sums);
  job->set_sums = array(work, plan->at.set_sums);
  job->params = array(work, plan->at.params);
  job->arrived = array(work, plan->at.arrived);
  sync_make(plan, call, work, job);
  set_ahead(&plan->cut.row, call, job);
  set_constants(call, job);
  /* Of whole sets nobody else needs the statistics. */
  const wni_cuda_function first = plan->launch[0].function;
  const bool whole = first == WNI_CUDA_ROW_FORWARD || first == WNI_CUDA_COLUMN_FORWARD;
  if (whole && !(wanted & WNI_CUDA_WANT_RUNNING)) job->stats = NULL;
}

/* The kernel's short way is for this launch. */
static void set_plain(const wni_cuda_launch *l, wni_cuda_job *job) {
  const wni_cuda_row *const row = &job->cut.row;
  const bool plain = job->call.geo.pattern == WNI_ROW && is_plain(row, &job->call);
  job->plain = plain && wni_cuda_may_be_plain(l->function, row);
  job->even = job->plain && has_whole_sets(l) && make_even(job);
  if (has_whole_sets(l)) job->plain = job->even;
}

void wni_cuda_job_for(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_launch *l,
                      wni_cuda_job *job) {
  set_plain(l, job);
  job->in_flight = in_flight_of_thread(in, d, l);
  job->walk = (wni_cuda_walk){0};
  if (is_column(l->function)) job->walk = walk_make(&job->call, l, job->cut.column.tile_octets);
}
