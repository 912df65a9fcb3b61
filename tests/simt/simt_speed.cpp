/* Prints what the emulator's pieces cost on this machine. */
#include "tests/simt/simt_speed.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "tests/simt/simt.h"

using namespace wn::simt;

namespace {

constexpr unsigned threads = 256;

double run(const speed_case &c, speed_job job, unsigned blocks) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3{blocks, 1, 1};
  config.blockDim = dim3{threads, 1, 1};
  config.dynamicSmemBytes = threads * sizeof(float);
  void *args[] = {&job};
  double best = 1e9;
  for (int i = 0; i < 5; i++) {
    const std::clock_t start = std::clock(); /* of the process: the machine may have other work */
    if (cudaLaunchKernelExC(&config, c.kernel, args) != cudaSuccess) {
      for (const Report &r : reports()) std::fprintf(stderr, "%s\n", describe(r).c_str());
      std::exit(1);
    }
    best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return best;
}

}  // namespace

int main() {
  constexpr unsigned blocks = 16;
  constexpr size_t bytes = size_t{blocks} * threads * 16;
  set_seed(1);
  speed_job job{};
  void *x, *y;
  if (cudaMalloc(&x, bytes) != cudaSuccess || cudaMalloc(&y, bytes) != cudaSuccess ||
      cudaMemset(x, 0, bytes) != cudaSuccess) {
    return 1;
  }
  job.x = static_cast<const float *>(x);
  job.y = static_cast<float *>(y);
  for (size_t i = 0; i < speed_count; i++) {
    const speed_case &c = speed_cases[i];
    job.times = c.times;
    const double s = run(c, job, blocks) / (double{blocks} * threads * c.times * c.parts);
    std::printf("%8.1f ns  %s\n", s * 1e9, c.what);
  }
  std::printf("%8.1f us  a launch of that row in 1 block\n", run(speed_cases[speed_count - 1], job, 1) * 1e6);
  return cudaFree(x) == cudaSuccess && cudaFree(y) == cudaSuccess ? 0 : 1;
}
