/* Forward passes of the row family: statistics and application of whole sets, of segments, of lines. */
#include "long.h"
#include "row_batch.h"

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
         !call->mask && is_pair(call->x.type, call->y.type);
}

/* The same, with a parameter for each element, those of any other set. */
static bool is_plain_each(const forward *f, const row_part *tile) {
  return is_plain(f, tile) && f->plan->per_element && f->geo->param_step == 0;
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
    source h = retake_input(f, at, &tile, scratch);
    row_fetch_ahead(f->job, &f->call->x, at, &tile, 1, &h);
    apply_tile(f, at, &tile, s, h);
  }
}

/* Stores what the call wants of a set's statistics. */
static normalizer store_statistics(const forward *f, int64_t set, wni_moments v, double rstd) {
  const wni_call *const call = f->call;
  if (call->mean) ((real *)call->mean)[set] = (real)v.mean;
  if (call->rstd) ((real *)call->rstd)[set] = (real)rstd;
  if (f->job->moments) f->job->moments[set] = v;
  return normalizer_make(v.mean, rstd);
}

static normalizer finish_statistics(const forward *f, int64_t set, wni_moments v) {
  return store_statistics(f, set, v, wni_rstd(v, f->geo->set_size, f->call->eps));
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
    row_fetch_ahead(f->job, &f->call->x, at, &tile, 1, &h[i]);
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

/* ---- sets of one tile each, stage by stage for several of them --------------------------------------------------- */

/* Stores what the call wants of the statistics of a batch. */
static void batch_store(const forward *f, const set_batch *b) {
  const wni_call *const call = f->call;
  if (call->mean) memcpy((real *)call->mean + b->first, b->s.hi, (size_t)b->count * sizeof(real));
  if (call->rstd) memcpy((real *)call->rstd + b->first, b->s.rstd, (size_t)b->count * sizeof(real));
  for (int64_t i = 0; f->job->moments && i < b->count; i++) {
    const wni_moments v = {b->mean[i], b->m2[i]};
    f->job->moments[b->first + i] = v;
  }
}

/* y of sets that need no more than this, and have the same parameters. */
static void batch_affine(const forward *f, const set_batch *b, const row_part *tile) {
  const wni_call *const call = f->call;
  const bool relu = call->act == WN_ACT_RELU;
  const real *const gamma = (const real *)f->job->gamma + tile->element;
  const real *const beta = (const real *)f->job->beta + tile->element;
  const short_rows rows = row_rows(f->geo, &call->y, tile, b->first);
  normalizer s[BATCH];
  source h[BATCH];
  target y[BATCH];
  for (int64_t i = 0; i < b->count; i++) {
    s[i] = normalizer_of(&b->s, i);
    h[i] = batch_source(b, i);
    y[i] = target_at(call->y.type, call->y.data, rows.first + i * rows.apart, f->job->stream);
  }
  tiles_affine_each(b->count, s, relu, gamma, beta, h, tile->elements, y);
}

/* What is normalized: x where it is, or what take_input makes. */
static short_rows batch_take(const forward *f, const set_batch *b, const short_rows *of_x, const row_part *tile,
                             int64_t stride, real *scratch) {
  if (tile->runs == 1 && f->call->add != WN_ADD_BEFORE) return *of_x;
  row_place at = row_place_of(f->geo, b->first);
  for (int64_t i = 0; i < b->count; i++, at = row_place_next(f->geo, at))
    (void)take_input(f, at, tile, scratch + i * stride);
  const short_rows gathered = {WNI_REAL_TYPE, scratch, 0, stride};
  return gathered;
}

/* So many of n sets from `first` on as lie evenly in x and y. */
static int64_t sets_evenly(const forward *f, int64_t first, int64_t n) {
  return row_evenly(f->geo, &f->call->x, first, row_evenly(f->geo, &f->call->y, first, n));
}

/* Statistics of some sets from `first` on, at most n. */
static void batch_statistics(const forward *f, int64_t first, int64_t n, const row_part *tile, int64_t stride,
                             real *scratch, set_batch *b) {
  b->first = first;
  b->count = sets_evenly(f, first, n);
  const short_rows of_x = row_rows(f->geo, &f->call->x, tile, first);
  b->h = batch_take(f, b, &of_x, tile, stride, scratch);
  b->ahead = row_rows_ahead(f->job, &f->call->x, tile, b->count, &of_x);
  batch_moments(b, part_size(tile), f->geo->centered);
  batch_finish(b, f->geo->set_size, f->call->eps);
  batch_store(f, b);
}

static void batch_apply(forward *f, const set_batch *b, const row_part *tile) {
  if (is_plain_each(f, tile)) {
    batch_affine(f, b, tile);
    return;
  }
  row_place at = row_place_of(f->geo, b->first);
  for (int64_t i = 0; i < b->count; i++, at = row_place_next(f->geo, at))
    apply_tile(f, at, tile, normalizer_of(&b->s, i), batch_source(b, i));
}

static void small_sets(forward *f, int64_t begin, int64_t end, const row_walk *walk, real *scratch) {
  const row_batch batch = row_batch_of(walk, f->call->x.type, FORWARD_BATCH);
  set_batch b;
  for (int64_t set = begin; set < end; set += b.count) {
    batch_statistics(f, set, least(batch.sets, end - set), &walk->part, batch.stride, scratch, &b);
    batch_apply(f, &b, &walk->part);
  }
}

/* Sets whose statistics and y are made in one go; but those that are converted, four of which make a batch, have more
 * to do than memory has, and go stage by stage. */
static bool goes_in_one(const forward *f, const row_walk *walk) {
  const wni_call *const call = f->call;
  const row_part *const tile = &walk->part;
  const wn_dtype type = call->x.type;
  const bool is_batch = type_size(type) < 4 && row_batch_of(walk, type, FORWARD_BATCH).sets >= FOUR;
  return walk->tiles == 1 && is_plain_each(f, tile) && (is_short(tile->elements) || !is_batch) &&
         call->act == WN_ACT_NONE && call->add != WN_ADD_BEFORE && call->y.type == type && !f->job->moments;
}

static void sets_in_one(const forward *f, int64_t begin, int64_t end, const row_part *tile) {
  const wni_call *const call = f->call;
  for (int64_t set = begin, n; set < end; set += n) {
    n = sets_evenly(f, set, end - set);
    forward_rows rows = {.count = n,
                         .n = tile->elements,
                         .x = row_rows(f->geo, &call->x, tile, set),
                         .y = row_rows(f->geo, &call->y, tile, set),
                         .gamma = (const real *)f->job->gamma + tile->element,
                         .beta = (const real *)f->job->beta + tile->element,
                         .eps = call->eps,
                         .mean = call->mean ? (real *)call->mean + set : NULL,
                         .rstd = call->rstd ? (real *)call->rstd + set : NULL,
                         .stream = f->job->stream};
    rows.ahead = row_rows_soon(f->job, &call->x, tile, &rows.x);
    if (is_short(rows.n)) {
      short_forward_rows(&rows, f->geo->centered);
    } else {
      long_forward_rows(&rows, f->geo->centered);
    }
  }
}

/* ---- kernels ---------------------------------------------------------------------------------------------------- */

void WNI_FN(row_forward)(const wni_cpu_job *job, int64_t task) {
  forward f = forward_begin(job);
  const row_walk walk = row_walk_of(row_whole_set(f.geo));
  const int64_t begin = task * f.plan->sets_per_task, end = least(begin + f.plan->sets_per_task, f.geo->sets);
  real scratch[KEPT] WNI_TILE_ALIGNED;
  if (goes_in_one(&f, &walk)) {
    sets_in_one(&f, begin, end, &walk.part);
  } else if (walk.tiles == 1) {
    small_sets(&f, begin, end, &walk, scratch);
  } else {
    for (int64_t set = begin; set < end; set++) {
      if (row_is_kept(&walk)) {
        kept_set(&f, set, &walk, scratch);
      } else {
        large_set(&f, set, &walk, scratch);
      }
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
  part_apply(&f, row_place_of(f.geo, set), &walk, row_normalizer(job, set), scratch);
  forward_end(&f);
}

/* Running statistics: each element is seen once, line by line in the order of memory. */
typedef struct line_place {
  row_place at;
  int64_t run;
} line_place;

static line_place line_place_of(const wni_geometry *g, int64_t line) {
  const int64_t middles = g->extent[1], runs = g->extent[2];
  const line_place p = {{line / middles / runs, line % middles}, line / middles % runs};
  return p;
}

static line_place line_place_next(const wni_geometry *g, line_place p) {
  if (++p.at.middle < g->extent[1]) return p;
  p.at.middle = 0;
  if (++p.run < g->extent[2]) return p;
  p.run = 0;
  p.at.outer++;
  return p;
}

static void line_apply(forward *f, line_place line, int64_t element, int64_t elements, real *scratch) {
  const row_part part = {line.run, 1, element, elements};
  const row_walk walk = row_walk_of(part);
  const normalizer s = row_normalizer(f->job, line.at.middle * f->geo->param_step);
  for (int64_t i = 0; i < walk.tiles; i++) {
    const row_part tile = row_tile_of(&walk, i);
    apply_tile(f, line.at, &tile, s, take_input(f, line.at, &tile, scratch));
  }
}

/* Lines of a tile each with one gamma and beta, whose y is made in one go. */
static void short_lines(const forward *f, int64_t begin, int64_t end) {
  const wni_call *const call = f->call;
  const real *const gamma = f->job->gamma, *const beta = f->job->beta;
  line_place line = line_place_of(f->geo, begin);
  for (int64_t first = begin; first < end; first += BATCH) {
    const int64_t count = least(BATCH, end - first);
    source x[BATCH];
    target y[BATCH];
    normalizer s[BATCH];
    real g[BATCH], b[BATCH];
    for (int64_t i = 0; i < count; i++, line = line_place_next(f->geo, line)) {
      const row_part tile = {line.run, 1, 0, f->geo->extent[3]};
      const int64_t param = line.at.middle * f->geo->param_step;
      x[i] = row_source(&call->x, line.at, &tile, NULL);
      y[i] = row_target(&call->y, line.at, &tile, f->job->stream, NULL);
      s[i] = row_normalizer(f->job, param);
      g[i] = gamma[param];
      b[i] = beta[param];
    }
    tiles_affine(count, s, call->act == WN_ACT_RELU, g, b, x, f->geo->extent[3], y);
  }
}

static bool has_short_lines(const forward *f) {
  const row_part line = {0, 1, 0, f->geo->extent[3]};
  return line.elements <= TILE && !f->plan->per_element && f->plan->spans == 1 && f->call->add != WN_ADD_BEFORE &&
         is_plain(f, &line);
}

static void whole_lines(forward *f, int64_t begin, int64_t end, real *scratch) {
  line_place line = line_place_of(f->geo, begin);
  for (int64_t i = begin; i < end; i++, line = line_place_next(f->geo, line))
    line_apply(f, line, 0, f->geo->extent[3], scratch);
}

void WNI_FN(row_lines)(const wni_cpu_job *job, int64_t task) {
  forward f = forward_begin(job);
  const wni_row_plan *const plan = f.plan;
  const int64_t elements = f.geo->extent[3];
  const int64_t begin = task * plan->lines_per_task; /* where tasks are not pieces of lines */
  const int64_t end = least(begin + plan->lines_per_task, f.geo->sets * f.geo->extent[2]);
  real scratch[TILE] WNI_TILE_ALIGNED;
  if (plan->line_pieces > 1) {
    const line_place line = line_place_of(f.geo, task / plan->line_pieces);
    const int64_t element = task % plan->line_pieces * plan->line_elements;
    line_apply(&f, line, element, least(plan->line_elements, elements - element), scratch);
  } else if (has_short_lines(&f)) {
    short_lines(&f, begin, end);
  } else {
    whole_lines(&f, begin, end, scratch);
  }
  forward_end(&f);
}
