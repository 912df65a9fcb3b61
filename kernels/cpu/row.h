/* How the row kernels walk through a set, and how tensors meet tiles on the way.
 *
 * A part of a set (all of it, or a segment) is taken in tiles: pieces of a run where runs are long, several whole runs
 * side by side where they are short, so that the stages see full vectors either way. */
#ifndef WNI_ROW_H
#define WNI_ROW_H
#include "kernel.h"
#include "tile.h"

typedef struct row_place {
  int64_t outer, middle;
} row_place;

static inline row_place row_place_next(const wni_geometry *g, row_place at) {
  const row_place next = {at.outer + 1, 0}, beside = {at.outer, at.middle + 1};
  return beside.middle == g->extent[1] ? next : beside;
}

/* runs x elements, of a set or in a tile. */
typedef struct row_part {
  int64_t run, runs, element, elements;
} row_part;

typedef struct row_walk {
  row_part part;
  int64_t runs_per_tile, tiles_across, tiles;
} row_walk;

static inline int64_t part_size(const row_part *p) { return p->runs * p->elements; }

static inline row_place row_place_of(const wni_geometry *g, int64_t set) {
  const row_place at = {set / g->extent[1], set % g->extent[1]};
  return at;
}

static inline row_part row_whole_set(const wni_geometry *g) {
  const row_part p = {0, g->extent[2], 0, g->extent[3]};
  return p;
}

static inline row_part row_segment(const wni_geometry *g, const wni_row_plan *plan, int64_t index) {
  const int64_t run = index / plan->pieces * plan->segment_runs;
  const int64_t element = index % plan->pieces * plan->segment_elements;
  const row_part p = {run, least(plan->segment_runs, g->extent[2] - run), element,
                      least(plan->segment_elements, g->extent[3] - element)};
  return p;
}

static inline row_walk row_walk_of(row_part part) {
  row_walk w = {part, 1, 1, part.runs};
  if (part.elements > TILE) {
    w.tiles_across = ceil_div(part.elements, TILE);
    w.tiles = part.runs * w.tiles_across;
  } else if (part.runs > 1 && 2 * part.elements <= TILE) {
    w.runs_per_tile = TILE / part.elements;
    w.tiles = ceil_div(part.runs, w.runs_per_tile);
  }
  return w;
}

static inline row_part row_tile_of(const row_walk *w, int64_t index) {
  if (w->tiles == 1) return w->part;
  const row_part *const p = &w->part;
  const int64_t run = w->tiles_across == 1 ? index * w->runs_per_tile : index / w->tiles_across;
  const int64_t element = w->tiles_across == 1 ? 0 : index % w->tiles_across * TILE;
  const row_part t = {p->run + run, least(w->runs_per_tile, p->runs - run), p->element + element,
                      least(TILE, p->elements - element)};
  return t;
}

/* Sets of a few tiles are gathered, converted or differentiated once: the second sweep takes what the first one left in
 * the second-level cache. More than half of TILE is in each tile but the last ones of runs. */
enum { KEPT = 4 * TILE, KEPT_TILES = 2 * KEPT / TILE + 1 };

static inline bool row_is_kept(const row_walk *w) { return w->tiles <= KEPT_TILES && part_size(&w->part) <= KEPT; }

/* Those of one tile are taken several at a time, stage by stage: within a set each stage waits for the one before, down
 * to a square root and divisions, and it is the next set's that a core can do meanwhile. But while some are read
 * nothing is written, and processors fetch ahead but a few dozen lines: so few that memory hardly waits for the core,
 * half of that where two tensors are read and need no conversion, which memory waits for otherwise. */
enum { FORWARD_BATCH = 4 << 10 };
static inline int64_t backward_batch(wn_dtype type) { return type_size(type) < 4 ? 4 << 10 : 2 << 10; }

typedef struct row_batch {
  int64_t sets, stride; /* stride: of a set's scratch from the one before */
} row_batch;

/* Of sets of at most `bytes` together, or one. */
static inline row_batch row_batch_of(const row_walk *w, wn_dtype type, int64_t bytes) {
  row_batch b = {1, round_up(part_size(&w->part), LANES)};
  while (w->tiles == 1 && b.sets < BATCH && 2 * b.sets * b.stride * type_size(type) <= bytes) b.sets *= 2;
  return b;
}

/* ---- tensors ---------------------------------------------------------------------------------------------------- */

static inline int64_t row_offset(const wni_tensor *t, row_place at, const row_part *tile) {
  return at.outer * t->view.stride[0] + at.middle * t->view.stride[1] + tile->run * t->view.stride[2] + tile->element;
}

