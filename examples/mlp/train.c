#include "train.h"

#include <stdlib.h>
#include <string.h>

enum {
  STREAM_WEIGHTS = 1, /* one stream each, so that neither the number of weights nor of layers changes the batches */
  STREAM_BATCHES = 2,
  EVALUATED_ROWS = 1000 /* of one inference pass: bounds the memory of the activations */
};

typedef struct batch {
  int32_t *host_index; /* which images: of all steps of an epoch, so that no step waits for a copy */
  int32_t *index;
  float *images; /* of one step */
  uint8_t *labels;
} batch;

typedef struct training {
  const train_plan *plan;
  network net;
  optimizer optimizer;
  buffers memory;
  batch batch;
  rng batches;
  ranks_share share; /* of this process, in each batch */
  ranks_room room;
} training;

bool train_upload(train_images *images, const dataset *set, buffers *memory, fault *f) {
  const int64_t values = set->count * set->pixels;
  float *const pixels = buffers_take(memory, values, sizeof *pixels, f);
  uint8_t *const labels = pixels ? buffers_take(memory, set->count, 1, f) : NULL;
  if (!labels) return false;
  *images = (train_images){set->count, set->pixels, pixels, labels};
  return machine_write(memory->on, pixels, set->images, values * (int64_t)sizeof *pixels, f) &&
         machine_write(memory->on, labels, set->labels, set->count, f);
}

static bool take_batch(batch *b, const train_plan *plan, buffers *memory, fault *f) {
  const int64_t drawn = plan->batch * plan->epoch_steps;
  b->host_index = malloc((size_t)drawn * sizeof *b->host_index);
  if (!b->host_index) return fault_set(f, "no memory for an epoch of %lld images", (long long)drawn);
  if (!(b->index = buffers_take(memory, drawn, sizeof *b->index, f))) return false;
  if (!(b->images = buffers_take(memory, plan->batch * plan->training.pixels, sizeof *b->images, f))) return false;
  if (!(b->labels = buffers_take(memory, plan->batch, 1, f))) return false;
  return true;
}

static bool training_open(training *t, machine *m, const train_plan *plan, fault *f) {
  memset(t, 0, sizeof *t);
  t->plan = plan;
  t->memory.on = m;
  t->share = ranks_share_of(plan->together, plan->batch);
  rng weights;
  rng_seed(&weights, plan->seed, STREAM_WEIGHTS);
  rng_seed(&t->batches, plan->seed, STREAM_BATCHES);
  const int64_t most_rows = plan->batch > EVALUATED_ROWS ? plan->batch : EVALUATED_ROWS;
  return (plan->design ? network_build(&t->net, m, plan->design, most_rows, f)
                       : network_create(&t->net, m, &plan->shape, most_rows, f)) &&
         network_reset(&t->net, &weights, plan->deviation, f) &&
         optimizer_create(&t->optimizer, plan->optimizer, plan->rate, &t->net, f) &&
         take_batch(&t->batch, plan, &t->memory, f) && ranks_room_take(&t->room, plan->together, &t->net, f);
}

static void training_close(training *t) {
  ranks_room_release(&t->room);
  optimizer_destroy(&t->optimizer);
  network_destroy(&t->net);
  buffers_release(&t->memory);
  free(t->batch.host_index);
}

static bool draw_epoch(training *t, fault *f) {
  const train_plan *const plan = t->plan;
  batch *const b = &t->batch;
  const int64_t drawn = plan->batch * plan->epoch_steps;
  for (int64_t i = 0; i < drawn; i++) {
    b->host_index[i] = (int32_t)rng_below(&t->batches, (uint64_t)plan->training.count);
  }
  return machine_write(t->net.on, b->index, b->host_index, drawn * (int64_t)sizeof *b->index, f);
}

/* Step `i` of the epoch, `before` of all. On a GPU all of it is enqueued, and nothing waited for. Ranks draw the same
 * batches. */
static bool step(training *t, int64_t i, int64_t before, fault *f) {
  const train_plan *const plan = t->plan;
  machine *const m = t->net.on;
  batch *const b = &t->batch;
  const int64_t rows = t->share.rows;
  m->ops->gather(m, rows, plan->training.pixels, b->index + i * plan->batch + t->share.first, plan->training.images,
                 plan->training.labels, b->images, b->labels);
  if (!network_forward(&t->net, true, rows, b->images, f)) return false;
  if (!network_backward(&t->net, rows, b->images, b->labels, f)) return false;
  if (!ranks_average(plan->together, &t->room, &t->net, f)) return false;
  const train_watch *const watch = plan->watch;
  if (watch && watch->step && !watch->step(watch->context, &t->net, before, rows, b->images, b->labels, f)) {
    return false;
  }
  optimizer_step(&t->optimizer);
  return true;
}

static bool evaluate(training *t, const train_images *images, double *accuracy, double *loss, fault *f) {
  score total;
  *accuracy = *loss = 0;
  if (!ranks_leads(t->plan->together)) return true;
  if (!network_evaluate(&t->net, images->count, images->images, images->labels, &total, f)) return false;
  *accuracy = (double)total.correct / (double)images->count;
  *loss = total.loss / (double)images->count;
  return true;
}

static bool run_epochs(training *t, train_result *result, train_tick *tick, void *context, fault *f) {
  const train_plan *const plan = t->plan;
  for (int epoch = 0; epoch < plan->epochs; epoch++) {
    if (!draw_epoch(t, f)) return false;
    for (int64_t i = 0; i < plan->epoch_steps; i++) {
      if (!step(t, i, epoch * plan->epoch_steps + i, f)) return false;
      if (i > 0 || !result->samples) continue;
      train_sample *const sample = &result->samples[epoch];
      sample->step = epoch * plan->epoch_steps + 1;
      if (!evaluate(t, &plan->training, &sample->accuracy, &sample->loss, f)) return false;
    }
    if (tick) tick(context, &t->net);
  }
  result->end.step = plan->epochs * plan->epoch_steps;
  const train_watch *const watch = plan->watch;
  return evaluate(t, &plan->training, &result->end.accuracy, &result->end.loss, f) &&
         evaluate(t, &plan->test, &result->test_accuracy, &result->test_loss, f) &&
         (!watch || !watch->end || watch->end(watch->context, &t->net, f));
}

bool train_run(machine *m, const train_plan *plan, train_result *result, train_tick *tick, void *context, fault *f) {
  training t;
  const bool good = training_open(&t, m, plan, f) && run_epochs(&t, result, tick, context, f);
  training_close(&t);
  return good;
}
