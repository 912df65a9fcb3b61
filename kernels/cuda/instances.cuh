/* From the types of a call to an instance of a kernel: each function calls f with the type, or the scope, as a
 * constant, so f is instantiated for each that there is.
 *
 * The launch_*.cu of the ROW and COLUMN families are compiled once for each type of x, WNI_X: side by side, and no file
 * takes long. Each compilation has a function of its own, WNI_INSTANCES(name), that kernels.cu asks. */
#ifndef WNI_INSTANCES_CUH
#define WNI_INSTANCES_CUH
#include <type_traits>

#include "kernels/cuda/cuda_job.h"
#include "kernels/cuda/scalar.cuh"

#define WNI_PASTE(a, b) a##_##b
#define WNI_PASTE_VALUES(a, b) WNI_PASTE(a, b)
#define WNI_INSTANCES(name) WNI_PASTE_VALUES(name, WNI_X)

/* NULL: there is no such instance. */
#define WNI_INSTANCE_LOOKUP(name) \
  extern "C" const void *name(wni_cuda_function function, int variant, const wni_types *types)

namespace wn {

template <class T>
struct Type {
  typedef T type;
};
template <class Tag>
using TypeOf = typename Tag::type;

template <class Kernel>
const void *address_of(Kernel *kernel) {
  return reinterpret_cast<const void *>(kernel);
}

/* y or dy beside x of type X: the same, or another one. Of f64 data every tensor is f64, of the others none. */
template <class X, class F>
const void *for_other_type(wn_dtype x, wn_dtype other, const F &f) {
  if (other == x) return f(Type<X>());
  if constexpr (!std::is_same<X, f64>::value)
    if (other != WN_F64 && other != WN_DTYPE_DEFAULT) return f(Type<mixed>());
  return nullptr;
}

template <class F>
const void *for_scope(int scope, const F &f) {
  switch (scope) {
    case WNI_CUDA_LANES_1:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_LANES_1>());
    case WNI_CUDA_LANES_4:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_LANES_4>());
    case WNI_CUDA_BLOCK_2:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_BLOCK_2>());
    case WNI_CUDA_BLOCK_4:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_BLOCK_4>());
    case WNI_CUDA_TEAM:
      return f(std::integral_constant<wni_cuda_scope, WNI_CUDA_TEAM>());
    default:
      return nullptr;
  }
}

}  // namespace wn
#endif
