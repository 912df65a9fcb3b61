// Activations and their derivatives over all that 16 bits can say and much of f32, through a norm that is the identity:
// batch inference with mean 0, variance 1 and eps 0.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "oracle_act.h"
#include "run_report.h"

namespace wn::test {
namespace {

constexpr std::int64_t kColumns = 64;

Case Identity(wn_act act, wn_layout layout, std::int64_t elements, wn_dtype x, wn_dtype y) {
  Case c;
  wn_problem &p = c.problem;
  p.kind = WN_BATCH;
  p.layout = layout;
  p.x_type = x;
  p.y_type = y;
  p.act = act;
  p.act_slope = 0.25;
  p.eps = 0;
  p.c = layout == WN_NXC ? kColumns : 1;
  p.x = layout == WN_NXC ? 1 : elements;
  p.n = c.n = elements / (p.c * p.x);
  c.gamma = c.beta = false;
  return c;
}

Given IdentityGiven(const Case &c, const std::vector<double> &x) {
  Given in;
  in.n = c.n;
  in.x = x;
  in.dy.assign(x.size(), 1);
  in.running_mean.assign(static_cast<std::size_t>(c.problem.c), 0);
  in.running_var.assign(static_cast<std::size_t>(c.problem.c), 1);
  return in;
}

std::vector<double> EveryCode(wn_dtype type) {
  std::vector<double> x;
  for (std::uint64_t bits = 0; bits < 65536; bits += Every()) x.push_back(Decode(type, bits));
  while (x.size() % kColumns != 0) x.push_back(0);
  return x;
}

// About a million f32 (with WN_TEST_EVERY=k fewer) of all magnitudes and signs, and more where activations bend.
std::vector<double> ManyFloats() {
  std::vector<double> x;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 5101 * Every()) x.push_back(Decode(WN_F32, bits));
  for (int i = -20 * 16384; i < 20 * 16384; i += static_cast<int>(Every())) x.push_back(static_cast<float>(i * 0x1.00001p-14));
  for (const double v : {0.0, -0.0, 88.72, -88.72, 103.9, -103.9, -87.34, 1e30, -1e30})
    x.push_back(static_cast<float>(v));
  while (x.size() % kColumns != 0) x.push_back(0);
  return x;
}

// 4 ulp or 10^-7 in f32, the same in units of u for f64; in 16 bits one ulp from the exactly rounded value.
real Allowed(wn_dtype type, real exact) {
  const real ulp = 2 * HalfUlp(type, exact);
  if (type == WN_F32) return std::max(4 * ulp, 1e-7L);
  if (type == WN_F64) return std::max(4 * ulp, 1e-7L * 0x1p-29L);
  return ulp;
}

struct Worst {
  real ratio = 0;
  double at = 0, got = 0;
  real exact = 0;
};

// Error over what is allowed.
real Ratio(wn_dtype type, real exact, double actual) {
  if (std::isnan(exact)) return std::isnan(actual) ? 0 : 2;
  const bool narrow = type == WN_F16 || type == WN_BF16;
  const real target = narrow || !std::isfinite(exact) ? Round(type, exact) : exact;
  if (actual == target) return 0;
  if (std::isinf(target) || !std::isfinite(actual)) return 2;
  return std::fabs(actual - target) / Allowed(type, target);
}

template <class Function>
void Check(const Case &c, wn_pass pass, const std::vector<double> &x, const char *output, const Function &exact_of) {
  const Result result = Runner(c).Do(pass, IdentityGiven(c, x), {});
  ASSERT_EQ(result.complaint, "") << Label(c, pass);
  const wn_dtype type = result.outputs.at(output).type;
  const std::vector<double> actual = result.outputs.at(output).values();
  Worst worst;
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < x.size(); i++) {
    const real exact = exact_of(x[i]), ratio = Ratio(type, exact, actual[i]);
    if (ratio > 1) wrong++;
    if (ratio > worst.ratio) worst = {ratio, x[i], actual[i], exact};
  }
  EXPECT_EQ(wrong, 0) << Label(c, pass) << ": " << output << " at " << worst.at << " is " << worst.got << ", exactly "
                      << worst.exact;
  std::printf("worst error / allowed %.3f at %.9g  act %d %s>%s %s\n", static_cast<double>(worst.ratio), worst.at,
              c.problem.act, TypeName(c.problem.x_type), TypeName(type), output);
}

void CheckActivation(wn_act act, wn_layout layout, const std::vector<double> &x, wn_dtype x_type, wn_dtype y_type) {
  const Case c = Identity(act, layout, static_cast<std::int64_t>(x.size()), x_type, y_type);
  const Activation exact{act, c.problem.act_slope};
  Check(c, WN_INFER, x, "y", [&](double z) { return exact.Value(z); });
  // The derivative at NaN is that of a z which is not above 0, or NaN: only numbers are asked for.
  std::vector<double> numbers = x;
  for (double &z : numbers)
    if (std::isnan(z)) z = 0;
  Check(c, WN_BACKWARD_FROZEN, numbers, "dx", [&](double z) { return exact.Derivative(z); });
}

class Activations : public ::testing::TestWithParam<wn_act> {};

TEST_P(Activations, EveryF16) {
  for (const wn_layout layout : {WN_NCX, WN_NXC}) {
    CheckActivation(GetParam(), layout, EveryCode(WN_F16), WN_F16, WN_F16);
    CheckActivation(GetParam(), layout, EveryCode(WN_F16), WN_F16, WN_F32);
  }
}

TEST_P(Activations, EveryBf16) {
  for (const wn_layout layout : {WN_NCX, WN_NXC}) {
    CheckActivation(GetParam(), layout, EveryCode(WN_BF16), WN_BF16, WN_BF16);
    CheckActivation(GetParam(), layout, EveryCode(WN_BF16), WN_BF16, WN_F32);
  }
}

TEST_P(Activations, ManyF32) { CheckActivation(GetParam(), WN_NCX, ManyFloats(), WN_F32, WN_F32); }
TEST_P(Activations, ManyF64) { CheckActivation(GetParam(), WN_NXC, ManyFloats(), WN_F64, WN_F64); }

std::string ActName(const ::testing::TestParamInfo<wn_act> &info) {
  static constexpr const char *names[] = {"None", "Relu", "LeakyRelu", "Sigmoid", "Tanh", "Gelu", "GeluTanh", "Silu"};
  return names[info.param];
}

INSTANTIATE_TEST_SUITE_P(All, Activations,
                         ::testing::Values(WN_ACT_NONE, WN_ACT_RELU, WN_ACT_LEAKY_RELU, WN_ACT_SIGMOID, WN_ACT_TANH,
                                           WN_ACT_GELU, WN_ACT_GELU_TANH, WN_ACT_SILU),
                         ActName);

}  // namespace
}  // namespace wn::test
