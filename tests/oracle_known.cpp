// The oracle against numbers worked out by hand: what finite differences cannot see.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "oracle.h"

namespace wn::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

wn_problem Problem(wn_kind kind, std::int64_t n, std::int64_t c, std::int64_t x) {
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = kind;
  p.x_type = WN_F64;
  p.n = n;
  p.c = c;
  p.x = x;
  p.eps = 0;
  return p;
}

Given Input(std::int64_t n, std::vector<double> x) {
  Given in;
  in.n = n;
  in.x = std::move(x);
  return in;
}

void ExpectNear(const std::vector<real> &actual, const std::vector<double> &expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); i++) EXPECT_NEAR(static_cast<double>(actual[i]), expected[i], 1e-14) << i;
}

// (n, c, x) = (2, 2, 2): channel 0 holds 1 2 | 5 6, channel 1 holds 3 4 | 7 12.
const std::vector<double> kEight = {1, 2, 3, 4, 5, 6, 7, 12};

TEST(OracleKnown, SetsOfEachKind) {
  ExpectNear(OracleTrain(Problem(WN_BATCH, 2, 2, 2), Input(2, kEight)).mean, {3.5, 6.5});
  ExpectNear(OracleTrain(Problem(WN_BATCH, 2, 2, 2), Input(2, kEight)).var, {4.25, 12.25});
  ExpectNear(OracleTrain(Problem(WN_LAYER, 2, 2, 2), Input(2, kEight)).mean, {2, 3, 6, 9});
  ExpectNear(OracleTrain(Problem(WN_LAYER, 2, 2, 2), Input(2, kEight)).var, {1, 1, 1, 9});
  ExpectNear(OracleTrain(Problem(WN_GROUP, 2, 2, 2), Input(2, kEight)).mean, {2.5, 7.5});
  ExpectNear(OracleTrain(Problem(WN_INSTANCE, 2, 2, 2), Input(2, kEight)).mean, {1.5, 3.5, 5.5, 9.5});
  ExpectNear(OracleTrain(Problem(WN_RMS, 2, 2, 2), Input(2, kEight)).mean, {0, 0, 0, 0});
  ExpectNear(OracleTrain(Problem(WN_RMS, 2, 2, 2), Input(2, kEight)).var, {5, 10, 37, 90});
  wn_problem ghost = Problem(WN_BATCH, 2, 2, 2);
  ghost.parts = 2;
  ExpectNear(OracleTrain(ghost, Input(2, kEight)).mean, {1.5, 3.5, 5.5, 9.5});
  wn_problem groups = Problem(WN_GROUP, 1, 4, 2);
  groups.groups = 2;
  ExpectNear(OracleTrain(groups, Input(1, kEight)).mean, {2.5, 7.5});
}

TEST(OracleKnown, ForwardOfARow) {
  wn_problem p = Problem(WN_LAYER, 1, 4, 1);
  p.act = WN_ACT_LEAKY_RELU;
  p.act_slope = 0.5;
  p.add = WN_ADD_AFTER;
  p.eps = 3;  // 1/sqrt(1 + 3) = 0.5
  Given in = Input(1, {1, 3, 1, 3});
  in.gamma = {1, 2, 3, 4};
  in.beta = {0, 0, 1, 1};
  in.residual = {0, 0, -1, 1};
  const Forward f = OracleTrain(p, in);
  ExpectNear(f.rstd, {0.5});
  ExpectNear(f.xhat, {-0.5, 0.5, -0.5, 0.5});
  ExpectNear(f.z, {-0.5, 1, -1.5, 4});
  ExpectNear(f.y, {-0.25, 1, -0.75, 4});
  EXPECT_EQ(f.y_amax, 4);
  p.flags = WN_GAMMA_MINUS_ONE;
  ExpectNear(OracleTrain(p, in).z, {-1, 1.5, -2, 4.5});
}

