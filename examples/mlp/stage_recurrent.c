/* A plain recurrent network over the positions of a picture, whose last state comes out:
 *
 *      a(t) = x(t) Wx + h(t - 1) Wh + b      h(t) = tanh(norm(a(t)))      h(-1) = 0
 *
 * The norm is of the sum, as Ba, Kiros and Hinton (2016) place layer norm; its gamma and beta are those of all steps.
 * Of batch norm each step has statistics of its own, and running ones too, as Cooijmans et al. (2017) have it: a state
 * that begins at 0 is distributed otherwise at its first steps than at its last. Steps lie one after another,
 * [steps][rows] [units], so that all but the way from step to step is one product. */
#include <stdlib.h>

#include "stage.h"

typedef struct recurrent {
  int64_t steps, inputs, units;
  float *x, *dx;     /* of the stage, [steps][rows][inputs] */
  float *a, *h, *da; /* da: the gradient of h on the way to that of a */
  norm_layer *norms; /* one for each step; NULL: none */
} recurrent;

/* The tensors are the first step's. */
static bool take_norms(stage *s, recurrent *r, buffers *memory, fault *f) {
  norm_choice choice = s->spec.norm;
  const form state = {r->units, 1, 1, WN_NXC};
  choice.act = WN_ACT_TANH;
  if (!(r->norms = calloc((size_t)r->steps, sizeof *r->norms))) return fault_set(f, "no memory for normalizations");
  for (int64_t t = 0; t < r->steps; t++) {
    norm_layer *const at = &r->norms[t];
    if (!norm_layer_create(at, &choice, s->most_rows, &state, memory, f)) return false;
    at->gamma = r->norms->gamma;
    at->beta = r->norms->beta;
  }
  const norm_layer *const first = r->norms;
  s->tensors[s->tensor_count++] = (tensor){"gamma", s->layer, r->units, first->gamma, first->dgamma};
  if (first->beta) s->tensors[s->tensor_count++] = (tensor){"beta", s->layer, r->units, first->beta, first->dbeta};
  return true;
}

static bool recurrent_take(stage *s, recurrent *r, buffers *memory, fault *f) {
  const int64_t places = s->most_rows * r->steps;
  if (!(r->x = buffers_take(memory, places * r->inputs, sizeof(float), f))) return false;
  if (!(r->dx = buffers_take(memory, places * r->inputs, sizeof(float), f))) return false;
  if (!(r->a = buffers_take(memory, places * r->units, sizeof(float), f))) return false;
  if (!(r->h = buffers_take(memory, places * r->units, sizeof(float), f))) return false;
  if (!(r->da = buffers_take(memory, places * r->units, sizeof(float), f))) return false;
  /* Wx above Wh: as many rows as a unit has inputs. */
  return stage_add_tensor(s, "weight", (r->inputs + r->units) * r->units, memory, f) &&
         stage_add_tensor(s, "bias", r->units, memory, f) && (!s->spec.normalized || take_norms(s, r, memory, f));
}

static bool recurrent_create(stage *s, buffers *memory, fault *f) {
  if (!stage_is_sequence(s, "a recurrent network", f)) return false;
  if (s->spec.units < 1)
    return fault_set(f, "a recurrent network of %lld units: it needs one", (long long)s->spec.units);
  recurrent *const r = s->state = calloc(1, sizeof *r);
  if (!r) return fault_set(f, "no memory for a recurrent network");
  *r = (recurrent){.steps = form_positions(&s->in), .inputs = s->in.channels, .units = s->spec.units};
  s->out = (form){r->units, 1, 1, WN_NXC};
  return recurrent_take(s, r, memory, f);
}

static void recurrent_destroy(stage *s) {
  recurrent *const r = s->state;
  if (r && r->norms) {
    for (int64_t t = 0; t < r->steps; t++) norm_layer_destroy(&r->norms[t]);
    free(r->norms);
  }
  free(r);
}

static bool recurrent_reset(stage *s, rng *random, double deviation, fault *f) {
  const recurrent *const r = s->state;
  if (!stage_draw(s, &s->tensors[0], random, deviation, f)) return false;
  s->on->ops->fill(s->on, r->units, 0, s->tensors[1].value);
  if (!r->norms) return true;
  for (int64_t t = 0; t < r->steps; t++) norm_layer_reset(&r->norms[t]);
  if (s->spec.first_gamma != 0) s->on->ops->fill(s->on, r->units, (float)s->spec.first_gamma, r->norms->gamma);
  return true;
}

