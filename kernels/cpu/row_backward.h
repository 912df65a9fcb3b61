/* What the backward kernels of the row family share: a tile's xhat and dz, their sums, and what becomes of dz.
 *
 * Both sweeps of a set start from x and dy: what lies between them is recomputed and not stored, which costs arithmetic
 * where storing would cost memory traffic. Only a set of one tile keeps it. */
#ifndef WNI_ROW_BACKWARD_H
#define WNI_ROW_BACKWARD_H
#include "row.h"

typedef struct backward {
  const wni_cpu_job *job;
  const wni_call *call;
  const wni_geometry *geo;
  const wni_row_plan *plan;
  bool wants_params; /* dgamma or dbeta */
  bool wants_apply;  /* dx or dresidual */
} backward;

static inline backward backward_begin(const wni_cpu_job *job) {
  const wni_call *const call = job->call;
  const backward b = {
      job, call, &call->geo, &job->plan->row, call->dgamma || call->dbeta, call->dx.data || call->dresidual.data};
  return b;
}

/* Room for a tile's values and where they are: in the room, or for dz in dy itself. */
typedef struct gradient_tile {
  const real *xhat, *dz;
  real xhat_room[TILE] WNI_TILE_ALIGNED;
  real dz_room[TILE] WNI_TILE_ALIGNED;
  real z_room[TILE] WNI_TILE_ALIGNED;
} gradient_tile;

static inline normalizer saved_normalizer(const wni_call *call, int64_t set) {
  const real mean = call->mean ? ((const real *)call->mean)[set] : 0;
  const normalizer s = {mean, ((const real *)call->rstd)[set], 0};
  return s;
}

/* dz = dy act'(z), z recomputed unless there is a mask. */
static inline void dz_of_tile(const backward *b, row_place at, const row_part *tile, normalizer s, const real *x,
                              gradient_tile *t) {
  const wni_call *const call = b->call;
  if (call->act == WN_ACT_NONE) {
    t->dz = row_view(&call->dy, at, tile, t->dz_room);
    return;
  }
  row_load(&call->dy, at, tile, t->dz_room);
  t->dz = t->dz_room;
  if (call->mask) {
    const real otherwise = call->act == WN_ACT_LEAKY_RELU ? (real)call->act_slope : 0;
    row_mask_gradient(call, at, tile, otherwise, t->dz_room);
    return;
  }
  row_affine(b->job, at, tile, s, x, t->z_room);
  if (call->add == WN_ADD_AFTER) row_add(&call->residual, at, tile, t->z_room);
  tile_act_gradient(call->act, call->act_slope, t->z_room, part_size(tile), t->dz_room);
}

static inline void gradient_tile_take(const backward *b, row_place at, const row_part *tile, normalizer s,
                                      gradient_tile *t) {
  const real *const x = row_view(&b->call->x, at, tile, t->xhat_room);
  dz_of_tile(b, at, tile, s, x, t);
  tile_xhat(s, x, part_size(tile), t->xhat_room);
  t->xhat = t->xhat_room;
}

/* dresidual = dz; before dx, which may take the place that dz is read from. */
static inline void store_dresidual(const backward *b, row_place at, const row_part *tile, const real *dz) {
  const wni_tensor *const dr = &b->call->dresidual;
  if (dr->data && row_direct(dr, at, tile) != dz) row_store(dr, at, tile, dz);
}

/* Where a tile of dx is made: in its own place, unless dsum, which is still to be read, may be there too. */
static inline real *dx_room(const backward *b, row_place at, const row_part *tile, real *room) {
  real *const direct = b->call->dsum.data ? NULL : row_direct(&b->call->dx, at, tile);
  return direct ? direct : room;
}

static inline void finish_dx(const backward *b, row_place at, const row_part *tile, real *dx, const real *room) {
  if (dx != room) return;
  if (b->call->dsum.data) row_add(&b->call->dsum, at, tile, dx);
  row_store(&b->call->dx, at, tile, dx);
}

/* What the kernels hand on where each element has a parameter of its own: row_backward_each.c. */
void WNI_FN(row_backward_each)(const wni_cpu_job *job, int64_t chunk);
void WNI_FN(row_backward_each_sums)(const wni_cpu_job *job, int64_t task);
void WNI_FN(row_backward_each_apply)(const wni_cpu_job *job, int64_t task);

#endif
