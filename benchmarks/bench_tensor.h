/* The arrays of a case: what a pass is given and what it returns, each packed in the case's layout. */
#ifndef BENCH_TENSOR_H
#define BENCH_TENSOR_H
#include "bench_case.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bench_role {
  BENCH_X, /* backward with add-before: the stored sum */
  BENCH_RESIDUAL,
  BENCH_DY,
  BENCH_DSUM,
  BENCH_GAMMA,
  BENCH_BETA,
  BENCH_MEAN, /* what backward is given of the statistics: mean and rstd, and for libraries that keep it the variance */
  BENCH_RSTD,
  BENCH_VAR,
  BENCH_RUNNING_MEAN, /* train updates them */
  BENCH_RUNNING_VAR,
  BENCH_Y,
  BENCH_SUM,
  BENCH_SAVED_MEAN, /* what training saves, in either form */
  BENCH_SAVED_RSTD,
  BENCH_SAVED_VAR,
  BENCH_DX,
  BENCH_DRESIDUAL,
  BENCH_DGAMMA,
  BENCH_DBETA,
  BENCH_ROLES
} bench_role;

typedef struct bench_tensors {
  void *at[BENCH_ROLES]; /* NULL: the case has no such array */
} bench_tensors;

typedef struct bench_array {
  int64_t count; /* elements; 0: the case has no such array */
  wn_dtype type;
  bool given;  /* has a value before the call */
  bool tensor; /* of the size of x: it is these that caches hold or do not */
} bench_array;

bench_array bench_array_of(const bench_case *c, bench_role role);
size_t bench_array_bytes(const bench_case *c, bench_role role);
const char *bench_role_name(bench_role role);

/* All arrays of a case together. */
size_t bench_case_bytes(const bench_case *c);

#ifdef __cplusplus
}
#endif

#endif
