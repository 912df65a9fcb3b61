/* Orders of a few numbers. */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

/* The value below which `part` (0 to 1) of the numbers lie, between neighbours by line; sorts them. count 1 or more. */
double bench_quantile(double *values, int count, double part);

/* exp(mean(log)); 1 for none. */
double bench_geometric_mean(const double *values, int count);

#endif
