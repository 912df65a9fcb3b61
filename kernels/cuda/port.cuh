/* What a kernel may say to its machine. nvcc takes the second half of this file; the host's C++ compiler gets the same
 * names from tests/simt, which runs the kernels on a processor and watches them. A kernel uses no other intrinsic, so
 * that nothing which a GPU does goes unwatched.
 *
 * Kernels are functions of one plain struct:      WN_KERNEL(256, 2) row_forward_kernel(WN_PARAM(wni_cuda_job) job)
 * {...} Blocks and grids are one-dimensional. */
#ifndef WNI_PORT_CUH
#define WNI_PORT_CUH
#include <stdint.h>

#if defined(WNI_SIMT)
#include "tests/simt/simt_kernel.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

/* ---- functions, memory */

#define WN_KERNEL(max_threads, min_blocks) __global__ void __launch_bounds__(max_threads, min_blocks)
#define WN_PARAM(type) const __grid_constant__ type
#define WN_DEVICE static __device__ __forceinline__
#define WN_NOINLINE static __device__ __noinline__
/* Of a lambda, behind its parameters: however long it is. */
#define WN_INLINED __attribute__((always_inline))
/* The dynamic shared memory of the launch, 16-byte aligned, as an array of `type`. */
#define WN_DYNAMIC_SHARED(type, name)                         \
  extern __shared__ __align__(16) unsigned char wni_shared[]; \
  type *const name = reinterpret_cast<type *>(wni_shared)
/* A static shared array of the block; in device functions that are inlined once per kernel. */
#define WN_SHARED(type, name, count) __shared__ type name[count]

/* Whether a multiprocessor's share of the memory's bandwidth is so large that instructions count: the GPUs with HBM.
 * The others have 100 and more of them for each element that they move. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ != 800 && __CUDA_ARCH__ != 900 && __CUDA_ARCH__ != 1000
#define WN_FAST_MEMORY false
#else
#define WN_FAST_MEMORY true
#endif

/* ---- who is asking: all unsigned */

WN_DEVICE unsigned wn_thread() { return threadIdx.x; }
WN_DEVICE unsigned wn_threads() { return blockDim.x; }
WN_DEVICE unsigned wn_block() { return blockIdx.x; }
WN_DEVICE unsigned wn_blocks() { return gridDim.x; }
WN_DEVICE unsigned wn_lane() { return threadIdx.x % 32; }

/* ---- lanes of a warp. All shuffles name the lanes that take part; each of them must be there. */

template <class T>
WN_DEVICE T wn_shuffle_xor(unsigned mask, T v, int lanes) {
  return __shfl_xor_sync(mask, v, lanes);
}
template <class T>
WN_DEVICE T wn_shuffle(unsigned mask, T v, int from) {
  return __shfl_sync(mask, v, from);
}
template <class T>
WN_DEVICE T wn_shuffle_down(unsigned mask, T v, int by) {
  return __shfl_down_sync(mask, v, by);
}
WN_DEVICE unsigned wn_ballot(unsigned mask, bool v) { return __ballot_sync(mask, v); }
WN_DEVICE void wn_sync_warp(unsigned mask = 0xffffffffu) { __syncwarp(mask); }

/* ---- the block */

WN_DEVICE void wn_sync_block() { __syncthreads(); }
WN_DEVICE bool wn_sync_block_or(bool v) { return __syncthreads_or(v); }
WN_DEVICE int wn_sync_block_count(bool v) { return __syncthreads_count(v); }
/* Barrier `id` (1 to 15) of the first `threads` that come, a multiple of 32. */
WN_DEVICE void wn_sync_named(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/* ---- the cluster */

WN_DEVICE unsigned wn_cluster_rank() {
  unsigned r = 0;
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
#endif
  return r;
}
WN_DEVICE unsigned wn_cluster_blocks() {
  unsigned n = 1;
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("mov.u32 %0, %%cluster_nctarank;" : "=r"(n));
#endif
  return n;
}
WN_DEVICE void wn_sync_cluster() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}
/* Where block `rank` of the cluster has what this block has at `shared`. */
template <class T>
WN_DEVICE T *wn_peer(T *shared, unsigned rank) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  uint64_t peer;
  asm volatile("mapa.u64 %0, %1, %2;" : "=l"(peer) : "l"(reinterpret_cast<uint64_t>(shared)), "r"(rank));
  return reinterpret_cast<T *>(peer);
