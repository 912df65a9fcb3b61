#include "plan_cpu.h"

#include <inttypes.h>
#include <stdio.h>

#include "integer.h"
#include "names.h"
#include "sync.h"

static int64_t size_of(wn_dtype type) { return (int64_t)wni_dtype_size(type); }

static bool is_backward(const wni_plan_input *in) { return in->pass == WN_BACKWARD || in->pass == WN_BACKWARD_FROZEN; }

static int64_t written_size(const wni_plan_input *in) { return size_of(is_backward(in) ? in->types.x : in->types.y); }

/* Bytes of an element in the tensors that a pass reads to make its sums. */
static int64_t read_size(const wni_plan_input *in) {
  return size_of(in->types.x) + (is_backward(in) ? size_of(in->types.dy) : 0);
}

/* ---- ROW -------------------------------------------------------------------------------------------------------- */

enum {
  WHOLE_SET = 131072,    /* elements: 512 KB of f32, which a second-level cache holds between two sweeps */
  SEGMENT = 32768,       /* elements: enough work for a task, few enough to share a long set among many cores */
  TASK_BYTES = 32 << 10, /* so little that a team shares small tensors, so much that nobody notices handing it out */
  SHORT_SPAN = 32,       /* elements: two of the widest vectors; shorter loops would be mostly tails */
  CHUNK_ROWS = 16,       /* at least, so that partial sums are little beside the rows that they are of */
  MOST_CHUNKS = 64       /* as many as share a sum; each costs two doubles a parameter */
};

static void cut_sets(const wni_geometry *g, wni_row_plan *p) {
  const int64_t runs = g->extent[2], elements = g->extent[3];
  p->segment_runs = runs;
  p->segment_elements = elements;
  if (g->set_size > WHOLE_SET) {
    p->segment_runs = elements >= SEGMENT ? 1 : SEGMENT / elements;
    p->segment_elements = least(elements, SEGMENT);
  }
  p->pieces = ceil_div(elements, p->segment_elements);
  p->segments = runs > 0 ? ceil_div(runs, p->segment_runs) * p->pieces : 0;
}

static void plan_row(const wni_plan_input *in, const wni_geometry *g, wni_row_plan *p) {
  const int64_t runs = g->extent[2], elements = g->extent[3], span = g->param_span;
  p->per_element = span == 1 || (runs == 1 && span < SHORT_SPAN && span < elements);
  p->expand = p->per_element ? span : 1;
  p->spans = runs > 1 ? 1 : elements / span;
  cut_sets(g, p);
  p->span_slots = p->segments > 1 ? least(p->spans, p->segment_elements / span + 2) : p->spans;
  const int64_t element_bytes = read_size(in);
  p->sets_per_task = most(1, TASK_BYTES / element_bytes / most(1, g->set_size));
  const int64_t rows = g->param_step == 0 ? g->sets : g->extent[0];
  p->chunk = most(CHUNK_ROWS, ceil_div(rows, MOST_CHUNKS));
  p->chunks = ceil_div(rows, p->chunk);
  p->line_elements = least(elements, SEGMENT);
  p->line_pieces = ceil_div(elements, p->line_elements);
  p->lines_per_task = p->line_pieces > 1 ? 1 : most(1, TASK_BYTES / element_bytes / elements);
}

/* ---- COLUMN ----------------------------------------------------------------------------------------------------- */

enum {
  FUSED_BYTES = 512 << 10, /* of a block: half of the second-level caches that servers have; y or dx passes by */
  LINE_BYTES = 2048,       /* of a line, unless it takes more to have whole sets */
  SEGMENT_BYTES = 256,     /* of a row in a block: four lines of the cache, below which memory is read slower */
  COLUMN_UNIT = 32,        /* columns: two of the widest vectors, a whole line of the cache in 16-bit types */
  LEAST_UNIT = 8,          /* whole bytes of the mask */
  NARROW = 128,            /* columns: rows up to this are folded, so that loops are long */
  FOLDED = 256,            /* columns of a line then */
  PANEL_BYTES = 256, /* of a line as REALs: what is kept for so many columns stays in registers (column_stages.h) */
  SLAB_TASK_BYTES = 64 << 10,
  BLOCK_BYTES = 4 << 20,   /* of a block of the only slab, which shared caches hold with the next, but */
  BLOCK_ROW_BYTES = 512,   /* of a row of it at least */
  CHUNK_BYTES = 256 << 10, /* of a chunk, but */
  CHUNK_LEAST = 128,       /* rows at least: its sums, two doubles a column, are then 1/32 of it in f32 */
  MERGE_COLUMNS = 1024
};

