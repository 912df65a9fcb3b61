/* oneDNN: on the user's own layout, which is the rival, and on its own blocked one (reorders left out), which is shown.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench_peer.h"
#include "onednn_problem.h"

enum { MOST_ARGUMENTS = 10 };

typedef struct argument {
  int name; /* DNNL_ARG_... */
  bench_role role;
  bool owned;              /* memory of oneDNN's: its layout is its own, or only it knows what is in it */
  dnnl_memory_t memory;    /* of the slot that runs */
  dnnl_memory_t *of_slots; /* owned tensors: one for each slot */
} argument;

typedef struct state {
  const bench_ring *ring;
  onednn_norm norm;
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_primitive_desc_t pd, hint;
  dnnl_primitive_t primitive;
  argument arguments[MOST_ARGUMENTS];
  dnnl_exec_arg_t exec[MOST_ARGUMENTS];
  int count;
  int slot; /* whose memory `exec` holds */
} state;

static bool version(char *text, size_t size) {
  const dnnl_version_t *const v = dnnl_version();
  (void)snprintf(text, size, "%d.%d.%d, %s", v->major, v->minor, v->patch,
                 v->cpu_runtime == DNNL_RUNTIME_OMP ? "OpenMP" : "not OpenMP");
  return true;
}

static const char *cannot(const bench_case *c) {
  const wn_problem *const p = &c->problem;
  if (p->x_type == WN_F64) return "no f64";
  if (p->add != WN_ADD_NONE) return "no fused residual";
  if (p->act != WN_ACT_NONE && !onednn_fused_relu(c)) return "no such fused activation (relu with batch norm is all)";
  if ((p->kind == WN_LAYER || p->kind == WN_RMS) && p->layout == WN_NCX && p->x > 1)
    return "normalizes over the innermost axis only";
#ifndef BENCH_ONEDNN_GROUP
  if (p->kind == WN_GROUP || p->kind == WN_INSTANCE) return "no group norm in this version";
#endif
#ifndef BENCH_ONEDNN_RMS
  if (p->kind == WN_RMS) return "no RMS norm in this version";
#endif
  return NULL;
}

static const char *cannot_blocked(const bench_case *c) {
  if (c->problem.kind != WN_BATCH || c->axis_count != 2) return "a blocked layout is for batch norm of images";
  return cannot(c);
}

/* ---- memory */

/* A memory that begins at nothing yet (plain), or at memory of oneDNN's own. */
static bool create_memory(const state *s, int name, bool owned, dnnl_memory_t *memory) {
  return dnnl_memory_create(memory, onednn_argument(s->pd, name), s->engine,
                            owned ? DNNL_MEMORY_ALLOCATE : DNNL_MEMORY_NONE) == dnnl_success;
}

/* Between a slot's array and oneDNN's own memory for it. */
static bool move(const state *s, const argument *a, int slot, bool in) {
  dnnl_memory_t plain = NULL;
  if (!onednn_plain_memory(&s->norm, s->engine, s->ring->slots[slot].at[a->role], &plain)) return false;
  const bool ok = in ? onednn_reorder(s->engine, s->stream, plain, a->of_slots[slot])
                     : onednn_reorder(s->engine, s->stream, a->of_slots[slot], plain);
  (void)dnnl_memory_destroy(plain);
  return ok;
}

static bool add_owned_tensor(state *s, argument *a) {
  a->owned = true;
  a->of_slots = calloc((size_t)s->ring->count, sizeof *a->of_slots);
  if (!a->of_slots) return false;
  for (int slot = 0; slot < s->ring->count; slot++) {
    if (!create_memory(s, a->name, true, &a->of_slots[slot])) return false;
    if (bench_array_of(s->ring->c, a->role).given && !move(s, a, slot, true)) return false;
  }
  return true;
}

static bool add(state *s, int name, bench_role role) {
  if (!bench_array_of(s->ring->c, role).count) return true;
  argument *const a = &s->arguments[s->count];
  *a = (argument){.name = name, .role = role};
  s->exec[s->count++].arg = name;
  if (s->norm.tag != dnnl_format_tag_undef && bench_array_of(s->ring->c, role).tensor) return add_owned_tensor(s, a);
  return create_memory(s, name, false, &a->memory);
}

/* Only the library knows what is in its workspace: a forward pass makes it. */
static bool add_workspace(state *s) {
  argument *const a = &s->arguments[s->count];
  *a = (argument){.name = DNNL_ARG_WORKSPACE, .owned = true};
  s->exec[s->count++].arg = DNNL_ARG_WORKSPACE;
  return create_memory(s, DNNL_ARG_WORKSPACE, true, &a->memory);
}

