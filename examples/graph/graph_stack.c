#include "graph_stack.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph_kernels.h"

#define RATE 0.02f

bool stack_check(wn_status status, const char *doing) {
  if (status == WN_OK) return true;
  fprintf(stderr, "wn_graph: %s: %s (%s)\n", doing, wn_last_error(), wn_status_text(status));
  return false;
}

bool stack_check_cuda(cudaError_t error, const char *doing) {
  if (error == cudaSuccess) return true;
  fprintf(stderr, "wn_graph: %s: %s (%d): %s\n", doing, cudaGetErrorName(error), (int)error, cudaGetErrorString(error));
  return false;
}

/* ---- memory and plans */

static void *take(stack *s, int64_t count, size_t size) {
  void *buffer = NULL;
  const wn_status status = wn_buffer_alloc(s->device, &buffer, (size_t)count * size, s->stream);
  if (!stack_check(status, "allocating")) return NULL;
  return s->buffers[s->buffer_count++] = buffer;
}

static wn_problem problem_of(const stack *s, int layer) {
  wn_problem problem = WN_PROBLEM_INIT;
  problem.kind = layer == 0 ? WN_BATCH : WN_RMS;
  problem.act = layer == 0 ? WN_ACT_RELU : WN_ACT_SILU;
  problem.add = layer == 0 ? WN_ADD_NONE : WN_ADD_BEFORE;
  if (layer == 0) problem.flags = WN_RUNNING_CUMULATIVE;
  problem.n = s->rows;
  problem.c = s->channels;
  return problem;
}

static bool create_layer(stack *s, int i) {
  stack_layer *const layer = &s->layers[i];
  const wn_problem problem = problem_of(s, i);
  const int64_t values = s->rows * s->channels;
  if (!stack_check(wn_plan_create(&layer->plan, s->device, &problem), "planning")) return false;
  for (int pass = 0; pass < 2; pass++) {
    const size_t bytes = wn_plan_workspace(layer->plan, pass == 0 ? WN_TRAIN : WN_BACKWARD);
    if (bytes > s->work_bytes) s->work_bytes = bytes;
  }
  if (!(layer->y = take(s, values, sizeof(float)))) return false;
  if (!(layer->rstd = take(s, i == 0 ? s->channels : s->rows, sizeof(float)))) return false;
  if (i > 0) return (layer->sum = take(s, values, sizeof(float))) != NULL;
  if (!(layer->mean = take(s, s->channels, sizeof(float)))) return false;
  return (layer->mask = take(s, (int64_t)wn_plan_mask(layer->plan), 1)) != NULL;
}

/* Values of all parameters, then their gradients in the same order, so that one launch updates them all. */
static bool create_state(stack *s) {
  s->parameters = s->channels * (s->layer_count + 1); /* a gamma a layer, and one beta */
  const int64_t floats = 2 * s->parameters + 2 * s->channels;
  s->state_bytes = (size_t)(s->steps + 2) * 8 + (size_t)floats * sizeof(float);
  if (!(s->state = take(s, (int64_t)s->state_bytes, 1))) return false;
  s->step = s->state;
  s->batches_seen = s->step + 1;
  s->losses = (double *)(s->step + 2);
  float *const values = (float *)(s->losses + s->steps), *const gradients = values + s->parameters;
  s->running_mean = gradients + s->parameters;
  s->running_var = s->running_mean + s->channels;
  for (int i = 0; i < s->layer_count; i++) {
    s->layers[i].gamma = values + i * s->channels;
    s->layers[i].dgamma = gradients + i * s->channels;
  }
  s->layers[0].beta = values + s->layer_count * s->channels;
  s->layers[0].dbeta = gradients + s->layer_count * s->channels;
  return true;
}

/* Batches of numbers between -2 and 2, each channel with a scale of its own, and what the stack shall make of them. */
static bool create_data(stack *s) {
  const int64_t values = GRAPH_BATCHES * s->rows * s->channels;
  const size_t bytes = (size_t)values * sizeof(float);
  float *const x = malloc(bytes), *const target = malloc(bytes);
  bool good = x && target;
  if (!good) fprintf(stderr, "wn_graph: no memory for %lld values\n", (long long)values);
  uint32_t random = 1;
  for (int64_t i = 0; good && i < values; i++) {
    random = random * 1664525u + 1013904223u;
    x[i] = (float)((int64_t)(random >> 8) - (1 << 23)) * 0x1p-22f;
    const float z = x[i] * (1 + (float)(i % s->channels) / (float)s->channels);
    target[i] = z / (1 + expf(-z));
  }
  good = good && (s->data = take(s, values, sizeof(float))) && (s->targets = take(s, values, sizeof(float))) &&
         stack_check(wn_buffer_write(s->device, s->data, x, bytes, s->stream), "writing the data") &&
         stack_check(wn_buffer_write(s->device, s->targets, target, bytes, s->stream), "writing the targets");
  free(x);
  free(target);
  return good;
}

