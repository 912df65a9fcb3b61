/* The header's rules about problems, in the order of its fields. */
#include <math.h>

#include "error.h"
#include "names.h"
#include "problem.h"

#define TRY(expression)                   \
  do {                                    \
    const wn_status status_ = expression; \
    if (status_ != WN_OK) return status_; \
  } while (0)

static const uint32_t known_flags = WN_RUNNING_POPULATION | WN_INSTANCE_RUNNING | WN_GAMMA_MINUS_ONE | WN_GRAD_ADD |
                                    WN_SPLIT_FEW_ROWS | WN_RUNNING_CUMULATIVE;

static wn_status check_range(const char *field, int value, int low, int high) {
  if (value >= low && value <= high) return WN_OK;
  return wni_error(WN_ERR_ARGUMENT, "problem.%s is %d; it must be %d to %d", field, value, low, high);
}

static wn_status check_enums(const wn_problem *p) {
  TRY(check_range("kind", (int)p->kind, WN_BATCH, WN_RMS));
  TRY(check_range("layout", (int)p->layout, WN_NCX, WN_NXC));
  TRY(check_range("x_type", (int)p->x_type, WN_F32, WN_F8_E5M2));
  TRY(check_range("y_type", (int)p->y_type, WN_DTYPE_DEFAULT, WN_F8_E5M2));
  TRY(check_range("dy_type", (int)p->dy_type, WN_DTYPE_DEFAULT, WN_F8_E5M2));
  TRY(check_range("param_type", (int)p->param_type, WN_DTYPE_DEFAULT, WN_F8_E5M2));
  TRY(check_range("param_grad_type", (int)p->param_grad_type, WN_DTYPE_DEFAULT, WN_F8_E5M2));
  TRY(check_range("act", (int)p->act, WN_ACT_NONE, WN_ACT_SILU));
  return check_range("add", (int)p->add, WN_ADD_NONE, WN_ADD_AFTER);
}

static wn_status check_flags(const wn_problem *p, bool running) {
  const uint32_t unknown = p->flags & ~known_flags;
  if (unknown)
    return wni_error(WN_ERR_ARGUMENT, "problem.flags has the unknown bits 0x%x; known are 0x%x", unknown, known_flags);
  if ((p->flags & WN_INSTANCE_RUNNING) && p->kind != WN_INSTANCE)
    return wni_error(WN_ERR_ARGUMENT, "problem.flags has WN_INSTANCE_RUNNING, but kind is %s; it goes with WN_INSTANCE",
                     wni_kind_name(p->kind));
  if ((p->flags & (WN_RUNNING_POPULATION | WN_RUNNING_CUMULATIVE)) && !running)
    return wni_error(
        WN_ERR_ARGUMENT,
        "problem.flags has WN_RUNNING_POPULATION or WN_RUNNING_CUMULATIVE (0x%x), but kind %s keeps no running "
        "statistics here; they go with WN_BATCH, or WN_INSTANCE with WN_INSTANCE_RUNNING",
        p->flags, wni_kind_name(p->kind));
  return WN_OK;
}

static bool is_f8(wn_dtype type) { return type == WN_F8_E4M3 || type == WN_F8_E5M2; }

static wn_status refuse_type(const char *field, wn_dtype type, const char *allowed) {
  return wni_error(WN_ERR_UNSUPPORTED, "problem.%s is %s; it must be %s", field, wni_dtype_name(type), allowed);
}

/* Fills in the defaults of the types; the table of types in the header. */
static wn_status resolve_types(const wn_problem *p, wni_types *t) {
  const bool wide = p->x_type == WN_F64;
  if (is_f8(p->x_type)) return refuse_type("x_type", p->x_type, "f32, f16, bf16 or f64");
  t->x = p->x_type;
  t->real = wide ? WN_F64 : WN_F32;

  t->y = p->y_type == WN_DTYPE_DEFAULT ? t->x : p->y_type;
  if ((t->y == WN_F64) != wide)
    return refuse_type("y_type", t->y, wide ? "f64 for x_type f64" : "f32, f16, bf16 or f8 unless x_type is f64");

  t->dy = p->dy_type == WN_DTYPE_DEFAULT && !is_f8(t->y) ? t->y : p->dy_type;
  if (is_f8(t->y) && (is_f8(t->dy) || t->dy == WN_F64))
    return refuse_type("dy_type", t->dy, "f32, f16 or bf16 for f8 y, or default for no backward passes");
  if (!is_f8(t->y) && t->dy != t->y) return refuse_type("dy_type", t->dy, "the type of y");

  t->param = p->param_type == WN_DTYPE_DEFAULT ? t->real : p->param_type;
  if (t->param != t->real && (wide || t->param != t->x))
    return refuse_type("param_type", t->param, wide ? "f64 for x_type f64" : "f32 or the type of x");

  t->param_grad = p->param_grad_type == WN_DTYPE_DEFAULT ? t->param : p->param_grad_type;
  if (t->param_grad != t->param && (wide || t->param_grad != WN_F32))
    return refuse_type("param_grad_type", t->param_grad, wide ? "f64 for x_type f64" : "f32 or the type of gamma");
  return WN_OK;
}

