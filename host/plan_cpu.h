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

typedef struct wni_cpu_plan {
  wni_row_plan row;
  size_t workspace;
} wni_cpu_plan;

void wni_plan_cpu(const wni_plan_input *input, wni_cpu_plan *plan);
/* The choice in words. */
void wni_cpu_plan_text(const wni_cpu_plan *plan, char *text, size_t size);

#endif
