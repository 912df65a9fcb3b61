#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const machine_ops *ops_for(wn_backend backend) {
  if (backend == WN_CPU) return &machine_cpu;
#ifdef MLP_HAVE_CUDA
  if (backend == WN_CUDA) return &machine_cuda;
#endif
  return NULL;
}

bool machine_open(machine *m, wn_backend backend, int ordinal, int threads, fault *f) {
  memset(m, 0, sizeof *m);
  if (!fault_check(f, wn_device_open(&m->device, backend, ordinal), "opening the device")) return false;
  m->ordinal = ordinal;
  m->ops = ops_for(wn_device_backend(m->device));
  if (!m->ops) {
    fault_set(f, "%s: this wn_mlp was built without cuBLAS, and multiplies matrices on the processor only",
              wn_device_text(m->device));
  } else if (m->ops->open(m, threads, f)) {
    return true;
  }
  wn_device_close(m->device);
  memset(m, 0, sizeof *m);
  return false;
}

void machine_close(machine *m) {
  if (!m->device) return;
  m->ops->close(m);
  wn_device_close(m->device);
  memset(m, 0, sizeof *m);
}

void machine_fail(machine *m, const char *format, ...) {
  if (machine_has_failed(m)) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(m->failed.text, sizeof m->failed.text, format, arguments);
  va_end(arguments);
}

void machine_multiply_each(machine *m, int64_t count, matrix_product first, matrix_steps by) {
  matrix_product p = first;
  for (int64_t i = 0; i < count; i++) {
    m->ops->multiply(m, &p);
    p.a += by.a;
    p.b += by.b;
    p.c += by.c;
    if (by.c == 0) p.add = true;
  }
}

static bool has_failed(const machine *m, fault *f) {
  if (!machine_has_failed(m)) return false;
  *f = m->failed;
  return true;
}

void *buffers_take(buffers *b, int64_t elements, size_t element_bytes, fault *f) {
  if (b->count == b->room) {
    const int room = b->room ? 2 * b->room : 32;
    void **const list = realloc(b->list, (size_t)room * sizeof *list);
    if (!list) return fault_set(f, "no memory for a list of %d buffers", room), NULL;
    b->list = list;
    b->room = room;
  }
  void *memory = NULL;
  const wn_status status = wn_buffer_alloc(b->on->device, &memory, (size_t)elements * element_bytes, b->on->stream);
  if (!fault_check(f, status, "allocating device memory")) return NULL;
  b->list[b->count++] = memory;
  return memory;
}

void buffers_release(buffers *b) {
  for (int i = 0; i < b->count; i++) wn_buffer_free(b->on->device, b->list[i], b->on->stream);
  free(b->list);
  memset(b, 0, sizeof *b);
}

bool machine_write(machine *m, void *device_memory, const void *host, int64_t bytes, fault *f) {
  if (has_failed(m, f)) return false;
  return fault_check(f, wn_buffer_write(m->device, device_memory, host, (size_t)bytes, m->stream),
                     "writing to the device");
}

bool machine_read(machine *m, void *host, const void *device_memory, int64_t bytes, fault *f) {
  if (has_failed(m, f)) return false;
  return fault_check(f, wn_buffer_read(m->device, host, device_memory, (size_t)bytes, m->stream),
                     "reading from the device") &&
         fault_check(f, wn_stream_wait(m->device, m->stream), "waiting for the device");
}
