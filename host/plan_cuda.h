/* How a CUDA device runs a pass: a pure function of what is normalized and of the device's figures, so it is made and
 * tested without a GPU. The result is plain data; kernels/cuda/cuda_job.h hands its `cut` to the kernels. */
#ifndef WNI_PLAN_CUDA_H
#define WNI_PLAN_CUDA_H
#include "backend.h"

enum { WNI_CUDA_CLUSTERS = 3 }; /* sizes of clusters: 2, 4, 8, which every device has that has any */

/* What of a GPU shapes a plan. */
typedef struct wni_cuda_figures {
  const char *name;
  int sm;  /* compute capability, major * 10 + minor */
  int sms; /* multiprocessors */
  int threads_per_sm;
  int blocks_per_sm;
  int64_t shared_per_sm;    /* bytes */
  int64_t shared_per_block; /* bytes, once the kernel has asked for more than 48 KB */
  int64_t l2_bytes;
  double bytes_per_second; /* of its memory, as specified */
  int64_t in_flight;       /* bytes of loads per multiprocessor that hide the memory's latency */
  /* Blocks that are on the device at once in clusters of 2, 4 and 8, one on a multiprocessor: groups of these, which no
   * cluster leaves, are no multiples of it. 0: it has no clusters. */
  int clustered[WNI_CUDA_CLUSTERS];
} wni_cuda_figures;

/* The devices that plans are tested for (cuda_devices.c); another one is planned from its queried properties. */
extern const wni_cuda_figures wni_cuda_devices[];
extern const int wni_cuda_device_count;

/* Kernels work on octets: 8 neighbouring elements, which are 16 bytes in the 16-bit types, a byte of the relu mask, and
 * one thread's at a time. Which elements make an octet depends on their index alone, never on an address, so that a
 * row's sums do not depend on where it lies. */
enum { WNI_OCTET = 8 };

typedef enum wni_cuda_function {
  WNI_CUDA_ROW_FORWARD = 0,       /* whole sets: statistics and y, one launch */
  WNI_CUDA_ROW_MOMENTS,           /* segments of sets -> moments; stores sum */
  WNI_CUDA_ROW_APPLY,             /* segments: y from statistics of sets, or running ones */
  WNI_CUDA_ROW_BACKWARD,          /* whole sets: sums and dx, one launch */
  WNI_CUDA_ROW_BACKWARD_SUMS,     /* segments -> sums */
  WNI_CUDA_ROW_BACKWARD_APPLY,    /* segments: dx, dresidual from sums of sets; frozen: and sums */
  WNI_CUDA_COLUMN_FORWARD,        /* sets that teams of blocks keep: statistics and y, one launch */
  WNI_CUDA_COLUMN_MOMENTS,        /* chunks of rows -> moments of columns; stores sum */
  WNI_CUDA_COLUMN_APPLY,          /* chunks: y from statistics of sets, or running ones */
  WNI_CUDA_COLUMN_BACKWARD,       /* sets that teams of blocks keep: sums and dx, one launch */
  WNI_CUDA_COLUMN_BACKWARD_SUMS,  /* chunks -> sums of columns; also parameter sums of long ROW sets */
  WNI_CUDA_COLUMN_BACKWARD_APPLY, /* chunks: dx, dresidual; frozen: and sums; parameter by row: and its sums */
  WNI_CUDA_MERGE_MOMENTS,         /* moments of pieces -> statistics of sets, saved ones too */
  WNI_CUDA_MERGE_SUMS,            /* sums of pieces -> sums of sets, of parameters */
  WNI_CUDA_MERGE_PARAMS,          /* partial parameter sums -> dgamma, dbeta */
  WNI_CUDA_RUNNING,               /* statistics of sets -> running statistics */
  WNI_CUDA_COUNT_CALL,            /* batches_seen + 1 */
  WNI_CUDA_EXCHANGE,              /* sync plans: no kernel, the collective between the merge and the join */
  WNI_CUDA_JOIN_MOMENTS,          /* messages of all ranks -> statistics of sets */
  WNI_CUDA_JOIN_SUMS,             /* messages of all ranks -> sums of sets */
  WNI_CUDA_FUNCTIONS
} wni_cuda_function;

