/* The emulated runtime, as host/device_cuda.c uses it. */
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/simt/simt.h"
#include "tests/simt/simt_machine.h"
#include "tests/simt/simt_traps.h"

namespace wn::simt {
namespace {

class Runtime : public testing::Test {
 protected:
  void SetUp() override {
    set_driver(13000);
    set_devices({toy()});
    before_ = live_allocations();
  }
  void TearDown() override {
    set_driver(13000);
    set_devices({toy()});
    EXPECT_EQ(live_allocations(), before_);
  }
  int before_ = 0;
};

cudaError_t launch_plain(trap_job *job, cudaStream_t stream, unsigned blocks = 2) {
  cudaLaunchConfig_t config{};
  config.gridDim = dim3{blocks, 1, 1};
  config.blockDim = dim3{64, 1, 1};
  config.stream = stream;
  void *args[] = {job};
  return cudaLaunchKernelExC(&config, trap_plain_kernel, args);
}

template <class T>
T *allocate(size_t n) {
  void *p = nullptr;
  EXPECT_EQ(cudaMalloc(&p, n * sizeof(T)), cudaSuccess);
  return static_cast<T *>(p);
}

TEST_F(Runtime, WithoutADriverThereIsNoDevice) {
  set_driver(0);
  int n = 7, version = 7;
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
  EXPECT_EQ(n, 0);
  EXPECT_EQ(cudaDriverGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, 0);
  EXPECT_EQ(cudaRuntimeGetVersion(&version), cudaSuccess);
  EXPECT_EQ(version, CUDART_VERSION);
  void *p = nullptr;
  EXPECT_EQ(cudaMalloc(&p, 16), cudaErrorInsufficientDriver);
  set_driver(12040);
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
  set_driver(13000);
  set_devices({});
  EXPECT_EQ(cudaGetDeviceCount(&n), cudaErrorNoDevice);
}

TEST_F(Runtime, DevicesSayTheirFigures) {
  set_devices({h100(), t4()});
  int n = 0, value = 0;
  ASSERT_EQ(cudaGetDeviceCount(&n), cudaSuccess);
  EXPECT_EQ(n, 2);
  cudaDeviceProp p;
  ASSERT_EQ(cudaGetDeviceProperties(&p, 1), cudaSuccess);
  EXPECT_STREQ(p.name, "Tesla T4");
  EXPECT_EQ(p.multiProcessorCount, 40);
  EXPECT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrClusterLaunch, 0), cudaSuccess);
  EXPECT_EQ(value, 1);
  EXPECT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMaxSharedMemoryPerBlockOptin, 1), cudaSuccess);
  EXPECT_EQ(value, 65536);
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(cudaGetDevice(&n), cudaSuccess);
  EXPECT_EQ(n, 1);
}

TEST_F(Runtime, LaunchesAndCopies) {
  trap_job job{};
  job.x = allocate<float>(128);
  job.y = allocate<float>(128);
  std::vector<float> in(128, 2.5f), out(128);
  EXPECT_EQ(cudaMemcpyAsync(job.x, in.data(), 512, cudaMemcpyHostToDevice, nullptr), cudaSuccess);
  EXPECT_EQ(launch_plain(&job, nullptr), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(nullptr), cudaSuccess);
  EXPECT_EQ(cudaMemcpy(out.data(), job.y, 512, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(out, in);
  EXPECT_EQ(launches(), 1);
  EXPECT_EQ(cudaFree(job.x), cudaSuccess);
  EXPECT_EQ(cudaFree(job.y), cudaSuccess);
}

TEST_F(Runtime, ThreadsOfTheHostTakeTurns) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([t] {
      trap_job job{};
      job.x = allocate<float>(128);
      job.y = allocate<float>(128);
      const std::vector<float> in(128, static_cast<float>(t));
      std::vector<float> out(128);
      for (int i = 0; i < 20; i++) {
        EXPECT_EQ(cudaMemcpy(job.x, in.data(), 512, cudaMemcpyHostToDevice), cudaSuccess);
        EXPECT_EQ(launch_plain(&job, nullptr), cudaSuccess);
        EXPECT_EQ(cudaMemcpy(out.data(), job.y, 512, cudaMemcpyDeviceToHost), cudaSuccess);
        EXPECT_EQ(out, in);
      }
      EXPECT_EQ(cudaFree(job.x), cudaSuccess);
      EXPECT_EQ(cudaFree(job.y), cudaSuccess);
    });
  }
  for (std::thread &t : threads) t.join();
  EXPECT_EQ(launches(), 80);
}

