/* The peer that is this library, replaced by one that is wrong: the planted peer under our name. It is linked before
 * the archive that has the right one. */
#include <stdio.h>

#include "bench_peer.h"

static void *shared_state[1];

static bool version(char *text, size_t size) {
  (void)snprintf(text, size, "wrong");
  return true;
}

/* The data, and nothing that is computed from it. */
static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  (void)reason;
  (void)size;
  shared_state[0] = (void *)setup->ring;
  return shared_state;
}

static bool run(void *state, int slot, void *stream) {
  (void)stream;
  const bench_ring *const ring = *(void **)state;
  const bench_role from = bench_forward(ring->c->pass) ? BENCH_X : BENCH_DY;
  const bench_role to = bench_forward(ring->c->pass) ? BENCH_Y : BENCH_DX;
  const bench_copy copy = {.in = {ring->slots[slot].at[from]},
                           .out = {ring->slots[slot].at[to]},
                           .ins = 1,
                           .outs = 1,
                           .bytes = bench_array_bytes(ring->c, to)};
  bench_copy_do(&copy, BENCH_COPY_SERIAL);
  return true;
}

static void release(void *state) { (void)state; }

const bench_peer bench_peer_warpnorm = {.name = "warpnorm",
                                        .about = "not this library",
                                        .ranked = true,
                                        .version = version,
                                        .cannot = bench_can_all,
                                        .prepare = prepare,
                                        .run = run,
                                        .release = release};
