/* The loops of the column kernels. Each takes GROUP lines at once, then single ones: what is kept for a place (a sum, a
 * factor) is loaded once for the group. Types and modes are constants to them, as in tile.h. */
#ifndef WNI_COLUMN_STAGES_H
#define WNI_COLUMN_STAGES_H
#include "column.h"
#include "gradient.h"

/* How stages that write take a line that is no panel: `part` vectors at a time, so many as fill a line of the cache,
 * and before them the `lead` elements up to the first of those. Memory would be written in halves of lines otherwise,
 * with other lines between them. */
typedef struct line_cut {
  int part;
  int64_t lead;
} line_cut;

WNI_INLINE line_cut cut_for_target(wn_dtype type, line_target y) {
  enum { LINE = 64 };
  const bool halves = type_size(type) == 2 && WNI_VECTOR_BYTES == LINE;
  const bool beside = halves && y.at.stream && bytes_beyond(type, y.at.p, y.at.first, LINE) != 0;
  const line_cut c = {halves ? 2 : 1, beside ? LANES : 0};
  return c;
}

static const line_cut uncut = {1, 0};

/* The statements for `vectors` vectors, a constant, at place v of lines `line` .. `line + count - 1`, the last of them
 * of k elements: for panels; else for parts of GROUP lines, or for stages that write lines that follow one another of
 * one line after the other. What groups save is then less than what reading and writing at one place each gains. */
#define WNI_EACH_PART(line, count, lines, follow, v, vectors, k, width, cut, ...) \
  if (is_panel(width)) {                                                          \
    const int64_t line = 0, count = (lines), v = 0, k = LANES;                    \
    const int vectors = PANEL;                                                    \
    __VA_ARGS__;                                                                  \
  } else {                                                                        \
    int64_t line = 0;                                                             \
    for (; !(follow) && line + GROUP <= (lines); line += GROUP) {                 \
      const int64_t count = GROUP;                                                \
      WNI_EACH_PART_OF_LINE(v, vectors, k, width, cut, __VA_ARGS__)               \
    }                                                                             \
    for (; line < (lines); line++) {                                              \
      const int64_t count = 1;                                                    \
      WNI_EACH_PART_OF_LINE(v, vectors, k, width, cut, __VA_ARGS__)               \
    }                                                                             \
  }
#define WNI_EACH_PART_OF_LINE(v, vectors, k, width, cut, ...)            \
  {                                                                      \
    int64_t v = 0;                                                       \
    if ((cut).lead > 0 && LANES <= (width)) {                            \
      const int vectors = 1;                                             \
      const int64_t k = LANES;                                           \
      __VA_ARGS__;                                                       \
      v = LANES;                                                         \
    }                                                                    \
    for (; (cut).part > 1 && v + 2 * LANES <= (width); v += 2 * LANES) { \
      const int vectors = 2;                                             \
      const int64_t k = LANES;                                           \
      __VA_ARGS__;                                                       \
    }                                                                    \
    for (; v + LANES <= (width); v += LANES) {                           \
      const int vectors = 1;                                             \
      const int64_t k = LANES;                                           \
      __VA_ARGS__;                                                       \
    }                                                                    \
    if (v < (width)) {                                                   \
      const int vectors = 1;                                             \
      const int64_t k = (width)-v;                                       \
      __VA_ARGS__;                                                       \
    }                                                                    \
  }

/* GROUP lines at once, then single ones: statements with `rows` a constant. */
#define WNI_EACH_GROUP(i, rows, begin, count, ...) \
  {                                                \
    int64_t i = (begin);                           \
    const int64_t end_ = i + (count);              \
    for (; i + GROUP <= end_; i += GROUP) {        \
      const int rows = GROUP;                      \
      __VA_ARGS__                                  \
    }                                              \
    for (; i < end_; i++) {                        \
      const int rows = 1;                          \
      __VA_ARGS__                                  \
    }                                              \
  }

#define WNI_EACH_OF_PANEL(p, vectors) _Pragma("GCC unroll 4") for (int p = 0; p < (vectors); p++)

WNI_INLINE void panel_load(int vectors, const real *from, vec *to) {
  WNI_EACH_OF_PANEL(p, vectors) to[p] = vec_load(from + p * LANES);
}

WNI_INLINE void panel_store(int vectors, real *to, const vec *from) {
  WNI_EACH_OF_PANEL(p, vectors) vec_store(to + p * LANES, from[p]);
}

/* The vector at place v of line `line`. */
WNI_INLINE vec line_vec(wn_dtype type, line_source x, int64_t line, int64_t v, int64_t k) {
  const int64_t at = x.at.first + line * x.apart + v;
  /* by way of an integer: it may lie behind the tensor, where a prefetch does no harm */
  __builtin_prefetch((const void *)((uintptr_t)x.at.p + (uintptr_t)((at + x.ahead) * type_size(type))));
  return vec_load_as(type, x.at.p, at, k);
}

