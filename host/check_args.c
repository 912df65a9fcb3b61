#include "check_args.h"

#include "error.h"
#include "names.h"
#include "region.h"

typedef enum { OPTIONAL, NEEDED, MEANINGLESS } need;

/* A pointer of a call, and what the rules say about it. */
typedef struct buffer {
  const char *name;
  const char *why; /* when it is needed or has no meaning: the reason */
  const void *data;
  need need;
  bool written;
  bool always;      /* needed without samples too */
  size_t element;   /* bytes; also the alignment */
  wn_stride stride; /* tensors */
  wni_region region;
} buffer;

enum { BUFFERS_MAX = 20 };

typedef struct list {
  const wn_problem *problem;
  int64_t n;
  bool shared; /* statistics are those of all ranks: there may be some where n is 0 */
  int count;
  buffer items[BUFFERS_MAX];
} list;

static buffer *add(list *l, const char *name, const void *data, bool written, size_t element) {
  buffer *const b = &l->items[l->count++];
  *b = (buffer){.name = name, .why = "", .data = data, .need = OPTIONAL, .written = written, .element = element};
  return b;
}

static buffer *add_tensor(list *l, const char *name, const void *data, bool written, wn_dtype type, wn_stride stride) {
  buffer *const b = add(l, name, data, written, wni_dtype_size(type));
  b->stride = stride;
  b->region = wni_region_tensor(data, l->problem, l->n, stride, b->element);
  return b;
}

static buffer *add_flat(list *l, const char *name, const void *data, bool written, size_t element, int64_t count) {
  buffer *const b = add(l, name, data, written, element);
  b->region = wni_region_flat(data, (int64_t)element * count);
  return b;
}

static void require(buffer *b, bool needed, const char *why) {
  if (needed) b->need = NEEDED, b->why = why;
}

static void refuse(buffer *b, bool meaningless, const char *why) {
  if (meaningless) b->need = MEANINGLESS, b->why = why;
}

static wn_status check_presence(const list *l) {
  for (int i = 0; i < l->count; i++) {
    const buffer *const b = &l->items[i];
    if (b->need == NEEDED && !b->data && (l->n > 0 || b->always))
      return wni_error(WN_ERR_ARGUMENT, "args.%s is NULL; it is needed: %s", b->name, b->why);
    if (b->need == MEANINGLESS && b->data)
      return wni_error(WN_ERR_ARGUMENT, "args.%s is %p; it must be NULL: %s", b->name, b->data, b->why);
    if (b->data && (uintptr_t)b->data % b->element != 0)
      return wni_error(WN_ERR_ARGUMENT, "args.%s is %p; it must be aligned to %zu bytes", b->name, b->data, b->element);
  }
  return WN_OK;
}

