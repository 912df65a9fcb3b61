// What a call of the interface costs the host where the device is a GPU: launches are left out, everything before them
// runs, the emulated runtime's own share included. Not built with sanitizers, as tests/api_time.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>
#include <vector>

#include "tests/api_problem_spec.h"
#include "tests/simt/host_cuda_test.h"

namespace wn::simt {
namespace {

constexpr const char *kProblems[] = {
    "batch n=64 c=256 x=3136 flags=running_cumulative",
    "batch layout=nxc n=64 c=256 x=3136 add=before act=relu",
    "batch layout=nxc x_type=bf16 n=64 parts=16 c=2048 x=49 add=after act=relu",
    "layer x_type=f16 n=65536 c=4096 x=1 add=before",
    "layer n=64 c=768 x=196",
    "group groups=2 n=32 c=64 x=65536 act=silu",
    "instance n=16 c=3 x=262144",
    "rms x_type=bf16 y_type=f8_e4m3 dy_type=bf16 n=2^16 c=8192 x=1",
    "rms n=1 c=2^30 x=1",
};

// Of many calls, so that what else the machine does in between does not count.
double MedianMicroseconds(const std::function<wn_status()> &call, const std::function<void()> &after) {
  constexpr std::size_t kCalls = 2001;
  std::vector<double> times;
  for (std::size_t i = 0; i < kCalls; i++) {
    const auto start = std::chrono::steady_clock::now();
    const wn_status status = call();
    const auto end = std::chrono::steady_clock::now();
    after();
    EXPECT_EQ(status, WN_OK) << wn_last_error();
    if (status != WN_OK) return 0;
    times.push_back(std::chrono::duration<double, std::micro>(end - start).count());
  }
  std::nth_element(times.begin(), times.begin() + kCalls / 2, times.end());
  return times[kCalls / 2];
}

// What runs beside the test slows every call of a round, not of rounds a while apart: the code can be as fast as the
// fastest of them. No later one is made once a round keeps within the limit.
double FastestMedian(double limit, const std::function<wn_status()> &call, const std::function<void()> &after) {
  constexpr int kRounds = 20;
  double fastest = MedianMicroseconds(call, after);
  for (int round = 1; round < kRounds && fastest >= limit; round++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    fastest = std::min(fastest, MedianMicroseconds(call, after));
  }
  return fastest;
}

class HostCudaTime : public testing::TestWithParam<const char *> {
 protected:
  void SetUp() override {
    Device large = h100();
    large.memory = std::size_t{1} << 40;
    set_devices({large});
    set_launching(false);
    problem_ = ApiProblem(GetParam());
    device_ = Open();
    ASSERT_EQ(wn_plan_create(&plan_, device_, &problem_), WN_OK) << wn_last_error();
  }
  void TearDown() override {
    for (void *const buffer : buffers_) EXPECT_EQ(wn_buffer_free(device_, buffer, nullptr), WN_OK);
    wn_plan_destroy(plan_);
    wn_device_close(device_);
    for (const Report &r : reports()) ADD_FAILURE() << describe(r);
    set_launching(true);
    set_devices({h100()});
  }

  // Memory for any of the call's arguments: nobody touches it.
  void *Buffer(std::size_t bytes) {
    buffers_.push_back(nullptr);
    EXPECT_EQ(wn_buffer_alloc(device_, &buffers_.back(), std::max<std::size_t>(bytes, 256), nullptr), WN_OK)
        << wn_last_error();
    return buffers_.back();
  }
  void *Tensor() { return Buffer(static_cast<std::size_t>(problem_.n * problem_.c * problem_.x) * sizeof(float)); }
  void *Vector() { return Buffer(static_cast<std::size_t>(problem_.n * problem_.c) * sizeof(float)); }
  void *Mask() { return wn_plan_mask(plan_) == 0 ? nullptr : Buffer(wn_plan_mask(plan_)); }
  bool Running() const { return problem_.kind == WN_BATCH; }
  bool HasF8() const { return problem_.y_type == WN_F8_E4M3; }