/* Short runs lie a sample apart, where no processor fetches ahead by itself: the run of the next middle set, which lies
 * beside this one and is the next to be taken, is fetched meanwhile. An address beyond the tensor does no harm. */
static inline void row_prefetch(const wni_tensor *t, int64_t first, int64_t elements) {
  const int64_t size = type_size(t->type);
  if (elements * size < 128) return; /* most of the next run is in lines that this one brings */
  const uintptr_t next = (uintptr_t)t->data + (uintptr_t)((first + t->view.stride[1]) * size);
  for (int64_t byte = 0; byte < elements * size; byte += 64) __builtin_prefetch((const void *)(next + (uintptr_t)byte));
}

/* A loop stage for each run of a tile; the type's switch stays outside. */
#define WNI_EACH_RUN(tensor, at, tile, first, local, ...)                  \
  {                                                                        \
    int64_t first = row_offset(tensor, at, tile), local = 0;               \
    for (int64_t run_ = 0; run_ < (tile)->runs; run_++) {                  \
      if ((tile)->runs > 1) row_prefetch(tensor, first, (tile)->elements); \
      __VA_ARGS__;                                                         \
      first += (tensor)->view.stride[2];                                   \
      local += (tile)->elements;                                           \
    }                                                                      \
  }

static inline void row_load(const wni_tensor *t, row_place at, const row_part *tile, real *restrict out) {
  const void *const p = t->data;
  WNI_FOR_X_TYPE(t->type, c,
                 WNI_EACH_RUN(t, at, tile, first, local, tile_load_loop(c, p, first, tile->elements, out + local)))
}

static inline void row_add(const wni_tensor *t, row_place at, const row_part *tile, real *restrict z) {
  const void *const p = t->data;
  WNI_FOR_X_TYPE(t->type, c,
                 WNI_EACH_RUN(t, at, tile, first, local, tile_add_loop(c, p, first, tile->elements, z + local)))
}

static inline void row_add_rounded(const wni_tensor *t, row_place at, const row_part *tile, real *restrict h) {
  const void *const p = t->data;
  WNI_FOR_X_TYPE(t->type, c,
                 WNI_EACH_RUN(t, at, tile, first, local, tile_add_rounded_loop(c, p, first, tile->elements, h + local)))
}

static inline void row_store(const wni_tensor *t, row_place at, const row_part *tile, const real *restrict z) {
  void *const p = t->data;
  WNI_FOR_Y_TYPE(t->type, c,
                 WNI_EACH_RUN(t, at, tile, first, local, tile_store_loop(c, p, first, tile->elements, z + local)))
}

/* A tile of one run can be read and written where it is; several are gathered in `scratch` first. */
static inline source row_source(const wni_tensor *t, row_place at, const row_part *tile, real *scratch) {
  if (tile->runs == 1) {
    const source s = {.type = t->type, .p = t->data, .first = row_offset(t, at, tile)};
    return s;
  }
  row_load(t, at, tile, scratch);
  return source_of_tile(scratch);
}

static inline target row_target(const wni_tensor *t, row_place at, const row_part *tile, bool stream, real *scratch) {
  if (tile->runs > 1) return target_of_tile(scratch);
  return target_at(t->type, t->data, row_offset(t, at, tile), stream);
}

/* From a set to the next in a tensor, within an outer index where that has several. */
static inline int64_t row_apart(const wni_geometry *g, const wni_tensor *t) { return t->view.stride[g->extent[1] > 1]; }

/* Sets are read, and only then written. Where no near cache has the tensors, what is to be read of t `sets` later, or
 * in the next wave of sets in segments, comes while these are written; otherwise memory would wait for the core half of
 * the time. So many bytes further; 0: nothing comes: there is no next wave, or sets are of one run and so long that it
 * is better to let the processor fetch ahead in that by itself. */
static inline int64_t row_ahead(const wni_cpu_job *job, const wni_tensor *t, const row_part *tile, int64_t sets) {
  enum { MOST_AHEAD = 128 << 10 };
  const wni_geometry *const g = &job->call->geo;
  const int64_t size = type_size(t->type);
  const bool cut = job->plan->row.segments > 1;
  if (!job->plan->ahead || tile->runs > 1) return 0;
  if (!cut && g->extent[2] == 1 && sets * g->set_size * size > MOST_AHEAD) return 0;
  return (cut ? job->next_sets : sets) * row_apart(g, t) * size;
}

