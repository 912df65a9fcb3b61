#include "plan_cuda_parts.h"
#include "sync.h"

enum { FEW_WAVES = 4 }; /* blocks beyond would only be started, each with its setup, where a loop does */

void wni_cuda_set_grid(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_launch *l, int64_t blocks) {
  l->grid = (unsigned)most(1, least(blocks, wni_cuda_resident(in, d, l) * d->sms * FEW_WAVES));
}

wni_cuda_launch *wni_cuda_add(wni_cuda_plan *plan, wni_cuda_function function, unsigned wanted) {
  wni_cuda_launch *const l = &plan->launch[plan->launches++];
  *l = (wni_cuda_launch){.function = function, .grid = 1, .block = BLOCK, .wanted = wanted, .cluster = 1};
  return l;
}

/* A warp for each thing that is merged. */
void wni_cuda_add_merge(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function,
                        const wni_plan_input *in, int64_t things, unsigned wanted) {
  wni_cuda_set_grid(in, d, wni_cuda_add(plan, function, wanted), ceil_div(things, BLOCK / WARP));
}

/* A block for each 32 parameters, whose other lanes share what is added up for them: more of those where few blocks
 * do not fill the device. Two doubles of each thread meet in shared memory, one more apart for its banks. */
void wni_cuda_add_params(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function,
                         const wni_plan_input *in, unsigned wanted) {
  enum { NUMBERS = 3 * sizeof(double), LARGEST = 1024 };
  const int64_t blocks = ceil_div(in->geo.params, WARP);
  int64_t block = blocks >= d->sms ? BLOCK : LARGEST;
  while (block * NUMBERS > room_of(d)) block /= 2;
  wni_cuda_launch *const l = wni_cuda_add(plan, function, wanted);
  l->block = (unsigned)block;
  l->shared = (unsigned)(block * NUMBERS);
  wni_cuda_set_grid(in, d, l, blocks);
}

void wni_cuda_add_exchange(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function join,
                           const wni_plan_input *in) {
  if (in->ranks == 0) return;
  wni_cuda_add(plan, WNI_CUDA_EXCHANGE, 0);
  wni_cuda_set_grid(in, d, wni_cuda_add(plan, join, 0), ceil_div(in->geo.params, BLOCK));
}

/* After the statistics of a training pass are there. The counter is read, and so changed by a launch of its own. */
void wni_cuda_add_running(wni_cuda_plan *plan, const wni_cuda_figures *d, const wni_plan_input *in) {
  if (!may_update_running(in)) return;
  wni_cuda_add_params(plan, d, WNI_CUDA_RUNNING, in, WNI_CUDA_WANT_RUNNING);
  if ((in->flags & WN_RUNNING_CUMULATIVE) != 0)
    wni_cuda_add(plan, WNI_CUDA_COUNT_CALL, WNI_CUDA_WANT_COUNT)->block = WARP;
}

/* ---- COLUMN ----------------------------------------------------------------------------------------------------- */

enum {
  TILE_BYTES = 128, /* of a row in a tile: a line of the cache. Pieces below 64 bytes cost twice the traffic */
  TURNS = 4,        /* rows of a thread at least: moments, 16 bytes a column, are then an eighth of what they are of */
  CHUNK_MOST = 1 << 20, /* rows: kernels count those of a chunk in 32 bits */
  COLUMN_BLOCK = 128,   /* the kernels keep 16 to 24 numbers a thread: three or four such blocks have registers */
  SLAB_ROWS = 512       /* of a chunk where a set's bits may not depend on how much work there is beside it */
};

/* REALs of a block of the column family in shared memory, where its threads add up what they have of their 8 columns:
 * mean, low part and sum of squares of each, or two sums, and one more so that neighbours' places lie in different
 * banks; backward passes also keep gamma and beta of the tile there. */
static int64_t column_numbers(wni_cuda_function function, int64_t block, int tile_octets) {
  if (function == WNI_CUDA_COLUMN_APPLY) return 0;
  if (function == WNI_CUDA_COLUMN_MOMENTS) return (3 * WNI_OCTET + 1) * block;
  return (2 * WNI_OCTET + 1) * block + 2 * WNI_OCTET * tile_octets;
}

