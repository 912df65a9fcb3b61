/* The passes over a network. `x` is what goes into a layer, `d` the gradient of the loss at what comes out. */
#include "network.h"

static void linear_forward(machine *m, const linear *l, int64_t rows, const float *x, float *y) {
  m->ops->multiply(
      m, &(matrix_product){.rows = rows, .columns = l->outputs, .inner = l->inputs, .a = x, .b = l->weight, .c = y});
  m->ops->bias_add(m, rows, l->outputs, l->bias, y);
}

/* dx: NULL next to the images, whose gradient nobody wants. */
static void linear_backward(machine *m, const linear *l, int64_t rows, const float *x, const float *d, float *dx) {
  m->ops->multiply(m, &(matrix_product){.rows = l->inputs,
                                        .columns = l->outputs,
                                        .inner = rows,
                                        .a = x,
                                        .a_transposed = true,
                                        .b = d,
                                        .c = l->dweight});
  m->ops->column_sum(m, rows, l->outputs, d, l->dbias);
  if (!dx) return;
  m->ops->multiply(m, &(matrix_product){.rows = rows,
                                        .columns = l->inputs,
                                        .inner = l->outputs,
                                        .a = d,
                                        .b = l->weight,
                                        .b_transposed = true,
                                        .c = dx});
}

static bool hidden_forward(network *net, hidden_layer *layer, bool training, int64_t rows, fault *f) {
  const network_shape *const shape = &net->shape;
  machine *const m = net->on;
  const int64_t values = rows * shape->width;
  if (!shape->normalized) {
    m->ops->activate(m, shape->act, values, layer->sums, layer->out);
    return true;
  }
  if (!shape->norm_after) return norm_layer_forward(&layer->norm, training, rows, layer->sums, layer->out, f);
  m->ops->activate(m, shape->act, values, layer->sums, layer->activated);
  return norm_layer_forward(&layer->norm, training, rows, layer->activated, layer->out, f);
}

static bool hidden_backward(network *net, hidden_layer *layer, int64_t rows, float *d, fault *f) {
  const network_shape *const shape = &net->shape;
  machine *const m = net->on;
  if (shape->normalized) {
    const float *const x = shape->norm_after ? layer->activated : layer->sums;
    if (!norm_layer_backward(&layer->norm, rows, x, d, f)) return false;
    if (!shape->norm_after) return true; /* the library has counted the activation in */
  }
  m->ops->activate_back(m, shape->act, rows * shape->width, layer->sums, d);
  return true;
}

bool network_forward(network *net, bool training, int64_t rows, const float *images, fault *f) {
  const float *x = images;
  for (int i = 0; i < net->shape.hidden; i++) {
    hidden_layer *const layer = &net->layers[i];
    linear_forward(net->on, &net->linears[i], rows, x, layer->sums);
    if (!hidden_forward(net, layer, training, rows, f)) return false;
    x = layer->out;
  }
  linear_forward(net->on, &net->linears[net->shape.hidden], rows, x, net->logits);
  return true;
}

bool network_backward(network *net, int64_t rows, const float *images, const uint8_t *labels, fault *f) {
  machine *const m = net->on;
  m->ops->softmax_loss(m, rows, net->shape.classes, net->logits, labels, net->dlogits, net->result);
  const float *d = net->dlogits;
  for (int i = net->shape.hidden; i >= 0; i--) {
    const float *const x = i > 0 ? net->layers[i - 1].out : images;
    float *const dx = i > 0 ? net->d[i % 2] : NULL;
    linear_backward(m, &net->linears[i], rows, x, d, dx);
    if (i > 0 && !hidden_backward(net, &net->layers[i - 1], rows, dx, f)) return false;
    d = dx;
  }
  return true;
}

bool network_evaluate(network *net, int64_t count, const float *images, const uint8_t *labels, score *total, fault *f) {
  machine *const m = net->on;
  *total = (score){0, 0};
  for (int64_t first = 0; first < count; first += net->most_rows) {
    const int64_t rows = count - first < net->most_rows ? count - first : net->most_rows;
    score part;
    if (!network_forward(net, false, rows, images + first * net->shape.inputs, f)) return false;
    m->ops->softmax_loss(m, rows, net->shape.classes, net->logits, labels + first, NULL, net->result);
    if (!machine_read(m, &part, net->result, sizeof part, f)) return false;
    total->loss += part.loss;
    total->correct += part.correct;
  }
  return true;
}
