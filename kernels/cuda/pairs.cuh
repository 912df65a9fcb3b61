/* Pairs of numbers for elements, an octet's at a time: parameters (gamma, beta), or sums of columns. In registers, and
 * in shared memory, where the 16 bytes of neighbouring octets lie side by side so that accesses do not collide: [2][16
 * bytes of an octet][octets]. */
#ifndef WNI_PAIRS_CUH
#define WNI_PAIRS_CUH
#include "kernels/cuda/octet.cuh"

namespace wn {

template <class R>
struct OctetPair {
  R of[2][8];
};

template <class R>
struct SharedPairs {
  uint4 *room;
  unsigned octets;
};

/* Numbers in 16 bytes. */
template <class R>
constexpr int kAcross = 16 / sizeof(R);

template <class R>
WN_DEVICE void load_word(const uint4 *from, R (&v)[kAcross<R>]) {
  const uint4 w = *from;
  __builtin_memcpy(v, &w, sizeof w);
}

template <class R>
WN_DEVICE void store_word(uint4 *to, const R (&v)[kAcross<R>]) {
  uint4 w;
  __builtin_memcpy(&w, v, sizeof w);
  *to = w;
}

/* f(first, word): with the 16 bytes of elements first, first + 1, . . . of the octet, of the pairs' `which`. */
template <class R, class F>
WN_DEVICE void each_word(const SharedPairs<R> &pairs, int which, unsigned octet, const F &f) {
#pragma unroll
  for (int word = 0; word < 8 / kAcross<R>; word++)
    f(word * kAcross<R>, pairs.room + ((which * (8 / kAcross<R>)+word) * pairs.octets + octet));
}

/* f(which, first, word) */
template <class R, class F>
WN_DEVICE void each_word(const SharedPairs<R> &pairs, unsigned octet, const F &f) {
#pragma unroll
  for (int which = 0; which < 2; which++)
    each_word(pairs, which, octet, [&](int first, uint4 *word) { f(which, first, word); });
}

template <class R>
WN_DEVICE OctetPair<R> load_shared(const SharedPairs<R> &pairs, unsigned octet) {
  OctetPair<R> v;
  each_word(pairs, octet, [&](int which, int first, const uint4 *word) {
    R w[kAcross<R>];
    load_word(word, w);
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++) v.of[which][first + i] = w[i];
  });
  return v;
}

template <class R>
WN_DEVICE void store_shared(const SharedPairs<R> &pairs, unsigned octet, const OctetPair<R> &v) {
  each_word(pairs, octet, [&](int which, int first, uint4 *word) {
    R w[kAcross<R>];
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++) w[i] = v.of[which][first + i];
    store_word(word, w);
  });
}

template <class R>
WN_DEVICE Octet<R> load_shared(const SharedPairs<R> &pairs, int which, unsigned octet) {
  Octet<R> v;
  each_word(pairs, which, octet, [&](int first, const uint4 *word) {
    R w[kAcross<R>];
    load_word(word, w);
#pragma unroll
    for (int i = 0; i < kAcross<R>; i++) v.v[first + i] = w[i];
  });
  return v;
}

/* Where the number of one element is. */
template <class R>
WN_DEVICE R *pair_element(const SharedPairs<R> &pairs, int which, unsigned octet, unsigned element) {
  const unsigned word = which * (8 / kAcross<R>)+element / kAcross<R>;
  return reinterpret_cast<R *>(pairs.room + (word * pairs.octets + octet)) + element % kAcross<R>;
}

}  // namespace wn
#endif
