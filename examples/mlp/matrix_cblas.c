#include <cblas.h>
#include <stdlib.h>

#include "matrix.h"

/* OpenBLAS's own call. Weak: with another BLAS the symbol is missing, and that library decides on its threads. */
// NOLINTNEXTLINE(readability-redundant-declaration): OpenBLAS's own cblas.h declares it, others do not.
extern void openblas_set_num_threads(int threads) __attribute__((weak));

void matrix_cblas_threads(int threads) {
  if (openblas_set_num_threads) openblas_set_num_threads(threads);
}

void matrix_cblas_multiply(struct machine *machine, const matrix_product *p) {
  (void)machine; /* a BLAS on the processor has no handle and no stream */
  cblas_sgemm(CblasRowMajor, p->a_transposed ? CblasTrans : CblasNoTrans, p->b_transposed ? CblasTrans : CblasNoTrans,
              (int)p->rows, (int)p->columns, (int)p->inner, 1.0f, p->a, (int)(p->a_transposed ? p->rows : p->inner),
              p->b, (int)(p->b_transposed ? p->inner : p->columns), p->add ? 1.0f : 0.0f, p->c, (int)p->columns);
}
