// The tolerances against small f32 implementations: one that is as good as docs/numerics.md asks passes, each of those
// that are worse in one known way fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "expected.h"

namespace wn::test {
namespace {

using Floats = std::vector<float>;

// In f32 from the left: the error grows with the number of terms.
float SumInOrder(const Floats &v) {
  float sum = 0;
  for (const float e : v) sum += e;
  return sum;
}

// In f32 over runs of 16, which are summed in double: about what a kernel with lanes and partial sums does.
float SumByRuns(const Floats &v) {
  double sum = 0;
  for (std::size_t i = 0; i < v.size(); i += 16) {
    float run = 0;
    for (std::size_t j = i; j < std::min(v.size(), i + 16); j++) run += v[j];
    sum += run;
  }
  return static_cast<float>(sum);
}

float SumInHalf(const Floats &v) {
  double sum = 0;
  for (const float e : v) sum = Round(WN_F16, static_cast<real>(sum) + e);
  return static_cast<float>(sum);
}

float PlainRstd(float var, float eps) { return 1 / std::sqrt(var + eps); }

// A reciprocal square root of 12 bits, as hardware estimates are before a Newton step.
float RoughRstd(float var, float eps) {
  return static_cast<float>(Round(WN_F32, PlainRstd(var, eps) * (1 + 0x1p-12L)));
}
float EpsOutside(float var, float eps) { return 1 / (std::sqrt(var) + eps); }

enum class Moments { kCorrected, kTwoPass, kOnePass, kShiftedByFirst, kUnbiased };

// One row of layer norm in f32; each field is a choice that can be made badly.
struct Row {
  Moments moments = Moments::kCorrected;
  std::function<float(const Floats &)> sum = SumByRuns;
  std::function<float(float, float)> rstd = PlainRstd;

  Floats Deviations(const Floats &x, float from) const {
    Floats d;
    for (const float e : x) d.push_back(e - from);
    return d;
  }
  float Squares(const Floats &d) const {
    Floats s;
    for (const float e : d) s.push_back(e * e);
    return sum(s);
  }

  Floats Normalize(const Floats &x, float eps) const {
    const auto m = static_cast<float>(x.size());
    float first = sum(x) / m, shift = 0, var = 0;
    if (moments == Moments::kOnePass) first = 0;
    if (moments == Moments::kShiftedByFirst) first = x[0];
    const Floats d = Deviations(x, first);
    if (moments != Moments::kTwoPass) shift = sum(d) / m;
    var = Squares(d) / (moments == Moments::kUnbiased ? m - 1 : m) - shift * shift;
    const float scale = rstd(var, eps);
    Floats y;
    for (const float e : d) y.push_back((e - shift) * scale);
    return y;
  }
};

Case LayerCase(Data data, std::int64_t m, wn_dtype y_type = WN_F32) {
  Case c;
  c.problem.kind = WN_LAYER;
  c.problem.y_type = y_type;
  c.problem.n = c.n = 1;
  c.problem.c = m;
  c.problem.eps = 1e-3;
  c.data = data;
  c.gamma = c.beta = false;
  return c;
}

Floats Narrow(const std::vector<double> &v) { return {v.begin(), v.end()}; }

// How far the row is from what is allowed: more than 1 is a failure.
real Ratio(
    const Row &row, const Case &c, const std::function<void(Floats *)> &after = [](Floats *) {}) {
  Given in = MakeForwardGiven(c, WN_TRAIN);
  if (c.data == Data::kOutlier) std::swap(in.x[0], in.x[in.x.size() / 2]);
  const Expected expected = ExpectedOf(c, WN_TRAIN, in).outputs.at("y");
  Floats y = row.Normalize(Narrow(in.x), static_cast<float>(c.problem.eps));
  after(&y);
  std::vector<double> rounded;
  for (const float e : y) rounded.push_back(Round(c.problem.y_type, e));
  const Comparison comparison = Compare(expected, rounded);
  EXPECT_EQ(comparison.wrong == 0, comparison.worst <= 1);
  return comparison.worst;
}

TEST(OracleWorse, CorrectedTwoPassIsGoodEnough) {
  for (const Data data : {Data::kNormal, Data::kOffset, Data::kLarge, Data::kTiny, Data::kConstant, Data::kOutlier})
    for (const std::int64_t m : {1, 3, 35, 1000, 100000})
      EXPECT_LE(Ratio(Row(), LayerCase(data, m)), 1) << DataName(data) << " " << m;
}

TEST(OracleWorse, MomentsThatCancel) {
  Row one_pass, two_pass, shifted;
  one_pass.moments = Moments::kOnePass;
  two_pass.moments = Moments::kTwoPass;
  shifted.moments = Moments::kShiftedByFirst;
  EXPECT_GT(Ratio(one_pass, LayerCase(Data::kOffset, 1000)), 1000);
  EXPECT_GT(Ratio(two_pass, LayerCase(Data::kOffset, 1000)), 1000);
  EXPECT_GT(Ratio(shifted, LayerCase(Data::kOutlier, 1000)), 1);
}

TEST(OracleWorse, SumsThatLoseTerms) {
  Row in_order, in_half;
  in_order.sum = SumInOrder;
  in_half.sum = SumInHalf;
  EXPECT_GT(Ratio(in_order, LayerCase(Data::kNormal, 1000000)), 1);
  EXPECT_GT(Ratio(in_half, LayerCase(Data::kNormal, 1000)), 1);
  EXPECT_GT(Ratio(in_half, LayerCase(Data::kNormal, 1000, WN_F16)), 1);
  EXPECT_GT(Ratio(in_half, LayerCase(Data::kNormal, 10000, WN_F8_E4M3)), 1);
}

TEST(OracleWorse, WrongVariance) {
  Row unbiased, rough, outside;
  unbiased.moments = Moments::kUnbiased;
  rough.rstd = RoughRstd;
  outside.rstd = EpsOutside;
  EXPECT_GT(Ratio(unbiased, LayerCase(Data::kNormal, 10000)), 1);
  EXPECT_GT(Ratio(unbiased, LayerCase(Data::kNormal, 300, WN_F16)), 1);
  EXPECT_GT(Ratio(rough, LayerCase(Data::kNormal, 100)), 1);
  EXPECT_GT(Ratio(rough, LayerCase(Data::kNormal, 1000, WN_BF16)), 1);
  EXPECT_GT(Ratio(outside, LayerCase(Data::kNormal, 100)), 1);
}

TEST(OracleWorse, RoundingThatIsNotNearest) {
  const auto twice = [](Floats *y) {  // to f16 first
    for (float &e : *y) e = static_cast<float>(Round(WN_F16, e));
  };
  const auto truncate = [](Floats *y) {
    for (float &e : *y) e = static_cast<float>(Decode(WN_F32, Encode(WN_F32, e) & 0xffff0000U));
  };
  EXPECT_LE(Ratio(Row(), LayerCase(Data::kNormal, 1000, WN_BF16)), 1);
  EXPECT_GT(Ratio(Row(), LayerCase(Data::kNormal, 1000, WN_BF16), truncate), 1);
  EXPECT_GT(Ratio(Row(), LayerCase(Data::kNormal, 10000, WN_BF16), twice), 1);
}

TEST(OracleWorse, RoughActivations) {
  Case c = LayerCase(Data::kNormal, 4000);
  c.problem.act = WN_ACT_GELU;
  const auto activate = [](wn_act act, real error) {
    return [=](Floats *y) {
      for (float &e : *y) e = static_cast<float>(Activation{act, 0}.Value(e) * (1 + error));
    };
  };
  EXPECT_LE(Ratio(Row(), c, activate(WN_ACT_GELU, 0)), 1);
  EXPECT_GT(Ratio(Row(), c, activate(WN_ACT_GELU_TANH, 0)), 1);
  EXPECT_GT(Ratio(Row(), c, activate(WN_ACT_GELU, 1e-5L)), 1);
}

// Sums for the parameters over 70000 rows; dy is 0.1 everywhere, whose running sum is rounded the same way for long.
class ParameterSums : public ::testing::Test {
 protected:
  ParameterSums() {
    c_.problem.kind = WN_LAYER;
    c_.problem.n = c_.n = 70000;
    c_.problem.c = 3;
    in_ = MakeBackwardGiven(c_, WN_BACKWARD);
    for (double &dy : in_.dy) dy = 0.1F;
    for (std::size_t i = 0; i < in_.x.size(); i += 3) {
      const auto row = i / 3;
      terms_.push_back(static_cast<float>(in_.dy[i]));
      const auto d = static_cast<float>(in_.x[i] - in_.mean[row]);
      products_.push_back(terms_.back() * (d * static_cast<float>(in_.rstd[row])));
    }
    expected_ = ExpectedOf(c_, WN_BACKWARD, in_);
  }

