#include "network.h"

#include <stdlib.h>
#include <string.h>

static bool create_linear(network *net, linear *l, int64_t inputs, int64_t outputs, fault *f) {
  l->inputs = inputs;
  l->outputs = outputs;
  if (!(l->weight = buffers_take(&net->memory, inputs * outputs, sizeof(float), f))) return false;
  if (!(l->dweight = buffers_take(&net->memory, inputs * outputs, sizeof(float), f))) return false;
  if (!(l->bias = buffers_take(&net->memory, outputs, sizeof(float), f))) return false;
  if (!(l->dbias = buffers_take(&net->memory, outputs, sizeof(float), f))) return false;
  return true;
}

static bool create_hidden(network *net, hidden_layer *layer, fault *f) {
  const network_shape *const shape = &net->shape;
  const int64_t values = net->most_rows * shape->width;
  if (!(layer->sums = buffers_take(&net->memory, values, sizeof(float), f))) return false;
  if (!(layer->out = buffers_take(&net->memory, values, sizeof(float), f))) return false;
  if (!shape->normalized) return true;
  if (shape->norm_after && !(layer->activated = buffers_take(&net->memory, values, sizeof(float), f))) return false;
  return norm_layer_create(&layer->norm, &shape->norm, net->most_rows, shape->width, &net->memory, f);
}

static void list_tensor(network *net, tensor t) {
  if (t.value) net->tensors[net->tensor_count++] = t;
}

static void list_tensors(network *net) {
  for (int i = 0; i <= net->shape.hidden; i++) {
    const linear *const l = &net->linears[i];
    list_tensor(net, (tensor){"weight", i, l->inputs * l->outputs, l->weight, l->dweight});
    list_tensor(net, (tensor){"bias", i, l->outputs, l->bias, l->dbias});
    if (i == net->shape.hidden || !net->shape.normalized) continue;
    const norm_layer *const norm = &net->layers[i].norm;
    list_tensor(net, (tensor){"gamma", i, norm->channels, norm->gamma, norm->dgamma});
    list_tensor(net, (tensor){"beta", i, norm->channels, norm->beta, norm->dbeta}); /* none: RMS */
  }
}

static bool create_parts(network *net, fault *f) {
  const network_shape *const shape = &net->shape;
  net->linears = calloc((size_t)shape->hidden + 1, sizeof *net->linears);
  net->layers = calloc((size_t)shape->hidden, sizeof *net->layers);
  net->tensors = calloc(4 * ((size_t)shape->hidden + 1), sizeof *net->tensors);
  if (!net->linears || !net->layers || !net->tensors) return fault_set(f, "no memory for %d layers", shape->hidden);
  for (int i = 0; i <= shape->hidden; i++) {
    const int64_t inputs = i == 0 ? shape->inputs : shape->width;
    const int64_t outputs = i == shape->hidden ? shape->classes : shape->width;
    if (!create_linear(net, &net->linears[i], inputs, outputs, f)) return false;
  }
  for (int i = 0; i < shape->hidden; i++) {
    if (!create_hidden(net, &net->layers[i], f)) return false;
  }
  const int64_t rows = net->most_rows;
  if (!(net->logits = buffers_take(&net->memory, rows * shape->classes, sizeof(float), f))) return false;
  if (!(net->dlogits = buffers_take(&net->memory, rows * shape->classes, sizeof(float), f))) return false;
  if (!(net->result = buffers_take(&net->memory, 1, sizeof(score), f))) return false;
  for (int i = 0; i < 2; i++) {
    if (!(net->d[i] = buffers_take(&net->memory, rows * shape->width, sizeof(float), f))) return false;
  }
  list_tensors(net);
  return true;
}

bool network_create(network *net, machine *m, const network_shape *shape, int64_t most_rows, fault *f) {
  memset(net, 0, sizeof *net);
  net->on = m;
  net->memory.on = m;
  net->shape = *shape;
  net->shape.norm.act = shape->norm_after ? WN_ACT_NONE : shape->act;
  net->most_rows = most_rows;
  if (create_parts(net, f)) return true;
  network_destroy(net);
  return false;
}

void network_destroy(network *net) {
  for (int i = 0; net->layers && i < net->shape.hidden; i++) norm_layer_destroy(&net->layers[i].norm);
  if (net->memory.on) buffers_release(&net->memory);
  free(net->linears);
  free(net->layers);
  free(net->tensors);
  memset(net, 0, sizeof *net);
}

static bool draw_weight(network *net, linear *l, rng *random, double deviation, fault *f) {
  const int64_t count = l->inputs * l->outputs;
  float *const host = malloc((size_t)count * sizeof *host);
  if (!host) return fault_set(f, "no memory for %lld weights", (long long)count);
  for (int64_t i = 0; i < count; i++) host[i] = (float)(deviation * rng_normal(random));
  const bool good = machine_write(net->on, l->weight, host, count * (int64_t)sizeof *host, f);
  free(host);
  return good;
}

bool network_reset(network *net, rng *random, double deviation, fault *f) {
  machine *const m = net->on;
  for (int i = 0; i <= net->shape.hidden; i++) {
    linear *const l = &net->linears[i];
    if (!draw_weight(net, l, random, deviation, f)) return false;
    m->ops->fill(m, l->outputs, 0, l->bias);
    if (i < net->shape.hidden && net->shape.normalized) norm_layer_reset(&net->layers[i].norm);
  }
  return true;
}
