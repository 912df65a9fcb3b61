/* cuDNN's legacy batch normalization: the calls that most programs have. */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_peer.h"
#include "cudnn_library.h"

typedef struct state {
  const bench_ring *ring;
  const cudnn_library *lib;
  cudnnHandle_t handle;
  cudnnTensorDescriptor_t x, param;
  cudnnActivationDescriptor_t activation; /* fused, else NULL */
  cudnnBatchNormMode_t mode;
  cudnnBatchNormOps_t ops;
  void *work, *reserve, *y; /* y: of fused backward, which recomputes signs from it */
  size_t work_bytes, reserve_bytes;
} state;

/* The fused calls are for channels last and 16 bits alone. */
static bool fuses(const bench_case *c) {
  const wn_problem *const p = &c->problem;
  return p->layout == WN_NXC && (p->x_type == WN_F16 || p->x_type == WN_BF16) && c->pass != WN_INFER;
}

static const char *cannot(const bench_case *c) {
  const wn_problem *const p = &c->problem;
  if (p->kind != WN_BATCH) return "batch norm only";
  if (c->pass == WN_BACKWARD_FROZEN) return "no backward pass with frozen statistics";
  if (p->act != WN_ACT_NONE && p->act != WN_ACT_RELU) return "no fused activation but relu";
  if (p->act == WN_ACT_RELU && !fuses(c)) return "relu is fused for channels last, 16 bits and training only";
  if (p->add == WN_ADD_BEFORE) return "no residual before the norm";
  if (p->add == WN_ADD_AFTER) return "the fused residual is not measured: its forward pass alone has one in place";
  if (c->unaligned) return "16-byte alignment is needed";
  return NULL;
}

static cudnnDataType_t type_of(wn_dtype type) {
  switch (type) {
    case WN_F64:
      return CUDNN_DATA_DOUBLE;
    case WN_F16:
      return CUDNN_DATA_HALF;
    case WN_BF16:
      return CUDNN_DATA_BFLOAT16;
    default:
      return CUDNN_DATA_FLOAT;
  }
}

/* (N, C, 1, X), whatever the number of axes: the same memory. */
static cudnnStatus_t describe(const state *s) {
  const wn_problem *const p = &s->ring->c->problem;
  const int n = (int)p->n, c = (int)p->c, x = (int)p->x;
  const int dims[4] = {n, c, 1, x};
  const int ncx[4] = {c * x, x, x, 1}, nxc[4] = {c * x, 1, c * x, c};
  return s->lib->SetTensorNdDescriptor(s->x, type_of(p->x_type), 4, dims, p->layout == WN_NCX ? ncx : nxc);
}

static bool fits(const wn_problem *p) { return (double)p->n * (double)p->c * (double)p->x < 2147483648.0; }

static void release(void *opaque) {
  state *const s = opaque;
  if (s->activation) (void)s->lib->DestroyActivationDescriptor(s->activation);
  if (s->param) (void)s->lib->DestroyTensorDescriptor(s->param);
  if (s->x) (void)s->lib->DestroyTensorDescriptor(s->x);
  if (s->handle) (void)s->lib->Destroy(s->handle);
  (void)cudaFree(s->work);
  (void)cudaFree(s->reserve);
  (void)cudaFree(s->y);
  free(s);
}

static cudnnStatus_t make_activation(state *s) {
  cudnnStatus_t status = s->lib->CreateActivationDescriptor(&s->activation);
  if (status == CUDNN_STATUS_SUCCESS)
    status = s->lib->SetActivationDescriptor(s->activation, CUDNN_ACTIVATION_RELU, CUDNN_PROPAGATE_NAN, 0);
  return status;
}

/* Workspaces for both passes: backward needs what the forward pass leaves in the reserve. */
static cudnnStatus_t measure_workspaces(state *s) {
  size_t forward = 0, backward = 0;
  cudnnStatus_t status = s->lib->GetBatchNormalizationForwardTrainingExWorkspaceSize(
      s->handle, s->mode, s->ops, s->x, NULL, s->x, s->param, s->activation, &forward);
  if (status == CUDNN_STATUS_SUCCESS)
    status = s->lib->GetBatchNormalizationBackwardExWorkspaceSize(s->handle, s->mode, s->ops, s->x,
                                                                  s->activation ? s->x : NULL, s->x, NULL, s->x,
                                                                  s->param, s->activation, &backward);
  if (status == CUDNN_STATUS_SUCCESS)
    status = s->lib->GetBatchNormalizationTrainingExReserveSpaceSize(s->handle, s->mode, s->ops, s->activation, s->x,
                                                                     &s->reserve_bytes);
  s->work_bytes = forward > backward ? forward : backward;
  return status;
}

static cudnnStatus_t create(state *s, const bench_case *c) {
  cudnnStatus_t status = s->lib->Create(&s->handle);
  if (status == CUDNN_STATUS_SUCCESS) status = s->lib->CreateTensorDescriptor(&s->x);
  if (status == CUDNN_STATUS_SUCCESS) status = s->lib->CreateTensorDescriptor(&s->param);
  if (status == CUDNN_STATUS_SUCCESS) status = describe(s);
  if (status == CUDNN_STATUS_SUCCESS) status = s->lib->DeriveBNTensorDescriptor(s->param, s->x, s->mode);
  if (status == CUDNN_STATUS_SUCCESS && c->problem.act == WN_ACT_RELU) status = make_activation(s);
  if (status == CUDNN_STATUS_SUCCESS && c->pass != WN_INFER) status = measure_workspaces(s);
  return status;
}

