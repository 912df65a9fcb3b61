#include "kernels/cuda/column_forward_team.cuh"
#include "kernels/cuda/instances.cuh"

WNI_INSTANCE_LOOKUP(WNI_INSTANCES(wni_cuda_column_forward)) {
  using namespace wn;
  typedef WNI_X X;
  (void)variant;
  if (function == WNI_CUDA_COLUMN_MOMENTS) return address_of(column_moments_kernel<X>);
  return for_other_type<X>(types->x, types->y, [&](auto y) {
    typedef TypeOf<decltype(y)> Y;
    return function == WNI_CUDA_COLUMN_FORWARD ? address_of(column_forward_kernel<X, Y>)
                                               : address_of(column_apply_kernel<X, Y>);
  });
}
