/* Threads that disagree about what comes first, or that do not meet. The twins are the patterns that kernels use. */
#include "kernels/cuda/port.cuh"
#include "tests/simt/simt.h"
#include "tests/simt/simt_traps.h"

using wn::simt::Trap;

namespace {

constexpr unsigned all = 0xffffffffu;

WN_DEVICE float warp_sum(float v) {
  for (int i = 16; i > 0; i /= 2) v += wn_shuffle_xor(all, v, i);
  return v;
}

/* ---- shared memory */

template <bool wrong>
WN_KERNEL(64, 1)
reduce_barrier_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(float, part, 2);
  if (wn_thread() < 2) part[wn_thread()] = 0;
  wn_sync_block();
  const float v = warp_sum(j.x[wn_thread()]);
  if (wn_lane() == 0) part[wn_thread() / 32] = v;
  if (!wrong) wn_sync_block();
  j.y[wn_thread()] = part[0] + part[1];
}

template <bool wrong>
WN_KERNEL(64, 1)
reduce_reuse_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(float, part, 2);
  float sum = 0;
  for (int i = 0; i < 2; i++) {
    const float v = warp_sum(j.x[wn_thread()]);
    if (wn_lane() == 0) part[wn_thread() / 32] = v;
    wn_sync_block();
    sum += part[0] + part[1];
    if (!wrong) wn_sync_block();
  }
  j.y[wn_thread()] = sum;
}

template <bool wrong>
WN_KERNEL(64, 1)
warp_exchange_kernel(WN_PARAM(trap_job) j) {
  WN_DYNAMIC_SHARED(float, s);
  s[wn_thread()] = 0;
  wn_sync_warp();
  s[wn_thread()] = j.x[wn_thread()];
  if (!wrong) wn_sync_warp();
  wn_shuffle_xor(all, 1.0f, 1); /* orders nothing */
  const float v = s[wn_thread() ^ 1];
  wn_sync_warp();
  s[wn_thread() ^ 3] = v;
}

template <bool wrong>
WN_KERNEL(64, 1)
some_lanes_kernel(WN_PARAM(trap_job) j) { /* halves of a warp by themselves */
  WN_DYNAMIC_SHARED(float, s);
  const unsigned half = wn_lane() < 16 ? 0xffffu : 0xffff0000u;
  s[wn_thread()] = 0;
  wn_sync_warp();
  s[wn_thread()] = j.x[wn_thread()];
  wn_sync_warp(half);
  float v = s[wn_thread() ^ 15];
  if (!wrong) wn_sync_warp();
  v += s[wn_thread() ^ 31];
  j.y[wn_thread()] = wn_shuffle_xor(half, v, 8);
}

template <bool wrong>
WN_KERNEL(64, 1)
neighbours_bytes_kernel(WN_PARAM(trap_job) j) { /* a word's bytes are different places */
  WN_SHARED(unsigned char, s, 64);
  s[wn_thread()] = 1;
  if (wrong) s[wn_thread() ^ 1] = 2;
  wn_sync_block();
  j.y[wn_thread()] = s[wn_thread() ^ 1];
}

template <bool wrong>
WN_KERNEL(128, 1)
named_order_kernel(WN_PARAM(trap_job) j) { /* warps 0 and 1 meet, 2 and 3 do not care */
  WN_DYNAMIC_SHARED(float, s);
  s[wn_thread()] = 0;
  wn_sync_block();
  s[wn_thread()] = j.x[wn_thread()];
  const unsigned group = wn_thread() / 64;
  wn_sync_named(static_cast<int>(1 + group), 64);
  j.y[wn_thread()] = s[wrong ? wn_thread() ^ 64 : wn_thread() ^ 32];
  if (wrong) s[wn_thread()] = 0;
}

/* ---- global memory */

template <bool wrong>
WN_KERNEL(64, 1)
blocks_same_word_kernel(WN_PARAM(trap_job) j) {
  j.y[wrong ? wn_thread() : wn_block() * 64 + wn_thread()] = 1;
}

