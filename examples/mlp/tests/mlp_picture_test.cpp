// Networks over pictures: convolution, pooling and dropout against a float64 network and its differences, in both
// layouts; what dropout draws; windows that cannot be.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "mlp_network.h"
#include "mlp_picture_reference.h"

namespace {

constexpr int64_t rows = 19;  // more than a slice of pictures, and not whole slices
constexpr int64_t classes = 3;

stage_spec convolution(int64_t units, window_shape w) {
  stage_spec s = {};
  s.kind = &stage_convolution;
  s.units = units;
  s.window = w;
  return s;
}

stage_spec pool(window_shape w) {
  stage_spec s = {};
  s.kind = &stage_average_pool;
  s.window = w;
  return s;
}

stage_spec batch_norm(wn_act act) {
  stage_spec s = {};
  s.kind = &stage_norm;
  s.norm.kind = WN_BATCH;
  s.norm.act = act;
  s.norm.eps = 1e-2;
  s.norm.momentum = 0.1;
  return s;
}

stage_spec activation(wn_act act) {
  stage_spec s = {};
  s.kind = &stage_activation;
  s.act = act;
  return s;
}

stage_spec dropout(double share) {
  stage_spec s = {};
  s.kind = &stage_dropout;
  s.drop = share;
  return s;
}

stage_spec linear(int64_t units) {
  stage_spec s = {};
  s.kind = &stage_linear;
  s.units = units;
  return s;
}

class PictureTest : public wn::NetworkTest {
 protected:
  bool build(const std::vector<stage_spec> &stages, form input, int64_t most_rows = rows) {
    return NetworkTest::build(stages, input, most_rows);
  }
};

struct Case {
  const char *name;
  form input;
  std::vector<stage_spec> stages;
};

class PictureGradient : public PictureTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    PictureTest::SetUp();
    const Case &c = GetParam();
    ASSERT_TRUE(build(c.stages, c.input)) << fault_.text;
    reset(1);
    reference_.stages = c.stages;
    reference_.input = c.input;
    std::mt19937 random(12);
    std::normal_distribution<float> normal;
    wn::draw_parameters(&m_, net_, &random, &normal, &reference_.parameters);
    ASSERT_FALSE(HasFatalFailure());
    for (int64_t i = 0; i < rows * form_values(&c.input); i++) images_.push_back(normal(random));
    for (int64_t i = 0; i < rows; i++) labels_.push_back(static_cast<uint8_t>(random() % classes));
  }

  void run() {
    const float *const images = put(images_);
    ASSERT_TRUE(network_forward(&net_, true, rows, images, &fault_)) << fault_.text;
    ASSERT_TRUE(network_backward(&net_, rows, images, put(labels_), &fault_)) << fault_.text;
    for (int i = 0; i < net_.stage_count; i++) {
      if (net_.stages[i].spec.kind == &stage_dropout) take_mask(net_.stages[i], net_.stages[i - 1].y);
    }
  }
  // What this pass dropped is seen from outside: its output is 0 where its input is not.
  void take_mask(const stage &s, const float *from) {
    const size_t count = static_cast<size_t>(rows * form_values(&s.in));
    const std::vector<float> x = get(from, count), y = get(s.y, count);
    wn::Vector mask;
    for (size_t i = 0; i < count; i++) {
      ASSERT_NE(x[i], 0);
      mask.push_back(y[i] == 0 ? 0 : 1 / (1 - s.spec.drop));
    }
    reference_.masks.push_back(mask);
  }

  // As in mlp_gradient_test.cpp; the longest sums are those of a convolution's weights, over rows and positions.
  double tolerance() const {
    const double terms = static_cast<double>(rows * form_positions(&GetParam().input)) + 8;
    return 2 * 4 * std::sqrt(2 * static_cast<double>(net_.stage_count) * terms) * 0x1p-24;
  }

  wn::PictureReference reference_;
  std::vector<float> images_;
  std::vector<uint8_t> labels_;
};

