/* cuDNN's graph API: layer, RMS, instance and batch norm as graphs of one operation. */
#include "peer_cudnn_graph.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_peer.h"

typedef struct state {
  const bench_ring *ring;
  const cudnn_library *lib;
  cudnnHandle_t handle;
  cudnn_graph graph;
  void *work;
  cudnnBackendDescriptor_t *packs; /* of each slot */
  float epsilon, momentum;         /* scalars that packs point at */
} state;

static const char *cannot(const bench_case *c) {
  const wn_problem *const p = &c->problem;
  if (p->kind == WN_GROUP) return "its norm operation has no number of groups";
  if (p->kind == WN_BATCH && c->pass != WN_TRAIN && c->pass != WN_BACKWARD)
    return "batch norm from running statistics is a graph of pointwise operations there";
  if ((p->kind == WN_LAYER || p->kind == WN_RMS) && p->layout == WN_NCX && p->x > 1)
    return "normalizes innermost axes only";
  if (p->x_type == WN_F64) return "no f64";
  if (p->act != WN_ACT_NONE) return "a fused activation is not offered for training, and not measured for inference";
  if (p->add != WN_ADD_NONE) return "a fused residual is not offered with a norm";
  if (c->unaligned) return "16-byte alignment is needed";
  return NULL;
}

