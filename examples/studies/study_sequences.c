/* Sequences: batch norm against layer, RMS and no normalization in a recurrent network and a transformer that read
 * pictures by their rows, at several batches. Every training does as many steps of Adam, at each rate of a grid. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "own_statistics.h"
#include "picture_networks.h"
#include "sequence_networks.h"
#include "studies.h"

static const int64_t batches[] = {2, 8, 32};
static const double rates[] = {0.0003, 0.001, 0.003, 0.01};

static const sequence_choice choices[] = {
    {.norm = 0},
    {.norm = WN_BATCH, .first_gamma = 1},
    {.norm = WN_BATCH, .first_gamma = 0.1}, /* as Cooijmans et al. want it in front of a tanh */
    {.norm = WN_LAYER, .first_gamma = 1},
    {.norm = WN_RMS, .first_gamma = 1},
    {.transformer = true, .norm = 0},
    {.transformer = true, .norm = WN_BATCH, .first_gamma = 1},
    {.transformer = true, .norm = WN_LAYER, .first_gamma = 1},
    {.transformer = true, .norm = WN_RMS, .first_gamma = 1},
    {.transformer = true, .norm = WN_BATCH, .after = true, .first_gamma = 1},
    {.transformer = true, .norm = WN_LAYER, .after = true, .first_gamma = 1},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

typedef struct cell {
  sequence_choice choice;
  int64_t batch;
  double rate;
  int seed;
} cell;

typedef struct sizes {
  int64_t training, test, steps; /* pictures; steps of a training */
} sizes;

static sizes sizes_of(const study_setting *setting) {
  switch (setting->form) {
    case STUDY_TINY:
      return (sizes){200, 64, 2};
    case STUDY_USUAL:
      return (sizes){6000, 4000, 600};
    case STUDY_FULL:
      return (sizes){60000, 10000, 6000};
  }
  return (sizes){0, 0, 0};
}

/* ---- the list */

static const char *network_name(const sequence_choice *c) { return c->transformer ? "transformer" : "recurrent"; }
static const char *place_name(const sequence_choice *c) { return c->after ? "after" : "before"; }

static bool add_cells(run_list *list, const study_setting *setting, const sequence_choice *choice, int64_t batch,
                      fault *f) {
  for (int rate = 0; rate < (setting->form == STUDY_TINY ? 1 : COUNT(rates)); rate++) {
    for (int seed = 1; seed <= setting->seeds; seed++) {
      const cell c = {*choice, batch, rates[rate], seed};
      if (!run_list_add(list, &c, sizeof c, f, "%s/%s/%s/gamma%g/b%d/rate%g/seed%d", network_name(choice),
                        picture_norm_name(choice->norm), place_name(choice), choice->first_gamma, (int)batch, c.rate,
                        seed)) {
        return false;
      }
    }
  }
  return true;
}

static bool list_runs(run_list *list, const study_setting *setting, fault *f) {
  for (int i = 0; i < COUNT(choices); i++) {
    for (int b = 0; b < (setting->form == STUDY_TINY ? 1 : COUNT(batches)); b++) {
      if (!add_cells(list, setting, &choices[i], batches[b], f)) return false;
    }
  }
  return true;
}

/* ---- pixels of mean 0 and variance 1. As bytes / 255 the first rows of most pictures are all 0: then a recurrent
 * network with biases of 0 has nothing to normalize, and layer norm multiplies the gradient by 1 / sqrt(eps) at each.
 */

typedef struct pixels {
  double mean, deviation;
} pixels;

static pixels pixels_of(const dataset *all, int64_t count) {
  const int64_t values = (count < all->count ? count : all->count) * all->pixels;
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < values; i++) sum += all->images[i];
  const double mean = sum / (double)values;
  for (int64_t i = 0; i < values; i++) squares += (all->images[i] - mean) * (all->images[i] - mean);
  return (pixels){mean, sqrt(squares / (double)values)};
}

static bool upload(train_images *to, run_context *context, const dataset *all, int64_t count, const pixels *p,
                   fault *f) {
  dataset some = *all;
  if (some.count > count) some.count = count;
  const int64_t values = some.count * some.pixels;
  if (!(some.images = malloc((size_t)values * sizeof *some.images))) {
    return fault_set(f, "no memory for %lld pictures", (long long)some.count);
  }
  for (int64_t i = 0; i < values; i++) some.images[i] = (float)((all->images[i] - p->mean) / p->deviation);
  const bool good = train_upload(to, &some, &context->memory, f);
  free(some.images);
  return good;
}

static bool upload_both(train_plan *plan, run_context *context, fault *f) {
  const sizes size = sizes_of(context->setting);
  const pixels p = pixels_of(context->training, size.training);
  return upload(&plan->training, context, context->training, size.training, &p, f) &&
         upload(&plan->test, context, context->test, size.test, &p, f);
}

/* ---- one training */

static void add_row(run_rows *rows, const cell *c, const train_result *r, const own_statistics *own) {
  char own_accuracy[32] = "";
  if (c->choice.norm == WN_BATCH) snprintf(own_accuracy, sizeof own_accuracy, "%.6g", own->accuracy);
  run_rows_add(rows, 0, "%s,%s,%s,%g,%d,%g,%d,%lld,%.6g,%.6g,%.6g,%.6g,%s", network_name(&c->choice),
               picture_norm_name(c->choice.norm), place_name(&c->choice), c->choice.first_gamma, (int)c->batch, c->rate,
               c->seed, (long long)r->end.step, r->end.accuracy, r->end.loss, r->test_accuracy, r->test_loss,
               own_accuracy);
}

static bool run_cell(run_context *context, const study_run *run, run_rows *rows, fault *f) {
  const cell *const c = run->cell;
  sequence_network net;
  train_plan plan = {.design = &net.design,
                     .deviation = 1,
                     .batch = c->batch,
                     .epochs = 1,
                     .epoch_steps = sizes_of(context->setting).steps,
                     .optimizer = OPTIMIZER_ADAM,
                     .rate = c->rate,
                     .seed = (uint64_t)c->seed};
  if (!sequence_network_make(&net, &c->choice, context->training, f) || !upload_both(&plan, context, f)) return false;
  own_statistics own = {&plan.test, c->batch, 0};
  const train_watch watch = own_statistics_watch(&own);
  if (c->choice.norm == WN_BATCH) plan.watch = &watch;
  train_result result = {0};
  if (!train_run(&context->machine, &plan, &result, NULL, NULL, f)) return false;
  add_row(rows, c, &result, &own);
  return true;
}

extern const study study_sequences;
const study study_sequences = {
    .name = "sequences",
    .title = "Batch norm against the others in networks that read rows as a sequence",
    .files = {{"accuracy.csv",
               "network,norm,place,first_gamma,batch,rate,seed,steps,train_accuracy,train_loss,test_accuracy,"
               "test_loss,own_statistics_accuracy"}},
    .list = list_runs,
    .run = run_cell,
};
