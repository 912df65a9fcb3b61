// Networks over sequences: the recurrent stage, attention, residual connections and their neighbours against a float64
// network and its differences, for every norm; batch norm's running statistics of each step; what cannot be.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "mlp_network.h"
#include "mlp_sequence_reference.h"

namespace {

constexpr int64_t rows = 7, steps = 5, channels = 3, classes = 4;

stage_spec stage_of(const stage_kind &kind, int64_t units = 0) {
  stage_spec s = {};
  s.kind = &kind;
  s.units = units;
  return s;
}

stage_spec with_norm(stage_spec s, int kind) {
  s.normalized = kind != 0;
  s.norm.kind = static_cast<wn_kind>(kind);
  s.norm.eps = 1e-2;  // large enough to be seen when it is lost
  s.norm.momentum = 0.1;
  return s;
}

stage_spec norm(int kind) { return with_norm(stage_of(stage_norm), kind); }

stage_spec attention(int64_t heads) {
  stage_spec s = stage_of(stage_attention);
  s.heads = heads;
  return s;
}

stage_spec activation(wn_act act) {
  stage_spec s = stage_of(stage_activation);
  s.act = act;
  return s;
}

class SequenceTest : public wn::NetworkTest {
 protected:
  // For more rows than a pass has: what lies behind them must not be read.
  bool build(const std::vector<stage_spec> &stages, form input) { return NetworkTest::build(stages, input, rows + 3); }
  void reset() { NetworkTest::reset(1); }
  static std::vector<float> images(unsigned seed = 12) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> x(rows * steps * channels);
    for (float &v : x) v = normal(random);
    return x;
  }
};

struct Case {
  std::string name;
  std::vector<stage_spec> stages;
};

class SequenceGradient : public SequenceTest, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    SequenceTest::SetUp();
    reference_.stages = GetParam().stages;
    reference_.input = {channels, steps, 1, WN_NXC};
    ASSERT_TRUE(build(reference_.stages, reference_.input)) << fault_.text;
    reset();
    std::mt19937 random(13);
    std::normal_distribution<float> normal;
    wn::draw_parameters(&m_, net_, &random, &normal, &reference_.parameters);
    ASSERT_FALSE(HasFatalFailure());
    for (int64_t i = 0; i < rows; i++) labels_.push_back(static_cast<uint8_t>(random() % classes));
  }

  // As in mlp_gradient_test.cpp. A recurrent stage is as many layers as it has steps; the longest sums are those of
  // weights, over rows and steps.
  double tolerance() const {
    const double layers = static_cast<double>(net_.stage_count + steps), terms = rows * steps + 8;
    return 2 * 4 * std::sqrt(2 * layers * terms) * 0x1p-24;
  }

  wn::SequenceReference reference_;
  std::vector<float> images_ = images();
  std::vector<uint8_t> labels_;
};

TEST_P(SequenceGradient, AgreesWithFiniteDifferences) {
  const float *const x = put(images_);
  ASSERT_TRUE(network_forward(&net_, true, rows, x, &fault_)) << fault_.text;
  ASSERT_TRUE(network_backward(&net_, rows, x, put(labels_), &fault_)) << fault_.text;
  expect_agreement(&reference_, rows, images_, labels_, tolerance());
}

std::vector<stage_spec> transformer(int kind, bool post) {
  const bool pre = kind != 0 && !post, after = kind != 0 && post;
  std::vector<stage_spec> all = {stage_of(stage_linear_each, 6), stage_of(stage_places)};
  const auto block = [&](const std::vector<stage_spec> &stages) {
    all.push_back(stage_of(stage_fork));
    if (pre) all.push_back(norm(kind));
    all.insert(all.end(), stages.begin(), stages.end());
    all.push_back(stage_of(stage_join));
    if (after) all.push_back(norm(kind));
  };
  block({attention(2)});
  block({stage_of(stage_linear_each, 5), activation(WN_ACT_SILU), stage_of(stage_linear_each, 6)});
  all.push_back(stage_of(stage_mean));
  all.push_back(stage_of(stage_linear, classes));
  return all;
}

std::vector<Case> cases() {
  const int kinds[] = {0, WN_BATCH, WN_LAYER, WN_RMS};
  const char *const names[] = {"none", "batch", "layer", "rms"};
  std::vector<Case> all;
  for (int i = 0; i < 4; i++) {
    const std::string name = names[i];
    const stage_spec recurrent = with_norm(stage_of(stage_recurrent, 6), kinds[i]);
    all.push_back({"recurrent_" + name, {recurrent, stage_of(stage_linear, classes)}});
    all.push_back({"transformer_" + name, transformer(kinds[i], false)});
    if (i > 0) all.push_back({"transformer_post_" + name, transformer(kinds[i], true)});
  }
  // Gradients at the images of a recurrent stage and of attention, and skips inside of one another.
  all.push_back({"embedded",
                 {stage_of(stage_linear_each, 4), with_norm(stage_of(stage_recurrent, 6), WN_LAYER),
                  stage_of(stage_linear, classes)}});
  all.push_back({"nested",
                 {stage_of(stage_linear_each, 4), stage_of(stage_fork), attention(1), stage_of(stage_fork),
                  activation(WN_ACT_TANH), stage_of(stage_join), activation(WN_ACT_SILU), stage_of(stage_join),
                  stage_of(stage_linear, classes)}});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Each, SequenceGradient, testing::ValuesIn(cases()),
                         [](const auto &info) { return info.param.name; });

