/* What the files of the CUDA planner share: plan_cuda.c has the column family, plan_cuda_row.c the row family. */
#ifndef WNI_PLAN_CUDA_PARTS_H
#define WNI_PLAN_CUDA_PARTS_H
#include "integer.h"
#include "names.h"
#include "plan_cuda.h"

static inline int64_t size_of(wn_dtype type) { return (int64_t)wni_dtype_size(type); }
static inline bool is_backward(const wni_plan_input *in) {
  return in->pass == WN_BACKWARD || in->pass == WN_BACKWARD_FROZEN;
}
/* Of moments, statistics: four numbers. */
static inline size_t quad(const wni_plan_input *in) { return 4 * (size_t)size_of(in->types.real); }

enum {
  WARP = 32,
  BLOCK = 256,            /* where nothing asks for a size: 4 to 8 of them fill a multiprocessor, barriers stay short */
  STATIC_SHARED = 2 << 10 /* what kernels have beside the launch's: rooms for a number of each warp, or a few */
};

/* Of an octet that a team keeps: x + residual; backward x and dy, which has words of f32 where its type is not x's. */
static inline int64_t wni_cuda_kept_bytes(const wni_plan_input *in) {
  const int64_t x = size_of(in->types.x), dy = in->types.dy == in->types.x ? x : size_of(WN_F32);
  return WNI_OCTET * (is_backward(in) ? x + dy : x);
}

static inline bool may_update_running(const wni_plan_input *in) { return in->pass == WN_TRAIN && in->running; }

/* What is counted upon of the second-level cache, two thirds: beyond that an H200 reads at the memory's speed. */
static inline double cache_of(const wni_cuda_figures *d) { return (double)d->l2_bytes * 2 / 3; }

/* Of a launch's own, beside what kernels have. */
static inline int64_t room_of(const wni_cuda_figures *d) { return d->shared_per_block - STATIC_SHARED; }

/* As many blocks as there are tasks for, up to a few waves: kernels stride over what is left, so any number is right.
 */
void wni_cuda_set_grid(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_launch *l, int64_t blocks);

/* What a plan is made of: launches, in order. */
wni_cuda_launch *wni_cuda_add(wni_cuda_plan *plan, wni_cuda_function function, unsigned wanted);
void wni_cuda_add_merge(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function,
                        const wni_plan_input *in, int64_t things, unsigned wanted);
void wni_cuda_add_params(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function,
                         const wni_plan_input *in, unsigned wanted);
/* In a sync plan, after the merge of what this rank has. */
void wni_cuda_add_exchange(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function join,
                           const wni_plan_input *in);
void wni_cuda_add_running(wni_cuda_plan *plan, const wni_cuda_figures *d, const wni_plan_input *in);
/* Tasks of the column family over the plan's cut. */
void wni_cuda_add_column(wni_cuda_plan *plan, const wni_cuda_figures *d, wni_cuda_function function,
                         const wni_plan_input *in, int64_t slabs, unsigned wanted);

void wni_cuda_cut_column(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs, int64_t rows,
                         int64_t columns, wni_cuda_column *c);
/* Chunks of a slab at most, for this number of rows and any smaller one. */
int64_t wni_cuda_most_chunks(const wni_plan_input *in, const wni_cuda_figures *d, int64_t slabs,
                             const wni_cuda_column *c);

/* The place of count * each numbers or structs in the workspace. */
size_t wni_cuda_take(wni_cuda_plan *plan, int64_t count, int64_t each, size_t size);

/* Teams of blocks (plan_cuda_team.c) that hold a set: its units, which are not cut, of so many bytes of shared memory
 * each, beside what a block needs in any case; no block has less than a few. width: blocks side by side that share the
 * set in another way, each with all of the units. */
typedef struct wni_cuda_load {
  int64_t units, bytes, fixed, few, width;
} wni_cuda_load;

/* How many blocks a set's units have, and those of any smaller one at most; 0: it does not fit. sets: how many there
 * are, where the number of blocks may depend on it; else 0. Seats: blocks that are on the device at once. */
int64_t wni_cuda_team_blocks(const wni_cuda_figures *d, const wni_cuda_load *load, int64_t sets);
int64_t wni_cuda_most_team_blocks(const wni_cuda_figures *d, const wni_cuda_load *load);
int64_t wni_cuda_team_seats(const wni_cuda_figures *d);

/* Of a block of a team: two of them share a multiprocessor's registers. */
static inline int64_t wni_cuda_team_threads(const wni_plan_input *in) { return in->types.real == WN_F64 ? 128 : 256; }

void wni_cuda_plan_row(const wni_plan_input *in, const wni_cuda_figures *d, wni_cuda_plan *plan);
bool wni_cuda_smaller_row(const wni_plan_input *in, int index, wni_plan_input *smaller);

#endif
