// The host side of the CUDA backend on emulated GPUs: opening, memory, streams, what a plan loads and a call launches.
#include "tests/simt/host_cuda_test.h"

#include <cstring>
#include <functional>

namespace wn::simt {
namespace {

class HostCuda : public testing::Test {
 protected:
  void SetUp() override {
    set_driver(13000);
    set_devices({h100()});
  }
  void TearDown() override {
    for (const Report &r : reports()) ADD_FAILURE() << describe(r);
    EXPECT_EQ(live_allocations(), 0);
    set_driver(13000);
    set_devices({h100()});
  }
};

void ExpectNotOpened(int ordinal, const std::string &words) {
  wn_device *device = nullptr;
  EXPECT_EQ(wn_device_open(&device, WN_CUDA, ordinal), WN_ERR_NO_DEVICE);
  EXPECT_EQ(device, nullptr);
  EXPECT_TRUE(Says(wn_last_error(), words)) << wn_last_error();
  ASSERT_EQ(wn_device_open(&device, WN_AUTO, ordinal), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_device_backend(device), WN_CPU);
  EXPECT_TRUE(Says(wn_device_text(device), "no GPU: ")) << wn_device_text(device);
  EXPECT_TRUE(Says(wn_device_text(device), words)) << wn_device_text(device);
  wn_device_close(device);
}

TEST_F(HostCuda, SaysWhyItCannotOpen) {
  ExpectNotOpened(3, "ordinal is 3; there is 1 GPU");
  set_driver(0);
  ExpectNotOpened(0, "no NVIDIA driver is installed");
  set_driver(12020);
  ExpectNotOpened(0, "supports CUDA 12.2; this build needs 13.0");
  set_driver(13000);
  set_devices({});
  ExpectNotOpened(0, "finds no GPU");
  Device old = t4();
  old.major = 7;
  old.minor = 0;
  set_devices({old});
  ExpectNotOpened(0, "is sm_70; this build has kernels for sm_75 and newer");
  set_devices({h100()});
  inject("cudaFuncGetAttributes", 1, cudaErrorNoKernelImageForDevice);
  wn_device *device = nullptr;
  EXPECT_EQ(wn_device_open(&device, WN_CUDA, 0), WN_ERR_NO_DEVICE);
  EXPECT_TRUE(Says(wn_last_error(), "has no kernels for it")) << wn_last_error();
}

TEST_F(HostCuda, AutoTakesTheGpu) {
  set_devices({t4(), h200()});
  wn_device *device = nullptr;
  ASSERT_EQ(wn_device_open(&device, WN_AUTO, 1), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_device_backend(device), WN_CUDA);
  EXPECT_EQ(wn_device_text(device), h200().name + ", sm_90, 132 SMs");
  wn_device_close(device);
}

TEST_F(HostCuda, EveryDeviceMakesPlans) {
  for (const Device &d : {t4(), a100(), l4(), h100(), h200(), b200(), rtx4090(), rtx5090(), toy()}) {
    SCOPED_TRACE(d.name);
    set_devices({d});
    wn_device *const device = Open();
    ASSERT_NE(device, nullptr);
    const wn_problem p = SmallProblem();
    wn_plan *plan = nullptr;
    ASSERT_EQ(wn_plan_create(&plan, device, &p), WN_OK) << wn_last_error();
    char text[512];
    EXPECT_EQ(wn_plan_explain(plan, WN_TRAIN, text, sizeof text), WN_OK);
    EXPECT_TRUE(Says(text, "cuda sm_" + std::to_string(d.major * 10 + d.minor) + " row_forward")) << text;
    EXPECT_TRUE(Says(text, "GB/s")) << text;
    wn_plan_destroy(plan);
    wn_device_close(device);
  }
}

// ---- memory

TEST_F(HostCuda, BuffersComeFromThePoolOfTheDevice) {
  wn_device *const device = Open();
  EXPECT_EQ(calls("cudaMemPoolCreate"), 1);
  EXPECT_EQ(calls("cudaMemPoolSetAttribute"), 1);
  void *buffer = nullptr;
  ASSERT_EQ(wn_buffer_alloc(device, &buffer, 1000, nullptr), WN_OK);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer) % 256, 0u);
  EXPECT_EQ(live_allocations(), 1);
  EXPECT_EQ(calls("cudaMallocFromPoolAsync"), 1);
  EXPECT_EQ(calls("cudaMalloc"), 0);
  EXPECT_EQ(wn_buffer_free(device, buffer, nullptr), WN_OK);
  EXPECT_EQ(calls("cudaFreeAsync"), 1);
  wn_device_close(device);
  EXPECT_EQ(calls("cudaMemPoolDestroy"), 1);
}

