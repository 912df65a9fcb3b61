// The adapter for NCCL with NCCL itself, on a GPU. One GPU has one rank: what the ranks say to each other is tested
// with the stand-in (nccl_test.cpp) and over MPI, here that NCCL takes the calls, in streams and in graphs.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include "shares.h"
#include "small_batch.h"
#include "warpnorm_nccl.h"

namespace wn::test {
namespace {

constexpr double kLimit = 20;  // seconds

// A communicator of NCCL's with the test's device as its one rank, and the adapter on it.
class OneRank {
 public:
  OneRank() {
    const int device = 0;
    EXPECT_EQ(ncclCommInitAll(&comm_, 1, &device), ncclSuccess);
    EXPECT_EQ(wn_nccl_open(&nccl_, TestDevice(), comm_, kLimit), WN_OK) << wn_last_error();
  }
  ~OneRank() {
    EXPECT_EQ(wn_nccl_close(nccl_), WN_OK) << wn_last_error();
    EXPECT_EQ(ncclCommDestroy(comm_), ncclSuccess);
  }
  OneRank(const OneRank &) = delete;
  OneRank &operator=(const OneRank &) = delete;
  const wn_comm &comm() const { return *wn_nccl_comm(nccl_); }

 private:
  ncclComm_t comm_ = nullptr;
  wn_nccl *nccl_ = nullptr;
};

TEST(NcclGpu, CasesOfTheListAreThoseOfTheOracle) {
  Report report;
  const OneRank rank;
  for (const SharedCase &c : SharedCases(1, 0, 5000)) {
    for (const wn_pass pass : {WN_TRAIN, WN_BACKWARD}) {
      if (!c.joined.HasPass(pass)) continue;
      const Given joined = JoinedGiven(c, pass);
      const Result result = RunRank(c, pass, rank.comm(), joined);
      report.Count();
      const std::string wrong = JudgeRank(c, pass, 0, joined, JoinedExpectation(c, pass, joined), result, &report);
      if (!wrong.empty()) report.Fail(PassName(pass), c.Name() + ": " + wrong);
    }
  }
}

// A graph that is launched three times leaves what five plain calls leave, the one before it and the one after
// included.
TEST(NcclGpu, CallsAreCaptured) {
  const OneRank rank;
  SmallBatch batch(rank.comm()), plain(rank.comm());
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  batch.UseStream(stream);
  EXPECT_EQ(batch.Train(4), WN_OK) << wn_last_error();
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(batch.Train(4), WN_OK) << wn_last_error();
  EXPECT_EQ(batch.Backward(4), WN_OK) << wn_last_error();
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  for (int i = 0; i < 3; i++) EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(batch.Train(4), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_plan_sync_status(batch.plan(), stream), WN_OK) << wn_last_error();
  for (int i = 0; i < 5; i++) EXPECT_EQ(plain.Train(4), WN_OK) << wn_last_error();
  EXPECT_EQ(plain.Backward(4), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_plan_sync_status(plain.plan(), nullptr), WN_OK) << wn_last_error();
  for (const char *result : {"y", "dx", "running_mean", "running_var"})
    EXPECT_EQ(batch.Read(result), plain.Read(result)) << result;
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

}  // namespace
}  // namespace wn::test