static bool needs_workspace(const bench_case *c) { return onednn_fused_relu(c) && c->pass != WN_INFER; }

static bool add_arguments(state *s) {
  const bench_case *const c = s->ring->c;
  const bool running = bench_uses_running(c);
  bool ok = add(s, DNNL_ARG_SRC, BENCH_X) && add(s, DNNL_ARG_SCALE, BENCH_GAMMA);
  if (bench_forward(c->pass)) {
    ok = ok && add(s, DNNL_ARG_DST, BENCH_Y) && add(s, DNNL_ARG_SHIFT, BENCH_BETA);
    ok = ok && add(s, DNNL_ARG_MEAN, running ? BENCH_RUNNING_MEAN : BENCH_SAVED_MEAN);
    ok = ok && add(s, DNNL_ARG_VARIANCE, running ? BENCH_RUNNING_VAR : BENCH_SAVED_VAR);
  } else {
    ok = ok && add(s, DNNL_ARG_DIFF_DST, BENCH_DY) && add(s, DNNL_ARG_DIFF_SRC, BENCH_DX);
    ok = ok && add(s, DNNL_ARG_MEAN, running ? BENCH_RUNNING_MEAN : BENCH_MEAN);
    ok = ok && add(s, DNNL_ARG_VARIANCE, running ? BENCH_RUNNING_VAR : BENCH_VAR);
    ok = ok && add(s, DNNL_ARG_DIFF_SCALE, BENCH_DGAMMA) && add(s, DNNL_ARG_DIFF_SHIFT, BENCH_DBETA);
  }
  return ok && (!needs_workspace(c) || add_workspace(s));
}

/* The arrays of a slot as the primitive's arguments. */
static bool point_at(state *s, int slot) {
  if (s->slot == slot) return true;
  for (int i = 0; i < s->count; i++) {
    argument *const a = &s->arguments[i];
    if (a->of_slots) a->memory = a->of_slots[slot];
    if (!a->owned && dnnl_memory_set_data_handle(a->memory, s->ring->slots[slot].at[a->role]) != dnnl_success)
      return false;
    s->exec[i].memory = a->memory;
  }
  s->slot = slot;
  return true;
}

/* The workspace of relu's backward pass, from a forward pass of the first slot's x. What it writes besides is scratch.
 */
