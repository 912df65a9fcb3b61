/* Dropout (Srivastava et al. 2014), inverted: in training a value is 0 with the share's probability, and else divided
 * by what is kept, so that its expectation stays; inference passes on what comes. */
#include <stdlib.h>

#include "stage.h"

typedef struct dropout {
  rng random;
  float *host_mask, *mask; /* 0, or 1 / (1 - share), of the last training forward */
} dropout;

static bool dropout_create(stage *s, buffers *memory, fault *f) {
  const double share = s->spec.drop;
  if (!(share >= 0 && share < 1))
    return fault_set(f, "a dropout of share %g: expected 0 or more, and less than 1", share);
  const int64_t values = s->most_rows * form_values(&s->in);
  dropout *const d = s->state = calloc(1, sizeof *d);
  if (d) d->host_mask = malloc((size_t)values * sizeof *d->host_mask);
  if (!d || !d->host_mask) return fault_set(f, "no memory for a dropout of %lld values", (long long)values);
  s->out = s->in;
  return (d->mask = buffers_take(memory, values, sizeof(float), f)) != NULL;
}

static void dropout_destroy(stage *s) {
  dropout *const d = s->state;
  if (d) free(d->host_mask);
  free(d);
}

/* Its own numbers, from a copy of those that the weights are drawn from: networks with and without it start from the
 * same weights. */
static bool dropout_reset(stage *s, rng *random, double deviation, fault *f) {
  (void)deviation, (void)f;
  dropout *const d = s->state;
  rng copy = *random;
  rng_seed(&d->random, rng_next(&copy), (uint64_t)s->place);
  return true;
}

/* The mask is drawn on the host, so that it is the same on every machine; a GPU waits for its upload. */
static bool dropout_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  dropout *const d = s->state;
  const int64_t count = rows * form_values(&s->in);
  const double share = s->spec.drop;
  const float kept = (float)(1 / (1 - share));
  if (!training) {
    s->on->ops->activate(s->on, WN_ACT_NONE, count, x, s->y); /* a copy */
    return true;
  }
  for (int64_t i = 0; i < count; i++) d->host_mask[i] = rng_uniform(&d->random) < share ? 0 : kept;
  if (!machine_write(s->on, d->mask, d->host_mask, count * (int64_t)sizeof(float), f)) return false;
  s->on->ops->times(s->on, count, x, d->mask, s->y);
  return true;
}

static bool dropout_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)x, (void)dx, (void)f;
  const dropout *const own = s->state;
  s->on->ops->times(s->on, rows * form_values(&s->in), d, own->mask, d);
  return true;
}

const stage_kind stage_dropout = {
    .in_place = true,
    .create = dropout_create,
    .destroy = dropout_destroy,
    .reset = dropout_reset,
    .forward = dropout_forward,
    .backward = dropout_backward,
};
