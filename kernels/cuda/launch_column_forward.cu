#include "kernels/cuda/column_forward.cuh"
#include "kernels/cuda/instances.cuh"

const void *wni_cuda_column_kernel_forward(wni_cuda_function function, const wni_types *types) {
  using namespace wn;
  return for_x_type(types->x, [&](auto x) {
    typedef TypeOf<decltype(x)> X;
    if (function == WNI_CUDA_COLUMN_MOMENTS) return address_of(column_moments_kernel<X>);
    return for_y_type<X>(types->y, [](auto y) { return address_of(column_apply_kernel<X, TypeOf<decltype(y)>>); });
  });
}
