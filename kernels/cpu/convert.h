/* Loads and stores of every tensor type as vectors of REAL. The type is a constant to all of these: a loop is written
 * once and instantiated for each type (WNI_FOR_X_TYPE and its like put the switch around it). */
#ifndef WNI_CONVERT_H
#define WNI_CONVERT_H
#include "vector.h"
#include "warpnorm.h"

#if WNI_REAL_BITS == 32
#include "kernels/shared/narrow.h"

typedef uint16_t halves __attribute__((vector_size(2 * WNI_LANES)));
typedef uint8_t quarters __attribute__((vector_size(WNI_LANES)));

WNI_INLINE halves halves_load_k(const void *p, int64_t k) {
  halves v = {0};
  if (WNI_IS_WHOLE(k)) {
    memcpy(&v, p, sizeof v);
    return v;
  }
#if defined(__AVX512F__)
  return (halves)_mm256_maskz_loadu_epi16((__mmask16)((1u << k) - 1), p);
#else
  bytes_copy_tail(&v, p, 2 * k, sizeof v);
  return v;
#endif
}

WNI_INLINE void halves_store_k(void *p, halves v, int64_t k) {
  if (WNI_IS_WHOLE(k)) {
    memcpy(p, &v, sizeof v);
    return;
  }
#if defined(__AVX512F__)
  _mm256_mask_storeu_epi16(p, (__mmask16)((1u << k) - 1), (__m256i)v);
#else
  bytes_copy_tail(p, &v, 2 * k, sizeof v);
#endif
}

/* The compilers' own conversion goes by way of half vectors. */
WNI_INLINE uvec uvec_of_halves(halves h) {
#if defined(__AVX512F__)
  return (uvec)_mm512_cvtepu16_epi32((__m256i)h);
#elif defined(__AVX2__)
  return (uvec)_mm256_cvtepu16_epi32((__m128i)h);
#else
  return __builtin_convertvector(h, uvec);
#endif
}

/* The low 16 bits of each lane; the high ones are 0. */
WNI_INLINE halves halves_of_uvec(uvec v) {
#if defined(__AVX512F__)
  return (halves)_mm512_cvtepi32_epi16((__m512i)v);
#elif defined(__AVX2__)
  const __m256i packed = _mm256_packus_epi32((__m256i)v, (__m256i)v); /* within halves of the register */
  return (halves)_mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08));
#else
  return __builtin_convertvector(v, halves);
#endif
}

/* The high 16 bits of each lane. */
WNI_INLINE halves halves_of_high(uvec v) {
#if defined(__AVX512F__)
  /* One shuffle; the instruction that narrows is two operations and slow when it stores. */
  const __m512i odd = _mm512_set_epi16(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1, 31, 29, 27, 25, 23,
                                       21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  return (halves)_mm512_castsi512_si256(_mm512_permutexvar_epi16(odd, (__m512i)v));
#else
  return halves_of_uvec(v >> 16);
#endif
}

WNI_INLINE vec vec_of_f16(halves h) {
#if defined(__AVX512F__)
  return (vec)_mm512_cvtph_ps((__m256i)h);
#elif defined(__F16C__)
  return (vec)_mm256_cvtph_ps((__m128i)h);
#elif defined(__aarch64__)
  return (vec)vcvt_f32_f16((float16x4_t)h);
#else
  return vec_of_f16_bits(uvec_of_halves(h));
#endif
}

WNI_INLINE halves f16_of_vec(vec v) {
#if defined(__AVX512F__)
  return (halves)_mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__F16C__)
  return (halves)_mm256_cvtps_ph((__m256)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#elif defined(__aarch64__)
  return (halves)vcvt_f16_f32((float32x4_t)v);
#else
  return halves_of_uvec(f16_bits_of_vec(v));
#endif
}

#if defined(__AVX512F__)
/* Each half in the high part of a lane, in one shuffle: widening and shifting are three operations. */
WNI_INLINE vec vec_of_bf16(halves h) {
  const __m512i twice = _mm512_set_epi16(15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9, 9, 8, 8, 7, 7, 6, 6, 5, 5,
                                         4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
  return (vec)_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, twice, _mm512_castsi256_si512((__m256i)h));
}
#else
WNI_INLINE vec vec_of_bf16(halves h) { return vec_of_bf16_bits(uvec_of_halves(h)); }
#endif

#if defined(__AVX512F__)
/* bf16_high_of_vec in three operations fewer: the bit that stays last is a mask, and one instruction puts back what is
 * no number, quiet. */
WNI_INLINE uvec bf16_high_of(vec v) {
  const __m512i bits = (__m512i)v, one = _mm512_set1_epi32(1);
  const __mmask16 odd = _mm512_test_epi32_mask(bits, _mm512_set1_epi32(0x10000));
  const __m512i even_rounded = _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff));
  const __m512i rounded = _mm512_mask_add_epi32(even_rounded, odd, even_rounded, one);
  const __m512i quiet_nans = _mm512_set1_epi32(0x22); /* of v where it is one, quiet or not; else the first operand */
  return (uvec)_mm512_fixupimm_ps((__m512)rounded, (__m512)v, quiet_nans, 0);
}
#else
WNI_INLINE uvec bf16_high_of(vec v) { return bf16_high_of_vec(v); }
#endif

