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

/* COLUMN, or ROW sets whose parameters go by column, which are one slab (host/job_cuda.c, walk_make). Which of the two
 * is a constant of the code: most kernels are for COLUMN alone. */
template <bool column>
struct ColumnShape {
  int64_t tasks, inner;
  int lanes; /* rows side by side in a block: from a thread's row to its next */
};

template <bool column>
WN_DEVICE ColumnShape<column> column_shape(const wni_cuda_job &job) {
  const wni_cuda_column &cut = job.cut.column;
  return {(column ? job.call.geo.extent[0] : 1) * cut.chunks * cut.tiles, job.walk.inner, job.walk.lanes};
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

/* Of a slab: a, b. */
struct RowPlace {
  int64_t a, b;
};

template <bool column>
WN_DEVICE RowPlace row_place(const ColumnShape<column> &s, int64_t row) {
  if (s.inner == 1) return {row, 0};
  const int64_t a = row / s.inner;
  return {a, row - a * s.inner};
}

/* A thread's way over its rows, forwards, or backwards from the last one: second sweeps begin with what the first one
 * has read last, and the cache still has. So do their blocks: with the last task. b begins anew `left` rows further on,
 * and then every `inner` rows; more than kFarRows is further than a chunk goes. */
template <bool back>
struct RowWalk {
  int left, step, inner;
};

enum { kFarRows = 1 << 30 };

/* Where it begins. */
template <bool back, bool column>
WN_DEVICE int64_t first_row(const ColumnShape<column> &s, const ColumnTask &t) {
  return back && t.rows > 0 ? t.row + (t.rows - 1) * s.lanes : t.row;
}

template <bool back, bool column>
WN_DEVICE RowWalk<back> row_walk(const wni_cuda_job &job, const ColumnShape<column> &s, const ColumnTask &t) {
  const RowPlace first = row_place(s, first_row<back>(s, t));
  const int64_t left = back ? first.b + 1 : s.inner - first.b;
  return {left < kFarRows ? static_cast<int>(left) : kFarRows, job.walk.step_b,
          s.inner < kFarRows ? static_cast<int>(s.inner) : kFarRows};
}

/* How often b has begun anew when a thread gets to each of its next rows, at most 8: 4 bits each. 0 most of the time.
 */
typedef uint32_t RowsAnew;

WN_NOINLINE RowsAnew rows_anew(int left, int step, int inner, int n) {
  RowsAnew anew = 0;
  uint32_t times = 0;
  for (int i = 0; i < n; i++) {
    left -= step;
    if (left <= 0) left += inner, times++;
    anew |= times << (4 * i);
  }
  return anew;
}

/* n rows further on. */
template <int n, bool back>
WN_DEVICE RowsAnew walk_rows(RowWalk<back> *w) {
  RowsAnew anew = 0;
  if (w->left <= n * w->step) anew = rows_anew(w->left, w->step, w->inner, n);
  w->left -= n * w->step - static_cast<int>(anew >> (4 * (n - 1))) * w->inner;
  return anew;
}

/* Of a tensor: the thread's octet in the row at hand, and what leads to the next row. */
template <class E>
struct Line {
  E at;
  wni_cuda_step step;
};

template <class T, bool back, bool column>
WN_DEVICE Line<Elements<T>> line_of(const ColumnShape<column> &s, const ColumnTask &t, const RowWalk<back> &,
                                    const wni_tensor &tensor, const wni_cuda_step &step) {
  const int64_t *const stride = tensor.view.stride;
  const RowPlace first = row_place(s, first_row<back>(s, t));
  const int64_t from = (column ? t.slab * stride[0] : 0) + first.a * stride[column ? 1 : 0] +
                       first.b * stride[column ? 2 : 1] + t.column;
  return {ElementsOf<T>::at(tensor.data, tensor.type) + from, step};
}

template <bool back, class T>
WN_DEVICE T *moved(T *from, int64_t bytes) {
  typedef const char *At;
  return const_cast<T *>(reinterpret_cast<const T *>(reinterpret_cast<At>(from) + (back ? -bytes : bytes)));
}
template <bool back, class Byte>
WN_DEVICE MixedElements<Byte> moved(const MixedElements<Byte> &from, int64_t bytes) {
  return {from.at + (back ? -bytes : bytes), from.type};
}

/* Where the octets of n rows are, from the one at hand on; the line goes on to what is behind them. */
template <bool back, int n, class E>
WN_DEVICE void take_places(RowsAnew anew, Line<E> *line, E (&at)[n]) {
  E next[n + 1];
  next[0] = line->at;
#pragma unroll
  for (int i = 0; i < n; i++) next[i + 1] = moved<back>(next[i], line->step.next);
  if (anew != 0) {
#pragma unroll
    for (int i = 0; i < n; i++)
      next[i + 1] = moved<back>(next[i + 1], static_cast<int>(anew >> (4 * i) & 15) * line->step.anew);
  }
#pragma unroll
  for (int i = 0; i < n; i++) at[i] = next[i];
  line->at = next[n];
}

/* The thread's row i, from where it begins; made anew each time, for it is seldom asked for and registers are few. */
template <bool back, bool column>
WN_DEVICE int64_t row_number(const ColumnShape<column> &s, const ColumnTask &t, int i) {
  const int from_first = static_cast<int>(wn_forget(static_cast<uint32_t>(back ? t.rows - 1 - i : i)));
  return t.row + from_first * s.lanes;
}

/* A row's byte of a mask that is COLUMN's. */
template <class Byte>
WN_DEVICE Byte *mask_at(const wni_cuda_job &job, const ColumnTask &t, Byte *mask, int64_t row) {
  const int64_t bytes = (job.cut.column.columns + 7) / 8;
  return mask + ((t.slab * job.cut.column.rows + row) * bytes + t.column / 8);
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

/* One copy of the code in a kernel for all but the widest stores: nobody waits for one. */
template <class T>
WN_NOINLINE void store_part(T *to, Packed<T> p, int columns) {
  store_octet(to, p, columns);
}

/* wide: the octet is full, and aligned. */
template <class T>
WN_DEVICE void store_line(bool wide, T *to, const Packed<T> &p, int columns) {
  if (wide) {
    store_wide(to, p);
  } else {
    store_part(to, p, columns);
  }
}

template <class R, class T>
WN_DEVICE void store_line(bool wide, T *to, const Octet<R> &v, int columns) {
  store_line(wide, to, pack<T>(v), columns);
}
template <class R, class Byte>
WN_DEVICE void store_line(bool, const MixedElements<Byte> &to, const Octet<R> &v, int columns) {
  store_values(to, v, columns);
}

/* ---- rows asked for ahead of their turn, where a thread's loads are too few to hide the memory's latency */

/* So many rows further on, where at least so many there are. */
struct RowsAhead {
  uint32_t by;
  int least;
};

/* Of turns of n rows, which load `bytes`, in lines whose rows are all as far from one another. */
template <int n>
WN_DEVICE RowsAhead rows_ahead(const wni_cuda_job &job, unsigned bytes) {
  if (!WN_FETCHES_AHEAD || !job.walk.even || job.in_flight <= bytes) return {0, kFarRows};
  const uint32_t by = n * ((job.in_flight + bytes - 1) / bytes);
  return {by, static_cast<int>(by) + n};
}

/* Beyond those at hand, which are full octets. */
template <bool back, int n, class T>
WN_DEVICE void fetch_rows(const RowsAhead &ahead, const Line<T *> &line, T *const (&at)[n]) {
  const int64_t by = wn_forget(ahead.by) * line.step.next; /* made here: registers are few */
#pragma unroll
  for (int i = 0; i < n; i++) wn_fetch_own(moved<back>(at[i], by));
}
template <bool back, int n, class Byte>
WN_DEVICE void fetch_rows(const RowsAhead &, const Line<MixedElements<Byte>> &, const MixedElements<Byte> (&)[n]) {}

/* n rows of a tensor, of which `rows` are there, the others 0. */
template <bool back, class T, class E, int n>
WN_DEVICE void load_rows(const RowsAhead &ahead, RowsAnew anew, bool wide, int columns, int rows, Line<E> *line,
                         Packed<T> (&to)[n]) {
  E from[n];
  take_places<back>(anew, line, from);
  if (wide) {
#pragma unroll
    for (int i = 0; i < n; i++) to[i] = load_line<true>(from[i], columns, i < rows);
    if (WN_FETCHES_AHEAD && rows >= ahead.least) fetch_rows<back>(ahead, *line, from);
  } else {
#pragma unroll
    for (int i = 0; i < n; i++) to[i] = load_line<false>(from[i], columns, i < rows);
  }
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

/* ---- parameters by row */

template <class R>
struct RowFactors {
  R gamma, beta;
};

/* As gamma_of and beta_of. The type is asked for once: it is most of the work. */
template <class R>
WN_DEVICE RowFactors<R> row_factors(const wni_call &call, int64_t param) {
  if (sizeof(R) != 8 && call.types.param != WN_F32) return {gamma_of<R>(call, param), beta_of<R>(call, param)};
  RowFactors<R> f = {1, 0};
  if (call.beta != nullptr) f.beta = static_cast<const R *>(call.beta)[param];
  if (call.gamma != nullptr) {
    f.gamma = static_cast<const R *>(call.gamma)[param];
    if ((call.flags & WN_GAMMA_MINUS_ONE) != 0) f.gamma += 1;
  }
  return f;
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
