/* The instances of the column kernels are compiled in two files. */
#ifndef WNI_LAUNCH_COLUMN_H
#define WNI_LAUNCH_COLUMN_H
#include "kernels/cuda/launch.h"

#ifdef __cplusplus
extern "C" {
#endif
const void *wni_cuda_column_kernel_backward(wni_cuda_function function, const wni_types *types);
#ifdef __cplusplus
}
#endif
#endif
