#include <stdio.h>

#include "options.h"
#include "study.h"

int main(int count, char **words) {
  options opt;
  fault f = {""};
  switch (options_parse(&opt, count, words, &f)) {
    case OPTIONS_HELP:
      options_help(stdout);
      return 0;
    case OPTIONS_WRONG:
      fprintf(stderr, "wn_mlp: %s\n", f.text);
      return 2;
    case OPTIONS_RUN:
      break;
  }
  if (study_run(&opt, stdout, &f)) return 0;
  fprintf(stderr, "wn_mlp: %s\n", f.text);
  return 1;
}
