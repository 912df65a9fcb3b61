// cuDNN's peers as far as they go without a GPU: what they say they cannot do, that the installed library has every
// function, and that it takes the descriptors of the graphs.
#include <gtest/gtest.h>

#include <string>

#include "bench_cases_of.h"

extern "C" {
#include "bench_peer.h"
#include "peer_cudnn_graph.h"
}

namespace wn::bench {
namespace {

struct Answer {
  const char *line, *legacy, *graph;  // part of the reason; NULL: it can
};

void Check(const bench_peer &peer, const char *line, const char *expected) {
  const bench_case c = CaseOf(line);
  const char *const reason = peer.cannot(&c);
  EXPECT_EQ(reason == nullptr, expected == nullptr)
      << peer.name << ", " << line << ": " << (reason == nullptr ? "it can" : reason);
  if (reason != nullptr && expected != nullptr) {
    EXPECT_NE(std::string(reason).find(expected), std::string::npos) << reason;
  }
}

TEST(BenchCudnn, SaysWhatItCannot) {
  const Answer answers[] = {{"batch 8x16x5x5 train", nullptr, nullptr},
                            {"batch nxc 8x16x5x5 bf16 backward", nullptr, nullptr},
                            {"batch 8x16x5x5 infer", nullptr, "pointwise"},
                            {"batch 8x16x5x5 frozen", "frozen", "pointwise"},
                            {"batch 8x16x5x5 f64 train", nullptr, "no f64"},
                            {"batch nxc 8x16x5x5 f16 train relu", nullptr, "activation"},
                            {"batch 8x16x5x5 f16 train relu", "channels last", "activation"},
                            {"batch nxc 8x16x5x5 train relu", "16 bits", "activation"},
                            {"batch nxc 8x16x5x5 f16 train silu", "but relu", "activation"},
                            {"batch 8x16x5x5 train add-after", "residual", "residual"},
                            {"batch 8x16x5x5 train unaligned", "alignment", "alignment"},
                            {"layer 8x16 bf16 train", "batch norm only", nullptr},
                            {"layer 8x16x5 train", "batch norm only", "innermost"},
                            {"rms 8x16 backward", "batch norm only", nullptr},
                            {"instance 8x16x5x5 train", "batch norm only", nullptr},
                            {"group4 8x16x5x5 train", "batch norm only", "number of groups"}};
  for (const Answer &a : answers) {
    Check(bench_peer_cudnn, a.line, a.legacy);
    Check(bench_peer_cudnn_graph, a.line, a.graph);
  }
}

TEST(BenchCudnn, TheInstalledLibraryHasEveryFunction) {
  char text[200];
  const bool loaded = bench_peer_cudnn.version(text, sizeof text);
  EXPECT_TRUE(loaded) << text;
  EXPECT_EQ(std::string(text).rfind("9.", 0), 0u) << text;
}

// Tensors and the operation need no GPU; the graph and the plan do.
TEST(BenchCudnn, TheLibraryTakesTheDescriptors) {
  char why[200];
  const cudnn_library *const library = cudnn_load(why, sizeof why);
  ASSERT_NE(library, nullptr) << why;
  for (const char *line :
       {"layer 8x16 bf16 train", "layer nxc 8x16x5 infer", "layer 8x16 backward", "rms 8x16 train",
        "rms 8x16 f16 infer", "rms 8x16 backward", "instance 4x16x5x5 train", "instance nxc 4x16x5x5 bf16 backward",
        "batch nxc 4x16x5x5 bf16 train", "batch 4x16x5x5 backward"}) {
    const bench_case c = CaseOf(line);
    ASSERT_EQ(bench_peer_cudnn_graph.cannot(&c), nullptr) << line;
    cudnn_graph_problem problem;
    cudnn_graph graph;
    bench_cudnn_graph_problem(&c, &problem);
    const cudnnStatus_t status = cudnn_graph_describe(library, &problem, &graph);
    EXPECT_EQ(status, CUDNN_STATUS_SUCCESS) << line << ": " << library->GetErrorString(status);
    cudnn_graph_free(&graph);
  }
}

}  // namespace
}  // namespace wn::bench
