#include "plan_cuda.h"

#include "names.h"

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }
static int64_t round_up(int64_t a, int64_t unit) { return ceil_div(a, unit) * unit; }
static int64_t size_of(wn_dtype type) { return (int64_t)wni_dtype_size(type); }

static bool is_backward(const wni_plan_input *in) { return in->pass == WN_BACKWARD || in->pass == WN_BACKWARD_FROZEN; }

/* The sets that running statistics are the average of: batch and instance norm, one parameter to a set. */
static bool may_update_running(const wni_plan_input *in) {
  const wni_geometry *const g = &in->geo;
  const bool one_param = g->pattern == WNI_ROW ? g->param_step == 1 : g->set_columns == 1 && !g->param_by_row;
  return in->pass == WN_TRAIN && one_param;
}

enum {
  WARP = 32,
  BLOCK = 256, /* where a set does not ask for a size: 4 to 8 of them fill a multiprocessor, barriers stay short */
  BLOCK_LEAST = 128, /* fewer threads leave a multiprocessor half empty: it has 16 to 32 blocks at most */
  BLOCK_MOST = 512,  /* 128 registers a thread: 4 octets of f32 in both tensors of a backward pass are 64 of them */
  /* Octets of a set that stay on chip: lanes that hold one each, lanes that hold 4 (a thread with more has too few
   * registers for the second tensor of a backward pass), and the threads of the largest block. */
  LANES_1_OCTETS = WARP,
  LANES_4_OCTETS = 4 * WARP,
  /* Longer rows are cut at the price of a second launch, shorter ones read twice by one block: 64K octets are 1 MB in
   * 16 bits, half of what the L2 of the smallest device has for each of its first few blocks. */
  LOOP_OCTETS = 64 << 10,
  SEGMENT_OCTETS = 4096,   /* 64 KB in 16 bits: 16 turns of a block, its 16 bytes of moments are nothing beside them */
  STATIC_SHARED = 2 << 10, /* what kernels have beside the launch's: rooms for a number of each warp, or a few */
  PERSISTENT = 2, /* blocks per multiprocessor where each leaves partial parameter sums: one loads while one waits */
  FEW_WAVES = 4   /* blocks beyond that would only be started, each with its setup, where a loop does */
};

/* As many blocks as there are tasks for, up to a few waves: kernels stride over what is left, so any number is right.
 */
static unsigned grid_for(const wni_cuda_figures *d, int64_t block, int64_t shared, int64_t blocks) {
  return (unsigned)most(1, least(blocks, wni_cuda_resident(d, block, shared) * d->sms * FEW_WAVES));
}

static wni_cuda_launch *add(wni_cuda_plan *plan, wni_cuda_function function, unsigned wanted) {
  wni_cuda_launch *const l = &plan->launch[plan->launches++];
  *l = (wni_cuda_launch){.function = function, .grid = 1, .block = BLOCK, .wanted = wanted};
  return l;
}

/* A warp for each thing that is merged. */
static void add_merge(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function, int64_t things,
                      unsigned wanted) {
  add(plan, function, wanted)->grid = grid_for(d, BLOCK, 0, ceil_div(things, BLOCK / WARP));
}

/* After the statistics of a training pass are there. A thread for each parameter; the counter is read by the first and
 * so changed by a launch of its own. */
static void add_running(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  if (!may_update_running(in)) return;
  add(plan, WNI_CUDA_RUNNING, WNI_CUDA_WANT_RUNNING)->grid = grid_for(d, BLOCK, 0, ceil_div(in->geo.params, BLOCK));
  if ((in->flags & WN_RUNNING_CUMULATIVE) != 0) add(plan, WNI_CUDA_COUNT_CALL, WNI_CUDA_WANT_COUNT)->block = WARP;
}

/* ---- ROW: who holds a set --------------------------------------------------------------------------------------- */

