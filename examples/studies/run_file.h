/* What a run leaves: a file of its own, which is there whole or not at all. Its first line states the setting, its last
 * that nothing is missing; between them "FILE ROW" for each row of the study's file of that number. */
#ifndef RUN_FILE_H
#define RUN_FILE_H

#include <stdio.h>

#include "studies.h"

enum { RUN_PATH_ROOM = 4096 };

typedef struct run_place { /* of a study's results */
  char folder[RUN_PATH_ROOM];
  const study *of;
  const study_setting *setting;
} run_place;

/* Makes FOLDER/runs too. */
bool run_place_make(run_place *, const char *out, const study *, const study_setting *, fault *);

/* Whole, and of this setting. */
bool run_file_done(const run_place *, const study_run *);
bool run_file_write(const run_place *, const study_run *, const run_rows *, fault *);
/* Rows of the study's file of this number, to `to`. */
bool run_file_copy(const run_place *, const study_run *, int file, FILE *to, fault *);

run_rows *run_rows_make(void); /* NULL: no memory */
void run_rows_free(run_rows *);

#endif
