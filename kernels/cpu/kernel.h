/* What the kernels of one instruction set and arithmetic offer to run.c, and what they are handed. */
#ifndef WNI_KERNEL_H
#define WNI_KERNEL_H
#include "host/call.h"
#include "host/integer.h"
#include "host/plan_cpu.h"
#include "isa.h"
#include "moments.h"

/* A call on its way: the plan for its n, and the workspace cut into arrays. Where the plan has no use for one it is
 * NULL. REAL is the type of the arithmetic. */
typedef struct wni_cpu_job {
  const wni_cpu_plan *plan;
  const wni_call *call;

  /* As REAL, never NULL, with what gamma - 1 and missing ones mean already done; expanded as the plan says. */
  const void *gamma, *beta;

  /* Where sets, slabs or columns are taken in waves (run.c): how far the next wave's are from this one's; 0: no
   * further. ROW sets; COLUMN slabs, or columns. */
  int64_t next_sets, next_columns;

  int64_t set_size; /* elements of a set: the geometry's, or in a sync plan, once exchanged, those of all ranks */

  wni_moments *moments; /* ROW: [set][segment]; COLUMN: [set]. Of what whole sets are tasks of, only where running
                           statistics need them */
  double *set_mean, *set_rstd; /* [set], or [parameter] with running statistics */

  /* ROW backward, cut into segments or not per_element: see kernels.
   * COLUMN, cut into chunks: [slab][chunk][2][column], forward means and m2, backward sums of dz xhat and of dz (with
   * the parameter by row: of g xhat and of g). */
  double *sums;
  double *set_sums; /* backward, cut into segments or chunks: [set][2] = mean of g xhat, mean of g */
  double *partial;  /* parameter sums [..][2][parameter], of dz xhat and of dz: of the rows of a ROW chunk; of a COLUMN
                       task's slabs; with the parameter by row of each [slab][block] */
  void *accumulators; /* ROW: the same in REAL, for few rows at a time */
  void *mine, *all;   /* sync plans: the messages of host/sync.h */
  bool stream;        /* y or dx goes past the caches */
  uint32_t *amax;     /* max |y| as bits, 0 at first; NULL: not wanted */
} wni_cpu_job;

/* ROW, whether a kernel that has made the sums of some parameters has all that there is of them, and stores them: it
 * saves two sweeps over two doubles for each. */
static inline bool wni_stores_param_tiles(const wni_cpu_job *job) {
  const wni_row_plan *const p = &job->plan->row;
  return job->plan->geo.pattern == WNI_ROW && p->per_element && p->segments > 1 && p->chunks == 1 && p->expand == 1;
}
/* params.c: dgamma, dbeta of n parameters from `begin` on, from their sums. */
void wni_store_param_tile(const wni_cpu_job *job, int64_t begin, int64_t n, const double *dz_xhat, const double *dz);

/* COLUMN: neighbouring columns that share a parameter. */
static inline int64_t wni_param_columns(const wni_geometry *g) { return most(1, g->param_span); }

/* max |y| of a task, as bits: the order of integers is that of magnitudes, NaN above infinity, whoever comes first. */
static inline void wni_raise_amax(uint32_t *amax, uint32_t largest) {
  uint32_t seen = __atomic_load_n(amax, __ATOMIC_RELAXED);
  while (seen < largest && !__atomic_compare_exchange_n(amax, &seen, largest, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

typedef void (*wni_cpu_kernel)(const wni_cpu_job *job, int64_t task);

struct wni_cpu_kernels {
  /* ROW. In all that take segments, task = set * segments + segment. Statistics of whole sets are stored where the call
   * wants them; otherwise they come from set_mean, set_rstd (forward, frozen) or from the call's mean, rstd (backward).
   */
  wni_cpu_kernel row_forward; /* whole sets from task * sets_per_task on: moments, apply */
  wni_cpu_kernel row_moments; /* segment -> moments; stores sum */
  wni_cpu_kernel row_apply;   /* segment: y */
  wni_cpu_kernel row_lines;   /* running statistics, lines: y */

  /* Parameter sums: per_element in `partial`, of chunks; else in `sums`, [set][segment][span_slots][2] = sums of dz
   * xhat and of dz over the part of span first + slot in the segment, first being the one of the segment's first
   * element. */
  wni_cpu_kernel row_backward;       /* per_element: task = chunk, else whole sets as row_forward: sums and dx */
  wni_cpu_kernel row_backward_sums;  /* segment -> sums; per_element: task = chunk * segments + segment: sums
                                        [set][segment][2] of g xhat, of g, and partial, or dgamma and dbeta themselves
                                        (wni_stores_param_tiles) */
  wni_cpu_kernel row_backward_merge; /* sets_per_task sets, when cut: sums -> set_sums */
  wni_cpu_kernel row_backward_apply; /* segment: dx; per_element: task = chunk * segments + segment */
  wni_cpu_kernel row_frozen;         /* segment, running statistics, never per_element: dx and sums */

  /* COLUMN; tasks as in plan_cpu.h, of merges task = slab * merges + merge. Statistics come and go as in ROW. */
  wni_cpu_kernel column_forward; /* fused: moments, apply */
  wni_cpu_kernel column_moments; /* chunk -> sums; stores sum */
  wni_cpu_kernel column_merge;   /* sums -> moments */
  wni_cpu_kernel column_apply;   /* chunk: y */

  /* Parameter sums are in `partial`; where it is cut, those by column in `sums`, of chunk 0 after the merge. */
  wni_cpu_kernel column_backward;       /* fused: sums, dx */
  wni_cpu_kernel column_backward_sums;  /* chunk -> sums */
  wni_cpu_kernel column_backward_merge; /* sums: those of all chunks to chunk 0 -> set_sums */
  wni_cpu_kernel column_backward_apply; /* chunk: dx */
  wni_cpu_kernel column_frozen;         /* chunk, running statistics, never by row: dx and sums of the chunk */
};

#endif
