// Gradients of the whole network, each entry of each tensor, against central differences of the float64 network's loss.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "mlp_network.h"
#include "mlp_reference.h"

extern "C" {
#include "options.h"
}

namespace {

struct Case {
  network_shape shape;
  bool bf16;
};

constexpr int64_t rows = 9, inputs = 6, width = 12, classes = 4;

network_shape shape_of(int kind, bool after, wn_act act, int hidden, bool bf16) {
  network_shape shape = {};
  shape.inputs = inputs;
  shape.width = width;
  shape.classes = classes;
  shape.hidden = hidden;
  shape.act = act;
  shape.normalized = kind != 0;
  shape.norm_after = after;
  shape.norm.kind = static_cast<wn_kind>(kind);
  shape.norm.groups = 3;
  shape.norm.bf16 = bf16;
  shape.norm.eps = 1e-2;  // large enough to be seen when it is lost
  shape.norm.momentum = 0.1;
  return shape;
}

class Gradient : public testing::TestWithParam<Case> {
 protected:
  Gradient() : shape_(GetParam().shape), reference_(shape_) {}

  void SetUp() override {
    fault f = {};
    ASSERT_TRUE(wn::open_machine(&machine_, &f)) << f.text;
    memory_.on = &machine_;
    ASSERT_TRUE(network_create(&net_, &machine_, &shape_, rows, &f)) << f.text;
    rng unused;
    rng_seed(&unused, 1, 1);
    ASSERT_TRUE(network_reset(&net_, &unused, 1, &f)) << f.text; /* running statistics */
    std::mt19937 random(12);
    std::normal_distribution<float> normal;
    wn::draw_parameters(&machine_, net_, &random, &normal, &reference_.parameters);
    ASSERT_FALSE(HasFatalFailure());
    for (int64_t i = 0; i < rows * inputs; i++) images_.push_back(normal(random));
    for (int64_t i = 0; i < rows; i++) labels_.push_back(static_cast<uint8_t>(random() % classes));
  }

  void TearDown() override {
    network_destroy(&net_);
    buffers_release(&memory_);
    machine_close(&machine_);
  }

  // One training forward and backward on the machine: its loss, and every gradient.
  void run() {
    fault f = {};
    auto *const images = static_cast<float *>(buffers_take(&memory_, rows * inputs, sizeof(float), &f));
    auto *const labels = static_cast<uint8_t *>(buffers_take(&memory_, rows, 1, &f));
    ASSERT_TRUE(machine_write(&machine_, images, images_.data(), rows * inputs * 4, &f)) << f.text;
    ASSERT_TRUE(machine_write(&machine_, labels, labels_.data(), rows, &f)) << f.text;
    ASSERT_TRUE(network_forward(&net_, true, rows, images, &f)) << f.text;
    ASSERT_TRUE(network_backward(&net_, rows, images, labels, &f)) << f.text;
    score result;
    ASSERT_TRUE(machine_read(&machine_, &result, net_.result, sizeof result, &f)) << f.text;
    loss_ = result.loss / rows;
    for (int i = 0; i < net_.tensor_count; i++) {
      gradients_.emplace_back(static_cast<size_t>(net_.tensors[i].count));
      ASSERT_TRUE(
          machine_read(&machine_, gradients_.back().data(), net_.tensors[i].gradient, net_.tensors[i].count * 4, &f))
          << f.text;
    }
  }

  double difference(size_t tensor, size_t entry) {
    return wn::central_difference(&reference_.parameters[tensor][entry],
                                  [&] { return reference_.loss(true, rows, images_, labels_); });
  }

  void find_differences() {
    for (size_t t = 0; t < gradients_.size(); t++) {
      expected_.emplace_back();
      for (size_t e = 0; e < gradients_[t].size(); e++) {
        expected_[t].push_back(difference(t, e));
        double &most = largest_[net_.tensors[t].layer];
        most = std::max(most, std::fabs(expected_[t][e]));
      }
    }
  }

