#include "run_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_ROOM = 1024 };
static const char end_line[] = "end\n";

struct run_rows {
  char *text;
  size_t length, room;
  bool failed; /* no memory, or a row too long */
};

run_rows *run_rows_make(void) { return calloc(1, sizeof(run_rows)); }

void run_rows_free(run_rows *rows) {
  if (rows) free(rows->text);
  free(rows);
}

void run_rows_add(run_rows *rows, int file, const char *format, ...) {
  char row[LINE_ROOM];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(row, sizeof row, format, arguments);
  va_end(arguments);
  if (rows->length + LINE_ROOM + 16 > rows->room) {
    const size_t room = 2 * rows->room + LINE_ROOM + 16;
    char *const text = realloc(rows->text, room);
    rows->failed |= !text;
    if (!text) return;
    rows->text = text;
    rows->room = room;
  }
  rows->failed |= length >= LINE_ROOM - 16;
  rows->length += (size_t)snprintf(rows->text + rows->length, LINE_ROOM + 16, "%d %s\n", file, row);
}

static bool make_folder(const char *folder, fault *f) {
  char path[RUN_PATH_ROOM];
  snprintf(path, sizeof path, "%s", folder);
  for (char *at = path + 1;; at++) {
    const char here = *at;
    if (here != '/' && here != '\0') continue;
    *at = '\0';
    if (mkdir(path, 0777) != 0 && errno != EEXIST) return fault_set(f, "--out: %s: %s", path, strerror(errno));
    *at = here;
    if (here == '\0') return true;
  }
}

bool run_place_make(run_place *place, const char *out, const study *of, const study_setting *setting, fault *f) {
  char runs[RUN_PATH_ROOM];
  place->of = of;
  place->setting = setting;
  const int length = snprintf(place->folder, sizeof place->folder, "%s/%s", out, of->name);
  /* What is put behind it: /runs/, a key, an ending. */
  if (length + STUDY_KEY_ROOM + 32 >= RUN_PATH_ROOM) return fault_set(f, "--out: the name is too long");
  snprintf(runs, sizeof runs, "%.*s/runs", RUN_PATH_ROOM - 8, place->folder);
  return make_folder(runs, f);
}

static void path_of(const run_place *place, const study_run *run, const char *ending, char path[RUN_PATH_ROOM]) {
  char name[STUDY_KEY_ROOM];
  snprintf(name, sizeof name, "%s", run->key);
  for (char *at = name; *at; at++) {
    if (*at == '/') *at = '+';
  }
  snprintf(path, RUN_PATH_ROOM, "%.*s/runs/%s%s", RUN_PATH_ROOM - STUDY_KEY_ROOM - 32, place->folder, name, ending);
}

static void setting_line(const run_place *place, const study_run *run, char line[LINE_ROOM]) {
  static const char *const forms[] = {"tiny", "usual", "full"};
  snprintf(line, LINE_ROOM, "%s %s, %s form, data %.*s\n", place->of->name, run->key, forms[place->setting->form], 512,
           place->setting->data);
}

/* Open behind its first line if that is the setting's, else NULL. */
static FILE *open_run(const run_place *place, const study_run *run) {
  char path[RUN_PATH_ROOM], expected[LINE_ROOM], line[LINE_ROOM];
  path_of(place, run, "", path);
  setting_line(place, run, expected);
  FILE *const file = fopen(path, "r");
  if (file && fgets(line, sizeof line, file) && strcmp(line, expected) == 0) return file;
  if (file) (void)fclose(file);
  return NULL;
}

bool run_file_done(const run_place *place, const study_run *run) {
  char line[LINE_ROOM];
  bool ended = false;
  FILE *const file = open_run(place, run);
  if (!file) return false;
  while (fgets(line, sizeof line, file)) ended = strcmp(line, end_line) == 0;
  (void)fclose(file);
  return ended;
}

bool run_file_write(const run_place *place, const study_run *run, const run_rows *rows, fault *f) {
  char path[RUN_PATH_ROOM], unfinished[RUN_PATH_ROOM], line[LINE_ROOM];
  if (rows->failed) return fault_set(f, "%s: no memory for its rows, or one is too long", run->key);
  path_of(place, run, "", path);
  path_of(place, run, ".unfinished", unfinished);
  setting_line(place, run, line);
  FILE *const file = fopen(unfinished, "w");
  if (!file) return fault_set(f, "--out: %s cannot be written: %s", unfinished, strerror(errno));
  fputs(line, file);
  fwrite(rows->text, 1, rows->length, file);
  fputs(end_line, file);
  const bool written = !ferror(file);
  if (fclose(file) != 0 || !written) return fault_set(f, "--out: %s could not be written completely", unfinished);
  return rename(unfinished, path) == 0 || fault_set(f, "--out: %s: %s", path, strerror(errno));
}

bool run_file_copy(const run_place *place, const study_run *run, int number, FILE *to, fault *f) {
  char line[LINE_ROOM], *row;
  FILE *const file = open_run(place, run);
  if (!file) return fault_set(f, "%s: its file is gone", run->key);
  while (fgets(line, sizeof line, file)) {
    if (strcmp(line, end_line) != 0 && strtol(line, &row, 10) == number) fputs(row + 1, to);
  }
  return fclose(file) == 0;
}
