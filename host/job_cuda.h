/* What kernels are handed. */
#ifndef WNI_JOB_CUDA_H
#define WNI_JOB_CUDA_H
#include "kernels/cuda/cuda_job.h"

/* Of a call whose launches are `wanted` (WNI_CUDA_WANT_*). */
void wni_cuda_job_make(const wni_cuda_plan *plan, const wni_call *call, unsigned wanted, void *work, wni_cuda_job *job);
/* What of it is the launch's, set before each. */
void wni_cuda_job_for(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_launch *l, wni_cuda_job *job);

#endif
