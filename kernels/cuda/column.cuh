/* Where the threads of the column kernels are, and what they share.
 *
 * A block takes a tile of columns and a chunk of rows; neighbouring threads have neighbouring octets, so that a row of
 * the tile is read in one piece, and then the next rows, turn by turn:
 *
 *   tile of 4 octets     | t0      | t1      | t2      | t3      |    row 0
 *   block of 16          | t4      | t5      | t6      | t7      |    row 1
 *                        | t8 ...
 *                        | t0      | t1      | t2      | t3      |    row 4
 *
 * A thread keeps what its 8 columns need in registers. Blocks have a power of two of threads, 32 to 128, and at
 * least one for each octet of a tile. */
#ifndef WNI_COLUMN_CUH
#define WNI_COLUMN_CUH
#include "kernels/cuda/stage.cuh"

namespace wn {

/* How many of `rows` are first, first + step, ... */
WN_DEVICE int rows_from(int first, int step, int rows) {
  return first < rows ? static_cast<int>(static_cast<unsigned>(rows - first + step - 1) / static_cast<unsigned>(step))
                      : 0;
}

/* ---- the matrix */

/* COLUMN: a slab's rows are (a, b), the strides 1 and 2 of a tensor. ROW sets whose parameters go by column are one
 * slab: a row for each outer index, or where each middle one has the same parameters for those too: strides 0 and 1.
 * `inner` is the extent of b. Which of the two is a constant of the code: most kernels are for COLUMN alone. */
template <bool column>
struct ColumnShape {
  int64_t tasks, inner;
  int lanes;          /* rows side by side in a block: from a thread's row to its next */
  int step_a, step_b; /* lanes = step_a * inner + step_b */
};

template <bool column>
WN_DEVICE ColumnShape<column> column_shape(const wni_cuda_job &job) {
  const wni_geometry &g = job.call.geo;
  const wni_cuda_column &cut = job.cut.column;
  ColumnShape<column> s;
  s.tasks = (column ? g.extent[0] : 1) * cut.chunks * cut.tiles;
  s.inner = column ? g.extent[2] : g.param_step == 0 ? g.extent[1] : 1;
  s.lanes = static_cast<int>(wn_threads() >> job.tile_octets_log2);
  s.step_a = s.inner > s.lanes ? 0 : s.lanes / static_cast<int>(s.inner);
  s.step_b = s.lanes - s.step_a * static_cast<int>(s.inner);
  return s;
}

struct ColumnTask {
  int64_t slab, tile, piece; /* piece = slab * chunks + chunk */
  int64_t column;            /* the thread's octet */
  int columns;               /* in it; 0: it is beyond the last */
  int lane;                  /* which of the block's rows the thread has */
  int64_t row;               /* its first one */
  int all_rows, rows, trips; /* of the chunk; the thread's; the most that a thread has */
};

template <bool column>
WN_DEVICE ColumnTask column_task_at(const wni_cuda_job &job, const ColumnShape<column> &s, int64_t piece,
                                    int64_t tile) {
  const wni_cuda_column &cut = job.cut.column;
  const int thread = static_cast<int>(wn_thread());
  ColumnTask t;
  t.piece = piece;
  t.tile = tile;
  t.slab = column ? t.piece / cut.chunks : 0;
  const int64_t first = (t.piece - t.slab * cut.chunks) * cut.chunk_rows, after = cut.rows - first;
  t.all_rows = static_cast<int>(after < cut.chunk_rows ? after : cut.chunk_rows);
  t.column = 8 * (t.tile * cut.tile_octets + thread % cut.tile_octets);
  const int64_t left = cut.columns - t.column;
  t.columns = left >= 8 ? 8 : left > 0 ? static_cast<int>(left) : 0;
  t.lane = thread >> job.tile_octets_log2;
  t.row = first + t.lane;
  t.rows = t.columns > 0 ? rows_from(t.lane, s.lanes, t.all_rows) : 0;
  t.trips = rows_from(0, s.lanes, t.all_rows);
  return t;
}

template <bool column>
WN_DEVICE ColumnTask column_task(const wni_cuda_job &job, const ColumnShape<column> &s, int64_t task) {
  const int64_t piece = task / job.cut.column.tiles;
  return column_task_at(job, s, piece, task - piece * job.cut.column.tiles);
}

/* ---- rows */

/* One of the thread's rows: b, and how far a is from that of its first row. */
struct RowPlace {
  int a;
  int64_t b;
};

template <bool column>
WN_DEVICE RowPlace first_row(const ColumnShape<column> &s, const ColumnTask &t) {
  return {0, s.inner == 1 ? 0 : t.row % s.inner};
}

template <bool column>
WN_DEVICE void next_row(const ColumnShape<column> &s, RowPlace *p) {
  p->a += s.step_a;
  p->b += s.step_b;
  if (p->b >= s.inner) p->b -= s.inner, p->a++;
}

/* Of the thread's row `i`, and from there n rows back: second sweeps begin with what the first one has read last, and
 * the cache still has. So do their blocks: with the last task. */
template <bool column>
WN_DEVICE RowPlace place_of_row(const ColumnShape<column> &s, const ColumnTask &t, int i) {
  if (s.inner == 1) return {i * s.lanes, 0};
  const int64_t from = t.row % s.inner + static_cast<int64_t>(i) * s.lanes, a = from / s.inner;
  return {static_cast<int>(a), from - a * s.inner};
}

template <bool column>
WN_DEVICE void rows_back(const ColumnShape<column> &s, int n, RowPlace *p) {
  p->a -= n * s.step_a;
  p->b -= static_cast<int64_t>(n) * s.step_b;
  while (p->b < 0) p->b += s.inner, p->a--;
}

/* The first of the thread's last few rows, of groups of n. */
WN_DEVICE int last_group(int rows, int n) { return rows > 0 ? (rows - 1) / n * n : 0; }

/* The thread's octet where b is 0 in the a of its first row. */
template <class T, bool column>
WN_DEVICE Elements<T> octets_of(const ColumnShape<column> &s, const ColumnTask &t, const wni_tensor &tensor) {
  const int64_t *const stride = tensor.view.stride;
  const int64_t a = s.inner == 1 ? t.row : t.row / s.inner;
  return ElementsOf<T>::at(tensor.data, tensor.type) +
         ((column ? t.slab * stride[0] : 0) + a * stride[column ? 1 : 0] + t.column);
}

/* Its offset in a row from there. */
template <bool column>
WN_DEVICE int64_t row_offset(const ColumnShape<column> &, const wni_tensor &tensor, const RowPlace &p) {
  return p.a * tensor.view.stride[column ? 1 : 0] + p.b * tensor.view.stride[column ? 2 : 1];
}

/* ---- loads */

/* Whether each full octet of a tensor of T is aligned for the widest loads. One that a call does not have is. */
template <class T>
WN_DEVICE bool is_wide(const wni_tensor &t) {
  const uint64_t at = reinterpret_cast<uintptr_t>(t.data);
  const uint64_t strides = static_cast<uint64_t>(t.view.stride[0] | t.view.stride[1] | t.view.stride[2]);
  const unsigned bytes = kIsMixed<T> ? 1u << bytes_log2(t.type) : sizeof(T);
  return t.data == nullptr || ((at | strides * bytes) & 15) == 0;
}

/* An octet of a row that is there or not (zeros). Loads of many rows are issued one after the other only where there
 * is no choice between them: `wide` makes it once for all. Octets that are not full end a row. */
template <bool wide, class T>
WN_DEVICE Packed<T> load_line(const T *from, int columns, bool there) {
  if (!there) return packed_zero<T>();
  if constexpr (wide) return load_wide(from);
  return columns == 8 ? load_octet(from, 8) : load_part(from, columns);
}
template <bool wide, class Byte>
WN_DEVICE Packed<mixed> load_line(const MixedElements<Byte> &from, int columns, bool there) {
  if (!there) return {{}, from.type};
  if constexpr (wide) return load_wide(from);
  return load_octet(from, columns);
}

template <class T>
WN_NOINLINE void store_part(T *to, Packed<T> p, int columns) {
  store_elements(to, p, columns);
}

template <class T>
WN_DEVICE void store_line(T *to, const Packed<T> &p, int columns) {
  if (columns == 8) {
    store_octet(to, p, 8);
  } else {
    store_part(to, p, columns);
  }
}

template <class X, class T>
WN_DEVICE void store_line(T *to, const Octet<X> &v, int columns) {
  store_line(to, pack<T>(v), columns);
}
template <class X, class Byte>
WN_DEVICE void store_line(const MixedElements<Byte> &to, const Octet<X> &v, int columns) {
  store_values(to, v, columns);
}

/* ---- sets side by side in a row */

/* From an octet's first column on: its set, and how many columns of that there still are. */
struct SetPlace {
  int64_t set, left, width;
};

WN_DEVICE SetPlace set_place(int64_t column, int64_t width) {
  const int64_t set = width == 1 ? column : column / width;
  return {set, width - (column - set * width), width};
}

WN_DEVICE void next_column(SetPlace *p) {
  p->left--;
  if (p->left == 0) p->set++, p->left = p->width;
}

/* A root and a quotient for each of 8 columns: one copy of the code in a kernel. */
template <class R>
WN_NOINLINE R running_rstd(R var, double eps) {
  return rstd_of(var, static_cast<R>(eps));
}

template <class R>
WN_DEVICE Normalizer<R> running_of_column(const wni_call &call, int64_t column) {
  return {static_cast<const R *>(call.running_mean)[column], 0,
          running_rstd(static_cast<const R *>(call.running_var)[column], call.eps)};
}

/* ---- sums over the threads of an octet */

/* In halves of the block, the lower one adds what the upper one has: the sum of threads t, t + width, ... comes to
 * thread t < width. room: N + 1 numbers a thread (one more: neighbours' numbers lie in different banks), free again
 * after the next barrier. */
template <class R, int N>
WN_DEVICE void sum_threads(R (&v)[N], R *room, int width) {
  const int thread = static_cast<int>(wn_thread());
  for (int half = static_cast<int>(wn_threads()) / 2; half >= width; half /= 2) {
    if (thread >= half && thread < 2 * half) {
#pragma unroll
      for (int k = 0; k < N; k++) room[(N + 1) * thread + k] = v[k];
    }
    wn_sync_block();
    if (thread < half) {
#pragma unroll
      for (int k = 0; k < N; k++) v[k] += room[(N + 1) * (thread + half) + k];
    }
  }
}

}  // namespace wn
#endif
