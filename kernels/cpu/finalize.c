/* From moments to the statistics of a call: what kernels of both families leave is finished here, in double. */
#include <math.h>

#include "call_job.h"
#include "parallel.h"

/* ---- sets ------------------------------------------------------------------------------------------------------- */

enum { SETS_PER_TASK = 1024, SET_BYTES = 64 };

static int64_t segment_size(const wni_geometry *g, const wni_row_plan *p, int64_t segment) {
  const int64_t run = segment / p->pieces * p->segment_runs;
  const int64_t element = segment % p->pieces * p->segment_elements;
  return least(p->segment_runs, g->extent[2] - run) * least(p->segment_elements, g->extent[3] - element);
}

/* Some sets, for a task over them. */
typedef struct set_range {
  const wni_cpu_job *job;
  int64_t first, n;
} set_range;

static void merge_segments(void *context, int64_t i) {
  const set_range *const r = context;
  const wni_cpu_job *const job = r->job;
  const wni_row_plan *const p = &job->plan->row;
  wni_moments *const v = job->moments + (r->first + i) * p->segments;
  int64_t count = segment_size(&job->call->geo, p, 0);
  for (int64_t i = 1; i < p->segments; i++) {
    const int64_t n = segment_size(&job->call->geo, p, i);
    v[0] = wni_moments_merge(v[0], count, v[i], n);
    count += n;
  }
}

void wni_merge_segments(const wni_cpu_job *job, int64_t first, int64_t n) {
  set_range r = {job, first, n};
  wni_parallel_for(n, n * job->plan->row.segments * SET_BYTES, merge_segments, &r);
}

static void finish_sets(void *context, int64_t task) {
  const set_range *const r = context;
  const wni_cpu_job *const job = r->job;
  const wni_call *const call = job->call;
  const int64_t apart = wni_moments_apart(job);
  const int64_t begin = task * SETS_PER_TASK, end = least(begin + SETS_PER_TASK, r->n);
  for (int64_t set = r->first + begin; set < r->first + end; set++) {
    const wni_moments v = job->moments[set * apart];
    const double rstd = wni_rstd(v, job->set_size, call->eps);
    job->set_mean[set] = v.mean;
    job->set_rstd[set] = rstd;
    if (call->mean) wni_store_real(call->types.real, call->mean, set, v.mean);
    if (call->rstd) wni_store_real(call->types.real, call->rstd, set, rstd);
  }
}

void wni_finish_statistics(const wni_cpu_job *job, int64_t first, int64_t n) {
  set_range r = {job, first, n};
  wni_parallel_for(ceil_div(n, SETS_PER_TASK), n * SET_BYTES, finish_sets, &r);
}

/* ---- running statistics ----------------------------------------------------------------------------------------- */

static void read_running(void *context, int64_t task) {
  const wni_cpu_job *const job = context;
  const wni_call *const call = job->call;
  const int64_t begin = task * SETS_PER_TASK, end = least(begin + SETS_PER_TASK, call->geo.params);
  for (int64_t p = begin; p < end; p++) {
    job->set_mean[p] = wni_load_real(call->types.real, call->running_mean, p);
    job->set_rstd[p] = 1 / sqrt(wni_load_real(call->types.real, call->running_var, p) + call->eps);
  }
}

void wni_read_running(const wni_cpu_job *job) {
  wni_cpu_job copy = *job;
  const wni_geometry *const g = &job->call->geo;
  wni_parallel_for(ceil_div(g->params, SETS_PER_TASK), g->params * SET_BYTES, read_running, &copy);
}

/* How much a new statistic weighs: the momentum, or in the average over all calls 1/k on call k. */
static double weight_of_call(const wni_call *call) {
  if (!(call->flags & WN_RUNNING_CUMULATIVE)) return call->momentum;
  *call->batches_seen += 1;
  return 1 / (double)*call->batches_seen;
}

/* A weight of 1 must not read what was there, which may be no number. */
static void blend(wn_dtype type, void *running, int64_t i, double weight, double value) {
  if (weight != 1) value = (1 - weight) * wni_load_real(type, running, i) + weight * value;
  wni_store_real(type, running, i, value);
}

/* The mean over the sets of a parameter (ghost parts; samples), which lie `params` apart. The first one is subtracted:
 * equal ones give themselves. */
static double mean_over(const double *first, int64_t apart, int64_t count) {
  double sum = 0;
  for (int64_t i = 1; i < count; i++) sum += first[i * apart] - first[0];
  return count > 1 ? first[0] + sum / (double)count : first[0];
}

typedef struct update {
  const wni_cpu_job *job;
  double weight;
} update;

static void update_running(void *context, int64_t task) {
  const update *const u = context;
  const wni_call *const call = u->job->call;
  const wni_geometry *const g = &call->geo;
  const wn_dtype type = call->types.real;
  const int64_t apart = wni_moments_apart(u->job), between = 2 * apart * g->params, count = g->sets / g->params;
  const double m = (double)u->job->set_size, divisor = call->flags & WN_RUNNING_POPULATION ? m : m - 1;
  const int64_t begin = task * SETS_PER_TASK, end = least(begin + SETS_PER_TASK, g->params);
  for (int64_t p = begin; p < end; p++) {
    const wni_moments *const v = u->job->moments + p * apart;
    blend(type, call->running_mean, p, u->weight, mean_over(&v->mean, between, count));
    /* One element has no unbiased variance. */
    if (divisor > 0) blend(type, call->running_var, p, u->weight, mean_over(&v->m2, between, count) / divisor);
  }
}

void wni_update_running(const wni_cpu_job *job) {
  const wni_geometry *const g = &job->call->geo;
  update u = {job, weight_of_call(job->call)};
  wni_parallel_for(ceil_div(g->params, SETS_PER_TASK), g->sets * SET_BYTES, update_running, &u);
}
