/* What a plan's launches move: sweeps over tensors, what a second one finds in the cache, and partial results. */
#include "plan_cuda_parts.h"

/* ---- sweeps ----------------------------------------------------------------------------------------------------- */

/* Bytes of tensors. */
typedef struct sweep_bytes {
  double first;  /* what the first sweep reads */
  double fresh;  /* what the last sweep reads that none has read before */
  double again;  /* and what it reads again */
  double stored; /* by the first sweep: the sum, which the last one reads */
} sweep_bytes;

static double elements_of(const wni_plan_input *in) { return (double)wni_elements(&in->geo); }
static double tensor_bytes(const wni_plan_input *in, wn_dtype type) { return elements_of(in) * (double)size_of(type); }
static double mask_bytes(const wni_plan_input *in) { return (double)wni_mask_bytes_by_span(&in->geo); }

static sweep_bytes forward_sweeps(const wni_plan_input *in) {
  const double x = tensor_bytes(in, in->types.x);
  const bool before = in->add == WN_ADD_BEFORE, stores = before && in->pass == WN_TRAIN;
  return (sweep_bytes){.first = before ? 2 * x : x,
                       .fresh = in->add == WN_ADD_AFTER ? x : 0,
                       .again = before && !stores ? 2 * x : x,
                       .stored = stores ? x : 0};
}

static sweep_bytes backward_sweeps(const wni_plan_input *in, bool masked) {
  const double x = tensor_bytes(in, in->types.x);
  double reads = x + tensor_bytes(in, in->types.dy);
  if (in->act != WN_ACT_NONE && masked)
    reads += mask_bytes(in);
  else if (in->act != WN_ACT_NONE && in->add == WN_ADD_AFTER)
    reads += x;
  return (sweep_bytes){.first = reads, .fresh = in->add == WN_ADD_BEFORE ? x : 0, .again = reads};
}

static double tensors_written(const wni_plan_input *in, bool masked) {
  const double x = tensor_bytes(in, in->types.x);
  if (is_backward(in)) return in->add == WN_ADD_AFTER ? 2 * x : x;
  return tensor_bytes(in, in->types.y) + (in->add == WN_ADD_BEFORE && in->pass == WN_TRAIN ? x : 0) +
         (masked ? mask_bytes(in) : 0);
}

/* ---- what is read a second time --------------------------------------------------------------------------------- */

static bool has_launch(const wni_cuda_plan *plan, wni_cuda_function function) {
  for (int i = 0; i < plan->launches; i++)
    if (plan->launch[i].function == function) return true;
  return false;
}

static bool is_whole(const wni_cuda_launch *l) {
  return l->function == WNI_CUDA_ROW_FORWARD || l->function == WNI_CUDA_ROW_BACKWARD;
}

/* Registers keep x and g of 16-bit types, or one octet, until dx is made; teams of blocks what they have shared memory
 * for, which is all or nothing. */
static bool holds_sets(const wni_plan_input *in, const wni_cuda_plan *plan) {
  const wni_cuda_launch *const l = &plan->launch[0];
  if (l->variant == WNI_CUDA_TEAM) return plan->cut.row.kept_octets > 0;
  return !is_backward(in) || l->variant == WNI_CUDA_LANES_1 || size_of(in->types.x) <= 2;
}

/* Sweeps over tensors that have been read before. */
static int second_sweeps(const wni_plan_input *in, const wni_cuda_plan *plan) {
  if (plan->cut.column.team != 0) return 0;
  if (is_whole(&plan->launch[0])) return holds_sets(in, plan) ? 0 : 1;
  if (in->stats == WNI_STATS_RUNNING) return 0;
  const bool third = in->geo.pattern == WNI_ROW && has_launch(plan, WNI_CUDA_COLUMN_BACKWARD_SUMS);
  return third ? 2 : 1;
}

/* Of the whole, what is under way at once: the sets of all resident blocks; or everything between two launches. */
static double share_between(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_plan *plan) {
  const wni_cuda_launch *const l = &plan->launch[0];
  if (!is_whole(l)) return 1;
  const double blocks = (double)(wni_cuda_resident(in, d, l) * d->sms), sets = (double)in->geo.sets;
  return blocks < sets ? blocks / sets : 1;
}

/* How much of what a sweep has touched is still in the cache when the next one comes to it, touching `besides` that the
 * first did not. Going the same way, what is read soon has only the first sweep between. Going back, of both sweeps
 * there is the same part between; but blocks are not in step, and a quarter of it is not counted upon. */
static double share_that_stays(const wni_cuda_figures *d, double first, double besides, bool back) {
  const double left = cache_of(d) - first;
  if (back) return cache_of(d) >= first + besides ? 1 : 0.75 * cache_of(d) / (first + besides);
  return left >= besides ? 1 : left > 0 ? left / besides : 0;
}

/* ---- parameters, statistics, partial results -------------------------------------------------------------------- */

