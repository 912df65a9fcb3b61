// The arithmetic of the processor's table, as far as the gradients of the network do not show it.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "mlp_reference.h"

extern "C" {
#include "machine.h"
}

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

class Machine : public testing::Test {
 protected:
  void SetUp() override {
    fault f = {};
    ASSERT_TRUE(machine_open(&m_, WN_CPU, 1, &f)) << f.text;
  }
  void TearDown() override { machine_close(&m_); }
  machine m_ = {};
};

TEST_F(Machine, MultipliesEveryWayRound) {
  // Small whole numbers: every sum is exact, so equality is the test.
  constexpr int64_t n = 3, k = 5, c = 4;
  for (const bool a_transposed : {false, true})
    for (const bool b_transposed : {false, true})
      for (const bool add : {false, true}) {
        std::vector<float> a(n * k), b(k * c), y(n * c, 100);
        const auto a_at = [&](int64_t i, int64_t j) -> float & {
          return a[size_t(a_transposed ? j * n + i : i * k + j)];
        };
        const auto b_at = [&](int64_t i, int64_t j) -> float & {
          return b[size_t(b_transposed ? j * k + i : i * c + j)];
        };
        for (int64_t i = 0; i < n; i++)
          for (int64_t j = 0; j < k; j++) a_at(i, j) = float(i * 7 % 5 - j);
        for (int64_t i = 0; i < k; i++)
          for (int64_t j = 0; j < c; j++) b_at(i, j) = float(j * 3 % 4 + i - 2);
        matrix_product p = {};
        p.rows = n, p.columns = c, p.inner = k;
        p.a = a.data(), p.b = b.data(), p.c = y.data();
        p.a_transposed = a_transposed, p.b_transposed = b_transposed, p.add = add;
        m_.ops->multiply(&m_, &p);
        for (int64_t i = 0; i < n; i++)
          for (int64_t j = 0; j < c; j++) {
            float sum = add ? 100 : 0;
            for (int64_t l = 0; l < k; l++) sum += a_at(i, l) * b_at(l, j);
            EXPECT_EQ(y[size_t(i * c + j)], sum);
          }
      }
}

TEST_F(Machine, PredictsAsNumpysArgmax) {
  const float logits[] = {1,   3,   3,   2, /* the first of equal ones */
                          1,   2,   nan, 9, /* NaN is the largest */
                          nan, nan, 0,   0, -1, -2, -3, -0.5f};
  const uint8_t labels[] = {1, 2, 0, 3};
  score result;
  m_.ops->softmax_loss(&m_, 4, 4, logits, labels, nullptr, &result);
  EXPECT_EQ(result.correct, 4);
  EXPECT_TRUE(std::isnan(result.loss));
}

TEST_F(Machine, SoftmaxOfHugeLogitsIsFinite) {
  const float logits[] = {3e38f, 0, -3e38f, 1e30f, 1e30f, 0};
  const uint8_t labels[] = {0, 1};
  float d[6];
  score result;
  m_.ops->softmax_loss(&m_, 2, 3, logits, labels, d, &result);
  EXPECT_DOUBLE_EQ(result.loss, std::log(2.0));
  const float expected[] = {0, 0, 0, 0.25f, -0.25f, 0};
  for (int i = 0; i < 6; i++) EXPECT_EQ(d[i], expected[i]);
}

TEST_F(Machine, RoundsToBf16) {
  const float x[] = {1,
                     1 + 0x1p-8f,
                     1 + 3 * 0x1p-8f,
                     1 + 0x1.01p-8f,
                     -1 - 0x1.01p-8f,
                     infinity,
                     -infinity,
                     std::numeric_limits<float>::max(),
                     0x1p-133f,
                     0x1p-134f};
  const float expected[] = {1, 1, 1 + 0x1p-6f, 1 + 0x1p-7f, -1 - 0x1p-7f, infinity, -infinity, infinity, 0x1p-133f, 0};
  constexpr int count = sizeof x / sizeof *x;
  uint16_t y[count];
  float back[count];
  m_.ops->to_bf16(&m_, count, x, y);
  m_.ops->from_bf16(&m_, count, y, back);
  for (int i = 0; i < count; i++) EXPECT_EQ(back[i], expected[i]) << i;

  const uint32_t low_payload = 0x7f800001; /* a NaN whose upper half alone would be infinity */
  float narrow;
  std::memcpy(&narrow, &low_payload, sizeof narrow);
  m_.ops->to_bf16(&m_, 1, &narrow, y);
  m_.ops->from_bf16(&m_, 1, y, back);
  EXPECT_TRUE(std::isnan(back[0]));
}

