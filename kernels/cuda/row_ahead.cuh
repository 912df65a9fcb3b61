/* What the ROW family reads soon, asked for ahead of its turn where a thread's loads are too few to hide the memory's
 * latency: loads need registers, requests to the second-level cache do not. Octets of a run lie side by side, so that
 * one thread asks for many (job.ahead, job.sets_ahead). */
#ifndef WNI_ROW_AHEAD_CUH
#define WNI_ROW_AHEAD_CUH
#include "kernels/cuda/row.cuh"

namespace wn {

/* So many turns of a loop whose threads take `bytes` in each, `loads` of them at a time. */
WN_DEVICE unsigned turns_ahead(const wni_cuda_job &job, unsigned loads, unsigned bytes) {
  return WN_FETCHES_AHEAD && job.in_flight > loads ? (job.in_flight + bytes - 1) / bytes : 0;
}

/* ---- parts of a set: of each turn a piece, by the lanes of the block's first warp, one for each run */

template <class T>
WN_DEVICE unsigned octet_bytes(const RowTensor<T> &) {
  return 8 * sizeof(T);
}
WN_DEVICE unsigned octet_bytes(const RowTensor<const mixed> &t) { return 8u << bytes_log2(t.first.type); }

template <class T>
WN_DEVICE const void *octet_place(const RowTensor<T> &t, const RowOctet &o) {
  return row_at(t, o);
}
WN_DEVICE const void *octet_place(const RowTensor<const mixed> &t, const RowOctet &o) { return row_at(t, o).at; }

WN_DEVICE unsigned part_turns_ahead(const wni_cuda_job &job, const Team &team, unsigned bytes) {
  return job.ahead && team.block ? turns_ahead(job, bytes, bytes) : 0;
}

/* The part's octets first, first + 1, . . . first + count - 1, or those of them that it has. */
template <class T>
WN_DEVICE void fetch_octets(const wni_cuda_row &row, const RowTensor<T> &t, const RowPart &part, unsigned first,
                            unsigned count) {
  if (wn_thread() >= 32 || first >= part.count) return;
  const unsigned end = part.octet + (count < part.count - first ? first + count : part.count);
  first += part.octet;
  const unsigned across = static_cast<unsigned>(row.run_octets), lane = wn_lane();
  if (row.runs == 1) {
    if (lane == 0) wn_fetch_ahead(octet_place(t, {0, first}), (end - first) * octet_bytes(t));
    return;
  }
  const unsigned run = first / across + lane;
  const uint64_t begin = static_cast<uint64_t>(run) * across; /* of a run that may be beyond the part */
  if (begin >= end) return;
  const unsigned from = lane == 0 ? first - static_cast<unsigned>(begin) : 0, left = end - static_cast<unsigned>(begin);
  wn_fetch_ahead(octet_place(t, {run, from}), ((left < across ? left : across) - from) * octet_bytes(t));
}

/* ---- whole sets side by side: a block's one, or those of a warp's teams */

struct SetsAhead {
  bool asks; /* this thread, for all of them */
  int64_t by;
};

/* Of which a thread takes `bytes`, `loads` of them at a time. */
WN_DEVICE SetsAhead sets_ahead(const wni_cuda_job &job, const Team &team, unsigned loads, unsigned bytes) {
  const unsigned turns = turns_ahead(job, loads, bytes);
  return {turns > 0 && job.sets_ahead && (team.block ? wn_thread() : wn_lane()) == 0, turns * team.step};
}

template <class T>
WN_DEVICE void fetch_sets(const wni_cuda_job &job, const SetsAhead &ahead, const Team &team, const wni_tensor &t,
                          int64_t base) {
  if constexpr (WN_FETCHES_AHEAD && !kIsMixed<T>) {
    const int64_t first = base + ahead.by, left = job.call.geo.sets - first;
    if (!ahead.asks || left <= 0) return;
    const unsigned octets = static_cast<unsigned>(job.cut.row.octets),
                   abreast = team.block ? 1 : 32u >> team.lanes_log2;
    const unsigned sets = !team.block && left < abreast ? static_cast<unsigned>(left) : abreast;
    wn_fetch_ahead(static_cast<const T *>(t.data) + first * (octets * 8), sets * octets * (8 * sizeof(T)));
  }
}

/* Those that the first turns come to, but for the first one, which loads them at once. */
template <class T>
WN_DEVICE void fetch_first_sets(const wni_cuda_job &job, const SetsAhead &ahead, const Team &team,
                                const wni_tensor &t) {
  for (int64_t by = team.step; by < ahead.by; by += team.step) fetch_sets<T>(job, {ahead.asks, by}, team, t, team.base);
}

}  // namespace wn
#endif
