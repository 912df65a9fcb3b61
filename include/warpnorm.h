/* warpnorm.h - batch, layer, group, instance and RMS normalization: training forward, backward, inference.
 *
 * One C interface, two backends: the processor (in every build) and CUDA GPUs (in builds that say so).
 *
 * INTRODUCTION
 *
 * A *device* is where tensors live. A *problem* says what is to be normalized: kind, layout, types, shape. A *plan* is
 * a problem made ready for a device: all checking and choosing that does not depend on pointers is done once. Four
 * calls run a plan: wn_train, wn_infer, wn_backward, wn_backward_frozen.
 *
 *    #include <stdio.h>
 *    #include <warpnorm.h>
 *
 *    int main(void) {
 *      float x[2][4] = {{1, 2, 3, 4}, {-1, 0, 0, 1}}, y[2][4];       // 2 rows of 4 channels
 *      wn_device *device = NULL;
 *      wn_plan *plan = NULL;
 *      void *gx = NULL, *gy = NULL, *work = NULL;                    // device memory
 *      size_t need = 0;
 *      wn_problem p = WN_PROBLEM_INIT;
 *      p.kind = WN_LAYER;
 *      p.n = 2;
 *      p.c = 4;
 *      wn_status s = wn_device_open(&device, WN_AUTO, 0);            // a GPU, or else the processor
 *      if (s == WN_OK) s = wn_plan_create(&plan, device, &p);
 *      if (s == WN_OK) need = wn_plan_workspace(plan, WN_INFER);
 *      if (s == WN_OK) s = wn_buffer_alloc(device, &work, need, NULL);
 *      if (s == WN_OK) s = wn_buffer_alloc(device, &gx, sizeof x, NULL);
 *      if (s == WN_OK) s = wn_buffer_alloc(device, &gy, sizeof y, NULL);
 *      if (s == WN_OK) s = wn_buffer_write(device, gx, x, sizeof x, NULL);
 *      wn_forward_args a = WN_FORWARD_INIT;
 *      a.x = gx;
 *      a.y = gy;
 *      if (s == WN_OK) s = wn_infer(plan, &a, work, need, NULL);
 *      if (s == WN_OK) s = wn_buffer_read(device, y, gy, sizeof y, NULL);
 *      if (s == WN_OK) s = wn_stream_wait(device, NULL);
 *      if (s == WN_OK) printf("%.3f %.3f %.3f %.3f\n", y[0][0], y[0][1], y[0][2], y[0][3]);
 *      else fprintf(stderr, "%s: %s\n", wn_status_text(s), wn_last_error());
 *      return s != WN_OK;                                            // closing and freeing left out
 *    }
 *
 * TENSORS
 *
 * x is seen as (N, C, X): N samples, C channels, X all spatial axes flattened to one (1: there are none). Layout NCX
 * keeps X innermost ("channels first"), NXC keeps C innermost ("channels last"). With x = 1 both are a matrix (N, C).
 * Layer norm over several trailing axes (a normalized_shape) is c = their product, x = 1.
 *
 *   kind        statistics for each       over           gamma, beta   source
 *   WN_BATCH    c; (part, c) with parts   N (N/P), X     c             Ioffe, Szegedy 2015 (arXiv 1502.03167);
 *                                                                      ghost parts: Hoffer et al. 2017 (1705.08741)
 *   WN_LAYER    (n, x)                    C              c             Ba, Kiros, Hinton 2016 (1607.06450)
 *   WN_GROUP    (n, g)                    C/G, X         c             Wu, He 2018 (1803.08494)
 *   WN_INSTANCE (n, c)                    X              c             Ulyanov et al. 2016 (1607.08022)
 *   WN_RMS      (n, x), no mean           C              c             Zhang, Sennrich 2019 (1910.07467)
 *
 * With m the number of elements that share a statistic:
 *
 *   forward    mean = sum(x)/m, var = sum((x - mean)^2)/m, rstd = 1/sqrt(var + eps), xhat = (x - mean) rstd,
 *              z = gamma xhat + beta, y = act(z).          RMS: rstd = 1/sqrt(sum(x^2)/m + eps), xhat = x rstd.
 *   backward   dz = dy act'(z), g = gamma dz, means over the set:
 *              dx = rstd (g - mean(g) - xhat mean(g xhat));   RMS: dx = rstd (g - xhat mean(g xhat));
 *              frozen: dx = rstd g.   dgamma = sum(dz xhat), dbeta = sum(dz) over all that shares the parameter.
 *
 * gamma missing (NULL) is 1, beta missing is 0; each may be missing alone.
 *
 * TYPES
 *
 *   x, residual, sum, dx, dsum, dresidual   one type: f32, f16, bf16, f64
 *   y                                       f64 for f64 x; else f32, f16, bf16, f8 E4M3, f8 E5M2, whatever x is
 *   dy                                      the type of y; for f8 y one of f32, f16, bf16, named in the problem
 *   gamma, beta                             f64 for f64 x; else f32 or the type of x
 *   dgamma, dbeta                           the type of gamma, or f32 where that has 16 bits
 *   mean, rstd, running_mean, running_var   f32; f64 for f64 x
 *
 * Arithmetic is f32 (f64 for f64 data) whatever the tensors are, with one rounding, at the store. Statistics do not
 * cancel: data at 10^6 + N(0,1) in f32 is normalized as if its mean were known exactly. Results are bitwise repeatable,
 * for any number of threads, and a row of layer or RMS norm does not depend on the other rows of the call.
 *
 * ERRORS
 *
 * Every call returns a wn_status. A bad argument is found before anything is written; wn_last_error then names the
 * argument, its value and the limit.
 *
 * THREADS AND STREAMS
 *
 * A plan is immutable: threads may share it (a sync plan belongs to one thread at a time), each with a workspace of its
 * own. Calls that run a plan enqueue on `stream` (a cudaStream_t on a CUDA device, NULL: the legacy default stream); on
 * the processor they run at once and `stream` is ignored. They never allocate and never synchronise, so they can be
 * captured in a CUDA graph. A device outlives its plans and buffers. The processor uses OpenMP's threads
 * (OMP_NUM_THREADS). */