static wn_status check_size(const char *field, int64_t value, int64_t low) {
  if (value >= low) return WN_OK;
  return wni_error(WN_ERR_SHAPE, "problem.%s is %lld; it must be %lld or more", field, (long long)value,
                   (long long)low);
}

/* a * b + c without overflow; false when the result is beyond int64. */
static bool multiply_add(int64_t a, int64_t b, int64_t c, int64_t *out) {
  int64_t product;
  return !__builtin_mul_overflow(a, b, &product) && !__builtin_add_overflow(product, c, out);
}

static wn_status check_sizes(const wn_problem *p) {
  TRY(check_size("n", p->n, 0));
  TRY(check_size("c", p->c, 1));
  TRY(check_size("x", p->x, 1));
  TRY(check_size("groups", p->groups, 1));
  TRY(check_size("parts", p->parts, 0));
  if (p->kind != WN_GROUP && p->groups != 1)
    return wni_error(WN_ERR_SHAPE, "problem.groups is %lld; it must be 1 for kind %s", (long long)p->groups,
                     wni_kind_name(p->kind));
  if (p->c % p->groups != 0)
    return wni_error(WN_ERR_SHAPE, "problem.groups is %lld; it must divide problem.c, which is %lld",
                     (long long)p->groups, (long long)p->c);
  if (p->kind != WN_BATCH && p->parts > 1)
    return wni_error(WN_ERR_SHAPE, "problem.parts is %lld; it must be 0 or 1 for kind %s", (long long)p->parts,
                     wni_kind_name(p->kind));
  int64_t statistics;
  if (!multiply_add(p->parts, p->c, 0, &statistics) || !multiply_add(statistics, 8, 0, &statistics))
    return wni_error(
        WN_ERR_SHAPE,
        "problem.parts is %lld; the statistics of (parts, c), c = %lld, have more bytes than int64 can count "
        "(%lld)",
        (long long)p->parts, (long long)p->c, (long long)INT64_MAX);
  return WN_OK;
}

static wn_status check_scalars(const wn_problem *p) {
  if (!(p->eps >= 0 && isfinite(p->eps)))
    return wni_error(WN_ERR_ARGUMENT, "problem.eps is %g; it must be 0 or more, and finite", p->eps);
  if (!isfinite(p->momentum))
    return wni_error(WN_ERR_ARGUMENT, "problem.momentum is %g; it must be finite", p->momentum);
  if (p->act == WN_ACT_LEAKY_RELU && !isfinite(p->act_slope))
    return wni_error(WN_ERR_ARGUMENT, "problem.act_slope is %g; it must be finite", p->act_slope);
  return WN_OK;
}

static wn_status too_large(const wn_problem *p, const char *field, wn_stride s) {
  return wni_error(
      WN_ERR_SHAPE,
      "problem.n = %lld, c = %lld, x = %lld with %s.row = %lld, pixel = %lld: such a tensor has more bytes "
      "than int64 can count (%lld)",
      (long long)p->n, (long long)p->c, (long long)p->x, field, (long long)s.row, (long long)s.pixel,
      (long long)INT64_MAX);
}

static wn_status below_extent(const char *field, const char *which, int64_t value, const char *limit_text,
                              int64_t limit) {
  return wni_error(WN_ERR_SHAPE, "problem.%s.%s is %lld; it must be 0 or at least %s = %lld", field, which,
                   (long long)value, limit_text, (long long)limit);
}