/* Tasks of the column family: a block each, of a power of two of threads whose numbers shared memory has room for. */
void wni_cuda_add_column(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function,
                         const wni_plan_input *in, int64_t slabs, unsigned wanted) {
  const wni_cuda_column *const c = &plan->cut.column;
  const int64_t real = size_of(in->types.real);
  int64_t block = COLUMN_BLOCK;
  while (column_numbers(function, block, c->tile_octets) * real > room_of(d) && block > WARP) block /= 2;
  wni_cuda_launch *const l = wni_cuda_add(plan, function, wanted);
  l->block = (unsigned)block;
  l->shared = (unsigned)(column_numbers(function, block, c->tile_octets) * real);
  wni_cuda_set_grid(in, d, l, slabs * c->chunks * c->tiles);
}

/* Blocks that hide the memory's latency, with 64 bytes of each thread on their way; no more than the kernels' launch
 * bounds leave registers for: what starts later would have the device to itself. */
static int64_t wanted_blocks(const wni_plan_input *in, const wni_cuda_figures *d) {
  const int64_t fit = in->types.real == WN_F64 ? 2 : is_backward(in) ? 3 : 4;
  return d->sms * least(fit, most(2, ceil_div(d->in_flight, 64 * COLUMN_BLOCK)));
}

/* Of a slab, at most: as many as make the wanted blocks, none too short. */
int64_t wni_cuda_most_chunks(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs,
                             const wni_cuda_column *c) {
  if (in->geo.param_by_row) return most(1, ceil_div(c->rows, SLAB_ROWS));
  const int64_t wanted = ceil_div(wanted_blocks(in, d), most(1, slabs) * c->tiles);
  const int64_t useful = least(wanted, ceil_div(c->rows, TURNS * (COLUMN_BLOCK / c->tile_octets)));
  return most(1, most(useful, ceil_div(c->rows, CHUNK_MOST)));
}

/* A tile is as wide as a line of the cache, or as the row. */
void wni_cuda_cut_column(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs, int64_t rows,
                         int64_t columns, wni_cuda_column *c) {
  const int64_t octet = WNI_OCTET * size_of(in->types.x), row_octets = ceil_div(columns, WNI_OCTET);
  c->rows = rows;
  c->columns = columns;
  c->tile_octets = 1;
  while (c->tile_octets * octet < TILE_BYTES && c->tile_octets < row_octets) c->tile_octets *= 2;
  c->tiles = ceil_div(row_octets, c->tile_octets);
  c->chunk_rows = most(1, ceil_div(rows, wni_cuda_most_chunks(in, d, slabs, c)));
  c->chunks = most(1, ceil_div(rows, c->chunk_rows));
}

/* Chunks of all slabs that this n or a smaller one may have: few slabs are cut more often. Where n changes the number
 * of rows of a slab it does not change that of slabs. */
static int64_t most_slab_chunks(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs,
                                const wni_cuda_column *c) {
  const int64_t alone = wni_cuda_most_chunks(in, d, 1, c), bound = slabs * alone;
  return in->geo.param_by_row
             ? bound
             : least(bound, ceil_div(wanted_blocks(in, d), c->tiles) + slabs * (1 + ceil_div(c->rows, CHUNK_MOST)));
}

/* ---- COLUMN: teams of blocks */

/* Neighbouring tiles that the sets of their columns do not leave. */
static int64_t tiles_of_sets(const wni_geometry *g, const wni_cuda_column *c) {
  const int64_t tile = (int64_t)c->tile_octets * WNI_OCTET;
  int64_t tiles = 1;
  while (tiles < c->tiles && tiles * tile % g->set_columns != 0) tiles++;
  return tiles;
}

/* Beside what it keeps a block has 25 numbers for each warp and octet of a tile (moments, and a table of statistics; or
 * sums and means), backward gamma, beta, mean and rstd of the tile as well. A unit is a turn of its threads over the
 * rows. */
static wni_cuda_load column_load(const wni_plan_input *in, const wni_cuda_column *c) {
  const int64_t threads = wni_cuda_team_threads(in), lanes = threads / c->tile_octets, real = size_of(in->types.real);
  const int64_t numbers = (25 * threads / WARP + (is_backward(in) ? 4 * WNI_OCTET : 0)) * c->tile_octets;
  return (wni_cuda_load){.units = ceil_div(c->rows, lanes),
                         .bytes = threads * wni_cuda_kept_bytes(in),
                         .fixed = numbers * real,
                         .few = TURNS,
                         .width = tiles_of_sets(&in->geo, c)};
}