TEST_F(Runtime, StampsMayRunOut) {
  trap_job job{};
  job.x = allocate<float>(128);
  job.y = allocate<float>(128);
  EXPECT_EQ(cudaMemset(job.x, 0, 256), cudaSuccess);
  EXPECT_EQ(launch_plain(&job, nullptr, 1), cudaSuccess);
  machine.counter = 0xf0000000u;
  EXPECT_EQ(launch_plain(&job, nullptr, 1), cudaSuccess);
  EXPECT_LT(machine.counter, 1000u);
  for (const Report &r : reports()) ADD_FAILURE() << describe(r);
  EXPECT_EQ(launch_plain(&job, nullptr, 2), cudaErrorLaunchFailure) << "the second half is still undefined";
  reset();
  EXPECT_EQ(cudaFree(job.x), cudaSuccess);
  EXPECT_EQ(cudaFree(job.y), cudaSuccess);
}

TEST_F(Runtime, AnErrorOfALaunchSticks) {
  trap_job job{};
  job.x = allocate<float>(64);
  job.y = allocate<float>(64);
  EXPECT_EQ(launch_plain(&job, nullptr), cudaErrorLaunchFailure);
  EXPECT_EQ(reports().size(), 1u);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaFree(job.x), cudaErrorLaunchFailure);
  EXPECT_EQ(launch_plain(&job, nullptr), cudaErrorLaunchFailure);
  EXPECT_EQ(launches(), 1);
  reset();
  EXPECT_EQ(cudaFree(job.x), cudaSuccess);
  EXPECT_EQ(cudaFree(job.y), cudaSuccess);
}

TEST_F(Runtime, PoolsGiveAndTake) {
  cudaMemPoolProps props{};
  props.allocType = cudaMemAllocationTypePinned;
  props.location.type = cudaMemLocationTypeDevice;
  cudaMemPool_t pool = nullptr;
  ASSERT_EQ(cudaMemPoolCreate(&pool, &props), cudaSuccess);
  uint64_t all = UINT64_MAX, used = 0;
  EXPECT_EQ(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all), cudaSuccess);
  void *p = nullptr;
  ASSERT_EQ(cudaMallocFromPoolAsync(&p, 1000, pool, nullptr), cudaSuccess);
  EXPECT_EQ(cudaMemPoolGetAttribute(pool, cudaMemPoolAttrUsedMemCurrent, &used), cudaSuccess);
  EXPECT_EQ(used, 1000u);
  EXPECT_EQ(cudaMemsetAsync(p, 0, 1000, nullptr), cudaSuccess);
  EXPECT_EQ(cudaFreeAsync(p, nullptr), cudaSuccess);
  EXPECT_TRUE(reports().empty());
  EXPECT_EQ(cudaMemsetAsync(p, 0, 1000, nullptr), cudaErrorInvalidValue) << "dead from the free on";
  EXPECT_EQ(reports().size(), 1u);
  EXPECT_EQ(cudaMemPoolTrimTo(pool, 0), cudaSuccess);
  EXPECT_EQ(cudaMemPoolDestroy(pool), cudaSuccess);
  EXPECT_EQ(cudaMallocFromPoolAsync(&p, 1000, pool, nullptr), cudaErrorInvalidValue);
}

TEST_F(Runtime, PoolsMayBeMissing) {
  Device d = toy();
  d.pools = false;
  set_devices({d});
  int value = 1;
  EXPECT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMemoryPoolsSupported, 0), cudaSuccess);
  EXPECT_EQ(value, 0);
  cudaMemPoolProps props{};
  props.allocType = cudaMemAllocationTypePinned;
  props.location.type = cudaMemLocationTypeDevice;
  cudaMemPool_t pool = nullptr;
  void *p = nullptr;
  EXPECT_EQ(cudaMemPoolCreate(&pool, &props), cudaErrorNotSupported);
  EXPECT_EQ(cudaMallocAsync(&p, 16, nullptr), cudaErrorNotSupported);
}

