#include "kernels/cuda/launch.h"
#include "kernels/cuda/row_segments.cuh"

namespace {

using namespace wn;

template <class Kernel>
const void *address_of(Kernel *kernel) {
  return reinterpret_cast<const void *>(kernel);
}

template <class X, class Y>
const void *whole_sets(int scope) {
  switch (scope) {
    case WNI_CUDA_LANES_1:
      return address_of(row_forward_kernel<X, Y, WNI_CUDA_LANES_1>);
    case WNI_CUDA_LANES_4:
      return address_of(row_forward_kernel<X, Y, WNI_CUDA_LANES_4>);
    case WNI_CUDA_BLOCK_2:
      return address_of(row_forward_kernel<X, Y, WNI_CUDA_BLOCK_2>);
    case WNI_CUDA_BLOCK_4:
      return address_of(row_forward_kernel<X, Y, WNI_CUDA_BLOCK_4>);
    case WNI_CUDA_BLOCK_LOOP:
      return address_of(row_forward_kernel<X, Y, WNI_CUDA_BLOCK_LOOP>);
    default:
      return nullptr;
  }
}

template <class X, class Y>
const void *of_types(wni_cuda_function function, int variant) {
  if (function == WNI_CUDA_ROW_APPLY) return address_of(row_apply_kernel<X, Y>);
  return function == WNI_CUDA_ROW_FORWARD ? whole_sets<X, Y>(variant) : nullptr;
}

template <class X>
const void *of_x(wni_cuda_function function, int variant, wn_dtype y) {
  if (function == WNI_CUDA_ROW_MOMENTS) return address_of(row_moments_kernel<X>);
  switch (y) {
    case WN_F32:
      return of_types<X, float>(function, variant);
    case WN_F16:
      return of_types<X, f16>(function, variant);
    case WN_BF16:
      return of_types<X, bf16>(function, variant);
    case WN_F8_E4M3:
      return of_types<X, e4m3>(function, variant);
    case WN_F8_E5M2:
      return of_types<X, e5m2>(function, variant);
    default:
      return nullptr;
  }
}

}  // namespace

const void *wni_cuda_row_kernel_forward(wni_cuda_function function, int variant, const wni_types *types) {
  switch (types->x) {
    case WN_F32:
      return of_x<float>(function, variant, types->y);
    case WN_F16:
      return of_x<f16>(function, variant, types->y);
    case WN_BF16:
      return of_x<bf16>(function, variant, types->y);
    case WN_F64:
      if (function == WNI_CUDA_ROW_MOMENTS) return address_of(row_moments_kernel<double>);
      return types->y == WN_F64 ? of_types<double, double>(function, variant) : nullptr;
    default:
      return nullptr;
  }
}