  real Of(const char *output, float value) const {
    const Expected &e = expected_.outputs.at(output);
    return Judge(e.type, e.value[0], e.tolerance[0], value).ratio;
  }

  Case c_;
  Given in_;
  Floats terms_, products_;
  Expectation expected_;
};

TEST_F(ParameterSums, ByRunsAreGoodEnough) {
  EXPECT_LE(Of("dbeta", SumByRuns(terms_)), 1);
  EXPECT_LE(Of("dgamma", SumByRuns(products_)), 1);
}

TEST_F(ParameterSums, InOrderOrInHalfAreNot) {
  EXPECT_GT(Of("dbeta", SumInOrder(terms_)), 10);
  EXPECT_GT(Of("dbeta", SumInHalf(terms_)), 1);
  EXPECT_GT(Of("dgamma", SumInHalf(products_)), 1);
}

// dx of a row in f32, and with what is easily left out or rounded on the way.
TEST(OracleWorse, InputGradients) {
  Case c = LayerCase(Data::kNormal, 2000);
  const Given in = MakeBackwardGiven(c, WN_BACKWARD);
  const Expected expected = ExpectedOf(c, WN_BACKWARD, in).outputs.at("dx");
  const Floats dy = Narrow(in.dy), x = Narrow(in.x);
  const auto mean = static_cast<float>(in.mean[0]), rstd = static_cast<float>(in.rstd[0]);
  const auto ratio = [&](wn_dtype partial, float keep_mean, float keep_product) {
    Floats xhat, product;
    for (std::size_t i = 0; i < x.size(); i++) {
      xhat.push_back((x[i] - mean) * rstd);
      product.push_back(dy[i] * xhat[i]);
    }
    const auto m = static_cast<float>(x.size());
    const auto g = static_cast<float>(Round(partial, SumByRuns(dy) / m)) * keep_mean;
    const auto gx = static_cast<float>(Round(partial, SumByRuns(product) / m)) * keep_product;
    std::vector<double> dx;
    for (std::size_t i = 0; i < x.size(); i++) dx.push_back(rstd * (dy[i] - g - xhat[i] * gx));
    return Compare(expected, dx).worst;
  };
  EXPECT_LE(ratio(WN_F32, 1, 1), 1);
  EXPECT_GT(ratio(WN_F16, 1, 1), 1);
  EXPECT_GT(ratio(WN_F32, 0, 1), 1);
  EXPECT_GT(ratio(WN_F32, 1, 0), 1);
}

}  // namespace
}  // namespace wn::test
