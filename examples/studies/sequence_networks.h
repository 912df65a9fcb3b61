/* The two networks that read a picture as a sequence.
 *
 *   recurrent     a step for each row of pixels: a plain recurrent network of SEQUENCE_STATE values; its last state
 *   transformer   a step for each two rows: a linear embedding of SEQUENCE_WIDTH values and learned places; one block
 * of self-attention with two heads and a perceptron of twice the width, ReLU; the mean over the steps
 *
 * A linear layer to the classes is the last. The recurrent network is normalized at each step, before its tanh. The
 * transformer before both parts of the block and before the mean, or after each residual connection. */
#ifndef SEQUENCE_NETWORKS_H
#define SEQUENCE_NETWORKS_H

#include "dataset.h"
#include "network.h"

enum { SEQUENCE_STATE = 64, SEQUENCE_WIDTH = 32, SEQUENCE_HEADS = 2, SEQUENCE_MOST_STAGES = 16 };

typedef struct sequence_choice {
  double first_gamma; /* recurrent: what gamma begins with */
  int norm;           /* a wn_kind; 0: none */
  bool transformer;
  bool after; /* transformer: normalize after the residual connections */
} sequence_choice;

typedef struct sequence_network { /* holds the stages that its design points to: not to be copied */
  stage_spec stages[SEQUENCE_MOST_STAGES];
  network_design design;
} sequence_network;

/* For pictures of the size of these. A transformer wants an even number of rows. */
bool sequence_network_make(sequence_network *, const sequence_choice *, const dataset *, fault *);

#endif
