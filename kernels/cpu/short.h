/* The stages of tile.h for rows of few vectors. Their number is a constant to these, which leaves no loop within a row:
 * counting to five costs more than the five. What a row gets does not depend on the rows beside it. */
#ifndef WNI_SHORT_H
#define WNI_SHORT_H
#include "tile.h"

/* A row of `vectors` vectors, the last of which has `last` elements. */
typedef struct short_row {
  int vectors;
  int64_t last;
} short_row;

/* Rows in a tensor or in scratch, `apart` elements from one to the next. */
typedef struct short_rows {
  wn_dtype type;
  const void *p;
  int64_t first, apart;
} short_rows;

static inline source source_of_row(const short_rows *x, int64_t i) {
  const source s = {.type = x->type, .p = x->p, .first = x->first + i * x->apart};
  return s;
}

/* Which rows there are loops for: each costs some KB in every one of these stages. Those of one vector alone in f64, in
 * which nobody trains such rows, and for processors without AVX2. */
#if WNI_REAL_BITS == 64 || (defined(__x86_64__) && WNI_VECTOR_BYTES == 16)
#define WNI_SHORT_CASES(r, ...) WNI_SHORT_CASE(1, r, __VA_ARGS__)
#else
#define WNI_SHORT_CASES(r, ...)     \
  WNI_SHORT_CASE(1, r, __VA_ARGS__) \
  WNI_SHORT_CASE(2, r, __VA_ARGS__) \
  WNI_SHORT_CASE(3, r, __VA_ARGS__) \
  WNI_SHORT_CASE(4, r, __VA_ARGS__) \
  WNI_SHORT_CASE(5, r, __VA_ARGS__) \
  WNI_SHORT_CASE(6, r, __VA_ARGS__) \
  WNI_SHORT_CASE(8, r, __VA_ARGS__) \
  WNI_SHORT_LONGER(r, __VA_ARGS__)
#endif
#if WNI_VECTOR_BYTES == 64
#define WNI_SHORT_LONGER(r, ...) WNI_SHORT_CASE(7, r, __VA_ARGS__)
#else
#define WNI_SHORT_LONGER(r, ...) WNI_SHORT_CASE(12, r, __VA_ARGS__) WNI_SHORT_CASE(16, r, __VA_ARGS__)
#endif

/* Does the rest with `r` of a constant number of vectors. */
#define WNI_SHORT_CASE(count, r, ...)                               \
  case count: {                                                     \
    const short_row r = {count, n_ - (count - 1) * (int64_t)LANES}; \
    __VA_ARGS__;                                                    \
  } break;
#define WNI_FOR_SHORT(n, r, ...)      \
  {                                   \
    const int64_t n_ = (n);           \
    switch (ceil_div(n_, LANES)) {    \
      WNI_SHORT_CASES(r, __VA_ARGS__) \
      default:                        \
        break;                        \
    }                                 \
  }

static inline bool is_short(int64_t n) {
  WNI_FOR_SHORT(n, r, return r.vectors > 0)
  return false;
}

/* The statements for the vectors v of a row, each of k elements. */
#define WNI_EACH_SHORT(v, k, r, ...)                                     \
  {                                                                      \
    _Pragma("GCC unroll 16") for (int v = 0; v < (r).vectors - 1; v++) { \
      const int64_t k = LANES;                                           \
      __VA_ARGS__                                                        \
    }                                                                    \
    const int v = (r).vectors - 1;                                       \
    const int64_t k = (r).last;                                          \
    __VA_ARGS__                                                          \
  }

/* Stores vector v of a row, of k elements; whole ones two at a time. */
WNI_INLINE void short_store(wn_dtype type, target to, short_row r, int v, int64_t k, vec value, vec *before) {
  const bool pairs = type == WN_BF16;
  if (pairs && v % 2 == 0 && v + 2 < r.vectors) { /* the next one is whole */
    *before = value;
  } else if (pairs && v % 2 == 1 && v + 1 < r.vectors) {
    target_store_2(type, to, (v - 1) * LANES, *before, value);
  } else {
    target_store(type, to, v * LANES, k, value);
  }
}

