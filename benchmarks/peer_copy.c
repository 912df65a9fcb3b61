/* The roof on the processor: the tensors of the pass read once and written once, in the fastest of a few ways. Vectors
 * (parameters, statistics) are left out. */
#include <stdlib.h>

#include "bench_copy.h"
#include "bench_peer.h"
#include "bench_timer.h"

typedef struct state {
  const bench_ring *ring;
  bench_copy_way way;
} state;

/* Seconds of a pass: the least of a few turns over the ring. */
static double time_of(const bench_ring *ring, bench_copy_way way) {
  double least = 1e30, spent = 0;
  for (int i = 0; i < 9 && spent < 0.3; i++) {
    const bench_copy copy = bench_ring_copy(ring, i % ring->count);
    const double start = bench_seconds();
    bench_copy_do(&copy, way);
    const double took = bench_seconds() - start;
    if (took < least) least = took;
    spent += took;
  }
  return least;
}

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  state *const s = bench_peer_state(sizeof *s, reason, size);
  if (!s) return NULL;
  s->ring = setup->ring;
  double least = 1e30;
  for (int way = 0; way < BENCH_COPY_WAYS; way++) {
    if (!bench_copy_has((bench_copy_way)way)) continue;
    const double took = time_of(s->ring, (bench_copy_way)way);
    if (took >= least) continue;
    least = took;
    s->way = (bench_copy_way)way;
  }
  return s;
}

static bool run(void *opaque, int slot, void *stream) {
  (void)stream;
  const state *const s = opaque;
  const bench_copy copy = bench_ring_copy(s->ring, slot);
  bench_copy_do(&copy, s->way);
  return true;
}

const bench_peer bench_peer_copy = {.name = "copy",
                                    .about = "reads and writes the tensors of the pass once: the roof",
                                    .backend = WN_CPU,
                                    .version = bench_copy_version,
                                    .cannot = bench_can_all,
                                    .prepare = prepare,
                                    .run = run,
                                    .writes = bench_writes_nothing,
                                    .release = free};
