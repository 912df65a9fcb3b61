/* A GPU's table: matrix products by cuBLAS, the rest by network_kernels.cu, all on one stream of its own. A call only
 * enqueues: nothing comes back to the host before machine_read. */
#include <cuda_runtime_api.h>
#include <stdlib.h>

#include "machine.h"
#include "network_kernels.h"

enum { MOST_ELEMENT_BLOCKS = 2048 }; /* enough to fill any GPU; threads take more elements beyond */

static bool check(fault *f, cudaError_t error, const char *doing) {
  if (error == cudaSuccess) return true;
  (void)cudaGetLastError();
  return fault_set(f, "%s: %s (%d): %s", doing, cudaGetErrorName(error), (int)error, cudaGetErrorString(error));
}

static void cuda_close(machine *m) {
  matrix_cublas_close(m->state);
  if (m->stream) (void)cudaStreamDestroy(m->stream);
}

/* The network's one thread stays on its GPU. */
static bool cuda_open(machine *m, int threads, fault *f) {
  (void)threads; /* of a processor's BLAS */
  cudaStream_t stream = NULL;
  if (!check(f, cudaSetDevice(m->ordinal), "cudaSetDevice")) return false;
  if (!check(f, cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags")) return false;
  m->stream = stream;
  if (matrix_cublas_open(&m->state, stream, f)) return true;
  cuda_close(m);
  return false;
}

/* Nothing is enqueued after a failure: it would work on what was not written. */
static void launch(machine *m, network_kernel kernel, int64_t blocks, int64_t threads, void *job) {
  const cudaLaunchConfig_t config = {
      .gridDim = {(unsigned)blocks, 1, 1}, .blockDim = {(unsigned)threads, 1, 1}, .stream = m->stream};
  fault f;
  if (machine_has_failed(m)) return;
  if (!check(&f, cudaLaunchKernelExC(&config, network_kernel_function(kernel), &job), "launching a kernel")) {
    machine_fail(m, "%s", f.text);
  }
}

static void launch_elements(machine *m, network_kernel kernel, int64_t count, void *job) {
  const int64_t blocks = (count + ELEMENT_THREADS - 1) / ELEMENT_THREADS;
  launch(m, kernel, blocks < MOST_ELEMENT_BLOCKS ? blocks : MOST_ELEMENT_BLOCKS, ELEMENT_THREADS, job);
}

/* A block for each row, with whole warps for its columns. */
static void launch_rows(machine *m, network_kernel kernel, int64_t rows, int64_t columns, void *job) {
  const int64_t threads = (columns + 31) / 32 * 32;
  launch(m, kernel, rows, threads < ELEMENT_THREADS ? threads : ELEMENT_THREADS, job);
}

static void cuda_multiply(machine *m, const matrix_product *p) {
  fault f;
  if (machine_has_failed(m)) return;
  if (!matrix_cublas_multiply(m->state, p, &f)) machine_fail(m, "%s", f.text);
}

static void cuda_fill(machine *m, int64_t count, float value, float *x) {
  fill_job job = {count, value, x};
  launch_elements(m, KERNEL_FILL, count, &job);
}

static void cuda_bias_add(machine *m, int64_t rows, int64_t columns, const float *bias, float *y) {
  bias_add_job job = {columns, bias, y};
  launch_rows(m, KERNEL_BIAS_ADD, rows, columns, &job);
}

static void cuda_column_sum(machine *m, int64_t rows, int64_t columns, const float *x, float *sum) {
  column_sum_job job = {rows, columns, x, sum};
  launch(m, KERNEL_COLUMN_SUM, (columns + COLUMN_SUM_COLUMNS - 1) / COLUMN_SUM_COLUMNS, COLUMN_SUM_THREADS, &job);
}

static void cuda_activate(machine *m, wn_act act, int64_t count, const float *x, float *y) {
  activate_job job = {count, act, 0, x, y};
  launch_elements(m, KERNEL_ACTIVATE, count, &job);
}

static void cuda_activate_back(machine *m, wn_act act, int64_t count, const float *x, float *d) {
  activate_job job = {count, act, 1, x, d};
  launch_elements(m, KERNEL_ACTIVATE, count, &job);
}

static void cuda_times(machine *m, int64_t count, const float *a, const float *b, float *y) {
  times_job job = {count, a, b, y};
  launch_elements(m, KERNEL_TIMES, count, &job);
}

static void cuda_add(machine *m, int64_t count, const float *x, float *y) {
  add_job job = {count, x, y};
  launch_elements(m, KERNEL_ADD, count, &job);
}

static void cuda_swap_axes(machine *m, int64_t outer, int64_t inner, int64_t columns, const float *x, float *y) {
  swap_axes_job job = {outer, inner, columns, x, y};
  launch_elements(m, KERNEL_SWAP_AXES, outer * inner * columns, &job);
}

static void cuda_softmax(machine *m, int64_t rows, int64_t columns, float scale, float *x) {
  softmax_job job = {rows, columns, scale, NULL, x};
  launch_elements(m, KERNEL_SOFTMAX, rows, &job);
}

static void cuda_softmax_back(machine *m, int64_t rows, int64_t columns, float scale, const float *y, float *d) {
  softmax_job job = {rows, columns, scale, y, d};
  launch_elements(m, KERNEL_SOFTMAX, rows, &job);
}

static void cuda_patches(machine *m, const window *w, int64_t rows, const float *x, float *patches) {
  window_job job = {*w, rows, x, patches};
  launch_elements(m, KERNEL_PATCHES, rows * form_positions(&w->out), &job);
}

static void cuda_patches_back(machine *m, const window *w, int64_t rows, const float *patches, float *dx) {
  window_job job = {*w, rows, patches, dx};
  launch_elements(m, KERNEL_PATCHES_BACK, rows * form_positions(&w->in), &job);
}

static void cuda_pool(machine *m, const window *w, int64_t rows, const float *x, float *y) {
  window_job job = {*w, rows, x, y};
  launch_elements(m, KERNEL_POOL, rows * form_positions(&w->out), &job);
}

static void cuda_pool_back(machine *m, const window *w, int64_t rows, const float *d, float *dx) {
  window_job job = {*w, rows, d, dx};
  launch_elements(m, KERNEL_POOL_BACK, rows * form_positions(&w->in), &job);
}

static void cuda_gather(machine *m, int64_t rows, int64_t columns, const int32_t *index, const float *images,
                        const uint8_t *labels, float *image_rows, uint8_t *label_rows) {
  gather_job job = {columns, index, images, labels, image_rows, label_rows};
  launch_rows(m, KERNEL_GATHER, rows, columns, &job);
}

static void cuda_softmax_loss(machine *m, int64_t rows, int64_t classes, const float *logits, const uint8_t *labels,
                              float *dlogits, score *result) {
  softmax_loss_job job = {rows, classes, logits, labels, dlogits, result};
  int64_t threads = 32;
  while (threads < rows && threads < LOSS_MOST_THREADS) threads *= 2;
  launch(m, KERNEL_SOFTMAX_LOSS, 1, threads, &job);
}

static void cuda_to_bf16(machine *m, int64_t count, const float *x, uint16_t *y) {
  to_bf16_job job = {count, x, y};
  launch_elements(m, KERNEL_TO_BF16, count, &job);
}

static void cuda_from_bf16(machine *m, int64_t count, const uint16_t *x, float *y) {
  from_bf16_job job = {count, x, y};
  launch_elements(m, KERNEL_FROM_BF16, count, &job);
}

static void cuda_step_sgd(machine *m, int64_t count, float rate, const float *gradient, float *value) {
  step_sgd_job job = {count, rate, gradient, value};
  launch_elements(m, KERNEL_STEP_SGD, count, &job);
}

static void cuda_step_adam(machine *m, int64_t count, float rate, double correction1, double correction2,
                           const float *gradient, float *average1, float *average2, float *value) {
  step_adam_job job = {count, plain_adam_of(rate, correction1, correction2), gradient, average1, average2, value};
  launch_elements(m, KERNEL_STEP_ADAM, count, &job);
}

const machine_ops machine_cuda = {
    .open = cuda_open,
    .close = cuda_close,
    .multiply = cuda_multiply,
    .fill = cuda_fill,
    .bias_add = cuda_bias_add,
    .column_sum = cuda_column_sum,
    .times = cuda_times,
    .add = cuda_add,
    .swap_axes = cuda_swap_axes,
    .softmax = cuda_softmax,
    .softmax_back = cuda_softmax_back,
    .activate = cuda_activate,
    .activate_back = cuda_activate_back,
    .patches = cuda_patches,
    .patches_back = cuda_patches_back,
    .pool = cuda_pool,
    .pool_back = cuda_pool_back,
    .gather = cuda_gather,
    .softmax_loss = cuda_softmax_loss,
    .to_bf16 = cuda_to_bf16,
    .from_bf16 = cuda_from_bf16,
    .step_sgd = cuda_step_sgd,
    .step_adam = cuda_step_adam,
};
