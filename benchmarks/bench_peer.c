#include "bench_peer.h"

#include <stdio.h>
#include <stdlib.h>

const char *bench_can_all(const bench_case *c) {
  (void)c;
  return NULL;
}

bool bench_writes_rstd(const bench_case *c, bench_role role) {
  (void)c;
  return role != BENCH_SAVED_VAR;
}

bool bench_writes_nothing(const bench_case *c, bench_role role) {
  (void)c;
  (void)role;
  return false;
}

bool bench_copy_version(char *text, size_t size) {
  (void)snprintf(text, size, "reads and writes the pass's tensors once");
  return true;
}

void *bench_peer_state(size_t bytes, char *reason, size_t size) {
  void *const state = calloc(1, bytes);
  if (!state) (void)snprintf(reason, size, "no memory");
  return state;
}
