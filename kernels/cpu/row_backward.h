/* What the backward kernels of the row family share: a tile's x and dz, and what becomes of them.
 *
 * Both sweeps of a set start from x and dy: what lies between is recomputed and not stored, which costs arithmetic
 * where storing would cost memory traffic. Only a set of one tile keeps it. */
#ifndef WNI_ROW_BACKWARD_H
#define WNI_ROW_BACKWARD_H
#include "gradient.h"
#include "row.h"

typedef struct backward {
  const wni_cpu_job *job;
  const wni_call *call;
  const wni_geometry *geo;
  const wni_row_plan *plan;
  bool wants_params; /* dgamma or dbeta */
  bool wants_sums;   /* them or dx */
  bool wants_apply;  /* dx or dresidual */
} backward;

static inline backward backward_begin(const wni_cpu_job *job) {
  const wni_call *const call = job->call;
  const bool params = call->dgamma || call->dbeta, dx = call->dx.data;
  const backward b = {job, call, &call->geo, &job->plan->row, params, params || dx, dx || call->dresidual.data};
  return b;
}

typedef struct gradient_rooms {
  real x[KEPT] WNI_TILE_ALIGNED;
  real dz[KEPT] WNI_TILE_ALIGNED;
  real z[TILE] WNI_TILE_ALIGNED; /* of one tile at a time: z first, later dx */
} gradient_rooms;

/* A tile's x and dz: in the tensors, or in its rooms. */
typedef struct gradient_tile {
  source x, dz;
  real *x_room, *dz_room, *z_room;
} gradient_tile;

/* With room for x and dz from element `by` on. */
static inline gradient_tile gradient_tile_in(gradient_rooms *rooms, int64_t by) {
  const gradient_tile t = {.x_room = rooms->x + by, .dz_room = rooms->dz + by, .z_room = rooms->z};
  return t;
}

static inline normalizer saved_normalizer(const wni_call *call, int64_t set) {
  const real mean = call->mean ? ((const real *)call->mean)[set] : 0;
  const normalizer s = {mean, ((const real *)call->rstd)[set], 0};
  return s;
}

/* Whether dz is dy where that is, if it need not be gathered. */
static inline bool dz_is_dy(const wni_call *call) {
  return call->act == WN_ACT_NONE && is_pair(call->x.type, call->dy.type);
}

/* dz = dy act'(z), z recomputed unless there is a mask. */
static inline source dz_of_tile(const backward *b, row_place at, const row_part *tile, normalizer s, gradient_tile *t) {
  const wni_call *const call = b->call;
  if (dz_is_dy(call)) return row_source(&call->dy, at, tile, t->dz_room);
  row_load(&call->dy, at, tile, t->dz_room);
  if (call->act == WN_ACT_NONE) return source_of_tile(t->dz_room);
  if (call->mask) {
    const real otherwise = call->act == WN_ACT_LEAKY_RELU ? (real)call->act_slope : 0;
    row_mask_gradient(call, at, tile, otherwise, t->dz_room);
    return source_of_tile(t->dz_room);
  }
  row_affine(b->job, at, tile, s, false, t->x, target_of_tile(t->z_room));
  if (call->add == WN_ADD_AFTER) row_add(&call->residual, at, tile, t->z_room);
  tile_act_gradient(call->act, call->act_slope, t->z_room, part_size(tile), t->dz_room);
  return source_of_tile(t->dz_room);
}

static inline void gradient_tile_take(const backward *b, row_place at, const row_part *tile, normalizer s,
                                      gradient_tile *t) {
  t->x = row_source(&b->call->x, at, tile, t->x_room);
  t->dz = dz_of_tile(b, at, tile, s, t);
}

/* What is taken of the sets that come `sets` later, meanwhile. */
static inline void gradient_tile_ahead(const backward *b, row_place at, const row_part *tile, int64_t sets,
                                       gradient_tile *t) {
  row_fetch_ahead(b->job, &b->call->x, at, tile, sets, &t->x);
  row_fetch_ahead(b->job, &b->call->dy, at, tile, sets, &t->dz);
}

/* dresidual = dz; before dx, which may take the place that dz is read from. dresidual itself may take dy's place with
 * other numbers, being of another type: dz is read no more from there. */
static inline void store_dresidual(const backward *b, row_place at, const row_part *tile, gradient_tile *t) {
  const wni_tensor *const dr = &b->call->dresidual;
  if (!dr->data) return;
  if (t->dz.p != t->dz_room) {
    tile_load(t->dz.type, t->dz.p, t->dz.first, part_size(tile), t->dz_room);
    t->dz = source_of_tile(t->dz_room);
  }
  row_store(dr, at, tile, t->dz_room);
}

/* Where a tile of dx is made, in the type that tile_dx gives it: in its own place, unless that is of another type, or
 * dsum, which is still to be read, may be there too. */
static inline target dx_target(const backward *b, row_place at, const row_part *tile, const gradient_tile *t,
                               real *room) {
  const target direct = row_target(&b->call->dx, at, tile, b->job->stream, room);
  return direct.type == t->x.type && !b->call->dsum.data ? direct : target_of_tile(room);
}

/* x as REALs where dx is made as such. */
static inline source x_for_dx(const row_part *tile, target dx, gradient_tile *t) {
  if (dx.type == t->x.type) return t->x;
  tile_load(t->x.type, t->x.p, t->x.first, part_size(tile), t->x_room);
  return source_of_tile(t->x_room);
}

static inline void finish_dx(const backward *b, row_place at, const row_part *tile, target dx, real *room) {
  if (dx.p != room) return;
  if (b->call->dsum.data) row_add(&b->call->dsum, at, tile, room);
  row_store(&b->call->dx, at, tile, room);
}

/* What the kernels hand on where each element has a parameter of its own: row_backward_each.c. */
void WNI_FN(row_backward_each)(const wni_cpu_job *job, int64_t chunk);
void WNI_FN(row_backward_each_sums)(const wni_cpu_job *job, int64_t task);
void WNI_FN(row_backward_each_apply)(const wni_cpu_job *job, int64_t task);

#endif
