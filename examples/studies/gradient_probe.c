#include "gradient_probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory */

static int64_t parameter_count(const network *net) {
  int64_t count = 0;
  for (int i = 0; i < net->tensor_count; i++) count += net->tensors[i].count;
  return count;
}

/* What goes into the layer that begins at this stage. */
static int64_t input_count(const stage *s) { return form_values(&s->in); }
static bool has_inputs(const stage *s) { return s->spec.kind->weighted && s->layer > 0; }

static int64_t all_inputs(const network *net) {
  int64_t count = 0;
  for (int i = 0; i < net->stage_count; i++) {
    if (has_inputs(&net->stages[i])) count += input_count(&net->stages[i]);
  }
  return count;
}

static bool take_host(float **to, int64_t count, fault *f) {
  if (count < 1) return fault_set(f, "a step's changes: expected two layers or more, and pictures");
  *to = malloc((size_t)count * sizeof **to);
  return *to || fault_set(f, "no memory for %lld numbers", (long long)count);
}

bool gradient_probe_open(gradient_probe *p, machine *m, const gradient_plan *plan, fault *f) {
  const int64_t most_rows = plan->batch > plan->picture_count ? plan->batch : plan->picture_count;
  memset(p, 0, sizeof *p);
  p->plan = plan;
  p->memory.on = m;
  if (!network_build(&p->twin, m, plan->design, most_rows, f)) return false;
  p->images = buffers_take(&p->memory, plan->batch * p->twin.inputs, sizeof *p->images, f);
  if (!p->images || !(p->labels = buffers_take(&p->memory, plan->batch, 1, f))) return false;
  const int64_t parameters = parameter_count(&p->twin), inputs = plan->picture_count * all_inputs(&p->twin);
  return take_host(&p->before, parameters, f) && take_host(&p->after, parameters, f) &&
         take_host(&p->gradient, parameters, f) && take_host(&p->gradient_now, parameters, f) &&
         take_host(&p->inputs, inputs, f) && take_host(&p->inputs_now, inputs, f) &&
         take_host(&p->sorted, 2 * plan->picture_count, f);
}

void gradient_probe_close(gradient_probe *p) {
  float *const host[] = {p->before, p->after, p->gradient, p->gradient_now, p->inputs, p->inputs_now, p->sorted};
  for (size_t i = 0; i < sizeof host / sizeof *host; i++) free(host[i]);
  network_destroy(&p->twin);
  buffers_release(&p->memory);
}

/* ---- between the host and a network */

typedef enum { VALUES, GRADIENTS } tensor_part;

static bool read_tensors(network *net, tensor_part part, float *to, fault *f) {
  for (int i = 0; i < net->tensor_count; i++) {
    const tensor *const t = &net->tensors[i];
    const float *const from = part == VALUES ? t->value : t->gradient;
    if (!machine_read(net->on, to, from, t->count * (int64_t)sizeof *to, f)) return false;
    to += t->count;
  }
  return true;
}

/* The twin as it was before the step, but for the first `moved` layers. */
static bool set_twin(gradient_probe *p, int moved, fault *f) {
  int64_t at = 0;
  for (int i = 0; i < p->twin.tensor_count; i++) {
    const tensor *const t = &p->twin.tensors[i];
    const float *const from = t->layer < moved ? p->after : p->before;
    if (!machine_write(p->twin.on, t->value, from + at, t->count * (int64_t)sizeof *from, f)) return false;
    at += t->count;
  }
  return true;
}

static bool copy_batch(gradient_probe *p, const float *images, const uint8_t *labels, fault *f) {
  machine *const m = p->twin.on;
  const int64_t values = p->plan->batch * p->twin.inputs, bytes = values * (int64_t)sizeof *images;
  void *const host = malloc((size_t)bytes);
  if (!host) return fault_set(f, "no memory for a batch of %lld pictures", (long long)p->plan->batch);
  const bool good = machine_read(m, host, images, bytes, f) && machine_write(m, p->images, host, bytes, f) &&
                    machine_read(m, host, labels, p->plan->batch, f) &&
                    machine_write(m, p->labels, host, p->plan->batch, f);
  free(host);
  return good;
}

/* ---- the inputs' distributions */

/* By the statistics of these very pictures, as in training. */
static bool read_inputs(gradient_probe *p, float *to, fault *f) {
  const int64_t rows = p->plan->picture_count;
  if (!network_forward(&p->twin, true, rows, p->plan->pictures, f)) return false;
  for (int i = 1; i < p->twin.stage_count; i++) {
    if (!has_inputs(&p->twin.stages[i])) continue;
    const int64_t values = rows * input_count(&p->twin.stages[i]);
    if (!machine_read(p->twin.on, to, p->twin.stages[i - 1].y, values * (int64_t)sizeof *to, f)) return false;
    to += values;
  }
  return true;
}

