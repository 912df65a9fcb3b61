/* The study: for each standard deviation of the initial weights the same network without normalization and with it. */
#ifndef STUDY_H
#define STUDY_H

#include "fault.h"
#include "options.h"

/* Trains, writes curves.csv and summary.csv, draws the picture, and reports on `out`. */
bool study_run(const options *, FILE *out, fault *);

#endif
