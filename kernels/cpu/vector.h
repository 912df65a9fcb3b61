/* Vectors of REAL, the type of the arithmetic. Every kernel source is compiled once for each instruction set and each
 * REAL; this header gives those copies one set of names, and the names that they export a suffix. Compiler vector
 * types carry the arithmetic, intrinsics only what they cannot say. */
#ifndef WNI_VECTOR_H
#define WNI_VECTOR_H
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if !defined(WNI_ISA) || !defined(WNI_REAL_BITS)
#error "WNI_ISA (baseline, avx2, avx512) and WNI_REAL_BITS (32, 64) come from the build"
#endif

/* WNI_FN(row_forward) is wni_row_forward_avx2_f32: each copy of a kernel has a name of its own. */
#define WNI_FN_JOIN(name, isa, bits) wni_##name##_##isa##_f##bits
#define WNI_FN_EXPAND(name, isa, bits) WNI_FN_JOIN(name, isa, bits)
#define WNI_FN(name) WNI_FN_EXPAND(name, WNI_ISA, WNI_REAL_BITS)

/* Loops take their types and modes as constants: what is inlined with a constant loses its switch. */
#define WNI_INLINE static inline __attribute__((always_inline, unused))

#if defined(__AVX512F__)
#define WNI_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define WNI_VECTOR_BYTES 32
#else
#define WNI_VECTOR_BYTES 16
#endif

#if WNI_REAL_BITS == 64
typedef double real;
typedef uint64_t real_bits;
typedef int64_t real_int;
#define WNI_REAL_TYPE WN_F64
#else
typedef float real;
typedef uint32_t real_bits;
typedef int32_t real_int;
#define WNI_REAL_TYPE WN_F32
#endif

#define WNI_LANES (WNI_VECTOR_BYTES * 8 / WNI_REAL_BITS)
enum { LANES = WNI_LANES };

typedef real vec __attribute__((vector_size(WNI_VECTOR_BYTES)));
typedef real_bits uvec __attribute__((vector_size(WNI_VECTOR_BYTES))); /* the bits of the lanes */
typedef real_int ivec __attribute__((vector_size(WNI_VECTOR_BYTES)));  /* the same to compare as signed numbers */

WNI_INLINE vec vec_splat(double a) { return (real)a - (vec){0}; }
WNI_INLINE uvec uvec_splat(real_bits a) { return a - (uvec){0}; }
WNI_INLINE uvec vec_bits(vec a) { return (uvec)a; }
WNI_INLINE vec vec_of_bits(uvec a) { return (vec)a; }

/* ---- memory: k elements, 1 <= k <= LANES; the lanes beyond are 0 ------------------------------------------------- */

/* Fewer bytes than `whole` (a constant), known only at run time: no call of memcpy for the tail of a row. */
WNI_INLINE void bytes_copy_tail(void *restrict dst, const void *restrict src, int64_t bytes, int64_t whole) {
  char *d = dst;
  const char *s = src;
#define WNI_COPY_STEP(size)                 \
  if (whole > (size) && (bytes & (size))) { \
    memcpy(d, s, size);                     \
    d += (size), s += (size);               \
  }
  WNI_COPY_STEP(32)
  WNI_COPY_STEP(16)
  WNI_COPY_STEP(8)
  WNI_COPY_STEP(4)
  WNI_COPY_STEP(2)
  if (bytes & 1) *d = *s;
#undef WNI_COPY_STEP
}

WNI_INLINE vec vec_load(const real *p) {
  vec v;
  memcpy(&v, p, sizeof v);
  return v;
}

WNI_INLINE void vec_store(real *p, vec v) { memcpy(p, &v, sizeof v); }

/* With masks, a number that is no constant is not worth a branch. */
#if defined(__AVX512F__)
#define WNI_IS_WHOLE(k) (__builtin_constant_p(k) && (k) == LANES)
#else
#define WNI_IS_WHOLE(k) ((k) == LANES)
#endif

