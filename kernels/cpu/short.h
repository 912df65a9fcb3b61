/* The stages of tile.h for rows of few vectors. Their number is a constant to these, which leaves no loop within a row:
 * counting to five costs more than the five. What a row gets does not depend on the rows beside it. */
#ifndef WNI_SHORT_H
#define WNI_SHORT_H
#include "host/integer.h"
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

/* ---- sums of a row ----------------------------------------------------------------------------------------------
 * In the order of the loops over tiles (tile.h), which have the same bits. */

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

/* Of which the first mean is: as in first_mean_of. */
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

/* ---- what is asked for meanwhile --------------------------------------------------------------------------------- */

/* Rows of elements of `size` bytes from address `at` on; 0: nothing. */
typedef struct short_ahead {
  uintptr_t at;
  int64_t apart, size;
} short_ahead;

WNI_INLINE uintptr_t row_of_ahead(short_ahead a, int64_t i) { return a.at + (uintptr_t)(i * a.apart * a.size); }

/* Row i, with what is ahead of it to be asked for. */
static inline source source_of_row_ahead(const short_rows *x, short_ahead a, int64_t i) {
  source s = source_of_row(x, i);
  if (a.at != 0) source_ask(&s, row_of_ahead(a, i), a.size);
  return s;
}

WNI_INLINE void fetch_row_ahead(short_ahead a, int64_t i, int64_t n) {
  const uintptr_t row = row_of_ahead(a, i);
  for (int64_t byte = 0; byte < n * a.size; byte += 64) __builtin_prefetch((const void *)(row + (uintptr_t)byte), 0, 2);
}

/* ---- statistics and normalization in one go ----------------------------------------------------------------------
 * Of four rows at once, with what follows from their sums in registers: the way through arrays costs more than a row
 * of a few vectors. */

typedef struct moments_4 {
  double4 mean, m2;
} moments_4;

/* is_far of four rows. */
WNI_INLINE mask4 are_far(double4 first_mean, moments_4 m, double n) {
  const double4 lacks = m.mean - first_mean;
  return (mask4)(double4_splat(2 * n) * lacks * lacks > m.m2);
}

/* Those that are far once more. */
static __attribute__((noinline)) void moments_again_4(int rows, mask4 far, wn_dtype type, const void *p, int64_t first,
                                                      int64_t apart, int64_t n, moments_4 *m) {
  for (int j = 0; j < rows; j++) {
    if (!far[j]) continue;
    const wni_moments again = moments_again(type, p, first + j * apart, n, (real)m->mean[j]);
    m->mean[j] = again.mean;
    m->m2[j] = again.m2;
  }
}

/* Of the rows from p[first] on. */
WNI_INLINE moments_4 short_moments_4(int rows, wn_dtype type, short_row r, bool centered, const void *p, int64_t first,
                                     int64_t apart, int64_t n) {
  const double4 size = double4_splat((double)n), zero = double4_splat(0);
  vec sum[FOUR], squares[FOUR];
  if (!centered) {
    for (int j = 0; j < rows; j++) squares[j] = short_sum_of_squares(type, r, p, first + j * apart);
    const moments_4 m = {zero, double4_of(vec_sums_4(rows, squares))};
    return m;
  }
  for (int j = 0; j < rows; j++) sum[j] = short_sample(type, r, p, first + j * apart, n);
  const real4 first_mean = vec_sums_4(rows, sum) / (real)(r.vectors > 4 ? SAMPLED : n);
  for (int j = 0; j < rows; j++) {
    const distances d = short_distances(type, r, p, first + j * apart, first_mean[j]);
    sum[j] = d.sum;
    squares[j] = d.squares;
  }
  const double4 distance = double4_of(vec_sums_4(rows, sum)), lacks = distance / size;
  const double4 about = double4_of(vec_sums_4(rows, squares)) - distance * lacks;
  moments_4 m = {double4_of(first_mean) + lacks, double4_select((mask4)(about < zero), zero, about)};
  if (r.vectors > 4) {
    const mask4 far = are_far(double4_of(first_mean), m, (double)n);
    if (__builtin_expect(mask4_any(far), 0)) {
      moments_4 again = m;
      moments_again_4(rows, far, type, p, first, apart, n, &again);
      m = again;
    }
  }
  return m;
}

/* What normalizes four rows: normalizer_make of wni_rstd. */
typedef struct normalizers_4 {
  real4 hi, rstd, lo_rstd;
} normalizers_4;

