/* Ranges on a profiler's time line, one around each call of a pass: NVTX, in builds with CUDA. Without a profiler a
 * range is a test of a pointer. */
#ifndef WNI_RANGES_H
#define WNI_RANGES_H

#ifdef WNI_HAVE_CUDA
/* name: read before the call returns. Ranges of a thread nest. */
void wni_range_open(const char *name);
void wni_range_close(void);
#else
static inline void wni_range_open(const char *name) { (void)name; }
static inline void wni_range_close(void) {}
#endif

#endif