/* Comments beside fields are set as tables: */
/* clang-format off */
#ifndef WARPNORM_H
#define WARPNORM_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define WN_VERSION 100 /* major*10000 + minor*100 + patch */
#ifndef WN_API
#define WN_API __attribute__((visibility("default")))
#endif

/* WN_VERSION of the library that is linked, which may differ from the header's. */
WN_API int wn_version(void);

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* Frozen; values are only appended. */
typedef enum {
  WN_OK = 0,
  WN_ERR_ARGUMENT = 1,    /* a pointer, enum, flag, struct size, scalar, or an overlap of buffers */
  WN_ERR_SHAPE = 2,       /* sizes, strides, groups, parts; products beyond int64 */
  WN_ERR_UNSUPPORTED = 3, /* valid values in a combination that is not offered, types outside the table included */
  WN_ERR_WORKSPACE = 4,   /* the workspace is NULL, too small or misaligned */
  WN_ERR_MEMORY = 5,      /* no memory, of the host or the device */
  WN_ERR_NO_DEVICE = 6,   /* no such device, or one that this build cannot use */
  WN_ERR_DEVICE = 7,      /* the device or its runtime failed */
  WN_ERR_COMM = 8         /* the ranks' problems differ, or the communicator failed */
} wn_status;

/* A short static text ("bad argument"), never NULL, for values that are no wn_status too. */
WN_API const char *wn_status_text(wn_status status);

/* Why the last call of this thread that failed did so: which argument, what it was, what was expected. Never NULL,
 * empty before the first failure. The text is the thread's own and stays until its next failing call. */
WN_API const char *wn_last_error(void);

/* ---- what is normalized ---------------------------------------------------------------------------------------- */

typedef enum { WN_BATCH = 1, WN_LAYER = 2, WN_GROUP = 3, WN_INSTANCE = 4, WN_RMS = 5 } wn_kind;

