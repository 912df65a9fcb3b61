#include "bench_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_cuda.h"
#include "bench_field.h"
#include "bench_options.h"
#include "bench_progress.h"
#include "bench_report.h"
#include "bench_suites.h"
#include "bench_timer.h"

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

typedef struct files {
  FILE *json, *csv;
} files;

static int complain(const char *what, const bench_fault *fault, int status) {
  fprintf(stderr, "wn_bench: %s%s%s\n", what, *what ? ": " : "", fault->text);
  return status;
}

/* Threads stay on their processors. OpenMP reads this when the program starts, so it starts again. */
static void pin_threads(const bench_options *o, char **words) {
  char threads[16];
  if (getenv("WN_BENCH_PINNED")) return;
  if (o->threads) {
    (void)snprintf(threads, sizeof threads, "%d", o->threads);
    (void)setenv("OMP_NUM_THREADS", threads, 1);
  }
  (void)setenv("OMP_PROC_BIND", "close", 0);
  (void)setenv("OMP_PLACES", "cores", 0);
  (void)setenv("WN_BENCH_PINNED", "1", 1);
  (void)execv("/proc/self/exe", words);
  /* Where that cannot be, threads are where the system puts them. */
}

static bool collect(const bench_options *o, bench_cases *cases, bench_fault *fault) {
  const char *const suites = o->suites ? o->suites : o->case_count ? NULL : "quick";
  for (int i = 0; i < o->case_count; i++) {
    bench_spec spec;
    if (!bench_spec_parse(o->cases[i], &spec, fault)) return false;
    if (!bench_cases_add(cases, &spec, &o->otherwise, "", fault)) return false;
  }
  if (suites && !bench_suites_add(suites, &o->otherwise, o->types_given, o->passes_given, cases, fault)) return false;
  return cases->count > 0 || bench_fault_set(fault, "no case is left: no kind asked for has these passes");
}

static bool open_file(const char *path, FILE **file, bench_fault *fault) {
  if (!path) return true;
  *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
  return *file || bench_fault_set(fault, "%s cannot be written: %s", path, strerror(errno));
}

static bool close_file(const char *path, FILE *file, bench_fault *fault) {
  if (!file) return true;
  bool ok = fflush(file) == 0 && !ferror(file);
  if (file != stdout) ok = fclose(file) == 0 && ok;
  return ok || bench_fault_set(fault, "%s could not be written completely", path);
}

static void list(const bench_options *o, const bench_cases *cases, FILE *json) {
  if (json) {
    for (int i = 0; i < cases->count; i++) bench_json_case(json, &cases->items[i]);
  } else if (!o->suites && !o->case_count) {
    for (const bench_suite *s = bench_suites; s->name; s++) printf("%-15s %s\n", s->name, s->source);
  } else {
    for (int i = 0; i < cases->count; i++) printf("%s\n", cases->items[i].text);
  }
}

static int explain(const bench_cases *cases, wn_device *device) {
  int status = STATUS_OK;
  for (int i = 0; i < cases->count; i++) {
    const bench_case *const c = &cases->items[i];
    wn_plan *plan = NULL;
    char text[400];
    if (wn_plan_create(&plan, device, &c->problem) == WN_OK &&
        wn_plan_explain(plan, c->pass, text, sizeof text) == WN_OK) {
      printf("%s\n  %s\n", c->text, text);
    } else {
      printf("%s\n  FAILED: %s\n", c->text, wn_last_error());
      status = STATUS_FAILED;
    }
    wn_plan_destroy(plan);
  }
  return status;
}

static void report(const bench_outcome *outcome, const files *f, const bench_environment *e, bench_summary *summary) {
  if (f->json != stdout) bench_table_outcome(stdout, outcome);
  if (f->json) bench_json_outcome(f->json, outcome, e);
  if (f->csv) bench_csv_outcome(f->csv, outcome);
  bench_summary_add(summary, outcome);
}

