/* The line of text of a case, read word by word. */
#include <stdlib.h>
#include <string.h>

#include "bench_case.h"

typedef struct word_value {
  const char *word;
  int value;
} word_value;

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* The first word of a value is the one that is written. */
static const word_value kinds[] = {
    {"batch", WN_BATCH}, {"layer", WN_LAYER}, {"group", WN_GROUP}, {"instance", WN_INSTANCE}, {"rms", WN_RMS}};
static const word_value layouts[] = {{"ncx", WN_NCX}, {"nxc", WN_NXC}};
static const word_value types[] = {{"f32", WN_F32}, {"f16", WN_F16}, {"bf16", WN_BF16}, {"f64", WN_F64}};
static const word_value passes[] = {
    {"train", WN_TRAIN}, {"infer", WN_INFER}, {"backward", WN_BACKWARD}, {"frozen", WN_BACKWARD_FROZEN}};
static const word_value acts[] = {
    {"relu", WN_ACT_RELU}, {"leaky-relu", WN_ACT_LEAKY_RELU}, {"sigmoid", WN_ACT_SIGMOID}, {"tanh", WN_ACT_TANH},
    {"gelu", WN_ACT_GELU}, {"gelu-tanh", WN_ACT_GELU_TANH},   {"silu", WN_ACT_SILU}};
static const word_value adds[] = {{"add-before", WN_ADD_BEFORE}, {"add-after", WN_ADD_AFTER}};

static const char *word_of(const word_value *table, size_t count, int value) {
  for (size_t i = 0; i < count; i++)
    if (table[i].value == value) return table[i].word;
  return NULL;
}

const char *bench_kind_word(wn_kind kind) { return word_of(kinds, COUNT(kinds), (int)kind); }
const char *bench_type_word(wn_dtype type) { return word_of(types, COUNT(types), (int)type); }
const char *bench_pass_word(wn_pass pass) { return word_of(passes, COUNT(passes), (int)pass); }
const char *bench_act_word(wn_act act) { return word_of(acts, COUNT(acts), (int)act); }

/* ---- one word of the line */

typedef struct reader {
  const char *line;
  size_t at, length; /* of the word */
  bench_fault *fault;
  bool kind, shape, layout, act, add; /* said already */
  size_t groups_at, groups_length;
  size_t pass_at, pass_length;
} reader;

static bool is(const char *word, size_t length, const char *name) {
  return strlen(name) == length && memcmp(word, name, length) == 0;
}

static bool find(const word_value *table, size_t count, const char *word, size_t length, int *value) {
  for (size_t i = 0; i < count; i++) {
    if (!is(word, length, table[i].word)) continue;
    *value = table[i].value;
    return true;
  }
  return false;
}

static bool twice(const reader *r, const char *what) {
  return bench_fault_point(r->fault, r->line, r->at, r->length, "a second %s: \"%.*s\"", what, (int)r->length,
                           r->line + r->at);
}

/* 1 to 2^40: products of three stay within int64 as far as memory can hold them. */
static bool read_size(const char *at, const char *end, const char **rest, int64_t *value) {
  const int64_t limit = (int64_t)1 << 40;
  *value = 0;
  const char *p = at;
  for (; p < end && *p >= '0' && *p <= '9' && *value <= limit; p++) *value = *value * 10 + (*p - '0');
  *rest = p;
  return p > at && *value >= 1 && *value <= limit;
}

