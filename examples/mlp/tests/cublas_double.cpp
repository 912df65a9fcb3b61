#include "cublas_double.h"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdint>
#include <set>

struct cublasContext {
  cudaStream_t stream = nullptr;
};

namespace {

std::set<cublasHandle_t> handles;
cublasStatus_t next_failure = CUBLAS_STATUS_SUCCESS;

// Whether this call fails before it has begun: told to, or the handle is not alive.
cublasStatus_t begin(bool alive) {
  const cublasStatus_t failure = next_failure;
  next_failure = CUBLAS_STATUS_SUCCESS;
  if (failure != CUBLAS_STATUS_SUCCESS) return failure;
  return alive ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

}  // namespace

void wn::FailCublas(cublasStatus_t status) { next_failure = status; }
int wn::LiveCublasHandles() { return static_cast<int>(handles.size()); }

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle) {
  const cublasStatus_t status = begin(true);
  if (status == CUBLAS_STATUS_SUCCESS) handles.insert(*handle = new cublasContext);
  return status;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  const cublasStatus_t status = begin(handles.erase(handle) == 1);
  if (status == CUBLAS_STATUS_SUCCESS) delete handle;
  return status;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  const cublasStatus_t status = begin(handles.count(handle) == 1);
  if (status == CUBLAS_STATUS_SUCCESS) handle->stream = stream;
  return status;
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
                              int k, const float *alpha, const float *A, int lda, const float *B, int ldb,
                              const float *beta, float *C, int ldc) {
  const cublasStatus_t status = begin(handles.count(handle) == 1);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const bool fits = lda >= std::max(1, transa == CUBLAS_OP_N ? m : k) &&
                    ldb >= std::max(1, transb == CUBLAS_OP_N ? k : n) && ldc >= std::max(1, m);
  if (m < 0 || n < 0 || k < 0 || !fits) return CUBLAS_STATUS_INVALID_VALUE;
  if (m == 0 || n == 0) return CUBLAS_STATUS_SUCCESS;
  wn::SgemmJob job = {m, n, k, transa != CUBLAS_OP_N, transb != CUBLAS_OP_N, *alpha, *beta, A, B, C, lda, ldb, ldc};
  cudaLaunchConfig_t config = {};
  config.gridDim.x = static_cast<unsigned>((int64_t{m} * n + wn::kSgemmThreads - 1) / wn::kSgemmThreads);
  config.blockDim.x = wn::kSgemmThreads;
  config.stream = handle->stream;
  void *arguments[] = {&job};
  return cudaLaunchKernelExC(&config, wn::SgemmKernel(), arguments) == cudaSuccess ? CUBLAS_STATUS_SUCCESS
                                                                                   : CUBLAS_STATUS_EXECUTION_FAILED;
}

const char *cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    default:
      return "another status";
  }
}

const char *cublasGetStatusString(cublasStatus_t) { return "(the stand-in has no texts)"; }
