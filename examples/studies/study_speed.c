/* Speed, regularisation and step size: how many steps to an accuracy with and without batch norm, at which rates, from
 * which weights, with inputs of equal and unequal scale; and the gap between training and test with batch norm and with
 * dropout. */
#include <stdio.h>

#include "picture_networks.h"
#include "pictures.h"
#include "studies.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

enum { FILE_TRAINING, FILE_REGULARISATION, BATCH = 64, GAP_BATCH = 100, LOOK_EVERY = 10 };

/* Accuracies, on test pictures, that are waited for. */
static const double targets[] = {0.70, 0.80};

typedef enum part { PART_STEPS, PART_INPUTS, PART_WEIGHTS, PART_GAP } part;
static const char *const part_names[] = {"steps", "inputs", "weights", "gap"};

typedef struct cell {
  part part;
  const char *network;
  picture_choice choice;
  float odd_scale; /* of every other pixel */
  double weights;  /* times the deviation of He et al. */
  int64_t images;  /* gap: training pictures */
  double rate;
  int seed;
} cell;

typedef struct sizes {
  int64_t training, test, looked_at; /* pictures; looked_at: while training, the first of test */
  int64_t steps[4];                  /* by part */
} sizes;

static sizes sizes_of(const study_setting *setting) {
  switch (setting->form) {
    case STUDY_TINY:
      return (sizes){200, 100, 50, {11, 2, 2, 2}};
    case STUDY_USUAL:
      return (sizes){6000, 2000, 500, {300, 200, 200, 500}};
    case STUDY_FULL:
      return (sizes){60000, 10000, 2000, {2000, 1000, 1000, 12000}};
  }
  return (sizes){0, 0, 0, {0}};
}

/* ---- the list. In the tiny form one rate and the first of each row. */

static bool is_tiny(const study_setting *setting) { return setting->form == STUDY_TINY; }

static bool add_rates(run_list *list, const study_setting *setting, cell c, const double *rates, int count, fault *f) {
  for (int r = 0; r < (is_tiny(setting) ? 1 : count); r++) {
    for (c.seed = 1; c.seed <= setting->seeds; c.seed++) {
      c.rate = rates[r];
      if (!run_list_add(list, &c, sizeof c, f, "%s/%s/%s%s/odd%g/weights%g/drop%g/n%lld/rate%g/seed%d",
                        part_names[c.part], c.network, picture_norm_name(c.choice.norm),
                        c.choice.norm_inputs ? "-inputs" : "", (double)c.odd_scale, c.weights, c.choice.drop,
                        (long long)c.images, c.rate, c.seed)) {
        return false;
      }
    }
  }
  return true;
}

static const struct {
  const char *name;
  picture_choice choice;
} networks[] = {
    {"relu", {.hidden = 5, .width = 64, .act = WN_ACT_RELU}},
    {"sigmoid", {.hidden = 5, .width = 64, .act = WN_ACT_SIGMOID}},
    {"convolution", {.convolution = true, .layout = WN_NCX, .act = WN_ACT_RELU}},
};

static cell cell_of(part p, const char *network, const picture_choice *choice) {
  return (cell){.part = p, .network = network, .choice = *choice, .odd_scale = 1, .weights = 1};
}

static bool add_steps(run_list *list, const study_setting *setting, fault *f) {
  static const double rates[] = {0.03, 0.1, 0.3, 1, 3, 10};
  for (int n = 0; n < COUNT(networks); n++) {
    cell c = cell_of(PART_STEPS, networks[n].name, &networks[n].choice);
    for (int norm = 0; norm <= 1; norm++) {
      c.choice.norm = norm ? WN_BATCH : 0;
      if (!add_rates(list, setting, c, rates, COUNT(rates), f)) return false;
    }
  }
  return true;
}

/* Without, with batch norm behind each hidden layer, and on the pixels besides. Where the first layer sees pixels of
 * equal scale, the smaller rates would only take time. */
static bool add_inputs(run_list *list, const study_setting *setting, fault *f) {
  static const double rates[] = {1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1};
  for (int variant = 0; variant < 3; variant++) {
    for (int unequal = 0; unequal <= 1; unequal++) {
      cell c = cell_of(PART_INPUTS, "relu", &(picture_choice){.hidden = 2, .width = 64, .act = WN_ACT_RELU});
      c.choice.norm = variant ? WN_BATCH : 0;
      c.choice.norm_inputs = variant == 2;
      c.odd_scale = unequal ? 1000 : 1;
      const int skipped = unequal && !c.choice.norm_inputs ? 0 : 5;
      if (!add_rates(list, setting, c, rates + skipped, COUNT(rates) - skipped, f)) return false;
    }
  }
  return true;
}

static bool add_weights(run_list *list, const study_setting *setting, fault *f) {
  static const double rates[] = {0.1, 1};
  static const double scales[] = {0.1, 0.3, 1, 3, 10};
  for (int norm = 0; norm <= 1; norm++) {
    for (int s = 0; s < (is_tiny(setting) ? 1 : COUNT(scales)); s++) {
      cell c = cell_of(PART_WEIGHTS, networks[0].name, &networks[0].choice);
      c.choice.norm = norm ? WN_BATCH : 0;
      c.weights = scales[s];
      if (!add_rates(list, setting, c, rates, COUNT(rates), f)) return false;
    }
  }
  return true;
}

