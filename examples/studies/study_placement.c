/* Activation x placement x depth: which activation is best with batch norm before it, after it and without, in networks
 * of 2 to 20 hidden layers, each at the rate that is best on pictures held out of the training. Beside it what comes
 * out of a normalized ReLU, and what each activation costs. Adam. */
#include <stdio.h>

#include "activation_loops.h"
#include "activation_probe.h"
#include "own_statistics.h"
#include "picture_networks.h"
#include "pictures.h"
#include "placement_times.h"
#include "studies.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

enum { FILE_ACCURACY, FILE_OUTPUTS, FILE_TIMES, BATCH = 100, WIDTH = 64, OUTPUTS_HIDDEN = 5 };

static const int depths[] = {2, 5, 10, 20};
static const double rates[] = {0.0005, 0.0015, 0.005, 0.015};
static const double outputs_rate = 0.005;

/* Whether what is found of the deepest networks is one of short trainings: two activations behind batch norm, LONGER
 * times as long. */
enum { LONGER = 4 };
static const wn_act longer_acts[] = {WN_ACT_SIGMOID, WN_ACT_RELU};
static const double longer_rates[] = {0.0015, 0.005, 0.015};

typedef enum part { PART_ACCURACY, PART_OUTPUTS, PART_TIMES } part;

typedef struct cell {
  part part;
  int activation; /* of all_activations */
  picture_place place;
  int hidden;
  int longer; /* times the steps of the others */
  double rate;
  int seed;
} cell;

typedef struct sizes {
  int64_t training, held_out, test, steps, batches; /* batches: whose outputs are looked at */
} sizes;

static sizes sizes_of(const study_setting *setting) {
  switch (setting->form) {
    case STUDY_TINY:
      return (sizes){200, 50, 100, 3, 2};
    case STUDY_USUAL:
      return (sizes){6000, 1000, 2000, 200, 10};
    case STUDY_FULL:
      return (sizes){50000, 10000, 10000, 5000, 10};
  }
  return (sizes){0, 0, 0, 0, 0};
}

/* ---- the list */

static bool is_tiny(const study_setting *setting) { return setting->form == STUDY_TINY; }

static bool add_seeds(run_list *list, const study_setting *setting, cell c, fault *f) {
  static const char *const names[] = {"accuracy", "outputs", "times"};
  for (c.seed = 1; c.seed <= setting->seeds; c.seed++) {
    if (!run_list_add(list, &c, sizeof c, f, "%s/%s/%s/depth%d/longer%d/rate%g/seed%d", names[c.part],
                      all_activations[c.activation].name, picture_place_name(c.place), c.hidden, c.longer, c.rate,
                      c.seed)) {
      return false;
    }
    list->runs[list->count - 1].alone = c.part == PART_TIMES;
  }
  return true;
}

/* In the tiny form at the first alone. */
static bool add_rates(run_list *list, const study_setting *setting, cell c, const double *of, int count, fault *f) {
  for (int rate = 0; rate < (is_tiny(setting) ? 1 : count); rate++) {
    c.rate = of[rate];
    if (!add_seeds(list, setting, c, f)) return false;
  }
  return true;
}

/* In the tiny form the first depth alone. */
static bool add_trainings(run_list *list, const study_setting *setting, fault *f) {
  const int depth_count = is_tiny(setting) ? 1 : COUNT(depths);
  for (int i = 0; i < ACTIVATIONS * PICTURE_PLACES * depth_count; i++) {
    const cell c = {.part = PART_ACCURACY,
                    .activation = i / (PICTURE_PLACES * depth_count),
                    .place = (picture_place)(i / depth_count % PICTURE_PLACES),
                    .hidden = depths[i % depth_count],
                    .longer = 1};
    if (!add_rates(list, setting, c, rates, COUNT(rates), f)) return false;
  }
  return true;
}

static int number_of(wn_act act) { /* in all_activations */
  int i = 0;
  while (all_activations[i].act != act) i++;
  return i;
}

