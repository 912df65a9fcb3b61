/* Backward passes of sets in segments, a merge between two launches: ROW_BACKWARD_SUMS, ROW_BACKWARD_APPLY. Where runs
 * have parameters of their own segments are those of a run, so that each segment's sums belong to one parameter:
 * task = (set * runs + run) * segments + segment; else task = set * segments + segment. */
#ifndef WNI_ROW_BACKWARD_SEGMENTS_CUH
#define WNI_ROW_BACKWARD_SEGMENTS_CUH
#include "kernels/cuda/row_backward.cuh"
#include "kernels/cuda/row_segments.cuh"

namespace wn {

/* Tasks of a set. */
WN_DEVICE int64_t gradient_pieces(const wni_cuda_row &row) {
  return row.param_run != 0 ? row.runs * row.segments : row.segments;
}

WN_DEVICE RowPart gradient_part(const wni_cuda_row &row, int64_t piece) {
  if (row.param_run == 0) return row_segment(row, 0, row.octets, piece);
  int64_t segment;
  const int64_t run = divide(piece, row.segments, &segment);
  return row_segment(row, run, row.run_octets, segment);
}

template <class X, class D>
WN_DEVICE void row_backward_sums(const wni_cuda_job &job) {
  typedef Real<X> R;
  WN_SHARED(R, room, kSumRoom);
  const wni_cuda_row &row = job.cut.row;
  const wni_call &call = job.call;
  const Team team = row_team(job);
  const int64_t pieces = gradient_pieces(row), tasks = call.geo.sets * pieces;
  int turn = 0;
  for (int64_t base = team.base; base < tasks; base += team.step) {
    const int64_t task = base + team.offset;
    R sums[2] = {0, 0};
    if (task < tasks) {
      const RowPlace at = row_place(call.geo, pieces, task);
      const RowPart part = gradient_part(row, at.piece);
      const RowBackward<X, D> set = row_backward<X, D>(job, at, part.run);
      sum_octets(job, set, part, team, saved_normalizer<R>(call, set.start.set), sums, false, SharedPairs<R>{},
                 KeptInput<X, D>{});
    }
    sum_team(team, sums, room, &turn);
    if (task < tasks && team.rank == 0) store_task_sums(job, task, sums);
  }
}

template <class X, class D>
WN_KERNEL(kSegmentThreads, kSegmentBlocks<X>)
row_backward_sums_kernel(WN_PARAM(wni_cuda_job) job) {
  wn_let_later_begin();
  by_plainness<false, (sizeof(X) < 8 && !kIsMixed<D>)>(
      job, [](const wni_cuda_job &as) WN_INLINED { row_backward_sums<X, D>(as); });
}

/* dx = rstd g, dresidual, and sums of dz xhat and dz, where the statistics are constants. */
template <class X, class D>
WN_DEVICE void apply_frozen(const wni_cuda_job &job, const RowBackward<X, D> &set, const RowPart &part,
                            const Team &team, const Normalizer<Real<X>> &s, Real<X> (&sums)[2]) {
  typedef Real<X> R;
  const wni_call &call = job.call;
  const bool extra = needs_extra(call);
  const OneParam<R> one = one_param<R>(job, set.start, true);
  const ParamSource<R> from = {&one, nullptr, nullptr};
  each_gradient(
      job, set, part, team, true,
      [&](const RowOctet &o, int n, unsigned) { return load_backward(job, set, o, n, extra); },
      [&](const RowOctet &o, int n, unsigned, const BackwardInput<X, D> &in) {
        const Gradient<R> v = gradient_of(job, set, o, n, in, false, s, from);
        add_gradient(job, n, v, sums, false, static_cast<OctetPair<R> *>(nullptr));
        store_dresidual(call, set, o, n, v.dz);
        if (call.dx.data != nullptr) store_dx_frozen(call, set, o, n, s.rstd, weighted(v), in.extra);
      });
}

template <class X, class D>
WN_DEVICE void row_backward_apply(const wni_cuda_job &job) {
  typedef Real<X> R;
  WN_SHARED(R, room, kSumRoom);
  const wni_cuda_row &row = job.cut.row;
  const wni_call &call = job.call;
  const bool frozen = call.stats == WNI_STATS_RUNNING, wants_sums = frozen && backward_wants(job).sums;
  const Team team = row_team(job);
  const int64_t pieces = gradient_pieces(row), tasks = call.geo.sets * pieces;
  int turn = 0;
  for (int64_t base = team.base; base < tasks; base += team.step) {
    const int64_t task =
        tasks - 1 - (base + team.offset); /* what the first sweep has read last is still in the cache */
    R sums[2] = {0, 0};
    if (task >= 0) {
      const RowPlace at = row_place(call.geo, pieces, task);
      const RowPart part = gradient_part(row, at.piece);
      const RowBackward<X, D> set = row_backward<X, D>(job, at, part.run);
      if (frozen) {
        apply_frozen(job, set, part, team, running_normalizer<R>(call, set.start.param), sums);
      } else {
        const Normalizer<R> s = saved_normalizer<R>(call, set.start.set);
        const R *const means = static_cast<const R *>(job.set_sums) + 2 * set.start.set;
        apply_gradient<false>(job, set, part, team, s, gradient_terms(call, s, means[0], means[1]), KeptInput<X, D>{});
      }
    }
    if (!wants_sums) continue;
    sum_team(team, sums, room, &turn);
    if (task >= 0 && team.rank == 0) store_task_sums(job, task, sums);
  }
}

template <class X, class D>
WN_KERNEL(kSegmentThreads, kSegmentBlocks<X>)
row_backward_apply_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  by_plainness<false, (sizeof(X) < 8 && !kIsMixed<D>)>(
      job, [](const wni_cuda_job &as) WN_INLINED { row_backward_apply<X, D>(as); });
}

}  // namespace wn
#endif
