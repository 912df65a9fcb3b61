/* The kernels of this instruction set and arithmetic. */
#include "kernel.h"
#include "vector.h"

#define WNI_KERNELS(K)     \
  K(row_forward)           \
  K(row_moments)           \
  K(row_apply)             \
  K(row_lines)             \
  K(row_backward)          \
  K(row_backward_sums)     \
  K(row_backward_merge)    \
  K(row_backward_apply)    \
  K(row_frozen)            \
  K(column_forward)        \
  K(column_moments)        \
  K(column_merge)          \
  K(column_apply)          \
  K(column_backward)       \
  K(column_backward_sums)  \
  K(column_backward_merge) \
  K(column_backward_apply) \
  K(column_frozen)

#define WNI_DECLARE(name) void WNI_FN(name)(const wni_cpu_job *job, int64_t task);
WNI_KERNELS(WNI_DECLARE)

#define WNI_ENTRY(name) .name = WNI_FN(name),
const wni_cpu_kernels WNI_FN(kernels) = {WNI_KERNELS(WNI_ENTRY)};
