// The network's arithmetic on a GPU, beside matrix products and normalization. Written with the primitives of
// port.cuh, as the library's own kernels are, so that the tests' emulator can run it. Sums are taken in an order that
// follows from the sizes alone: no atomics, the same bits in every run.
#include "kernels/cuda/port.cuh"
#include "network_kernels.h"

namespace {

WN_DEVICE int64_t first_element() { return static_cast<int64_t>(wn_block()) * wn_threads() + wn_thread(); }
WN_DEVICE int64_t element_step() { return static_cast<int64_t>(wn_blocks()) * wn_threads(); }

WN_KERNEL(ELEMENT_THREADS, 1) fill_kernel(WN_PARAM(fill_job) job) {
  for (int64_t i = first_element(); i < job.count; i += element_step()) job.x[i] = job.value;
}

WN_KERNEL(ELEMENT_THREADS, 1) bias_add_kernel(WN_PARAM(bias_add_job) job) {
  float *const y = job.y + wn_block() * job.columns;
  for (int64_t column = wn_thread(); column < job.columns; column += wn_threads()) y[column] += job.bias[column];
}

// Neighbouring threads read neighbouring columns; each sums every COLUMN_SUM_LANES-th row, and a tree the lanes.
WN_KERNEL(COLUMN_SUM_THREADS, 1) column_sum_kernel(WN_PARAM(column_sum_job) job) {
  WN_SHARED(float, sums, COLUMN_SUM_THREADS);
  const unsigned thread = wn_thread(), lane = thread / COLUMN_SUM_COLUMNS;
  const int64_t column = static_cast<int64_t>(wn_block()) * COLUMN_SUM_COLUMNS + thread % COLUMN_SUM_COLUMNS;
  float sum = 0;
  if (column < job.columns) {
    for (int64_t row = lane; row < job.rows; row += COLUMN_SUM_LANES) sum += job.x[row * job.columns + column];
  }
  sums[thread] = sum;
  wn_sync_block();
  for (unsigned half = COLUMN_SUM_LANES / 2; half > 0; half /= 2) {
    if (lane < half) sums[thread] += sums[thread + half * COLUMN_SUM_COLUMNS];
    wn_sync_block();
  }
  if (lane == 0 && column < job.columns) job.sum[column] = sums[thread];
}

WN_KERNEL(ELEMENT_THREADS, 1) activate_kernel(WN_PARAM(activate_job) job) {
  for (int64_t i = first_element(); i < job.count; i += element_step()) {
    job.y[i] = job.back ? plain_act_back(job.act, job.x[i], job.y[i]) : plain_act(job.act, job.x[i]);
  }
}

WN_KERNEL(ELEMENT_THREADS, 1) times_kernel(WN_PARAM(times_job) job) {
  for (int64_t i = first_element(); i < job.count; i += element_step()) job.y[i] = job.a[i] * job.b[i];
}

WN_KERNEL(ELEMENT_THREADS, 1) add_kernel(WN_PARAM(add_job) job) {
  for (int64_t i = first_element(); i < job.count; i += element_step()) job.y[i] += job.x[i];
}

WN_KERNEL(ELEMENT_THREADS, 1) swap_axes_kernel(WN_PARAM(swap_axes_job) job) {
  const int64_t count = job.outer * job.inner * job.columns;
  for (int64_t i = first_element(); i < count; i += element_step()) {
    const int64_t column = i % job.columns, at = i / job.columns;  // of y
    job.y[i] = job.x[(at % job.outer * job.inner + at / job.outer) * job.columns + column];
  }
}

WN_KERNEL(ELEMENT_THREADS, 1) softmax_kernel(WN_PARAM(softmax_job) job) {
  for (int64_t row = first_element(); row < job.rows; row += element_step()) {
    float *const x = job.x + row * job.columns;
    if (job.y) {
      plain_softmax_back(job.columns, job.scale, job.y + row * job.columns, x);
    } else {
      plain_softmax(job.columns, job.scale, x);
    }
  }
}

WN_DEVICE int64_t positions_of(const form &f) { return f.height * f.width; }
WN_DEVICE int64_t values_of(const form &f) { return f.channels * positions_of(f); }

WN_KERNEL(ELEMENT_THREADS, 1) patches_kernel(WN_PARAM(window_job) job) {
  const int64_t positions = positions_of(job.at.out);
  const int64_t patch = job.at.in.channels * job.at.shape.size * job.at.shape.size + 1;
  for (int64_t i = first_element(); i < job.rows * positions; i += element_step()) {
    plain_patch(&job.at, job.from + i / positions * values_of(job.at.in), i % positions, job.to + i * patch);
  }
}

WN_KERNEL(ELEMENT_THREADS, 1) patches_back_kernel(WN_PARAM(window_job) job) {
  const int64_t positions = positions_of(job.at.in), values = values_of(job.at.in);
  const int64_t patches = positions_of(job.at.out) * job.at.in.channels * job.at.shape.size * job.at.shape.size;
  for (int64_t i = first_element(); i < job.rows * positions; i += element_step()) {
    const int64_t row = i / positions;
    plain_patch_back(&job.at, job.from + row * patches, i % positions, job.to + row * values);
  }
}

WN_KERNEL(ELEMENT_THREADS, 1) pool_kernel(WN_PARAM(window_job) job) {
  const int64_t positions = positions_of(job.at.out);
  for (int64_t i = first_element(); i < job.rows * positions; i += element_step()) {
    const int64_t row = i / positions;
    plain_pool(&job.at, job.from + row * values_of(job.at.in), i % positions, job.to + row * values_of(job.at.out));
  }
}

WN_KERNEL(ELEMENT_THREADS, 1) pool_back_kernel(WN_PARAM(window_job) job) {
  const int64_t positions = positions_of(job.at.in);
  for (int64_t i = first_element(); i < job.rows * positions; i += element_step()) {
    const int64_t row = i / positions;
    plain_pool_back(&job.at, job.from + row * values_of(job.at.out), i % positions,
                    job.to + row * values_of(job.at.in));
  }
}

WN_KERNEL(ELEMENT_THREADS, 1) gather_kernel(WN_PARAM(gather_job) job) {
  const int64_t row = wn_block(), from = job.index[row];
  for (int64_t column = wn_thread(); column < job.columns; column += wn_threads()) {
    job.image_rows[row * job.columns + column] = job.images[from * job.columns + column];
  }
  if (wn_thread() == 0) job.label_rows[row] = job.labels[from];
}

// A thread a row: rows are a few classes long. One block, so that one launch has the whole sum.
WN_KERNEL(LOSS_MOST_THREADS, 1) softmax_loss_kernel(WN_PARAM(softmax_loss_job) job) {
  WN_SHARED(double, losses, LOSS_MOST_THREADS);
  WN_SHARED(int64_t, corrects, LOSS_MOST_THREADS);
  const unsigned thread = wn_thread();
  score mine = {0, 0};
  for (int64_t row = thread; row < job.rows; row += wn_threads()) {
    float *const d = job.dlogits ? job.dlogits + row * job.classes : nullptr;
    plain_softmax_row(job.classes, job.logits + row * job.classes, job.labels[row], static_cast<double>(job.rows), d,
                      &mine);
  }
  losses[thread] = mine.loss;
  corrects[thread] = mine.correct;
  wn_sync_block();
  for (unsigned half = wn_threads() / 2; half > 0; half /= 2) {
    if (thread < half) {
      losses[thread] += losses[thread + half];
      corrects[thread] += corrects[thread + half];
    }
    wn_sync_block();
  }
  if (thread == 0) {
    job.result->loss = losses[0];
    job.result->correct = corrects[0];
  }
}

WN_KERNEL(ELEMENT_THREADS, 1) to_bf16_kernel(WN_PARAM(to_bf16_job) job) {
  for (int64_t i = first_element(); i < job.count; i += element_step()) job.y[i] = plain_to_bf16(job.x[i]);
}

WN_KERNEL(ELEMENT_THREADS, 1) from_bf16_kernel(WN_PARAM(from_bf16_job) job) {
  for (int64_t i = first_element(); i < job.count; i += element_step()) job.y[i] = plain_from_bf16(job.x[i]);
}

WN_KERNEL(ELEMENT_THREADS, 1) step_sgd_kernel(WN_PARAM(step_sgd_job) job) {
  for (int64_t i = first_element(); i < job.count; i += element_step()) job.value[i] -= job.rate * job.gradient[i];
}

WN_KERNEL(ELEMENT_THREADS, 1) step_adam_kernel(WN_PARAM(step_adam_job) job) {
  for (int64_t i = first_element(); i < job.count; i += element_step()) {
    plain_adam_step(&job.constants, job.gradient[i], &job.average1[i], &job.average2[i], &job.value[i]);
  }
}

template <class Job>
const void *address(void (*kernel)(Job)) {
  return reinterpret_cast<const void *>(kernel);
}

}  // namespace

