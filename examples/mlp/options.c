#include "options.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "optimizer.h"

typedef struct choice {
  const char *word; /* NULL ends a list */
  int value;
} choice;

static const choice norms[] = {{"none", 0},
                               {"batch", WN_BATCH},
                               {"layer", WN_LAYER},
                               {"group", WN_GROUP},
                               {"instance", WN_INSTANCE},
                               {"rms", WN_RMS},
                               {NULL, 0}};
static const choice places[] = {{"before", 0}, {"after", 1}, {NULL, 0}};
static const choice activations[] = {{"relu", WN_ACT_RELU},
                                     {"leaky-relu", WN_ACT_LEAKY_RELU},
                                     {"sigmoid", WN_ACT_SIGMOID},
                                     {"tanh", WN_ACT_TANH},
                                     {"gelu", WN_ACT_GELU},
                                     {"gelu-tanh", WN_ACT_GELU_TANH},
                                     {"silu", WN_ACT_SILU},
                                     {"none", WN_ACT_NONE},
                                     {NULL, 0}};
static const choice optimizers[] = {{"sgd", OPTIMIZER_SGD}, {"adam", OPTIMIZER_ADAM}, {NULL, 0}};
static const choice types[] = {{"f32", WN_F32}, {"bf16", WN_BF16}, {NULL, 0}};
static const choice devices[] = {{"cpu", WN_CPU}, {"cuda", WN_CUDA}, {NULL, 0}};
static const choice ranks_modes[] = {{"no", RANKS_NONE}, {"sync", RANKS_SYNC}, {"local", RANKS_LOCAL}, {NULL, 0}};
static const choice yes_no[] = {{"yes", 1}, {"no", 0}, {NULL, 0}};

typedef enum { CHOICE, INTEGER, INTEGER64, REAL, SCALES, TEXT, IMAGES, DEVICE } value_kind;

typedef struct option {
  const char *name, *value_name, *initial, *help;
  value_kind kind;
  size_t offset; /* of its field in `options` */
  const choice *choices;
  int64_t least, most; /* INTEGER, IMAGES; DEVICE: of the GPU's number */
} option;

#define FIELD(name) offsetof(options, name)
/* The limits keep every size that goes to a BLAS within an int. */
static const option table[] = {
    {"--norm", "KIND", "batch", "normalization to compare with none: none, batch, layer, group, instance, rms", CHOICE,
     FIELD(norm), norms, 0, 0},
    {"--groups", "N", "4", "groups of group norm; instance norm: channels that the features are cut into", INTEGER,
     FIELD(groups), NULL, 1, 1 << 16},
    {"--place", "WHERE", "before", "normalize before or after the activation", CHOICE, FIELD(place), places, 0, 0},
    {"--activation", "NAME", "relu", "relu, leaky-relu, sigmoid, tanh, gelu, gelu-tanh, silu, none", CHOICE,
     FIELD(activation), activations, 0, 0},
    {"--layers", "N", "5", "hidden layers", INTEGER, FIELD(layers), NULL, 1, 1000},
    {"--width", "N", "100", "features of each hidden layer", INTEGER, FIELD(width), NULL, 1, 1 << 16},
    {"--scales", "LIST", "1:1e-4:16", "standard deviations of the weights: FROM:TO:COUNT (logarithmic) or 0.1,0.01,...",
     SCALES, FIELD(scales), NULL, 0, 0},
    {"--batch", "N", "100", "images of a step, drawn with replacement", INTEGER, FIELD(batch), NULL, 1, 1 << 16},
    {"--lr", "RATE", "0.01", "learning rate", REAL, FIELD(rate), NULL, 0, 0},
    {"--epochs", "N", "20", "epochs of images / batch steps", INTEGER, FIELD(epochs), NULL, 1, 1000000},
    {"--images", "N", "1000", "training images, from the first on; all: every one", IMAGES, FIELD(images), NULL, 1,
     100000000},
    {"--optimizer", "NAME", "sgd", "sgd or adam", CHOICE, FIELD(optimizer), optimizers, 0, 0},
    {"--type", "TYPE", "f32", "f32 or bf16: type of the tensors that are normalized", CHOICE, FIELD(type), types, 0, 0},
    {"--seed", "N", "1", "of the weights and the batches", INTEGER64, FIELD(seed), NULL, 0, INT64_MAX},
    {"--device", "NAME", "cpu", "cpu, cuda or cuda:N, which is GPU N, counted from 0", DEVICE, FIELD(device), devices,
     0, 1023},
    {"--threads", "N", "1", "of the processor's matrix products; OMP_NUM_THREADS sets the normalization's", INTEGER,
     FIELD(threads), NULL, 1, 1024},
    {"--ranks", "HOW", "no",
     "no, or the processes of mpirun share each batch: statistics of it (sync) or of shares (local)", CHOICE,
     FIELD(ranks), ranks_modes, 0, 0},
    {"--data", "FOLDER", "/usr/share/datasets/fashion-mnist", "images and labels in MNIST's format, .gz or not", TEXT,
     FIELD(data), NULL, 0, 0},
    {"--out", "FOLDER", "out", "where the results go", TEXT, FIELD(out), NULL, 0, 0},
    {"--figure", "YES", "yes", "yes or no: draw the picture with gnuplot", CHOICE, FIELD(figure), yes_no, 0, 0},
};
enum { OPTION_COUNT = sizeof table / sizeof *table };

