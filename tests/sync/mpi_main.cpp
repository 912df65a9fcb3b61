// main() of tests that mpirun starts: every rank runs all of them, rank 0 tells of all, the others of what fails.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "mpi_ranks.h"
#include "tests/device_memory.h"

namespace wn::test {
namespace {

wn_mpi *mpi = nullptr;

class Failures : public ::testing::EmptyTestEventListener {
  void OnTestPartResult(const ::testing::TestPartResult &r) override {
    if (r.failed())
      std::fprintf(stderr, "rank %d: %s:%d: %s\n", Rank(), r.file_name() == nullptr ? "" : r.file_name(),
                   r.line_number(), r.message());
  }
};

// Only rank 0 writes to stdout.
void Quieten() {
  ::testing::TestEventListeners &listeners = ::testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  listeners.Append(new Failures);
  if (std::freopen("/dev/null", "w", stdout) == nullptr) std::abort();
}

// Opened when the tests begin, and no sooner: the listener that makes emulated GPUs has come first then.
class OpenRanks : public ::testing::Environment {
  void SetUp() override {
    if (wn_mpi_open(&mpi, TestDevice(), MPI_COMM_WORLD, kLimit) == WN_OK) return;
    std::fprintf(stderr, "wn_mpi_open: %s\n", wn_last_error());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  void TearDown() override { EXPECT_EQ(wn_mpi_close(mpi), WN_OK) << wn_last_error(); }
};

int Main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  ::testing::InitGoogleTest(&argc, argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank != 0) Quieten();
  ::testing::AddGlobalTestEnvironment(new OpenRanks);
  const int failed = RUN_ALL_TESTS();
  MPI_Finalize();
  return failed;
}

}  // namespace

const wn_comm &MpiComm() { return *wn_mpi_comm(mpi); }

}  // namespace wn::test

int main(int argc, char **argv) { return wn::test::Main(argc, argv); }
