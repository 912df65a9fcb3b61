/* The command line of wn_bench. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H
#include <stdio.h>

#include "bench_measure.h"

typedef enum bench_cache { BENCH_COLD = 1, BENCH_HOT = 2, BENCH_BOTH = 3 } bench_cache;

typedef struct bench_options {
  wn_backend backend;
  int ordinal;
  const char *suites; /* as typed; NULL: none */
  const char **cases; /* of --case, in `words` */
  int case_count;
  bench_spec otherwise; /* --type and --pass: for lines that do not say theirs */
  bool types_given, passes_given;
  const char *peers; /* as typed; NULL: all that run on the device */
  double seconds;
  int rounds, batch, threads; /* 0: not said */
  double memory_gb;           /* 0: half of what is free */
  bench_cache cache;
  const char *json, *csv; /* files; "-" is the standard output; NULL: none */
  bool list, explain, help;
} bench_options;

/* False with a fault that points at the word. options->cases is to be freed. */
bool bench_options_parse(bench_options *options, int count, char *const *words, bench_fault *fault);
void bench_options_help(FILE *out);

#endif
