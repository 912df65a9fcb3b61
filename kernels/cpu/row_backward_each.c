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

/* Whether rows come by themselves, as long as they are read and written one after another: those of several lines that
 * are read from memory and written to the caches. */
static bool is_singly(const backward *b, const row_part *row) {
  enum { LEAST = 256 };
  return b->job->plan->ahead && !b->job->stream && row->elements * type_size(b->call->x.type) >= LEAST;
}

/* Some rows from `first` on, at most n: returns how many. */
static int64_t short_batch(const backward *b, int64_t first, int64_t n, const row_part *row, const param_sums *sums) {
  const wni_call *const call = b->call;
  const real *const gamma = b->job->gamma;
  const bool singly = is_singly(b, row);
  const short_ahead nothing = {0, 0, 0};
  n = row_evenly(b->geo, &call->x, first,
                 row_evenly(b->geo, &call->dy, first, row_evenly(b->geo, &call->dx, first, n)));
  short_gradients rows = {.count = n,
                          .n = row->elements,
                          .singly = singly,
                          .x = row_rows(b->geo, &call->x, row, first),
                          .dz = row_rows(b->geo, &call->dy, row, first),
                          .dx = row_rows(b->geo, &call->dx, row, first)};
  const size_t bytes = (size_t)rows.count * sizeof(real);
  if (call->mean) memcpy(rows.hi, (const real *)call->mean + first, bytes);
  memcpy(rows.rstd, (const real *)call->rstd + first, bytes);
  const element_sums to = {sums->few, sums->few + sums->apart}; /* where nobody wants them, nobody reads them */
  short_sums_each(&rows, gamma, to);
  short_terms(&rows, b->geo->centered);
  short_dx(&rows, gamma, singly ? nothing : row_rows_soon(b->job, &call->x, row, &rows.x),
           singly ? nothing : row_rows_soon(b->job, &call->dy, row, &rows.dz), b->job->stream);
  return rows.count;
}

/* The rows of a chunk: single sets where all have the same parameters, else outer indices with all their sets. */
static int64_t sets_per_row(const backward *b) { return b->geo->param_step == 0 ? 1 : b->geo->extent[1]; }