static bool same_name(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* The pairs that may be one buffer: written first. */
static bool may_alias(const char *written, const char *other) {
  static const char *const pairs[][2] = {{"y", "x"},   {"y", "residual"}, {"sum", "x"}, {"sum", "residual"},
                                         {"dx", "dy"}, {"dx", "dsum"},    {"dx", "x"},  {"dresidual", "dy"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    if (same_name(written, pairs[i][0]) && same_name(other, pairs[i][1])) return true;
  return false;
}

static bool in_place(const list *l, const buffer *a, const buffer *b) {
  const bool rows_match = l->n <= 1 || a->stride.row == b->stride.row;
  const bool pixels_match = l->problem->x == 1 || a->stride.pixel == b->stride.pixel;
  return a->data == b->data && a->element == b->element && rows_match && pixels_match;
}

static wn_status check_pair(const list *l, const buffer *written, const buffer *other) {
  if (!wni_regions_overlap(&written->region, &other->region)) return WN_OK;
  const bool pair = may_alias(written->name, other->name);
  if (pair && in_place(l, written, other)) return WN_OK;
  return wni_error(WN_ERR_ARGUMENT, "args.%s at %p overlaps args.%s at %p, and %s is written; %s", written->name,
                   written->data, other->name, other->data, written->name,
                   pair ? "in place needs the same pointer, strides and element size" : "these two may never overlap");
}

static wn_status check_overlaps(const list *l) {
  for (int i = 0; i < l->count; i++) {
    const buffer *const a = &l->items[i];
    if (!a->data || !a->written) continue;
    for (int j = 0; j < l->count; j++) {
      const buffer *const b = &l->items[j];
      if (j == i || !b->data || (b->written && j < i)) continue;
      const wn_status status = check_pair(l, a, b);
      if (status != WN_OK) return status;
    }
  }
  return WN_OK;
}

static wn_status check_work(const list *l, const wn_plan *plan, wn_pass pass, wni_work work) {
  const size_t bytes = plan->workspace[pass];
  if (bytes == 0 || (l->n == 0 && !l->shared)) return WN_OK;
  if (!work.data)
    return wni_error(WN_ERR_WORKSPACE, "work is NULL; this pass needs %zu bytes (wn_plan_workspace)", bytes);
  if (work.bytes < bytes)
    return wni_error(WN_ERR_WORKSPACE, "work_bytes is %zu; this pass needs %zu (wn_plan_workspace)", work.bytes, bytes);
  if ((uintptr_t)work.data % 256 != 0)
    return wni_error(WN_ERR_WORKSPACE, "work is %p; it must be aligned to 256 bytes", work.data);
  return WN_OK;
}

static wn_status check_pass(const wn_plan *plan, wn_pass pass) {
  if (plan->has_pass[pass]) return WN_OK;
  if (!plan->problem.backward)
    return wni_error(WN_ERR_UNSUPPORTED,
                     "%s: the plan has f8 y and dy_type default; name a dy_type for backward passes",
                     wni_pass_name(pass));
  return wni_error(WN_ERR_UNSUPPORTED,
                   "%s: kind %s keeps no running statistics here; batch does, and instance with WN_INSTANCE_RUNNING",
                   wni_pass_name(pass), wni_kind_name(plan->problem.given.kind));
}

static wn_status check_samples(const wn_plan *plan, wn_pass pass, int64_t given, int64_t *n) {
  const wn_problem *const p = &plan->problem.given;
  if (given < -1 || given > p->n)
    return wni_error(WN_ERR_SHAPE, "args.n is %lld; it must be 0 to the plan's %lld, or -1 for that", (long long)given,
                     (long long)p->n);
  *n = given < 0 ? p->n : given;
  const bool statistics = plan->input[pass].stats != WNI_STATS_RUNNING;
  if (statistics && *n % p->parts != 0)
    return wni_error(WN_ERR_SHAPE, "args.n is %lld; problem.parts, which is %lld, must divide it", (long long)*n,
                     (long long)p->parts);
  return WN_OK;
}

static wn_status check_list(list *l, const wn_plan *plan, wn_pass pass, wni_work work) {
  wn_status status = check_presence(l);
  if (status == WN_OK) status = check_work(l, plan, pass, work);
  if (status != WN_OK) return status;
  if (plan->workspace[pass] > 0 && work.data && (l->n > 0 || l->shared)) {
    buffer *const b = add_flat(l, "work", work.data, true, 1, (int64_t)plan->workspace[pass]);
    b->why = "workspace";
  }
  return check_overlaps(l);
}

static const char no_running[] = "only batch, and instance with WN_INSTANCE_RUNNING, have running statistics";
static const char both_running[] = "running_mean and running_var go together";
static const char no_mask[] = "only relu and leaky relu have a mask";
static const char no_mean[] = "rms subtracts no mean";
static const char no_residual[] = "problem.add is none";

static void forward_tensors(list *l, const wni_problem *problem, wn_pass pass, const wn_forward_args *a) {
  const wn_problem *const p = &problem->given;
  const wni_types *const t = &problem->types;
  require(add_tensor(l, "x", a->x, false, t->x, p->x_stride), true, "the input");
  buffer *const residual = add_tensor(l, "residual", a->residual, false, t->x, p->residual_stride);
  require(residual, p->add != WN_ADD_NONE, "problem.add names a residual");
  refuse(residual, p->add == WN_ADD_NONE, no_residual);
  require(add_tensor(l, "y", a->y, true, t->y, p->y_stride), true, "the output");
  buffer *const sum = add_tensor(l, "sum", a->sum, true, t->x, p->sum_stride);
  require(sum, p->add == WN_ADD_BEFORE && pass == WN_TRAIN, "training with WN_ADD_BEFORE stores x + residual");
  refuse(sum, p->add != WN_ADD_BEFORE, "only WN_ADD_BEFORE has a sum");
}

static void forward_statistics(list *l, const wn_plan *plan, wn_pass pass, const wn_forward_args *a) {
  const wni_problem *const problem = &plan->problem;
  const wni_geometry g = wni_geometry_make(&problem->given, l->n, problem->given.parts);
  const size_t real = wni_dtype_size(problem->types.real);
  const bool train = pass == WN_TRAIN, running = problem->running;
  buffer *const mean = add_flat(l, "mean", a->mean, true, real, g.sets);
  buffer *const rstd = add_flat(l, "rstd", a->rstd, true, real, g.sets);
  refuse(mean, problem->given.kind == WN_RMS, no_mean);
  refuse(mean, !train, "inference stores no statistics");
  refuse(rstd, !train, "inference stores no statistics");

  buffer *const running_mean = add_flat(l, "running_mean", a->running_mean, train, real, g.params);
  buffer *const running_var = add_flat(l, "running_var", a->running_var, train, real, g.params);
  require(running_mean, a->running_var != NULL, both_running);
  require(running_var, a->running_mean != NULL, both_running);
  require(running_mean, running && !train, "inference reads it");
  require(running_var, running && !train, "inference reads it");
  refuse(running_mean, !running, no_running);
  refuse(running_var, !running, no_running);

  const bool counts = train && a->running_mean && (problem->given.flags & WN_RUNNING_CUMULATIVE);
  buffer *const seen = add_flat(l, "batches_seen", a->batches_seen, true, sizeof(int64_t), 1);
  require(seen, counts, "WN_RUNNING_CUMULATIVE counts the calls in it");
  running_mean->always = running_var->always = seen->always = l->shared;
  refuse(seen, !counts, "it goes with training, WN_RUNNING_CUMULATIVE and running statistics");
}

static void forward_extras(list *l, const wn_plan *plan, wn_pass pass, const wn_forward_args *a) {
  const wni_problem *const problem = &plan->problem;
  buffer *const mask = add_flat(l, "mask", a->mask, true, 4, 0);
  mask->region = wni_region_flat(a->mask, (int64_t)wn_plan_mask(plan));
  refuse(mask, !problem->has_mask, no_mask);
  refuse(mask, pass == WN_INFER && !problem->running, "inference of this kind has no backward pass");
  const bool f8 = wni_dtype_size(problem->types.y) == 1;
  refuse(add_flat(l, "y_scale", a->y_scale, false, sizeof(float), 1), !f8, "only f8 y is scaled");
  refuse(add_flat(l, "y_amax", a->y_amax, true, sizeof(float), 1), !f8, "only f8 y has an amax");
}

static void add_parameters(list *l, const wni_problem *problem, const void *gamma, const void *beta) {
  const size_t size = wni_dtype_size(problem->types.param);
  add_flat(l, "gamma", gamma, false, size, problem->given.c);
  add_flat(l, "beta", beta, false, size, problem->given.c);
}

wn_status wni_check_forward(const wn_plan *plan, wn_pass pass, const wn_forward_args *a, wni_work work, int64_t *n) {
  if (!plan) return wni_error(WN_ERR_ARGUMENT, "plan is NULL");
  if (!a) return wni_error(WN_ERR_ARGUMENT, "args is NULL");
  if (a->size != sizeof *a)
    return wni_error(WN_ERR_ARGUMENT, "args.size is %zu; this library knows %zu: start from WN_FORWARD_INIT", a->size,
                     sizeof *a);
  wn_status status = check_samples(plan, pass, a->n, n);
  if (status != WN_OK) return status;
  list l = {.problem = &plan->problem.given, .n = *n, .shared = plan->input[pass].ranks > 0, .count = 0};
  forward_tensors(&l, &plan->problem, pass, a);
  add_parameters(&l, &plan->problem, a->gamma, a->beta);
  forward_statistics(&l, plan, pass, a);
  forward_extras(&l, plan, pass, a);
  return check_list(&l, plan, pass, work);
}

static void backward_tensors(list *l, const wni_problem *problem, const wn_backward_args *a) {
  const wn_problem *const p = &problem->given;
  const wni_types *const t = &problem->types;
  const bool before = p->add == WN_ADD_BEFORE, after = p->add == WN_ADD_AFTER;
  require(add_tensor(l, "x", a->x, false, t->x, before ? p->sum_stride : p->x_stride), true,
          before ? "the stored sum of the forward call" : "the input of the forward call");
  buffer *const residual = add_tensor(l, "residual", a->residual, false, t->x, p->residual_stride);
  require(residual, after && p->act != WN_ACT_NONE && !a->mask, "the derivative needs it, or a mask");
  refuse(residual, !after, "only WN_ADD_AFTER reads it in a backward pass");
  require(add_tensor(l, "dy", a->dy, false, t->dy, p->dy_stride), true, "the gradient of y");
  refuse(add_tensor(l, "dsum", a->dsum, false, t->x, p->sum_stride), !before, "only WN_ADD_BEFORE has a sum");
  add_tensor(l, "dx", a->dx, true, t->x, p->dx_stride);
  refuse(add_tensor(l, "dresidual", a->dresidual, true, t->x, p->residual_stride), !after,
         before ? "with WN_ADD_BEFORE dx is the gradient of the residual too" : no_residual);
}

static void backward_statistics(list *l, const wn_plan *plan, wn_pass pass, const wn_backward_args *a) {
  const wni_problem *const problem = &plan->problem;
  const wni_geometry g = wni_geometry_make(&problem->given, l->n, problem->given.parts);
  const size_t real = wni_dtype_size(problem->types.real);
  const bool frozen = pass == WN_BACKWARD_FROZEN, rms = problem->given.kind == WN_RMS;
  buffer *const mean = add_flat(l, "mean", a->mean, false, real, g.sets);
  buffer *const rstd = add_flat(l, "rstd", a->rstd, false, real, g.sets);
  buffer *const running_mean = add_flat(l, "running_mean", a->running_mean, false, real, g.params);
  buffer *const running_var = add_flat(l, "running_var", a->running_var, false, real, g.params);
  require(mean, !frozen && !rms, "as wn_train saved it");
  require(rstd, !frozen, "as wn_train saved it");
  refuse(mean, rms, no_mean);
  refuse(mean, frozen, "the frozen pass reads running statistics");
  refuse(rstd, frozen, "the frozen pass reads running statistics");
  require(running_mean, frozen, "the frozen pass reads it");
  require(running_var, frozen, "the frozen pass reads it");
  refuse(running_mean, !frozen, "only wn_backward_frozen reads running statistics");
  refuse(running_var, !frozen, "only wn_backward_frozen reads running statistics");
}

wn_status wni_check_backward(const wn_plan *plan, wn_pass pass, const wn_backward_args *a, wni_work work, int64_t *n) {
  if (!plan) return wni_error(WN_ERR_ARGUMENT, "plan is NULL");
  if (!a) return wni_error(WN_ERR_ARGUMENT, "args is NULL");
  if (a->size != sizeof *a)
    return wni_error(WN_ERR_ARGUMENT, "args.size is %zu; this library knows %zu: start from WN_BACKWARD_INIT", a->size,
                     sizeof *a);
  wn_status status = check_pass(plan, pass);
  if (status == WN_OK) status = check_samples(plan, pass, a->n, n);
  if (status != WN_OK) return status;
  const wni_problem *const problem = &plan->problem;
  list l = {.problem = &problem->given, .n = *n, .shared = plan->input[pass].ranks > 0, .count = 0};
  backward_tensors(&l, problem, a);
  add_parameters(&l, problem, a->gamma, a->beta);
  backward_statistics(&l, plan, pass, a);
  buffer *const mask = add_flat(&l, "mask", a->mask, false, 4, 0);
  mask->region = wni_region_flat(a->mask, (int64_t)wn_plan_mask(plan));
  refuse(mask, !problem->has_mask, no_mask);
  const size_t grad = wni_dtype_size(problem->types.param_grad);
  add_flat(&l, "dgamma", a->dgamma, true, grad, problem->given.c);
  add_flat(&l, "dbeta", a->dbeta, true, grad, problem->given.c);
  return check_list(&l, plan, pass, work);
}
