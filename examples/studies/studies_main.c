/* wn_studies: runs studies and joins their results. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run_study.h"

typedef struct request {
  study_setting setting;
  study_work work;
  bool chosen[64]; /* of all_studies */
  bool list, help;
} request;

static void print_help(FILE *to) {
  fputs(
      "usage: wn_studies [NAME...|all] [OPTION]...\n\n"
      "Trains the networks of studies on Fashion-MNIST and writes OUT/NAME/*.csv. What is done is kept: the same "
      "command\n"
      "goes on after an interruption.\n\n"
      "  --list        the studies\n"
      "  --out F       folder of the results (out/studies)\n"
      "  --data F      images and labels in MNIST's format (/usr/share/datasets/fashion-mnist)\n"
      "  --seeds N     of each training (3)\n"
      "  --jobs N      trainings at a time (the processors)\n"
      "  --full        the longer form\n"
      "  --tiny        a form of seconds, whose results say nothing\n"
      "  --again       run what is done too\n",
      to);
}

static bool choose(request *r, const char *name, fault *f) {
  bool found = false;
  for (int i = 0; all_studies[i]; i++) {
    if (strcmp(name, "all") != 0 && strcmp(name, all_studies[i]->name) != 0) continue;
    r->chosen[i] = found = true;
  }
  return found || fault_set(f, "there is no study %s; --list names them", name);
}

static bool take_number(const char *option, const char *text, int *value, fault *f) {
  char *end;
  const long number = strtol(text, &end, 10);
  if (end == text || *end || number < 1 || number > 1000) {
    return fault_set(f, "%s %s: expected a number from 1 to 1000", option, text);
  }
  *value = (int)number;
  return true;
}

static bool take_flag(request *r, const char *word) {
  if (strcmp(word, "--list") == 0) return r->list = true;
  if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return r->help = true;
  if (strcmp(word, "--again") == 0) return r->work.again = true;
  if (strcmp(word, "--full") == 0) return (r->setting.form = STUDY_FULL), true;
  if (strcmp(word, "--tiny") == 0) return (r->setting.form = STUDY_TINY), true;
  return false;
}

static bool take_value(request *r, const char *option, const char *value, fault *f) {
  const bool text = strcmp(option, "--out") == 0 || strcmp(option, "--data") == 0;
  const bool number = strcmp(option, "--seeds") == 0 || strcmp(option, "--jobs") == 0;
  if (!text && !number) return fault_set(f, "unknown option %s; --help lists them", option);
  if (!value) return fault_set(f, "%s needs a value", option);
  if (number) return take_number(option, value, option[2] == 's' ? &r->setting.seeds : &r->work.jobs, f);
  *(option[2] == 'o' ? &r->work.out : &r->setting.data) = value;
  return true;
}

static bool parse(request *r, int count, char **words, fault *f) {
  const long processors = sysconf(_SC_NPROCESSORS_ONLN);
  *r = (request){.setting = {STUDY_USUAL, 3, "/usr/share/datasets/fashion-mnist"},
                 .work = {.out = "out/studies", .jobs = processors > 0 ? (int)processors : 1, .progress = stdout}};
  for (int i = 1; i < count; i++) {
    if (words[i][0] != '-') {
      if (!choose(r, words[i], f)) return false;
    } else if (!take_flag(r, words[i])) {
      if (!take_value(r, words[i], i + 1 < count ? words[i + 1] : NULL, f)) return false;
      i++;
    }
  }
  return true;
}

static bool run_chosen(request *r, fault *f) {
  dataset training = {0}, test = {0};
  bool any = false;
  for (int i = 0; all_studies[i]; i++) any |= r->chosen[i];
  if (!any) return fault_set(f, "no study is named; --list has them, and `all` is all of them");
  bool good =
      dataset_load(&training, r->setting.data, "train", 0, f) && dataset_load(&test, r->setting.data, "t10k", 0, f);
  r->work.training = &training;
  r->work.test = &test;
  for (int i = 0; good && all_studies[i]; i++) {
    if (r->chosen[i]) good = study_execute(all_studies[i], &r->setting, &r->work, f);
  }
  dataset_free(&training);
  dataset_free(&test);
  return good;
}

/* A process for each training, of one thread each: threads that wait for one another's turn on a processor cost more
 * than they bring. OpenMP reads its variable before main() runs, so the program starts itself again with it. */
static void one_thread_each(char **words) {
  static const char *const names[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"};
  bool set = true;
  for (int i = 0; i < 2; i++) {
    const char *const value = getenv(names[i]);
    if (value && strcmp(value, "1") == 0) continue;
    set = false;
    if (setenv(names[i], "1", 1) != 0) return; /* or it would start itself for ever */
  }
  if (!set) execv("/proc/self/exe", words);
}

int main(int count, char **words) {
  request r;
  fault f = {""};
  one_thread_each(words); /* where it cannot, it is slower */
  if (!parse(&r, count, words, &f)) {
    fprintf(stderr, "wn_studies: %s\n", f.text);
    return 2;
  }
  if (r.help) print_help(stdout);
  for (int i = 0; r.list && all_studies[i]; i++) printf("%-20s %s\n", all_studies[i]->name, all_studies[i]->title);
  if (r.help || r.list || run_chosen(&r, &f)) return 0;
  fprintf(stderr, "wn_studies: %s\n", f.text);
  return 1;
}
