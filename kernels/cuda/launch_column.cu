/* Instances of the column kernels, the forward ones here. */
#include "kernels/cuda/column_forward.cuh"
#include "kernels/cuda/launch_column.h"

namespace wn {

template <class X, class Y>
static const void *apply_kernel() {
  return reinterpret_cast<const void *>(column_apply_kernel<X, Y>);
}

template <class X>
static const void *forward_kernel(wni_cuda_function function, wn_dtype y) {
  if (function == WNI_CUDA_COLUMN_MOMENTS) return reinterpret_cast<const void *>(column_moments_kernel<X>);
  switch (y) {
    case WN_F32:
      return apply_kernel<X, float>();
    case WN_F16:
      return apply_kernel<X, f16>();
    case WN_BF16:
      return apply_kernel<X, bf16>();
    case WN_F8_E4M3:
      return apply_kernel<X, e4m3>();
    case WN_F8_E5M2:
      return apply_kernel<X, e5m2>();
    default:
      return nullptr;
  }
}

static const void *forward_kernel_f64(wni_cuda_function function) {
  if (function == WNI_CUDA_COLUMN_MOMENTS) return reinterpret_cast<const void *>(column_moments_kernel<double>);
  return apply_kernel<double, double>();
}

}  // namespace wn

const void *wni_cuda_column_kernel(wni_cuda_function function, int variant, const wni_types *types) {
  (void)variant;
  if (function != WNI_CUDA_COLUMN_MOMENTS && function != WNI_CUDA_COLUMN_APPLY)
    return wni_cuda_column_kernel_backward(function, types);
  switch (types->x) {
    case WN_F32:
      return wn::forward_kernel<float>(function, types->y);
    case WN_F16:
      return wn::forward_kernel<wn::f16>(function, types->y);
    case WN_BF16:
      return wn::forward_kernel<wn::bf16>(function, types->y);
    case WN_F64:
      return wn::forward_kernel_f64(function);
    default:
      return nullptr;
  }
}