typedef enum {
  WN_DTYPE_DEFAULT = 0, /* see the field */
  WN_F32 = 1,
  WN_F16 = 2,           /* IEEE binary16 */
  WN_BF16 = 3,
  WN_F64 = 4,
  WN_F8_E4M3 = 5,       /* OCP 8-bit (arXiv 2209.05433), no infinity, largest finite 448 */
  WN_F8_E5M2 = 6        /* largest finite 57344 */
} wn_dtype;

typedef enum { WN_NCX = 1, WN_NXC = 2 } wn_layout; /* X: the flattened spatial axes */

typedef enum {
  WN_ACT_NONE = 0,
  WN_ACT_RELU,       /* keeps NaN; the derivative at 0 is 0 */
  WN_ACT_LEAKY_RELU, /* z > 0 ? z : act_slope z; the derivative at 0 is the slope */
  WN_ACT_SIGMOID,
  WN_ACT_TANH,
  WN_ACT_GELU,       /* z/2 (1 + erf(z/sqrt 2)): Hendrycks, Gimpel 2016 (arXiv 1606.08415) */
  WN_ACT_GELU_TANH,  /* z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))) */
  WN_ACT_SILU        /* z sigmoid(z) */
} wn_act;

/* Where a residual r joins. */
typedef enum {
  WN_ADD_NONE = 0,
  WN_ADD_BEFORE = 1, /* h = x + r, rounded to the type of x and stored in `sum`; all that follows is of that h */
  WN_ADD_AFTER = 2   /* y = act(z + r) */
} wn_add;

/* wn_problem.flags */
enum {
  WN_RUNNING_POPULATION = 1u,  /* the running variance averages var (ONNX), not var m/(m-1) (PyTorch, cuDNN) */
  WN_INSTANCE_RUNNING = 2u,    /* WN_INSTANCE keeps running statistics, and wn_infer uses them */
  WN_GAMMA_MINUS_ONE = 4u,     /* gamma is stored as gamma - 1 (a missing gamma is still a factor of 1) */
  WN_GRAD_ADD = 8u,            /* dgamma and dbeta are added to, not written */
  WN_SPLIT_FEW_ROWS = 16u,     /* a row's split may depend on how many rows there are: faster, not batch invariant */
  WN_RUNNING_CUMULATIVE = 32u  /* running statistics are the average over all calls; momentum is not read */
};                             /* both WN_RUNNING_ flags: WN_BATCH, or WN_INSTANCE with WN_INSTANCE_RUNNING */

/* How far apart things lie, in elements. 0: packed. Negative or below the extent that it steps over: WN_ERR_SHAPE.
 *
 *   NCX   element (n, c, x) is at n row + c X + x; row >= C X; pixel must be 0.
 *   NXC   element (n, x, c) is at n row + x pixel + c; pixel 0 is C, row 0 is X pixel. Either each sample lies together
 *         (pixel >= C, row >= (X-1) pixel + C) or the positions lie outermost (row >= C, pixel >= (N-1) row + C). */
typedef struct wn_stride {
  int64_t row;   /* from one sample n to the next */
  int64_t pixel; /* NXC only: from one position to the next, larger than C for a slice of channels of a wider tensor */
} wn_stride;