template <bool wrong>
WN_KERNEL(64, 1)
last_block_kernel(WN_PARAM(trap_job) j) { /* partial sums, finished by whoever takes the last ticket */
  WN_SHARED(unsigned, last, 1);
  float *const part = j.x + 512;
  part[wn_block() * 64 + wn_thread()] = j.x[wn_thread()];
  if (!wrong) wn_sync_block();
  if (wn_thread() == 0) last[0] = wn_ticket(j.words) == wn_blocks() - 1;
  wn_sync_block();
  if (!last[0]) return;
  float sum = 0;
  for (unsigned b = 0; b < wn_blocks(); b++) sum += part[b * 64 + wn_thread()];
  j.x[64 + wn_thread()] = sum;
}

template <bool wrong>
WN_KERNEL(64, 1)
team_barrier_kernel(WN_PARAM(trap_job) j) {
  for (unsigned round = 0; round < 3; round++) {
    float *const part = j.x + 512 + (round & 1) * 256;
    part[wn_block() * 64 + wn_thread()] = j.x[wn_thread()];
    wn_sync_block();
    if (wn_thread() == 0) {
      wn_signal(j.words);
      while (wn_poll(j.words) < wn_blocks() * (round + 1)) wn_pause();
    }
    if (!wrong) wn_sync_block();
    float sum = 0;
    for (unsigned b = 0; b < wn_blocks(); b++) sum += part[b * 64 + (wn_thread() ^ 1)];
    if (wn_block() == 0) j.x[64 + wn_thread()] = sum;
  }
}

template <bool wrong>
WN_KERNEL(64, 1)
maximum_kernel(WN_PARAM(trap_job) j) { /* atomics may race with atomics only */
  wn_atomic_max(j.words + 1, wn_thread());
  if (wrong) {
    j.words[1] = 0;
  } else {
    wn_sync_block();
    if (wn_block() == 0 && wn_thread() == 0) wn_poll(j.words + 1);
  }
}

/* ---- meeting */

template <bool wrong>
WN_KERNEL(64, 1)
early_exit_kernel(WN_PARAM(trap_job) j) {
  if (wrong && wn_thread() >= 50) return;
  wn_sync_block();
  if (!wrong && wn_thread() >= 50) return;
  j.y[wn_thread()] = 1;
}

template <bool wrong>
WN_KERNEL(64, 1)
two_places_kernel(WN_PARAM(trap_job) j) {
  if (wrong && wn_thread() < 32) {
    j.y[wn_thread()] = 1;
    wn_sync_block();
  } else {
    wn_sync_block();
  }
}

template <bool wrong>
WN_KERNEL(64, 1)
two_kinds_kernel(WN_PARAM(trap_job) j) {
  if (wrong && wn_thread() == 3) {
    wn_sync_block();
  } else if (wn_sync_block_count(wn_thread() < 40) == 40 && wn_sync_block_or(wn_thread() == 63)) {
    j.y[wn_thread()] = 1;
  }
}

template <bool wrong>
WN_KERNEL(64, 1)
barrier_or_named_kernel(WN_PARAM(trap_job)) {
  if (wrong && wn_thread() < 32) {
    wn_sync_named(1, 64);
  } else {
    wn_sync_block();
  }
}

template <bool wrong>
WN_KERNEL(128, 1)
named_part_kernel(WN_PARAM(trap_job)) { /* 64 threads of three warps */
  if (wrong ? wn_thread() >= 16 && wn_thread() < 80 : wn_thread() < 64) wn_sync_named(1, 64);
}

template <bool wrong>
WN_KERNEL(128, 1)
named_count_kernel(WN_PARAM(trap_job)) {
  wn_sync_named(2, wrong && wn_thread() < 64 ? 64 : 128);
}

template <bool wrong>
WN_KERNEL(64, 1)
cluster_skip_kernel(WN_PARAM(trap_job)) {
  if (!wrong || wn_cluster_rank() != 1) wn_sync_cluster();
}

