#include "kernels/cuda/instances.cuh"
#include "kernels/cuda/row_segments.cuh"

WNI_INSTANCE_LOOKUP(WNI_INSTANCES(wni_cuda_row_forward)) {
  using namespace wn;
  typedef WNI_X X;
  if (function == WNI_CUDA_ROW_MOMENTS) return address_of(row_moments_kernel<X>);
  return for_other_type<X>(types->x, types->y, [&](auto y) {
    typedef TypeOf<decltype(y)> Y;
    if (function == WNI_CUDA_ROW_APPLY) return address_of(row_apply_kernel<X, Y>);
    return for_scope(variant, [](auto scope) -> const void * {
      constexpr wni_cuda_scope kScope = decltype(scope)::value;
      if constexpr (kScope == WNI_CUDA_BLOCK_2) {
        return nullptr; /* registers have room for BLOCK_4 */
      } else {
        return address_of(row_forward_kernel<X, Y, kScope>);
      }
    });
  });
}