/* How many sets kept_sets takes: those whose tiles need no room of their own may be long. */
static row_batch batch_of(const backward *b, const row_walk *walk) {
  const wni_call *const call = b->call;
  row_batch batch = row_batch_of(walk, call->x.type, backward_batch(call->x.type));
  if (walk->tiles == 1 && batch.sets < EACH_ROWS) batch.sets = EACH_ROWS;
  const bool direct = dz_is_dy(call) && call->dx.type == call->x.type && !call->dresidual.data;
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

/* ---- sets in segments -------------------------------------------------------------------------------------------
 * A tile's place in all sets of a chunk after one another: they have the same parameters, whose sums stay in the cache.
 */

typedef struct tile_sums_room {
  real few[2][TILE] WNI_TILE_ALIGNED;
  double all[2][TILE] WNI_TILE_ALIGNED;
} tile_sums_room;

/* Those of a chunk whose parameters start at that of set `middle`: first, first + apart, . . . before end. */
typedef struct chunk_sets {
  int64_t first, apart, end;
} chunk_sets;

static chunk_sets sets_of_chunk(const backward *b, int64_t chunk, int64_t middle) {
  const int64_t width = sets_per_row(b), begin = chunk * b->plan->chunk * width;
  const chunk_sets s = {begin + middle, width, least(begin + b->plan->chunk * width, b->geo->sets)};
  return s;
}

static double *sums_of_segment(const backward *b, int64_t set, int64_t segment) {
  return b->job->sums + 2 * (set * b->plan->segments + segment);
}

/* To the sums of some sets' segments, from `set` on, those of a tile. */
static void sum_tiles(const backward *b, int64_t set, int64_t apart, int64_t count, int64_t segment,
                      const row_part *tile, element_sums to, gradient_rooms *rooms) {
  normalizer s[EACH_ROWS];
  source x[EACH_ROWS], dz[EACH_ROWS];
  gradient_sums v[EACH_ROWS];
  for (int64_t i = 0; i < count; i++) {
    gradient_tile t = gradient_tile_in(rooms, i * TILE);
    s[i] = saved_normalizer(b->call, set + i * apart);
    gradient_tile_take(b, row_place_of(b->geo, set + i * apart), tile, s[i], &t);
    x[i] = t.x;
    dz[i] = t.dz;
  }
  tiles_sums_each(count, s, gamma_at(b, row_place_of(b->geo, set), tile), x, dz, tile->elements, to, v);
  for (int64_t i = 0; i < count; i++) {
    double *const total = sums_of_segment(b, set + i * apart, segment);
    total[0] += v[i].product;
    total[1] += v[i].plain;
  }
}

/* Parameter sums go to `all`, of dz xhat and of dz. */
static void sum_column(const backward *b, chunk_sets sets, int64_t segment, const row_part *tile, tile_sums_room *room,
                       double *const all[2], gradient_rooms *rooms) {
  const element_sums nowhere = {NULL, NULL}, few = {room->few[0], room->few[1]};
  const int64_t flush_after = ROWS_PER_FLUSH * sets.apart;
  memset(room->few, 0, sizeof room->few);
  for (int64_t block = sets.first; block < sets.end; block += flush_after) {
    const int64_t stop = least(block + flush_after, sets.end);
    for (int64_t set = block; set < stop; set += EACH_ROWS * sets.apart)
      sum_tiles(b, set, sets.apart, least(EACH_ROWS, ceil_div(stop - set, sets.apart)), segment, tile,
                b->wants_params ? few : nowhere, rooms);
    for (int which = 0; which < 2 && b->wants_params; which++)
      flush(room->few[which], tile->elements, block == sets.first, all[which]);
  }
}

void WNI_FN(row_backward_each_sums)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const int64_t chunk = task / b.plan->segments, segment = task % b.plan->segments;
  const row_walk walk = row_walk_of(row_segment(b.geo, b.plan, segment));
  const param_sums partial = sums_of_chunk(&b, chunk);
  const bool stores = wni_stores_param_tiles(job);
  gradient_rooms rooms;
  tile_sums_room room;
  for (int64_t middle = 0; middle < sets_per_row(&b); middle++) {
    const row_place at = {0, middle};
    const chunk_sets sets = sets_of_chunk(&b, chunk, middle);
    for (int64_t set = sets.first; set < sets.end; set += sets.apart)
      memset(sums_of_segment(&b, set, segment), 0, 2 * sizeof(double));
    for (int64_t i = 0; i < walk.tiles; i++) {
      const row_part tile = row_tile_of(&walk, i);
      const int64_t param = row_first_param(b.geo, b.plan, at) + tile.element;
      double *const all[2] = {stores ? room.all[0] : partial.all + param,
                              stores ? room.all[1] : partial.all + partial.apart + param};
      sum_column(&b, sets, segment, &tile, &room, all, &rooms);
      if (stores) wni_store_param_tile(job, param, tile.elements, room.all[0], room.all[1]);
    }
  }
}

/* What is taken after a set's tile, meanwhile: the next set's, or the first one's next. */
static void column_ahead(const backward *b, chunk_sets sets, int64_t set, const row_part *tile, gradient_tile *t) {
  if (!b->job->plan->ahead || tile->runs > 1) return;
  const bool last = set + sets.apart >= sets.end;
  const row_place at = row_place_of(b->geo, last ? sets.first : set + sets.apart);
  const int64_t by = last ? tile->elements : 0;
  const wni_tensor *const x = &b->call->x, *const dy = &b->call->dy;
  row_ask(x, (row_offset(x, at, tile) + by) * type_size(x->type), &t->x);
  row_ask(dy, (row_offset(dy, at, tile) + by) * type_size(dy->type), &t->dz);
}

void WNI_FN(row_backward_each_apply)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const row_walk walk = row_walk_of(row_segment(b.geo, b.plan, task % b.plan->segments));
  gradient_rooms rooms;
  gradient_tile t = gradient_tile_in(&rooms, 0);
  for (int64_t middle = 0; middle < sets_per_row(&b); middle++) {
    const chunk_sets sets = sets_of_chunk(&b, task / b.plan->segments, middle);
    for (int64_t i = 0; i < walk.tiles; i++) {
      const row_part tile = row_tile_of(&walk, i);
      for (int64_t set = sets.first; set < sets.end; set += sets.apart) {
        const row_place at = row_place_of(b.geo, set);
        const normalizer s = saved_normalizer(b.call, set);
        gradient_tile_take(&b, at, &tile, s, &t);
        column_ahead(&b, sets, set, &tile, &t);
        apply_tile(&b, at, &tile, s, job->set_sums + 2 * set, gamma_at(&b, at, &tile), &t);
      }
    }
  }
}
