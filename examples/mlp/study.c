#include "study.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dataset.h"
#include "figure.h"
#include "machine.h"
#include "progress.h"
#include "train.h"

/* The text that the study is grown from adds 10e-7 to the variance and keeps 0.9 of the old running statistics at each
 * step; the library's momentum is the share of the new one. */
#define STUDY_EPS 1e-6
#define STUDY_MOMENTUM 0.1
/* "Learned something": three times what guessing one of ten classes gives. */
#define STUDY_LEARNED 0.30

typedef struct study {
  const options *opt;
  ranks *together; /* joined; NULL: alone */
  machine machine;
  buffers images;
  train_plan plan;
  FILE *curves, *summary;
  progress progress;
  int series;     /* 1: without normalization only */
  int learned[2]; /* scales whose last sample reached STUDY_LEARNED, by series */
} study;

static bool make_folder(const char *folder, fault *f) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path) return fault_set(f, "--out: the name is too long");
  for (char *at = path + 1;; at++) {
    const char here = *at;
    if (here != '/' && here != '\0') continue;
    *at = '\0';
    if (mkdir(path, 0777) != 0 && errno != EEXIST) return fault_set(f, "--out %s: %s", path, strerror(errno));
    *at = here;
    if (here == '\0') return true;
  }
}

static FILE *create_file(const study *s, const char *name, fault *f) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/%s", s->opt->out, name) >= (int)sizeof path) {
    return fault_set(f, "--out: the name is too long"), NULL;
  }
  if (!ranks_leads(s->together)) strcpy(path, "/dev/null");
  FILE *const file = fopen(path, "w");
  if (!file) fault_set(f, "--out: %s cannot be written: %s", path, strerror(errno));
  return file;
}

/* Full disks show here, if not before. */
static bool close_file(FILE **file, const char *name, fault *f) {
  if (!*file) return true;
  const bool written = !ferror(*file);
  const bool closed = fclose(*file) == 0;
  *file = NULL;
  return (written && closed) || fault_set(f, "--out: %s could not be written completely", name);
}

static bool load_images(study *s, fault *f) {
  const options *const opt = s->opt;
  dataset training = {0}, test = {0};
  bool good =
      dataset_load(&training, opt->data, "train", opt->images, f) && dataset_load(&test, opt->data, "t10k", 0, f);
  if (good && training.pixels != test.pixels) {
    good = fault_set(f, "%s: sizes disagree: training images of %lld pixels, test images of %lld", opt->data,
                     (long long)training.pixels, (long long)test.pixels);
  }
  good = good && train_upload(&s->plan.training, &training, &s->images, f) &&
         train_upload(&s->plan.test, &test, &s->images, f);
  dataset_free(&training);
  dataset_free(&test);
  return good;
}

static void make_plan(study *s) {
  const options *const opt = s->opt;
  train_plan *const plan = &s->plan;
  plan->shape = (network_shape){
      .inputs = plan->training.pixels,
      .width = opt->width,
      .classes = DATASET_CLASSES,
      .hidden = opt->layers,
      .act = (wn_act)opt->activation,
      .norm_after = opt->place == 1,
      .norm = {.kind = (wn_kind)opt->norm,
               .groups = opt->groups,
               .bf16 = opt->type == WN_BF16,
               .eps = STUDY_EPS,
               .momentum = STUDY_MOMENTUM,
               .statistics = s->together ? s->together->statistics : NULL},
  };
  plan->batch = opt->batch;
  plan->epochs = opt->epochs;
  plan->epoch_steps = plan->training.count > opt->batch ? plan->training.count / opt->batch : 1;
  plan->optimizer = (optimizer_kind)opt->optimizer;
  plan->rate = opt->rate;
  plan->seed = (uint64_t)opt->seed;
  plan->together = s->together;
}

static bool join_ranks(study *s, ranks *r, fault *f) {
  if (!r) return true;
  if (s->opt->batch % r->count != 0)
    return fault_set(f, "--batch: %d images are no equal shares for %d ranks", s->opt->batch, r->count);
  s->together = r;
  return r->join(r, s->machine.device, f);
}

static bool study_open(study *s, const options *opt, ranks *r, FILE *out, fault *f) {
  memset(s, 0, sizeof *s);
  s->opt = opt;
  s->series = opt->norm ? 2 : 1;
  if (!machine_open(&s->machine, (wn_backend)opt->device, opt->ordinal, opt->threads, f)) return false;
  s->images.on = &s->machine;
  if (!join_ranks(s, r, f) || !load_images(s, f)) return false;
  if (ranks_leads(r) && !make_folder(opt->out, f)) return false;
  if (!(s->curves = create_file(s, "curves.csv", f))) return false;
  if (!(s->summary = create_file(s, "summary.csv", f))) return false;
  make_plan(s);
  progress_start(&s->progress, out, (int64_t)opt->scale_count * s->series * opt->epochs);
  return true;
}

static bool study_close(study *s, fault *f) {
  fault close_fault = {""};
  const bool curves = close_file(&s->curves, "curves.csv", &close_fault);
  const bool summary = close_file(&s->summary, "summary.csv", &close_fault);
  if (s->images.on) buffers_release(&s->images);
  if (s->together) s->together->leave(s->together);
  machine_close(&s->machine);
  if (curves && summary) return true;
  *f = close_fault;
  return false;
}

