#include "bench_options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
  bench_options *options;
  int count, at; /* words; the option's */
  char *const *words;
  bench_fault *fault;
} parser;

typedef bool (*reader)(parser *p, const char *value);

/* The command line with the characters from `at` on in word `index` underlined. */
static bool point(parser *p, int index, size_t at, const char *sentence) {
  char line[400] = "";
  size_t start = 0, end = 0;
  for (int i = 0; i < p->count; i++) {
    if (i == index) start = end + at;
    const int length = snprintf(line + end, sizeof line - end, "%s%s", p->words[i], i + 1 < p->count ? " " : "");
    end += (size_t)length;
    if (end >= sizeof line) return bench_fault_set(p->fault, "%s", sentence);
  }
  const size_t length = strlen(p->words[index]) - at;
  return bench_fault_point(p->fault, line, start, length ? length : 1, "%s", sentence);
}

static bool wrong(parser *p, const char *value, const char *expected) {
  char sentence[400];
  (void)snprintf(sentence, sizeof sentence, "\"%s\": %s is expected", value, expected);
  const char *const word = p->words[p->at];
  return point(p, p->at, (size_t)(value - word), sentence);
}

static bool read_device(parser *p, const char *value) {
  bench_options *const o = p->options;
  char *end = NULL;
  o->ordinal = 0;
  if (strcmp(value, "cpu") == 0) return o->backend = WN_CPU, true;
  if (strncmp(value, "cuda", 4) == 0) {
    o->backend = WN_CUDA;
    if (value[4] == '\0') return true;
    const long ordinal = value[4] == ':' ? strtol(value + 5, &end, 10) : -1;
    if (ordinal >= 0 && ordinal < 1024 && end > value + 5 && *end == '\0') return o->ordinal = (int)ordinal, true;
  }
  return wrong(p, value, "cpu, cuda or cuda:<number>");
}

static bool read_suites(parser *p, const char *value) { return p->options->suites = value, true; }
static bool read_peers(parser *p, const char *value) { return p->options->peers = value, true; }
static bool read_json(parser *p, const char *value) { return p->options->json = value, true; }
static bool read_csv(parser *p, const char *value) { return p->options->csv = value, true; }

static bool read_case(parser *p, const char *value) {
  p->options->cases[p->options->case_count++] = value;
  return true;
}

static bool read_types(parser *p, const char *value) {
  p->options->types_given = true;
  return bench_types_parse(value, &p->options->otherwise, p->fault);
}

static bool read_passes(parser *p, const char *value) {
  p->options->passes_given = true;
  return bench_passes_parse(value, &p->options->otherwise, p->fault);
}

static bool read_number(const char *value, double least, double most, double *number) {
  char *end = NULL;
  *number = strtod(value, &end);
  return end != value && *end == '\0' && *number >= least && *number <= most;
}

static bool read_seconds(parser *p, const char *value) {
  return read_number(value, 1e-3, 3600, &p->options->seconds) || wrong(p, value, "a number of seconds, 0.001 to 3600,");
}
static bool read_memory(parser *p, const char *value) {
  return read_number(value, 1e-3, 1e6, &p->options->memory_gb) || wrong(p, value, "a number of gigabytes");
}

static bool read_count(parser *p, const char *value, int most, int *count) {
  double number = 0;
  char expected[64];
  (void)snprintf(expected, sizeof expected, "a whole number from 1 to %d", most);
  if (!read_number(value, 1, most, &number) || number != floor(number)) return wrong(p, value, expected);
  *count = (int)number;
  return true;
}
static bool read_rounds(parser *p, const char *value) {
  return read_count(p, value, BENCH_MOST_ROUNDS, &p->options->rounds);
}
static bool read_batch(parser *p, const char *value) { return read_count(p, value, 1000000, &p->options->batch); }
static bool read_threads(parser *p, const char *value) { return read_count(p, value, 4096, &p->options->threads); }

static bool read_cache(parser *p, const char *value) {
  bench_cache *const cache = &p->options->cache;
  if (strcmp(value, "cold") == 0) return *cache = BENCH_COLD, true;
  if (strcmp(value, "hot") == 0) return *cache = BENCH_HOT, true;
  if (strcmp(value, "both") == 0) return *cache = BENCH_BOTH, true;
  return wrong(p, value, "cold, hot or both");
}

static bool read_list(parser *p, const char *value) { return (void)value, p->options->list = true; }
static bool read_explain(parser *p, const char *value) { return (void)value, p->options->explain = true; }
static bool read_help(parser *p, const char *value) { return (void)value, p->options->help = true; }

