/* Backward passes of the row family where each element has a parameter of its own. dgamma and dbeta are sums over sets,
 * an element at a time: REALs gather few rows, and go to doubles before they lose anything. */
#include "row_backward.h"
#include "row_batch.h"
#include "short_gradient.h"

/* So many ones are exact in any REAL, and rounding errors of so few stay far below those of the rows themselves. */
enum { ROWS_PER_FLUSH = 64 };

static int64_t parameters(const backward *b) { return b->geo->params * b->plan->expand; }

/* Adds REAL sums to those in double, where they are not the first ones, and starts anew. */
static void flush(real *restrict sums, int64_t n, bool first, double *restrict partial) {
  if (first) {
    for (int64_t i = 0; i < n; i++) partial[i] = (double)sums[i];
  } else {
    for (int64_t i = 0; i < n; i++) partial[i] += (double)sums[i];
  }
  memset(sums, 0, (size_t)n * sizeof *sums);
}

/* dx of a tile whose x and dz are at hand, and dresidual. */
static void apply_tile(const backward *b, row_place at, const row_part *tile, normalizer s, const double means[2],
                       const real *gamma, gradient_tile *t) {
  real *const room = t->z_room;
  store_dresidual(b, at, tile, t);
  if (!b->call->dx.data) return;
  const target dx = dx_target(b, at, tile, t, room);
  const gradient_terms k = gradient_terms_make(s.rstd, 1, means[0], means[1]);
  const source x = x_for_dx(tile, dx, t);
  WNI_EACH_ALIGNED_PART(dx, tile->elements, by, part)
  tile_dx_each(s, k, gamma + by, source_from(x, by), source_from(t->dz, by), part, target_from(dx, by));
  finish_dx(b, at, tile, dx, room);
}

static void means_of(const backward *b, const double sums[2], double means[2]) {
  means[0] = sums[0] / (double)b->geo->set_size;
  means[1] = b->geo->centered ? sums[1] / (double)b->geo->set_size : 0;
}

/* Parameter sums of a chunk: where a set's first element adds to, in REAL and in double; dbeta's are `apart` further.
 */
typedef struct param_sums {
  real *few;
  double *all;
  int64_t apart;
} param_sums;

static param_sums sums_of_chunk(const backward *b, int64_t chunk) {
  const int64_t n = parameters(b);
  const param_sums s = {(real *)b->job->accumulators + 2 * n * chunk, b->job->partial + 2 * n * chunk, n};
  return s;
}

/* ---- whole sets ------------------------------------------------------------------------------------------------- */

static const real *gamma_at(const backward *b, row_place at, const row_part *tile) {
  return (const real *)b->job->gamma + row_first_param(b->geo, b->plan, at) + tile->element;
}

/* The first sweep of a tile of some sets with the same parameters: its terms of the sets' sums, and of the
 * parameters'. */
static void take_sums(const backward *b, int64_t count, const row_place *at, const row_part *tile, const normalizer *s,
                      const param_sums *sums, gradient_tile *t, double (*total)[2]) {
  source x[BATCH], dz[BATCH];
  gradient_sums v[BATCH];
  for (int64_t i = 0; i < count; i++) {
    gradient_tile_take(b, at[i], tile, s[i], &t[i]);
    gradient_tile_ahead(b, at[i], tile, count, &t[i]);
    x[i] = t[i].x;
    dz[i] = t[i].dz;
  }
  if (!b->wants_sums) return;
  real *const few = sums->few + row_first_param(b->geo, b->plan, at[0]) + tile->element;
  const element_sums to = {b->wants_params ? few : NULL, few + sums->apart};
  tiles_sums_each(count, s, gamma_at(b, at[0], tile), x, dz, tile->elements, to, v);
  for (int64_t i = 0; i < count; i++) {
    total[i][0] += v[i].product;
    total[i][1] += v[i].plain;
  }
}

static void large_set(const backward *b, int64_t set, const row_walk *walk, const param_sums *sums, gradient_tile *t) {
  const row_place at = row_place_of(b->geo, set);
  const normalizer s = saved_normalizer(b->call, set);
  double total[2] = {0, 0}, means[2];
  for (int64_t i = 0; i < walk->tiles && b->wants_sums; i++) {
    const row_part tile = row_tile_of(walk, i);
    take_sums(b, 1, &at, &tile, &s, sums, t, &total);
  }
  means_of(b, total, means);
  for (int64_t i = 0; i < walk->tiles && b->wants_apply; i++) {
    const row_part tile = row_tile_of(walk, i);
    gradient_tile_take(b, at, &tile, s, t);
    gradient_tile_ahead(b, at, &tile, 1, t);
    apply_tile(b, at, &tile, s, means, gamma_at(b, at, &tile), t);
  }
}