#else
  return rank == 0 ? shared : nullptr;
#endif
}

/* ---- other blocks of the grid: words in global memory are the only way, these the only accesses that may race */

WN_DEVICE void wn_atomic_max(unsigned *p, unsigned v) { atomicMax(p, v); }
/* The old value; what was written before it is seen by whoever sees the new one (release and acquire, device scope). */
WN_DEVICE unsigned wn_ticket(unsigned *p) {
  unsigned old;
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 700
  asm volatile("atom.add.acq_rel.gpu.u32 %0, [%1], 1;" : "=r"(old) : "l"(p) : "memory");
#endif
  return old;
}
WN_DEVICE void wn_signal(unsigned *p) { asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(p) : "memory"); }
WN_DEVICE unsigned wn_poll(const unsigned *p) {
  unsigned v;
  asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
WN_DEVICE void wn_pause() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 700
  __nanosleep(32);
#endif
}

/* ---- the launch before and the one behind it, which may be marked as one that begins before its turn
 * (host/run_cuda.c); the GPUs before sm_90 have none such */

/* All that earlier launches have done is there. A marked launch touches no memory before. */
WN_DEVICE void wn_wait_for_earlier() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/* A marked launch behind this one may take what room there is, once each of this one's blocks has said so or left. */
WN_DEVICE void wn_let_later_begin() {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}

/* ---- asynchronous copies to shared memory: 16 bytes a thread; bulk: a multiple of 16 bytes by one thread, sm_90 */

WN_DEVICE void wn_copy_async(void *shared, const void *global) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"((unsigned)__cvta_generic_to_shared(shared)),
               "l"(global)
               : "memory");
#else
  *static_cast<uint4 *>(shared) = *static_cast<const uint4 *>(global);
#endif
}
WN_DEVICE void wn_copy_commit() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/* Until at most `pending` of this thread's groups are under way. */
template <int pending>
WN_DEVICE void wn_copy_wait() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

typedef uint64_t wn_mbarrier; /* in shared memory */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
WN_DEVICE void wn_mbarrier_init(wn_mbarrier *b, unsigned arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\nfence.mbarrier_init.release.cluster;" ::"r"(
                   (unsigned)__cvta_generic_to_shared(b)),
               "r"(arrivals)
               : "memory");
}
WN_DEVICE void wn_mbarrier_arrive(wn_mbarrier *b) {
  asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];" ::"r"((unsigned)__cvta_generic_to_shared(b))
               : "memory");
}
WN_DEVICE void wn_mbarrier_expect(wn_mbarrier *b, unsigned bytes) { /* arrives as well */
  asm volatile(
      "mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [%0], %1;" ::"r"((unsigned)__cvta_generic_to_shared(b)),
      "r"(bytes)
      : "memory");
}
WN_DEVICE bool wn_mbarrier_try(wn_mbarrier *b, unsigned parity) {
  unsigned done;
  asm volatile(
      "{\n.reg .pred p;\nmbarrier.try_wait.parity.acquire.cta.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"((unsigned)__cvta_generic_to_shared(b)), "r"(parity)
      : "memory");
  return done != 0;
}
WN_DEVICE void wn_copy_bulk(void *shared, const void *global, unsigned bytes, wn_mbarrier *b) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                   (unsigned)__cvta_generic_to_shared(shared)),
               "l"(global), "r"(bytes), "r"((unsigned)__cvta_generic_to_shared(b))
               : "memory");
}
#endif

/* ---- global memory that will be read soon comes as far as the second-level cache: a multiple of 16 bytes, aligned to
 * 16, for one thread. The GPUs before sm_90 have none such, and need it least. */

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define WN_FETCHES_AHEAD true
#else
#define WN_FETCHES_AHEAD false
#endif

