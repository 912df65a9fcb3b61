/* Residual connections, in a list of stages: what goes into a fork goes on, and comes in again at its join.
 *
 *      x ---- fork ---- stages ---- join ---- x + stages(x)
 *               \___________________/
 *
 * Backward, the join leaves its gradient with the fork, which adds it to the one that comes through the stages. */
#include <stdlib.h>

#include "stage.h"

typedef struct fork_state {
  bool joined;
  float *d; /* at the join */
} fork_state;

/* ---- fork */

static bool fork_create(stage *s, buffers *memory, fault *f) {
  fork_state *const own = s->state = calloc(1, sizeof *own);
  if (!own) return fault_set(f, "no memory for a fork");
  s->out = s->in;
  return (own->d = buffers_take(memory, s->most_rows * form_values(&s->in), sizeof(float), f)) != NULL;
}

static void fork_destroy(stage *s) { free(s->state); }

static bool fork_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  s->on->ops->activate(s->on, WN_ACT_NONE, rows * form_values(&s->in), x, s->y); /* a copy */
  return true;
}

static bool fork_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)x, (void)dx, (void)f;
  const fork_state *const own = s->state;
  if (own->joined) s->on->ops->add(s->on, rows * form_values(&s->in), own->d, d);
  return true;
}

const stage_kind stage_fork = {
    .in_place = true,
    .create = fork_create,
    .destroy = fork_destroy,
    .forward = fork_forward,
    .backward = fork_backward,
};

/* ---- join: its state is its fork, a stage before it in the network's list */

static stage *open_fork(stage *s) {
  for (int back = 1; back <= s->place; back++) {
    stage *const at = s - back;
    if (at->spec.kind == &stage_fork && !((fork_state *)at->state)->joined) return at;
  }
  return NULL;
}

static bool join_create(stage *s, buffers *memory, fault *f) {
  (void)memory;
  stage *const from = s->state = open_fork(s);
  if (!from) return fault_set(f, "stage %d is a join without a fork before it", s->place);
  const form *const a = &from->out, *const b = &s->in;
  if (a->channels != b->channels || a->height != b->height || a->width != b->width || a->layout != b->layout) {
    return fault_set(f, "a join of %lld x %lld x %lld values with a fork of %lld x %lld x %lld: expected the same form",
                     (long long)b->channels, (long long)b->height, (long long)b->width, (long long)a->channels,
                     (long long)a->height, (long long)a->width);
  }
  ((fork_state *)from->state)->joined = true;
  s->out = s->in;
  return true;
}

static bool join_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  const stage *const from = s->state;
  const int64_t count = rows * form_values(&s->in);
  s->on->ops->activate(s->on, WN_ACT_NONE, count, x, s->y); /* a copy */
  s->on->ops->add(s->on, count, from->y, s->y);
  return true;
}

static bool join_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)x, (void)dx, (void)f;
  const fork_state *const own = ((stage *)s->state)->state;
  s->on->ops->activate(s->on, WN_ACT_NONE, rows * form_values(&s->in), d, own->d); /* a copy */
  return true;
}

const stage_kind stage_join = {
    .in_place = true,
    .create = join_create,
    .forward = join_forward,
    .backward = join_backward,
};
