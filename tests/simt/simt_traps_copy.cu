/* Asynchronous copies, touched too early, too late, or not waited for. */
#include "kernels/cuda/port.cuh"
#include "tests/simt/simt.h"
#include "tests/simt/simt_traps.h"

using wn::simt::Trap;

namespace {

template <bool wrong>
WN_KERNEL(64, 1)
copy_unwaited_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float4, s);
  wn_copy_async(s + wn_thread(), j.x + 4 * wn_thread());
  wn_copy_commit();
  if (!wrong) wn_copy_wait<0>();
  j.y[wn_thread()] = s[wn_thread()].x;
}

template <bool wrong>
WN_KERNEL(64, 1)
copy_other_thread_kernel(WN_PARAM(trap_job) j) { /* a wait is for the own copies only */
  WN_DYNAMIC_SHARED(float4, s);
  wn_copy_async(s + wn_thread(), j.x + 4 * wn_thread());
  wn_copy_commit();
  if (!wrong || wn_thread() != 20) wn_copy_wait<0>();
  wn_sync_block();
  j.y[wn_thread()] = s[wn_thread() ^ 1].y;
  wn_sync_block();
  wn_copy_wait<0>();
}

template <bool wrong>
WN_KERNEL(64, 1)
copy_stages_kernel(WN_PARAM(trap_job) j) { /* two stages under way, the older one is used */
  WN_DYNAMIC_SHARED(float4, s);
  float sum = 0;
  for (unsigned i = 0; i < 2; i++) {
    wn_copy_async(s + i * 64 + wn_thread(), j.x + 4 * wn_thread());
    wn_copy_commit();
  }
  for (unsigned i = 0; i < 4; i++) {
    wrong &&i == 2 ? wn_copy_wait<2>() : wn_copy_wait<1>();
    wn_sync_block();
    sum += s[i % 2 * 64 + (wn_thread() ^ 1)].z;
    wn_sync_block();
    if (i < 2) wn_copy_async(s + i % 2 * 64 + wn_thread(), j.x + 4 * wn_thread());
    wn_copy_commit();
  }
  j.y[wn_thread()] = sum;
}

template <bool wrong>
WN_KERNEL(64, 1)
copy_uncommitted_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float4, s);
  wn_copy_async(s + wn_thread(), j.x + 4 * wn_thread());
  if (!wrong) wn_copy_commit();
  wn_copy_wait<0>();
  j.y[wn_thread()] = s[wn_thread()].x;
}

template <bool wrong>
WN_KERNEL(64, 1)
copy_overwritten_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float4, s);
  wn_copy_async(s + wn_thread(), j.x + 4 * wn_thread());
  wn_copy_commit();
  if (wrong) j.x[4 * wn_thread()] = 3;
  wn_copy_wait<0>();
  if (!wrong) j.x[4 * wn_thread()] = 3;
  j.y[wn_thread()] = s[wn_thread()].x;
}

template <bool wrong>
WN_KERNEL(64, 1)
copy_misaligned_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float4, s);
  wn_copy_async(s + wn_thread(), j.x + 4 * wn_thread() + (wrong ? 2 : 0));
  wn_copy_commit();
  wn_copy_wait<0>();
}

/* One thread fetches stages with bulk copies, all use them: the pipeline of a row. */
template <bool wait, bool again>
WN_DEVICE void pipeline(const trap_job &j) {
  WN_DYNAMIC_SHARED(float, s);
  wn_mbarrier *const full = reinterpret_cast<wn_mbarrier *>(s + 256);
  if (wn_thread() == 0) {
    for (int i = 0; i < 2; i++) wn_mbarrier_init(full + i, 1);
  }
  wn_sync_block();
  const auto fetch = [&](unsigned stage) {
    wn_mbarrier_expect(full + stage % 2, 512);
    wn_copy_bulk(s + stage % 2 * 128, j.x + stage * 128, 256, full + stage % 2);
    wn_copy_bulk(s + stage % 2 * 128 + 64, j.x + stage * 128 + 64, 256, full + stage % 2);
  };
  if (wn_thread() == 0) {
    fetch(0);
    fetch(1);
  }
  wn_sync_block();
  float sum = 0;
  for (unsigned i = 0; i < 6; i++) {
    while (wait && !wn_mbarrier_try(full + i % 2, i / 2 % 2)) {
    }
    sum += s[i % 2 * 128 + (wn_thread() ^ 1)] + s[i % 2 * 128 + 64 + wn_thread()];
    if (again) wn_sync_block();
    if (wn_thread() == 0 && i + 2 < 6) fetch(i + 2);
  }
  j.y[wn_thread()] = sum;
}

template <bool wrong>
WN_KERNEL(64, 1)
bulk_unwaited_kernel(WN_PARAM(trap_job) j) {
  pipeline<!wrong, true>(j);
}

template <bool wrong>
WN_KERNEL(64, 1)
bulk_reused_kernel(WN_PARAM(trap_job) j) { /* fetched over what others still read */
  pipeline<true, !wrong>(j);
}