TEST(OracleKnown, SumIsRoundedBeforeItIsNormalized) {
  wn_problem p = Problem(WN_RMS, 1, 2, 1);
  p.x_type = WN_BF16;
  p.add = WN_ADD_BEFORE;
  Given in = Input(1, {256, 1});
  in.residual = {1, 0};  // 257 is no bf16
  const Forward f = OracleTrain(p, in);
  EXPECT_EQ(f.sum, (std::vector<double>{256, 1}));
  ExpectNear(f.var, {(65536 + 1) / 2.0});
}

// Two channels of a batch of 4: variances 1 and 4, m/(m-1) = 4/3.
Given RunningInput() {
  Given in = Input(4, {1, 0, 3, 4, 1, 0, 3, 4});
  in.running_mean = {10, 20};
  in.running_var = {30, 40};
  in.batches_seen = 1;
  return in;
}

TEST(OracleKnown, RunningStatistics) {
  wn_problem p = Problem(WN_BATCH, 4, 2, 1);
  p.momentum = 0.25;
  ExpectNear(OracleTrain(p, RunningInput()).running_mean, {8, 15.5});
  ExpectNear(OracleTrain(p, RunningInput()).running_var, {22.5 + 1.0 / 3, 30 + 4.0 / 3});
  p.flags = WN_RUNNING_POPULATION;
  ExpectNear(OracleTrain(p, RunningInput()).running_var, {22.75, 31});
  p.flags |= WN_RUNNING_CUMULATIVE;  // call 2: 1/2
  ExpectNear(OracleTrain(p, RunningInput()).running_mean, {6, 11});
  EXPECT_EQ(OracleTrain(p, RunningInput()).batches_seen, 2);
  p.flags = 0;
  p.momentum = 1;
  Given in = RunningInput();
  in.running_mean = in.running_var = {kNan, kNan};
  ExpectNear(OracleTrain(p, in).running_mean, {2, 2});
  ExpectNear(OracleTrain(p, in).running_var, {4.0 / 3, 16.0 / 3});
}

TEST(OracleKnown, RunningStatisticsOfPartsAndInstances) {
  wn_problem p = Problem(WN_BATCH, 4, 2, 1);
  p.momentum = 0.5;
  p.parts = 2;  // each part: channel 0 has 1 3, channel 1 has 0 4; m/(m-1) = 2
  ExpectNear(OracleTrain(p, RunningInput()).running_var, {16, 24});
  wn_problem one = Problem(WN_BATCH, 4, 2, 1);
  one.momentum = 0.5;
  one.parts = 4;  // m = 1: the variance stays
  ExpectNear(OracleTrain(one, RunningInput()).running_mean, {6, 11});
  ExpectNear(OracleTrain(one, RunningInput()).running_var, {30, 40});
  one.flags = WN_RUNNING_POPULATION;
  ExpectNear(OracleTrain(one, RunningInput()).running_var, {15, 20});
  wn_problem instance = Problem(WN_INSTANCE, 2, 1, 2);
  instance.flags = WN_INSTANCE_RUNNING;
  instance.momentum = 1;
  Given in = Input(2, {1, 3, 4, 8});  // variances 1 and 4, unbiased 2 and 8
  in.running_mean = in.running_var = {0};
  ExpectNear(OracleTrain(instance, in).running_mean, {4});
  ExpectNear(OracleTrain(instance, in).running_var, {5});
}

TEST(OracleKnown, InferenceTakesRunningStatistics) {
  wn_problem p = Problem(WN_BATCH, 1, 2, 1);
  Given in = Input(1, {7, 2});
  in.running_mean = {3, 1};
  in.running_var = {4, 0.25};
  ExpectNear(OracleInfer(p, in).y, {2, 2});
}

TEST(OracleKnown, NoElementsChangeNothing) {
  wn_problem p = Problem(WN_BATCH, 0, 2, 1);
  p.flags = WN_RUNNING_CUMULATIVE;
  Given in = RunningInput();
  in.n = 0;
  in.x.clear();
  const Forward f = OracleTrain(p, in);
  ExpectNear(f.running_mean, {10, 20});
  EXPECT_EQ(f.batches_seen, 1);
  EXPECT_TRUE(f.y.empty());
}

