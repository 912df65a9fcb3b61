/* The processor as a device: memory is the host's, every call is done when it returns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/parallel.h"

/* As wide as the widest line that any part of the machine fetches, and what the workspace asks for. */
enum { ALIGNMENT = 256 };

static wn_status open_device(int ordinal, void **state, char *text, size_t text_size) {
  if (ordinal != 0) return wni_error(WN_ERR_NO_DEVICE, "ordinal is %d; the processor is device 0", ordinal);
  const wni_cpu_isa *const isa = wni_cpu_isa_choose();
  if (!isa) return WN_ERR_ARGUMENT;
  memcpy(state, &isa, sizeof *state); /* the table is const; the state's slot is not */
  (void)snprintf(text, text_size, "cpu, %s, %d threads", wni_cpu_isa_name(isa), wni_parallel_threads());
  return WN_OK;
}

static void close_device(void *state) { (void)state; }

static wn_status buffer_alloc(void *state, void **out, size_t bytes, void *stream) {
  (void)state, (void)stream;
  if (bytes <= SIZE_MAX - ALIGNMENT) *out = aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  return *out ? WN_OK : wni_error(WN_ERR_MEMORY, "no memory for a buffer of %zu bytes", bytes);
}

static wn_status buffer_free(void *state, void *buffer, void *stream) {
  (void)state, (void)stream;
  free(buffer);
  return WN_OK;
}

static wn_status buffer_copy(void *state, void *dst, const void *src, size_t bytes, void *stream) {
  (void)state, (void)stream;
  memmove(dst, src, bytes);
  return WN_OK;
}

static wn_status stream_wait(void *state, void *stream) {
  (void)state, (void)stream;
  return WN_OK;
}

static size_t workspace(void *state, const wni_plan_input *input) {
  (void)state;
  wni_cpu_plan plan;
  wni_plan_cpu(input, &plan);
  return plan.workspace;
}

static void explain(void *state, const wni_plan_input *input, char *text, size_t size) {
  wni_cpu_plan plan;
  wni_plan_cpu(input, &plan);
  char words[128];
  wni_cpu_plan_text(&plan, words, sizeof words);
  (void)snprintf(text, size, "cpu %s, %s", wni_cpu_isa_name(state), words);
}

static wn_status run(void *state, const wni_plan_input *input, const wni_call *call, void *work, void *stream) {
  (void)stream;
  wni_cpu_plan plan;
  wni_plan_cpu(input, &plan);
  return wni_cpu_run(state, &plan, call, work);
}

/* ---- what a copy moves ----------------------------------------------------------------------------------------- */

enum { COPY_BLOCK = 1 << 20, COPY_BLOCKS = 64 }; /* 64 MB each way: beyond the caches of a desktop processor */

typedef struct copy {
  char *from, *to;
} copy;

static void copy_block(void *context, int64_t index) {
  const copy *const c = context;
  memcpy(c->to + index * COPY_BLOCK, c->from + index * COPY_BLOCK, COPY_BLOCK);
}

static double seconds_now(void) {
  struct timespec t;
  (void)timespec_get(&t, TIME_UTC);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Bytes read and written per second by the best of a few copies, all threads; 0 without memory for it. */
static double measure_copy(void) {
  const int64_t bytes = (int64_t)COPY_BLOCK * COPY_BLOCKS;
  copy c = {malloc((size_t)bytes), malloc((size_t)bytes)};
  double best = 0;
  if (c.from && c.to) {
    memset(c.from, 1, (size_t)bytes);
    for (int round = 0; round < 4; round++) { /* the first one maps the pages of `to` */
      const double start = seconds_now();
      wni_parallel_for(COPY_BLOCKS, 2 * bytes, copy_block, &c);
      const double elapsed = seconds_now() - start;
      if (elapsed > 0 && 2 * (double)bytes / elapsed > best) best = 2 * (double)bytes / elapsed;
    }
  }
  free(c.from);
  free(c.to);
  return best;
}

static double copy_bandwidth(void *state) {
  (void)state;
  static _Atomic double measured; /* two threads that ask first both measure: harmless */
  if (measured == 0) measured = measure_copy();
  return measured;
}

const wni_backend wni_backend_cpu = {
    .id = WN_CPU,
    .open = open_device,
    .close = close_device,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .buffer_write = buffer_copy,
    .buffer_read = buffer_copy,
    .stream_wait = stream_wait,
    .prepare = NULL, /* the kernels are part of the library */
    .mask_bytes = wni_mask_bytes,
    .workspace = workspace,
    .explain = explain,
    .copy_bandwidth = copy_bandwidth,
    .run = run,
};
