/* Self-attention (Vaswani et al. 2017) over the positions of a picture, without biases. For each head, of `size`
 * values,
 *
 *      q = x Wq, k = x Wk, v = x Wv      p = softmax(q k^T / sqrt(size))      o = p v
 *
 * and y is the sum over the heads of o Wo. The heads' matrices lie one after another, and so do their q, k, v, o and p:
 * everything is a series of products of packed matrices. */
#include <math.h>
#include <stdlib.h>

#include "stage.h"

enum { QUERY, KEY, VALUE, OUTPUT, PARTS }; /* of tensors, kept, back */

typedef struct attention {
  int64_t heads, size, steps; /* steps: positions */
  float *kept[PARTS];         /* q, k, v, o of the last forward: [heads][rows][steps][size] */
  float *back[PARTS];         /* their gradients */
  float *p, *dp;              /* [heads][rows][steps][steps] */
} attention;

static bool attention_take(stage *s, attention *a, buffers *memory, fault *f) {
  const char *const names[PARTS] = {"query", "key", "value", "output"};
  const int64_t width = s->in.channels, values = s->most_rows * a->steps * width;
  const int64_t shares = s->most_rows * a->heads * a->steps * a->steps;
  for (int i = 0; i < PARTS; i++) {
    if (!stage_add_tensor(s, names[i], width * width, memory, f)) return false;
    if (!(a->kept[i] = buffers_take(memory, values, sizeof(float), f))) return false;
    if (!(a->back[i] = buffers_take(memory, values, sizeof(float), f))) return false;
  }
  if (!(a->p = buffers_take(memory, shares, sizeof(float), f))) return false;
  return (a->dp = buffers_take(memory, shares, sizeof(float), f)) != NULL;
}

static bool attention_create(stage *s, buffers *memory, fault *f) {
  if (!stage_is_sequence(s, "attention", f)) return false;
  const int64_t heads = s->spec.heads, width = s->in.channels;
  if (heads < 1 || width % heads != 0) {
    return fault_set(f, "attention of %lld heads: expected a divisor of its %lld channels", (long long)heads,
                     (long long)width);
  }
  attention *const a = s->state = calloc(1, sizeof *a);
  if (!a) return fault_set(f, "no memory for an attention");
  *a = (attention){.heads = heads, .size = width / heads, .steps = form_positions(&s->in)};
  s->spec.units = width;
  s->out = s->in;
  return attention_take(s, a, memory, f);
}

static void attention_destroy(stage *s) { free(s->state); }

static bool attention_reset(stage *s, rng *random, double deviation, fault *f) {
  for (int i = 0; i < PARTS; i++) {
    if (!stage_draw(s, &s->tensors[i], random, deviation, f)) return false;
  }
  return true;
}

static float softmax_scale(const attention *a) { return 1 / sqrtf((float)a->size); }

static bool attention_forward(stage *s, bool training, int64_t rows, const float *x, fault *f) {
  (void)training, (void)f;
  const attention *const a = s->state;
  machine *const m = s->on;
  const int64_t width = s->in.channels, places = rows * a->steps, weights = width * a->size;
  const int64_t one = a->steps * a->size, square = a->steps * a->steps, all = a->heads * rows;
  for (int i = QUERY; i <= VALUE; i++) {
    const matrix_product in = {places, a->size, width, .a = x, .b = s->tensors[i].value, .c = a->kept[i]};
    machine_multiply_each(m, a->heads, in, (matrix_steps){0, weights, places * a->size});
  }
  matrix_product scores = {a->steps, a->steps, a->size, .a = a->kept[QUERY], .b = a->kept[KEY], .c = a->p};
  scores.b_transposed = true;
  machine_multiply_each(m, all, scores, (matrix_steps){one, one, square});
  m->ops->softmax(m, all * a->steps, a->steps, softmax_scale(a), a->p);
  const matrix_product mix = {a->steps, a->size, a->steps, .a = a->p, .b = a->kept[VALUE], .c = a->kept[OUTPUT]};
  machine_multiply_each(m, all, mix, (matrix_steps){square, one, one});
  const matrix_product out = {places, width, a->size, .a = a->kept[OUTPUT], .b = s->tensors[OUTPUT].value, .c = s->y};
  machine_multiply_each(m, a->heads, out, (matrix_steps){places * a->size, weights, 0});
  return true;
}