/* Start from WN_PROBLEM_INIT and set what differs: kind, n, c at least. */
typedef struct wn_problem {
  size_t size;              /* sizeof(wn_problem): tells old callers from new ones */
  wn_kind kind;
  wn_layout layout;
  wn_dtype x_type;          /* of x, residual, sum, dx, dsum, dresidual */
  wn_dtype y_type;          /* default: x_type */
  wn_dtype dy_type;         /* default: y_type; with f8 y and the default the plan has no backward passes */
  wn_dtype param_type;      /* of gamma, beta; default: f32 (f64 for f64 x) */
  wn_dtype param_grad_type; /* of dgamma, dbeta; default: param_type */
  wn_act act;
  wn_add add;
  uint32_t flags;
  int64_t n;                /* samples, 0 or more: the most that a call brings */
  int64_t c, x;             /* channels, positions: 1 or more */
  int64_t groups;           /* WN_GROUP: divides c; other kinds: 1 */
  int64_t parts;            /* WN_BATCH: ghost parts, equal runs of samples with statistics of their own, divides the n
                             * of each wn_train and wn_backward (not the plan's); 0 or 1: the whole batch. Other
                             * kinds: 0 or 1 */
  wn_stride x_stride, dx_stride;         /* x; dx */
  wn_stride y_stride, dy_stride;         /* y; dy */
  wn_stride residual_stride, sum_stride; /* residual and dresidual; sum, dsum, and x of the backward passes with
                                          * WN_ADD_BEFORE */
  double eps;               /* 0 or more, finite */
  double momentum;          /* finite; running <- (1 - momentum) running + momentum statistic, as PyTorch counts. Older
                             * texts and ONNX count the other way round: their 0.9 is 0.1 here. 1: the old value is not
                             * read and may be NaN */
  double act_slope;         /* WN_ACT_LEAKY_RELU: finite */
} wn_problem;

#define WN_PROBLEM_INIT                                                                                              \
  {                                                                                                                  \
    sizeof(wn_problem), (wn_kind)0, WN_NCX, WN_F32, WN_DTYPE_DEFAULT, WN_DTYPE_DEFAULT, WN_DTYPE_DEFAULT,            \
        WN_DTYPE_DEFAULT, WN_ACT_NONE, WN_ADD_NONE, 0, 0, 0, 1, 1, 1, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0},        \
        {0, 0}, 1e-5, 0.1, 0.01                                                                                      \
  }

/* ---- devices and their memory ---------------------------------------------------------------------------------- */

typedef enum { WN_AUTO = 0, WN_CPU = 1, WN_CUDA = 2 } wn_backend;

/* A processor or a GPU; threads may share it. */
typedef struct wn_device wn_device;

/* Opens device `ordinal` (the processor: 0) of a backend. WN_AUTO: GPU `ordinal` if this build can use it, else the
 * processor, and wn_device_text says why. *device is the caller's, to be closed; NULL after an error.
 * The processor's kernels are chosen for its instruction set; the environment variable WN_CPU_ISA (baseline, avx2,
 * avx512, avx512_bf16) caps the choice.
 * Errors: ARGUMENT (device NULL, unknown backend, WN_CPU_ISA that this machine lacks), NO_DEVICE, MEMORY, DEVICE. */
WN_API wn_status wn_device_open(wn_device **device, wn_backend backend, int ordinal);

/* After all its plans and buffers are gone. NULL is fine. */
WN_API void wn_device_close(wn_device *device);

/* WN_CPU or WN_CUDA; WN_AUTO for NULL. */
WN_API wn_backend wn_device_backend(const wn_device *device);

/* One line for people: "NVIDIA H200, sm_90, 132 SMs", "cpu, avx512, 2 threads"; after WN_AUTO also why it took the
 * processor. Lives as long as the device; for NULL "no device". */
WN_API const char *wn_device_text(const wn_device *device);

/* Device memory: stream-ordered, aligned for every kernel (256 bytes and more), content undefined; 0 bytes are
 * NULL. The buffer is the caller's; stream: NULL or a stream of the device. Errors: ARGUMENT (device or out NULL),
 * MEMORY, DEVICE; *out is NULL after one. */
WN_API wn_status wn_buffer_alloc(wn_device *device, void **out, size_t bytes, void *stream);

/* Once what was enqueued on the stream before is done. buffer NULL is fine. Errors: ARGUMENT (device NULL), DEVICE. */
WN_API wn_status wn_buffer_free(wn_device *device, void *buffer, void *stream);

/* Host to device; dst may lie anywhere in a buffer. The host memory may be reused on return. bytes 0: pointers may be
 * NULL. Errors: ARGUMENT (a NULL), DEVICE. */
WN_API wn_status wn_buffer_write(wn_device *device, void *dst, const void *host, size_t bytes, void *stream);