static void make_row(const wni_geometry *g, wni_cuda_row *r) {
  const int64_t run = g->extent[3];
  r->per_element = g->param_span == 1;
  /* A run that has several parameters (group norm in NCX) becomes as many runs; then extent[2] is 1. */
  const int64_t cuts = r->per_element ? 1 : run / g->param_span;
  r->runs = g->extent[2] * cuts;
  r->elements = run / cuts;
  r->param_run = cuts > 1 ? 1 : 0;
  r->run_octets = ceil_div(r->elements, WNI_OCTET);
  r->octets = r->runs * r->run_octets;
  r->segment_octets = r->octets;
  r->segments = 1;
}

/* A power of two that holds the octets of a set or of a piece, one each, up to a warp. */
static int lanes_for(int64_t octets) {
  int lanes = 1;
  while (lanes < WARP && lanes < octets) lanes *= 2;
  return lanes;
}

typedef struct holder {
  wni_cuda_scope scope;
  int64_t block;
} holder;

/* By the length of the set and the types alone: what a row's bits depend on may not change with the batch. */
static holder hold_set(const wni_plan_input *in, int64_t octets) {
  /* Numbers of f64 take two registers. */
  const int64_t wide = in->types.real == WN_F64 ? 2 : 1, threads = BLOCK_MOST / wide;
  if (octets <= LANES_1_OCTETS) return (holder){WNI_CUDA_LANES_1, BLOCK};
  if (octets <= LANES_4_OCTETS / wide) return (holder){WNI_CUDA_LANES_4, BLOCK};
  if (octets <= 2 * threads) return (holder){WNI_CUDA_BLOCK_2, most(BLOCK_LEAST, round_up(ceil_div(octets, 2), WARP))};
  if (octets <= 4 * threads) return (holder){WNI_CUDA_BLOCK_4, round_up(ceil_div(octets, 4), WARP)};
  return (holder){WNI_CUDA_BLOCK_LOOP, threads};
}

static bool is_lanes(holder h) { return h.scope <= WNI_CUDA_LANES_4; }

static int64_t most_segments(int64_t octets) { return most(1, ceil_div(octets, SEGMENT_OCTETS)); }

/* Segments of about equal length, and a team for each of them: lanes where it is short, the block else. */
static void cut_row(int64_t octets, int64_t piece, wni_cuda_row *r) {
  r->segments = most_segments(octets);
  r->segment_octets = most(1, ceil_div(octets, r->segments));
  r->segments = most(1, ceil_div(octets, r->segment_octets)); /* none is empty */
  piece = least(piece, r->segment_octets);
  r->lanes = piece <= LANES_4_OCTETS ? lanes_for(piece) : BLOCK;
}

/* Blocks for so many teams. */
static int64_t team_blocks(const wni_cuda_row *r, int64_t block, int64_t teams) {
  return r->lanes <= WARP ? ceil_div(teams, block / r->lanes) : teams;
}

static void add_teams(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function, int64_t teams,
                      unsigned wanted) {
  add(plan, function, wanted)->grid = grid_for(d, BLOCK, 0, team_blocks(&plan->cut.row, BLOCK, teams));
}

static wni_cuda_launch *add_whole(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function, holder h,
                                  int64_t sets) {
  wni_cuda_row *const r = &plan->cut.row;
  r->lanes = is_lanes(h) ? lanes_for(r->octets) : (int)h.block;
  wni_cuda_launch *const l = add(plan, function, 0);
  l->variant = (int)h.scope;
  l->block = (unsigned)h.block;
  l->grid = grid_for(d, h.block, 0, team_blocks(r, h.block, sets));
  return l;
}

/* Sets of layer and RMS norm are cut by their length alone, unless the caller gave that up. */
static bool may_split(const wni_plan_input *in) {
  return in->geo.param_step != 0 || (in->flags & WN_SPLIT_FEW_ROWS) != 0;
}

static int64_t few_sets(const wni_cuda_figures *d) { return 2 * (int64_t)d->sms; }

static bool is_cut(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_row *r) {
  if (r->octets > LOOP_OCTETS) return true;
  return may_split(in) && r->octets > SEGMENT_OCTETS && in->geo.sets < few_sets(d);
}

/* Sets that this n or a smaller one may cut. Where n changes the number of sets their length stays, and where it
 * changes their length (batch norm) the number. */