static bool make_workspace(state *s) {
  dnnl_primitive_t forward = NULL;
  dnnl_memory_t y = NULL, shift = NULL, own[2] = {NULL, NULL};
  if (!point_at(s, 0) || dnnl_primitive_create(&forward, s->hint) != dnnl_success) return false;
  bool ok =
      dnnl_memory_create(&y, onednn_argument(s->hint, DNNL_ARG_DST), s->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success;
  ok = ok && dnnl_memory_create(&shift, onednn_argument(s->hint, DNNL_ARG_SHIFT), s->engine,
                                s->ring->slots[0].at[BENCH_BETA]) == dnnl_success;
  dnnl_exec_arg_t args[MOST_ARGUMENTS] = {{DNNL_ARG_DST, y}, {DNNL_ARG_SHIFT, shift}};
  int count = 2;
  const bool given = bench_uses_running(s->ring->c); /* else the forward pass writes its own statistics */
  for (int i = 0; i < s->count && ok; i++) {
    const int name = s->exec[i].arg;
    const bool statistic = name == DNNL_ARG_MEAN || name == DNNL_ARG_VARIANCE;
    if (name != DNNL_ARG_SRC && name != DNNL_ARG_SCALE && name != DNNL_ARG_WORKSPACE && !statistic) continue;
    args[count] = s->exec[i];
    if (statistic && !given) {
      dnnl_memory_t *const mine = &own[name == DNNL_ARG_MEAN ? 0 : 1];
      ok = dnnl_memory_create(mine, onednn_argument(s->hint, name), s->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success;
      args[count].memory = *mine;
    }
    count++;
  }
  ok = ok && dnnl_primitive_execute(forward, s->stream, count, args) == dnnl_success &&
       dnnl_stream_wait(s->stream) == dnnl_success;
  (void)dnnl_primitive_destroy(forward);
  for (int i = 0; i < 2; i++)
    if (own[i]) (void)dnnl_memory_destroy(own[i]);
  if (y) (void)dnnl_memory_destroy(y);
  if (shift) (void)dnnl_memory_destroy(shift);
  return ok;
}

/* ---- the peer */

static void release(void *opaque) {
  state *const s = opaque;
  for (int i = 0; i < s->count; i++) {
    const argument *const a = &s->arguments[i];
    if (a->of_slots) {
      for (int slot = 0; slot < s->ring->count; slot++)
        if (a->of_slots[slot]) (void)dnnl_memory_destroy(a->of_slots[slot]);
      free(a->of_slots);
    } else if (a->memory) {
      (void)dnnl_memory_destroy(a->memory);
    }
  }
  if (s->primitive) (void)dnnl_primitive_destroy(s->primitive);
  if (s->pd) (void)dnnl_primitive_desc_destroy(s->pd);
  if (s->hint) (void)dnnl_primitive_desc_destroy(s->hint);
  if (s->stream) (void)dnnl_stream_destroy(s->stream);
  if (s->engine) (void)dnnl_engine_destroy(s->engine);
  free(s);
}

static bool execute(state *s, int slot) {
  return point_at(s, slot) && dnnl_primitive_execute(s->primitive, s->stream, s->count, s->exec) == dnnl_success &&
         dnnl_stream_wait(s->stream) == dnnl_success;
}

/* No gradient depends on the shift, but backward passes of some versions ask for it, and of others refuse it. */
static bool settle_shift(state *s) {
  if (s->norm.forward || execute(s, 0)) return true;
  s->slot = -1;
  return add(s, DNNL_ARG_SHIFT, BENCH_BETA) && execute(s, 0);
}

static const char *make(state *s) {
  if (dnnl_engine_create(&s->engine, dnnl_cpu, 0) != dnnl_success ||
      dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags) != dnnl_success)
    return "no engine and stream";
  s->pd = onednn_create(&s->norm, s->engine, &s->hint);
  if (!s->pd) return "this version has no implementation for the type and layout on this processor";
  if (dnnl_primitive_create(&s->primitive, s->pd) != dnnl_success) return "the primitive could not be created";
  if (!add_arguments(s)) return "no memory";
  if (needs_workspace(s->ring->c) && !s->norm.forward && !make_workspace(s)) return "the forward pass failed";
  if (!settle_shift(s)) return "the call fails";
  return NULL;
}

static void *prepare_as(const bench_setup *setup, bool blocked, char *reason, size_t size) {
  state *const s = bench_peer_state(sizeof *s, reason, size);
  if (!s) return NULL;
  s->ring = setup->ring;
  s->slot = -1;
  s->norm = onednn_norm_of(setup->c, blocked);
  const char *const why = make(s);
  if (!why) return s;
  (void)snprintf(reason, size, "%s", why);
  release(s);
  return NULL;
}

static void *prepare(const bench_setup *setup, char *reason, size_t size) {
  return prepare_as(setup, false, reason, size);
}
static void *prepare_blocked(const bench_setup *setup, char *reason, size_t size) {
  return prepare_as(setup, true, reason, size);
}

static bool run(void *opaque, int slot, void *stream) {
  (void)stream;
  return execute(opaque, slot);
}

static bool read_back(void *opaque, int slot) {
  const state *const s = opaque;
  for (int i = 0; i < s->count; i++) {
    const argument *const a = &s->arguments[i];
    if (a->of_slots && !bench_array_of(s->ring->c, a->role).given && !move(s, a, slot, false)) return false;
  }
  return true;
}

/* It keeps variances, and knows no running statistics. */
static bool writes(const bench_case *c, bench_role role) {
  (void)c;
  return role != BENCH_SAVED_RSTD && role != BENCH_RUNNING_MEAN && role != BENCH_RUNNING_VAR;
}

const bench_peer bench_peer_onednn = {.name = "onednn",
                                      .about = "oneDNN on the layout of the case",
                                      .backend = WN_CPU,
                                      .ranked = true,
                                      .version = version,
                                      .cannot = cannot,
                                      .prepare = prepare,
                                      .run = run,
                                      .writes = writes,
                                      .release = release};

const bench_peer bench_peer_onednn_blocked = {.name = "onednn-blocked",
                                              .about = "oneDNN on its own blocked layout, reorders left out",
                                              .backend = WN_CPU,
                                              .version = version,
                                              .cannot = cannot_blocked,
                                              .prepare = prepare_blocked,
                                              .run = run,
                                              .read_back = read_back,
                                              .writes = writes,
                                              .release = release};
