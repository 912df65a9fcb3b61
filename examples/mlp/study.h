/* The study: for each standard deviation of the initial weights the same network without normalization and with it. */
#ifndef STUDY_H
#define STUDY_H

#include "fault.h"
#include "options.h"
#include "ranks.h"

/* Trains, writes curves.csv and summary.csv, draws the picture, and reports on `out`. ranks: the processes that train
 * together, of which rank 0 alone writes files; NULL: this one alone. */
bool study_run(const options *, ranks *, FILE *out, fault *);

#endif
