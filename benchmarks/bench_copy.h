/* Reads each of up to 3 arrays and writes each of up to 2, of `bytes` bytes: what a pass does to memory at least, and
 * as little else as possible. What is written is the exclusive or of what is read. */
#ifndef BENCH_COPY_H
#define BENCH_COPY_H
#include <stdbool.h>
#include <stddef.h>

typedef struct bench_copy {
  const void *in[3];
  void *out[2];
  int ins, outs;
  size_t bytes;
} bench_copy;

/* The ways to do it, of which the fastest is the roof. */
typedef enum bench_copy_way {
  BENCH_COPY_SERIAL,   /* one thread */
  BENCH_COPY_THREADS,  /* all threads */
  BENCH_COPY_STREAMED, /* all threads, stores that go past the caches */
  BENCH_COPY_WAYS
} bench_copy_way;

bool bench_copy_has(bench_copy_way way);
void bench_copy_do(const bench_copy *copy, bench_copy_way way);

#endif
