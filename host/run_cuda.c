/* A pass on its way to the GPU: kernels loaded when a plan is made, launched when it runs. Running neither allocates
 * nor waits, so it can be captured. */
#include <stdatomic.h>

#include "cuda_state.h"
#include "error.h"
#include "job_cuda.h"
#include "names.h"
#include "sync.h"

#define CUDA(function, ...) wni_cuda_check(function(__VA_ARGS__), #function)

static bool is_backward(wn_pass pass) { return pass == WN_BACKWARD || pass == WN_BACKWARD_FROZEN; }

/* ---- loading ---------------------------------------------------------------------------------------------------- */

static wn_status no_kernel(const wni_cuda_launch *l, const wni_plan_input *in) {
  return wni_error(WN_ERR_DEVICE, "this build has no kernel %s, variant %d, for %s and %s",
                   wni_cuda_function_name(l->function), l->variant, wni_dtype_name(in->types.x),
                   wni_dtype_name(is_backward(in->pass) ? in->types.dy : in->types.y));
}

/* Asking for a kernel's attributes loads it. The limit of its shared memory is raised to all that there is, whatever
 * this launch needs: another plan's launch of the same kernel may need more, and finds it loaded. */
static wn_status load(const wni_cuda_state *s, const wni_cuda_launch *l, const wni_plan_input *in) {
  if (l->function == WNI_CUDA_EXCHANGE) return WN_OK;
  const void *const kernel = wni_cuda_kernel(l->function, l->variant, &in->types);
  if (!kernel) return no_kernel(l, in);
  struct cudaFuncAttributes a;
  wn_status status = CUDA(cudaFuncGetAttributes, &a, kernel);
  if (status != WN_OK) return status;
  if ((unsigned)a.maxThreadsPerBlock < l->block)
    return wni_error(WN_ERR_DEVICE, "kernel %s, variant %d, runs at most %d threads a block; the plan has %u",
                     wni_cuda_function_name(l->function), l->variant, a.maxThreadsPerBlock, l->block);
  const int most = (int)(s->figures.shared_per_block - (int64_t)a.sharedSizeBytes);
  return CUDA(cudaFuncSetAttribute, kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most);
}

static wn_status load_once(wni_cuda_state *s, const wni_cuda_launch *l, const wni_plan_input *in) {
  const wn_dtype other = is_backward(in->pass) ? in->types.dy : in->types.y;
  _Atomic unsigned char *const loaded = &s->loaded[l->function][l->variant][in->types.x][other];
  if (atomic_load_explicit(loaded, memory_order_acquire)) return WN_OK;
  const wn_status status = load(s, l, in);
  if (status == WN_OK) atomic_store_explicit(loaded, 1, memory_order_release);
  return status;
}

static wn_status load_plan(wni_cuda_state *s, const wni_plan_input *in) {
  wni_cuda_plan plan;
  wni_plan_cuda(in, &s->figures, &plan);
  wn_status status = WN_OK;
  for (int i = 0; i < plan.launches && status == WN_OK; i++) status = load_once(s, &plan.launch[i], in);
  return status;
}

