#include "kernels/cuda/instances.cuh"
#include "kernels/cuda/row_segments.cuh"

WNI_INSTANCE_LOOKUP(WNI_INSTANCES(wni_cuda_row_forward)) {
  using namespace wn;
  typedef WNI_X X;
  if (function == WNI_CUDA_ROW_MOMENTS) return address_of(row_moments_kernel<X>);
  return for_other_type<X>(types->x, types->y, [&](auto y) {
    typedef TypeOf<decltype(y)> Y;
    if (function == WNI_CUDA_ROW_APPLY) return address_of(row_apply_kernel<X, Y>);
    return for_scope(variant, [](auto scope) { return address_of(row_forward_kernel<X, Y, decltype(scope)::value>); });
  });
}
