#include "kernels/cuda/column_backward_team.cuh"
#include "kernels/cuda/instances.cuh"

WNI_INSTANCE_LOOKUP(WNI_INSTANCES(wni_cuda_column_backward)) {
  using namespace wn;
  typedef WNI_X X;
  (void)variant;
  return for_other_type<X>(types->x, types->dy, [&](auto dy) {
    typedef TypeOf<decltype(dy)> D;
    if (function == WNI_CUDA_COLUMN_BACKWARD) return address_of(column_backward_kernel<X, D>);
    return function == WNI_CUDA_COLUMN_BACKWARD_SUMS ? address_of(column_backward_sums_kernel<X, D>)
                                                     : address_of(column_backward_apply_kernel<X, D>);
  });
}
