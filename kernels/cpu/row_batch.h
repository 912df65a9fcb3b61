/* Statistics of several sets of one tile each, stage by stage: what follows from their sums (square roots, divisions)
 * is the same arithmetic on vectors with a lane for each set. */
#ifndef WNI_ROW_BATCH_H
#define WNI_ROW_BATCH_H
#include "row.h"
#include "short.h"

/* Sets `first` and those that follow. What is beyond count in the arrays is of no set. */
typedef struct set_batch {
  int64_t first, count;
  short_rows h; /* what is normalized, where it was found or gathered */
  short_ahead ahead;
  double mean[BATCH], m2[BATCH];
  normalizers s;
} set_batch;

/* Sets from `set` on that lie row_apart from one another in a tensor; at most n. */
static inline int64_t row_evenly(const wni_geometry *g, const wni_tensor *t, int64_t set, int64_t n) {
  const int64_t middles = g->extent[1];
  if (middles == 1 || !t->data || t->view.stride[0] == middles * t->view.stride[1]) return n;
  return least(n, middles - set % middles);
}

/* The rows of a tensor's sets from `first` on; and those `sets` further, to be asked for while these are written. */
static inline short_rows row_rows(const wni_geometry *g, const wni_tensor *t, const row_part *tile, int64_t first) {
  const short_rows r = {t->type, t->data, row_offset(t, row_place_of(g, first), tile), row_apart(g, t)};
  return r;
}

static inline short_ahead row_rows_ahead(const wni_cpu_job *job, const wni_tensor *t, const row_part *tile,
                                         int64_t sets, const short_rows *rows) {
  const int64_t size = type_size(t->type), by = row_ahead(job, t, tile, sets);
  const short_ahead a = {by == 0 ? 0 : (uintptr_t)t->data + (uintptr_t)(rows->first * size + by), rows->apart, size};
  return a;
}

/* So many rows on are asked for: those of 4 KB; but where what is written goes past the caches, at least 20 short ones,
 * in whose time memory then brings one. Those of less than some lines come by themselves. */
static inline short_ahead row_rows_soon(const wni_cpu_job *job, const wni_tensor *t, const row_part *row,
                                        const short_rows *rows) {
  enum { AHEAD = 4 << 10, LEAST = 256, BUSY = 20 };
  const short_ahead nothing = {0, 0, 0};
  const int64_t bytes = row->elements * type_size(t->type);
  if (bytes < LEAST) return nothing;
  const int64_t sets = ceil_div(AHEAD, bytes);
  return row_rows_ahead(job, t, row, job->stream && is_short(row->elements) ? most(sets, BUSY) : sets, rows);
}

static inline source batch_source(const set_batch *b, int64_t i) { return source_of_row_ahead(&b->h, b->ahead, i); }

/* Mean and m2 of sets of n elements. */
static inline void batch_moments(set_batch *b, int64_t n, bool centered) {
  for (int64_t i = 0; i < b->count || i % DLANES != 0; i++) {
    const wni_moments none = {0, 0}, v = i < b->count ? tile_moments(source_of_row(&b->h, i), n, centered) : none;
    b->mean[i] = v.mean;
    b->m2[i] = v.m2;
  }
}

/* From them what normalizes: wni_rstd of each. */
static inline void batch_finish(set_batch *b, int64_t n, double eps) {
  double rstd[BATCH];
  for (int64_t i = 0; i < b->count; i += DLANES) {
    const dvec variance = dvec_load(b->m2 + i) / dvec_splat((double)n);
    dvec_store(rstd + i, dvec_splat(1) / dvec_sqrt(variance + dvec_splat(eps)));
  }
  normalizers_make(b->count, b->mean, rstd, &b->s);
}

#endif
