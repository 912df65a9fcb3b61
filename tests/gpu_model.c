/* Prints what docs/gpu-model.md has of the model: its constants, and what the planner makes of shapes on five GPUs.
 * Nothing here is measured; what others have published stands beside it. scripts/gpu-model puts it into the document.
 */
#include <stdio.h>

#include "host/plan.h"
#include "host/plan_cuda.h"

typedef struct shape {
  const char *name, *published; /* by others; units as their authors give them */
  wn_kind kind;
  wn_layout layout;
  int64_t n, c, x, groups;
  wn_dtype type, y_type;
  wn_add add;
  bool relu; /* with a mask */
  wn_pass pass;
} shape;

#define FRONTEND ", cudnn-frontend, H200"

static const shape shapes[] = {
    {"RMS 16384 x 4096", "cuDNN 72, PyTorch 80, torch.compile 76 us" FRONTEND, WN_RMS, WN_NXC, 16384, 4096, 1, 1,
     WN_BF16, 0, 0, false, WN_INFER},
    {"RMS 16384 x 4096", "cuDNN 106, PyTorch 223, torch.compile 236 us" FRONTEND, WN_RMS, WN_NXC, 16384, 4096, 1, 1,
     WN_BF16, 0, 0, false, WN_BACKWARD},
    {"RMS 4096 x 16384", "cuDNN 70, PyTorch 112, torch.compile 67 us" FRONTEND, WN_RMS, WN_NXC, 4096, 16384, 1, 1,
     WN_BF16, 0, 0, false, WN_INFER},
    {"RMS 4096 x 16384", "cuDNN 118, PyTorch 261, torch.compile 177 us" FRONTEND, WN_RMS, WN_NXC, 4096, 16384, 1, 1,
     WN_BF16, 0, 0, false, WN_BACKWARD},
    {"layer 1024 x 12288", "cuDNN 16, PyTorch 31, torch.compile 20 us" FRONTEND, WN_LAYER, WN_NXC, 1024, 12288, 1, 1,
     WN_BF16, 0, 0, false, WN_TRAIN},
    {"layer 1024 x 12288", "cuDNN 80, PyTorch 61, torch.compile 43 us" FRONTEND, WN_LAYER, WN_NXC, 1024, 12288, 1, 1,
     WN_BF16, 0, 0, false, WN_BACKWARD},
    {"layer 512 x 16384", "", WN_LAYER, WN_NXC, 512, 16384, 1, 1, WN_BF16, 0, 0, false, WN_BACKWARD},
    {"RMS 131072 x 128", "cuDNN 21, torch.compile 17 us" FRONTEND, WN_RMS, WN_NXC, 131072, 128, 1, 1, WN_BF16, 0, 0,
     false, WN_INFER},
    {"RMS 131072 x 128", "cuDNN 35, torch.compile 55 us" FRONTEND, WN_RMS, WN_NXC, 131072, 128, 1, 1, WN_BF16, 0, 0,
     false, WN_BACKWARD},
    {"group NXC 8 x 320 x 64 x 64, 32 groups", "", WN_GROUP, WN_NXC, 8, 320, 64 * 64, 32, WN_BF16, 0, 0, false,
     WN_TRAIN},
    {"group NXC 8 x 320 x 64 x 64, 32 groups", "", WN_GROUP, WN_NXC, 8, 320, 64 * 64, 32, WN_BF16, 0, 0, false,
     WN_BACKWARD},
    {"group NXC 2 x 128 x 512 x 512, 32 groups", "", WN_GROUP, WN_NXC, 2, 128, 512 * 512, 32, WN_BF16, 0, 0, false,
     WN_TRAIN},
    {"group NXC 2 x 128 x 512 x 512, 32 groups", "", WN_GROUP, WN_NXC, 2, 128, 512 * 512, 32, WN_BF16, 0, 0, false,
     WN_BACKWARD},
    {"group NCX 32 x 256 x 56 x 56, 32 groups", "TileOPs 2704 GB/s, H200 (TileOPs PR 1868)", WN_GROUP, WN_NCX, 32, 256,
     56 * 56, 32, WN_F16, 0, 0, false, WN_INFER},
    {"instance NXC 2 x 32 x 128 x 128 x 128", "", WN_INSTANCE, WN_NXC, 2, 32, 128 * 128 * 128, 1, WN_F16, 0, 0, false,
     WN_TRAIN},
    {"instance NXC 2 x 32 x 128 x 128 x 128", "", WN_INSTANCE, WN_NXC, 2, 32, 128 * 128 * 128, 1, WN_F16, 0, 0, false,
     WN_BACKWARD},
    {"batch NCX 32 x 64 x 112 x 112", "", WN_BATCH, WN_NCX, 32, 64, 112 * 112, 1, WN_BF16, 0, 0, false, WN_TRAIN},
    {"batch NCX 32 x 64 x 112 x 112", "", WN_BATCH, WN_NCX, 32, 64, 112 * 112, 1, WN_BF16, 0, 0, false, WN_BACKWARD},
    {"batch NCX 32 x 256 x 56 x 56", "", WN_BATCH, WN_NCX, 32, 256, 56 * 56, 1, WN_BF16, 0, 0, false, WN_TRAIN},
    {"batch NCX 32 x 256 x 56 x 56", "", WN_BATCH, WN_NCX, 32, 256, 56 * 56, 1, WN_BF16, 0, 0, false, WN_BACKWARD},
    {"batch NCX 32 x 2048 x 7 x 7", "", WN_BATCH, WN_NCX, 32, 2048, 49, 1, WN_BF16, 0, 0, false, WN_TRAIN},
    {"batch NCX 32 x 2048 x 7 x 7", "", WN_BATCH, WN_NCX, 32, 2048, 49, 1, WN_BF16, 0, 0, false, WN_BACKWARD},
    {"batch NXC 32 x 256 x 56 x 56", "", WN_BATCH, WN_NXC, 32, 256, 56 * 56, 1, WN_BF16, 0, 0, false, WN_TRAIN},
    {"batch NXC 32 x 256 x 56 x 56", "", WN_BATCH, WN_NXC, 32, 256, 56 * 56, 1, WN_BF16, 0, 0, false, WN_BACKWARD},
    {"batch NXC 32 x 256 x 56 x 56 + add, relu", "", WN_BATCH, WN_NXC, 32, 256, 56 * 56, 1, WN_BF16, 0, WN_ADD_AFTER,
     true, WN_TRAIN},
    {"batch NXC 32 x 256 x 56 x 56 + add, relu", "", WN_BATCH, WN_NXC, 32, 256, 56 * 56, 1, WN_BF16, 0, WN_ADD_AFTER,
     true, WN_BACKWARD},
    {"batch NCX 4 x 128 x 1024 x 1024", "TileOPs 2356, torch.compile 2110 GB/s, H200 (TileOPs PR 2056)", WN_BATCH,
     WN_NCX, 4, 128, 1024 * 1024, 1, WN_F16, 0, 0, false, WN_TRAIN},
    {"layer NCX 64 x 768 x 14 x 14", "", WN_LAYER, WN_NCX, 64, 768, 196, 1, WN_BF16, 0, 0, false, WN_TRAIN},
    {"layer NCX 64 x 768 x 14 x 14", "", WN_LAYER, WN_NCX, 64, 768, 196, 1, WN_BF16, 0, 0, false, WN_BACKWARD},
    {"layer 131072 x 35", "", WN_LAYER, WN_NXC, 131072, 35, 1, 1, WN_BF16, 0, 0, false, WN_TRAIN},
    {"batch NXC 32 x 35 x 56 x 56", "", WN_BATCH, WN_NXC, 32, 35, 56 * 56, 1, WN_BF16, 0, 0, false, WN_TRAIN},
    {"layer 16384 x 1023", "", WN_LAYER, WN_NXC, 16384, 1023, 1, 1, WN_BF16, 0, 0, false, WN_BACKWARD},
    {"layer 16 x 1048576", "", WN_LAYER, WN_NXC, 16, 1 << 20, 1, 1, WN_BF16, 0, 0, false, WN_TRAIN},
    {"layer 16 x 1048576", "", WN_LAYER, WN_NXC, 16, 1 << 20, 1, 1, WN_BF16, 0, 0, false, WN_BACKWARD},
    {"layer 16384 x 4096 to e4m3", "", WN_LAYER, WN_NXC, 16384, 4096, 1, 1, WN_BF16, WN_F8_E4M3, 0, false, WN_TRAIN},
    {"layer 16384 x 1024", "Apex 1258 GB/s, A100 (apex PR 1037)", WN_LAYER, WN_NXC, 16384, 1024, 1, 1, WN_F16, 0, 0,
     false, WN_TRAIN},
    {"layer 16384 x 1024", "Apex 1163 GB/s, A100 (apex PR 1037)", WN_LAYER, WN_NXC, 16384, 1024, 1, 1, WN_F16, 0, 0,
     false, WN_BACKWARD},
    {"batch NCX 8 x 64 x 32 x 32", "TileOPs 2.8, torch.compile 4.1 us, H200 (TileOPs PR 2056)", WN_BATCH, WN_NCX, 8, 64,
     32 * 32, 1, WN_F16, 0, 0, false, WN_TRAIN},
    {"layer 64 x 1024", "", WN_LAYER, WN_NXC, 64, 1024, 1, 1, WN_BF16, 0, 0, false, WN_TRAIN},
};

