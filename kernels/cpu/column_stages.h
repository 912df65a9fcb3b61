/* The loops of the column kernels. Each takes GROUP lines at once, then single ones: what is kept for a place (a sum, a
 * factor) is loaded once for the group. Types and modes are constants to them, as in tile.h. */
#ifndef WNI_COLUMN_STAGES_H
#define WNI_COLUMN_STAGES_H
#include "column.h"
#include "gradient.h"

/* call(count, i): lines i .. i + count - 1 with count a constant. */
#define WNI_EACH_GROUP(i, lines, call)                       \
  {                                                          \
    int64_t i = 0;                                           \
    for (; i + GROUP <= (lines); i += GROUP) call(GROUP, i); \
    for (; i < (lines); i++) call(1, i);                     \
  }

/* The same for stages that write: lines that follow one another are taken singly, in the order of memory. What groups
 * save is then less than what reading and writing at one place each gains. */
#define WNI_EACH_GROUP_IN_ORDER(i, lines, follow, call) \
  if (follow) {                                         \
    for (int64_t i = 0; i < (lines); i++) call(1, i);   \
  } else {                                              \
    WNI_EACH_GROUP(i, lines, call)                      \
  }

/* The vector at place v of line `line`. */
WNI_INLINE vec line_vec(wn_dtype type, line_source x, int64_t line, int64_t v, int64_t k) {
  const int64_t at = x.at.first + line * x.apart + v;
  /* by way of an integer: it may lie behind the tensor, where a prefetch does no harm */
  __builtin_prefetch((const void *)((uintptr_t)x.at.p + (uintptr_t)((at + x.ahead) * type_size(type))));
  return vec_load_as(type, x.at.p, at, k);
}

WNI_INLINE void line_vec_store(wn_dtype type, line_target y, int64_t line, int64_t v, int64_t k, vec value) {
  target_store(type, y.at, line * y.apart + v, k, value);
}

/* ---- forward sums -------------------------------------------------------------------------------------------------
 */

WNI_INLINE void shifted_group(int count, wn_dtype type, line_source x, int64_t line, int64_t width,
                              const real *restrict shift, real *restrict sum, real *restrict squares){
    WNI_EACH_VECTOR(v, k, width,
                    {
                      const vec s = vec_load(shift + v);
                      vec total = vec_load(sum + v), square = vec_load(squares + v);
                      vec part = vec_splat(0), part2 = part;
                      for (int j = 0; j < count; j++) {
                        const vec d = line_vec(type, x, line + j, v, k) - s;
                        part = j == 0 ? d : part + d;
                        part2 = j == 0 ? d * d : vec_fma(d, d, part2);
                      }
                      vec_store(sum + v, total + part);
                      vec_store(squares + v, square + part2);
                    })}

WNI_INLINE void shifted_loop(wn_dtype type, line_source x, int64_t lines, int64_t width, const real *restrict shift,
                             real *restrict sum, real *restrict squares) {
#define WNI_CALL_GROUP(count, i) shifted_group(count, type, x, i, width, shift, sum, squares)
  WNI_EACH_GROUP(i, lines, WNI_CALL_GROUP)
#undef WNI_CALL_GROUP
}

/* Adds x - shift and its square, at each place, to what is there. */
static inline void lines_shifted_sums(line_source x, int64_t lines, int64_t width, const real *restrict shift,
                                      real *restrict sum, real *restrict squares){
    WNI_FOR_X_TYPE(x.at.type, t, shifted_loop(t, x, lines, width, shift, sum, squares))}

/* ---- z ------------------------------------------------------------------------------------------------------------
 */

WNI_INLINE
    void affine_group(int count, wn_dtype xt, wn_dtype yt, bool by_row, double floor, const line_factors *f,
                      const real *gamma, const real *beta, line_source x, int64_t line, int64_t width, line_target y) {
  vec g[GROUP] = {{0}}, b[GROUP] = {{0}};
  for (int j = 0; by_row && j < count; j++) {
    g[j] = vec_splat(gamma[line + j]);
    b[j] = vec_splat(beta[line + j]);
  }
  const vec lowest = vec_splat(floor);
  WNI_EACH_VECTOR(v, k, width, {
    const vec hi = vec_load(f->hi + v), scale = vec_load(f->scale + v), offset = vec_load(f->offset + v);
    for (int j = 0; j < count; j++) {
      vec z = vec_fma(line_vec(xt, x, line + j, v, k) - hi, scale, offset);
      if (by_row) z = vec_fma(z, g[j], b[j]);
      z = vec_select(vec_le(z, lowest), lowest, z);
      line_vec_store(yt, y, line + j, v, k, z);
    }
  })
}

WNI_INLINE void affine_lines_loop(wn_dtype xt, wn_dtype yt, bool by_row, double floor, const line_factors *f,
                                  const real *gamma, const real *beta, line_source x, int64_t lines, int64_t width,
                                  line_target y) {
#define WNI_CALL_GROUP(count, i) affine_group(count, xt, yt, by_row, floor, f, gamma, beta, x, i, width, y)
  WNI_EACH_GROUP_IN_ORDER(i, lines, x.apart == width && y.apart == width, WNI_CALL_GROUP)
#undef WNI_CALL_GROUP
}

/* z, then relu if asked for: relu is a floor, and two operations too many without it are less than twice as many loops.
 * gamma and beta: those of the lines with the parameter by row, else NULL. y is of a type that x can have. */
