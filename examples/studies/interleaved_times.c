#include "interleaved_times.h"

#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool measure(timed_call *t, double *seconds, fault *f) {
  const double start = now();
  for (int i = 0; i < t->calls; i++) {
    if (!t->call(t->context, f)) return false;
  }
  *seconds = (now() - start) / t->calls;
  return true;
}

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

bool times_measure(timed_call *calls, int count, int rounds, fault *f) {
  if (rounds < 1 || rounds > TIMES_MOST_ROUNDS) return fault_set(f, "%d rounds: 1 to %d", rounds, TIMES_MOST_ROUNDS);
  for (int round = -1; round < rounds; round++) {
    for (int i = 0; i < count; i++) {
      double seconds;
      if (!measure(&calls[i], &seconds, f)) return false;
      if (round >= 0) calls[i].seconds[round] = seconds;
    }
  }
  for (int i = 0; i < count; i++) qsort(calls[i].seconds, (size_t)rounds, sizeof *calls[i].seconds, by_value);
  return true;
}
