/* The calls that run a plan: every argument checked, then one wni_call for the backend. */
#include <string.h>

#include "check_args.h"
#include "error.h"
#include "ranges.h"

int wn_version(void) { return WN_VERSION; }

/* Backends get one type of tensor for what is read and what is written; that they write only where the header says is
 * theirs to keep, and the tests'. */
static void *plain(const void *pointer) {
  void *out;
  memcpy(&out, &pointer, sizeof out);
  return out;
}

typedef struct frame {
  const wn_plan *plan;
  wni_plan_input input;
  wni_call call;
  int64_t n;
} frame;

static void frame_open(frame *f, const wn_plan *plan, wn_pass pass, int64_t n) {
  const wn_problem *const p = &plan->problem.given;
  f->plan = plan;
  f->n = n;
  f->input = n == p->n ? plan->input[pass] : wni_plan_input_make(&plan->problem, pass, n);
  memset(&f->call, 0, sizeof f->call);
  f->call.pass = pass;
  f->call.stats = f->input.stats;
  f->call.geo = f->input.geo;
  f->call.types = f->input.types;
  f->call.act = p->act;
  f->call.add = p->add;
  f->call.flags = p->flags;
  f->call.eps = p->eps;
  f->call.momentum = p->momentum;
  f->call.act_slope = p->act_slope;
  if (f->input.ranks > 0) f->call.sync = plan->sync;
}

static wni_tensor tensor(const frame *f, const void *data, wn_dtype type, wn_stride stride) {
  const int64_t parts = f->call.stats == WNI_STATS_RUNNING ? 1 : f->plan->problem.given.parts;
  const wni_tensor t = {plain(data), type, wni_view_make(&f->plan->problem.given, f->n, parts, stride)};
  return t;
}

static wn_status run(const frame *f, void *work, void *stream) {
  const wn_device *const device = f->plan->device;
  wni_range_open(f->plan->range[f->call.pass]);
  const wn_status status = device->backend->run(device->state, &f->input, &f->call, work, stream);
  wni_range_close();
  return status;
}

static wn_status forward(const wn_plan *plan, wn_pass pass, const wn_forward_args *a, wni_work work, void *stream) {
  int64_t n;
  const wn_status status = wni_check_forward(plan, pass, a, work, &n);
  if (status != WN_OK) return status;
  const wn_problem *const p = &plan->problem.given;
  const wni_types *const t = &plan->problem.types;
  frame f;
  frame_open(&f, plan, pass, n);
  wni_call *const c = &f.call;
  c->x = tensor(&f, a->x, t->x, p->x_stride);
  c->residual = tensor(&f, a->residual, t->x, p->residual_stride);
  c->y = tensor(&f, a->y, t->y, p->y_stride);
  c->sum = tensor(&f, a->sum, t->x, p->sum_stride);
  c->gamma = a->gamma;
  c->beta = a->beta;
  c->mean = a->mean;
  c->rstd = a->rstd;
  c->running_mean = a->running_mean;
  c->running_var = a->running_var;
  c->batches_seen = a->batches_seen;
  c->mask = a->mask;
  c->y_scale = a->y_scale;
  c->y_amax = a->y_amax;
  return run(&f, work.data, stream);
}

static wn_status backward(const wn_plan *plan, wn_pass pass, const wn_backward_args *a, wni_work work, void *stream) {
  int64_t n;
  const wn_status status = wni_check_backward(plan, pass, a, work, &n);
  if (status != WN_OK) return status;
  const bool exchanges = plan->input[pass].ranks > 0; /* the other ranks want this one's sums */
  if (!a->dx && !a->dresidual && !a->dgamma && !a->dbeta && !exchanges) return WN_OK;
  const wn_problem *const p = &plan->problem.given;
  const wni_types *const t = &plan->problem.types;
  frame f;
  frame_open(&f, plan, pass, n);
  wni_call *const c = &f.call;
  c->x = tensor(&f, a->x, t->x, p->add == WN_ADD_BEFORE ? p->sum_stride : p->x_stride);
  c->residual = tensor(&f, a->residual, t->x, p->residual_stride);
  c->dy = tensor(&f, a->dy, t->dy, p->dy_stride);
  c->dsum = tensor(&f, a->dsum, t->x, p->sum_stride);
  c->dx = tensor(&f, a->dx, t->x, p->dx_stride);
  c->dresidual = tensor(&f, a->dresidual, t->x, p->residual_stride);
  c->gamma = a->gamma;
  c->beta = a->beta;
  c->mean = plain(a->mean);
  c->rstd = plain(a->rstd);
  c->running_mean = plain(a->running_mean);
  c->running_var = plain(a->running_var);
  c->mask = plain(a->mask);
  c->dgamma = a->dgamma;
  c->dbeta = a->dbeta;
  return run(&f, work.data, stream);
}

wn_status wn_train(const wn_plan *plan, const wn_forward_args *args, void *work, size_t work_bytes, void *stream) {
  return forward(plan, WN_TRAIN, args, (wni_work){work, work_bytes}, stream);
}

wn_status wn_infer(const wn_plan *plan, const wn_forward_args *args, void *work, size_t work_bytes, void *stream) {
  return forward(plan, WN_INFER, args, (wni_work){work, work_bytes}, stream);
}

wn_status wn_backward(const wn_plan *plan, const wn_backward_args *args, void *work, size_t work_bytes, void *stream) {
  return backward(plan, WN_BACKWARD, args, (wni_work){work, work_bytes}, stream);
}

wn_status wn_backward_frozen(const wn_plan *plan, const wn_backward_args *args, void *work, size_t work_bytes,
                             void *stream) {
  return backward(plan, WN_BACKWARD_FROZEN, args, (wni_work){work, work_bytes}, stream);
}
