// The loops that are timed give what the example's networks compute, in single precision.
#include "activation_loops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "plain_math.h"

namespace {

constexpr int64_t zero = 500, count = 2 * zero + 1;

// From -10 to 10, 0 in the middle; d of either sign.
struct Values {
  Values() {
    for (int64_t i = 0; i < count; i++) {
      x.push_back(static_cast<float>(i - zero) / 50);
      d.push_back(i % 3 == 0 ? -1.5f : 0.75f);
    }
  }
  std::vector<float> x, d;
};

// A few roundings of values up to |x|, and of what is left of 1 + exp and 1 + erf.
float tolerance(float x) { return 4e-7f * (1 + std::fabs(x)); }

class Loops : public testing::TestWithParam<int> {
 protected:
  const activation_loops &loops_ = all_activations[GetParam()];
  Values in_;
  std::vector<float> out_ = std::vector<float>(count);
};

TEST_P(Loops, GiveTheValue) {
  loops_.forward(count, in_.x.data(), out_.data());
  for (size_t i = 0; i < count; i++)
    EXPECT_NEAR(out_[i], plain_act_value(loops_.act, in_.x[i]), tolerance(in_.x[i])) << loops_.name << in_.x[i];
}

TEST_P(Loops, GiveTheDerivativeFromTheInput) {
  loops_.backward(count, in_.x.data(), in_.d.data(), out_.data());
  for (size_t i = 0; i < count; i++)
    EXPECT_NEAR(out_[i], plain_act_slope(loops_.act, in_.x[i]) * in_.d[i], 2 * tolerance(in_.x[i]))
        << loops_.name << in_.x[i];
}

TEST_P(Loops, GiveTheDerivativeFromTheOutputWhereThatTells) {
  const bool told = loops_.act != WN_ACT_GELU && loops_.act != WN_ACT_SILU;  // these two have equal values left of 0
  ASSERT_EQ(loops_.backward_of_y != nullptr, told);
  if (!told) return;
  std::vector<float> y(count);
  loops_.forward(count, in_.x.data(), y.data());
  loops_.backward_of_y(count, y.data(), in_.d.data(), out_.data());
  for (size_t i = 0; i < count; i++)
    EXPECT_NEAR(out_[i], plain_act_slope(loops_.act, in_.x[i]) * in_.d[i], 2 * tolerance(in_.x[i]))
        << loops_.name << in_.x[i];
}

INSTANTIATE_TEST_SUITE_P(All, Loops, testing::Range(0, static_cast<int>(ACTIVATIONS)));

}  // namespace
