// What shapes of practice are planned as on devices of the table.
#include <gtest/gtest.h>

#include <cstring>

#include "host_plan_cuda.h"

namespace wn::test {
namespace {

wni_cuda_plan PlanOn(const char *name, const PlanCase &c) {
  for (const wni_cuda_figures &device : PlanDevices())
    if (std::strcmp(device.name, name) == 0) return MakePlan(c.Input(), device);
  ADD_FAILURE() << name;
  return {};
}

PlanCase RmsRows(std::int64_t n, std::int64_t c, wn_pass pass) {
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = WN_RMS;
  p.n = n;
  p.c = c;
  p.x_type = WN_BF16;
  wni_problem resolved;
  EXPECT_EQ(wni_problem_resolve(&p, &resolved), WN_OK);
  return {resolved, pass};
}

TEST(PlanCuda, RowsOfLanguageModelsAreReadOnce) {
  const double rows = 16384, bytes = 2 * rows * 4096;
  const wni_cuda_plan infer = PlanOn("H200", RmsRows(16384, 4096, WN_INFER));
  EXPECT_EQ(infer.launches, 1);
  EXPECT_EQ(infer.launch[0].variant, WNI_CUDA_BLOCK_4);
  EXPECT_TRUE(infer.cut.row.keeps_params);
  EXPECT_NEAR(infer.traffic.read, bytes, 0.001 * bytes);
  EXPECT_NEAR(infer.traffic.written, bytes, 0.001 * bytes);
  const wni_cuda_plan backward = PlanOn("H200", RmsRows(16384, 4096, WN_BACKWARD));
  EXPECT_EQ(backward.launches, 2);
  EXPECT_NEAR(backward.traffic.read, 2 * bytes, 0.002 * bytes);
  EXPECT_LE(backward.cut.param_rows, 2 * 132);
  EXPECT_EQ(PlanOn("H200", RmsRows(131072, 128, WN_INFER)).cut.row.lanes, 4);
}

// Partial rows are at most 8 % of what the pass moves, with as few blocks in a cluster as do.
TEST(PlanCuda, FewRowsLeaveFewPartialRows) {
  const auto blocks_of = [](const char *device, std::int64_t n, std::int64_t c) {
    const wni_cuda_plan plan = PlanOn(device, RmsRows(n, c, WN_BACKWARD));
    EXPECT_EQ(plan.launch[0].function, WNI_CUDA_ROW_BACKWARD);
    const double least = static_cast<double>(n * c * 3 * 2);
    if (plan.launch[0].cluster > 1) {
      EXPECT_LE(plan.traffic.partial, 0.08 * least) << device << " " << n << " x " << c;
    }
    return plan.launch[0].cluster;
  };
  EXPECT_EQ(blocks_of("H200", 16384, 4096), 1u);
  EXPECT_EQ(blocks_of("H100", 1024, 12288), 4u);
  EXPECT_EQ(blocks_of("H100", 512, 16384), 8u);
  EXPECT_EQ(blocks_of("B200", 1024, 12288), 4u);
  EXPECT_EQ(blocks_of("A100", 1024, 12288), 1u) << "has no clusters";
}

}  // namespace
}  // namespace wn::test
