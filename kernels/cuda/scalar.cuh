/* One number of each type, and the names that kernels/shared is written in, for a thread: its vectors are floats. */
#ifndef WNI_SCALAR_CUH
#define WNI_SCALAR_CUH
#include "kernels/cuda/port.cuh"
#include "warpnorm.h"

#define WNI_INLINE WN_DEVICE
#define WNI_FUNCTION WN_DEVICE
typedef float vec;
typedef uint32_t uvec;
typedef bool vmask;
WN_DEVICE vec vec_splat(double a) { return static_cast<float>(a); }
WN_DEVICE uvec uvec_splat(uint32_t a) { return a; }
WN_DEVICE uvec vec_bits(vec a) { return wn_bits(a); }
WN_DEVICE vec vec_of_bits(uvec a) { return wn_of_bits(a); }
WN_DEVICE vec vec_abs(vec a) { return wn_of_bits(wn_bits(a) & 0x7fffffffu); }
WN_DEVICE vec vec_fma(vec a, vec b, vec c) { return wn_fma(a, b, c); }
WN_DEVICE vmask vec_lt(vec a, vec b) { return a < b; }
WN_DEVICE vmask vec_le(vec a, vec b) { return a <= b; }
WN_DEVICE vmask vec_is_nan(vec a) { return a != a; }
WN_DEVICE vmask uvec_lt(uvec a, uvec b) { return static_cast<int32_t>(a) < static_cast<int32_t>(b); }
WN_DEVICE vec vec_select(vmask m, vec yes, vec no) { return m ? yes : no; }
WN_DEVICE uvec uvec_select(vmask m, uvec yes, uvec no) { return m ? yes : no; }
WN_DEVICE vec vec_clamp(vec v, double low, double high) { /* NaN stays */
  const float l = static_cast<float>(low), h = static_cast<float>(high);
  return v < l ? l : v > h ? h : v;
}
#include "kernels/shared/activation.h"
#include "kernels/shared/activation_f64.h"
#include "kernels/shared/narrow.h"

namespace wn {

/* Tensors' element types. The narrow ones are their bits: arithmetic is in Real<T>. */
typedef float f32;
typedef double f64;
struct f16 {
  uint16_t bits;
};
struct bf16 {
  uint16_t bits;
};
struct e4m3 {
  uint8_t bits;
};
struct e5m2 {
  uint8_t bits;
};
/* Of a tensor whose type is known at run time, uniform for the kernel: at most this large. Most calls have x, y and dy
 * of one type; an instance of each kernel for every other combination would make the library twice as large. */
struct mixed {
  uint32_t most;
};

template <class T>
struct RealOf {
  typedef float type;
};
template <>
struct RealOf<double> {
  typedef double type;
};
template <class T>
using Real = typename RealOf<T>::type;

WN_DEVICE float to_real(float v) { return v; }
WN_DEVICE double to_real(double v) { return v; }
WN_DEVICE float to_real(bf16 v) { return vec_of_bf16_bits(v.bits); }
#if defined(WNI_SIMT)
WN_DEVICE float to_real(f16 v) { return vec_of_f16_bits(v.bits); }
#else
WN_DEVICE float to_real(f16 v) { return __half2float(__ushort_as_half(v.bits)); }
#endif

/* Whether there are instructions to 8-bit types. Where there are none, before sm_89, CUDA's header takes f64. */
#if !defined(WNI_SIMT) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
#define WNI_CONVERTS_F8 1
#else
#define WNI_CONVERTS_F8 0
#endif

/* Nearest, ties to even; 8-bit types saturate, infinities too; NaN stays NaN. The machine's instructions where there
 * are some, the same rounding in integers (kernels/shared/narrow.h) elsewhere. */
WN_DEVICE void from_real(float v, float *to) { *to = v; }
WN_DEVICE void from_real(double v, double *to) { *to = v; }
#if WNI_CONVERTS_F8
WN_DEVICE void from_real(float v, e4m3 *to) { to->bits = __nv_cvt_float_to_fp8(v, __NV_SATFINITE, __NV_E4M3); }
WN_DEVICE void from_real(float v, e5m2 *to) { to->bits = __nv_cvt_float_to_fp8(v, __NV_SATFINITE, __NV_E5M2); }
#else
WN_DEVICE void from_real(float v, e4m3 *to) { to->bits = static_cast<uint8_t>(e4m3_bits_of_vec(v)); }
WN_DEVICE void from_real(float v, e5m2 *to) { to->bits = static_cast<uint8_t>(e5m2_bits_of_vec(v)); }
#endif
#if defined(WNI_SIMT)
WN_DEVICE void from_real(float v, f16 *to) { to->bits = static_cast<uint16_t>(f16_bits_of_vec(v)); }
WN_DEVICE void from_real(float v, bf16 *to) { to->bits = static_cast<uint16_t>(bf16_high_of_vec(v) >> 16); }
#else
WN_DEVICE void from_real(float v, f16 *to) { to->bits = __half_as_ushort(__float2half_rn(v)); }
WN_DEVICE void from_real(float v, bf16 *to) { to->bits = __bfloat16_as_ushort(__float2bfloat16_rn(v)); }
#endif

/* The bits of two, the first one's low: an instruction does both where there is one. */
template <class T>
WN_DEVICE uint32_t bits_of_two(T, float a, float b) {
  T low, high;
  from_real(a, &low);
  from_real(b, &high);
  return static_cast<uint32_t>(low.bits) | static_cast<uint32_t>(high.bits) << (8 * sizeof(T));
}
#if !defined(WNI_SIMT)
WN_DEVICE uint32_t bits_of_two(f16, float a, float b) {
  const __half2 v = __floats2half2_rn(a, b);
  uint32_t bits;
  __builtin_memcpy(&bits, &v, sizeof bits);
  return bits;
}
WN_DEVICE uint32_t bits_of_two(bf16, float a, float b) {
  const __nv_bfloat162 v = __floats2bfloat162_rn(a, b);
  uint32_t bits;
  __builtin_memcpy(&bits, &v, sizeof bits);
  return bits;
}
#endif
#if WNI_CONVERTS_F8
WN_DEVICE uint32_t bits_of_two(e4m3, float a, float b) {
  return __nv_cvt_float2_to_fp8x2(make_float2(a, b), __NV_SATFINITE, __NV_E4M3);
}
WN_DEVICE uint32_t bits_of_two(e5m2, float a, float b) {
  return __nv_cvt_float2_to_fp8x2(make_float2(a, b), __NV_SATFINITE, __NV_E5M2);
}
#endif

/* Rounded to T and back. */
template <class T>
WN_DEVICE Real<T> rounded(Real<T> v) {
  T narrow;
  from_real(v, &narrow);
  return to_real(narrow);
}

/* A parameter of one of the types that parameters have, uniform for the kernel. */
template <class R>
WN_DEVICE R load_value(wn_dtype type, const void *p, int64_t i) {
  if constexpr (sizeof(R) == 8) {
    return static_cast<const double *>(p)[i];
  } else {
    if (type == WN_F32) return static_cast<const float *>(p)[i];
    if (type == WN_F16) return to_real(static_cast<const f16 *>(p)[i]);
    return to_real(static_cast<const bf16 *>(p)[i]);
  }
}

}  // namespace wn
#endif
