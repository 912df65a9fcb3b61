// A stand-in for NCCL: its functions as the adapter calls them, over ranks that are threads, with a record of the
// calls.
#ifndef WN_TESTS_SYNC_NCCL_DOUBLE_H
#define WN_TESTS_SYNC_NCCL_DOUBLE_H
#include <nccl.h>

#include <string>
#include <vector>

#include "warpnorm.h"

// What a communicator is here.
struct ncclComm {
  wn_comm ranks;  // one rank: without all_gather
  ncclResult_t asynchronous_error = ncclSuccess;
  std::string *record = nullptr;  // of the calls, where it is wanted: "gather 48 int8 on 0x1234; "
  ncclComm *latest_split = nullptr;
};

namespace wn::test {

// The functions that the next of the adapter's communicators refuse; empty: none.
void RefuseNccl(const std::string &function);
int LiveSplits();  // communicators that ncclCommSplit has made and nobody has destroyed or aborted
int Aborts();      // so far

}  // namespace wn::test
#endif
