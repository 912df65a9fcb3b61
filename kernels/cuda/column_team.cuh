/* What blocks of a team share of COLUMN_FORWARD and COLUMN_BACKWARD: each takes a tile and a chunk of rows, keeps the
 * rows in shared memory, leaves the numbers of its columns in the workspace, and meets the others.
 *
 * A team has the chunks of one tile, or of as many neighbouring ones as the sets of its columns need. A thread keeps
 * its own rows, one after the other: row i of thread t is octet i * threads + t. */
#ifndef WNI_COLUMN_TEAM_CUH
#define WNI_COLUMN_TEAM_CUH
#include "kernels/cuda/column.cuh"
#include "kernels/cuda/pieces.cuh"
#include "kernels/cuda/team.cuh"

namespace wn {

/* Of a block, with at most 128 registers each where two blocks share a multiprocessor; f64 has half the threads. */
template <class X>
constexpr int kTeamThreads = sizeof(X) == 8 ? 128 : 256;

/* ---- tasks */

WN_DEVICE int64_t team_tasks(const wni_cuda_job &job) {
  const wni_cuda_column &cut = job.cut.column;
  return job.call.geo.extent[0] * ((cut.tiles + cut.team_tiles - 1) / cut.team_tiles);
}

/* What the member has of a task; of the last tiles of a row perhaps nothing. */
WN_DEVICE ColumnTask team_task(const wni_cuda_job &job, const ColumnShape<true> &s, int64_t task, unsigned member) {
  const wni_cuda_column &cut = job.cut.column;
  const unsigned side_by_side = static_cast<unsigned>(cut.team_tiles), chunk = member / side_by_side;
  const int64_t groups = (cut.tiles + cut.team_tiles - 1) / cut.team_tiles, slab = task / groups;
  const int64_t tile = (task - slab * groups) * cut.team_tiles + (member - chunk * side_by_side);
  return column_task_at(job, s, slab * cut.chunks + chunk, tile);
}

/* The sets of a tile's columns, which its block has in a table; none in a tile that is not there. */
struct TileSets {
  int64_t first, count; /* over all slabs */
  int64_t column;       /* the tile's first */
};

WN_DEVICE TileSets tile_sets(const wni_cuda_job &job, const ColumnTask &t) {
  const wni_cuda_column &cut = job.cut.column;
  const int64_t width = job.call.geo.set_columns, column = 8 * t.tile * cut.tile_octets;
  const int64_t end = column + 8 * cut.tile_octets, last = (end < cut.columns ? end : cut.columns) - 1;
  const int64_t first = column / width;
  return {t.slab * (cut.columns / width) + first, last >= column ? last / width - first + 1 : 0, column};
}

/* f(set, index in the table, there): groups of lanes take a set each; all of a warp come along. */
template <class F>
WN_DEVICE void each_tile_set(const TileSets &sets, int lanes_log2, const F &f) {
  const int64_t side_by_side = 32 >> lanes_log2, step = side_by_side * (wn_threads() / 32);
  for (int64_t base = wn_thread() / 32 * side_by_side; base < sets.count; base += step) {
    const int64_t i = base + (wn_lane() >> lanes_log2);
    f(sets.first + i, i, i < sets.count);
  }
}

/* One block of a team tells the call about a set: the one with its first column and row. */
WN_DEVICE bool tells_of_set(const wni_cuda_job &job, const ColumnTask &t, const TileSets &sets, int64_t set) {
  const int64_t of_slab = set - t.slab * (job.cut.column.columns / job.call.geo.set_columns);
  return t.piece % job.cut.column.chunks == 0 && of_slab * job.call.geo.set_columns >= sets.column;
}

/* ---- rows on their way to shared memory: as many as there are at once, past the registers */

template <class T>
WN_DEVICE void copy_octet(const KeptOctets<T> &kept, unsigned i, const T *from) {
#pragma unroll
  for (int w = 0; w < kKeptWords<T>; w++)
    wn_copy_async(kept.room + w * kept.octets + i, reinterpret_cast<const char *>(from) + 16 * w);
}
template <class Byte>
WN_DEVICE void copy_octet(const KeptOctets<mixed> &kept, unsigned i, const MixedElements<Byte> &from) {
  const int words = from.type == WN_F32 ? 2 : 1;
  for (int w = 0; w < words; w++) wn_copy_async(kept.room + w * kept.octets + i, from.at + 16 * w);
}

WN_DEVICE void wait_for_copies() {
  wn_copy_commit();
  wn_copy_wait<0>();
}

/* ---- what the threads of a warp that have the same columns put together */

/* Rows of a chunk that a warp has, of all that a block deals to its threads. */
WN_DEVICE int rows_of_warp(const ColumnTask &t, int lanes, int warp) {
  const int per_warp = lanes / static_cast<int>(wn_threads() / 32), turns = t.all_rows / lanes;
  const int more = t.all_rows - turns * lanes - warp * per_warp;
  return turns * per_warp + (more < 0 ? 0 : more < per_warp ? more : per_warp);
}

/* f(apart): with the thread `apart` lanes further, as long as any of those has rows. */
template <class F>
WN_DEVICE void each_pair_of_lanes(const ColumnTask &t, int lanes, int width, const F &f) {
  const int rows = rows_of_warp(t, lanes, static_cast<int>(wn_thread() / 32));
  for (int apart = width; apart < 32 && apart / width < rows; apart *= 2) f(apart);
}

}  // namespace wn
#endif
