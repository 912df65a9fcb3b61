/* Mean and m2 of each column of a block, in one sweep. */
#ifndef WNI_COLUMN_MOMENTS_H
#define WNI_COLUMN_MOMENTS_H
#include "column_stages.h"

/* Columns of a block; while its lines are being taken, places of a line. */
typedef struct column_moments {
  line_doubles mean, m2;
} column_moments;

/* Sums of the lines since the last flush, of x - shift. */
typedef struct line_accumulators {
  line_reals shift, sum, squares;
} line_accumulators;

static inline void accumulators_clear(line_accumulators *a, int64_t width) {
  /* Places up to a whole vector: the loops load and store such. */
  const size_t bytes = (size_t)((width + LANES - 1) / LANES * LANES) * sizeof(real);
  memset(a->sum, 0, bytes);
  memset(a->squares, 0, bytes);
}

/* The lines' own mean, roughly, becomes the shift. */
static inline void accumulators_shift(line_accumulators *a, int64_t width, int64_t lines) {
  const real each = 1 / (real)lines;
  for (int64_t i = 0; i < width; i++) a->shift[i] = a->sum[i] * each;
}

/* Merges `lines` lines, whose sums are in a, with the `before` lines that v is of.
 *
 * The first mean of the first lines is that of four of them, which are read twice; that of later ones is the mean of at
 * least as many before them. An error that grows with (shift - their mean)^2 is small beside what that very distance
 * adds to m2: lines that are a share s of all, and their mean d from that of the others, add s (1 - s) d^2 a line. */
static inline void accumulators_flush(line_accumulators *a, int64_t width, int64_t lines, int64_t before,
                                      column_moments *v) {
  /* No division for each place; most numbers of lines are powers of two, whose reciprocals are exact. */
  const double each = 1 / (double)lines, share = (double)lines / (double)(before + lines);
  for (int64_t i = 0; i < width; i++) {
    const double d = (double)a->sum[i];
    const double about = (double)a->squares[i] - d * d * each;
    const double mean = (double)a->shift[i] + d * each, m2 = about < 0 ? 0 : about; /* NaN stays */
    const double delta = before > 0 ? mean - v->mean[i] : 0;
    v->m2[i] = before > 0 ? v->m2[i] + m2 + delta * delta * (double)before * share : m2;
    v->mean[i] = before > 0 ? v->mean[i] + delta * share : mean;
    a->shift[i] = (real)v->mean[i];
  }
}

/* The same where no mean is subtracted: m2 is the sum of squares. */
static inline void squares_flush(const line_accumulators *a, int64_t width, int64_t before, column_moments *v) {
  for (int64_t i = 0; i < width; i++) {
    v->mean[i] = 0;
    v->m2[i] = (before > 0 ? v->m2[i] : 0) + (double)a->squares[i];
  }
}

static inline double sum_of_8(const double v[8]) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* Moments of n parts of the same size. Equal means stay what they are, to the bit. Eight sums side by side, or each
 * addition waits for the one before. */
static inline wni_moments moments_of_alike(const double *mean, const double *m2, int64_t apart, int64_t n,
                                           int64_t size) {
  enum { SUMS = 8 };
  const double first = mean[0];
  double sum[SUMS] = {0}, squares[SUMS] = {0}, between[SUMS] = {0};
  const int64_t whole = n / SUMS * SUMS;
  for (int64_t i = 0; i < whole; i += SUMS) {
    for (int64_t j = 0; j < SUMS; j++) sum[j] += mean[(i + j) * apart] - first;
    for (int64_t j = 0; j < SUMS; j++) squares[j] += m2[(i + j) * apart];
  }
  for (int64_t i = whole; i < n; i++) {
    sum[i - whole] += mean[i * apart] - first;
    squares[i - whole] += m2[i * apart];
  }
  wni_moments v = {first + sum_of_8(sum) / (double)n, 0};
  for (int64_t i = 0; i < whole; i += SUMS) {
    for (int64_t j = 0; j < SUMS; j++) {
      const double d = mean[(i + j) * apart] - v.mean;
      between[j] += d * d;
    }
  }
  for (int64_t i = whole; i < n; i++) {
    const double d = mean[i * apart] - v.mean;
    between[i - whole] += d * d;
  }
  v.m2 = sum_of_8(squares) + (double)size * sum_of_8(between);
  return v;
}

/* Of places to those of columns. */
static inline void fold_moments(const column_stretch *s, column_moments *v) {
  if (s->fold == 1) return;
  for (int64_t i = 0; i < s->columns; i++) {
    const wni_moments all = moments_of_alike(v->mean + i, v->m2 + i, s->columns, s->fold, s->lines);
    v->mean[i] = all.mean;
    v->m2[i] = all.m2;
  }
}

/* a, of na elements a column, with b, of nb: wni_moments_merge for each column. */
static inline void merge_columns(int64_t columns, double *restrict mean, double *restrict m2, int64_t na,
                                 const double *restrict mean_b, const double *restrict m2_b, int64_t nb) {
  const double share = (double)nb / (double)(na + nb), weight = (double)na * share;
  for (int64_t i = 0; i < columns; i++) {
    const double delta = mean_b[i] - mean[i];
    mean[i] += delta * share;
    m2[i] += m2_b[i] + delta * delta * weight;
  }
}

#endif