#if defined(__AVX2__) && !defined(__AVX512F__)
/* All bits of the first k lanes. Stores with such masks are slow on many processors, loads on none. */
WNI_INLINE __m256i first_lanes(int64_t k) {
  static const real_int ones_and_zeros[2 * WNI_LANES] = {[0 ... WNI_LANES - 1] = -1};
  return _mm256_loadu_si256((const __m256i *)(ones_and_zeros + LANES - k));
}
#endif

WNI_INLINE vec vec_load_k(const real *p, int64_t k) {
  if (WNI_IS_WHOLE(k)) return vec_load(p);
#if defined(__AVX512F__) && WNI_REAL_BITS == 32
  return (vec)_mm512_maskz_loadu_ps((__mmask16)((1u << k) - 1), p);
#elif defined(__AVX512F__)
  return (vec)_mm512_maskz_loadu_pd((__mmask8)((1u << k) - 1), p);
#elif defined(__AVX2__) && WNI_REAL_BITS == 32
  return (vec)_mm256_maskload_ps(p, first_lanes(k));
#elif defined(__AVX2__)
  return (vec)_mm256_maskload_pd(p, first_lanes(k));
#else
  vec v = {0};
  bytes_copy_tail(&v, p, k * (int64_t)sizeof *p, WNI_VECTOR_BYTES);
  return v;
#endif
}

WNI_INLINE void vec_store_k(real *p, vec v, int64_t k) {
  if (WNI_IS_WHOLE(k)) {
    vec_store(p, v);
    return;
  }
#if defined(__AVX512F__) && WNI_REAL_BITS == 32
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << k) - 1), (__m512)v);
#elif defined(__AVX512F__)
  _mm512_mask_storeu_pd(p, (__mmask8)((1u << k) - 1), (__m512d)v);
#else
  bytes_copy_tail(p, &v, k * (int64_t)sizeof *p, WNI_VECTOR_BYTES);
#endif
}

/* Whole, aligned vectors past the caches: memory is then written without being read first. A fence (run.c) makes
 * them visible to other threads. */
#if defined(__AVX512F__)
WNI_INLINE void bytes_stream(void *p, const void *v, int64_t bytes) {
  if (bytes == 64) {
    _mm512_stream_si512(p, *(const __m512i *)v);
  } else {
    _mm256_stream_si256(p, *(const __m256i *)v);
  }
}
#elif defined(__AVX2__)
WNI_INLINE void bytes_stream(void *p, const void *v, int64_t bytes) {
  if (bytes == 32) {
    _mm256_stream_si256(p, *(const __m256i *)v);
  } else {
    _mm_stream_si128(p, *(const __m128i *)v);
  }
}
#elif defined(__x86_64__)
WNI_INLINE void bytes_stream(void *p, const void *v, int64_t bytes) {
  if (bytes == 16) {
    _mm_stream_si128(p, *(const __m128i *)v);
  } else {
    memcpy(p, v, 8);
  }
}
#else
WNI_INLINE void bytes_stream(void *p, const void *v, int64_t bytes) { memcpy(p, v, (size_t)bytes); }
#endif

/* ---- comparisons and choices --------------------------------------------------------------------------------------
 * A vmask has a truth for each lane: a bit in AVX-512, all bits of the lane elsewhere. & | ~ work on both. */

