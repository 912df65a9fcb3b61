#include "kernels/cuda/instances.cuh"
#include "kernels/cuda/row_backward_segments.cuh"

namespace wn {

template <class X, class D>
static const void *kernel_of(wni_cuda_function function, int variant) {
  if (function == WNI_CUDA_ROW_BACKWARD_SUMS) return address_of(row_backward_sums_kernel<X, D>);
  if (function == WNI_CUDA_ROW_BACKWARD_APPLY) return address_of(row_backward_apply_kernel<X, D>);
  return for_scope(variant, [](auto scope) { return address_of(row_backward_kernel<X, D, decltype(scope)::value>); });
}

}  // namespace wn

const void *wni_cuda_row_kernel_backward(wni_cuda_function function, int variant, const wni_types *types) {
  using namespace wn;
  return for_x_type(types->x, [&](auto x) {
    typedef TypeOf<decltype(x)> X;
    return for_dy_type<X>(types->dy, [&](auto dy) { return kernel_of<X, TypeOf<decltype(dy)>>(function, variant); });
  });
}
