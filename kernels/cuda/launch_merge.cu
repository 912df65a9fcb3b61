#include "kernels/cuda/launch.h"
#include "kernels/cuda/merge.cuh"

namespace wn {

template <class R>
static const void *merge_kernel(wni_cuda_function function) {
  switch (function) {
    case WNI_CUDA_MERGE_MOMENTS:
      return reinterpret_cast<const void *>(merge_moments_kernel<R>);
    case WNI_CUDA_MERGE_SUMS:
      return reinterpret_cast<const void *>(merge_sums_kernel<R>);
    case WNI_CUDA_MERGE_PARAMS:
      return reinterpret_cast<const void *>(merge_params_kernel<R>);
    case WNI_CUDA_RUNNING:
      return reinterpret_cast<const void *>(running_kernel<R>);
    case WNI_CUDA_COUNT_CALL:
      return reinterpret_cast<const void *>(count_call_kernel<R>);
    default:
      return nullptr;
  }
}

}  // namespace wn

const void *wni_cuda_merge_kernel(wni_cuda_function function, int variant, const wni_types *types) {
  (void)variant;
  return types->real == WN_F64 ? wn::merge_kernel<double>(function) : wn::merge_kernel<float>(function);
}
