#include "bench_ring.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Arrays begin at pages, as those of a program that allocates each on its own do. */
enum { PAGE = 4096, MOST_SLOTS = 4096 };

static size_t padded(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

static size_t shift_of(const bench_case *c, bench_role role) {
  return c->unaligned ? bench_type_bytes(bench_array_of(c, role).type) : 0;
}

static size_t slot_bytes(const bench_case *c) {
  size_t bytes = 0;
  for (int role = 0; role < BENCH_ROLES; role++) {
    const size_t array = bench_array_bytes(c, (bench_role)role);
    if (array) bytes += padded(array + shift_of(c, (bench_role)role));
  }
  return bytes;
}

bool bench_ring_fits(const bench_case *c, size_t memory_bytes, bench_fault *fault) {
  const double need = 2.0 * (double)bench_case_bytes(c), have = (double)memory_bytes;
  return need <= have ||
         bench_fault_set(fault, "%.1f GB of memory are needed, %.1f GB may be used", need / 1e9, have / 1e9);
}

int bench_ring_slots(const bench_case *c, size_t cache_bytes, size_t memory_bytes) {
  const size_t bytes = bench_case_bytes(c) + 1, whole = slot_bytes(c) + 1;
  size_t slots = cache_bytes / bytes + 1;
  if (slots < 2 && cache_bytes) slots = 2;
  if (slots > memory_bytes / whole) slots = memory_bytes / whole;
  return slots < 1 ? 1 : slots > MOST_SLOTS ? MOST_SLOTS : (int)slots;
}

/* On the processor a page lies near the core that touches it first. */
static void touch(char *memory, size_t bytes) {
#pragma omp parallel for schedule(static)
  for (size_t page = 0; page < bytes / PAGE; page++) memset(memory + page * PAGE, 0xff, PAGE);
}

static bool fill_slot(bench_ring *ring, const bench_data *data, int slot, bench_fault *fault) {
  const bench_case *const c = ring->c;
  const size_t bytes = slot_bytes(c);
  if (wn_buffer_alloc(ring->device, &ring->memory[slot], bytes, NULL) != WN_OK)
    return bench_fault_set(fault, "%s", wn_last_error());
  if (wn_device_backend(ring->device) == WN_CPU) touch(ring->memory[slot], bytes);
  char *at = ring->memory[slot];
  for (int r = 0; r < BENCH_ROLES; r++) {
    const bench_role role = (bench_role)r;
    const size_t array = bench_array_bytes(c, role);
    if (!array) continue;
    ring->slots[slot].at[role] = at + shift_of(c, role);
    at += padded(array + shift_of(c, role));
  }
  return bench_ring_reset(ring, data, slot, fault);
}

bool bench_ring_create(bench_ring *ring, const bench_case *c, const bench_data *data, wn_device *device, int slots,
                       bench_fault *fault) {
  *ring = (bench_ring){.c = c, .device = device, .count = slots};
  ring->slots = calloc((size_t)slots, sizeof *ring->slots);
  ring->memory = calloc((size_t)slots, sizeof *ring->memory);
  bool ok = ring->slots && ring->memory;
  if (!ok) (void)bench_fault_set(fault, "no memory for %d slots", slots);
  for (int slot = 0; slot < slots && ok; slot++) ok = fill_slot(ring, data, slot, fault);
  if (!ok) bench_ring_destroy(ring);
  return ok;
}

void bench_ring_destroy(bench_ring *ring) {
  for (int slot = 0; ring->memory && slot < ring->count; slot++)
    (void)wn_buffer_free(ring->device, ring->memory[slot], NULL);
  free(ring->memory);
  free(ring->slots);
  *ring = (bench_ring){0};
}

bool bench_ring_reset(const bench_ring *ring, const bench_data *data, int slot, bench_fault *fault) {
  bool ok = true;
  for (int r = 0; r < BENCH_ROLES && ok; r++) {
    const bench_role role = (bench_role)r;
    const size_t bytes = bench_array_bytes(ring->c, role);
    if (!bytes) continue;
    const void *const given = bench_data_bytes(data, role);
    void *const poison = given ? NULL : malloc(bytes);
    if (poison) memset(poison, 0xff, bytes);
    if (!given && !poison) return bench_fault_set(fault, "no memory for %zu bytes", bytes);
    ok = wn_buffer_write(ring->device, ring->slots[slot].at[role], given ? given : poison, bytes, NULL) == WN_OK &&
         wn_stream_wait(ring->device, NULL) == WN_OK;
    free(poison);
  }
  return ok || bench_fault_set(fault, "%s", wn_last_error());
}

bool bench_ring_read(const bench_ring *ring, int slot, bench_results *results, bench_fault *fault) {
  *results = (bench_results){{0}};
  for (int r = 0; r < BENCH_ROLES; r++) {
    const bench_role role = (bench_role)r;
    const size_t bytes = bench_array_bytes(ring->c, role);
    const bool returned = role >= BENCH_Y || (role >= BENCH_RUNNING_MEAN && ring->c->pass == WN_TRAIN);
    if (!bytes || !returned) continue;
    results->bytes[role] = malloc(bytes);
    bool ok = results->bytes[role] || bench_fault_set(fault, "no memory for %zu bytes", bytes);
    if (ok && (wn_buffer_read(ring->device, results->bytes[role], ring->slots[slot].at[role], bytes, NULL) != WN_OK ||
               wn_stream_wait(ring->device, NULL) != WN_OK))
      ok = bench_fault_set(fault, "%s", wn_last_error());
    if (!ok) {
      bench_results_free(results);
      return false;
    }
  }
  return true;
}

void bench_results_free(bench_results *results) {
  for (int role = 0; role < BENCH_ROLES; role++) free(results->bytes[role]);
  *results = (bench_results){{0}};
}

bench_copy bench_ring_copy(const bench_ring *ring, int slot) {
  bench_copy copy = {.bytes = bench_array_bytes(ring->c, BENCH_X)};
  for (int r = 0; r < BENCH_ROLES; r++) {
    const bench_array a = bench_array_of(ring->c, (bench_role)r);
    if (!a.count || !a.tensor) continue;
    if (a.given) copy.in[copy.ins++] = ring->slots[slot].at[r];
    if (!a.given) copy.out[copy.outs++] = ring->slots[slot].at[r];
  }
  return copy;
}
