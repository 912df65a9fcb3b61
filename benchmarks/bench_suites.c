#include "bench_suites.h"

#include <string.h>

static const char *const quick[] = {"layer 4096x1024",
                                    "layer 4099x35",
                                    "rms 2048x4096 f32,bf16",
                                    "batch 32x64x56x56",
                                    "batch nxc 32x64x56x56",
                                    "batch 32x64x56x56 infer",
                                    "group32 8x320x32x32",
                                    "group32 nxc 8x320x32x32 bf16",
                                    "instance 2x32x256x256",
                                    "layer 64x1024",
                                    NULL};

/* The rows by which the processor backend is judged. */
static const char *const table_rows[] = {"layer 4096x4096",
                                         "layer 131072x128",
                                         "layer 64x1024",
                                         "layer 8x1000003",
                                         "layer 4099x35",
                                         "rms 4096x4096",
                                         "rms 512x4096",
                                         "batch 32x64x56x56 train,infer,backward",
                                         "batch nxc 32x64x56x56 train,infer,backward",
                                         "batch 64x2048x7x7 train,infer,backward",
                                         "batch 4096x1024 train,infer,backward",
                                         "group32 8x320x32x32",
                                         "group32 nxc 8x320x32x32",
                                         "instance 2x32x256x256",
                                         "instance nxc 2x32x256x256",
                                         NULL};

/* Its neighbours of the same kinds, which are tuned for just as much and appear nowhere by name. */
static const char *const unlisted[] = {"layer 1024x8192",
                                       "layer 64x65536",
                                       "layer 16384x768",
                                       "layer 8192x96",
                                       "layer 100003x35",
                                       "rms 8192x2048",
                                       "rms 32x8192",
                                       "rms 2048x5120",
                                       "batch 16x64x112x112 train,infer,backward",
                                       "batch nxc 16x64x112x112 train,infer,backward",
                                       "batch 32x35x28x28",
                                       "batch nxc 32x35x28x28",
                                       "batch 64x512x8x8",
                                       "batch nxc 64x512x8x8",
                                       "batch nxc 64x2048x7x7",
                                       "group4 4x64x64x64",
                                       "group4 nxc 4x64x64x64",
                                       "group32 2x128x256x256",
                                       "group32 nxc 2x1280x8x8",
                                       "instance 1x16x64x64x64",
                                       "instance nxc 1x16x64x64x64",
                                       NULL};

#define RESNET50(n)                                                                                              \
  "batch nxc " n "x64x112x112 relu", "batch nxc " n "x64x56x56 relu", "batch nxc " n "x256x56x56",               \
      "batch nxc " n "x128x28x28 relu", "batch nxc " n "x512x28x28", "batch nxc " n "x256x14x14 relu",           \
      "batch nxc " n "x1024x14x14", "batch nxc " n "x512x7x7 relu", "batch nxc " n "x2048x7x7 relu add-after",   \
      "batch " n "x64x112x112 relu", "batch " n "x256x56x56", "batch " n "x512x28x28", "batch " n "x1024x14x14", \
      "batch " n "x2048x7x7 relu add-after"
static const char *const resnet50[] = {RESNET50("32"), NULL};
static const char *const resnet50_256[] = {RESNET50("256"), NULL};

static const char *const convnext[] = {
    "layer nxc 32x96x56x56", "layer nxc 32x192x28x28", "layer nxc 32x384x14x14", "layer nxc 32x768x7x7",
    "layer 32x96x56x56",     "layer 32x192x28x28",     "layer 32x384x14x14",     NULL};
static const char *const diffusion_unet[] = {"group32 nxc 2x320x64x64 silu",
                                             "group32 nxc 2x640x32x32 silu",
                                             "group32 nxc 2x1280x16x16 silu",
                                             "group32 nxc 2x1280x8x8 silu",
                                             "group32 nxc 2x2560x8x8 silu",
                                             "group32 nxc 2x960x64x64 silu",
                                             "group32 2x320x64x64 silu",
                                             "group32 2x640x32x32 silu",
                                             "group32 2x1280x16x16 silu",
                                             "layer 8192x320",
                                             "layer 2048x640",
                                             "layer 512x1280",
                                             NULL};