/* 1 or 0 to scale a result or what was there by: in double for double. */
static const void *factor(const state *s, bool one) {
  static const float of_float[] = {0, 1};
  static const double of_double[] = {0, 1};
  return s->ring->c->problem.x_type == WN_F64 ? (const void *)&of_double[one] : &of_float[one];
}

static cudnnStatus_t forward(const state *s, const bench_tensors *t, void *y, void *mean, void *rstd) {
  const wn_problem *const p = &s->ring->c->problem;
  return s->lib->BatchNormalizationForwardTrainingEx(
      s->handle, s->mode, s->ops, factor(s, true), factor(s, false), s->x, t->at[BENCH_X], NULL, NULL, s->x, y,
      s->param, t->at[BENCH_GAMMA], t->at[BENCH_BETA], p->momentum, t->at[BENCH_RUNNING_MEAN], t->at[BENCH_RUNNING_VAR],
      p->eps, mean, rstd, s->activation, s->work, s->work_bytes, s->reserve, s->reserve_bytes);
}

static cudnnStatus_t infer(const state *s, const bench_tensors *t) {
  return s->lib->BatchNormalizationForwardInference(s->handle, s->mode, factor(s, true), factor(s, false), s->x,
                                                    t->at[BENCH_X], s->x, t->at[BENCH_Y], s->param, t->at[BENCH_GAMMA],
                                                    t->at[BENCH_BETA], t->at[BENCH_RUNNING_MEAN],
                                                    t->at[BENCH_RUNNING_VAR], s->ring->c->problem.eps);
}

static cudnnStatus_t backward(const state *s, const bench_tensors *t) {
  const void *const one = factor(s, true), *const zero = factor(s, false);
  return s->lib->BatchNormalizationBackwardEx(
      s->handle, s->mode, s->ops, one, zero, one, zero, s->x, t->at[BENCH_X], s->activation ? s->x : NULL, s->y, s->x,
      t->at[BENCH_DY], NULL, NULL, s->x, t->at[BENCH_DX], s->param, t->at[BENCH_GAMMA], t->at[BENCH_BETA],
      t->at[BENCH_DGAMMA], t->at[BENCH_DBETA], s->ring->c->problem.eps, t->at[BENCH_MEAN], t->at[BENCH_RSTD],
      s->activation, s->work, s->work_bytes, s->reserve, s->reserve_bytes);
}

/* Backward with relu: y and the reserve are those of a forward pass over the same x, which every slot has. */
static bool run_forward_once(state *s) {
  const bench_tensors *const t = &s->ring->slots[0];
  if (cudaMalloc(&s->y, bench_array_bytes(s->ring->c, BENCH_X)) != cudaSuccess) return false;
  return forward(s, t, s->y, NULL, NULL) == CUDNN_STATUS_SUCCESS && cudaDeviceSynchronize() == cudaSuccess;
}

static const char *make(state *s, const bench_case *c) {
  s->mode = c->axis_count == 0    ? CUDNN_BATCHNORM_PER_ACTIVATION
            : c->pass == WN_INFER ? CUDNN_BATCHNORM_SPATIAL
                                  : CUDNN_BATCHNORM_SPATIAL_PERSISTENT; /* as PyTorch chooses */
  s->ops = c->problem.act == WN_ACT_RELU ? CUDNN_BATCHNORM_OPS_BN_ACTIVATION : CUDNN_BATCHNORM_OPS_BN;
  if (!fits(&c->problem)) return "sizes are 32-bit";
  const cudnnStatus_t status = create(s, c);
  if (status != CUDNN_STATUS_SUCCESS) return s->lib->GetErrorString(status);
  if (s->work_bytes && cudaMalloc(&s->work, s->work_bytes) != cudaSuccess) return "no memory for the workspace";
  if (s->reserve_bytes && cudaMalloc(&s->reserve, s->reserve_bytes) != cudaSuccess) return "no memory for the reserve";
  if (c->pass == WN_BACKWARD && s->activation && !run_forward_once(s)) return "the forward pass failed";
  return NULL;
}

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  state *const s = bench_peer_state(sizeof *s, reason, size);
  if (!s) return NULL;
  s->ring = setup->ring;
  s->lib = cudnn_load(reason, size);
  if (!s->lib) {
    free(s);
    return NULL;
  }
  const char *const why = make(s, setup->c);
  if (!why) return s;
  (void)snprintf(reason, size, "%s", why);
  release(s);
  return NULL;
}

static bool run(void *opaque, int slot, void *stream) {
  state *const s = opaque;
  const bench_tensors *const t = &s->ring->slots[slot];
  cudnnStatus_t status = s->lib->SetStream(s->handle, stream);
  if (status != CUDNN_STATUS_SUCCESS) return false;
  switch (s->ring->c->pass) {
    case WN_TRAIN:
      status = forward(s, t, t->at[BENCH_Y], t->at[BENCH_SAVED_MEAN], t->at[BENCH_SAVED_RSTD]);
      break;
    case WN_INFER:
      status = infer(s, t);
      break;
    default:
      status = backward(s, t);
      break;
  }
  return status == CUDNN_STATUS_SUCCESS;
}

const bench_peer bench_peer_cudnn = {.name = "cudnn",
                                     .about = "cuDNN's legacy batch norm",
                                     .backend = WN_CUDA,
                                     .ranked = true,
                                     .version = cudnn_version,
                                     .cannot = cannot,
                                     .prepare = prepare,
                                     .run = run,
                                     .writes = bench_writes_rstd,
                                     .release = release};