static int64_t most_cut_sets(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_row *r) {
  if (r->octets > LOOP_OCTETS) return in->geo.sets;
  return may_split(in) && r->octets > SEGMENT_OCTETS ? least(in->geo.sets, few_sets(d)) : 0;
}

/* ---- ROW: passes ------------------------------------------------------------------------------------------------ */

static void row_forward(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  const int64_t sets = in->geo.sets;
  if (in->stats != WNI_STATS_RUNNING && !is_cut(in, d, r)) {
    add_whole(plan, d, WNI_CUDA_ROW_FORWARD, hold_set(in, r->octets), sets);
  } else {
    cut_row(r->octets, r->octets, r);
    const int64_t teams = sets * r->segments;
    if (in->stats != WNI_STATS_RUNNING) {
      add_teams(plan, d, WNI_CUDA_ROW_MOMENTS, teams, 0);
      add_merge(plan, d, WNI_CUDA_MERGE_MOMENTS, sets, 0);
    }
    add_teams(plan, d, WNI_CUDA_ROW_APPLY, teams, 0);
  }
  add_running(in, d, plan);
}

/* Bytes of a block's parameter sums: two numbers for each element of a row. */
static int64_t param_bytes(const wni_plan_input *in, int64_t octets) {
  return 2 * octets * WNI_OCTET * size_of(in->types.real);
}

/* Whole rows, each block with parameter sums of its own: in registers, or where a thread has too many columns in shared
 * memory. */
static bool row_params_fit(const wni_plan_input *in, const wni_cuda_figures *d, int64_t octets) {
  const wni_cuda_scope scope = hold_set(in, octets).scope;
  return scope < WNI_CUDA_BLOCK_4 || param_bytes(in, octets) + STATIC_SHARED <= d->shared_per_block;
}

static void row_backward_each(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  const holder h = hold_set(in, r->octets);
  wni_cuda_launch *const l = add_whole(plan, d, WNI_CUDA_ROW_BACKWARD, h, in->geo.sets);
  /* Threads with few columns keep their sums in registers; lanes add up their block's at the end. */
  if (h.scope != WNI_CUDA_BLOCK_2) l->shared = (unsigned)param_bytes(in, r->octets);
  const int64_t blocks = least(PERSISTENT, wni_cuda_resident(d, h.block, l->shared)) * d->sms;
  l->grid = (unsigned)most(1, least(l->grid, blocks));
  plan->cut.param_rows = l->grid;
  add_merge(plan, d, WNI_CUDA_MERGE_PARAMS, ceil_div(in->geo.params, WARP), WNI_CUDA_WANT_PARAMS);
}

static void make_column(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs, int64_t rows,
                        int64_t columns, wni_cuda_column *c);
static void add_tasks(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan,
                      wni_cuda_function function, int64_t slabs, unsigned wanted);

/* Parameters of long rows: a row is one of a matrix of one slab, whose columns are summed. */
static void row_backward_long(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_cut *const cut = &plan->cut;
  const wni_geometry *const g = &in->geo;
  cut_row(cut->row.octets, cut->row.octets, &cut->row);
  const int64_t teams = g->sets * cut->row.segments;
  add_teams(plan, d, WNI_CUDA_ROW_BACKWARD_SUMS, teams, WNI_CUDA_WANT_DX);
  add_merge(plan, d, WNI_CUDA_MERGE_SUMS, g->sets, WNI_CUDA_WANT_DX);
  add_teams(plan, d, WNI_CUDA_ROW_BACKWARD_APPLY, teams, WNI_CUDA_WANT_DX);
  const int64_t middles = g->param_step != 0 ? g->extent[1] : 1;
  make_column(in, d, 1, g->sets / middles, middles * g->extent[3], &cut->column);
  cut->param_rows = cut->column.chunks;
  add_tasks(in, d, plan, WNI_CUDA_COLUMN_BACKWARD_SUMS, 1, WNI_CUDA_WANT_PARAMS);
  add_merge(plan, d, WNI_CUDA_MERGE_PARAMS, ceil_div(g->params, WARP), WNI_CUDA_WANT_PARAMS);
}