static const char *const diffusion_vae[] = {"group32 1x512x64x64 silu",
                                            "group32 1x512x128x128 silu",
                                            "group32 1x512x256x256 silu",
                                            "group32 1x256x512x512 silu",
                                            "group32 nxc 1x512x128x128 silu",
                                            "group32 nxc 1x256x512x512 silu",
                                            NULL};
static const char *const llama_8b[] = {
    "rms 1x4096", "rms 32x4096", "rms 2048x4096", "rms 16384x4096", "rms 2048x4096 add-before", NULL};
static const char *const llama_70b[] = {
    "rms 1x8192", "rms 32x8192", "rms 2048x8192", "rms 8192x8192", "rms 2048x8192 add-before", NULL};
static const char *const gpt[] = {"layer 8192x768",
                                  "layer 8192x1024",
                                  "layer 8192x1280",
                                  "layer 8192x1600",
                                  "layer 1024x12288",
                                  "layer 8192x1600 add-before",
                                  NULL};
static const char *const vit[] = {"layer 6304x768", "layer 6304x1024", "layer 8224x1280", NULL};
static const char *const bert[] = {"layer 16384x768 add-before", "layer 16384x1024 add-before", "layer 4096x768", NULL};
static const char *const unet3d[] = {"instance 2x32x128x128x128 leaky-relu",
                                     "instance 2x64x64x64x64 leaky-relu",
                                     "instance 2x128x32x32x32 leaky-relu",
                                     "instance 2x256x16x16x16 leaky-relu",
                                     "instance 2x320x8x8x8 leaky-relu",
                                     "instance nxc 2x64x64x64x64 leaky-relu",
                                     "batch 2x32x64x64x64 relu",
                                     NULL};
static const char *const small[] = {"layer 64x1024",
                                    "layer 1x4096",
                                    "rms 1x4096",
                                    "rms 16x128",
                                    "batch 8x64x8x8",
                                    "batch nxc 8x64x8x8",
                                    "group32 1x64x8x8",
                                    "group32 nxc 1x64x8x8",
                                    "instance 1x16x16x16",
                                    "instance nxc 1x16x16x16",
                                    NULL};
static const char *const hostile[] = {"layer 4099x35",
                                      "layer 4099x36",
                                      "layer 3x1000003",
                                      "layer 131072x7",
                                      "layer 4096x1023 unaligned",
                                      "rms 4096x4095 unaligned",
                                      "batch 32x35x7x7",
                                      "batch nxc 32x35x7x7",
                                      "batch nxc 32x35x56x56",
                                      "batch nxc 32x32x56x56",
                                      "batch 64x2048x7x7 unaligned",
                                      "group5 3x35x17x17",
                                      "group5 nxc 3x35x17x17",
                                      "instance 4x3x333x333",
                                      "instance nxc 4x3x333x333",
                                      NULL};

/* From 64 KB to 16 GB of traffic in f32, four times as much each; what does not fit into memory is left out. */
static const char *const growth[] = {"layer 8x1024 train",
                                     "layer 32x1024 train",
                                     "layer 128x1024 train",
                                     "layer 512x1024 train",
                                     "layer 2048x1024 train",
                                     "layer 8192x1024 train",
                                     "layer 32768x1024 train",
                                     "layer 131072x1024 train",
                                     "layer 524288x1024 train",
                                     "layer 2097152x1024 train",
                                     NULL};
static const char *const growth_batch[] = {"batch nxc 1x128x8x8 train",
                                           "batch nxc 4x128x8x8 train",
                                           "batch nxc 16x128x8x8 train",
                                           "batch nxc 64x128x8x8 train",
                                           "batch nxc 256x128x8x8 train",
                                           "batch nxc 1024x128x8x8 train",
                                           "batch nxc 4096x128x8x8 train",
                                           "batch nxc 16384x128x8x8 train",
                                           "batch nxc 65536x128x8x8 train",
                                           "batch nxc 262144x128x8x8 train",
                                           NULL};