/* Half a line of the cache, where a device does not hold the usual tile: less would cost more traffic. */
static bool narrow_tile(const wni_plan_input *in, wni_cuda_column *c) {
  if (c->tile_octets * WNI_OCTET * size_of(in->types.x) < TILE_BYTES || c->tile_octets == 1) return false;
  c->tile_octets /= 2;
  c->tiles = ceil_div(ceil_div(c->columns, WNI_OCTET), c->tile_octets);
  return true;
}

/* Which team has how much of a slab. */
static bool cut_column_team(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs, wni_cuda_column *c) {
  const wni_cuda_load load = column_load(in, c);
  const int64_t tasks = slabs * ceil_div(c->tiles, load.width);
  const int64_t blocks = wni_cuda_team_blocks(d, &load, in->geo.param_by_row ? 0 : tasks);
  if (blocks == 0) return narrow_tile(in, c) && cut_column_team(in, d, slabs, c);
  const int64_t lanes = wni_cuda_team_threads(in) / c->tile_octets, each = ceil_div(load.units, blocks);
  c->chunk_rows = each * lanes;
  c->chunks = ceil_div(c->rows, c->chunk_rows);
  c->team_tiles = (int)load.width;
  c->team = (int)(c->chunks * load.width);
  c->kept_octets = each * wni_cuda_team_threads(in);
  return true;
}

/* Of a slab, at most: of any number of rows up to this one. */
static int64_t most_team_chunks(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_column c) {
  const wni_cuda_load load = column_load(in, &c);
  const int64_t chunks = wni_cuda_most_team_blocks(d, &load);
  if (!narrow_tile(in, &c)) return chunks;
  const wni_cuda_load narrower = column_load(in, &c);
  return most(chunks, wni_cuda_most_team_blocks(d, &narrower));
}

static bool plan_column_team(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs, wni_cuda_plan *plan) {
  wni_cuda_column cut = plan->cut.column;
  if (in->stats == WNI_STATS_RUNNING || in->ranks > 0 || cut.rows == 0 || cut.columns == 0) return false;
  if (!cut_column_team(in, d, slabs, &cut)) return false;
  plan->cut.column = cut;
  wni_cuda_launch *const l =
      wni_cuda_add(plan, is_backward(in) ? WNI_CUDA_COLUMN_BACKWARD : WNI_CUDA_COLUMN_FORWARD, 0);
  l->block = (unsigned)wni_cuda_team_threads(in);
  l->shared = (unsigned)(cut.kept_octets * wni_cuda_kept_bytes(in) + column_load(in, &cut).fixed);
  const int64_t tasks = slabs * ceil_div(cut.tiles, cut.team_tiles);
  l->grid = (unsigned)(cut.team * most(1, least(tasks, wni_cuda_team_seats(d) / cut.team)));
  l->together = cut.team > 1;
  return true;
}

static void plan_column(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  const wni_geometry *const g = &in->geo;
  wni_cuda_column *const c = &plan->cut.column;
  const int64_t slabs = g->extent[0];
  wni_cuda_cut_column(in, d, slabs, g->extent[1] * g->extent[2], g->extent[3], c);
  const bool running = in->stats == WNI_STATS_RUNNING, by_row = g->param_by_row;
  const bool team = plan_column_team(in, d, slabs, plan);
  if (!is_backward(in)) {
    if (!running && !team) {
      wni_cuda_add_column(plan, d, WNI_CUDA_COLUMN_MOMENTS, in, slabs, 0);
      wni_cuda_add_merge(plan, d, WNI_CUDA_MERGE_MOMENTS, in, g->sets, 0);
      wni_cuda_add_exchange(plan, d, WNI_CUDA_JOIN_MOMENTS, in);
    }
    if (!team) wni_cuda_add_column(plan, d, WNI_CUDA_COLUMN_APPLY, in, slabs, 0);
    wni_cuda_add_running(plan, d, in);
    return;
  }
  /* Sums of columns are those of parameters, or else the apply pass makes them, tile by tile. */
  plan->cut.param_rows = slabs * (by_row ? c->tiles : c->chunks);
  if (!running && !team) {
    wni_cuda_add_column(plan, d, WNI_CUDA_COLUMN_BACKWARD_SUMS, in, slabs, by_row ? WNI_CUDA_WANT_DX : 0);
    wni_cuda_add_merge(plan, d, WNI_CUDA_MERGE_SUMS, in, g->sets, in->ranks > 0 ? 0 : WNI_CUDA_WANT_DX);
    wni_cuda_add_exchange(plan, d, WNI_CUDA_JOIN_SUMS, in);
  }
  if (!team)
    wni_cuda_add_column(plan, d, WNI_CUDA_COLUMN_BACKWARD_APPLY, in, slabs, running || by_row ? 0 : WNI_CUDA_WANT_DX);
  wni_cuda_add_params(plan, d, WNI_CUDA_MERGE_PARAMS, in, WNI_CUDA_WANT_PARAMS);
}

