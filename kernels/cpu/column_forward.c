/* Forward passes of the column family: moments of chunks and their merging, application, and both for whole slabs. */
#include "column_moments.h"

/* What every line of a task needs; largest gathers max |y|. */
typedef struct forward {
  const wni_cpu_job *job;
  const wni_call *call;
  const wni_geometry *geo;
  const wni_column_plan *plan;
  real scale;
  real_bits largest;
} forward;

/* Lines that are not taken from where they are. */
typedef real line_room[GROUP * WIDTH] WNI_TILE_ALIGNED;

static forward forward_begin(const wni_cpu_job *job) {
  const wni_call *const call = job->call;
  const forward f = {job, call, &call->geo, &job->plan->column, call->y_scale ? (real)*call->y_scale : 1, 0};
  return f;
}

static void forward_end(const forward *f) {
#if WNI_REAL_BITS == 32
  if (f->job->amax) wni_raise_amax(f->job->amax, f->largest);
#else
  (void)f; /* f64 data has no f8 results */
#endif
}

/* ---- what is normalized -------------------------------------------------------------------------------------------
 */

static line_source take_lines(const forward *f, const wni_tensor *t, const column_stretch *s, int64_t line, int64_t n,
                              real *room) {
  if (column_is_even(f->geo, t, s)) return column_lines(f->geo, t, s, line);
  for (int64_t i = 0; i < n; i++) line_load(f->geo, t, s, line + i, room + i * WIDTH);
  return lines_in_room(room);
}

static line_source take_sum(const forward *f, const column_stretch *s, int64_t line, int64_t n, bool store,
                            real *room) {
  const wni_call *const call = f->call;
  for (int64_t i = 0; i < n; i++) {
    real *const h = room + i * WIDTH;
    line_load(f->geo, &call->x, s, line + i, h);
    line_add_rounded(f->geo, &call->residual, s, line + i, h);
    if (store) line_store(f->geo, &call->sum, s, line + i, h);
  }
  return lines_in_room(room);
}

/* For the first time: x, or x + residual, which is stored if the call wants it. n is at most GROUP, unless `direct`. */
static line_source take_input(const forward *f, const column_stretch *s, int64_t line, int64_t n, real *room) {
  if (f->call->add == WN_ADD_BEFORE) return take_sum(f, s, line, n, f->call->sum.data != NULL, room);
  return take_lines(f, &f->call->x, s, line, n, room);
}

/* The same again: a stored sum is read, for x or the residual may have been in its place. */
static line_source retake_input(const forward *f, const column_stretch *s, int64_t line, int64_t n, real *room) {
  if (f->call->add != WN_ADD_BEFORE) return take_lines(f, &f->call->x, s, line, n, room);
  if (f->call->sum.data) return take_lines(f, &f->call->sum, s, line, n, room);
  return take_sum(f, s, line, n, false, room);
}

/* Lines that can be taken at once: any number where they are in the tensor. */
static int64_t lines_at_once(const forward *f, const column_stretch *s, bool again) {
  const wni_call *const call = f->call;
  const bool stored = again && call->sum.data;
  if (call->add == WN_ADD_BEFORE && !stored) return GROUP;
  return column_is_even(f->geo, stored ? &call->sum : &call->x, s) ? s->lines : GROUP;
}

/* ---- moments ------------------------------------------------------------------------------------------------------
 */

static void add_lines(const forward *f, const column_stretch *s, int64_t line, int64_t lines, bool again,
                      line_accumulators *a, real *room) {
  const int64_t batch = lines_at_once(f, s, again);
  for (int64_t i = 0; i < lines; i += batch) {
    const int64_t n = least(batch, lines - i);
    const line_source h = again ? retake_input(f, s, line + i, n, room) : take_input(f, s, line + i, n, room);
    lines_shifted_sums(h, n, s->width, a->shift, a->sum, a->squares);
  }
}

/* Of places; see accumulators_flush. */
static void stretch_moments(const forward *f, const column_stretch *s, real *room, column_moments *v) {
  enum { SAMPLED_LINES = 4, FIRST_LINES = 16 };
  line_accumulators a;
  memset(a.shift, 0, sizeof a.shift);
  for (int64_t done = 0, n; done < s->lines; done += n) {
    n = least(done == 0 ? FIRST_LINES : least(FLUSH_LINES, done), s->lines - done);
    const int64_t sampled = done == 0 && f->geo->centered ? least(SAMPLED_LINES, n) : 0;
    accumulators_clear(&a, s->width);
    if (sampled > 0) {
      add_lines(f, s, 0, sampled, false, &a, room);
      accumulators_shift(&a, s->width, sampled);
      accumulators_clear(&a, s->width);
      add_lines(f, s, 0, sampled, true, &a, room);
    }
    add_lines(f, s, done + sampled, n - sampled, false, &a, room);
    if (f->geo->centered) {
      accumulators_flush(&a, s->width, n, done, v);
    } else {
      squares_flush(&a, s->width, done, v);
    }
  }
}

