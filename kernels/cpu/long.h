/* Rows of up to a tile from x to y in one go, singly: what follows from a row's sums stays in registers. Several at a
 * time (row_batch.h) would hide what a row waits for within itself, but not be faster where rows of REALs come from
 * memory: then that is what is waited for. */
#ifndef WNI_LONG_H
#define WNI_LONG_H
#include "short.h"

/* y of row i. */
WNI_INLINE void long_put(wn_dtype type, const forward_rows *f, int64_t i, source x, normalizer s) {
  const target y = target_at(type, (void *)f->y.p, f->y.first + i * f->y.apart, f->stream);
  WNI_EACH_ALIGNED_PART(y, f->n, by, part)
  affine_loop(type, type, true, false, s, f->gamma + by, f->beta + by, source_from(x, by), part, target_from(y, by));
}

WNI_INLINE void long_forward_loop(wn_dtype type, bool centered, const forward_rows *rows) {
  const forward_rows f = *rows; /* which y is no place of, as the compiler cannot know */
  for (int64_t i = 0; i < f.count; i++) {
    const source x = source_of_row_ahead(&f.x, f.ahead, i);
    const wni_moments v = moments_of(type, x, f.n, centered);
    const normalizer s = normalizer_make(v.mean, wni_rstd(v, f.n, f.eps));
    if (f.mean) f.mean[i] = s.hi;
    if (f.rstd) f.rstd[i] = s.rstd;
    long_put(type, &f, i, x, s);
  }
}

static inline void long_forward_rows(const forward_rows *f, bool centered) {
  WNI_FOR_X_TYPE(f->x.type, t, long_forward_loop(t, centered, f))
}

#endif
