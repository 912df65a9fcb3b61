#include "nccl_double.h"

#include <cuda_runtime_api.h>

#include <atomic>
#include <sstream>

namespace wn::test {
namespace {

std::string refused;
std::atomic<int> live{0}, aborts{0};

ncclResult_t Answer(const char *function) { return refused == function ? ncclSystemError : ncclSuccess; }

}  // namespace

void RefuseNccl(const std::string &function) { refused = function; }
int LiveSplits() { return live; }
int Aborts() { return aborts; }

}  // namespace wn::test

using wn::test::Answer;

extern "C" {

ncclResult_t ncclCommUserRank(ncclComm_t comm, int *rank) {
  *rank = comm->ranks.rank;
  return Answer("ncclCommUserRank");
}

ncclResult_t ncclCommCount(ncclComm_t comm, int *count) {
  *count = comm->ranks.ranks;
  return Answer("ncclCommCount");
}

ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t *newcomm, ncclConfig_t *config) {
  if (color != 0 || key != comm->ranks.rank || config == nullptr || config->blocking != 1) return ncclInvalidArgument;
  const ncclResult_t answer = Answer("ncclCommSplit");
  if (answer != ncclSuccess) return answer;
  *newcomm = new ncclComm{*comm};
  comm->latest_split = *newcomm;
  wn::test::live++;
  return ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  wn::test::live--;
  return Answer("ncclCommDestroy");
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  wn::test::aborts++;
  return ncclCommDestroy(comm);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error) {
  *error = comm->asynchronous_error;
  return Answer("ncclCommGetAsyncError");
}

const char *ncclGetErrorString(ncclResult_t result) { return result == ncclRemoteError ? "remote error" : "an error"; }
const char *ncclGetLastError(ncclComm_t) { return "words of the double"; }

ncclResult_t ncclAllGather(const void *sendbuff, void *recvbuff, size_t sendcount, ncclDataType_t datatype,
                           ncclComm_t comm, cudaStream_t stream) {
  if (comm->record != nullptr) {
    std::ostringstream line;
    line << "gather " << sendcount << (datatype == ncclInt8 ? " int8" : " of another type") << " on " << stream << "; ";
    *comm->record += line.str();
  }
  const ncclResult_t answer = Answer("ncclAllGather");
  if (answer != ncclSuccess || datatype != ncclInt8) return answer != ncclSuccess ? answer : ncclInvalidArgument;
  if (comm->ranks.ranks == 1)
    return cudaMemcpyAsync(recvbuff, sendbuff, sendcount, cudaMemcpyDeviceToDevice, stream) == cudaSuccess
               ? ncclSuccess
               : ncclSystemError;
  const wn_status status = comm->ranks.all_gather(comm->ranks.context, sendbuff, recvbuff, sendcount, stream);
  return status == WN_OK ? ncclSuccess : ncclRemoteError;
}
}
