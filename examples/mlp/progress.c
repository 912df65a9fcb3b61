#include "progress.h"

#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_duration(char *text, size_t size, double seconds) {
  const int64_t whole = (int64_t)ceil(seconds);
  if (whole < 100) {
    snprintf(text, size, "%d s", (int)whole);
  } else if (whole < 3600) {
    snprintf(text, size, "%d min %d s", (int)(whole / 60), (int)(whole % 60));
  } else {
    snprintf(text, size, "%lld h %d min", (long long)(whole / 3600), (int)(whole / 60 % 60));
  }
}

double progress_seconds(const progress *p) { return now() - p->start; }

void progress_start(progress *p, FILE *out, int64_t total) {
  memset(p, 0, sizeof *p);
  p->out = out;
  p->terminal = isatty(fileno(out));
  p->start = p->shown = now();
  p->total = total;
}

static void time_left(const progress *p, char *text, size_t size) {
  char left[32];
  const double elapsed = progress_seconds(p);
  progress_duration(left, sizeof left, elapsed * (double)(p->total - p->done) / (double)(p->done ? p->done : 1));
  snprintf(text, size, "%.1f s, %s left", elapsed, left);
}

void progress_step(progress *p) {
  p->done++;
  if (!p->terminal || now() - p->shown < 0.2) return;
  char left[64];
  time_left(p, left, sizeof left);
  fprintf(p->out, "\r\033[K  %3d%%  %s", (int)(100 * p->done / p->total), left);
  fflush(p->out);
  p->shown = now();
}

void progress_line(progress *p, const char *text) {
  char left[64];
  time_left(p, left, sizeof left);
  fprintf(p->out, "%s%s   %s\n", p->terminal ? "\r\033[K" : "", text, left);
  fflush(p->out);
}