WNI_INLINE normalizers_4 normalizers_4_make(moments_4 m, double n, double eps) {
  const double4 rstd = double4_splat(1) / double4_sqrt(m.m2 / double4_splat(n) + double4_splat(eps));
  const real4 hi = real4_of(m.mean);
  const double4 lacks = m.mean - double4_of(hi), zero = double4_splat(0); /* where it is 0, rstd may be infinite */
  const normalizers_4 s = {hi, real4_of(rstd), real4_of(double4_select((mask4)(lacks == zero), zero, lacks * rstd))};
  return s;
}

/* Rows with the same parameters, one for each element; y is of the type of x. */
typedef struct forward_rows {
  int64_t count, n;
  short_rows x, y;
  const real *gamma, *beta;
  double eps;
  real *mean, *rstd; /* [row]; NULL: not wanted */
  short_ahead ahead;
  bool stream;
} forward_rows;

/* Rows `first` .. `first + rows - 1`, and what normalizes them. */
typedef struct short_group {
  int64_t first;
  int rows;
  normalizers_4 s;
} short_group;

/* The statistics of a group, which are stored where they are wanted. */
WNI_INLINE void short_take(int rows, wn_dtype type, short_row r, bool centered, const forward_rows *f, int64_t first,
                           short_group *g) {
  const moments_4 m =
      short_moments_4(rows, type, r, centered, f->x.p, f->x.first + first * f->x.apart, f->x.apart, f->n);
  g->first = first;
  g->rows = rows;
  g->s = normalizers_4_make(m, (double)f->n, f->eps);
  if (f->mean) memcpy(f->mean + first, &g->s.hi, (size_t)rows * sizeof(real));
  if (f->rstd) memcpy(f->rstd + first, &g->s.rstd, (size_t)rows * sizeof(real));
}

WNI_INLINE void short_put(wn_dtype type, short_row r, const forward_rows *f, const short_group *group) {
  for (int j = 0; j < group->rows; j++) {
    const normalizers_4 *const s = &group->s;
    const vec hi = vec_splat(s->hi[j]), rstd = vec_splat(s->rstd[j]), lo_rstd = vec_splat(s->lo_rstd[j]);
    const int64_t i = group->first + j, first = f->x.first + i * f->x.apart;
    const target to = target_at(type, (void *)f->y.p, f->y.first + i * f->y.apart, f->stream);
    vec before = hi;
    if (f->ahead.at != 0) fetch_row_ahead(f->ahead, i, f->n);
    WNI_EACH_SHORT(v, k, r, {
      const vec g = vec_load_k(f->gamma + v * LANES, k), b = vec_load_k(f->beta + v * LANES, k);
      const vec h = vec_load_as(type, f->x.p, first + v * LANES, k);
      short_store(type, to, r, v, k, vec_fma(normalized(h, hi, rstd, lo_rstd), g, b), &before);
    })
  }
}

/* Fours, then single ones. The next group's statistics are on their way while y of one is made; but not where rows of
 * more than 256 bytes come from memory: they would be read 4 KB after what was just written, and processors that
 * compare the low 12 bits of addresses wait. */
WNI_INLINE void short_forward_loop(wn_dtype type, short_row r, bool centered, const forward_rows *rows) {
  const forward_rows f = *rows; /* which y is no place of, as the compiler cannot know */
  const bool is_long = r.vectors * LANES * type_size(type) > 256;
  const int64_t fours = f.count / FOUR, groups = fours + f.count % FOUR, delay = is_long && f.ahead.at != 0 ? 0 : 1;
  short_group made[2];
  for (int64_t g = 0; g < groups + delay; g++) {
    if (g < fours) {
      short_take(FOUR, type, r, centered, &f, g * FOUR, &made[g % 2]);
    } else if (g < groups) {
      short_take(1, type, r, centered, &f, fours * FOUR + g - fours, &made[g % 2]);
    }
    if (g >= delay) short_put(type, r, &f, &made[(g - delay) % 2]);
  }
}

static inline void short_forward_rows(const forward_rows *f, bool centered) {
  if (centered) {
    WNI_FOR_X_TYPE(f->x.type, t, WNI_FOR_SHORT(f->n, r, short_forward_loop(t, r, true, f)))
  } else {
    WNI_FOR_X_TYPE(f->x.type, t, WNI_FOR_SHORT(f->n, r, short_forward_loop(t, r, false, f)))
  }
}

#endif
