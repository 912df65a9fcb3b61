// The time of wn_plan_create. Not built with sanitizers: they make everything slower by factors of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "api_call.h"

namespace wn {
namespace {

TEST(ApiTime, PlanCreateTakesUnder50Microseconds) {
  for (const char *problem :
       {"batch n=64 c=256 x=3136", "batch layout=nxc n=64 c=256 x=3136 add=before act=relu", "layer n=65536 c=4096 x=1",
        "layer n=64 c=768 x=196", "group groups=2 n=32 c=64 x=65536", "instance n=16 c=3 x=262144",
        "rms x_type=bf16 n=2^20 c=8192 x=1", "rms n=1 c=2^30 x=1", "batch n=0"}) {
    SCOPED_TRACE(problem);
    const wn_problem p = ApiProblem(problem);
    std::vector<double> microseconds;
    for (int i = 0; i < 1001; i++) {
      wn_plan *plan = nullptr;
      const auto start = std::chrono::steady_clock::now();
      const wn_status status = wn_plan_create(&plan, ApiDevice(), &p);
      const auto end = std::chrono::steady_clock::now();
      ASSERT_EQ(status, WN_OK) << wn_last_error();
      wn_plan_destroy(plan);
      microseconds.push_back(std::chrono::duration<double, std::micro>(end - start).count());
    }
    std::nth_element(microseconds.begin(), microseconds.begin() + 500, microseconds.end());
    EXPECT_LT(microseconds[500], 50) << "median";
  }
}

}  // namespace
}  // namespace wn
