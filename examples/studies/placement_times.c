#include "placement_times.h"

#include <stdio.h>
#include <stdlib.h>

#include "activation_loops.h"
#include "interleaved_times.h"
#include "norm_layer.h"
#include "picture_networks.h"
#include "pictures.h"
#include "rng.h"

/* A size whose tensors have 256 KB each, which the caches of a core hold, and one of 32 MB. `calls` of a measurement.
 */
typedef struct shape {
  int64_t rows, channels;
  int calls;
} shape;

static const shape shapes[] = {{128, 512, 16}, {8192, 1024, 1}};
static const shape tiny_shapes[] = {{4, 16, 1}, {8, 16, 1}};

enum { SHAPES = 2, ROUNDS = 15, STEP_ROWS = 100, STEP_HIDDEN = 5, STEP_WIDTH = 64, STEP_CALLS = 3 };

/* ---- what is timed */

typedef struct tensors { /* of the largest shape */
  float *x, *y, *dy, *dx;
} tensors;

typedef struct timed { /* context of a timed_call */
  const char *form, *pass, *activation;
  int64_t values;
  const tensors *at;
  activation_forward *forward;
  activation_backward *backward;
  norm_layer *norm;
  int64_t rows;
  network *net;
  const train_images *pictures;
} timed;

static bool run_forward(void *context, fault *f) {
  const timed *const t = context;
  (void)f;
  t->forward(t->values, t->at->x, t->at->y);
  return true;
}

/* From y as from x: the numbers differ, the work does not. */
static bool run_backward(void *context, fault *f) {
  const timed *const t = context;
  (void)f;
  t->backward(t->values, t->at->x, t->at->dy, t->at->dx);
  return true;
}

static bool run_fused_forward(void *context, fault *f) {
  const timed *const t = context;
  return norm_layer_forward(t->norm, true, t->rows, t->at->x, t->at->y, f);
}

/* dx beside dy: a next call has the same dy. */
static bool run_fused_backward(void *context, fault *f) {
  const timed *const t = context;
  return norm_layer_backward(t->norm, t->rows, t->at->x, t->at->dy, t->at->dx, f);
}

static bool run_step(void *context, fault *f) {
  const timed *const t = context;
  return network_forward(t->net, true, t->rows, t->pictures->images, f) &&
         network_backward(t->net, t->rows, t->pictures->images, t->pictures->labels, f);
}

/* ---- all of them */

enum { MOST_CALLS = 96 };

typedef struct board {
  run_context *context;
  tensors at;
  pictures pictures;
  int count;
  timed timed[MOST_CALLS];
  timed_call calls[MOST_CALLS];
  int norms, nets; /* made so far */
  norm_layer norm[SHAPES * (ACTIVATIONS + 1)];
  network net[ACTIVATIONS];
} board;

static void add(board *b, const timed *t, bool (*call)(void *, fault *), int calls) {
  b->timed[b->count] = *t;
  b->calls[b->count] = (timed_call){.call = call, .context = &b->timed[b->count], .calls = calls};
  b->count++;
}

static void add_alone(board *b, const activation_loops *a, const shape *s) {
  timed t = {.form = "alone",
             .pass = "forward",
             .activation = a->name,
             .values = s->rows * s->channels,
             .at = &b->at,
             .forward = a->forward,
             .backward = a->backward};
  add(b, &t, run_forward, s->calls);
  t.pass = "backward";
  add(b, &t, run_backward, s->calls);
  if (!(t.backward = a->backward_of_y)) return;
  t.pass = "backward of y";
  add(b, &t, run_backward, s->calls);
}

/* The backward needs a forward's statistics: it stands behind it in each round. */
static bool add_fused(board *b, wn_act act, const char *name, const shape *s, fault *f) {
  const norm_choice choice = {.kind = WN_BATCH, .act = act, .eps = 1e-5, .momentum = 0.1};
  const form in = {s->channels, 1, 1, WN_NCX};
  norm_layer *const norm = &b->norm[b->norms++];
  if (!norm_layer_create(norm, &choice, s->rows, &in, &b->context->memory, f)) return false;
  norm_layer_reset(norm);
  timed t = {.form = "fused",
             .pass = "forward",
             .activation = name,
             .values = s->rows * s->channels,
             .at = &b->at,
             .norm = norm,
             .rows = s->rows};
  add(b, &t, run_fused_forward, s->calls);
  t.pass = "backward";
  add(b, &t, run_fused_backward, s->calls);
  return true;
}

