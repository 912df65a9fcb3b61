/* What the activations see: distributions of their inputs and outputs over a training, saturated units, dead ReLUs;
 * with batch norm before, after and without, from weights of apt and of bad scales. Adam; 5 hidden layers. */
#include <stdio.h>
#include <string.h>

#include "activation_probe.h"
#include "picture_networks.h"
#include "pictures.h"
#include "studies.h"

enum { BATCH = 100, HIDDEN = 5, WIDTH = 64, BINS = 20 };

/* Standard deviations of the first weights: two that the text shows to be bad, and what the activation asks for:
 * sqrt(1 / inputs) (Glorot and Bengio 2010), for ReLU sqrt(2 / inputs) (He et al. 2015). */
typedef enum { INIT_SMALL, INIT_APT, INIT_LARGE, INITS } initial;
static const char *const init_names[INITS] = {"0.01", "apt", "1"};

typedef struct kind { /* of activation, and the range of its histograms; what is beyond counts in the end bins */
  wn_act act;
  const char *name;
  double low, high;
} kind;
static const kind kinds[] = {
    {WN_ACT_SIGMOID, "sigmoid", 0, 1},
    {WN_ACT_TANH, "tanh", -1, 1},
    {WN_ACT_RELU, "relu", 0, 4},
};
static const double in_low = -5, in_high = 5;

static const double rates[] = {0.003, 0.01, 0.03, 0.1}; /* beyond the first: ReLU from apt weights */

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

typedef struct cell {
  int kind;
  picture_place place;
  initial init;
  double rate;
  int seed;
} cell;

typedef struct sizes {
  int64_t training, test, steps, batches; /* batches: that are looked at */
} sizes;

static sizes sizes_of(const study_setting *setting) {
  switch (setting->form) {
    case STUDY_TINY:
      return (sizes){200, 100, 3, 2};
    case STUDY_USUAL:
      return (sizes){4000, 2000, 240, 10};
    case STUDY_FULL:
      return (sizes){60000, 10000, 6000, 10};
  }
  return (sizes){0, 0, 0, 0};
}

/* ---- the list */

static bool add_seeds(run_list *list, const study_setting *setting, cell c, fault *f) {
  for (c.seed = 1; c.seed <= setting->seeds; c.seed++) {
    if (!run_list_add(list, &c, sizeof c, f, "%s/%s/std%s/rate%g/seed%d", kinds[c.kind].name,
                      picture_place_name(c.place), init_names[c.init], c.rate, c.seed)) {
      return false;
    }
  }
  return true;
}

static bool add_rates(run_list *list, const study_setting *setting, cell c, fault *f) {
  const bool all = kinds[c.kind].act == WN_ACT_RELU && c.init == INIT_APT && setting->form != STUDY_TINY;
  for (int rate = 0; rate < (all ? COUNT(rates) : 1); rate++) {
    c.rate = rates[rate];
    if (!add_seeds(list, setting, c, f)) return false;
  }
  return true;
}

static bool list_runs(run_list *list, const study_setting *setting, fault *f) {
  for (int i = 0; i < COUNT(kinds) * PICTURE_PLACES * INITS; i++) {
    const cell c = {.kind = i / (PICTURE_PLACES * INITS),
                    .place = (picture_place)(i / INITS % PICTURE_PLACES),
                    .init = (initial)(i % INITS)};
    if (!add_rates(list, setting, c, f)) return false;
  }
  return true;
}

/* ---- the looks: before the first step, after a sixth of all, after the last */

typedef struct onlooker {
  const cell *cell;
  const train_images *images;
  sizes size;
  run_rows *rows;
} onlooker;

static void print_cell(char *text, size_t room, const cell *c) {
  snprintf(text, room, "%s,%s,%s,%g,%d", kinds[c->kind].name, picture_place_name(c->place), init_names[c->init],
           c->rate, c->seed);
}

/* Shares of bins between low and high. */
static void add_histogram(const onlooker *o, int64_t step, int layer, const char *side, int64_t count,
                          const float *values, double low, double high) {
  int64_t bins[BINS] = {0};
  char text[512], of[128];
  size_t used = 0;
  for (int64_t i = 0; i < count; i++) {
    const double place = (values[i] - low) / (high - low) * BINS;
    bins[place >= BINS ? BINS - 1 : place >= 0 ? (int)place : 0]++;
  }
  for (int i = 0; i < BINS; i++) {
    used += (size_t)snprintf(text + used, sizeof text - used, ",%.4g", (double)bins[i] / (double)count);
  }
  print_cell(of, sizeof of, o->cell);
  run_rows_add(o->rows, 1, "%s,%lld,%d,%s,%g,%g%s", of, (long long)step, layer, side, low, high, text);
}

