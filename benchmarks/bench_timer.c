#include "bench_timer.h"

#include <time.h>

#include "bench_cuda.h"

double bench_seconds(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool on_gpu(const bench_timer *timer) { return timer->stream != NULL; }

bool bench_timer_open(bench_timer *timer, wn_device *device, bench_fault *fault) {
  *timer = (bench_timer){.device = device};
  if (wn_device_backend(device) != WN_CUDA) return true;
  if (bench_cuda_stream(&timer->stream) && bench_cuda_event(&timer->start) && bench_cuda_event(&timer->stop))
    return true;
  bench_timer_close(timer);
  return bench_fault_set(fault, "no stream and events on the GPU: %s", bench_cuda_error());
}

void bench_timer_close(bench_timer *timer) {
  bench_cuda_event_free(timer->start);
  bench_cuda_event_free(timer->stop);
  bench_cuda_stream_free(timer->stream);
  *timer = (bench_timer){0};
}

bool bench_timer_start(bench_timer *timer) {
  if (on_gpu(timer)) return bench_cuda_record(timer->start, timer->stream);
  timer->began = bench_seconds();
  return true;
}

double bench_timer_stop(bench_timer *timer) {
  if (!on_gpu(timer)) return bench_seconds() - timer->began;
  double seconds = 0;
  const bool ok =
      bench_cuda_record(timer->stop, timer->stream) && bench_cuda_elapsed(timer->start, timer->stop, &seconds);
  return ok ? seconds : -1;
}