static void block_moments(const forward *f, const column_block *b, real *room, column_moments *v) {
  column_moments part;
  int64_t rows = 0;
  /* No block is without rows, but the analyzer cannot know. */
  memset(v->mean, 0, (size_t)b->columns * sizeof *v->mean);
  memset(v->m2, 0, (size_t)b->columns * sizeof *v->m2);
  WNI_EACH_FOLD(s, f->plan, b) {
    column_moments *const to = rows == 0 ? v : &part;
    stretch_moments(f, &s, room, to);
    fold_moments(&s, to);
    const int64_t n = s.lines * s.fold;
    if (rows > 0) merge_columns(b->columns, v->mean, v->m2, rows, part.mean, part.m2, n);
    rows += n;
  }
}

static double *chunk_sums(const wni_cpu_job *job, int64_t slab, int64_t chunk) {
  return job->sums + (slab * job->plan->column.chunks + chunk) * 2 * job->call->geo.extent[3];
}

void WNI_FN(column_moments)(const wni_cpu_job *job, int64_t task) {
  const forward f = forward_begin(job);
  const column_block b = column_chunk(f.geo, f.plan, task);
  line_room room;
  column_moments v;
  block_moments(&f, &b, room, &v);
  double *const mean = chunk_sums(job, b.slab, b.row / f.plan->chunk_rows) + b.column;
  memcpy(mean, v.mean, (size_t)b.columns * sizeof *mean);
  memcpy(mean + f.geo->extent[3], v.m2, (size_t)b.columns * sizeof *mean);
}

void WNI_FN(column_merge)(const wni_cpu_job *job, int64_t task) {
  const wni_geometry *const g = &job->call->geo;
  const wni_column_plan *const p = &job->plan->column;
  const int64_t slab = task / p->merges, begin = task % p->merges * p->merge_columns, all = g->extent[3];
  const int64_t columns = least(p->merge_columns, all - begin), rows = column_rows(g);
  double *const mean = chunk_sums(job, slab, 0) + begin, *const m2 = mean + all;
  for (int64_t chunk = 1, done = p->chunk_rows; chunk < p->chunks; chunk++) {
    const double *const other = chunk_sums(job, slab, chunk) + begin;
    const int64_t n = least(p->chunk_rows, rows - done);
    merge_columns(columns, mean, m2, done, other, other + all, n);
    done += n;
  }
  wni_moments *const sets = job->moments + slab * column_sets(g) + begin / g->set_columns;
  for (int64_t i = 0; i < columns; i += g->set_columns)
    sets[i / g->set_columns] = moments_of_alike(mean + i, m2 + i, 1, g->set_columns, rows);
}

/* ---- application --------------------------------------------------------------------------------------------------
 */

/* Whether y can be made in one go, converted as it is stored. */
static bool is_plain(const forward *f, const column_stretch *s) {
  const wni_call *const call = f->call;
  return (call->act == WN_ACT_NONE || call->act == WN_ACT_RELU) && call->add != WN_ADD_AFTER && !call->mask &&
         is_pair(call->x.type, call->y.type) && column_is_even(f->geo, &call->y, s);
}

/* gamma and beta of a line, NULL where the factors have them in them. */
static const real *of_row(const forward *f, const void *params, const column_stretch *s, int64_t line) {
  return f->geo->param_by_row ? (const real *)params + s->row + line : NULL;
}

static void apply_line(forward *f, const column_stretch *s, int64_t line, const line_factors *k, line_source h) {
  const wni_call *const call = f->call;
  line_reals z;
  lines_affine(k, false, of_row(f, f->job->gamma, s, line), of_row(f, f->job->beta, s, line), h, 1, s->width,
               room_for_lines(z));
  if (call->add == WN_ADD_AFTER) line_add(f->geo, &call->residual, s, line, z);
  if (call->mask) line_mask_store(call, s, line, z);
  tile_activate(call->act, call->act_slope, s->width, z);
  if (f->job->amax) {
    const real_bits largest = tile_largest(z, s->width);
    if (largest > f->largest) f->largest = largest;
  }
  if (call->y_scale) tile_scale(f->scale, s->width, z);
  line_store(f->geo, &call->y, s, line, z);
}