/* Whether stages go from tensor to tensor; others make each line in several steps, and want few and long ones. */
static bool is_direct(const wni_plan_input *in) {
  return in->act == WN_ACT_NONE ? in->add != WN_ADD_AFTER : in->act == WN_ACT_RELU && !is_backward(in);
}

static int64_t column_fold(const wni_plan_input *in, int64_t columns, int64_t rows) {
  const int64_t panel = PANEL_BYTES / size_of(in->types.real);
  if (columns > NARROW) return 1;
  if (is_direct(in) && panel % columns == 0 && panel / columns <= rows / 16) return panel / columns;
  /* 16 lines to share an estimate of the mean, before anything else */
  const int64_t fold = most(1, least(FOLDED / columns, rows / 16));
  return fold < 16 ? fold : fold / 16 * 16; /* whole vectors whatever the columns */
}

/* The least number of columns that is both whole sets and a multiple of `step`, a power of two. */
static int64_t whole_sets(const wni_geometry *g, int64_t step) {
  for (int64_t set = g->set_columns; set % 2 == 0 && step > 1; set /= 2) step /= 2;
  return g->set_columns * step;
}

/* The same of whole lines of the cache, if there are that few, else of halves or quarters of them. */
static int64_t set_unit(const wni_geometry *g, int64_t most_columns) {
  int64_t step = COLUMN_UNIT;
  while (step > LEAST_UNIT && whole_sets(g, step) > most_columns) step /= 2;
  return whole_sets(g, step);
}

/* The fewest blocks of at most `limit` columns, of about the same size. */
static void cut_columns(const wni_geometry *g, int64_t limit, int64_t unit, wni_column_plan *p) {
  const int64_t columns = g->extent[3];
  p->columns = columns;
  if (columns > limit) {
    const int64_t blocks = ceil_div(columns, most(unit, limit / unit * unit));
    p->columns = least(columns, round_up(ceil_div(columns, blocks), unit));
  }
  p->blocks = ceil_div(columns, p->columns);
}

/* All sets of the only slab would be read before any is written: narrower blocks, which are sets of their own, are read
 * and written some at a time (run.c). */
static void cut_only_slab(const wni_plan_input *in, const wni_geometry *g, wni_column_plan *p) {
  const int64_t rows = g->extent[1] * g->extent[2], least_columns = BLOCK_ROW_BYTES / size_of(in->types.x);
  if (g->extent[0] != 1 || rows == 0 || in->stats == WNI_STATS_RUNNING || in->ranks > 0) return;
  const int64_t limit = least(BLOCK_BYTES / read_size(in) / rows, p->columns), unit = set_unit(g, limit);
  if (limit < least_columns || unit > limit) return;
  cut_columns(g, limit, unit, p);
  p->merge_columns = p->columns;
  p->merges = p->blocks;
}

static void plan_column(const wni_plan_input *in, const wni_geometry *g, wni_column_plan *p) {
  const int64_t slabs = g->extent[0], rows = g->extent[1] * g->extent[2], columns = g->extent[3];
  const int64_t real = size_of(in->types.real), element = read_size(in);
  p->fold = g->param_by_row ? 1 : column_fold(in, columns, rows);
  p->merge_columns = g->set_columns * most(1, MERGE_COLUMNS / g->set_columns);
  p->merges = ceil_div(columns, p->merge_columns);
  p->slabs_per_task = 1;
  p->slab_tasks = slabs;

  /* Columns of a block that the cache holds. */
  const int64_t fitting = rows > 0 ? FUSED_BYTES / element / rows : LINE_BYTES / real;
  const int64_t needed = columns <= NARROW ? columns : SEGMENT_BYTES / size_of(in->types.x);
  const int64_t widest = least(WNI_LINE_BYTES / real, fitting), unit = set_unit(g, widest);
  const int64_t usual = least(LINE_BYTES / real, fitting);
  const int64_t limit = columns <= usual ? columns : most(usual / unit * unit, unit);
  /* Narrow blocks of many slabs lose to whole rows of them, which take turns in run.c. */
  p->fused = (slabs == 1 || limit == columns) && in->stats != WNI_STATS_RUNNING && in->ranks == 0 && limit <= widest &&
             limit >= needed;
  if (p->fused) {
    cut_columns(g, limit, unit, p);
    p->chunk_rows = rows;
    p->chunks = 1;
    p->slabs_per_task = most(1, SLAB_TASK_BYTES / element / most(1, rows * p->columns));
    p->slab_tasks = ceil_div(slabs, p->slabs_per_task);
    return;
  }
  const bool wide = columns <= WNI_LINE_BYTES / real || in->stats == WNI_STATS_RUNNING;
  cut_columns(g, (wide ? WNI_LINE_BYTES : LINE_BYTES) / real, COLUMN_UNIT, p);
  cut_only_slab(in, g, p);
  const int64_t lines = most(CHUNK_LEAST, CHUNK_BYTES / element / p->columns) / p->fold;
  p->chunk_rows = most(1, lines) * p->fold;
  p->chunks = ceil_div(rows, p->chunk_rows);
}

