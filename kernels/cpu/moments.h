/* Mean and sum of squared distances from it, and how those of parts make those of the whole. */
#ifndef WNI_MOMENTS_H
#define WNI_MOMENTS_H
#include <math.h>
#include <stdint.h>

typedef struct wni_moments {
  double mean; /* 0 where no mean is subtracted: m2 is then the sum of squares */
  double m2;
} wni_moments;

/* The moments of na + nb elements: Chan, Golub, LeVeque 1979. Equal means stay what they are, to the bit. */
static inline wni_moments wni_moments_merge(wni_moments a, int64_t na, wni_moments b, int64_t nb) {
  const double total = (double)(na + nb), delta = b.mean - a.mean;
  const double share = (double)nb / total;
  const wni_moments merged = {a.mean + delta * share, a.m2 + b.m2 + delta * delta * (double)na * share};
  return merged;
}

/* What `count` elements with these moments are scaled by. */
static inline double wni_rstd(wni_moments v, int64_t count, double eps) { return 1 / sqrt(v.m2 / (double)count + eps); }

#endif