static int by_value(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void sort_column(int64_t rows, int64_t columns, const float *from, float *to) {
  for (int64_t i = 0; i < rows; i++) to[i] = from[i * columns];
  qsort(to, (size_t)rows, sizeof *to, by_value);
}

static double variance_of(int64_t count, const float *x) {
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; i++) sum += x[i];
  for (int64_t i = 0; i < count; i++) squares += (x[i] - sum / (double)count) * (x[i] - sum / (double)count);
  return squares / (double)count;
}

/* One deviation for all inputs, for an input of its own may be constant: a unit that is dead. */
static double shift_of(const gradient_probe *p, int64_t columns, const float *was, const float *is) {
  const int64_t rows = p->plan->picture_count;
  float *const a = p->sorted, *const b = a + rows;
  double distance = 0, variance = 0;
  for (int64_t column = 0; column < columns; column++) {
    sort_column(rows, columns, was + column, a);
    sort_column(rows, columns, is + column, b);
    for (int64_t i = 0; i < rows; i++) distance += fabs((double)a[i] - b[i]) / (double)rows;
    variance += variance_of(rows, a);
  }
  return distance / (double)columns / sqrt(variance / (double)columns);
}

/* ---- the gradients */

double gradient_length(int64_t count, const float *gradient) {
  double squares = 0;
  for (int64_t i = 0; i < count; i++) squares += (double)gradient[i] * gradient[i];
  return sqrt(squares);
}

static gradient_change compare(int64_t count, const float *was, const float *is) {
  double product = 0, squares = 0;
  for (int64_t i = 0; i < count; i++) {
    product += (double)was[i] * is[i];
    squares += ((double)is[i] - was[i]) * ((double)is[i] - was[i]);
  }
  const double length = gradient_length(count, was);
  return (gradient_change){product / (length * gradient_length(count, is)), sqrt(squares) / length};
}

/* At the first tensor of the stage, its weights. */
static bool change_at(gradient_probe *p, int moved, int layer, gradient_change *change, fault *f) {
  if (!set_twin(p, moved, f) || !network_forward(&p->twin, true, p->plan->batch, p->images, f) ||
      !network_backward(&p->twin, p->plan->batch, p->images, p->labels, f) ||
      !read_tensors(&p->twin, GRADIENTS, p->gradient_now, f)) {
    return false;
  }
  int64_t at = 0;
  int i = 0;
  for (; p->twin.tensors[i].layer < layer; i++) at += p->twin.tensors[i].count;
  *change = compare(p->twin.tensors[i].count, p->gradient + at, p->gradient_now + at);
  return true;
}

/* ---- a step */

static bool read_both_inputs(gradient_probe *p, int layers, fault *f) {
  return set_twin(p, 0, f) && read_inputs(p, p->inputs, f) && set_twin(p, layers, f) &&
         read_inputs(p, p->inputs_now, f);
}

static bool measure(gradient_probe *p, int64_t step, fault *f) {
  const int layers = p->twin.stages[p->twin.stage_count - 1].layer + 1;
  int64_t at = 0;
  if (!read_both_inputs(p, layers, f)) return false;
  for (int i = 0; i < p->twin.stage_count; i++) {
    const stage *const s = &p->twin.stages[i];
    if (!has_inputs(s)) continue;
    layer_change change = {.shift = shift_of(p, input_count(s), p->inputs + at, p->inputs_now + at)};
    if (!change_at(p, s->layer, s->layer, &change.earlier, f) || !change_at(p, layers, s->layer, &change.all, f)) {
      return false;
    }
    p->plan->found(p->plan->context, step, s->layer, &change);
    at += p->plan->picture_count * input_count(s);
  }
  return true;
}

bool gradient_probe_step(void *probe, network *net, int64_t step, int64_t rows, const float *images,
                         const uint8_t *labels, fault *f) {
  gradient_probe *const p = probe;
  if (rows != p->plan->batch)
    return fault_set(f, "a batch of %lld pictures: expected %lld", (long long)rows, (long long)p->plan->batch);
  if (p->pending) {
    p->pending = false;
    if (!read_tensors(net, VALUES, p->after, f) || !measure(p, step - 1, f)) return false;
  }
  if (p->next == p->plan->step_count || p->plan->steps[p->next] != step) return true;
  p->next++;
  p->pending = true;
  return read_tensors(net, VALUES, p->before, f) && read_tensors(net, GRADIENTS, p->gradient, f) &&
         copy_batch(p, images, labels, f);
}
