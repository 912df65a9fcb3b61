#include "bench_progress.h"

#include <stdio.h>
#include <unistd.h>

void bench_progress_left(int done, int all, double seconds, char *text, int size) {
  if (done == 0) {
    (void)snprintf(text, (size_t)size, "time left not known yet");
    return;
  }
  const int left = (int)(seconds / done * (all - done) + 0.5);
  if (left < 60) {
    (void)snprintf(text, (size_t)size, "%d s left", left);
  } else {
    (void)snprintf(text, (size_t)size, "%d min %d s left", left / 60, left % 60);
  }
}

void bench_progress_show(int done, int all, double seconds, const char *what) {
  if (!isatty(STDERR_FILENO)) return;
  char left[40];
  bench_progress_left(done, all, seconds, left, sizeof left);
  fprintf(stderr, "\r\033[K[%d/%d, %s] %.100s", done + 1, all, left, what);
  (void)fflush(stderr);
}

void bench_progress_clear(void) {
  if (!isatty(STDERR_FILENO)) return;
  fputs("\r\033[K", stderr);
  (void)fflush(stderr);
}