static bool add_step(board *b, const activation_loops *a, fault *f) {
  const picture_choice choice = {.hidden = STEP_HIDDEN, .width = STEP_WIDTH, .act = a->act, .norm = WN_BATCH};
  network *const net = &b->net[b->nets++];
  picture_network made;
  rng random;
  picture_network_make(&made, &choice);
  rng_seed(&random, 1, 1);
  if (!network_build(net, &b->context->machine, &made.design, STEP_ROWS, f)) return false;
  if (!network_reset(net, &random, PICTURE_DEVIATION, f)) return false;
  const timed t = {.form = "network",
                   .pass = "both",
                   .activation = a->name,
                   .values = STEP_ROWS,
                   .net = net,
                   .rows = STEP_ROWS,
                   .pictures = &b->pictures.training};
  add(b, &t, run_step, STEP_CALLS);
  return true;
}

static bool add_all(board *b, const shape *of, fault *f) {
  for (int s = 0; s < SHAPES; s++) {
    for (int i = 0; i < ACTIVATIONS; i++) {
      add_alone(b, &all_activations[i], &of[s]);
      if (!add_fused(b, all_activations[i].act, all_activations[i].name, &of[s], f)) return false;
    }
    if (!add_fused(b, WN_ACT_NONE, "none", &of[s], f)) return false;
  }
  for (int i = 0; i < ACTIVATIONS; i++) {
    if (!add_step(b, &all_activations[i], f)) return false;
  }
  return true;
}

/* x and dy from a normal distribution: as behind a batch norm, half of them negative. */
static bool take_tensors(board *b, int64_t values, int run, fault *f) {
  float **const all[] = {&b->at.x, &b->at.dy, &b->at.y, &b->at.dx};
  rng random;
  rng_seed(&random, (uint64_t)run, 1);
  for (int i = 0; i < 4; i++) {
    if (!(*all[i] = buffers_take(&b->context->memory, values, sizeof **all[i], f))) return false;
    for (int64_t v = 0; v < values; v++) (*all[i])[v] = i < 2 ? (float)rng_normal(&random) : 0;
  }
  return true;
}

/* Commas would end a column. */
static void name_processor(char *name, size_t room, const wn_device *device) {
  char model[256] = "", line[256];
  FILE *const file = fopen("/proc/cpuinfo", "r");
  while (file && !*model && fgets(line, sizeof line, file)) {
    if (sscanf(line, "model name%*[ \t:]%255[^\n]", model) != 1) *model = '\0';
  }
  if (file) (void)fclose(file);
  snprintf(name, room, "%s; %s", *model ? model : "unknown model", wn_device_text(device));
  for (char *at = name; *at; at++) *at = *at == ',' ? ';' : *at;
}

static void add_rows(const board *b, int run, int rounds, run_rows *rows, int file) {
  char processor[512];
  name_processor(processor, sizeof processor, b->context->machine.device);
  for (int i = 0; i < b->count; i++) {
    const timed *const t = &b->timed[i];
    const double *const seconds = b->calls[i].seconds, unit = 1e9 / (double)t->values;
    run_rows_add(rows, file, "%s,%s,%s,%lld,%d,%d,%.4g,%.4g,%.4g,%s", t->form, t->pass, t->activation,
                 (long long)t->values, run, rounds, unit * seconds[rounds / 2], unit * seconds[rounds / 4],
                 unit * seconds[rounds - 1 - rounds / 4], processor);
  }
}

static void release(board *b) {
  for (int i = 0; i < b->norms; i++) norm_layer_destroy(&b->norm[i]);
  for (int i = 0; i < b->nets; i++) network_destroy(&b->net[i]);
  free(b);
}

bool placement_times_run(run_context *context, int run, run_rows *rows, int file, fault *f) {
  const bool tiny = context->setting->form == STUDY_TINY;
  const shape *const of = tiny ? tiny_shapes : shapes;
  const int rounds = tiny ? 1 : ROUNDS;
  board *const b = calloc(1, sizeof *b);
  if (!b) return fault_set(f, "no memory for times");
  b->context = context;
  const bool good = pictures_upload(&b->pictures, context, STEP_ROWS, 1, f) &&
                    take_tensors(b, of[SHAPES - 1].rows * of[SHAPES - 1].channels, run, f) && add_all(b, of, f) &&
                    times_measure(b->calls, b->count, rounds, f);
  if (good) add_rows(b, run, rounds, rows, file);
  release(b);
  return good;
}
