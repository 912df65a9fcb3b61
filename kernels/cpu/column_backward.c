/* Backward passes of the column family: sums of chunks and their merging, dx, both for whole slabs, and both in one
 * sweep for running statistics. */
#include "column_backward.h"

/* Sums of each column of a block, of dz xhat and of dz (with the parameter by row: of g xhat and of g). */
typedef struct column_sums {
  line_doubles product, plain;
} column_sums;

/* With the parameter by row: where the first row of the slab adds its sums. */
typedef struct row_sums {
  double *product, *plain;
} row_sums;

/* What dx needs of the sets of a block's columns. */
typedef struct column_means {
  line_doubles g_xhat, g;
} column_means;

static void sums_zero(column_sums *v, int64_t columns) {
  memset(v->product, 0, (size_t)columns * sizeof *v->product);
  memset(v->plain, 0, (size_t)columns * sizeof *v->plain);
}

static void means_zero(column_means *v, int64_t columns) {
  memset(v->g_xhat, 0, (size_t)columns * sizeof *v->g_xhat);
  memset(v->g, 0, (size_t)columns * sizeof *v->g);
}

/* ---- sums ---------------------------------------------------------------------------------------------------------
 */

static void add_lines(const backward *b, const column_stretch *s, int64_t line, const line_knowledge *k,
                      const gradient_lines *l, row_sums rows, line_sums *sums) {
  if (!b->geo->param_by_row) {
    lines_sums(&k->terms, l->x, l->dz, l->lines, s->width, sums);
    return;
  }
  const int64_t row = s->row + line;
  lines_sums_by_row(&k->terms, (const real *)b->job->gamma + row, l->x, l->dz, l->lines, s->width, sums,
                    rows.product + row, rows.plain + row);
}

static void sums_clear(line_sums *sums, int64_t width) {
  const size_t bytes = (size_t)((width + LANES - 1) / LANES * LANES) * sizeof(real);
  memset(sums->product, 0, bytes);
  memset(sums->plain, 0, bytes);
}

/* Places to columns, in double. */
static void sums_flush(const line_sums *sums, const column_stretch *s, column_sums *to) {
  for (int64_t i = 0; i < s->width; i += s->columns) {
    for (int64_t j = 0; j < s->columns; j++) {
      to->product[j] += (double)sums->product[i + j];
      to->plain[j] += (double)sums->plain[i + j];
    }
  }
}

static void stretch_sums(const backward *b, const column_stretch *s, const line_knowledge *k, row_sums rows,
                         gradient_room *room, column_sums *to) {
  line_sums sums;
  for (int64_t begin = 0; begin < s->lines; begin += FLUSH_LINES) {
    const int64_t end = least(begin + FLUSH_LINES, s->lines);
    sums_clear(&sums, s->width);
    for (int64_t i = begin; i < end;) {
      const gradient_lines l = gradient_lines_take(b, s, i, end - i, k, room);
      add_lines(b, s, i, k, &l, rows, &sums);
      i += l.lines;
    }
    sums_flush(&sums, s, to);
  }
}

static void block_sums(const backward *b, const column_block *block, const column_statistics *v, row_sums rows,
                       gradient_room *room, column_sums *to) {
  line_knowledge k;
  sums_zero(to, block->columns);
  WNI_EACH_FOLD(s, b->plan, block) {
    knowledge_of_xhat(b, &s, v, &k);
    stretch_sums(b, &s, &k, rows, room, to);
  }
}

/* ---- what dx needs of its set -------------------------------------------------------------------------------------
 */

typedef struct set_means {
  double g_xhat, g;
} set_means;

/* From the sums of a set's columns. gamma: of its first column, or its only one; NULL where the sums are of g. */
static set_means means_of_set(const wni_geometry *g, const real *gamma, const double *product, const double *plain) {
  set_means v = {0, 0};
  for (int64_t i = 0; i < g->set_columns; i++) {
    const double weight = gamma ? (double)gamma[g->param_span > 0 ? 0 : i] : 1;
    v.g_xhat += weight * product[i];
    v.g += weight * plain[i];
  }
  v.g_xhat /= (double)g->set_size;
  v.g = g->centered ? v.g / (double)g->set_size : 0;
  return v;
}

/* gamma of a column, NULL with the parameter by row. */
static const real *gamma_of_column(const wni_cpu_job *job, int64_t column) {
  const wni_geometry *const g = &job->call->geo;
  return g->param_by_row ? NULL : (const real *)job->gamma + column / wni_param_columns(g);
}