/* Bytes from the first to the last element must be an int64; the widest type stands for all. */
static wn_status check_span(const wn_problem *p, const char *field, wn_stride s) {
  const int64_t steps = p->n > 0 ? p->n - 1 : 0;
  int64_t span = p->c;
  const bool fits =
      (p->layout == WN_NCX ? multiply_add(p->c, p->x, 0, &span) : multiply_add(p->x - 1, s.pixel, span, &span)) &&
      multiply_add(steps, s.row, span, &span) && multiply_add(span, 8, 0, &span);
  return fits ? WN_OK : too_large(p, field, s);
}

static wn_status resolve_ncx_stride(const wn_problem *p, const char *field, wn_stride *s) {
  int64_t sample;
  if (s->pixel != 0)
    return wni_error(WN_ERR_SHAPE, "problem.%s.pixel is %lld; it must be 0 in layout NCX", field, (long long)s->pixel);
  if (!multiply_add(p->c, p->x, 0, &sample)) return too_large(p, field, *s);
  if (s->row == 0) s->row = sample;
  if (s->row < sample) return below_extent(field, "row", s->row, "c * x", sample);
  return check_span(p, field, *s);
}

static wn_status resolve_nxc_stride(const wn_problem *p, const char *field, wn_stride *s) {
  int64_t sample, batch;
  if (s->pixel == 0) s->pixel = p->c;
  if (s->pixel < p->c) return below_extent(field, "pixel", s->pixel, "c", p->c);
  if (s->row != 0 && s->row < p->c) return below_extent(field, "row", s->row, "c", p->c);
  if (s->row == 0 && !multiply_add(p->x, s->pixel, 0, &s->row)) return too_large(p, field, *s);
  if (!multiply_add(p->x - 1, s->pixel, p->c, &sample)) return too_large(p, field, *s);
  if (s->row < sample) { /* then the positions lie outermost: each steps over all samples */
    if (!multiply_add(p->n > 0 ? p->n - 1 : 0, s->row, p->c, &batch)) return too_large(p, field, *s);
    if (s->pixel < batch)
      return wni_error(
          WN_ERR_SHAPE,
          "problem.%s.row is %lld; it must be 0 or at least (x-1) * pixel + c = %lld (samples apart), or pixel, "
          "which is %lld, at least (n-1) * row + c = %lld (positions outermost)",
          field, (long long)s->row, (long long)sample, (long long)s->pixel, (long long)batch);
  }
  return check_span(p, field, *s);
}

static wn_status resolve_stride(const wn_problem *p, const char *field, wn_stride *s) {
  if (s->row < 0) return below_extent(field, "row", s->row, "the extent, never negative; c", p->c);
  if (s->pixel < 0) return below_extent(field, "pixel", s->pixel, "the extent, never negative; c", p->c);
  return p->layout == WN_NCX ? resolve_ncx_stride(p, field, s) : resolve_nxc_stride(p, field, s);
}

static wn_status resolve_strides(wn_problem *p) {
  TRY(resolve_stride(p, "x_stride", &p->x_stride));
  TRY(resolve_stride(p, "dx_stride", &p->dx_stride));
  TRY(resolve_stride(p, "y_stride", &p->y_stride));
  TRY(resolve_stride(p, "dy_stride", &p->dy_stride));
  TRY(resolve_stride(p, "residual_stride", &p->residual_stride));
  return resolve_stride(p, "sum_stride", &p->sum_stride);
}

wn_status wni_problem_resolve(const wn_problem *given, wni_problem *out) {
  if (!given) return wni_error(WN_ERR_ARGUMENT, "problem is NULL");
  if (given->size != sizeof(wn_problem))
    return wni_error(WN_ERR_ARGUMENT, "problem.size is %zu; this library knows %zu: start from WN_PROBLEM_INIT",
                     given->size, sizeof(wn_problem));
  out->given = *given;
  wn_problem *const p = &out->given;
  TRY(check_enums(p));
  out->running = p->kind == WN_BATCH || (p->kind == WN_INSTANCE && (p->flags & WN_INSTANCE_RUNNING));
  TRY(check_flags(p, out->running));
  TRY(resolve_types(p, &out->types));
  TRY(check_sizes(p));
  TRY(check_scalars(p));
  TRY(resolve_strides(p));
  if (p->parts == 0) p->parts = 1;
  out->backward = out->types.dy != WN_DTYPE_DEFAULT;
  out->ranks = 0;
  out->has_mask = p->act == WN_ACT_RELU || p->act == WN_ACT_LEAKY_RELU;
  return WN_OK;
}
