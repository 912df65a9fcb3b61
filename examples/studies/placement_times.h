/* What each activation costs, forward and backward: alone, fused with batch norm, and in a step of a whole network. */
#ifndef PLACEMENT_TIMES_H
#define PLACEMENT_TIMES_H

#include "studies.h"

#define PLACEMENT_TIMES_HEADER "form,pass,activation,values,run,rounds,median,quarter,three_quarters,processor"

/* Nanoseconds a value; of a network, a picture. `run` numbers the processes that measure the same. */
bool placement_times_run(run_context *, int run, run_rows *, int file, fault *);

#endif
