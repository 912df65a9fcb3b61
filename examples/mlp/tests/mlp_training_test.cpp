// What a training does beside gradients: running statistics, inference, equal starts, the optimizer's step.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "mlp_machine.h"
#include "mlp_reference.h"

extern "C" {
#include "optimizer.h"
#include "train.h"
}

namespace {

constexpr int64_t inputs = 6, width = 12, classes = 10, count = 40;

network_shape shape_of(int kind) {
  network_shape shape = {};
  shape.inputs = inputs;
  shape.width = width;
  shape.classes = classes;
  shape.hidden = 2;
  shape.act = WN_ACT_RELU;
  shape.normalized = kind != 0;
  shape.norm.kind = static_cast<wn_kind>(kind);
  shape.norm.groups = 3;
  shape.norm.eps = 1e-6;
  shape.norm.momentum = 0.1;
  return shape;
}

class Training : public wn::MachineTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(MachineTest::SetUp());
    std::mt19937 random(5);
    std::uniform_real_distribution<float> uniform;
    for (int64_t i = 0; i < count * inputs; i++) images_.push_back(uniform(random));
    for (int64_t i = 0; i < count; i++) labels_.push_back(static_cast<uint8_t>(random() % classes));
    device_ = {count, inputs, put(images_), put(labels_)};
  }

  std::vector<float> values(const tensor &t, const float *from) { return get(from, static_cast<size_t>(t.count)); }

  void start(network *net, int kind, int64_t most_rows) {
    const network_shape shape = shape_of(kind);
    ASSERT_TRUE(network_create(net, &m_, &shape, most_rows, &fault_)) << fault_.text;
    rng random;
    rng_seed(&random, 1, 1);
    ASSERT_TRUE(network_reset(net, &random, 0.5, &fault_)) << fault_.text;
  }

  fault fault_ = {};
  std::vector<float> images_;
  std::vector<uint8_t> labels_;
  train_images device_ = {};
};

TEST_F(Training, StartsAsTheStudySays) {
  network plain = {}, normalized = {};
  start(&plain, 0, 8);
  start(&normalized, WN_BATCH, 8);
  ASSERT_EQ(plain.tensor_count, 6);
  ASSERT_EQ(normalized.tensor_count, 10);
  for (int layer = 0; layer <= 2; layer++) {
    const tensor &here = plain.tensors[2 * layer], &there = normalized.tensors[4 * layer];
    EXPECT_EQ(values(here, here.value), values(there, there.value)) << "weights of layer " << layer;
  }
  double square = 0;
  int64_t weights = 0;
  for (int i = 0; i < normalized.tensor_count; i++) {
    const tensor &t = normalized.tensors[i];
    for (const float v : values(t, t.value)) {
      if (t.name == std::string("weight")) {
        square += v * v;
        weights++;
      } else {
        EXPECT_EQ(v, t.name == std::string("gamma") ? 1 : 0) << t.name;
      }
    }
  }
  // A sum of squares of n normal numbers varies by sqrt(2 n): within 4 of that.
  EXPECT_NEAR(square / weights / 0.25, 1, 4 * std::sqrt(2.0 / static_cast<double>(weights)));
  network_destroy(&plain);
  network_destroy(&normalized);
}

TEST_F(Training, InfersFromRunningStatistics) {
  network net = {};
  start(&net, WN_BATCH, count);
  wn::Reference reference(shape_of(WN_BATCH));
  reference.update = true;
  reference.running_mean.assign(2, wn::Vector(width, 0));
  reference.running_var.assign(2, wn::Vector(width, 0)); /* 0, as the text begins, not 1 */
  for (int i = 0; i < net.tensor_count; i++) {
    const std::vector<float> v = values(net.tensors[i], net.tensors[i].value);
    reference.parameters.emplace_back(v.begin(), v.end());
  }
  constexpr int64_t rows = 10;
  for (int64_t first = 0; first < 3 * rows; first += rows) {
    ASSERT_TRUE(network_forward(&net, true, rows, device_.images + first * inputs, &fault_)) << fault_.text;
    const std::vector<float> part(images_.begin() + first * inputs, images_.begin() + (first + rows) * inputs);
    const std::vector<uint8_t> names(labels_.begin() + first, labels_.begin() + first + rows);
    reference.loss(true, rows, part, names);
  }
  score total;
  ASSERT_TRUE(network_evaluate(&net, count, device_.images, device_.labels, &total, &fault_)) << fault_.text;
  const double expected = reference.loss(false, count, images_, labels_);
  // As in the gradient test, forward only; running variances of about 1/4 of the true ones double the errors per layer.
  EXPECT_NEAR(total.loss / count, expected, 4 * 4 * 3 * (width + 8) * 0x1p-24 * expected);
  // Batch statistics in place of running ones, or the unbiased variance, would be far outside of that.
  EXPECT_GT(std::fabs(reference.loss(true, count, images_, labels_) - expected), 0.01);
  network_destroy(&net);
}