/* The vectors of a panel, from place v on. */
WNI_INLINE void panel_to_line(int vectors, wn_dtype type, line_target y, int64_t line, int64_t v, int64_t k,
                              const vec *value) {
  const int64_t at = line * y.apart + v;
  if (vectors == 1) {
    target_store(type, y.at, at, k, value[0]);
    return;
  }
  _Pragma("GCC unroll 2") for (int p = 0; p < vectors; p += 2)
      target_store_2(type, y.at, at + p * LANES, value[p], value[p + 1]);
}

/* ---- forward sums -------------------------------------------------------------------------------------------------
 */

WNI_INLINE void shifted_panel(int vectors, int64_t k, wn_dtype type, line_source x, int64_t line, int64_t count,
                              int64_t v, const real *restrict shift, real *restrict sum, real *restrict squares) {
  vec s[TOGETHER], total[TOGETHER], square[TOGETHER];
  panel_load(vectors, shift + v, s);
  panel_load(vectors, sum + v, total);
  panel_load(vectors, squares + v, square);
  WNI_EACH_GROUP(
      i, rows, line, count, WNI_EACH_OF_PANEL(p, vectors) {
        vec part = vec_splat(0), part2 = part;
        for (int j = 0; j < rows; j++) {
          const vec d = line_vec(type, x, i + j, v + p * LANES, k) - s[p];
          part = j == 0 ? d : part + d;
          part2 = j == 0 ? d * d : vec_fma(d, d, part2);
        }
        total[p] += part;
        square[p] += part2;
      })
  panel_store(vectors, sum + v, total);
  panel_store(vectors, squares + v, square);
}

WNI_INLINE void shifted_loop(wn_dtype type, line_source x, int64_t lines, int64_t width, const real *restrict shift,
                             real *restrict sum, real *restrict squares) {
  WNI_EACH_PART(line, count, lines, false, v, vectors, k, width, uncut,
                shifted_panel(vectors, k, type, x, line, count, v, shift, sum, squares))
}

/* Adds x - shift and its square, at each place, to what is there. */
static inline void lines_shifted_sums(line_source x, int64_t lines, int64_t width, const real *restrict shift,
                                      real *restrict sum, real *restrict squares){
    WNI_FOR_X_TYPE(x.at.type, t, shifted_loop(t, x, lines, width, shift, sum, squares))}

/* ---- z ------------------------------------------------------------------------------------------------------------
 */

WNI_INLINE void affine_panel(int vectors, int64_t k, wn_dtype xt, wn_dtype yt, bool by_row, double floor,
                             const line_factors *f, const real *gamma, const real *beta, line_source x, int64_t line,
                             int64_t count, int64_t v, line_target y) {
  vec hi[TOGETHER], scale[TOGETHER], offset[TOGETHER];
  panel_load(vectors, f->hi + v, hi);
  panel_load(vectors, f->scale + v, scale);
  panel_load(vectors, f->offset + v, offset);
  const vec lowest = vec_splat(floor);
  for (int64_t i = line; i < line + count; i++) {
    const vec g = vec_splat(by_row ? gamma[i] : 1), b = vec_splat(by_row ? beta[i] : 0);
    vec z[TOGETHER];
    WNI_EACH_OF_PANEL(p, vectors) {
      z[p] = vec_fma(line_vec(xt, x, i, v + p * LANES, k) - hi[p], scale[p], offset[p]);
      if (by_row) z[p] = vec_fma(z[p], g, b);
      z[p] = vec_select(vec_le(z[p], lowest), lowest, z[p]);
    }
    panel_to_line(vectors, yt, y, i, v, k, z);
  }
}

WNI_INLINE void affine_lines_loop(wn_dtype xt, wn_dtype yt, bool by_row, double floor, const line_factors *f,
                                  const real *gamma, const real *beta, line_source x, int64_t lines, int64_t width,
                                  line_target y) {
  WNI_EACH_PART(line, count, lines, x.apart == width && y.apart == width, v, vectors, k, width, cut_for_target(yt, y),
                affine_panel(vectors, k, xt, yt, by_row, floor, f, gamma, beta, x, line, count, v, y))
}

/* z, then relu if asked for: relu is a floor, and two operations too many without it are less than twice as many loops.
 * gamma and beta: those of the lines with the parameter by row, else NULL. y is of a type that x can have. */
