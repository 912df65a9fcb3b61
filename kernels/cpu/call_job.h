/* What run.c asks of finalize.c and params.c: all that is done for a call once, and not by a kernel. */
#ifndef WNI_CALL_JOB_H
#define WNI_CALL_JOB_H
#include <stdbool.h>
#include <string.h>

#include "kernel.h"

/* finalize.c */
/* ROW sets in segments: moments[set][segment] -> moments[set][0]. */
void wni_merge_segments(const wni_cpu_job *job);
/* The sets' moments -> set_mean, set_rstd, and the call's mean and rstd. */
void wni_finish_statistics(const wni_cpu_job *job);
/* running_mean, running_var -> set_mean, set_rstd, for each parameter. */
void wni_read_running(const wni_cpu_job *job);
/* The sets' moments -> running_mean, running_var, batches_seen. */
void wni_update_running(const wni_cpu_job *job);

/* params.c */
/* Sets gamma and beta of the job, in the workspace where the caller's are not what the kernels want. */
void wni_prepare_params(wni_cpu_job *job, void *work);
/* The kernels' parameter sums -> dgamma, dbeta. */
void wni_store_param_gradients(const wni_cpu_job *job);

#endif
