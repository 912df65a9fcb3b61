// The arithmetic of a machine's table, as far as the gradients of the network do not show it.
#include "mlp_machine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "mlp_reference.h"

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

class Machine : public wn::MachineTest {};

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
        p.a = put(a), p.b = put(b);
        p.c = add ? put(y) : room<float>(y.size());
        p.a_transposed = a_transposed, p.b_transposed = b_transposed, p.add = add;
        m_.ops->multiply(&m_, &p);
        y = get(p.c, y.size());
        for (int64_t i = 0; i < n; i++)
          for (int64_t j = 0; j < c; j++) {
            float sum = add ? 100 : 0;
            for (int64_t l = 0; l < k; l++) sum += a_at(i, l) * b_at(l, j);
            EXPECT_EQ(y[size_t(i * c + j)], sum);
          }
      }
}

TEST_F(Machine, PredictsAsNumpysArgmax) {
  const float *const logits = put<float>({1, 3, 3, 2,   /* the first of equal ones */
                                          1, 2, nan, 9, /* NaN is the largest */
                                          nan, nan, 0, 0, -1, -2, -3, -0.5f});
  const uint8_t *const labels = put<uint8_t>({1, 2, 0, 3});
  score *const result = room<score>(1);
  m_.ops->softmax_loss(&m_, 4, 4, logits, labels, nullptr, result);
  EXPECT_EQ(get(result, 1)[0].correct, 4);
  EXPECT_TRUE(std::isnan(get(result, 1)[0].loss));
}

TEST_F(Machine, SoftmaxOfHugeLogitsIsFinite) {
  const float *const logits = put<float>({3e38f, 0, -3e38f, 1e30f, 1e30f, 0});
  const uint8_t *const labels = put<uint8_t>({0, 1});
  float *const d = room<float>(6);
  score *const result = room<score>(1);
  m_.ops->softmax_loss(&m_, 2, 3, logits, labels, d, result);
  EXPECT_DOUBLE_EQ(get(result, 1)[0].loss, std::log(2.0));
  EXPECT_EQ(get(d, 6), std::vector<float>({0, 0, 0, 0.25f, -0.25f, 0}));
}

TEST_F(Machine, SumsManyRows) {
  // More rows than a GPU's block has threads, more columns than one block takes; whole numbers, so that sums are exact.
  constexpr int64_t rows = 2500, columns = 21;
  std::vector<float> x(rows * columns), sums(columns);
  std::vector<uint8_t> labels(rows);
  int64_t correct = 0;
  for (int64_t row = 0; row < rows; row++) {
    labels[size_t(row)] = static_cast<uint8_t>(row * 7 % 4);
    int64_t largest = 0;
    for (int64_t column = 0; column < columns; column++) {
      const float value = float((row * 31 + column * 17) % 64);
      x[size_t(row * columns + column)] = value;
      sums[size_t(column)] += value;
      if (value > x[size_t(row * columns + largest)]) largest = column;
    }
    correct += largest == labels[size_t(row)];
  }
  const float *const there = put(x);
  float *const sum = room<float>(columns);
  m_.ops->column_sum(&m_, rows, columns, there, sum);
  EXPECT_EQ(get(sum, columns), sums);
  score *const result = room<score>(1);
  m_.ops->softmax_loss(&m_, rows, columns, there, put(labels), nullptr, result);
  EXPECT_EQ(get(result, 1)[0].correct, correct);
  EXPECT_GT(correct, 0);
}

TEST_F(Machine, AddsBiasesAndFills) {
  constexpr int64_t rows = 3, columns = 300; /* beyond a block's threads */
  std::vector<float> bias(columns), expected;
  for (int64_t i = 0; i < columns; i++) bias[size_t(i)] = float(i);
  for (int64_t i = 0; i < rows * columns; i++) expected.push_back(0.5f + float(i % columns));
  float *const y = room<float>(rows * columns);
  m_.ops->fill(&m_, rows * columns, 0.5f, y);
  m_.ops->bias_add(&m_, rows, columns, put(bias), y);
  EXPECT_EQ(get(y, expected.size()), expected);
}

TEST_F(Machine, RoundsToBf16) {
  const uint32_t low_payload = 0x7f800001; /* a NaN whose upper half alone would be infinity */
  float narrow;
  std::memcpy(&narrow, &low_payload, sizeof narrow);
  const std::vector<float> x = {1,
                                1 + 0x1p-8f,
                                1 + 3 * 0x1p-8f,
                                1 + 0x1.01p-8f,
                                -1 - 0x1.01p-8f,
                                infinity,
                                -infinity,
                                std::numeric_limits<float>::max(),
                                0x1p-133f,
                                0x1p-134f,
                                narrow};
  const float expected[] = {1, 1, 1 + 0x1p-6f, 1 + 0x1p-7f, -1 - 0x1p-7f, infinity, -infinity, infinity, 0x1p-133f, 0};
  const size_t count = x.size();
  auto *const y = room<uint16_t>(count);
  auto *const back = room<float>(count);
  m_.ops->to_bf16(&m_, static_cast<int64_t>(count), put(x), y);
  m_.ops->from_bf16(&m_, static_cast<int64_t>(count), y, back);
  const std::vector<float> rounded = get(back, count);
  for (size_t i = 0; i + 1 < count; i++) EXPECT_EQ(rounded[i], expected[i]) << i;
  EXPECT_TRUE(std::isnan(rounded[count - 1]));
}