TEST_F(Machine, GathersRows) {
  const float images[] = {0, 1, 10, 11, 20, 21};
  const uint8_t labels[] = {5, 6, 7};
  const int32_t index[] = {2, 0, 2, 1};
  float rows[8];
  uint8_t names[4];
  m_.ops->gather(&m_, 4, 2, index, images, labels, rows, names);
  const float expected[] = {20, 21, 0, 1, 20, 21, 10, 11};
  for (int i = 0; i < 8; i++) EXPECT_EQ(rows[i], expected[i]);
  EXPECT_EQ(std::string(names, names + 4), std::string("\7\5\7\6"));
}

TEST_F(Machine, ActivationsMatchTheirDefinitionAndKeepNaN) {
  for (int act = WN_ACT_NONE; act <= WN_ACT_SILU; act++) {
    for (int sixteenth = -96; sixteenth <= 96; sixteenth++) {
      const float x = static_cast<float>(sixteenth) / 16;
      float y;
      m_.ops->activate(&m_, static_cast<wn_act>(act), 1, &x, &y);
      const double expected = wn::reference_activation(static_cast<wn_act>(act), x);
      // One rounding to f32 of a value from the C library's double functions; gelu's 1 + erf loses digits below 0.
      EXPECT_NEAR(y, expected, 0x1p-24 * std::fabs(expected) + 1e-14) << act << " at " << x;
    }
    float y;
    m_.ops->activate(&m_, static_cast<wn_act>(act), 1, &nan, &y);
    EXPECT_TRUE(std::isnan(y)) << act;
  }
  for (const wn_act act : {WN_ACT_RELU, WN_ACT_LEAKY_RELU}) {
    const float zero = 0;
    float d = 8;
    m_.ops->activate_back(&m_, act, 1, &zero, &d);
    EXPECT_EQ(d, act == WN_ACT_RELU ? 0 : 0.08f);
  }
}

TEST_F(Machine, StepsAsAdam) {
  // Against the paper's recursion in float64, over enough steps for the corrections to matter and fade.
  const float rate = 0.01f;
  float value = 1, average1 = 0, average2 = 0;
  double w = 1, m = 0, v = 0;
  for (int step = 1; step <= 50; step++) {
    const float gradient = std::sin(static_cast<float>(step)) + 0.3f;
    m = 0.9 * m + 0.1 * gradient;
    v = 0.999 * v + 0.001 * gradient * gradient;
    const double correction1 = 1 - std::pow(0.9, step), correction2 = 1 - std::pow(0.999, step);
    w -= rate * (m / correction1) / (std::sqrt(v / correction2) + 1e-8);
    m_.ops->step_adam(&m_, 1, rate, correction1, correction2, &gradient, &average1, &average2, &value);
    // beta2 as a float is off by 1e-8 of 1, which is 1e-5 of 1 - beta2; each step adds that and a few roundings.
    EXPECT_NEAR(value, w, 2e-5 * rate * step + 2 * 0x1p-24 * step);
  }
}

TEST_F(Machine, StepsDown) {
  const float gradient[] = {1, -2, 0};
  float value[] = {1, 1, 1};
  m_.ops->step_sgd(&m_, 3, 0.5f, gradient, value);
  EXPECT_EQ(value[0], 0.5f);
  EXPECT_EQ(value[1], 2);
  EXPECT_EQ(value[2], 1);
}

TEST(MachineOpen, GivesTheLibrarysAnswerWhenThereIsNoGpu) {
  wn_device *device = nullptr;
  const wn_status status = wn_device_open(&device, WN_CUDA, 0);
  const std::string why = status == WN_OK ? "processor only" : wn_last_error();
  wn_device_close(device);
  machine m;
  fault f = {};
  EXPECT_FALSE(machine_open(&m, WN_CUDA, 1, &f));
  EXPECT_NE(std::string(f.text).find(why), std::string::npos) << f.text;
}

}  // namespace
