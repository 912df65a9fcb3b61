#include "kernels/cuda/instances.cuh"
#include "kernels/cuda/row_segments.cuh"

namespace wn {

template <class X, class Y>
static const void *kernel_of(wni_cuda_function function, int variant) {
  if (function == WNI_CUDA_ROW_APPLY) return address_of(row_apply_kernel<X, Y>);
  return for_scope(variant, [](auto scope) { return address_of(row_forward_kernel<X, Y, decltype(scope)::value>); });
}

}  // namespace wn

const void *wni_cuda_row_kernel_forward(wni_cuda_function function, int variant, const wni_types *types) {
  using namespace wn;
  return for_x_type(types->x, [&](auto x) {
    typedef TypeOf<decltype(x)> X;
    if (function == WNI_CUDA_ROW_MOMENTS) return address_of(row_moments_kernel<X>);
    return for_y_type<X>(types->y, [&](auto y) { return kernel_of<X, TypeOf<decltype(y)>>(function, variant); });
  });
}
