#include "kernels/cuda/launch.h"
#include "kernels/cuda/row_backward_segments.cuh"

namespace {

using namespace wn;

template <class Kernel>
const void *address_of(Kernel *kernel) {
  return reinterpret_cast<const void *>(kernel);
}

template <class X, class D>
const void *whole_sets(int scope) {
  switch (scope) {
    case WNI_CUDA_LANES_1:
      return address_of(row_backward_kernel<X, D, WNI_CUDA_LANES_1>);
    case WNI_CUDA_LANES_4:
      return address_of(row_backward_kernel<X, D, WNI_CUDA_LANES_4>);
    case WNI_CUDA_BLOCK_2:
      return address_of(row_backward_kernel<X, D, WNI_CUDA_BLOCK_2>);
    case WNI_CUDA_BLOCK_4:
      return address_of(row_backward_kernel<X, D, WNI_CUDA_BLOCK_4>);
    case WNI_CUDA_BLOCK_LOOP:
      return address_of(row_backward_kernel<X, D, WNI_CUDA_BLOCK_LOOP>);
    default:
      return nullptr;
  }
}

template <class X, class D>
const void *of_types(wni_cuda_function function, int variant) {
  switch (function) {
    case WNI_CUDA_ROW_BACKWARD:
      return whole_sets<X, D>(variant);
    case WNI_CUDA_ROW_BACKWARD_SUMS:
      return address_of(row_backward_sums_kernel<X, D>);
    case WNI_CUDA_ROW_BACKWARD_APPLY:
      return address_of(row_backward_apply_kernel<X, D>);
    default:
      return nullptr;
  }
}

template <class X>
const void *of_x(wni_cuda_function function, int variant, wn_dtype dy) {
  switch (dy) {
    case WN_F32:
      return of_types<X, float>(function, variant);
    case WN_F16:
      return of_types<X, f16>(function, variant);
    case WN_BF16:
      return of_types<X, bf16>(function, variant);
    default:
      return nullptr;
  }
}

}  // namespace

const void *wni_cuda_row_kernel_backward(wni_cuda_function function, int variant, const wni_types *types) {
  switch (types->x) {
    case WN_F32:
      return of_x<float>(function, variant, types->dy);
    case WN_F16:
      return of_x<f16>(function, variant, types->dy);
    case WN_BF16:
      return of_x<bf16>(function, variant, types->dy);
    case WN_F64:
      return types->dy == WN_F64 ? of_types<double, double>(function, variant) : nullptr;
    default:
      return nullptr;
  }
}
