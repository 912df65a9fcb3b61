/* How the column kernels walk through a block of a slab, and how tensors meet lines on the way.
 *
 * Loops run along lines: a block's part of a row, or where rows are short `fold` whole rows side by side. Sums and
 * factors are kept for each place of a line, so that no loop needs to know where a row ends:
 *
 *   rows of 3, fold 4    | 0 1 2 | 0 1 2 | 0 1 2 | 0 1 2 |     line 0: rows 0 .. 3
 *                        | 0 1 2 | 0 1 2 | 0 1 2 | 0 1 2 |     line 1: rows 4 .. 7
 *                        | 0 1 2 |                             a rest of rows, lines of their own
 *
 * Where a tensor's rows do not follow one another as the fold wants them, its lines are gathered. */
#ifndef WNI_COLUMN_H
#define WNI_COLUMN_H
#include "kernel.h"
#include "tile.h"

enum {
  WIDTH = WNI_LINE_BYTES / (WNI_REAL_BITS / 8), /* of the longest line */
  GROUP = 4, /* lines that a loop takes at once: what is kept for a place is then read and written once for all */
  PANEL = WNI_VECTOR_BYTES == 64 ? 4 : 1, /* vectors of a line for whose places what is kept (sums, factors) stays in
                                             registers for all lines: up to five things in 32 of them */
  TOGETHER = 4,                           /* vectors of a line that a loop takes at once, at most */
  FLUSH_LINES = 64 /* so many lines are summed in REAL: sums of ones are exact, errors below those of the terms */
};

static inline bool is_panel(int64_t width) { return width == PANEL * LANES; }

typedef real line_reals[WIDTH] WNI_TILE_ALIGNED;
typedef double line_doubles[WIDTH] WNI_TILE_ALIGNED;

/* ---- places ----------------------------------------------------------------------------------------------------- */

typedef struct column_block {
  int64_t slab, row, rows, column, columns;
} column_block;

/* Lines of one fold in a block. */
typedef struct column_stretch {
  int64_t slab, row, column, columns;
  int64_t lines, fold, width; /* width = fold * columns */
} column_stretch;

static inline int64_t column_rows(const wni_geometry *g) { return g->extent[1] * g->extent[2]; }

static inline void column_cut(const wni_geometry *g, const wni_column_plan *p, int64_t index, column_block *b) {
  b->column = index * p->columns;
  b->columns = least(p->columns, g->extent[3] - b->column);
}

/* The block of task = (slab * chunks + chunk) * blocks + block. */
static inline column_block column_chunk(const wni_geometry *g, const wni_column_plan *p, int64_t task) {
  const int64_t chunk = task / p->blocks % p->chunks;
  column_block b = {.slab = task / p->blocks / p->chunks, .row = chunk * p->chunk_rows};
  b.rows = least(p->chunk_rows, column_rows(g) - b.row);
  column_cut(g, p, task % p->blocks, &b);
  return b;
}

/* The full lines of a block, then the rest of its rows. */
static inline column_stretch column_stretch_of(const wni_column_plan *p, const column_block *b, bool rest) {
  const int64_t lines = b->rows / p->fold, done = lines * p->fold;
  column_stretch s = {b->slab, b->row, b->column, b->columns, lines, p->fold, p->fold * b->columns};
  if (rest) {
    s.row += done;
    s.lines = b->rows - done;
    s.fold = 1;
    s.width = b->columns;
  }
  return s;
}

#define WNI_EACH_FOLD(s, plan, block)                                                                               \
  for (int rest_ = 0; rest_ < 2; rest_++)                                                                           \
    for (column_stretch s = column_stretch_of(plan, block, rest_), *once_ = s.lines > 0 ? &s : NULL; once_ != NULL; \
         once_ = NULL)

/* ---- lines in tensors ---------------------------------------------------------------------------------------------
 */

/* n lines in a tensor or in a room, `apart` elements from one to the next; what lies `ahead` elements from what is read
 * is asked for meanwhile. */
typedef struct line_source {
  source at;
  int64_t apart, ahead;
} line_source;

/* Lines whose elements are asked for ahead of use: the loops go through GROUP lines side by side, which no processor
 * fetches ahead as well as it does one. Panels that follow one another are taken in the order of memory. */
enum { LINES_AHEAD = 2 * GROUP };

typedef struct line_target {
  target at;
  int64_t apart;
} line_target;

