#include <cuda_runtime_api.h>

#include "benchmarks/bench_copy.cuh"
#include "kernels/cuda/port.cuh"

namespace {

constexpr unsigned kThreads = 256, kBlocksPerMultiprocessor = 8;

/* Elements have 2 bytes at least, and so has what lies before the first 16-byte boundary and after the last. */
struct CopyJob {
  bench_copy copy;
  size_t head, vectors; /* bytes before the first vector; vectors of 16 bytes */
};

WN_DEVICE uint4 combined(uint4 a, uint4 b) { return make_uint4(a.x ^ b.x, a.y ^ b.y, a.z ^ b.z, a.w ^ b.w); }

template <class T>
WN_DEVICE const T *at(const void *array, size_t byte) {
  return reinterpret_cast<const T *>(static_cast<const char *>(array) + byte);
}
template <class T>
WN_DEVICE T *at(void *array, size_t byte) {
  return reinterpret_cast<T *>(static_cast<char *>(array) + byte);
}

WN_DEVICE void copy_vector(const bench_copy &copy, size_t byte) {
  uint4 v = wn_load_last(at<uint4>(copy.in[0], byte));
  for (int i = 1; i < copy.ins; i++) v = combined(v, wn_load_last(at<uint4>(copy.in[i], byte)));
  for (int i = 0; i < copy.outs; i++) wn_store_last(at<uint4>(copy.out[i], byte), v);
}

WN_DEVICE void copy_pair(const bench_copy &copy, size_t byte) {
  unsigned v = *at<uint16_t>(copy.in[0], byte);
  for (int i = 1; i < copy.ins; i++) v ^= *at<uint16_t>(copy.in[i], byte);
  for (int i = 0; i < copy.outs; i++) *at<uint16_t>(copy.out[i], byte) = static_cast<uint16_t>(v);
}

WN_KERNEL(kThreads, kBlocksPerMultiprocessor) copy_kernel(WN_PARAM(CopyJob) job) {
  const size_t me = static_cast<size_t>(wn_block()) * wn_threads() + wn_thread();
  const size_t all = static_cast<size_t>(wn_blocks()) * wn_threads();
  for (size_t v = me; v < job.vectors; v += all) copy_vector(job.copy, job.head + 16 * v);
  const size_t tail = job.head + 16 * job.vectors;
  const size_t pairs = (job.head + job.copy.bytes - tail) / 2; /* fewer than 16 */
  if (me < pairs) copy_pair(job.copy, 2 * me < job.head ? 2 * me : tail + 2 * me - job.head);
}

}  // namespace

bool bench_copy_cuda(const bench_copy *copy, int multiprocessors, void *stream) {
  CopyJob job = {};
  job.copy = *copy;
  const size_t head = (16 - reinterpret_cast<uintptr_t>(copy->in[0]) % 16) % 16;
  job.head = head < copy->bytes ? head : copy->bytes;
  job.vectors = (copy->bytes - job.head) / 16;
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(multiprocessors) * kBlocksPerMultiprocessor);
  config.blockDim = dim3(kThreads);
  config.stream = static_cast<cudaStream_t>(stream);
  void *arguments[] = {&job};
  return cudaLaunchKernelExC(&config, reinterpret_cast<const void *>(copy_kernel), arguments) == cudaSuccess;
}
