/* The little of oneDNN that its peers use, alike for versions 2 and 3, whose C interfaces differ: memory descriptors
 * are structs in one and handles in the other, and operations became primitive descriptors.
 *
 * What came later than 3.0 is asked for by CMake: BENCH_ONEDNN_GROUP, BENCH_ONEDNN_RMS. */
#ifndef ONEDNN_API_H
#define ONEDNN_API_H
#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>
#include <stdint.h>

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t onednn_md;
#else
typedef const dnnl_memory_desc_t *onednn_md;
#endif

typedef enum onednn_kind { ONEDNN_BATCH, ONEDNN_LAYER, ONEDNN_GROUP } onednn_kind;

typedef struct onednn_norm {
  onednn_kind kind;
  bool forward, train;
  int dims;
  dnnl_dim_t dim[DNNL_MAX_NDIMS], stride[DNNL_MAX_NDIMS]; /* of x */
  dnnl_format_tag_t tag;                                  /* in place of strides, if it is not undef */
  dnnl_data_type_t type;
  dnnl_dim_t groups;
  float eps;
  unsigned flags;
} onednn_norm;

/* The primitive's descriptor; NULL: this version has no implementation. `hint` receives the forward one that a backward
 * one is made from, or NULL. Both are destroyed with dnnl_primitive_desc_destroy. */
dnnl_primitive_desc_t onednn_create(const onednn_norm *norm, dnnl_engine_t engine, dnnl_primitive_desc_t *hint);

/* What the descriptor says of an argument (DNNL_ARG_...). */
onednn_md onednn_argument(const_dnnl_primitive_desc_t pd, int argument);

/* A memory of x's type in the plain layout of `norm`, its tag left aside. */
bool onednn_plain_memory(const onednn_norm *norm, dnnl_engine_t engine, void *handle, dnnl_memory_t *memory);

/* Copies between layouts. */
bool onednn_reorder(dnnl_engine_t engine, dnnl_stream_t stream, dnnl_memory_t from, dnnl_memory_t to);

#endif
