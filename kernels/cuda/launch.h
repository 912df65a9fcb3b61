/* The instances of each family of kernels, one source each; kernels.cu asks them for those of its functions. NULL:
 * there is no such instance. */
#ifndef WNI_LAUNCH_H
#define WNI_LAUNCH_H
#include "kernels/cuda/cuda_job.h"

#ifdef __cplusplus
extern "C" {
#endif
const void *wni_cuda_row_kernel_forward(wni_cuda_function function, int variant, const wni_types *types);
const void *wni_cuda_row_kernel_backward(wni_cuda_function function, int variant, const wni_types *types);
const void *wni_cuda_column_kernel_forward(wni_cuda_function function, const wni_types *types);
const void *wni_cuda_column_kernel_backward(wni_cuda_function function, const wni_types *types);
const void *wni_cuda_merge_kernel(wni_cuda_function function, const wni_types *types);
#ifdef __cplusplus
}
#endif
#endif