static bool read_shape(reader *r, bench_case *c) {
  if (r->shape) return twice(r, "shape");
  r->shape = true;
  const char *const word = r->line + r->at, *const end = word + r->length;
  int64_t sizes[2 + BENCH_MOST_AXES];
  int count = 0;
  for (const char *p = word, *rest; p <= end; p = rest + 1) {
    int64_t size = 0;
    const size_t at = (size_t)(p - r->line);
    if (!read_size(p, end, &rest, &size) || (rest < end && *rest != 'x')) {
      size_t length = 0;
      while (p + length < end && p[length] != 'x') length++;
      return bench_fault_point(r->fault, r->line, length ? at : at - 1, length ? length : 1,
                               "\"%.*s\" is no size of the shape \"%.*s\": a whole number from 1 on is expected",
                               (int)length, p, (int)r->length, word);
    }
    if (count == 2 + BENCH_MOST_AXES)
      return bench_fault_point(r->fault, r->line, at, (size_t)(end - p),
                               "the shape has more than %d spatial axes after samples and channels", BENCH_MOST_AXES);
    sizes[count++] = size;
    if (rest == end) break;
  }
  if (count < 2)
    return bench_fault_point(r->fault, r->line, r->at, r->length,
                             "a shape has samples and channels at least, as in 4096x1024");
  c->problem.n = sizes[0];
  c->problem.c = sizes[1];
  c->axis_count = count - 2;
  double elements = (double)sizes[0] * (double)sizes[1];
  for (int i = 2; i < count; i++) {
    c->axes[i - 2] = sizes[i];
    elements *= (double)sizes[i];
  }
  if (elements > 1e12)
    return bench_fault_point(r->fault, r->line, r->at, r->length, "%.3g elements; the most are 1e12", elements);
  c->problem.x = 1;
  for (int i = 0; i < c->axis_count; i++) c->problem.x *= c->axes[i];
  return true;
}

/* "group32": a kind with a number, the only one that has. */
static bool read_group(reader *r, bench_case *c) {
  const char *const number = r->line + r->at + 5, *rest = number;
  if (r->kind) return twice(r, "kind");
  r->kind = true;
  c->problem.kind = WN_GROUP;
  const char *const end = r->line + r->at + r->length;
  if (!read_size(number, end, &rest, &c->problem.groups) || rest != end)
    return bench_fault_point(r->fault, r->line, r->at, r->length,
                             "group norm needs its number of groups, as in group32");
  r->groups_at = r->at;
  r->groups_length = r->length;
  return true;
}

/* Words with commas between them, all of one table. */
static bool read_list(const char *word, size_t length, const word_value *table, size_t count, int *values, int most,
                      int *found, size_t *bad_at, size_t *bad_length) {
  *found = 0;
  for (size_t at = 0; at <= length;) {
    size_t end = at;
    while (end < length && word[end] != ',') end++;
    int value = 0;
    *bad_at = at;
    *bad_length = end - at;
    if (*found == most || !find(table, count, word + at, end - at, &value)) return false;
    for (int i = 0; i < *found; i++)
      if (values[i] == value) return false;
    values[(*found)++] = value;
    at = end + 1;
  }
  return *found > 0;
}

static bool starts_list_of(const reader *r, const word_value *table, size_t count) {
  size_t length = 0;
  int value = 0;
  while (length < r->length && r->line[r->at + length] != ',') length++;
  return find(table, count, r->line + r->at, length, &value);
}

static bool bad_item(const reader *r, size_t at, size_t length, const char *what) {
  return bench_fault_point(r->fault, r->line, r->at + at, length ? length : 1,
                           "\"%.*s\" in \"%.*s\": each %s once, with commas between them", (int)length,
                           r->line + r->at + at, (int)r->length, r->line + r->at, what);
}

static bool read_types(reader *r, bench_spec *spec) {
  if (spec->type_count) return twice(r, "word for types");
  int values[BENCH_MOST_TYPES];
  size_t at = 0, length = 0;
  if (!read_list(r->line + r->at, r->length, types, COUNT(types), values, BENCH_MOST_TYPES, &spec->type_count, &at,
                 &length))
    return bad_item(r, at, length, "of f32, f16, bf16, f64");
  for (int i = 0; i < spec->type_count; i++) spec->types[i] = (wn_dtype)values[i];
  return true;
}

static bool read_passes(reader *r, bench_spec *spec) {
  if (spec->pass_count) return twice(r, "word for passes");
  int values[BENCH_MOST_PASSES];
  size_t at = 0, length = 0;
  if (!read_list(r->line + r->at, r->length, passes, COUNT(passes), values, BENCH_MOST_PASSES, &spec->pass_count, &at,
                 &length))
    return bad_item(r, at, length, "of train, infer, backward, frozen");
  for (int i = 0; i < spec->pass_count; i++) spec->passes[i] = (wn_pass)values[i];
  r->pass_at = r->at;
  r->pass_length = r->length;
  return true;
}