/* ---- statistics ---------------------------------------------------------------------------------------------------
 * Stage by stage for all rows: what a core can look ahead is less than two rows, and within one each step waits for the
 * one before. */

/* Of as many of the four as there are; adding zeros takes time too. */
WNI_INLINE vec short_sums(int vectors, const vec sum[4]) {
  if (vectors == 1) return sum[0];
  if (vectors == 2) return sum[0] + sum[1];
  if (vectors == 3) return (sum[0] + sum[1]) + sum[2];
  return sums_of_4(sum);
}

WNI_INLINE vec short_sum_of_squares(wn_dtype type, short_row r, const void *p, int64_t first) {
  vec sum[4];
  WNI_EACH_SHORT(v, k, r, {
    const vec d = vec_load_as(type, p, first + v * LANES, k);
    sum[v % 4] = v < 4 ? d * d : vec_fma(d, d, sum[v % 4]);
  })
  return short_sums(r.vectors, sum);
}

/* Of which the first mean is: of all elements, or as in sampled_mean. */
WNI_INLINE vec short_sample(wn_dtype type, short_row r, const void *p, int64_t first, int64_t n) {
  if (r.vectors > 4) return sample_sum(type, p, first, n);
  vec sum[4];
  WNI_EACH_SHORT(v, k, r, sum[v % 4] = vec_load_as(type, p, first + v * LANES, k);)
  return short_sums(r.vectors, sum);
}

WNI_INLINE distances short_distances(wn_dtype type, short_row r, const void *p, int64_t first, real first_mean) {
  const vec m = vec_splat(first_mean);
  vec sum[4], squares[4];
  WNI_EACH_SHORT(v, k, r, {
    vec d = vec_load_as(type, p, first + v * LANES, k) - m;
    if (v + 1 == r.vectors) d = vec_select(vmask_first(k), d, vec_splat(0));
    sum[v % 4] = v < 4 ? d : sum[v % 4] + d;
    squares[v % 4] = v < 4 ? d * d : vec_fma(d, d, squares[v % 4]);
  })
  const distances s = {short_sums(r.vectors, sum), short_sums(r.vectors, squares)};
  return s;
}

/* out[i] = vec_sum(v[i]); 0 beyond count, as far as vectors of doubles reach. */
WNI_INLINE void sums_of_batch(int64_t count, const vec v[BATCH], real out[BATCH]) {
  for (int64_t i = 0; i < count; i++) out[i] = vec_sum(v[i]);
  for (int64_t i = count; i % DLANES != 0; i++) out[i] = 0;
}

/* Of at most BATCH rows. The arrays have room for whole vectors. */
WNI_INLINE void short_moments_loop(wn_dtype type, short_row r, bool centered, int64_t count, const short_rows *x,
                                   int64_t n, double *mean, double *m2) {
  vec sum[BATCH], squares[BATCH];
  real first_mean[BATCH] = {0}, distance[BATCH] = {0}, square[BATCH];
  if (!centered) {
    for (int64_t i = 0; i < count; i++) squares[i] = short_sum_of_squares(type, r, x->p, x->first + i * x->apart);
    sums_of_batch(count, squares, square);
    moments_about_each(count, first_mean, distance, square, (double)n, mean, m2);
    return;
  }
  for (int64_t i = 0; i < count; i++) sum[i] = short_sample(type, r, x->p, x->first + i * x->apart, n);
  sums_of_batch(count, sum, first_mean);
  for (int64_t i = 0; i < count; i++) first_mean[i] /= (real)(r.vectors > 4 ? SAMPLED : n);
  for (int64_t i = 0; i < count; i++) {
    const distances d = short_distances(type, r, x->p, x->first + i * x->apart, first_mean[i]);
    sum[i] = d.sum;
    squares[i] = d.squares;
  }
  sums_of_batch(count, sum, distance);
  sums_of_batch(count, squares, square);
  moments_about_each(count, first_mean, distance, square, (double)n, mean, m2);
  for (int64_t i = 0; r.vectors > 4 && i < count; i++) {
    const wni_moments v = {mean[i], m2[i]};
    if (!is_far(first_mean[i], v, (double)n)) continue;
    const wni_moments again = moments_loop(type, x->p, x->first + i * x->apart, n, (real)mean[i]);
    mean[i] = again.mean;
    m2[i] = again.m2;
  }
}

