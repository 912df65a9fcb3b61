#include "onednn_api.h"

static dnnl_prop_kind_t prop_of(const onednn_norm *n) {
  if (!n->forward) return dnnl_backward;
  return n->train ? dnnl_forward_training : dnnl_forward_inference;
}

#if DNNL_VERSION_MAJOR >= 3

static dnnl_memory_desc_t describe(const onednn_norm *n, bool plain) {
  dnnl_memory_desc_t md = NULL;
  if (plain || n->tag == dnnl_format_tag_undef) {
    (void)dnnl_memory_desc_create_with_strides(&md, n->dims, n->dim, n->type, n->stride);
  } else {
    (void)dnnl_memory_desc_create_with_tag(&md, n->dims, n->dim, n->type, n->tag);
  }
  return md;
}

/* Of layer norm: all dimensions but the last, packed. */
static dnnl_memory_desc_t describe_statistics(const onednn_norm *n) {
  dnnl_memory_desc_t md = NULL;
  (void)dnnl_memory_desc_create_with_tag(&md, 1, n->dim, dnnl_f32, dnnl_a);
  return md;
}

static dnnl_status_t forward(const onednn_norm *n, dnnl_engine_t engine, dnnl_prop_kind_t prop, onednn_md x,
                             onednn_md statistics, dnnl_primitive_desc_t *pd) {
  switch (n->kind) {
    case ONEDNN_BATCH:
      return dnnl_batch_normalization_forward_primitive_desc_create(pd, engine, prop, x, x, n->eps, n->flags, NULL);
    case ONEDNN_LAYER:
      return dnnl_layer_normalization_forward_primitive_desc_create(pd, engine, prop, x, x, statistics, n->eps,
                                                                    n->flags, NULL);
    case ONEDNN_GROUP:
#ifdef BENCH_ONEDNN_GROUP
      return dnnl_group_normalization_forward_primitive_desc_create(pd, engine, prop, x, x, n->groups, n->eps, n->flags,
                                                                    NULL);
#else
      break;
#endif
  }
  return dnnl_unimplemented;
}

static dnnl_status_t backward(const onednn_norm *n, dnnl_engine_t engine, onednn_md x, onednn_md statistics,
                              dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *pd) {
  switch (n->kind) {
    case ONEDNN_BATCH:
      return dnnl_batch_normalization_backward_primitive_desc_create(pd, engine, dnnl_backward, x, x, x, n->eps,
                                                                     n->flags, hint, NULL);
    case ONEDNN_LAYER:
      return dnnl_layer_normalization_backward_primitive_desc_create(pd, engine, dnnl_backward, x, x, x, statistics,
                                                                     n->eps, n->flags, hint, NULL);
    case ONEDNN_GROUP:
#ifdef BENCH_ONEDNN_GROUP
      return dnnl_group_normalization_backward_primitive_desc_create(pd, engine, dnnl_backward, x, x, x, n->groups,
                                                                     n->eps, n->flags, hint, NULL);
#else
      break;
#endif
  }
  return dnnl_unimplemented;
}

dnnl_primitive_desc_t onednn_create(const onednn_norm *n, dnnl_engine_t engine, dnnl_primitive_desc_t *hint) {
  dnnl_primitive_desc_t pd = NULL;
  *hint = NULL;
  const dnnl_memory_desc_t x = describe(n, false), statistics = describe_statistics(n);
  if (x && statistics && n->forward) {
    if (forward(n, engine, prop_of(n), x, statistics, &pd) != dnnl_success) pd = NULL;
  } else if (x && statistics) {
    if (forward(n, engine, dnnl_forward_training, x, statistics, hint) != dnnl_success) *hint = NULL;
    if (*hint && backward(n, engine, x, statistics, *hint, &pd) != dnnl_success) pd = NULL;
  }
  if (x) (void)dnnl_memory_desc_destroy(x);
  if (statistics) (void)dnnl_memory_desc_destroy(statistics);
  return pd;
}

bool onednn_plain_memory(const onednn_norm *n, dnnl_engine_t engine, void *handle, dnnl_memory_t *memory) {
  const dnnl_memory_desc_t md = describe(n, true);
  const bool ok = md && dnnl_memory_create(memory, md, engine, handle) == dnnl_success;
  if (md) (void)dnnl_memory_desc_destroy(md);
  return ok;
}

#else

