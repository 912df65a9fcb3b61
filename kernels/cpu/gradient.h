/* Stages of the backward passes: sums over dz and xhat, and dx. xhat is made from x where it is needed: that is one
 * subtraction and one multiplication, less than what keeping it would move. */
#ifndef WNI_GRADIENT_H
#define WNI_GRADIENT_H
#include "tile.h"

typedef struct gradient_sums {
  real product, plain; /* of dz xhat and dz, or g xhat and g */
} gradient_sums;

WNI_INLINE vec xhat_of(normalizer s, vec x) {
  return normalized(x, vec_splat(s.hi), vec_splat(s.rstd), vec_splat(s.lo_rstd));
}

WNI_INLINE gradient_sums sums_loop(wn_dtype xt, wn_dtype dt, normalizer s, source x, source dz, int64_t n) {
  vec sum[4] = {{0}}, product[4] = {{0}};
  WNI_EACH_VECTOR_BY_4_OR_1(i, j, k, n, {
    const vec d = vec_load_as(dt, dz.p, dz.first + i, k);
    vec xhat = xhat_of(s, vec_load_as(xt, x.p, x.first + i, k));
    if (k != LANES) xhat = vec_select(vmask_first(k), xhat, vec_splat(0));
    sum[j] += d;
    product[j] = vec_fma(d, xhat, product[j]);
  })
  const gradient_sums v = {vec_sum(sums_of_4(product)), vec_sum(sums_of_4(sum))};
  return v;
}

/* Sums of dz xhat and of dz. */
static inline gradient_sums tile_sums(normalizer s, source x, source dz, int64_t n) {
  gradient_sums v = {0, 0};
  WNI_FOR_PAIR(x.type, dz.type, xt, dt, v = sums_loop(xt, dt, s, x, dz, n))
  return v;
}

/* Where each element's dz xhat and dz are added to; NULL: nowhere. */
typedef struct element_sums {
  real *dgamma, *dbeta;
} element_sums;

/* Rows whose terms are added to those at once: each of the four accesses there costs more than an arithmetic operation.
 * Sums of a row are the same in any company. */
enum { EACH_ROWS = 2 };

WNI_INLINE void sums_each_loop(int rows, wn_dtype xt, wn_dtype dt, bool adds, const normalizer *s, const real *gamma,
                               const source *of_x, const source *of_dz, int64_t n, element_sums to,
                               gradient_sums *out) {
  source x[EACH_ROWS], dz[EACH_ROWS]; /* which the sums are no place of, as the compiler cannot know */
  for (int r = 0; r < rows; r++) x[r] = of_x[r], dz[r] = of_dz[r];
  vec sum[EACH_ROWS][2] = {{{0}}}, product[EACH_ROWS][2] = {{{0}}};
  WNI_EACH_VECTOR_BY_4_OR_1(i, j, k, n, {
    const vec g = vec_load_k(gamma + i, k);
    vec dgamma = vec_splat(0), dbeta = dgamma;
    if (adds) dgamma = vec_load_k(to.dgamma + i, k);
    if (adds) dbeta = vec_load_k(to.dbeta + i, k);
    for (int r = 0; r < rows; r++) {
      const vec d = vec_load_as(dt, dz[r].p, dz[r].first + i, k);
      vec xhat = (vec_load_as(xt, x[r].p, x[r].first + i, k) - vec_splat(s[r].hi)) * vec_splat(s[r].rstd);
      if (k != LANES) xhat = vec_select(vmask_first(k), xhat, vec_splat(0));
      if (adds) source_fetch_early(xt, x[r], i);
      if (adds) source_fetch_early(dt, dz[r], i);
      const vec gd = g * d;
      sum[r][j % 2] += gd;
      product[r][j % 2] = vec_fma(gd, xhat, product[r][j % 2]);
      dgamma = vec_fma(d, xhat, dgamma);
      dbeta += d;
    }
    if (adds) vec_store_k(to.dgamma + i, dgamma, k);
    if (adds) vec_store_k(to.dbeta + i, dbeta, k);
  })
  for (int r = 0; r < rows; r++) {
    out[r].product = vec_sum(product[r][0] + product[r][1]);
    out[r].plain = vec_sum(sum[r][0] + sum[r][1]);
  }
}

