#include "plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "names.h"

static wni_stats stats_of(const wni_problem *problem, wn_pass pass) {
  switch (pass) {
    case WN_BACKWARD:
      return WNI_STATS_SAVED;
    case WN_BACKWARD_FROZEN:
      return WNI_STATS_RUNNING;
    case WN_INFER:
      return problem->running ? WNI_STATS_RUNNING : WNI_STATS_COMPUTED;
    case WN_TRAIN:
      break;
  }
  return WNI_STATS_COMPUTED;
}

wni_plan_input wni_plan_input_make(const wni_problem *problem, wn_pass pass, int64_t n) {
  const wn_problem *const p = &problem->given;
  const wni_stats stats = stats_of(problem, pass);
  /* Running statistics are those of every part; parts matter only where statistics are computed. */
  const int64_t parts = stats == WNI_STATS_RUNNING ? 1 : p->parts;
  const wni_plan_input input = {.pass = pass,
                                .stats = stats,
                                .geo = wni_geometry_make(p, n, parts),
                                .types = problem->types,
                                .act = p->act,
                                .add = p->add,
                                .flags = p->flags,
                                .running = problem->running,
                                .ranks = stats == WNI_STATS_RUNNING ? 0 : problem->ranks};
  return input;
}

static bool pass_exists(const wni_problem *problem, wn_pass pass) {
  if (pass == WN_BACKWARD) return problem->backward;
  if (pass == WN_BACKWARD_FROZEN) return problem->backward && problem->running;
  return true;
}

/* n that is a multiple of parts: the largest call, which a pass that computes statistics can bring. */
static int64_t largest_call(const wni_problem *problem) {
  return problem->given.n / problem->given.parts * problem->given.parts;
}

static wn_status prepare_pass(wn_plan *plan, wn_pass pass) {
  const wn_device *const device = plan->device;
  const wn_problem *const p = &plan->problem.given;
  const bool running = stats_of(&plan->problem, pass) == WNI_STATS_RUNNING;
  const int64_t n = running ? p->n : largest_call(&plan->problem);
  plan->has_pass[pass] = true;
  (void)snprintf(plan->range[pass], sizeof plan->range[pass], "warpnorm %s %s %" PRId64 "x%" PRId64 "x%" PRId64,
                 wni_kind_name(p->kind), wni_pass_name(pass), p->n, p->c, p->x);
  plan->input[pass] = wni_plan_input_make(&plan->problem, pass, n);
  plan->workspace[pass] = device->backend->workspace(device->state, &plan->input[pass]);
  return device->backend->prepare ? device->backend->prepare(device->state, &plan->input[pass]) : WN_OK;
}

wn_status wni_plan_make(wn_plan **out, wn_device *device, const wni_problem *problem) {
  wn_plan *const plan = calloc(1, sizeof *plan);
  if (!plan) return wni_error(WN_ERR_MEMORY, "no memory for a plan (%zu bytes)", sizeof *plan);
  plan->device = device;
  plan->problem = *problem;
  wn_status status = WN_OK;
  for (int pass = WN_TRAIN; pass < WNI_PASSES && status == WN_OK; pass++)
    if (pass_exists(problem, (wn_pass)pass)) status = prepare_pass(plan, (wn_pass)pass);
  if (status != WN_OK) {
    wn_plan_destroy(plan);
    return status;
  }
  *out = plan;
  return WN_OK;
}

wn_status wn_plan_create(wn_plan **out, wn_device *device, const wn_problem *problem) {
  if (!out) return wni_error(WN_ERR_ARGUMENT, "plan is NULL; the address of a wn_plan * is expected");
  *out = NULL;
  if (!device) return wni_error(WN_ERR_ARGUMENT, "device is NULL");
  wni_problem resolved;
  const wn_status status = wni_problem_resolve(problem, &resolved);
  return status == WN_OK ? wni_plan_make(out, device, &resolved) : status;
}

void wn_plan_destroy(wn_plan *plan) {
  if (!plan) return;
  wni_sync_destroy(plan->device, plan->sync);
  free(plan);
}

static bool known_pass(wn_pass pass) { return (int)pass >= WN_TRAIN && (int)pass < WNI_PASSES; }

