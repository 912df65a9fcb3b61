/* A stage of a network: one step of the way from the images to the logits. A network is a list of stage_specs, plain
 * data; what a stage does is a const table of functions. A new part, such as a convolution, is a new table, and neither
 * network.c nor train.c knows of it. */
#ifndef STAGE_H
#define STAGE_H

#include "form.h"
#include "machine.h"
#include "norm_layer.h"
#include "rng.h"
#include "window.h"

typedef struct stage_kind stage_kind;

typedef struct stage_spec {
  const stage_kind *kind;
  int64_t units;       /* linear: outputs; linear_each, convolution: output channels; recurrent: values of the state */
  wn_act act;          /* activation */
  norm_choice norm;    /* norm; its `act` is fused with it */
  window_shape window; /* convolution, average_pool */
  double drop;         /* dropout: the share of values that a training forward drops */
  int64_t heads;       /* attention */
  bool normalized;     /* recurrent: `norm` is read */
  double first_gamma;  /* recurrent: what gamma begins with; 0: 1 */
} stage_spec;

typedef struct tensor { /* one parameter and its gradient, in device memory */
  const char *name;     /* "weight", "bias", "gamma", "beta" */
  int layer;            /* 0: next to the images */
  int64_t count;
  float *value, *gradient;
} tensor;

enum { STAGE_MOST_TENSORS = 4 };

typedef struct stage {
  stage_spec spec;
  machine *on; /* where it lives */
  int64_t most_rows;
  int place; /* in the network's list */
  int layer; /* of its tensors: how many stages with weights come before it, itself not counted */
  form in, out;
  float *y; /* out, for most_rows rows: kept until the next forward */
  tensor tensors[STAGE_MOST_TENSORS];
  int tensor_count;
  void *state; /* the kind's own: allocated by create, freed by destroy */
} stage;

struct stage_kind {
  bool weighted; /* has weights: begins a layer */
  bool in_place; /* backward turns d into dx where it lies */

  /* Sets `out`, takes memory for all but y. `destroy` is called after a failure too, and with a state of NULL. */
  bool (*create)(stage *, buffers *, fault *);
  void (*destroy)(stage *);                                 /* NULL: nothing to do */
  bool (*reset)(stage *, rng *, double deviation, fault *); /* initial parameters; NULL: it has none */
  bool (*forward)(stage *, bool training, int64_t rows, const float *x, fault *);
  /* x: as in the last training forward. d: the gradient of the loss at y. dx: where that at x goes; in_place: d itself;
   * NULL when nobody wants it. */
  bool (*backward)(stage *, int64_t rows, const float *x, float *d, float *dx, fault *);
};

extern const stage_kind stage_linear;     /* every value of x to `units` values */
extern const stage_kind stage_activation; /* element by element */
extern const stage_kind stage_norm;       /* libwarpnorm's, with the activation of its choice fused */

/* Over pictures, in their layout, which their outputs keep: stage_window.c. */
extern const stage_kind stage_convolution;
extern const stage_kind stage_average_pool;

/* stage_dropout.c. Ranks draw the same numbers, each for its own share of a batch. */
extern const stage_kind stage_dropout;

/* Over sequences: pictures in NXC, whose positions are the steps. */
extern const stage_kind stage_linear_each; /* stage.c: the same linear for the channels of each position */
extern const stage_kind stage_places;      /* stage_sequence.c: adds values of its own to each position */
extern const stage_kind stage_mean;        /* stage_sequence.c: over the positions */
extern const stage_kind stage_attention;   /* stage_attention.c */
extern const stage_kind stage_recurrent;   /* stage_recurrent.c */

/* stage_skip.c. A join adds what came out of the last fork before it that has none: they nest as parentheses do. */
extern const stage_kind stage_fork;
extern const stage_kind stage_join;

/* For the kinds' own create and reset. */
bool stage_add_tensor(stage *, const char *name, int64_t count, buffers *, fault *);
bool stage_draw(stage *, const tensor *, rng *, double deviation, fault *); /* from a normal distribution */
bool stage_is_sequence(const stage *, const char *what, fault *);           /* else a fault: `what` needs NXC */

#endif
