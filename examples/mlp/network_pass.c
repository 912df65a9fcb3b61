/* The passes over a network. `x` is what goes into a stage, `d` the gradient of the loss at what comes out. */
#include "network.h"

bool network_forward(network *net, bool training, int64_t rows, const float *images, fault *f) {
  const float *x = images;
  for (int i = 0; i < net->stage_count; i++) {
    stage *const s = &net->stages[i];
    if (!s->spec.kind->forward(s, training, rows, x, f)) return false;
    x = s->y;
  }
  return true;
}

bool network_backward(network *net, int64_t rows, const float *images, const uint8_t *labels, fault *f) {
  machine *const m = net->on;
  m->ops->softmax_loss(m, rows, net->classes, net->logits, labels, net->dlogits, net->result);
  float *d = net->dlogits;
  int next = 0;
  for (int i = net->stage_count - 1; i >= 0; i--) {
    stage *const s = &net->stages[i];
    const float *const x = i > 0 ? net->stages[i - 1].y : images;
    float *const other = i > 0 ? net->d[next] : NULL; /* nobody wants the images' gradient */
    float *const dx = s->spec.kind->in_place ? d : other;
    if (!s->spec.kind->backward(s, rows, x, d, dx, f)) return false;
    if (!s->spec.kind->in_place) next = 1 - next;
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
    if (!network_forward(net, false, rows, images + first * net->inputs, f)) return false;
    m->ops->softmax_loss(m, rows, net->classes, net->logits, labels + first, NULL, net->result);
    if (!machine_read(m, &part, net->result, sizeof part, f)) return false;
    total->loss += part.loss;
    total->correct += part.correct;
  }
  return true;
}
