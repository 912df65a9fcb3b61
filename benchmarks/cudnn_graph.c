#include "cudnn_graph.h"

#include <string.h>

typedef cudnnBackendDescriptor_t descriptor;

/* A descriptor that is filled in step by step; the first failure stays. */
typedef struct builder {
  const cudnn_library *lib;
  descriptor made;
  cudnnStatus_t status;
} builder;

static builder begin(const cudnn_library *lib, cudnnBackendDescriptorType_t type) {
  builder b = {.lib = lib};
  b.status = lib->BackendCreateDescriptor(type, &b.made);
  return b;
}

static void set(builder *b, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                const void *values) {
  if (b->status == CUDNN_STATUS_SUCCESS) b->status = b->lib->BackendSetAttribute(b->made, name, type, count, values);
}

static void set_descriptor(builder *b, cudnnBackendAttributeName_t name, descriptor value) {
  if (value) set(b, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static cudnnStatus_t finish(builder *b, descriptor *made) {
  if (b->status == CUDNN_STATUS_SUCCESS) b->status = b->lib->BackendFinalize(b->made);
  *made = b->made;
  return b->status;
}

/* ---- tensors */

static cudnnStatus_t add_tensor(cudnn_graph *g, cudnn_graph_tensor id, cudnnDataType_t type, const int64_t *dims,
                                const int64_t *strides, bool by_value) {
  const int64_t alignment = 16, unique = id;
  builder b = begin(g->lib, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  set(&b, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  set(&b, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, CUDNN_GRAPH_DIMS, dims);
  set(&b, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, CUDNN_GRAPH_DIMS, strides);
  set(&b, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &unique);
  set(&b, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
  if (by_value) set(&b, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &by_value);
  const cudnnStatus_t status = finish(&b, &g->tensors[id]);
  if (status == CUDNN_STATUS_SUCCESS) g->ids[g->count++] = id;
  return status;
}

/* Packed, with the channels innermost where there is a choice. */
static cudnnStatus_t add_vector(cudnn_graph *g, cudnn_graph_tensor id, const int64_t *dims) {
  const int64_t c = dims[1], x = dims[2] * dims[3];
  const int64_t strides[CUDNN_GRAPH_DIMS] = {c * x, 1, c * dims[3], c};
  return add_tensor(g, id, CUDNN_DATA_FLOAT, dims, strides, false);
}

static cudnnStatus_t add_scalar(cudnn_graph *g, cudnn_graph_tensor id) {
  const int64_t ones[CUDNN_GRAPH_DIMS] = {1, 1, 1, 1};
  return add_tensor(g, id, CUDNN_DATA_FLOAT, ones, ones, true);
}

/* What an operation has of tensors, in one list. */
static cudnnStatus_t add_tensors(const cudnn_graph_problem *p, cudnn_graph *g) {
  const struct {
    cudnn_graph_tensor id;
    bool present;
    enum { DATA, PARAM, STATISTIC, SCALAR } what;
  } list[] = {{CUDNN_GRAPH_X, true, DATA},
              {CUDNN_GRAPH_SCALE, true, PARAM},
              {CUDNN_GRAPH_BIAS, p->forward && p->bias, PARAM},
              {CUDNN_GRAPH_EPSILON, p->forward, SCALAR},
              {CUDNN_GRAPH_MOMENTUM, p->running, SCALAR},
              {CUDNN_GRAPH_MEAN, p->mode != CUDNN_RMS_NORM && (!p->forward || p->train), STATISTIC},
              {CUDNN_GRAPH_RSTD, !p->forward || p->train, STATISTIC},
              {CUDNN_GRAPH_OLD_MEAN, p->running, STATISTIC},
              {CUDNN_GRAPH_OLD_VAR, p->running, STATISTIC},
              {CUDNN_GRAPH_NEW_MEAN, p->running, STATISTIC},
              {CUDNN_GRAPH_NEW_VAR, p->running, STATISTIC},
              {CUDNN_GRAPH_Y, p->forward, DATA},
              {CUDNN_GRAPH_DY, !p->forward, DATA},
              {CUDNN_GRAPH_DX, !p->forward, DATA},
              {CUDNN_GRAPH_DSCALE, !p->forward, PARAM},
              {CUDNN_GRAPH_DBIAS, !p->forward && p->bias, PARAM}};
  cudnnStatus_t status = CUDNN_STATUS_SUCCESS;
  for (size_t i = 0; i < sizeof list / sizeof *list && status == CUDNN_STATUS_SUCCESS; i++) {
    if (!list[i].present) continue;
    if (list[i].what == DATA) status = add_tensor(g, list[i].id, p->type, p->dims, p->strides, false);
    if (list[i].what == PARAM) status = add_vector(g, list[i].id, p->param_dims);
    if (list[i].what == STATISTIC) status = add_vector(g, list[i].id, p->stat_dims);
    if (list[i].what == SCALAR) status = add_scalar(g, list[i].id);
  }
  return status;
}

/* ---- the operation */

static cudnnStatus_t describe_forward(const cudnn_graph_problem *p, cudnn_graph *g) {
  const cudnnBackendNormFwdPhase_t phase = p->train ? CUDNN_NORM_FWD_TRAINING : CUDNN_NORM_FWD_INFERENCE;
  const descriptor *const t = g->tensors;
  builder b = begin(g->lib, CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR);
  set(&b, CUDNN_ATTR_OPERATION_NORM_FWD_MODE, CUDNN_TYPE_NORM_MODE, 1, &p->mode);
  set(&b, CUDNN_ATTR_OPERATION_NORM_FWD_PHASE, CUDNN_TYPE_NORM_FWD_PHASE, 1, &phase);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_XDESC, t[CUDNN_GRAPH_X]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC, t[CUDNN_GRAPH_MEAN]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC, t[CUDNN_GRAPH_RSTD]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC, t[CUDNN_GRAPH_SCALE]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC, t[CUDNN_GRAPH_BIAS]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC, t[CUDNN_GRAPH_EPSILON]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_EXP_AVG_FACTOR_DESC, t[CUDNN_GRAPH_MOMENTUM]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_MEAN_DESC, t[CUDNN_GRAPH_OLD_MEAN]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_INPUT_RUNNING_VAR_DESC, t[CUDNN_GRAPH_OLD_VAR]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_MEAN_DESC, t[CUDNN_GRAPH_NEW_MEAN]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_OUTPUT_RUNNING_VAR_DESC, t[CUDNN_GRAPH_NEW_VAR]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_FWD_YDESC, t[CUDNN_GRAPH_Y]);
  return finish(&b, &g->operation);
}

static cudnnStatus_t describe_backward(const cudnn_graph_problem *p, cudnn_graph *g) {
  const descriptor *const t = g->tensors;
  builder b = begin(g->lib, CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR);
  set(&b, CUDNN_ATTR_OPERATION_NORM_BWD_MODE, CUDNN_TYPE_NORM_MODE, 1, &p->mode);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_BWD_XDESC, t[CUDNN_GRAPH_X]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC, t[CUDNN_GRAPH_MEAN]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC, t[CUDNN_GRAPH_RSTD]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC, t[CUDNN_GRAPH_DY]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC, t[CUDNN_GRAPH_SCALE]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC, t[CUDNN_GRAPH_DSCALE]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC, t[CUDNN_GRAPH_DBIAS]);
  set_descriptor(&b, CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC, t[CUDNN_GRAPH_DX]);
  return finish(&b, &g->operation);
}

cudnnStatus_t cudnn_graph_describe(const cudnn_library *lib, const cudnn_graph_problem *problem, cudnn_graph *graph) {
  *graph = (cudnn_graph){.lib = lib};
  const cudnnStatus_t status = add_tensors(problem, graph);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  return problem->forward ? describe_forward(problem, graph) : describe_backward(problem, graph);
}

/* ---- the plan */

static cudnnStatus_t make_graph(cudnn_graph *g, cudnnHandle_t handle) {
  builder b = begin(g->lib, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  set(&b, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  set_descriptor(&b, CUDNN_ATTR_OPERATIONGRAPH_OPS, g->operation);
  return finish(&b, &g->graph);
}

static void destroy(const cudnn_library *lib, descriptor *d) {
  if (*d) (void)lib->BackendDestroyDescriptor(*d);
  *d = NULL;
}

static cudnnStatus_t make_plan(cudnn_graph *g, cudnnHandle_t handle) {
  builder b = begin(g->lib, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  set(&b, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &handle);
  set_descriptor(&b, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, g->config);
  cudnnStatus_t status = finish(&b, &g->plan);
  int64_t found = 0;
  if (status == CUDNN_STATUS_SUCCESS)
    status = g->lib->BackendGetAttribute(g->plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &found,
                                         &g->work_bytes);
  return status;
}

enum { MOST_CONFIGS = 8 };

/* Tries what one kind of heuristics offers, in its order. */
static cudnnStatus_t try_mode(cudnn_graph *g, cudnnHandle_t handle, cudnnBackendHeurMode_t mode) {
  const cudnn_library *const lib = g->lib;
  builder b = begin(lib, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  set_descriptor(&b, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, g->graph);
  set(&b, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  destroy(lib, &g->heuristic);
  cudnnStatus_t status = finish(&b, &g->heuristic);
  descriptor configs[MOST_CONFIGS] = {NULL};
  int64_t found = 0;
  for (int i = 0; i < MOST_CONFIGS && status == CUDNN_STATUS_SUCCESS; i++)
    status = lib->BackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &configs[i]);
  if (status == CUDNN_STATUS_SUCCESS)
    status = lib->BackendGetAttribute(g->heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                      MOST_CONFIGS, &found, configs);
  if (status == CUDNN_STATUS_SUCCESS) status = CUDNN_STATUS_NOT_SUPPORTED;
  for (int64_t i = 0; i < found && status != CUDNN_STATUS_SUCCESS; i++) {
    g->config = configs[i];
    status = make_plan(g, handle);
    if (status == CUDNN_STATUS_SUCCESS) {
      configs[i] = NULL; /* the graph's from now on */
    } else {
      g->config = NULL;
      destroy(lib, &g->plan);
    }
  }
  for (int i = 0; i < MOST_CONFIGS; i++) destroy(lib, &configs[i]);
  return status;
}

cudnnStatus_t cudnn_graph_plan(cudnn_graph *graph, cudnnHandle_t handle) {
  cudnnStatus_t status = make_graph(graph, handle);
  if (status == CUDNN_STATUS_SUCCESS) status = try_mode(graph, handle, CUDNN_HEUR_MODE_A);
  if (status != CUDNN_STATUS_SUCCESS && graph->graph) status = try_mode(graph, handle, CUDNN_HEUR_MODE_FALLBACK);
  return status;
}

cudnnStatus_t cudnn_graph_pack(const cudnn_graph *graph, void *const *pointers, void *work, descriptor *pack) {
  builder b = begin(graph->lib, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  set(&b, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, graph->count, graph->ids);
  set(&b, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, graph->count, pointers);
  set(&b, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &work);
  return finish(&b, pack);
}

void cudnn_graph_free(cudnn_graph *graph) {
  const cudnn_library *const lib = graph->lib;
  destroy(lib, &graph->plan);
  destroy(lib, &graph->config);
  destroy(lib, &graph->heuristic);
  destroy(lib, &graph->graph);
  destroy(lib, &graph->operation);
  for (size_t i = 0; i < sizeof graph->tensors / sizeof *graph->tensors; i++) destroy(lib, &graph->tensors[i]);
  memset(graph, 0, sizeof *graph);
}