static void apply_stretch(forward *f, const column_stretch *s, const line_factors *k, bool again, real *room) {
  const bool plain = is_plain(f, s);
  const int64_t batch = lines_at_once(f, s, again);
  for (int64_t i = 0; i < s->lines; i += batch) {
    const int64_t n = least(batch, s->lines - i);
    line_source h = again ? retake_input(f, s, i, n, room) : take_input(f, s, i, n, room);
    if (plain) {
      if (again) h = column_lines_again(f->job, &f->call->x, s, h);
      lines_affine(k, f->call->act == WN_ACT_RELU, of_row(f, f->job->gamma, s, i), of_row(f, f->job->beta, s, i), h, n,
                   s->width, column_target(f->geo, &f->call->y, s, i, f->job->stream));
      continue;
    }
    for (int64_t j = 0; j < n; j++, h.at.first += h.apart) apply_line(f, s, i + j, k, h);
  }
}

/* again: the input was taken before. */
static void apply_block(forward *f, const column_block *b, const column_statistics *v, bool again, real *room) {
  line_reals rooms[2];
  line_factors k;
  const real *const gamma = column_params(f->geo, f->job->gamma, b->column, b->columns, rooms[0]);
  const real *const beta = column_params(f->geo, f->job->beta, b->column, b->columns, rooms[1]);
  WNI_EACH_FOLD(s, f->plan, b) {
    line_factors_make(v, b->columns, s.width, gamma, beta, &k);
    apply_stretch(f, &s, &k, again, room);
  }
}

void WNI_FN(column_apply)(const wni_cpu_job *job, int64_t task) {
  forward f = forward_begin(job);
  const column_block b = column_chunk(f.geo, f.plan, task);
  line_room room;
  column_statistics v;
  if (f.call->stats == WNI_STATS_RUNNING) {
    column_spread(&b, wni_param_columns(f.geo), job->set_mean, job->set_rstd, &v);
  } else {
    const int64_t first = b.slab * column_sets(f.geo);
    column_spread(&b, f.geo->set_columns, job->set_mean + first, job->set_rstd + first, &v);
  }
  apply_block(&f, &b, &v, f.call->stats != WNI_STATS_RUNNING, room);
  forward_end(&f);
}

/* ---- whole slabs --------------------------------------------------------------------------------------------------
 */

/* The sets of a block that has whole ones: their moments to the first of them. */
static void merge_sets(const wni_geometry *g, const column_block *b, column_moments *v) {
  const int64_t each = g->set_columns;
  for (int64_t i = 0; each > 1 && i < b->columns; i += each) {
    const wni_moments set = moments_of_alike(v->mean + i, v->m2 + i, 1, each, b->rows);
    v->mean[i / each] = set.mean;
    v->m2[i / each] = set.m2;
  }
}

/* From the moments of a block's sets. */
static void finish_statistics(const forward *f, const column_block *b, const column_moments *v,
                              column_statistics *out) {
  const wni_call *const call = f->call;
  const int64_t each = f->geo->set_columns, first = b->slab * column_sets(f->geo) + b->column / each;
  const int64_t sets = b->columns / each;
  line_doubles rstd;
  for (int64_t i = 0; i < sets; i++) {
    const wni_moments of_set = {v->mean[i], v->m2[i]};
    rstd[i] = wni_rstd(of_set, f->geo->set_size, call->eps);
  }
  for (int64_t i = 0; i < sets; i++) {
    for (int64_t j = i * each; j < (i + 1) * each; j++) {
      out->mean[j] = v->mean[i];
      out->rstd[j] = rstd[i];
    }
    if (call->mean) ((real *)call->mean)[first + i] = (real)v->mean[i];
    if (call->rstd) ((real *)call->rstd)[first + i] = (real)rstd[i];
    if (f->job->moments) f->job->moments[first + i] = (wni_moments){v->mean[i], v->m2[i]};
  }
}

void WNI_FN(column_forward)(const wni_cpu_job *job, int64_t task) {
  forward f = forward_begin(job);
  const int64_t begin = task / f.plan->blocks * f.plan->slabs_per_task;
  const int64_t end = least(begin + f.plan->slabs_per_task, f.geo->extent[0]);
  column_block b = {.rows = column_rows(f.geo)};
  column_cut(f.geo, f.plan, task % f.plan->blocks, &b);
  line_room room;
  column_moments v;
  column_statistics finished;
  for (b.slab = begin; b.slab < end; b.slab++) {
    block_moments(&f, &b, room, &v);
    merge_sets(f.geo, &b, &v);
    finish_statistics(&f, &b, &v, &finished);
    apply_block(&f, &b, &finished, true, room);
  }
  forward_end(&f);
}
