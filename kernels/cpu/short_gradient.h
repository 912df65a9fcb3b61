/* The stages of gradient.h for rows of few vectors (short.h). */
#ifndef WNI_SHORT_GRADIENT_H
#define WNI_SHORT_GRADIENT_H
#include "gradient.h"
#include "short.h"

/* Rows of a batch with what is saved of them, and what becomes of them. The arrays are of the batch's rows. */
typedef struct short_gradients {
  int64_t count, n;
  short_rows x, dz, dx; /* of one type */
  bool singly;          /* or else so many as a group at once: */
  real hi[BATCH], rstd[BATCH];
  real product[BATCH], plain[BATCH]; /* sums of g xhat and of g, later the factors of xhat and the constants of dx */
} short_gradients;

/* Rows whose terms are added to dgamma and dbeta at once. */
enum { SHORT_GROUP = 4 };

WNI_INLINE void short_sums_group(int rows, wn_dtype type, short_row r, short_gradients *b, int64_t i, const real *gamma,
                                 element_sums to) {
  vec sum[SHORT_GROUP], product[SHORT_GROUP], hi[SHORT_GROUP], rstd[SHORT_GROUP];
  for (int j = 0; j < rows; j++) {
    sum[j] = product[j] = vec_splat(0);
    hi[j] = vec_splat(b->hi[i + j]);
    rstd[j] = vec_splat(b->rstd[i + j]);
  }
  WNI_EACH_SHORT(v, k, r, {
    const vec g = vec_load_k(gamma + v * LANES, k);
    vec dgamma = vec_load_k(to.dgamma + v * LANES, k), dbeta = vec_load_k(to.dbeta + v * LANES, k);
    for (int j = 0; j < rows; j++) {
      const vec d = vec_load_as(type, b->dz.p, b->dz.first + (i + j) * b->dz.apart + v * LANES, k);
      const vec x = vec_load_as(type, b->x.p, b->x.first + (i + j) * b->x.apart + v * LANES, k);
      vec xhat = (x - hi[j]) * rstd[j];
      if (v + 1 == r.vectors) xhat = vec_select(vmask_first(k), xhat, vec_splat(0));
      const vec gd = g * d;
      sum[j] += gd;
      product[j] = vec_fma(gd, xhat, product[j]);
      dgamma = vec_fma(d, xhat, dgamma);
      dbeta += d;
    }
    vec_store_k(to.dgamma + v * LANES, dgamma, k);
    vec_store_k(to.dbeta + v * LANES, dbeta, k);
  })
  for (int j = 0; j < rows; j++) {
    b->product[i + j] = vec_sum(product[j]);
    b->plain[i + j] = vec_sum(sum[j]);
  }
}

WNI_INLINE void short_sums_loop_of(wn_dtype type, short_row r, short_gradients *b, const real *gamma, element_sums to) {
  int64_t i = 0;
  for (; !b->singly && i + SHORT_GROUP <= b->count; i += SHORT_GROUP)
    short_sums_group(SHORT_GROUP, type, r, b, i, gamma, to);
  for (; i < b->count; i++) short_sums_group(1, type, r, b, i, gamma, to);
}

/* Sums of the rows; their terms of dgamma and dbeta are added to those. */
static inline void short_sums_each(short_gradients *b, const real *gamma, element_sums to) {
  WNI_FOR_X_TYPE(b->x.type, t, WNI_FOR_SHORT(b->n, r, short_sums_loop_of(t, r, b, gamma, to)))
}

/* The sums become the terms of gradient_terms: factors of xhat, and constants. */
static inline void short_terms(short_gradients *b, bool centered) {
  const dvec n = dvec_splat((double)b->n);
  for (int64_t i = 0; i < b->count; i += DLANES) {
    const dvec rstd = dvec_of_reals(b->rstd + i);
    dvec_to_reals(b->product + i, rstd * (dvec_of_reals(b->product + i) / n));
    dvec_to_reals(b->plain + i, centered ? rstd * (dvec_of_reals(b->plain + i) / n) : dvec_splat(0));
  }
}

WNI_INLINE void short_dx_loop(wn_dtype type, short_row r, const short_gradients *b, const real *gamma,
                              short_ahead x_ahead, short_ahead dz_ahead, bool stream) {
  /* What is written is no place of these, as the compiler cannot know. */
  const void *const x = b->x.p, *const dz = b->dz.p;
  for (int64_t i = 0; i < b->count; i++) {
    const vec hi = vec_splat(b->hi[i]), rstd = vec_splat(b->rstd[i]);
    const vec c = vec_splat(b->product[i]), constant = vec_splat(b->plain[i]), zero = vec_splat(0);
    const int64_t of_x = b->x.first + i * b->x.apart, of_dz = b->dz.first + i * b->dz.apart;
    const target to = target_at(type, (void *)b->dx.p, b->dx.first + i * b->dx.apart, stream);
    if (x_ahead.at != 0) fetch_row_ahead(x_ahead, i, b->n);
    if (dz_ahead.at != 0) fetch_row_ahead(dz_ahead, i, b->n);
    vec before = hi;
    WNI_EACH_SHORT(v, k, r, {
      const vec g = vec_load_as(type, dz, of_dz + v * LANES, k) * vec_load_k(gamma + v * LANES, k);
      const vec xhat = normalized(vec_load_as(type, x, of_x + v * LANES, k), hi, rstd, zero);
      short_store(type, to, r, v, k, vec_fma(g, rstd, -vec_fma(xhat, c, constant)), &before);
    })
  }
}

static inline void short_dx(const short_gradients *b, const real *gamma, short_ahead x_ahead, short_ahead dz_ahead,
                            bool stream) {
  WNI_FOR_X_TYPE(b->x.type, t, WNI_FOR_SHORT(b->n, r, short_dx_loop(t, r, b, gamma, x_ahead, dz_ahead, stream)))
}

#endif
