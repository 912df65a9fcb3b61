// What the adapter for MPI does on a GPU: it waits for the stream, which one that is being captured does not allow.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <cstring>

#include "mpi_ranks.h"
#include "small_batch.h"

namespace wn::test {
namespace {

TEST(MpiOnGpus, AStreamThatIsBeingCapturedIsRefused) {
  SmallBatch batch(MpiComm());
  cudaStream_t stream;
  cudaGraph_t graph;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  batch.UseStream(stream);
  EXPECT_EQ(batch.Train(4), WN_OK) << wn_last_error();
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  EXPECT_EQ(batch.Train(4), WN_ERR_DEVICE);
  EXPECT_NE(std::strstr(wn_last_error(), "captured"), nullptr) << wn_last_error();
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess) << "the refusal has broken the capture";
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  EXPECT_EQ(batch.Train(4), WN_OK) << "nothing was exchanged, so the ranks are in step: " << wn_last_error();
  EXPECT_EQ(wn_plan_sync_status(batch.plan(), stream), WN_OK) << wn_last_error();
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

}  // namespace
}  // namespace wn::test
