/* The stages that every kernel is made of. A tile is a short piece of a row as REALs, in the first-level cache; n is at
 * most TILE. Stages read and write exactly n elements, so that a tile of f32 can be the tensor itself. Switches over
 * types and activations lie around the loops, never in them. */
#ifndef WNI_TILE_H
#define WNI_TILE_H
#include "convert.h"
#include "kernels/shared/activation.h"
#include "kernels/shared/activation_f64.h"
#include "moments.h"

/* 8 KB: three tiles, and the lines of the tensors that they come from, fit 32 KB. The shortest vectors have half as
 * much: few lanes add up many numbers each, and those of 16-bit data err to one side for as long as they are alike. */
enum { TILE_BYTES = WNI_VECTOR_BYTES > 16 ? 8192 : 4096, TILE = TILE_BYTES / (WNI_REAL_BITS / 8) };
#define WNI_TILE_ALIGNED __attribute__((aligned(64)))

/* The statements for vectors of k elements at i; k is a constant but for the last, short one. */
#define WNI_EACH_VECTOR(i, k, n, ...)            \
  {                                              \
    int64_t i = 0;                               \
    WNI_EACH_VECTOR_FROM_I(i, k, n, __VA_ARGS__) \
  }
#define WNI_EACH_VECTOR_FROM_I(i, k, n, ...) \
  for (; i + LANES <= (n); i += LANES) {     \
    const int64_t k = LANES;                 \
    __VA_ARGS__                              \
  }                                          \
  if (i < (n)) {                             \
    const int64_t k = (n)-i;                 \
    __VA_ARGS__                              \
  }

/* Values to read and to write: a tile, or a stretch of a tensor of any type, which is then converted on the way. */
typedef struct source {
  wn_dtype type;
  const void *p;
  int64_t first;
  /* Stages that write ask meanwhile for as many elements of this size from here on; 0: for nothing. An integer, for
   * they may lie beyond their tensor, where asking does no harm. */
  uintptr_t ahead;
  int64_t ahead_size;
} source;

typedef struct target {
  void *p;
  int64_t first;
  wn_dtype type;
  bool wants;  /* what is written is not read again soon, and goes past the caches where the place is aligned for it: */
  bool stream; /* at p[first] it is */
} target;

WNI_INLINE source source_of_tile(const real *tile) {
  const source s = {.type = WNI_REAL_TYPE, .p = tile};
  return s;
}

WNI_INLINE target target_of_tile(real *tile) {
  const target t = {.p = tile, .type = WNI_REAL_TYPE};
  return t;
}

/* Bytes of p[first] beyond a multiple of `line`. */
WNI_INLINE int64_t bytes_beyond(wn_dtype type, const void *p, int64_t first, int64_t line) {
  return (int64_t)(((uintptr_t)p + (uintptr_t)(first * type_size(type))) % (uintptr_t)line);
}

/* In a tensor; stream: if the place allows it. Half a line of the cache is enough where vectors are no longer: its
 * other half is then written once more. */
WNI_INLINE target target_at(wn_dtype type, void *p, int64_t first, bool stream) {
  const int64_t line = LANES * type_size(type) > 32 ? 64 : 32;
  const target t = {p, first, type, stream, stream && bytes_beyond(type, p, first, line) == 0};
  return t;
}

/* From element `by` of it on. */
WNI_INLINE source source_from(source s, int64_t by) {
  s.first += by;
  s.ahead += (uintptr_t)(by * s.ahead_size);
  return s;
}

WNI_INLINE target target_from(target t, int64_t by) { return target_at(t.type, t.p, t.first + by, t.wants); }

/* Of n elements those before the first aligned place, if the rest is worth it; else all. */
static inline int64_t unaligned_part(target t, int64_t n) {
  enum { WORTH = 512 };
  const int64_t size = type_size(t.type), line = 64;
  if (!t.wants || t.stream || n < WORTH) return n;
  const int64_t beyond = bytes_beyond(t.type, t.p, t.first, line);
  return beyond % size == 0 ? (line - beyond) / size : n;
}

/* The statement for the part before the first aligned place of a target of n elements, and for the rest: `part`
 * elements from `by` on. */
#define WNI_EACH_ALIGNED_PART(t, n, by, part) \
  for (int64_t by = 0, part = unaligned_part(t, n); by < (n); by += part, part = (n)-by)

WNI_INLINE void source_ask(source *s, uintptr_t at, int64_t size) {
  s->ahead = at;
  s->ahead_size = size;
}