/* One parameter for a run: its sums are those of pieces of runs. */
static void row_backward_runs(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  const wni_geometry *const g = &in->geo;
  const holder h = hold_set(in, r->octets);
  const bool frozen = in->stats == WNI_STATS_RUNNING;
  if (!frozen && r->param_run == 0 && h.scope <= WNI_CUDA_BLOCK_4 && !is_cut(in, d, r)) {
    add_whole(plan, d, WNI_CUDA_ROW_BACKWARD, h, g->sets);
  } else {
    cut_row(r->octets, r->run_octets, r);
    const int64_t teams = g->sets * r->runs * ceil_div(r->run_octets, r->segment_octets);
    if (!frozen) {
      add_teams(plan, d, WNI_CUDA_ROW_BACKWARD_SUMS, teams, 0);
      add_merge(plan, d, WNI_CUDA_MERGE_SUMS, g->sets, WNI_CUDA_WANT_DX);
    }
    add_teams(plan, d, WNI_CUDA_ROW_BACKWARD_APPLY, teams, frozen ? 0 : WNI_CUDA_WANT_DX);
  }
  add_merge(plan, d, WNI_CUDA_MERGE_PARAMS, g->params, WNI_CUDA_WANT_PARAMS);
}

static void plan_row(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  make_row(&in->geo, r);
  if (!is_backward(in)) {
    row_forward(in, d, plan);
  } else if (!r->per_element) {
    row_backward_runs(in, d, plan);
  } else if (in->geo.param_step == 0 && r->octets <= LOOP_OCTETS && row_params_fit(in, d, r->octets)) {
    row_backward_each(in, d, plan);
  } else {
    row_backward_long(in, d, plan);
  }
}

/* ---- COLUMN ----------------------------------------------------------------------------------------------------- */

enum {
  TILE_BYTES = 128, /* of a row in a tile: a line of the cache. Pieces below 64 bytes cost twice the traffic */
  TURNS = 4,        /* rows of a thread at least: its tile's sums are then a sixteenth of what they are of, or less */
  CHUNK_MOST = 1 << 20,     /* rows: kernels count those of a chunk in 32 bits */
  COLUMN_SHARED = 24 << 10, /* of a block: two of them fit every device */
  SLAB_ROWS = 512           /* of a chunk where a set's bits may not depend on how much work there is beside it */
};

/* Numbers of a thread that go through shared memory when those of the block are added up: of each of its 8 columns
 * mean, low part and sum of squares, or two sums. */
static int64_t column_numbers(wni_cuda_function function) {
  if (function == WNI_CUDA_COLUMN_APPLY) return 0;
  return WNI_OCTET * (function == WNI_CUDA_COLUMN_MOMENTS ? 3 : 2);
}

/* Tasks of the column family: a block each, of a power of two of threads whose numbers shared memory has room for. */
static void add_tasks(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan,
                      wni_cuda_function function, int64_t slabs, unsigned wanted) {
  const wni_cuda_column *const c = &plan->cut.column;
  const int64_t number = column_numbers(function) * size_of(in->types.real),
                room = least(COLUMN_SHARED, d->shared_per_block - STATIC_SHARED);
  int64_t block = BLOCK;
  while (block * number > room && block > WARP) block /= 2;
  wni_cuda_launch *const l = add(plan, function, wanted);
  l->block = (unsigned)block;
  l->shared = (unsigned)(block * number);
  l->grid = grid_for(d, block, l->shared, slabs * c->chunks * c->tiles);
}

/* Blocks that hide the memory's latency, each thread with two octets on their way. */
static int64_t wanted_blocks(const wni_plan_input *in, const wni_cuda_figures *d) {
  const int64_t turn = 2 * BLOCK * WNI_OCTET * size_of(in->types.x);
  return d->sms * most(2, least(4, ceil_div(d->in_flight, turn)));
}

/* Of a slab, at most: as many as make the wanted blocks, none too short. */
static int64_t wanted_chunks(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs,
                             const wni_cuda_column *c) {
  if (in->geo.param_by_row) return most(1, ceil_div(c->rows, SLAB_ROWS));
  const int64_t wanted = ceil_div(wanted_blocks(in, d), most(1, slabs) * c->tiles);
  const int64_t useful = least(wanted, ceil_div(c->rows, TURNS * (BLOCK / c->tile_octets)));
  return most(1, most(useful, ceil_div(c->rows, CHUNK_MOST)));
}

