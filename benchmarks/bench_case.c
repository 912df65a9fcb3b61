#include "bench_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t bench_type_bytes(wn_dtype type) {
  switch (type) {
    case WN_F64:
      return 8;
    case WN_F32:
      return 4;
    case WN_F16:
    case WN_BF16:
      return 2;
    default:
      return 1;
  }
}

bool bench_forward(wn_pass pass) { return pass == WN_TRAIN || pass == WN_INFER; }

bool bench_uses_running(const bench_case *c) {
  return c->problem.kind == WN_BATCH && (c->pass == WN_INFER || c->pass == WN_BACKWARD_FROZEN);
}

int64_t bench_sets(const wn_problem *p) {
  switch (p->kind) {
    case WN_BATCH:
      return p->c;
    case WN_GROUP:
      return p->n * p->groups;
    case WN_INSTANCE:
      return p->n * p->c;
    default:
      return p->n * p->x;
  }
}

/* The tensors of a pass, as its arguments in warpnorm.h: what a call that asks for nothing optional reads and writes.
 */
bench_traffic bench_least_traffic(const bench_case *c) {
  const wn_problem *const p = &c->problem;
  const double x = (double)p->n * (double)p->c * (double)p->x * (double)bench_type_bytes(p->x_type);
  const double real = p->x_type == WN_F64 ? 8 : 4;
  const double params = (double)p->c * real;
  const double statistics = (double)(bench_uses_running(c) ? p->c : bench_sets(p)) * real;
  const double mean_and_rstd = p->kind == WN_RMS ? statistics : 2 * statistics;
  bench_traffic t = {x + params, x};
  if (bench_forward(c->pass)) {
    if (p->kind != WN_RMS) t.read += params; /* beta */
    if (p->add != WN_ADD_NONE) t.read += x;
    if (p->add == WN_ADD_BEFORE && c->pass == WN_TRAIN) t.written += x; /* the sum */
    if (bench_uses_running(c)) t.read += mean_and_rstd;
    if (c->pass == WN_TRAIN) t.written += mean_and_rstd;
  } else {
    t.read += x + mean_and_rstd; /* dy */
    t.written += p->kind == WN_RMS ? params : 2 * params;
    if (p->add == WN_ADD_BEFORE) t.read += x;                         /* dsum */
    if (p->add == WN_ADD_AFTER) t.written += x;                       /* dresidual */
    if (p->add == WN_ADD_AFTER && p->act != WN_ACT_NONE) t.read += x; /* residual */
    if (p->act != WN_ACT_NONE && p->kind != WN_RMS) t.read += params; /* beta, for the sign or z */
  }
  return t;
}

static bool has_pass(const wn_problem *p, wn_pass pass) { return pass != WN_BACKWARD_FROZEN || p->kind == WN_BATCH; }

static void append(char *text, size_t room, const char *word) {
  const size_t used = strlen(text);
  (void)snprintf(text + used, room - used, "%s%s", used ? " " : "", word);
}

static void write_text(bench_case *c) {
  const wn_problem *const p = &c->problem;
  char word[96];
  c->text[0] = '\0';
  (void)snprintf(word, sizeof word, p->kind == WN_GROUP ? "%s%lld" : "%s", bench_kind_word(p->kind),
                 (long long)p->groups);
  append(c->text, sizeof c->text, word);
  if (p->layout == WN_NXC) append(c->text, sizeof c->text, "nxc");
  int end = snprintf(word, sizeof word, "%lldx%lld", (long long)p->n, (long long)p->c);
  for (int i = 0; i < c->axis_count; i++)
    end += snprintf(word + end, sizeof word - (size_t)end, "x%lld", (long long)c->axes[i]);
  append(c->text, sizeof c->text, word);
  append(c->text, sizeof c->text, bench_type_word(p->x_type));
  append(c->text, sizeof c->text, bench_pass_word(c->pass));
  if (p->act != WN_ACT_NONE) append(c->text, sizeof c->text, bench_act_word(p->act));
  if (p->add != WN_ADD_NONE) append(c->text, sizeof c->text, p->add == WN_ADD_BEFORE ? "add-before" : "add-after");
  if (c->unaligned) append(c->text, sizeof c->text, "unaligned");
}

static bool push(bench_cases *cases, const bench_case *c, bench_fault *fault) {
  if (cases->count == cases->room) {
    const int room = cases->room ? 2 * cases->room : 64;
    bench_case *const items = realloc(cases->items, (size_t)room * sizeof *items);
    if (!items) return bench_fault_set(fault, "no memory for %d cases", room);
    cases->items = items;
    cases->room = room;
  }
  cases->items[cases->count++] = *c;
  return true;
}

bool bench_cases_add(bench_cases *cases, const bench_spec *spec, const bench_spec *otherwise, const char *suite,
                     bench_fault *fault) {
  const bench_spec *const types = spec->type_count ? spec : otherwise;
  const bench_spec *const passes = spec->pass_count ? spec : otherwise;
  for (int t = 0; t < types->type_count; t++) {
    for (int i = 0; i < passes->pass_count; i++) {
      bench_case c = spec->like;
      if (!has_pass(&c.problem, passes->passes[i])) continue;
      c.problem.x_type = types->types[t];
      c.pass = passes->passes[i];
      c.suite = suite;
      write_text(&c);
      if (!push(cases, &c, fault)) return false;
    }
  }
  return true;
}

void bench_cases_free(bench_cases *cases) {
  free(cases->items);
  *cases = (bench_cases){0};
}