static bool add_longer(run_list *list, const study_setting *setting, fault *f) {
  for (int i = 0; i < COUNT(longer_acts); i++) {
    const cell c = {.part = PART_ACCURACY,
                    .activation = number_of(longer_acts[i]),
                    .place = PICTURE_NORM_BEFORE,
                    .hidden = depths[COUNT(depths) - 1],
                    .longer = LONGER};
    if (!add_rates(list, setting, c, longer_rates, COUNT(longer_rates), f)) return false;
  }
  return true;
}

static bool list_runs(run_list *list, const study_setting *setting, fault *f) {
  const cell outputs = {PART_OUTPUTS, number_of(WN_ACT_RELU), PICTURE_NORM_BEFORE, OUTPUTS_HIDDEN, 1, outputs_rate, 0};
  cell times = outputs; /* of which the seed alone is read */
  times.part = PART_TIMES;
  return add_trainings(list, setting, f) && add_longer(list, setting, f) && add_seeds(list, setting, outputs, f) &&
         add_seeds(list, setting, times, f);
}

/* ---- one training */

/* sqrt(2 / inputs) for those that halve their inputs' square, or nearly (He et al. 2015), sqrt(1 / inputs) for the
 * others (Glorot and Bengio 2010). */
static double deviation_of(wn_act act) { return act == WN_ACT_SIGMOID || act == WN_ACT_TANH ? 1 : PICTURE_DEVIATION; }

static int64_t steps_of(const study_setting *setting, const cell *c) { return sizes_of(setting).steps * c->longer; }

static bool train(run_context *context, const cell *c, const pictures *set, const train_watch *watch,
                  train_result *result, fault *f) {
  const wn_act act = all_activations[c->activation].act;
  picture_choice choice = {.hidden = c->hidden, .width = WIDTH, .act = act, .apart = c->part == PART_OUTPUTS};
  picture_place_norm(&choice, c->place);
  picture_network net;
  picture_network_make(&net, &choice);
  const train_plan plan = {.design = &net.design,
                           .deviation = deviation_of(act),
                           .batch = BATCH,
                           .epochs = 1,
                           .epoch_steps = steps_of(context->setting, c),
                           .optimizer = OPTIMIZER_ADAM,
                           .rate = c->rate,
                           .seed = (uint64_t)c->seed,
                           .training = set->training,
                           .test = set->test,
                           .watch = watch};
  return train_run(&context->machine, &plan, result, NULL, NULL, f);
}

/* The training pictures, and behind them those that are held out. */
static bool upload(pictures *set, train_images *held_out, run_context *context, fault *f) {
  const sizes size = sizes_of(context->setting);
  if (!pictures_upload(set, context, size.training + size.held_out, size.test, f)) return false;
  train_images *const all = &set->training;
  if (all->count <= size.training) {
    return fault_set(f, "%lld training pictures leave none to hold out", (long long)all->count);
  }
  *held_out = (train_images){all->count - size.training, all->pixels, all->images + size.training * all->pixels,
                             all->labels + size.training};
  all->count = size.training;
  return true;
}

static void print_cell(char *text, size_t room, const cell *c) {
  snprintf(text, room, "%s,%s,%d,%g,%d", all_activations[c->activation].name, picture_place_name(c->place), c->hidden,
           c->rate, c->seed);
}

/* Looks at the end: at the pictures held out, and at the test pictures by the statistics of their own batches. */
typedef struct endings {
  train_images held_out;
  own_statistics own;
  double held_out_accuracy;
} endings;

static bool evaluate_both(void *context, network *net, fault *f) {
  endings *const e = context;
  const train_images *const at = &e->held_out;
  score s;
  if (!network_evaluate(net, at->count, at->images, at->labels, &s, f)) return false;
  e->held_out_accuracy = (double)s.correct / (double)at->count;
  return own_statistics_watch(&e->own).end(&e->own, net, f);
}