TEST(OracleKnown, BackwardOfTwoElements) {
  // layer, m = 2, eps 0: xhat = -1, 1 whatever x is, so that dx = 0 without eps.
  wn_problem p = Problem(WN_LAYER, 1, 2, 1);
  p.flags = WN_GRAD_ADD;
  Given in = Input(1, {1, 5});
  in.mean = {3};
  in.rstd = {0.5};
  in.dy = {2, 10};
  in.dgamma = {100, 100};
  in.dbeta = {0, 50};
  const Backward b = OracleBackward(p, in);
  ExpectNear(b.dx, {0, 0});
  ExpectNear(b.dgamma, {98, 110});
  ExpectNear(b.dbeta, {2, 60});
  p.kind = WN_RMS;  // xhat = 0.5, 2.5; mean(g xhat) = 13
  ExpectNear(OracleBackward(p, in).dx, {0.5 * (2 - 0.5 * 13), 0.5 * (10 - 2.5 * 13)});
}

TEST(OracleKnown, Activations) {
  const auto value = [](wn_act act, double z) { return static_cast<double>(Activation{act, 0.1L}.Value(z)); };
  EXPECT_NEAR(value(WN_ACT_SIGMOID, 1), 0.731058578630004879, 1e-16);
  EXPECT_NEAR(value(WN_ACT_TANH, 0.5), 0.462117157260009758, 1e-16);
  EXPECT_NEAR(value(WN_ACT_GELU, 1), 0.841344746068542949, 1e-16);
  EXPECT_NEAR(value(WN_ACT_GELU, -3), -0.00404969409489028358, 1e-17);
  EXPECT_NEAR(value(WN_ACT_GELU_TANH, 1), 0.841191990608276, 1e-15);  // not gelu's 0.84134
  EXPECT_NEAR(value(WN_ACT_SILU, -2), -0.238405844044235112, 1e-16);
  EXPECT_NEAR(value(WN_ACT_LEAKY_RELU, -2), -0.2, 1e-16);
  EXPECT_EQ(value(WN_ACT_RELU, -2), 0);
  EXPECT_TRUE(std::isnan(value(WN_ACT_RELU, kNan)));
  const Activation relu{WN_ACT_RELU, 0}, leaky{WN_ACT_LEAKY_RELU, 0.1L};
  EXPECT_EQ(relu.Derivative(0), 0);
  EXPECT_EQ(leaky.Derivative(0), 0.1L);
}

// Derivatives by finite differences, second derivatives below their bound, and limits at both ends.
TEST(OracleKnown, DerivativesOfActivations) {
  constexpr real h = 1e-6L;
  for (int i = WN_ACT_NONE; i <= WN_ACT_SILU; i++) {
    const Activation act{static_cast<wn_act>(i), 0.1L};
    for (int k = -880; k <= 880; k++) {
      const real z = (k + 0.5L) * 0.0137L;  // never at a kink
      const real slope = (act.Value(z + h) - act.Value(z - h)) / (2 * h);
      ASSERT_NEAR(static_cast<double>(act.Derivative(z)), static_cast<double>(slope), 1e-11) << i << " at " << z;
      const real curve = (act.Derivative(z + h) - act.Derivative(z - h)) / (2 * h);
      ASSERT_LE(std::fabs(curve), act.SecondDerivativeBound() + 1e-9L) << i << " at " << z;
    }
    for (const real infinity : {std::numeric_limits<real>::infinity(), -std::numeric_limits<real>::infinity()}) {
      const real far = infinity > 0 ? 1e6L : -1e6L;
      EXPECT_EQ(act.Derivative(infinity), act.Derivative(far)) << i;
      const bool bounded = std::isfinite(act.Value(infinity));
      EXPECT_EQ(act.Value(infinity), bounded ? act.Value(far) : std::copysign(infinity, act.Derivative(far) * far))
          << i;
    }
  }
}

}  // namespace
}  // namespace wn::test