const bench_suite bench_suites[] = {
    {"quick", "a row of each kind: minutes, not hours", "f32", "train,backward", quick},
    {"table", "the rows that the processor backend is judged by", "f32,bf16", "train,backward", table_rows},
    {"unlisted", "neighbours of table: wider rows, odd channels, small images, three axes", "f32,bf16",
     "train,backward", unlisted},
    {"resnet50", "He et al. 2015 (arXiv 1512.03385), table 1; batch 32", "f32,bf16", "train,infer,backward", resnet50},
    {"resnet50-256", "the same; batch 256", "bf16", "train,infer,backward", resnet50_256},
    {"convnext", "Liu et al. 2022 (arXiv 2201.03545), ConvNeXt-T; batch 32", "f32,bf16", "train,backward", convnext},
    {"diffusion-unet", "Rombach et al. 2021 (arXiv 2112.10752), Stable Diffusion 1, 512x512, guided batch of 1", "bf16",
     "train,infer,backward", diffusion_unet},
    {"diffusion-vae", "the same, decoder of the autoencoder", "bf16", "infer", diffusion_vae},
    {"llama-8b", "Grattafiori et al. 2024 (arXiv 2407.21783), table 3; decoding, prefill, training", "bf16",
     "train,infer,backward", llama_8b},
    {"llama-70b", "the same", "bf16", "train,infer,backward", llama_70b},
    {"gpt", "Radford et al. 2019 (GPT-2), Brown et al. 2020 (arXiv 2005.14165): tokens x width", "bf16",
     "train,backward", gpt},
    {"vit", "Dosovitskiy et al. 2020 (arXiv 2010.11929), B/16, L/16, H/14; batch 32", "bf16", "train,backward", vit},
    {"bert", "Devlin et al. 2018 (arXiv 1810.04805), base and large; 32 sequences of 512", "bf16", "train,backward",
     bert},
    {"unet3d", "Isensee et al. 2018 (arXiv 1809.10486), nnU-Net; patches of 128^3, batch 2", "f32,bf16",
     "train,backward", unet3d},
    {"small", "where the call or the launch is what takes the time", "f32", "train,infer,backward", small},
    {"hostile", "odd channels, 7x7, few long rows, many short ones, unaligned", "f32,bf16", "train,backward", hostile},
    {"growth", "a layer norm of 1024 channels from 64 KB of traffic to 16 GB, as far as memory holds it", "f32",
     "train", growth},
    {"growth-batch", "a batch norm of 128 channels (nxc), likewise", "f32", "train", growth_batch},
    {NULL, NULL, NULL, NULL, NULL}};

static bool add_suite(const bench_suite *suite, const bench_spec *given, bool types_given, bool passes_given,
                      bench_cases *cases, bench_fault *fault) {
  bench_spec otherwise = *given;
  if (!types_given && !bench_types_parse(suite->types, &otherwise, fault)) return false;
  if (!passes_given && !bench_passes_parse(suite->passes, &otherwise, fault)) return false;
  for (const char *const *line = suite->lines; *line; line++) {
    bench_spec spec;
    if (!bench_spec_parse(*line, &spec, fault)) return false;
    if (!bench_cases_add(cases, &spec, &otherwise, suite->name, fault)) return false;
  }
  return true;
}

static const bench_suite *find(const char *name, size_t length) {
  for (const bench_suite *s = bench_suites; s->name; s++)
    if (strlen(s->name) == length && memcmp(s->name, name, length) == 0) return s;
  return NULL;
}

bool bench_suites_add(const char *names, const bench_spec *otherwise, bool types_given, bool passes_given,
                      bench_cases *cases, bench_fault *fault) {
  for (const char *name = names;;) {
    const size_t length = strcspn(name, ",");
    const bench_suite *const suite = find(name, length);
    if (!suite)
      return bench_fault_point(fault, names, (size_t)(name - names), length ? length : 1,
                               "there is no suite \"%.*s\" (--list shows all)", (int)length, name);
    if (!add_suite(suite, otherwise, types_given, passes_given, cases, fault)) return false;
    if (name[length] == '\0') return true;
    name += length + 1;
  }
}
