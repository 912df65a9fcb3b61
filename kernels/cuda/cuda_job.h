/* Plain data between the host and the kernels: what every kernel gets, by value. */
#ifndef WNI_CUDA_JOB_H
#define WNI_CUDA_JOB_H
#include "host/call.h"
#include "host/plan_cuda.h"

/* Of a piece of a set, its size known from the geometry: the mean as the sum of two numbers, and the sum of squared
 * distances from it (no mean is subtracted: 0, 0, and the sum of squares). */
typedef struct wni_cuda_moments_f32 {
  float mean, mean_low, m2, unused;
} wni_cuda_moments_f32;
typedef struct wni_cuda_moments_f64 {
  double mean, mean_low, m2, unused;
} wni_cuda_moments_f64;

/* Of a set. */
typedef struct wni_cuda_stats_f32 {
  float mean, mean_low, rstd, var;
} wni_cuda_stats_f32;
typedef struct wni_cuda_stats_f64 {
  double mean, mean_low, rstd, var;
} wni_cuda_stats_f64;

/* In the kernel's numbers, of which f64 is slow to convert. inverse_size: 1 / elements of a set; products by it cost a
 * third of quotients, and are wrong by one more half of a last place. */
typedef struct wni_cuda_constants_f32 {
  float inverse_size, eps, act_slope;
} wni_cuda_constants_f32;
typedef struct wni_cuda_constants_f64 {
  double inverse_size, eps, act_slope;
} wni_cuda_constants_f64;

/* Bytes from a thread's octet in a row to that in its next row, and how many more where b begins anew. */
typedef struct wni_cuda_step {
  int64_t next, anew;
} wni_cuda_step;

/* The column family: rows side by side in a block, from a thread's row to its next. The rows of a slab are (a, b), b
 * has the extent `inner`, and lanes = step_a * inner + step_b. */
typedef struct wni_cuda_walk {
  int lanes, step_a, step_b;
  bool even; /* b begins anew nowhere, or the rows are all as far from one another */
  int64_t inner;
  wni_cuda_step x, residual, y, sum, dy, dsum, dx, dresidual;
} wni_cuda_walk;

typedef struct wni_cuda_job {
  wni_call call;
  wni_cuda_cut cut;
  /* ROW: runs are whole octets, nothing is added, there is no mask and no y_amax, all tensors lie so that an octet is
   * aligned to 16 bytes (of 8-bit types to 8), and what a team takes has the parameters of its elements, which lie
   * so too, or just one. Of whole sets, which are then one run, and evenly apart: by stride[2] (even). Kernels have a
   * shorter way for it. */
  bool plain, even;
  /* ROW: octets of a run lie side by side, aligned to 16 bytes; and sets, each of them one run, do. */
  bool ahead, sets_ahead;
  unsigned in_flight; /* bytes of tensors that a thread should have on their way */
  wni_cuda_constants_f32 f32;
  wni_cuda_constants_f64 f64;
  int lanes_log2; /* of cut.row.lanes, tile_octets_log2 of cut.column: shifts instead of divisions */
  int tile_octets_log2;
  wni_cuda_walk walk;
  /* Arrays of the workspace; NULL where the plan has no use for one. */
  void *moments, *stats, *sums, *set_sums, *params;
  unsigned *arrived;
  /* Sync plans; else mine and joined are NULL: messages (host/sync.h), and what the ranks' messages have come to:
   * elements of a set on all of them, 0 where there are no statistics. */
  void *mine, *all;
  int64_t *joined;
  size_t message_bytes;
  int sync_ranks;
  int32_t sync_plan;
  wni_sync_state *sync_state;
} wni_cuda_job;

#ifdef __cplusplus
extern "C" {
#endif
/* The kernel of a launch, for cudaLaunchKernelExC; its one argument is a wni_cuda_job. NULL: the build has none such,
 * which the planner's tests rule out. `types` are those of the call, which decide the instance; backward: dy instead of
 * y. */
const void *wni_cuda_kernel(wni_cuda_function function, int variant, const wni_types *types);
#ifdef __cplusplus
}
#endif
#endif