static void print_setting(const study *s, FILE *out) {
  const options *const opt = s->opt;
  fprintf(out, "%lld images of %s, %lld for the test\n", (long long)s->plan.training.count, opt->data,
          (long long)s->plan.test.count);
  fprintf(out, "network %lld", (long long)s->plan.training.pixels);
  if (opt->layers <= 8) {
    for (int i = 0; i < opt->layers; i++) fprintf(out, "-%d", opt->width);
  } else {
    fprintf(out, "-%dx%d", opt->layers, opt->width);
  }
  fprintf(out, "-%d, %s, %s %g, batch %d, %d epochs of %lld steps, seed %lld\n", DATASET_CLASSES,
          options_word("--activation", opt->activation), options_word("--optimizer", opt->optimizer), opt->rate,
          opt->batch, opt->epochs, (long long)s->plan.epoch_steps, (long long)opt->seed);
  if (opt->norm) {
    fprintf(out, "%s norm %s the activation in %s", options_word("--norm", opt->norm),
            options_word("--place", opt->place), options_word("--type", opt->type));
    if (opt->norm == WN_GROUP) fprintf(out, ", %d groups", opt->groups);
    if (opt->norm == WN_INSTANCE) fprintf(out, ", %d channels", opt->groups);
    fputs(", against none; ", out);
  }
  if (s->together)
    fprintf(out, "%d ranks, statistics of %s; ", s->together->count,
            s->together->statistics ? "the batch" : "each share");
  fprintf(out, "device: %s\n", wn_device_text(s->machine.device));
  fputs("accuracy on the training images (the last point of the curve) and on the test images\n", out);
  fflush(out);
}

/* "nan" and "inf" without the sign that C libraries print or not. */
static const char *number(char text[32], double value) {
  snprintf(text, 32, "%.6g", isnan(value) ? 0 : value);
  return isnan(value) ? "nan" : text;
}

static void write_rows(study *s, int scale, const char *norm, const train_result *r) {
  char loss[32], test_loss[32];
  const double deviation = s->plan.deviation;
  for (int epoch = 0; epoch < s->plan.epochs; epoch++) {
    const train_sample *const sample = &r->samples[epoch];
    fprintf(s->curves, "%d,%.9g,%s,%d,%lld,%.6g,%s\n", scale + 1, deviation, norm, epoch, (long long)sample->step,
            sample->accuracy, number(loss, sample->loss));
  }
  fprintf(s->summary, "%d,%.9g,%s,%.6g,%.6g,%s,%.6g,%s\n", scale + 1, deviation, norm,
          r->samples[s->plan.epochs - 1].accuracy, r->end.accuracy, number(loss, r->end.loss), r->test_accuracy,
          number(test_loss, r->test_loss));
}

static void count_epoch(void *context, const network *net) {
  (void)net;
  progress_step(context);
}

static bool run_scale(study *s, int scale, train_sample *samples, fault *f) {
  const options *const opt = s->opt;
  char line[256];
  int used = snprintf(line, sizeof line, "[%2d/%d] std %-9.3g", scale + 1, opt->scale_count, opt->scales[scale]);
  s->plan.deviation = opt->scales[scale];
  for (int series = 0; series < s->series; series++) {
    const char *const norm = series == 0 ? "none" : options_word("--norm", opt->norm);
    train_result result = {.samples = samples};
    s->plan.shape.normalized = series == 1;
    if (!train_run(&s->machine, &s->plan, &result, count_epoch, &s->progress, f)) return false;
    write_rows(s, scale, norm, &result);
    const double last = samples[opt->epochs - 1].accuracy;
    s->learned[series] += last >= STUDY_LEARNED;
    used += snprintf(line + used, sizeof line - (size_t)used, "  %s %.3f test %.3f", norm, last, result.test_accuracy);
  }
  progress_line(&s->progress, line);
  return true;
}

static bool run_scales(study *s, fault *f) {
  const options *const opt = s->opt;
  fputs("scale,std,norm,epoch,step,accuracy,loss\n", s->curves);
  fputs("scale,std,norm,last_sample_accuracy,train_accuracy,train_loss,test_accuracy,test_loss\n", s->summary);
  train_sample *const samples = calloc((size_t)opt->epochs, sizeof *samples);
  if (!samples) return fault_set(f, "no memory for %d epochs", opt->epochs);
  bool good = true;
  for (int scale = 0; good && scale < opt->scale_count; scale++) good = run_scale(s, scale, samples, f);
  free(samples);
  return good;
}

static void print_result(const study *s, FILE *out) {
  const options *const opt = s->opt;
  for (int series = 0; series < s->series; series++) {
    fprintf(out, "%s: accuracy %.2f or more at %d of %d scales\n",
            series == 0 ? "without normalization" : options_word("--norm", opt->norm), STUDY_LEARNED,
            s->learned[series], opt->scale_count);
  }
  fprintf(out, "%.1f s; results: %s/curves.csv, %s/summary.csv\n", progress_seconds(&s->progress), opt->out, opt->out);
}

bool study_run(const options *opt, ranks *r, FILE *out, fault *f) {
  study s;
  bool good = study_open(&s, opt, r, out, f);
  if (good) {
    print_setting(&s, out);
    good = run_scales(&s, f);
  }
  good = good ? study_close(&s, f) : (study_close(&s, &(fault){""}), false);
  if (!good) return false;
  print_result(&s, out);
  if (!opt->figure || !ranks_leads(r)) return true;
  if (!figure_draw(opt, f)) return false;
  fprintf(out, "picture: %s/accuracy.png, %s/accuracy.svg\n", opt->out, opt->out);
  return true;
}