/* A tile is as wide as a line of the cache, or as the row. */
static void make_column(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs, int64_t rows,
                        int64_t columns, wni_cuda_column *c) {
  const int64_t octet = WNI_OCTET * size_of(in->types.x), row_octets = ceil_div(columns, WNI_OCTET);
  c->rows = rows;
  c->columns = columns;
  c->tile_octets = 1;
  while (c->tile_octets * octet < TILE_BYTES && c->tile_octets < row_octets) c->tile_octets *= 2;
  c->tiles = ceil_div(row_octets, c->tile_octets);
  c->chunk_rows = most(1, ceil_div(rows, wanted_chunks(in, d, slabs, c)));
  c->chunks = most(1, ceil_div(rows, c->chunk_rows));
}

/* Chunks of all slabs that this n or a smaller one may have: few slabs are cut more often. Where n changes the number
 * of rows of a slab it does not change that of slabs. */
static int64_t most_chunks(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs,
                           const wni_cuda_column *c) {
  const int64_t alone = wanted_chunks(in, d, 1, c), bound = slabs * alone;
  return in->geo.param_by_row
             ? bound
             : least(bound, ceil_div(wanted_blocks(in, d), c->tiles) + slabs * (1 + ceil_div(c->rows, CHUNK_MOST)));
}

static void plan_column(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  const wni_geometry *const g = &in->geo;
  wni_cuda_column *const c = &plan->cut.column;
  const int64_t slabs = g->extent[0];
  make_column(in, d, slabs, g->extent[1] * g->extent[2], g->extent[3], c);
  const bool running = in->stats == WNI_STATS_RUNNING, by_row = g->param_by_row;
  if (!is_backward(in)) {
    if (!running) {
      add_tasks(in, d, plan, WNI_CUDA_COLUMN_MOMENTS, slabs, 0);
      add_merge(plan, d, WNI_CUDA_MERGE_MOMENTS, g->sets, 0);
    }
    add_tasks(in, d, plan, WNI_CUDA_COLUMN_APPLY, slabs, 0);
    add_running(in, d, plan);
    return;
  }
  /* Sums of columns are those of parameters, or else the apply pass makes them, tile by tile. */
  plan->cut.param_rows = slabs * (by_row ? c->tiles : c->chunks);
  if (!running) {
    add_tasks(in, d, plan, WNI_CUDA_COLUMN_BACKWARD_SUMS, slabs, by_row ? WNI_CUDA_WANT_DX : 0);
    add_merge(plan, d, WNI_CUDA_MERGE_SUMS, g->sets, WNI_CUDA_WANT_DX);
  }
  add_tasks(in, d, plan, WNI_CUDA_COLUMN_BACKWARD_APPLY, slabs, running || by_row ? 0 : WNI_CUDA_WANT_DX);
  add_merge(plan, d, WNI_CUDA_MERGE_PARAMS, ceil_div(g->params, WARP), WNI_CUDA_WANT_PARAMS);
}

/* ---- workspace -------------------------------------------------------------------------------------------------- */

enum { ALIGNMENT = 256 };

/* No product here is near the limit for tensors that exist; for others the sum only has to stay huge. */
static size_t times(size_t a, size_t b) {
  const size_t huge = SIZE_MAX / 64;
  return b != 0 && a > huge / b ? huge : a * b;
}

static size_t take(wni_cuda_plan *plan, int64_t count, int64_t each, size_t size) {
  const size_t at = plan->workspace;
  const size_t bytes = times(times((size_t)count, (size_t)each), size);
  plan->workspace += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return at;
}

/* Of moments, statistics: four numbers. */
static size_t quad(const wni_plan_input *in) { return 4 * (size_t)size_of(in->types.real); }

