#include "norm_layer.h"

#include <string.h>

static wn_problem problem_of(const norm_choice *choice, int64_t most_rows, const form *in) {
  wn_problem problem = WN_PROBLEM_INIT;
  problem.kind = choice->kind;
  problem.layout = in->layout;
  problem.n = most_rows;
  problem.c = in->channels;
  problem.x = form_positions(in);
  if (choice->kind == WN_GROUP) problem.groups = choice->groups;
  if (choice->kind == WN_INSTANCE && problem.x == 1) {
    /* An instance would be one value and its normalized form 0: runs of features stand for positions. */
    problem.layout = WN_NCX;
    problem.c = choice->groups;
    problem.x = in->channels / choice->groups;
  }
  if (choice->kind == WN_BATCH) problem.parts = choice->parts;
  problem.x_type = choice->bf16 ? WN_BF16 : WN_F32;
  problem.param_type = WN_F32;
  problem.act = choice->act;
  problem.act_slope = MACHINE_LEAKY_SLOPE;
  problem.eps = choice->eps;
  problem.momentum = choice->momentum;
  if (choice->kind == WN_BATCH) problem.flags = WN_RUNNING_POPULATION;
  return problem;
}

static int64_t statistics_of(const wn_problem *problem) {
  switch (problem->kind) {
    case WN_BATCH:
      return problem->c * (problem->parts > 1 ? problem->parts : 1);
    case WN_LAYER:
    case WN_RMS:
      return problem->n * problem->x;
    case WN_GROUP:
      return problem->n * problem->groups;
    case WN_INSTANCE:
      return problem->n * problem->c;
  }
  return 0;
}

static bool take_parameters(norm_layer *layer, const wn_problem *problem, buffers *memory, fault *f) {
  const int64_t channels = problem->c, statistics = statistics_of(problem);
  if (!(layer->gamma = buffers_take(memory, channels, sizeof(float), f))) return false;
  if (!(layer->dgamma = buffers_take(memory, channels, sizeof(float), f))) return false;
  if (!(layer->rstd = buffers_take(memory, statistics, sizeof(float), f))) return false;
  if (problem->kind != WN_RMS) {
    if (!(layer->beta = buffers_take(memory, channels, sizeof(float), f))) return false;
    if (!(layer->dbeta = buffers_take(memory, channels, sizeof(float), f))) return false;
    if (!(layer->mean = buffers_take(memory, statistics, sizeof(float), f))) return false;
  }
  if (layer->running) {
    if (!(layer->running_mean = buffers_take(memory, channels, sizeof(float), f))) return false;
    if (!(layer->running_var = buffers_take(memory, channels, sizeof(float), f))) return false;
  }
  return true;
}

static bool take_staging(norm_layer *layer, int64_t values, buffers *memory, fault *f) {
  if (!(layer->x_bf16 = buffers_take(memory, values, sizeof(uint16_t), f))) return false;
  if (!(layer->y_bf16 = buffers_take(memory, values, sizeof(uint16_t), f))) return false;
  if (!(layer->d_bf16 = buffers_take(memory, values, sizeof(uint16_t), f))) return false;
  return true;
}

static bool take_workspace(norm_layer *layer, buffers *memory, fault *f) {
  const wn_pass passes[] = {WN_TRAIN, WN_INFER, WN_BACKWARD};
  for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
    const size_t bytes = wn_plan_workspace(layer->plan, passes[i]);
    if (bytes > layer->work_bytes) layer->work_bytes = bytes;
  }
  if (!layer->work_bytes) return true;
  return (layer->work = buffers_take(memory, (int64_t)layer->work_bytes, 1, f)) != NULL;
}

static wn_status make_plan(wn_plan **plan, wn_device *device, const wn_problem *problem, const wn_comm *statistics) {
  const bool shared = statistics && problem->kind == WN_BATCH; /* the other kinds look at one sample at a time */
  return shared ? wn_plan_create_sync(plan, device, problem, statistics) : wn_plan_create(plan, device, problem);
}

bool norm_layer_create(norm_layer *layer, const norm_choice *choice, int64_t most_rows, const form *in, buffers *memory,
                       fault *f) {
  memset(layer, 0, sizeof *layer);
  const wn_problem problem = problem_of(choice, most_rows, in);
  layer->on = memory->on;
  layer->width = form_values(in);
  layer->channels = problem.c;
  layer->running = choice->kind == WN_BATCH;
  return fault_check(f, make_plan(&layer->plan, memory->on->device, &problem, choice->statistics),
                     "planning a normalization") &&
         take_parameters(layer, &problem, memory, f) && take_workspace(layer, memory, f) &&
         (!choice->bf16 || take_staging(layer, most_rows * layer->width, memory, f));
}

void norm_layer_destroy(norm_layer *layer) {
  wn_plan_destroy(layer->plan);
  memset(layer, 0, sizeof *layer);
}

void norm_layer_reset(norm_layer *layer) {
  machine *const m = layer->on;
  m->ops->fill(m, layer->channels, 1, layer->gamma);
  if (layer->beta) m->ops->fill(m, layer->channels, 0, layer->beta);
  if (!layer->running) return;
  m->ops->fill(m, layer->channels, 0, layer->running_mean);
  m->ops->fill(m, layer->channels, 0, layer->running_var);
}

bool norm_layer_forward(norm_layer *layer, bool training, int64_t rows, const float *x, float *y, fault *f) {
  machine *const m = layer->on;
  wn_forward_args args = WN_FORWARD_INIT;
  args.n = rows;
  args.x = x;
  args.y = y;
  if (layer->x_bf16) {
    m->ops->to_bf16(m, rows * layer->width, x, layer->x_bf16);
    args.x = layer->x_bf16;
    args.y = layer->y_bf16;
  }
  args.gamma = layer->gamma;
  args.beta = layer->beta;
  args.running_mean = layer->running_mean;
  args.running_var = layer->running_var;
  if (training) {
    args.mean = layer->mean;
    args.rstd = layer->rstd;
  }
  const wn_status status = training ? wn_train(layer->plan, &args, layer->work, layer->work_bytes, m->stream)
                                    : wn_infer(layer->plan, &args, layer->work, layer->work_bytes, m->stream);
  if (!fault_check(f, status, training ? "normalizing" : "normalizing for inference")) return false;
  if (layer->x_bf16) m->ops->from_bf16(m, rows * layer->width, layer->y_bf16, y);
  return true;
}

bool norm_layer_backward(norm_layer *layer, int64_t rows, const float *x, const float *dy, float *dx, fault *f) {
  machine *const m = layer->on;
  wn_backward_args args = WN_BACKWARD_INIT;
  args.n = rows;
  args.x = x;
  args.dy = dy;
  args.dx = dx;
  if (layer->x_bf16) {
    m->ops->to_bf16(m, rows * layer->width, dy, layer->d_bf16);
    args.x = layer->x_bf16; /* the rounded x of the forward, kept since */
    args.dy = args.dx = layer->d_bf16;
  }
  args.gamma = layer->gamma;
  args.beta = layer->beta;
  args.mean = layer->mean;
  args.rstd = layer->rstd;
  args.dgamma = layer->dgamma;
  args.dbeta = layer->dbeta;
  const wn_status status = wn_backward(layer->plan, &args, layer->work, layer->work_bytes, m->stream);
  if (!fault_check(f, status, "normalizing backward")) return false;
  if (layer->x_bf16) m->ops->from_bf16(m, rows * layer->width, layer->d_bf16, dx);
  return true;
}
