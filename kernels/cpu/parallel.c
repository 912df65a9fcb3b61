#include "parallel.h"

#include <omp.h>
#include <stdbool.h>

/* Waking the team costs some microseconds; one core moves this much meanwhile. */
enum { SERIAL_BYTES = 64 << 10 };

int wni_parallel_threads(void) { return omp_get_max_threads(); }

static bool is_serial(int64_t tasks, int64_t bytes) { return tasks < 2 || bytes < SERIAL_BYTES; }

/* A thread's part is the same in every phase of a call, which finds a set's data in the cache of the core that had it
 * before: the first `tasks % threads` of them have one task more. */
static int64_t first_task(int64_t tasks, int64_t thread, int64_t threads) {
  const int64_t more = tasks % threads;
  return tasks / threads * thread + (thread < more ? thread : more);
}

/* The tasks begin .. end - 1, or the last of them first. */
static void run_part(int64_t begin, int64_t end, bool backward, void (*task)(void *context, int64_t index),
                     void *context) {
  for (int64_t i = begin; i < end; i++) task(context, backward ? begin + end - 1 - i : i);
}

static void parallel_for(int64_t tasks, int64_t bytes, bool backward, void (*task)(void *context, int64_t index),
                         void *context) {
  if (is_serial(tasks, bytes)) {
    run_part(0, tasks, backward, task, context);
    return;
  }
#pragma omp parallel
  {
    const int64_t thread = omp_get_thread_num(), threads = omp_get_num_threads();
    run_part(first_task(tasks, thread, threads), first_task(tasks, thread + 1, threads), backward, task, context);
  }
}

void wni_parallel_for(int64_t tasks, int64_t bytes, void (*task)(void *context, int64_t index), void *context) {
  parallel_for(tasks, bytes, false, task, context);
}

void wni_parallel_for_backward(int64_t tasks, int64_t bytes, void (*task)(void *context, int64_t index),
                               void *context) {
  parallel_for(tasks, bytes, true, task, context);
}
