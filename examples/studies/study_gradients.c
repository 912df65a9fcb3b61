/* Gradients and shift: how long the gradient is at each layer of networks that nothing has trained yet, and what a step
 * of training changes for the layers. */
#include "gradient_probe.h"
#include "picture_networks.h"
#include "pictures.h"
#include "studies.h"

enum { WIDTH = 50, FIRST_BATCH = 256, TRAINED_HIDDEN = 5, BATCH = 64, PROBED = 256 };

static const wn_act acts[] = {WN_ACT_SIGMOID, WN_ACT_TANH, WN_ACT_RELU};
static const int norms[] = {0, WN_BATCH};
static const int depths[] = {5, 10, 20};
/* A weight's standard deviation is the gain / sqrt(inputs). */
static const double gains[] = {0.25, 1, 4};
static const double rates[] = {0.1, 0.3, 1}; /* plain gradient descent */
static const int64_t probed_steps[] = {0, 5, 10, 25, 50, 100, 150, 200, 250};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

typedef struct cell {
  picture_choice choice;
  double gain; /* of the first gradients */
  double rate; /* of a training; 0: none */
  int seed;
} cell;

typedef struct sizes {
  int64_t training, test, steps;
  int probes; /* of probed_steps */
} sizes;

static sizes sizes_of(const study_setting *setting) {
  switch (setting->form) {
    case STUDY_TINY:
      return (sizes){FIRST_BATCH, 64, 8, 2};
    case STUDY_USUAL:
      return (sizes){4000, 2000, 300, COUNT(probed_steps)};
    case STUDY_FULL:
      return (sizes){60000, 10000, 3000, COUNT(probed_steps)};
  }
  return (sizes){0, 0, 0, 0};
}

static const char *act_name(wn_act act) {
  return act == WN_ACT_SIGMOID ? "sigmoid" : act == WN_ACT_TANH ? "tanh" : "relu";
}

/* ---- the list */

static bool add_seeds(run_list *list, const study_setting *setting, cell c, fault *f) {
  for (c.seed = 1; c.seed <= setting->seeds; c.seed++) {
    if (!run_list_add(list, &c, sizeof c, f, "%s/%s/%s/hidden%d/%s%g/seed%d", c.rate > 0 ? "training" : "first",
                      act_name(c.choice.act), picture_norm_name(c.choice.norm), c.choice.hidden,
                      c.rate > 0 ? "rate" : "gain", c.rate > 0 ? c.rate : c.gain, c.seed)) {
      return false;
    }
  }
  return true;
}

static bool add_first(run_list *list, const study_setting *setting, picture_choice choice, fault *f) {
  for (int d = 0; d < COUNT(depths); d++) {
    choice.hidden = depths[d];
    for (int g = 0; g < COUNT(gains); g++) {
      if (!add_seeds(list, setting, (cell){.choice = choice, .gain = gains[g]}, f)) return false;
    }
  }
  return true;
}

static bool add_trainings(run_list *list, const study_setting *setting, picture_choice choice, fault *f) {
  choice.hidden = TRAINED_HIDDEN;
  for (int r = 0; r < COUNT(rates); r++) {
    const double gain = choice.act == WN_ACT_RELU ? PICTURE_DEVIATION : 1;
    if (!add_seeds(list, setting, (cell){.choice = choice, .gain = gain, .rate = rates[r]}, f)) return false;
  }
  return true;
}

static bool list_runs(run_list *list, const study_setting *setting, fault *f) {
  for (int a = 0; a < COUNT(acts); a++) {
    for (int n = 0; n < COUNT(norms); n++) {
      const picture_choice choice = {.width = WIDTH, .act = acts[a], .norm = norms[n]};
      if (!add_first(list, setting, choice, f) || !add_trainings(list, setting, choice, f)) return false;
    }
  }
  return true;
}

/* ---- the first gradients */

static bool add_length(run_rows *rows, const cell *c, network *net, const tensor *t, fault *f) {
  static float gradient[PICTURE_SIDE * PICTURE_SIDE * WIDTH]; /* of the largest layer, the first */
  if (!machine_read(net->on, gradient, t->gradient, t->count * (int64_t)sizeof *gradient, f)) return false;
  run_rows_add(rows, 0, "%s,%s,%d,%g,%d,%d,%.6g", act_name(c->choice.act), picture_norm_name(c->choice.norm),
               c->choice.hidden, c->gain, c->seed, t->layer, gradient_length(t->count, gradient));
  return true;
}

