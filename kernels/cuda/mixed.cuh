/* Octets of a tensor whose type is known at run time (`mixed` of scalar.cuh), under the names that octets of one type
 * have, so that a kernel is written once for both: Elements<T> instead of T *, store_values for what is packed last. */
#ifndef WNI_MIXED_CUH
#define WNI_MIXED_CUH
#include "kernels/cuda/octet.cuh"

namespace wn {

/* Where elements are. Byte: char or const char. */
template <class Byte>
struct MixedElements {
  Byte *at;
  wn_dtype type;
};

WN_DEVICE int bytes_log2(wn_dtype type) { return type == WN_F32 ? 2 : type == WN_F16 || type == WN_BF16 ? 1 : 0; }

template <class Byte>
WN_DEVICE MixedElements<Byte> operator+(const MixedElements<Byte> &e, int64_t elements) {
  return {e.at + (elements << bytes_log2(e.type)), e.type};
}

template <class T>
struct ElementsOf {
  typedef T *type;
  WN_DEVICE type at(void *data, wn_dtype) { return static_cast<T *>(data); }
};
template <>
struct ElementsOf<mixed> {
  typedef MixedElements<char> type;
  WN_DEVICE type at(void *data, wn_dtype type) { return {static_cast<char *>(data), type}; }
};
template <>
struct ElementsOf<const mixed> {
  typedef MixedElements<const char> type;
  WN_DEVICE type at(void *data, wn_dtype type) { return {static_cast<const char *>(data), type}; }
};
template <class T>
using Elements = typename ElementsOf<T>::type;

/* See wn_pin. */
template <class T>
WN_DEVICE T *pinned(T *p) {
  return static_cast<T *>(wn_pin(p));
}
template <class Byte>
WN_DEVICE MixedElements<Byte> pinned(const MixedElements<Byte> &e) {
  return {static_cast<Byte *>(wn_pin(e.at)), e.type};
}

template <class T>
constexpr bool kIsMixed = false;
template <>
constexpr bool kIsMixed<mixed> = true;

/* ---- loads: f32, f16, bf16 */

/* In memory's format; of a 16-bit type in the first four words. */
template <>
struct Packed<mixed> {
  static constexpr int kWords = 8;
  uint32_t word[kWords];
  wn_dtype type;
};

/* The first words, as octets of T have them. */
template <class T, class P>
WN_DEVICE Packed<T> packed_as(const Packed<P> &p) {
  Packed<T> as;
#pragma unroll
  for (int i = 0; i < Packed<T>::kWords; i++) as.word[i] = p.word[i];
  return as;
}

WN_DEVICE Octet<float> unpack(const Packed<mixed> &p) {
  if (p.type == WN_F32) return unpack(packed_as<float>(p));
  if (p.type == WN_F16) return unpack(packed_as<f16>(p));
  return unpack(packed_as<bf16>(p));
}

template <class T>
WN_DEVICE Packed<mixed> packed_mixed(const Packed<T> &p, wn_dtype type) {
  Packed<mixed> as = {{}, type};
#pragma unroll
  for (int i = 0; i < Packed<T>::kWords; i++) as.word[i] = p.word[i];
  return as;
}

/* Of the words alone: the type stays where the caller has it. */
WN_NOINLINE Packed<float> load_part(wn_dtype type, const void *from, int n) {
  if (type == WN_F32) return load_elements(static_cast<const float *>(from), n);
  const Packed<f16> p = load_octet(static_cast<const f16 *>(from), n);
  return {{p.word[0], p.word[1], p.word[2], p.word[3]}};
}

template <class Byte>
WN_DEVICE Packed<mixed> load_wide(const MixedElements<Byte> &from) {
  if (from.type == WN_F32) return packed_mixed(load_wide(reinterpret_cast<const float *>(from.at)), from.type);
  return packed_mixed(load_wide(reinterpret_cast<const f16 *>(from.at)), from.type);
}

template <class Byte>
WN_DEVICE Packed<mixed> load_octet(const MixedElements<Byte> &from, int n, bool plain = false) {
  if (n == 8 && (plain || is_aligned(from.at, 16))) return load_wide(from);
  if (plain || n == 0) return {{}, from.type};
  return packed_mixed(load_part(from.type, from.at, n), from.type);
}

/* ---- stores: those, and f8 */

template <class T>
WN_DEVICE void store_values(T *to, const Octet<Real<T>> &v, int n, bool plain = false) {
  store_octet(to, pack<T>(v), n, plain);
}

/* One copy of the code in a kernel: nobody waits for a store. */
WN_NOINLINE void store_mixed(MixedElements<char> to, Octet<float> v, int n) {
  if (to.type == WN_F32) return store_values(reinterpret_cast<float *>(to.at), v, n);
  if (to.type == WN_F16) return store_values(reinterpret_cast<f16 *>(to.at), v, n);
  if (to.type == WN_BF16) return store_values(reinterpret_cast<bf16 *>(to.at), v, n);
  if (to.type == WN_F8_E4M3) return store_values(reinterpret_cast<e4m3 *>(to.at), v, n);
  store_values(reinterpret_cast<e5m2 *>(to.at), v, n);
}

WN_DEVICE void store_values(const MixedElements<char> &to, const Octet<float> &v, int n, bool = false) {
  store_mixed(to, v, n);
}

/* ---- parameters: of one of the types that parameters have */

template <class R>
WN_DEVICE Octet<R> load_values(wn_dtype type, const void *p, int64_t first, int n, bool plain = false) {
  if constexpr (sizeof(R) == 8) {
    const double *const from = static_cast<const double *>(p) + first;
    return unpack(plain || (n == 8 && is_aligned(from, 16)) ? load_wide(from) : load_part(from, n));
  } else {
    /* The type is asked for first, so that numbers come into the registers where they are wanted. */
    if (plain) {
      if (type == WN_F32) return unpack(load_wide(static_cast<const float *>(p) + first));
      const Packed<f16> v = load_wide(static_cast<const f16 *>(p) + first);
      return type == WN_F16 ? unpack(v) : unpack(packed_as<bf16>(v));
    }
    const MixedElements<const char> from = MixedElements<const char>{static_cast<const char *>(p), type} + first;
    const bool wide = n == 8 && is_aligned(from.at, 16);
    if (type == WN_F32)
      return unpack(wide ? load_wide(reinterpret_cast<const float *>(from.at)) : load_part(type, from.at, n));
    const Packed<f16> v =
        wide ? load_wide(reinterpret_cast<const f16 *>(from.at)) : packed_as<f16>(load_part(type, from.at, n));
    return type == WN_F16 ? unpack(v) : unpack(packed_as<bf16>(v));
  }
}

}  // namespace wn
#endif
