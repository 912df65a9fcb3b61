#include "optimizer.h"

#include <math.h>
#include <string.h>

bool optimizer_create(optimizer *o, optimizer_kind kind, double rate, network *net, fault *f) {
  memset(o, 0, sizeof *o);
  o->kind = kind;
  o->rate = rate;
  o->net = net;
  o->memory.on = net->on;
  if (kind == OPTIMIZER_SGD) return true;
  int64_t total = 0;
  for (int i = 0; i < net->tensor_count; i++) total += net->tensors[i].count;
  for (int i = 0; i < 2; i++) {
    o->averages[i] = buffers_take(&o->memory, total, sizeof(float), f);
    if (!o->averages[i]) {
      optimizer_destroy(o);
      return false;
    }
    net->on->ops->fill(net->on, total, 0, o->averages[i]);
  }
  return true;
}

void optimizer_destroy(optimizer *o) {
  if (o->memory.on) buffers_release(&o->memory);
  memset(o, 0, sizeof *o);
}

void optimizer_step(optimizer *o) {
  machine *const m = o->net->on;
  const float rate = (float)o->rate;
  o->steps++;
  const double correction1 = 1 - pow(MACHINE_ADAM_BETA1, (double)o->steps);
  const double correction2 = 1 - pow(MACHINE_ADAM_BETA2, (double)o->steps);
  int64_t offset = 0;
  for (int i = 0; i < o->net->tensor_count; i++) {
    const tensor *const t = &o->net->tensors[i];
    if (o->kind == OPTIMIZER_SGD) {
      m->ops->step_sgd(m, t->count, rate, t->gradient, t->value);
    } else {
      m->ops->step_adam(m, t->count, rate, correction1, correction2, t->gradient, o->averages[0] + offset,
                        o->averages[1] + offset, t->value);
    }
    offset += t->count;
  }
}