#if defined(__AVX512F__)
#if WNI_REAL_BITS == 32
typedef __mmask16 vmask;
WNI_INLINE vmask vec_lt(vec a, vec b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ); }
WNI_INLINE vmask vec_le(vec a, vec b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LE_OQ); }
WNI_INLINE vmask vec_is_nan(vec a) { return _mm512_cmp_ps_mask((__m512)a, (__m512)a, _CMP_UNORD_Q); }
WNI_INLINE vmask uvec_lt(uvec a, uvec b) { return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b); }
WNI_INLINE vec vec_select(vmask m, vec yes, vec no) { return (vec)_mm512_mask_mov_ps((__m512)no, m, (__m512)yes); }
#else
typedef __mmask8 vmask;
WNI_INLINE vmask vec_lt(vec a, vec b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ); }
WNI_INLINE vmask vec_le(vec a, vec b) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LE_OQ); }
WNI_INLINE vmask vec_is_nan(vec a) { return _mm512_cmp_pd_mask((__m512d)a, (__m512d)a, _CMP_UNORD_Q); }
WNI_INLINE vmask uvec_lt(uvec a, uvec b) { return _mm512_cmplt_epi64_mask((__m512i)a, (__m512i)b); }
WNI_INLINE vec vec_select(vmask m, vec yes, vec no) { return (vec)_mm512_mask_mov_pd((__m512d)no, m, (__m512d)yes); }
#endif
WNI_INLINE unsigned vmask_bits(vmask m) { return m; }
WNI_INLINE vmask vmask_of_bits(unsigned bits) { return (vmask)bits; }
#else
typedef uvec vmask;
WNI_INLINE vmask vec_lt(vec a, vec b) { return (vmask)(a < b); }
WNI_INLINE vmask vec_le(vec a, vec b) { return (vmask)(a <= b); }
WNI_INLINE vmask vec_is_nan(vec a) { return (vmask)(a != a); }
WNI_INLINE vmask uvec_lt(uvec a, uvec b) { return (vmask)((ivec)a < (ivec)b); }
WNI_INLINE vec vec_select(vmask m, vec yes, vec no) { return (vec)((m & (uvec)yes) | (~m & (uvec)no)); }

/* Lane i has the value 1 << i. */
WNI_INLINE uvec lane_bits(void) {
  uvec v = {0};
  for (int i = 0; i < LANES; i++) v[i] = (real_bits)1 << i;
  return v;
}

WNI_INLINE unsigned vmask_bits(vmask m) {
#if defined(__AVX2__) && WNI_REAL_BITS == 32
  return (unsigned)_mm256_movemask_ps((__m256)m);
#elif defined(__AVX2__)
  return (unsigned)_mm256_movemask_pd((__m256d)m);
#elif defined(__x86_64__) && WNI_REAL_BITS == 32
  return (unsigned)_mm_movemask_ps((__m128)m);
#elif defined(__x86_64__)
  return (unsigned)_mm_movemask_pd((__m128d)m);
#elif WNI_REAL_BITS == 32
  return (unsigned)vaddvq_u32((uint32x4_t)(m & lane_bits()));
#else
  return (unsigned)vaddvq_u64((uint64x2_t)(m & lane_bits()));
#endif
}

WNI_INLINE vmask vmask_of_bits(unsigned bits) { return (vmask)((uvec_splat(bits) & lane_bits()) != 0); }
#endif

WNI_INLINE vmask vmask_first(int64_t k) { return vmask_of_bits((1u << k) - 1); } /* lanes 0 .. k-1 */
WNI_INLINE vmask vec_gt(vec a, vec b) { return vec_lt(b, a); }
WNI_INLINE uvec uvec_select(vmask m, uvec yes, uvec no) { return vec_bits(vec_select(m, (vec)yes, (vec)no)); }
WNI_INLINE uvec uvec_max(uvec a, uvec b) { return uvec_select(uvec_lt(a, b), b, a); } /* as signed numbers */
WNI_INLINE vec vec_clamp(vec a, double low, double high) {                            /* NaN stays */
  const vec least = vec_splat(low), most = vec_splat(high);
  const vec v = vec_select(vec_lt(a, least), least, a);
  return vec_select(vec_lt(most, v), most, v);
}

/* ---- arithmetic ---------------------------------------------------------------------------------------------------
 * The build forbids the compiler to fuse on its own: which operations round once must not depend on the loop that they
 * are inlined into, or the same row would get other bits where it is computed with other outputs beside it. */