/* Of `count` short rows of n elements. */
static inline void short_moments(int64_t count, const short_rows *x, int64_t n, bool centered, double *mean,
                                 double *m2) {
  if (centered) {
    WNI_FOR_X_TYPE(x->type, t, WNI_FOR_SHORT(n, r, short_moments_loop(t, r, true, count, x, n, mean, m2)))
  } else {
    WNI_FOR_X_TYPE(x->type, t, WNI_FOR_SHORT(n, r, short_moments_loop(t, r, false, count, x, n, mean, m2)))
  }
}

/* ---- normalization ---------------------------------------------------------------------------------------------- */

/* What is asked for meanwhile: rows of elements of `size` bytes from address `at` on; 0: nothing. */
typedef struct short_ahead {
  uintptr_t at;
  int64_t apart, size;
} short_ahead;

WNI_INLINE void fetch_row_ahead(short_ahead a, int64_t i, int64_t n) {
  const uintptr_t row = a.at + (uintptr_t)(i * a.apart * a.size);
  for (int64_t byte = 0; byte < n * a.size; byte += 64) __builtin_prefetch((const void *)(row + (uintptr_t)byte), 0, 2);
}

/* Parameters that stay in registers, where there are 32 of them. */
enum { KEPT_VECTORS = 4 };

WNI_INLINE void short_affine_loop(wn_dtype type, short_row r, int64_t count, int64_t n, const normalizers *s,
                                  const real *gamma, const real *beta, const short_rows *x, short_ahead ahead,
                                  const short_rows *y, bool stream) {
  const bool keeps = r.vectors <= KEPT_VECTORS;
  const void *const p = x->p; /* which is no place that is written to, as the compiler cannot know */
  vec g[KEPT_VECTORS], b[KEPT_VECTORS];
  if (keeps)
    WNI_EACH_SHORT(v, k, r, {
      g[v % KEPT_VECTORS] = vec_load_k(gamma + v * LANES, k);
      b[v % KEPT_VECTORS] = vec_load_k(beta + v * LANES, k);
    })
  for (int64_t i = 0; i < count; i++) {
    const vec hi = vec_splat(s->hi[i]), rstd = vec_splat(s->rstd[i]), lo = vec_splat(s->lo_rstd[i]);
    const int64_t first = x->first + i * x->apart;
    const target to = target_at(type, (void *)y->p, y->first + i * y->apart, stream);
    vec before = hi;
    if (ahead.at != 0) fetch_row_ahead(ahead, i, n);
    WNI_EACH_SHORT(v, k, r, {
      const vec gv = keeps ? g[v % KEPT_VECTORS] : vec_load_k(gamma + v * LANES, k);
      const vec bv = keeps ? b[v % KEPT_VECTORS] : vec_load_k(beta + v * LANES, k);
      const vec h = vec_load_as(type, p, first + v * LANES, k);
      short_store(type, to, r, v, k, vec_fma(normalized(h, hi, rstd, lo), gv, bv), &before);
    })
  }
}

/* y of short rows that have the same parameters, one for each element; y is of the type of x. */
static inline void short_affine(int64_t count, int64_t n, const normalizers *s, const real *gamma, const real *beta,
                                const short_rows *x, short_ahead ahead, const short_rows *y, bool stream) {
  WNI_FOR_X_TYPE(x->type, t,
                 WNI_FOR_SHORT(n, r, short_affine_loop(t, r, count, n, s, gamma, beta, x, ahead, y, stream)))
}

#endif