TEST_F(Training, EvaluatesInPieces) {
  for (int kind = 0; kind <= WN_RMS; kind++) {
    network whole = {}, pieces = {};
    start(&whole, kind, count);
    start(&pieces, kind, 7);
    score all, sum;
    for (network *net : {&whole, &pieces})
      ASSERT_TRUE(network_forward(net, true, 7, device_.images, &fault_)) << fault_.text; /* running statistics */
    ASSERT_TRUE(network_evaluate(&whole, count, device_.images, device_.labels, &all, &fault_)) << fault_.text;
    ASSERT_TRUE(network_evaluate(&pieces, count, device_.images, device_.labels, &sum, &fault_)) << fault_.text;
    EXPECT_EQ(all.correct, sum.correct) << kind;
    // The BLAS may add in another order for another number of rows.
    EXPECT_NEAR(all.loss, sum.loss, 1e-5 * all.loss) << kind;
    network_destroy(&whole);
    network_destroy(&pieces);
  }
}

TEST_F(Training, StepsEveryTensor) {
  for (const optimizer_kind kind : {OPTIMIZER_SGD, OPTIMIZER_ADAM}) {
    network net = {};
    optimizer steps = {};
    start(&net, WN_LAYER, 8);
    ASSERT_TRUE(optimizer_create(&steps, kind, 0.125, &net, &fault_)) << fault_.text;
    ASSERT_TRUE(network_forward(&net, true, 8, device_.images, &fault_)) << fault_.text;
    ASSERT_TRUE(network_backward(&net, 8, device_.images, device_.labels, &fault_)) << fault_.text;
    std::vector<std::vector<float>> before;
    before.reserve(static_cast<size_t>(net.tensor_count));
    for (int i = 0; i < net.tensor_count; i++) before.push_back(values(net.tensors[i], net.tensors[i].value));
    optimizer_step(&steps);
    for (int i = 0; i < net.tensor_count; i++) {
      const tensor &t = net.tensors[i];
      const std::vector<float> after = values(t, t.value), gradient = values(t, t.gradient);
      for (size_t e = 0; e < after.size(); e++) {
        const double g = gradient[e];
        // Adam's first step is the rate in the direction of the gradient, whatever its size.
        const double step = kind == OPTIMIZER_SGD ? 0.125 * g : 0.125 * g / (std::fabs(g) + 1e-8);
        EXPECT_NEAR(after[e], before[static_cast<size_t>(i)][e] - step, 1e-5 * std::fabs(step) + 0x1p-23)
            << t.name << " " << t.layer;
      }
    }
    optimizer_destroy(&steps);
    network_destroy(&net);
  }
}

void count_tick(void *ticks, const network *) { ++*static_cast<int *>(ticks); }

TEST_F(Training, SamplesAfterTheFirstStepOfEachEpoch) {
  train_plan plan = {};
  plan.shape = shape_of(WN_BATCH);
  plan.deviation = 0.3;
  plan.batch = 8;
  plan.epochs = 4;
  plan.epoch_steps = 5;
  plan.rate = 0.05;
  plan.seed = 3;
  plan.training = plan.test = device_;
  train_sample samples[4] = {};
  train_result result = {};
  result.samples = samples;
  int ticks = 0;
  ASSERT_TRUE(train_run(&m_, &plan, &result, count_tick, &ticks, &fault_)) << fault_.text;
  EXPECT_EQ(ticks, 4);
  for (int epoch = 0; epoch < 4; epoch++) EXPECT_EQ(samples[epoch].step, 5 * epoch + 1);
  EXPECT_EQ(result.end.step, 20);
  EXPECT_EQ(result.end.accuracy, result.test_accuracy); /* the same images */
  // Sampled after each of its first 6 steps, the same training is the same at steps 1 and 6.
  plan.epochs = 6;
  plan.epoch_steps = 1;
  train_sample each[6] = {};
  result.samples = each;
  ASSERT_TRUE(train_run(&m_, &plan, &result, nullptr, nullptr, &fault_)) << fault_.text;
  EXPECT_EQ(each[0].loss, samples[0].loss);
  EXPECT_EQ(each[5].loss, samples[1].loss);
  EXPECT_NE(each[1].loss, samples[0].loss);
}

}  // namespace
