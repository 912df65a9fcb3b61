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

static bool version(char *text, size_t size) {
  (void)snprintf(text, size, "reads and writes the pass's tensors once");
  return true;
}

static const char *cannot(const bench_case *c) {
  (void)c;
  return NULL;
}

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  state *const s = calloc(1, sizeof *s);
  if (!s) {
    (void)snprintf(reason, size, "no memory");
    return NULL;
  }
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

static bool writes(const bench_case *c, bench_role role) {
  (void)c;
  (void)role;
  return false; /* no normalization, nothing to judge */
}

const bench_peer bench_peer_copy_cuda = {.name = "copy",
                                         .about = "the same on a GPU",
                                         .backend = WN_CUDA,
                                         .version = version,
                                         .cannot = cannot,
                                         .prepare = prepare,
                                         .run = run,
                                         .writes = writes,
                                         .release = free};
