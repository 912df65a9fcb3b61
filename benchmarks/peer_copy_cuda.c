/* The roof on a GPU. */
#include <stdio.h>
#include <stdlib.h>

#include "bench_copy.cuh"
#include "bench_cuda.h"
#include "bench_peer.h"

typedef struct state {
  const bench_ring *ring;
  int multiprocessors;
} state;

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  state *const s = bench_peer_state(sizeof *s, reason, size);
  if (!s) return NULL;
  s->ring = setup->ring;
  s->multiprocessors = bench_cuda_multiprocessors();
  if (s->multiprocessors > 0) return s;
  (void)snprintf(reason, size, "%s", bench_cuda_error());
  free(s);
  return NULL;
}

static bool run(void *opaque, int slot, void *stream) {
  const state *const s = opaque;
  const bench_copy copy = bench_ring_copy(s->ring, slot);
  return bench_copy_cuda(&copy, s->multiprocessors, stream);
}

const bench_peer bench_peer_copy_cuda = {.name = "copy",
                                         .about = "the same on a GPU",
                                         .backend = WN_CUDA,
                                         .version = bench_copy_version,
                                         .cannot = bench_can_all,
                                         .prepare = prepare,
                                         .run = run,
                                         .writes = bench_writes_nothing,
                                         .release = free};