/* ---- workspace -------------------------------------------------------------------------------------------------- */

enum { ALIGNMENT = 256 };

typedef struct area {
  size_t used;
} area;

/* No product here is near the limit for tensors that exist; for others the sum only has to stay huge. */
static size_t times(size_t a, size_t b) {
  const size_t huge = SIZE_MAX / 64;
  return b != 0 && a > huge / b ? huge : a * b;
}

static size_t take(area *a, int64_t count, int64_t each, size_t size) {
  const size_t at = a->used;
  const size_t bytes = times(times((size_t)count, (size_t)each), size);
  a->used += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return at;
}

static void lay_out_row(const wni_plan_input *in, wni_cpu_plan *plan, area *a) {
  const wni_geometry *const g = &plan->geo;
  const wni_row_plan *const p = &plan->row;
  wni_cpu_layout *const at = &plan->at;
  const bool cut = p->segments > 1;
  if (!is_backward(in)) {
    /* Whole sets keep their moments for running statistics, which need a parameter for each set. */
    if (in->stats == WNI_STATS_COMPUTED && (cut || g->sets == g->extent[0] * g->params))
      at->moments = take(a, g->sets, most(1, p->segments), 2 * sizeof(double));
    return;
  }
  if (p->per_element) {
    /* Bounds and not the numbers of this n: with fewer rows there may be more chunks. */
    const int64_t rows = g->param_step == 0 ? g->sets : g->extent[0];
    const int64_t chunks = least(MOST_CHUNKS, ceil_div(rows, CHUNK_ROWS));
    const int64_t size = 2 * g->params * p->expand;
    at->partial = take(a, chunks, size, sizeof(double));
    at->accumulators = take(a, chunks, size, (size_t)size_of(in->types.real));
    if (cut) at->sums = take(a, g->sets, 2 * p->segments, sizeof(double));
  } else {
    at->sums = take(a, g->sets, 2 * most(1, p->segments) * p->span_slots, sizeof(double));
  }
  if (cut || in->ranks > 0) at->set_sums = take(a, g->sets, 2, sizeof(double));
}

/* Of so many rows and fewer: narrower blocks have longer chunks. */
static int64_t most_chunks(const wni_geometry *g, const wni_column_plan *p) {
  return most(p->chunks, ceil_div(g->extent[1] * g->extent[2], CHUNK_LEAST));
}

static void lay_out_column(const wni_plan_input *in, wni_cpu_plan *plan, area *a) {
  const wni_geometry *const g = &plan->geo;
  const wni_column_plan *const p = &plan->column;
  wni_cpu_layout *const at = &plan->at;
  const int64_t slabs = g->extent[0];
  if (!is_backward(in)) {
    if (in->stats != WNI_STATS_COMPUTED) return;
    if (!p->fused) at->sums = take(a, slabs * most_chunks(g, p), 2 * g->extent[3], sizeof(double));
    at->moments = take(a, g->sets, 2, sizeof(double));
    return;
  }
  if (!p->fused) {
    at->sums = take(a, slabs * most_chunks(g, p), 2 * g->extent[3], sizeof(double));
    at->set_sums = take(a, g->sets, 2, sizeof(double));
  }
  if (p->fused || g->param_by_row)
    at->partial = take(a, p->slab_tasks * (g->param_by_row ? p->blocks : 1), 2 * g->params, sizeof(double));
}

static void lay_out(const wni_plan_input *in, wni_cpu_plan *plan) {
  const wni_geometry *const g = &plan->geo;
  const size_t real = (size_t)size_of(in->types.real);
  wni_cpu_layout *const at = &plan->at;
  area a = {0};
  const bool row = plan->geo.pattern == WNI_ROW;
  const int64_t params = g->params * (row ? plan->row.expand : 1);
  *at = (wni_cpu_layout){0};
  at->amax = take(&a, 1, 1, sizeof(uint32_t));
  at->gamma = take(&a, params, 1, real);
  at->beta = take(&a, params, 1, real);
  if (!is_backward(in) || in->stats == WNI_STATS_RUNNING) {
    const int64_t statistics = in->stats == WNI_STATS_RUNNING ? g->params : g->sets;
    at->set_mean = take(&a, statistics, 1, sizeof(double));
    at->set_rstd = take(&a, statistics, 1, sizeof(double));
  }
  if (in->ranks > 0) {
    const int64_t bytes = (int64_t)wni_sync_bytes(real, g->params);
    at->mine = take(&a, 1, bytes, 1);
    at->all = take(&a, in->ranks, bytes, 1);
  }
  if (row) {
    lay_out_row(in, plan, &a);
  } else {
    lay_out_column(in, plan, &a);
  }
  plan->workspace = a.used;
}

