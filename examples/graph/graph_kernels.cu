// Plain CUDA kernels in the words of port.cuh (WN_KERNEL: __global__, wn_thread(): threadIdx.x, ...), so that the tests
// can run them where there is no GPU. Sums have a fixed order: each run has the same bits.
#include "graph_kernels.h"
#include "kernels/cuda/port.cuh"

namespace {

WN_DEVICE int64_t element() { return static_cast<int64_t>(wn_block()) * wn_threads() + wn_thread(); }

WN_KERNEL(GRAPH_THREADS, 1) load_kernel(WN_PARAM(load_job) job) {
  const int64_t i = element();
  if (i < job.count) job.x[i] = job.data[*job.step % job.batches * job.count + i];
}

WN_KERNEL(GRAPH_THREADS, 1) loss_kernel(WN_PARAM(loss_job) job) {
  WN_SHARED(double, sums, GRAPH_THREADS);
  const unsigned thread = wn_thread();
  const float *const target = job.targets + *job.step % job.batches * job.count;
  double sum = 0;
  for (int64_t i = element(); i < job.count; i += static_cast<int64_t>(wn_blocks()) * wn_threads()) {
    const float difference = job.y[i] - target[i];
    job.dy[i] = job.scale * difference;
    sum += static_cast<double>(difference) * difference;
  }
  sums[thread] = sum;
  wn_sync_block();
  for (unsigned half = GRAPH_THREADS / 2; half > 0; half /= 2) {
    if (thread < half) sums[thread] += sums[thread + half];
    wn_sync_block();
  }
  if (thread == 0) job.partial[wn_block()] = sums[0];
}

WN_KERNEL(GRAPH_THREADS, 1) update_kernel(WN_PARAM(update_job) job) {
  const int64_t i = element();
  if (i < job.count) job.value[i] -= job.rate * job.gradient[i];
  if (i != 0) return;
  double sum = 0;
  for (int block = 0; block < GRAPH_LOSS_BLOCKS; block++) sum += job.partial[block];
  job.losses[*job.step] = job.scale * sum;
  ++*job.step;
}

template <class Job>
const void *address(void (*kernel)(Job)) {
  return reinterpret_cast<const void *>(kernel);
}

}  // namespace

const void *graph_kernel_function(graph_kernel kernel) {
  switch (kernel) {
    case GRAPH_LOAD:
      return address(load_kernel);
    case GRAPH_LOSS:
      return address(loss_kernel);
    case GRAPH_UPDATE:
      return address(update_kernel);
  }
  return nullptr;
}
