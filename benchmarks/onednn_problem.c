#include "onednn_problem.h"

bool onednn_fused_relu(const bench_case *c) {
  return c->problem.kind == WN_BATCH && c->problem.act == WN_ACT_RELU && c->problem.add == WN_ADD_NONE;
}

static dnnl_data_type_t type_of(wn_dtype type) {
  return type == WN_F32 ? dnnl_f32 : type == WN_BF16 ? dnnl_bf16 : dnnl_f16;
}

static unsigned flags_of(const bench_case *c) {
  unsigned flags = dnnl_use_scale;
#ifdef BENCH_ONEDNN_RMS
  if (c->problem.kind == WN_RMS) return flags | dnnl_rms_norm;
#endif
  flags |= dnnl_use_shift;
  if (bench_uses_running(c)) flags |= dnnl_use_global_stats;
  if (onednn_fused_relu(c)) flags |= dnnl_fuse_norm_relu;
  return flags;
}

/* Rows of channels. */
static void as_rows(onednn_norm *n, const wn_problem *p) {
  n->dims = 2;
  n->dim[0] = p->n * p->x;
  n->dim[1] = p->c;
  n->stride[0] = p->c;
  n->stride[1] = 1;
}

static void as_image(onednn_norm *n, const bench_case *c) {
  const wn_problem *const p = &c->problem;
  n->dims = 2 + c->axis_count;
  n->dim[0] = p->n;
  n->dim[1] = p->c;
  n->stride[0] = p->c * p->x;
  n->stride[1] = p->layout == WN_NCX ? p->x : 1;
  int64_t step = p->layout == WN_NCX ? 1 : p->c;
  for (int i = c->axis_count - 1; i >= 0; i--) {
    n->dim[2 + i] = c->axes[i];
    n->stride[2 + i] = step;
    step *= c->axes[i];
  }
}

onednn_norm onednn_norm_of(const bench_case *c, bool blocked) {
  const wn_problem *const p = &c->problem;
  onednn_norm n = {.forward = bench_forward(c->pass),
                   .train = c->pass == WN_TRAIN,
                   .type = type_of(p->x_type),
                   .groups = p->kind == WN_INSTANCE ? p->c : p->groups,
                   .eps = (float)p->eps,
                   .flags = flags_of(c)};
  n.kind = p->kind == WN_BATCH ? ONEDNN_BATCH : p->kind == WN_LAYER || p->kind == WN_RMS ? ONEDNN_LAYER : ONEDNN_GROUP;
  if (n.kind == ONEDNN_LAYER) {
    as_rows(&n, p);
  } else {
    as_image(&n, c);
  }
#if defined(__x86_64__)
  if (blocked) n.tag = __builtin_cpu_supports("avx512f") ? dnnl_nChw16c : dnnl_nChw8c;
#else
  if (blocked) n.tag = dnnl_nChw8c;
#endif
  return n;
}