/* Some sets of a few tiles, with the same parameters: what is made for the sums serves dx too. */
static void kept_sets(const backward *b, int64_t first, int64_t count, const row_walk *walk, int64_t stride,
                      const param_sums *sums, gradient_rooms *rooms) {
  row_place at[BATCH];
  normalizer s[BATCH];
  double total[BATCH][2] = {{0, 0}}, means[BATCH][2];
  gradient_tile t[BATCH > KEPT_TILES * EACH_ROWS ? BATCH : KEPT_TILES * EACH_ROWS]; /* [tile][set] */
  row_place place = row_place_of(b->geo, first);
  for (int64_t i = 0; i < count; i++, place = row_place_next(b->geo, place)) {
    at[i] = place;
    s[i] = saved_normalizer(b->call, first + i);
  }
  for (int64_t j = 0; j < walk->tiles; j++) {
    const row_part tile = row_tile_of(walk, j);
    for (int64_t i = 0; i < count; i++) t[j * count + i] = gradient_tile_in(rooms, i * stride + tile.element);
    take_sums(b, count, at, &tile, s, sums, t + j * count, total);
  }
  if (!b->wants_apply) return;
  for (int64_t i = 0; i < count; i++) means_of(b, total[i], means[i]);
  for (int64_t j = 0; j < walk->tiles; j++) {
    const row_part tile = row_tile_of(walk, j);
    for (int64_t i = 0; i < count; i++)
      apply_tile(b, at[i], &tile, s[i], means[i], gamma_at(b, at[i], &tile), &t[j * count + i]);
  }
}

/* ---- rows of few vectors, whose dx needs no more than x, dy and parameters that are the same for all --------------
 */

static bool has_short_rows(const backward *b) {
  const wni_call *const call = b->call;
  const wni_geometry *const g = b->geo;
  return is_short(g->extent[3]) && g->extent[2] == 1 && g->param_step == 0 && call->act == WN_ACT_NONE &&
         call->dx.data && call->dx.type == call->x.type && call->dy.type == call->x.type && !call->dsum.data &&
         !call->dresidual.data;
}

/* Some rows from `first` on, at most n: returns how many. */
static int64_t short_batch(const backward *b, int64_t first, int64_t n, const row_part *row, const param_sums *sums) {
  const wni_call *const call = b->call;
  const real *const gamma = b->job->gamma;
  n = row_evenly(b->geo, &call->x, first,
                 row_evenly(b->geo, &call->dy, first, row_evenly(b->geo, &call->dx, first, n)));
  short_gradients rows = {.count = n,
                          .n = row->elements,
                          .x = row_rows(b->geo, &call->x, row, first),
                          .dz = row_rows(b->geo, &call->dy, row, first),
                          .dx = row_rows(b->geo, &call->dx, row, first)};
  const size_t bytes = (size_t)rows.count * sizeof(real);
  if (call->mean) memcpy(rows.hi, (const real *)call->mean + first, bytes);
  memcpy(rows.rstd, (const real *)call->rstd + first, bytes);
  const element_sums to = {sums->few, sums->few + sums->apart}; /* where nobody wants them, nobody reads them */
  short_sums_each(&rows, gamma, to);
  short_terms(&rows, b->geo->centered);
  short_dx(&rows, gamma, row_rows_ahead(b->job, &call->x, row, rows.count, &rows.x),
           row_rows_ahead(b->job, &call->dy, row, rows.count, &rows.dz), b->job->stream);
  return rows.count;
}

/* The rows of a chunk: single sets where all have the same parameters, else outer indices with all their sets. */
static int64_t sets_per_row(const backward *b) { return b->geo->param_step == 0 ? 1 : b->geo->extent[1]; }

/* How many sets kept_sets takes: those whose tiles need no room of their own may be long. */
static row_batch batch_of(const backward *b, const row_walk *walk) {
  const wni_call *const call = b->call;
  row_batch batch = row_batch_of(walk, call->x.type);
  if (walk->tiles == 1 && batch.sets < EACH_ROWS) batch.sets = EACH_ROWS;
  const bool direct = call->act == WN_ACT_NONE && call->dx.type == call->x.type && !call->dresidual.data;
  if (walk->tiles > 1 && direct) batch.sets = EACH_ROWS, batch.stride = 0;
  if (b->geo->param_step != 0) batch.sets = 1;
  return batch;
}

