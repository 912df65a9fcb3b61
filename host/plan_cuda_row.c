#include "plan_cuda_parts.h"

enum {
  BLOCK_LEAST = 128, /* fewer threads leave a multiprocessor half empty: it has 16 to 32 blocks at most */
  BLOCK_MOST = 512,  /* 128 registers a thread: 4 octets of f32 in both tensors of a backward pass are 64 of them */
  /* Octets of a set that stay on chip: lanes that hold one each, lanes that hold 4 (a thread with more has too few
   * registers for the second tensor of a backward pass), and the threads of the largest block. */
  LANES_1_OCTETS = WARP,
  LANES_4_OCTETS = 4 * WARP,
  /* Fewer lanes with more octets each: what a thread does once for a set, sums over lanes, rstd, places, is done once
   * for more elements. 4 lanes still take whole cache lines of f32 and half ones of 16-bit types in each access. */
  LINE_LANES = 4,
  /* Longer rows are cut at the price of a second launch, shorter ones read twice by one block: 64K octets are 1 MB in
   * 16 bits, half of what the L2 of the smallest device has for each of its first few blocks. */
  LOOP_OCTETS = 64 << 10,
  SEGMENT_OCTETS = 4096, /* 64 KB in 16 bits: 16 turns of a block, its 16 bytes of moments are nothing beside them */
  PERSISTENT = 2 /* blocks per multiprocessor at most where each leaves partial parameter sums, if so many fit: one
                  * loads while one waits */
};

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
  r->last = (int)(r->elements - (r->run_octets - 1) * WNI_OCTET);
  r->segment_octets = r->octets;
  r->segments = 1;
  r->cluster = 1;
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
  int lanes; /* threads that hold a set */
} holder;

static holder by_lanes(wni_cuda_scope scope, int lanes) { return (holder){scope, BLOCK, lanes}; }

static holder by_block(wni_cuda_scope scope, int64_t threads) { return (holder){scope, threads, (int)threads}; }

/* The most threads of a block that holds a set: what the kernels' launch bounds leave registers for. */
static int64_t most_threads(const wni_plan_input *in) { return in->types.real == WN_F64 ? BLOCK_MOST / 2 : BLOCK_MOST; }

/* Octets of a set that a block holds in registers: backward of wide types fewer. */
static int64_t most_held(const wni_plan_input *in) {
  return (is_backward(in) && size_of(in->types.x) > 2 ? 2 : 4) * most_threads(in);
}

static int64_t threads_for(int64_t octets, int64_t each) { return round_up(ceil_div(octets, each), WARP); }

/* By the length of the set and the types alone: what a row's bits depend on may not change with the batch. */
static holder hold_set(const wni_plan_input *in, int64_t octets) {
  const int64_t wide = in->types.real == WN_F64 ? 2 : 1; /* numbers that take two registers */
  const int64_t each = 4 / (is_backward(in) ? wide : 1); /* octets of a thread of LANES_4 */
  if (octets < 2 * LINE_LANES) return by_lanes(WNI_CUDA_LANES_1, lanes_for(octets));
  if (octets <= each * WARP)
    return by_lanes(WNI_CUDA_LANES_4, (int)most(LINE_LANES, lanes_for(ceil_div(octets, each))));
  if (is_backward(in) && octets <= 2 * most_threads(in))
    return by_block(WNI_CUDA_BLOCK_2, most(BLOCK_LEAST, threads_for(octets, 2)));
  if (octets <= most_held(in))
    return by_block(WNI_CUDA_BLOCK_4, most(is_backward(in) ? BLOCK_LEAST : 2 * WARP, threads_for(octets, 4)));
  return by_block(WNI_CUDA_TEAM, wni_cuda_team_threads(in));
}

static int64_t most_segments(int64_t octets) { return most(1, ceil_div(octets, SEGMENT_OCTETS)); }

