// What a step changes for each layer, against networks that are set by hand; and that the training does not notice.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "mlp_machine.h"

extern "C" {
#include "gradient_probe.h"
}

namespace {

constexpr int64_t inputs = 6, count = 40, batch = 16, pictures = 24;
constexpr int classes = 3, layers = 3;
constexpr int64_t step_under_test = 2;

using Numbers = std::vector<float>;

double length(const Numbers &a) { return std::sqrt(std::inner_product(a.begin(), a.end(), a.begin(), 0.0)); }

struct Found {
  int64_t step;
  int layer;
  layer_change change;
};

void keep(void *context, int64_t step, int layer, const layer_change *change) {
  static_cast<std::vector<Found> *>(context)->push_back({step, layer, *change});
}

class GradientProbe : public wn::MachineTest {
 protected:
  struct Moment {  // of a training, between backward and the optimizer's step
    std::vector<Numbers> values, gradients;
    Numbers images;
    std::vector<uint8_t> labels;
  };

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(MachineTest::SetUp());
    std::mt19937 random(7);
    std::uniform_real_distribution<float> uniform;
    Numbers images;
    std::vector<uint8_t> labels;
    for (int64_t i = 0; i < count * inputs; i++) images.push_back(uniform(random));
    for (int64_t i = 0; i < count; i++) labels.push_back(static_cast<uint8_t>(random() % classes));
    set_ = {count, inputs, put(images), put(labels)};

    stages_[0] = stages_[2] = stages_[4] = {};
    stages_[0].kind = stages_[2].kind = stages_[4].kind = &stage_linear;
    stages_[0].units = 5;
    stages_[1].kind = &stage_norm;
    stages_[1].norm.kind = WN_BATCH;
    stages_[1].norm.act = WN_ACT_TANH;
    stages_[1].norm.eps = 1e-5;
    stages_[1].norm.momentum = 0.1;
    stages_[2].units = 4;
    stages_[3].kind = &stage_activation;
    stages_[3].act = WN_ACT_SIGMOID;
    stages_[4].units = classes;
    design_.input = {inputs, 1, 1, WN_NCX};
    design_.stage_count = 5;
    design_.stages = stages_;
    design_.per_input = true;
  }

  train_result train(double rate, const train_watch *watch) {
    train_plan plan = {};
    plan.design = &design_;
    plan.deviation = 2;
    plan.batch = batch;
    plan.epochs = 1;
    plan.epoch_steps = 5;
    plan.rate = rate;
    plan.seed = 3;
    plan.training = plan.test = set_;
    plan.watch = watch;
    train_result result = {};
    EXPECT_TRUE(train_run(&m_, &plan, &result, nullptr, nullptr, &fault_)) << fault_.text;
    return result;
  }

  std::vector<Found> probe(double rate, train_result *result) {
    std::vector<Found> found;
    const gradient_plan plan = {&design_, batch, set_.images, pictures, &step_under_test, 1, keep, &found};
    gradient_probe p;
    const train_watch watch = {&p, gradient_probe_step, nullptr};
    EXPECT_TRUE(gradient_probe_open(&p, &m_, &plan, &fault_)) << fault_.text;
    *result = train(rate, &watch);
    gradient_probe_close(&p);
    return found;
  }

  Moment moment(const network *net, int64_t rows, const float *images, const uint8_t *labels) {
    Moment now;
    for (int i = 0; i < net->tensor_count; i++) {
      const auto size = static_cast<size_t>(net->tensors[i].count);
      now.values.push_back(get(net->tensors[i].value, size));
      now.gradients.push_back(get(net->tensors[i].gradient, size));
    }
    now.images = get(images, static_cast<size_t>(rows * inputs));
    now.labels = get(labels, static_cast<size_t>(rows));
    return now;
  }

  static bool record(void *context, network *net, int64_t, int64_t rows, const float *images, const uint8_t *labels,
                     fault *) {
    auto *const test = static_cast<GradientProbe *>(context);
    test->moments_.push_back(test->moment(net, rows, images, labels));
    return true;
  }

  // The moment of a network that has these values at its first `moved` layers, those of `before` elsewhere; and what
  // goes into its layers but the first, from the pictures.
  Moment mixture(const Moment &before, const Moment &after, int moved, std::vector<Numbers> *into) {
    network net = {};
    EXPECT_TRUE(network_build(&net, &m_, &design_, count, &fault_)) << fault_.text;
    for (int i = 0; i < net.tensor_count; i++) {
      const Numbers &v = (net.tensors[i].layer < moved ? after : before).values[static_cast<size_t>(i)];
      EXPECT_TRUE(machine_write(&m_, net.tensors[i].value, v.data(), net.tensors[i].count * 4, &fault_));
    }
    const float *const images = put(before.images);
    const uint8_t *const labels = put(before.labels);
    EXPECT_TRUE(network_forward(&net, true, batch, images, &fault_));
    EXPECT_TRUE(network_backward(&net, batch, images, labels, &fault_));
    Moment now = moment(&net, batch, images, labels);
    EXPECT_TRUE(network_forward(&net, true, pictures, set_.images, &fault_));
    *into = {get(net.stages[1].y, pictures * 5), get(net.stages[3].y, pictures * 4)};
    network_destroy(&net);
    return now;
  }

