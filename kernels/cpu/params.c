/* Parameters and their gradients: between the caller's types and arrays and what the kernels work with. */
#include "call_job.h"
#include "host/names.h"
#include "parallel.h"

/* ---- one value of any type ---------------------------------------------------------------------------------------
 * The conversions that the kernels use, for plain numbers. */

#define WNI_INLINE static inline
typedef float vec;
typedef uint32_t uvec;
typedef bool vmask;
WNI_INLINE vec vec_splat(double a) { return (float)a; }
WNI_INLINE uvec uvec_splat(uint32_t a) { return a; }
WNI_INLINE uvec vec_bits(vec a) {
  uvec u;
  memcpy(&u, &a, sizeof u);
  return u;
}
WNI_INLINE vec vec_of_bits(uvec a) {
  vec v;
  memcpy(&v, &a, sizeof v);
  return v;
}
WNI_INLINE vec vec_abs(vec a) { return vec_of_bits(vec_bits(a) & 0x7fffffff); }
WNI_INLINE vmask vec_lt(vec a, vec b) { return a < b; }
WNI_INLINE vmask vec_is_nan(vec a) { return a != a; }
WNI_INLINE vmask uvec_lt(uvec a, uvec b) { return (int32_t)a < (int32_t)b; }
WNI_INLINE vec vec_select(vmask m, vec yes, vec no) { return m ? yes : no; }
WNI_INLINE uvec uvec_select(vmask m, uvec yes, uvec no) { return m ? yes : no; }
#include "kernels/shared/narrow.h"

static double load_value(wn_dtype type, const void *p, int64_t i) {
  switch (type) {
    case WN_F64:
      return ((const double *)p)[i];
    case WN_F16:
      return (double)vec_of_f16_bits(((const uint16_t *)p)[i]);
    case WN_BF16:
      return (double)vec_of_bf16_bits(((const uint16_t *)p)[i]);
    default:
      return (double)((const float *)p)[i];
  }
}

/* Towards 0, and then to an odd last bit unless exact: rounding that to 16 bits gives what v itself would, where the
 * nearest float might lie on a tie that v does not. */
static float float_to_odd(double v) {
  const float nearest = (float)v;
  if ((double)nearest == v || v != v) return nearest;
  uvec bits = vec_bits(nearest);
  const double magnitude = v < 0 ? -v : v, reached = (double)vec_abs(nearest);
  if (reached > magnitude) bits--; /* of the magnitude, whatever the sign; from infinity to the largest finite one */
  return vec_of_bits(bits | 1);
}

static void store_value(wn_dtype type, void *p, int64_t i, double v) {
  switch (type) {
    case WN_F64:
      ((double *)p)[i] = v;
      break;
    case WN_F16:
      ((uint16_t *)p)[i] = (uint16_t)f16_bits_of_vec(float_to_odd(v));
      break;
    case WN_BF16:
      ((uint16_t *)p)[i] = (uint16_t)(bf16_high_of_vec(float_to_odd(v)) >> 16);
      break;
    default:
      ((float *)p)[i] = (float)v;
  }
}

/* ---- gamma and beta ---------------------------------------------------------------------------------------------- */

enum { PARAM_BYTES = 16 };

static int64_t expansion(const wni_cpu_job *job) {
  return job->plan->geo.pattern == WNI_ROW ? job->plan->row.expand : 1;
}

typedef struct preparation {
  const wni_call *call;
  const void *from;      /* NULL: all are `otherwise` */
  double otherwise, add; /* add: to each */
  int64_t expand;
  void *to;
} preparation;

static void prepare(void *context, int64_t task) {
  const preparation *const p = context;
  const wni_types *const types = &p->call->types;
  const int64_t begin = task * WNI_PARAMS_PER_TASK, end = least(begin + WNI_PARAMS_PER_TASK, p->call->geo.params);
  if (!p->from && p->otherwise == 0) {
    const size_t bytes = (size_t)p->expand * wni_dtype_size(types->real);
    memset((char *)p->to + (size_t)begin * bytes, 0, (size_t)(end - begin) * bytes);
    return;
  }
  for (int64_t i = begin; i < end; i++) {
    const double v = p->from ? load_value(types->param, p->from, i) + p->add : p->otherwise;
    for (int64_t e = 0; e < p->expand; e++) wni_store_real(types->real, p->to, i * p->expand + e, v);
  }
}

/* What the kernels read: the caller's array, if it is just that. */
static const void *prepared(preparation p) {
  const int64_t params = p.call->geo.params;
  if (p.from && p.add == 0 && p.expand == 1 && p.call->types.param == p.call->types.real) return p.from;
  wni_parallel_for(ceil_div(params, WNI_PARAMS_PER_TASK), params * p.expand * PARAM_BYTES, prepare, &p);
  return p.to;
}

void wni_prepare_params(wni_cpu_job *job, void *work) {
  const wni_call *const call = job->call;
  const wni_cpu_layout *const at = &job->plan->at;
  const int64_t expand = expansion(job);
  const double one = call->flags & WN_GAMMA_MINUS_ONE ? 1 : 0;
  const preparation gamma = {call, call->gamma, 1, one, expand, (char *)work + at->gamma};
  const preparation beta = {call, call->beta, 0, 0, expand, (char *)work + at->beta};
  job->gamma = prepared(gamma);
  job->beta = prepared(beta);
}

/* ---- their gradients --------------------------------------------------------------------------------------------- */

