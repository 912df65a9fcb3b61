#include "network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool create_stages(network *net, const network_design *design, fault *f) {
  form next = design->input;
  int layer = -1;
  for (int i = 0; i < design->stage_count; i++) {
    stage *const s = &net->stages[i];
    s->spec = design->stages[i];
    s->on = net->on;
    s->most_rows = net->most_rows;
    s->place = i;
    s->layer = s->spec.kind->weighted ? ++layer : layer;
    s->in = next;
    if (!s->spec.kind->create(s, &net->memory, f)) return false;
    if (!(s->y = buffers_take(&net->memory, net->most_rows * form_values(&s->out), sizeof(float), f))) return false;
    next = s->out;
    net->tensor_count += s->tensor_count;
  }
  return true;
}

static bool list_tensors(network *net, fault *f) {
  net->tensors = calloc((size_t)net->tensor_count, sizeof *net->tensors);
  if (!net->tensors) return fault_set(f, "no memory for a list of %d tensors", net->tensor_count);
  tensor *to = net->tensors;
  for (int i = 0; i < net->stage_count; i++) {
    memcpy(to, net->stages[i].tensors, (size_t)net->stages[i].tensor_count * sizeof *to);
    to += net->stages[i].tensor_count;
  }
  return true;
}

static bool take_gradients(network *net, fault *f) {
  int64_t widest = 0;
  for (int i = 0; i < net->stage_count; i++) {
    const int64_t values = form_values(&net->stages[i].out);
    if (values > widest) widest = values;
  }
  if (!(net->dlogits = buffers_take(&net->memory, net->most_rows * net->classes, sizeof(float), f))) return false;
  if (!(net->result = buffers_take(&net->memory, 1, sizeof(score), f))) return false;
  for (int i = 0; i < 2; i++) {
    if (!(net->d[i] = buffers_take(&net->memory, net->most_rows * widest, sizeof(float), f))) return false;
  }
  return true;
}

static bool create_parts(network *net, const network_design *design, fault *f) {
  if (design->stage_count < 1) return fault_set(f, "a network of %d stages: it needs one", design->stage_count);
  net->stages = calloc((size_t)design->stage_count, sizeof *net->stages);
  if (!net->stages) return fault_set(f, "no memory for %d stages", design->stage_count);
  net->stage_count = design->stage_count;
  if (!create_stages(net, design, f)) return false;
  const stage *const last = &net->stages[net->stage_count - 1];
  net->logits = last->y;
  net->classes = form_values(&last->out);
  return list_tensors(net, f) && take_gradients(net, f);
}

bool network_build(network *net, machine *m, const network_design *design, int64_t most_rows, fault *f) {
  memset(net, 0, sizeof *net);
  net->on = m;
  net->memory.on = m;
  net->per_input = design->per_input;
  net->inputs = form_values(&design->input);
  net->most_rows = most_rows;
  if (create_parts(net, design, f)) return true;
  network_destroy(net);
  return false;
}

void network_destroy(network *net) {
  for (int i = 0; i < net->stage_count; i++) {
    stage *const s = &net->stages[i];
    const stage_kind *const kind = s->spec.kind; /* NULL where creation failed at an earlier stage */
    if (kind && kind->destroy) kind->destroy(s);
  }
  if (net->memory.on) buffers_release(&net->memory);
  free(net->stages);
  free(net->tensors);
  memset(net, 0, sizeof *net);
}

bool network_reset(network *net, rng *random, double deviation, fault *f) {
  for (int i = 0; i < net->stage_count; i++) {
    stage *const s = &net->stages[i];
    if (!s->spec.kind->reset) continue;
    /* The first tensor of a stage with weights holds them, as many for each unit as the unit has inputs. */
    const int64_t inputs = net->per_input && s->spec.kind->weighted ? s->tensors[0].count / s->spec.units : 1;
    if (!s->spec.kind->reset(s, random, deviation / sqrt((double)inputs), f)) return false;
  }
  return true;
}
