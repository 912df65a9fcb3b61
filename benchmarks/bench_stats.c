#include "bench_stats.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double bench_quantile(double *values, int count, double part) {
  qsort(values, (size_t)count, sizeof *values, compare);
  const double at = part * (count - 1);
  const int below = (int)at;
  if (below + 1 >= count) return values[count - 1];
  return values[below] + (at - below) * (values[below + 1] - values[below]);
}

double bench_geometric_mean(const double *values, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += log(values[i]);
  return count ? exp(sum / count) : 1;
}