/* A word of a table that may be said once. */
static bool read_once(const reader *r, bool *said, int value, const char *what, int *field) {
  if (*said) return twice(r, what);
  *said = true;
  *field = value;
  return true;
}

static bool read_word(reader *r, bench_spec *spec) {
  const char *const word = r->line + r->at;
  wn_problem *const p = &spec->like.problem;
  int value = 0, field = 0;
  bool ok = true;
  if (*word >= '0' && *word <= '9') return read_shape(r, &spec->like);
  if (r->length >= 5 && memcmp(word, "group", 5) == 0) return read_group(r, &spec->like);
  if (find(kinds, COUNT(kinds), word, r->length, &value)) {
    ok = read_once(r, &r->kind, value, "kind", &field);
    p->kind = (wn_kind)value;
  } else if (find(layouts, COUNT(layouts), word, r->length, &value)) {
    ok = read_once(r, &r->layout, value, "layout", &field);
    p->layout = (wn_layout)value;
  } else if (find(acts, COUNT(acts), word, r->length, &value)) {
    ok = read_once(r, &r->act, value, "activation", &field);
    p->act = (wn_act)value;
  } else if (find(adds, COUNT(adds), word, r->length, &value)) {
    ok = read_once(r, &r->add, value, "residual", &field);
    p->add = (wn_add)value;
  } else if (is(word, r->length, "unaligned")) {
    spec->like.unaligned = true;
  } else if (starts_list_of(r, types, COUNT(types))) {
    return read_types(r, spec);
  } else if (starts_list_of(r, passes, COUNT(passes))) {
    return read_passes(r, spec);
  } else {
    return bench_fault_point(r->fault, r->line, r->at, r->length,
                             "unknown word \"%.*s\": neither a kind (batch, layer, group<groups>, instance, rms), a "
                             "shape, a layout (ncx, nxc), a type, a pass, an activation, a residual nor unaligned",
                             (int)r->length, word);
  }
  return ok;
}

static bool check_whole(const reader *r, const bench_spec *spec) {
  const wn_problem *const p = &spec->like.problem;
  const size_t all = strlen(r->line);
  if (!r->kind)
    return bench_fault_point(r->fault, r->line, all, 1,
                             "a kind is missing: batch, layer, group<groups>, instance or rms");
  if (!r->shape)
    return bench_fault_point(r->fault, r->line, all, 1, "a shape is missing, as in 32x64x56x56 or 4096x1024");
  if (p->c % p->groups != 0)
    return bench_fault_point(r->fault, r->line, r->groups_at, r->groups_length,
                             "%lld groups do not divide %lld channels", (long long)p->groups, (long long)p->c);
  if (spec->pass_count == 1 && spec->passes[0] == WN_BACKWARD_FROZEN && p->kind != WN_BATCH)
    return bench_fault_point(r->fault, r->line, r->pass_at, r->pass_length,
                             "%s norm has no running statistics, and so no pass frozen", bench_kind_word(p->kind));
  return true;
}

bool bench_spec_parse(const char *text, bench_spec *spec, bench_fault *fault) {
  *spec = (bench_spec){.like.problem = WN_PROBLEM_INIT, .like.suite = ""};
  reader r = {.line = text, .fault = fault};
  for (r.at = strspn(text, " \t"); text[r.at]; r.at += r.length, r.at += strspn(text + r.at, " \t")) {
    r.length = strcspn(text + r.at, " \t");
    if (!read_word(&r, spec)) return false;
  }
  return check_whole(&r, spec);
}

/* A whole option value is one list. */
bool bench_types_parse(const char *text, bench_spec *spec, bench_fault *fault) {
  reader r = {.line = text, .length = strlen(text), .fault = fault};
  spec->type_count = 0;
  return read_types(&r, spec);
}

bool bench_passes_parse(const char *text, bench_spec *spec, bench_fault *fault) {
  reader r = {.line = text, .length = strlen(text), .fault = fault};
  spec->pass_count = 0;
  return read_passes(&r, spec);
}