bool stack_create(stack *s, wn_device *device, cudaStream_t stream, int64_t rows, int64_t channels, int layers,
                  int64_t steps) {
  memset(s, 0, sizeof *s);
  s->device = device;
  s->stream = stream;
  s->rows = rows;
  s->channels = channels;
  s->layer_count = layers;
  s->steps = steps;
  for (int i = 0; i < layers; i++) {
    if (!create_layer(s, i)) return false;
  }
  const int64_t values = rows * channels;
  return create_state(s) && create_data(s) && (s->x = take(s, values, sizeof(float))) &&
         (s->dy[0] = take(s, values, sizeof(float))) && (s->dy[1] = take(s, values, sizeof(float))) &&
         (s->partial = take(s, GRAPH_LOSS_BLOCKS, sizeof(double))) &&
         (s->work_bytes == 0 || (s->work = take(s, (int64_t)s->work_bytes, 1)));
}

void stack_destroy(stack *s) {
  for (int i = 0; i < s->layer_count; i++) wn_plan_destroy(s->layers[i].plan);
  for (int i = 0; i < s->buffer_count; i++) wn_buffer_free(s->device, s->buffers[i], s->stream);
  memset(s, 0, sizeof *s);
}

/* ---- state */

bool stack_reset(stack *s) {
  char *const host = calloc(1, s->state_bytes);
  if (!host) return fprintf(stderr, "wn_graph: no memory for a state of %zu bytes\n", s->state_bytes), false;
  float *const gamma = (float *)(host + ((char *)s->layers[0].gamma - (char *)s->state));
  for (int64_t i = 0; i < s->layer_count * s->channels; i++) gamma[i] = 1;
  const wn_status status = wn_buffer_write(s->device, s->state, host, s->state_bytes, s->stream);
  free(host);
  return stack_check(status, "writing the state");
}

bool stack_read(stack *s, void *state) {
  return stack_check(wn_buffer_read(s->device, state, s->state, s->state_bytes, s->stream), "reading the state") &&
         stack_check(wn_stream_wait(s->device, s->stream), "waiting for the steps");
}

double stack_loss(const stack *s, const void *state, int64_t step) {
  double loss;
  memcpy(&loss, (const char *)state + ((char *)(s->losses + step) - (char *)s->state), sizeof loss);
  return loss;
}

/* ---- a step */

static bool launch(stack *s, graph_kernel kernel, int64_t blocks, void *job) {
  const cudaLaunchConfig_t config = {
      .gridDim = {(unsigned)blocks, 1, 1}, .blockDim = {GRAPH_THREADS, 1, 1}, .stream = s->stream};
  return stack_check_cuda(cudaLaunchKernelExC(&config, graph_kernel_function(kernel), &job), "launching a kernel");
}

static int64_t blocks_for(int64_t count) { return (count + GRAPH_THREADS - 1) / GRAPH_THREADS; }

static bool forward(stack *s, int i) {
  const stack_layer *const layer = &s->layers[i], *const before = i > 0 ? layer - 1 : NULL;
  wn_forward_args args = WN_FORWARD_INIT;
  args.x = before ? before->y : s->x;
  args.gamma = layer->gamma;
  args.beta = layer->beta;
  args.y = layer->y;
  args.mean = layer->mean;
  args.rstd = layer->rstd;
  args.mask = layer->mask;
  if (before) {
    args.residual = before->sum ? before->sum : s->x;
    args.sum = layer->sum;
  } else {
    args.running_mean = s->running_mean;
    args.running_var = s->running_var;
    args.batches_seen = s->batches_seen;
  }
  return stack_check(wn_train(layer->plan, &args, s->work, s->work_bytes, s->stream), "normalizing");
}

/* What comes back from a sum goes to both that were added: it is the dy and the dsum of the layer before. */
static bool backward(stack *s, int i, const float *dy, const float *dsum, float *dx) {
  const stack_layer *const layer = &s->layers[i];
  wn_backward_args args = WN_BACKWARD_INIT;
  args.x = i > 0 ? layer->sum : s->x;
  args.dy = dy;
  if (i > 0) args.dsum = dsum;
  args.gamma = layer->gamma;
  args.beta = layer->beta;
  args.mean = layer->mean;
  args.rstd = layer->rstd;
  args.mask = layer->mask;
  if (i > 0) args.dx = dx; /* nobody wants that of the data */
  args.dgamma = layer->dgamma;
  args.dbeta = layer->dbeta;
  return stack_check(wn_backward(layer->plan, &args, s->work, s->work_bytes, s->stream), "normalizing backward");
}

bool stack_step(stack *s) {
  const int64_t count = s->rows * s->channels;
  const int last = s->layer_count - 1;
  const float scale = 1 / (float)s->rows;
  load_job load = {count, GRAPH_BATCHES, s->step, s->data, s->x};
  if (!launch(s, GRAPH_LOAD, blocks_for(count), &load)) return false;
  for (int i = 0; i <= last; i++) {
    if (!forward(s, i)) return false;
  }
  loss_job loss = {count, GRAPH_BATCHES, s->step, s->layers[last].y, s->targets, scale, s->dy[0], s->partial};
  if (!launch(s, GRAPH_LOSS, GRAPH_LOSS_BLOCKS, &loss)) return false;
  for (int i = last; i >= 0; i--) {
    const float *const dy = s->dy[(last - i) % 2];
    if (!backward(s, i, dy, i < last ? dy : NULL, s->dy[(last - i + 1) % 2])) return false;
  }
  update_job update = {s->parameters,      RATE,       s->layers[0].dgamma,
                       s->layers[0].gamma, s->partial, 0.5 / (double)s->rows,
                       s->losses,          s->step};
  return launch(s, GRAPH_UPDATE, blocks_for(s->parameters), &update);
}
