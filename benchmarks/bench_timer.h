/* Time of a batch of runs: the clock on the processor; on a GPU events around what was enqueued. */
#ifndef BENCH_TIMER_H
#define BENCH_TIMER_H
#include "bench_fault.h"
#include "warpnorm.h"

double bench_seconds(void); /* monotonic */

typedef struct bench_timer {
  wn_device *device;
  void *stream;       /* that runs are enqueued on; NULL on the processor */
  void *start, *stop; /* events of a GPU */
  double began;
} bench_timer;

bool bench_timer_open(bench_timer *timer, wn_device *device, bench_fault *fault);
void bench_timer_close(bench_timer *timer);

bool bench_timer_start(bench_timer *timer);
/* Waits for what was enqueued since the start; seconds, below 0: it failed. */
double bench_timer_stop(bench_timer *timer);

#endif
