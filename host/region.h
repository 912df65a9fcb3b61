/* The bytes that a buffer of a call occupies, and whether two of them share any. Exact: rows that interleave without
 * sharing a byte do not overlap. */
#ifndef WNI_REGION_H
#define WNI_REGION_H
#include "warpnorm.h"

/* count[0] x count[1] runs of `run` bytes, stride[0] >= stride[1] >= run apart:
 *
 *   begin |run|..|run|..|run|............|run|..|run|..|run|........   count = {2, 3}
 *         |<--->| stride[1]
 *         |<------- stride[0] -------->|
 */
typedef struct wni_region {
  uintptr_t begin;
  int64_t count[2];
  int64_t stride[2]; /* bytes */
  int64_t run;       /* bytes; 0: empty */
} wni_region;

wni_region wni_region_flat(const void *begin, int64_t bytes);

/* A tensor of (n, c, x) with a resolved stride; element: bytes of an element. */
wni_region wni_region_tensor(const void *begin, const wn_problem *p, int64_t n, wn_stride stride, size_t element);

int wni_regions_overlap(const wni_region *a, const wni_region *b);

#endif