/* Copies that others have measured, in GB/s. The planner counts with the specification, the document with these too. */
typedef struct device {
  const char *name;
  double copy;
  const char *source;
} device;

static const device devices[] = {
    {"A100", 1381, "te42kyfo/gpu-benches gpu-stream, 8-byte accesses, 40 GB"},
    {"H100", 3003, "Dao-AILab/quack AI/hadamard_roofline_analysis.md"},
    {"H200", 4070, "triad, tile-ai/TileOPs benchmarks/hardware"},
    {"B200", 7100, "triad, NVIDIA/cccl PR 9881"},
    {"RTX 4090", 920, "tinygrad/open-gpu-kernel-modules issue 6"},
};
enum { DEVICES = sizeof devices / sizeof *devices };

static const wni_cuda_figures *figures(int index) {
  for (int i = 0; i < wni_cuda_device_count; i++) {
    const char *a = wni_cuda_devices[i].name, *b = devices[index].name;
    while (*a && *a == *b) a++, b++;
    if (*a == *b) return &wni_cuda_devices[i];
  }
  return NULL;
}

static void print_devices(void) {
  printf(
      "| device | SMs | threads, shared KB of each | L2 MB, counted upon | in flight KB per SM, needed | "
      "specified GB/s | copy GB/s | source of the copy |\n|---|---|---|---|---|---|---|---|\n");
  for (int i = 0; i < DEVICES; i++) {
    const wni_cuda_figures *const d = figures(i);
    printf("| %s | %d | %d, %d | %.0f, %.0f | %d | %.0f | %.0f | %s |\n", d->name, d->sms, d->threads_per_sm,
           (int)(d->shared_per_sm >> 10), (double)d->l2_bytes / 1048576, (double)d->l2_bytes / 1048576 * 2 / 3,
           (int)(d->in_flight >> 10), d->bytes_per_second / 1e9, devices[i].copy, devices[i].source);
  }
}

