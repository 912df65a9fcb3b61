/* Which kernel a launch is: the launch_*.cu have them. */
#include "kernels/cuda/instances.cuh"

WNI_INSTANCE_LOOKUP(wni_cuda_merge);

typedef decltype(wni_cuda_merge) Lookup;

struct Family {
  Lookup *row_forward, *row_backward, *column_forward, *column_backward;
};

#define DECLARE(x)                                  \
  WNI_INSTANCE_LOOKUP(wni_cuda_row_forward_##x);    \
  WNI_INSTANCE_LOOKUP(wni_cuda_row_backward_##x);   \
  WNI_INSTANCE_LOOKUP(wni_cuda_column_forward_##x); \
  WNI_INSTANCE_LOOKUP(wni_cuda_column_backward_##x)
DECLARE(f32);
DECLARE(f16);
DECLARE(bf16);
DECLARE(f64);

#define FAMILY(x) \
  { wni_cuda_row_forward_##x, wni_cuda_row_backward_##x, wni_cuda_column_forward_##x, wni_cuda_column_backward_##x }

static Family family_of(wn_dtype x) {
  switch (x) {
    case WN_F32:
      return FAMILY(f32);
    case WN_F16:
      return FAMILY(f16);
    case WN_BF16:
      return FAMILY(bf16);
    case WN_F64:
      return FAMILY(f64);
    default:
      return {};
  }
}

static Lookup *lookup_of(wni_cuda_function function, wn_dtype x) {
  switch (function) {
    case WNI_CUDA_ROW_FORWARD:
    case WNI_CUDA_ROW_MOMENTS:
    case WNI_CUDA_ROW_APPLY:
      return family_of(x).row_forward;
    case WNI_CUDA_ROW_BACKWARD:
    case WNI_CUDA_ROW_BACKWARD_SUMS:
    case WNI_CUDA_ROW_BACKWARD_APPLY:
      return family_of(x).row_backward;
    case WNI_CUDA_COLUMN_FORWARD:
    case WNI_CUDA_COLUMN_MOMENTS:
    case WNI_CUDA_COLUMN_APPLY:
      return family_of(x).column_forward;
    case WNI_CUDA_COLUMN_BACKWARD:
    case WNI_CUDA_COLUMN_BACKWARD_SUMS:
    case WNI_CUDA_COLUMN_BACKWARD_APPLY:
      return family_of(x).column_backward;
    case WNI_CUDA_MERGE_MOMENTS:
    case WNI_CUDA_MERGE_SUMS:
    case WNI_CUDA_MERGE_PARAMS:
    case WNI_CUDA_RUNNING:
    case WNI_CUDA_COUNT_CALL:
    case WNI_CUDA_JOIN_MOMENTS:
    case WNI_CUDA_JOIN_SUMS:
      return wni_cuda_merge;
    default:
      return nullptr;
  }
}

const void *wni_cuda_kernel(wni_cuda_function function, int variant, const wni_types *types) {
  Lookup *const lookup = lookup_of(function, types->x);
  return lookup != nullptr ? lookup(function, variant, types) : nullptr;
}
