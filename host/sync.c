/* Sync plans: how they are made, and what their exchanges answer. */
#include "sync.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "names.h"
#include "plan.h"
#include "sync_record.h"

/* ---- the communicator ------------------------------------------------------------------------------------------- */

static wn_status check_comm(const wn_comm *comm) {
  if (!comm) return wni_error(WN_ERR_ARGUMENT, "comm is NULL");
  if (comm->size != sizeof *comm)
    return wni_error(WN_ERR_ARGUMENT, "comm.size is %zu; this library knows %zu", comm->size, sizeof *comm);
  if (comm->ranks < 1) return wni_error(WN_ERR_ARGUMENT, "comm.ranks is %d; it must be 1 or more", comm->ranks);
  if (comm->rank < 0 || comm->rank >= comm->ranks)
    return wni_error(WN_ERR_ARGUMENT, "comm.rank is %d; it must be 0 to %d", comm->rank, comm->ranks - 1);
  if (!comm->all_gather) return wni_error(WN_ERR_ARGUMENT, "comm.all_gather is NULL");
  return WN_OK;
}

/* What a function of the communicator answered. One that noted no reason gets words of ours. */
static wn_status answer(wn_status status, uint64_t errors_before, const char *function) {
  if (status == WN_OK || wni_error_count() != errors_before) return status;
  return wni_error(status, "comm.%s answered %d, %s, and noted no reason", function, (int)status,
                   wn_status_text(status));
}

wn_status wni_sync_gather(const wni_sync *sync, const void *mine, void *all, size_t bytes, void *stream) {
  const wn_comm *const comm = &sync->comm;
  const uint64_t before = wni_error_count();
  return answer(comm->all_gather(comm->context, mine, all, bytes, stream), before, "all_gather");
}

static wn_status wait_for(const wn_device *device, const wn_comm *comm, void *stream) {
  if (!comm->wait) return device->backend->stream_wait(device->state, stream);
  const uint64_t before = wni_error_count();
  return answer(comm->wait(comm->context, stream), before, "wait");
}

/* ---- making a plan ---------------------------------------------------------------------------------------------- */

/* Device memory of a comparison: this rank's record, then those of all. */
typedef struct comparison {
  char *mine, *all;
} comparison;

static wn_status exchange_records(const wn_device *device, const wni_sync *sync, const comparison *at,
                                  const wni_record *mine, wni_record *all) {
  const wni_backend *const b = device->backend;
  const size_t bytes = sizeof *mine;
  wn_status status = b->buffer_write(device->state, at->mine, mine, bytes, NULL);
  if (status == WN_OK) status = wni_sync_gather(sync, at->mine, at->all, bytes, NULL);
  if (status == WN_OK) status = wait_for(device, &sync->comm, NULL);
  if (status == WN_OK) status = b->buffer_read(device->state, all, at->all, (size_t)sync->comm.ranks * bytes, NULL);
  return status == WN_OK ? b->stream_wait(device->state, NULL) : status;
}

/* Every rank comes here, also one that could not make its plan: `made` then says why not. */
static wn_status agree(const wn_device *device, wni_sync *sync, const wni_problem *problem, wn_status made) {
  const wni_backend *const b = device->backend;
  const int ranks = sync->comm.ranks;
  wni_record *const all = calloc((size_t)ranks, sizeof *all);
  if (!all) return wni_error(WN_ERR_MEMORY, "no memory for the comparison of %d ranks", ranks);
  const wni_record mine = wni_record_make(problem, made, sync);
  void *memory = NULL;
  wn_status status = b->buffer_alloc(device->state, &memory, (size_t)(ranks + 1) * sizeof mine, NULL);
  if (status == WN_OK) {
    const comparison at = {memory, (char *)memory + sizeof mine};
    status = exchange_records(device, sync, &at, &mine, all);
    (void)b->buffer_free(device->state, memory, NULL);
  }
  if (status == WN_OK) status = wni_records_compare(all, ranks, &sync->plan);
  free(all);
  return status;
}

static wn_status make_problem(const wn_problem *given, const wn_comm *comm, wni_problem *out) {
  const wn_status status = wni_problem_resolve(given, out);
  if (status != WN_OK) return status;
  if (out->given.kind != WN_BATCH)
    return wni_error(WN_ERR_UNSUPPORTED, "problem.kind is %s; statistics across ranks are those of batch",
                     wni_kind_name(out->given.kind));
  if (out->given.parts > 1)
    return wni_error(WN_ERR_UNSUPPORTED, "problem.parts is %lld; with statistics across ranks it must be 0 or 1",
                     (long long)out->given.parts);
  out->ranks = comm->ranks;
  return WN_OK;
}

