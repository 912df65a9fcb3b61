/* Sync plans: what this rank knows of the sets goes to the others, and what all know becomes one. Every rank merges the
 * same messages in the same order, the ranks', and so gets the same bits. */
#include "call_job.h"
#include "host/names.h"
#include "host/sync.h"
#include "parallel.h"

enum { PARAM_BYTES = 16 }; /* that a task reads and writes for a parameter of one rank */

/* ---- messages --------------------------------------------------------------------------------------------------- */

static size_t message_bytes(const wni_cpu_job *job) {
  return wni_sync_bytes(wni_dtype_size(job->call->types.real), job->call->geo.params);
}

static const wni_sync_header *header_of(const wni_cpu_job *job, int rank) {
  return (const void *)((const char *)job->all + (size_t)rank * message_bytes(job));
}

static void store_number(const wni_cpu_job *job, int64_t i, double v) {
  wni_store_real(job->call->types.real, (wni_sync_header *)job->mine + 1, i, v);
}

static double load_number(const wni_cpu_job *job, int rank, int64_t i) {
  return wni_load_real(job->call->types.real, header_of(job, rank) + 1, i);
}

/* task(job, 0 ..) over the parameters; each reads or writes the numbers of so many ranks. */
static void for_params(wni_cpu_job *job, int ranks, void (*task)(void *, int64_t)) {
  const int64_t params = job->call->geo.params;
  wni_parallel_for(ceil_div(params, WNI_PARAMS_PER_TASK), params * PARAM_BYTES * ranks, task, job);
}

/* ---- the exchange ----------------------------------------------------------------------------------------------- */

static bool is_same_call(const wni_sync_header *a, const wni_sync_header *b) {
  return a->pass == b->pass && a->plan == b->plan && a->call == b->call;
}

static wn_status note_fault(const wni_sync *sync, int rank, const wni_sync_header *here, const wni_sync_header *there) {
  wni_sync_state *const s = sync->state;
  const wni_sync_state now = {.calls = s->calls, .faulty = 1, .rank = rank, .here = *here, .there = *there};
  if (!s->faulty) *s = now; /* the first one is what is asked for */
  return wni_sync_fault(sync, &now);
}

/* The numbers of `mine` are packed: those of all ranks to `all`, the sets' size to set_size. */
static wn_status exchange(wni_cpu_job *job) {
  const wni_call *const call = job->call;
  const wni_sync *const sync = call->sync;
  wni_sync_header *const here = job->mine;
  here->pass = (int32_t)call->pass;
  here->plan = sync->plan;
  here->call = sync->state->calls;
  here->count = call->geo.set_size;
  const wn_status status = wni_sync_gather(sync, job->mine, job->all, message_bytes(job), NULL);
  if (status != WN_OK) return status;
  sync->state->calls++;
  job->set_size = 0;
  for (int rank = 0; rank < sync->comm.ranks; rank++) {
    const wni_sync_header *const there = header_of(job, rank);
    if (!is_same_call(here, there)) return note_fault(sync, rank, here, there);
    job->set_size += there->count;
  }
  return WN_OK;
}

/* ---- moments ---------------------------------------------------------------------------------------------------- */

static void pack_moments(void *context, int64_t task) {
  const wni_cpu_job *const job = context;
  const wni_geometry *const g = &job->call->geo;
  const int64_t begin = task * WNI_PARAMS_PER_TASK, end = least(begin + WNI_PARAMS_PER_TASK, g->params);
  const int64_t apart = wni_moments_apart(job);
  for (int64_t set = begin; set < end; set++) {
    const wni_moments none = {0, 0}, v = g->set_size > 0 ? job->moments[set * apart] : none;
    store_number(job, set, v.mean);
    store_number(job, g->params + set, g->set_size > 0 ? v.m2 / (double)g->set_size : 0);
  }
}

static wni_moments moments_of_all(const wni_cpu_job *job, int64_t set) {
  const int64_t params = job->call->geo.params;
  wni_moments all = {0, 0};
  int64_t count = 0;
  for (int rank = 0; rank < job->call->sync->comm.ranks; rank++) {
    const int64_t n = header_of(job, rank)->count;
    if (n == 0) continue;
    const wni_moments v = {load_number(job, rank, set), load_number(job, rank, params + set) * (double)n};
    all = count > 0 ? wni_moments_merge(all, count, v, n) : v;
    count += n;
  }
  return all;
}

static void merge_moments(void *context, int64_t task) {
  const wni_cpu_job *const job = context;
  const int64_t begin = task * WNI_PARAMS_PER_TASK, end = least(begin + WNI_PARAMS_PER_TASK, job->call->geo.params);
  for (int64_t set = begin; set < end; set++) job->moments[set * wni_moments_apart(job)] = moments_of_all(job, set);
}

wn_status wni_exchange_moments(wni_cpu_job *job) {
  for_params(job, 1, pack_moments);
  const wn_status status = exchange(job);
  if (status == WN_OK) for_params(job, job->call->sync->comm.ranks, merge_moments);
  return status;
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

static void pack_sums(void *context, int64_t task) {
  const wni_cpu_job *const job = context;
  const wni_geometry *const g = &job->call->geo;
  const int64_t begin = task * WNI_PARAMS_PER_TASK, n = least(WNI_PARAMS_PER_TASK, g->params - begin);
  wni_param_sums sums = {{{0}}};
  if (g->set_size > 0) wni_gather_param_sums(job, begin, n, &sums);
  for (int64_t i = 0; i < n; i++) {
    store_number(job, begin + i, sums.of[0][i]);
    store_number(job, g->params + begin + i, sums.of[1][i]);
  }
}

/* mean of g xhat, mean of g: a set has one gamma. */
static void merge_sums(void *context, int64_t task) {
  const wni_cpu_job *const job = context;
  const int64_t params = job->call->geo.params;
  const int64_t begin = task * WNI_PARAMS_PER_TASK, end = least(begin + WNI_PARAMS_PER_TASK, params);
  for (int64_t set = begin; set < end; set++) {
    const double weight = wni_load_real(job->call->types.real, job->gamma, set) / (double)job->set_size;
    double product = 0, plain = 0;
    for (int rank = 0; rank < job->call->sync->comm.ranks; rank++) {
      product += load_number(job, rank, set);
      plain += load_number(job, rank, params + set);
    }
    job->set_sums[2 * set] = weight * product;
    job->set_sums[2 * set + 1] = weight * plain;
  }
}

wn_status wni_exchange_sums(wni_cpu_job *job) {
  for_params(job, 1, pack_sums);
  const wn_status status = exchange(job);
  if (status == WN_OK && job->set_size > 0) for_params(job, job->call->sync->comm.ranks, merge_sums);
  return status;
}
