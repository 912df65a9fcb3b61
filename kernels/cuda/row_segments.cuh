/* Sets in segments, two launches and a merge between them: ROW_MOMENTS takes the moments of each segment, ROW_APPLY
 * makes y when the set's statistics are there, or at once when they are running ones.
 * Task = set * segments + segment. The second sweep begins with what the first one has read last, and the cache still
 * has. */
#ifndef WNI_ROW_SEGMENTS_CUH
#define WNI_ROW_SEGMENTS_CUH
#include "kernels/cuda/row_forward.cuh"

namespace wn {

enum { kSegmentThreads = 256 };
template <class X>
constexpr int kSegmentBlocks = sizeof(X) == 8 ? 1 : 2; /* that have registers */

template <class X>
WN_DEVICE void row_moments(const wni_cuda_job &job) {
  typedef Real<X> R;
  WN_SHARED(Moments<R>, room, 2 * 32);
  const wni_cuda_row &row = job.cut.row;
  const wni_geometry &geo = job.call.geo;
  const Team team = row_team(job);
  const int64_t tasks = geo.sets * row.segments;
  int turn = 0;
  for (int64_t base = team.base; base < tasks; base += team.step) {
    const RowPlace at = row_place(geo, row.segments, base + team.offset);
    const bool here = base + team.offset < tasks;
    RowPart part = row_segment(row, 0, row.octets, at.piece);
    if (!here) part.count = 0;
    const RowForward<X, X> set = row_forward<X, X>(job, at, part.run);
    const Moments<R> v = merge_team(team, take_moments<2>(job, set, part, team, KeptOctets<X>{}), room, &turn);
    if (here && team.rank == 0)
      static_cast<StoredMoments<R> *>(job.moments)[base + team.offset] = {v.mean, v.low, v.m2, 0};
  }
}

template <class X>
WN_KERNEL(kSegmentThreads, kSegmentBlocks<X>)
row_moments_kernel(WN_PARAM(wni_cuda_job) job) {
  wn_let_later_begin();
  by_plainness<false, (sizeof(X) < 8)>(job, [](const wni_cuda_job &as) WN_INLINED { row_moments<X>(as); });
}

template <class R>
WN_DEVICE Normalizer<R> stored_normalizer(const wni_cuda_job &job, int64_t set) {
  const Stats<R> v = static_cast<const Stats<R> *>(job.stats)[set];
  return {v.mean, v.mean_low, v.rstd};
}

template <class X, class Y>
WN_DEVICE void row_apply(const wni_cuda_job &job) {
  typedef Real<X> R;
  const wni_cuda_row &row = job.cut.row;
  const wni_call &call = job.call;
  const bool running = call.stats == WNI_STATS_RUNNING;
  const Team team = row_team(job);
  const int64_t tasks = call.geo.sets * row.segments;
  Largest largest = {0};
  for (int64_t base = team.base; base < tasks; base += team.step) {
    if (base + team.offset >= tasks) continue;
    const RowPlace at = row_place(call.geo, row.segments, tasks - 1 - (base + team.offset));
    const RowPart part = row_segment(row, 0, row.octets, at.piece);
    const RowForward<X, Y> set = row_forward<X, Y>(job, at, part.run);
    const Normalizer<R> s =
        running ? running_normalizer<R>(call, set.start.param) : stored_normalizer<R>(job, set.start.set);
    apply_octets<false>(job, set, part, team, s, !running && call.sum.data != nullptr, KeptOctets<X>{}, &largest);
  }
  if constexpr (kIsMixed<Y>) store_largest(call, largest);
}

template <class X, class Y>
WN_KERNEL(kSegmentThreads, kSegmentBlocks<X>)
row_apply_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  by_plainness<false, (sizeof(X) < 8)>(job, [](const wni_cuda_job &as) WN_INLINED { row_apply<X, Y>(as); });
}

}  // namespace wn
#endif
