#include "ranks.h"

#include <stdlib.h>

ranks_share ranks_share_of(const ranks *r, int64_t batch) {
  if (!r) return (ranks_share){0, batch};
  const int64_t rows = batch / r->count;
  return (ranks_share){r->rank * rows, rows};
}

bool ranks_room_take(ranks_room *room, const ranks *r, const network *net, fault *f) {
  *room = (ranks_room){0, NULL};
  if (!r) return true;
  for (int i = 0; i < net->tensor_count; i++) room->count += net->tensors[i].count;
  room->gradients = malloc((size_t)room->count * sizeof *room->gradients);
  return room->gradients || fault_set(f, "no memory for %lld gradients", (long long)room->count);
}

void ranks_room_release(ranks_room *room) {
  free(room->gradients);
  *room = (ranks_room){0, NULL};
}

bool ranks_average(const ranks *r, const ranks_room *room, network *net, fault *f) {
  if (!r) return true;
  float *at = room->gradients;
  for (int i = 0; i < net->tensor_count; at += net->tensors[i].count, i++) {
    const tensor *const t = &net->tensors[i];
    if (!machine_read(net->on, at, t->gradient, t->count * (int64_t)sizeof *at, f)) return false;
  }
  if (!r->sum(room->count, room->gradients, f)) return false;
  for (int64_t i = 0; i < room->count; i++) room->gradients[i] /= (float)r->count;
  at = room->gradients;
  for (int i = 0; i < net->tensor_count; at += net->tensors[i].count, i++) {
    const tensor *const t = &net->tensors[i];
    if (!machine_write(net->on, t->gradient, at, t->count * (int64_t)sizeof *at, f)) return false;
  }
  return true;
}
