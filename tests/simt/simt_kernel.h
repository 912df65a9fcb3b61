/* The primitives of kernels/cuda/port.cuh on the emulator: what a kernel says to its machine ends in a function of the
 * runtime (wn_simt), which runs each thread of a block as a fiber. Loads and stores are not here: kernel sources are
 * compiled with -fsanitize=thread, and the runtime supplies the callbacks that the compiler places before each of them.
 *
 * All functions are inlined into the kernel, so that the return address of the runtime's functions is a line of it. */
#ifndef WN_SIMT_KERNEL_H
#define WN_SIMT_KERNEL_H
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <stdint.h>
#include <vector_types.h>

#include <cmath>
#include <type_traits>

/* ---- functions, memory */

/* The bounds have to get from here to the launch, and between a template's head and its name there is only room for an
 * attribute: so they are encoded in the number of NOPs before the function, which the compiler lists in a section. */
#define WN_KERNEL(max_threads, min_blocks)                                                                      \
  __attribute__((                                                                                               \
      noinline, patchable_function_entry(((max_threads) / 32 - 1) * 32 + ((min_blocks) < 1 ? 1 : (min_blocks)), \
                                         ((max_threads) / 32 - 1) * 32 + ((min_blocks) < 1 ? 1 : (min_blocks))))) void
