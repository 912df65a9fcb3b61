// What CUDA plans are tested for: devices and cases.
#ifndef WN_TESTS_HOST_PLAN_CUDA_H
#define WN_TESTS_HOST_PLAN_CUDA_H
#include <string>
#include <vector>

extern "C" {
#include "host/plan.h"
#include "host/plan_cuda.h"
}

namespace wn::test {

// The table's, and a toy that has so little of everything that small tensors reach every variant.
std::vector<wni_cuda_figures> PlanDevices();

struct PlanCase {
  wni_problem problem;
  wn_pass pass;
  wni_plan_input Input(std::int64_t n) const { return wni_plan_input_make(&problem, pass, n); }
  wni_plan_input Input() const { return Input(problem.given.n); }
  std::string Name() const;
};

// Kinds, layouts, types, passes and sizes at which something changes.
const std::vector<PlanCase> &PlanCases();

inline wni_cuda_plan MakePlan(const wni_plan_input &input, const wni_cuda_figures &device) {
  wni_cuda_plan plan;
  wni_plan_cuda(&input, &device, &plan);
  return plan;
}

}  // namespace wn::test
#endif