static bool add_gaps(run_list *list, const study_setting *setting, fault *f) {
  static const int64_t images[] = {1000, 5000, 60000};
  static const double rate = 0.003;
  for (int i = 0; i < (is_tiny(setting) ? 1 : COUNT(images)); i++) {
    for (int variant = 0; variant < 4; variant++) {
      cell c = cell_of(PART_GAP, "relu", &(picture_choice){.hidden = 2, .width = 64, .act = WN_ACT_RELU});
      c.choice.norm = variant & 1 ? WN_BATCH : 0;
      c.choice.drop = variant & 2 ? 0.5 : 0;
      c.images = images[i];
      if (!add_rates(list, setting, c, &rate, 1, f)) return false;
    }
  }
  return true;
}

static bool list_runs(run_list *list, const study_setting *setting, fault *f) {
  return add_inputs(list, setting, f) && add_weights(list, setting, f) && add_gaps(list, setting, f) &&
         add_steps(list, setting, f);
}

/* ---- one training */

typedef struct reach { /* when a training reaches the targets */
  train_images looked_at;
  int64_t steps[COUNT(targets)]; /* done before; -1: not yet */
} reach;

static bool look(void *context, network *net, int64_t step, int64_t rows, const float *images, const uint8_t *labels,
                 fault *f) {
  (void)rows, (void)images, (void)labels;
  reach *const r = context;
  const train_images *const at = &r->looked_at;
  score s;
  if (step % LOOK_EVERY != 0) return true;
  if (!network_evaluate(net, at->count, at->images, at->labels, &s, f)) return false;
  for (int i = 0; i < COUNT(targets); i++) {
    if (r->steps[i] < 0 && (double)s.correct >= targets[i] * (double)at->count) r->steps[i] = step;
  }
  return true;
}

static const char *steps_text(char text[32], int64_t steps) {
  snprintf(text, 32, "%lld", (long long)steps);
  return steps < 0 ? "" : text;
}

static void add_row(run_rows *rows, const cell *c, const train_result *r, const reach *reached) {
  const char *const norm = picture_norm_name(c->choice.norm);
  char first[32], second[32];
  if (c->part == PART_GAP) {
    run_rows_add(rows, FILE_REGULARISATION, "%s,%g,%lld,%d,%lld,%.6g,%.6g,%.6g,%.6g", norm, c->choice.drop,
                 (long long)c->images, c->seed, (long long)r->end.step, r->end.accuracy, r->end.loss, r->test_accuracy,
                 r->test_loss);
    return;
  }
  run_rows_add(rows, FILE_TRAINING, "%s,%s,%s,%s,%g,%g,%g,%d,%lld,%s,%s,%.6g", part_names[c->part], c->network, norm,
               c->choice.norm_inputs ? "yes" : "no", (double)c->odd_scale, c->weights, c->rate, c->seed,
               (long long)r->end.step, steps_text(first, reached->steps[0]), steps_text(second, reached->steps[1]),
               r->test_accuracy);
}

static bool run_cell(run_context *context, const study_run *run, run_rows *rows, fault *f) {
  const cell *const c = run->cell;
  const sizes size = sizes_of(context->setting);
  const bool gap = c->part == PART_GAP;
  pictures set;
  if (!pictures_upload_scaled(&set, context, gap ? c->images : size.training, size.test, c->odd_scale, f)) return false;
  picture_network net;
  picture_network_make(&net, &c->choice);
  reach reached = {set.test, {-1, -1}};
  if (reached.looked_at.count > size.looked_at) reached.looked_at.count = size.looked_at;
  const train_watch watch = {.context = &reached, .step = look};
  const train_plan plan = {.design = &net.design,
                           .deviation = PICTURE_DEVIATION * c->weights,
                           .batch = gap ? GAP_BATCH : BATCH,
                           .epochs = 1,
                           .epoch_steps = size.steps[c->part],
                           .optimizer = gap ? OPTIMIZER_ADAM : OPTIMIZER_SGD,
                           .rate = c->rate,
                           .seed = (uint64_t)c->seed,
                           .training = set.training,
                           .test = set.test,
                           .watch = gap ? NULL : &watch};
  train_result result = {0};
  if (!train_run(&context->machine, &plan, &result, NULL, NULL, f)) return false;
  add_row(rows, c, &result, &reached);
  return true;
}

extern const study study_speed;
const study study_speed = {
    .name = "speed",
    .title = "Speed, regularisation and step size, with batch norm and without",
    .files = {{"training.csv",
               "part,network,norm,norm_inputs,odd_scale,weights,rate,seed,steps,steps_to_70,"
               "steps_to_80,test_accuracy"},
              {"regularisation.csv", "norm,drop,images,seed,steps,train_accuracy,train_loss,test_accuracy,test_loss"}},
    .list = list_runs,
    .run = run_cell,
};
