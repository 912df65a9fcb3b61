/* An open GPU, shared by device_cuda.c and run_cuda.c. */
#ifndef WNI_CUDA_STATE_H
#define WNI_CUDA_STATE_H
#include <cuda_runtime_api.h>

#include "call.h"
#include "plan_cuda.h"

enum { WNI_CUDA_TYPES = WN_F8_E5M2 + 1 };

typedef struct wni_cuda_state {
  int ordinal;
  wni_cuda_figures figures;
  char name[256];
  cudaMemPool_t pool; /* NULL: the device has none */
  /* Which kernels are loaded on the device, by function, variant, type of x and of y or dy. Two threads may both find
   * one missing: they then do the same. */
  _Atomic unsigned char loaded[WNI_CUDA_FUNCTIONS][WNI_CUDA_SCOPES][WNI_CUDA_TYPES][WNI_CUDA_TYPES];
} wni_cuda_state;

/* WN_OK, or the status of a failed call of CUDA with its name, code and text. Forgets CUDA's own note of the last
 * error, which is the caller's to find. */
wn_status wni_cuda_check(cudaError_t error, const char *call);

/* Makes the state's device current; leave returns to the caller's and gives `status`, or why it could not return. */
typedef struct wni_cuda_visit {
  int caller;
  bool changed;
} wni_cuda_visit;
wn_status wni_cuda_enter(const wni_cuda_state *state, wni_cuda_visit *visit);
wn_status wni_cuda_leave(const wni_cuda_visit *visit, wn_status status);

/* run_cuda.c: slots of the backend's table. */
wn_status wni_cuda_prepare(void *state, const wni_plan_input *input);
wn_status wni_cuda_run(void *state, const wni_plan_input *input, const wni_call *call, void *work, void *stream);

#endif
