/* What the graph API's peer asks cuDNN for: shown to the tests, which have cuDNN and no GPU. */
#ifndef PEER_CUDNN_GRAPH_H
#define PEER_CUDNN_GRAPH_H
#include "bench_case.h"
#include "cudnn_graph.h"

void bench_cudnn_graph_problem(const bench_case *c, cudnn_graph_problem *problem);

#endif