WNI_INLINE void sums_each_rows(int64_t count, wn_dtype xt, wn_dtype dt, bool adds, const normalizer *s,
                               const real *gamma, const source *x, const source *dz, int64_t n, element_sums to,
                               gradient_sums *out) {
  int64_t i = 0;
  for (; i + EACH_ROWS <= count; i += EACH_ROWS)
    sums_each_loop(EACH_ROWS, xt, dt, adds, s + i, gamma, x + i, dz + i, n, to, out + i);
  for (; i < count; i++) sums_each_loop(1, xt, dt, adds, s + i, gamma, x + i, dz + i, n, to, out + i);
}

/* Sums of g xhat and of g, g = gamma dz with a gamma for each element, of `count` tiles with the same gamma, all of the
 * types of the first. */
static inline void tiles_sums_each(int64_t count, const normalizer *s, const real *gamma, const source *x,
                                   const source *dz, int64_t n, element_sums to, gradient_sums *out) {
  if (count < 1) return; /* there are no types then */
  if (to.dgamma) {
    WNI_FOR_PAIR(x->type, dz->type, xt, dt, sums_each_rows(count, xt, dt, true, s, gamma, x, dz, n, to, out))
  } else {
    WNI_FOR_PAIR(x->type, dz->type, xt, dt, sums_each_rows(count, xt, dt, false, s, gamma, x, dz, n, to, out))
  }
}

/* dx = dz_factor dz - constant - xhat_factor xhat is rstd (gamma dz - mean(g) - xhat mean(g xhat)): no power of rstd.
 */
typedef struct gradient_terms {
  real dz_factor, constant, xhat_factor;
} gradient_terms;

static inline gradient_terms gradient_terms_make(real rstd, real gamma, double mean_g_xhat, double mean_g) {
  const gradient_terms k = {rstd * gamma, (real)(rstd * mean_g), (real)(rstd * mean_g_xhat)};
  return k;
}

WNI_INLINE vec dx_vec(wn_dtype xt, wn_dtype dt, bool each, normalizer s, gradient_terms t, const real *gamma, source x,
                      source dz, int64_t i, int64_t k) {
  vec g = vec_load_as(dt, dz.p, dz.first + i, k);
  if (each) g *= vec_load_k(gamma + i, k);
  const vec xhat = xhat_of(s, vec_load_as(xt, x.p, x.first + i, k));
  return vec_fma(g, vec_splat(t.dz_factor), -vec_fma(xhat, vec_splat(t.xhat_factor), vec_splat(t.constant)));
}

/* gamma is part of the terms, or there is one for each element. dx is of the type of x and may be where x or dz is. */
WNI_INLINE void dx_fetch_ahead(source x, source dz, int64_t i) {
  source_fetch_ahead(dz, i);
  source_fetch_ahead(x, i);
}

WNI_INLINE void dx_loop(wn_dtype xt, wn_dtype dt, bool each, normalizer s, gradient_terms t, const real *gamma,
                        source x, source dz, int64_t n, target dx) {
  WNI_STORE_EACH_VECTOR(xt, dx, i, k, n, dx_fetch_ahead(x, dz, i), dx_vec(xt, dt, each, s, t, gamma, x, dz, i, k))
}

static inline void tile_dx(normalizer s, gradient_terms t, source x, source dz, int64_t n, target dx) {
  WNI_FOR_PAIR(x.type, dz.type, xt, dt, dx_loop(xt, dt, false, s, t, NULL, x, dz, n, dx))
}

static inline void tile_dx_each(normalizer s, gradient_terms t, const real *gamma, source x, source dz, int64_t n,
                                target dx){
    WNI_FOR_PAIR(x.type, dz.type, xt, dt, dx_loop(xt, dt, true, s, t, gamma, x, dz, n, dx))}

WNI_INLINE void dx_frozen_loop(wn_dtype dt, wn_dtype xt, real factor, source dz, int64_t n, target dx) {
  WNI_STORE_EACH_VECTOR(xt, dx, i, k, n, (void)0, vec_load_as(dt, dz.p, dz.first + i, k) * vec_splat(factor))
}

/* Where the statistics are constants dx is dz gamma rstd, whatever x is: not a number times 0 is not. */
static inline void tile_dx_frozen(real factor, source dz, int64_t n, target dx) {
  WNI_FOR_PAIR(dz.type, dx.type, dt, xt, dx_frozen_loop(dt, xt, factor, dz, n, dx))
}

#endif