static const char *pass_name(wn_pass pass) {
  return pass == WN_TRAIN ? "train" : pass == WN_INFER ? "infer" : "backward";
}

static bool make_input(const shape *s, wni_plan_input *in) {
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = s->kind;
  p.layout = s->layout;
  p.n = s->n;
  p.c = s->c;
  p.x = s->x;
  p.groups = s->groups;
  p.x_type = s->type;
  p.y_type = s->y_type;
  p.add = s->add;
  p.act = s->relu ? WN_ACT_RELU : WN_ACT_NONE;
  wni_problem resolved;
  if (wni_problem_resolve(&p, &resolved) != WN_OK) return false;
  *in = wni_plan_input_make(&resolved, s->pass, s->n);
  return true;
}

/* The first launch that goes over tensors; how many there are in all. */
static void print_kernel(const wni_cuda_plan *plan) {
  const wni_cuda_launch *const l = &plan->launch[0];
  const char *const scope = wni_cuda_scope_name(l->function, l->variant);
  printf("%s%s%s, %d", wni_cuda_function_name(l->function), *scope ? " " : "", scope, plan->launches);
}

static bool print_shape(const shape *s) {
  wni_plan_input in;
  if (!make_input(s, &in)) return false;
  printf("| %s, %s |", s->name, pass_name(s->pass));
  for (int i = 0; i < DEVICES; i++) {
    const wni_cuda_figures *const d = figures(i);
    wni_cuda_plan plan;
    wni_plan_cuda(&in, d, &plan);
    const wni_cuda_traffic t = wni_cuda_count(&in, d, &plan, s->relu);
    const double bytes = t.read + t.written + t.partial;
    const double gaps =
        plan.seconds - (plan.traffic.read + plan.traffic.written + plan.traffic.partial) / d->bytes_per_second;
    printf(" ");
    print_kernel(&plan);
    printf("; %.3g MB", bytes / 1e6);
    if (t.again > 0) printf(" (%.3g again)", t.again / 1e6);
    printf("; %.2g; **%.3g**, %.3g |", plan.waves, (bytes / (devices[i].copy * 1e9) + gaps) * 1e6,
           (bytes / d->bytes_per_second + gaps) * 1e6);
  }
  printf(" %s |\n", s->published);
  return true;
}

int main(void) {
  print_devices();
  printf(
      "\nEach device: kernel of the first launch, launches; bytes; waves; **us at the copy's speed**, us at the "
      "specification.\n\n| shape, pass |");
  for (int i = 0; i < DEVICES; i++) printf(" %s |", devices[i].name);
  printf(" published by others |\n|---|");
  for (int i = 0; i < DEVICES; i++) printf("---|");
  printf("---|\n");
  for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++)
    if (!print_shape(&shapes[i])) return 1;
  return 0;
}
