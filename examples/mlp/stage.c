#include "stage.h"

#include <stdlib.h>

bool stage_add_tensor(stage *s, const char *name, int64_t count, buffers *memory, fault *f) {
  tensor t = {.name = name, .layer = s->layer, .count = count};
  if (!(t.value = buffers_take(memory, count, sizeof(float), f))) return false;
  if (!(t.gradient = buffers_take(memory, count, sizeof(float), f))) return false;
  s->tensors[s->tensor_count++] = t;
  return true;
}

bool stage_draw(stage *s, const tensor *t, rng *random, double deviation, fault *f) {
  float *const host = malloc((size_t)t->count * sizeof *host);
  if (!host) return fault_set(f, "no memory for %lld weights", (long long)t->count);
  for (int64_t i = 0; i < t->count; i++) host[i] = (float)(deviation * rng_normal(random));
  const bool good = machine_write(s->on, t->value, host, t->count * (int64_t)sizeof *host, f);
  free(host);
  return good;
}

bool stage_is_sequence(const stage *s, const char *what, fault *f) {
  return s->in.layout == WN_NXC || fault_set(f, "%s over pictures in NCX: expected NXC", what);
}

/* ---- linear: y = x W + b, W inputs x outputs; of all of a picture, or of each position */

static int64_t linear_inputs(const stage *s) { return form_values(&s->in) / form_positions(&s->out); }

static bool linear_take(stage *s, buffers *memory, fault *f) {
  return stage_add_tensor(s, "weight", linear_inputs(s) * s->spec.units, memory, f) &&
         stage_add_tensor(s, "bias", s->spec.units, memory, f);
}

static bool linear_create(stage *s, buffers *memory, fault *f) {
  s->out = (form){s->spec.units, 1, 1, WN_NCX};
  return linear_take(s, memory, f);
}

static bool linear_each_create(stage *s, buffers *memory, fault *f) {
  if (!stage_is_sequence(s, "a linear for each position", f)) return false;
  s->out = s->in;
  s->out.channels = s->spec.units;
  return linear_take(s, memory, f);
}

static bool linear_reset(stage *s, rng *random, double deviation, fault *f) {
  if (!stage_draw(s, &s->tensors[0], random, deviation, f)) return false;
  s->on->ops->fill(s->on, s->tensors[1].count, 0, s->tensors[1].value);
  return true;
}

static bool linear_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  machine *const m = s->on;
  const int64_t places = rows * form_positions(&s->out);
  m->ops->multiply(m, &(matrix_product){.rows = places,
                                        .columns = s->spec.units,
                                        .inner = linear_inputs(s),
                                        .a = x,
                                        .b = s->tensors[0].value,
                                        .c = s->y});
  m->ops->bias_add(m, places, s->spec.units, s->tensors[1].value, s->y);
  return true;
}

static bool linear_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)f;
  machine *const m = s->on;
  const tensor *const weight = &s->tensors[0];
  const int64_t inputs = linear_inputs(s), outputs = s->spec.units, places = rows * form_positions(&s->out);
  m->ops->multiply(m, &(matrix_product){.rows = inputs,
                                        .columns = outputs,
                                        .inner = places,
                                        .a = x,
                                        .a_transposed = true,
                                        .b = d,
                                        .c = weight->gradient});
  m->ops->column_sum(m, places, outputs, d, s->tensors[1].gradient);
  if (!dx) return true;
  m->ops->multiply(m, &(matrix_product){.rows = places,
                                        .columns = inputs,
                                        .inner = outputs,
                                        .a = d,
                                        .b = weight->value,
                                        .b_transposed = true,
                                        .c = dx});
  return true;
}

const stage_kind stage_linear = {
    .weighted = true,
    .create = linear_create,
    .reset = linear_reset,
    .forward = linear_forward,
    .backward = linear_backward,
};

const stage_kind stage_linear_each = {
    .weighted = true,
    .create = linear_each_create,
    .reset = linear_reset,
    .forward = linear_forward,
    .backward = linear_backward,
};

/* ---- activation */

static bool activation_create(stage *s, buffers *memory, fault *f) {
  (void)memory, (void)f;
  s->out = s->in;
  return true;
}

static bool activation_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  s->on->ops->activate(s->on, s->spec.act, rows * form_values(&s->in), x, s->y);
  return true;
}

static bool activation_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)dx, (void)f;
  s->on->ops->activate_back(s->on, s->spec.act, rows * form_values(&s->in), x, d);
  return true;
}

const stage_kind stage_activation = {
    .in_place = true,
    .create = activation_create,
    .forward = activation_forward,
    .backward = activation_backward,
};

/* ---- norm: its tensors are those of a norm_layer */

static bool norm_create(stage *s, buffers *memory, fault *f) {
  norm_layer *const layer = s->state = calloc(1, sizeof *layer);
  if (!layer) return fault_set(f, "no memory for a normalization");
  s->out = s->in;
  if (!norm_layer_create(layer, &s->spec.norm, s->most_rows, &s->in, memory, f)) return false;
  s->tensors[s->tensor_count++] = (tensor){"gamma", s->layer, layer->channels, layer->gamma, layer->dgamma};
  if (layer->beta) { /* RMS has none */
    s->tensors[s->tensor_count++] = (tensor){"beta", s->layer, layer->channels, layer->beta, layer->dbeta};
  }
  return true;
}

static void norm_destroy(stage *s) {
  if (s->state) norm_layer_destroy(s->state);
  free(s->state);
}

static bool norm_reset(stage *s, rng *random, double deviation, fault *f) {
  (void)random, (void)deviation, (void)f;
  norm_layer_reset(s->state);
  return true;
}

static bool norm_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  return norm_layer_forward(s->state, training, rows, x, s->y, f);
}

static bool norm_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)dx;
  return norm_layer_backward(s->state, rows, x, d, d, f);
}

const stage_kind stage_norm = {
    .in_place = true,
    .create = norm_create,
    .destroy = norm_destroy,
    .reset = norm_reset,
    .forward = norm_forward,
    .backward = norm_backward,
};
