#include "kernels/cuda/instances.cuh"
#include "kernels/cuda/row_backward_segments.cuh"

WNI_INSTANCE_LOOKUP(WNI_INSTANCES(wni_cuda_row_backward)) {
  using namespace wn;
  typedef WNI_X X;
  return for_other_type<X>(types->x, types->dy, [&](auto dy) {
    typedef TypeOf<decltype(dy)> D;
    if (function == WNI_CUDA_ROW_BACKWARD_SUMS) return address_of(row_backward_sums_kernel<X, D>);
    if (function == WNI_CUDA_ROW_BACKWARD_APPLY) return address_of(row_backward_apply_kernel<X, D>);
    return for_scope(variant, [](auto scope) -> const void * {
      constexpr wni_cuda_scope kScope = decltype(scope)::value;
      if constexpr (kScope == WNI_CUDA_BLOCK_4 && sizeof(X) > 2) {
        return nullptr; /* registers have no room for so much of both tensors */
      } else {
        return address_of(row_backward_kernel<X, D, kScope>);
      }
    });
  });
}