/* Who holds a set in WNI_CUDA_ROW_FORWARD and WNI_CUDA_ROW_BACKWARD: the variants of these two. */
typedef enum wni_cuda_scope {
  WNI_CUDA_LANES_1 = 0, /* 1 to 32 lanes of a warp, an octet each in registers */
  WNI_CUDA_LANES_4,     /* 4 to 32 lanes, up to 4 octets each */
  WNI_CUDA_BLOCK_2,     /* a block, up to 2 octets a thread in registers */
  WNI_CUDA_BLOCK_4,     /* a block, up to 4 */
  WNI_CUDA_TEAM,        /* one or several blocks, any length: what fits in shared memory stays there */
  WNI_CUDA_SCOPES
} wni_cuda_scope;

/* When a launch has nothing to do for a call it is left out: a bit for each thing that a call may want. A launch with
 * several bits runs when one of them is wanted; with none, always. */
enum {
  WNI_CUDA_WANT_DX = 1u,     /* dx or dresidual */
  WNI_CUDA_WANT_PARAMS = 2u, /* dgamma or dbeta */
  WNI_CUDA_WANT_RUNNING = 4u,
  WNI_CUDA_WANT_COUNT = 8u /* cumulative running statistics */
};

typedef struct wni_cuda_launch {
  wni_cuda_function function;
  int variant;          /* wni_cuda_scope where there are several */
  unsigned grid, block; /* block: whole warps; COLUMN: a power of two */
  unsigned shared;      /* bytes of dynamic shared memory: what a kernel has no other way to know is there */
  unsigned wanted;
  bool together;    /* blocks wait for one another: all are on the device at once */
  unsigned cluster; /* blocks of a cluster, of which the grid is a multiple; 1: there are none */
} wni_cuda_launch;

/* ROW, made uniform for the kernels: a set (outer, middle) is `runs` runs of `elements`, each run with one parameter,
 * or each element with its own. Octet i of a set is octet i % run_octets of run i / run_octets, its last one perhaps
 * not full. */
typedef struct wni_cuda_row {
  int64_t runs, elements, run_octets, octets; /* octets = runs * run_octets */
  bool per_element;                 /* parameter: middle * param_step + run * param_run + (per_element ? element : 0) */
  int64_t param_run;                /* 1: each run has the next parameter; 0 */
  int last;                         /* elements of a run's last octet: 1 to 8 */
  int lanes;                        /* threads that hold a set: 1 to 32, a power of two, or the block */
  int64_t segment_octets, segments; /* of a set, where it is cut; backward with param_run: of a run */
  /* WNI_CUDA_TEAM, else 0: blocks that hold a set, a segment of it each, or where runs have parameters backward
   * `team_runs` runs (else 0); and octets of those that stay in shared memory. */
  int team;
  int64_t team_runs, kept_octets;
  bool keeps_params; /* whole sets: blocks keep gamma and beta of all elements in the launch's shared memory, converted
                      */
  int cluster;       /* of ROW_BACKWARD per_element: blocks that add up their sums of columns for one partial row */
} wni_cuda_row;

/* Whether calls may take the shorter way of this function's kernels (wni_cuda_job, plain): as far as rows decide. */
bool wni_cuda_may_be_plain(wni_cuda_function function, const wni_cuda_row *row);

/* COLUMN: a slab is what one outer index has, `rows` rows of `columns`. Blocks take tiles of tile_octets octets of
 * columns and chunks of rows; thread t has octet t % tile_octets and every (block / tile_octets)-th row.
 * Task = (slab * chunks + chunk) * tiles + tile; blocks stride over tasks. */
/* Of ROW sets whose parameter sums go by column there is one slab, and a row of it is all that has one parameter each:
 * a set where all sets have the same parameters, else an outer index with all its middle ones. */
typedef struct wni_cuda_column {
  int64_t rows, columns;
  int tile_octets;            /* a power of two up to 32 */
  int64_t tiles;              /* of a row */
  int64_t chunk_rows, chunks; /* of a slab */
  /* COLUMN_FORWARD, COLUMN_BACKWARD, else 0: blocks of a team, which are the chunks of so many neighbouring tiles, and
   * places for octets that each keeps in shared memory. */
  int team, team_tiles;
  int64_t kept_octets;
} wni_cuda_column;