WNI_INLINE vec vec_fma(vec a, vec b, vec c) {
#if defined(__AVX512F__) && WNI_REAL_BITS == 32
  return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX512F__)
  return (vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__) && WNI_REAL_BITS == 32
  return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__AVX2__)
  return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__) && WNI_REAL_BITS == 32
  return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#elif defined(__aarch64__)
  return (vec)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}

WNI_INLINE vec vec_abs(vec a) {
  const real_bits sign = (real_bits)1 << (WNI_REAL_BITS - 1);
  return (vec)((uvec)a & ~sign);
}

#if defined(__AVX2__) && WNI_REAL_BITS == 32
/* Halves added to halves, down to four lanes. */
WNI_INLINE __m128 vec_sum_to_4(vec v) {
#if defined(__AVX512F__)
  const __m256 half = _mm512_castps512_ps256((__m512)v) + _mm512_extractf32x8_ps((__m512)v, 1);
#else
  const __m256 half = (__m256)v;
#endif
  return _mm256_castps256_ps128(half) + _mm256_extractf128_ps(half, 1);
}
#endif

/* The sum of the lanes: halves added to halves, always in this order. */
WNI_INLINE real vec_sum(vec v) {
#if defined(__AVX2__) && WNI_REAL_BITS == 32
  const __m128 four = vec_sum_to_4(v), two = four + _mm_movehl_ps(four, four);
  return two[0] + two[1];
#elif defined(__AVX512F__)
  const __m256d half = _mm512_castpd512_pd256((__m512d)v) + _mm512_extractf64x4_pd((__m512d)v, 1);
  const __m128d two = _mm256_castpd256_pd128(half) + _mm256_extractf128_pd(half, 1);
  return two[0] + two[1];
#elif defined(__AVX2__)
  const __m128d two = _mm256_castpd256_pd128((__m256d)v) + _mm256_extractf128_pd((__m256d)v, 1);
  return two[0] + two[1];
#else
#if WNI_LANES == 4
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1);
#endif
  return v[0] + v[1];
#endif
}

/* ---- four rows ----------------------------------------------------------------------------------------------------
 * What belongs to each of four rows, in the lanes of one register. */

enum { FOUR = 4 };
typedef real real4 __attribute__((vector_size(FOUR * sizeof(real))));
typedef double double4 __attribute__((vector_size(FOUR * sizeof(double))));
typedef int64_t mask4 __attribute__((vector_size(FOUR * sizeof(double))));

WNI_INLINE double4 double4_splat(double a) { return a - (double4){0}; }
#if defined(__AVX2__) && WNI_REAL_BITS == 32 /* the compilers' own conversion goes through memory */
WNI_INLINE double4 double4_of(real4 v) { return (double4)_mm256_cvtps_pd((__m128)v); }
WNI_INLINE real4 real4_of(double4 v) { return (real4)_mm256_cvtpd_ps((__m256d)v); }
#else
WNI_INLINE double4 double4_of(real4 v) { return __builtin_convertvector(v, double4); }
WNI_INLINE real4 real4_of(double4 v) { return __builtin_convertvector(v, real4); }
#endif
WNI_INLINE double4 double4_select(mask4 m, double4 yes, double4 no) {
  return (double4)((m & (mask4)yes) | (~m & (mask4)no));
}

WNI_INLINE bool mask4_any(mask4 m) {
#if defined(__AVX2__)
  return !_mm256_testz_si256((__m256i)m, (__m256i)m);
#else
  return (m[0] | m[1] | m[2] | m[3]) != 0;
#endif
}

WNI_INLINE double4 double4_sqrt(double4 v) {
#if defined(__AVX2__)
  return (double4)_mm256_sqrt_pd((__m256d)v);
#else
  for (int i = 0; i < FOUR; i++) v[i] = sqrt(v[i]);
  return v;
#endif
}