/* What a vector at i has ahead; to the second-level cache: the first one has its hands full. */
WNI_INLINE void source_fetch_vector(source s, int64_t i) {
  if (s.ahead == 0) return;
  __builtin_prefetch((const void *)(s.ahead + (uintptr_t)(i * s.ahead_size)), 0, 2);
}

/* Two vectors from i on. In 16-bit types both are in one line, which is asked for twice: a core forgets some of what it
 * is asked for while it is busy. */
WNI_INLINE void source_fetch_ahead(source s, int64_t i) {
  source_fetch_vector(s, i);
  source_fetch_vector(s, i + LANES);
}

/* In stages that make sums and write nothing: then memory has more to spare. What needs conversion gains nothing by it,
 * the shortest vectors would ask for each line four times, and in f64 it is not worth its code. */
WNI_INLINE void source_fetch_early(wn_dtype type, source s, int64_t i) {
  if (type == WN_F32 && WNI_REAL_BITS == 32 && WNI_VECTOR_BYTES > 16) source_fetch_vector(s, i);
}

/* k elements at i; type is t's, as a constant. */
WNI_INLINE void target_store(wn_dtype type, target t, int64_t i, int64_t k, vec v) {
  if (k == LANES && t.stream) {
    vec_stream_as(type, t.p, t.first + i, v);
  } else {
    vec_store_as(type, t.p, t.first + i, k, v);
  }
}

/* Two whole vectors, at i and after it. */
WNI_INLINE void target_store_2(wn_dtype type, target t, int64_t i, vec a, vec b) {
  if (t.stream) {
    vec_stream_2_as(type, t.p, t.first + i, a, b);
  } else {
    vec_store_2_as(type, t.p, t.first + i, a, b);
  }
}

/* Stores `value`, an expression of i and k, for the vectors of k elements at i; `before` is done for whole ones two at
 * a time, from i on. */
#define WNI_STORE_EACH_VECTOR(type, t, i, k, n, before, value) \
  if ((t).stream) {                                            \
    WNI_STORE_LOOP(true, type, t, i, k, n, before, value)      \
  } else {                                                     \
    WNI_STORE_LOOP(false, type, t, i, k, n, before, value)     \
  }
#define WNI_STORE_LOOP(streams, type, t, i, k, n, before, value) \
  {                                                              \
    target to_ = t;                                              \
    to_.stream = streams;                                        \
    int64_t i = 0;                                               \
    for (; i + 2 * LANES <= (n); i += LANES) {                   \
      const int64_t k = LANES;                                   \
      before;                                                    \
      const vec first_ = value;                                  \
      i += LANES;                                                \
      const vec second_ = value;                                 \
      target_store_2(type, to_, i - LANES, first_, second_);     \
    }                                                            \
    if (i + LANES <= (n)) {                                      \
      const int64_t k = LANES;                                   \
      target_store(type, to_, i, k, value);                      \
      i += LANES;                                                \
    }                                                            \
    if (i < (n)) {                                               \
      const int64_t k = (n)-i;                                   \
      target_store(type, to_, i, k, value);                      \
    }                                                            \
  }

/* ---- tensors to tiles and back ---------------------------------------------------------------------------------- */

/* Elements first .. first + n - 1 of what p points to. */
WNI_INLINE void tile_load_loop(wn_dtype type, const void *p, int64_t first, int64_t n, real *restrict out) {
  WNI_EACH_VECTOR(i, k, n, vec_store_k(out + i, vec_load_as(type, p, first + i, k), k);)
}

static inline void tile_load(wn_dtype type, const void *p, int64_t first, int64_t n,
                             real *restrict out){WNI_FOR_X_TYPE(type, t, tile_load_loop(t, p, first, n, out))}

/* tile + r */
WNI_INLINE void tile_add_loop(wn_dtype type, const void *p, int64_t first, int64_t n, real *restrict tile) {
  WNI_EACH_VECTOR(i, k, n, vec_store_k(tile + i, vec_load_k(tile + i, k) + vec_load_as(type, p, first + i, k), k);)
}

static inline void tile_add(wn_dtype type, const void *p, int64_t first, int64_t n,
                            real *restrict tile){WNI_FOR_X_TYPE(type, t, tile_add_loop(t, p, first, n, tile))}