TEST_F(HostCuda, OrFromTheDeviceWhereThereAreNoPools) {
  Device d = t4();
  d.pools = false;
  set_devices({d});
  wn_device *const device = Open();
  void *buffer = nullptr;
  ASSERT_EQ(wn_buffer_alloc(device, &buffer, 1000, nullptr), WN_OK) << wn_last_error();
  EXPECT_EQ(calls("cudaMalloc"), 1);
  EXPECT_EQ(wn_buffer_free(device, buffer, nullptr), WN_OK) << wn_last_error();
  EXPECT_EQ(calls("cudaFree"), 1);
  wn_device_close(device);
}

TEST_F(HostCuda, CopiesThereAndBack) {
  wn_device *const device = Open();
  std::vector<int> numbers(100), back(100);
  for (int i = 0; i < 100; i++) numbers[static_cast<std::size_t>(i)] = i * i;
  void *buffer = nullptr;
  ASSERT_EQ(wn_buffer_alloc(device, &buffer, 400, nullptr), WN_OK);
  ASSERT_EQ(wn_buffer_write(device, buffer, numbers.data(), 400, nullptr), WN_OK);
  EXPECT_GE(calls("cudaStreamSynchronize"), 1) << "the host memory may be reused on return";
  ASSERT_EQ(wn_buffer_read(device, back.data(), buffer, 400, nullptr), WN_OK);
  ASSERT_EQ(wn_stream_wait(device, nullptr), WN_OK);
  EXPECT_EQ(back, numbers);
  EXPECT_EQ(wn_buffer_free(device, buffer, nullptr), WN_OK);
  wn_device_close(device);
}

TEST_F(HostCuda, NoMemoryIsNoMemory) {
  wn_device *const device = Open();
  void *buffer = &buffer;
  inject("cudaMallocFromPoolAsync", 1, cudaErrorMemoryAllocation);
  EXPECT_EQ(wn_buffer_alloc(device, &buffer, 1000, nullptr), WN_ERR_MEMORY);
  EXPECT_EQ(buffer, nullptr);
  EXPECT_TRUE(Says(wn_last_error(), "cudaMallocFromPoolAsync: cudaErrorMemoryAllocation (2)")) << wn_last_error();
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess) << "the caller's own error";
  wn_device_close(device);
}

// ---- calls

class HostCudaCalls : public HostCuda {
 protected:
  void Make(const wn_problem &p) {
    problem_ = p;
    device_ = Open();
    ASSERT_NE(device_, nullptr);
    ASSERT_EQ(wn_plan_create(&plan_, device_, &problem_), WN_OK) << wn_last_error();
    const std::vector<float> ones(SmallBuffers::kBytes / sizeof(float), 1.0f);
    for (void **const b : buffers_.all()) {
      ASSERT_EQ(wn_buffer_alloc(device_, b, SmallBuffers::kBytes, nullptr), WN_OK);
      ASSERT_EQ(wn_buffer_write(device_, *b, ones.data(), SmallBuffers::kBytes, nullptr), WN_OK);
    }
    const std::int64_t seen = 3;
    ASSERT_EQ(wn_buffer_write(device_, buffers_.Param(7), &seen, sizeof seen, nullptr), WN_OK);
  }
  void TearDown() override {
    for (void **const b : buffers_.all()) EXPECT_EQ(wn_buffer_free(device_, *b, nullptr), WN_OK);
    wn_plan_destroy(plan_);
    wn_device_close(device_);
    HostCuda::TearDown();
  }
  wn_status Run(wn_pass pass, void *stream, std::int64_t n = -1) {
    if (pass == WN_TRAIN || pass == WN_INFER) {
      wn_forward_args a = buffers_.Forward(pass);
      a.n = n;
      return (pass == WN_TRAIN ? wn_train : wn_infer)(plan_, &a, buffers_.work, SmallBuffers::kBytes, stream);
    }
    wn_backward_args a = buffers_.Backward(pass);
    a.n = n;
    const auto run = pass == WN_BACKWARD ? wn_backward : wn_backward_frozen;
    return run(plan_, &a, buffers_.work, SmallBuffers::kBytes, stream);
  }