/* Byte `by` of t becomes where what its source s asks for begins. */
static inline void row_ask(const wni_tensor *t, int64_t by, source *s) {
  source_ask(s, (uintptr_t)t->data + (uintptr_t)by, type_size(t->type));
}

/* That place of a tile becomes what its source s asks for. */
static inline void row_fetch_ahead(const wni_cpu_job *job, const wni_tensor *t, row_place at, const row_part *tile,
                                   int64_t sets, source *s) {
  const int64_t by = row_ahead(job, t, tile, sets);
  if (by != 0) row_ask(t, row_offset(t, at, tile) * type_size(t->type) + by, s);
}

/* A target as REALs where it holds such, else NULL. */
static inline real *target_reals(target t) { return t.type == WNI_REAL_TYPE ? (real *)t.p + t.first : NULL; }

/* ---- the mask --------------------------------------------------------------------------------------------------- */

static inline uint8_t *row_mask(const wni_call *call, row_place at, int64_t run, int64_t element) {
  const wni_geometry *const g = &call->geo;
  const int64_t line = (at.outer * g->extent[1] + at.middle) * g->extent[2] + run;
  return call->mask + line * wni_mask_run(g) + element / 8;
}

static inline void row_mask_store(const wni_call *call, row_place at, const row_part *tile, const real *z) {
  for (int64_t r = 0; r < tile->runs; r++) {
    tile_mask_store(z + r * tile->elements, tile->elements, row_mask(call, at, tile->run + r, tile->element));
  }
}

static inline void row_mask_gradient(const wni_call *call, row_place at, const row_part *tile, real otherwise,
                                     real *dy) {
  for (int64_t r = 0; r < tile->runs; r++) {
    const uint8_t *const mask = row_mask(call, at, tile->run + r, tile->element);
    tile_mask_gradient(mask, otherwise, tile->elements, dy + r * tile->elements);
  }
}

/* ---- parameters ------------------------------------------------------------------------------------------------- */

/* From statistics that are the job's: of a set, or running ones, of a parameter. */
static inline normalizer row_normalizer(const wni_cpu_job *job, int64_t index) {
  return normalizer_make(job->set_mean[index], job->set_rstd[index]);
}

/* The index of the first parameter of a set in the prepared gamma and beta. */
static inline int64_t row_first_param(const wni_geometry *g, const wni_row_plan *plan, row_place at) {
  return at.middle * g->param_step * plan->expand;
}

/* A stretch of a tile whose elements share parameter `param` of their set; from `begin` of the tile on. */
typedef struct row_stretch {
  int64_t param, begin, size;
} row_stretch;

static inline row_stretch row_stretch_at(const wni_geometry *g, const wni_row_plan *plan, const row_part *tile,
                                         int64_t begin) {
  const int64_t size = part_size(tile);
  if (plan->spans == 1) {
    const row_stretch all = {0, begin, size - begin};
    return all;
  }
  const int64_t element = tile->element + begin, param = element / g->param_span;
  const row_stretch s = {param, begin, least(size - begin, (param + 1) * g->param_span - element)};
  return s;
}

#define WNI_EACH_STRETCH(s, g, plan, tile)                           \
  for (row_stretch s = row_stretch_at(g, plan, tile, 0); s.size > 0; \
       s = row_stretch_at(g, plan, tile, s.begin + s.size))

/* z = gamma xhat + beta, then relu if asked for. */
static inline void row_affine(const wni_cpu_job *job, row_place at, const row_part *tile, normalizer s, bool relu,
                              source x, target z) {
  const wni_geometry *const g = &job->call->geo;
  const wni_row_plan *const plan = &job->plan->row;
  const int64_t first = row_first_param(g, plan, at);
  const real *const gamma = (const real *)job->gamma + first, *const beta = (const real *)job->beta + first;
  if (plan->per_element) {
    WNI_EACH_ALIGNED_PART(z, tile->elements, by, part) {
      const source from = source_from(x, by);
      const target to = target_from(z, by);
      const int64_t element = tile->element + by;
      tiles_affine_each(1, &s, relu, gamma + element, beta + element, &from, part, &to);
    }
    return;
  }
  WNI_EACH_STRETCH(p, g, plan, tile) {
    const target stretch = target_from(z, p.begin);
    WNI_EACH_ALIGNED_PART(stretch, p.size, by, part) {
      const source from = source_from(x, p.begin + by);
      const target to = target_from(stretch, by);
      tiles_affine(1, &s, relu, gamma + p.param, beta + p.param, &from, part, &to);
    }
  }
}

#endif