wn_status wni_cuda_prepare(void *state, const wni_plan_input *input) {
  wni_cuda_visit visit;
  wn_status status = wni_cuda_enter(state, &visit);
  if (status != WN_OK) return status;
  wni_plan_input smaller;
  for (int i = 0; status == WN_OK && wni_cuda_smaller(input, i, &smaller); i++) status = load_plan(state, &smaller);
  return wni_cuda_leave(&visit, status);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

static unsigned wanted_by(const wni_call *call) {
  unsigned wanted = 0;
  if (call->dx.data || call->dresidual.data) wanted |= WNI_CUDA_WANT_DX;
  if (call->dgamma || call->dbeta) wanted |= WNI_CUDA_WANT_PARAMS;
  if (call->stats == WNI_STATS_COMPUTED && call->running_mean) {
    wanted |= WNI_CUDA_WANT_RUNNING;
    if (call->batches_seen) wanted |= WNI_CUDA_WANT_COUNT;
  }
  return wanted;
}

/* Kernels that follow another one of the call, and wait for it themselves (begin_later): they may be brought to where
 * that one leaves room, and begin when it ends, not a launch later. */
static bool waits(wni_cuda_function function) {
  switch (function) {
    case WNI_CUDA_ROW_FORWARD:
    case WNI_CUDA_ROW_MOMENTS:
    case WNI_CUDA_ROW_BACKWARD:
    case WNI_CUDA_ROW_BACKWARD_SUMS:
    case WNI_CUDA_COLUMN_FORWARD:
    case WNI_CUDA_COLUMN_MOMENTS:
    case WNI_CUDA_COLUMN_BACKWARD:
      return false;
    default:
      return true;
  }
}

/* early: a kernel of the call is what is in front of it in the stream, and the device has such launches. */
static wn_status launch(const wni_cuda_launch *l, bool early, wni_cuda_job *job, cudaStream_t stream) {
  if (l->function == WNI_CUDA_EXCHANGE)
    return wni_sync_gather(job->call.sync, job->mine, job->all, job->message_bytes, stream);
  cudaLaunchAttribute how[3];
  unsigned count = 0;
  if (l->together)
    how[count++] = (cudaLaunchAttribute){.id = cudaLaunchAttributeCooperative, .val = {.cooperative = 1}};
  if (early)
    how[count++] = (cudaLaunchAttribute){.id = cudaLaunchAttributeProgrammaticStreamSerialization,
                                         .val = {.programmaticStreamSerializationAllowed = 1}};
  if (l->cluster > 1)
    how[count++] =
        (cudaLaunchAttribute){.id = cudaLaunchAttributeClusterDimension, .val = {.clusterDim = {l->cluster, 1, 1}}};
  const cudaLaunchConfig_t config = {.gridDim = {l->grid, 1, 1},
                                     .blockDim = {l->block, 1, 1},
                                     .dynamicSmemBytes = l->shared,
                                     .stream = stream,
                                     .attrs = how,
                                     .numAttrs = count};
  void *arguments[] = {job};
  return CUDA(cudaLaunchKernelExC, &config, wni_cuda_kernel(l->function, l->variant, &job->call.types), arguments);
}

/* How many blocks of each team have come. */
static wn_status clear_arrived(const wni_cuda_launch *l, const wni_cuda_job *job, cudaStream_t stream) {
  return l->together ? CUDA(cudaMemsetAsync, job->arrived, 0, l->grid * sizeof *job->arrived, stream) : WN_OK;
}

/* max |y| as bits, of which kernels take the largest. */
static wn_status clear_amax(const wni_call *call, cudaStream_t stream) {
  return call->y_amax ? CUDA(cudaMemsetAsync, call->y_amax, 0, sizeof *call->y_amax, stream) : WN_OK;
}

/* Nothing to normalize: no statistic and no counter changes. */
static wn_status run_empty(const wni_call *call, cudaStream_t stream) {
  if (!is_backward(call->pass)) return clear_amax(call, stream);
  if (call->flags & WN_GRAD_ADD) return WN_OK;
  const size_t bytes = (size_t)call->geo.params * wni_dtype_size(call->types.param_grad);
  wn_status status = WN_OK;
  if (call->dgamma) status = CUDA(cudaMemsetAsync, call->dgamma, 0, bytes, stream);
  if (call->dbeta && status == WN_OK) status = CUDA(cudaMemsetAsync, call->dbeta, 0, bytes, stream);
  return status;
}

/* Sweeps over tensors, and what is made of their sums alone: a rank without samples leaves these out. */
static bool needs_samples(wni_cuda_function function) {
  return function <= WNI_CUDA_COLUMN_BACKWARD_APPLY || function == WNI_CUDA_MERGE_PARAMS;
}

static wn_status run_here(wni_cuda_state *s, const wni_plan_input *in, const wni_call *call, void *work,
                          cudaStream_t stream) {
  const bool empty = wni_elements(&call->geo) == 0;
  if (empty) {
    const wn_status status = run_empty(call, stream);
    if (status != WN_OK || !call->sync) return status;
  }
  wni_cuda_plan plan;
  wni_plan_cuda(in, &s->figures, &plan);
  const unsigned wanted = wanted_by(call);
  wni_cuda_job job;
  wni_cuda_job_make(&plan, call, wanted, work, &job);
  wn_status status = empty ? WN_OK : clear_amax(call, stream);
  bool behind_kernel = false;
  for (int i = 0; i < plan.launches && status == WN_OK; i++) {
    const wni_cuda_launch *const l = &plan.launch[i];
    if (empty && needs_samples(l->function)) continue;
    if (l->wanted != 0 && !(l->wanted & wanted)) continue;
    wni_cuda_job_for(in, &s->figures, l, &job);
    status = clear_arrived(l, &job, stream);
    if (status == WN_OK) status = launch(l, behind_kernel && !l->together && waits(l->function), &job, stream);
    behind_kernel = s->figures.sm >= 90 && l->function != WNI_CUDA_EXCHANGE;
  }
  return status;
}

wn_status wni_cuda_run(void *state, const wni_plan_input *input, const wni_call *call, void *work, void *stream) {
  wni_cuda_visit visit;
  const wn_status status = wni_cuda_enter(state, &visit);
  if (status != WN_OK) return status;
  return wni_cuda_leave(&visit, run_here(state, input, call, work, stream));
}