  // Everything that the pass can be given.
  wn_forward_args Forward(wn_pass pass) {
    wn_forward_args a = WN_FORWARD_INIT;
    const bool train = pass == WN_TRAIN;
    a.x = Tensor();
    if (problem_.add != WN_ADD_NONE) a.residual = Tensor();
    a.y = Tensor();
    if (problem_.add == WN_ADD_BEFORE) a.sum = Tensor();
    a.gamma = Vector();
    a.beta = Vector();
    if (train && problem_.kind != WN_RMS) a.mean = static_cast<float *>(Vector());
    if (train) a.rstd = Vector();
    if (train || Running()) a.mask = static_cast<std::uint8_t *>(Mask());
    if (Running()) a.running_mean = Vector(), a.running_var = Vector();
    if (train && (problem_.flags & WN_RUNNING_CUMULATIVE) != 0) a.batches_seen = static_cast<std::int64_t *>(Vector());
    if (HasF8()) a.y_scale = static_cast<float *>(Vector()), a.y_amax = static_cast<float *>(Vector());
    return a;
  }
  wn_backward_args Backward(wn_pass pass) {
    wn_backward_args a = WN_BACKWARD_INIT;
    a.x = Tensor();
    a.dy = Tensor();
    a.mask = static_cast<std::uint8_t *>(Mask());
    if (problem_.add == WN_ADD_BEFORE) a.dsum = Tensor();
    a.gamma = Vector();
    a.beta = Vector();
    if (pass == WN_BACKWARD_FROZEN) {
      a.running_mean = Vector();
      a.running_var = Vector();
    } else {
      if (problem_.kind != WN_RMS) a.mean = Vector();
      a.rstd = Vector();
    }
    a.dx = Tensor();
    if (problem_.add == WN_ADD_AFTER) a.dresidual = Tensor();
    a.dgamma = Vector();
    a.dbeta = Vector();
    return a;
  }

  wn_problem problem_ = WN_PROBLEM_INIT;
  wn_device *device_ = nullptr;
  wn_plan *plan_ = nullptr;
  std::vector<void *> buffers_;
};

TEST_P(HostCudaTime, ACallTakesUnder5Microseconds) {
  constexpr double kCallLimit = 5;
  for (const wn_pass pass : {WN_TRAIN, WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN}) {
    if (pass == WN_BACKWARD_FROZEN && !Running()) continue;
    const std::size_t bytes = wn_plan_workspace(plan_, pass);
    void *const work = Buffer(bytes);
    double time = 0;
    const std::int64_t before = launches();
    if (pass == WN_TRAIN || pass == WN_INFER) {
      const wn_forward_args a = Forward(pass);
      const auto run = pass == WN_TRAIN ? wn_train : wn_infer;
      time = FastestMedian(
          kCallLimit, [&] { return run(plan_, &a, work, bytes, nullptr); }, [] {});
    } else {
      const wn_backward_args a = Backward(pass);
      const auto run = pass == WN_BACKWARD ? wn_backward : wn_backward_frozen;
      time = FastestMedian(
          kCallLimit, [&] { return run(plan_, &a, work, bytes, nullptr); }, [] {});
    }
    EXPECT_GE(launches() - before, 2001);
    EXPECT_LT(time, kCallLimit) << "pass " << pass;
    std::printf("pass %d: %.2f us\n", pass, time);
  }
}

TEST_P(HostCudaTime, APlanOfLoadedKernelsTakesUnder50Microseconds) {
  wn_plan *plan = nullptr;
  constexpr double kLimit = 50;
  const double time = FastestMedian(
      kLimit, [&] { return wn_plan_create(&plan, device_, &problem_); }, [&] { wn_plan_destroy(plan); });
  EXPECT_LT(time, kLimit);
  std::printf("plan: %.2f us\n", time);
}

INSTANTIATE_TEST_SUITE_P(Problems, HostCudaTime, testing::ValuesIn(kProblems));

}  // namespace
}  // namespace wn::simt
