/* The library in a CUDA graph of one call: beside the plain call it shows what launching costs. */
#include <stdio.h>
#include <stdlib.h>

#include "bench_cuda.h"
#include "bench_peer.h"

typedef struct state {
  void *plain; /* state of the library's peer */
  void **graphs;
  void *stream; /* that captures */
  int slots;
} state;

static bool version(char *text, size_t size) { return bench_peer_warpnorm.version(text, size); }

static void release(void *opaque) {
  state *const s = opaque;
  for (int slot = 0; s->graphs && slot < s->slots; slot++) bench_cuda_graph_free(s->graphs[slot]);
  free(s->graphs);
  if (s->plain) bench_peer_warpnorm.release(s->plain);
  bench_cuda_stream_free(s->stream);
  free(s);
}

static const char *capture(state *s) {
  if (!bench_cuda_stream(&s->stream)) return bench_cuda_error();
  for (int slot = 0; slot < s->slots; slot++) {
    if (!bench_cuda_capture_begin(s->stream)) return bench_cuda_error();
    const bool ran = bench_peer_warpnorm.run(s->plain, slot, s->stream);
    if (!bench_cuda_capture_end(s->stream, &s->graphs[slot])) return bench_cuda_error();
    if (!ran) return wn_last_error();
  }
  return NULL;
}

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  state *const s = bench_peer_state(sizeof *s, reason, size);
  if (!s) return NULL;
  s->slots = setup->ring->count;
  s->graphs = calloc((size_t)s->slots, sizeof *s->graphs);
  s->plain = s->graphs ? bench_peer_warpnorm.prepare(setup, reason, size) : NULL;
  const char *const why = s->plain ? capture(s) : NULL;
  if (s->plain && !why) return s;
  if (why) (void)snprintf(reason, size, "%s", why);
  release(s);
  return NULL;
}

static bool run(void *opaque, int slot, void *stream) {
  const state *const s = opaque;
  return bench_cuda_graph_launch(s->graphs[slot], stream);
}

const bench_peer bench_peer_warpnorm_graph = {.name = "warpnorm-graph",
                                              .about = "this library in a CUDA graph: what launching costs",
                                              .backend = WN_CUDA,
                                              .version = version,
                                              .cannot = bench_can_all,
                                              .prepare = prepare,
                                              .run = run,
                                              .writes = bench_writes_rstd,
                                              .release = release};
