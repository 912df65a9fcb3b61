/* What an open GPU is planned with. In C, because the backend's state has atomic members. */
#ifndef WN_SIMT_FIGURES_OF_H
#define WN_SIMT_FIGURES_OF_H
#include "host/plan_cuda.h"

#ifdef __cplusplus
extern "C" {
#endif
const wni_cuda_figures *wni_figures_of(const wn_device *device);
#ifdef __cplusplus
}
#endif
#endif
