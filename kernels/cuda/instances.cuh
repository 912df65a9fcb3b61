/* From the types of a call to an instance of a kernel: each function calls f with the type, or the scope, as a
 * constant, so f is instantiated for each that there is. Of f64 data every tensor is f64, of the others none. */
#ifndef WNI_INSTANCES_CUH
#define WNI_INSTANCES_CUH
#include <type_traits>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/scalar.cuh"

namespace wn {

template <class T>
struct Type {
  typedef T type;
};
template <class Tag>
using TypeOf = typename Tag::type;

template <class Kernel>
const void *address_of(Kernel *kernel) {
  return reinterpret_cast<const void *>(kernel);
}

template <class F>
const void *for_x_type(wn_dtype x, const F &f) {
  switch (x) {
    case WN_F32:
      return f(Type<float>());
    case WN_F16:
      return f(Type<f16>());
    case WN_BF16:
      return f(Type<bf16>());
    case WN_F64:
      return f(Type<double>());
    default:
      return nullptr;
  }
}

/* dy of x of type X. */
template <class X, class F>
const void *for_dy_type(wn_dtype dy, const F &f) {
  if constexpr (std::is_same<X, double>::value) {
    return dy == WN_F64 ? f(Type<double>()) : nullptr;
  } else {
    switch (dy) {
      case WN_F32:
        return f(Type<float>());
      case WN_F16:
        return f(Type<f16>());
      case WN_BF16:
        return f(Type<bf16>());
      default:
        return nullptr;
    }
  }
}

/* y of x of type X: what dy may be, and the 8-bit types. */
template <class X, class F>
const void *for_y_type(wn_dtype y, const F &f) {
  if constexpr (!std::is_same<X, double>::value) {
    if (y == WN_F8_E4M3) return f(Type<e4m3>());
    if (y == WN_F8_E5M2) return f(Type<e5m2>());
  }
  return for_dy_type<X>(y, f);
}

template <class F>
const void *for_scope(int scope, const F &f) {
  switch (scope) {
    case WNI_CUDA_LANES_1:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_LANES_1>());
    case WNI_CUDA_LANES_4:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_LANES_4>());
    case WNI_CUDA_BLOCK_2:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_BLOCK_2>());
    case WNI_CUDA_BLOCK_4:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_BLOCK_4>());
    case WNI_CUDA_BLOCK_LOOP:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_BLOCK_LOOP>());
    default:
      return nullptr;
  }
}

}  // namespace wn
#endif
