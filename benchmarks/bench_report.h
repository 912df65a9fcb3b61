/* What was measured, for people and for programs. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H
#include <stdio.h>

#include "bench_environment.h"
#include "bench_measure.h"

/* Text of the terminal. */
void bench_table_begin(FILE *out, const bench_environment *e);
void bench_table_outcome(FILE *out, const bench_outcome *o);

/* A line of JSON each: {"type":"environment",...}, {"type":"case",...} and {"type":"result",...} for each peer. */
void bench_json_environment(FILE *out, const bench_environment *e, const char *tool);
void bench_json_case(FILE *out, const bench_case *c);
void bench_json_outcome(FILE *out, const bench_outcome *o, const bench_environment *e);

void bench_csv_begin(FILE *out, const bench_environment *e);
void bench_csv_outcome(FILE *out, const bench_outcome *o);

const char *bench_state_word(bench_state state);
/* Ours, and the fastest ranked peer with a right result; NULL: there is none. */
const bench_result *bench_ours(const bench_outcome *o);
const bench_result *bench_best(const bench_outcome *o);

/* What all cases come to: collected one by one, printed at the end. */
typedef struct bench_row {
  char text[160], peer[32];
  wn_pass pass;
  const char *cache;
  double ratio; /* the best peer's time over ours */
  double share; /* of the copy */
} bench_row;
typedef struct bench_summary {
  bench_row *rows; /* of each outcome in which ours was right */
  int count;
  double *spreads; /* of each result that was timed, 10 % to 90 % over the median */
  int timed;
  int ours_wrong, ours_failed, peers_wrong, noisy;
} bench_summary;
bool bench_summary_begin(bench_summary *s, int outcomes); /* room for so many; false: no memory */
void bench_summary_end(bench_summary *s);
void bench_summary_add(bench_summary *s, const bench_outcome *o);
void bench_summary_print(FILE *out, const bench_summary *s);

#endif