static bool run_accuracy(run_context *context, const cell *c, run_rows *rows, fault *f) {
  pictures set;
  train_result result = {0};
  endings ends = {.own = {&set.test, BATCH, 0}};
  const train_watch watch = {.context = &ends, .end = evaluate_both};
  if (!upload(&set, &ends.held_out, context, f) || !train(context, c, &set, &watch, &result, f)) return false;
  char of[128];
  print_cell(of, sizeof of, c);
  run_rows_add(rows, FILE_ACCURACY, "%s,%lld,%.6g,%.6g,%.6g,%.6g", of, (long long)result.end.step, result.end.accuracy,
               ends.held_out_accuracy, result.test_accuracy, ends.own.accuracy);
  return true;
}

/* ---- what comes out of a normalized ReLU, before the first step and after the last */

typedef struct onlooker {
  const cell *cell;
  const train_images *images;
  sizes size;
  run_rows *rows;
} onlooker;

static bool add_outputs(const onlooker *o, int64_t step, int layer, const activation_record *r, fault *f) {
  const int64_t count = r->pictures * r->units;
  activation_spread out;
  char of[128];
  double largest = 0;
  if (!activation_spread_of(&out, count, r->out, f)) return false;
  for (int64_t i = 0; i < count; i++) largest = r->out[i] > largest ? r->out[i] : largest;
  print_cell(of, sizeof of, o->cell);
  run_rows_add(o->rows, FILE_OUTPUTS, "%s,%lld,%d,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g", of, (long long)step, layer, out.mean,
               out.deviation, activation_zero(r), activation_share(count, r->out, 0, 1), out.high, largest);
  return true;
}

static bool look(const onlooker *o, network *net, int64_t step, fault *f) {
  activation_probe probe;
  bool good = activation_probe_take(&probe, net, o->images, BATCH, o->size.batches, f);
  for (int i = 0; good && i < probe.count; i++) good = add_outputs(o, step, i + 1, &probe.records[i], f);
  activation_probe_free(&probe);
  return good;
}

static bool look_at_start(void *context, network *net, int64_t step, int64_t rows, const float *images,
                          const uint8_t *labels, fault *f) {
  (void)rows, (void)images, (void)labels;
  return step != 0 || look(context, net, step, f);
}

static bool look_at_end(void *context, network *net, fault *f) {
  const onlooker *const o = context;
  return look(o, net, o->size.steps, f);
}

static bool run_outputs(run_context *context, const cell *c, run_rows *rows, fault *f) {
  pictures set;
  train_images held_out;
  train_result result = {0};
  if (!upload(&set, &held_out, context, f)) return false;
  onlooker o = {c, &set.training, sizes_of(context->setting), rows};
  const train_watch watch = {&o, look_at_start, look_at_end};
  return train(context, c, &set, &watch, &result, f);
}

/* ---- */

static bool run_cell(run_context *context, const study_run *run, run_rows *rows, fault *f) {
  const cell *const c = run->cell;
  switch (c->part) {
    case PART_ACCURACY:
      return run_accuracy(context, c, rows, f);
    case PART_OUTPUTS:
      return run_outputs(context, c, rows, f);
    case PART_TIMES:
      return placement_times_run(context, c->seed, rows, FILE_TIMES, f);
  }
  return false;
}

#define CELL_HEADER "activation,place,hidden,rate,seed,"

extern const study study_placement;
const study study_placement = {
    .name = "placement",
    .title = "Which activation, with batch norm before it, after it and without, in 2 to 20 layers",
    .files = {{"accuracy.csv",
               CELL_HEADER "steps,train_accuracy,held_out_accuracy,test_accuracy,own_statistics_accuracy"},
              {"outputs.csv", CELL_HEADER "step,layer,mean,deviation,zero,out_0_to_1,high,largest"},
              {"times.csv", PLACEMENT_TIMES_HEADER}},
    .list = list_runs,
    .run = run_cell,
};
