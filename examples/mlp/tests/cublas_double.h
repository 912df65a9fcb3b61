// A stand-in for the functions of cuBLAS that the study calls, on the emulated GPU: a product is a kernel of its own,
// so that the emulator watches what it reads and writes.
#ifndef WN_CUBLAS_DOUBLE_H
#define WN_CUBLAS_DOUBLE_H
#include <cublas_v2.h>

namespace wn {

// c = alpha op(a) op(b) + beta c by columns, as BLAS has it; with beta = 0 c is not read.
struct SgemmJob {
  int rows, columns, inner;
  bool a_transposed, b_transposed;
  float alpha, beta;
  const float *a, *b;
  float *c;
  int lda, ldb, ldc;
};
constexpr int kSgemmThreads = 128;  // of a block; a thread an element of c
const void *SgemmKernel();

// The next call, of any function, fails with this.
void FailCublas(cublasStatus_t status);
// Handles that were created and not destroyed.
int LiveCublasHandles();

}  // namespace wn
#endif
