/* Batch size: batch norm against the others at 1 to 128 pictures a step. Every training sees as many pictures; Adam,
 * its rate scaled with the square root of the batch and tuned over a grid. */
#include <math.h>
#include <stdio.h>

#include "own_statistics.h"
#include "picture_networks.h"
#include "pictures.h"
#include "studies.h"

enum { BASE_BATCH = 32, GHOST_BATCH = 128, TINY_BATCH = 2, MIDDLE_RATE = 1 };

static const int64_t batches[] = {1, 2, 4, 8, 16, 32, 64, 128};
static const double rates[] = {0.005, 0.015, 0.045}; /* at BASE_BATCH */
static const int convolution_norms[] = {0, WN_BATCH, WN_LAYER, WN_GROUP, WN_INSTANCE, WN_RMS};
static const int64_t ghosts[] = {8, 32};
static const int layout_norms[] = {WN_BATCH, WN_GROUP};
static const int64_t layout_batches[] = {64};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

typedef struct cell {
  picture_choice choice;
  int64_t batch;
  double rate; /* at BASE_BATCH */
  int seed;
} cell;

typedef struct sizes {
  int64_t training, test, seen; /* pictures; seen: by a training, in all its steps */
} sizes;

static sizes sizes_of(const study_setting *setting) {
  switch (setting->form) {
    case STUDY_TINY:
      return (sizes){200, 128, 128};
    case STUDY_USUAL:
      return (sizes){6000, 4000, 12800};
    case STUDY_FULL:
      return (sizes){60000, 10000, 128000};
  }
  return (sizes){0, 0, 0};
}

/* ---- the list */

static const char *layout_name(const picture_choice *c) { return c->layout == WN_NCX ? "NCX" : "NXC"; }
static int64_t parts_of(const picture_choice *c) { return c->parts ? c->parts : 1; }

/* At each rate, or at the middle one alone, from each seed. */
static bool add_cells(run_list *list, const study_setting *setting, const picture_choice *choice, int64_t batch,
                      bool all_rates, fault *f) {
  const bool tiny = setting->form == STUDY_TINY;
  if (tiny && batch > TINY_BATCH && batch != GHOST_BATCH) return true;
  for (int rate = 0; rate < COUNT(rates); rate++) {
    if (rate != MIDDLE_RATE && (tiny || !all_rates)) continue;
    for (int seed = 1; seed <= setting->seeds; seed++) {
      const cell c = {*choice, batch, rates[rate], seed};
      if (!run_list_add(list, &c, sizeof c, f, "convolution/%s/%s/parts%d/b%d/rate%g/seed%d", layout_name(choice),
                        picture_norm_name(choice->norm), (int)parts_of(choice), (int)batch, c.rate, seed)) {
        return false;
      }
    }
  }
  return true;
}

static const picture_choice convolution = {.convolution = true, .layout = WN_NCX, .act = WN_ACT_RELU};

static bool add_convolutions(run_list *list, const study_setting *setting, fault *f) {
  picture_choice choice = convolution;
  for (int n = 0; n < COUNT(convolution_norms); n++) {
    choice.norm = convolution_norms[n];
    const bool all_rates = choice.norm == 0 || choice.norm == WN_BATCH;
    for (int b = 0; b < COUNT(batches); b++) {
      if (!add_cells(list, setting, &choice, batches[b], all_rates, f)) return false;
    }
  }
  return true;
}

static bool add_ghosts(run_list *list, const study_setting *setting, fault *f) {
  picture_choice ghost = convolution;
  ghost.norm = WN_BATCH;
  for (int i = 0; i < COUNT(ghosts); i++) {
    ghost.parts = ghosts[i];
    if (!add_cells(list, setting, &ghost, GHOST_BATCH, false, f)) return false;
  }
  return true;
}

static bool add_layouts(run_list *list, const study_setting *setting, fault *f) {
  picture_choice other = convolution;
  other.layout = WN_NXC;
  for (int n = 0; n < COUNT(layout_norms); n++) {
    other.norm = layout_norms[n];
    for (int b = 0; b < COUNT(layout_batches); b++) {
      if (!add_cells(list, setting, &other, layout_batches[b], false, f)) return false;
    }
  }
  return true;
}

static bool list_runs(run_list *list, const study_setting *setting, fault *f) {
  return add_convolutions(list, setting, f) && add_ghosts(list, setting, f) && add_layouts(list, setting, f);
}

/* ---- one training */

static void add_row(run_rows *rows, const cell *c, const train_result *r, const own_statistics *own) {
  char own_accuracy[32] = "";
  if (c->choice.norm == WN_BATCH) snprintf(own_accuracy, sizeof own_accuracy, "%.6g", own->accuracy);
  run_rows_add(rows, 0, "convolution,%s,%s,%d,%d,%g,%d,%lld,%.6g,%.6g,%.6g,%.6g,%s", layout_name(&c->choice),
               picture_norm_name(c->choice.norm), (int)parts_of(&c->choice), (int)c->batch, c->rate, c->seed,
               (long long)r->end.step, r->end.accuracy, r->end.loss, r->test_accuracy, r->test_loss, own_accuracy);
}

static bool run_cell(run_context *context, const study_run *run, run_rows *rows, fault *f) {
  const cell *const c = run->cell;
  const sizes size = sizes_of(context->setting);
  pictures set;
  if (!pictures_upload(&set, context, size.training, size.test, f)) return false;
  picture_network net;
  picture_network_make(&net, &c->choice);
  own_statistics own = {&set.test, c->batch, 0};
  const train_watch watch = own_statistics_watch(&own);
  const train_plan plan = {.design = &net.design,
                           .deviation = PICTURE_DEVIATION,
                           .batch = c->batch,
                           .epochs = 1,
                           .epoch_steps = size.seen / c->batch,
                           .optimizer = OPTIMIZER_ADAM,
                           .rate = c->rate * sqrt((double)c->batch / BASE_BATCH),
                           .seed = (uint64_t)c->seed,
                           .training = set.training,
                           .test = set.test,
                           .watch = c->choice.norm == WN_BATCH ? &watch : NULL};
  train_result result = {0};
  if (!train_run(&context->machine, &plan, &result, NULL, NULL, f)) return false;
  add_row(rows, c, &result, &own);
  return true;
}

extern const study study_batch_size;
const study study_batch_size = {
    .name = "batch-size",
    .title = "Batch norm against the others at 1 to 128 pictures a step",
    .files = {{"accuracy.csv",
               "network,layout,norm,parts,batch,rate,seed,steps,train_accuracy,train_loss,test_accuracy,"
               "test_loss,own_statistics_accuracy"}},
    .list = list_runs,
    .run = run_cell,
};