typedef struct wni_cuda_cut {
  wni_cuda_row row; /* that of the pattern is set; of ROW sets whose parameter sums go by column both are */
  wni_cuda_column column;
  int64_t param_rows; /* partial rows that WNI_CUDA_MERGE_PARAMS adds: [param_rows][2][params] */
} wni_cuda_cut;

/* Byte offsets of the arrays in the workspace; REAL is the type of the arithmetic. What a pass has no use for is
 * WNI_CUDA_NONE; what only some calls use has its place always. */
#define WNI_CUDA_NONE SIZE_MAX
typedef struct wni_cuda_layout {
  size_t moments;   /* ROW [set][segment], COLUMN [slab][chunk][column]: wni_cuda_moments */
  size_t stats;     /* [set]: wni_cuda_stats */
  size_t sums;      /* ROW [set][segment][2], of g if per_element, else of dz; with param_run [set][run][segment][2].
                       COLUMN [slab][chunk][2][column] of dz (param_by_row: of g): REAL, xhat's first */
  size_t set_sums;  /* [set][2]: means of g xhat and of g: REAL */
  size_t params;    /* [param_rows][2][params]: REAL, sums of dz xhat and of dz. ROW per_element: a row of each block,
                       cluster or chunk; COLUMN: the array `sums` itself, or param_by_row: row slab * tiles + tile. ROW
                       else: none,    MERGE_PARAMS takes `sums` */
  size_t arrived;   /* of launches whose blocks wait for one another, [team]: unsigned, 0 at the start of a call */
  size_t mine, all; /* sync plans: this rank's message, those of all */
  size_t joined;    /* sync plans: int64 */
} wni_cuda_layout;

/* Bytes that a call moves which has all that the pass can use. */
typedef struct wni_cuda_traffic {
  double read, written; /* from and to the device's memory: tensors, parameters, statistics */
  double again;         /* of `read`, what has been read before and did not stay in the cache */
  double cached;        /* read a second time, but from the cache */
  double partial;       /* written to the workspace; it is read from there out of the cache */
} wni_cuda_traffic;

enum { WNI_CUDA_LAUNCHES = 8 };

typedef struct wni_cuda_plan {
  int launches;
  wni_cuda_launch launch[WNI_CUDA_LAUNCHES];
  wni_cuda_cut cut;
  wni_cuda_layout at;
  size_t workspace;
  /* What it expects: bytes, without masks; waves of the largest launch, block barriers that a set waits for, and the
   * time that the bytes take at the specified bandwidth plus the launches. */
  wni_cuda_traffic traffic;
  double waves, seconds;
  int barriers;
} wni_cuda_plan;

void wni_plan_cuda(const wni_plan_input *input, const wni_cuda_figures *device, wni_cuda_plan *plan);

/* Calls with fewer samples may be planned otherwise. The index-th input whose plans together have every launch
 * (function, variant) that any call has, up to this input's n; false: there are no more. */
bool wni_cuda_smaller(const wni_plan_input *input, int index, wni_plan_input *smaller);

/* The choice in words. */
void wni_cuda_plan_text(const wni_cuda_plan *plan, const wni_plan_input *input, char *text, size_t size);
const char *wni_cuda_function_name(wni_cuda_function function);
const char *wni_cuda_scope_name(wni_cuda_function function, int variant); /* "" where variants are no scopes */

/* plan_cuda_traffic.c. masked: a forward call stores signs in a mask, a backward one takes them from there. */
wni_cuda_traffic wni_cuda_count(const wni_plan_input *input, const wni_cuda_figures *device, const wni_cuda_plan *plan,
                                bool masked);

/* plan_cuda_expect.c: its last step, and how many blocks of a launch a multiprocessor holds. */
void wni_cuda_expect(const wni_plan_input *input, const wni_cuda_figures *device, wni_cuda_plan *plan);
int64_t wni_cuda_resident(const wni_plan_input *input, const wni_cuda_figures *device, const wni_cuda_launch *launch);

#endif
