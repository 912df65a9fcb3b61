// The adapter for NCCL, on emulated GPUs and with a stand-in for NCCL: what it calls, with what, in which order.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

#include "local_ranks.h"
#include "nccl_double.h"
#include "shares.h"
#include "small_batch.h"
#include "warpnorm_nccl.h"

namespace {
bool stream_hangs = false;
}

extern "C" {
cudaError_t __real_cudaStreamQuery(cudaStream_t stream);
// A stream whose work waits for a rank that does not come: only an abort ends it.
cudaError_t __wrap_cudaStreamQuery(cudaStream_t stream) {
  return stream_hangs ? cudaErrorNotReady : __real_cudaStreamQuery(stream);
}
}

namespace wn::test {
namespace {

constexpr double kForever = std::numeric_limits<double>::infinity();

ncclComm Alone(std::string *record = nullptr) {
  const wn_comm one = {sizeof one, 0, 1, nullptr, nullptr, nullptr};
  return {one, ncclSuccess, record, nullptr};
}

class Nccl {
 public:
  explicit Nccl(ncclComm *comm, double limit = kForever) {
    EXPECT_EQ(wn_nccl_open(&nccl_, TestDevice(), comm, limit), WN_OK) << wn_last_error();
  }
  ~Nccl() { EXPECT_EQ(wn_nccl_close(nccl_), WN_OK) << wn_last_error(); }
  Nccl(const Nccl &) = delete;
  Nccl &operator=(const Nccl &) = delete;
  const wn_comm &comm() const { return *wn_nccl_comm(nccl_); }

