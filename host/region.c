#include "region.h"

#include <stdbool.h>

__extension__ typedef __int128 wide; /* products of two strides; gcc and clang have it on every 64-bit target */

/* A region's span as signed distances from a common origin, so that differences of addresses stay in range. */
typedef struct lattice {
  int64_t begin;
  int64_t count[2], stride[2];
  int64_t run;
} lattice;

wni_region wni_region_flat(const void *begin, int64_t bytes) {
  const wni_region r = {(uintptr_t)begin, {1, 1}, {bytes, bytes}, bytes};
  return r;
}

wni_region wni_region_tensor(const void *begin, const wn_problem *p, int64_t n, wn_stride stride, size_t element) {
  const int64_t size = (int64_t)element;
  const bool nxc = p->layout == WN_NXC;
  wni_region r = {(uintptr_t)begin, {n, nxc ? p->x : 1}, {stride.row * size, stride.pixel * size}, 0};
  r.run = (nxc ? p->c : p->c * p->x) * size;
  if (n == 0) return wni_region_flat(begin, 0);
  if (r.count[1] == 1) r.stride[1] = r.run;
  if (r.count[0] == 1) r.stride[0] = r.stride[1] * r.count[1];
  if (r.stride[0] < r.stride[1]) { /* positions outermost */
    const int64_t count = r.count[0], step = r.stride[0];
    r.count[0] = r.count[1], r.stride[0] = r.stride[1];
    r.count[1] = count, r.stride[1] = step;
  }
  if (r.stride[1] == r.run) { /* the inner level is contiguous */
    r.run *= r.count[1];
    r.count[1] = r.count[0], r.stride[1] = r.stride[0];
    r.count[0] = 1;
    if (r.stride[1] == r.run) { /* and so is the outer one */
      r.run *= r.count[1];
      r.count[1] = 1;
    }
  }
  return r;
}

static int64_t span(const lattice *l) {
  return (l->count[0] - 1) * l->stride[0] + (l->count[1] - 1) * l->stride[1] + l->run;
}

static bool ranges_meet(const lattice *a, const lattice *b) {
  return a->begin < b->begin + span(b) && b->begin < a->begin + span(a);
}

static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

/* Is there an i >= 0, and which is the first, with (a i mod m) in [low, high]; 0 <= low <= high < m, 0 <= a < m; -1:
 * none. The Euclidean descent: each step replaces (a, m) by (m mod a, a), so it ends in O(log m). */
static int64_t first_in_window(int64_t a, int64_t m, int64_t low, int64_t high) {
  if (low == 0) return 0;
  if (a == 0) return -1;
  const int64_t i = (low + a - 1) / a; /* the first multiple that reaches low */
  if (i * a <= high) return i;
  /* none before the first wrap: wanted are i, k with low <= a i - m k <= high, that is (m k) mod a in [-high, -low] mod
   * a */
  const int64_t k = first_in_window(m % a, a, (a - high % a) % a, (a - low % a) % a);
  if (k < 0) return -1;
  return (int64_t)(((wide)m * k + low + a - 1) / a);
}

/* Two regions of one level: is there i in [0, n), j in [0, k) with -a.run < (b + j t) - (a + i s) < b.run reversed,
 * that is, do run i of a and run j of b meet? */
static bool rows_meet(const lattice *a, const lattice *b) {
  const int64_t s = a->stride[1], t = b->stride[1];
  const int64_t delta = a->begin - b->begin;
  /* Row i of a lies at delta + i s from b's row 0. It meets a row of b, were b endless, when (delta + i s) mod t is
   * below b.run or above t - a.run. Of the rows of a, those near b's range: */
  int64_t low = floor_divide(-delta - a->run, s) + 1, high = floor_divide(span(b) - 1 - delta, s);
  if (low < 0) low = 0;
  if (high > a->count[1] - 1) high = a->count[1] - 1;
  if (low > high) return false;
  if (a->run + b->run - 1 >= t) return true; /* no gap of b holds a row of a */
  /* phase(i) = (delta + low s + i s + a.run - 1) mod t must lie in [0, a.run + b.run - 2] */
  const int64_t window = a->run + b->run - 2;
  const int64_t start = (int64_t)((((wide)delta + (wide)low * s + a->run - 1) % t + t) % t);
  if (start <= window) return true;
  const int64_t first = first_in_window(s % t, t, t - start, t - start + window < t ? t - start + window : t - 1);
  return first >= 0 && first <= high - low;
}

/* Both have the same strides: only the difference of their indices counts, p in (-count, count), and for each level at
 * most three differences come near. */
static bool same_lattice_meets(const lattice *a, const lattice *b) {
  const int64_t delta = b->begin - a->begin;
  const int64_t inner = ((a->count[1] > b->count[1] ? a->count[1] : b->count[1]) - 1) * a->stride[1] +
                        (a->run > b->run ? a->run : b->run);
  const int64_t outer = a->stride[0];
  for (int64_t p = floor_divide(-delta - inner, outer); p <= floor_divide(-delta + inner, outer) + 1; p++) {
    if (p <= -a->count[0] || p >= b->count[0]) continue;
    const int64_t rest = delta + p * outer, step = a->stride[1];
    for (int64_t q = floor_divide(-rest, step) - 1; q <= floor_divide(-rest, step) + 2; q++) {
      if (q <= -a->count[1] || q >= b->count[1]) continue;
      const int64_t distance = rest + q * step;
      if (distance < a->run && -distance < b->run) return true;
    }
  }
  return false;
}

static bool same_strides(const lattice *a, const lattice *b) {
  return a->stride[0] == b->stride[0] && a->stride[1] == b->stride[1] && a->count[0] > 1 && b->count[0] > 1;
}

static bool lattices_meet(const lattice *a, const lattice *b) {
  if (!ranges_meet(a, b)) return false;
  if (a->count[0] == 1 && b->count[0] == 1) return rows_meet(a, b);
  if (same_strides(a, b)) return same_lattice_meets(a, b);
  /* Different shapes of two levels, one inside the other's gaps: outer row by outer row, only those within b's range.
   */
  const lattice *split = a->count[0] > 1 ? a : b, *other = split == a ? b : a;
  lattice row = *split;
  row.count[0] = 1;
  const int64_t width = span(&row);
  int64_t i = floor_divide(other->begin - split->begin - width, split->stride[0]) + 1;
  if (i < 0) i = 0;
  for (; i < split->count[0]; i++) {
    row.begin = split->begin + i * split->stride[0];
    if (row.begin >= other->begin + span(other)) return false;
    if (lattices_meet(&row, other)) return true;
  }
  return false;
}

int wni_regions_overlap(const wni_region *a, const wni_region *b) {
  if (a->run == 0 || b->run == 0) return 0;
  const uintptr_t origin = a->begin < b->begin ? a->begin : b->begin;
  const lattice la = {(int64_t)(a->begin - origin), {a->count[0], a->count[1]}, {a->stride[0], a->stride[1]}, a->run};
  const lattice lb = {(int64_t)(b->begin - origin), {b->count[0], b->count[1]}, {b->stride[0], b->stride[1]}, b->run};
  return lattices_meet(&la, &lb);
}