size_t wn_plan_workspace(const wn_plan *plan, wn_pass pass) {
  return plan && known_pass(pass) ? plan->workspace[pass] : 0;
}

size_t wn_plan_mask(const wn_plan *plan) {
  if (!plan || !plan->problem.has_mask) return 0;
  /* The padded runs are the same for every split into parts. */
  const wni_geometry g = wni_geometry_make(&plan->problem.given, plan->problem.given.n, 1);
  return (size_t)plan->device->backend->mask_bytes(&g);
}

/* ---- explain --------------------------------------------------------------------------------------------------- */

typedef struct traffic {
  double read, written; /* bytes, the least that the pass can move */
} traffic;

static void add_tensor(double *side, double elements, wn_dtype type) {
  *side += elements * (double)wni_dtype_size(type);
}

static traffic least_traffic(const wni_plan_input *in) {
  const double elements = (double)wni_elements(&in->geo), params = (double)in->geo.params;
  traffic t = {0, 0};
  add_tensor(&t.read, elements, in->types.x);
  add_tensor(&t.read, 2 * params, in->types.param);
  if (in->pass == WN_TRAIN || in->pass == WN_INFER) {
    if (in->add != WN_ADD_NONE) add_tensor(&t.read, elements, in->types.x);
    add_tensor(&t.written, elements, in->types.y);
    if (in->add == WN_ADD_BEFORE && in->pass == WN_TRAIN) add_tensor(&t.written, elements, in->types.x);
  } else {
    add_tensor(&t.read, elements, in->types.dy);
    add_tensor(&t.written, elements, in->types.x);
    add_tensor(&t.written, 2 * params, in->types.param_grad);
    if (in->add == WN_ADD_AFTER) {
      if (in->act != WN_ACT_NONE) add_tensor(&t.read, elements, in->types.x);
      add_tensor(&t.written, elements, in->types.x);
    }
  }
  const double statistics = in->stats == WNI_STATS_RUNNING ? params : (double)in->geo.sets;
  add_tensor(in->pass == WN_TRAIN ? &t.written : &t.read,
             in->pass == WN_INFER && in->stats != WNI_STATS_RUNNING ? 0 : 2 * statistics, in->types.real);
  return t;
}

wn_status wn_plan_explain(const wn_plan *plan, wn_pass pass, char *text, size_t size) {
  if (!plan) return wni_error(WN_ERR_ARGUMENT, "plan is NULL");
  if (!text && size > 0) return wni_error(WN_ERR_ARGUMENT, "text is NULL, but size is %zu", size);
  if (!known_pass(pass))
    return wni_error(WN_ERR_ARGUMENT, "pass is %d; it must be %d to %d", (int)pass, WN_TRAIN, WN_BACKWARD_FROZEN);
  if (!plan->has_pass[pass]) return wni_error(WN_ERR_UNSUPPORTED, "the plan has no pass %s", wni_pass_name(pass));
  const wni_backend *const backend = plan->device->backend;
  const wni_plan_input *const in = &plan->input[pass];
  char choice[160];
  backend->explain(plan->device->state, in, choice, sizeof choice);
  const traffic t = least_traffic(in);
  const double bandwidth = backend->copy_bandwidth(plan->device->state);
  char bound[80] = "bound not known";
  if (bandwidth > 0)
    (void)snprintf(bound, sizeof bound, "bound %.3g us at %.3g GB/s", (t.read + t.written) / bandwidth * 1e6,
                   bandwidth / 1e9);
  char exchange[64] = "";
  if (in->ranks > 0)
    (void)snprintf(exchange, sizeof exchange, "; %zu bytes of each of %d ranks exchanged",
                   wni_sync_bytes(wni_dtype_size(in->types.real), in->geo.params), in->ranks);
  (void)snprintf(text, size, "%s %s: %s; %.6g MB read, %.6g MB written, workspace %zu bytes; %s%s",
                 wni_kind_name(plan->problem.given.kind), wni_pass_name(pass), choice, t.read / 1e6, t.written / 1e6,
                 plan->workspace[pass], bound, exchange);
  return WN_OK;
}
