/* Statistics of several sets of one tile each, stage by stage: what follows from their sums (square roots, divisions)
 * is the same arithmetic on vectors with a lane for each set. */
#ifndef WNI_ROW_BATCH_H
#define WNI_ROW_BATCH_H
#include "row.h"
#include "short.h"

/* Of the arrays of numbers all BATCH are computed, and those beyond count are of no set. */
typedef struct set_batch {
  int64_t count;
  row_place at[BATCH];
  short_rows h;        /* what is normalized, where it was found or gathered */
  int64_t of_x[BATCH]; /* where the sets are in x */
  short_ahead ahead;
  double mean[BATCH], m2[BATCH];
  normalizers s;
} set_batch;

/* Where the sets of a batch are in a tensor. */
static inline void batch_offsets(const set_batch *b, const wni_tensor *t, const row_part *tile, int64_t offset[BATCH]) {
  for (int64_t i = 0; i < b->count; i++) offset[i] = row_offset(t, b->at[i], tile);
}

static inline source batch_source(const set_batch *b, int64_t i) {
  source s = source_of_row(&b->h, i);
  if (b->ahead.by == 0) return s;
  s.ahead = (uintptr_t)b->ahead.p + (uintptr_t)(b->of_x[i] * b->ahead.size + b->ahead.by);
  s.ahead_size = b->ahead.size;
  return s;
}

/* Mean and m2 of sets of n elements. */
static inline void batch_moments(set_batch *b, int64_t n, bool centered) {
  if (n <= SHORT) {
    short_moments(b->count, &b->h, n, centered, b->mean, b->m2);
    return;
  }
  for (int64_t i = 0; i < BATCH; i++) {
    const wni_moments none = {0, 0}, v = i < b->count ? tile_moments(source_of_row(&b->h, i), n, centered) : none;
    b->mean[i] = v.mean;
    b->m2[i] = v.m2;
  }
}

/* From them what normalizes: wni_rstd of each. */
static inline void batch_finish(set_batch *b, int64_t n, double eps) {
  double rstd[BATCH];
  for (int64_t i = 0; i < BATCH; i += DLANES) {
    const dvec variance = dvec_load(b->m2 + i) / dvec_splat((double)n);
    dvec_store(rstd + i, dvec_splat(1) / dvec_sqrt(variance + dvec_splat(eps)));
  }
  normalizers_make(b->mean, rstd, &b->s);
}

#endif