/* Device to host; the host memory holds the data after wn_stream_wait. bytes 0: pointers may be NULL. Same errors. */
WN_API wn_status wn_buffer_read(wn_device *device, void *host, const void *src, size_t bytes, void *stream);

/* Returns when all that was enqueued on the stream is done; reports its errors: ARGUMENT (device NULL), DEVICE (also for
 * a stream that is being captured, which stays as it is). */
WN_API wn_status wn_stream_wait(wn_device *device, void *stream);

/* ---- plans ----------------------------------------------------------------------------------------------------- */

typedef enum { WN_TRAIN = 1, WN_INFER = 2, WN_BACKWARD = 3, WN_BACKWARD_FROZEN = 4 } wn_pass;

typedef struct wn_plan wn_plan;

/* Checks the problem, which is copied, and chooses kernels. *plan is the caller's, to be destroyed before the device is
 * closed; NULL after an error. Errors: ARGUMENT, SHAPE, UNSUPPORTED (types outside the table), MEMORY, DEVICE. */
WN_API wn_status wn_plan_create(wn_plan **plan, wn_device *device, const wn_problem *problem);

/* NULL is fine. Calls that were enqueued may still be running, but not those of a sync plan, nor a graph that has some. */
WN_API void wn_plan_destroy(wn_plan *plan);

/* Bytes of workspace that a pass needs, enough for every smaller n too. 0: none is needed, pass NULL (also for a NULL
 * plan, an unknown pass or one that the plan does not have). A workspace is device memory aligned to 256 bytes (what
 * wn_buffer_alloc gives); its content does not matter before and means nothing after; one for each call in flight. */
WN_API size_t wn_plan_workspace(const wn_plan *plan, wn_pass pass);

/* Bytes of the mask of signs: one bit an element, more where rows are padded to whole bytes. 0 where the activation has
 * none (all but relu and leaky relu), and for a NULL plan. */
WN_API size_t wn_plan_mask(const wn_plan *plan);

/* One line about what a pass will do: kernel, split, the least bytes to read and write, the time that the memory's
 * bandwidth allows for them. Cut to `size`, always ended with 0; text may be NULL when size is 0. On the processor the
 * bandwidth is that of a copy, measured once per process by the first call (about 50 ms).
 * Errors: ARGUMENT (plan NULL, text NULL with size > 0, unknown pass), UNSUPPORTED (a pass that the plan lacks). */
WN_API wn_status wn_plan_explain(const wn_plan *plan, wn_pass pass, char *text, size_t size);

/* ---- running a plan -------------------------------------------------------------------------------------------- */

/* Arguments of wn_train and wn_infer; all pointers are to device memory and stay the caller's. Start from
 * WN_FORWARD_INIT. Tensors need the alignment of their element type only, the mask that of 4 bytes; what is not needed
 * must be NULL. With n = 0 every pointer may be NULL; nothing happens (y_amax, if given, becomes 0).
 *
 * In place: y = x, y = residual, sum = x, sum = residual, each with the same pointer, strides and element size. Any
 * other overlap of a buffer that is written with any other buffer is an error; rows that interleave without sharing an
 * element do not overlap. After wn_train with y = x (or y = sum's x) the backward pass has lost its x. */