  // Relative to the largest of the layer; `worst_` tells which.
  double worst_error() {
    double worst = 0;
    for (size_t t = 0; t < gradients_.size(); t++) {
      const tensor &at = net_.tensors[t];
      for (size_t e = 0; e < gradients_[t].size(); e++) {
        const double error = std::fabs(gradients_[t][e] - expected_[t][e]) / largest_[at.layer];
        if (error <= worst) continue;
        worst = error;
        worst_ = std::string(at.name) + " of layer " + std::to_string(at.layer) + ", entry " + std::to_string(e) +
                 ": " + std::to_string(gradients_[t][e]) + " instead of " + std::to_string(expected_[t][e]);
      }
    }
    return worst;
  }

  // On the way there and back an entry passes 2 (hidden + 1) products, each adding up to `width` terms, and as many
  // normalizations and activations of about 8 operations, each rounded to u = 2^-24 of what it adds. With bf16 each
  // normalization rounds x, y, dy and dx besides, to 2^-9. Roundings are independent, so n of them grow as sqrt(n). The
  // factor: 2 for sums whose terms cancel, 4 for the worst of some hundred entries instead of the usual one.
  double tolerance() const {
    const double f32 = std::sqrt(2.0 * (shape_.hidden + 1) * (width + 8)) * 0x1p-24;
    const double bf16 = GetParam().bf16 ? std::sqrt(4.0 * shape_.hidden) * 0x1p-9 : 0;
    return 2 * 4 * (f32 + bf16);
  }

  network_shape shape_;
  wn::Reference reference_;
  machine machine_ = {};
  buffers memory_ = {};
  network net_ = {};
  std::vector<float> images_;
  std::vector<uint8_t> labels_;
  std::vector<std::vector<float>> gradients_;
  double loss_ = 0;
  std::vector<std::vector<double>> expected_;
  // Of each layer, not each tensor: a bias in front of batch norm has a gradient of 0, but not the terms that it adds.
  std::map<int, double> largest_;
  std::string worst_;
};

TEST_P(Gradient, AgreesWithFiniteDifferences) {
  run();
  ASSERT_FALSE(HasFatalFailure());
  const double expected_loss = reference_.loss(true, rows, images_, labels_);
  EXPECT_NEAR(loss_, expected_loss, tolerance() * expected_loss);
  find_differences();
  for (const auto &[layer, most] : largest_) ASSERT_GT(most, 1e-4) << "nothing is tested in layer " << layer;
  EXPECT_LE(worst_error(), tolerance()) << worst_;
  RecordProperty("worst_over_tolerance", std::to_string(worst_error() / tolerance()));

  // An entry that is wrong by four times the tolerance fails, in whatever tensor it is.
  for (size_t t = 0; t < gradients_.size(); t++) {
    float &entry = gradients_[t].back();
    const float kept = entry;
    entry += static_cast<float>(4 * tolerance() * largest_[net_.tensors[t].layer]);
    EXPECT_GT(worst_error(), tolerance()) << net_.tensors[t].name;
    entry = kept;
  }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  const wn_act acts[] = {WN_ACT_NONE, WN_ACT_RELU, WN_ACT_LEAKY_RELU, WN_ACT_SIGMOID,
                         WN_ACT_TANH, WN_ACT_GELU, WN_ACT_GELU_TANH,  WN_ACT_SILU};
  for (const wn_act act : acts) {
    all.push_back({shape_of(0, false, act, 3, false), false});
    for (int kind = WN_BATCH; kind <= WN_RMS; kind++)
      for (const bool after : {false, true}) all.push_back({shape_of(kind, after, act, 3, false), false});
  }
  // Smooth activations only: bf16 may turn a unit's sign, which for relu is another gradient and not a rounding.
  for (int kind = WN_BATCH; kind <= WN_RMS; kind++)
    for (const bool after : {false, true}) all.push_back({shape_of(kind, after, WN_ACT_SILU, 2, true), true});
  return all;
}

std::string name_of(const testing::TestParamInfo<Case> &info) {
  const network_shape &s = info.param.shape;
  std::string name = s.normalized ? options_word("--norm", s.norm.kind) : "none";
  if (s.normalized) name += s.norm_after ? "_after_" : "_before_";
  if (!s.normalized) name += "_";
  name += options_word("--activation", s.act);
  if (info.param.bf16) name += "_bf16";
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Each, Gradient, testing::ValuesIn(cases()), name_of);

}  // namespace