static wn_status add_state(wn_plan *plan) {
  const wn_device *const device = plan->device;
  const wni_sync_state none = {.calls = 0};
  void *state = NULL;
  const wn_status status = device->backend->buffer_alloc(device->state, &state, sizeof none, NULL);
  if (status != WN_OK) return status;
  plan->sync->state = state;
  return device->backend->buffer_write(device->state, state, &none, sizeof none, NULL);
}

static wn_status add_sync(wn_plan *plan, const wn_comm *comm) {
  static _Atomic int32_t plans; /* numbers of a process's sync plans: what tells two of them apart */
  wni_sync *const sync = calloc(1, sizeof *sync);
  if (!sync) return wni_error(WN_ERR_MEMORY, "no memory for a sync plan (%zu bytes)", sizeof *sync);
  sync->comm = *comm;
  sync->plan = atomic_fetch_add(&plans, 1);
  plan->sync = sync;
  return add_state(plan);
}

static wn_status make_plan(wn_plan **plan, wn_device *device, const wni_problem *problem, const wn_comm *comm) {
  const wn_status status = wni_plan_make(plan, device, problem);
  return status == WN_OK ? add_sync(*plan, comm) : status;
}

/* The error of this rank's own, which the exchange may have talked over. */
static wn_status restate(wn_status status, const char *words) { return wni_error(status, "%s", words); }

wn_status wn_plan_create_sync(wn_plan **out, wn_device *device, const wn_problem *problem, const wn_comm *comm) {
  if (!out) return wni_error(WN_ERR_ARGUMENT, "plan is NULL; the address of a wn_plan * is expected");
  *out = NULL;
  if (!device) return wni_error(WN_ERR_ARGUMENT, "device is NULL");
  wn_status status = check_comm(comm);
  if (status != WN_OK) return status;
  wn_plan *plan = NULL;
  wni_problem resolved;
  memset(&resolved, 0, sizeof resolved);
  wn_status made = make_problem(problem, comm, &resolved);
  if (made == WN_OK) made = make_plan(&plan, device, &resolved, comm);
  char words[512] = "";
  if (made != WN_OK) (void)snprintf(words, sizeof words, "%s", wn_last_error());
  wni_sync alone = {.comm = *comm, .plan = 0};
  status = agree(device, plan && plan->sync ? plan->sync : &alone, &resolved, made);
  if (made != WN_OK) status = restate(made, words);
  if (status != WN_OK) {
    wn_plan_destroy(plan);
    return status;
  }
  *out = plan;
  return WN_OK;
}

void wni_sync_destroy(const wn_device *device, wni_sync *sync) {
  if (!sync) return;
  if (sync->state) (void)device->backend->buffer_free(device->state, sync->state, NULL);
  free(sync);
}

/* ---- faults ----------------------------------------------------------------------------------------------------- */

wn_status wni_sync_fault(const wni_sync *sync, const wni_sync_state *s) {
  return wni_error(
      WN_ERR_COMM,
      "rank %d was in call %lld, %s, of sync plan %d; this rank, %d, was in call %lld, %s, of sync plan %d", s->rank,
      (long long)s->there.call, wni_pass_name((wn_pass)s->there.pass), s->there.plan, sync->comm.rank,
      (long long)s->here.call, wni_pass_name((wn_pass)s->here.pass), s->here.plan);
}

wn_status wn_plan_sync_status(const wn_plan *plan, void *stream) {
  if (!plan) return wni_error(WN_ERR_ARGUMENT, "plan is NULL");
  const wni_sync *const sync = plan->sync;
  if (!sync) return wni_error(WN_ERR_UNSUPPORTED, "the plan was not made by wn_plan_create_sync");
  const wn_device *const device = plan->device;
  const wni_backend *const b = device->backend;
  wni_sync_state state;
  wn_status status = wait_for(device, &sync->comm, stream);
  if (status == WN_OK) status = b->buffer_read(device->state, &state, sync->state, sizeof state, stream);
  if (status == WN_OK) status = b->stream_wait(device->state, stream);
  if (status != WN_OK || !state.faulty) return status;
  const wn_status fault = wni_sync_fault(sync, &state);
  state.faulty = 0;
  status = b->buffer_write(device->state, sync->state, &state, sizeof state, stream);
  return status == WN_OK ? fault : status;
}
