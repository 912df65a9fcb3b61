/* What run.c asks of finalize.c and params.c: all that is done for a call once, and not by a kernel. */
#ifndef WNI_CALL_JOB_H
#define WNI_CALL_JOB_H
#include <stdbool.h>
#include <string.h>

#include "kernel.h"

/* Statistics, parameters in the workspace and messages have the type of the arithmetic: number i of p. */
static inline double wni_load_real(wn_dtype real, const void *p, int64_t i) {
  return real == WN_F64 ? ((const double *)p)[i] : (double)((const float *)p)[i];
}
static inline void wni_store_real(wn_dtype real, void *p, int64_t i, double v) {
  if (real == WN_F64) {
    ((double *)p)[i] = v;
  } else {
    ((float *)p)[i] = (float)v;
  }
}

/* The moments of neighbouring sets lie so far apart. */
static inline int64_t wni_moments_apart(const wni_cpu_job *job) {
  return job->plan->geo.pattern == WNI_ROW && job->plan->row.segments > 1 ? job->plan->row.segments : 1;
}

/* finalize.c */
/* Of n sets from `first` on. */
/* ROW sets in segments: moments[set][segment] -> moments[set][0]. */
void wni_merge_segments(const wni_cpu_job *job, int64_t first, int64_t n);
/* The sets' moments -> set_mean, set_rstd, and the call's mean and rstd. */
void wni_finish_statistics(const wni_cpu_job *job, int64_t first, int64_t n);
/* running_mean, running_var -> set_mean, set_rstd, for each parameter. */
void wni_read_running(const wni_cpu_job *job);
/* The sets' moments -> running_mean, running_var, batches_seen. */
void wni_update_running(const wni_cpu_job *job);

/* exchange.c, sync plans. Afterwards set_size is that of all ranks; where it is 0 there are no statistics. */
/* The sets' moments -> those of all ranks, in their place. */
wn_status wni_exchange_moments(wni_cpu_job *job);
/* The kernels' parameter sums -> set_sums, of all ranks; the sums themselves stay those of this one. */
wn_status wni_exchange_sums(wni_cpu_job *job);

/* params.c */
/* Sets gamma and beta of the job, in the workspace where the caller's are not what the kernels want. */
void wni_prepare_params(wni_cpu_job *job, void *work);
/* Sums of some parameters in a row: [0] of dz xhat, [1] of dz. */
enum { WNI_PARAMS_PER_TASK = 1024 };
typedef struct wni_param_sums {
  double of[2][WNI_PARAMS_PER_TASK];
} wni_param_sums;
/* From the kernels' parameter sums, of n parameters from `begin` on. */
void wni_gather_param_sums(const wni_cpu_job *job, int64_t begin, int64_t n, wni_param_sums *sums);
/* The kernels' parameter sums -> dgamma, dbeta. */
void wni_store_param_gradients(const wni_cpu_job *job);

#endif