static bool measure_first(network *net, const cell *c, const train_images *images, run_rows *rows, fault *f) {
  rng weights;
  rng_seed(&weights, (uint64_t)c->seed, 1);
  if (!network_reset(net, &weights, c->gain, f) || !network_forward(net, true, FIRST_BATCH, images->images, f) ||
      !network_backward(net, FIRST_BATCH, images->images, images->labels, f)) {
    return false;
  }
  for (int i = 0; i < net->tensor_count; i++) {
    const bool first = i == 0 || net->tensors[i].layer != net->tensors[i - 1].layer; /* the weights */
    if (first && !add_length(rows, c, net, &net->tensors[i], f)) return false;
  }
  return true;
}

static bool run_first(run_context *context, const cell *c, const network_design *design, const pictures *set,
                      run_rows *rows, fault *f) {
  network net;
  if (!network_build(&net, &context->machine, design, FIRST_BATCH, f)) return false;
  const bool good = measure_first(&net, c, &set->training, rows, f);
  network_destroy(&net);
  return good;
}

/* ---- a training */

typedef struct notes {
  const cell *of;
  run_rows *rows;
} notes;

static void note(void *context, int64_t step, int layer, const layer_change *change) {
  const notes *const n = context;
  run_rows_add(n->rows, 1, "%s,%s,%g,%d,%lld,%d,%.6g,%.6g,%.6g,%.6g,%.6g", act_name(n->of->choice.act),
               picture_norm_name(n->of->choice.norm), n->of->rate, n->of->seed, (long long)step, layer, change->shift,
               change->earlier.cosine, change->earlier.difference, change->all.cosine, change->all.difference);
}

static bool train(machine *m, const cell *c, const train_plan *plan, run_rows *rows, fault *f) {
  train_result result = {0};
  if (!train_run(m, plan, &result, NULL, NULL, f)) return false;
  run_rows_add(rows, 2, "%s,%s,%g,%d,%.6g,%.6g,%.6g", act_name(c->choice.act), picture_norm_name(c->choice.norm),
               c->rate, c->seed, result.end.accuracy, result.end.loss, result.test_accuracy);
  return true;
}

static bool run_training(run_context *context, const cell *c, const network_design *design, const pictures *set,
                         run_rows *rows, fault *f) {
  const sizes size = sizes_of(context->setting);
  notes n = {c, rows};
  const gradient_plan probed = {design, BATCH, set->training.images, PROBED, probed_steps, size.probes, note, &n};
  gradient_probe probe;
  const train_watch watch = {.context = &probe, .step = gradient_probe_step};
  const train_plan plan = {.design = design,
                           .deviation = c->gain,
                           .batch = BATCH,
                           .epochs = 1,
                           .epoch_steps = size.steps,
                           .optimizer = OPTIMIZER_SGD,
                           .rate = c->rate,
                           .seed = (uint64_t)c->seed,
                           .training = set->training,
                           .test = set->test,
                           .watch = &watch};
  const bool good =
      gradient_probe_open(&probe, &context->machine, &probed, f) && train(&context->machine, c, &plan, rows, f);
  gradient_probe_close(&probe);
  return good;
}

static bool run_cell(run_context *context, const study_run *run, run_rows *rows, fault *f) {
  const cell *const c = run->cell;
  const sizes size = sizes_of(context->setting);
  pictures set;
  if (!pictures_upload(&set, context, c->rate > 0 ? size.training : FIRST_BATCH, size.test, f)) return false;
  if (set.training.count < FIRST_BATCH) {
    return fault_set(f, "--data: %lld training pictures: expected %d or more", (long long)set.training.count,
                     FIRST_BATCH);
  }
  picture_network net;
  picture_network_make(&net, &c->choice);
  return (c->rate > 0 ? run_training : run_first)(context, c, &net.design, &set, rows, f);
}

extern const study study_gradients;
const study study_gradients = {
    .name = "gradients",
    .title = "Gradients through many layers, and what a step changes for the layers above",
    .files = {{"first.csv", "activation,norm,hidden,gain,seed,layer,gradient"},
              {"shift.csv",
               "activation,norm,rate,seed,step,layer,shift,earlier_cosine,earlier_difference,all_cosine,"
               "all_difference"},
              {"training.csv", "activation,norm,rate,seed,train_accuracy,train_loss,test_accuracy"}},
    .list = list_runs,
    .run = run_cell,
};