WNI_INLINE halves bf16_of_vec(vec v) { return halves_of_high(bf16_high_of(v)); }

/* Two vectors in a row at once: one shuffle less, and a whole line of the cache. */
typedef uint16_t halves_2 __attribute__((vector_size(4 * WNI_LANES)));

WNI_INLINE halves_2 halves_of_high_2(uvec a, uvec b) {
#if defined(__AVX512F__)
  const __m512i odd = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25,
                                       23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  return (halves_2)_mm512_permutex2var_epi16((__m512i)a, odd, (__m512i)b);
#elif defined(__AVX2__)
  const __m256i packed =
      _mm256_packus_epi32((__m256i)(a >> 16), (__m256i)(b >> 16)); /* within halves of the register */
  return (halves_2)_mm256_permute4x64_epi64(packed, 0xd8);
#else
  const halves parts[2] = {halves_of_high(a), halves_of_high(b)};
  halves_2 v;
  memcpy(&v, parts, sizeof v);
  return v;
#endif
}

WNI_INLINE halves_2 bf16_of_vec_2(vec a, vec b) {
#if defined(__AVX512BF16__)
  /* The instruction rounds as bf16_high_of does, but takes subnormal numbers for 0. */
  const __mmask16 of_a = _mm512_fpclass_ps_mask((__m512)a, 0x20), of_b = _mm512_fpclass_ps_mask((__m512)b, 0x20);
  if (__builtin_expect(_kortestz_mask16_u8(of_a, of_b), 1)) return (halves_2)_mm512_cvtne2ps_pbh((__m512)b, (__m512)a);
#endif
  return halves_of_high_2(bf16_high_of(a), bf16_high_of(b));
}

WNI_INLINE void quarters_store_k(void *p, uvec bits, int64_t k) {
  const quarters v = __builtin_convertvector(bits, quarters);
  if (k == LANES) {
    memcpy(p, &v, sizeof v);
  } else {
    bytes_copy_tail(p, &v, k, sizeof v);
  }
}

/* Elements i .. i+k-1 of what p points to. */
WNI_INLINE vec vec_load_as(wn_dtype type, const void *p, int64_t i, int64_t k) {
  switch (type) {
    case WN_F16:
      return vec_of_f16(halves_load_k((const uint16_t *)p + i, k));
    case WN_BF16:
      return vec_of_bf16(halves_load_k((const uint16_t *)p + i, k));
    default:
      return vec_load_k((const real *)p + i, k);
  }
}

WNI_INLINE void vec_store_as(wn_dtype type, void *p, int64_t i, int64_t k, vec v) {
  switch (type) {
    case WN_F16:
      halves_store_k((uint16_t *)p + i, f16_of_vec(v), k);
      break;
    case WN_BF16:
      halves_store_k((uint16_t *)p + i, bf16_of_vec(v), k);
      break;
    case WN_F8_E4M3:
      quarters_store_k((uint8_t *)p + i, e4m3_bits_of_vec(v), k);
      break;
    case WN_F8_E5M2:
      quarters_store_k((uint8_t *)p + i, e5m2_bits_of_vec(v), k);
      break;
    default:
      vec_store_k((real *)p + i, v, k);
  }
}

/* The same for a whole vector whose place is aligned to its size, and that will not be read again soon. */
WNI_INLINE void vec_stream_as(wn_dtype type, void *p, int64_t i, vec v) {
  if (type == WN_F32) {
    bytes_stream((real *)p + i, &v, sizeof v);
  } else if (type == WN_F16 || type == WN_BF16) {
    const halves h = type == WN_F16 ? f16_of_vec(v) : bf16_of_vec(v);
    bytes_stream((uint16_t *)p + i, &h, sizeof h);
  } else {
    vec_store_as(type, p, i, LANES, v);
  }
}

/* The same of two whole vectors in a row. */
WNI_INLINE void vec_store_2_as(wn_dtype type, void *p, int64_t i, vec a, vec b) {
  if (type == WN_BF16) {
    const halves_2 h = bf16_of_vec_2(a, b);
    memcpy((uint16_t *)p + i, &h, sizeof h);
  } else {
    vec_store_as(type, p, i, LANES, a);
    vec_store_as(type, p, i + LANES, LANES, b);
  }
}

WNI_INLINE void vec_stream_2_as(wn_dtype type, void *p, int64_t i, vec a, vec b) {
  if (type == WN_BF16) {
    const halves_2 h = bf16_of_vec_2(a, b);
    bytes_stream((uint16_t *)p + i, &h, sizeof h / 2);
    bytes_stream((uint16_t *)p + i + LANES, (const halves *)&h + 1, sizeof h / 2);
  } else {
    vec_stream_as(type, p, i, a);
    vec_stream_as(type, p, i + LANES, b);
  }
}