template <bool wrong>
WN_KERNEL(64, 1)
lane_exits_kernel(WN_PARAM(trap_job) j) {
  if (wn_lane() == 31) return;
  j.y[wn_thread()] = wn_shuffle(wrong ? all : 0x7fffffffu, j.x[wn_thread()], 0);
}

template <bool wrong>
WN_KERNEL(64, 1)
lane_unnamed_kernel(WN_PARAM(trap_job) j) {
  if (wn_lane() >= 24) return;
  j.y[wn_thread()] = wn_shuffle_xor(0xffffffu, j.x[wn_thread()], wrong ? 16 : 4);
}

template <bool wrong>
WN_KERNEL(64, 1)
lane_down_kernel(WN_PARAM(trap_job) j) {
  const float v = wn_shuffle_down(all, j.x[wn_thread()], 4);
  if (wrong && wn_lane() < 16) j.y[wn_thread()] = wn_shuffle_down(0xffffu, v, 4); /* lane 12 reads lane 16 */
}

template <bool wrong>
WN_KERNEL(64, 1)
lane_elsewhere_kernel(WN_PARAM(trap_job) j) {
  if (wrong && wn_lane() == 9) wn_sync_block();
  j.y[wn_thread()] = warp_sum(1);
  if (!wrong || wn_lane() != 9) wn_sync_block();
}

template <bool wrong>
WN_KERNEL(64, 1)
lane_ballot_kernel(WN_PARAM(trap_job)) {
  if (wn_lane() < 8) {
    wn_ballot(wrong ? all : 0xffu, true);
  } else {
    wn_sync_warp(wrong ? all : 0xffffff00u);
  }
}

template <bool wrong>
WN_KERNEL(64, 1)
lane_not_caller_kernel(WN_PARAM(trap_job)) {
  wn_sync_warp(wrong ? 0xfffffffeu : all);
}

/* ---- clusters */

template <bool wrong>
WN_KERNEL(64, 1)
peer_leaves_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(float, sum, 1);
  if (wn_thread() == 0) sum[0] = j.x[wn_block()];
  wn_sync_cluster();
  if (wn_cluster_rank() == 0 && wn_thread() < wn_cluster_blocks()) {
    j.y[wn_block() + wn_thread()] = wn_peer(sum, wn_thread())[0];
  }
  if (!wrong) wn_sync_cluster();
}

template <bool wrong>
WN_KERNEL(64, 1)
peer_early_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(float, sum, 1);
  if (wn_thread() == 0) sum[0] = 0;
  wn_sync_cluster();
  if (wn_thread() == 0) sum[0] = j.x[wn_block()];
  if (!wrong) wn_sync_cluster();
  const float v = wn_peer(sum, wn_cluster_rank() ^ 1)[0];
  if (wn_thread() == 0) j.y[wn_block()] = v;
  wn_sync_cluster();
}

template <bool wrong>
WN_KERNEL(64, 1)
peer_rank_kernel(WN_PARAM(trap_job) j) {
  WN_SHARED(float, sum, 1);
  if (wn_thread() == 0) sum[0] = j.x[wn_block()];
  wn_sync_cluster();
  if (wn_thread() == 1) j.y[wn_block()] = wn_peer(sum, wrong ? 2 : 1)[0];
  wn_sync_cluster();
}

/* ---- spinning */

template <bool wrong>
WN_KERNEL(64, 1)
never_comes_kernel(WN_PARAM(trap_job) j) {
  if (wn_thread() == 0) {
    wn_signal(j.words);
    while (wn_poll(j.words) < wn_blocks() + (wrong ? 1 : 0)) wn_pause();
  }
}

template <bool wrong>
WN_KERNEL(64, 1)
without_pause_kernel(WN_PARAM(trap_job) j) {
  if (wn_thread() == 0) {
    wn_signal(j.words);
    while (wn_poll(j.words) < wn_blocks() + (wrong ? 1 : 0)) {
    }
  }
  wn_sync_block();
}