static const struct option {
  const char *name, *value, *help; /* value NULL: it takes none */
  reader read;
} table[] = {
    {"--device", "NAME", "cpu, cuda or cuda:<number> (cpu)", read_device},
    {"--suite", "NAMES", "suites, with commas between them; --list shows all (quick, if there is no --case)",
     read_suites},
    {"--case", "LINE", "a case, see below; may be said several times", read_case},
    {"--pass", "PASSES", "of cases that do not say theirs: train, infer, backward, frozen (train,backward)",
     read_passes},
    {"--type", "TYPES", "of cases that do not say theirs: f32, f16, bf16, f64 (f32)", read_types},
    {"--peer", "NAMES", "peers beside warpnorm and the copy, which always run (all that there are)", read_peers},
    {"--seconds", "S", "of timing for each case (0.5)", read_seconds},
    {"--rounds", "N", "exactly so many samples of each peer (as the seconds allow, 5 to 200)", read_rounds},
    {"--batch", "N", "runs in a sample (as many as take a millisecond)", read_batch},
    {"--threads", "N", "of the processor (OMP_NUM_THREADS, or all)", read_threads},
    {"--cache", "HOW", "cold: buffers in turn, more than the caches hold; hot: the same ones; both (cold)", read_cache},
    {"--memory", "GB", "that may be used; larger cases are left out and say so (half of what is free)", read_memory},
    {"--json", "FILE", "results as lines of JSON; - is the standard output", read_json},
    {"--csv", "FILE", "results as CSV", read_csv},
    {"--list", NULL, "the cases, or without --suite and --case the suites; with --json as JSON; nothing runs",
     read_list},
    {"--explain", NULL, "what the library's planner chooses for each case; nothing is timed", read_explain},
    {"--help", NULL, "this text", read_help},
};
enum { OPTIONS = sizeof table / sizeof *table };

static const struct option *find(const char *word, size_t length) {
  for (int i = 0; i < OPTIONS; i++)
    if (strlen(table[i].name) == length && memcmp(table[i].name, word, length) == 0) return &table[i];
  return NULL;
}

static bool read_word(parser *p) {
  const char *const word = p->words[p->at];
  const size_t length = strcspn(word, "=");
  char sentence[200];
  const struct option *const o = find(word, length);
  if (!o) {
    (void)snprintf(sentence, sizeof sentence, "unknown option \"%.*s\" (--help lists them)", (int)length, word);
    return point(p, p->at, 0, sentence);
  }
  if (!o->value) {
    if (word[length] == '\0') return o->read(p, NULL);
    (void)snprintf(sentence, sizeof sentence, "%s takes no value", o->name);
    return point(p, p->at, length, sentence);
  }
  if (word[length] == '=') return o->read(p, word + length + 1);
  if (p->at + 1 < p->count) return o->read(p, p->words[++p->at]);
  (void)snprintf(sentence, sizeof sentence, "%s: a value is missing: %s %s", o->name, o->name, o->value);
  return point(p, p->at, 0, sentence);
}

bool bench_options_parse(bench_options *options, int count, char *const *words, bench_fault *fault) {
  *options = (bench_options){.backend = WN_CPU, .seconds = 0.5, .cache = BENCH_COLD};
  options->otherwise.types[0] = WN_F32;
  options->otherwise.type_count = 1;
  options->otherwise.passes[0] = WN_TRAIN;
  options->otherwise.passes[1] = WN_BACKWARD;
  options->otherwise.pass_count = 2;
  options->cases = calloc((size_t)count, sizeof *options->cases);
  if (!options->cases) return bench_fault_set(fault, "no memory");
  parser p = {.options = options, .count = count, .words = words, .fault = fault};
  for (p.at = 1; p.at < count; p.at++)
    if (!read_word(&p)) return false;
  return true;
}

void bench_options_help(FILE *out) {
  fputs(
      "wn_bench: times warpnorm beside other libraries and a plain copy, each checked against a float64 oracle first.\n"
      "usage: wn_bench [--option value | --option=value]...\n\n",
      out);
  for (int i = 0; i < OPTIONS; i++) {
    char left[32];
    (void)snprintf(left, sizeof left, "%s %s", table[i].name, table[i].value ? table[i].value : "");
    fprintf(out, "  %-17s %s\n", left, table[i].help);
  }
  fputs(
      "\n"
      "A case is one line: a kind (batch, layer, group<groups>, instance, rms) and a shape (samples x channels [x "
      "axes]),\n"
      "and what differs from the defaults: ncx or nxc (ncx), types, passes, an activation (relu, leaky-relu, sigmoid,\n"
      "tanh, gelu, gelu-tanh, silu), add-before or add-after (a residual), unaligned.\n\n"
      "  wn_bench --case \"group32 nxc 8x320x32x32 bf16 backward silu\" --case \"layer 4096x4096 f32,bf16\"\n\n"
      "Peers:\n",
      out);
  for (int i = 0; bench_peers[i]; i++) fprintf(out, "  %-17s %s\n", bench_peers[i]->name, bench_peers[i]->about);
  fputs(
      "\nThe status is 0; 1: warpnorm disagrees with the oracle, or something failed; 2: the command line is wrong.\n",
      out);
}