/* Of a block of whole sets. */
static void block_means(const backward *b, const column_block *block, const column_sums *sums, column_means *to) {
  for (int64_t i = 0; i < block->columns; i += b->geo->set_columns) {
    const real *const gamma = gamma_of_column(b->job, block->column + i);
    const set_means v = means_of_set(b->geo, gamma, sums->product + i, sums->plain + i);
    for (int64_t j = i; j < i + b->geo->set_columns; j++) {
      to->g_xhat[j] = v.g_xhat;
      to->g[j] = v.g;
    }
  }
}

/* ---- dx -----------------------------------------------------------------------------------------------------------
 */

static void knowledge_of_dx(const backward *b, const column_stretch *s, const column_statistics *v,
                            const column_means *means, line_knowledge *k) {
  line_terms *const t = &k->terms;
  line_reals room;
  const real *const gamma = column_params(b->geo, b->job->gamma, s->column, s->columns, room);
  for (int64_t i = 0; i < s->columns; i++) {
    t->dz_factor[i] = (real)(gamma ? v->rstd[i] * (double)gamma[i] : v->rstd[i]);
    t->constant[i] = (real)(v->rstd[i] * means->g[i]);
    t->xhat_factor[i] = (real)(v->rstd[i] * means->g_xhat[i]);
  }
  line_repeat(t->dz_factor, s->columns, s->width);
  line_repeat(t->constant, s->columns, s->width);
  line_repeat(t->xhat_factor, s->columns, s->width);
}

static void apply_block(const backward *b, const column_block *block, const column_statistics *v,
                        const column_means *means, gradient_room *room) {
  line_knowledge k;
  WNI_EACH_FOLD(s, b->plan, block) {
    knowledge_of_xhat(b, &s, v, &k);
    knowledge_of_dx(b, &s, v, means, &k);
    for (int64_t i = 0; i < s.lines;) {
      gradient_lines l = gradient_lines_take(b, &s, i, s.lines - i, &k, room);
      l.x = column_lines_again(b->job, &b->call->x, &s, l.x);
      l.dz = column_lines_again(b->job, &b->call->dy, &s, l.dz);
      gradient_lines_apply(b, &s, i, &k, &l, room);
      i += l.lines;
    }
  }
}

/* ---- whole slabs --------------------------------------------------------------------------------------------------
 */

/* Of a block of whole sets. */
static void add_to_partial(const wni_geometry *g, const column_block *block, const column_sums *sums, double *product,
                           double *plain) {
  const int64_t span = wni_param_columns(g);
  for (int64_t i = 0, param = block->column / span; i < block->columns; param++) {
    for (const int64_t end = i + span; i < end; i++) {
      product[param] += sums->product[i];
      plain[param] += sums->plain[i];
    }
  }
}

static void clear_partial(const backward *b, const column_block *block, double *product, double *plain) {
  const bool by_row = b->geo->param_by_row;
  const int64_t span = wni_param_columns(b->geo);
  const int64_t first = by_row ? 0 : block->column / span, n = by_row ? b->geo->params : block->columns / span;
  memset(product + first, 0, (size_t)n * sizeof *product);
  memset(plain + first, 0, (size_t)n * sizeof *plain);
}

void WNI_FN(column_backward)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const int64_t blocks = b.plan->blocks, begin = task / blocks * b.plan->slabs_per_task;
  const int64_t end = least(begin + b.plan->slabs_per_task, b.geo->extent[0]), params = b.geo->params;
  column_block block = {.rows = column_rows(b.geo)};
  column_cut(b.geo, b.plan, task % blocks, &block);
  double *const product = job->partial + 2 * params * (b.geo->param_by_row ? task : task / blocks);
  const row_sums rows = {product, product + params};
  clear_partial(&b, &block, rows.product, rows.plain);
  gradient_room room;
  column_statistics v;
  column_sums sums;
  column_means means;
  for (block.slab = begin; block.slab < end; block.slab++) {
    saved_statistics(&b, &block, &v);
    if (b.wants_sums) {
      block_sums(&b, &block, &v, rows, &room, &sums);
      if (!b.geo->param_by_row) add_to_partial(b.geo, &block, &sums, rows.product, rows.plain);
      block_means(&b, &block, &sums, &means);
    } else {
      means_zero(&means, block.columns);
    }
    if (b.wants_apply) apply_block(&b, &block, &v, &means, &room);
  }
}

/* ---- slabs in chunks ----------------------------------------------------------------------------------------------
 */

static double *chunk_sums(const wni_cpu_job *job, int64_t slab, int64_t chunk) {
  return job->sums + (slab * job->plan->column.chunks + chunk) * 2 * job->call->geo.extent[3];
}

