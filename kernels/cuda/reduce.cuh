/* Sums over the threads that hold a set, by scope: lanes of a warp, warps of a block. Every thread gets the result, the
 * same bits each: additions go pairwise by lane number, then by warp number.
 *
 * All 32 lanes of a warp take part, those without elements with zeros: trip counts are the same for all of them. */
#ifndef WNI_REDUCE_CUH
#define WNI_REDUCE_CUH
#include "kernels/cuda/scalar.cuh"

namespace wn {

/* N sums at once over groups of 2^lanes_log2 neighbouring lanes. Unrolled: a loop costs twice its shuffles. */
template <class R, int N>
WN_DEVICE void sum_lanes(R (&v)[N], int lanes_log2) {
#pragma unroll
  for (int i = 0; i < 5; i++) {
    if (i >= lanes_log2) break;
#pragma unroll
    for (int k = 0; k < N; k++) v[k] += wn_shuffle_xor(0xffffffffu, v[k], 1 << i);
  }
}

enum { kSumRoom = 2 * 64 }; /* numbers of shared memory for sum_block */

/* N (1, 2) sums over a block of whole warps. room: halves used in turn, so that one barrier does: whoever writes a half
 * has passed the barrier after which all had read it. `turn` starts at 0 and is the thread's own. */
template <class R, int N>
WN_DEVICE void sum_block(R (&v)[N], R *room, int *turn) {
  sum_lanes(v, 5);
  const int warps = static_cast<int>(wn_threads() / 32), warp = static_cast<int>(wn_thread() / 32);
  if (warps == 1) return;
  R *const half = room + *turn;
  *turn ^= kSumRoom / 2;
  const int lane = static_cast<int>(wn_lane());
  if (lane == 0) {
#pragma unroll
    for (int k = 0; k < N; k++) half[warp * N + k] = v[k];
  }
  wn_sync_block();
  /* Then lanes for warps: the additions that wait for one another are few. */
  const int log2 = 32 - static_cast<int>(wn_leading_zeros(static_cast<uint32_t>(warps - 1)));
  const int mine = lane & ((1 << log2) - 1);
#pragma unroll
  for (int k = 0; k < N; k++) v[k] = mine < warps ? half[mine * N + k] : 0;
  sum_lanes(v, log2);
}

/* a + b = *high + *low, exactly (Knuth's two-sum). */
template <class R>
WN_DEVICE void two_sum(R a, R b, R *high, R *low) {
  const R sum = a + b, other = sum - a;
  *low = (a - (sum - other)) + (b - other);
  *high = sum;
}

/* Of n numbers: their mean, as the sum of two numbers, so that data far from 0 lose nothing of it, and the sum of
 * squared distances from it. Where no mean is subtracted mean and low are 0, m2 the sum of squares. */
template <class R>
struct Moments {
  R n, mean, low, m2;
};

template <class R>
WN_DEVICE Moments<R> no_moments() {
  return {0, 0, 0, 0};
}

/* Chan, Golub, LeVeque 1983, eq. 2.1. Equal means stay what they are, to the bit. */
template <class R>
WN_DEVICE Moments<R> merge(const Moments<R> &a, const Moments<R> &b) {
  if (b.n == 0) return a;
  if (a.n == 0) return b;
  const R n = a.n + b.n, share = wn_divide(b.n, n);
  const R apart = (b.mean - a.mean) + (b.low - a.low), step = apart * share;
  Moments<R> v;
  v.n = n;
  R error;
  two_sum(a.mean, step, &v.mean, &error);
  v.low = a.low + error;
  v.m2 = (a.m2 + b.m2) + apart * step * a.n;
  return v;
}

/* Over groups of 2^lanes_log2 neighbouring lanes; the lower lane's numbers come first on both sides, so that both get
 * the same bits. */
template <class R>
WN_DEVICE Moments<R> merge_lanes(Moments<R> v, int lanes_log2) {
  for (int i = 0; i < lanes_log2; i++) {
    Moments<R> other;
    other.n = wn_shuffle_xor(0xffffffffu, v.n, 1 << i);
    other.mean = wn_shuffle_xor(0xffffffffu, v.mean, 1 << i);
    other.low = wn_shuffle_xor(0xffffffffu, v.low, 1 << i);
    other.m2 = wn_shuffle_xor(0xffffffffu, v.m2, 1 << i);
    v = (wn_lane() >> i & 1) != 0 ? merge(other, v) : merge(v, other);
  }
  return v;
}

/* Over a block of whole warps. room: warps numbers of shared memory, free again after the next barrier. */
template <class R>
WN_DEVICE Moments<R> merge_block(Moments<R> v, Moments<R> *room) {
  v = merge_lanes(v, 5);
  const int warps = static_cast<int>(wn_threads() / 32);
  if (warps == 1) return v;
  if (wn_lane() == 0) room[wn_thread() / 32] = v;
  wn_sync_block();
  v = room[0];
  for (int w = 1; w < warps; w++) v = merge(v, room[w]);
  return v;
}

/* The moments of the first n (1 to 8) elements of an octet: a first mean about the first element, then the corrected
 * two-pass algorithm (the same paper, eq. 1.7). A set of equal elements has m2 = 0 and just that mean. */
template <class R>
WN_DEVICE Moments<R> moments_of(const R (&h)[8], int n, bool centered) {
  Moments<R> v = {static_cast<R>(n), 0, 0, 0};
  if (!centered) {
#pragma unroll
    for (int i = 0; i < 8; i++)
      if (i < n) v.m2 = wn_fma(h[i], h[i], v.m2);
    return v;
  }
  R sum = 0;
#pragma unroll
  for (int i = 0; i < 8; i++)
    if (i < n) sum += h[i] - h[0];
  const R first = h[0] + wn_divide(sum, v.n);
  R d = 0;
#pragma unroll
  for (int i = 0; i < 8; i++) {
    const R e = h[i] - first;
    if (i < n) d += e, v.m2 = wn_fma(e, e, v.m2);
  }
  const R correction = wn_divide(d, v.n), about = v.m2 - correction * d;
  v.m2 = about < 0 ? 0 : about; /* NaN stays */
  two_sum(first, correction, &v.mean, &v.low);
  return v;
}

}  // namespace wn
#endif
