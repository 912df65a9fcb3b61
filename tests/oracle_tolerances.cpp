// Each tolerance lets the exactly rounded answer through and stops one that is wrong by four times it.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "expected.h"

namespace wn::test {
namespace {

constexpr wn_pass kPasses[] = {WN_TRAIN, WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN};
constexpr std::int64_t kSmall = 20000;  // elements: the longer cases are of the same formulas

template <class Function>
void ForOutputs(const Function &of) {
  for (const Case &c : Cases()) {
    if (c.n * c.problem.c * c.problem.x > kSmall) continue;
    for (const wn_pass pass : kPasses) {
      if (!c.HasPass(pass)) continue;
      const bool forward = pass == WN_TRAIN || pass == WN_INFER;
      const Given in = forward ? MakeForwardGiven(c, pass) : MakeBackwardGiven(c, pass);
      const Expectation expectation = ExpectedOf(c, pass, in);
      for (const auto &[name, expected] : expectation.outputs)
        of(c.Name() + ", " + PassName(pass) + " " + name, name, expected);
    }
  }
}

TEST(OracleTolerances, ExactAnswersPass) {
  ForOutputs([](const std::string &label, const std::string &, const Expected &e) {
    std::vector<double> rounded;
    for (const real v : e.value) rounded.push_back(Round(e.type, v));
    const Comparison c = Compare(e, rounded);
    ASSERT_EQ(c.wrong, 0) << label << ": " << c.text;
    ASSERT_LE(c.worst, 1) << label;
  });
}

// A perturbation that the type can hold: a result that saturates or overflows anyway is not wrong by it.
bool CanBeWrong(const Expected &e, std::size_t i, real error) {
  return std::isfinite(e.value[i]) && std::fabs(e.value[i]) + error < LargestFinite(e.type);
}

TEST(OracleTolerances, FourTimesTheToleranceFails) {
  std::map<std::string, std::int64_t> tried;
  ForOutputs([&](const std::string &label, const std::string &name, const Expected &e) {
    for (std::size_t i = 0; i < e.value.size(); i++) {
      const real error = 4 * FullTolerance(e.type, e.value[i], e.tolerance[i]);
      if (!CanBeWrong(e, i, error)) continue;
      for (const int sign : {-1, 1}) {
        const double wrong = Round(e.type, e.value[i] + static_cast<real>(sign) * error);
        ASSERT_FALSE(Judge(e.type, e.value[i], e.tolerance[i], wrong).right)
            << label << "[" << i << "] = " << e.value[i] << ", tolerance " << e.tolerance[i] << ", wrong " << wrong;
      }
      tried[name + " " + TypeName(e.type)]++;
    }
  });
  for (const char *const output : {"y f32",           "y f16",           "y bf16",           "y f64",
                                   "y e4m3",          "y e5m2",          "sum f32",          "sum f16",
                                   "sum bf16",        "sum f64",         "mean f32",         "mean f64",
                                   "rstd f32",        "rstd f64",        "running_mean f32", "running_mean f64",
                                   "running_var f32", "running_var f64", "y_amax f32",       "dx f32",
                                   "dx f16",          "dx bf16",         "dx f64",           "dresidual f32",
                                   "dresidual f16",   "dresidual bf16",  "dresidual f64",    "dgamma f32",
                                   "dgamma f16",      "dgamma bf16",     "dgamma f64",       "dbeta f32",
                                   "dbeta f16",       "dbeta bf16",      "dbeta f64"}) {
    EXPECT_GT(tried[output], 100) << output << " was hardly perturbed";
    tried.erase(output);
  }
  EXPECT_TRUE(tried.empty()) << tried.begin()->first << " is missing in the list above";
}

// Tight: for data of order 1 the tolerance of y is lost in the rounding of every type but f32 and f64, and there it is
// a few ulp.
TEST(OracleTolerances, AreTight) {
  Case c;
  c.problem.kind = WN_LAYER;
  c.problem.n = c.n = 8;
  c.problem.c = 1024;
  c.gamma = c.beta = false;
  const Given in = MakeForwardGiven(c, WN_TRAIN);
  const Expected y = ExpectedOf(c, WN_TRAIN, in).outputs.at("y");
  for (std::size_t i = 0; i < y.value.size(); i++)
    EXPECT_LE(y.tolerance[i], 0x1p-24L * (15 + 20 * std::fabs(y.value[i]))) << i;
  const Given back = MakeBackwardGiven(c, WN_BACKWARD);
  const Expected dx = ExpectedOf(c, WN_BACKWARD, back).outputs.at("dx");
  for (std::size_t i = 0; i < dx.value.size(); i++)
    EXPECT_LE(dx.tolerance[i], 0x1p-24L * (90 + 20 * std::fabs(dx.value[i]))) << i;
}

TEST(Judge, NeighboursAtARoundingBoundary) {
  // In E4M3 the neighbours of 17 (a tie between 16 and 18) are 16 and 18; 17 itself does not exist.
  EXPECT_TRUE(Judge(WN_F8_E4M3, 17, 1e-6L, 16).right);
  EXPECT_TRUE(Judge(WN_F8_E4M3, 17, 1e-6L, 18).right);
  EXPECT_FALSE(Judge(WN_F8_E4M3, 17.1L, 1e-6L, 16).right);
  EXPECT_TRUE(Judge(WN_F8_E4M3, 17.1L, 0.2L, 16).right);
  EXPECT_FALSE(Judge(WN_F8_E4M3, 17.1L, 0.2L, 20).right);
  // Truncation is not rounding.
  EXPECT_FALSE(Judge(WN_BF16, 1.0078L, 1e-6L, 1).right);
}

TEST(Judge, NotFinite) {
  constexpr real infinity = std::numeric_limits<real>::infinity(), nan = std::numeric_limits<real>::quiet_NaN();
  EXPECT_TRUE(Judge(WN_F32, nan, nan, static_cast<double>(nan)).right);
  EXPECT_FALSE(Judge(WN_F32, nan, nan, 0).right);
  EXPECT_FALSE(Judge(WN_F32, 0, 1, static_cast<double>(nan)).right);
  EXPECT_TRUE(Judge(WN_F16, infinity, 0, static_cast<double>(infinity)).right);
  EXPECT_FALSE(Judge(WN_F16, infinity, 0, 65504).right);
  EXPECT_TRUE(Judge(WN_F8_E4M3, infinity, 0, 448).right);
  EXPECT_TRUE(Judge(WN_F16, 65519.99L, 0.02L, static_cast<double>(infinity)).right);
  EXPECT_TRUE(Judge(WN_F16, 65519.99L, 0.02L, 65504).right);
  EXPECT_FALSE(Judge(WN_F16, 65519, 0.02L, static_cast<double>(infinity)).right);
  EXPECT_FALSE(Judge(WN_F32, 1, infinity, 1).right) << "no tolerance is no permission";
}

TEST(Judge, ComparesEveryElement) {
  const Expected e{WN_F32, {1, 2, 3}, {0.1L, 0.1L, 0.1L}};
  EXPECT_EQ(Compare(e, {1.05, 2, 3}).wrong, 0);
  EXPECT_NEAR(static_cast<double>(Compare(e, {1.05, 2, 3}).worst), 0.5, 1e-6);
  EXPECT_EQ(Compare(e, {1.3, 2, 4}).wrong, 2);
  EXPECT_NE(Compare(e, {1, 2}).wrong, 0);
}

}  // namespace
}  // namespace wn::test