void WNI_FN(row_backward_each)(const wni_cpu_job *job, int64_t chunk) {
  const backward b = backward_begin(job);
  const int64_t width = sets_per_row(&b), rows = b.geo->sets / width;
  const int64_t begin = chunk * b.plan->chunk * width, end = least(begin + b.plan->chunk * width, rows * width);
  const param_sums sums = sums_of_chunk(&b, chunk);
  const row_walk walk = row_walk_of(row_whole_set(b.geo));
  const row_batch batch = batch_of(&b, &walk);
  const bool has_short = has_short_rows(&b);
  memset(sums.few, 0, (size_t)(2 * sums.apart) * sizeof *sums.few);
  gradient_rooms rooms;
  gradient_tile t = gradient_tile_in(&rooms, 0);
  for (int64_t block = begin; block < end; block += ROWS_PER_FLUSH * width) {
    const int64_t stop = least(block + ROWS_PER_FLUSH * width, end);
    if (has_short) {
      for (int64_t set = block; set < stop;)
        set += short_batch(&b, set, least(most(SHORT_GROUP, batch.sets), stop - set), &walk.part, &sums);
    } else if (row_is_kept(&walk)) {
      for (int64_t set = block; set < stop; set += batch.sets)
        kept_sets(&b, set, least(batch.sets, stop - set), &walk, batch.stride, &sums, &rooms);
    } else {
      for (int64_t set = block; set < stop; set++) large_set(&b, set, &walk, &sums, &t);
    }
    if (b.wants_params) flush(sums.few, 2 * sums.apart, block == begin, sums.all);
  }
}

/* ---- sets in segments ------------------------------------------------------------------------------------------- */

void WNI_FN(row_backward_each_sums)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  if (!b.call->dx.data) return; /* parameters have their sums from the second sweep */
  const int64_t set = task / b.plan->segments;
  const row_place at = row_place_of(b.geo, set);
  const normalizer s = saved_normalizer(b.call, set);
  const row_walk walk = row_walk_of(row_segment(b.geo, b.plan, task % b.plan->segments));
  double *const total = job->sums + 2 * task;
  total[0] = total[1] = 0;
  gradient_rooms rooms;
  gradient_tile t = gradient_tile_in(&rooms, 0);
  const element_sums nowhere = {NULL, NULL};
  for (int64_t i = 0; i < walk.tiles; i++) {
    const row_part tile = row_tile_of(&walk, i);
    gradient_tile_take(&b, at, &tile, s, &t);
    gradient_sums v;
    tiles_sums_each(1, &s, gamma_at(&b, at, &tile), &t.x, &t.dz, tile.elements, nowhere, &v);
    total[0] += v.product;
    total[1] += v.plain;
  }
}

typedef struct few_sums {
  real few[2][TILE] WNI_TILE_ALIGNED;
} few_sums;

/* One tile of one set: dx, and its terms of the parameter sums. */
static void segment_tile(const backward *b, int64_t set, const row_part *tile, few_sums *sums, gradient_tile *t) {
  const row_place at = row_place_of(b->geo, set);
  const normalizer s = saved_normalizer(b->call, set);
  const real *const gamma = gamma_at(b, at, tile);
  gradient_tile_take(b, at, tile, s, t);
  if (b->wants_params) {
    const element_sums to = {sums->few[0], sums->few[1]};
    gradient_sums unused;
    tiles_sums_each(1, &s, gamma, &t->x, &t->dz, tile->elements, to, &unused);
  }
  if (b->wants_apply) apply_tile(b, at, tile, s, b->job->set_sums + 2 * set, gamma, t);
}

/* A tile's place in all sets of a chunk that have the same parameters. */
static void segment_column(const backward *b, int64_t chunk, int64_t middle, const row_part *tile, few_sums *sums,
                           gradient_tile *t) {
  const int64_t width = sets_per_row(b), rows = b->geo->sets / width;
  const int64_t begin = chunk * b->plan->chunk, end = least(begin + b->plan->chunk, rows);
  const row_place at = {0, middle};
  const param_sums all = sums_of_chunk(b, chunk);
  double *const partial = all.all + row_first_param(b->geo, b->plan, at) + tile->element;
  memset(sums, 0, sizeof *sums);
  for (int64_t row = begin; row < end; row++) {
    segment_tile(b, row * width + middle, tile, sums, t);
    const int64_t taken = row + 1 - begin;
    const bool full = taken % ROWS_PER_FLUSH == 0 || row + 1 == end;
    if (b->wants_params && full) {
      flush(sums->few[0], tile->elements, taken <= ROWS_PER_FLUSH, partial);
      flush(sums->few[1], tile->elements, taken <= ROWS_PER_FLUSH, partial + all.apart);
    }
  }
}

void WNI_FN(row_backward_each_apply)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const int64_t chunk = task / b.plan->segments;
  const row_walk walk = row_walk_of(row_segment(b.geo, b.plan, task % b.plan->segments));
  gradient_rooms rooms;
  gradient_tile t = gradient_tile_in(&rooms, 0);
  few_sums sums;
  for (int64_t middle = 0; middle < sets_per_row(&b); middle++) {
    for (int64_t i = 0; i < walk.tiles; i++) {
      const row_part tile = row_tile_of(&walk, i);
      segment_column(&b, chunk, middle, &tile, &sums, &t);
    }
  }
}
