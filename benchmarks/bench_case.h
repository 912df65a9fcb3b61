/* What is measured: a problem and a pass, and the line of text that a user types for it.
 *
 *   group32 nxc 8x320x32x32 bf16 backward silu
 *
 * Words in any order, but one kind and one shape; the rest has defaults:
 *
 *   kind      batch layer group<groups> instance rms
 *   shape     samples x channels [x spatial axes]: 32x64x56x56, 4096x1024
 *   layout    ncx (channels before positions) or nxc; default ncx
 *   types     of x, some of f32 f16 bf16 f64 with commas; default: those of --type
 *   passes    some of train infer backward frozen with commas; default: those of --pass
 *   act       relu leaky-relu sigmoid tanh gelu gelu-tanh silu
 *   residual  add-before (x + r is normalized) or add-after (act(z + r))
 *   unaligned every tensor begins one element behind the allocation's alignment */
#ifndef BENCH_CASE_H
#define BENCH_CASE_H
#include <stdint.h>

#include "bench_fault.h"
#include "warpnorm.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_MOST_AXES = 3, BENCH_MOST_TYPES = 4, BENCH_MOST_PASSES = 4 };

typedef struct bench_case {
  wn_problem problem;
  wn_pass pass;
  int64_t axes[BENCH_MOST_AXES]; /* spatial, as typed; their product is problem.x */
  int axis_count;
  bool unaligned;
  const char *suite; /* "" for a --case */
  char text[160];    /* every word that is no default: parses to this case again */
} bench_case;

/* A line as it was typed: `like` but for its pass and its type, which may be several or not said. */
typedef struct bench_spec {
  bench_case like;
  wn_dtype types[BENCH_MOST_TYPES];
  int type_count;
  wn_pass passes[BENCH_MOST_PASSES];
  int pass_count;
} bench_spec;

typedef struct bench_cases {
  bench_case *items;
  int count, room;
} bench_cases;

bool bench_spec_parse(const char *text, bench_spec *spec, bench_fault *fault);

/* Adds the cases of a spec for each of its types and passes, or where it says none for each of `otherwise`. A pass that
 * the kind does not have is left out, or a fault if the spec asks for it alone. False with a fault: also no memory. */
bool bench_cases_add(bench_cases *cases, const bench_spec *spec, const bench_spec *otherwise, const char *suite,
                     bench_fault *fault);
void bench_cases_free(bench_cases *cases);

/* Words of the grammar, NULL for values that it does not have. */
const char *bench_kind_word(wn_kind kind);
const char *bench_type_word(wn_dtype type);
const char *bench_pass_word(wn_pass pass);
const char *bench_act_word(wn_act act);

/* Comma-separated words of --type and --pass. */
bool bench_types_parse(const char *text, bench_spec *spec, bench_fault *fault);
bool bench_passes_parse(const char *text, bench_spec *spec, bench_fault *fault);

size_t bench_type_bytes(wn_dtype type);
bool bench_forward(wn_pass pass);
/* Whether running statistics are read: inference and frozen backward of batch norm. */
bool bench_uses_running(const bench_case *c);
int64_t bench_sets(const wn_problem *p); /* statistics of a training pass */

/* The bytes that the pass must move at least: each tensor once, each parameter and statistic once. */
typedef struct bench_traffic {
  double read, written;
} bench_traffic;
bench_traffic bench_least_traffic(const bench_case *c);

#ifdef __cplusplus
}
#endif

#endif
