#include <stdio.h>

#include "options.h"
#include "ranks_mpi.h"
#include "study.h"

static int fail(const fault *f) {
  fprintf(stderr, "wn_mlp: %s\n", f->text);
  return 1;
}

/* This process as one of those that mpirun has started; only rank 0 speaks, unless it is of a failure. */
static int run_ranks(const options *opt, fault *f) {
  ranks_mpi own;
  if (!ranks_mpi_start(&own, opt->ranks == RANKS_SYNC, f)) return fail(f);
  FILE *const out = ranks_leads(&own.table) ? stdout : fopen("/dev/null", "w");
  if (!out || !study_run(opt, &own.table, out, f)) {
    fprintf(stderr, "wn_mlp: rank %d: %s\n", own.table.rank, out ? f->text : "no /dev/null");
    ranks_mpi_abort();
  }
  ranks_mpi_end();
  return 0;
}

int main(int count, char **words) {
  options opt;
  fault f = {""};
  switch (options_parse(&opt, count, words, &f)) {
    case OPTIONS_HELP:
      options_help(stdout);
      return 0;
    case OPTIONS_WRONG:
      (void)fail(&f);
      return 2;
    case OPTIONS_RUN:
      break;
  }
  if (opt.ranks != RANKS_NONE) return run_ranks(&opt, &f);
  return study_run(&opt, NULL, stdout, &f) ? 0 : fail(&f);
}
