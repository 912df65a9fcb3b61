/* The arrays of a case in device memory, several times over: passes that take turns on more bytes than the caches hold
 * find each slot cold. */
#ifndef BENCH_RING_H
#define BENCH_RING_H
#include "bench_copy.h"
#include "bench_data.h"

typedef struct bench_ring {
  const bench_case *c;
  wn_device *device;
  bench_tensors *slots;
  void **memory; /* of each slot */
  int count;
} bench_ring;

/* Whether a case's data and a slot for it go into `memory_bytes`; else a fault with both figures. */
bool bench_ring_fits(const bench_case *c, size_t memory_bytes, bench_fault *fault);

/* How many slots make `cache_bytes` cold without taking more than `memory_bytes`. */
int bench_ring_slots(const bench_case *c, size_t cache_bytes, size_t memory_bytes);

/* Slots filled with the case's data. */
bool bench_ring_create(bench_ring *ring, const bench_case *c, const bench_data *data, wn_device *device, int slots,
                       bench_fault *fault);
void bench_ring_destroy(bench_ring *ring);

/* Before a run that is judged: what is given as it was, what is returned filled with NaN. */
bool bench_ring_reset(const bench_ring *ring, const bench_data *data, int slot, bench_fault *fault);

/* Copies of the arrays that a pass returns, to be freed with bench_results_free. */
typedef struct bench_results {
  void *bytes[BENCH_ROLES];
} bench_results;
bool bench_ring_read(const bench_ring *ring, int slot, bench_results *results, bench_fault *fault);
void bench_results_free(bench_results *results);

/* The tensors of a slot: what a copy of the least traffic reads and writes. */
bench_copy bench_ring_copy(const bench_ring *ring, int slot);

#endif
