/* wn_bench_call LINE...: one call of the library for each case, for programs that watch it: scripts/perf-guard counts
 * its instructions, scripts/profile shows where they go, scripts/gpu-check has ncu count its sectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_session.h"

/* What is watched: named on valgrind's command line, so it must be there by this name. */
__attribute__((noinline)) bool bench_watched_call(bench_session *session, int slot);
__attribute__((noinline)) bool bench_watched_call(bench_session *session, int slot) {
  return bench_session_run(session, 0, slot);
}

static int watch(const char *line, const char *device, int runs) {
  char why[400];
  bench_session *const session = bench_session_open(line, device, runs > 1, 0, why, sizeof why);
  if (!session) {
    fprintf(stderr, "wn_bench_call: %s\n", why);
    return 1;
  }
  bool ok = bench_session_ready(session, 0, why, sizeof why);
  for (int i = 0; i < runs && ok; i++) {
    ok = bench_watched_call(session, i % bench_session_slots(session));
    if (!ok) (void)snprintf(why, sizeof why, "the call failed");
  }
  if (!ok) fprintf(stderr, "wn_bench_call: %s: %s\n", line, why);
  bench_session_close(session);
  return ok ? 0 : 1;
}

int main(int count, char **words) {
  int first = 1, runs = 1;
  const char *device = "cpu";
  for (; first + 1 < count && words[first][0] == '-'; first += 2) {
    if (strcmp(words[first], "--runs") == 0) {
      runs = (int)strtol(words[first + 1], NULL, 10);
    } else if (strcmp(words[first], "--device") == 0) {
      device = words[first + 1];
    } else {
      break;
    }
  }
  if (count <= first || runs < 1 || words[first][0] == '-') {
    fputs("usage: wn_bench_call [--device cpu|cuda] [--runs N] LINE...\n", stderr);
    return 2;
  }
  for (int i = first; i < count; i++)
    if (watch(words[i], device, runs) != 0) return 1;
  return 0;
}
