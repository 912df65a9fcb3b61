#include "kernels/cuda/column_backward.cuh"
#include "kernels/cuda/instances.cuh"

const void *wni_cuda_column_kernel_backward(wni_cuda_function function, const wni_types *types) {
  using namespace wn;
  return for_x_type(types->x, [&](auto x) {
    typedef TypeOf<decltype(x)> X;
    return for_dy_type<X>(types->dy, [&](auto dy) {
      typedef TypeOf<decltype(dy)> D;
      return function == WNI_CUDA_COLUMN_BACKWARD_SUMS ? address_of(column_backward_sums_kernel<X, D>)
                                                       : address_of(column_backward_apply_kernel<X, D>);
    });
  });
}
