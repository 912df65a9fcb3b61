/* The roof on a GPU: see bench_copy.h. */
#ifndef BENCH_COPY_CUH
#define BENCH_COPY_CUH
#include "benchmarks/bench_copy.h"

#ifdef __cplusplus
extern "C" {
#endif
/* Enqueues the copy; false: the launch failed. Arrays lie alike: their addresses leave the same rest by 16. */
bool bench_copy_cuda(const bench_copy *copy, int multiprocessors, void *stream);
#ifdef __cplusplus
}
#endif
#endif
