/* Stages that tell the steps of a sequence apart, and that forget them. */
#include "stage.h"

/* ---- places: the same learned values, of each channel at each position, for every picture */

static bool places_create(stage *s, buffers *memory, fault *f) {
  s->out = s->in;
  return stage_add_tensor(s, "place", form_values(&s->in), memory, f);
}

static bool places_reset(stage *s, rng *random, double deviation, fault *f) {
  return stage_draw(s, &s->tensors[0], random, deviation, f);
}

static bool places_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  const int64_t values = form_values(&s->in);
  s->on->ops->activate(s->on, WN_ACT_NONE, rows * values, x, s->y); /* a copy */
  s->on->ops->bias_add(s->on, rows, values, s->tensors[0].value, s->y);
  return true;
}

static bool places_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)x, (void)dx, (void)f;
  s->on->ops->column_sum(s->on, rows, form_values(&s->in), d, s->tensors[0].gradient);
  return true;
}

const stage_kind stage_places = {
    .in_place = true,
    .create = places_create,
    .reset = places_reset,
    .forward = places_forward,
    .backward = places_backward,
};

/* ---- mean: of T positions, as the product of a row of 1 / T with each picture, positions x channels */

static bool mean_create(stage *s, buffers *memory, fault *f) {
  if (!stage_is_sequence(s, "a mean", f)) return false;
  const int64_t positions = form_positions(&s->in);
  s->out = (form){s->in.channels, 1, 1, s->in.layout};
  if (!(s->state = buffers_take(memory, positions, sizeof(float), f))) return false;
  s->on->ops->fill(s->on, positions, 1 / (float)positions, s->state);
  return true;
}

static bool mean_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  const int64_t channels = s->in.channels, positions = form_positions(&s->in);
  const matrix_product first = {.rows = 1, .columns = channels, .inner = positions, .a = s->state, .b = x, .c = s->y};
  machine_multiply_each(s->on, rows, first, (matrix_steps){0, positions * channels, channels});
  return true;
}

static bool mean_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)x, (void)f;
  if (!dx) return true;
  const int64_t channels = s->in.channels, positions = form_positions(&s->in);
  const matrix_product first = {.rows = positions, .columns = channels, .inner = 1, .a = s->state, .b = d, .c = dx};
  machine_multiply_each(s->on, rows, first, (matrix_steps){0, channels, positions * channels});
  return true;
}

const stage_kind stage_mean = {
    .create = mean_create,
    .forward = mean_forward,
    .backward = mean_backward,
};
