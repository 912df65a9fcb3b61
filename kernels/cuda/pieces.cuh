/* What a set's pieces have come to, moments or sums, and what follows from them for the set. Pieces are what blocks
 * take of sets that one block does not hold; here is where each has left its numbers, and the one order in which they
 * are put together, by whichever kernel does it. */
#ifndef WNI_PIECES_CUH
#define WNI_PIECES_CUH
#include "kernels/cuda/stage.cuh"

namespace wn {

/* ---- pieces of sets --------------------------------------------------------------------------------------------- */

/* The pieces of a set are (high, low), low < inner, in this order: ROW (0 or run, segment), COLUMN (chunk, column of
 * the set). Neighbouring lanes take neighbouring pieces. */
struct Pieces {
  int64_t count, inner;
};

struct Piece {
  int64_t high, low;
};

WN_DEVICE Piece piece_at(int64_t index, int64_t inner) {
  const int64_t high = inner == 1 ? index : index / inner;
  return {high, index - high * inner};
}

WN_DEVICE void next_piece(Piece *p, const Piece &step, int64_t inner) {
  p->high += step.high;
  p->low += step.low;
  if (p->low >= inner) p->low -= inner, p->high++;
}

/* How many lanes share a set, as a power of two: one lane takes up to 4 pieces before another one helps. */
WN_DEVICE int lanes_for(int64_t pieces) {
  int log2 = 0;
  while (log2 < 5 && (int64_t{4} << log2) < pieces) log2++;
  return log2;
}

/* ---- moments to statistics -------------------------------------------------------------------------------------- */

/* Elements of a segment of a ROW set: 8 in each octet, fewer in the last one of each run. */
WN_DEVICE int64_t row_segment_elements(const wni_cuda_row &row, int64_t segment) {
  const int64_t begin = segment * row.segment_octets, end = begin + row.segment_octets;
  const int64_t last = end < row.octets ? end : row.octets;
  const int64_t run_ends =
      row.runs == 1 ? (last == row.octets ? 1 : 0) : last / row.run_octets - begin / row.run_octets;
  return 8 * (last - begin) - run_ends * (8 * row.run_octets - row.elements);
}

WN_DEVICE Pieces pieces_of_moments(const wni_cuda_job &job) {
  if (job.call.geo.pattern == WNI_ROW) return {job.cut.row.segments, job.cut.row.segments};
  const int64_t columns = job.call.geo.set_columns;
  return {job.cut.column.chunks * columns, columns};
}

template <class R>
WN_DEVICE Moments<R> stored_moments(const wni_cuda_job &job, int64_t set, const Piece &p, int64_t *elements) {
  int64_t at;
  if (job.call.geo.pattern == WNI_ROW) {
    at = set * job.cut.row.segments + p.low;
    *elements = row_segment_elements(job.cut.row, p.low);
  } else {
    const wni_cuda_column &cut = job.cut.column;
    const Piece place = piece_at(set, cut.columns / job.call.geo.set_columns); /* slab, set in it */
    at = (place.high * cut.chunks + p.high) * cut.columns + place.low * job.call.geo.set_columns + p.low;
    const int64_t left = cut.rows - p.high * cut.chunk_rows;
    *elements = left < cut.chunk_rows ? left : cut.chunk_rows;
  }
  const StoredMoments<R> v = static_cast<const StoredMoments<R> *>(job.moments)[at];
  return {static_cast<R>(*elements), v.mean, v.mean_low, v.m2};
}

enum { kFewPieces = 16 }; /* are merged on their own, so that errors do not grow with their number */

/* Of every `step`-th piece from `first` on. */
template <class R>
WN_DEVICE Moments<R> moments_of_lane(const wni_cuda_job &job, int64_t set, const Pieces &pieces, int64_t first,
                                     int lanes) {
  Moments<R> all = no_moments<R>(), few = all;
  int64_t all_elements = 0, few_elements = 0; /* counted exactly, whatever R holds */
  const Piece step = piece_at(lanes, pieces.inner);
  Piece p = piece_at(first, pieces.inner);
  int n = 0;
  for (int64_t i = first; i < pieces.count; i += lanes) {
    int64_t elements;
    few = merge(few, stored_moments<R>(job, set, p, &elements));
    few_elements += elements;
    few.n = static_cast<R>(few_elements);
    next_piece(&p, step, pieces.inner);
    if (++n % kFewPieces == 0 || i + lanes >= pieces.count) {
      all = merge(all, few);
      all_elements += few_elements;
      all.n = static_cast<R>(all_elements);
      few = no_moments<R>();
      few_elements = 0;
    }
  }
  return all;
}

/* Of a set. */
template <class R>
WN_DEVICE Stats<R> statistics_of_moments(const wni_cuda_job &job, const Moments<R> &v) {
  Stats<R> s;
  two_sum(v.mean, v.low, &s.mean, &s.mean_low);
  s.var = wn_divide(v.m2, static_cast<R>(job.call.geo.set_size));
  s.rstd = rstd_of(s.var, constants_of<R>(job).eps);
  return s;
}

/* To each of 2^lanes_log2 neighbouring lanes, which share the pieces. All of a warp come along. */
template <class R>
WN_DEVICE Moments<R> moments_of_set(const wni_cuda_job &job, int64_t set, const Pieces &pieces, int lanes_log2,
                                    bool there) {
  const int lanes = 1 << lanes_log2;
  Moments<R> v = no_moments<R>();
  if (there) v = moments_of_lane<R>(job, set, pieces, wn_lane() % static_cast<unsigned>(lanes), lanes);
  return merge_lanes(v, lanes_log2);
}

/* ---- sums of pieces to those of sets ---------------------------------------------------------------------------- */

/* The other sum of a piece is `apart` numbers further. Where the sums are of dz, weight is the gamma of the piece. */
template <class R>
struct SumPlace {
  const R *at;
  int64_t apart;
  R weight;
};

WN_DEVICE int64_t runs_apart(const wni_cuda_row &row) { return row.param_run != 0 ? row.runs : 1; }

WN_DEVICE Pieces pieces_of_sums(const wni_cuda_job &job) {
  const wni_cuda_row &row = job.cut.row;
  if (job.call.geo.pattern == WNI_COLUMN) return pieces_of_moments(job);
  return {row.per_element ? row.segments : runs_apart(row) * row.segments, row.segments};
}

template <class R>
WN_DEVICE SumPlace<R> sum_place(const wni_cuda_job &job, int64_t set, const Piece &p) {
  const wni_geometry &g = job.call.geo;
  const wni_cuda_row &row = job.cut.row;
  const wni_cuda_column &cut = job.cut.column;
  const R *const sums = static_cast<const R *>(job.sums);
  if (g.pattern == WNI_COLUMN) {
    const Piece place = piece_at(set, cut.columns / g.set_columns); /* slab, set in it */
    const int64_t column = place.low * g.set_columns + p.low;
    return {sums + (place.high * cut.chunks + p.high) * 2 * cut.columns + column, cut.columns,
            g.param_by_row ? 1 : gamma_of<R>(job.call, column)};
  }
  if (row.per_element) return {sums + 2 * (set * row.segments + p.low), 1, 1};
  const int64_t param = set % g.extent[1] * g.param_step + p.high * row.param_run;
  return {sums + 2 * ((set * runs_apart(row) + p.high) * row.segments + p.low), 1, gamma_of<R>(job.call, param)};
}

/* Sums of g xhat and of g, or where weighted is false of what the pieces have; to each of 2^lanes_log2 neighbouring
 * lanes, which share the pieces. All of a warp come along. */
template <class R>
WN_DEVICE void sums_of_set(const wni_cuda_job &job, int64_t set, const Pieces &pieces, int lanes_log2, bool there,
                           bool weighted, double (&v)[2]) {
  const int lanes = 1 << lanes_log2;
  const int64_t lane = wn_lane() % static_cast<unsigned>(lanes);
  const Piece step = piece_at(lanes, pieces.inner);
  Piece p = piece_at(lane, pieces.inner);
  v[0] = v[1] = 0;
  for (int64_t i = lane; i < pieces.count && there; i += lanes) {
    const SumPlace<R> from = sum_place<R>(job, set, p);
    const double weight = weighted ? static_cast<double>(from.weight) : 1;
    v[0] += weight * static_cast<double>(from.at[0]);
    v[1] += weight * static_cast<double>(from.at[from.apart]);
    next_piece(&p, step, pieces.inner);
  }
  sum_lanes(v, lanes_log2);
}

/* Means of g xhat and of g. */
template <class R>
struct SetMeans {
  R gxhat, g;
};

template <class R>
WN_DEVICE SetMeans<R> means_of_sums(const wni_geometry &g, const double (&v)[2]) {
  const double size = static_cast<double>(g.set_size);
  return {static_cast<R>(v[0] / size), g.centered ? static_cast<R>(v[1] / size) : 0};
}

}  // namespace wn
#endif
