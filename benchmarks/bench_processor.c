#include "bench_processor.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keys of x86-64, or else of 64-bit Arm; their words are those of the architecture's manuals. */
static const struct part {
  const char *word, *key;
} parts[] = {{"", "vendor_id"},          {"family ", "cpu family"},           {"model ", "model"},
             {"stepping ", "stepping"},  {"implementer ", "CPU implementer"}, {"part ", "CPU part"},
             {"variant ", "CPU variant"}};

/* Beginnings of the words that are kept. */
static const char *const of_x86[] = {"avx", "amx", "fma", "f16c", NULL};
static const char *const of_arm[] = {"asimd", "sve", "sme", "bf16", "i8mm", "fphp", NULL};

/* The value of "key : value"; NULL: the line has another key. */
static char *value_of(char *line, const char *key) {
  const size_t length = strlen(key);
  if (strncmp(line, key, length) != 0) return NULL;
  char *at = line + length + strspn(line + length, " \t");
  if (*at != ':') return NULL;
  at += 1 + strspn(at + 1, " \t");
  at[strcspn(at, "\n")] = '\0';
  return at;
}

static void append(char *text, size_t size, const char *between, const char *word, const char *value) {
  const size_t used = strlen(text);
  (void)snprintf(text + used, size - used, "%s%s%s", used ? between : "", word, value);
}

static bool begins_with_one(const char *word, const char *const *beginnings) {
  for (; *beginnings; beginnings++)
    if (strncmp(word, *beginnings, strlen(*beginnings)) == 0) return true;
  return false;
}

static void add_instruction_sets(char *words, const char *const *beginnings, bench_processor *p) {
  char *rest = NULL;
  for (const char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
    if (begins_with_one(word, beginnings)) append(p->instruction_sets, sizeof p->instruction_sets, " ", "", word);
}

static void read_line(char *line, bench_processor *p) {
  char *value = value_of(line, "model name");
  if (value) (void)snprintf(p->name, sizeof p->name, "%s", value);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    value = value_of(line, parts[i].key);
    if (value) append(p->model, sizeof p->model, ", ", parts[i].word, value);
  }
  value = value_of(line, "flags");
  if (value) add_instruction_sets(value, of_x86, p);
  value = value_of(line, "Features");
  if (value) add_instruction_sets(value, of_arm, p);
}

void bench_processor_read(const char *path, bench_processor *p) {
  *p = (bench_processor){"", "", ""};
  FILE *const file = fopen(path, "r");
  if (!file) return;
  char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, file) > 1) read_line(line, p); /* an empty line ends the first processor */
  free(line);
  (void)fclose(file);
}
