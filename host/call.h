/* One call of a pass, checked and resolved: all that a backend needs to run it. No kind, no layout, no user error
 * below. */
#ifndef WNI_CALL_H
#define WNI_CALL_H
#include "geometry.h"
#include "sync.h"

/* A strided tensor of the geometry's extents. data is NULL where the call has none. */
typedef struct wni_tensor {
  void *data;
  wn_dtype type;
  wni_view view;
} wni_tensor;

/* Where mean and rstd come from. */
typedef enum {
  WNI_STATS_COMPUTED = 1, /* from x; written to mean, rstd where those are given, running statistics updated */
  WNI_STATS_SAVED = 2,    /* read from mean, rstd: one for each set */
  WNI_STATS_RUNNING = 3 /* running_mean, 1/sqrt(running_var + eps): one for each parameter, the same for every outer */
} wni_stats;

typedef struct wni_types {
  wn_dtype real;       /* f32 or f64: the arithmetic, and the type of mean, rstd and the running statistics */
  wn_dtype x;          /* x, residual, sum, dx, dsum, dresidual */
  wn_dtype y, dy;      /* dy: WN_DTYPE_DEFAULT when the plan has no backward pass */
  wn_dtype param;      /* gamma, beta */
  wn_dtype param_grad; /* dgamma, dbeta */
} wni_types;

typedef struct wni_call {
  wn_pass pass;
  wni_stats stats;
  wni_geometry geo;
  wni_types types;
  wn_act act;
  wn_add add;
  uint32_t flags; /* wn_problem.flags */
  double eps, momentum, act_slope;

  /* Forward reads x (and residual), writes y (and sum). Backward reads x (the stored sum when add is WN_ADD_BEFORE),
   * dy, residual (add after, no mask, an activation), dsum; writes dx, dresidual. const is kept where the caller's was:
   * nothing writes to x, residual, dy, dsum. */
  wni_tensor x, residual, y, sum;
  wni_tensor dy, dsum, dx, dresidual;

  const void *gamma, *beta; /* types.param; NULL: 1, 0 */
  void *mean, *rstd;        /* types.real; written when stats is COMPUTED, read when SAVED; RMS: mean is NULL */
  void *running_mean;       /* types.real; updated when COMPUTED, read when RUNNING; both or none */
  void *running_var;
  int64_t *batches_seen; /* WN_RUNNING_CUMULATIVE */
  uint8_t *mask;         /* forward: written; backward: read; NULL: none */
  const float *y_scale;  /* f8 y */
  float *y_amax;
  void *dgamma, *dbeta; /* types.param_grad; NULL: not wanted */

  const wni_sync *sync; /* NULL: the sets are this process's alone */
} wni_call;

#endif