/* Segments of about equal length, and a team for each of them: lanes where it is short, the block else. */
static void cut_row(int64_t octets, wni_cuda_row *r) {
  r->segments = most_segments(octets);
  r->segment_octets = most(1, ceil_div(octets, r->segments));
  r->segments = most(1, ceil_div(octets, r->segment_octets)); /* none is empty */
  r->lanes = r->segment_octets <= LANES_4_OCTETS ? lanes_for(r->segment_octets) : BLOCK;
}

/* Blocks for so many teams. */
static int64_t team_blocks(const wni_cuda_row *r, int64_t block, int64_t teams) {
  return r->lanes <= WARP ? ceil_div(teams, block / r->lanes) : teams;
}

static void add_teams(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_function function, int64_t teams,
                      unsigned wanted, wni_cuda_plan *plan) {
  wni_cuda_set_grid(in, d, wni_cuda_add(plan, function, wanted), team_blocks(&plan->cut.row, BLOCK, teams));
}

static wni_cuda_launch *add_whole(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_function function,
                                  holder h, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  r->lanes = h.lanes;
  wni_cuda_launch *const l = wni_cuda_add(plan, function, 0);
  l->variant = (int)h.scope;
  r->team = h.scope == WNI_CUDA_TEAM ? 1 : 0;
  l->block = (unsigned)h.block;
  wni_cuda_set_grid(in, d, l, team_blocks(r, h.block, in->geo.sets));
  return l;
}

/* Sets of layer and RMS norm are cut by their length alone, unless the caller gave that up. */
static bool may_split(const wni_plan_input *in) {
  return in->geo.param_step != 0 || (in->flags & WN_SPLIT_FEW_ROWS) != 0;
}

static int64_t few_sets(const wni_cuda_figures *d) { return 2 * (int64_t)d->sms; }

/* Where no team of blocks holds a set. */
static bool is_cut(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_row *r) {
  if (r->octets > LOOP_OCTETS || in->ranks > 0) return true; /* ranks exchange between the sweeps */
  return may_split(in) && r->octets > SEGMENT_OCTETS && in->geo.sets < few_sets(d);
}

/* Bytes of a pair of numbers for each element of a row: gamma and beta, or the sums that their gradients are. */
static int64_t pair_bytes(const wni_plan_input *in, int64_t octets) {
  return 2 * octets * WNI_OCTET * size_of(in->types.real);
}

/* ---- ROW: teams of blocks --------------------------------------------------------------------------------------- */

/* Octets of a unit: runs with sums of their own are not cut. */
static int64_t unit_octets(const wni_plan_input *in, const wni_cuda_row *r) {
  return is_backward(in) && r->param_run != 0 ? r->run_octets : 1;
}

/* x + residual; backward x and dy, of another type than x in words of f32; and sums of columns, if they have any. */
static wni_cuda_load load_of(const wni_plan_input *in, const wni_cuda_row *r) {
  const int64_t octets = unit_octets(in, r);
  const int64_t sums = is_backward(in) && r->per_element ? pair_bytes(in, 1) : 0;
  return (wni_cuda_load){
      .units = r->octets / octets, .bytes = octets * (wni_cuda_kept_bytes(in) + sums), .few = 1, .width = 1};
}

static void seat_team(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_load *load, int64_t blocks,
                      wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  const int64_t each = ceil_div(load->units, blocks);
  r->team = (int)ceil_div(load->units, each); /* none has nothing */
  r->kept_octets = each * unit_octets(in, r);
  if (is_backward(in) && r->param_run != 0) {
    r->team_runs = each;
    r->segment_octets = r->run_octets;
  } else {
    r->segment_octets = each;
    r->segments = r->team;
  }
  wni_cuda_launch *const l = &plan->launch[0];
  l->shared = (unsigned)(each * load->bytes);
  l->grid = (unsigned)(r->team * most(1, least(in->geo.sets, wni_cuda_team_seats(d) / r->team)));
  l->together = r->team > 1;
}

/* Shared memory where blocks keep the parameter sums of their rows. Threads of BLOCK_2 have them in registers and their
 * columns to themselves; those of lanes have them there too, and meet at the end. */