static void lines_affine(const line_factors *f, bool relu, const real *gamma, const real *beta, line_source x,
                         int64_t lines, int64_t width, line_target y) {
  const double floor = relu ? 0 : -(double)INFINITY;
  if (gamma) {
    WNI_FOR_X_TYPE(
        x.at.type, xt,
        WNI_FOR_X_TYPE(y.at.type, yt, affine_lines_loop(xt, yt, true, floor, f, gamma, beta, x, lines, width, y)))
  } else {
    WNI_FOR_X_TYPE(
        x.at.type, xt,
        WNI_FOR_X_TYPE(y.at.type, yt, affine_lines_loop(xt, yt, false, floor, f, NULL, NULL, x, lines, width, y)))
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

WNI_INLINE void sums_group(int count, wn_dtype xt, wn_dtype dt, const line_terms *t, line_source x, line_source dz,
                           int64_t line, int64_t width, line_sums *s){
    WNI_EACH_VECTOR(v, k, width,
                    {
                      const vec hi = vec_load(t->hi + v), rstd = vec_load(t->rstd + v);
                      vec product = vec_load(s->product + v), plain = vec_load(s->plain + v);
                      vec part = vec_splat(0), part_product = part;
                      for (int j = 0; j < count; j++) {
                        const vec d = line_vec(dt, dz, line + j, v, k);
                        const vec xhat = (line_vec(xt, x, line + j, v, k) - hi) * rstd;
                        part = j == 0 ? d : part + d;
                        part_product = j == 0 ? d * xhat : vec_fma(d, xhat, part_product);
                      }
                      vec_store(s->product + v, product + part_product);
                      vec_store(s->plain + v, plain + part);
                    })}

WNI_INLINE void sums_lines_loop(wn_dtype xt, wn_dtype dt, const line_terms *t, line_source x, line_source dz,
                                int64_t lines, int64_t width, line_sums *s) {
#define WNI_CALL_GROUP(count, i) sums_group(count, xt, dt, t, x, dz, i, width, s)
  WNI_EACH_GROUP(i, lines, WNI_CALL_GROUP)
#undef WNI_CALL_GROUP
}

/* dz is REALs, or of the type of x; does the rest with the constants that the types are. */
#define WNI_FOR_X_AND_DZ(x, dz, xt, dt, ...)     \
  if ((dz).at.type == WNI_REAL_TYPE) {           \
    const wn_dtype dt = WNI_REAL_TYPE;           \
    WNI_FOR_X_TYPE((x).at.type, xt, __VA_ARGS__) \
  } else {                                       \
    WNI_FOR_X_TYPE((x).at.type, xt, {            \
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
#define WNI_CALL_GROUP(count, i) sums_by_row_group(count, xt, dt, t, gamma, x, dz, i, width, s, row_product, row_plain)
  WNI_EACH_GROUP(i, lines, WNI_CALL_GROUP)
#undef WNI_CALL_GROUP
}

static inline void lines_sums_by_row(const line_terms *t, const real *gamma, line_source x, line_source dz,
                                     int64_t lines, int64_t width, line_sums *s, double *row_product,
                                     double *row_plain){
    WNI_FOR_X_AND_DZ(x, dz, xt, dt, sums_by_row_loop(xt, dt, t, gamma, x, dz, lines, width, s, row_product, row_plain))}

/* ---- dx -----------------------------------------------------------------------------------------------------------
 */

WNI_INLINE void dx_group(int count, wn_dtype xt, wn_dtype dt, bool by_row, const line_terms *t, const real *gamma,
                         line_source x, line_source dz, int64_t line, int64_t width, line_target dx) {
  vec g[GROUP] = {{0}};
  for (int j = 0; by_row && j < count; j++) g[j] = vec_splat(gamma[line + j]);
  WNI_EACH_VECTOR(v, k, width, {
    const vec hi = vec_load(t->hi + v), rstd = vec_load(t->rstd + v), a = vec_load(t->dz_factor + v);
    const vec b = vec_load(t->constant + v), c = vec_load(t->xhat_factor + v);
    for (int j = 0; j < count; j++) {
      vec d = line_vec(dt, dz, line + j, v, k);
      if (by_row) d *= g[j];
      const vec xhat = (line_vec(xt, x, line + j, v, k) - hi) * rstd;
      line_vec_store(xt, dx, line + j, v, k, vec_fma(d, a, -vec_fma(xhat, c, b)));
    }
  })
}

WNI_INLINE void dx_lines_loop(wn_dtype xt, wn_dtype dt, bool by_row, const line_terms *t, const real *gamma,
                              line_source x, line_source dz, int64_t lines, int64_t width, line_target dx) {
#define WNI_CALL_GROUP(count, i) dx_group(count, xt, dt, by_row, t, gamma, x, dz, i, width, dx)
  WNI_EACH_GROUP_IN_ORDER(i, lines, x.apart == width && dz.apart == width && dx.apart == width, WNI_CALL_GROUP)
#undef WNI_CALL_GROUP
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
      const vec d = line_vec(dt, dz, i, v, k);
      line_vec_store(xt, dx, i, v, k, d * vec_load(t->dz_factor + v));
    })
  }
}

/* Where the statistics are constants dx is dz gamma rstd, whatever x is: not a number times 0 is not. */
static inline void lines_dx_frozen(const line_terms *t, line_source dz, int64_t lines, int64_t width, line_target dx) {
  WNI_FOR_X_TYPE(dz.at.type, dt, WNI_FOR_X_TYPE(dx.at.type, xt, dx_frozen_lines_loop(dt, xt, t, dz, lines, width, dx)))
}

#endif
