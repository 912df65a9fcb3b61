/* Runs of a study in processes of their own, up to `jobs` at a time: those whose file is there are not run again. */
#ifndef RUN_STUDY_H
#define RUN_STUDY_H

#include <stdio.h>

#include "studies.h"

typedef struct study_work {
  const char *out;
  int jobs;
  bool again;                     /* run everything */
  const dataset *training, *test; /* all pictures of the folder */
  FILE *progress;
} study_work;

bool study_execute(const study *, const study_setting *, const study_work *, fault *);

#endif
