/* Studies: lists of trainings, each a run of its own that leaves rows of CSV files. What a study is stands in one const
 * table; how its runs are shared among processes, kept and joined is the same for all. */
#ifndef STUDIES_H
#define STUDIES_H

#include "dataset.h"
#include "machine.h"
#include "train.h"

typedef enum study_form {
  STUDY_TINY, /* seconds: does it run at all? */
  STUDY_USUAL,
  STUDY_FULL
} study_form;

typedef struct study_setting {
  study_form form;
  int seeds; /* 1, 2, ... of each cell */
  const char *data;
} study_setting;

enum { STUDY_KEY_ROOM = 128, STUDY_MOST_FILES = 4 };

typedef struct study_run {  /* plain data */
  char key[STUDY_KEY_ROOM]; /* names it among the study's: parts with '/' between */
  void *cell;               /* the study's own */
  bool alone;               /* no other of the study's runs beside it: it measures times */
} study_run;

typedef struct run_list {
  study_run *runs;
  int64_t count, room;
} run_list;

/* `cell` is copied. */
bool run_list_add(run_list *, const void *cell, size_t cell_bytes, fault *, const char *key, ...)
    __attribute__((format(printf, 5, 6)));
void run_list_free(run_list *);

typedef struct run_context { /* of one run's process */
  const study_setting *setting;
  const dataset *training, *test; /* all pictures of the folder, on the host */
  struct machine machine;         /* "struct": C++ too reads this */
  buffers memory;                 /* given back after the run */
} run_context;

typedef struct run_rows run_rows;
/* A row, without the line's end, of the study's file of this number. */
void run_rows_add(run_rows *, int file, const char *format, ...) __attribute__((format(printf, 3, 4)));

typedef struct study_file {
  const char *name, *header; /* "accuracy.csv", "norm,batch,..." */
} study_file;

typedef struct study {
  const char *name, *title;
  study_file files[STUDY_MOST_FILES]; /* a name of NULL ends them */
  bool (*list)(run_list *, const study_setting *, fault *);
  bool (*run)(run_context *, const study_run *, run_rows *, fault *);
} study;

/* studies.c: NULL ends them. */
extern const study *const all_studies[];

#endif