typedef struct command_line {
  int count;
  char *const *words;
  int word_of[OPTION_COUNT]; /* where each option's value stands; 0: not given */
  fault *fault;
} command_line;

static const option *find_option(const char *name, size_t length) {
  for (int i = 0; i < OPTION_COUNT; i++) {
    if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0) return &table[i];
  }
  return NULL;
}

/* Adds the command line to the fault, the characters from `bad` on in word `index` underlined. */
static bool point_at(command_line *line, int index, size_t bad) {
  char *const text = line->fault->text;
  const size_t room = sizeof line->fault->text;
  size_t end = strlen(text), start = end + 3, underline = 1;
  size_t shown = 0;
  for (int i = 0; i < line->count; i++) shown += strlen(line->words[i]) + 1;
  if (end + 2 * shown + 16 > room) return false; /* too long to show twice: the sentence stands alone */
  end += (size_t)snprintf(text + end, room - end, "\n ");
  for (int i = 0; i < line->count; i++) {
    if (i == index) {
      start = end + 1 + bad;
      underline = strlen(line->words[i]) - bad;
    }
    end += (size_t)snprintf(text + end, room - end, " %s", line->words[i]);
  }
  const size_t line_start = (size_t)(strrchr(text, '\n') - text) + 1;
  end += (size_t)snprintf(text + end, room - end, "\n%*s^", (int)(start - line_start), "");
  for (size_t i = 1; i < underline && end + 1 < room; i++) text[end++] = '~';
  text[end] = '\0';
  return false;
}

/* `bad`: where the offending text begins in its word, which differs from 0 in --option=value. */
static bool wrong(command_line *line, const option *o, int index, const char *value, const char *expected) {
  fault_set(line->fault, "%s: expected %s, got \"%s\"", o->name, expected, value);
  return point_at(line, index, (size_t)(value - line->words[index]));
}

static bool parse_choice(command_line *line, const option *o, int index, const char *value, int *field) {
  char expected[256] = "";
  for (const choice *c = o->choices; c->word; c++) {
    if (strcmp(c->word, value) == 0) {
      *field = c->value;
      return true;
    }
    const size_t used = strlen(expected);
    snprintf(expected + used, sizeof expected - used, "%s%s", used == 0 ? "" : c[1].word ? ", " : " or ", c->word);
  }
  return wrong(line, o, index, value, expected);
}