  // By the sorted values' distance, input by input.
  static double shift(const Numbers &was, const Numbers &is) {
    const size_t columns = was.size() / pictures;
    double distance = 0, variance = 0;
    for (size_t c = 0; c < columns; c++) {
      std::vector<double> a, b;
      for (size_t i = c; i < was.size(); i += columns) a.push_back(was[i]), b.push_back(is[i]);
      std::sort(a.begin(), a.end());
      std::sort(b.begin(), b.end());
      const double mean = std::accumulate(a.begin(), a.end(), 0.0) / pictures;
      for (size_t i = 0; i < a.size(); i++) {
        distance += std::fabs(a[i] - b[i]);
        variance += (a[i] - mean) * (a[i] - mean);
      }
    }
    const double values = static_cast<double>(was.size());
    return distance / values / std::sqrt(variance / values);
  }

  static void expect_change(const gradient_change &change, const Numbers &was, const Numbers &is) {
    Numbers difference;
    for (size_t i = 0; i < was.size(); i++) difference.push_back(is[i] - was[i]);
    const double product = std::inner_product(was.begin(), was.end(), is.begin(), 0.0);
    EXPECT_NEAR(change.cosine, product / length(was) / length(is), 1e-6);
    EXPECT_NEAR(change.difference, length(difference) / length(was), 1e-6);
    EXPECT_GT(change.difference, 1e-3) << "too small a change to tell anything";
  }

  fault fault_ = {};
  train_images set_ = {};
  stage_spec stages_[5] = {};
  network_design design_ = {};
  std::vector<Moment> moments_;
};

TEST_F(GradientProbe, FindsWhatNetworksSetByHandGive) {
  const train_watch watch = {this, record, nullptr};
  const train_result alone = train(0.5, &watch);
  train_result watched = {};
  const std::vector<Found> found = probe(0.5, &watched);
  EXPECT_EQ(watched.end.loss, alone.end.loss);
  EXPECT_EQ(watched.test_accuracy, alone.test_accuracy);

  const Moment &before = moments_[step_under_test], &after = moments_[step_under_test + 1];
  const size_t weights[layers] = {0, 4, 6};  // among the tensors: weight, bias, gamma, beta; weight, bias; weight, bias
  std::vector<Numbers> was, is, unused;
  mixture(before, after, 0, &was);
  const Moment all = mixture(before, after, layers, &is);
  ASSERT_EQ(found.size(), layers - 1u);
  for (int layer = 1; layer < layers; layer++) {
    SCOPED_TRACE(layer);
    const Found &here = found[static_cast<size_t>(layer - 1)];
    const size_t at = weights[layer], input = static_cast<size_t>(layer - 1);
    EXPECT_EQ(here.step, step_under_test);
    EXPECT_EQ(here.layer, layer);
    EXPECT_NEAR(here.change.shift, shift(was[input], is[input]), 1e-6);
    EXPECT_GT(here.change.shift, 1e-3);
    expect_change(here.change.all, before.gradients[at], all.gradients[at]);
    const Moment earlier = mixture(before, after, layer, &unused);
    expect_change(here.change.earlier, before.gradients[at], earlier.gradients[at]);
  }
}

TEST_F(GradientProbe, FindsNoChangeWhereAStepMakesNone) {
  train_result result = {};
  const std::vector<Found> found = probe(0, &result);
  ASSERT_EQ(found.size(), layers - 1u);
  for (const Found &f : found) {
    EXPECT_EQ(f.change.shift, 0);
    for (const gradient_change &change : {f.change.earlier, f.change.all}) {
      EXPECT_NEAR(change.cosine, 1, 1e-12);
      EXPECT_EQ(change.difference, 0);
    }
  }
}

TEST_F(GradientProbe, RefusesANetworkOfOneLayer) {
  const network_design one = {design_.input, 1, &stages_[4], true};
  const gradient_plan plan = {&one, batch, set_.images, pictures, &step_under_test, 1, keep, nullptr};
  gradient_probe p;
  EXPECT_FALSE(gradient_probe_open(&p, &m_, &plan, &fault_));
  EXPECT_STREQ(fault_.text, "a step's changes: expected two layers or more, and pictures");
  gradient_probe_close(&p);
}

TEST_F(GradientProbe, RefusesABatchOfAnotherSize) {
  const gradient_plan plan = {&design_, batch + 1, set_.images, pictures, &step_under_test, 1, keep, nullptr};
  gradient_probe p;
  ASSERT_TRUE(gradient_probe_open(&p, &m_, &plan, &fault_)) << fault_.text;
  EXPECT_FALSE(gradient_probe_step(&p, &p.twin, 0, batch, set_.images, set_.labels, &fault_));
  EXPECT_STREQ(fault_.text, "a batch of 16 pictures: expected 17");
  gradient_probe_close(&p);
}

}  // namespace
