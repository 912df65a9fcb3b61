/* What the backward kernels of the column family share: x and dz of lines, and what becomes of them.
 *
 * Both sweeps of a slab start from x and dy: what lies between is recomputed and not stored. */
#ifndef WNI_COLUMN_BACKWARD_H
#define WNI_COLUMN_BACKWARD_H
#include "column_stages.h"

typedef struct backward {
  const wni_cpu_job *job;
  const wni_call *call;
  const wni_geometry *geo;
  const wni_column_plan *plan;
  bool wants_params; /* dgamma or dbeta */
  bool wants_sums;   /* for those, or for dx */
  bool wants_apply;  /* dx or dresidual */
} backward;

static inline backward backward_begin(const wni_cpu_job *job) {
  const wni_call *const call = job->call;
  const bool params = call->dgamma || call->dbeta, dx = call->dx.data;
  const backward b = {job, call, &call->geo, &job->plan->column, params, params || dx, dx || call->dresidual.data};
  return b;
}

/* Statistics of a block's columns from the call's mean and rstd. */
static inline void saved_statistics(const backward *b, const column_block *block, column_statistics *v) {
  const real *const mean = b->call->mean, *const rstd = b->call->rstd;
  const int64_t each = b->geo->set_columns, first = block->slab * column_sets(b->geo); /* of the slab */
  WNI_EACH_SHARE(set, begin, end, block->column, block->columns, each, {
    for (int64_t i = begin; i < end; i++) v->mean[i] = mean ? (double)mean[first + set] : 0;
    for (int64_t i = begin; i < end; i++) v->rstd[i] = (double)rstd[first + set];
  })
}

/* What is known of each place of a line. */
typedef struct line_knowledge {
  line_terms terms;
  line_factors z; /* where dz needs z */
} line_knowledge;

static inline bool needs_z(const wni_call *call) { return call->act != WN_ACT_NONE && !call->mask; }

/* All but the terms of dx. */
static inline void knowledge_of_xhat(const backward *b, const column_stretch *s, const column_statistics *v,
                                     line_knowledge *k) {
  for (int64_t i = 0; i < s->columns; i++) {
    k->terms.hi[i] = (real)v->mean[i];
    k->terms.rstd[i] = (real)v->rstd[i];
  }
  line_repeat(k->terms.hi, s->columns, s->width);
  line_repeat(k->terms.rstd, s->columns, s->width);
  if (!needs_z(b->call)) return;
  line_reals rooms[2];
  const real *const gamma = column_params(b->geo, b->job->gamma, s->column, s->columns, rooms[0]);
  const real *const beta = column_params(b->geo, b->job->beta, s->column, s->columns, rooms[1]);
  line_factors_make(v, s->columns, s->width, gamma, beta, &k->z);
}

/* ---- x and dz -----------------------------------------------------------------------------------------------------
 */

/* Lines that are not taken from where they are. */
typedef struct gradient_room {
  real x[GROUP * WIDTH] WNI_TILE_ALIGNED;
  real dz[GROUP * WIDTH] WNI_TILE_ALIGNED;
  line_reals z; /* z first, later free for dx */
} gradient_room;

/* dz is REALs, or of the type of x here. */
typedef struct gradient_lines {
  line_source x, dz;
  int64_t lines;
} gradient_lines;

/* dz = dy act'(z), z recomputed unless there is a mask. */
static inline void line_dz(const backward *b, const column_stretch *s, int64_t line, const line_knowledge *k,
                           line_source x, real *z, real *dz) {
  const wni_call *const call = b->call;
  line_load(b->geo, &call->dy, s, line, dz);
  if (call->act == WN_ACT_NONE) return;
  if (call->mask) {
    line_mask_gradient(call, s, line, call->act == WN_ACT_LEAKY_RELU ? (real)call->act_slope : 0, dz);
    return;
  }
  const int64_t row = s->row + line;
  const real *const gamma = b->geo->param_by_row ? (const real *)b->job->gamma + row : NULL;
  const real *const beta = b->geo->param_by_row ? (const real *)b->job->beta + row : NULL;
  lines_affine(&k->z, false, gamma, beta, x, 1, s->width, room_for_lines(z));
  if (call->add == WN_ADD_AFTER) line_add(b->geo, &call->residual, s, line, z);
  tile_act_gradient(call->act, call->act_slope, z, s->width, dz);
}

