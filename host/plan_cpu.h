/* How the processor cuts a pass into tasks: a pure function of what is normalized, never of the number of threads, so
 * that every sum is made of the same parts in the same order by any number of them. */
#ifndef WNI_PLAN_CPU_H
#define WNI_PLAN_CPU_H
#include "backend.h"

/* ROW: set = outer * M + middle, of R runs of E elements (M, R, E: extents 1, 2, 3).
 *
 *   segment_runs < R or segment_elements < E: a set is cut into segments that are tasks of their own
 *
 *            |<- segment_elements ->|                    pieces = 3, segment_runs = 1:
 *     run 0  |------- 0 ------------|------- 1 -----|- 2 -|
 *     run 1  |------- 3 ------------|------- 4 -----|- 5 -|
 *
 *   else whole sets are, some of them each. */
typedef struct wni_row_plan {
  /* Each element has a parameter of its own, element e of middle set m that of index m * param_step * expand + e.
   * expand is how many elements share one in the caller's array: more than 1 when spans are too short to be loops; the
   * prepared gamma and beta are then expanded, and their gradients folded. Otherwise spans of the set's elements share
   * one. */
  bool per_element;
  int64_t expand;
  int64_t spans; /* not per_element: parameters of a set, those from m * param_step on */

  int64_t segment_runs, segment_elements; /* the latter a multiple of 8 (whole bytes of the mask) unless it is E */
  int64_t pieces, segments;               /* of a run; of a set */
  int64_t span_slots;                     /* spans that a segment can touch */

  int64_t sets_per_task; /* whole sets, except backward per_element: */
  int64_t chunk, chunks; /* rows whose parameter sums one task makes, and how many such tasks: rows are sets when all
                            have the same parameters (param_step 0), else outer with all their sets */

  /* Forward with running statistics goes through memory in order: lines of E elements, line = (outer * R + run) * M +
   * middle, several to a task or each cut into pieces. */
  int64_t lines_per_task, line_elements, line_pieces;
} wni_row_plan;

/* The longest stretch of columns that one loop takes, as REALs: what is kept for each column of it (sums, factors)
 * stays in the first-level cache, or nearly so where only such a stretch has whole sets. */
enum { WNI_LINE_BYTES = 4096 };

/* COLUMN: a slab is what one outer index has, rows (a, b) of C columns. Tasks are blocks of columns, of a slab's chunks
 * of rows, or where a block of a slab fits the cache, of whole slabs, several to a task: those are read from memory
 * once.
 *
 *              block 0    block 1
 *   chunk 0  |  0      |  1      |      chunk_rows rows      task = (slab * chunks + chunk) * blocks + block, or fused
 *   chunk 1  |  2      |  3      |      (chunks = 1)         task = slabs / slabs_per_task * blocks + block
 */
typedef struct wni_column_plan {
  int64_t fold;            /* rows side by side in a line, where one alone is short; 1 when there are several blocks */
  int64_t columns, blocks; /* of a block; of a row. columns: a multiple of 8 (bytes of the mask) if blocks > 1 */
  bool fused;              /* whole slabs; columns is then a multiple of set_columns too */
  int64_t chunk_rows, chunks;
  int64_t slabs_per_task, slab_tasks; /* fused; else 1, and the number of slabs */
  int64_t merge_columns, merges;      /* how merging chunks into sets is cut: whole sets; of a row. As the blocks are,
                                         where those are taken one after the other (run.c) */
} wni_column_plan;

/* Where the arrays of a call lie in its workspace, in bytes; a pass that has no use for one may have any. kernels/cpu/
 * kernel.h says what is in them. */
typedef struct wni_cpu_layout {
  size_t gamma, beta, moments, set_mean, set_rstd, sums, set_sums, partial, accumulators, amax;
  size_t mine, all; /* of a sync plan: this rank's message, those of all */
} wni_cpu_layout;

typedef struct wni_cpu_plan {
  /* What the kernels see: the problem's, but for ROW sets of many short runs, as those of batch norm of small images in
   * NCX. Run r of all sets is one row there, in the order of memory: sets are then neighbouring columns. */
  wni_geometry geo;
  wni_row_plan row; /* that of the geometry's pattern is set */
  wni_column_plan column;
  bool stream; /* y or dx is so large that no cache will still have it when it is read */
  bool ahead;  /* what is read is hardly in a core's own cache: it is asked for ahead of use */
  wni_cpu_layout at;
  size_t workspace; /* bytes, for this and every smaller n */
} wni_cpu_plan;

void wni_plan_cpu(const wni_plan_input *input, wni_cpu_plan *plan);
/* The call as the plan's geometry has it, where that is not the call's. */
wni_call wni_cpu_call(const wni_cpu_plan *plan, const wni_call *call);
/* The choice in words. */
void wni_cpu_plan_text(const wni_cpu_plan *plan, char *text, size_t size);

#endif
