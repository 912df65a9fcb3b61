/* Exchanges of sync plans over MPI: staged in host memory of the adapter's own, with a limit of time. */
#include "warpnorm_mpi.h"

#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct wn_mpi {
  wn_comm table;
  wn_device *device;
  MPI_Comm comm; /* a duplicate: what the caller sends on its own is no part of an exchange */
  double limit;
  char *mine, *all; /* messages in the host's memory, room for `room` bytes of each rank */
  size_t room;
  bool lost; /* an exchange has not ended in time, or failed: MPI may still use mine, all and comm */
  wn_mpi *next;
};

/* ---- errors ----------------------------------------------------------------------------------------------------- */

static wn_status mpi_failed(const char *function, int error) {
  char why[MPI_MAX_ERROR_STRING] = "";
  char text[MPI_MAX_ERROR_STRING + 64];
  int length = 0;
  (void)MPI_Error_string(error, why, &length);
  (void)snprintf(text, sizeof text, "%s: %s", function, why);
  return wn_error_note(WN_ERR_COMM, text);
}

static wn_status check_mpi(const char *function, int error) {
  return error == MPI_SUCCESS ? WN_OK : mpi_failed(function, error);
}

static wn_status too_late(double limit) {
  char text[160];
  (void)snprintf(text, sizeof text,
                 "a rank has not taken part within %g s; this communicator can not be used any more (warpnorm_mpi.h)",
                 limit);
  return wn_error_note(WN_ERR_COMM, text);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------- */

/* Ranks come within microseconds, or are late: where processors are shared, somebody else had better run then. */
static void pause_after(double waited) {
  const struct timespec some = {0, 50000};
  if (waited < 1e-3) {
    (void)sched_yield();
  } else {
    (void)nanosleep(&some, NULL);
  }
}

/* A communicator's own error handler, while its errors are returned. */
typedef struct quiet {
  MPI_Comm comm;
  MPI_Errhandler own;
} quiet;

static int quiet_begin(quiet *q, MPI_Comm comm) {
  q->comm = comm;
  const int error = MPI_Comm_get_errhandler(comm, &q->own);
  return error == MPI_SUCCESS ? MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN) : error;
}

static void quiet_end(quiet *q) {
  (void)MPI_Comm_set_errhandler(q->comm, q->own);
  (void)MPI_Errhandler_free(&q->own);
}

/* Whether a request is done, and how it ended. Open MPI 4 hands what went wrong in a collective to the handler of
 * MPI_COMM_WORLD, whatever its communicator: that handler is put aside for the call that ends the request. */
static int test(MPI_Request *request, int *done) {
  quiet world;
  int error = MPI_Request_get_status(*request, done, MPI_STATUS_IGNORE);
  if (error != MPI_SUCCESS || !*done) return error;
  error = quiet_begin(&world, MPI_COMM_WORLD);
  if (error != MPI_SUCCESS) return error;
  error = MPI_Wait(request, MPI_STATUS_IGNORE);
  quiet_end(&world);
  return error;
}

static wn_status wait_within(double limit, MPI_Request *request, const char *function) {
  const double start = MPI_Wtime();
  for (;;) {
    int done = 0;
    const int error = test(request, &done);
    if (error != MPI_SUCCESS) return mpi_failed(function, error);
    if (done) return WN_OK;
    const double waited = MPI_Wtime() - start;
    if (waited > limit) return too_late(limit);
    pause_after(waited);
  }
}

/* ---- the collective --------------------------------------------------------------------------------------------- */

static wn_status make_room(wn_mpi *m, size_t bytes) {
  if (bytes <= m->room) return WN_OK;
  free(m->mine);
  free(m->all);
  m->room = 0;
  m->mine = malloc(bytes);
  m->all = malloc((size_t)m->table.ranks * bytes);
  if (!m->mine || !m->all) return wn_error_note(WN_ERR_MEMORY, "no memory for the messages of an exchange");
  m->room = bytes;
  return WN_OK;
}

/* The first wait refuses a stream that is being captured, before anything has been added to the capture. */
static wn_status fetch(wn_mpi *m, const void *mine, size_t bytes, void *stream) {
  wn_status status = wn_stream_wait(m->device, stream);
  if (status == WN_OK) status = wn_buffer_read(m->device, m->mine, mine, bytes, stream);
  return status == WN_OK ? wn_stream_wait(m->device, stream) : status;
}

/* MPICH 4.0 drops a message that is too long for its place, and calls it a success: what lay there before must not pass
 * for a message. */
static void spoil(wn_mpi *m, size_t bytes) {
  const size_t head = bytes < 64 ? bytes : 64;
  for (size_t rank = 0; rank < (size_t)m->table.ranks; rank++) memset(m->all + rank * bytes, 0xff, head);
}