static void measure_all(const bench_options *o, const bench_cases *cases, wn_device *device, const bench_field *field,
                        const bench_environment *e, const files *f, bench_summary *summary) {
  const double start = bench_seconds();
  const bool both = o->cache == BENCH_BOTH;
  const int all = cases->count * (both ? 2 : 1);
  for (int i = 0; i < all; i++) {
    const bench_case *const c = &cases->items[both ? i / 2 : i];
    const bool hot = both ? i % 2 == 1 : o->cache == BENCH_HOT;
    const double memory = o->memory_gb > 0 ? o->memory_gb * 1e9 : 0.5 * (double)e->free_bytes;
    const bench_effort effort = {.seconds = o->seconds,
                                 .rounds = o->rounds,
                                 .batch = o->batch,
                                 .cache_bytes = hot ? 0 : 2 * e->cache_bytes,
                                 .memory_bytes = (size_t)memory};
    bench_outcome outcome;
    bench_progress_show(i, all, bench_seconds() - start, c->text);
    (void)bench_measure(c, device, field, &effort, &outcome);
    bench_progress_clear();
    report(&outcome, f, e, summary);
  }
}

static int bench(const bench_options *o, const bench_cases *cases, wn_device *device, const files *f) {
  bench_fault fault;
  bench_field field;
  bench_environment environment;
  bench_summary summary;
  if (!bench_field_choose(&field, o->peers, wn_device_backend(device), &fault))
    return complain("--peer", &fault, STATUS_USAGE);
  if (!bench_summary_begin(&summary, cases->count * 2)) return complain("", &(bench_fault){"no memory"}, STATUS_FAILED);
  bench_environment_read(&environment, device);
  if (f->json != stdout) bench_table_begin(stdout, &environment);
  if (f->json) bench_json_environment(f->json, &environment, "wn_bench");
  if (f->csv) bench_csv_begin(f->csv, &environment);
  measure_all(o, cases, device, &field, &environment, f, &summary);
  if (f->json != stdout) bench_summary_print(stdout, &summary);
  const bool good = summary.ours_wrong == 0 && summary.ours_failed == 0;
  bench_summary_end(&summary);
  return good ? STATUS_OK : STATUS_FAILED;
}

static int with_device(const bench_options *o, const bench_cases *cases, const files *f) {
  wn_device *device = NULL;
  if (wn_device_open(&device, o->backend, o->ordinal) != WN_OK) {
    fprintf(stderr, "wn_bench: --device: %s\n", wn_last_error());
    return STATUS_FAILED;
  }
  if (o->backend == WN_CUDA && !bench_cuda_use(o->ordinal)) {
    fprintf(stderr, "wn_bench: --device: %s\n", bench_cuda_error());
    wn_device_close(device);
    return STATUS_FAILED;
  }
  const int status = o->explain ? explain(cases, device) : bench(o, cases, device, f);
  wn_device_close(device);
  return status;
}

static int with_files(const bench_options *o, const bench_cases *cases) {
  files f = {NULL, NULL};
  bench_fault fault;
  if (!open_file(o->json, &f.json, &fault) || !open_file(o->csv, &f.csv, &fault))
    return complain("", &fault, STATUS_FAILED);
  int status = STATUS_OK;
  if (o->list) {
    list(o, cases, f.json);
  } else {
    status = with_device(o, cases, &f);
  }
  if (!close_file(o->json, f.json, &fault)) status = complain("", &fault, STATUS_FAILED);
  if (!close_file(o->csv, f.csv, &fault)) status = complain("", &fault, STATUS_FAILED);
  return status;
}

int bench_program(int count, char **words) {
  bench_options options;
  bench_fault fault;
  bench_cases cases = {0};
  int status = STATUS_OK;
  if (!bench_options_parse(&options, count, words, &fault)) {
    status = complain("", &fault, STATUS_USAGE);
  } else if (options.help) {
    bench_options_help(stdout);
  } else if (!collect(&options, &cases, &fault)) {
    status = complain("", &fault, STATUS_USAGE);
  } else {
    if (options.backend == WN_CPU && !options.list) pin_threads(&options, words);
    status = with_files(&options, &cases);
  }
  bench_cases_free(&cases);
  free(options.cases);
  return status;
}