static int64_t column_bytes(const wni_plan_input *in, holder h, int64_t octets) {
  return h.scope == WNI_CUDA_BLOCK_2 ? 0 : pair_bytes(in, octets);
}

static bool row_params_fit(const wni_plan_input *in, const wni_cuda_figures *d, int64_t octets) {
  return column_bytes(in, hold_set(in, octets), octets) <= room_of(d);
}

/* Whether what blocks without a team read a second time is still in the cache, which costs less than to wait for one
 * another: where there are sets for all of them, or where how many there are may not matter. */
static bool stays_in_cache(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_row *r) {
  if (r->param_run != 0 || r->octets > LOOP_OCTETS || (may_split(in) && in->geo.sets < few_sets(d))) return false;
  if (is_backward(in) && r->per_element && !row_params_fit(in, d, r->octets)) return false;
  const int64_t x = size_of(in->types.x), octet = WNI_OCTET * (is_backward(in) ? x + size_of(in->types.dy) : x);
  return (double)(wni_cuda_team_seats(d) * r->octets) * (double)octet <= cache_of(d);
}

/* The first launch: whole sets, by teams of blocks if these can hold them. */
static bool add_team(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_function function,
                     wni_cuda_plan *plan) {
  const wni_cuda_load load = load_of(in, &plan->cut.row);
  const int64_t blocks = wni_cuda_team_blocks(d, &load, may_split(in) ? in->geo.sets : 0);
  if (blocks == 0 || in->ranks > 0 || (blocks > 1 && stays_in_cache(in, d, &plan->cut.row))) return false;
  add_whole(in, d, function, by_block(WNI_CUDA_TEAM, wni_cuda_team_threads(in)), plan);
  seat_team(in, d, &load, blocks, plan);
  return true;
}

/* ---- ROW: passes ------------------------------------------------------------------------------------------------ */

/* Blocks of a multiprocessor, if each had so much shared memory. */
static int64_t resident_with(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_launch *l,
                             int64_t shared) {
  wni_cuda_launch other = *l;
  other.shared = (unsigned)shared;
  return wni_cuda_resident(in, d, &other);
}

/* Where every block has several sets of the same parameters, and `shared` bytes, these among them, cost it no
 * neighbour, it converts them once. */
static void keep_params(const wni_plan_input *in, const wni_cuda_figures *d, holder h, int64_t shared, wni_cuda_row *r,
                        wni_cuda_launch *l) {
  const int64_t blocks = wni_cuda_resident(in, d, l);
  if (!r->per_element || in->geo.param_step != 0) return;
  if (h.scope == WNI_CUDA_LANES_1 || h.scope == WNI_CUDA_TEAM) return;
  if (shared > room_of(d) || resident_with(in, d, l, shared) < blocks) return;
  if (in->geo.sets < 2 * blocks * d->sms * (h.block / h.lanes)) return;
  r->keeps_params = true;
  l->shared = (unsigned)shared;
}

static void row_forward(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  const int64_t sets = in->geo.sets;
  const holder h = hold_set(in, r->octets);
  const bool running = in->stats == WNI_STATS_RUNNING;
  if (!running && h.scope == WNI_CUDA_TEAM && add_team(in, d, WNI_CUDA_ROW_FORWARD, plan)) {
    /* read once */
  } else if (!running && !is_cut(in, d, r)) {
    wni_cuda_launch *const l = add_whole(in, d, WNI_CUDA_ROW_FORWARD, h, plan);
    keep_params(in, d, h, pair_bytes(in, r->octets), r, l);
    if (r->keeps_params) l->grid = (unsigned)least(l->grid, wni_cuda_resident(in, d, l) * d->sms);
  } else {
    cut_row(r->octets, r);
    const int64_t teams = sets * r->segments;
    if (!running) {
      add_teams(in, d, WNI_CUDA_ROW_MOMENTS, teams, 0, plan);
      wni_cuda_add_merge(plan, d, WNI_CUDA_MERGE_MOMENTS, in, sets, 0);
      wni_cuda_add_exchange(plan, d, WNI_CUDA_JOIN_MOMENTS, in);
    }
    add_teams(in, d, WNI_CUDA_ROW_APPLY, teams, 0, plan);
  }
  wni_cuda_add_running(plan, d, in);
}