static void lines_affine(const line_factors *f, bool relu, const real *gamma, const real *beta, line_source x,
                         int64_t lines, int64_t width, line_target y) {
  const double floor = relu ? 0 : -(double)INFINITY;
  if (gamma) {
    WNI_FOR_PAIR(x.at.type, y.at.type, xt, yt,
                 affine_lines_loop(xt, yt, true, floor, f, gamma, beta, x, lines, width, y))
  } else {
    WNI_FOR_PAIR(x.at.type, y.at.type, xt, yt,
                 affine_lines_loop(xt, yt, false, floor, f, NULL, NULL, x, lines, width, y))
  }
}

/* ---- backward sums ------------------------------------------------------------------------------------------------
 */

/* What the backward loops know of each place: xhat = (x - hi) rstd, and the terms of dx,
 *   dx = dz dz_factor - constant - xhat xhat_factor
 * where dz_factor is rstd gamma, with the parameter by row rstd, and dz is to be multiplied with gamma first. */
typedef struct line_terms {
  line_reals hi, rstd, dz_factor, constant, xhat_factor;
} line_terms;

/* Sums at each place of dz xhat and of dz. */
typedef struct line_sums {
  line_reals product, plain;
} line_sums;

WNI_INLINE void sums_panel(int vectors, int64_t k, wn_dtype xt, wn_dtype dt, const line_terms *t, line_source x,
                           line_source dz, int64_t line, int64_t count, int64_t v, line_sums *s) {
  vec hi[TOGETHER], rstd[TOGETHER], product[TOGETHER], plain[TOGETHER];
  panel_load(vectors, t->hi + v, hi);
  panel_load(vectors, t->rstd + v, rstd);
  panel_load(vectors, s->product + v, product);
  panel_load(vectors, s->plain + v, plain);
  WNI_EACH_GROUP(
      i, rows, line, count, WNI_EACH_OF_PANEL(p, vectors) {
        vec part = vec_splat(0), part_product = part;
        for (int j = 0; j < rows; j++) {
          const vec d = line_vec(dt, dz, i + j, v + p * LANES, k);
          const vec xhat = (line_vec(xt, x, i + j, v + p * LANES, k) - hi[p]) * rstd[p];
          part = j == 0 ? d : part + d;
          part_product = j == 0 ? d * xhat : vec_fma(d, xhat, part_product);
        }
        product[p] += part_product;
        plain[p] += part;
      })
  panel_store(vectors, s->product + v, product);
  panel_store(vectors, s->plain + v, plain);
}

WNI_INLINE void sums_lines_loop(wn_dtype xt, wn_dtype dt, const line_terms *t, line_source x, line_source dz,
                                int64_t lines, int64_t width, line_sums *s) {
  WNI_EACH_PART(line, count, lines, false, v, vectors, k, width, uncut,
                sums_panel(vectors, k, xt, dt, t, x, dz, line, count, v, s))
}

/* dz is REALs, or of the type of x; does the rest with the constants that the types are. */
#define WNI_FOR_X_AND_DZ(x, dz, xt, dt, ...)     \
  if ((dz).at.type == WNI_REAL_TYPE) {           \
    const wn_dtype dt = WNI_REAL_TYPE;           \
    WNI_FOR_X_TYPE((x).at.type, xt, __VA_ARGS__) \
  } else {                                       \
    WNI_FOR_16_BIT_TYPE((x).at.type, xt, {       \
      const wn_dtype dt = xt;                    \
      __VA_ARGS__;                               \
    })                                           \
  }

static inline void lines_sums(const line_terms *t, line_source x, line_source dz, int64_t lines, int64_t width,
                              line_sums *s){
    WNI_FOR_X_AND_DZ(x, dz, xt, dt, sums_lines_loop(xt, dt, t, x, dz, lines, width, s))}

/* With the parameter by row: sums at each place are of g xhat and of g, and each line has its own of dz xhat and dz. */
WNI_INLINE void sums_by_row_group(int count, wn_dtype xt, wn_dtype dt, const line_terms *t, const real *gamma,
                                  line_source x, line_source dz, int64_t line, int64_t width, line_sums *s,
                                  double *row_product, double *row_plain) {
  vec g[GROUP] = {{0}}, row[GROUP] = {{0}}, row2[GROUP] = {{0}};
  for (int j = 0; j < count; j++) g[j] = vec_splat(gamma[line + j]);
  WNI_EACH_VECTOR(v, k, width, {
    const vec hi = vec_load(t->hi + v), rstd = vec_load(t->rstd + v);
    vec product = vec_load(s->product + v), plain = vec_load(s->plain + v);
    vec part = vec_splat(0), part_product = part;
    for (int j = 0; j < count; j++) {
      const vec d = line_vec(dt, dz, line + j, v, k);
      vec xhat = (line_vec(xt, x, line + j, v, k) - hi) * rstd;
      if (k != LANES) xhat = vec_select(vmask_first(k), xhat, vec_splat(0));
      row[j] += d;
      row2[j] = vec_fma(d, xhat, row2[j]);
      const vec gd = g[j] * d;
      part = j == 0 ? gd : part + gd;
      part_product = j == 0 ? gd * xhat : vec_fma(gd, xhat, part_product);
    }
    vec_store(s->product + v, product + part_product);
    vec_store(s->plain + v, plain + part);
  })
  for (int j = 0; j < count; j++) {
    row_product[line + j] += (double)vec_sum(row2[j]);
    row_plain[line + j] += (double)vec_sum(row[j]);
  }
}

