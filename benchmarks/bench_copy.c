#include "bench_copy.h"

#include <omp.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2")))
#define EACH_ISA __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define EACH_ISA
#endif

/* n bytes, the loop's element being `word`. Both are worth a loop of their own: one reads a third less. */
#define COMBINE(word, n)                                                       \
  do {                                                                         \
    const size_t words = (n) / sizeof(word);                                   \
    const word *const a = (const word *)in[0], *const b = (const word *)in[1]; \
    const word *const c = (const word *)in[2];                                 \
    word *restrict const y = (word *)out;                                      \
    if (ins == 3) {                                                            \
      for (size_t w = 0; w < words; w++) y[w] = (word)(a[w] ^ b[w] ^ c[w]);    \
    } else {                                                                   \
      for (size_t w = 0; w < words; w++) y[w] = (word)(a[w] ^ b[w]);           \
    }                                                                          \
  } while (0)

EACH_ISA static void combine_into(const char *const *in, int ins, char *out, size_t bytes) {
  typedef uint64_t word __attribute__((aligned(1), may_alias));
  COMBINE(word, bytes);
}

static void combine_rest(const char *const *in, int ins, char *out, size_t bytes) { COMBINE(char, bytes); }

/* Bytes from `from` to `to` of the arrays. */
static void combine(const bench_copy *copy, size_t from, size_t to) {
  const size_t bytes = to - from, whole = bytes / 8 * 8;
  const char *in[3], *rest[3];
  for (int i = 0; i < 3; i++) { /* those that there are not are not read */
    in[i] = (const char *)copy->in[i < copy->ins ? i : 0] + from;
    rest[i] = in[i] + whole;
  }
  char *const first = (char *)copy->out[0] + from;
  if (copy->ins == 1) {
    memcpy(first, in[0], bytes);
  } else {
    combine_into(in, copy->ins, first, whole);
    combine_rest(rest, copy->ins, first + whole, bytes - whole);
  }
  if (copy->outs > 1) memcpy((char *)copy->out[1] + from, first, bytes);
}

#if defined(__x86_64__)
enum { VECTOR = 32 };

AVX2 static void stream_vectors(const bench_copy *copy, size_t from, size_t to) {
  for (size_t at = from; at < to; at += VECTOR) {
    __m256i v = _mm256_loadu_si256((const __m256i *)((const char *)copy->in[0] + at));
    for (int i = 1; i < copy->ins; i++)
      v = _mm256_xor_si256(v, _mm256_loadu_si256((const __m256i *)((const char *)copy->in[i] + at)));
    for (int i = 0; i < copy->outs; i++) _mm256_stream_si256((__m256i *)((char *)copy->out[i] + at), v);
  }
  _mm_sfence();
}

/* Streaming stores are aligned: what is before and after is stored plainly. All arrays of a slot lie alike. */
static void combine_streamed(const bench_copy *copy, size_t from, size_t to) {
  const size_t off = ((uintptr_t)copy->out[0] + from) % VECTOR;
  const size_t head = off ? VECTOR - off : 0;
  if (head >= to - from) {
    combine(copy, from, to);
    return;
  }
  const size_t vectors = (to - from - head) / VECTOR * VECTOR;
  combine(copy, from, from + head);
  stream_vectors(copy, from + head, from + head + vectors);
  combine(copy, from + head + vectors, to);
}

static bool alike(const bench_copy *copy) {
  return copy->outs < 2 || ((uintptr_t)copy->out[0] - (uintptr_t)copy->out[1]) % VECTOR == 0;
}

bool bench_copy_has(bench_copy_way way) { return way != BENCH_COPY_STREAMED || __builtin_cpu_supports("avx2"); }
#else
static void combine_streamed(const bench_copy *copy, size_t from, size_t to) { combine(copy, from, to); }
static bool alike(const bench_copy *copy) { return copy != NULL; }
bool bench_copy_has(bench_copy_way way) { return way != BENCH_COPY_STREAMED; }
#endif

void bench_copy_do(const bench_copy *copy, bench_copy_way way) {
  if (way == BENCH_COPY_SERIAL) {
    combine(copy, 0, copy->bytes);
    return;
  }
  const bool streamed = way == BENCH_COPY_STREAMED && alike(copy);
#pragma omp parallel
  {
    const size_t threads = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
    const size_t lines = (copy->bytes + 63) / 64;
    const size_t from = lines * me / threads * 64, end = lines * (me + 1) / threads * 64;
    const size_t to = end < copy->bytes ? end : copy->bytes;
    if (from < to) (streamed ? combine_streamed : combine)(copy, from, to);
  }
}