/* From d at y to the gradient of o, and that of Wo. */
static void output_back(stage *s, const attention *a, int64_t places, const float *d) {
  const int64_t width = s->in.channels, part = places * a->size, weights = width * a->size;
  const tensor *const w = &s->tensors[OUTPUT];
  matrix_product dw = {a->size, width, places, .a = a->kept[OUTPUT], .b = d, .c = w->gradient};
  dw.a_transposed = true;
  machine_multiply_each(s->on, a->heads, dw, (matrix_steps){part, 0, weights});
  matrix_product back = {places, a->size, width, .a = d, .b = w->value, .c = a->back[OUTPUT]};
  back.b_transposed = true;
  machine_multiply_each(s->on, a->heads, back, (matrix_steps){0, weights, part});
}

/* From the gradient of o to those of q, k and v; `all`: heads x rows. */
static void mix_back(machine *m, const attention *a, int64_t all) {
  const int64_t steps = a->steps, size = a->size, one = steps * size, square = steps * steps;
  matrix_product dp = {steps, steps, size, .a = a->back[OUTPUT], .b = a->kept[VALUE], .c = a->dp};
  dp.b_transposed = true;
  machine_multiply_each(m, all, dp, (matrix_steps){one, one, square});
  matrix_product dv = {steps, size, steps, .a = a->p, .b = a->back[OUTPUT], .c = a->back[VALUE]};
  dv.a_transposed = true;
  machine_multiply_each(m, all, dv, (matrix_steps){square, one, one});
  m->ops->softmax_back(m, all * steps, steps, softmax_scale(a), a->p, a->dp);
  const matrix_product dq = {steps, size, steps, .a = a->dp, .b = a->kept[KEY], .c = a->back[QUERY]};
  machine_multiply_each(m, all, dq, (matrix_steps){square, one, one});
  matrix_product dk = {steps, size, steps, .a = a->dp, .b = a->kept[QUERY], .c = a->back[KEY]};
  dk.a_transposed = true;
  machine_multiply_each(m, all, dk, (matrix_steps){square, one, one});
}

/* From the gradient of q, k or v to dx, which it is added to, and that of its weights. */
static void input_back(stage *s, const attention *a, int part, int64_t places, const float *x, float *dx) {
  const int64_t width = s->in.channels, weights = width * a->size;
  const tensor *const w = &s->tensors[part];
  matrix_product dw = {width, a->size, places, .a = x, .b = a->back[part], .c = w->gradient};
  dw.a_transposed = true;
  machine_multiply_each(s->on, a->heads, dw, (matrix_steps){0, places * a->size, weights});
  if (!dx) return;
  matrix_product back = {places, width, a->size, .a = a->back[part], .b = w->value, .c = dx};
  back.b_transposed = true;
  back.add = part != QUERY;
  machine_multiply_each(s->on, a->heads, back, (matrix_steps){places * a->size, weights, 0});
}

static bool attention_backward(stage *s, int64_t rows, const float *x, float *d, float *dx, fault *f) {
  (void)f;
  const attention *const a = s->state;
  const int64_t places = rows * a->steps;
  output_back(s, a, places, d);
  mix_back(s->on, a, a->heads * rows);
  for (int i = QUERY; i <= VALUE; i++) input_back(s, a, i, places, x, dx);
  return true;
}

const stage_kind stage_attention = {
    .weighted = true,
    .create = attention_create,
    .destroy = attention_destroy,
    .reset = attention_reset,
    .forward = attention_forward,
    .backward = attention_backward,
};