  wn_problem problem_ = WN_PROBLEM_INIT;
  wn_device *device_ = nullptr;
  wn_plan *plan_ = nullptr;
  SmallBuffers buffers_;
};

constexpr wn_pass kPasses[] = {WN_TRAIN, WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN};

TEST_F(HostCudaCalls, LaunchAndDoNothingElse) {
  Make(SmallProblem());
  for (const wn_pass pass : kPasses) {
    SCOPED_TRACE(pass);
    const std::int64_t all = calls(""), launched = calls("cudaLaunchKernelExC"), cleared = calls("cudaMemsetAsync"),
                       asked = calls("cudaGetDevice");
    ASSERT_EQ(Run(pass, nullptr), WN_OK) << wn_last_error();
    EXPECT_GT(calls("cudaLaunchKernelExC"), launched);
    EXPECT_EQ(calls("cudaMemsetAsync") - cleared, pass == WN_TRAIN || pass == WN_INFER ? 1 : 0);
    EXPECT_EQ(calls("") - all, calls("cudaLaunchKernelExC") - launched + calls("cudaMemsetAsync") - cleared +
                                   calls("cudaGetDevice") - asked);
  }
}

TEST_F(HostCudaCalls, KernelsAreLoadedOnce) {
  Make(SmallProblem());
  const std::int64_t loaded = calls("cudaFuncGetAttributes");
  EXPECT_GT(loaded, 1);
  wn_plan *again = nullptr;
  ASSERT_EQ(wn_plan_create(&again, device_, &problem_), WN_OK);
  wn_plan_destroy(again);
  for (const wn_pass pass : kPasses)
    for (const std::int64_t n : {4, 2}) ASSERT_EQ(Run(pass, nullptr, n), WN_OK) << wn_last_error();
  EXPECT_EQ(calls("cudaFuncGetAttributes"), loaded);
}

// Rows of instance norm and of layer norm may be the same kernel, and only the latter needs shared memory.
TEST_F(HostCuda, ALoadedKernelHasRoomForThePlansToCome) {
  wn_device *const device = Open();
  wn_problem instance = WN_PROBLEM_INIT, layer = WN_PROBLEM_INIT;
  instance.kind = WN_INSTANCE;
  layer.kind = WN_LAYER;
  instance.n = instance.c = layer.n = layer.x = 1;
  instance.x = layer.c = 9001;
  wn_plan *plans[2] = {};
  ASSERT_EQ(wn_plan_create(&plans[0], device, &instance), WN_OK) << wn_last_error();
  ASSERT_EQ(wn_plan_create(&plans[1], device, &layer), WN_OK) << wn_last_error();
  constexpr std::size_t kBytes = 9001 * sizeof(float);
  const std::vector<float> ones(9001, 1.0f);
  wn_backward_args a = WN_BACKWARD_INIT;
  std::vector<void *> buffers;
  const auto buffer = [&](std::size_t bytes) {
    buffers.push_back(nullptr);
    EXPECT_EQ(wn_buffer_alloc(device, &buffers.back(), bytes, nullptr), WN_OK);
    return buffers.back();
  };
  for (const void **const input : {&a.x, &a.dy, &a.mean, &a.rstd}) {
    void *const memory = buffer(kBytes);
    EXPECT_EQ(wn_buffer_write(device, memory, ones.data(), kBytes, nullptr), WN_OK);
    *input = memory;
  }
  a.dx = buffer(kBytes);
  a.dgamma = buffer(kBytes);
  const std::size_t work_bytes = wn_plan_workspace(plans[1], WN_BACKWARD);
  EXPECT_EQ(wn_backward(plans[1], &a, buffer(work_bytes), work_bytes, nullptr), WN_OK) << wn_last_error();
  for (void *const b : buffers) EXPECT_EQ(wn_buffer_free(device, b, nullptr), WN_OK);
  for (wn_plan *const plan : plans) wn_plan_destroy(plan);
  wn_device_close(device);
}

