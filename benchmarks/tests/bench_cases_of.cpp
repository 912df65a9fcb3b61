#include "bench_cases_of.h"

#include <gtest/gtest.h>

namespace wn::bench {

std::vector<bench_case> CasesOf(const std::string &line) {
  bench_spec spec = {}, otherwise = {};
  bench_fault fault = {""};
  bench_cases cases = {};
  EXPECT_TRUE(bench_types_parse("f32", &otherwise, &fault));
  EXPECT_TRUE(bench_passes_parse("train,backward", &otherwise, &fault));
  EXPECT_TRUE(bench_spec_parse(line.c_str(), &spec, &fault)) << fault.text;
  EXPECT_TRUE(bench_cases_add(&cases, &spec, &otherwise, "", &fault)) << fault.text;
  std::vector<bench_case> all(cases.items, cases.items + cases.count);
  bench_cases_free(&cases);
  return all;
}

bench_case CaseOf(const std::string &line) { return CasesOf(line).at(0); }

}  // namespace wn::bench
