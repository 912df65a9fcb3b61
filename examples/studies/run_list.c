#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "studies.h"

bool run_list_add(run_list *list, const void *cell, size_t cell_bytes, fault *f, const char *key, ...) {
  if (list->count == list->room) {
    const int64_t room = list->room ? 2 * list->room : 64;
    study_run *const runs = realloc(list->runs, (size_t)room * sizeof *runs);
    if (!runs) return fault_set(f, "no memory for a list of %lld runs", (long long)room);
    list->runs = runs;
    list->room = room;
  }
  study_run *const run = &list->runs[list->count];
  run->alone = false;
  if (!(run->cell = malloc(cell_bytes))) return fault_set(f, "no memory for a run");
  memcpy(run->cell, cell, cell_bytes);
  list->count++;
  va_list arguments;
  va_start(arguments, key);
  const int length = vsnprintf(run->key, sizeof run->key, key, arguments);
  va_end(arguments);
  return length < (int)sizeof run->key || fault_set(f, "a run's key is too long: %s...", run->key);
}

void run_list_free(run_list *list) {
  for (int64_t i = 0; i < list->count; i++) free(list->runs[i].cell);
  free(list->runs);
  memset(list, 0, sizeof *list);
}
