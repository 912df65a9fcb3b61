/* A cuDNN graph of one normalization, built from backend descriptors. */
#ifndef CUDNN_GRAPH_H
#define CUDNN_GRAPH_H
#include <stdint.h>

#include "cudnn_library.h"

enum { CUDNN_GRAPH_DIMS = 4, CUDNN_GRAPH_MOST_TENSORS = 16 };

/* The tensors of the operation. Their numbers are their identities in the graph. */
typedef enum cudnn_graph_tensor {
  CUDNN_GRAPH_X = 1,
  CUDNN_GRAPH_SCALE,
  CUDNN_GRAPH_BIAS,
  CUDNN_GRAPH_EPSILON,  /* a scalar of the host */
  CUDNN_GRAPH_MOMENTUM, /* likewise */
  CUDNN_GRAPH_MEAN,
  CUDNN_GRAPH_RSTD,
  CUDNN_GRAPH_OLD_MEAN,
  CUDNN_GRAPH_OLD_VAR,
  CUDNN_GRAPH_NEW_MEAN,
  CUDNN_GRAPH_NEW_VAR,
  CUDNN_GRAPH_Y,
  CUDNN_GRAPH_DY,
  CUDNN_GRAPH_DX,
  CUDNN_GRAPH_DSCALE,
  CUDNN_GRAPH_DBIAS
} cudnn_graph_tensor;

typedef struct cudnn_graph_problem {
  cudnnBackendNormMode_t mode;
  bool forward, train, bias, running;
  cudnnDataType_t type; /* of x, y, dy, dx; all others are f32 */
  int64_t dims[CUDNN_GRAPH_DIMS], strides[CUDNN_GRAPH_DIMS];
  int64_t param_dims[CUDNN_GRAPH_DIMS], stat_dims[CUDNN_GRAPH_DIMS]; /* packed */
} cudnn_graph_problem;

typedef struct cudnn_graph {
  const cudnn_library *lib;
  cudnnBackendDescriptor_t tensors[CUDNN_GRAPH_DBIAS + 1];
  cudnnBackendDescriptor_t operation, graph, heuristic, config, plan;
  int64_t ids[CUDNN_GRAPH_MOST_TENSORS]; /* of the tensors that there are */
  int count;
  int64_t work_bytes;
} cudnn_graph;

/* The operation alone: what can be checked without a GPU. CUDNN_STATUS_SUCCESS, or what refused it; `graph` is to be
 * freed either way. */
cudnnStatus_t cudnn_graph_describe(const cudnn_library *lib, const cudnn_graph_problem *problem, cudnn_graph *graph);

/* Chooses an engine: the first that the heuristics offer and that takes the problem. */
cudnnStatus_t cudnn_graph_plan(cudnn_graph *graph, cudnnHandle_t handle);

/* The pointers of a run, in the order of graph->ids. */
cudnnStatus_t cudnn_graph_pack(const cudnn_graph *graph, void *const *pointers, void *work,
                               cudnnBackendDescriptor_t *pack);

void cudnn_graph_free(cudnn_graph *graph);

#endif