TEST_F(Machine, GathersRows) {
  const float *const images = put<float>({0, 1, 10, 11, 20, 21});
  const uint8_t *const labels = put<uint8_t>({5, 6, 7});
  const int32_t *const index = put<int32_t>({2, 0, 2, 1});
  float *const rows = room<float>(8);
  uint8_t *const names = room<uint8_t>(4);
  m_.ops->gather(&m_, 4, 2, index, images, labels, rows, names);
  EXPECT_EQ(get(rows, 8), std::vector<float>({20, 21, 0, 1, 20, 21, 10, 11}));
  EXPECT_EQ(get(names, 4), std::vector<uint8_t>({7, 5, 7, 6}));
}

TEST_F(Machine, ActivationsMatchTheirDefinitionAndKeepNaN) {
  std::vector<float> x = {nan};
  for (int sixteenth = -96; sixteenth <= 96; sixteenth++) x.push_back(static_cast<float>(sixteenth) / 16);
  const float *const there = put(x);
  float *const y = room<float>(x.size());
  for (int act = WN_ACT_NONE; act <= WN_ACT_SILU; act++) {
    m_.ops->activate(&m_, static_cast<wn_act>(act), static_cast<int64_t>(x.size()), there, y);
    const std::vector<float> values = get(y, x.size());
    EXPECT_TRUE(std::isnan(values[0])) << act;
    for (size_t i = 1; i < x.size(); i++) {
      const double expected = wn::reference_activation(static_cast<wn_act>(act), x[i]);
      // One rounding to f32 of a value from the C library's double functions; gelu's 1 + erf loses digits below 0.
      EXPECT_NEAR(values[i], expected, 0x1p-24 * std::fabs(expected) + 1e-14) << act << " at " << x[i];
    }
  }
  for (const wn_act act : {WN_ACT_RELU, WN_ACT_LEAKY_RELU}) {
    float *const d = put<float>({8, infinity, 8});
    m_.ops->activate_back(&m_, act, 3, put<float>({0, -1, 1}), d);
    const bool relu = act == WN_ACT_RELU;
    EXPECT_EQ(get(d, 3), std::vector<float>({relu ? 0 : 0.08f, relu ? 0 : infinity, 8}));
  }
}

TEST_F(Machine, StepsAsAdam) {
  // Against the paper's recursion in float64, over enough steps for the corrections to matter and fade.
  const float rate = 0.01f;
  float *const value = put<float>({1}), *const average1 = put<float>({0}), *const average2 = put<float>({0});
  double w = 1, m = 0, v = 0;
  for (int step = 1; step <= 50; step++) {
    const float gradient = std::sin(static_cast<float>(step)) + 0.3f;
    m = 0.9 * m + 0.1 * gradient;
    v = 0.999 * v + 0.001 * gradient * gradient;
    const double correction1 = 1 - std::pow(0.9, step), correction2 = 1 - std::pow(0.999, step);
    w -= rate * (m / correction1) / (std::sqrt(v / correction2) + 1e-8);
    m_.ops->step_adam(&m_, 1, rate, correction1, correction2, put<float>({gradient}), average1, average2, value);
    // beta2 as a float is off by 1e-8 of 1, which is 1e-5 of 1 - beta2; each step adds that and a few roundings.
    EXPECT_NEAR(get(value, 1)[0], w, 2e-5 * rate * step + 2 * 0x1p-24 * step);
  }
}

TEST_F(Machine, StepsDown) {
  float *const value = put<float>({1, 1, 1});
  m_.ops->step_sgd(&m_, 3, 0.5f, put<float>({1, -2, 0}), value);
  EXPECT_EQ(get(value, 3), std::vector<float>({0.5f, 2, 1}));
}

TEST_F(Machine, KeepsTheFirstFailure) {
  fault f = {};
  float *const x = put<float>({1});
  float back = 0;
  machine_fail(&m_, "%s", "the first");
  machine_fail(&m_, "%s", "the second");
  EXPECT_FALSE(machine_read(&m_, &back, x, sizeof back, &f));
  EXPECT_STREQ(f.text, "the first");
  EXPECT_FALSE(machine_write(&m_, x, &back, sizeof back, &f));
  EXPECT_STREQ(f.text, "the first");
}

TEST(MachineOpen, GivesTheLibrarysAnswerWhenThereIsNoSuchGpu) {
  wn_device *device = nullptr;
  ASSERT_EQ(wn_device_open(&device, WN_CUDA, 1023), WN_ERR_NO_DEVICE);
  const std::string why = wn_last_error();
  machine m;
  fault f = {};
  EXPECT_FALSE(machine_open(&m, WN_CUDA, 1023, 1, &f));
  EXPECT_NE(std::string(f.text).find(why), std::string::npos) << f.text;
}

}  // namespace
