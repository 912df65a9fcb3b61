// Sync plans over MPI: cases of batch norm in the list, each rank judging its own part, and what the adapter promises.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "mpi_ranks.h"
#include "shares.h"
#include "small_batch.h"

namespace wn::test {
namespace {

// Whether these bytes are the same on every rank. NaNs are made alike before.
bool SameOnAllRanks(const Output &output) {
  std::vector<std::uint8_t> mine = output.bytes;
  if (output.type != WN_DTYPE_DEFAULT) {
    std::vector<double> values = output.values();
    for (double &v : values)
      if (std::isnan(v)) v = std::numeric_limits<double>::quiet_NaN();
    mine.resize(values.size() * sizeof(double));
    std::memcpy(mine.data(), values.data(), mine.size());
  }
  std::vector<std::uint8_t> all(mine.size() * static_cast<std::size_t>(Ranks()));
  const auto count = static_cast<int>(mine.size());
  MPI_Allgather(mine.data(), count, MPI_BYTE, all.data(), count, MPI_BYTE, MPI_COMM_WORLD);
  for (std::size_t rank = 0; rank < static_cast<std::size_t>(Ranks()); rank++)
    if (std::memcmp(&all[rank * mine.size()], mine.data(), mine.size()) != 0) return false;
  return true;
}

void CheckShared(const SharedCase &c, wn_pass pass, Report *report) {
  const Given joined = JoinedGiven(c, pass);
  const Result result = RunRank(c, pass, MpiComm(), joined);
  report->Count();
  std::string wrong = JudgeRank(c, pass, Rank(), joined, JoinedExpectation(c, pass, joined), result, report);
  for (const auto &[name, output] : result.outputs)
    if (IsStatistic(name) && !SameOnAllRanks(output)) wrong += name + " differs between ranks; ";
  if (!wrong.empty()) report->Fail(PassName(pass), c.Name() + ": " + wrong);
}

void CheckPass(wn_pass pass) {
  Report report;
  for (const SharedCase &c : SharedCases(Ranks(), 0, 20000))
    if (c.joined.HasPass(pass)) CheckShared(c, pass, &report);
}

TEST(MpiConformance, Train) { CheckPass(WN_TRAIN); }
TEST(MpiConformance, Infer) { CheckPass(WN_INFER); }
TEST(MpiConformance, Backward) { CheckPass(WN_BACKWARD); }
TEST(MpiConformance, BackwardFrozen) { CheckPass(WN_BACKWARD_FROZEN); }

TEST(MpiFaults, PlansThatDiffer) {
  wn_problem p = SmallProblem();
  if (Rank() == Ranks() - 1) p.c = 5;
  wn_plan *plan = nullptr;
  const wn_status status = wn_plan_create_sync(&plan, TestDevice(), &p, &MpiComm());
  if (Ranks() == 1) {
    EXPECT_EQ(status, WN_OK);
    wn_plan_destroy(plan);
    return;
  }
  EXPECT_EQ(status, WN_ERR_COMM);
  const std::string words = "problem.c is 5 on rank " + std::to_string(Ranks() - 1) + ", and 3 on rank 0";
  EXPECT_NE(std::string(wn_last_error()).find(words), std::string::npos) << wn_last_error();
}

TEST(MpiFaults, AnotherPass) {
  SmallBatch batch(MpiComm());
  EXPECT_EQ(batch.Train(2), WN_OK) << wn_last_error();
  const wn_status status = Rank() == 0 ? batch.Train(2) : batch.Backward(2);
  const bool at_once = wn_device_backend(TestDevice()) == WN_CPU;
  const wn_status fault = Ranks() == 1 ? WN_OK : WN_ERR_COMM;
  EXPECT_EQ(status, at_once ? fault : WN_OK);
  EXPECT_EQ(wn_plan_sync_status(batch.plan(), nullptr), fault);
  EXPECT_EQ(batch.Train(Rank()), WN_OK) << wn_last_error();
}

TEST(MpiArguments, AreCheckedBeforeMpiIsAsked) {
  wn_mpi *mpi = nullptr;
  EXPECT_EQ(wn_mpi_open(nullptr, TestDevice(), MPI_COMM_WORLD, 1), WN_ERR_ARGUMENT);
  EXPECT_EQ(wn_mpi_open(&mpi, nullptr, MPI_COMM_WORLD, 1), WN_ERR_ARGUMENT);
  EXPECT_EQ(wn_mpi_open(&mpi, TestDevice(), MPI_COMM_NULL, 1), WN_ERR_ARGUMENT);
  for (const double limit : {0.0, -1.0, std::nan("")}) {
    EXPECT_EQ(wn_mpi_open(&mpi, TestDevice(), MPI_COMM_WORLD, limit), WN_ERR_ARGUMENT);
    EXPECT_NE(std::strstr(wn_last_error(), "limit"), nullptr);
  }
  EXPECT_EQ(mpi, nullptr);
  EXPECT_EQ(wn_mpi_comm(nullptr), nullptr);
  EXPECT_EQ(wn_mpi_close(nullptr), WN_OK);
}

// The caller's communicator keeps its error handler, and the duplicate's is no matter of the caller's.
TEST(MpiArguments, TheCallersCommunicatorStaysAsItWas) {
  MPI_Errhandler before, after;
  MPI_Comm_get_errhandler(MPI_COMM_WORLD, &before);
  wn_mpi *mpi = nullptr;
  ASSERT_EQ(wn_mpi_open(&mpi, TestDevice(), MPI_COMM_WORLD, std::numeric_limits<double>::infinity()), WN_OK);
  EXPECT_EQ(wn_mpi_comm(mpi)->ranks, Ranks());
  EXPECT_EQ(wn_mpi_close(mpi), WN_OK);
  MPI_Comm_get_errhandler(MPI_COMM_WORLD, &after);
  EXPECT_EQ(before, after);
  MPI_Errhandler_free(&before);
  MPI_Errhandler_free(&after);
}

}  // namespace
}  // namespace wn::test