WN_DEVICE void wn_fetch_ahead(const void *global, unsigned bytes) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(__cvta_generic_to_global(global)), "r"(bytes));
#endif
}
/* The 16 bytes there, aligned: each thread its own, on every GPU. */
WN_DEVICE void wn_fetch_own(const void *global) {
  asm volatile("prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(global)));
}

/* ---- 16, 8 and 4 bytes of global memory that will not be read again soon, aligned */

template <class T>
WN_DEVICE T wn_load_last(const T *p) {
  return __ldcs(p);
}
template <class T>
WN_DEVICE void wn_store_last(T *p, T v) {
  __stcs(p, v);
}

/* ---- v, of which the compiler knows nothing any more: it makes again what it made of v before, instead of keeping
 * that in registers. */

WN_DEVICE uint32_t wn_forget(uint32_t v) {
  asm volatile("" : "+r"(v));
  return v;
}

/* p, which points to global memory, made here: what is added to it later is not mixed with what it was made of. */
template <class T>
WN_DEVICE T *wn_pin(T *p) {
  size_t at = __cvta_generic_to_global(p);
  asm volatile("" : "+l"(at));
  return static_cast<T *>(__cvta_global_to_generic(at));
}

/* The same of shared memory, whose place in the cluster's the compiler else looks up at each use. */
template <class T>
WN_DEVICE T *wn_pin_shared(T *p) {
  unsigned at = static_cast<unsigned>(__cvta_generic_to_shared(p));
  asm volatile("" : "+r"(at));
  return static_cast<T *>(__cvta_shared_to_generic(at));
}

/* As wn_forget, and not before *done is there: what follows from v is not begun earlier. */
WN_DEVICE uint32_t wn_forget_until(uint32_t v, float *done) {
  asm volatile("" : "+r"(v), "+f"(*done));
  return v;
}
WN_DEVICE uint32_t wn_forget_until(uint32_t v, double *done) {
  asm volatile("" : "+r"(v), "+d"(*done));
  return v;
}

/* ---- arithmetic with one rounding each; nothing is contracted behind a kernel's back (--fmad=false) */

WN_DEVICE float wn_fma(float a, float b, float c) { return __fmaf_rn(a, b, c); }
WN_DEVICE double wn_fma(double a, double b, double c) { return __fma_rn(a, b, c); }
WN_DEVICE float wn_sqrt(float a) { return __fsqrt_rn(a); }
WN_DEVICE double wn_sqrt(double a) { return __dsqrt_rn(a); }
WN_DEVICE float wn_divide(float a, float b) { return __fdiv_rn(a, b); }
WN_DEVICE double wn_divide(double a, double b) { return __ddiv_rn(a, b); }
/* 1 / sqrt(a) to 2^-22; of 0 infinity, of infinity 0. */
WN_DEVICE float wn_inverse_root(float a) {
  float root;
  asm("rsqrt.approx.f32 %0, %1;" : "=f"(root) : "f"(a));
  return root;
}
/* NaN where one of them is. */
WN_DEVICE float wn_largest(float a, float b) {
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
  float c;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(c) : "f"(a), "f"(b));
  return c;
#else
  return a <= b ? b : a;
#endif
}
WN_DEVICE double wn_largest(double a, double b) { return a <= b ? b : a; }
WN_DEVICE uint32_t wn_bits(float a) { return __float_as_uint(a); }
WN_DEVICE float wn_of_bits(uint32_t a) { return __uint_as_float(a); }
/* The upper 32 bits of a product. */
WN_DEVICE uint32_t wn_multiply_high(uint32_t a, uint32_t b) { return __umulhi(a, b); }
/* Above the highest bit that is set; of 0: 32. */
WN_DEVICE unsigned wn_leading_zeros(uint32_t a) { return static_cast<unsigned>(__clz(static_cast<int>(a))); }
/* Bytes 0 to 3 of (high:low) shifted right by `bits` (0 to 31). */
WN_DEVICE uint32_t wn_funnel_right(uint32_t low, uint32_t high, unsigned bits) {
  return __funnelshift_r(low, high, bits);
}
#endif
#endif
