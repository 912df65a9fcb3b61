/* The command line of wn_mlp. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>
#include <stdio.h>

#include "fault.h"

enum { OPTIONS_MOST_SCALES = 64 };

typedef struct options {
  int norm;       /* wn_kind, 0: none */
  int groups;     /* of group norm; channels of instance norm */
  int place;      /* 1: normalize after the activation, 0: before */
  int activation; /* wn_act */
  int layers, width;
  int scale_count;
  double scales[OPTIONS_MOST_SCALES]; /* standard deviations of the initial weights */
  int batch, epochs;
  int images; /* 0: all */
  double rate;
  int optimizer; /* optimizer_kind */
  int type;      /* of the normalization: WN_F32 or WN_BF16 */
  int64_t seed;
  int device;  /* wn_backend */
  int ordinal; /* which GPU */
  int threads;
  int ranks;  /* options_ranks */
  int figure; /* 0: no picture */
  const char *data, *out;
} options;

/* --ranks: this process alone, or those of mpirun, with the statistics of a batch or of each one's share. */
typedef enum { RANKS_NONE, RANKS_SYNC, RANKS_LOCAL } options_ranks;

typedef enum { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG } options_result;

/* Defaults, then what the words say. The strings of `data` and `out` are the words' own. On OPTIONS_WRONG the fault
 * names the bad word, what was expected, and shows the command line with the word underlined. */
options_result options_parse(options *, int count, char *const *words, fault *);
void options_help(FILE *);

/* The word of the command line for a value of `norm`, `activation`, ...; name is the option's, such as "--norm". */
const char *options_word(const char *name, int value);

#endif