static cudnnDataType_t type_of(wn_dtype type) {
  return type == WN_F16 ? CUDNN_DATA_HALF : type == WN_BF16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

static cudnnBackendNormMode_t mode_of(wn_kind kind) {
  switch (kind) {
    case WN_BATCH:
      return CUDNN_BATCH_NORM;
    case WN_INSTANCE:
      return CUDNN_INSTANCE_NORM;
    case WN_RMS:
      return CUDNN_RMS_NORM;
    default:
      return CUDNN_LAYER_NORM;
  }
}

static void set_dims(int64_t *to, int64_t n, int64_t c, int64_t h, int64_t w) {
  to[0] = n;
  to[1] = c;
  to[2] = h;
  to[3] = w;
}

void bench_cudnn_graph_problem(const bench_case *c, cudnn_graph_problem *problem) {
  const wn_problem *const p = &c->problem;
  *problem = (cudnn_graph_problem){.mode = mode_of(p->kind),
                                   .forward = bench_forward(c->pass),
                                   .train = c->pass == WN_TRAIN,
                                   .bias = p->kind != WN_RMS,
                                   .running = p->kind == WN_BATCH && c->pass == WN_TRAIN,
                                   .type = type_of(p->x_type)};
  if (p->kind == WN_LAYER || p->kind == WN_RMS) { /* rows of channels */
    set_dims(problem->dims, p->n * p->x, p->c, 1, 1);
    set_dims(problem->strides, p->c, 1, p->c, p->c);
    set_dims(problem->stat_dims, p->n * p->x, 1, 1, 1);
  } else {
    set_dims(problem->dims, p->n, p->c, 1, p->x);
    if (p->layout == WN_NCX) set_dims(problem->strides, p->c * p->x, p->x, p->x, 1);
    if (p->layout == WN_NXC) set_dims(problem->strides, p->c * p->x, 1, p->c * p->x, p->c);
    set_dims(problem->stat_dims, p->kind == WN_BATCH ? 1 : p->n, p->c, 1, 1);
  }
  set_dims(problem->param_dims, 1, p->c, 1, 1);
}

static void *pointer_of(state *s, const bench_tensors *t, int64_t id) {
  const bool forward = bench_forward(s->ring->c->pass);
  switch ((cudnn_graph_tensor)id) {
    case CUDNN_GRAPH_X:
      return t->at[BENCH_X];
    case CUDNN_GRAPH_SCALE:
      return t->at[BENCH_GAMMA];
    case CUDNN_GRAPH_BIAS:
      return t->at[BENCH_BETA];
    case CUDNN_GRAPH_EPSILON:
      return &s->epsilon;
    case CUDNN_GRAPH_MOMENTUM:
      return &s->momentum;
    case CUDNN_GRAPH_MEAN:
      return t->at[forward ? BENCH_SAVED_MEAN : BENCH_MEAN];
    case CUDNN_GRAPH_RSTD:
      return t->at[forward ? BENCH_SAVED_RSTD : BENCH_RSTD];
    case CUDNN_GRAPH_OLD_MEAN: /* updated in place */
    case CUDNN_GRAPH_NEW_MEAN:
      return t->at[BENCH_RUNNING_MEAN];
    case CUDNN_GRAPH_OLD_VAR:
    case CUDNN_GRAPH_NEW_VAR:
      return t->at[BENCH_RUNNING_VAR];
    case CUDNN_GRAPH_Y:
      return t->at[BENCH_Y];
    case CUDNN_GRAPH_DY:
      return t->at[BENCH_DY];
    case CUDNN_GRAPH_DX:
      return t->at[BENCH_DX];
    case CUDNN_GRAPH_DSCALE:
      return t->at[BENCH_DGAMMA];
    case CUDNN_GRAPH_DBIAS:
      return t->at[BENCH_DBETA];
  }
  return NULL;
}

static cudnnStatus_t make_packs(state *s) {
  s->packs = calloc((size_t)s->ring->count, sizeof(cudnnBackendDescriptor_t));
  cudnnStatus_t status = s->packs ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
  for (int slot = 0; slot < s->ring->count && status == CUDNN_STATUS_SUCCESS; slot++) {
    void *pointers[CUDNN_GRAPH_MOST_TENSORS];
    for (int i = 0; i < s->graph.count; i++) pointers[i] = pointer_of(s, &s->ring->slots[slot], s->graph.ids[i]);
    status = cudnn_graph_pack(&s->graph, pointers, s->work, &s->packs[slot]);
  }
  return status;
}

static void release(void *opaque) {
  state *const s = opaque;
  for (int slot = 0; s->packs && slot < s->ring->count; slot++)
    if (s->packs[slot]) (void)s->lib->BackendDestroyDescriptor(s->packs[slot]);
  free(s->packs);
  if (s->graph.lib) cudnn_graph_free(&s->graph);
  if (s->handle) (void)s->lib->Destroy(s->handle);
  (void)cudaFree(s->work);
  free(s);
}

static cudnnStatus_t make(state *s, const bench_case *c) {
  cudnn_graph_problem problem;
  bench_cudnn_graph_problem(c, &problem);
  cudnnStatus_t status = s->lib->Create(&s->handle);
  if (status == CUDNN_STATUS_SUCCESS) status = cudnn_graph_describe(s->lib, &problem, &s->graph);
  if (status == CUDNN_STATUS_SUCCESS) status = cudnn_graph_plan(&s->graph, s->handle);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  if (s->graph.work_bytes > 0 && cudaMalloc(&s->work, (size_t)s->graph.work_bytes) != cudaSuccess)
    return CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
  return make_packs(s);
}

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  state *const s = bench_peer_state(sizeof *s, reason, size);
  if (!s) return NULL;
  s->ring = setup->ring;
  s->epsilon = (float)setup->c->problem.eps;
  s->momentum = (float)setup->c->problem.momentum;
  s->lib = cudnn_load(reason, size);
  if (!s->lib) {
    free(s);
    return NULL;
  }
  const cudnnStatus_t status = make(s, setup->c);
  if (status == CUDNN_STATUS_SUCCESS) return s;
  (void)snprintf(reason, size, "%s", s->lib->GetErrorString(status));
  release(s);
  return NULL;
}

static bool run(void *opaque, int slot, void *stream) {
  state *const s = opaque;
  return s->lib->SetStream(s->handle, stream) == CUDNN_STATUS_SUCCESS &&
         s->lib->BackendExecute(s->handle, s->graph.plan, s->packs[slot]) == CUDNN_STATUS_SUCCESS;
}

const bench_peer bench_peer_cudnn_graph = {.name = "cudnn-graph",
                                           .about = "cuDNN's graph API, one norm operation",
                                           .backend = WN_CUDA,
                                           .ranked = true,
                                           .version = cudnn_version,
                                           .cannot = cannot,
                                           .prepare = prepare,
                                           .run = run,
                                           .writes = bench_writes_rstd,
                                           .release = release};