static wn_status gather(wn_mpi *m, size_t bytes) {
  MPI_Request request;
  const int count = (int)bytes;
  spoil(m, bytes);
  const int error = MPI_Iallgather(m->mine, count, MPI_BYTE, m->all, count, MPI_BYTE, m->comm, &request);
  const wn_status status =
      error == MPI_SUCCESS ? wait_within(m->limit, &request, "MPI_Iallgather") : mpi_failed("MPI_Iallgather", error);
  if (status != WN_OK) m->lost = true;
  return status;
}

static wn_status all_gather(void *context, const void *mine, void *all, size_t bytes, void *stream) {
  wn_mpi *const m = context;
  if (m->lost)
    return wn_error_note(WN_ERR_COMM, "an earlier exchange has failed or was too late; this communicator is lost");
  if (bytes > INT_MAX) return wn_error_note(WN_ERR_UNSUPPORTED, "MPI counts no more than INT_MAX bytes of a message");
  wn_status status = make_room(m, bytes);
  if (status == WN_OK) status = fetch(m, mine, bytes, stream);
  if (status == WN_OK) status = gather(m, bytes);
  if (status != WN_OK) return status;
  return wn_buffer_write(m->device, all, m->all, (size_t)m->table.ranks * bytes, stream);
}

/* ---- opening and closing ---------------------------------------------------------------------------------------- */

static wn_status check_arguments(const wn_device *device, MPI_Comm comm, double limit) {
  int initialised = 0;
  int finalised = 0;
  (void)MPI_Initialized(&initialised);
  (void)MPI_Finalized(&finalised);
  if (!device) return wn_error_note(WN_ERR_ARGUMENT, "device is NULL");
  if (!(limit > 0)) return wn_error_note(WN_ERR_ARGUMENT, "limit is not above 0; INFINITY is no limit");
  if (!initialised) return wn_error_note(WN_ERR_ARGUMENT, "MPI is not initialised: MPI_Init comes first");
  if (finalised) return wn_error_note(WN_ERR_ARGUMENT, "MPI is finalised already");
  if (comm == MPI_COMM_NULL) return wn_error_note(WN_ERR_ARGUMENT, "comm is MPI_COMM_NULL");
  return WN_OK;
}

/* A duplicate is made with the error handler of the original, which is put back. */
static wn_status duplicate(MPI_Comm comm, wn_mpi *m) {
  quiet original;
  MPI_Request request;
  wn_status status = check_mpi("MPI_Comm_set_errhandler", quiet_begin(&original, comm));
  if (status != WN_OK) return status;
  status = check_mpi("MPI_Comm_idup", MPI_Comm_idup(comm, &m->comm, &request));
  if (status == WN_OK) status = wait_within(m->limit, &request, "MPI_Comm_idup");
  if (status != WN_OK) m->lost = true;
  quiet_end(&original);
  return status;
}

static wn_status fill_table(wn_mpi *m) {
  m->table = (wn_comm){.size = sizeof m->table, .context = m, .all_gather = all_gather};
  wn_status status = check_mpi("MPI_Comm_set_errhandler", MPI_Comm_set_errhandler(m->comm, MPI_ERRORS_RETURN));
  if (status == WN_OK) status = check_mpi("MPI_Comm_rank", MPI_Comm_rank(m->comm, &m->table.rank));
  if (status == WN_OK) status = check_mpi("MPI_Comm_size", MPI_Comm_size(m->comm, &m->table.ranks));
  return status;
}

wn_status wn_mpi_open(wn_mpi **out, wn_device *device, MPI_Comm comm, double limit) {
  if (!out) return wn_error_note(WN_ERR_ARGUMENT, "mpi is NULL; the address of a wn_mpi * is expected");
  *out = NULL;
  wn_status status = check_arguments(device, comm, limit);
  if (status != WN_OK) return status;
  wn_mpi *const m = calloc(1, sizeof *m);
  if (!m) return wn_error_note(WN_ERR_MEMORY, "no memory for a communicator");
  m->device = device;
  m->limit = limit;
  m->comm = MPI_COMM_NULL;
  status = duplicate(comm, m);
  if (status == WN_OK) status = fill_table(m);
  if (status != WN_OK) {
    (void)wn_mpi_close(m);
    return status;
  }
  *out = m;
  return WN_OK;
}

const wn_comm *wn_mpi_comm(const wn_mpi *m) { return m ? &m->table : NULL; }

/* Closed when lost: what MPI may still use stays to the end of the process. */
static wn_mpi *_Atomic left_behind;

wn_status wn_mpi_close(wn_mpi *m) {
  if (!m) return WN_OK;
  if (m->lost) {
    m->next = atomic_exchange(&left_behind, m);
    return WN_OK;
  }
  wn_status status = WN_OK;
  if (m->comm != MPI_COMM_NULL) status = check_mpi("MPI_Comm_free", MPI_Comm_free(&m->comm));
  free(m->mine);
  free(m->all);
  free(m);
  return status;
}