/* To the type and back: what a reader of the stored value will see. */
WNI_INLINE vec vec_round_to(wn_dtype type, vec v) {
  switch (type) {
    case WN_F16:
      return vec_of_f16(f16_of_vec(v));
    case WN_BF16:
      return vec_of_bf16(bf16_of_vec(v));
    default:
      return v;
  }
}

/* Does the rest with `t` the constant that `type` is; types of x, residual, dx, dy. */
#define WNI_FOR_X_TYPE(type, t, ...)          \
  if ((type) == WN_F32) {                     \
    const wn_dtype t = WN_F32;                \
    __VA_ARGS__;                              \
  } else {                                    \
    WNI_FOR_16_BIT_TYPE(type, t, __VA_ARGS__) \
  }
#if defined(__AVX512BF16__) /* this copy is for calls without f16 (isa.h): the others' would be the same */
#define WNI_FOR_16_BIT_TYPE(type, t, ...) \
  {                                       \
    const wn_dtype t = WN_BF16;           \
    (void)(type);                         \
    __VA_ARGS__;                          \
  }
#else
#define WNI_FOR_16_BIT_TYPE(type, t, ...) \
  if ((type) == WN_F16) {                 \
    const wn_dtype t = WN_F16;            \
    __VA_ARGS__;                          \
  } else {                                \
    const wn_dtype t = WN_BF16;           \
    __VA_ARGS__;                          \
  }
#endif

/* The same for types of y. */
#define WNI_FOR_Y_TYPE(type, t, ...)       \
  switch (type) {                          \
    case WN_F8_E4M3: {                     \
      const wn_dtype t = WN_F8_E4M3;       \
      __VA_ARGS__;                         \
    } break;                               \
    case WN_F8_E5M2: {                     \
      const wn_dtype t = WN_F8_E5M2;       \
      __VA_ARGS__;                         \
    } break;                               \
    default:                               \
      WNI_FOR_X_TYPE(type, t, __VA_ARGS__) \
  }

/* The same for two types, of which loops read or write side by side those that are is_pair: of two 16-bit types that
 * differ, which are rarely met, one goes by way of a tile. */
#define WNI_FOR_PAIR(a, b, at, bt, ...)     \
  if ((a) == (b)) {                         \
    WNI_FOR_X_TYPE(a, at, {                 \
      const wn_dtype bt = at;               \
      __VA_ARGS__;                          \
    })                                      \
  } else if ((a) == WN_F32) {               \
    const wn_dtype at = WN_F32;             \
    WNI_FOR_16_BIT_TYPE(b, bt, __VA_ARGS__) \
  } else {                                  \
    const wn_dtype bt = WN_F32;             \
    WNI_FOR_16_BIT_TYPE(a, at, __VA_ARGS__) \
  }

#else /* f64 data is f64 throughout */

WNI_INLINE vec vec_load_as(wn_dtype type, const void *p, int64_t i, int64_t k) {
  (void)type;
  return vec_load_k((const real *)p + i, k);
}

WNI_INLINE void vec_store_as(wn_dtype type, void *p, int64_t i, int64_t k, vec v) {
  (void)type;
  vec_store_k((real *)p + i, v, k);
}

WNI_INLINE void vec_stream_as(wn_dtype type, void *p, int64_t i, vec v) {
  (void)type;
  bytes_stream((real *)p + i, &v, sizeof v);
}

WNI_INLINE void vec_store_2_as(wn_dtype type, void *p, int64_t i, vec a, vec b) {
  vec_store_as(type, p, i, LANES, a);
  vec_store_as(type, p, i + LANES, LANES, b);
}

WNI_INLINE void vec_stream_2_as(wn_dtype type, void *p, int64_t i, vec a, vec b) {
  vec_stream_as(type, p, i, a);
  vec_stream_as(type, p, i + LANES, b);
}

WNI_INLINE vec vec_round_to(wn_dtype type, vec v) {
  (void)type;
  return v;
}

#define WNI_FOR_X_TYPE(type, t, ...) \
  {                                  \
    const wn_dtype t = WN_F64;       \
    (void)(type);                    \
    __VA_ARGS__;                     \
  }
#define WNI_FOR_Y_TYPE(type, t, ...) WNI_FOR_X_TYPE(type, t, __VA_ARGS__)
#define WNI_FOR_16_BIT_TYPE(type, t, ...) WNI_FOR_X_TYPE(type, t, __VA_ARGS__)
#define WNI_FOR_PAIR(a, b, at, bt, ...) WNI_FOR_X_TYPE(a, at, WNI_FOR_X_TYPE(b, bt, __VA_ARGS__))
#endif

WNI_INLINE int64_t type_size(wn_dtype type) {
  switch (type) {
    case WN_F64:
      return 8;
    case WN_F16:
    case WN_BF16:
      return 2;
    case WN_F8_E4M3:
    case WN_F8_E5M2:
      return 1;
    default:
      return 4;
  }
}

/* Types that WNI_FOR_PAIR knows; 8-bit ones go by way of a tile too. */
static inline bool is_pair(wn_dtype a, wn_dtype b) {
  if (type_size(a) == 1 || type_size(b) == 1) return false;
  return a == b || a == WNI_REAL_TYPE || b == WNI_REAL_TYPE;
}

#endif
