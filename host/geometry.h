/* What a wn_problem becomes before anything chooses or computes: one of two access patterns over a view of four
 * extents.
 *
 *   ROW     view [outer][middle][run][element]; the sets are (outer, middle), reduced over (run, element).
 *           A set is `run` contiguous runs of `element` neighbours.
 *
 *             set (o,s):   |--element--| . . . |--element--| . . . |--element--|       run = 3
 *
 *   COLUMN  view [outer][a][b][column]; reduced over the rows (a, b); `set_columns` neighbouring columns are one set.
 *
 *             row 0        | c0 c1 | c2 c3 | c4 c5 |      set_columns = 2: three sets side by side
 *             row 1        | c0 c1 | c2 c3 | c4 c5 |
 *
 * The innermost extent is contiguous in every tensor, the other three have a stride per tensor (wni_view).
 *
 *   kind            layout         pattern  outer  1     2     3        set        parameter of an element
 *   batch           NCX, X > 1     ROW      parts  C     N/P   X        (p, c)     middle
 *   batch           NXC, or X = 1  COLUMN   parts  N/P   X     C        (p, c)     column
 *   layer, rms      NXC, or X = 1  ROW      N      X     1     C        (n, x)     element
 *   layer, rms      NCX, X > 1     COLUMN   N      1     C     X        (n, x)     row (b)
 *   group           NCX, or X = 1  ROW      N      G     1     C/G*X    (n, g)     middle * C/G + element / X
 *   group           NXC, X > 1     COLUMN   N      1     X     C        (n, g)     column
 *   instance        NCX, X > 1     ROW      N      C     1     X        (n, c)     middle
 *   instance        NXC, or X = 1  COLUMN   N      1     X     C        (n, c)     column
 *
 * A group of one channel is instance norm and takes its line. Nothing below host/problem.c knows a kind. */
#ifndef WNI_GEOMETRY_H
#define WNI_GEOMETRY_H
#include <stdbool.h>

#include "warpnorm.h"

typedef enum { WNI_ROW = 1, WNI_COLUMN = 2 } wni_pattern;

typedef struct wni_geometry {
  wni_pattern pattern;
  bool centered;       /* the mean is subtracted (all but RMS) */
  bool param_by_row;   /* COLUMN: the parameter is that of the row (b), not of the column */
  int64_t extent[4];   /* any of extent[0..2] may be 0 only when there are no samples */
  int64_t set_columns; /* COLUMN: neighbouring columns that share a set; ROW: 0 */
  int64_t param_span;  /* ROW: consecutive elements (of a run) that share a parameter; COLUMN: 0, or in a view that a
                          backend makes of its own (plan_cpu.h) set_columns: the parameter is that of the set */
  int64_t param_step;  /* ROW: parameters from one middle set to the next, 0: every set has the same; COLUMN: 0 */
  int64_t params;      /* C: how many gammas there are */
  int64_t sets;        /* statistics sets in all; set (outer, middle) or (outer, column group), outer slowest */
  int64_t set_size;    /* m: elements of a set */
} wni_geometry;

/* Strides, in elements, of extent 0, 1 and 2 in one tensor. */
typedef struct wni_view {
  int64_t stride[3];
} wni_view;

static inline int64_t wni_elements(const wni_geometry *g) {
  return g->extent[0] * g->extent[1] * g->extent[2] * g->extent[3];
}

/* The relu mask is a tensor of bits in the order of the view, each innermost run padded to whole bytes, least
 * significant bit first: the byte of element j of run (i0, i1, i2) is
 * ((i0 * extent[1] + i1) * extent[2] + i2) * wni_mask_run(g) + j / 8. So runs can be written side by side. */
static inline int64_t wni_mask_run(const wni_geometry *g) { return (g->extent[3] + 7) / 8; }

static inline int64_t wni_mask_bytes(const wni_geometry *g) {
  return g->extent[0] * g->extent[1] * g->extent[2] * wni_mask_run(g);
}

/* The same where each span of a run that shares a parameter is padded to whole bytes, for a backend (backend.h has
 * whose mask is how large) that takes runs apart there. */
static inline int64_t wni_mask_bytes_by_span(const wni_geometry *g) {
  if (g->param_span <= 1) return wni_mask_bytes(g);
  const int64_t spans = g->extent[3] / g->param_span;
  return g->extent[0] * g->extent[1] * g->extent[2] * spans * ((g->param_span + 7) / 8);
}

#endif