/* ---- workspace -------------------------------------------------------------------------------------------------- */

enum { ALIGNMENT = 256 };

/* No product here is near the limit for tensors that exist; for others the sum only has to stay huge. */
static size_t times(size_t a, size_t b) {
  const size_t huge = SIZE_MAX / 64;
  return b != 0 && a > huge / b ? huge : a * b;
}

size_t wni_cuda_take(wni_cuda_plan *plan, int64_t count, int64_t each, size_t size) {
  const size_t at = plan->workspace;
  const size_t bytes = times(times((size_t)count, (size_t)each), size);
  plan->workspace += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return at;
}

/* Chunks of all slabs that this n or a smaller one may have, with a team or without. */
static int64_t most_chunks_of_all(const wni_plan_input *in, const wni_cuda_figures *d) {
  const wni_geometry *const g = &in->geo;
  wni_cuda_column usual;
  wni_cuda_cut_column(in, d, g->extent[0], g->extent[1] * g->extent[2], g->extent[3], &usual);
  const int64_t alone = most_slab_chunks(in, d, g->extent[0], &usual);
  if (in->stats == WNI_STATS_RUNNING) return alone;
  return most(alone, g->extent[0] * most_team_chunks(in, d, usual));
}

static void lay_out_column(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  const wni_geometry *const g = &in->geo;
  const size_t real = (size_t)size_of(in->types.real);
  const bool running = in->stats == WNI_STATS_RUNNING;
  const int64_t chunks = most_chunks_of_all(in, d);
  if (!is_backward(in)) {
    if (running) return;
    plan->at.moments = wni_cuda_take(plan, chunks, g->extent[3], quad(in));
    plan->at.stats = wni_cuda_take(plan, g->sets, 1, quad(in));
    return;
  }
  plan->at.sums = wni_cuda_take(plan, chunks, 2 * g->extent[3], real);
  if (!running) plan->at.set_sums = wni_cuda_take(plan, g->sets, 2, real);
  plan->at.params = g->param_by_row ? wni_cuda_take(plan, plan->cut.param_rows, 2 * g->params, real) : plan->at.sums;
}

static void lay_out_exchange(const wni_plan_input *in, wni_cuda_plan *plan) {
  if (in->ranks == 0) return;
  const int64_t bytes = (int64_t)wni_sync_bytes((size_t)size_of(in->types.real), in->geo.params);
  plan->at.mine = wni_cuda_take(plan, 1, bytes, 1);
  plan->at.all = wni_cuda_take(plan, in->ranks, bytes, 1);
  plan->at.joined = wni_cuda_take(plan, 1, 1, sizeof(int64_t));
}

void wni_plan_cuda(const wni_plan_input *in, const wni_cuda_figures *device, wni_cuda_plan *plan) {
  *plan = (wni_cuda_plan){.at = {WNI_CUDA_NONE, WNI_CUDA_NONE, WNI_CUDA_NONE, WNI_CUDA_NONE, WNI_CUDA_NONE,
                                 WNI_CUDA_NONE, WNI_CUDA_NONE, WNI_CUDA_NONE, WNI_CUDA_NONE}};
  if (in->geo.pattern == WNI_ROW) {
    wni_cuda_plan_row(in, device, plan);
  } else {
    plan_column(in, device, plan);
    lay_out_column(in, device, plan);
  }
  if (in->stats != WNI_STATS_RUNNING && in->ranks == 0)
    plan->at.arrived = wni_cuda_take(plan, wni_cuda_team_seats(device), 1, sizeof(unsigned));
  lay_out_exchange(in, plan);
  wni_cuda_expect(in, device, plan);
}

bool wni_cuda_smaller(const wni_plan_input *in, int index, wni_plan_input *smaller) {
  *smaller = *in;
  if (in->geo.pattern == WNI_ROW && wni_elements(&in->geo) > 0) return wni_cuda_smaller_row(in, index, smaller);
  /* Of columns a device may hold fewer rows, and not all of them. */
  if (index == 1) smaller->geo.extent[1] = least(1, in->geo.extent[1]);
  smaller->geo.set_size = smaller->geo.extent[1] * smaller->geo.extent[2] * smaller->geo.set_columns;
  return index <= 1;
}
