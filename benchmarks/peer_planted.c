/* A wrong peer, on purpose: this library with one element of its tensor made much larger or smaller. It shows that the
 * value check sees such a thing; --peer must name it. */
#include <stdio.h>
#include <stdlib.h>

#include "bench_peer.h"

typedef struct state {
  void *right; /* state of the library's peer */
  const bench_ring *ring;
} state;

static bool version(char *text, size_t size) {
  (void)snprintf(text, size, "wrong");
  return true;
}

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  state *const s = bench_peer_state(sizeof *s, reason, size);
  if (!s) return NULL;
  s->ring = setup->ring;
  s->right = bench_peer_warpnorm.prepare(setup, reason, size);
  if (s->right) return s;
  free(s);
  return NULL;
}

/* The exponent is in the high bits of the last byte of every type here: 1 more or less there is far beyond rounding. */
static bool spoil(const state *s, int slot, bench_role role) {
  const bench_case *const c = s->ring->c;
  const size_t element = bench_type_bytes(bench_array_of(c, role).type);
  char *const last = (char *)s->ring->slots[slot].at[role] + bench_array_bytes(c, role) - 1;
  unsigned char byte = 0;
  wn_device *const device = s->ring->device;
  if (element == 0 || wn_buffer_read(device, &byte, last, 1, NULL) != WN_OK) return false;
  if (wn_stream_wait(device, NULL) != WN_OK) return false;
  byte = byte ? byte ^ 0x08 : 0x40; /* a zero, as relu makes them, becomes 2 */
  return wn_buffer_write(device, last, &byte, 1, NULL) == WN_OK;
}

static bool run(void *opaque, int slot, void *stream) {
  const state *const s = opaque;
  const bench_role tensor = bench_forward(s->ring->c->pass) ? BENCH_Y : BENCH_DX;
  return bench_peer_warpnorm.run(s->right, slot, stream) && spoil(s, slot, tensor);
}

static void release(void *opaque) {
  state *const s = opaque;
  bench_peer_warpnorm.release(s->right);
  free(s);
}

const bench_peer bench_peer_planted = {.name = "planted",
                                       .about = "this library with an element changed: the value check must see it",
                                       .ranked = true,
                                       .when_named = true,
                                       .version = version,
                                       .cannot = bench_can_all,
                                       .prepare = prepare,
                                       .run = run,
                                       .writes = bench_writes_rstd,
                                       .release = release};
