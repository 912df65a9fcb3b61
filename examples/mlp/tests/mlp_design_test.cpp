// Networks as data: forms with positions, weights scaled by their inputs, and what looks on during a training.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "mlp_machine.h"

extern "C" {
#include "network.h"
#include "train.h"
}

namespace {

class Design : public wn::MachineTest {
 protected:
  static stage_spec linear(int64_t units) {
    stage_spec s = {};
    s.kind = &stage_linear;
    s.units = units;
    return s;
  }
  static stage_spec norm(wn_kind kind) {
    stage_spec s = {};
    s.kind = &stage_norm;
    s.norm.kind = kind;
    s.norm.groups = 1;
    s.norm.eps = 1e-6;
    s.norm.momentum = 0.1;
    return s;
  }
  network_design design(form input) const {
    network_design d = {};
    d.input = input;
    d.stage_count = static_cast<int>(stages_.size());
    d.stages = stages_.data();
    return d;
  }

  std::vector<stage_spec> stages_;
  fault fault_ = {};
};

// Batch norm takes its mean over pictures and positions of a channel, wherever the layout puts them.
TEST_F(Design, NormalizesOverThePositionsOfBothLayouts) {
  constexpr int64_t rows = 3, channels = 2, positions = 4;
  for (const wn_layout layout : {WN_NCX, WN_NXC}) {
    stages_ = {norm(WN_BATCH), linear(2)};
    const network_design d = design({channels, 2, 2, layout});
    network net;
    ASSERT_TRUE(network_build(&net, &m_, &d, rows, &fault_)) << fault_.text;
    rng random;
    rng_seed(&random, 1, 1);
    ASSERT_TRUE(network_reset(&net, &random, 1, &fault_)) << fault_.text;
    ASSERT_EQ(net.tensors[0].count, channels);  // gamma
    std::vector<float> x;
    for (int64_t i = 0; i < rows * channels * positions; i++) x.push_back(static_cast<float>(i * i % 17));
    ASSERT_TRUE(network_forward(&net, true, rows, put(x), &fault_)) << fault_.text;
    const std::vector<float> y = get(net.stages[0].y, x.size());
    for (int64_t c = 0; c < channels; c++) {
      double sum = 0, squares = 0;
      for (int64_t i = 0; i < rows * channels * positions; i++) {
        const int64_t channel = layout == WN_NCX ? i / positions % channels : i % channels;
        if (channel != c) continue;
        sum += y[static_cast<size_t>(i)];
        squares += std::pow(y[static_cast<size_t>(i)], 2);
      }
      EXPECT_NEAR(sum / (rows * positions), 0, 1e-6);
      EXPECT_NEAR(squares / (rows * positions), 1, 1e-5);
    }
    network_destroy(&net);
  }
}

TEST_F(Design, NormalizesEachGhostPartOnItsOwn) {
  constexpr int64_t rows = 6, features = 3;
  std::vector<float> x;
  for (int64_t i = 0; i < rows * features; i++) x.push_back(static_cast<float>(i * i % 17));
  std::vector<float> seen[2];
  stages_ = {norm(WN_BATCH)};
  for (const int64_t parts : {1, 2}) {
    stages_[0].norm.parts = parts;
    const network_design d = design({features, 1, 1, WN_NCX});
    network net;
    ASSERT_TRUE(network_build(&net, &m_, &d, rows, &fault_)) << fault_.text;
    rng random;
    rng_seed(&random, 1, 1);
    ASSERT_TRUE(network_reset(&net, &random, 1, &fault_)) << fault_.text;
    const int64_t at_once = parts == 2 ? rows : rows / 2;  // one call of two parts, or two calls of one
    for (int64_t first = 0; first < rows; first += at_once) {
      const std::vector<float> some(x.begin() + first * features, x.begin() + (first + at_once) * features);
      ASSERT_TRUE(network_forward(&net, true, at_once, put(some), &fault_)) << fault_.text;
      const std::vector<float> y = get(net.logits, some.size());
      seen[parts - 1].insert(seen[parts - 1].end(), y.begin(), y.end());
    }
    if (parts == 2) {
      EXPECT_FALSE(network_forward(&net, true, 5, put(x), &fault_));
      EXPECT_NE(std::string(fault_.text).find("args.n is 5"), std::string::npos) << fault_.text;
      EXPECT_TRUE(network_forward(&net, false, 5, put(x), &fault_)) << fault_.text;  // inference has no parts
    }
    network_destroy(&net);
  }
  EXPECT_EQ(seen[0], seen[1]);
}

TEST_F(Design, WeightsPerInputHaveTheDeviationOverTheRootOfTheInputs) {
  stages_ = {linear(9), linear(4)};
  network_design d = design({16, 1, 1, WN_NCX});
  std::vector<std::vector<float>> plain;
  for (const bool per_input : {false, true}) {
    d.per_input = per_input;
    network net;
    ASSERT_TRUE(network_build(&net, &m_, &d, 1, &fault_)) << fault_.text;
    rng random;
    rng_seed(&random, 1, 1);
    ASSERT_TRUE(network_reset(&net, &random, 2, &fault_)) << fault_.text;
    for (const int at : {0, 2}) {  // the weights; the biases between are 0
      const std::vector<float> weight = get(net.tensors[at].value, static_cast<size_t>(net.tensors[at].count));
      if (!per_input) plain.push_back(weight);
      const float root = at == 0 ? 4.0f : 3.0f;
      if (per_input) {
        for (size_t i = 0; i < weight.size(); i++) EXPECT_FLOAT_EQ(weight[i] * root, plain[at == 0 ? 0 : 1][i]);
      }
    }
    network_destroy(&net);
  }
}

// A stage that cannot be made: the one before it and those never reached are given back (LeakSanitizer looks).
TEST_F(Design, FailsAtAStageAndWithoutOne) {
  stages_ = {norm(WN_BATCH), norm(static_cast<wn_kind>(99)), linear(2)};
  network_design d = design({4, 1, 1, WN_NCX});
  network net;
  EXPECT_FALSE(network_build(&net, &m_, &d, 3, &fault_));
  EXPECT_NE(std::string(fault_.text).find("99"), std::string::npos) << fault_.text;
  EXPECT_EQ(net.stages, nullptr);
  d.stage_count = 0;
  EXPECT_FALSE(network_build(&net, &m_, &d, 3, &fault_));
  EXPECT_STREQ(fault_.text, "a network of 0 stages: it needs one");
}

struct Seen {
  std::vector<int64_t> steps;
  int64_t stop_at = -1;
  int ends = 0;
};

bool see_step(void *context, network *net, int64_t step, int64_t rows, const float *, const uint8_t *, fault *f) {
  auto *const seen = static_cast<Seen *>(context);
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(net->classes, DATASET_CLASSES);
  seen->steps.push_back(step);
  return step != seen->stop_at || fault_set(f, "stopped");
}

bool see_end(void *context, network *, fault *) {
  static_cast<Seen *>(context)->ends++;
  return true;
}

TEST_F(Design, TrainingIsWatchedStepByStepAndCanBeEnded) {
  stages_ = {linear(DATASET_CLASSES)};
  const network_design d = design({3, 1, 1, WN_NCX});
  Seen seen;
  const train_watch watch = {&seen, see_step, see_end};
  train_plan plan = {};
  plan.design = &d;
  plan.deviation = 0.1;
  plan.batch = 2;
  plan.epochs = 2;
  plan.epoch_steps = 3;
  plan.rate = 0.1;
  plan.training = plan.test = {4, 3, put(std::vector<float>(12, 0.5f)), put(std::vector<uint8_t>{0, 1, 2, 3})};
  plan.watch = &watch;
  train_result result = {};  // without samples
  ASSERT_TRUE(train_run(&m_, &plan, &result, nullptr, nullptr, &fault_)) << fault_.text;
  EXPECT_EQ(seen.steps, (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(seen.ends, 1);
  EXPECT_EQ(result.end.step, 6);
  seen = {};
  seen.stop_at = 1;
  EXPECT_FALSE(train_run(&m_, &plan, &result, nullptr, nullptr, &fault_));
  EXPECT_STREQ(fault_.text, "stopped");
  EXPECT_EQ(seen.steps, (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(seen.ends, 0);
}

}  // namespace