typedef struct wn_forward_args {
  size_t size;                      /* sizeof(wn_forward_args) */
  int64_t n;                        /* samples in this call, at most the plan's; -1: the plan's; 0: none */
  const void *x;                    /* (n, c, x) */
  const void *residual;             /* (n, c, x); WN_ADD_BEFORE, WN_ADD_AFTER: needed */
  const void *gamma, *beta;         /* (c); NULL: 1, 0 */
  void *y;                          /* (n, c, x) */
  void *sum;                        /* (n, c, x) x + residual; WN_ADD_BEFORE: needed by wn_train, optional else */
  void *mean, *rstd;                /* wn_train saves them for wn_backward, packed: (parts, c), (n, x), (n, groups),
                                     * (n, c); each may be NULL; mean is NULL for WN_RMS, both are in wn_infer */
  void *mask;                       /* relu, leaky relu: wn_plan_mask bytes, signs for the backward pass of the same n;
                                     * may be NULL, and is in wn_infer without running statistics */
  void *running_mean, *running_var; /* (c), both or none; WN_BATCH, WN_INSTANCE with the flag: updated by wn_train
                                     * (NULL: no update), needed and only read by wn_infer */
  int64_t *batches_seen;            /* wn_train with WN_RUNNING_CUMULATIVE and running statistics: calls before this
                                     * one, incremented; the first call does not read the old statistics */
  const float *y_scale;             /* f8 y: y is multiplied by it before rounding; NULL: 1 */
  float *y_amax;                    /* f8 y: max |y| of this call before the scale (NaN if one is); may be NULL */
} wn_forward_args;
#define WN_FORWARD_INIT                                                 \
  {                                                                     \
    sizeof(wn_forward_args), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
  }

/* Arguments of wn_backward and wn_backward_frozen, likewise; start from WN_BACKWARD_INIT. gamma, beta and the plan are
 * those of the forward call, and so is n.
 *
 * Gradients that are NULL are not computed; the others' bits do not depend on that. With n = 0 dgamma and dbeta are
 * zeroed (left alone with WN_GRAD_ADD).
 *
 * In place: dx = dy, dx = dsum, dx = x, dresidual = dy, each with the same pointer, strides and element size. */
typedef struct wn_backward_args {
  size_t size;                            /* sizeof(wn_backward_args) */
  int64_t n;                              /* as in wn_forward_args */
  const void *x;                          /* (n, c, x); with WN_ADD_BEFORE the stored sum */
  const void *residual, *mask;            /* WN_ADD_AFTER with an activation: one of the two (given both, residual is
                                           * not read); the mask without a residual too, then no sign is recomputed.
                                           * residual is NULL without WN_ADD_AFTER */
  const void *dy;                         /* (n, c, x) */
  const void *dsum;                       /* WN_ADD_BEFORE: gradient that arrives at sum, added to dx; may be NULL */
  const void *gamma, *beta;               /* (c); NULL: 1, 0 */
  const void *mean, *rstd;                /* wn_backward: as wn_train saved them; mean is NULL for WN_RMS */
  const void *running_mean, *running_var; /* wn_backward_frozen: (c), as wn_infer read them */
  void *dx;                               /* (n, c, x); with WN_ADD_BEFORE the gradient of x and residual alike */
  void *dresidual;                        /* (n, c, x) WN_ADD_AFTER only */
  void *dgamma, *dbeta;                   /* (c) */
} wn_backward_args;
#define WN_BACKWARD_INIT                                                   \
  {                                                                        \
    sizeof(wn_backward_args), -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
  }

/* The four passes. `work` is wn_plan_workspace(plan, pass) bytes or more.
 * Errors: ARGUMENT (NULL where a pointer is needed, not NULL where it has no meaning, misaligned, overlapping), SHAPE
 * (n beyond the plan's, or not divided by parts), WORKSPACE, UNSUPPORTED (a pass that the plan lacks), DEVICE. */

/* Training forward: statistics of this batch. Reads x, residual, gamma, beta (and old running statistics). */
WN_API wn_status wn_train(const wn_plan *plan, const wn_forward_args *args, void *work, size_t work_bytes,
                          void *stream);

/* Inference. WN_BATCH, and WN_INSTANCE with WN_INSTANCE_RUNNING: mean and variance are the running ones. Other kinds:
 * as wn_train, without what training stores. */
WN_API wn_status wn_infer(const wn_plan *plan, const wn_forward_args *args, void *work, size_t work_bytes,
                          void *stream);

/* Backward of wn_train. */
WN_API wn_status wn_backward(const wn_plan *plan, const wn_backward_args *args, void *work, size_t work_bytes,
                             void *stream);

/* Backward of wn_infer with running statistics, which are constants to it ("frozen" batch norm). Kinds without running
 * statistics: UNSUPPORTED. */