const void *network_kernel_function(network_kernel kernel) {
  switch (kernel) {
    case KERNEL_FILL:
      return address(fill_kernel);
    case KERNEL_BIAS_ADD:
      return address(bias_add_kernel);
    case KERNEL_COLUMN_SUM:
      return address(column_sum_kernel);
    case KERNEL_ACTIVATE:
      return address(activate_kernel);
    case KERNEL_TIMES:
      return address(times_kernel);
    case KERNEL_ADD:
      return address(add_kernel);
    case KERNEL_SWAP_AXES:
      return address(swap_axes_kernel);
    case KERNEL_SOFTMAX:
      return address(softmax_kernel);
    case KERNEL_PATCHES:
      return address(patches_kernel);
    case KERNEL_PATCHES_BACK:
      return address(patches_back_kernel);
    case KERNEL_POOL:
      return address(pool_kernel);
    case KERNEL_POOL_BACK:
      return address(pool_back_kernel);
    case KERNEL_GATHER:
      return address(gather_kernel);
    case KERNEL_SOFTMAX_LOSS:
      return address(softmax_loss_kernel);
    case KERNEL_TO_BF16:
      return address(to_bf16_kernel);
    case KERNEL_FROM_BF16:
      return address(from_bf16_kernel);
    case KERNEL_STEP_SGD:
      return address(step_sgd_kernel);
    case KERNEL_STEP_ADAM:
      return address(step_adam_kernel);
  }
  return nullptr;
}