/* Blocks that add up their sums of columns for one partial row, as few as bring the partial rows below 8 % of what the
 * pass moves; where it has few sets, no more than those. log2: 0 where the device has no clusters. */
static int cluster_log2(const wni_plan_input *in, const wni_cuda_figures *d, int64_t octets, int64_t blocks) {
  const int64_t row = octets * WNI_OCTET,
                least = in->geo.sets * row * (2 * size_of(in->types.x) + size_of(in->types.dy));
  int log2 = 0;
  while (log2 < WNI_CUDA_CLUSTERS && d->clustered[log2] > 0 && (1 << log2) < in->geo.sets &&
         25 * (blocks >> log2) * pair_bytes(in, octets) > 2 * least)
    log2++;
  return log2;
}

/* BLOCK_2 has its sums in registers; where blocks of a cluster add up theirs they meet in shared memory, as those of
 * lanes do, where the parameters were. */
static int64_t shared_of_clusters(const wni_plan_input *in, const wni_cuda_launch *l, int64_t octets) {
  return l->variant == WNI_CUDA_BLOCK_2 ? most(l->shared, pair_bytes(in, octets)) : l->shared;
}

static void join_clusters(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_row *r, wni_cuda_launch *l) {
  const int log2 = cluster_log2(in, d, r->octets, l->grid);
  const int64_t shared = shared_of_clusters(in, l, r->octets);
  if (log2 == 0 || shared > room_of(d)) return;
  r->cluster = 1 << log2;
  l->cluster = (unsigned)r->cluster;
  l->shared = (unsigned)shared;
  const int64_t blocks = least(PERSISTENT, wni_cuda_resident(in, d, l)) * d->clustered[log2 - 1];
  l->grid = (unsigned)least(round_up(l->grid, r->cluster), blocks / r->cluster * r->cluster);
}

static void whole_rows_backward(const wni_plan_input *in, const wni_cuda_figures *d, holder h, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  const int64_t shared = column_bytes(in, h, r->octets);
  wni_cuda_launch *const l = add_whole(in, d, WNI_CUDA_ROW_BACKWARD, h, plan);
  l->shared = (unsigned)shared;
  if (h.scope == WNI_CUDA_TEAM && wni_cuda_resident(in, d, l) == 1) { /* alone, and so with all of the registers */
    r->lanes = (int)most_threads(in);
    l->block = (unsigned)r->lanes;
  }
  const int64_t blocks = least(PERSISTENT, wni_cuda_resident(in, d, l)) * d->sms;
  l->grid = (unsigned)most(1, least(l->grid, blocks));
  /* The columns of lanes meet where the parameters were. */
  keep_params(in, d, h, (h.scope == WNI_CUDA_LANES_4 ? 0 : l->shared) + pair_bytes(in, r->octets), r, l);
  join_clusters(in, d, r, l);
  plan->cut.param_rows = l->grid / l->cluster;
}

/* Parameters of long rows: a row is one of a matrix of one slab, whose columns are summed; before dx is written, which
 * may take the place of what they are made of. */
static void row_backward_long(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_cut *const cut = &plan->cut;
  const wni_geometry *const g = &in->geo;
  cut_row(cut->row.octets, &cut->row);
  const int64_t teams = g->sets * cut->row.segments;
  const int64_t middles = g->param_step != 0 ? g->extent[1] : 1;
  wni_cuda_cut_column(in, d, 1, g->sets / middles, middles * g->extent[3], &cut->column);
  cut->param_rows = cut->column.chunks;
  add_teams(in, d, WNI_CUDA_ROW_BACKWARD_SUMS, teams, WNI_CUDA_WANT_DX, plan);
  wni_cuda_add_merge(plan, d, WNI_CUDA_MERGE_SUMS, in, g->sets, WNI_CUDA_WANT_DX);
  wni_cuda_add_column(plan, d, WNI_CUDA_COLUMN_BACKWARD_SUMS, in, 1, WNI_CUDA_WANT_PARAMS);
  wni_cuda_add_params(plan, d, WNI_CUDA_MERGE_PARAMS, in, WNI_CUDA_WANT_PARAMS);
  add_teams(in, d, WNI_CUDA_ROW_BACKWARD_APPLY, teams, WNI_CUDA_WANT_DX, plan);
}

