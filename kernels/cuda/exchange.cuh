/* Sync plans: from what this rank knows of its sets to a message, and from the messages of all ranks to what all sets
 * are. The host moves the messages between the two. Every rank merges the same messages in the same order, the ranks',
 * and so gets the same bits; in double, because there is little of it and no time to lose elsewhere. */
#ifndef WNI_EXCHANGE_CUH
#define WNI_EXCHANGE_CUH
#include "kernels/cuda/reduce.cuh"
#include "kernels/cuda/stage.cuh"

namespace wn {

/* ---- messages --------------------------------------------------------------------------------------------------- */

WN_DEVICE const wni_sync_header *header_of(const wni_cuda_job &job, int rank) {
  return reinterpret_cast<const wni_sync_header *>(static_cast<const char *>(job.all) + rank * job.message_bytes);
}

/* Number i of a rank's message: [2][params]. */
template <class R>
WN_DEVICE double number_of(const wni_cuda_job &job, int rank, int64_t i) {
  return static_cast<double>(reinterpret_cast<const R *>(header_of(job, rank) + 1)[i]);
}

template <class R>
WN_DEVICE void store_numbers(const wni_cuda_job &job, int64_t set, R first, R second) {
  R *const to = reinterpret_cast<R *>(static_cast<wni_sync_header *>(job.mine) + 1);
  to[set] = first;
  to[job.call.geo.params + set] = second;
}

/* By one thread of the grid that stores the numbers. */
WN_DEVICE void store_header(const wni_cuda_job &job) {
  if (wn_block() != 0 || wn_thread() != 0) return;
  wni_sync_header *const to = static_cast<wni_sync_header *>(job.mine);
  to->pass = static_cast<int32_t>(job.call.pass);
  to->plan = job.sync_plan;
  to->call = job.sync_state->calls;
  to->count = job.call.geo.set_size;
}

/* ---- which call they are of ------------------------------------------------------------------------------------- */

WN_DEVICE bool is_here(const wni_cuda_job &job, int rank) {
  const wni_sync_header *const here = static_cast<const wni_sync_header *>(job.mine), *const there =
                                                                                          header_of(job, rank);
  return there->pass == here->pass && there->plan == here->plan && there->call == here->call;
}

/* What the call leaves for the next one, and for whoever asks. By one thread of the grid. */
WN_DEVICE void note_call(const wni_cuda_job &job, int64_t size, bool elsewhere) {
  if (wn_block() != 0 || wn_thread() != 0) return;
  wni_sync_state *const state = job.sync_state;
  state->calls += 1;
  *job.joined = elsewhere ? 0 : size;
  if (!elsewhere || state->faulty != 0) return;
  int rank = 0;
  while (is_here(job, rank)) rank++;
  state->faulty = 1;
  state->rank = rank;
  state->here = *static_cast<const wni_sync_header *>(job.mine);
  state->there = *header_of(job, rank);
}

/* Elements that a set has on all ranks, to each thread of the block; *elsewhere: a rank was in another call. */
WN_DEVICE int64_t joined_size(const wni_cuda_job &job, bool *elsewhere) {
  WN_SHARED(int64_t, room, kSumRoom);
  const int threads = static_cast<int>(wn_threads());
  int64_t count[1] = {0};
  bool stray = false;
  int turn = 0;
  for (int rank = static_cast<int>(wn_thread()); rank < job.sync_ranks; rank += threads) {
    count[0] += header_of(job, rank)->count;
    stray = stray || !is_here(job, rank);
  }
  sum_block(count, room, &turn);
  *elsewhere = wn_sync_block_or(stray);
  note_call(job, count[0], *elsewhere);
  return count[0];
}

/* ---- forward: mean and variance of all ranks -------------------------------------------------------------------- */

struct JoinedMoments {
  double mean, m2;
};

/* Chan's formula, as for pieces. Equal means stay what they are, to the bit. */
template <class R>
WN_DEVICE JoinedMoments join_moments(const wni_cuda_job &job, int64_t set) {
  const int64_t params = job.call.geo.params;
  JoinedMoments v = {0, 0};
  int64_t count = 0;
#pragma unroll 4
  for (int rank = 0; rank < job.sync_ranks; rank++) {
    const int64_t more = header_of(job, rank)->count;
    if (more == 0) continue;
    const double mean = number_of<R>(job, rank, set);
    const double m2 = number_of<R>(job, rank, params + set) * static_cast<double>(more);
    const double before = static_cast<double>(count), apart = count == 0 ? 0 : mean - v.mean;
    count += more;
    const double share = wn_divide(static_cast<double>(more), static_cast<double>(count));
    v.mean = before == 0 ? mean : v.mean + apart * share;
    v.m2 += m2 + apart * apart * before * share;
  }
  return v;
}

/* size: of a set; elsewhere: there are no statistics, and nobody shall take what is there for some. */
template <class R>
WN_DEVICE void store_joined(const wni_cuda_job &job, int64_t set, int64_t size, bool elsewhere) {
  Stats<R> to;
  if (elsewhere) {
    const R nothing = wn_divide(static_cast<R>(0), static_cast<R>(0));
    to = {nothing, nothing, nothing, nothing};
  } else {
    const JoinedMoments v = join_moments<R>(job, set);
    to.mean = static_cast<R>(v.mean);
    to.mean_low = static_cast<R>(v.mean - static_cast<double>(to.mean));
    to.var = static_cast<R>(wn_divide(v.m2, static_cast<double>(size)));
    to.rstd = rstd_of(to.var, static_cast<R>(job.call.eps));
  }
  store_stats<R>(job, set, to);
}

template <class R>
WN_KERNEL(256, 1)
join_moments_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  bool elsewhere;
  const int64_t size = joined_size(job, &elsewhere), step = static_cast<int64_t>(wn_blocks()) * wn_threads();
  if (size == 0 && !elsewhere) return; /* nobody has samples */
  for (int64_t set = static_cast<int64_t>(wn_block()) * wn_threads() + wn_thread(); set < job.call.geo.sets;
       set += step)
    store_joined<R>(job, set, size, elsewhere);
}

/* ---- backward: sums of all ranks to what dx needs --------------------------------------------------------------- */

/* Means of g xhat and of g: a set has one gamma. */
template <class R>
WN_DEVICE void store_joined_sums(const wni_cuda_job &job, int64_t set, int64_t size, bool elsewhere) {
  const int64_t params = job.call.geo.params;
  double product = 0, plain = 0;
#pragma unroll 4
  for (int rank = 0; rank < job.sync_ranks; rank++) {
    product += number_of<R>(job, rank, set);
    plain += number_of<R>(job, rank, params + set);
  }
  const double all = elsewhere ? 0 : static_cast<double>(size); /* 0 / 0 where there is nothing to be had */
  const double weight = elsewhere ? 0 : static_cast<double>(gamma_of<R>(job.call, set));
  R *const to = static_cast<R *>(job.set_sums) + 2 * set;
  to[0] = static_cast<R>(wn_divide(weight * product, all));
  to[1] = static_cast<R>(wn_divide(weight * plain, all));
}

template <class R>
WN_KERNEL(256, 1)
join_sums_kernel(WN_PARAM(wni_cuda_job) job) {
  begin_later();
  bool elsewhere;
  const int64_t size = joined_size(job, &elsewhere), step = static_cast<int64_t>(wn_blocks()) * wn_threads();
  for (int64_t set = static_cast<int64_t>(wn_block()) * wn_threads() + wn_thread(); set < job.call.geo.sets;
       set += step)
    store_joined_sums<R>(job, set, size, elsewhere);
}

}  // namespace wn
#endif
