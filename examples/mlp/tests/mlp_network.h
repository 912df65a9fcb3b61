// A network on the machine that a test runs on, and what gradient tests do with one.
#ifndef WN_MLP_NETWORK_H
#define WN_MLP_NETWORK_H
#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "mlp_machine.h"
#include "mlp_reference.h"

namespace wn {

// Gives every parameter a value away from its initial one, so that beta and biases matter and gamma is not 1; the
// reference's, one vector for each tensor, are the same.
inline void draw_parameters(machine *m, const network &net, std::mt19937 *random,
                            std::normal_distribution<float> *normal, std::vector<Vector> *parameters) {
  fault f = {};
  for (int i = 0; i < net.tensor_count; i++) {
    const tensor &t = net.tensors[i];
    std::vector<float> values(static_cast<size_t>(t.count));
    for (float &v : values) v = 0.5f * (*normal)(*random) + (t.name == std::string("gamma") ? 1.0f : 0.0f);
    ASSERT_TRUE(machine_write(m, t.value, values.data(), t.count * 4, &f)) << f.text;
    parameters->emplace_back(values.begin(), values.end());
  }
}

class NetworkTest : public MachineTest {
 protected:
  void TearDown() override {
    network_destroy(&net_);
    MachineTest::TearDown();
  }

  bool build(const std::vector<stage_spec> &stages, form input, int64_t most_rows) {
    network_destroy(&net_);
    network_design d = {};
    d.input = input;
    d.stage_count = static_cast<int>(stages.size());
    d.stages = stages.data();
    d.per_input = true;
    return network_build(&net_, &m_, &d, most_rows, &fault_);
  }
  void reset(uint64_t seed) {
    rng random;
    rng_seed(&random, seed, 1);
    ASSERT_TRUE(network_reset(&net_, &random, 1, &fault_)) << fault_.text;
  }
  std::vector<float> value(int t) { return get(net_.tensors[t].value, static_cast<size_t>(net_.tensors[t].count)); }
  std::vector<float> gradient(int t) {
    return get(net_.tensors[t].gradient, static_cast<size_t>(net_.tensors[t].count));
  }

  // What a training forward and backward have left, against a float64 network of the same parameters and its
  // differences.
  template <class Reference>
  void expect_agreement(Reference *reference, int64_t rows, const std::vector<float> &images,
                        const std::vector<uint8_t> &labels, double tolerance) {
    const Vector logits = reference->logits(rows, images);
    const std::vector<float> found = get(net_.logits, logits.size());
    for (size_t i = 0; i < found.size(); i++) {
      EXPECT_NEAR(found[i], logits[i], tolerance * std::max(1.0, std::fabs(logits[i])));
    }
    double worst = 0;
    for (int t = 0; t < net_.tensor_count; t++) {
      Vector differences;
      for (double &value : reference->parameters[static_cast<size_t>(t)])
        differences.push_back(central_difference(&value, [&] { return reference->loss(rows, images, labels); }));
      worst = std::max(worst, expect_gradient(t, differences, tolerance));
    }
    RecordProperty("worst_over_tolerance", std::to_string(worst));
  }

  network net_ = {};
  fault fault_ = {};

 private:
  // Gives the worst error over what is allowed.
  double expect_gradient(int t, const Vector &expected, double tolerance) {
    const std::vector<float> found = gradient(t);
    const std::string name = net_.tensors[t].name;
    const std::string at = name + " of layer " + std::to_string(net_.tensors[t].layer);
    double largest = 0, worst = 0;
    for (const double e : expected) largest = std::max(largest, std::fabs(e));
    // In front of batch norm, what is added to all of a batch has a gradient of 0 but for roundings.
    const bool none = name == "bias" && largest < 1e-6;
    EXPECT_GT(none ? 1 : largest, 1e-4) << "nothing is tested in " << at;
    const double limit = tolerance * (none ? 1 : largest);
    for (size_t e = 0; e < found.size(); e++) {
      EXPECT_NEAR(found[e], expected[e], limit) << at << ", entry " << e;
      worst = std::max(worst, std::fabs(found[e] - expected[e]) / limit);
    }
    return worst;
  }
};

}  // namespace wn
#endif
