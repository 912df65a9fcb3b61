#include "own_statistics.h"

static bool evaluate_as_trained(void *context, network *net, fault *f) {
  own_statistics *const own = context;
  const int64_t batch = own->batch, count = own->test->count / batch * batch;
  int64_t correct = 0;
  for (int64_t first = 0; first < count; first += batch) {
    score part;
    if (!network_forward(net, true, batch, own->test->images + first * own->test->pixels, f)) return false;
    net->on->ops->softmax_loss(net->on, batch, net->classes, net->logits, own->test->labels + first, NULL, net->result);
    if (!machine_read(net->on, &part, net->result, sizeof part, f)) return false;
    correct += part.correct;
  }
  own->accuracy = (double)correct / (double)count;
  return true;
}

train_watch own_statistics_watch(own_statistics *own) {
  return (train_watch){.context = own, .end = evaluate_as_trained};
}
