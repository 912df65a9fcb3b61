/* Octets: 8 neighbouring elements, one thread's at a time.
 *
 * Which elements make an octet follows from their index in their run, not from their address: the order in which a
 * row's elements are summed, and so its bits, does not depend on where it lies. An octet may therefore begin anywhere.
 * Aligned to 16 bytes it is moved in the widest accesses; otherwise in words of 4 bytes, 16-bit types at an odd element
 * as three words between two halves:
 *
 *   address      2   4   6   8  10  12  14  16
 *   elements     |e0 |e1  e2 |e3  e4 |e5  e6 |e7 |     no access leaves the octet
 *
 * and an octet that is not full element by element. */
#ifndef WNI_OCTET_CUH
#define WNI_OCTET_CUH
#include "kernels/cuda/scalar.cuh"

namespace wn {

/* In memory's format: what stays in registers between two uses. */
template <class T>
struct Packed {
  static constexpr int kWords = 2 * sizeof(T); /* 8 sizeof(T) / 4 */
  uint32_t word[kWords];
};

/* In the format of the arithmetic. */
template <class R>
struct Octet {
  R v[8];
};

WN_DEVICE bool is_aligned(const void *p, unsigned bytes) { return (reinterpret_cast<uintptr_t>(p) & (bytes - 1)) == 0; }

/* ---- packing: element i of the words */

template <class T>
WN_DEVICE T packed_get(const Packed<T> &p, int i) {
  T v;
  if (sizeof(T) == 2) {
    const uint32_t w = p.word[i / 2];
    const uint16_t half = static_cast<uint16_t>(i % 2 != 0 ? w >> 16 : w);
    __builtin_memcpy(&v, &half, sizeof v);
  } else if (sizeof(T) == 1) {
    const uint8_t byte = static_cast<uint8_t>(p.word[i / 4] >> (i % 4 * 8));
    __builtin_memcpy(&v, &byte, sizeof v);
  } else {
    __builtin_memcpy(&v, &p.word[i * (sizeof(T) / 4)], sizeof v);
  }
  return v;
}

/* Of words that were 0. */
template <class T>
WN_DEVICE void packed_set(Packed<T> *p, int i, T v) {
  if (sizeof(T) == 2) {
    uint16_t half = 0;
    __builtin_memcpy(&half, &v, sizeof v);
    p->word[i / 2] |= static_cast<uint32_t>(half) << (i % 2 * 16);
  } else if (sizeof(T) == 1) {
    uint8_t byte = 0;
    __builtin_memcpy(&byte, &v, sizeof v);
    p->word[i / 4] |= static_cast<uint32_t>(byte) << (i % 4 * 8);
  } else {
    __builtin_memcpy(&p->word[i * (sizeof(T) / 4)], &v, sizeof v);
  }
}

template <class T>
WN_DEVICE Packed<T> packed_zero() {
  Packed<T> p;
#pragma unroll
  for (int i = 0; i < Packed<T>::kWords; i++) p.word[i] = 0;
  return p;
}

template <class R>
WN_DEVICE Octet<R> splat(R v) {
  Octet<R> o;
#pragma unroll
  for (int i = 0; i < 8; i++) o.v[i] = v;
  return o;
}

/* Unpacked again rather than kept unpacked: see wn_forget. */
template <class T>
WN_DEVICE Packed<T> forget(Packed<T> p) {
#pragma unroll
  for (int i = 0; i < Packed<T>::kWords; i++) p.word[i] = wn_forget(p.word[i]);
  return p;
}

template <class T>
WN_DEVICE Octet<Real<T>> unpack(const Packed<T> &p) {
  Octet<Real<T>> o;
#pragma unroll
  for (int i = 0; i < 8; i++) o.v[i] = to_real(packed_get(p, i));
  return o;
}

template <class T>
WN_DEVICE Packed<T> pack(const Octet<Real<T>> &o) {
  Packed<T> p = packed_zero<T>();
  if constexpr (sizeof(T) <= 2) {
#pragma unroll
    for (int i = 0; i < 8; i += 2)
      p.word[i * sizeof(T) / 4] |= bits_of_two(T(), o.v[i], o.v[i + 1]) << (8 * i * sizeof(T) % 32);
  } else {
#pragma unroll
    for (int i = 0; i < 8; i++) packed_set(&p, i, static_cast<T>(o.v[i]));
  }
  return p;
}

/* ---- loads */

template <class T>
WN_DEVICE Packed<T> load_wide(const T *from) {
  Packed<T> p;
  if constexpr (sizeof(T) == 1) {
    const uint2 w = *reinterpret_cast<const uint2 *>(from);
    p.word[0] = w.x, p.word[1] = w.y;
  } else {
#pragma unroll
    for (int i = 0; i < Packed<T>::kWords / 4; i++) {
      const uint4 w = reinterpret_cast<const uint4 *>(from)[i];
      p.word[4 * i] = w.x, p.word[4 * i + 1] = w.y, p.word[4 * i + 2] = w.z, p.word[4 * i + 3] = w.w;
    }
  }
  return p;
}

/* Of 16-bit types. */
template <class T>
WN_DEVICE Packed<T> load_words(const T *from) {
  Packed<T> p;
  const char *const at = reinterpret_cast<const char *>(from);
  if (is_aligned(from, 4)) {
#pragma unroll
    for (int i = 0; i < 4; i++) p.word[i] = reinterpret_cast<const uint32_t *>(at)[i];
  } else {
    uint32_t carry = *reinterpret_cast<const uint16_t *>(at);
#pragma unroll
    for (int i = 0; i < 3; i++) {
      const uint32_t w = *reinterpret_cast<const uint32_t *>(at + 2 + 4 * i);
      p.word[i] = carry | w << 16;
      carry = w >> 16;
    }
    p.word[3] = carry | static_cast<uint32_t>(*reinterpret_cast<const uint16_t *>(at + 14)) << 16;
  }
  return p;
}

template <class T>
WN_DEVICE Packed<T> load_elements(const T *from, int n) {
  Packed<T> p = packed_zero<T>();
#pragma unroll
  for (int i = 0; i < 8; i++)
    if (i < n) packed_set(&p, i, from[i]);
  return p;
}

/* n elements, 0 to 8; the others are 0. plain: n is 0 or 8, and where it is 8 `from` is aligned to 16 bytes (of 8-bit
 * types to 8). Where that is a constant nothing is asked. */
template <class T>
WN_DEVICE Packed<T> load_octet(const T *from, int n, bool plain = false) {
  if (plain) return n == 8 ? load_wide(from) : packed_zero<T>();
  if (n == 8 && is_aligned(from, 16)) return load_wide(from);
  if constexpr (sizeof(T) == 2)
    if (n == 8) return load_words(from);
  return load_elements(from, n);
}

/* One copy of the code in a kernel, for octets that are few: the call waits for what it loads. */
template <class T>
WN_NOINLINE Packed<T> load_part(const T *from, int n) {
  return load_elements(from, n);
}

/* ---- stores */

template <class T>
WN_DEVICE void store_wide(T *to, const Packed<T> &p) {
  if constexpr (sizeof(T) == 1) {
    wn_store_last(reinterpret_cast<uint2 *>(to), make_uint2(p.word[0], p.word[1]));
  } else {
#pragma unroll
    for (int i = 0; i < Packed<T>::kWords / 4; i++)
      wn_store_last(reinterpret_cast<uint4 *>(to) + i,
                    make_uint4(p.word[4 * i], p.word[4 * i + 1], p.word[4 * i + 2], p.word[4 * i + 3]));
  }
}

template <class T>
WN_DEVICE void store_elements(T *to, const Packed<T> &p, int n) {
#pragma unroll
  for (int i = 0; i < 8; i++)
    if (i < n) to[i] = packed_get(p, i);
}

/* Of 16-bit types. */
template <class T>
WN_DEVICE void store_words(T *to, const Packed<T> &p) {
  char *const at = reinterpret_cast<char *>(to);
  if (is_aligned(to, 4)) {
#pragma unroll
    for (int i = 0; i < 4; i++) reinterpret_cast<uint32_t *>(at)[i] = p.word[i];
  } else {
    *reinterpret_cast<uint16_t *>(at) = static_cast<uint16_t>(p.word[0]);
#pragma unroll
    for (int i = 0; i < 3; i++)
      *reinterpret_cast<uint32_t *>(at + 2 + 4 * i) = wn_funnel_right(p.word[i], p.word[i + 1], 16);
    *reinterpret_cast<uint16_t *>(at + 14) = static_cast<uint16_t>(p.word[3] >> 16);
  }
}

/* The first n elements, 0 to 8. plain: as in load_octet, and n is 8. */
template <class T>
WN_DEVICE void store_octet(T *to, const Packed<T> &p, int n, bool plain = false) {
  if (plain) return store_wide(to, p);
  if (n == 8 && is_aligned(to, sizeof(T) == 1 ? 8 : 16)) return store_wide(to, p);
  if constexpr (sizeof(T) == 2)
    if (n == 8) return store_words(to, p);
  store_elements(to, p, n);
}

}  // namespace wn
#endif
