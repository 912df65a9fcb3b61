#include "network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Uniform in -1 to 1; the same everywhere. */
static float next_weight(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / (float)(1 << 23) - 1;
}

static void set_weights(weights *w) {
  uint32_t state = 1;
  memset(w, 0, sizeof *w);
  for (int i = 0; i < FEATURES; i++)
    for (int j = 0; j < HIDDEN; j++) w->first[i][j] = next_weight(&state);
  for (int j = 0; j < HIDDEN; j++) {
    w->gamma[j] = 1;
    for (int k = 0; k < CLASSES; k++) w->last[j][k] = 0.3f * next_weight(&state);
  }
}

static wn_status make_plan(network *net, const wn_comm *comm, int64_t most_samples) {
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = WN_BATCH;
  p.act = WN_ACT_RELU;
  p.n = most_samples;
  p.c = HIDDEN;
  return comm ? wn_plan_create_sync(&net->plan, net->device, &p, comm) : wn_plan_create(&net->plan, net->device, &p);
}

wn_status network_open(network *net, wn_device *processor, const wn_comm *comm, int64_t most_samples) {
  memset(net, 0, sizeof *net);
  set_weights(&net->value);
  for (int j = 0; j < HIDDEN; j++) net->running_var[j] = 1;
  net->device = processor;
  wn_status s = make_plan(net, comm, most_samples);
  if (s != WN_OK) return s;
  const size_t train = wn_plan_workspace(net->plan, WN_TRAIN), back = wn_plan_workspace(net->plan, WN_BACKWARD);
  net->work_bytes = train > back ? train : back;
  s = wn_buffer_alloc(net->device, &net->work, net->work_bytes, NULL);
  float **const rows[] = {&net->before, &net->after, &net->gradient};
  for (int i = 0; i < 3 && s == WN_OK; i++) {
    void *memory = NULL;
    s = wn_buffer_alloc(net->device, &memory, (size_t)(most_samples + 1) * HIDDEN * sizeof(float), NULL);
    *rows[i] = memory;
  }
  return s;
}

void network_close(network *net) {
  void *const memory[] = {net->work, net->before, net->after, net->gradient};
  for (int i = 0; i < 4; i++) (void)wn_buffer_free(net->device, memory[i], NULL);
  wn_plan_destroy(net->plan);
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

static wn_status normalize(network *net, int64_t samples) {
  wn_forward_args a = WN_FORWARD_INIT;
  a.n = samples;
  a.x = net->before;
  a.y = net->after;
  a.gamma = net->value.gamma;
  a.beta = net->value.beta;
  a.mean = net->mean;
  a.rstd = net->rstd;
  a.running_mean = net->running_mean;
  a.running_var = net->running_var;
  return wn_train(net->plan, &a, net->work, net->work_bytes, NULL);
}

/* net->gradient: of `after` on the way in, of `before` on the way out. */
static wn_status normalize_back(network *net, int64_t samples, weights *gradient) {
  wn_backward_args a = WN_BACKWARD_INIT;
  a.n = samples;
  a.x = net->before;
  a.dy = a.dx = net->gradient;
  a.gamma = net->value.gamma;
  a.beta = net->value.beta;
  a.mean = net->mean;
  a.rstd = net->rstd;
  a.dgamma = gradient->gamma;
  a.dbeta = gradient->beta;
  return wn_backward(net->plan, &a, net->work, net->work_bytes, NULL);
}

/* Softmax of what the last layer makes of `hidden`; loss is what the right class's share says. */
static void classify(const network *net, const float *hidden, int label, float share[CLASSES], double *loss) {
  float most = -INFINITY, sum = 0;
  for (int k = 0; k < CLASSES; k++) {
    share[k] = 0;
    for (int j = 0; j < HIDDEN; j++) share[k] += hidden[j] * net->value.last[j][k];
    most = share[k] > most ? share[k] : most;
  }
  for (int k = 0; k < CLASSES; k++) sum += share[k] = expf(share[k] - most);
  for (int k = 0; k < CLASSES; k++) share[k] /= sum;
  *loss -= logf(share[label]);
}

/* Of one sample, through the last layer. */
static void last_back(network *net, int64_t i, int label, const float share[CLASSES], int64_t total,
                      weights *gradient) {
  const float *const hidden = net->after + i * HIDDEN;
  float *const back = net->gradient + i * HIDDEN;
  memset(back, 0, HIDDEN * sizeof *back);
  for (int k = 0; k < CLASSES; k++) {
    const float d = (share[k] - (k == label ? 1.0f : 0.0f)) / (float)total;
    for (int j = 0; j < HIDDEN; j++) {
      gradient->last[j][k] += d * hidden[j];
      back[j] += d * net->value.last[j][k];
    }
  }
}

wn_status network_gradient(network *net, const batch *b, int64_t total, weights *gradient, double *loss) {
  memset(gradient, 0, sizeof *gradient);
  memset(net->before, 0, (size_t)b->samples * HIDDEN * sizeof *net->before);
  *loss = 0;
  for (int64_t i = 0; i < b->samples; i++)
    for (int f = 0; f < FEATURES; f++)
      for (int j = 0; j < HIDDEN; j++) net->before[i * HIDDEN + j] += b->x[i * FEATURES + f] * net->value.first[f][j];
  wn_status s = normalize(net, b->samples);
  if (s != WN_OK) return s;
  for (int64_t i = 0; i < b->samples; i++) {
    float share[CLASSES];
    classify(net, net->after + i * HIDDEN, b->label[i], share, loss);
    last_back(net, i, b->label[i], share, total, gradient);
  }
  *loss /= (double)total;
  s = normalize_back(net, b->samples, gradient);
  for (int64_t i = 0; i < b->samples && s == WN_OK; i++)
    for (int f = 0; f < FEATURES; f++)
      for (int j = 0; j < HIDDEN; j++) gradient->first[f][j] += b->x[i * FEATURES + f] * net->gradient[i * HIDDEN + j];
  return s;
}

void network_step(network *net, const weights *gradient, float rate) {
  float values[WEIGHTS], slopes[WEIGHTS];
  memcpy(values, &net->value, sizeof values);
  memcpy(slopes, gradient, sizeof slopes);
  for (int i = 0; i < WEIGHTS; i++) values[i] -= rate * slopes[i];
  memcpy(&net->value, values, sizeof values);
}
