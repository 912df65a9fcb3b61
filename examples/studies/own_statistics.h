/* The gap of batch norm: test pictures in batches of the training's size, normalized by their own statistics, as in
 * training, instead of the running ones. */
#ifndef OWN_STATISTICS_H
#define OWN_STATISTICS_H

#include "train.h"

typedef struct own_statistics {
  const train_images *test;
  int64_t batch;
  double accuracy; /* over the whole batches among the test pictures; set by the watch */
} own_statistics;

/* For train_plan.watch: looks at the end. */
train_watch own_statistics_watch(own_statistics *);

#endif