/* tile + r as it reads after it was stored in the type */
WNI_INLINE void tile_add_rounded_loop(wn_dtype type, const void *p, int64_t first, int64_t n, real *restrict tile) {
  WNI_EACH_VECTOR(i, k, n, {
    const vec sum = vec_load_k(tile + i, k) + vec_load_as(type, p, first + i, k);
    vec_store_k(tile + i, vec_round_to(type, sum), k);
  })
}

static inline void tile_add_rounded(wn_dtype type, const void *p, int64_t first, int64_t n, real *restrict tile){
    WNI_FOR_X_TYPE(type, t, tile_add_rounded_loop(t, p, first, n, tile))}

WNI_INLINE void tile_store_loop(wn_dtype type, void *p, int64_t first, int64_t n, const real *restrict tile) {
  WNI_EACH_VECTOR(i, k, n, vec_store_as(type, p, first + i, k, vec_load_k(tile + i, k));)
}

static inline void tile_store(wn_dtype type, void *p, int64_t first, int64_t n, const real *restrict tile) {
  WNI_FOR_Y_TYPE(type, t, tile_store_loop(t, p, first, n, tile))
}

static inline void tile_scale(real factor, int64_t n, real *tile) {
  const vec f = vec_splat(factor);
  WNI_EACH_VECTOR(i, k, n, vec_store_k(tile + i, vec_load_k(tile + i, k) * f, k);)
}