TEST_F(Runtime, MemoryRunsOut) {
  void *p = nullptr;
  EXPECT_EQ(cudaMalloc(&p, toy().memory + 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(p, nullptr);
  EXPECT_EQ(cudaMalloc(&p, toy().memory), cudaSuccess);
  void *q = nullptr;
  EXPECT_EQ(cudaMalloc(&q, 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaFree(p), cudaSuccess);
}

TEST_F(Runtime, SparseMemoryCostsWhatIsTouched) {
  Device d = toy();
  d.memory = size_t{1} << 40;
  set_devices({d});
  constexpr size_t stride = (size_t{1} << 32) + 64; /* elements */
  float *const x = allocate<float>(4 * stride);
  float *const y = allocate<float>(4 * stride);
  const std::vector<float> in(128, 1.5f);
  std::vector<float> out(128);
  for (size_t i = 0; i < 4; i++) {
    trap_job job{};
    job.x = x + i * stride;
    job.y = y + (3 - i) * stride;
    ASSERT_EQ(cudaMemcpy(job.x, in.data(), 256, cudaMemcpyHostToDevice), cudaSuccess);
    ASSERT_EQ(launch_plain(&job, nullptr, 1), cudaSuccess);
    ASSERT_EQ(cudaMemcpy(out.data(), job.y, 256, cudaMemcpyDeviceToHost), cudaSuccess);
    EXPECT_EQ(out[63], 1.5f);
  }
  EXPECT_EQ(cudaFree(x), cudaSuccess);
  EXPECT_EQ(cudaFree(y), cudaSuccess);
}

TEST_F(Runtime, CaptureRecordsAndReplays) {
  trap_job job{};
  job.x = allocate<float>(128);
  job.y = allocate<float>(128);
  float *const x = job.x, *const y = job.y;
  cudaStream_t s = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  cudaStreamCaptureStatus status;
  EXPECT_EQ(cudaStreamIsCapturing(s, &status), cudaSuccess);
  EXPECT_EQ(status, cudaStreamCaptureStatusActive);
  EXPECT_EQ(cudaMemsetAsync(job.x, 0x40, 512, s), cudaSuccess);
  EXPECT_EQ(launch_plain(&job, s), cudaSuccess);
  void *scratch = nullptr;
  EXPECT_EQ(cudaMallocAsync(&scratch, 64, s), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(scratch, job.y, 64, cudaMemcpyDeviceToDevice, s), cudaSuccess);
  EXPECT_EQ(cudaFreeAsync(scratch, s), cudaSuccess);
  EXPECT_EQ(launches(), 0);
  ASSERT_EQ(cudaStreamEndCapture(s, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  job = trap_job{}; /* the launch has kept its own copy */
  float out = 0;
  for (int i = 0; i < 3; i++) EXPECT_EQ(cudaGraphLaunch(exec, s), cudaSuccess);
  EXPECT_EQ(launches(), 3);
  EXPECT_EQ(cudaMemcpy(&out, y + 100, 4, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(out, 3.00392150878906250f); /* 0x40404040 */
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, s), cudaErrorInvalidValue);
  EXPECT_EQ(cudaStreamDestroy(s), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(s), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaFree(y), cudaSuccess);
  for (const Report &r : reports()) EXPECT_EQ(r.trap, Trap::host_call) << describe(r);
  EXPECT_EQ(reports().size(), 2u);
  reset();
  cudaPointerAttributes a;
  EXPECT_EQ(cudaPointerGetAttributes(&a, y), cudaSuccess);
  EXPECT_EQ(a.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(cudaFree(x), cudaSuccess);
}

TEST_F(Runtime, CaptureForbidsWhatWaits) {
  cudaStream_t s = nullptr;
  cudaGraph_t graph = nullptr;
  void *p = nullptr;
  ASSERT_EQ(cudaStreamCreate(&s), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(s, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&p, 16), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
  ASSERT_EQ(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(s), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(s, &graph), cudaErrorStreamCaptureInvalidated);
  ASSERT_EQ(cudaStreamBeginCapture(s, cudaStreamCaptureModeRelaxed), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&p, 16), cudaSuccess);
  EXPECT_EQ(cudaFree(p), cudaSuccess);
  EXPECT_EQ(cudaStreamEndCapture(s, &graph), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(s), cudaSuccess);
}

TEST_F(Runtime, FaultsComeWhenOrdered) {
  void *p = nullptr;
  inject("cudaMalloc", 2, cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaMalloc(&p, 16), cudaSuccess);
  EXPECT_EQ(cudaFree(p), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&p, 16), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaMalloc(&p, 16), cudaSuccess);
  EXPECT_EQ(calls("cudaMalloc"), 3);
  inject("", 1, cudaErrorUnknown);
  EXPECT_EQ(cudaFree(p), cudaErrorUnknown);
  EXPECT_EQ(cudaFree(p), cudaSuccess);
}

TEST_F(Runtime, OccupancyFollowsTheFigures) {
  int n = 0;
  EXPECT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&n, trap_plain_kernel, 64, 0), cudaSuccess);
  EXPECT_EQ(n, 8); /* blocks and threads of the multiprocessor */
  EXPECT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&n, trap_plain_kernel, 64, 5000), cudaSuccess);
  EXPECT_EQ(n, 3); /* its shared memory */
  EXPECT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&n, trap_plain_kernel, 64, 10000), cudaSuccess);
  EXPECT_EQ(n, 0); /* without the attribute */
  cudaFuncAttributes a;
  EXPECT_EQ(cudaFuncGetAttributes(&a, trap_plain_kernel), cudaSuccess);
  EXPECT_EQ(a.maxThreadsPerBlock, 1024);
  EXPECT_EQ(a.numRegs, 64);
  cudaLaunchAttribute attribute;
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {4, 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3{4, 1, 1};
  config.blockDim = dim3{128, 1, 1};
  config.attrs = &attribute;
  config.numAttrs = 1;
  EXPECT_EQ(cudaOccupancyMaxActiveClusters(&n, trap_plain_kernel, &config), cudaSuccess);
  EXPECT_EQ(n, 2);
  EXPECT_EQ(cudaFuncGetAttributes(&a, reinterpret_cast<const void *>(&cudaFree)), cudaErrorInvalidDeviceFunction);
}

