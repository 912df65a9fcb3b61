/* The two networks that the studies of pictures train, on pictures of 14 x 14 pixels.
 *
 *   perceptron    `hidden` layers of `width` features
 *   convolution   8 channels at 7 x 7 positions, 8 at 7 x 7, 16 at 4 x 4, windows of 3 x 3; means over the positions
 *
 * Each layer is followed by a normalization, or none, and the activation, or by these the other way round; a linear
 * layer to the classes is the last. The least that is normalized over is 16 positions. */
#ifndef PICTURE_NETWORKS_H
#define PICTURE_NETWORKS_H

#include "network.h"

enum { PICTURE_SIDE = 14, PICTURE_MOST_HIDDEN = 20, PICTURE_MOST_STAGES = 4 * PICTURE_MOST_HIDDEN + 3 };

/* He et al. 2015 for ReLU, by network_design.per_input: sqrt(2 / inputs). */
#define PICTURE_DEVIATION 1.4142135623730951

typedef struct picture_choice {
  bool convolution;
  int hidden, width; /* perceptron */
  wn_layout layout;  /* convolution */
  wn_act act;
  int norm;         /* a wn_kind; 0: none */
  bool norm_after;  /* what comes out of the activation is normalized, not what goes in */
  bool apart;       /* an activation behind a normalization is a stage of its own: to be looked at between them */
  int64_t parts;    /* ghost parts of batch norm; 0: none */
  bool norm_inputs; /* perceptron: the pixels too, before the first layer */
  double drop;      /* dropout behind each hidden layer; 0: none */
} picture_choice;

/* Where batch norm stands, seen from the activation; files and pages name it so. */
typedef enum picture_place { PICTURE_NO_NORM, PICTURE_NORM_BEFORE, PICTURE_NORM_AFTER, PICTURE_PLACES } picture_place;
const char *picture_place_name(picture_place);
void picture_place_norm(picture_choice *, picture_place);

typedef struct picture_network { /* holds the stages that its design points to: not to be copied */
  stage_spec stages[PICTURE_MOST_STAGES];
  network_design design;
} picture_network;

void picture_network_make(picture_network *, const picture_choice *);

/* "none", "batch", ...: as files and pages name a normalization. */
const char *picture_norm_name(int norm);

#endif
