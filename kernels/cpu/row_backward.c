/* Backward passes of the row family where stretches of elements share a parameter: the sums of a stretch give its part
 * of dgamma and dbeta, and weighted with gamma its part of what dx needs of the set. */
#include "row_backward.h"

/* The slots of a set's or segment's sums: (sum dz xhat, sum dz) of the spans from `first` on. */
typedef struct span_sums {
  double *slot;
  int64_t first, count;
} span_sums;

static span_sums sums_begin(const backward *b, int64_t set, int64_t segment, const row_part *part) {
  const int64_t slots = b->plan->span_slots;
  const int64_t first = b->plan->spans == 1 ? 0 : part->element / b->geo->param_span;
  const int64_t last = b->plan->spans == 1 ? 0 : (part->element + part->elements - 1) / b->geo->param_span;
  const span_sums s = {b->job->sums + (set * b->plan->segments + segment) * slots * 2, first, last - first + 1};
  memset(s.slot, 0, (size_t)(2 * s.count) * sizeof *s.slot);
  return s;
}

static void add_sums(const backward *b, const row_part *tile, normalizer s, const gradient_tile *t,
                     const span_sums *sums) {
  WNI_EACH_STRETCH(p, b->geo, b->plan, tile) {
    const gradient_sums v = tile_sums(s, source_from(t->x, p.begin), source_from(t->dz, p.begin), p.size);
    double *const slot = sums->slot + 2 * (p.param - sums->first);
    slot[0] += v.product;
    slot[1] += v.plain;
  }
}

static const real *gamma_of_set(const backward *b, row_place at) {
  return (const real *)b->job->gamma + row_first_param(b->geo, b->plan, at);
}

/* Sums of g xhat and of g. */
typedef struct set_sums {
  double gx, g;
} set_sums;

static void add_weighted(const real *gamma, const span_sums *s, set_sums *total) {
  for (int64_t i = 0; i < s->count; i++) {
    total->gx += (double)gamma[s->first + i] * s->slot[2 * i];
    total->g += (double)gamma[s->first + i] * s->slot[2 * i + 1];
  }
}

static set_sums means_of(const backward *b, set_sums total) {
  const double m = (double)b->geo->set_size;
  const set_sums means = {total.gx / m, b->geo->centered ? total.g / m : 0};
  return means;
}

/* dx = rstd (g - mean(g) - xhat mean(g xhat)) and dresidual of a tile. */
static void apply_tile(const backward *b, row_place at, const row_part *tile, normalizer s, set_sums means,
                       gradient_tile *t) {
  real *const room = t->z_room;
  store_dresidual(b, at, tile, t);
  if (!b->call->dx.data) return;
  const target dx = dx_target(b, at, tile, t, room);
  const source x = x_for_dx(tile, dx, t);
  const real *const gamma = gamma_of_set(b, at);
  WNI_EACH_STRETCH(p, b->geo, b->plan, tile) {
    const source dz = source_from(t->dz, p.begin);
    if (b->call->stats == WNI_STATS_RUNNING) {
      tile_dx_frozen(s.rstd * gamma[p.param], dz, p.size, target_from(dx, p.begin));
    } else {
      const gradient_terms k = gradient_terms_make(s.rstd, gamma[p.param], means.gx, means.g);
      const target stretch = target_from(dx, p.begin);
      WNI_EACH_ALIGNED_PART(stretch, p.size, by, part)
      tile_dx(s, k, source_from(x, p.begin + by), source_from(dz, by), part, target_from(stretch, by));
    }
  }
  finish_dx(b, at, tile, dx, room);
}

static void part_sums(const backward *b, row_place at, const row_walk *walk, normalizer s, gradient_tile *t,
                      const span_sums *sums) {
  for (int64_t i = 0; i < walk->tiles; i++) {
    const row_part tile = row_tile_of(walk, i);
    gradient_tile_take(b, at, &tile, s, t);
    add_sums(b, &tile, s, t, sums);
  }
}