/* Adds `count` rows of sums, [row][2][width], the parts that belong to parameters begin .. begin + n - 1; `fold` of
 * them in a row are of one parameter. */
static void add_rows(const double *rows, int64_t count, int64_t width, int64_t fold, int64_t begin, int64_t n,
                     wni_param_sums *s) {
  for (int64_t row = 0; row < count; row++) {
    for (int which = 0; which < 2; which++) {
      const double *restrict const from = rows + (2 * row + which) * width + begin * fold;
      double *restrict const to = s->of[which];
      if (fold == 1) {
        for (int64_t i = 0; i < n; i++) to[i] += from[i];
        continue;
      }
      for (int64_t i = 0; i < n; i++) {
        for (int64_t e = 0; e < fold; e++) to[i] += from[i * fold + e];
      }
    }
  }
}

/* ROW where spans share a parameter: sums[set][segment][slot][2], slots of the spans from the segment's first on. */
static void add_spans(const wni_cpu_job *job, int64_t param, double sum[2]) {
  const wni_geometry *const g = &job->call->geo;
  const wni_row_plan *const p = &job->plan->row;
  const int64_t middle = param / g->param_step, span = param % g->param_step;
  for (int64_t outer = 0; outer < g->extent[0]; outer++) {
    const int64_t set = outer * g->extent[1] + middle;
    for (int64_t segment = 0; segment < p->segments; segment++) {
      const int64_t element = segment % p->pieces * p->segment_elements;
      const int64_t end = least(element + p->segment_elements, g->extent[3]);
      const int64_t first = p->spans == 1 ? 0 : element / g->param_span;
      const int64_t last = p->spans == 1 ? 0 : (end - 1) / g->param_span;
      if (span < first || span > last) continue;
      const double *const slot = job->sums + 2 * ((set * p->segments + segment) * p->span_slots + span - first);
      sum[0] += slot[0];
      sum[1] += slot[1];
    }
  }
}

static void gather_row(const wni_cpu_job *job, int64_t begin, int64_t n, wni_param_sums *s) {
  const wni_row_plan *const p = &job->plan->row;
  if (p->per_element) {
    add_rows(job->partial, p->chunks, job->call->geo.params * p->expand, p->expand, begin, n, s);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    double sum[2] = {0, 0};
    add_spans(job, begin + i, sum);
    s->of[0][i] = sum[0];
    s->of[1][i] = sum[1];
  }
}

static void gather_column(const wni_cpu_job *job, int64_t begin, int64_t n, wni_param_sums *s) {
  const wni_geometry *const g = &job->call->geo;
  const wni_column_plan *const p = &job->plan->column;
  const int64_t columns = g->extent[3], span = wni_param_columns(g);
  if (p->fused || g->param_by_row) {
    add_rows(job->partial, p->slab_tasks * (g->param_by_row ? p->blocks : 1), g->params, 1, begin, n, s);
  } else if (job->call->stats == WNI_STATS_RUNNING) {
    add_rows(job->sums, g->extent[0] * p->chunks, columns, span, begin, n, s);
  } else { /* merged: each slab's are where those of its first chunk were */
    for (int64_t slab = 0; slab < g->extent[0]; slab++)
      add_rows(job->sums + slab * p->chunks * 2 * columns, 1, columns, span, begin, n, s);
  }
}

static void store_gradients(const wni_call *call, void *to, const double *sums, int64_t begin, int64_t n) {
  const wn_dtype type = call->types.param_grad;
  const bool adds = call->flags & WN_GRAD_ADD;
  if (!to) return;
  if (type == WN_F32 && !adds) { /* what most want, as vectors */
    float *restrict const p = (float *)to + begin;
    for (int64_t i = 0; i < n; i++) p[i] = (float)sums[i];
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    const double old = adds ? load_value(type, to, begin + i) : 0;
    store_value(type, to, begin + i, adds ? old + sums[i] : sums[i]);
  }
}

void wni_gather_param_sums(const wni_cpu_job *job, int64_t begin, int64_t n, wni_param_sums *sums) {
  memset(sums, 0, sizeof *sums);
  if (job->plan->geo.pattern == WNI_ROW) {
    gather_row(job, begin, n, sums);
  } else {
    gather_column(job, begin, n, sums);
  }
}

void wni_store_param_tile(const wni_cpu_job *job, int64_t begin, int64_t n, const double *dz_xhat, const double *dz) {
  store_gradients(job->call, job->call->dgamma, dz_xhat, begin, n);
  store_gradients(job->call, job->call->dbeta, dz, begin, n);
}

static void finish_params(void *context, int64_t task) {
  const wni_cpu_job *const job = context;
  const int64_t begin = task * WNI_PARAMS_PER_TASK, n = least(WNI_PARAMS_PER_TASK, job->call->geo.params - begin);
  wni_param_sums sums;
  wni_gather_param_sums(job, begin, n, &sums);
  wni_store_param_tile(job, begin, n, sums.of[0], sums.of[1]);
}

void wni_store_param_gradients(const wni_cpu_job *job) {
  const wni_geometry *const g = &job->call->geo;
  if ((!job->call->dgamma && !job->call->dbeta) || wni_stores_param_tiles(job)) return;
  wni_cpu_job copy = *job;
  /* Each parameter has one sum for each set that shares it, or for each of some dozens of chunks. */
  wni_parallel_for(ceil_div(g->params, WNI_PARAMS_PER_TASK), g->params * PARAM_BYTES * 32, finish_params, &copy);
}