/* max |tile| as bits, which order magnitudes as integers do, NaN above infinity. */
static inline real_bits tile_largest(const real *tile, int64_t n) {
  uvec most = uvec_splat(0);
  WNI_EACH_VECTOR(i, k, n, most = uvec_max(most, vec_bits(vec_abs(vec_load_k(tile + i, k))));)
  real_bits largest = 0;
  for (int lane = 0; lane < LANES; lane++) {
    if (most[lane] > largest) largest = most[lane];
  }
  return largest;
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Four sums side by side hide the latency of the addition; they are added in this order whatever n is. What becomes of
 * the lanes is another matter: vec_sum, or vec_sums_4. */
WNI_INLINE vec sums_of_4(const vec sum[4]) { return (sum[0] + sum[1]) + (sum[2] + sum[3]); }

/* The statements for whole vectors at i, as long as there are four; j is 0 .. 3, a constant. */
#define WNI_EACH_FOUR_VECTORS(i, j, k, n, ...) \
  for (; i + 4 * LANES <= (n);) {              \
    for (int j = 0; j < 4; j++, i += LANES) {  \
      const int64_t k = LANES;                 \
      __VA_ARGS__                              \
    }                                          \
  }

/* For all vectors, the last of k elements; j goes on after the fours, as in rows of few vectors (short.h). */
#define WNI_EACH_VECTOR_BY_4(i, j, k, n, ...)                         \
  {                                                                   \
    int64_t i = 0;                                                    \
    WNI_EACH_FOUR_VECTORS(i, j, k, n, __VA_ARGS__)                    \
    _Pragma("GCC unroll 4") for (int j = 0; j < 4; j++, i += LANES) { \
      if (i + LANES <= (n)) {                                         \
        const int64_t k = LANES;                                      \
        __VA_ARGS__                                                   \
      } else if (i < (n)) {                                           \
        const int64_t k = (n)-i;                                      \
        __VA_ARGS__                                                   \
      }                                                               \
    }                                                                 \
  }

/* j is 0 after the fours: less code, for loops that there are many of. */
#define WNI_EACH_VECTOR_BY_4_OR_1(i, j, k, n, ...) \
  {                                                \
    int64_t i = 0;                                 \
    WNI_EACH_FOUR_VECTORS(i, j, k, n, __VA_ARGS__) \
    const int64_t j = 0;                           \
    WNI_EACH_VECTOR_FROM_I(i, k, n, __VA_ARGS__)   \
  }

WNI_INLINE vec sum_loop(wn_dtype type, const void *p, int64_t first, int64_t n) {
  vec sum[4] = {{0}};
  WNI_EACH_VECTOR_BY_4(i, j, k, n, sum[j] += vec_load_as(type, p, first + i, k);)
  return sums_of_4(sum);
}

WNI_INLINE vec sum_of_squares_loop(wn_dtype type, source x, int64_t n) {
  vec sum[4] = {{0}};
  WNI_EACH_VECTOR_BY_4(i, j, k, n, {
    source_fetch_early(type, x, i);
    const vec v = vec_load_as(type, x.p, x.first + i, k);
    sum[j] = vec_fma(v, v, sum[j]);
  })
  return sums_of_4(sum);
}

/* Sums of distances from a first mean and of their squares. */
typedef struct distances {
  vec sum, squares;
} distances;

WNI_INLINE distances distances_loop(wn_dtype type, source x, int64_t n, real first_mean) {
  const vec m = vec_splat(first_mean);
  vec sum[4] = {{0}}, squares[4] = {{0}};
  WNI_EACH_VECTOR_BY_4(i, j, k, n, {
    source_fetch_early(type, x, i);
    vec d = vec_load_as(type, x.p, x.first + i, k) - m;
    if (k != LANES) d = vec_select(vmask_first(k), d, vec_splat(0));
    sum[j] += d;
    squares[j] = vec_fma(d, d, squares[j]);
  })
  const distances v = {sums_of_4(sum), sums_of_4(squares)};
  return v;
}

/* The second of the two passes corrects the first one's mean, whose error the sum of distances from it shows. */
WNI_INLINE wni_moments moments_about(real first_mean, double distance, double squares, double n) {
  const double lacks = distance / n, m2 = squares - distance * lacks;
  const wni_moments v = {first_mean + lacks, m2 < 0 ? 0 : m2};
  return v;
}

/* A first mean need only be near the mean: that of tiles of more than four vectors is of four here and there, which
 * saves a sweep. What it lacks takes at most a third of the squares away again, or the sweep is made once more about
 * what it found. */
enum { SAMPLED = 4 * LANES };

WNI_INLINE vec sample_sum(wn_dtype type, const void *p, int64_t first, int64_t n) {
  vec v[4];
  for (int i = 0; i < 4; i++) v[i] = vec_load_as(type, p, first + i * (n / 4), LANES);
  return sums_of_4(v);
}

WNI_INLINE bool is_sampled(int64_t n) { return n > SAMPLED; }

WNI_INLINE real first_mean_of(wn_dtype type, const void *p, int64_t first, int64_t n) {
  if (is_sampled(n)) return vec_sum(sample_sum(type, p, first, n)) / SAMPLED;
  return vec_sum(sum_loop(type, p, first, n)) / (real)n;
}

static inline bool is_far(real first_mean, wni_moments v, double n) {
  const double lacks = v.mean - (double)first_mean;
  return 2 * lacks * lacks * n > v.m2;
}

WNI_INLINE wni_moments moments_loop(wn_dtype type, source x, int64_t n, real first_mean) {
  const distances d = distances_loop(type, x, n, first_mean);
  return moments_about(first_mean, vec_sum(d.sum), vec_sum(d.squares), (double)n);
}

/* Once more, about what the first sweep found: rare, and not worth a loop in every place. */
static __attribute__((noinline, unused)) wni_moments moments_again(wn_dtype type, const void *p, int64_t first,
                                                                   int64_t n, real mean) {
  const source x = {.type = type, .p = p, .first = first};
  wni_moments v = {0, 0};
  WNI_FOR_X_TYPE(type, t, v = moments_loop(t, x, n, mean))
  return v;
}

/* Not centered: no mean, and the sum of squares as m2. */
WNI_INLINE wni_moments moments_of(wn_dtype type, source x, int64_t n, bool centered) {
  if (!centered) {
    const wni_moments squares = {0, vec_sum(sum_of_squares_loop(type, x, n))};
    return squares;
  }
  const real first_mean = first_mean_of(type, x.p, x.first, n);
  wni_moments v = moments_loop(type, x, n, first_mean);
  if (is_sampled(n) && is_far(first_mean, v, (double)n)) v = moments_again(type, x.p, x.first, n, (real)v.mean);
  return v;
}

static inline wni_moments tile_moments(source x, int64_t n, bool centered) {
  wni_moments v = {0, 0};
  WNI_FOR_X_TYPE(x.type, t, v = moments_of(t, x, n, centered))
  return v;
}

/* ---- normalization ---------------------------------------------------------------------------------------------- */

/* A mean that is more than one REAL: x - hi is exact for x near it, and what hi lacks comes in after the scaling. So x
 * of 10^6 + N(0,1) keeps its digits, and x equal to the mean gives 0. */
typedef struct normalizer {
  real hi, rstd, lo_rstd;
} normalizer;

WNI_INLINE normalizer normalizer_make(double mean, double rstd) {
  const real hi = (real)mean;
  const normalizer s = {hi, (real)rstd, hi - mean == 0 ? 0 : (real)((mean - hi) * rstd)};
  return s;
}

/* Those of some sets. Arrays have room for whole vectors of doubles, and something beyond the sets. */
enum { BATCH = 16 };
typedef struct normalizers {
  real hi[BATCH], rstd[BATCH], lo_rstd[BATCH];
} normalizers;

WNI_INLINE normalizer normalizer_of(const normalizers *s, int64_t i) {
  const normalizer one = {s->hi[i], s->rstd[i], s->lo_rstd[i]};
  return one;
}

/* normalizer_make of all of them. */
static inline void normalizers_make(int64_t sets, const double *mean, const double *rstd, normalizers *s) {
  for (int64_t i = 0; i < sets; i += DLANES) {
    const dvec m = dvec_load(mean + i), r = dvec_load(rstd + i);
    dvec_to_reals(s->hi + i, m);
    dvec_to_reals(s->rstd + i, r);
    const dvec lacks = m - dvec_of_reals(s->hi + i); /* where it is 0, rstd may be infinite */
    dvec_to_reals(s->lo_rstd + i, dvec_select((dmask)(lacks == dvec_splat(0)), dvec_splat(0), lacks * r));
  }
}

WNI_INLINE vec normalized(vec x, vec hi, vec rstd, vec lo_rstd) { return vec_fma(x - hi, rstd, -lo_rstd); }

/* gamma xhat + beta, then relu if asked for. gamma and beta are single ones, or one for each element. */
WNI_INLINE vec affine_vec(wn_dtype xt, bool each, bool relu, normalizer s, const real *gamma, const real *beta,
                          source x, int64_t i, int64_t k) {
  const vec g = each ? vec_load_k(gamma + i, k) : vec_splat(gamma[0]);
  const vec b = each ? vec_load_k(beta + i, k) : vec_splat(beta[0]), zero = vec_splat(0);
  const vec h = vec_load_as(xt, x.p, x.first + i, k);
  const vec v = vec_fma(normalized(h, vec_splat(s.hi), vec_splat(s.rstd), vec_splat(s.lo_rstd)), g, b);
  return relu ? vec_select(vec_le(v, zero), zero, v) : v;
}

/* z may be where x is. */
WNI_INLINE void affine_loop(wn_dtype xt, wn_dtype zt, bool each, bool relu, normalizer s, const real *gamma,
                            const real *beta, source x, int64_t n, target z) {
  const real g = gamma[0], b = beta[0]; /* which z is no place of, as the compiler cannot know */
  WNI_STORE_EACH_VECTOR(zt, z, i, k, n, source_fetch_ahead(x, i),
                        affine_vec(xt, each, relu, s, each ? gamma : &g, each ? beta : &b, x, i, k))
}

/* Of `count` tiles, all of the types of the first. `each`, a constant: the same parameters for all of them, one for
 * each element; else gamma[i] and beta[i] for tile i. */
#define WNI_TILES_AFFINE(each, relu, count, s, gamma, beta, x, n, z)                         \
  WNI_FOR_PAIR((x)->type, (z)->type, xt, zt, for (int64_t i = 0; i < (count); i++) {         \
    const int64_t own = (each) ? 0 : i;                                                      \
    affine_loop(xt, zt, each, relu, (s)[i], (gamma) + own, (beta) + own, (x)[i], n, (z)[i]); \
  })

static inline void tiles_affine(int64_t count, const normalizer *s, bool relu, const real *gamma, const real *beta,
                                const source *x, int64_t n, const target *z) {
  if (count < 1) return; /* there are no types then */
  if (relu) {
    WNI_TILES_AFFINE(false, true, count, s, gamma, beta, x, n, z)
  } else {
    WNI_TILES_AFFINE(false, false, count, s, gamma, beta, x, n, z)
  }
}

static inline void tiles_affine_each(int64_t count, const normalizer *s, bool relu, const real *gamma, const real *beta,
                                     const source *x, int64_t n, const target *z) {
  if (count < 1) return; /* there are no types then */
  if (relu) {
    WNI_TILES_AFFINE(true, true, count, s, gamma, beta, x, n, z)
  } else {
    WNI_TILES_AFFINE(true, false, count, s, gamma, beta, x, n, z)
  }
}

/* ---- activations ------------------------------------------------------------------------------------------------ */

#if WNI_REAL_BITS == 64
WNI_INLINE vec vec_act(wn_act act, double slope, vec z) {
  for (int lane = 0; lane < LANES; lane++) z[lane] = act_value_f64(act, slope, z[lane]);
  return z;
}
WNI_INLINE vec vec_act_gradient(wn_act act, double slope, vec z) {
  for (int lane = 0; lane < LANES; lane++) z[lane] = act_derivative_f64(act, slope, z[lane]);
  return z;
}
#else
WNI_INLINE vec vec_act(wn_act act, double slope, vec z) { return act_value(act, slope, z); }
WNI_INLINE vec vec_act_gradient(wn_act act, double slope, vec z) { return act_derivative(act, slope, z); }
#endif

/* Calls `call` with `a` the constant that `act` is; nothing for none. */
#define WNI_FOR_ACT_CASE(value, a, call) \
  case value: {                          \
    const wn_act a = value;              \
    call;                                \
  } break;
#define WNI_FOR_ACT(act, a, call)                \
  switch (act) {                                 \
    WNI_FOR_ACT_CASE(WN_ACT_RELU, a, call)       \
    WNI_FOR_ACT_CASE(WN_ACT_LEAKY_RELU, a, call) \
    WNI_FOR_ACT_CASE(WN_ACT_SIGMOID, a, call)    \
    WNI_FOR_ACT_CASE(WN_ACT_TANH, a, call)       \
    WNI_FOR_ACT_CASE(WN_ACT_GELU, a, call)       \
    WNI_FOR_ACT_CASE(WN_ACT_GELU_TANH, a, call)  \
    WNI_FOR_ACT_CASE(WN_ACT_SILU, a, call)       \
    case WN_ACT_NONE:                            \
      break;                                     \
  }

WNI_INLINE void tile_activate_loop(wn_act act, double slope, int64_t n, real *z) {
  WNI_EACH_VECTOR(i, k, n, vec_store_k(z + i, vec_act(act, slope, vec_load_k(z + i, k)), k);)
}

static inline void tile_activate(wn_act act, double slope, int64_t n,
                                 real *z){WNI_FOR_ACT(act, a, tile_activate_loop(a, slope, n, z))}

/* dz = dy act'(z), in dy's place */
WNI_INLINE void tile_act_gradient_loop(wn_act act, double slope, const real *z, int64_t n, real *restrict dy) {
  WNI_EACH_VECTOR(i, k, n, {
    const vec slope_at_z = vec_act_gradient(act, slope, vec_load_k(z + i, k));
    vec_store_k(dy + i, vec_load_k(dy + i, k) * slope_at_z, k);
  })
}

static inline void tile_act_gradient(wn_act act, double slope, const real *z, int64_t n, real *restrict dy) {
  WNI_FOR_ACT(act, a, tile_act_gradient_loop(a, slope, z, n, dy))
}

/* ---- the mask of signs ------------------------------------------------------------------------------------------
 * Bit j % 8 of byte j / 8 is z[j] > 0. A tile's mask starts at a whole byte; bits beyond n are 0. */

enum { MASK_STEP = LANES < 8 ? 8 : LANES };

static inline void tile_mask_store(const real *z, int64_t n, uint8_t *mask) {
  const vec zero = vec_splat(0);
  for (int64_t i = 0; i < n; i += MASK_STEP) {
    unsigned bits = 0;
    for (int64_t j = 0; j < MASK_STEP && i + j < n; j += LANES) {
      const int64_t k = n - i - j < LANES ? n - i - j : LANES;
      bits |= vmask_bits(vec_lt(zero, k == LANES ? vec_load(z + i + j) : vec_load_k(z + i + j, k))) << j;
    }
    mask[i / 8] = (uint8_t)bits;
    if (MASK_STEP == 16 && i + 8 < n) mask[i / 8 + 1] = (uint8_t)(bits >> 8);
  }
}

/* dz = dy where the bit is set, dy times `otherwise` elsewhere (0, or the slope of leaky relu), in dy's place. */
static inline void tile_mask_gradient(const uint8_t *mask, real otherwise, int64_t n, real *dy) {
  const vec one = vec_splat(1), other = vec_splat(otherwise);
  WNI_EACH_VECTOR(i, k, n, {
    unsigned bits = mask[i / 8] >> (i % 8);
    if (LANES == 16 && i + 8 < (n)) bits |= (unsigned)mask[i / 8 + 1] << 8;
    vec_store_k(dy + i, vec_load_k(dy + i, k) * vec_select(vmask_of_bits(bits), one, other), k);
  })
}

#endif