WN_API wn_status wn_backward_frozen(const wn_plan *plan, const wn_backward_args *args, void *work, size_t work_bytes,
                                    void *stream);

/* ---- many ranks (SyncBN) --------------------------------------------------------------------------------------- */

/* Batch normalization whose statistics are those of the samples of all ranks together, be they processes or threads.
 * The library knows no network: it is handed the one collective that it needs. warpnorm_mpi.h and warpnorm_nccl.h make
 * such a table from a communicator of MPI or NCCL; writing one of your own takes a function.
 *
 * wn_train and wn_backward of a sync plan are collectives: every rank makes the same calls of the same plans in the
 * same order, with any number of samples, 0 included. Each exchanges once: a header of 24 bytes (int32 pass, int32 plan,
 * int64 call, int64 elements that a channel has on this rank) and 2 c floats (f64 x: doubles), so 24 + 8 c (24 + 16 c)
 * bytes of each rank. Forward these are mean and variance of each channel, backward the sums of dz xhat and of dz. They
 * are merged in the order of the ranks, so every rank gets the same bits: mean, rstd, running statistics. y_amax, dgamma
 * and dbeta are those of the rank's own samples. wn_infer and wn_backward_frozen exchange nothing.
 *
 * What is exchanged of f32 and 16-bit data is rounded to f32. A mean far from 0 is then off by up to 2^-24 of itself:
 * that y of data at 10^6 + N(0,1) is as if the mean were exact holds for plans of wn_plan_create only.
 *
 * With n = 0 a rank gives no tensors, but does have a workspace, and its mean, rstd and running statistics are those of
 * the others' samples. Where no rank has samples nothing is written. */
typedef struct wn_comm {
  size_t size;     /* sizeof(wn_comm) */
  int rank, ranks; /* 0 <= rank < ranks */
  void *context;   /* handed back to the functions; must outlive the plan */
  /* Puts every rank's `bytes` bytes, in rank order, into `all` on every rank: device memory aligned to 8 bytes. Enqueued
   * on the stream where the device has streams, and then not to be waited for here if the plan's calls are to be
   * captured. What it answers, if not WN_OK, is what the call answers; wn_error_note has the words. */
  wn_status (*all_gather)(void *context, const void *mine, void *all, size_t bytes, void *stream);
  /* Optional. Returns when all that was enqueued on the stream is done, or when an exchange among it can no longer
   * succeed, with the reason. NULL: a wait for the stream, which may never end when a rank is gone. */
  wn_status (*wait)(void *context, void *stream);
} wn_comm;

/* A plan whose WN_BATCH statistics are those of all ranks; comm is copied. Creating it is a collective, which compares
 * the ranks' problems (n and strides may differ): on a difference, or when one of them can not make its plan, all get an
 * error, and those whose own problem is good WN_ERR_COMM with who and what. A sync plan belongs to one thread at a time.
 * Errors: those of wn_plan_create, ARGUMENT (comm), UNSUPPORTED (another kind; parts > 1), COMM, what all_gather
 * answered. With NULL or a bad comm or device, or without memory for the comparison, nothing is exchanged. */
WN_API wn_status wn_plan_create_sync(wn_plan **plan, wn_device *device, const wn_problem *problem, const wn_comm *comm);

/* Waits for the stream (comm.wait), and says which fault the plan's exchanges had first since the last question:
 * WN_ERR_COMM where a rank was in another call (another pass, another plan, one more or less of this). On the processor
 * the faulty call has answered the same, with outputs undefined; on a GPU it can not: its y, dx, mean and rstd are NaN,
 * the running statistics what they were.
 * Errors: ARGUMENT (plan NULL), UNSUPPORTED (no sync plan), COMM, DEVICE, what wait answered. */
WN_API wn_status wn_plan_sync_status(const wn_plan *plan, void *stream);

/* For the functions of a wn_comm: notes a text for wn_last_error, cut to 511 bytes, and returns the status. NULL: "". */
WN_API wn_status wn_error_note(wn_status status, const char *text);

#ifdef __cplusplus
}
#endif
#endif