static bool describe(const onednn_norm *n, bool plain, dnnl_memory_desc_t *md) {
  if (plain || n->tag == dnnl_format_tag_undef)
    return dnnl_memory_desc_init_by_strides(md, n->dims, n->dim, n->type, n->stride) == dnnl_success;
  return dnnl_memory_desc_init_by_tag(md, n->dims, n->dim, n->type, n->tag) == dnnl_success;
}

static dnnl_primitive_desc_t create_batch(const onednn_norm *n, dnnl_engine_t engine, dnnl_prop_kind_t prop,
                                          onednn_md x, dnnl_primitive_desc_t hint) {
  dnnl_batch_normalization_desc_t d;
  dnnl_primitive_desc_t pd = NULL;
  const dnnl_status_t status = prop == dnnl_backward
                                   ? dnnl_batch_normalization_backward_desc_init(&d, prop, x, x, n->eps, n->flags)
                                   : dnnl_batch_normalization_forward_desc_init(&d, prop, x, n->eps, n->flags);
  if (status != dnnl_success || dnnl_primitive_desc_create(&pd, &d, NULL, engine, hint) != dnnl_success) return NULL;
  return pd;
}

static dnnl_primitive_desc_t create_layer(const onednn_norm *n, dnnl_engine_t engine, dnnl_prop_kind_t prop,
                                          onednn_md x, dnnl_primitive_desc_t hint) {
  dnnl_memory_desc_t statistics;
  dnnl_layer_normalization_desc_t d;
  dnnl_primitive_desc_t pd = NULL;
  if (dnnl_memory_desc_init_by_tag(&statistics, 1, n->dim, dnnl_f32, dnnl_a) != dnnl_success) return NULL;
  const dnnl_status_t status =
      prop == dnnl_backward ? dnnl_layer_normalization_backward_desc_init(&d, prop, x, x, &statistics, n->eps, n->flags)
                            : dnnl_layer_normalization_forward_desc_init(&d, prop, x, &statistics, n->eps, n->flags);
  if (status != dnnl_success || dnnl_primitive_desc_create(&pd, &d, NULL, engine, hint) != dnnl_success) return NULL;
  return pd;
}

dnnl_primitive_desc_t onednn_create(const onednn_norm *n, dnnl_engine_t engine, dnnl_primitive_desc_t *hint) {
  dnnl_memory_desc_t x;
  *hint = NULL;
  if (n->kind == ONEDNN_GROUP || !describe(n, false, &x)) return NULL;
  dnnl_primitive_desc_t (*const create)(const onednn_norm *, dnnl_engine_t, dnnl_prop_kind_t, onednn_md,
                                        dnnl_primitive_desc_t) = n->kind == ONEDNN_BATCH ? create_batch : create_layer;
  if (n->forward) return create(n, engine, prop_of(n), &x, NULL);
  *hint = create(n, engine, dnnl_forward_training, &x, NULL);
  return *hint ? create(n, engine, dnnl_backward, &x, *hint) : NULL;
}

bool onednn_plain_memory(const onednn_norm *n, dnnl_engine_t engine, void *handle, dnnl_memory_t *memory) {
  dnnl_memory_desc_t md;
  return describe(n, true, &md) && dnnl_memory_create(memory, &md, engine, handle) == dnnl_success;
}

#endif

onednn_md onednn_argument(const_dnnl_primitive_desc_t pd, int argument) {
  return dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, argument);
}

static dnnl_status_t create_reorder(dnnl_engine_t engine, dnnl_memory_t from, dnnl_memory_t to,
                                    dnnl_primitive_desc_t *pd) {
  onednn_md source = NULL, target = NULL;
  if (dnnl_memory_get_memory_desc(from, &source) != dnnl_success) return dnnl_runtime_error;
  if (dnnl_memory_get_memory_desc(to, &target) != dnnl_success) return dnnl_runtime_error;
  return dnnl_reorder_primitive_desc_create(pd, source, engine, target, engine, NULL);
}

bool onednn_reorder(dnnl_engine_t engine, dnnl_stream_t stream, dnnl_memory_t from, dnnl_memory_t to) {
  dnnl_primitive_desc_t pd = NULL;
  dnnl_primitive_t reorder = NULL;
  if (create_reorder(engine, from, to, &pd) != dnnl_success) return false;
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  const bool ok = dnnl_primitive_create(&reorder, pd) == dnnl_success &&
                  dnnl_primitive_execute(reorder, stream, 2, args) == dnnl_success &&
                  dnnl_stream_wait(stream) == dnnl_success;
  if (reorder) (void)dnnl_primitive_destroy(reorder);
  (void)dnnl_primitive_desc_destroy(pd);
  return ok;
}
