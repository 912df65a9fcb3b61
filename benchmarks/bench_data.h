/* What a case's arrays hold before a call, and whether what they hold after it is right: the C face of the tests'
 * oracle (tests/oracle.h), which shares nothing with the library. Also a shared library of its own, for benchmarks in
 * other languages. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H
#include "bench_tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_data bench_data;

/* The numbers follow from the case alone. NULL without memory. */
bench_data *bench_data_create(const bench_case *c);
void bench_data_destroy(bench_data *data);

/* What the array of a role that is given holds; NULL for others. */
const void *bench_data_bytes(const bench_data *data, bench_role role);

/* How far from exact a result may be. */
typedef enum bench_strictness {
  /* docs/numerics.md: what the library promises. */
  BENCH_PROMISED = 0,
  /* What one may expect of any library: 16 times those bounds, which leaves room for plain sums, and two ulp of the
   * output's type at its value or at the array's mean magnitude, which leaves room for an intermediate result that was
   * rounded to that type. */
  BENCH_EXPECTED = 1
} bench_strictness;

typedef struct bench_verdict {
  bool right;
  double worst;   /* error over tolerance, the largest; 0 for exact */
  char text[200]; /* of the first array with a wrong element */
} bench_verdict;

/* results[role]: what the array holds after the call; NULL: it is not judged. Of large cases a sample of whole sets and
 * of channels is judged. */
bench_verdict bench_data_judge(const bench_data *data, const void *const results[BENCH_ROLES],
                               bench_strictness strictness);

#ifdef __cplusplus
}
#endif
#endif
