#include "kernels/cuda/column_backward.cuh"
#include "kernels/cuda/launch_column.h"

namespace wn {

template <class X, class D>
static const void *backward_kernel_of(wni_cuda_function function) {
  switch (function) {
    case WNI_CUDA_COLUMN_BACKWARD_SUMS:
      return reinterpret_cast<const void *>(column_backward_sums_kernel<X, D>);
    case WNI_CUDA_COLUMN_BACKWARD_APPLY:
      return reinterpret_cast<const void *>(column_backward_apply_kernel<X, D>);
    default:
      return nullptr;
  }
}

template <class X>
static const void *backward_kernel(wni_cuda_function function, wn_dtype dy) {
  switch (dy) {
    case WN_F32:
      return backward_kernel_of<X, float>(function);
    case WN_F16:
      return backward_kernel_of<X, f16>(function);
    case WN_BF16:
      return backward_kernel_of<X, bf16>(function);
    default:
      return nullptr;
  }
}

}  // namespace wn

const void *wni_cuda_column_kernel_backward(wni_cuda_function function, const wni_types *types) {
  switch (types->x) {
    case WN_F32:
      return wn::backward_kernel<float>(function, types->dy);
    case WN_F16:
      return wn::backward_kernel<wn::f16>(function, types->dy);
    case WN_BF16:
      return wn::backward_kernel<wn::bf16>(function, types->dy);
    case WN_F64:
      return wn::backward_kernel_of<double, double>(function);
    default:
      return nullptr;
  }
}