 private:
  wn_nccl *nccl_ = nullptr;
};

void ExpectWords(const char *words) {
  EXPECT_NE(std::strstr(wn_last_error(), words), nullptr) << words << " in: " << wn_last_error();
}

TEST(NcclConformance, CasesOfTheListThroughTheAdapter) {
  Report report;
  for (const SharedCase &c : SharedCases(0, 0, 5000)) {
    for (const wn_pass pass : {WN_TRAIN, WN_BACKWARD}) {
      if (!c.joined.HasPass(pass)) continue;
      const Given joined = JoinedGiven(c, pass);
      std::vector<Result> results(c.shares.size());
      LocalRanks ranks(TestDevice(), c.ranks(), true);
      ranks.Run([&](const wn_comm &comm) {
        ncclComm double_of = {comm, ncclSuccess, nullptr, nullptr};
        const Nccl nccl(&double_of);
        results[static_cast<std::size_t>(comm.rank)] = RunRank(c, pass, nccl.comm(), joined);
      });
      report.Count();
      const Expectation all = JoinedExpectation(c, pass, joined);
      for (int rank = 0; rank < c.ranks(); rank++) {
        const std::string wrong =
            JudgeRank(c, pass, rank, joined, all, results[static_cast<std::size_t>(rank)], &report);
        if (!wrong.empty()) report.Fail(PassName(pass), c.Name() + ": " + wrong);
      }
    }
  }
  EXPECT_EQ(LiveSplits(), 0);
}

TEST(NcclCalls, OneGatherACallOnItsStream) {
  std::string record;
  ncclComm comm = Alone(&record);
  const Nccl nccl(&comm);
  SmallBatch batch(nccl.comm());
  EXPECT_EQ(record, "gather 256 int8 on 0; ");
  record.clear();
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  batch.UseStream(stream);
  EXPECT_EQ(batch.Train(4), WN_OK);
  EXPECT_EQ(batch.Backward(4), WN_OK);
  std::ostringstream expected;
  for (int i = 0; i < 2; i++) expected << "gather 48 int8 on " << stream << "; ";
  EXPECT_EQ(record, expected.str());
  EXPECT_EQ(wn_plan_sync_status(batch.plan(), stream), WN_OK) << wn_last_error();
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

// Calls of a graph number themselves: three launches are three calls, and the next one is the sixth.
TEST(NcclCalls, AreCaptured) {
  ncclComm comm = Alone();
  const Nccl nccl(&comm);
  SmallBatch batch(nccl.comm()), plain(nccl.comm());
  cudaStream_t stream;
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  batch.UseStream(stream);
  EXPECT_EQ(batch.Train(4), WN_OK);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(batch.Train(4), WN_OK) << wn_last_error();
  EXPECT_EQ(batch.Backward(4), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_plan_sync_status(batch.plan(), stream), WN_ERR_DEVICE);
  ExpectWords("captured");
  EXPECT_EQ(wn_stream_wait(TestDevice(), stream), WN_ERR_DEVICE);
  ExpectWords("captured");
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess) << "the questions have broken the capture";
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  for (int i = 0; i < 3; i++) EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(batch.Train(4), WN_OK);
  EXPECT_EQ(wn_plan_sync_status(batch.plan(), stream), WN_OK) << wn_last_error();
  for (int i = 0; i < 5; i++) EXPECT_EQ(plain.Train(4), WN_OK);
  EXPECT_EQ(plain.Backward(4), WN_OK);
  for (const char *result : {"y", "dx", "running_mean", "running_var"})
    EXPECT_EQ(batch.Read(result), plain.Read(result));
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST(NcclFaults, AnAsynchronousErrorIsTheNextAnswer) {
  ncclComm comm = Alone();
  const int aborts = Aborts();
  {
    const Nccl nccl(&comm);
    SmallBatch batch(nccl.comm());
    EXPECT_EQ(batch.Train(4), WN_OK);
    comm.latest_split->asynchronous_error = ncclRemoteError;
    EXPECT_EQ(batch.Train(4), WN_ERR_COMM);
    ExpectWords("remote error (6): words of the double");
    EXPECT_EQ(batch.Train(4), WN_ERR_COMM);
    ExpectWords("lost");
    EXPECT_EQ(wn_plan_sync_status(batch.plan(), nullptr), WN_ERR_COMM);
    ExpectWords("lost");
  }
  EXPECT_EQ(Aborts(), aborts + 1);
  EXPECT_EQ(LiveSplits(), 0);
}

TEST(NcclFaults, TheStatusFindsAnAsynchronousErrorToo) {
  ncclComm comm = Alone();
  const Nccl nccl(&comm);
  SmallBatch batch(nccl.comm());
  EXPECT_EQ(batch.Train(4), WN_OK);
  comm.latest_split->asynchronous_error = ncclRemoteError;
  EXPECT_EQ(wn_plan_sync_status(batch.plan(), nullptr), WN_ERR_COMM);
  ExpectWords("remote error");
}

TEST(NcclFaults, ALateRankIsGivenUpWhenTheLimitIsOver) {
  constexpr double kLimit = 0.2;
  ncclComm comm = Alone();
  const int aborts = Aborts();
  {
    const Nccl nccl(&comm, kLimit);
    SmallBatch batch(nccl.comm());
    EXPECT_EQ(batch.Train(4), WN_OK);
    stream_hangs = true;
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(wn_plan_sync_status(batch.plan(), nullptr), WN_ERR_COMM);
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    stream_hangs = false;
    ExpectWords("0.2 s");
    EXPECT_GE(took, kLimit);
    EXPECT_LT(took, 50 * kLimit);
    EXPECT_EQ(Aborts(), aborts + 1);
    EXPECT_EQ(batch.Backward(4), WN_ERR_COMM);
    ExpectWords("lost");
  }
  EXPECT_EQ(LiveSplits(), 0);
  EXPECT_EQ(Aborts(), aborts + 1);
}

TEST(NcclFaults, WhatNcclRefusesIsReturned) {
  for (const char *function : {"ncclCommUserRank", "ncclCommCount", "ncclCommSplit"}) {
    ncclComm comm = Alone();
    wn_nccl *nccl = nullptr;
    RefuseNccl(function);
    EXPECT_EQ(wn_nccl_open(&nccl, TestDevice(), &comm, 1), WN_ERR_COMM);
    RefuseNccl("");
    ExpectWords(function);
    EXPECT_EQ(nccl, nullptr);
  }
  ncclComm comm = Alone();
  const Nccl nccl(&comm);
  SmallBatch batch(nccl.comm());
  RefuseNccl("ncclAllGather");
  EXPECT_EQ(batch.Train(4), WN_ERR_COMM);
  RefuseNccl("");
  ExpectWords("ncclAllGather: an error (2)");
  EXPECT_EQ(LiveSplits(), 1);
}

TEST(NcclArguments, AreChecked) {
  ncclComm comm = Alone();
  wn_nccl *nccl = nullptr;
  EXPECT_EQ(wn_nccl_open(nullptr, TestDevice(), &comm, 1), WN_ERR_ARGUMENT);
  EXPECT_EQ(wn_nccl_open(&nccl, nullptr, &comm, 1), WN_ERR_ARGUMENT);
  EXPECT_EQ(wn_nccl_open(&nccl, TestDevice(), nullptr, 1), WN_ERR_ARGUMENT);
  for (const double limit : {0.0, -1.0, std::nan("")}) {
    EXPECT_EQ(wn_nccl_open(&nccl, TestDevice(), &comm, limit), WN_ERR_ARGUMENT);
    ExpectWords("limit");
  }
  wn_device *processor = nullptr;
  ASSERT_EQ(wn_device_open(&processor, WN_CPU, 0), WN_OK);
  EXPECT_EQ(wn_nccl_open(&nccl, processor, &comm, 1), WN_ERR_UNSUPPORTED);
  wn_device_close(processor);
  EXPECT_EQ(nccl, nullptr);
  EXPECT_EQ(LiveSplits(), 0);
  EXPECT_EQ(wn_nccl_comm(nullptr), nullptr);
  EXPECT_EQ(wn_nccl_close(nullptr), WN_OK);
}

}  // namespace
}  // namespace wn::test
