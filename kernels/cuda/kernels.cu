#include "kernels/cuda/launch.h"

const void *wni_cuda_kernel(wni_cuda_function function, int variant, const wni_types *types) {
  switch (function) {
    case WNI_CUDA_ROW_FORWARD:
    case WNI_CUDA_ROW_MOMENTS:
    case WNI_CUDA_ROW_APPLY:
      return wni_cuda_row_kernel_forward(function, variant, types);
    case WNI_CUDA_ROW_BACKWARD:
    case WNI_CUDA_ROW_BACKWARD_SUMS:
    case WNI_CUDA_ROW_BACKWARD_APPLY:
      return wni_cuda_row_kernel_backward(function, variant, types);
    case WNI_CUDA_COLUMN_MOMENTS:
    case WNI_CUDA_COLUMN_APPLY:
      return wni_cuda_column_kernel_forward(function, types);
    case WNI_CUDA_COLUMN_BACKWARD_SUMS:
    case WNI_CUDA_COLUMN_BACKWARD_APPLY:
      return wni_cuda_column_kernel_backward(function, types);
    case WNI_CUDA_MERGE_MOMENTS:
    case WNI_CUDA_MERGE_SUMS:
    case WNI_CUDA_MERGE_PARAMS:
    case WNI_CUDA_RUNNING:
    case WNI_CUDA_COUNT_CALL:
    case WNI_CUDA_JOIN_MOMENTS:
    case WNI_CUDA_JOIN_SUMS:
      return wni_cuda_merge_kernel(function, types);
    default:
      return nullptr;
  }
}
