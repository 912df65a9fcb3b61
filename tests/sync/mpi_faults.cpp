// A rank that is late, dies or calls another plan: mpi_faults late|killed|amid|unborn|mixed FOLDER. The other ranks
// must get an error when the limit is over, and leave a file in the folder: launchers lose what ranks write when one of
// them has died. killed: between two calls; amid: at any moment of many, most of them in an exchange; mixed: of the
// other plan messages are longer.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "small_batch.h"
#include "tests/device_memory.h"
#include "warpnorm_mpi.h"

namespace wn::test {
namespace {

constexpr double kLimit = 1;      // seconds
constexpr double kPatience = 20;  // and what a busy machine may add

int rank = 0;

[[noreturn]] void Fail(const char *what) {
  std::fprintf(stderr, "rank %d: %s (%s)\n", rank, what, wn_last_error());
  std::fflush(nullptr);
  _exit(1);
}

void Require(bool good, const char *what) {
  if (!good) Fail(what);
}

template <class Call>
void RequireLost(const Call &call, double least, double most) {
  const double start = MPI_Wtime();
  const wn_status status = call();
  const double took = MPI_Wtime() - start;
  Require(status == WN_ERR_COMM, "no WN_ERR_COMM");
  Require(std::strstr(wn_last_error(), least > 0 ? "1 s" : "lost") != nullptr, "other words");
  Require(took >= least && took <= most, "not within the limit");
}

// Of one rank another plan than of the others: it ends well for none of them, and ends no program.
void MixUp(wn_mpi *mpi) {
  wn_problem longer = SmallProblem();
  longer.c = 5;
  SmallBatch first(*wn_mpi_comm(mpi)), second(*wn_mpi_comm(mpi), longer);
  for (int i = 0; i < 3; i++) {
    const double start = MPI_Wtime();
    Require((rank == 1 ? second : first).Train(2) == WN_ERR_COMM, "no WN_ERR_COMM");
    Require(MPI_Wtime() - start <= kLimit + kPatience, "not within the limit");
  }
}

void Survive(const std::string &mode, wn_mpi *mpi) {
  if (mode == "unborn") {
    const wn_problem p = SmallProblem();
    wn_plan *plan = nullptr;
    const auto make = [&] { return wn_plan_create_sync(&plan, TestDevice(), &p, wn_mpi_comm(mpi)); };
    RequireLost(make, kLimit, kLimit + kPatience);
    Require(plan == nullptr, "a plan");
    RequireLost(make, 0, kLimit / 2);
  } else if (mode == "mixed") {
    MixUp(mpi);
  } else if (mode == "amid") {
    SmallBatch batch(*wn_mpi_comm(mpi));
    double since = MPI_Wtime();
    while (batch.Train(2) == WN_OK) since = MPI_Wtime();
    Require(MPI_Wtime() - since <= kLimit + kPatience, "not within the limit");
    RequireLost([&] { return batch.Train(2); }, 0, kLimit / 2);
  } else {
    SmallBatch batch(*wn_mpi_comm(mpi));
    Require(batch.Train(2) == WN_OK, "the call before");
    RequireLost([&] { return batch.Backward(2); }, kLimit, kLimit + kPatience);
    RequireLost([&] { return batch.Train(2); }, 0, kLimit / 2);
  }
  Require(wn_mpi_close(mpi) == WN_OK, "wn_mpi_close");
}

void LeaveFile(const std::string &folder) {
  std::FILE *const file = std::fopen((folder + "/survivor" + std::to_string(rank)).c_str(), "w");
  Require(file != nullptr && std::fclose(file) == 0, "its file");
}

void BeTheFault(const std::string &mode, wn_mpi *mpi) {
  if (mode == "unborn") raise(SIGKILL);
  if (mode == "mixed") return MixUp(mpi);
  SmallBatch batch(*wn_mpi_comm(mpi));
  Require(batch.Train(2) == WN_OK, "the call before");
  if (mode == "killed") raise(SIGKILL);
  if (mode == "amid") {
    std::thread([] {
      usleep(300000);
      kill(getpid(), SIGKILL);
    }).detach();
    while (batch.Train(2) == WN_OK) continue;
    Fail("an error before its death");
  }
}

}  // namespace
}  // namespace wn::test

int main(int argc, char **argv) {
  using namespace wn::test;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  wn_mpi *mpi = nullptr;
  Require(argc == 3 && wn_mpi_open(&mpi, TestDevice(), MPI_COMM_WORLD, kLimit) == WN_OK, "wn_mpi_open");
  const std::string mode = argv[1];
  if (rank == 1) {
    BeTheFault(mode, mpi);
  } else {
    Survive(mode, mpi);
    LeaveFile(argv[2]);
  }
  const bool all_live = mode == "mixed" || mode == "late";
  if (all_live) sleep(3);  // MPICH's launcher ends the others with one that has ended
  std::fflush(nullptr);
  _exit(0);  // MPI_Finalize would wait for the lost exchange, MPI_Abort would end the others
}