/* Sets that all have the same parameters, one for each element, whole ones where they fit: a block's sums of columns,
 * or a team's, are a partial row. */
static void row_backward_each(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  const holder h = hold_set(in, r->octets);
  if (h.scope == WNI_CUDA_TEAM && add_team(in, d, WNI_CUDA_ROW_BACKWARD, plan)) {
    plan->cut.param_rows = plan->launch[0].grid / (unsigned)r->team;
  } else if (r->octets <= LOOP_OCTETS && row_params_fit(in, d, r->octets)) {
    whole_rows_backward(in, d, h, plan);
  } else {
    row_backward_long(in, d, plan);
    return;
  }
  wni_cuda_add_params(plan, d, WNI_CUDA_MERGE_PARAMS, in, WNI_CUDA_WANT_PARAMS);
}

/* Runs of a set that have sums of their own. */
static int64_t param_runs(const wni_cuda_row *r) { return r->param_run != 0 ? r->runs : 1; }

/* One parameter for a set, or for each run: a segment's sums belong to one. */
static void row_backward_runs(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  const wni_geometry *const g = &in->geo;
  const holder h = hold_set(in, r->octets);
  const bool frozen = in->stats == WNI_STATS_RUNNING;
  /* Runs with sums of their own are beyond what registers can do; short sets are not worth a block each. */
  const bool may_team = r->param_run != 0 ? r->octets > LANES_4_OCTETS : h.scope == WNI_CUDA_TEAM;
  if (!frozen && may_team && add_team(in, d, WNI_CUDA_ROW_BACKWARD, plan)) {
    /* read once */
  } else if (!frozen && r->param_run == 0 && !is_cut(in, d, r)) {
    add_whole(in, d, WNI_CUDA_ROW_BACKWARD, h, plan);
  } else {
    cut_row(r->param_run != 0 ? r->run_octets : r->octets, r);
    const int64_t teams = g->sets * param_runs(r) * r->segments;
    if (!frozen) {
      add_teams(in, d, WNI_CUDA_ROW_BACKWARD_SUMS, teams, 0, plan);
      wni_cuda_add_merge(plan, d, WNI_CUDA_MERGE_SUMS, in, g->sets, in->ranks > 0 ? 0 : WNI_CUDA_WANT_DX);
      wni_cuda_add_exchange(plan, d, WNI_CUDA_JOIN_SUMS, in);
    }
    add_teams(in, d, WNI_CUDA_ROW_BACKWARD_APPLY, teams, frozen ? 0 : WNI_CUDA_WANT_DX, plan);
  }
  wni_cuda_add_params(plan, d, WNI_CUDA_MERGE_PARAMS, in, WNI_CUDA_WANT_PARAMS);
}

static void add_launches(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  wni_cuda_row *const r = &plan->cut.row;
  make_row(&in->geo, r);
  if (!is_backward(in)) {
    row_forward(in, d, plan);
  } else if (!r->per_element) {
    row_backward_runs(in, d, plan);
  } else if (in->geo.param_step == 0) {
    row_backward_each(in, d, plan);
  } else {
    row_backward_long(in, d, plan);
  }
}

/* ---- calls ------------------------------------------------------------------------------------------------------ */

/* Forward, a segment may have several runs' parameters; backward it has not, because their sums are their own. */
bool wni_cuda_may_be_plain(wni_cuda_function function, const wni_cuda_row *r) {
  if (r->last != WNI_OCTET) return false;
  if (r->team != 0) return true;
  switch (function) {
    case WNI_CUDA_ROW_FORWARD:
    case WNI_CUDA_ROW_BACKWARD:
      return r->runs == 1;
    case WNI_CUDA_ROW_MOMENTS:
    case WNI_CUDA_ROW_BACKWARD_SUMS:
    case WNI_CUDA_ROW_BACKWARD_APPLY:
      return true;
    case WNI_CUDA_ROW_APPLY:
      return r->param_run == 0;
    default:
      return false;
  }
}

