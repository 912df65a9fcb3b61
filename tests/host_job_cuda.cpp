// What CUDA kernels are handed: when they may take their short way.
#include <gtest/gtest.h>

#include <cstdint>

#include "host_plan_cuda.h"
#include "host_shape.h"

extern "C" {
#include "host/job_cuda.h"
}

namespace wn::test {
namespace {

wni_cuda_figures H100() {
  for (const wni_cuda_figures &device : PlanDevices())
    if (device.sm == 90) return device;
  return {};
}

// The first launch's job in training; its tensors have addresses that nobody follows.
wni_cuda_job FirstJob(const Shape &shape) {
  alignas(16) static char somewhere[16];
  wn_problem p = ProblemOf(shape);
  p.x_type = WN_BF16;
  wni_problem problem;
  EXPECT_EQ(wni_problem_resolve(&p, &problem), WN_OK);
  const wni_plan_input in = wni_plan_input_make(&problem, WN_TRAIN, p.n);
  const wni_cuda_figures device = H100();
  const wni_cuda_plan plan = MakePlan(in, device);
  wni_call call = {};
  call.pass = WN_TRAIN;
  call.types = in.types;
  call.geo = in.geo;
  const wni_view packed = wni_view_make(&problem.given, p.n, 1, problem.given.x_stride);
  call.x = call.y = {somewhere, WN_BF16, packed};
  wni_cuda_job job = {};
  wni_cuda_job_make(&plan, &call, 0, nullptr, &job);
  wni_cuda_job_for(&in, &device, &plan.launch[0], &job);
  return job;
}

Shape Instance(std::int64_t c, std::int64_t x) { return {WN_INSTANCE, WN_NCX, 1, c, x, 1, 1}; }
Shape Rows(std::int64_t n, std::int64_t c) { return {WN_LAYER, WN_NCX, n, c, 1, 1, 1}; }

// The short way steps from channel to channel in 32 bits.
TEST(JobCuda, ChannelsOfTheShortWayFit31Bits) {
  const std::int64_t most = INT32_MAX;
  EXPECT_TRUE(FirstJob(Instance(most, 512)).even);
  EXPECT_TRUE(FirstJob(Instance(most, 512)).plain);
  EXPECT_FALSE(FirstJob(Instance(most + 1, 512)).even);
  EXPECT_FALSE(FirstJob(Instance(most + 1, 512)).plain);
  EXPECT_TRUE(FirstJob(Rows(4 * most, 512)).even) << "all rows have the same parameters: nothing is counted";
}

TEST(JobCuda, TheShortWayTakesWholeOctetsOnly) {
  EXPECT_TRUE(FirstJob(Rows(64, 512)).plain);
  EXPECT_FALSE(FirstJob(Rows(64, 513)).plain);
}

}  // namespace
}  // namespace wn::test
