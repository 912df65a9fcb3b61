// That every kernel which the planner can choose was run by some test: what the tests have noted
// (launched_notes.cpp) against the plans of a grid of problems on every device of the planner's table.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "tests/host_plan_cuda.h"
#include "tests/simt/launched.h"

namespace wn::simt {
namespace {

using Names = std::set<std::string>;

struct Kernels {
  Names instances, ways;
};

// ---- what the planner can choose

// A problem of the grid in all types: every one of y, and every one of dy, with each of x.
std::vector<wni_problem> WithTypes(const wni_problem &problem) {
  std::vector<wni_problem> problems;
  for (const wn_dtype x : {WN_F32, WN_F16, WN_BF16, WN_F64})
    for (const wn_dtype y : {WN_F32, WN_F16, WN_BF16, WN_F64, WN_F8_E4M3, WN_F8_E5M2}) {
      wn_problem p = problem.given;
      p.x_type = x;
      p.y_type = y;
      p.dy_type = y == WN_F8_E4M3 || y == WN_F8_E5M2 ? WN_F32 : y;
      p.param_type = p.param_grad_type = WN_DTYPE_DEFAULT;
      wni_problem resolved;
      if (wni_problem_resolve(&p, &resolved) != WN_OK) continue;
      resolved.ranks = problem.ranks;
      problems.push_back(resolved);
    }
  return problems;
}

void AddPlan(const wni_plan_input &in, const wni_cuda_figures &device, Kernels *chosen) {
  const wni_cuda_plan plan = test::MakePlan(in, device);
  for (int i = 0; i < plan.launches; i++) {
    const wni_cuda_launch &l = plan.launch[i];
    if (l.function == WNI_CUDA_EXCHANGE) continue;  // no kernel
    const void *const kernel = wni_cuda_kernel(l.function, l.variant, &in.types);
    ASSERT_NE(kernel, nullptr) << wni_cuda_function_name(l.function) << ", variant " << l.variant;
    chosen->instances.insert(InstanceName(kernel));
    const bool may =
        in.geo.pattern == WNI_ROW && in.add == WN_ADD_NONE && wni_cuda_may_be_plain(l.function, &plan.cut.row);
    for (const bool plain : {false, may}) {
      const auto ways = WayNames(kernel, plan.cut, in.geo, in.stats, plain);
      chosen->ways.insert(ways.begin(), ways.end());
    }
  }
}

Kernels ChosenByThePlanner() {
  Kernels chosen;
  for (const test::PlanCase &c : test::PlanCases()) {
    if (c.problem.given.x_type != WN_F32) continue;  // the other types come from WithTypes
    for (const wni_problem &problem : WithTypes(c.problem))
      for (const wni_cuda_figures &device : test::PlanDevices())
        AddPlan(test::PlanCase{problem, c.pass}.Input(), device, &chosen);
  }
  return chosen;
}

const Kernels &Planner() {
  static const Kernels chosen = ChosenByThePlanner();
  return chosen;
}

// ---- what was run

// The files that WN_SIMT_LAUNCHED names, with colons between them: of all tests that note what they launch.
Kernels ReadLaunched() {
  Kernels run;
  const char *const files = std::getenv("WN_SIMT_LAUNCHED");
  std::istringstream names(files == nullptr ? "" : files);
  for (std::string name; std::getline(names, name, ':');) {
    std::ifstream file(name);
    EXPECT_TRUE(file.good()) << name << ": the test has not been run to its end";
    for (std::string line; std::getline(file, line);)
      (line.rfind("way: ", 0) == 0 ? run.ways : run.instances).insert(line.substr(line.find(": ") + 2));
  }
  return run;
}

const Kernels &Launched() {
  static const Kernels run = ReadLaunched();
  return run;
}

Names Without(const Names &all, const Names &some) {
  Names rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::inserter(rest, rest.end()));
  return rest;
}

std::string Lines(const Names &names) {
  std::string lines = std::to_string(names.size()) + ":\n";
  for (const std::string &name : names) lines += "  " + name + "\n";
  return lines;
}

void ExpectNone(const Names &names, const char *what) { EXPECT_TRUE(names.empty()) << what << ' ' << Lines(names); }

TEST(Coverage, EveryInstanceThatThePlannerChoosesWasRun) {
  ExpectNone(Without(Planner().instances, Launched().instances), "chosen and not run");
}

TEST(Coverage, EveryWayThatThePlannerChoosesWasRun) {
  ExpectNone(Without(Planner().ways, Launched().ways), "chosen and not run");
}

// The grid of problems is large enough: it has all that the cases of the tests have led to, and all that is built.
TEST(Coverage, TheGridMissesNothing) {
  ExpectNone(Without(Launched().instances, Planner().instances), "run, but not in the grid");
  ExpectNone(Without(Launched().ways, Planner().ways), "run, but not in the grid");
  const std::vector<std::string> built = InstanceNames();
  ExpectNone(Without(Names(built.begin(), built.end()), Planner().instances), "built, but never chosen");
}

// A kernel that no test runs is named.
TEST(Coverage, WhatIsMissingIsNamed) {
  ASSERT_GT(Planner().instances.size(), 100u);
  for (const std::string &name : Planner().instances) {
    Names run = Planner().instances;
    run.erase(name);
    EXPECT_EQ(Without(Planner().instances, run), Names{name});
  }
}

}  // namespace
}  // namespace wn::simt
