/* Wrong kernels, each with the trap that has to catch it, and their right twins. */
#ifndef WN_SIMT_TRAPS_H
#define WN_SIMT_TRAPS_H
#include <stddef.h>

struct trap_job {
  float *x;        /* 1024 elements, written */
  float *y;        /* 1024 elements, new */
  float *input;    /* 1024 elements, written, read-only */
  float *closed;   /* 1024 elements, of which the test has closed the first 16 */
  float *freed;    /* 1024 elements, not any more */
  float *host;     /* of the test */
  unsigned *words; /* 16 zeros */
};

struct trap_launch {
  const void *kernel;
  unsigned blocks, threads, cluster;
  size_t dynamic;
  int cooperative, device; /* 0: simt::toy(), 1: the same as compute capability 7.5 */
  int early;               /* may begin before the launch in front of it has ended */
};

struct trap_case {
  const char *name;
  int trap; /* a wn::simt::Trap */
  int also; /* another that may come first, or -1 */
  struct trap_launch wrong, right;
};

extern "C" {
extern const struct trap_case trap_memory_cases[], trap_order_cases[], trap_copy_cases[];
extern const size_t trap_memory_count, trap_order_count, trap_copy_count;
extern const void *const trap_plain_kernel;  /* y[i] = x[i]; for 64 threads, at most 1024 */
extern const void *const trap_shared_kernel; /* the same by way of dynamic shared memory, 4 bytes a thread */
}
#endif
