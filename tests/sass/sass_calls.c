/* What kernels get: plans calls for a few GPUs and prints each launch that touches tensors, with the struct that its
 * kernel would be handed. scripts/check-sass follows one thread of the kernel's machine code with it, so nothing is
 * allocated and no address is ever used: each tensor has an address range of its own, by which the reader knows what an
 * access is to. One launch a line, as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cuda_state.h"
#include "host/names.h"
#include "host/plan.h"
#include "kernels/cuda/cuda_job.h"

/* ---- addresses: the reader has the same numbers */

typedef enum { X = 1, RESIDUAL, Y, SUM, DY, DX, DRESIDUAL, MASK, SMALL, WORK } area;

static void *at(area a) { return (void *)((uintptr_t)a << 40); }                                /* NOLINT: never used */
static void *small(int i) { return (void *)(((uintptr_t)SMALL << 40) + ((uintptr_t)i << 32)); } /* NOLINT */

/* ---- what stands for the CUDA runtime and for kernels */

typedef struct shape {
  const char *name;
  wn_kind kind;
  wn_layout layout;
  int64_t n, c, x, groups;
} shape;

typedef struct recorded {
  const char *shape;
  int sm;
  wni_cuda_function function; /* the launch that is asked for next */
  int variant;
} recorded;
static recorded now;
static const wni_cuda_figures *figures;

wn_status wni_cuda_check(cudaError_t error, const char *call) {
  if (error == cudaSuccess) return WN_OK;
  (void)fprintf(stderr, "%s failed\n", call);
  abort();
}
wn_status wni_cuda_enter(const wni_cuda_state *state, wni_cuda_visit *visit) {
  (void)state, (void)visit;
  return WN_OK;
}
wn_status wni_cuda_leave(const wni_cuda_visit *visit, wn_status status) {
  (void)visit;
  return status;
}
cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream) {
  (void)to, (void)value, (void)bytes, (void)stream;
  return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *attributes, const void *kernel) {
  (void)kernel;
  memset(attributes, 0, sizeof *attributes);
  attributes->maxThreadsPerBlock = 1024;
  return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute attribute, int value) {
  (void)kernel, (void)attribute, (void)value;
  return cudaSuccess;
}

const void *wni_cuda_kernel(wni_cuda_function function, int variant, const wni_types *types) {
  (void)types;
  now.function = function;
  now.variant = variant;
  return &now;
}

static const char *act_name(wn_act act) {
  static const char *const names[] = {"none", "relu", "leaky_relu", "sigmoid", "tanh", "gelu", "gelu_tanh", "silu"};
  return (unsigned)act < sizeof names / sizeof *names ? names[act] : "unknown";
}

static bool touches_tensors(wni_cuda_function f) { return f <= WNI_CUDA_COLUMN_BACKWARD_APPLY; }

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *kernel, void **arguments) {
  (void)kernel;
  if (!touches_tensors(now.function)) return cudaSuccess;
  const wni_cuda_job *const job = arguments[0];
  const bool backward = job->call.pass >= WN_BACKWARD;
  const char *const scope = wni_cuda_scope_name(now.function, now.variant);
  (void)printf("{\"sm\": %d, \"shape\": \"%s\", \"pass\": \"%s\", \"act\": \"%s\", ", now.sm, now.shape,
               wni_pass_name(job->call.pass), act_name(job->call.act));
  (void)printf("\"function\": \"%s\", \"scope\": \"%s\", \"variant\": %d, \"x\": \"%s\", \"other\": \"%s\", ",
               wni_cuda_function_name(now.function), scope, scope[0] != '\0' ? now.variant : -1,
               wni_dtype_name(job->call.types.x), wni_dtype_name(backward ? job->call.types.dy : job->call.types.y));
  const wni_plan_input in = {.pass = job->call.pass, .types = job->call.types};
  const wni_cuda_launch l = {.function = now.function,
                             .variant = now.variant,
                             .block = config->blockDim.x,
                             .shared = (unsigned)config->dynamicSmemBytes};
  (void)printf("\"grid\": %u, \"block\": %u, \"blocks_per_sm\": %lld, \"in_flight\": %lld, \"job\": \"",
               config->gridDim.x, config->blockDim.x, (long long)wni_cuda_resident(&in, figures, &l),
               (long long)figures->in_flight);
  for (size_t i = 0; i < sizeof *job; i++) (void)printf("%02x", ((const unsigned char *)job)[i]);
  (void)printf("\"}\n");
  return cudaSuccess;
}

/* ---- calls */

static size_t workspace(void *state, const wni_plan_input *input) {
  wni_cuda_plan plan;
  wni_plan_cuda(input, &((wni_cuda_state *)state)->figures, &plan);
  return plan.workspace;
}
static const wni_backend recorder = {
    .id = WN_CUDA, .mask_bytes = wni_mask_bytes_by_span, .workspace = workspace, .run = wni_cuda_run};

static void must(wn_status status) {
  if (status == WN_OK) return;
  (void)fprintf(stderr, "%s\n", wn_last_error());
  exit(1);
}

/* What the pass may be given it is given, but no mask in backward: z is made again there, which costs most. No
 * residual.
 */
