/* One mistake by name, or OpenMP loops of every shape that the library uses without any. Run under a sanitizer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 1 << 16, PARTS = 16 };

static volatile int sink;

static int correct(void) {
  float *a = malloc(COUNT * sizeof *a);
  float *b = malloc(COUNT * sizeof *b);
  if (!a || !b) return 1;
  double part[PARTS] = {0};
  double sum = 0;
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int i = 0; i < COUNT; i++) a[i] = 1;
#pragma omp for schedule(dynamic, 64)
    for (int i = 0; i < COUNT; i++) b[i] = a[COUNT - 1 - i];
#pragma omp for
    for (int k = 0; k < PARTS; k++) {
      for (int i = k; i < COUNT; i += PARTS) part[k] += b[i];
    }
#pragma omp single
    for (int k = 1; k < PARTS; k++) part[0] += part[k];
  }
#pragma omp parallel for reduction(+ : sum)
  for (int i = 0; i < COUNT; i++) sum += b[i];
  free(a);
  free(b);
  return part[0] == COUNT && sum == COUNT ? 0 : 1;
}

static int race(void) {
  long hits = 0;
#pragma omp parallel for
  for (int i = 0; i < COUNT; i++) {
    if (i % 8 == 0) hits++;
  }
  printf("%ld\n", hits);
  return 0;
}

static int overrun(int count) {
  int *a = calloc((size_t)count, sizeof *a);
  if (a) sink = a[count];
  free(a);
  return 0;
}

static int leak(void) {
  int *volatile lost = malloc(PARTS * sizeof *lost);
  sink = lost != NULL;
  lost = NULL;
  return 0;
}

static int overflow(int big) { return (sink = big + big) == 0; }

static int misaligned(int offset) {
  static float a[PARTS];
  const char *bytes = (const char *)a + offset;
  sink = *(const float *)(const void *)bytes > 0;
  return 0;
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "";
  if (!strcmp(name, "correct")) return correct();
  if (!strcmp(name, "race")) return race();
  if (!strcmp(name, "overrun")) return overrun(argc * 2);
  if (!strcmp(name, "leak")) return leak();
  if (!strcmp(name, "overflow")) return overflow(0x7fffffff - argc);
  if (!strcmp(name, "misaligned")) return misaligned(argc - 1);
  fprintf(stderr, "usage: %s correct|race|overrun|leak|overflow|misaligned\n", argv[0]);
  return 2;
}
