// A network on the machine that a test runs on, and what gradient tests do with one.
#ifndef WN_MLP_NETWORK_H
#define WN_MLP_NETWORK_H
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

  network net_ = {};
  fault fault_ = {};
};

}  // namespace wn
#endif
