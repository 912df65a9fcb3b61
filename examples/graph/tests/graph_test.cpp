// The example on emulated GPUs: every access of its kernels and the library's is watched.
#include <gtest/gtest.h>

#include <cstdio>
#include <regex>
#include <string>
#include <vector>

#include "graph_run.h"
#include "graph_stack.h"
#include "tests/simt/simt.h"

namespace {

namespace simt = wn::simt;

struct Outcome {
  int status;
  std::string output, errors;
};

std::string TextOf(std::FILE *file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

Outcome Call(std::vector<const char *> words) {
  words.insert(words.begin(), "wn_graph");
  std::FILE *const out = std::tmpfile();
  testing::internal::CaptureStderr();
  const int status = graph_main(static_cast<int>(words.size()), const_cast<char *const *>(words.data()), out);
  const std::string errors = testing::internal::GetCapturedStderr();
  return {status, TextOf(out), errors};
}

class GraphTest : public testing::Test {
 protected:
  void SetUp() override {
    simt::set_devices({simt::h100()});
    simt::set_driver(13000);
    simt::set_seed(5);
  }
  void TearDown() override {
    for (const simt::Report &r : simt::reports()) ADD_FAILURE() << simt::describe(r);
    EXPECT_EQ(simt::live_allocations(), 0);
  }
};

TEST_F(GraphTest, ReplaysTheBitsOfPlainSteps) {
  for (const simt::Device &device : {simt::h100(), simt::t4(), simt::toy()}) {
    simt::set_devices({device});
    const Outcome ran = Call({"--rows", "12", "--channels", "40", "--layers", "3", "--steps", "6"});
    EXPECT_EQ(ran.status, GRAPH_GOOD) << ran.errors;
    EXPECT_EQ(ran.errors, "");
    EXPECT_NE(ran.output.find("same bits in both runs"), std::string::npos) << ran.output;
    EXPECT_NE(ran.output.find("3 layers of 12 x 40, 6 steps"), std::string::npos) << ran.output;
  }
}

TEST_F(GraphTest, TakesAStackOfOneLayer) {
  const Outcome ran = Call({"--rows", "2", "--channels", "1", "--layers", "1", "--steps", "1"});
  EXPECT_EQ(ran.status, GRAPH_GOOD) << ran.errors;
}

TEST_F(GraphTest, Learns) {
  const Outcome ran = Call({"--rows", "16", "--channels", "16", "--layers", "2", "--steps", "60"});
  std::smatch loss;
  ASSERT_TRUE(std::regex_search(ran.output, loss, std::regex("loss +([0-9.]+) at the first step, ([0-9.]+)")))
      << ran.output;
  EXPECT_LT(std::stod(loss[2]), 0.8 * std::stod(loss[1])) << ran.output;
}

TEST_F(GraphTest, FailsWhenACallDoes) {
  const std::vector<const char *> words = {"--rows", "4", "--channels", "8", "--layers", "2", "--steps", "2"};
  const auto fails = [&](const std::string &function, int call) {
    simt::inject(function, call, cudaErrorUnknown);
    const Outcome ran = Call(words);
    EXPECT_EQ(ran.status, GRAPH_FAILED) << function << ", call " << call;
    EXPECT_NE(ran.errors.find("cudaErrorUnknown"), std::string::npos) << function << ": " << ran.errors;
    EXPECT_EQ(simt::live_allocations(), 0) << function;
  };
  for (const char *const function : {"cudaStreamCreateWithFlags", "cudaStreamBeginCapture", "cudaGraphGetNodes",
                                     "cudaGraphInstantiate", "cudaGraphLaunch", "cudaEventCreate", "cudaEventRecord",
                                     "cudaEventElapsedTime", "cudaMemcpyAsync", "cudaMallocFromPoolAsync"})
    fails(function, 1);
  // Two plain runs of two steps, then the capture of one.
  const int64_t before = simt::calls("cudaLaunchKernelExC");
  ASSERT_EQ(Call(words).status, GRAPH_GOOD) << "a capture was left open";
  const int step = static_cast<int>(simt::calls("cudaLaunchKernelExC") - before) / 5;
  for (int launch = 1; launch <= step; launch++) fails("cudaLaunchKernelExC", 4 * step + launch);
  EXPECT_EQ(Call(words).status, GRAPH_GOOD) << "a capture was left open";
}

TEST_F(GraphTest, SaysWhyThereIsNoGpu) {
  simt::set_driver(0);
  Outcome ran = Call({});
  EXPECT_EQ(ran.status, GRAPH_NO_GPU);
  EXPECT_NE(ran.errors.find("no NVIDIA driver is installed"), std::string::npos) << ran.errors;
  simt::set_driver(13000);
  ran = Call({"--device", "3"});
  EXPECT_EQ(ran.status, GRAPH_NO_GPU);
  EXPECT_NE(ran.errors.find("ordinal is 3; there is 1 GPU"), std::string::npos) << ran.errors;
}

TEST_F(GraphTest, ReadsItsCommandLine) {
  const Outcome help = Call({"--steps", "3", "--help"});
  EXPECT_EQ(help.status, GRAPH_GOOD);
  for (const char *const name : {"--rows", "--channels", "--layers", "--steps", "--device"})
    EXPECT_NE(help.output.find(name), std::string::npos) << name;
  for (const std::vector<const char *> &words :
       {std::vector<const char *>{"--row", "3"}, {"--rows"}, {"--rows", "1"}, {"--layers", "65"}, {"--steps", "2x"}}) {
    const Outcome ran = Call(words);
    EXPECT_EQ(ran.status, GRAPH_USAGE) << words[0];
    EXPECT_NE(ran.errors.find(words[0]), std::string::npos) << ran.errors;
  }
}

// What the comparison of states would miss, it would miss here.
TEST_F(GraphTest, EachStepChangesTheState) {
  wn_device *device = nullptr;
  cudaStream_t stream = nullptr;
  ASSERT_EQ(wn_device_open(&device, WN_CUDA, 0), WN_OK) << wn_last_error();
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  stack s;
  ASSERT_TRUE(stack_create(&s, device, stream, 6, 10, 2, 3));
  ASSERT_TRUE(stack_reset(&s));
  std::vector<std::vector<char>> states;
  for (int step = 0; step < 3; step++) {
    ASSERT_TRUE(stack_step(&s));
    states.emplace_back(s.state_bytes);
    ASSERT_TRUE(stack_read(&s, states.back().data()));
    EXPECT_GT(stack_loss(&s, states.back().data(), step), 0);
    for (size_t before = 0; before + 1 < states.size(); before++) EXPECT_NE(states[before], states.back());
  }
  stack_destroy(&s);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  wn_device_close(device);
}

}  // namespace