/* vec_sum of each of the first `rows`, one or four; 0 in the other lanes. */
WNI_INLINE real4 vec_sums_4(int rows, const vec v[FOUR]) {
#if defined(__AVX2__) && WNI_REAL_BITS == 32
  if (rows == FOUR) {
    const __m128 a = vec_sum_to_4(v[0]), b = vec_sum_to_4(v[1]), c = vec_sum_to_4(v[2]), d = vec_sum_to_4(v[3]);
    const __m128 two_01 = _mm_unpacklo_ps(a, b) + _mm_unpackhi_ps(a, b);
    const __m128 two_23 = _mm_unpacklo_ps(c, d) + _mm_unpackhi_ps(c, d);
    return (real4)(_mm_movelh_ps(two_01, two_23) + _mm_movehl_ps(two_23, two_01));
  }
#endif
  real4 sums = {0};
  for (int i = 0; i < rows; i++) sums[i] = vec_sum(v[i]);
  return sums;
}

/* ---- doubles --------------------------------------------------------------------------------------------------------
 * What is made of sums is made in double, for several sets at once. */

enum { DLANES = WNI_VECTOR_BYTES / 8 };
typedef double dvec __attribute__((vector_size(WNI_VECTOR_BYTES)));
typedef int64_t dmask __attribute__((vector_size(WNI_VECTOR_BYTES)));

WNI_INLINE dvec dvec_splat(double a) { return a - (dvec){0}; }
WNI_INLINE dvec dvec_select(dmask m, dvec yes, dvec no) { return (dvec)((m & (dmask)yes) | (~m & (dmask)no)); }
WNI_INLINE void dvec_store(double *p, dvec v) { memcpy(p, &v, sizeof v); }
WNI_INLINE dvec dvec_load(const double *p) {
  dvec v;
  memcpy(&v, p, sizeof v);
  return v;
}

WNI_INLINE dvec dvec_sqrt(dvec v) {
#if defined(__AVX512F__)
  return (dvec)_mm512_sqrt_pd((__m512d)v);
#elif defined(__AVX2__)
  return (dvec)_mm256_sqrt_pd((__m256d)v);
#elif defined(__x86_64__)
  return (dvec)_mm_sqrt_pd((__m128d)v);
#elif defined(__aarch64__)
  return (dvec)vsqrtq_f64((float64x2_t)v);
#else
  for (int i = 0; i < DLANES; i++) v[i] = sqrt(v[i]);
  return v;
#endif
}

/* DLANES REALs as doubles, and back. */
#if WNI_REAL_BITS == 64
WNI_INLINE dvec dvec_of_reals(const real *p) { return dvec_load(p); }
WNI_INLINE void dvec_to_reals(real *p, dvec v) { dvec_store(p, v); }
#elif defined(__AVX512F__)
WNI_INLINE dvec dvec_of_reals(const real *p) { return (dvec)_mm512_cvtps_pd(_mm256_loadu_ps(p)); }
WNI_INLINE void dvec_to_reals(real *p, dvec v) { _mm256_storeu_ps(p, _mm512_cvtpd_ps((__m512d)v)); }
#elif defined(__AVX2__)
WNI_INLINE dvec dvec_of_reals(const real *p) { return (dvec)_mm256_cvtps_pd(_mm_loadu_ps(p)); }
WNI_INLINE void dvec_to_reals(real *p, dvec v) { _mm_storeu_ps(p, _mm256_cvtpd_ps((__m256d)v)); }
#else
typedef real half_vec __attribute__((vector_size(WNI_VECTOR_BYTES / 2)));
WNI_INLINE dvec dvec_of_reals(const real *p) {
  half_vec v;
  memcpy(&v, p, sizeof v);
  return __builtin_convertvector(v, dvec);
}
WNI_INLINE void dvec_to_reals(real *p, dvec v) {
  const half_vec h = __builtin_convertvector(v, half_vec);
  memcpy(p, &h, sizeof h);
}
#endif

#endif