static void part_apply(const backward *b, row_place at, const row_walk *walk, normalizer s, set_sums means,
                       gradient_tile *t) {
  for (int64_t i = 0; i < walk->tiles; i++) {
    const row_part tile = row_tile_of(walk, i);
    gradient_tile_take(b, at, &tile, s, t);
    gradient_tile_ahead(b, at, &tile, 1, t);
    apply_tile(b, at, &tile, s, means, t);
  }
}

static void large_set(const backward *b, int64_t set, const row_walk *walk, gradient_tile *t) {
  const row_place at = row_place_of(b->geo, set);
  const normalizer s = saved_normalizer(b->call, set);
  set_sums total = {0, 0};
  if (b->wants_sums) {
    const span_sums sums = sums_begin(b, set, 0, &walk->part);
    part_sums(b, at, walk, s, t, &sums);
    add_weighted(gamma_of_set(b, at), &sums, &total);
  }
  if (b->wants_apply) part_apply(b, at, walk, s, means_of(b, total), t);
}

/* A set of a few tiles: dz is made once. */
static void kept_set(const backward *b, int64_t set, const row_walk *walk, gradient_rooms *rooms) {
  const row_place at = row_place_of(b->geo, set);
  const normalizer s = saved_normalizer(b->call, set);
  const span_sums sums = sums_begin(b, set, 0, &walk->part);
  gradient_tile t[KEPT_TILES];
  int64_t taken = 0;
  for (int64_t i = 0; i < walk->tiles; i++) {
    const row_part tile = row_tile_of(walk, i);
    t[i] = gradient_tile_in(rooms, taken);
    gradient_tile_take(b, at, &tile, s, &t[i]);
    gradient_tile_ahead(b, at, &tile, 1, &t[i]);
    if (b->wants_sums) add_sums(b, &tile, s, &t[i], &sums);
    taken += part_size(&tile);
  }
  set_sums total = {0, 0};
  add_weighted(gamma_of_set(b, at), &sums, &total);
  for (int64_t i = 0; i < walk->tiles && b->wants_apply; i++) {
    const row_part tile = row_tile_of(walk, i);
    apply_tile(b, at, &tile, s, means_of(b, total), &t[i]);
  }
}

/* Sets of one tile each: what is made for the sums serves dx too. */
static void small_sets(const backward *b, int64_t first, int64_t count, const row_walk *walk, int64_t stride,
                       gradient_rooms *rooms) {
  const row_part *const tile = &walk->part;
  row_place at = row_place_of(b->geo, first);
  gradient_tile t[BATCH];
  set_sums total[BATCH] = {{0, 0}};
  for (int64_t i = 0; i < count; i++, at = row_place_next(b->geo, at)) {
    const normalizer s = saved_normalizer(b->call, first + i);
    t[i] = gradient_tile_in(rooms, i * stride);
    gradient_tile_take(b, at, tile, s, &t[i]);
    gradient_tile_ahead(b, at, tile, count, &t[i]);
    if (!b->wants_sums) continue;
    const span_sums sums = sums_begin(b, first + i, 0, tile);
    add_sums(b, tile, s, &t[i], &sums);
    add_weighted(gamma_of_set(b, at), &sums, &total[i]);
  }
  if (!b->wants_apply) return;
  at = row_place_of(b->geo, first);
  for (int64_t i = 0; i < count; i++, at = row_place_next(b->geo, at)) {
    apply_tile(b, at, tile, saved_normalizer(b->call, first + i), means_of(b, total[i]), &t[i]);
  }
}

void WNI_FN(row_backward)(const wni_cpu_job *job, int64_t task) {
  if (job->plan->row.per_element) {
    WNI_FN(row_backward_each)(job, task);
    return;
  }
  const backward b = backward_begin(job);
  const row_walk walk = row_walk_of(row_whole_set(b.geo));
  const row_batch batch = row_batch_of(&walk, b.call->x.type, backward_batch(b.call->x.type));
  const int64_t begin = task * b.plan->sets_per_task, end = least(begin + b.plan->sets_per_task, b.geo->sets);
  gradient_rooms rooms;
  gradient_tile t = gradient_tile_in(&rooms, 0);
  for (int64_t set = begin; set < end; set += batch.sets) {
    if (walk.tiles == 1) {
      small_sets(&b, set, least(batch.sets, end - set), &walk, batch.stride, &rooms);
    } else if (row_is_kept(&walk)) {
      kept_set(&b, set, &walk, &rooms);
    } else {
      large_set(&b, set, &walk, &t);
    }
  }
}

