/* A CUDA program with a runtime, a stream and kernels of its own, which has rows normalized on that stream. Any of
 * these builds it:
 *
 *   cmake -S . -B build -DCMAKE_PREFIX_PATH=<prefix> && cmake --build build
 *   nvcc -cudart shared link_cuda.cu -lwarpnorm
 *
 * Its first kernel makes x and dy, the library trains a layer norm forward and backward, its last kernel makes a step
 * of x against the gradient. Nothing waits in between. The host computes the same in double and compares. Status 77:
 * there is no GPU that the library can use. */
#include <cuda_runtime.h>
#include <warpnorm.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr int kRows = 1000, kChannels = 768, kElements = kRows * kChannels;
constexpr float kRate = 0.25f;
constexpr std::size_t kBytes = kElements * sizeof(float);

void check(cudaError_t error) {
  if (error == cudaSuccess) return;
  std::fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(error));
  std::exit(1);
}

void check(wn_status status) {
  if (status == WN_OK) return;
  std::fprintf(stderr, "warpnorm: %s: %s\n", wn_status_text(status), wn_last_error());
  std::exit(status == WN_ERR_NO_DEVICE ? 77 : 1);
}

/* ---- the program's own arithmetic */

/* Numbers of which none is like its neighbours, the same on both sides: integers below 2^24, times a power of two. */
__host__ __device__ float number(int i, int factor) { return static_cast<float>((i * factor) % 1009 - 504) / 256; }

__global__ void make_kernel(float *x, float *dy) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= kElements) return;
  x[i] = number(i, 17) + 3;
  dy[i] = number(i, 29);
}

__global__ void step_kernel(float *x, const float *dx) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < kElements) x[i] -= kRate * dx[i];
}

/* ---- the library's */

struct Buffers {
  float *x, *y, *dy, *dx, *mean, *rstd;
  void *work;
};

void allocate(float **out, int count, cudaStream_t stream) {
  check(cudaMallocAsync(reinterpret_cast<void **>(out), static_cast<std::size_t>(count) * sizeof(float), stream));
}

void train(const wn_plan *plan, const Buffers &b, std::size_t work_bytes, cudaStream_t stream) {
  wn_forward_args forward = WN_FORWARD_INIT;
  forward.x = b.x;
  forward.y = b.y;
  forward.mean = b.mean;
  forward.rstd = b.rstd;
  check(wn_train(plan, &forward, b.work, work_bytes, stream));
  wn_backward_args backward = WN_BACKWARD_INIT;
  backward.x = b.x;
  backward.dy = b.dy;
  backward.mean = b.mean;
  backward.rstd = b.rstd;
  backward.dx = b.dx;
  check(wn_backward(plan, &backward, b.work, work_bytes, stream));
}

/* ---- what it should be */

struct Expected {
  double y[kChannels], x[kChannels];
};

Expected expect(int row, double eps) {
  Expected e;
  double sum = 0, squares = 0, g = 0, gxhat = 0;
  const int first = row * kChannels;
  for (int c = 0; c < kChannels; c++) sum += number(first + c, 17) + 3;
  const double mean = sum / kChannels;
  for (int c = 0; c < kChannels; c++) squares += std::pow(number(first + c, 17) + 3 - mean, 2);
  const double rstd = 1 / std::sqrt(squares / kChannels + eps);
  for (int c = 0; c < kChannels; c++) {
    e.y[c] = (number(first + c, 17) + 3 - mean) * rstd;
    g += number(first + c, 29) / kChannels;
    gxhat += number(first + c, 29) * e.y[c] / kChannels;
  }
  for (int c = 0; c < kChannels; c++) {
    const double dx = rstd * (number(first + c, 29) - g - e.y[c] * gxhat);
    e.x[c] = number(first + c, 17) + 3 - kRate * dx;
  }
  return e;
}

double largest_error(const std::vector<float> &y, const std::vector<float> &x, double eps) {
  double error = 0;
  for (int row = 0; row < kRows; row++) {
    const Expected e = expect(row, eps);
    for (int c = 0; c < kChannels; c++) {
      const std::size_t i = static_cast<std::size_t>(row) * kChannels + static_cast<std::size_t>(c);
      error = std::fmax(error, std::fabs(y[i] - e.y[c]));
      error = std::fmax(error, std::fabs(x[i] - e.x[c]));
      if (std::isnan(y[i]) || std::isnan(x[i])) return y[i] + x[i];
    }
  }
  return error;
}

}  // namespace

int main() {
  wn_device *device = nullptr;
  check(wn_device_open(&device, WN_CUDA, 0));
  wn_problem problem = WN_PROBLEM_INIT;
  problem.kind = WN_LAYER;
  problem.n = kRows;
  problem.c = kChannels;
  wn_plan *plan = nullptr;
  check(wn_plan_create(&plan, device, &problem));
  const std::size_t forward_bytes = wn_plan_workspace(plan, WN_TRAIN);
  const std::size_t backward_bytes = wn_plan_workspace(plan, WN_BACKWARD);
  const std::size_t work_bytes = forward_bytes > backward_bytes ? forward_bytes : backward_bytes;

  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  Buffers b = {};
  for (float **tensor : {&b.x, &b.y, &b.dy, &b.dx}) allocate(tensor, kElements, stream);
  for (float **statistic : {&b.mean, &b.rstd}) allocate(statistic, kRows, stream);
  if (work_bytes > 0) check(cudaMallocAsync(&b.work, work_bytes, stream));

  constexpr int kBlock = 256, kGrid = (kElements + kBlock - 1) / kBlock;
  make_kernel<<<kGrid, kBlock, 0, stream>>>(b.x, b.dy);
  check(cudaGetLastError());
  train(plan, b, work_bytes, stream);
  step_kernel<<<kGrid, kBlock, 0, stream>>>(b.x, b.dx);
  check(cudaGetLastError());

  std::vector<float> y(kElements), x(kElements);
  check(cudaMemcpyAsync(y.data(), b.y, kBytes, cudaMemcpyDeviceToHost, stream));
  check(cudaMemcpyAsync(x.data(), b.x, kBytes, cudaMemcpyDeviceToHost, stream));
  for (float *buffer : {b.x, b.y, b.dy, b.dx, b.mean, b.rstd}) check(cudaFreeAsync(buffer, stream));
  if (b.work != nullptr) check(cudaFreeAsync(b.work, stream));
  check(cudaStreamSynchronize(stream));
  check(cudaStreamDestroy(stream));
  const double error = largest_error(y, x, problem.eps);
  std::printf("%s: largest error %.1e\n", wn_device_text(device), error);
  wn_plan_destroy(plan);
  wn_device_close(device);
  return error < 1e-5 ? 0 : 1;
}