template <bool wrong>
WN_KERNEL(64, 1)
bulk_source_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float, s);
  wn_mbarrier *const full = reinterpret_cast<wn_mbarrier *>(s + 64);
  if (wn_thread() == 0) wn_mbarrier_init(full, 1);
  wn_sync_block();
  if (wn_thread() == 0) {
    wn_mbarrier_expect(full, 256);
    wn_copy_bulk(s, j.x, 256, full);
    if (wrong) j.x[7] = 1;
  }
  while (!wn_mbarrier_try(full, 0)) {
  }
  j.y[wn_thread()] = s[wn_thread()];
}

template <bool wrong>
WN_KERNEL(64, 1)
bulk_lost_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float, s);
  wn_mbarrier *const full = reinterpret_cast<wn_mbarrier *>(s + 64);
  if (wn_thread() == 0) {
    wn_mbarrier_init(full, 1);
    wn_mbarrier_expect(full, 256);
    wn_copy_bulk(s, j.x, 256, full);
    while (!wrong && !wn_mbarrier_try(full, 0)) {
    }
  }
}

template <bool wrong>
WN_KERNEL(64, 1)
mbarrier_uninitialised_kernel(WN_PARAM(trap_job)) {
  WN_DYNAMIC_SHARED(wn_mbarrier, b);
  if (wn_thread() == 0 && !wrong) wn_mbarrier_init(b, 64);
  wn_sync_block();
  wn_mbarrier_arrive(b);
}

template <bool wrong>
WN_KERNEL(64, 1)
mbarrier_arrivals_kernel(WN_PARAM(trap_job)) {
  WN_DYNAMIC_SHARED(wn_mbarrier, b);
  if (wn_thread() == 0) wn_mbarrier_init(b, 64);
  if (wn_thread() == 0) wn_mbarrier_init(b + 1, 1);
  wn_sync_block();
  wn_mbarrier_arrive(b);
  if (wn_thread() < (wrong ? 2 : 1)) wn_mbarrier_expect(b + 1, 16); /* bytes that never come keep the phase open */
}

template <bool wrong>
WN_KERNEL(64, 1)
mbarrier_order_kernel(WN_PARAM(trap_job) j) { /* arrivals release, a completed phase acquires */
  WN_DYNAMIC_SHARED(float, s);
  wn_mbarrier *const b = reinterpret_cast<wn_mbarrier *>(s + 64);
  if (wn_thread() == 0) wn_mbarrier_init(b, 64);
  s[wn_thread()] = 0;
  wn_sync_block();
  s[wn_thread()] = j.x[wn_thread()];
  wn_mbarrier_arrive(b);
  while (!wrong && !wn_mbarrier_try(b, 0)) {
  }
  j.y[wn_thread()] = s[wn_thread() ^ 33];
}

template <bool wrong>
WN_KERNEL(64, 1)
mbarrier_never_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float, s);
  wn_mbarrier *const b = reinterpret_cast<wn_mbarrier *>(s + 64);
  if (wn_thread() == 0) {
    wn_mbarrier_init(b, 1);
    wn_mbarrier_expect(b, wrong ? 512 : 256);
    wn_copy_bulk(s, j.x, 256, b);
    while (!wn_mbarrier_try(b, 0)) {
    }
  }
}

}  // namespace

#define KERNEL(k) reinterpret_cast<const void *>(k)
#define LAUNCH(kernel, blocks) \
  { KERNEL(kernel), blocks, 64, 1, 2048, 0, 0, 0 }
#define CASE(trap, blocks, kernel) \
  { #kernel, static_cast < int>(Trap::trap), -1, LAUNCH(kernel <true>, blocks), LAUNCH(kernel <false>, blocks) }
/* Two traps: which of them depends on who comes first. */
#define CASE2(trap, also, blocks, kernel)                                                                   \
  {                                                                                                         \
#kernel, static_cast < int>(Trap::trap), static_cast < int>(Trap::also), LAUNCH(kernel <true>, blocks), \
        LAUNCH(kernel <false>, blocks)                                                                      \
  }

extern "C" {
/* One block where all would write the same. */
const trap_case trap_copy_cases[] = {
    CASE(copy_early, 1, copy_unwaited_kernel),        CASE(copy_early, 1, copy_other_thread_kernel),
    CASE(copy_early, 1, copy_stages_kernel),          CASE(copy_early, 1, copy_uncommitted_kernel),
    CASE(copy_early, 1, bulk_unwaited_kernel),        CASE2(race_shared, copy_early, 1, bulk_reused_kernel),
    CASE(copy_source, 1, copy_overwritten_kernel),    CASE(copy_source, 1, bulk_source_kernel),
    CASE(misaligned, 2, copy_misaligned_kernel),      CASE(copy_lost, 2, bulk_lost_kernel),
    CASE(mbarrier, 2, mbarrier_uninitialised_kernel), CASE(mbarrier, 2, mbarrier_arrivals_kernel),
    CASE(race_shared, 1, mbarrier_order_kernel),      CASE(deadlock, 2, mbarrier_never_kernel),
};
const size_t trap_copy_count = sizeof trap_copy_cases / sizeof *trap_copy_cases;
}
