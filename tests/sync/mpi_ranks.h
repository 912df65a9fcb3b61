// The ranks of an MPI program's tests: MPI, the device and an adapter, open while the program runs.
#ifndef WN_TESTS_SYNC_MPI_RANKS_H
#define WN_TESTS_SYNC_MPI_RANKS_H
#include "warpnorm_mpi.h"

namespace wn::test {

constexpr double kLimit = 30;  // seconds: enough on a machine that is busy with other things

const wn_comm &MpiComm();  // of MPI_COMM_WORLD
inline int Rank() { return MpiComm().rank; }
inline int Ranks() { return MpiComm().ranks; }

}  // namespace wn::test
#endif
