#include "activation_probe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- running statistics, which a forward of training moves: kept and put back */

typedef struct kept_statistics {
  float *values;
  int64_t count;
} kept_statistics;

typedef bool move_statistics(machine *, float *host, float *device, int64_t bytes, fault *);

static bool keep(machine *m, float *host, float *device, int64_t bytes, fault *f) {
  return machine_read(m, host, device, bytes, f);
}

static bool put_back(machine *m, float *host, float *device, int64_t bytes, fault *f) {
  return machine_write(m, device, host, bytes, f);
}

static const norm_layer *running_of(const stage *s) {
  const norm_layer *const layer = s->spec.kind == &stage_norm ? s->state : NULL;
  return layer && layer->running ? layer : NULL;
}

static bool move_all(const kept_statistics *kept, network *net, move_statistics *move, fault *f) {
  float *at = kept->values;
  for (int i = 0; i < net->stage_count; i++) {
    const norm_layer *const layer = running_of(&net->stages[i]);
    if (!layer) continue;
    const int64_t bytes = layer->channels * (int64_t)sizeof *at;
    if (!move(net->on, at, layer->running_mean, bytes, f)) return false;
    if (!move(net->on, at + layer->channels, layer->running_var, bytes, f)) return false;
    at += 2 * layer->channels;
  }
  return true;
}

static bool keep_all(kept_statistics *kept, network *net, fault *f) {
  *kept = (kept_statistics){NULL, 0};
  for (int i = 0; i < net->stage_count; i++) {
    const norm_layer *const layer = running_of(&net->stages[i]);
    if (layer) kept->count += 2 * layer->channels;
  }
  kept->values = malloc((size_t)(kept->count + 1) * sizeof *kept->values);
  if (!kept->values) return fault_set(f, "no memory for running statistics");
  return move_all(kept, net, keep, f);
}

/* ---- the records */

static bool take_records(activation_probe *p, const network *net, int64_t pictures, fault *f) {
  p->records = calloc((size_t)net->stage_count, sizeof *p->records);
  if (!p->records) return fault_set(f, "no memory for %d records", net->stage_count);
  for (int i = 1; i < net->stage_count; i++) {
    if (net->stages[i].spec.kind != &stage_activation) continue;
    activation_record *const r = &p->records[p->count++];
    r->pictures = pictures;
    r->units = form_values(&net->stages[i].out);
    const size_t bytes = (size_t)(pictures * r->units) * sizeof *r->in;
    r->in = malloc(bytes);
    r->out = malloc(bytes);
    if (!r->in || !r->out) return fault_set(f, "no memory for what %lld units give", (long long)r->units);
  }
  return true;
}

static bool read_batch(const activation_probe *p, network *net, int64_t first, int64_t rows, fault *f) {
  const activation_record *r = p->records;
  for (int i = 1; i < net->stage_count; i++) {
    if (net->stages[i].spec.kind != &stage_activation) continue;
    const int64_t bytes = rows * r->units * (int64_t)sizeof *r->in;
    if (!machine_read(net->on, r->in + first * r->units, net->stages[i - 1].y, bytes, f)) return false;
    if (!machine_read(net->on, r->out + first * r->units, net->stages[i].y, bytes, f)) return false;
    r++;
  }
  return true;
}

bool activation_probe_take(activation_probe *p, network *net, const train_images *images, int64_t batch,
                           int64_t batches, fault *f) {
  kept_statistics kept = {NULL, 0};
  *p = (activation_probe){0, NULL};
  if (images->count < batch * batches) {
    return fault_set(f, "%lld pictures are too few for %lld batches of %lld", (long long)images->count,
                     (long long)batches, (long long)batch);
  }
  bool good = take_records(p, net, batch * batches, f) && keep_all(&kept, net, f);
  for (int64_t first = 0; good && first < batch * batches; first += batch) {
    good = network_forward(net, true, batch, images->images + first * images->pixels, f) &&
           read_batch(p, net, first, batch, f);
  }
  good = good && move_all(&kept, net, put_back, f);
  free(kept.values);
  return good;
}

void activation_probe_free(activation_probe *p) {
  for (int i = 0; i < p->count; i++) {
    free(p->records[i].in);
    free(p->records[i].out);
  }
  free(p->records);
  *p = (activation_probe){0, NULL};
}

/* ---- what they amount to */

static int by_value(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

bool activation_spread_of(activation_spread *s, int64_t count, const float *values, fault *f) {
  float *const sorted = malloc((size_t)count * sizeof *sorted);
  if (!sorted) return fault_set(f, "no memory for %lld values", (long long)count);
  memcpy(sorted, values, (size_t)count * sizeof *sorted);
  qsort(sorted, (size_t)count, sizeof *sorted, by_value);
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < count; i++) sum += sorted[i];
  s->mean = sum / (double)count;
  for (int64_t i = 0; i < count; i++) squares += (sorted[i] - s->mean) * (sorted[i] - s->mean);
  s->deviation = sqrt(squares / (double)count);
  s->low = sorted[count / 100];
  s->high = sorted[count - 1 - count / 100];
  free(sorted);
  return true;
}

double activation_share(int64_t count, const float *values, double low, double high) {
  int64_t inside = 0;
  for (int64_t i = 0; i < count; i++) inside += values[i] > low && values[i] <= high;
  return (double)inside / (double)count;
}

double activation_zero(const activation_record *r) {
  const int64_t count = r->pictures * r->units;
  int64_t zero = 0;
  for (int64_t i = 0; i < count; i++) zero += r->out[i] == 0;
  return (double)zero / (double)count;
}

double activation_saturated(wn_act act, const activation_record *r) {
  const int64_t count = r->pictures * r->units;
  if (act == WN_ACT_SIGMOID) return 1 - activation_share(count, r->out, 0.05, 0.95);
  if (act == WN_ACT_TANH) return 1 - activation_share(count, r->out, -0.9, 0.9);
  return 0;
}

double activation_dead(const activation_record *r) {
  int64_t dead = 0;
  for (int64_t unit = 0; unit < r->units; unit++) {
    int64_t silent = 0;
    while (silent < r->pictures && r->out[silent * r->units + unit] == 0) silent++;
    dead += silent == r->pictures;
  }
  return (double)dead / (double)r->units;
}
