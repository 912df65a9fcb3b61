/* What is timed: one thing many times, in blocks of 256 threads. */
#include "kernels/cuda/port.cuh"
#include "tests/simt/simt_speed.h"

namespace {

WN_KERNEL(256, 1) empty_kernel(WN_PARAM(speed_job)) {}

WN_KERNEL(256, 1) shuffle_kernel(WN_PARAM(speed_job) j) {
  float v = static_cast<float>(wn_thread());
  for (int i = 0; i < j.times; i++) v = wn_shuffle_xor(0xffffffffu, v, 1 << i % 5);
  if (v < 0) j.y[0] = v;
}

WN_KERNEL(256, 1) barrier_kernel(WN_PARAM(speed_job) j) {
  for (int i = 0; i < j.times; i++) wn_sync_block();
}

WN_KERNEL(256, 1) shared_kernel(WN_PARAM(speed_job) j) {
  WN_DYNAMIC_SHARED(float, s);
  for (int i = 0; i < j.times; i++) s[wn_thread()] = static_cast<float>(i);
}

WN_KERNEL(256, 1) global_kernel(WN_PARAM(speed_job) j) {
  const unsigned at = wn_block() * wn_threads() + wn_thread();
  for (int i = 0; i < j.times; i++) j.y[at] = j.x[at] + static_cast<float>(i);
}

WN_KERNEL(256, 1) pack_kernel(WN_PARAM(speed_job) j) {
  const unsigned at = wn_block() * wn_threads() + wn_thread();
  const float4 *const x = reinterpret_cast<const float4 *>(j.x);
  float4 *const y = reinterpret_cast<float4 *>(j.y);
  for (int i = 0; i < j.times; i++) y[at] = x[at];
}

/* A row of layer norm: a pass of loads, two reductions, a pass of stores. */
WN_DEVICE float block_sum(float v, float *part) {
  for (int i = 16; i > 0; i /= 2) v += wn_shuffle_xor(0xffffffffu, v, i);
  if (wn_lane() == 0) part[wn_thread() / 32] = v;
  wn_sync_block();
  float sum = 0;
  for (unsigned i = 0; i < wn_threads() / 32; i++) sum += part[i];
  wn_sync_block();
  return sum;
}

WN_KERNEL(256, 1) row_kernel(WN_PARAM(speed_job) j) {
  WN_SHARED(float, part, 8);
  const float4 *const x = reinterpret_cast<const float4 *>(j.x) + wn_block() * wn_threads();
  float4 *const y = reinterpret_cast<float4 *>(j.y) + wn_block() * wn_threads();
  float4 v = x[wn_thread()];
  const float mean = block_sum(v.x + v.y + v.z + v.w, part) / 1024;
  v = {v.x - mean, v.y - mean, v.z - mean, v.w - mean};
  const float m2 = block_sum(wn_fma(v.x, v.x, wn_fma(v.y, v.y, wn_fma(v.z, v.z, v.w * v.w))), part);
  const float rstd = 1 / wn_sqrt(m2 / 1024 + 1e-5f);
  v = {v.x * rstd, v.y * rstd, v.z * rstd, v.w * rstd};
  y[wn_thread()] = v;
}

#define KERNEL(k) reinterpret_cast<const void *>(k)

}  // namespace

extern "C" {
const speed_case speed_cases[] = {
    {"a thread begins and ends", KERNEL(empty_kernel), 1, 1},
    {"a lane in a shuffle", KERNEL(shuffle_kernel), 1000, 1},
    {"a thread in a barrier", KERNEL(barrier_kernel), 1000, 1},
    {"a store to shared memory, 4 bytes", KERNEL(shared_kernel), 1000, 1},
    {"a load and a store of global memory, 4 bytes", KERNEL(global_kernel), 1000, 2},
    {"a load and a store of global memory, 16 bytes", KERNEL(pack_kernel), 1000, 2},
    {"a thread of a row of layer norm, 4 elements of float", KERNEL(row_kernel), 1, 1},
};
const size_t speed_count = sizeof speed_cases / sizeof *speed_cases;
}
