/* Accesses that are wrong by themselves. `wrong` is a template parameter: the twin differs by nothing else. */
#include "kernels/cuda/port.cuh"
#include "tests/simt/simt.h"
#include "tests/simt/simt_traps.h"

using wn::simt::Trap;

namespace {

WN_KERNEL(1024, 1) plain_kernel(WN_PARAM(trap_job) j) {
  const unsigned i = wn_block() * wn_threads() + wn_thread();
  j.y[i] = j.x[i];
}

WN_KERNEL(1024, 1) shared_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float, s);
  const unsigned i = wn_block() * wn_threads() + wn_thread();
  s[wn_thread()] = j.x[i];
  j.y[i] = s[wn_thread()];
}

template <bool wrong>
WN_KERNEL(64, 1)
past_end_kernel(WN_PARAM(trap_job) j) {
  if (wn_thread() == 5) j.y[wrong ? 1024 : 1023] = 1;
}

template <bool wrong>
WN_KERNEL(64, 1)
before_start_kernel(WN_PARAM(trap_job) j) {
  j.y[wn_thread()] = j.x[static_cast<int>(wn_thread()) - (wrong ? 1 : 0)];
}

template <bool wrong>
WN_KERNEL(64, 1)
far_away_kernel(WN_PARAM(trap_job) j) {
  j.y[wn_thread()] = j.x[wrong ? int64_t{1} << 38 : 0];
}

template <bool wrong>
WN_KERNEL(64, 1)
pack_over_end_kernel(WN_PARAM(trap_job) j) {
  const __half *const p = reinterpret_cast<const __half *>(j.x);
  if (wn_thread() == 3) j.y[0] = __half2float(p[wrong ? 2048 : 2047]);
}

template <bool wrong>
WN_KERNEL(64, 1)
freed_kernel(WN_PARAM(trap_job) j) {
  j.y[wn_thread()] = wrong ? j.freed[wn_thread()] : j.x[wn_thread()];
}

template <bool wrong>
WN_KERNEL(64, 1)
host_kernel(WN_PARAM(trap_job) j) {
  j.y[wn_thread()] = wrong ? j.host[0] : j.x[0];
}

template <bool wrong>
WN_KERNEL(64, 1)
neighbours_local_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(const volatile float *, where, 64);
  volatile float mine[2] = {1, j.x[wn_thread()]};
  where[wn_thread()] = mine;
  wn_sync_block();
  j.y[wn_thread()] = where[wrong ? wn_thread() ^ 1 : wn_thread()][1];
  wn_sync_block();
}

template <bool wrong>
WN_KERNEL(64, 1)
pack_misaligned_kernel(WN_PARAM(trap_job) j) {
  const float4 v = *reinterpret_cast<const float4 *>(j.x + (wrong ? 2 : 4));
  if (wn_thread() == 0) j.y[0] = v.x + v.w;
}

template <bool wrong>
WN_KERNEL(64, 1)
load_last_misaligned_kernel(WN_PARAM(trap_job) j) {
  const uint2 v = wn_load_last(reinterpret_cast<const uint2 *>(j.x + (wrong ? 1 : 2)));
  if (wn_thread() == 0) j.y[0] = wn_of_bits(v.x ^ v.y);
}

template <bool wrong>
WN_KERNEL(64, 1)
shared_misaligned_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(float, s, 64); /* promises 4 bytes, not 16 */
  alignas(16) float own[4] = {1, 2, 3, 4};
  float *const p = s + (wrong ? 0 : (16 - reinterpret_cast<uintptr_t>(s) % 16) / 4);
  if (wn_thread() == 0) *reinterpret_cast<float4 *>(p) = *reinterpret_cast<const float4 *>(own);
  if (wn_thread() == 0) j.y[0] = p[3];
}

template <bool wrong>
WN_KERNEL(64, 1)
input_written_kernel(WN_PARAM(trap_job) j) {
  (wrong ? j.input : j.y)[wn_thread()] = j.input[wn_thread()] + 1;
}

template <bool wrong>
WN_KERNEL(64, 1)
closed_kernel(WN_PARAM(trap_job) j) {
  j.y[wn_thread()] = j.closed[wn_thread() + (wrong ? 15 : 16)];
}

template <bool wrong>
WN_KERNEL(64, 1)
undefined_global_kernel(WN_PARAM(trap_job) j) {
  if (!wrong) j.y[wn_thread()] = 1;
  j.x[wn_thread()] = j.y[wn_thread()];
}

template <bool wrong>
WN_KERNEL(64, 1)
undefined_half_kernel(WN_PARAM(trap_job) j) {
  __half *const y = reinterpret_cast<__half *>(j.y);
  y[2 * wn_thread()] = __float2half(1);
  j.x[wn_thread()] = __half2float(y[2 * wn_thread() + (wrong ? 1 : 0)]);
}

