/* The stages that every kernel is made of. A tile is a short piece of a row as REALs, in the first-level cache; n is at
 * most TILE. Stages read and write exactly n elements, so that a tile of f32 can be the tensor itself. Switches over
 * types and activations lie around the loops, never in them. */
#ifndef WNI_TILE_H
#define WNI_TILE_H
#include "convert.h"
#include "kernels/shared/activation.h"
#include "kernels/shared/activation_f64.h"
#include "moments.h"

/* 8 KB: three tiles, and the lines of the tensors that they come from, fit 32 KB. */
enum { TILE_BYTES = 8192, TILE = TILE_BYTES / (WNI_REAL_BITS / 8) };
#define WNI_TILE_ALIGNED __attribute__((aligned(64)))

/* The statements for vectors of k elements at i; k is a constant but for the last, short one. */
#define WNI_EACH_VECTOR(i, k, n, ...)      \
  {                                        \
    int64_t i = 0;                         \
    for (; i + LANES <= (n); i += LANES) { \
      const int64_t k = LANES;             \
      __VA_ARGS__                          \
    }                                      \
    if (i < (n)) {                         \
      const int64_t k = (n)-i;             \
      __VA_ARGS__                          \
    }                                      \
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

/* Four sums side by side hide the latency of the addition; they are added in this order whatever n is. */
WNI_INLINE real sums_total(const vec sum[4]) { return vec_sum((sum[0] + sum[1]) + (sum[2] + sum[3])); }

/* The statements for four vectors with the constants j = 0 .. 3, then for single ones with j = 0. */
#define WNI_EACH_VECTOR_BY_4(i, j, k, n, ...)   \
  {                                             \
    int64_t i = 0;                              \
    for (; i + 4 * LANES <= (n);) {             \
      for (int j = 0; j < 4; j++, i += LANES) { \
        const int64_t k = LANES;                \
        __VA_ARGS__                             \
      }                                         \
    }                                           \
    for (; i + LANES <= (n); i += LANES) {      \
      const int64_t j = 0, k = LANES;           \
      __VA_ARGS__                               \
    }                                           \
    if (i < (n)) {                              \
      const int64_t j = 0;                      \
      const int64_t k = (n)-i;                  \
      __VA_ARGS__                               \
    }                                           \
  }

static inline real tile_sum(const real *tile, int64_t n) {
  vec sum[4] = {{0}};
  WNI_EACH_VECTOR_BY_4(i, j, k, n, sum[j] += vec_load_k(tile + i, k);)
  return sums_total(sum);
}

static inline real tile_sum_of_squares(const real *tile, int64_t n) {
  vec sum[4] = {{0}};
  WNI_EACH_VECTOR_BY_4(i, j, k, n, {
    const vec v = vec_load_k(tile + i, k);
    sum[j] = vec_fma(v, v, sum[j]);
  })
  return sums_total(sum);
}

/* The second of the two passes: distances from `first_mean`, whose error their sum corrects. */
static inline wni_moments tile_moments_about(const real *tile, int64_t n, real first_mean) {
  const vec m = vec_splat(first_mean);
  vec sum[4] = {{0}}, squares[4] = {{0}};
  WNI_EACH_VECTOR_BY_4(i, j, k, n, {
    vec d = vec_load_k(tile + i, k) - m;
    if (k != LANES) d = vec_select(vmask_first(k), d, vec_splat(0));
    sum[j] += d;
    squares[j] = vec_fma(d, d, squares[j]);
  })
  const double d = sums_total(sum), m2 = sums_total(squares) - d * d / (double)n;
  const wni_moments v = {first_mean + d / (double)n, m2 < 0 ? 0 : m2};
  return v;
}

static inline wni_moments tile_moments(const real *tile, int64_t n) {
  return tile_moments_about(tile, n, tile_sum(tile, n) / (real)n);
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

WNI_INLINE vec normalized(vec x, vec hi, vec rstd, vec lo_rstd) { return vec_fma(x - hi, rstd, -lo_rstd); }

/* z = gamma xhat + beta, one gamma and beta; x and z may be the same tile. */
static inline void tile_normalize(normalizer s, real gamma, real beta, const real *x, int64_t n, real *z) {
  const vec hi = vec_splat(s.hi), rstd = vec_splat(s.rstd), lo = vec_splat(s.lo_rstd);
  const vec g = vec_splat(gamma), b = vec_splat(beta);
  WNI_EACH_VECTOR(i, k, n, vec_store_k(z + i, vec_fma(normalized(vec_load_k(x + i, k), hi, rstd, lo), g, b), k);)
}

/* The same with a gamma and beta for each element. */
static inline void tile_normalize_each(normalizer s, const real *gamma, const real *beta, const real *x, int64_t n,
                                       real *z) {
  const vec hi = vec_splat(s.hi), rstd = vec_splat(s.rstd), lo = vec_splat(s.lo_rstd);
  WNI_EACH_VECTOR(i, k, n, {
    const vec xhat = normalized(vec_load_k(x + i, k), hi, rstd, lo);
    vec_store_k(z + i, vec_fma(xhat, vec_load_k(gamma + i, k), vec_load_k(beta + i, k)), k);
  })
}

static inline void tile_xhat(normalizer s, const real *x, int64_t n, real *xhat) {
  const vec hi = vec_splat(s.hi), rstd = vec_splat(s.rstd), lo = vec_splat(s.lo_rstd);
  WNI_EACH_VECTOR(i, k, n, vec_store_k(xhat + i, normalized(vec_load_k(x + i, k), hi, rstd, lo), k);)
}

/* ---- gradients -------------------------------------------------------------------------------------------------- */

/* Sums of dz xhat and of dz. */
static inline void tile_gradient_sums(const real *xhat, const real *dz, int64_t n, real *dz_xhat, real *dz_sum) {
  vec sum[4] = {{0}}, product[4] = {{0}};
  WNI_EACH_VECTOR_BY_4(i, j, k, n, {
    const vec d = vec_load_k(dz + i, k);
    sum[j] += d;
    product[j] = vec_fma(d, vec_load_k(xhat + i, k), product[j]);
  })
  *dz_xhat = sums_total(product);
  *dz_sum = sums_total(sum);
}

/* Sums of g xhat and of g, g = gamma dz. */
static inline void tile_gradient_sums_each(const real *gamma, const real *xhat, const real *dz, int64_t n, real *g_xhat,
                                           real *g_sum) {
  vec sum[4] = {{0}}, product[4] = {{0}};
  WNI_EACH_VECTOR_BY_4(i, j, k, n, {
    const vec g = vec_load_k(gamma + i, k) * vec_load_k(dz + i, k);
    sum[j] += g;
    product[j] = vec_fma(g, vec_load_k(xhat + i, k), product[j]);
  })
  *g_xhat = sums_total(product);
  *g_sum = sums_total(sum);
}

/* dgamma += dz xhat, dbeta += dz, element by element. */
static inline void tile_add_parameters(const real *xhat, const real *dz, int64_t n, real *dgamma, real *dbeta) {
  WNI_EACH_VECTOR(i, k, n, {
    const vec d = vec_load_k(dz + i, k);
    vec_store_k(dgamma + i, vec_fma(d, vec_load_k(xhat + i, k), vec_load_k(dgamma + i, k)), k);
    vec_store_k(dbeta + i, vec_load_k(dbeta + i, k) + d, k);
  })
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

/* dx may be where dz is. */
static inline void tile_dx(gradient_terms t, const real *xhat, const real *dz, int64_t n, real *dx) {
  const vec a = vec_splat(t.dz_factor), b = vec_splat(t.constant), c = vec_splat(t.xhat_factor);
  WNI_EACH_VECTOR(i, k, n, {
    const vec rest = vec_fma(vec_load_k(xhat + i, k), c, b);
    vec_store_k(dx + i, vec_fma(vec_load_k(dz + i, k), a, -rest), k);
  })
}

/* Where the statistics are constants dx is dz gamma rstd, whatever x is: not a number times 0 is not. */
static inline void tile_dx_frozen(real factor, const real *dz, int64_t n, real *dx) {
  const vec a = vec_splat(factor);
  WNI_EACH_VECTOR(i, k, n, vec_store_k(dx + i, vec_load_k(dz + i, k) * a, k);)
}

/* tile_dx with a gamma for each element; t is made with a gamma of 1. */
static inline void tile_dx_each(gradient_terms t, const real *gamma, const real *xhat, const real *dz, int64_t n,
                                real *dx) {
  const vec a = vec_splat(t.dz_factor), b = vec_splat(t.constant), c = vec_splat(t.xhat_factor);
  WNI_EACH_VECTOR(i, k, n, {
    const vec rest = vec_fma(vec_load_k(xhat + i, k), c, b);
    const vec g = vec_load_k(gamma + i, k) * vec_load_k(dz + i, k);
    vec_store_k(dx + i, vec_fma(g, a, -rest), k);
  })
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
