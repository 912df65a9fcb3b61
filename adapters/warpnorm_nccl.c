/* Exchanges of sync plans over NCCL, enqueued; a wait with a limit of time. */
#include "warpnorm_nccl.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct wn_nccl {
  wn_comm table;
  ncclComm_t comm; /* split from the caller's; NULL: aborted */
  double limit;
};

/* ---- errors ----------------------------------------------------------------------------------------------------- */

/* comm may be NULL. */
static wn_status nccl_failed(const char *function, ncclResult_t result, ncclComm_t comm) {
  char text[512];
  (void)snprintf(text, sizeof text, "%s: %s (%d): %s", function, ncclGetErrorString(result), (int)result,
                 ncclGetLastError(comm));
  return wn_error_note(WN_ERR_COMM, text);
}

static wn_status check_nccl(const char *function, ncclResult_t result, ncclComm_t comm) {
  return result == ncclSuccess ? WN_OK : nccl_failed(function, result, comm);
}

static wn_status cuda_failed(const char *function, cudaError_t error) {
  char text[256];
  (void)snprintf(text, sizeof text, "%s: %s (%d): %s", function, cudaGetErrorName(error), (int)error,
                 cudaGetErrorString(error));
  return wn_error_note(WN_ERR_DEVICE, text);
}

static wn_status lost(void) {
  return wn_error_note(WN_ERR_COMM, "an earlier exchange has failed or was too late; this communicator is lost");
}

/* What enqueued exchanges wait for on the device comes to an end, and the communicator with it. */
static void give_up(wn_nccl *m) {
  (void)ncclCommAbort(m->comm);
  m->comm = NULL;
}

/* An error that an enqueued exchange has met since. */
static wn_status check_enqueued(wn_nccl *m) {
  if (!m->comm) return lost();
  ncclResult_t met = ncclSuccess;
  wn_status status = check_nccl("ncclCommGetAsyncError", ncclCommGetAsyncError(m->comm, &met), m->comm);
  if (status == WN_OK && met != ncclSuccess && met != ncclInProgress)
    status = nccl_failed("an exchange that was enqueued earlier", met, m->comm);
  if (status != WN_OK) give_up(m);
  return status;
}

/* ---- the table's functions -------------------------------------------------------------------------------------- */

static wn_status all_gather(void *context, const void *mine, void *all, size_t bytes, void *stream) {
  wn_nccl *const m = context;
  const wn_status status = check_enqueued(m);
  if (status != WN_OK) return status;
  return check_nccl("ncclAllGather", ncclAllGather(mine, all, bytes, ncclInt8, m->comm, stream), m->comm);
}

static double seconds_now(void) {
  struct timespec t;
  (void)clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static wn_status too_late(wn_nccl *m) {
  char text[192];
  give_up(m);
  (void)snprintf(
      text, sizeof text,
      "the stream's exchanges have not ended within %g s: a rank is late or gone; this communicator can not be "
      "used any more (warpnorm_nccl.h)",
      m->limit);
  return wn_error_note(WN_ERR_COMM, text);
}

/* To ask a stream that is being captured whether it is done would break the capture. */
static wn_status refuse_capture(cudaStream_t stream) {
  enum cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  const cudaError_t error = cudaStreamIsCapturing(stream, &capture);
  if (error != cudaSuccess) return cuda_failed("cudaStreamIsCapturing", error);
  if (capture == cudaStreamCaptureStatusNone) return WN_OK;
  return wn_error_note(WN_ERR_DEVICE, "the stream is being captured: there is nothing to wait for yet");
}

static wn_status wait_for(void *context, void *stream) {
  wn_nccl *const m = context;
  const struct timespec some = {0, 20000};
  const double start = seconds_now();
  wn_status status = refuse_capture(stream);
  while (status == WN_OK) {
    status = check_enqueued(m);
    if (status != WN_OK) break;
    const cudaError_t error = cudaStreamQuery(stream);
    if (error == cudaSuccess) break;
    if (error != cudaErrorNotReady) return cuda_failed("cudaStreamQuery", error);
    if (seconds_now() - start > m->limit) return too_late(m);
    (void)nanosleep(&some, NULL);
  }
  return status;
}

/* ---- opening and closing ---------------------------------------------------------------------------------------- */

static wn_status check_arguments(const wn_device *device, ncclComm_t comm, double limit) {
  if (!device) return wn_error_note(WN_ERR_ARGUMENT, "device is NULL");
  if (!comm) return wn_error_note(WN_ERR_ARGUMENT, "comm is NULL");
  if (!(limit > 0)) return wn_error_note(WN_ERR_ARGUMENT, "limit is not above 0; INFINITY is no limit");
  if (wn_device_backend(device) != WN_CUDA)
    return wn_error_note(WN_ERR_UNSUPPORTED, "the device is no GPU; NCCL moves memory of GPUs only");
  return WN_OK;
}

/* Blocking, whatever the caller's communicator is: what is enqueued when a call returns can be captured. */
static wn_status split(wn_nccl *m, ncclComm_t comm) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 1;
  m->table = (wn_comm){.size = sizeof m->table, .context = m, .all_gather = all_gather, .wait = wait_for};
  wn_status status = check_nccl("ncclCommUserRank", ncclCommUserRank(comm, &m->table.rank), comm);
  if (status == WN_OK) status = check_nccl("ncclCommCount", ncclCommCount(comm, &m->table.ranks), comm);
  if (status == WN_OK)
    status = check_nccl("ncclCommSplit", ncclCommSplit(comm, 0, m->table.rank, &m->comm, &config), comm);
  return status;
}

wn_status wn_nccl_open(wn_nccl **out, wn_device *device, ncclComm_t comm, double limit) {
  if (!out) return wn_error_note(WN_ERR_ARGUMENT, "nccl is NULL; the address of a wn_nccl * is expected");
  *out = NULL;
  wn_status status = check_arguments(device, comm, limit);
  if (status != WN_OK) return status;
  wn_nccl *const m = calloc(1, sizeof *m);
  if (!m) return wn_error_note(WN_ERR_MEMORY, "no memory for a communicator");
  m->limit = limit;
  status = split(m, comm);
  if (status != WN_OK) {
    free(m);
    return status;
  }
  *out = m;
  return WN_OK;
}

const wn_comm *wn_nccl_comm(const wn_nccl *m) { return m ? &m->table : NULL; }

wn_status wn_nccl_close(wn_nccl *m) {
  if (!m) return WN_OK;
  const wn_status status = m->comm ? check_nccl("ncclCommDestroy", ncclCommDestroy(m->comm), NULL) : WN_OK;
  free(m);
  return status;
}
