/* A case in oneDNN's words. */
#ifndef ONEDNN_PROBLEM_H
#define ONEDNN_PROBLEM_H
#include "bench_case.h"
#include "onednn_api.h"

/* Batch norm can take relu with it; it then keeps the signs in a workspace of its own. */
bool onednn_fused_relu(const bench_case *c);

/* blocked: in the layout that it likes best. */
onednn_norm onednn_norm_of(const bench_case *c, bool blocked);

#endif