TEST_P(PictureGradient, AgreesWithFiniteDifferences) {
  run();
  ASSERT_FALSE(HasFatalFailure());
  expect_agreement(&reference_, rows, images_, labels_, tolerance());
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const wn_layout layout : {WN_NCX, WN_NXC}) {
    const bool ncx = layout == WN_NCX;
    // 6 x 5 to 6 x 5 to 3 x 3 to 2 x 2.
    all.push_back({ncx ? "all_ncx" : "all_nxc",
                   {2, 6, 5, layout},
                   {convolution(3, {3, 1, 1}), batch_norm(WN_ACT_SILU), convolution(4, {3, 2, 1}),
                    activation(WN_ACT_TANH), pool({2, 1, 0}), dropout(0.3), linear(classes)}});
    // Strides beyond the size, which see not all of a picture; a window of the picture's size; one of a single value.
    all.push_back({ncx ? "gaps_ncx" : "gaps_nxc",
                   {2, 7, 8, layout},
                   {convolution(3, {1, 1, 0}), pool({1, 2, 0}), convolution(4, {2, 3, 1}), activation(WN_ACT_SIGMOID),
                    convolution(5, {2, 1, 0}), linear(classes)}});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Each, PictureGradient, testing::ValuesIn(cases()),
                         [](const auto &info) { return std::string(info.param.name); });

using Picture = PictureTest;

// Means over all positions stand before the linear layer, so that its weights do not know the layout.
TEST_F(Picture, BothLayoutsAreTheSameNetwork) {
  constexpr int64_t channels = 2, side = 6, positions = side * side;
  std::vector<float> ncx(rows * channels * positions), nxc(ncx.size());
  for (int64_t row = 0; row < rows; row++)
    for (int64_t c = 0; c < channels; c++)
      for (int64_t p = 0; p < positions; p++) {
        const float value = std::sin(static_cast<float>((row * channels + c) * positions + p * p));
        ncx[static_cast<size_t>((row * channels + c) * positions + p)] = value;
        nxc[static_cast<size_t>((row * positions + p) * channels + c)] = value;
      }
  const uint8_t *const labels = put(std::vector<uint8_t>(rows, 1));
  std::vector<std::vector<float>> results[2];
  for (const wn_layout layout : {WN_NCX, WN_NXC}) {
    ASSERT_TRUE(build({convolution(6, {3, 1, 1}), batch_norm(WN_ACT_SILU), convolution(8, {3, 2, 1}),
                       batch_norm(WN_ACT_SILU), pool({3, 1, 0}), linear(classes)},
                      {channels, side, side, layout}))
        << fault_.text;
    reset(3);
    const float *const images = put(layout == WN_NCX ? ncx : nxc);
    ASSERT_TRUE(network_forward(&net_, true, rows, images, &fault_)) << fault_.text;
    ASSERT_TRUE(network_backward(&net_, rows, images, labels, &fault_)) << fault_.text;
    std::vector<std::vector<float>> &result = results[layout == WN_NXC ? 1 : 0];
    result.push_back(get(net_.logits, rows * classes));
    for (int t = 0; t < net_.tensor_count; t++) {
      if (net_.tensors[t].name != std::string("bias")) result.push_back(gradient(t));
    }
  }
  for (size_t t = 0; t < results[0].size(); t++) {
    float largest = 0;
    for (const float v : results[0][t]) largest = std::max(largest, std::fabs(v));
    EXPECT_GT(largest, 1e-4);
    // Sums of up to rows x positions terms in another order, through six stages there and back.
    const double tolerance = 2 * 4 * std::sqrt(2.0 * 6 * rows * positions) * 0x1p-24 * largest;
    for (size_t i = 0; i < results[0][t].size(); i++) EXPECT_NEAR(results[0][t][i], results[1][t][i], tolerance) << t;
  }
}

