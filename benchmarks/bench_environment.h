/* On what a result was measured: what goes into every result file. */
#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H
#include <stddef.h>

#include "bench_processor.h"
#include "warpnorm.h"

enum { BENCH_CLOCKS = 160 };

typedef struct bench_environment {
  bench_processor processor;
  char device[128];              /* as the library names it */
  char system[128];              /* kernel and machine */
  char gpu_driver[192];          /* driver and runtime; empty on the processor */
  char gpu_clocks[BENCH_CLOCKS]; /* before the first case; empty on the processor */
  char time[32];                 /* UTC, ISO 8601 */
  const char *compiler, *flags, *revision;
  int threads, processors;
  double load;               /* of the last minute, before the first case */
  size_t l2_bytes, l3_bytes; /* of a core; of the processor */
  size_t cache_bytes;        /* what must be gone round for memory to be cold */
  size_t free_bytes;         /* memory of the device */
} bench_environment;

void bench_environment_read(bench_environment *e, wn_device *device);
/* The clocks of a GPU, its power and why they are throttled, at this moment; empty on the processor. */
void bench_clocks_read(wn_device *device, char text[BENCH_CLOCKS]);

#endif