/* ---- the view ---------------------------------------------------------------------------------------------------- */

enum {
  SHORT_RUN = 256, /* elements: a run's tail, and what each run costs beside its elements, weigh most in shorter ones */
  MANY_RUNS = 16   /* rows for what a column costs beside its elements; those that share a first mean, too */
};

/* The channels of a sample are neighbours: so it is with batch norm, whose sets alone have more than one run. */
static bool has_short_runs(const wni_geometry *g) {
  return g->pattern == WNI_ROW && g->extent[2] >= MANY_RUNS && g->extent[3] <= SHORT_RUN &&
         whole_sets(g, LEAST_UNIT) <= WNI_LINE_BYTES / (int64_t)sizeof(double);
}

static wni_geometry as_columns(wni_geometry g) {
  g.pattern = WNI_COLUMN;
  g.set_columns = g.param_span = g.extent[3];
  g.param_step = 0;
  g.extent[3] *= g.extent[1];
  g.extent[1] = g.extent[2];
  g.extent[2] = 1;
  return g;
}

static wni_tensor tensor_as_columns(wni_tensor t) {
  t.view.stride[1] = t.view.stride[2];
  t.view.stride[2] = 0;
  return t;
}

wni_call wni_cpu_call(const wni_cpu_plan *plan, const wni_call *call) {
  wni_call c = *call;
  wni_tensor *const tensors[] = {&c.x, &c.residual, &c.y, &c.sum, &c.dy, &c.dsum, &c.dx, &c.dresidual};
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) *tensors[i] = tensor_as_columns(*tensors[i]);
  c.geo = plan->geo;
  return c;
}

/* ---- the plan -----------------------------------------------------------------------------------------------------
 */

/* Of y or dx. Past the caches a line is written without being read first, which saves as much as its reader then has to
 * fetch from memory: nobody loses where the caches would have lost it anyway, as most do beyond this. */
enum { STREAM_BYTES = 4 << 20 };

/* Asking costs 5 to 15 % where x is in a core's own cache already, and gives 7 to 70 % where it is not. */
enum { AHEAD_BYTES = 128 << 10 };

static void plan_view(const wni_plan_input *in, wni_geometry geo, wni_cpu_plan *plan) {
  plan->geo = geo;
  if (geo.pattern == WNI_ROW) {
    plan_row(in, &geo, &plan->row);
  } else {
    plan_column(in, &geo, &plan->column);
  }
  plan->stream = wni_elements(&geo) * written_size(in) >= STREAM_BYTES;
  plan->ahead = wni_elements(&geo) * written_size(in) >= AHEAD_BYTES;
  lay_out(in, plan);
}

void wni_plan_cpu(const wni_plan_input *in, wni_cpu_plan *plan) {
  plan_view(in, in->geo, plan);
  if (!has_short_runs(&in->geo)) return;
  const size_t with_fewer_runs = plan->workspace;
  plan_view(in, as_columns(in->geo), plan);
  if (plan->workspace < with_fewer_runs) plan->workspace = with_fewer_runs;
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

static void row_text(const wni_row_plan *p, char *text, size_t size) {
  if (p->segments > 1) {
    (void)snprintf(text, size, "row, sets in %" PRId64 " segments", p->segments);
  } else {
    (void)snprintf(text, size, "row, %" PRId64 " sets a task", p->sets_per_task);
  }
}

static void column_text(const wni_column_plan *p, char *text, size_t size) {
  if (p->fused) {
    (void)snprintf(text, size, "column, whole slabs in %" PRId64 " blocks of %" PRId64 " columns, %" PRId64 " a task",
                   p->blocks, p->columns, p->slabs_per_task);
  } else {
    (void)snprintf(text, size, "column, chunks of %" PRId64 " rows x %" PRId64 " columns", p->chunk_rows, p->columns);
  }
}

void wni_cpu_plan_text(const wni_cpu_plan *plan, char *text, size_t size) {
  if (plan->geo.pattern == WNI_ROW) {
    row_text(&plan->row, text, size);
  } else {
    column_text(&plan->column, text, size);
  }
}