TEST_F(Picture, DropoutDropsItsShareAndKeepsTheMean) {
  constexpr int64_t values = 500;
  constexpr double share = 0.3;
  ASSERT_TRUE(build({dropout(share), dropout(share)}, {values, 1, 1, WN_NCX})) << fault_.text;
  std::vector<std::vector<float>> seen;
  const std::vector<float> x(rows * values, 2);
  const float *const images = put(x);
  for (const uint64_t seed : {1, 2, 1}) {
    reset(seed);
    for (int pass = 0; pass < 2; pass++) {
      ASSERT_TRUE(network_forward(&net_, true, rows, images, &fault_)) << fault_.text;
      seen.push_back(get(net_.stages[0].y, x.size()));
      for (const float v : seen.back()) ASSERT_TRUE(v == 0 || v == static_cast<float>(2 / (1 - share))) << v;
      const double dropped = static_cast<double>(std::count(seen.back().begin(), seen.back().end(), 0.0f));
      const double count = static_cast<double>(x.size());
      EXPECT_NEAR(dropped, share * count, 5 * std::sqrt(share * (1 - share) * count));  // 5 standard deviations
    }
    // The second stage's draws are its own.
    const std::vector<float> twice = get(net_.stages[1].y, x.size());
    const double left =
        static_cast<double>(x.size()) - static_cast<double>(std::count(twice.begin(), twice.end(), 0.0f));
    EXPECT_NEAR(left / static_cast<double>(x.size()), (1 - share) * (1 - share), 0.03);
  }
  EXPECT_NE(seen[0], seen[1]);  // from pass to pass
  EXPECT_NE(seen[0], seen[2]);  // from seed to seed
  EXPECT_EQ(seen[0], seen[4]);
  EXPECT_EQ(seen[1], seen[5]);
  ASSERT_TRUE(network_forward(&net_, false, rows, images, &fault_)) << fault_.text;
  EXPECT_EQ(get(net_.logits, x.size()), x);
}

TEST_F(Picture, DropoutLeavesTheFirstWeightsAlone) {
  const form input = {4, 1, 1, WN_NCX};
  ASSERT_TRUE(build({linear(5), linear(classes)}, input)) << fault_.text;
  reset(7);
  const std::vector<float> without[] = {value(0), value(2)};
  ASSERT_TRUE(build({dropout(0.5), linear(5), dropout(0.5), linear(classes)}, input)) << fault_.text;
  reset(7);
  EXPECT_EQ(value(0), without[0]);
  EXPECT_EQ(value(2), without[1]);
}

TEST_F(Picture, SaysWhatCannotBe) {
  const form input = {2, 4, 5, WN_NXC};
  const struct {
    stage_spec stage;
    const char *text;
  } wrong[] = {
      {convolution(0, {3, 1, 1}), "a convolution of 0 channels: it needs one"},
      {convolution(3, {0, 1, 0}), "a window of size 0: expected 1 or more"},
      {convolution(3, {3, 0, 1}), "a window of stride 0: expected 1 or more"},
      {convolution(3, {3, 1, 3}), "a window of pad 3: expected 0 to its size less 1, 2"},
      {convolution(3, {3, 1, -1}), "a window of pad -1: expected 0 to its size less 1, 2"},
      {convolution(3, {7, 1, 1}), "a window of size 7: larger than the picture, 6 x 7 with its pad"},
      {pool({5, 1, 0}), "a window of size 5: larger than the picture, 4 x 5 with its pad"},
      {pool({2, 1, 1}), "an average pooling of pad 1: expected 0"},
      {dropout(1), "a dropout of share 1: expected 0 or more, and less than 1"},
      {dropout(-0.5), "a dropout of share -0.5: expected 0 or more, and less than 1"},
      {dropout(std::nan("")), "a dropout of share nan: expected 0 or more, and less than 1"},
  };
  for (const auto &w : wrong) {
    EXPECT_FALSE(build({w.stage}, input));
    EXPECT_STREQ(fault_.text, w.text);
  }
}

}  // namespace