/* ---- workspace -------------------------------------------------------------------------------------------------- */

/* Pieces of a set at most, and of any smaller one: segments, or what a team's blocks have; 0: sets are held whole. */
static int64_t most_pieces(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_row *r) {
  if (r->octets <= most_held(in) && in->ranks == 0) return 0;
  const wni_cuda_load load = load_of(in, r);
  return most(most_segments(r->octets), wni_cuda_most_team_blocks(d, &load));
}

static void lay_out_forward(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  const int64_t sets = in->geo.sets, pieces = most_pieces(in, d, &plan->cut.row);
  if (in->stats == WNI_STATS_RUNNING) return;
  plan->at.moments = wni_cuda_take(plan, pieces > 0 ? sets : 0, pieces, quad(in));
  plan->at.stats = wni_cuda_take(plan, pieces > 0 || may_update_running(in) ? sets : 0, 1, quad(in));
}

/* With a parameter for a set or a run, sums of these are the parameters', too. */
static void lay_out_sums(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  const wni_cuda_row *const r = &plan->cut.row;
  const size_t real = (size_t)size_of(in->types.real);
  const int64_t pieces = r->param_run != 0 ? most_segments(r->run_octets) * r->runs
                                           : most(most_segments(r->octets), most_pieces(in, d, r));
  plan->at.sums = wni_cuda_take(plan, in->geo.sets, pieces, 2 * real);
  if (in->stats != WNI_STATS_RUNNING) plan->at.set_sums = wni_cuda_take(plan, in->geo.sets, 2, real);
}

/* Of chunks, of blocks, or of teams, which fewer sets may have: there are most of these where each has the fewest
 * blocks. */
static int64_t most_param_rows(const wni_plan_input *in, const wni_cuda_figures *d, const wni_cuda_plan *plan) {
  const wni_cuda_row *const r = &plan->cut.row;
  if (plan->cut.column.chunks > 0) return wni_cuda_most_chunks(in, d, 1, &plan->cut.column);
  const wni_cuda_load load = load_of(in, r);
  const int64_t blocks = r->octets > most_held(in) ? wni_cuda_team_blocks(d, &load, 0) : 0;
  return most(plan->cut.param_rows, blocks > 0 ? least(in->geo.sets, wni_cuda_team_seats(d) / blocks) : 0);
}

static void lay_out_backward(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  const wni_cuda_row *const r = &plan->cut.row;
  const bool cut = r->octets > most_held(in) || plan->launch[0].function == WNI_CUDA_ROW_BACKWARD_SUMS;
  if (!r->per_element || cut) lay_out_sums(in, d, plan);
  if (r->per_element)
    plan->at.params =
        wni_cuda_take(plan, most_param_rows(in, d, plan), 2 * in->geo.params, (size_t)size_of(in->types.real));
}

void wni_cuda_plan_row(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan) {
  add_launches(in, d, plan);
  if (is_backward(in)) {
    lay_out_backward(in, d, plan);
  } else {
    lay_out_forward(in, d, plan);
  }
}

/* What n changes is the number of sets, which decides only where few are cut; and in batch norm by rows, where a set
 * has a run of each sample, its length, which decides who holds it. */
bool wni_cuda_smaller_row(const wni_plan_input *in, int index, wni_plan_input *smaller) {
  static const int64_t lengths[] = {2 * LINE_LANES - 1, LANES_4_OCTETS / 2, LANES_4_OCTETS,
                                    BLOCK_MOST,         2 * BLOCK_MOST,     4 * BLOCK_MOST,
                                    SEGMENT_OCTETS,     LOOP_OCTETS,        (int64_t)1 << 62};
  const int count = sizeof lengths / sizeof *lengths;
  const wni_geometry *const g = &in->geo;
  *smaller = *in;
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
