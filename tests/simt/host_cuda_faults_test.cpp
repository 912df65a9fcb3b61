// Each call of CUDA that the host makes fails once: the call of the interface answers so, nothing leaks, and the same
// call works when it is made again.
#include <functional>

#include "tests/simt/figures_of.h"
#include "tests/simt/host_cuda_test.h"

namespace wn::simt {
namespace {

// A user's session in which each call of the interface is made until it works, which is at most twice.
class Session {
 public:
  // What is computed in the end, as bytes.
  std::vector<std::uint8_t> Run() {
    wn_device *device = nullptr;
    Do("wn_device_open", [&] { return wn_device_open(&device, WN_CUDA, 0); });
    const wn_problem p = SmallProblem();
    wn_plan *plan = nullptr;
    Do("wn_plan_create", [&] { return wn_plan_create(&plan, device, &p); });
    if (device == nullptr || plan == nullptr) return {};
    SmallBuffers b;
    std::vector<float> numbers(SmallBuffers::kBytes / sizeof(float));
    for (std::size_t i = 0; i < numbers.size(); i++) numbers[i] = 1 + static_cast<float>(i * i % 17);
    for (void **const buffer : b.all()) {
      Do("wn_buffer_alloc", [&] {
        const wn_status status = wn_buffer_alloc(device, buffer, SmallBuffers::kBytes, nullptr);
        EXPECT_TRUE(status == WN_OK || *buffer == nullptr);
        return status;
      });
      Do("wn_buffer_write",
         [&] { return wn_buffer_write(device, *buffer, numbers.data(), SmallBuffers::kBytes, nullptr); });
    }
    Passes(plan, b);
    std::vector<std::uint8_t> result(3 * SmallBuffers::kBytes);
    const void *const from[] = {b.y, b.dx, b.params};
    for (std::size_t i = 0; i < 3; i++)
      Do("wn_buffer_read", [&] {
        return wn_buffer_read(device, result.data() + i * SmallBuffers::kBytes, from[i], SmallBuffers::kBytes, nullptr);
      });
    Do("wn_stream_wait", [&] { return wn_stream_wait(device, nullptr); });
    for (void **const buffer : b.all()) Do("wn_buffer_free", [&] { return wn_buffer_free(device, *buffer, nullptr); });
    wn_plan_destroy(plan);
    wn_device_close(device);
    return result;
  }

  int failures() const { return failures_; }

 private:
  // Passes whose effect does not depend on how often they were begun: not those that count calls.
  void Passes(wn_plan *plan, const SmallBuffers &b) {
    wn_forward_args train = b.Forward(WN_TRAIN), infer = b.Forward(WN_INFER);
    train.running_mean = train.running_var = nullptr;
    train.batches_seen = nullptr;
    const wn_backward_args back = b.Backward(WN_BACKWARD), frozen = b.Backward(WN_BACKWARD_FROZEN);
    const std::size_t bytes = SmallBuffers::kBytes;
    Do("wn_train", [&] { return wn_train(plan, &train, b.work, bytes, nullptr); });
    Do("wn_infer", [&] { return wn_infer(plan, &infer, b.work, bytes, nullptr); });
    Do("wn_backward_frozen", [&] { return wn_backward_frozen(plan, &frozen, b.work, bytes, nullptr); });
    Do("wn_backward", [&] { return wn_backward(plan, &back, b.work, bytes, nullptr); });
  }

  void Do(const char *name, const std::function<wn_status()> &call) {
    wn_status status = call();
    if (status != WN_OK) {
      failures_++;
      EXPECT_TRUE(status == WN_ERR_DEVICE || status == WN_ERR_MEMORY || status == WN_ERR_NO_DEVICE) << name;
      EXPECT_TRUE(Says(wn_last_error(), "cuda")) << name << ": " << wn_last_error();
      EXPECT_TRUE(Says(wn_last_error(), "cudaError")) << name << ": " << wn_last_error();
      EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess) << name << " leaves its error to the caller's own calls";
      status = call();
    }
    EXPECT_EQ(status, WN_OK) << name << ", again: " << wn_last_error();
  }

  int failures_ = 0;
};

void Reset() {
  set_devices({h100()});
  set_seed(1);
}

std::vector<std::uint8_t> Undisturbed() {
  Reset();
  Session session;
  std::vector<std::uint8_t> result = session.Run();
  EXPECT_EQ(session.failures(), 0);
  return result;
}

TEST(HostCudaFaults, EachCallFailsOnce) {
  const std::vector<std::uint8_t> expected = Undisturbed();
  const std::int64_t count = calls("");
  ASSERT_GT(count, 30);
  int answered = 0;
  for (const cudaError_t error : {cudaErrorUnknown, cudaErrorMemoryAllocation})
    for (std::int64_t i = 1; i <= count; i++) {
      SCOPED_TRACE("call " + std::to_string(i) + " fails with " + cudaGetErrorName(error));
      Reset();
      inject("", static_cast<int>(i), error);
      Session session;
      EXPECT_EQ(session.Run(), expected);
      EXPECT_LE(session.failures(), 1);
      EXPECT_EQ(live_allocations(), 0);
      for (const Report &r : reports()) ADD_FAILURE() << describe(r);
      answered += session.failures();
      if (testing::Test::HasFailure()) return;
    }
  // All but those that only close, and cannot answer, and those that ask for clusters: without an answer there are
  // none.
  constexpr int kCloses = 4, kAsksForClusters = 1 + WNI_CUDA_CLUSTERS;
  EXPECT_GE(answered, 2 * (count - kCloses - kAsksForClusters));
}

// Which calls there are: a new one in the host's sources is one that a test lets fail by its name.
TEST(HostCudaFaults, EachFunctionHasAStatus) {
  const struct {
    const char *function;
    cudaError_t error;
    wn_status status;
  } faults[] = {
      {"cudaGetDeviceCount", cudaErrorUnknown, WN_ERR_NO_DEVICE},
      {"cudaGetDevice", cudaErrorUnknown, WN_ERR_DEVICE},
      {"cudaGetDeviceProperties", cudaErrorUnknown, WN_ERR_DEVICE},
      {"cudaDeviceGetAttribute", cudaErrorUnknown, WN_ERR_DEVICE},
      {"cudaFuncGetAttributes", cudaErrorUnknown, WN_ERR_DEVICE},
      {"cudaMemPoolCreate", cudaErrorMemoryAllocation, WN_ERR_MEMORY},
      {"cudaMemPoolSetAttribute", cudaErrorUnknown, WN_ERR_DEVICE},
  };
  for (const auto &f : faults) {
    SCOPED_TRACE(f.function);
    Reset();
    inject(f.function, 1, f.error);
    wn_device *device = nullptr;
    EXPECT_EQ(wn_device_open(&device, WN_CUDA, 0), f.status);
    EXPECT_EQ(device, nullptr);
    EXPECT_TRUE(Says(wn_last_error(), f.function)) << wn_last_error();
    EXPECT_EQ(calls("cudaMemPoolCreate") - calls("cudaMemPoolDestroy"), f.status == WN_ERR_MEMORY ? 1 : 0);
  }
}

}  // namespace
}  // namespace wn::simt