/* Some of the lines from `line` on, at most n. */
static inline gradient_lines gradient_lines_take(const backward *b, const column_stretch *s, int64_t line, int64_t n,
                                                 const line_knowledge *k, gradient_room *room) {
  const wni_call *const call = b->call;
  const bool x_here = column_is_even(b->geo, &call->x, s);
  const bool dz_here = call->act == WN_ACT_NONE && column_is_even(b->geo, &call->dy, s) &&
                       (call->dy.type == WNI_REAL_TYPE || (x_here && call->dy.type == call->x.type));
  gradient_lines l = {lines_in_room(room->x), lines_in_room(room->dz), x_here && dz_here ? n : least(n, GROUP)};
  if (x_here) l.x = column_lines(b->geo, &call->x, s, line);
  for (int64_t i = 0; !x_here && i < l.lines; i++) line_load(b->geo, &call->x, s, line + i, room->x + i * WIDTH);
  if (dz_here) {
    l.dz = column_lines(b->geo, &call->dy, s, line);
    return l;
  }
  line_source x = l.x;
  for (int64_t i = 0; i < l.lines; i++, x.at.first += x.apart)
    line_dz(b, s, line + i, k, x, room->z, room->dz + i * WIDTH);
  return l;
}

/* ---- dx and dresidual ---------------------------------------------------------------------------------------------
 */

static inline void lines_make_dx(const backward *b, const column_stretch *s, int64_t line, const line_knowledge *k,
                                 line_source x, line_source dz, int64_t lines, line_target dx) {
  if (b->call->stats == WNI_STATS_RUNNING) {
    lines_dx_frozen(&k->terms, dz, lines, s->width, dx);
    return;
  }
  const real *const gamma = b->geo->param_by_row ? (const real *)b->job->gamma + s->row + line : NULL;
  lines_dx(&k->terms, gamma, x, dz, lines, s->width, dx);
}

/* The line as REALs: where it is such, or put there. */
static inline line_source line_as_reals(line_source x, int64_t width, real *room) {
  if (x.at.type == WNI_REAL_TYPE) return x;
  tile_load(x.at.type, x.at.p, x.at.first, width, room);
  return lines_in_room(room);
}

/* A line whose dx is not simply stored. dz is in its room, and with that all read of what dresidual may take the place
 * of. */
static inline void line_apply(const backward *b, const column_stretch *s, int64_t line, const line_knowledge *k,
                              line_source x, real *x_room, const real *dz_room, real *dx) {
  const wni_call *const call = b->call;
  const line_source dz = lines_in_room(dz_room);
  if (call->dresidual.data) line_store(b->geo, &call->dresidual, s, line, dz_room);
  if (!call->dx.data) return;
  lines_make_dx(b, s, line, k, line_as_reals(x, s->width, x_room), dz, 1, room_for_lines(dx));
  if (call->dsum.data) line_add(b->geo, &call->dsum, s, line, dx);
  line_store(b->geo, &call->dx, s, line, dx);
}

static inline void gradient_lines_apply(const backward *b, const column_stretch *s, int64_t line,
                                        const line_knowledge *k, const gradient_lines *l, gradient_room *room) {
  const wni_call *const call = b->call;
  if (call->dx.data && !call->dsum.data && !call->dresidual.data && call->dx.type == l->x.at.type &&
      column_is_even(b->geo, &call->dx, s)) {
    lines_make_dx(b, s, line, k, l->x, l->dz, l->lines, column_target(b->geo, &call->dx, s, line, b->job->stream));
    return;
  }
  const bool in_room = l->dz.at.p == room->dz;
  line_source x = l->x, dz = l->dz;
  for (int64_t i = 0; i < l->lines; i++, x.at.first += x.apart, dz.at.first += dz.apart) {
    const int64_t at = l->lines > GROUP ? 0 : i * WIDTH; /* more than the room is for are not in it */
    if (!in_room) tile_load(dz.at.type, dz.at.p, dz.at.first, s->width, room->dz + at);
    line_apply(b, s, line + i, k, x, room->x + at, room->dz + at, room->z);
  }
}

#endif