/* ---- sets in segments ------------------------------------------------------------------------------------------- */

void WNI_FN(row_backward_sums)(const wni_cpu_job *job, int64_t task) {
  if (job->plan->row.per_element) {
    WNI_FN(row_backward_each_sums)(job, task);
    return;
  }
  const backward b = backward_begin(job);
  const int64_t set = task / b.plan->segments, segment = task % b.plan->segments;
  const row_walk walk = row_walk_of(row_segment(b.geo, b.plan, segment));
  const span_sums sums = sums_begin(&b, set, segment, &walk.part);
  gradient_rooms rooms;
  gradient_tile t = gradient_tile_in(&rooms, 0);
  part_sums(&b, row_place_of(b.geo, set), &walk, saved_normalizer(b.call, set), &t, &sums);
}

/* The sums of a set, segment by segment. */
static set_sums total_of_set(const backward *b, int64_t set) {
  const int64_t segments = b->plan->segments;
  set_sums total = {0, 0};
  if (b->plan->per_element) {
    const double *const sums = b->job->sums + set * segments * 2;
    for (int64_t i = 0; i < segments; i++) {
      total.gx += sums[2 * i];
      total.g += sums[2 * i + 1];
    }
    return total;
  }
  const real *const gamma = gamma_of_set(b, row_place_of(b->geo, set));
  for (int64_t i = 0; i < segments; i++) {
    const row_part part = row_segment(b->geo, b->plan, i);
    const int64_t span = b->plan->spans == 1 ? b->geo->extent[3] : b->geo->param_span;
    const int64_t first = part.element / span, last = (part.element + part.elements - 1) / span;
    const span_sums s = {b->job->sums + (set * segments + i) * b->plan->span_slots * 2, first, last - first + 1};
    add_weighted(gamma, &s, &total);
  }
  return total;
}

void WNI_FN(row_backward_merge)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const int64_t begin = task * b.plan->sets_per_task, end = least(begin + b.plan->sets_per_task, b.geo->sets);
  for (int64_t set = begin; set < end; set++) {
    const set_sums means = means_of(&b, total_of_set(&b, set));
    job->set_sums[2 * set] = means.gx;
    job->set_sums[2 * set + 1] = means.g;
  }
}

void WNI_FN(row_backward_apply)(const wni_cpu_job *job, int64_t task) {
  if (job->plan->row.per_element) {
    WNI_FN(row_backward_each_apply)(job, task);
    return;
  }
  const backward b = backward_begin(job);
  if (!b.wants_apply) return;
  const int64_t set = task / b.plan->segments;
  const row_walk walk = row_walk_of(row_segment(b.geo, b.plan, task % b.plan->segments));
  const set_sums means = {job->set_sums[2 * set], job->set_sums[2 * set + 1]};
  gradient_rooms rooms;
  gradient_tile t = gradient_tile_in(&rooms, 0);
  part_apply(&b, row_place_of(b.geo, set), &walk, saved_normalizer(b.call, set), means, &t);
}

/* Running statistics are constants: dx needs no sums of the set, and one sweep makes everything. */
void WNI_FN(row_frozen)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const int64_t set = task / b.plan->segments, segment = task % b.plan->segments;
  const row_place at = row_place_of(b.geo, set);
  const row_walk walk = row_walk_of(row_segment(b.geo, b.plan, segment));
  const normalizer s = row_normalizer(job, at.middle * b.geo->param_step);
  const span_sums sums = sums_begin(&b, set, segment, &walk.part);
  const set_sums constant = {0, 0};
  gradient_rooms rooms;
  gradient_tile t = gradient_tile_in(&rooms, 0);
  for (int64_t i = 0; i < walk.tiles; i++) {
    const row_part tile = row_tile_of(&walk, i);
    gradient_tile_take(&b, at, &tile, s, &t);
    if (b.wants_params) add_sums(&b, &tile, s, &t, &sums);
    if (b.wants_apply) apply_tile(&b, at, &tile, s, constant, &t);
  }
}
