// wn_plan_explain: its errors, how it is cut, and that the figures in it are those of the pass.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

#include "api_call.h"
#include "api_in_c.h"

namespace wn {
namespace {

std::string Explain(const wn_plan *plan, wn_pass pass) {
  char text[512];
  EXPECT_EQ(wn_plan_explain(plan, pass, text, sizeof text), WN_OK) << wn_last_error();
  return text;
}

TEST(ApiExplain, Arguments) {
  const ApiCall call(ApiProblem("batch"), WN_TRAIN);
  char text[200];
  SpoilLastError();
  EXPECT_EQ(wn_plan_explain(nullptr, WN_TRAIN, text, sizeof text), WN_ERR_ARGUMENT);
  ExpectLastError("plan NULL");
  EXPECT_EQ(wn_plan_explain(call.plan, WN_TRAIN, nullptr, 1), WN_ERR_ARGUMENT);
  ExpectLastError("text NULL 1");
  EXPECT_EQ(wn_api_plan_explain(call.plan, 0, text, sizeof text), WN_ERR_ARGUMENT);
  ExpectLastError("pass 0 1 4");
  EXPECT_EQ(wn_api_plan_explain(call.plan, 5, text, sizeof text), WN_ERR_ARGUMENT);
  ExpectLastError("pass 5 1 4");
  EXPECT_EQ(wn_api_plan_explain(call.plan, -1, text, sizeof text), WN_ERR_ARGUMENT);
  ExpectLastError("pass -1 1 4");
  EXPECT_EQ(wn_plan_explain(call.plan, WN_TRAIN, nullptr, 0), WN_OK) << wn_last_error();
}

TEST(ApiExplain, IsCutToSizeAndEnded) {
  const ApiCall call(ApiProblem("layer"), WN_BACKWARD);
  const std::string whole = Explain(call.plan, WN_BACKWARD);
  ASSERT_GT(whole.size(), 20u);
  EXPECT_EQ(whole.find('\n'), std::string::npos) << "one line";
  for (std::size_t size = 0; size <= whole.size() + 2; size++) {
    std::string text(whole.size() + 8, '#');
    ASSERT_EQ(wn_plan_explain(call.plan, WN_BACKWARD, &text[0], size), WN_OK);
    if (size > 0) {
      EXPECT_EQ(std::string(text.c_str()), whole.substr(0, size - 1));
    }
    EXPECT_EQ(text.substr(size), std::string(text.size() - size, '#')) << "beyond size " << size;
  }
}

// "... 1.5 MB read ...": the number before the unit before the word, in bytes or seconds.
double Figure(const std::string &text, const std::string &pattern) {
  std::smatch match;
  if (!std::regex_search(text, match, std::regex(pattern))) {
    ADD_FAILURE() << "no " << pattern << " in: " << text;
    return NAN;
  }
  return std::strtod(match[1].str().c_str(), nullptr);
}

struct Row {
  const char *problem;
  wn_pass pass;
  double read, written;  // bytes
};

// 2^20 elements of 1024 channels: the statistics and parameters stay below a hundredth of a tensor.
TEST(ApiExplain, FiguresOfThePass) {
  const double f32 = 4 << 20, f16 = 2 << 20, f8 = 1 << 20;
  const std::vector<Row> rows = {
      {"layer n=1024 c=1024 x=1", WN_TRAIN, f32, f32},
      {"layer n=1024 c=1024 x=1", WN_INFER, f32, f32},
      {"layer n=1024 c=1024 x=1", WN_BACKWARD, 2 * f32, f32},
      {"rms x_type=f16 y_type=f8_e4m3 n=1024 c=1024 x=1", WN_TRAIN, f16, f8},
      {"batch x_type=bf16 n=8 c=1024 x=128", WN_TRAIN, f16, f16},
      {"batch x_type=f16 y_type=f32 n=8 c=1024 x=128", WN_BACKWARD_FROZEN, f16 + f32, f16},
      {"rms add=before n=1024 c=1024 x=1", WN_TRAIN, 2 * f32, 2 * f32},
      {"batch layout=nxc add=after act=gelu n=8 c=1024 x=128", WN_BACKWARD, 3 * f32, 2 * f32},
  };
  for (const Row &row : rows) {
    SCOPED_TRACE(std::string(row.problem) + ", " + PassName(row.pass));
    const wn_problem p = ApiProblem(row.problem);
    wn_plan *plan = nullptr;
    ASSERT_EQ(wn_plan_create(&plan, ApiDevice(), &p), WN_OK) << wn_last_error();
    const std::string text = Explain(plan, row.pass);
    SCOPED_TRACE(text);
    const double read = Figure(text, "([0-9.e+-]+) MB read") * 1e6;
    const double written = Figure(text, "([0-9.e+-]+) MB written") * 1e6;
    const double bound = Figure(text, "bound ([0-9.e+-]+) us") * 1e-6;
    EXPECT_NEAR(read, row.read, 0.02 * row.read);
    EXPECT_NEAR(written, row.written, 0.02 * row.written);
    const double rate = (read + written) / bound;  // that of a memory: not of a disk, not beyond what is built
    EXPECT_GT(rate, 1e8);
    EXPECT_LT(rate, 1e14);
    const std::string backend = wn_device_backend(ApiDevice()) == WN_CUDA ? "cuda" : "cpu";
    EXPECT_TRUE(HasWord(text, backend));
    EXPECT_NE(text.find(std::to_string(wn_plan_workspace(plan, row.pass))), std::string::npos);
    wn_plan_destroy(plan);
  }
}

TEST(ApiExplain, NamesKindAndPass) {
  for (const char *kind : {"batch", "layer", "group", "instance", "rms"}) {
    for (const wn_pass pass : {WN_TRAIN, WN_INFER, WN_BACKWARD}) {
      const ApiCall call(ApiProblem(kind), pass);
      const std::string text = Explain(call.plan, pass);
      EXPECT_TRUE(HasWord(text, kind)) << text;
      EXPECT_TRUE(HasWord(text, PassName(pass))) << text;
    }
  }
}

}  // namespace
}  // namespace wn
