/* What the activations of a network see and give, while its weights stand still. */
#ifndef ACTIVATION_PROBE_H
#define ACTIVATION_PROBE_H

#include "train.h"

typedef struct activation_record { /* of one activation: layer 1 is next to the pictures */
  int64_t pictures, units;
  float *in, *out; /* pictures x units, on the host */
} activation_record;

typedef struct activation_probe {
  int count;
  activation_record *records;
} activation_probe;

/* Of the first `batches` batches of the pictures, normalized by their own statistics as in training. The network is
 * left as it was, its running statistics too; what a backward needs is gone. Each activation is a stage of its own. */
bool activation_probe_take(activation_probe *, network *, const train_images *, int64_t batch, int64_t batches,
                           fault *);
void activation_probe_free(activation_probe *);

typedef struct activation_spread {
  double mean, deviation, low, high; /* low, high: the 1st and 99th percentile */
} activation_spread;

bool activation_spread_of(activation_spread *, int64_t count, const float *values, fault *);

/* Shares of all values: those between two, those that are 0, those that are saturated. Saturated: an outcome of sigmoid
 * outside 0.05 to 0.95, of tanh outside -0.9 to 0.9, where the slope is below 0.19 of the largest; of no other
 * activation. */
double activation_share(int64_t count, const float *values, double low, double high); /* low < value <= high */
double activation_zero(const activation_record *);
double activation_saturated(wn_act, const activation_record *);
/* The share of units that give 0 for every picture. */
double activation_dead(const activation_record *);

#endif