/* a = x Wx + b of all steps. */
static void take_inputs(stage *s, const recurrent *r, int64_t rows, const float *x) {
  machine *const m = s->on;
  m->ops->swap_axes(m, rows, r->steps, r->inputs, x, r->x);
  m->ops->multiply(
      m, &(matrix_product){r->steps * rows, r->units, r->inputs, .a = r->x, .b = s->tensors[0].value, .c = r->a});
  m->ops->bias_add(m, r->steps * rows, r->units, s->tensors[1].value, r->a);
}

static const float *state_weights(const stage *s, const recurrent *r) {
  return s->tensors[0].value + r->inputs * r->units;
}

static bool recurrent_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  const recurrent *const r = s->state;
  machine *const m = s->on;
  const int64_t values = rows * r->units;
  take_inputs(s, r, rows, x);
  for (int64_t t = 0; t < r->steps; t++) {
    float *const a = r->a + t * values, *const h = r->h + t * values;
    if (t > 0) {
      m->ops->multiply(m, &(matrix_product){rows, r->units, r->units, .a = h - values, .b = state_weights(s, r), .c = a,
                                            .add = true});
    }
    if (!r->norms) {
      m->ops->activate(m, WN_ACT_TANH, values, a, h);
    } else if (!norm_layer_forward(&r->norms[t], training, rows, a, h, f)) {
      return false;
    }
  }
  m->ops->activate(m, WN_ACT_NONE, values, r->h + (r->steps - 1) * values, s->y); /* a copy */
  return true;
}

/* da of all steps, from the gradient at the last state. */
static bool states_back(stage *s, const recurrent *r, int64_t rows, const float *d, fault *f) {
  machine *const m = s->on;
  const int64_t values = rows * r->units, last = r->steps - 1;
  m->ops->activate(m, WN_ACT_NONE, values, d, r->da + last * values); /* a copy */
  for (int64_t t = last; t >= 0; t--) {
    float *const a = r->a + t * values, *const da = r->da + t * values;
    if (!r->norms) {
      m->ops->activate_back(m, WN_ACT_TANH, values, a, da);
    } else if (!norm_layer_backward(&r->norms[t], rows, a, da, da, f)) {
      return false;
    }
    if (t == 0) break;
    m->ops->multiply(m, &(matrix_product){rows, r->units, r->units, .a = da, .b = state_weights(s, r), .c = da - values,
                                          .b_transposed = true});
  }
  return true;
}

static void norms_back(stage *s, const recurrent *r) {
  const norm_layer *const first = r->norms;
  if (!first) return;
  for (int64_t t = 1; t < r->steps; t++) {
    s->on->ops->add(s->on, r->units, r->norms[t].dgamma, first->dgamma);
    if (first->beta) s->on->ops->add(s->on, r->units, r->norms[t].dbeta, first->dbeta);
  }
}

static void weights_back(stage *s, const recurrent *r, int64_t rows) {
  machine *const m = s->on;
  const int64_t units = r->units, values = rows * units, places = r->steps * rows;
  float *const dw = s->tensors[0].gradient, *const dwh = dw + r->inputs * units;
  m->ops->multiply(m,
                   &(matrix_product){r->inputs, units, places, .a = r->x, .b = r->da, .c = dw, .a_transposed = true});
  if (r->steps > 1) {
    m->ops->multiply(m, &(matrix_product){units, units, places - rows, .a = r->h, .b = r->da + values, .c = dwh,
                                          .a_transposed = true});
  } else {
    m->ops->fill(m, units * units, 0, dwh); /* no step reads a state */
  }
  m->ops->column_sum(m, places, units, r->da, s->tensors[1].gradient);
}

static bool recurrent_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)x; /* kept in its own order */
  const recurrent *const r = s->state;
  if (!states_back(s, r, rows, d, f)) return false;
  norms_back(s, r);
  weights_back(s, r, rows);
  if (!dx) return true;
  s->on->ops->multiply(s->on, &(matrix_product){r->steps * rows, r->inputs, r->units, .a = r->da,
                                                .b = s->tensors[0].value, .c = r->dx, .b_transposed = true});
  s->on->ops->swap_axes(s->on, r->steps, rows, r->inputs, r->dx, dx);
  return true;
}

const stage_kind stage_recurrent = {
    .weighted = true,
    .create = recurrent_create,
    .destroy = recurrent_destroy,
    .reset = recurrent_reset,
    .forward = recurrent_forward,
    .backward = recurrent_backward,
};