static double params_read(const wni_plan_input *in, bool masked) {
  const bool beta = !is_backward(in) || (in->act != WN_ACT_NONE && !masked); /* to make signs and slopes again */
  const double param = (double)size_of(in->types.param), real = (double)size_of(in->types.real);
  const double params = (double)in->geo.params, running = in->stats == WNI_STATS_RUNNING ? 2 * params * real : 0;
  const double old = may_update_running(in) ? 2 * params * real : 0;
  const double saved = (double)in->geo.sets * real * (in->geo.centered ? 2 : 1);
  return (beta ? 2 : 1) * params * param + running + old + (in->stats == WNI_STATS_SAVED ? saved : 0);
}

static double params_written(const wni_plan_input *in) {
  const double params = (double)in->geo.params, real = (double)size_of(in->types.real);
  if (is_backward(in)) return 2 * params * (double)size_of(in->types.param_grad);
  if (in->pass != WN_TRAIN) return 0;
  return (double)in->geo.sets * real * (in->geo.centered ? 2 : 1) + (may_update_running(in) ? 2 * params * real : 0);
}

/* Numbers that a launch leaves in the workspace. */
static double numbers_left(const wni_plan_input *in, const wni_cuda_plan *plan, const wni_cuda_launch *l) {
  const wni_geometry *const g = &in->geo;
  const wni_cuda_row *const r = &plan->cut.row;
  const wni_cuda_column *const c = &plan->cut.column;
  const double sets = (double)g->sets, rows = (double)plan->cut.param_rows, params = (double)g->params;
  const double pieces = sets * (double)(r->param_run != 0 ? r->runs * r->segments : r->segments);
  const double columns = (double)(g->pattern == WNI_COLUMN ? g->extent[0] : 1) * (double)(c->chunks * c->columns);
  switch (l->function) {
    case WNI_CUDA_ROW_MOMENTS:
      return 4 * sets * (double)r->segments;
    case WNI_CUDA_COLUMN_FORWARD:
      return 4 * columns + (may_update_running(in) ? 4 * sets : 0);
    case WNI_CUDA_COLUMN_MOMENTS:
      return 4 * columns;
    case WNI_CUDA_ROW_FORWARD:
      return (may_update_running(in) ? 4 * sets : 0) + (r->team > 1 ? 4 * pieces : 0);
    case WNI_CUDA_MERGE_MOMENTS:
      return 4 * sets;
    case WNI_CUDA_ROW_BACKWARD:
      return r->per_element ? 2 * rows * params + (r->team > 1 ? 2 * pieces : 0) : 2 * pieces;
    case WNI_CUDA_ROW_BACKWARD_SUMS:
      return 2 * pieces;
    case WNI_CUDA_ROW_BACKWARD_APPLY:
      return in->stats == WNI_STATS_RUNNING ? 2 * pieces : 0;
    case WNI_CUDA_COLUMN_BACKWARD:
      return 2 * columns + (g->param_by_row ? 2 * rows * params : 0);
    case WNI_CUDA_COLUMN_BACKWARD_SUMS:
      return 2 * columns;
    case WNI_CUDA_COLUMN_BACKWARD_APPLY:
      return (in->stats == WNI_STATS_RUNNING ? 2 * columns : 0) + (g->param_by_row ? 2 * rows * params : 0);
    case WNI_CUDA_MERGE_SUMS:
      return 2 * sets;
    default:
      return 0;
  }
}

/* Of a column team's mask, which has a bit for each column: tiles that share a sector of it come to it at different
 * times, if not all are under way at once. */
static double mask_again(const wni_plan_input *in, const wni_cuda_plan *plan) {
  enum { SECTOR_OCTETS = 32 };
  const wni_cuda_column *const c = &plan->cut.column;
  if (c->team == 0) return 0;
  const int64_t at_once = (int64_t)plan->launch[0].grid / c->team * c->team_tiles;
  return mask_bytes(in) * (double)(ceil_div(least(c->tiles, SECTOR_OCTETS / c->tile_octets), at_once) - 1);
}

/* ---- together --------------------------------------------------------------------------------------------------- */

wni_cuda_traffic wni_cuda_count(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_plan *plan,
                                bool masked) {
  const sweep_bytes s = is_backward(in) ? backward_sweeps(in, masked) : forward_sweeps(in);
  const double written = tensors_written(in, masked), first = s.first + s.stored;
  const int again = second_sweeps(in, plan);
  const bool back = again == 1 && !is_whole(&plan->launch[0]);
  wni_cuda_traffic t = {.read = s.first + s.fresh + params_read(in, masked), .written = written + params_written(in)};
  for (int i = 0; i < again; i++) {
    const double share = share_between(in, d, plan), besides = i + 1 < again ? 0 : s.fresh + written - s.stored;
    const double stays = s.again * share_that_stays(d, share * first, share * besides, back);
    t.cached += stays;
    t.again += s.again - stays;
  }
  if (is_backward(in) && masked) t.again += mask_again(in, plan);
  t.read += t.again;
  for (int i = 0; i < plan->launches; i++)
    t.partial += numbers_left(in, plan, &plan->launch[i]) * (double)size_of(in->types.real);
  return t;
}
