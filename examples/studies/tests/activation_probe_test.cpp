// What the probe of activations counts, and that a network does not notice it.
#include <gtest/gtest.h>

#include <vector>

#include "mlp_machine.h"

extern "C" {
#include "activation_probe.h"
#include "picture_networks.h"
}

namespace {

constexpr int64_t batch = 8, batches = 3, units = 5;

class Probe : public wn::MachineTest {
 protected:
  // Pictures x 14 x 14, no two alike.
  void make(bool norm_after) {
    picture_choice choice = {};
    choice.hidden = 2;
    choice.width = units;
    choice.act = WN_ACT_RELU;
    choice.norm = WN_BATCH;
    choice.norm_after = norm_after;
    choice.apart = true;
    picture_network_make(&made_, &choice);
    ASSERT_TRUE(network_build(&net_, &m_, &made_.design, batch, &fault_)) << fault_.text;
    rng random;
    rng_seed(&random, 1, 1);
    ASSERT_TRUE(network_reset(&net_, &random, PICTURE_DEVIATION, &fault_)) << fault_.text;
    const int64_t pixels = net_.inputs;
    std::vector<float> x;
    for (int64_t i = 0; i < batch * batches * pixels; i++) x.push_back(static_cast<float>(rng_uniform(&random)));
    images_ = {batch * batches, pixels, put(x), nullptr};
  }
  void TearDown() override {
    network_destroy(&net_);
    wn::MachineTest::TearDown();
  }
  const norm_layer *norm() {  // the first
    for (int i = 0; i < net_.stage_count; i++)
      if (net_.stages[i].spec.kind == &stage_norm) return static_cast<const norm_layer *>(net_.stages[i].state);
    return nullptr;
  }

  picture_network made_ = {};
  network net_ = {};
  train_images images_ = {};
  fault fault_ = {};
};

TEST_F(Probe, SeesWhatGoesInAndOutAndLeavesTheRunningStatistics) {
  make(false);
  ASSERT_TRUE(network_forward(&net_, true, batch, images_.images, &fault_)) << fault_.text;
  const std::vector<float> mean = get(norm()->running_mean, units), var = get(norm()->running_var, units);
  activation_probe probe;
  ASSERT_TRUE(activation_probe_take(&probe, &net_, &images_, batch, batches, &fault_)) << fault_.text;
  EXPECT_EQ(get(norm()->running_mean, units), mean);
  EXPECT_EQ(get(norm()->running_var, units), var);
  ASSERT_EQ(probe.count, 2);
  for (int layer = 0; layer < probe.count; layer++) {
    const activation_record &r = probe.records[layer];
    ASSERT_EQ(r.pictures, batch * batches);
    ASSERT_EQ(r.units, units);
    for (int64_t i = 0; i < r.pictures * r.units; i++) EXPECT_EQ(r.out[i], r.in[i] > 0 ? r.in[i] : 0);
    // What goes in is normalized, in each batch of its own.
    activation_spread in;
    ASSERT_TRUE(activation_spread_of(&in, batch * units, r.in + batch * units, &fault_));
    EXPECT_NEAR(in.mean, 0, 1e-6);
    EXPECT_NEAR(in.deviation, 1, 1e-3);
  }
  activation_probe_free(&probe);
}

TEST_F(Probe, CountsAUnitAsDeadThatIsZeroForEveryPicture) {
  make(false);
  std::vector<float> beta(units, 0);
  beta[2] = -100;  // no normalized value of 8 gets over it
  for (int i = 0; i < net_.tensor_count; i++) {
    const tensor &t = net_.tensors[i];
    if (std::string(t.name) == "beta" && t.layer == 0) {
      ASSERT_TRUE(machine_write(&m_, t.value, beta.data(), units * sizeof(float), &fault_));
    }
  }
  activation_probe probe;
  ASSERT_TRUE(activation_probe_take(&probe, &net_, &images_, batch, batches, &fault_)) << fault_.text;
  EXPECT_DOUBLE_EQ(activation_dead(&probe.records[0]), 1.0 / units);
  EXPECT_GT(activation_zero(&probe.records[0]), 1.0 / units);  // the living are 0 at times
  activation_probe_free(&probe);
}

TEST_F(Probe, SeesAnActivationBeforeItsNormalization) {
  make(true);
  activation_probe probe;
  ASSERT_TRUE(activation_probe_take(&probe, &net_, &images_, batch, batches, &fault_)) << fault_.text;
  ASSERT_EQ(probe.count, 2);
  for (int64_t i = 0; i < batch * batches * units; i++) EXPECT_GE(probe.records[1].out[i], 0);
  activation_probe_free(&probe);
}

TEST_F(Probe, RefusesMoreBatchesThanThereArePictures) {
  make(false);
  activation_probe probe;
  EXPECT_FALSE(activation_probe_take(&probe, &net_, &images_, batch, batches + 1, &fault_));
  EXPECT_STREQ(fault_.text, "24 pictures are too few for 4 batches of 8");
  activation_probe_free(&probe);
}

TEST(ProbeShares, AreThoseOfKnownValues) {
  float in[] = {-4, -1, 0, 1, 2, 4, 0.5f, 3};
  float out[] = {0.01f, 0.2f, 0.5f, 0.6f, 0.951f, 0.99f, 0.94f, 0.06f};
  const activation_record r = {4, 2, in, out};
  EXPECT_DOUBLE_EQ(activation_share(8, in, 0, 1), 2.0 / 8);  // 0 is not in it, 1 is
  EXPECT_DOUBLE_EQ(activation_saturated(WN_ACT_SIGMOID, &r), 3.0 / 8);
  EXPECT_DOUBLE_EQ(activation_saturated(WN_ACT_TANH, &r), 3.0 / 8);
  EXPECT_DOUBLE_EQ(activation_saturated(WN_ACT_RELU, &r), 0);
  std::vector<float> many(1000);
  for (int i = 0; i < 1000; i++) many[static_cast<size_t>((i * 7) % 1000)] = static_cast<float>(i);
  activation_spread s;
  fault f = {};
  ASSERT_TRUE(activation_spread_of(&s, 1000, many.data(), &f));
  EXPECT_DOUBLE_EQ(s.mean, 499.5);
  EXPECT_NEAR(s.deviation, 288.675, 1e-3);
  EXPECT_DOUBLE_EQ(s.low, 10);
  EXPECT_DOUBLE_EQ(s.high, 989);
}

}  // namespace