/* Begins early: what it reads may still be written. */
template <bool wrong>
WN_KERNEL(64, 1)
begins_early_kernel(WN_PARAM(trap_job) j) {
  if (!wrong) wn_wait_for_earlier();
  j.y[wn_thread()] = j.x[wn_thread()];
  if (wrong) wn_wait_for_earlier();
}

}  // namespace

#define KERNEL(k) reinterpret_cast<const void *>(k)
#define CASE(trap, kernel, blocks, threads, cluster, dynamic)                   \
  {                                                                             \
#kernel, static_cast < int>(Trap::trap), -1,                                \
        {KERNEL(kernel <true>), blocks, threads, cluster, dynamic, 0, 0, 0 }, { \
      KERNEL(kernel<false>), blocks, threads, cluster, dynamic, 0, 0, 0         \
    }                                                                           \
  }

extern "C" {
const trap_case trap_order_cases[] = {
    CASE(race_shared, reduce_barrier_kernel, 1, 64, 1, 0),
    CASE(race_shared, reduce_reuse_kernel, 1, 64, 1, 0),
    CASE(race_shared, warp_exchange_kernel, 1, 64, 1, 256),
    CASE(race_shared, some_lanes_kernel, 1, 64, 1, 256),
    CASE(race_shared, neighbours_bytes_kernel, 1, 64, 1, 0),
    CASE(race_shared, named_order_kernel, 1, 128, 1, 512),
    CASE(race_shared, peer_early_kernel, 4, 64, 2, 0),
    CASE(race_global, blocks_same_word_kernel, 8, 64, 1, 0),
    CASE(race_global, last_block_kernel, 8, 64, 1, 0),
    CASE(race_global, team_barrier_kernel, 4, 64, 1, 0),
    CASE(race_global, maximum_kernel, 4, 64, 1, 0),
    CASE(barrier, early_exit_kernel, 1, 64, 1, 0),
    CASE(barrier, two_places_kernel, 1, 64, 1, 0),
    CASE(barrier, two_kinds_kernel, 1, 64, 1, 0),
    CASE(barrier, barrier_or_named_kernel, 1, 64, 1, 0),
    CASE(barrier_named, named_part_kernel, 1, 128, 1, 0),
    CASE(barrier_named, named_count_kernel, 1, 128, 1, 0),
    CASE(barrier_cluster, cluster_skip_kernel, 4, 64, 2, 0),
    CASE(lane, lane_exits_kernel, 1, 64, 1, 0),
    CASE(lane, lane_unnamed_kernel, 1, 64, 1, 0),
    CASE(lane, lane_down_kernel, 1, 64, 1, 0),
    CASE(lane, lane_elsewhere_kernel, 1, 64, 1, 0),
    CASE(lane, lane_ballot_kernel, 1, 64, 1, 0),
    CASE(lane, lane_not_caller_kernel, 1, 64, 1, 0),
    CASE(peer_left, peer_leaves_kernel, 4, 64, 2, 0),
    CASE(peer, peer_rank_kernel, 2, 64, 2, 0),
    CASE(deadlock, never_comes_kernel, 4, 64, 1, 0),
    CASE(deadlock, without_pause_kernel, 4, 64, 1, 0),
    {"begins_early_kernel",
     static_cast<int>(Trap::early),
     -1,
     {KERNEL(begins_early_kernel<true>), 1, 64, 1, 0, 0, 0, 1},
     {KERNEL(begins_early_kernel<false>), 1, 64, 1, 0, 0, 0, 1}},
    /* A barrier of the grid: 2 multiprocessors take 4 blocks each of a kernel that may
     * use all registers, and it is right only if all fit. */
    {"team_barrier_kernel, too many",
     static_cast<int>(Trap::deadlock),
     -1,
     {KERNEL(without_pause_kernel<false>), 9, 64, 1, 0, 0, 0, 0},
     {KERNEL(without_pause_kernel<false>), 8, 64, 1, 0, 1, 0, 0}},
};
const size_t trap_order_count = sizeof trap_order_cases / sizeof *trap_order_cases;
}
