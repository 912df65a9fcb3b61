#include "parallel.h"

#include <omp.h>

/* Waking the team costs some microseconds; one core moves this much meanwhile. */
enum { SERIAL_BYTES = 64 << 10 };

int wni_parallel_threads(void) { return omp_get_max_threads(); }

void wni_parallel_for(int64_t tasks, int64_t bytes, void (*task)(void *context, int64_t index), void *context) {
  if (tasks < 2 || bytes < SERIAL_BYTES) {
    for (int64_t i = 0; i < tasks; i++) task(context, i);
    return;
  }
  /* Static, so that the phases of a call find a set's data in the cache of the core that had it before. */
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < tasks; i++) task(context, i);
}
