#include <cublas_v2.h>

#include "matrix.h"

static bool check(fault *f, cublasStatus_t status, const char *doing) {
  if (status == CUBLAS_STATUS_SUCCESS) return true;
  return fault_set(f, "%s: %s (%d): %s", doing, cublasGetStatusName(status), (int)status,
                   cublasGetStatusString(status));
}

/* The handle's defaults are what the study wants: products in full f32 (TF32 must be asked for), no atomics, and so the
 * same bits in every run on one GPU. */
bool matrix_cublas_open(void **handle, void *stream, fault *f) {
  cublasHandle_t h = NULL;
  *handle = NULL;
  if (!check(f, cublasCreate(&h), "cublasCreate")) return false;
  if (check(f, cublasSetStream(h, stream), "cublasSetStream")) {
    *handle = h;
    return true;
  }
  (void)cublasDestroy(h);
  return false;
}

void matrix_cublas_close(void *handle) {
  if (handle) (void)cublasDestroy(handle);
}

/* cuBLAS counts by columns, and a row-major matrix read by columns is its transpose: it is given c' = B' A'. */
bool matrix_cublas_multiply(void *handle, const matrix_product *p, fault *f) {
  const float one = 1, kept = p->add ? 1 : 0;
  const cublasOperation_t op_a = p->a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t op_b = p->b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const int rows = (int)p->rows, columns = (int)p->columns, inner = (int)p->inner;
  const cublasStatus_t status =
      cublasSgemm(handle, op_b, op_a, columns, rows, inner, &one, p->b, p->b_transposed ? inner : columns, p->a,
                  p->a_transposed ? rows : inner, &kept, p->c, columns);
  return check(f, status, "cublasSgemm");
}