#define WN_PARAM(type) const type &
#define WN_DEVICE static inline __attribute__((always_inline))
#define WN_FAST_MEMORY true /* the most that there is to test */
#define WN_NOINLINE static __attribute__((noinline, unused))
#define WN_INLINED __attribute__((always_inline))
#define WN_DYNAMIC_SHARED(type, name) type *const name = static_cast<type *>(wn_simt_dynamic_shared())
/* The address of the static char tells the arrays of a block apart; each instance of a template has its own. */
#define WN_SHARED(type, name, count) \
  static char name##_key;            \
  type(&name)[count] =               \
      *static_cast<type(*)[count]>(wn_simt_static_shared(&name##_key, sizeof(type[count]), alignof(type)))

/* ---- the runtime */

extern "C" {
__attribute__((const)) unsigned wn_simt_thread(void);
__attribute__((const)) unsigned wn_simt_threads(void);
__attribute__((const)) unsigned wn_simt_block(void);
__attribute__((const)) unsigned wn_simt_blocks(void);
__attribute__((const)) unsigned wn_simt_cluster_rank(void);
__attribute__((const)) unsigned wn_simt_cluster_blocks(void);
__attribute__((const)) void *wn_simt_dynamic_shared(void);
void *wn_simt_static_shared(const void *key, size_t bytes, size_t align);
void *wn_simt_peer(const void *shared, unsigned rank);

void wn_simt_misaligned(const void *p, size_t bytes);

/* The lane that the value comes from: -1 for the caller's own value. */
uint64_t wn_simt_shuffle(unsigned mask, uint64_t v, int from);
unsigned wn_simt_ballot(unsigned mask, bool v);
void wn_simt_sync_warp(unsigned mask);
int wn_simt_sync_block(bool v, int kind); /* kind: 0 plain, 1 or, 2 count */
void wn_simt_sync_named(int id, int threads);
void wn_simt_sync_cluster(void);

void wn_simt_atomic_max(unsigned *p, unsigned v);
unsigned wn_simt_ticket(unsigned *p);
void wn_simt_signal(unsigned *p);
unsigned wn_simt_poll(const unsigned *p);
void wn_simt_pause(void);

void wn_simt_wait_for_earlier(void);

void wn_simt_copy_async(void *shared, const void *global);
void wn_simt_copy_commit(void);
void wn_simt_copy_wait(int pending);
void wn_simt_mbarrier_init(uint64_t *p, unsigned arrivals);
void wn_simt_mbarrier_arrive(uint64_t *p, unsigned expected_bytes);
bool wn_simt_mbarrier_try(uint64_t *p, unsigned parity);
void wn_simt_copy_bulk(void *shared, const void *global, unsigned bytes, uint64_t *p);

void wn_simt_fetch_ahead(const void *global, unsigned bytes);
void wn_simt_fetch_own(const void *global);
}

/* ---- who is asking */

WN_DEVICE unsigned wn_thread() { return wn_simt_thread(); }
WN_DEVICE unsigned wn_threads() { return wn_simt_threads(); }
WN_DEVICE unsigned wn_block() { return wn_simt_block(); }
WN_DEVICE unsigned wn_blocks() { return wn_simt_blocks(); }
WN_DEVICE unsigned wn_lane() { return wn_simt_thread() % 32; }

/* ---- lanes of a warp */

namespace wn::simt {
template <class T>
WN_DEVICE T shuffle(unsigned mask, T v, int from) {
  static_assert(std::is_trivially_copyable<T>::value, "a shuffled value is bits");
  static_assert(sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8, "a shuffled value has 2, 4 or 8 bytes");
  if constexpr (sizeof(T) == 8) {
    return __builtin_bit_cast(T, wn_simt_shuffle(mask, __builtin_bit_cast(uint64_t, v), from));
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bit_cast(T, static_cast<uint32_t>(wn_simt_shuffle(mask, __builtin_bit_cast(uint32_t, v), from)));
  } else {
    return __builtin_bit_cast(T, static_cast<uint16_t>(wn_simt_shuffle(mask, __builtin_bit_cast(uint16_t, v), from)));
  }
}
} /* namespace wn::simt */

template <class T>
WN_DEVICE T wn_shuffle_xor(unsigned mask, T v, int lanes) {
  const int from = static_cast<int>(wn_lane()) ^ lanes;
  return wn::simt::shuffle(mask, v, from < 32 ? from : -1);
}
template <class T>
WN_DEVICE T wn_shuffle(unsigned mask, T v, int from) {
  return wn::simt::shuffle(mask, v, from & 31);
}
template <class T>
WN_DEVICE T wn_shuffle_down(unsigned mask, T v, int by) {
  const unsigned from = wn_lane() + static_cast<unsigned>(by);
  return wn::simt::shuffle(mask, v, from < 32 ? static_cast<int>(from) : -1);
}
WN_DEVICE unsigned wn_ballot(unsigned mask, bool v) { return wn_simt_ballot(mask, v); }
WN_DEVICE void wn_sync_warp(unsigned mask = 0xffffffffu) { wn_simt_sync_warp(mask); }

/* ---- the block */

WN_DEVICE void wn_sync_block() { wn_simt_sync_block(false, 0); }
WN_DEVICE bool wn_sync_block_or(bool v) { return wn_simt_sync_block(v, 1) != 0; }
WN_DEVICE int wn_sync_block_count(bool v) { return wn_simt_sync_block(v, 2); }
WN_DEVICE void wn_sync_named(int id, int threads) { wn_simt_sync_named(id, threads); }

/* ---- the cluster */

WN_DEVICE unsigned wn_cluster_rank() { return wn_simt_cluster_rank(); }
WN_DEVICE unsigned wn_cluster_blocks() { return wn_simt_cluster_blocks(); }
WN_DEVICE void wn_sync_cluster() { wn_simt_sync_cluster(); }
template <class T>
WN_DEVICE T *wn_peer(T *shared, unsigned rank) {
  return static_cast<T *>(wn_simt_peer(shared, rank));
}

/* ---- other blocks of the grid */

WN_DEVICE void wn_atomic_max(unsigned *p, unsigned v) { wn_simt_atomic_max(p, v); }
WN_DEVICE unsigned wn_ticket(unsigned *p) { return wn_simt_ticket(p); }
WN_DEVICE void wn_signal(unsigned *p) { wn_simt_signal(p); }
WN_DEVICE unsigned wn_poll(const unsigned *p) { return wn_simt_poll(p); }
WN_DEVICE void wn_pause() { wn_simt_pause(); }

/* ---- other launches: here they follow one another */

WN_DEVICE void wn_wait_for_earlier() { wn_simt_wait_for_earlier(); }
WN_DEVICE void wn_let_later_begin() {}

/* ---- asynchronous copies to shared memory */

WN_DEVICE void wn_copy_async(void *shared, const void *global) { wn_simt_copy_async(shared, global); }
WN_DEVICE void wn_copy_commit() { wn_simt_copy_commit(); }
template <int pending>
WN_DEVICE void wn_copy_wait() {
  wn_simt_copy_wait(pending);
}

typedef uint64_t wn_mbarrier;
WN_DEVICE void wn_mbarrier_init(wn_mbarrier *b, unsigned arrivals) { wn_simt_mbarrier_init(b, arrivals); }
WN_DEVICE void wn_mbarrier_arrive(wn_mbarrier *b) { wn_simt_mbarrier_arrive(b, 0); }
WN_DEVICE void wn_mbarrier_expect(wn_mbarrier *b, unsigned bytes) { wn_simt_mbarrier_arrive(b, bytes); }
WN_DEVICE bool wn_mbarrier_try(wn_mbarrier *b, unsigned parity) { return wn_simt_mbarrier_try(b, parity); }
WN_DEVICE void wn_copy_bulk(void *shared, const void *global, unsigned bytes, wn_mbarrier *b) {
  wn_simt_copy_bulk(shared, global, bytes, b);
}

/* ---- memory that will be read soon */

#define WN_FETCHES_AHEAD true
WN_DEVICE void wn_fetch_ahead(const void *global, unsigned bytes) { wn_simt_fetch_ahead(global, bytes); }
WN_DEVICE void wn_fetch_own(const void *global) { wn_simt_fetch_own(global); }

/* ---- memory that will not be read again soon */

namespace wn::simt {
template <class T>
WN_DEVICE void check_pack(const T *p) {
  constexpr size_t bytes = sizeof(T);
  static_assert(bytes == 4 || bytes == 8 || bytes == 16, "4, 8 or 16 bytes");
  static_assert(alignof(T) == bytes, "aligned");
  if (reinterpret_cast<uintptr_t>(p) % bytes) wn_simt_misaligned(p, bytes);
}
} /* namespace wn::simt */

template <class T>
WN_DEVICE T wn_load_last(const T *p) {
  wn::simt::check_pack(p);
  return *p;
}
template <class T>
WN_DEVICE void wn_store_last(T *p, T v) {
  wn::simt::check_pack(p);
  *p = v;
}

/* ---- what nvcc's optimizer must not know: the host's compiler may */

WN_DEVICE uint32_t wn_forget(uint32_t v) { return v; }
template <class T>
WN_DEVICE T *wn_pin(T *p) {
  return p;
}
template <class T>
WN_DEVICE T *wn_pin_shared(T *p) {
  return p;
}
WN_DEVICE uint32_t wn_forget_until(uint32_t v, float *) { return v; }
WN_DEVICE uint32_t wn_forget_until(uint32_t v, double *) { return v; }

/* ---- arithmetic with one rounding each */

WN_DEVICE float wn_fma(float a, float b, float c) { return std::fma(a, b, c); }
WN_DEVICE double wn_fma(double a, double b, double c) { return std::fma(a, b, c); }
WN_DEVICE float wn_sqrt(float a) { return std::sqrt(a); }
WN_DEVICE double wn_sqrt(double a) { return std::sqrt(a); }
WN_DEVICE float wn_divide(float a, float b) { return a / b; }
WN_DEVICE double wn_divide(double a, double b) { return a / b; }
/* As wrong as a GPU's may be. */
WN_DEVICE float wn_inverse_root(float a) {
  const float root = 1 / std::sqrt(a);
  return root > 0 && root < INFINITY ? root * (1 + 0x1p-22f) : root;
}
WN_DEVICE float wn_largest(float a, float b) { return a <= b ? b : a; }
WN_DEVICE double wn_largest(double a, double b) { return a <= b ? b : a; }
WN_DEVICE uint32_t wn_bits(float a) { return __builtin_bit_cast(uint32_t, a); }
WN_DEVICE float wn_of_bits(uint32_t a) { return __builtin_bit_cast(float, a); }
WN_DEVICE uint32_t wn_multiply_high(uint32_t a, uint32_t b) { return static_cast<uint32_t>((uint64_t{a} * b) >> 32); }
WN_DEVICE unsigned wn_leading_zeros(uint32_t a) { return a == 0 ? 32 : static_cast<unsigned>(__builtin_clz(a)); }
WN_DEVICE uint32_t wn_funnel_right(uint32_t low, uint32_t high, unsigned bits) {
  return static_cast<uint32_t>(((uint64_t{high} << 32) | low) >> (bits & 31));
}
#endif