TEST_F(HostCudaCalls, CanBeCaptured) {
  Make(SmallProblem());
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  const std::int64_t before = launches();
  for (const wn_pass pass : kPasses) EXPECT_EQ(Run(pass, stream), WN_OK) << wn_last_error();
  EXPECT_EQ(launches(), before) << "a captured launch does not run";
  EXPECT_EQ(wn_buffer_write(device_, buffers_.x, &before, sizeof before, stream), WN_ERR_DEVICE);
  EXPECT_TRUE(Says(wn_last_error(), "captured")) << wn_last_error();
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  ASSERT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(wn_stream_wait(device_, stream), WN_OK) << wn_last_error();
  EXPECT_GT(launches(), before);
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST_F(HostCudaCalls, LeaveOutWhatNobodyWants) {
  Make(SmallProblem());
  wn_forward_args a = buffers_.Forward(WN_TRAIN);
  const std::int64_t start = launches();
  ASSERT_EQ(wn_train(plan_, &a, buffers_.work, SmallBuffers::kBytes, nullptr), WN_OK);
  const std::int64_t whole = launches() - start;
  a.running_mean = a.running_var = nullptr;
  a.batches_seen = nullptr;
  ASSERT_EQ(wn_train(plan_, &a, buffers_.work, SmallBuffers::kBytes, nullptr), WN_OK) << wn_last_error();
  EXPECT_EQ(launches() - start - whole, whole - 2) << "neither running statistics nor their counter";
  wn_backward_args b = buffers_.Backward(WN_BACKWARD);
  const std::int64_t middle = launches();
  ASSERT_EQ(wn_backward(plan_, &b, buffers_.work, SmallBuffers::kBytes, nullptr), WN_OK);
  const std::int64_t gradients = launches() - middle;
  b.dgamma = b.dbeta = nullptr;
  ASSERT_EQ(wn_backward(plan_, &b, buffers_.work, SmallBuffers::kBytes, nullptr), WN_OK);
  EXPECT_EQ(launches() - middle - gradients, gradients - 1) << "no parameter sums";
}

// All of a call but the first may be brought to the device before that one has ended, where devices can do so.
TEST_F(HostCudaCalls, LaunchesThatFollowBeginEarly) {
  Make(SmallProblem());
  const std::int64_t launched = launches(), early = early_launches();
  ASSERT_EQ(Run(WN_TRAIN, nullptr), WN_OK) << wn_last_error();
  EXPECT_GT(launches() - launched, 1);
  EXPECT_EQ(early_launches() - early, launches() - launched - 1);
}

TEST_F(HostCudaCalls, ButNotOnOldDevices) {
  set_devices({a100()});
  Make(SmallProblem());
  const std::int64_t launched = launches();
  ASSERT_EQ(Run(WN_TRAIN, nullptr), WN_OK) << wn_last_error();
  EXPECT_GT(launches() - launched, 1);
  EXPECT_EQ(early_launches(), 0);
}

TEST_F(HostCudaCalls, NoSamplesAreNoLaunch) {
  Make(SmallProblem());
  const std::int64_t before = launches();
  for (const wn_pass pass : kPasses) ASSERT_EQ(Run(pass, nullptr, 0), WN_OK) << wn_last_error();
  EXPECT_EQ(launches(), before);
  float numbers[4];
  const int of[] = {6, 8, 9, 0};  // y_amax, dgamma, dbeta; gamma stays
  for (int i = 0; i < 4; i++)
    ASSERT_EQ(wn_buffer_read(device_, &numbers[i], buffers_.Param(of[i]) + 5 * (i == 1 || i == 2), 4, nullptr), WN_OK);
  EXPECT_EQ(numbers[0], 0);
  EXPECT_EQ(numbers[1], 0);
  EXPECT_EQ(numbers[2], 0);
  EXPECT_EQ(numbers[3], 1);
}

TEST_F(HostCudaCalls, NoSamplesLeaveGradientsThatAreAddedTo) {
  wn_problem p = SmallProblem();
  p.flags |= WN_GRAD_ADD;
  Make(p);
  ASSERT_EQ(Run(WN_BACKWARD, nullptr, 0), WN_OK) << wn_last_error();
  float number = 0;
  ASSERT_EQ(wn_buffer_read(device_, &number, buffers_.Param(8), 4, nullptr), WN_OK);
  EXPECT_EQ(number, 1);
}

// ---- the caller's current device

TEST_F(HostCuda, TheCallersDeviceStaysCurrent) {
  set_devices({a100(), h100(), t4()});
  const auto here = [](const char *call) { EXPECT_EQ(CurrentDevice(), 0) << "after " << call; };
  wn_device *const device = Open(2);
  ASSERT_NE(device, nullptr);
  here("wn_device_open");
  const wn_problem p = SmallProblem();
  wn_plan *plan = nullptr;
  ASSERT_EQ(wn_plan_create(&plan, device, &p), WN_OK);
  here("wn_plan_create");
  SmallBuffers b;
  std::vector<float> ones(SmallBuffers::kBytes / sizeof(float), 1.0f);
  for (void **const buffer : b.all()) {
    ASSERT_EQ(wn_buffer_alloc(device, buffer, SmallBuffers::kBytes, nullptr), WN_OK);
    here("wn_buffer_alloc");
    ASSERT_EQ(wn_buffer_write(device, *buffer, ones.data(), SmallBuffers::kBytes, nullptr), WN_OK);
    here("wn_buffer_write");
  }
  const wn_forward_args a = b.Forward(WN_TRAIN);
  ASSERT_EQ(wn_train(plan, &a, b.work, SmallBuffers::kBytes, nullptr), WN_OK) << wn_last_error();
  here("wn_train");
  ASSERT_EQ(wn_buffer_read(device, ones.data(), b.y, 4, nullptr), WN_OK);
  here("wn_buffer_read");
  ASSERT_EQ(wn_stream_wait(device, nullptr), WN_OK);
  here("wn_stream_wait");
  inject("cudaLaunchKernelExC", 1, cudaErrorLaunchFailure);
  EXPECT_EQ(wn_train(plan, &a, b.work, SmallBuffers::kBytes, nullptr), WN_ERR_DEVICE);
  here("a failure of wn_train");
  inject("cudaMemcpyAsync", 1, cudaErrorUnknown);
  EXPECT_EQ(wn_buffer_read(device, ones.data(), b.y, 4, nullptr), WN_ERR_DEVICE);
  here("a failure of wn_buffer_read");
  for (void **const buffer : b.all()) {
    ASSERT_EQ(wn_buffer_free(device, *buffer, nullptr), WN_OK);
    here("wn_buffer_free");
  }
  wn_plan_destroy(plan);
  wn_device_close(device);
  here("wn_device_close");
}

TEST_F(HostCuda, ABufferIsNotLostWithTheCallersDevice) {
  set_devices({a100(), h100()});
  wn_device *const device = Open(1);
  void *buffer = &buffer;
  inject("cudaSetDevice", 2, cudaErrorUnknown);
  EXPECT_EQ(wn_buffer_alloc(device, &buffer, 1000, nullptr), WN_ERR_DEVICE);
  EXPECT_EQ(buffer, nullptr);
  EXPECT_EQ(live_allocations(), 0);
  EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
  wn_device_close(device);
}

}  // namespace
}  // namespace wn::simt
