/* Matrix products on device memory: the one thing that the study takes from a BLAS. Row-major, f32, packed rows. Sizes
 * must fit an int (the options see to it). */
#ifndef MATRIX_H
#define MATRIX_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

struct machine;

/* c (rows x columns) = A B, or c + A B when `add`. A is rows x inner, stored the other way round (inner x rows) when
 * a_transposed; B is inner x columns, stored as columns x inner when b_transposed. */
typedef struct matrix_product {
  int64_t rows, columns, inner;
  const float *a, *b;
  float *c;
  bool a_transposed, b_transposed, add;
} matrix_product;

/* The processor's: a CBLAS. */
void matrix_cblas_threads(int threads); /* of the BLAS, where it can be told */
void matrix_cblas_multiply(struct machine *, const matrix_product *);

/* A GPU's: cuBLAS, on the stream and the GPU that were current when its handle was opened. */
bool matrix_cublas_open(void **handle, void *stream, fault *);
void matrix_cublas_close(void *handle); /* NULL is fine */
bool matrix_cublas_multiply(void *handle, const matrix_product *, fault *);

#endif
