#include "kernels/cuda/instances.cuh"
#include "kernels/cuda/merge.cuh"

namespace wn {

template <class R>
static const void *kernel_of(wni_cuda_function function) {
  switch (function) {
    case WNI_CUDA_MERGE_MOMENTS:
      return address_of(merge_moments_kernel<R>);
    case WNI_CUDA_MERGE_SUMS:
      return address_of(merge_sums_kernel<R>);
    case WNI_CUDA_MERGE_PARAMS:
      return address_of(merge_params_kernel<R>);
    case WNI_CUDA_RUNNING:
      return address_of(running_kernel<R>);
    case WNI_CUDA_JOIN_MOMENTS:
      return address_of(join_moments_kernel<R>);
    case WNI_CUDA_JOIN_SUMS:
      return address_of(join_sums_kernel<R>);
    default:
      return address_of(count_call_kernel<R>);
  }
}

}  // namespace wn

WNI_INSTANCE_LOOKUP(wni_cuda_merge) {
  (void)variant;
  return types->real == WN_F64 ? wn::kernel_of<double>(function) : wn::kernel_of<float>(function);
}