static bool read_integer(const char *value, int64_t *result) {
  char *end;
  errno = 0;
  const long long number = strtoll(value, &end, 10);
  *result = number;
  return end != value && *end == '\0' && errno == 0;
}

static bool read_positive(const char *value, char **end, double *result) {
  *result = strtod(value, end);
  return *end != value && isfinite(*result) && *result > 0;
}

static bool parse_integer(command_line *line, const option *o, int index, const char *value, int64_t *result) {
  if (read_integer(value, result) && *result >= o->least && *result <= o->most) return true;
  char expected[128];
  snprintf(expected, sizeof expected, "a whole number from %lld to %lld%s", (long long)o->least, (long long)o->most,
           o->kind == IMAGES ? ", or all" : "");
  return wrong(line, o, index, value, expected);
}

/* FROM:TO:COUNT, each the one before times the same factor. */
static bool read_range(const char *value, options *opt) {
  char *end;
  double from, to;
  int64_t count;
  if (!read_positive(value, &end, &from) || *end != ':') return false;
  if (!read_positive(end + 1, &end, &to) || *end != ':') return false;
  if (!read_integer(end + 1, &count) || count < 2 || count > OPTIONS_MOST_SCALES) return false;
  for (int i = 0; i < count; i++) opt->scales[i] = from * pow(to / from, (double)i / (double)(count - 1));
  opt->scales[count - 1] = to;
  opt->scale_count = (int)count;
  return true;
}

static bool read_list(const char *value, options *opt) {
  char *end;
  for (opt->scale_count = 0; opt->scale_count < OPTIONS_MOST_SCALES; value = end + 1) {
    if (!read_positive(value, &end, &opt->scales[opt->scale_count])) return false;
    opt->scale_count++;
    if (*end == '\0') return true;
    if (*end != ',') return false;
  }
  return false;
}

/* A word of `devices`, or cuda:N. */
static bool parse_device(command_line *line, const option *o, int index, const char *value, options *opt) {
  int64_t number = 0;
  opt->ordinal = 0;
  for (const choice *c = o->choices; c->word; c++) {
    const size_t length = strlen(c->word);
    if (strncmp(c->word, value, length) != 0) continue;
    opt->device = c->value;
    if (value[length] == '\0') return true;
    if (c->value != WN_CUDA || value[length] != ':') continue;
    if (!read_integer(value + length + 1, &number) || number < o->least || number > o->most) continue;
    opt->ordinal = (int)number;
    return true;
  }
  return wrong(line, o, index, value, "cpu, cuda, or cuda:N with N from 0 to 1023");
}

static bool parse_value(command_line *line, const option *o, int index, const char *value, options *opt) {
  void *const field = (char *)opt + o->offset;
  int64_t number;
  char *end;
  switch (o->kind) {
    case CHOICE:
      return parse_choice(line, o, index, value, field);
    case INTEGER:
      if (!parse_integer(line, o, index, value, &number)) return false;
      *(int *)field = (int)number;
      return true;
    case INTEGER64:
      return parse_integer(line, o, index, value, field);
    case IMAGES:
      number = 0;
      if (strcmp(value, "all") != 0 && !parse_integer(line, o, index, value, &number)) return false;
      *(int *)field = (int)number;
      return true;
    case REAL:
      if (read_positive(value, &end, field) && *end == '\0') return true;
      return wrong(line, o, index, value, "a number above 0");
    case SCALES:
      if (strchr(value, ':') ? read_range(value, opt) : read_list(value, opt)) return true;
      return wrong(line, o, index, value,
                   "FROM:TO:COUNT, COUNT from 2 to 64, or up to 64 numbers with commas, all of them above 0");
    case DEVICE:
      return parse_device(line, o, index, value, opt);
    case TEXT:
      if (*value == '\0') return wrong(line, o, index, value, "a folder");
      *(const char **)field = value;
      return true;
  }
  return false;
}