using Sequence = SequenceTest;

// After one training pass with momentum 1 the running statistics of each step are those of the batch: inference gives
// what training gave. Statistics shared by the steps would not, and the first pass's are gone.
TEST_F(Sequence, EachStepHasRunningStatisticsOfItsOwn) {
  stage_spec recurrent = with_norm(stage_of(stage_recurrent, 6), WN_BATCH);
  recurrent.norm.momentum = 1;
  recurrent.norm.eps = 1e-5;
  ASSERT_TRUE(build({recurrent, stage_of(stage_linear, classes)}, {channels, steps, 1, WN_NXC})) << fault_.text;
  reset();
  const float *const other = put(images(1)), *const x = put(images(2));
  ASSERT_TRUE(network_forward(&net_, true, rows, other, &fault_)) << fault_.text;
  ASSERT_TRUE(network_forward(&net_, false, rows, x, &fault_)) << fault_.text;
  const std::vector<float> stale = get(net_.logits, rows * classes);
  ASSERT_TRUE(network_forward(&net_, true, rows, x, &fault_)) << fault_.text;
  const std::vector<float> training = get(net_.logits, rows * classes);
  ASSERT_TRUE(network_forward(&net_, false, rows, x, &fault_)) << fault_.text;
  const std::vector<float> inference = get(net_.logits, rows * classes);
  double apart = 0;
  for (size_t i = 0; i < training.size(); i++) {
    EXPECT_NEAR(training[i], inference[i], 1e-4) << i;
    apart = std::max(apart, std::fabs(static_cast<double>(training[i]) - stale[i]));
  }
  EXPECT_GT(apart, 1e-2);
}

TEST_F(Sequence, GammaBeginsWhereItIsTold) {
  for (const double first : {0.0, 0.1}) {
    stage_spec recurrent = with_norm(stage_of(stage_recurrent, 6), WN_BATCH);
    recurrent.first_gamma = first;
    ASSERT_TRUE(build({recurrent}, {channels, steps, 1, WN_NXC})) << fault_.text;
    reset();
    ASSERT_STREQ(net_.tensors[2].name, "gamma");
    EXPECT_EQ(value(2), std::vector<float>(6, first == 0 ? 1.0f : 0.1f));
  }
}

// The order of the numbers that are drawn knows nothing of the norm.
TEST_F(Sequence, NormsLeaveTheFirstWeightsAlone) {
  std::vector<std::vector<float>> without, with;
  for (const int kind : {0, static_cast<int>(WN_RMS)}) {
    ASSERT_TRUE(build({with_norm(stage_of(stage_recurrent, 6), kind), stage_of(stage_linear, classes)},
                      {channels, steps, 1, WN_NXC}))
        << fault_.text;
    reset();
    std::vector<std::vector<float>> &to = kind ? with : without;
    for (int t = 0; t < net_.tensor_count; t++)
      if (net_.tensors[t].name != std::string("gamma")) to.push_back(value(t));
  }
  EXPECT_EQ(without, with);
}

TEST_F(Sequence, SaysWhatCannotBe) {
  const form ncx = {4, 5, 1, WN_NCX}, nxc = {4, 5, 1, WN_NXC};
  const struct {
    form input;
    std::vector<stage_spec> stages;
    const char *text;
  } wrong[] = {
      {ncx, {attention(2)}, "attention over pictures in NCX: expected NXC"},
      {ncx, {stage_of(stage_recurrent, 2)}, "a recurrent network over pictures in NCX: expected NXC"},
      {ncx, {stage_of(stage_linear_each, 2)}, "a linear for each position over pictures in NCX: expected NXC"},
      {ncx, {stage_of(stage_mean)}, "a mean over pictures in NCX: expected NXC"},
      {nxc, {attention(3)}, "attention of 3 heads: expected a divisor of its 4 channels"},
      {nxc, {attention(0)}, "attention of 0 heads: expected a divisor of its 4 channels"},
      {nxc, {stage_of(stage_recurrent)}, "a recurrent network of 0 units: it needs one"},
      {nxc,
       {stage_of(stage_fork), stage_of(stage_join), stage_of(stage_join)},
       "stage 2 is a join without a fork before it"},
      {nxc,
       {stage_of(stage_fork), stage_of(stage_linear_each, 3), stage_of(stage_join)},
       "a join of 3 x 5 x 1 values with a fork of 4 x 5 x 1: expected the same form"},
  };
  for (const auto &w : wrong) {
    EXPECT_FALSE(build(w.stages, w.input));
    EXPECT_STREQ(fault_.text, w.text);
  }
}

// A norm that cannot be made ends the network before it is trained, and gives back the steps before (LeakSanitizer).
TEST_F(Sequence, SaysWhichNormCannotBe) {
  EXPECT_FALSE(build({with_norm(stage_of(stage_recurrent, 6), 99)}, {channels, steps, 1, WN_NXC}));
  EXPECT_NE(std::string(fault_.text).find("99"), std::string::npos) << fault_.text;
}

}  // namespace
