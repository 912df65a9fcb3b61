/* How far a study is, and how long the rest will take at the pace so far. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct progress {
  FILE *out;
  bool terminal; /* a line that is written again and again; else only finished lines */
  double start, shown;
  int64_t done, total; /* epochs of all trainings */
} progress;

void progress_start(progress *, FILE *out, int64_t total);
void progress_step(progress *); /* one epoch more */
/* A line that stays, with the time behind it. */
void progress_line(progress *, const char *text);
double progress_seconds(const progress *);

/* "45 s", "3 min 20 s", "2 h 5 min" */
void progress_duration(char *text, size_t size, double seconds);

#endif