/* Faults that two options make together are shown at the one that was given. */
static bool wrong_together(command_line *line, const char *name, const char *other) {
  for (int i = 0; i < 2; i++) {
    const option *const o = find_option(i == 0 ? name : other, strlen(i == 0 ? name : other));
    const int index = line->word_of[o - table];
    if (index == 0) continue;
    const char *const equals = line->words[index][0] == '-' ? strchr(line->words[index], '=') : NULL;
    return point_at(line, index, equals ? (size_t)(equals + 1 - line->words[index]) : 0);
  }
  return false;
}

static bool check_together(command_line *line, const options *opt) {
  if (opt->ranks != RANKS_NONE && opt->device != WN_CPU) {
    fault_set(line->fault, "--ranks: processes share a batch on processors only");
    return wrong_together(line, "--ranks", "--device");
  }
  const bool grouped = opt->norm == WN_GROUP || opt->norm == WN_INSTANCE;
  if (!grouped && line->word_of[find_option("--groups", 8) - table]) {
    fault_set(line->fault, "--groups: --norm %s has no groups, only group and instance have",
              options_word("--norm", opt->norm));
    return wrong_together(line, "--groups", "--norm");
  }
  if (grouped && opt->width % opt->groups != 0) {
    fault_set(line->fault, "--groups: %d does not divide --width %d", opt->groups, opt->width);
    return wrong_together(line, "--groups", "--width");
  }
  if (opt->norm == WN_INSTANCE && opt->width == opt->groups) {
    fault_set(line->fault, "--groups: instance norm of %d channels of one value each would be 0 everywhere",
              opt->groups);
    return wrong_together(line, "--groups", "--width");
  }
  return true;
}

static bool parse_words(command_line *line, options *opt) {
  for (int i = 1; i < line->count; i++) {
    const char *const word = line->words[i];
    const size_t length = strcspn(word, "=");
    const option *const o = find_option(word, length);
    if (!o) {
      fault_set(line->fault, "unknown option \"%.*s\" (--help lists them)", (int)length, word);
      return point_at(line, i, 0);
    }
    if (word[length] == '\0' && i + 1 == line->count) {
      fault_set(line->fault, "%s: a value is missing: %s %s", o->name, o->name, o->value_name);
      return point_at(line, i, 0);
    }
    const char *const value = word[length] ? word + length + 1 : line->words[++i];
    if (!parse_value(line, o, i, value, opt)) return false;
    line->word_of[o - table] = i;
  }
  return check_together(line, opt);
}

options_result options_parse(options *opt, int count, char *const *words, fault *f) {
  command_line line = {.count = count, .words = words, .fault = f};
  memset(opt, 0, sizeof *opt);
  for (int i = 0; i < OPTION_COUNT; i++) {
    if (!parse_value(&line, &table[i], 0, table[i].initial, opt)) return OPTIONS_WRONG;
  }
  for (int i = 1; i < count; i++) {
    if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) return OPTIONS_HELP;
  }
  return parse_words(&line, opt) ? OPTIONS_RUN : OPTIONS_WRONG;
}

void options_help(FILE *out) {
  fputs(
      "wn_mlp: trains a network on images with and without normalization, at many scales of the initial weights.\n"
      "usage: wn_mlp [--option value | --option=value]...\n\n",
      out);
  for (int i = 0; i < OPTION_COUNT; i++) {
    char left[64];
    snprintf(left, sizeof left, "%s %s", table[i].name, table[i].value_name);
    fprintf(out, "  %-19s %s (%s)\n", left, table[i].help, table[i].initial);
  }
  fputs(
      "\nResults, in the folder of --out: curves.csv (accuracy and loss over the epochs), summary.csv (one line for "
      "each\n"
      "training), accuracy.png, accuracy.svg and accuracy.gp, the gnuplot script that drew them.\n",
      out);
}

const char *options_word(const char *name, int value) {
  const option *const o = find_option(name, strlen(name));
  for (const choice *c = o ? o->choices : NULL; c && c->word; c++) {
    if (c->value == value) return c->word;
  }
  return "";
}
