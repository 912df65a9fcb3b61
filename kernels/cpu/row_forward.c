/* Forward passes of the row family: statistics and application of whole sets, of segments, of lines. */
#include "row.h"

/* What every tile of a task needs; largest gathers max |y|. */
typedef struct forward {
  const wni_cpu_job *job;
  const wni_call *call;
  const wni_geometry *geo;
  const wni_row_plan *plan;
  real scale;
  real_bits largest;
} forward;

static forward forward_begin(const wni_cpu_job *job) {
  const wni_call *const call = job->call;
  const forward f = {job, call, &call->geo, &job->plan->row, call->y_scale ? (real)*call->y_scale : 1, 0};
  return f;
}

static void forward_end(const forward *f) {
  /* f64 data has no f8 results, and its bits would not fit. */
  if (f->job->amax) wni_raise_amax(f->job->amax, (uint32_t)f->largest);
}

/* ---- one tile --------------------------------------------------------------------------------------------------- */

/* What is normalized, for the first time: x, or x + residual, which is stored if the call wants it. */
static source take_input(const forward *f, row_place at, const row_part *tile, real *scratch) {
  const wni_call *const call = f->call;
  if (call->add != WN_ADD_BEFORE) return row_source(&call->x, at, tile, scratch);
  row_load(&call->x, at, tile, scratch);
  row_add_rounded(&call->residual, at, tile, scratch);
  if (call->sum.data) row_store(&call->sum, at, tile, scratch);
  return source_of_tile(scratch);
}

/* The same again: a stored sum is read, for x or the residual may have been in its place. */
static source retake_input(const forward *f, row_place at, const row_part *tile, real *scratch) {
  const wni_call *const call = f->call;
  if (call->add != WN_ADD_BEFORE) return row_source(&call->x, at, tile, scratch);
  if (call->sum.data) return row_source(&call->sum, at, tile, scratch);
  row_load(&call->x, at, tile, scratch);
  row_add_rounded(&call->residual, at, tile, scratch);
  return source_of_tile(scratch);
}

/* Whether y can be made in one go, converted as it is stored. */
static bool is_plain(const forward *f, const row_part *tile) {
  const wni_call *const call = f->call;
  return tile->runs == 1 && (call->act == WN_ACT_NONE || call->act == WN_ACT_RELU) && call->add != WN_ADD_AFTER &&
         !call->mask && call->y.type != WN_F8_E4M3 && call->y.type != WN_F8_E5M2;
}

static void apply_tile(forward *f, row_place at, const row_part *tile, normalizer s, source h) {
  const wni_call *const call = f->call;
  const int64_t n = part_size(tile);
  real scratch[TILE] WNI_TILE_ALIGNED;
  const target y = row_target(&call->y, at, tile, f->job->stream, scratch);
  if (is_plain(f, tile)) {
    row_affine(f->job, at, tile, s, call->act == WN_ACT_RELU, h, y);
    return;
  }
  /* REALs in y's own place, unless the residual that is still to be read may be there too. */
  real *const direct = call->add == WN_ADD_AFTER ? NULL : target_reals(y);
  real *const z = direct ? direct : scratch;
  row_affine(f->job, at, tile, s, false, h, target_of_tile(z));
  if (call->add == WN_ADD_AFTER) row_add(&call->residual, at, tile, z);
  if (call->mask) row_mask_store(call, at, tile, z);
  tile_activate(call->act, call->act_slope, n, z);
  if (direct && direct != scratch) return;
  if (f->job->amax) {
    const real_bits largest = tile_largest(z, n);
    if (largest > f->largest) f->largest = largest;
  }
  if (call->y_scale) tile_scale(f->scale, n, z);
  row_store(&call->y, at, tile, z);
}

/* ---- parts of a set --------------------------------------------------------------------------------------------- */

static wni_moments part_moments(const forward *f, row_place at, const row_walk *walk, real *scratch) {
  wni_moments v = {0, 0};
  int64_t count = 0;
  for (int64_t i = 0; i < walk->tiles; i++) {
    const row_part tile = row_tile_of(walk, i);
    const int64_t n = part_size(&tile);
    const wni_moments of_tile = tile_moments(take_input(f, at, &tile, scratch), n, f->geo->centered);
    v = count == 0 ? of_tile : wni_moments_merge(v, count, of_tile, n);
    count += n;
  }
  return v;
}

static void part_apply(forward *f, row_place at, const row_walk *walk, normalizer s, real *scratch) {
  for (int64_t i = 0; i < walk->tiles; i++) {
    const row_part tile = row_tile_of(walk, i);
    apply_tile(f, at, &tile, s, retake_input(f, at, &tile, scratch));
  }
}

/* Stores what the call wants of a set's statistics. */
static normalizer finish_statistics(const forward *f, int64_t set, wni_moments v) {
  const wni_call *const call = f->call;
  const double rstd = wni_rstd(v, f->geo->set_size, call->eps);
  if (call->mean) ((real *)call->mean)[set] = (real)v.mean;
  if (call->rstd) ((real *)call->rstd)[set] = (real)rstd;
  if (f->job->moments) f->job->moments[set] = v;
  return normalizer_make(v.mean, rstd);
}

static void large_set(forward *f, int64_t set, const row_walk *walk, real *scratch) {
  const row_place at = row_place_of(f->geo, set);
  part_apply(f, at, walk, finish_statistics(f, set, part_moments(f, at, walk, scratch)), scratch);
}