template <bool wrong>
WN_KERNEL(64, 1)
undefined_shared_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float, s);
  if (wn_thread() != 7 || !wrong) s[wn_thread()] = j.x[wn_thread()];
  wn_sync_block();
  j.y[wn_thread()] = s[wn_thread() ^ 1];
}

template <bool wrong>
WN_KERNEL(64, 1)
undefined_static_kernel(WN_PARAM(trap_job) j) { /* the last block's values are still there */
  WN_SHARED(float, s, 1);
  if (wn_thread() == 0 && (!wrong || wn_block() != 3)) s[0] = j.x[wn_block()];
  wn_sync_block();
  if (wn_thread() == 1) j.y[wn_block()] = s[0];
}

template <bool wrong>
WN_KERNEL(64, 1)
dynamic_size_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float, s);
  float *const mine = s + wn_thread() + (wrong ? 1 : 0);
  *mine = j.x[wn_thread()];
  j.y[wn_thread()] = *mine;
}

template <bool wrong>
WN_KERNEL(64, 1)
static_size_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(float, s, 64);
  float *const mine = s + wn_thread() + (wrong ? 1 : 0);
  *mine = j.x[wn_thread()];
  j.y[wn_thread()] = *mine;
}

template <bool wrong>
WN_KERNEL(64, 1)
static_too_large_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(float, s, wrong ? 4097 : 1024);
  s[wn_thread()] = j.x[wn_thread()];
  j.y[wn_thread()] = s[wn_thread()];
}

template <bool wrong>
WN_KERNEL(64, 1)
endless_kernel(WN_PARAM(trap_job) j) {
  const volatile float *const x = j.x;
  while (x[0] >= 0) {
    if (!wrong) break;
  }
}

template <bool wrong>
WN_KERNEL(64, 1)
stack_kernel(WN_PARAM(trap_job) j) {
  volatile float much[wrong ? 20000 : 8000];
  much[0] = j.x[wn_thread()];
  j.y[wn_thread()] = much[0];
}

template <bool wrong>
WN_KERNEL(64, 1)
unsupported_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(wn_mbarrier, b);
  if (wn_thread() == 0) wn_mbarrier_init(b, 1);
  j.y[wn_thread()] = 1;
}

}  // namespace

#define KERNEL(k) reinterpret_cast<const void *>(k)
#define CASE(trap, kernel, blocks, dynamic)                                                                   \
  {                                                                                                           \
#kernel, static_cast < int>(Trap::trap), -1, {KERNEL(kernel <true>), blocks, 64, 1, dynamic, 0, 0, 0 }, { \
      KERNEL(kernel<false>), blocks, 64, 1, dynamic, 0, 0, 0                                                  \
    }                                                                                                         \
  }

extern "C" {
const void *const trap_plain_kernel = KERNEL(plain_kernel);
const void *const trap_shared_kernel = KERNEL(shared_kernel);

const trap_case trap_memory_cases[] = {
    CASE(outside, past_end_kernel, 1, 0),
    CASE(outside, before_start_kernel, 1, 0),
    CASE(outside, far_away_kernel, 1, 0),
    CASE(outside, pack_over_end_kernel, 1, 0),
    CASE(freed, freed_kernel, 1, 0),
    CASE(host_memory, host_kernel, 1, 0),
    CASE(host_memory, neighbours_local_kernel, 1, 0),
    CASE(misaligned, pack_misaligned_kernel, 1, 0),
    CASE(misaligned, load_last_misaligned_kernel, 1, 0),
    CASE(misaligned, shared_misaligned_kernel, 1, 0),
    CASE(forbidden, input_written_kernel, 1, 0),
    CASE(forbidden, closed_kernel, 1, 0),
    CASE(undefined, undefined_global_kernel, 1, 0),
    CASE(undefined, undefined_half_kernel, 1, 0),
    CASE(undefined, undefined_shared_kernel, 1, 256),
    CASE(undefined, undefined_static_kernel, 8, 0),
    CASE(shared_size, dynamic_size_kernel, 1, 256),
    CASE(shared_size, static_size_kernel, 1, 0),
    CASE(shared_size, static_too_large_kernel, 1, 0),
    CASE(endless, endless_kernel, 1, 0),
    CASE(stack, stack_kernel, 1, 0),
    {"unsupported_kernel",
     static_cast<int>(Trap::unsupported),
     -1,
     {KERNEL(unsupported_kernel<true>), 1, 64, 1, 16, 0, 1, 0},
     {KERNEL(unsupported_kernel<false>), 1, 64, 1, 16, 0, 0, 0}},
};
const size_t trap_memory_count = sizeof trap_memory_cases / sizeof *trap_memory_cases;
}