static void lay_out_row(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  const wni_geometry *const g = &in->geo;
  const wni_cuda_row *const r = &plan->cut.row;
  const size_t real = (size_t)size_of(in->types.real);
  const bool running = in->stats == WNI_STATS_RUNNING;
  const int64_t cut_sets = running ? 0 : most_cut_sets(in, d, r);
  wni_cuda_row cut = *r;
  cut_row(r->octets, r->run_octets, &cut);
  if (!is_backward(in)) {
    if (running) return;
    plan->at.moments = take(plan, cut_sets, most_segments(r->octets), quad(in));
    plan->at.stats = take(plan, may_update_running(in) ? g->sets : cut_sets, 1, quad(in));
  } else if (!r->per_element) {
    plan->at.sums = take(plan, g->sets * r->runs, most(1, ceil_div(r->run_octets, cut.segment_octets)), 2 * real);
    if (!running) plan->at.set_sums = take(plan, g->sets, 2, real);
  } else {
    if (plan->launch[0].function == WNI_CUDA_ROW_BACKWARD_SUMS) {
      plan->at.sums = take(plan, g->sets, most_segments(r->octets), 2 * real);
      plan->at.set_sums = take(plan, g->sets, 2, real);
    }
    const bool chunks = plan->cut.column.chunks > 0; /* else a row of each block */
    plan->at.params =
        take(plan, chunks ? wanted_chunks(in, d, 1, &plan->cut.column) : plan->cut.param_rows, 2 * g->params, real);
  }
}

static void lay_out_column(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  const wni_geometry *const g = &in->geo;
  const wni_cuda_column *const c = &plan->cut.column;
  const size_t real = (size_t)size_of(in->types.real);
  const bool running = in->stats == WNI_STATS_RUNNING;
  const int64_t chunks = most_chunks(in, d, g->extent[0], c);
  if (!is_backward(in)) {
    if (running) return;
    plan->at.moments = take(plan, chunks, g->extent[3], quad(in));
    plan->at.stats = take(plan, g->sets, 1, quad(in));
    return;
  }
  plan->at.sums = take(plan, chunks, 2 * g->extent[3], real);
  if (!running) plan->at.set_sums = take(plan, g->sets, 2, real);
  plan->at.params = g->param_by_row ? take(plan, plan->cut.param_rows, 2 * g->params, real) : plan->at.sums;
}

void wni_plan_cuda(const wni_plan_input *in, const wni_cuda_figures *device, wni_cuda_plan *plan) {
  *plan = (wni_cuda_plan){.at = {WNI_CUDA_NONE, WNI_CUDA_NONE, WNI_CUDA_NONE, WNI_CUDA_NONE, WNI_CUDA_NONE}};
  if (in->geo.pattern == WNI_ROW) {
    plan_row(in, device, plan);
    lay_out_row(in, device, plan);
  } else {
    plan_column(in, device, plan);
    lay_out_column(in, device, plan);
  }
  wni_cuda_expect(in, device, plan);
}

/* What n changes is the number of sets, which decides only where few are cut; and in batch norm by rows, where a set
 * has a run of each sample, its length, which decides who holds it. */
bool wni_cuda_smaller(const wni_plan_input *in, int index, wni_plan_input *smaller) {
  static const int64_t lengths[] = {LANES_1_OCTETS, LANES_4_OCTETS / 2, LANES_4_OCTETS, BLOCK_MOST,      2 * BLOCK_MOST,
                                    4 * BLOCK_MOST, SEGMENT_OCTETS,     LOOP_OCTETS,    (int64_t)1 << 62};
  const int count = sizeof lengths / sizeof *lengths;
  const wni_geometry *const g = &in->geo;
  *smaller = *in;
  if (g->pattern != WNI_ROW || wni_elements(g) == 0) return index == 0;
  const bool lengthens = g->extent[2] > 1;
  if (index >= (lengthens ? 2 * count : 2)) return false;
  wni_geometry *const s = &smaller->geo;
  if (index % 2 != 0) s->extent[0] = 1;
  if (lengthens) {
    const int64_t runs = lengths[index / 2] / ceil_div(g->extent[3], WNI_OCTET);
    s->extent[2] = most(1, least(runs, g->extent[2]));
  }
  s->sets = s->extent[0] * s->extent[1];
  s->set_size = s->extent[2] * s->extent[3];
  return true;
}