/* From one row to the next; 0 where that is not the same throughout. */
static inline int64_t column_pitch(const wni_geometry *g, const wni_tensor *t) {
  const int64_t *const stride = t->view.stride;
  if (g->extent[2] == 1) return stride[1];
  return g->extent[1] == 1 || stride[1] == g->extent[2] * stride[2] ? stride[2] : 0;
}

/* Whether a line lies in one piece, and lines evenly. */
static inline bool column_is_even(const wni_geometry *g, const wni_tensor *t, const column_stretch *s) {
  const int64_t pitch = column_pitch(g, t);
  return pitch > 0 && (s->fold == 1 || pitch == s->columns);
}

static inline int64_t column_offset(const wni_geometry *g, const wni_tensor *t, const column_stretch *s, int64_t row) {
  const int64_t *const stride = t->view.stride;
  const int64_t pitch = column_pitch(g, t);
  const int64_t within = pitch > 0 ? row * pitch : row / g->extent[2] * stride[1] + row % g->extent[2] * stride[2];
  return s->slab * stride[0] + within + s->column;
}

/* Lines of a tensor that is even. */
static inline line_source column_lines(const wni_geometry *g, const wni_tensor *t, const column_stretch *s,
                                       int64_t line) {
  const int64_t apart = s->fold * column_pitch(g, t);
  const source at = {.type = t->type, .p = t->data, .first = column_offset(g, t, s, s->row + line * s->fold)};
  const bool in_order = apart == s->width && is_panel(s->width);
  const line_source l = {at, apart, in_order ? 0 : LINES_AHEAD * apart};
  return l;
}

/* Lines of a tensor that the cache has: those of the next block or wave come meanwhile. */
static inline line_source column_lines_again(const wni_cpu_job *job, const wni_tensor *t, const column_stretch *s,
                                             line_source l) {
  const int64_t next = job->plan->column.fused ? s->width : job->next_sets * t->view.stride[0] + job->next_columns;
  if (l.at.p == t->data && next > 0) l.ahead = next;
  return l;
}

static inline line_target column_target(const wni_geometry *g, const wni_tensor *t, const column_stretch *s,
                                        int64_t line, bool stream) {
  const int64_t apart = s->fold * column_pitch(g, t);
  const bool alike = apart * type_size(t->type) % 64 == 0;
  const line_target l = {target_at(t->type, t->data, column_offset(g, t, s, s->row + line * s->fold), stream && alike),
                         apart};
  return l;
}

static inline line_source lines_in_room(const real *room) {
  const line_source l = {source_of_tile(room), WIDTH, 0};
  return l;
}

static inline line_target room_for_lines(real *room) {
  const line_target l = {target_of_tile(room), WIDTH};
  return l;
}

/* The statements for each piece of a line: `n` elements at `first` in the tensor, at `local` in the line. */
#define WNI_EACH_PIECE(g, t, s, line, first, local, n, ...)                                    \
  {                                                                                            \
    const int64_t pieces_ = column_is_even(g, t, s) ? 1 : (s)->fold, n = (s)->width / pieces_; \
    for (int64_t piece_ = 0; piece_ < pieces_; piece_++) {                                     \
      const int64_t first = column_offset(g, t, s, (s)->row + (line) * (s)->fold + piece_);    \
      const int64_t local = piece_ * n;                                                        \
      __VA_ARGS__;                                                                             \
    }                                                                                          \
  }

static inline void line_load(const wni_geometry *g, const wni_tensor *t, const column_stretch *s, int64_t line,
                             real *restrict out) {
  WNI_EACH_PIECE(g, t, s, line, first, local, n, tile_load(t->type, t->data, first, n, out + local))
}

static inline void line_add(const wni_geometry *g, const wni_tensor *t, const column_stretch *s, int64_t line,
                            real *restrict z) {
  WNI_EACH_PIECE(g, t, s, line, first, local, n, tile_add(t->type, t->data, first, n, z + local))
}

static inline void line_add_rounded(const wni_geometry *g, const wni_tensor *t, const column_stretch *s, int64_t line,
                                    real *restrict h) {
  WNI_EACH_PIECE(g, t, s, line, first, local, n, tile_add_rounded(t->type, t->data, first, n, h + local))
}

static inline void line_store(const wni_geometry *g, const wni_tensor *t, const column_stretch *s, int64_t line,
                              const real *restrict z) {
  WNI_EACH_PIECE(g, t, s, line, first, local, n, tile_store(t->type, t->data, first, n, z + local))
}

/* ---- the mask -----------------------------------------------------------------------------------------------------
 */