static void store_sums(const backward *b, const column_block *block, const column_sums *sums) {
  double *const product = chunk_sums(b->job, block->slab, block->row / b->plan->chunk_rows) + block->column;
  memcpy(product, sums->product, (size_t)block->columns * sizeof *product);
  memcpy(product + b->geo->extent[3], sums->plain, (size_t)block->columns * sizeof *product);
}

void WNI_FN(column_backward_sums)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const column_block block = column_chunk(b.geo, b.plan, task);
  row_sums rows = {NULL, NULL};
  if (b.geo->param_by_row) {
    const int64_t index = block.slab * b.plan->blocks + task % b.plan->blocks;
    rows.product = job->partial + 2 * b.geo->params * index;
    rows.plain = rows.product + b.geo->params;
    memset(rows.product + block.row, 0, (size_t)block.rows * sizeof(double));
    memset(rows.plain + block.row, 0, (size_t)block.rows * sizeof(double));
  }
  gradient_room room;
  column_statistics v;
  column_sums sums;
  saved_statistics(&b, &block, &v);
  block_sums(&b, &block, &v, rows, &room, &sums);
  store_sums(&b, &block, &sums);
}

void WNI_FN(column_backward_merge)(const wni_cpu_job *job, int64_t task) {
  const wni_geometry *const g = &job->call->geo;
  const wni_column_plan *const p = &job->plan->column;
  const int64_t slab = task / p->merges, begin = task % p->merges * p->merge_columns, all = g->extent[3];
  const int64_t columns = least(p->merge_columns, all - begin);
  double *restrict const product = chunk_sums(job, slab, 0) + begin, *restrict const plain = product + all;
  for (int64_t chunk = 1; chunk < p->chunks; chunk++) {
    const double *restrict const more = chunk_sums(job, slab, chunk) + begin;
    for (int64_t i = 0; i < columns; i++) product[i] += more[i];
    for (int64_t i = 0; i < columns; i++) plain[i] += more[all + i];
  }
  double *const to = job->set_sums + 2 * (slab * column_sets(g) + begin / g->set_columns);
  for (int64_t i = 0; i < columns; i += g->set_columns) {
    const set_means v = means_of_set(g, gamma_of_column(job, begin + i), product + i, plain + i);
    to[2 * (i / g->set_columns)] = v.g_xhat;
    to[2 * (i / g->set_columns) + 1] = v.g;
  }
}

void WNI_FN(column_backward_apply)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const column_block block = column_chunk(b.geo, b.plan, task);
  const int64_t each = b.geo->set_columns;
  const double *const means_of_slab = job->set_sums + 2 * block.slab * column_sets(b.geo);
  gradient_room room;
  column_statistics v;
  column_means means;
  saved_statistics(&b, &block, &v);
  WNI_EACH_SHARE(set, begin, end, block.column, block.columns, each, {
    for (int64_t i = begin; i < end; i++) means.g_xhat[i] = b.wants_sums ? means_of_slab[2 * set] : 0;
    for (int64_t i = begin; i < end; i++) means.g[i] = b.wants_sums ? means_of_slab[2 * set + 1] : 0;
  })
  apply_block(&b, &block, &v, &means, &room);
}

/* ---- running statistics --------------------------------------------------------------------------------------------
 */

/* Constants: dx needs no sums of the set, and one sweep makes everything. */
void WNI_FN(column_frozen)(const wni_cpu_job *job, int64_t task) {
  const backward b = backward_begin(job);
  const column_block block = column_chunk(b.geo, b.plan, task);
  gradient_room room;
  column_statistics v;
  column_sums sums;
  column_means means;
  line_knowledge k;
  line_sums few;
  const row_sums none = {NULL, NULL};
  column_spread(&block, wni_param_columns(b.geo), job->set_mean, job->set_rstd, &v);
  sums_zero(&sums, block.columns);
  means_zero(&means, block.columns);
  WNI_EACH_FOLD(s, b.plan, &block) {
    knowledge_of_xhat(&b, &s, &v, &k);
    knowledge_of_dx(&b, &s, &v, &means, &k);
    for (int64_t begin = 0; begin < s.lines; begin += FLUSH_LINES) {
      const int64_t end = least(begin + FLUSH_LINES, s.lines);
      sums_clear(&few, s.width);
      for (int64_t i = begin; i < end;) {
        const gradient_lines l = gradient_lines_take(&b, &s, i, end - i, &k, &room);
        if (b.wants_params) add_lines(&b, &s, i, &k, &l, none, &few);
        if (b.wants_apply) gradient_lines_apply(&b, &s, i, &k, &l, &room);
        i += l.lines;
      }
      sums_flush(&few, &s, &sums);
    }
  }
  if (b.wants_params) store_sums(&b, &block, &sums);
}
