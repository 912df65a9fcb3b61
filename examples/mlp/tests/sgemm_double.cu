// The stand-in's product. Sums in float64, rounded once: within what any order of float32 sums may give.
#include "cublas_double.h"
#include "kernels/cuda/port.cuh"

namespace {

WN_DEVICE float at(const float *matrix, int ld, bool transposed, int64_t row, int64_t column) {
  return transposed ? matrix[column + row * ld] : matrix[row + column * ld];
}

WN_KERNEL(wn::kSgemmThreads, 1) sgemm_kernel(WN_PARAM(wn::SgemmJob) job) {
  const int64_t i = static_cast<int64_t>(wn_block()) * wn_threads() + wn_thread();
  const int64_t row = i % job.rows, column = i / job.rows;
  if (column >= job.columns) return;
  double sum = 0;
  for (int64_t k = 0; k < job.inner; k++) {
    sum += static_cast<double>(at(job.a, job.lda, job.a_transposed, row, k)) *
           at(job.b, job.ldb, job.b_transposed, k, column);
  }
  float *const c = job.c + row + column * job.ldc;
  *c = static_cast<float>(job.beta == 0 ? job.alpha * sum : job.alpha * sum + job.beta * *c);
}

}  // namespace

const void *wn::SgemmKernel() { return reinterpret_cast<const void *>(sgemm_kernel); }