TEST_F(Runtime, ADevicesMemoryAndStreamsAreItsOwn) {
  set_devices({toy(), toy()});
  trap_job job{};
  job.x = allocate<float>(128);
  job.y = allocate<float>(128);
  EXPECT_EQ(cudaMemset(job.x, 0, 512), cudaSuccess);
  cudaStream_t s = nullptr;
  ASSERT_EQ(cudaStreamCreate(&s), cudaSuccess);
  ASSERT_EQ(cudaSetDevice(1), cudaSuccess);
  EXPECT_EQ(launch_plain(&job, s), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(launch_plain(&job, nullptr), cudaErrorLaunchFailure);
  ASSERT_EQ(reports().size(), 2u);
  EXPECT_EQ(reports()[1].trap, Trap::outside);
  reset();
  EXPECT_EQ(cudaStreamDestroy(s), cudaSuccess);
  EXPECT_EQ(cudaFree(job.x), cudaSuccess);
  EXPECT_EQ(cudaFree(job.y), cudaSuccess);
}

TEST_F(Runtime, EventsAdvance) {
  cudaEvent_t a = nullptr, b = nullptr;
  float ms = -1;
  ASSERT_EQ(cudaEventCreate(&a), cudaSuccess);
  ASSERT_EQ(cudaEventCreateWithFlags(&b, cudaEventBlockingSync), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&ms, a, b), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventRecord(a, nullptr), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(b, nullptr), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(b), cudaSuccess);
  EXPECT_EQ(cudaEventElapsedTime(&ms, a, b), cudaSuccess);
  EXPECT_GT(ms, 0);
  EXPECT_EQ(cudaEventDestroy(a), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(b), cudaSuccess);
}

}  // namespace
}  // namespace wn::simt
