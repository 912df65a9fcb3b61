/* Parameter sums of rows whose elements have a parameter each: sums of dz xhat and dz for every column, octets of them
 * in a thread's registers or in shared memory, and a block's row of job.params that comes of them. */
#ifndef WNI_ROW_COLUMNS_CUH
#define WNI_ROW_COLUMNS_CUH
#include "kernels/cuda/row_forward.cuh"

namespace wn {

/* ---- a thread's sums of an octet of columns: dz xhat, dz */

template <class R>
WN_DEVICE OctetPair<R> no_sums() {
  OctetPair<R> v;
#pragma unroll
  for (int i = 0; i < 8; i++) v.of[0][i] = v.of[1][i] = 0;
  return v;
}

template <class R>
WN_DEVICE void add_sums(OctetPair<R> *v, const OctetPair<R> &other) {
#pragma unroll
  for (int which = 0; which < 2; which++)
#pragma unroll
    for (int i = 0; i < 8; i++) v->of[which][i] += other.of[which][i];
}

/* To sums in registers. */
template <class R>
WN_DEVICE void add_products(OctetPair<R> *v, const Octet<R> &dz, const Octet<R> &xhat) {
#pragma unroll
  for (int i = 0; i < 8; i++) {
    v->of[0][i] = wn_fma(dz.v[i], xhat.v[i], v->of[0][i]);
    v->of[1][i] += dz.v[i];
  }
}

/* To sums in shared memory, few of them in registers at a time. */
template <class R>
struct SharedOctet {
  SharedPairs<R> sums;
  unsigned octet;
};

template <class R>
WN_DEVICE void add_products(const SharedOctet<R> *v, const Octet<R> &dz, const Octet<R> &xhat) {
  each_word(v->sums, v->octet, [&](int which, int first, uint4 *word) {
    R w[kAcross<R>];
    load_word(word, w);
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++)
      w[i] = which == 0 ? wn_fma(dz.v[first + i], xhat.v[first + i], w[i]) : w[i] + dz.v[first + i];
    store_word(word, w);
  });
}

/* Of the lane that differs in bit `bit` of its number. */
template <class R>
WN_DEVICE void add_across(OctetPair<R> *v, int bit) {
#pragma unroll
  for (int which = 0; which < 2; which++)
#pragma unroll
    for (int i = 0; i < 8; i++) v->of[which][i] += wn_shuffle_xor(0xffffffffu, v->of[which][i], bit);
}

/* To a row of job.params: each block's, or each team's. */
template <class R>
WN_DEVICE void store_param_row(const wni_cuda_job &job, int64_t which_row, unsigned octet, int n,
                               const OctetPair<R> &v) {
  const int64_t params = job.call.geo.params;
  R *const row = static_cast<R *>(job.params) + which_row * 2 * params + 8 * static_cast<int64_t>(octet);
#pragma unroll
  for (int which = 0; which < 2; which++) {
    Octet<R> o;
#pragma unroll
    for (int i = 0; i < 8; i++) o.v[i] = v.of[which][i];
    store_octet(row + which * params, pack<R>(o), n);
  }
}

/* The sums of a block's teams meet in `shared`: first those side by side in a warp, then warp by warp. */
template <class R, int K>
WN_DEVICE void meet_in_block(const Team &team, const HeldOctets<K> &octets, OctetPair<R> (&sums)[K],
                             const SharedPairs<R> &shared) {
  for (int i = team.lanes_log2; i < 5; i++) {
#pragma unroll
    for (int k = 0; k < K; k++) add_across(&sums[k], 1 << i);
  }
  for (unsigned warp = 0; warp < wn_threads() / 32; warp++) {
    if (wn_thread() / 32 == warp && wn_lane() < team.width) {
#pragma unroll
      for (int k = 0; k < K; k++) {
        const unsigned o = octets.at[k].octet;
        if (o >= shared.octets) continue;
        if (warp > 0) add_sums(&sums[k], load_shared(shared, o));
        store_shared(shared, o, sums[k]);
      }
    }
    wn_sync_block();
  }
}

/* Of columns from octet `first` on. */
template <class R>
WN_DEVICE void store_param_rows(const wni_cuda_job &job, int64_t which_row, unsigned first,
                                const SharedPairs<R> &shared) {
  for (unsigned o = wn_thread(); o < shared.octets; o += wn_threads())
    store_param_row(job, which_row, first + o, octet_elements(job.cut.row, {0, first + o}), load_shared(shared, o));
}

/* A block's sums to its row of job.params; of a cluster's blocks the sums of all, of which each makes some. */
template <class R>
WN_DEVICE void store_cluster_rows(const wni_cuda_job &job, const SharedPairs<R> &shared) {
  const unsigned blocks = static_cast<unsigned>(job.cut.row.cluster);
  if (blocks == 1) return store_param_rows(job, wn_block(), 0, shared);
  wn_sync_cluster();
  for (unsigned o = wn_cluster_rank() * wn_threads() + wn_thread(); o < shared.octets; o += blocks * wn_threads()) {
    OctetPair<R> sums = no_sums<R>();
    for (unsigned b = 0; b < blocks; b++)
      add_sums(&sums, load_shared(SharedPairs<R>{wn_peer(shared.room, b), shared.octets}, o));
    store_param_row(job, wn_block() / blocks, o, octet_elements(job.cut.row, {0, o}), sums);
  }
  wn_sync_cluster(); /* before one leaves whose sums others still read */
}

}  // namespace wn
#endif