WNI_INLINE void sums_by_row_loop(wn_dtype xt, wn_dtype dt, const line_terms *t, const real *gamma, line_source x,
                                 line_source dz, int64_t lines, int64_t width, line_sums *s, double *row_product,
                                 double *row_plain) {
  WNI_EACH_GROUP(i, rows, 0, lines,
                 sums_by_row_group(rows, xt, dt, t, gamma, x, dz, i, width, s, row_product, row_plain);)
}

static inline void lines_sums_by_row(const line_terms *t, const real *gamma, line_source x, line_source dz,
                                     int64_t lines, int64_t width, line_sums *s, double *row_product,
                                     double *row_plain){
    WNI_FOR_X_AND_DZ(x, dz, xt, dt, sums_by_row_loop(xt, dt, t, gamma, x, dz, lines, width, s, row_product, row_plain))}

/* ---- dx -----------------------------------------------------------------------------------------------------------
 */

WNI_INLINE
    void dx_panel(int vectors, int64_t k, wn_dtype xt, wn_dtype dt, bool by_row, const line_terms *t, const real *gamma,
                  line_source x, line_source dz, int64_t line, int64_t count, int64_t v, line_target dx) {
  vec hi[TOGETHER], rstd[TOGETHER], a[TOGETHER], b[TOGETHER], c[TOGETHER];
  panel_load(vectors, t->hi + v, hi);
  panel_load(vectors, t->rstd + v, rstd);
  panel_load(vectors, t->dz_factor + v, a);
  panel_load(vectors, t->constant + v, b);
  panel_load(vectors, t->xhat_factor + v, c);
  for (int64_t i = line; i < line + count; i++) {
    const vec g = vec_splat(by_row ? gamma[i] : 1);
    vec made[TOGETHER];
    WNI_EACH_OF_PANEL(p, vectors) {
      vec d = line_vec(dt, dz, i, v + p * LANES, k);
      if (by_row) d *= g;
      const vec xhat = (line_vec(xt, x, i, v + p * LANES, k) - hi[p]) * rstd[p];
      made[p] = vec_fma(d, a[p], -vec_fma(xhat, c[p], b[p]));
    }
    panel_to_line(vectors, xt, dx, i, v, k, made);
  }
}

WNI_INLINE void dx_lines_loop(wn_dtype xt, wn_dtype dt, bool by_row, const line_terms *t, const real *gamma,
                              line_source x, line_source dz, int64_t lines, int64_t width, line_target dx) {
  WNI_EACH_PART(line, count, lines, x.apart == width && dz.apart == width && dx.apart == width, v, vectors, k, width,
                cut_for_target(xt, dx), dx_panel(vectors, k, xt, dt, by_row, t, gamma, x, dz, line, count, v, dx))
}

/* dx is of the type of x. gamma: those of the lines with the parameter by row, else NULL. */
static inline void lines_dx(const line_terms *t, const real *gamma, line_source x, line_source dz, int64_t lines,
                            int64_t width, line_target dx) {
  if (gamma) {
    WNI_FOR_X_AND_DZ(x, dz, xt, dt, dx_lines_loop(xt, dt, true, t, gamma, x, dz, lines, width, dx))
  } else {
    WNI_FOR_X_AND_DZ(x, dz, xt, dt, dx_lines_loop(xt, dt, false, t, NULL, x, dz, lines, width, dx))
  }
}

WNI_INLINE void dx_frozen_lines_loop(wn_dtype dt, wn_dtype xt, const line_terms *t, line_source dz, int64_t lines,
                                     int64_t width, line_target dx) {
  for (int64_t i = 0; i < lines; i++) {
    WNI_EACH_VECTOR(v, k, width, {
      const vec d = line_vec(dt, dz, i, v, k) * vec_load(t->dz_factor + v);
      target_store(xt, dx.at, i * dx.apart + v, k, d);
    })
  }
}

/* Where the statistics are constants dx is dz gamma rstd, whatever x is: not a number times 0 is not. */
static inline void lines_dx_frozen(const line_terms *t, line_source dz, int64_t lines, int64_t width, line_target dx) {
  WNI_FOR_PAIR(dz.at.type, dx.at.type, dt, xt, dx_frozen_lines_loop(dt, xt, t, dz, lines, width, dx))
}

#endif