static bool add_layer(const onlooker *o, int64_t step, int layer, const activation_record *r, fault *f) {
  const kind *const k = &kinds[o->cell->kind];
  const int64_t count = r->pictures * r->units;
  activation_spread in, out;
  char of[128];
  if (!activation_spread_of(&in, count, r->in, f) || !activation_spread_of(&out, count, r->out, f)) return false;
  print_cell(of, sizeof of, o->cell);
  run_rows_add(o->rows, 0, "%s,%lld,%d,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g", of,
               (long long)step, layer, in.mean, in.deviation, in.low, in.high, out.mean, out.deviation, out.low,
               out.high, activation_share(count, r->in, 0, 1), activation_saturated(k->act, r), activation_zero(r),
               activation_dead(r));
  if (o->cell->seed != 1 || o->cell->rate != rates[0]) return true;
  add_histogram(o, step, layer, "in", count, r->in, in_low, in_high);
  add_histogram(o, step, layer, "out", count, r->out, k->low, k->high);
  return true;
}

static bool look(const onlooker *o, network *net, int64_t step, fault *f) {
  activation_probe probe;
  bool good = activation_probe_take(&probe, net, o->images, BATCH, o->size.batches, f);
  for (int i = 0; good && i < probe.count; i++) good = add_layer(o, step, i + 1, &probe.records[i], f);
  activation_probe_free(&probe);
  return good;
}

/* Gradients are there already, and a forward leaves them alone. */
static bool look_at_step(void *context, network *net, int64_t step, int64_t rows, const float *images,
                         const uint8_t *labels, fault *f) {
  const onlooker *const o = context;
  (void)rows, (void)images, (void)labels;
  return (step != 0 && step != o->size.steps / 6) || look(o, net, step, f);
}

static bool look_at_end(void *context, network *net, fault *f) {
  const onlooker *const o = context;
  return look(o, net, o->size.steps, f);
}

/* ---- one training */

static void make_network(picture_network *net, const cell *c) {
  picture_choice choice = {.hidden = HIDDEN, .width = WIDTH, .act = kinds[c->kind].act, .apart = true};
  picture_place_norm(&choice, c->place);
  picture_network_make(net, &choice);
  net->design.per_input = c->init == INIT_APT;
}

static double deviation_of(const cell *c) {
  if (c->init == INIT_SMALL) return 0.01;
  return c->init == INIT_APT && kinds[c->kind].act == WN_ACT_RELU ? PICTURE_DEVIATION : 1;
}

static bool run_cell(run_context *context, const study_run *run, run_rows *rows, fault *f) {
  const cell *const c = run->cell;
  onlooker o = {.cell = c, .size = sizes_of(context->setting), .rows = rows};
  pictures set;
  if (!pictures_upload(&set, context, o.size.training, o.size.test, f)) return false;
  o.images = &set.training;
  picture_network net;
  make_network(&net, c);
  const train_watch watch = {&o, look_at_step, look_at_end};
  const train_plan plan = {.design = &net.design,
                           .deviation = deviation_of(c),
                           .batch = BATCH,
                           .epochs = 1,
                           .epoch_steps = o.size.steps,
                           .optimizer = OPTIMIZER_ADAM,
                           .rate = c->rate,
                           .seed = (uint64_t)c->seed,
                           .training = set.training,
                           .test = set.test,
                           .watch = &watch};
  train_result result = {0};
  if (!train_run(&context->machine, &plan, &result, NULL, NULL, f)) return false;
  char of[128];
  print_cell(of, sizeof of, c);
  run_rows_add(rows, 2, "%s,%.6g,%.6g", of, result.end.accuracy, result.test_accuracy);
  return true;
}

#define CELL_HEADER "activation,place,std,rate,seed,"

extern const study study_activations;
const study study_activations = {
    .name = "activations",
    .title = "What the activations see, with batch norm before, after and without",
    .files = {{"layers.csv",
               CELL_HEADER "step,layer,in_mean,in_deviation,in_low,in_high,out_mean,out_deviation,out_low,"
                           "out_high,in_0_to_1,saturated,zero,dead"},
              {"histograms.csv", CELL_HEADER "step,layer,side,low,high,b1,b2,b3,b4,b5,b6,b7,b8,b9,b10,b11,b12,b13,b14,"
                                             "b15,b16,b17,b18,b19,b20"},
              {"trainings.csv", CELL_HEADER "train_accuracy,test_accuracy"}},
    .list = list_runs,
    .run = run_cell,
};
