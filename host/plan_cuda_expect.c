/* What a plan costs, and the plan in words. */
#include <inttypes.h>
#include <stdio.h>

#include "plan_cuda_parts.h"

/* Threads whose registers a multiprocessor has, by the kernels' launch bounds: 128 registers each, where numbers are
 * wide the double. LANES_4 has an octet of two tensors, or of wide ones, four times. */
static int64_t threads_by_registers(const wni_plan_input *in, const wni_cuda_launch *l) {
  const wn_dtype other = is_backward(in) ? in->types.dy : in->types.y;
  const bool whole = l->function == WNI_CUDA_ROW_FORWARD || l->function == WNI_CUDA_ROW_BACKWARD;
  if (in->types.real == WN_F64) return 256;
  if (l->function == WNI_CUDA_COLUMN_BACKWARD_SUMS || l->function == WNI_CUDA_COLUMN_BACKWARD_APPLY) return 384;
  if (whole && l->variant == WNI_CUDA_LANES_4 && (is_backward(in) || size_of(in->types.x) > 2 || other != in->types.x))
    return 256;
  return 512;
}

/* Each block reserves 1 KB of shared memory. */
int64_t wni_cuda_resident(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_launch *l) {
  const int64_t threads = least(d->threads_per_sm, threads_by_registers(in, l));
  const int64_t by_shared = d->shared_per_sm / ((int64_t)l->shared + 1024);
  return most(1, least(least(threads / l->block, d->blocks_per_sm), by_shared));
}

static const double launch_seconds = 2.5e-6; /* a stream's launch to the next one's, measured on H200; a graph's: 1.3 */

/* Block barriers on the way of a set: strict statistics are two sums, moments and backward sums one. */
static int count_barriers(const wni_cuda_plan *plan) {
  const wni_cuda_launch *const l = &plan->launch[0];
  if (l->function == WNI_CUDA_ROW_FORWARD && l->variant >= WNI_CUDA_BLOCK_2) return l->variant == WNI_CUDA_TEAM ? 1 : 2;
  if (l->function == WNI_CUDA_ROW_BACKWARD) return l->variant >= WNI_CUDA_BLOCK_2;
  return l->function == WNI_CUDA_ROW_APPLY || l->function == WNI_CUDA_COLUMN_APPLY ? 0 : 1;
}

void wni_cuda_expect(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  plan->traffic = wni_cuda_count(in, d, plan, false);
  plan->barriers = count_barriers(plan);
  plan->waves = 0;
  for (int i = 0; i < plan->launches; i++) {
    const wni_cuda_launch *const l = &plan->launch[i];
    const double waves = (double)l->grid / (double)(wni_cuda_resident(in, d, l) * d->sms);
    if (waves > plan->waves) plan->waves = waves;
  }
  const wni_cuda_traffic *const t = &plan->traffic;
  plan->seconds = (t->read + t->written + t->partial) / d->bytes_per_second + plan->launches * launch_seconds;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

const char *wni_cuda_function_name(wni_cuda_function function) {
  static const char *const names[WNI_CUDA_FUNCTIONS] = {"row_forward",
                                                        "row_moments",
                                                        "row_apply",
                                                        "row_backward",
                                                        "row_backward_sums",
                                                        "row_backward_apply",
                                                        "column_forward",
                                                        "column_moments",
                                                        "column_apply",
                                                        "column_backward",
                                                        "column_backward_sums",
                                                        "column_backward_apply",
                                                        "merge_moments",
                                                        "merge_sums",
                                                        "merge_params",
                                                        "running",
                                                        "count_call",
                                                        "exchange",
                                                        "join_moments",
                                                        "join_sums"};
  return (unsigned)function < WNI_CUDA_FUNCTIONS ? names[function] : "unknown";
}

const char *wni_cuda_scope_name(wni_cuda_function function, int variant) {
  static const char *const names[WNI_CUDA_SCOPES] = {"lanes_1", "lanes_4", "block_2", "block_4", "team"};
  const bool scoped = function == WNI_CUDA_ROW_FORWARD || function == WNI_CUDA_ROW_BACKWARD;
  return scoped && (unsigned)variant < WNI_CUDA_SCOPES ? names[variant] : "";
}

static void how_text(const wni_cuda_plan *plan, const wni_plan_input *in, char *text, size_t size) {
  const wni_cuda_launch *const l = &plan->launch[0];
  const wni_cuda_row *const r = &plan->cut.row;
  if (in->geo.pattern == WNI_COLUMN) {
    char blocks[24] = "";
    if (plan->cut.column.team > 1) (void)snprintf(blocks, sizeof blocks, "%d x ", plan->cut.column.team);
    (void)snprintf(text, size, "%stiles of %d columns x %" PRId64 " rows", blocks,
                   plan->cut.column.tile_octets * WNI_OCTET, plan->cut.column.chunk_rows);
  } else if (l->function == WNI_CUDA_ROW_FORWARD || l->function == WNI_CUDA_ROW_BACKWARD) {
    const char *const where = r->team == 0 ? "in registers" : r->kept_octets > 0 ? "in shared memory" : "read twice";
    char blocks[16] = "";
    if (r->team > 1) (void)snprintf(blocks, sizeof blocks, "%d x ", r->team);
    (void)snprintf(text, size, "%s%d %s a set, %s", blocks, r->lanes, r->lanes <= 32 ? "lanes" : "threads", where);
  } else {
    (void)snprintf(text, size, "sets in %" PRId64 " segments", r->segments);
  }
}

void wni_cuda_plan_text(const wni_cuda_plan *plan, const wni_plan_input *in, char *text, size_t size) {
  const wni_cuda_launch *const l = &plan->launch[0];
  char how[64];
  how_text(plan, in, how, sizeof how);
  (void)snprintf(text, size, "%s, %s, %u x %u threads, %d launch%s, %.2g waves, %.3g us",
                 wni_cuda_function_name(l->function), how, l->grid, l->block, plan->launches,
                 plan->launches == 1 ? "" : "es", plan->waves, plan->seconds * 1e6);
}
