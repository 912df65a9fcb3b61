/* The library itself. */
#include <stdio.h>
#include <stdlib.h>

#include "bench_peer.h"

typedef struct state {
  const bench_ring *ring;
  wn_plan *plan;
  void *work;
  size_t work_bytes;
} state;

static bool version(char *text, size_t size) {
  const int v = wn_version();
  (void)snprintf(text, size, "%d.%d.%d", v / 10000, v / 100 % 100, v % 100);
  return true;
}

static void release(void *opaque) {
  state *const s = opaque;
  wn_plan_destroy(s->plan);
  (void)wn_buffer_free(s->ring->device, s->work, NULL);
  free(s);
}

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  state *const s = bench_peer_state(sizeof *s, reason, size);
  if (!s) return NULL;
  s->ring = setup->ring;
  wn_status status = wn_plan_create(&s->plan, setup->device, &setup->c->problem);
  s->work_bytes = wn_plan_workspace(s->plan, setup->c->pass);
  if (status == WN_OK) status = wn_buffer_alloc(setup->device, &s->work, s->work_bytes, NULL);
  if (status == WN_OK) return s;
  (void)snprintf(reason, size, "%s", wn_last_error());
  release(s);
  return NULL;
}

static wn_forward_args forward_args(const bench_tensors *t, wn_pass pass) {
  wn_forward_args a = WN_FORWARD_INIT;
  a.x = t->at[BENCH_X];
  a.residual = t->at[BENCH_RESIDUAL];
  a.gamma = t->at[BENCH_GAMMA];
  a.beta = t->at[BENCH_BETA];
  a.y = t->at[BENCH_Y];
  a.running_mean = t->at[BENCH_RUNNING_MEAN];
  a.running_var = t->at[BENCH_RUNNING_VAR];
  if (pass == WN_INFER) return a;
  a.sum = t->at[BENCH_SUM];
  a.mean = t->at[BENCH_SAVED_MEAN];
  a.rstd = t->at[BENCH_SAVED_RSTD];
  return a;
}

static wn_backward_args backward_args(const bench_tensors *t) {
  wn_backward_args a = WN_BACKWARD_INIT;
  a.x = t->at[BENCH_X];
  a.residual = t->at[BENCH_RESIDUAL];
  a.dy = t->at[BENCH_DY];
  a.dsum = t->at[BENCH_DSUM];
  a.gamma = t->at[BENCH_GAMMA];
  a.beta = t->at[BENCH_BETA];
  a.mean = t->at[BENCH_MEAN];
  a.rstd = t->at[BENCH_RSTD];
  a.running_mean = t->at[BENCH_RUNNING_MEAN];
  a.running_var = t->at[BENCH_RUNNING_VAR];
  a.dx = t->at[BENCH_DX];
  a.dresidual = t->at[BENCH_DRESIDUAL];
  a.dgamma = t->at[BENCH_DGAMMA];
  a.dbeta = t->at[BENCH_DBETA];
  return a;
}

static bool run(void *opaque, int slot, void *stream) {
  const state *const s = opaque;
  const wn_pass pass = s->ring->c->pass;
  if (bench_forward(pass)) {
    const wn_forward_args a = forward_args(&s->ring->slots[slot], pass);
    return (pass == WN_TRAIN ? wn_train : wn_infer)(s->plan, &a, s->work, s->work_bytes, stream) == WN_OK;
  }
  const wn_backward_args a = backward_args(&s->ring->slots[slot]);
  return (pass == WN_BACKWARD ? wn_backward : wn_backward_frozen)(s->plan, &a, s->work, s->work_bytes, stream) == WN_OK;
}

const bench_peer bench_peer_warpnorm = {.name = "warpnorm",
                                        .about = "this library",
                                        .ranked = true,
                                        .version = version,
                                        .cannot = bench_can_all,
                                        .prepare = prepare,
                                        .run = run,
                                        .writes = bench_writes_rstd,
                                        .release = release};