/* Each row has whole bytes: rows side by side in a line are so in the mask only where no bits are left over. */
#define WNI_EACH_MASK_PIECE(call, s, line, bytes, local, n, ...)                                                       \
  {                                                                                                                    \
    const wni_geometry *const geo_ = &(call)->geo;                                                                     \
    const int64_t pieces_ = geo_->extent[3] % 8 == 0 ? 1 : (s)->fold, n = (s)->width / pieces_;                        \
    for (int64_t piece_ = 0; piece_ < pieces_; piece_++) {                                                             \
      const int64_t row_ = (s)->slab * column_rows(geo_) + (s)->row + (line) * (s)->fold + piece_, local = piece_ * n; \
      uint8_t *const bytes = (call)->mask + row_ * wni_mask_run(geo_) + (s)->column / 8;                               \
      __VA_ARGS__;                                                                                                     \
    }                                                                                                                  \
  }

static inline void line_mask_store(const wni_call *call, const column_stretch *s, int64_t line, const real *z) {
  WNI_EACH_MASK_PIECE(call, s, line, bytes, local, n, tile_mask_store(z + local, n, bytes))
}

static inline void line_mask_gradient(const wni_call *call, const column_stretch *s, int64_t line, real otherwise,
                                      real *dy) {
  WNI_EACH_MASK_PIECE(call, s, line, bytes, local, n, tile_mask_gradient(bytes, otherwise, n, dy + local))
}

/* ---- what a set has, for each place of a line -----------------------------------------------------------------------
 */

/* Repeats what the columns of a block have for the other rows of a line. */
static inline void line_repeat(real *values, int64_t columns, int64_t width) {
  for (int64_t i = columns; i < width; i++) values[i] = values[i - columns];
}

static inline int64_t column_sets(const wni_geometry *g) { return g->extent[3] / g->set_columns; }

/* Statistics of the columns of a block. */
typedef struct column_statistics {
  line_doubles mean, rstd;
} column_statistics;

/* The statements for runs of columns that share one of what there is one of for `each` columns: begin .. end - 1 of
 * the `columns` from `first` on have number `index`. */
#define WNI_EACH_SHARE(index, begin, end, first, columns, each, ...)                       \
  for (int64_t index = (first) / (each), begin = 0, end; begin < (columns); begin = end) { \
    end = least((columns), (index + 1) * (each) - (first));                                \
    __VA_ARGS__;                                                                           \
    index++;                                                                               \
  }

/* From arrays of the sets of a slab (or of the parameters, with running statistics). */
static inline void column_spread(const column_block *b, int64_t set_columns, const double *mean, const double *rstd,
                                 column_statistics *out) {
  WNI_EACH_SHARE(set, begin, end, b->column, b->columns, set_columns, {
    for (int64_t i = begin; i < end; i++) out->mean[i] = mean[set];
    for (int64_t i = begin; i < end; i++) out->rstd[i] = rstd[set];
  })
}

/* gamma or beta of `columns` columns from `first` on: where they are, or in `room` where sets have one. NULL with the
 * parameter by row. */
static inline const real *column_params(const wni_geometry *g, const void *params, int64_t first, int64_t columns,
                                        real *room) {
  if (g->param_by_row) return NULL;
  if (g->param_span == 0) return (const real *)params + first;
  const real *const p = params;
  WNI_EACH_SHARE(param, begin, end, first, columns, g->param_span, {
    for (int64_t i = begin; i < end; i++) room[i] = p[param];
  })
  return room;
}

/* z = (x - hi) scale + offset; with the parameter by row xhat = (x - hi) scale + offset. */
typedef struct line_factors {
  line_reals hi, scale, offset;
} line_factors;

/* Factors of the normalization of `width` places from the statistics of a block's columns. gamma and beta are those of
 * its first column, NULL with the parameter by row. */
static inline void line_factors_make(const column_statistics *v, int64_t columns, int64_t width, const real *gamma,
                                     const real *beta, line_factors *f) {
  for (int64_t i = 0; i < columns; i++) {
    const real hi = (real)v->mean[i];
    const double scale = gamma ? v->rstd[i] * (double)gamma[i] : v->rstd[i];
    const double lo = v->mean[i] - (double)hi;
    const double moved = lo == 0 ? 0 : lo * scale; /* a set of equal elements may have an infinite rstd */
    f->hi[i] = hi;
    f->scale[i] = (real)scale;
    f->offset[i] = (real)((beta ? (double)beta[i] : 0) - moved);
  }
  line_repeat(f->hi, columns, width);
  line_repeat(f->scale, columns, width);
  line_repeat(f->offset, columns, width);
}

#endif