static void run(const wn_plan *plan, const wn_problem *p, wn_pass pass) {
  const bool rms = p->kind == WN_RMS;
  const bool running = p->kind == WN_BATCH && (pass == WN_INFER || pass == WN_BACKWARD_FROZEN);
  const size_t bytes = wn_plan_workspace(plan, pass);
  if (pass == WN_TRAIN || pass == WN_INFER) {
    wn_forward_args a = WN_FORWARD_INIT;
    a.x = at(X), a.y = at(Y);
    a.gamma = small(0), a.beta = small(1);
    if (pass == WN_TRAIN) a.mean = rms ? NULL : small(2), a.rstd = small(3);
    if (running) a.running_mean = small(4), a.running_var = small(5);
    must((pass == WN_TRAIN ? wn_train : wn_infer)(plan, &a, at(WORK), bytes, NULL));
  } else {
    wn_backward_args a = WN_BACKWARD_INIT;
    a.x = at(X), a.dy = at(DY), a.dx = at(DX);
    a.gamma = small(0), a.beta = small(1), a.dgamma = small(6), a.dbeta = small(7);
    if (running) {
      a.running_mean = small(4), a.running_var = small(5);
    } else {
      a.mean = rms ? NULL : small(2), a.rstd = small(3);
    }
    must((pass == WN_BACKWARD ? wn_backward : wn_backward_frozen)(plan, &a, at(WORK), bytes, NULL));
  }
}

static void record(const shape *s, wn_dtype x, wn_dtype y, wn_act act) {
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = s->kind, p.layout = s->layout, p.n = s->n, p.c = s->c, p.x = s->x, p.groups = s->groups;
  p.x_type = x, p.y_type = y, p.act = act;
  wni_cuda_state state = {.figures = *figures};
  wn_device device = {.backend = &recorder, .state = &state};
  wn_plan *plan;
  must(wn_plan_create(&plan, &device, &p));
  run(plan, &p, WN_TRAIN);
  if (s->kind == WN_BATCH) run(plan, &p, WN_INFER);
  if (y != WN_F8_E4M3) {
    run(plan, &p, WN_BACKWARD);
    if (s->kind == WN_BATCH) run(plan, &p, WN_BACKWARD_FROZEN);
  }
  wn_plan_destroy(plan);
}

/* Sizes at which every thread has as much as it can hold, and several turns of it. */
static const shape shapes[] = {
    {"rows of 128", WN_LAYER, WN_NXC, 1 << 20, 128, 1, 1},
    {"rows of 256", WN_LAYER, WN_NXC, 1 << 20, 256, 1, 1},
    {"rows of 1024", WN_LAYER, WN_NXC, 1 << 17, 1024, 1, 1},
    {"rows of 4096", WN_LAYER, WN_NXC, 1 << 16, 4096, 1, 1},
    {"rows of 4096, RMS", WN_RMS, WN_NXC, 1 << 16, 4096, 1, 1},
    {"rows of 16384", WN_LAYER, WN_NXC, 1 << 14, 16384, 1, 1},
    {"rows of 65536", WN_LAYER, WN_NXC, 1 << 13, 65536, 1, 1},
    {"rows of 1048576", WN_LAYER, WN_NXC, 256, 1 << 20, 1, 1},
    {"instance NCX 64x64", WN_INSTANCE, WN_NCX, 1024, 64, 4096, 1},
    {"group NCX 64x64, g32", WN_GROUP, WN_NCX, 64, 256, 4096, 32},
    {"batch NCX 112x112", WN_BATCH, WN_NCX, 32, 64, 12544, 1},
    {"batch NXC 56x56", WN_BATCH, WN_NXC, 256, 256, 3136, 1},
    {"group NXC 64x64, g32", WN_GROUP, WN_NXC, 128, 320, 4096, 32},
    {"layer NCX 64x64", WN_LAYER, WN_NCX, 32, 1024, 4096, 1},
    /* What no team of blocks holds. */
    {"rows of 67108864", WN_LAYER, WN_NXC, 64, 1 << 26, 1, 1},
    {"batch NCX 1024x1024", WN_BATCH, WN_NCX, 32, 8, 1 << 20, 1},
    {"group NCX 1024x1024, g32", WN_GROUP, WN_NCX, 2, 256, 1 << 20, 32},
    {"batch NXC 112x112", WN_BATCH, WN_NXC, 1024, 64, 12544, 1},
    {"instance NXC 128x128x128", WN_INSTANCE, WN_NXC, 16, 32, 1 << 21, 1},
};

static const wn_act costly[] = {WN_ACT_SIGMOID, WN_ACT_TANH, WN_ACT_GELU, WN_ACT_GELU_TANH, WN_ACT_SILU};

int main(void) {
  static const char *const names[] = {"A100", "H100", "B200"};
  for (size_t d = 0; d < sizeof names / sizeof *names; d++) {
    for (int i = 0; i < wni_cuda_device_count; i++)
      if (strcmp(wni_cuda_devices[i].name, names[d]) == 0) figures = &wni_cuda_devices[i];
    now.sm = figures->sm;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
      now.shape = shapes[i].name;
      static const wn_dtype types[] = {WN_BF16, WN_F16, WN_F32};
      for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        record(&shapes[i], types[t], types[t], WN_ACT_NONE);
        record(&shapes[i], types[t], types[t], WN_ACT_RELU);
      }
      record(&shapes[i], WN_BF16, WN_F8_E4M3, WN_ACT_NONE);
      for (size_t a = 0; a < sizeof costly / sizeof *costly; a++) record(&shapes[i], WN_BF16, WN_BF16, costly[a]);
    }
  }
  return 0;
}