/* A set of a few tiles, which stay where its moments were made. */
static void kept_set(forward *f, int64_t set, const row_walk *walk, real *scratch) {
  const row_place at = row_place_of(f->geo, set);
  source h[KEPT_TILES];
  wni_moments v = {0, 0};
  int64_t count = 0;
  for (int64_t i = 0; i < walk->tiles; i++) {
    const row_part tile = row_tile_of(walk, i);
    const int64_t n = part_size(&tile);
    h[i] = take_input(f, at, &tile, scratch + count);
    const wni_moments of_tile = tile_moments(h[i], n, f->geo->centered);
    v = count == 0 ? of_tile : wni_moments_merge(v, count, of_tile, n);
    count += n;
  }
  const normalizer s = finish_statistics(f, set, v);
  for (int64_t i = 0; i < walk->tiles; i++) {
    const row_part tile = row_tile_of(walk, i);
    apply_tile(f, at, &tile, s, h[i]);
  }
}

/* Sets of one tile each. */
static void small_sets(forward *f, int64_t first, int64_t count, const row_walk *walk, int64_t stride, real *scratch) {
  const row_part *const tile = &walk->part;
  const int64_t n = part_size(tile);
  row_place at[BATCH];
  source h[BATCH];
  real mean[BATCH];
  normalizer s[BATCH];
  row_place place = row_place_of(f->geo, first);
  for (int64_t i = 0; i < count; i++, place = row_place_next(f->geo, place)) {
    at[i] = place;
    h[i] = take_input(f, place, tile, scratch + i * stride);
    mean[i] = f->geo->centered ? tile_mean(h[i], n) : 0;
  }
  for (int64_t i = 0; i < count; i++) {
    const wni_moments v = f->geo->centered ? tile_moments_about(h[i], n, mean[i]) : tile_squares(h[i], n);
    s[i] = finish_statistics(f, first + i, v);
  }
  for (int64_t i = 0; i < count; i++) apply_tile(f, at[i], tile, s[i], h[i]);
}

/* ---- kernels ---------------------------------------------------------------------------------------------------- */

void WNI_FN(row_forward)(const wni_cpu_job *job, int64_t task) {
  forward f = forward_begin(job);
  const row_walk walk = row_walk_of(row_whole_set(f.geo));
  const int64_t begin = task * f.plan->sets_per_task, end = least(begin + f.plan->sets_per_task, f.geo->sets);
  const row_batch batch = row_batch_of(&walk);
  real scratch[KEPT] WNI_TILE_ALIGNED;
  for (int64_t set = begin; set < end; set += batch.sets) {
    if (walk.tiles == 1) {
      small_sets(&f, set, least(batch.sets, end - set), &walk, batch.stride, scratch);
    } else if (row_is_kept(&walk)) {
      kept_set(&f, set, &walk, scratch);
    } else {
      large_set(&f, set, &walk, scratch);
    }
  }
  forward_end(&f);
}

void WNI_FN(row_moments)(const wni_cpu_job *job, int64_t task) {
  const forward f = forward_begin(job);
  const row_walk walk = row_walk_of(row_segment(f.geo, f.plan, task % f.plan->segments));
  const row_place at = row_place_of(f.geo, task / f.plan->segments);
  real scratch[TILE] WNI_TILE_ALIGNED;
  job->moments[task] = part_moments(&f, at, &walk, scratch);
}

void WNI_FN(row_apply)(const wni_cpu_job *job, int64_t task) {
  forward f = forward_begin(job);
  const row_walk walk = row_walk_of(row_segment(f.geo, f.plan, task % f.plan->segments));
  const int64_t set = task / f.plan->segments;
  real scratch[TILE] WNI_TILE_ALIGNED;
  part_apply(&f, row_place_of(f.geo, set), &walk, normalizer_make(job->set_mean[set], job->set_rstd[set]), scratch);
  forward_end(&f);
}

/* Running statistics: each element is seen once, so the order is that of memory. */
static void line_apply(forward *f, int64_t line, int64_t element, int64_t elements, real *scratch) {
  const int64_t middles = f->geo->extent[1], runs = f->geo->extent[2];
  const row_place at = {line / middles / runs, line % middles};
  const row_part part = {line / middles % runs, 1, element, elements};
  const row_walk walk = row_walk_of(part);
  const int64_t param = at.middle * f->geo->param_step;
  const normalizer s = normalizer_make(f->job->set_mean[param], f->job->set_rstd[param]);
  for (int64_t i = 0; i < walk.tiles; i++) {
    const row_part tile = row_tile_of(&walk, i);
    apply_tile(f, at, &tile, s, take_input(f, at, &tile, scratch));
  }
}

void WNI_FN(row_lines)(const wni_cpu_job *job, int64_t task) {
  forward f = forward_begin(job);
  const wni_row_plan *const plan = f.plan;
  real scratch[TILE] WNI_TILE_ALIGNED;
  if (plan->line_pieces > 1) {
    const int64_t element = task % plan->line_pieces * plan->line_elements;
    line_apply(&f, task / plan->line_pieces, element, least(plan->line_elements, f.geo->extent[3] - element), scratch);
  } else {
    const int64_t begin = task * plan->lines_per_task;
    const int64_t end = least(begin + plan->lines_per_task, f.geo->sets * f.geo->extent[2]);
    for (int64_t line = begin; line < end; line++) line_apply(&f, line, 0, f.geo->extent[3], scratch);
  }
  forward_end(&f);
}
