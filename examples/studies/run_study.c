#include "run_study.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "progress.h"
#include "run_file.h"

typedef struct execution {
  run_place place;
  const study_work *work;
  run_list list;
  progress progress;
  int64_t shown; /* tenths of the progress, where it is no terminal */
} execution;

static bool do_run(const execution *e, const study_run *run, fault *f) {
  run_context context = {.setting = e->place.setting, .training = e->work->training, .test = e->work->test};
  if (!machine_open(&context.machine, WN_CPU, 0, 1, f)) return false;
  context.memory.on = &context.machine;
  run_rows *const rows = run_rows_make();
  const bool good = rows ? e->place.of->run(&context, run, rows, f) && run_file_write(&e->place, run, rows, f)
                         : fault_set(f, "no memory for rows");
  run_rows_free(rows);
  buffers_release(&context.memory);
  machine_close(&context.machine);
  return good;
}

/* The child never returns. */
static bool start(const execution *e, const study_run *run, fault *f) {
  (void)fflush(NULL);
  const pid_t child = fork();
  if (child < 0) return fault_set(f, "starting a process: %s", strerror(errno));
  if (child > 0) return true;
  const bool good = do_run(e, run, f);
  if (!good) fprintf(stderr, "wn_studies: %s %s: %s\n", e->place.of->name, run->key, f->text);
  _exit(good ? 0 : 1);
}

static bool wait_for_one(fault *f) {
  int status = 0;
  while (wait(&status) < 0) {
    if (errno != EINTR) return fault_set(f, "waiting for a process: %s", strerror(errno));
  }
  return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
         fault_set(f, "a run has failed; those that are done are kept, and the same command goes on");
}

static void show(execution *e) {
  char line[256];
  progress_step(&e->progress);
  const int64_t tenths = 10 * e->progress.done / e->progress.total;
  if (tenths == e->shown) return;
  e->shown = tenths;
  snprintf(line, sizeof line, "%s: %lld of %lld runs", e->place.of->name, (long long)e->progress.done,
           (long long)e->progress.total);
  progress_line(&e->progress, line);
}

/* May it start beside those that run? `last` is the last of these; one that is alone has started as the only one. */
static bool fits(const study_run *next, const study_run *last, int running, int jobs) {
  return running == 0 || (running < jobs && !next->alone && !last->alone);
}

static bool run_missing(execution *e, const study_run *const *missing, int64_t count, fault *f) {
  int running = 0;
  bool good = true;
  for (int64_t i = 0; i < count || running > 0;) {
    if (good && i < count && fits(missing[i], i > 0 ? missing[i - 1] : NULL, running, e->work->jobs)) {
      good = start(e, missing[i++], f);
      running += good;
    } else if (running > 0) {
      fault ended;
      const bool one = wait_for_one(&ended);
      if (!one && good) *f = ended;
      good = good && one;
      running--;
      show(e);
    } else {
      break; /* a failure, and nothing runs any more */
    }
  }
  return good;
}

static bool run_all(execution *e, fault *f) {
  const study_run **const missing = malloc((size_t)e->list.count * sizeof *missing);
  int64_t count = 0;
  if (!missing) return fault_set(f, "no memory for a list of runs");
  for (int64_t i = 0; i < e->list.count; i++) {
    const study_run *const run = &e->list.runs[i];
    if (e->work->again || !run_file_done(&e->place, run)) missing[count++] = run;
  }
  fprintf(e->work->progress, "%s: %s\n%lld runs, %lld of them done before\n", e->place.of->name, e->place.of->title,
          (long long)e->list.count, (long long)(e->list.count - count));
  progress_start(&e->progress, e->work->progress, count);
  const bool good = run_missing(e, missing, count, f);
  free(missing);
  return good;
}

static bool join_file(const execution *e, int number, fault *f) {
  const study_file *const of = &e->place.of->files[number];
  char path[RUN_PATH_ROOM];
  snprintf(path, sizeof path, "%.*s/%s", RUN_PATH_ROOM - 64, e->place.folder, of->name);
  FILE *const to = fopen(path, "w");
  if (!to) return fault_set(f, "--out: %s cannot be written: %s", path, strerror(errno));
  bool good = true;
  fprintf(to, "%s\n", of->header);
  for (int64_t i = 0; good && i < e->list.count; i++) good = run_file_copy(&e->place, &e->list.runs[i], number, to, f);
  const bool written = !ferror(to);
  if ((fclose(to) != 0 || !written) && good) good = fault_set(f, "--out: %s could not be written completely", path);
  if (good) fprintf(e->work->progress, "%s\n", path);
  return good;
}

bool study_execute(const study *of, const study_setting *setting, const study_work *work, fault *f) {
  execution e = {.work = work};
  bool good = run_place_make(&e.place, work->out, of, setting, f) && of->list(&e.list, setting, f) && run_all(&e, f);
  for (int i = 0; good && i < STUDY_MOST_FILES && of->files[i].name; i++) good = join_file(&e, i, f);
  run_list_free(&e.list);
  return good;
}
