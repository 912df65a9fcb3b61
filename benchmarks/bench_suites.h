/* Named lists of cases with the shapes that people have, and where each comes from. */
#ifndef BENCH_SUITES_H
#define BENCH_SUITES_H
#include <stdio.h>

#include "bench_case.h"

typedef struct bench_suite {
  const char *name, *source;
  const char *types, *passes; /* of lines that do not say theirs; a user's --type and --pass go before them */
  const char *const *lines;   /* NULL ends them */
} bench_suite;

extern const bench_suite bench_suites[]; /* name NULL ends them */

/* Adds the cases of suites named with commas between them. */
bool bench_suites_add(const char *names, const bench_spec *otherwise, bool types_given, bool passes_given,
                      bench_cases *cases, bench_fault *fault);

#endif
