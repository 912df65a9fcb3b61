/* Kernels whose traffic is known. */
#include "kernels/cuda/port.cuh"
#include "tests/simt/simt_counted.h"

namespace {

/* Each element once, neighbours together. */
WN_KERNEL(64, 1) streaming_kernel(WN_PARAM(counted_job) j) {
  const unsigned at = wn_block() * wn_threads() + wn_thread();
  j.y[at] = j.x[at];
}

/* Each element twice: the second pass comes after the first one is through the block. */
WN_KERNEL(64, 1) twice_kernel(WN_PARAM(counted_job) j) {
  const unsigned at = wn_block() * wn_threads() + wn_thread();
  const float v = j.x[at];
  const bool any = wn_sync_block_or(v != 0);
  if (any) j.y[at] = j.x[at];
}

/* Asks for all of x, and reads the first half. */
WN_KERNEL(64, 1) ahead_kernel(WN_PARAM(counted_job) j) {
  const unsigned at = wn_block() * wn_threads() + wn_thread(), half = wn_blocks() * wn_threads();
  if (wn_thread() == 0) {
    wn_fetch_ahead(j.x + at, wn_threads() * 4);
    wn_fetch_ahead(j.x + half + at, wn_threads() * 4);
  }
  wn_sync_block();
  j.y[at] = j.x[at];
}

/* Each thread a run of 8 elements, one at a time: 32 sectors a request. */
WN_KERNEL(64, 1) scattered_kernel(WN_PARAM(counted_job) j) {
  const unsigned at = (wn_block() * wn_threads() + wn_thread()) * 8;
  for (unsigned i = 0; i < 8; i++) j.y[at + i] = j.x[at + i];
}

/* Word `stride * thread`: the stride says how many threads share a bank. */
template <unsigned stride>
WN_KERNEL(64, 1)
banks_kernel(WN_PARAM(counted_job)) {
  WN_DYNAMIC_SHARED(float, s);
  s[wn_thread() * stride] = 1;
}

WN_KERNEL(64, 1) shared_packs_kernel(WN_PARAM(counted_job)) {
  WN_DYNAMIC_SHARED(float4, s);
  const float4 v = {1, 2, 3, 4}; /* a variable: the compiler writes a temporary's elements one by one */
  s[wn_thread()] = v;
}

WN_KERNEL(64, 1) meeting_kernel(WN_PARAM(counted_job) j) {
  float v = 1;
  for (int i = 0; i < 3; i++) v = wn_shuffle_xor(0xffffffffu, v, 1);
  wn_sync_block();
  wn_sync_block();
  if (v != 1) j.y[0] = v;
}

#define KERNEL(k) reinterpret_cast<const void *>(k)

}  // namespace

extern "C" {
const void *const counted_streaming = KERNEL(streaming_kernel);
const void *const counted_twice = KERNEL(twice_kernel);
const void *const counted_ahead = KERNEL(ahead_kernel);
const void *const counted_scattered = KERNEL(scattered_kernel);
const void *const counted_banks[3] = {KERNEL(banks_kernel<1>), KERNEL(banks_kernel<2>), KERNEL(banks_kernel<33>)};
const void *const counted_shared_packs = KERNEL(shared_packs_kernel);
const void *const counted_meeting = KERNEL(meeting_kernel);
}
