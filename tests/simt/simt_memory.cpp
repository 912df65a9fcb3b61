#include "simt_memory.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "simt.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace wn::simt {
namespace {

constexpr uintptr_t chunk_bytes = uintptr_t{1} << chunk_shift;

void *reserve(uintptr_t at, size_t bytes) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0);
  void *const p = mmap(reinterpret_cast<void *>(at), bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (p == MAP_FAILED || (at && p != reinterpret_cast<void *>(at))) {
    perror("simt: cannot reserve the arena's address space");
    abort();
  }
  madvise(p, bytes, MADV_DONTDUMP);
  return p;
}

void drop(uintptr_t at, size_t bytes) { madvise(reinterpret_cast<void *>(at), bytes, MADV_DONTNEED); }

/* Live allocations by their first chunk. A freed one stays known in chunk_owner until its addresses are given again,
 * which is as late as possible: the cursor walks through the whole arena first. */
std::map<uintptr_t, Allocation *> live;
uintptr_t cursor = global_base;
uint64_t jitter = 1;
std::vector<uint32_t> unused_indices;

uintptr_t chunk_floor(uintptr_t a) { return a & ~(chunk_bytes - 1); }

bool fits(uintptr_t at, size_t span, uintptr_t *next) {
  if (at + span > arena_base + arena_bytes) {
    *next = 0;
    return false;
  }
  auto after = live.upper_bound(at + span - 1);
  if (after != live.begin()) {
    const Allocation *const before = std::prev(after)->second;
    if (before->hi > at) {
      *next = chunk_floor(before->hi + chunk_bytes);
      return false;
    }
  }
  return true;
}

}  // namespace

Kept<std::vector<Allocation *>> kept_allocations;
uint32_t *const chunk_owner = [] {
  reserve(arena_base, arena_bytes);
  reserve(shadow_base, arena_bytes * 8);
  reserve(sector_base, arena_bytes / 2);
  allocations.push_back(nullptr);
  return static_cast<uint32_t *>(reserve(0, (arena_bytes >> chunk_shift) * sizeof(uint32_t)));
}();

void *memory_allocate(size_t bytes, int device, const void *pool) {
  /* cudaMalloc aligns to 256 bytes and to no more: the start is odd in these units, whatever the chunk is. */
  jitter = jitter * 6364136223846793005u + 1442695040888963407u;
  const uintptr_t lead = 256 * (2 * (jitter >> 60) + 1);
  const size_t span = chunk_floor(lead + bytes + 4096 + chunk_bytes - 1);
  if (span >= arena_bytes) return nullptr;
  uintptr_t at = cursor, next = 0;
  for (bool wrapped = false; !fits(at, span, &next);) {
    if (next == 0 && wrapped) return nullptr;
    wrapped = wrapped || next == 0;
    at = next == 0 ? global_base : next;
  }
  cursor = at + span;
  for (uintptr_t c = at; c < at + span; c += chunk_bytes) { /* who is forgotten by this */
    uint32_t &owner = chunk_owner[(c - arena_base) >> chunk_shift];
    if (owner && !allocations[owner]->alive && chunk_floor(allocations[owner]->lo) == c)
      unused_indices.push_back(owner);
  }
  uint32_t index;
  if (unused_indices.empty()) {
    index = static_cast<uint32_t>(allocations.size());
    allocations.push_back(new Allocation());
  } else {
    index = unused_indices.back();
    unused_indices.pop_back();
    for (uintptr_t c = chunk_floor(allocations[index]->lo); c < allocations[index]->hi; c += chunk_bytes) {
      uint32_t &owner = chunk_owner[(c - arena_base) >> chunk_shift];
      if (owner == index) owner = 0;
    }
  }
  Allocation *const a = allocations[index];
  *a = {at + lead, at + lead + bytes, true, false, false, device, pool, {}};
  for (uintptr_t c = at; c < at + span; c += chunk_bytes) chunk_owner[(c - arena_base) >> chunk_shift] = index;
  live[at] = a;
  return reinterpret_cast<void *>(a->lo);
}

bool memory_free(void *p) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(p);
  const auto it = live.find(chunk_floor(address));
  if (it == live.end() || it->second->lo != address) return false;
  Allocation *const a = it->second;
  live.erase(it);
  a->alive = false;
  const uintptr_t lo = chunk_floor(a->lo), span = chunk_floor(a->hi + chunk_bytes) - lo;
  drop(lo, span);
  drop(reinterpret_cast<uintptr_t>(cell_of(lo)), span * 8);
  drop(reinterpret_cast<uintptr_t>(sector_of(lo)), span / 2);
  return true;
}

Allocation *memory_find(const void *p, size_t bytes) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(p);
  if (address < global_base || address >= arena_base + arena_bytes) return nullptr;
  Allocation *const a = allocation_near(address);
  return a && a->alive && address >= a->lo && address <= a->hi && bytes <= a->hi - address ? a : nullptr;
}

void memory_define(uintptr_t lo, size_t bytes, bool defined) {
  const uintptr_t hi = lo + bytes;
  for (uintptr_t word = lo & ~uintptr_t{3}; word < hi; word += 4) {
    uint8_t mask = 15;
    if (word < lo) mask &= static_cast<uint8_t>(15 << (lo - word));
    if (word + 4 > hi) mask &= static_cast<uint8_t>(15 >> (word + 4 - hi));
    Cell *const c = cell_of(word);
    if (!defined && c->init == 0) continue; /* leaves untouched shadow untouched */
    c->init = static_cast<uint8_t>(defined ? c->init | mask : c->init & ~mask);
  }
}

void memory_forget_stamps() {
  drop(reinterpret_cast<uintptr_t>(cell_of(arena_base)), slots * slot_bytes * 8);
  for (const auto &[at, a] : live) {
    if (a->defined) {
      drop(reinterpret_cast<uintptr_t>(cell_of(chunk_floor(a->lo))), chunk_floor(a->hi + chunk_bytes - a->lo) * 8);
      continue;
    }
    for (uintptr_t word = a->lo & ~uintptr_t{3}; word < a->hi; word += 4) {
      Cell *const c = cell_of(word);
      if (c->w_stamp | c->r_stamp0 | c->r_stamp1) {
        const uint8_t init = c->init;
        *c = Cell{};
        c->init = init;
      }
    }
  }
}

/* ---- simt.h */

int live_allocations() { return static_cast<int>(live.size()); }

size_t live_bytes() {
  size_t sum = 0;
  for (const auto &[at, a] : live) sum += a->hi - a->lo;
  return sum;
}

static void declare(const void *p, size_t bytes, Range::Kind kind) {
  Allocation *const a = memory_find(p, bytes);
  if (!a) {
    fprintf(stderr, "simt: a declaration about memory that is not alive\n");
    abort();
  }
  const uintptr_t lo = reinterpret_cast<uintptr_t>(p);
  if (lo == a->lo && lo + bytes == a->hi) {
    a->ranges.clear();
    a->read_only = kind == Range::read_only;
    if (kind != Range::no_access) return;
  }
  if (a->read_only) a->ranges.push_back({a->lo, a->hi, Range::read_only});
  a->read_only = false;
  a->ranges.push_back({lo, lo + bytes, kind});
}

void read_only(const void *p, size_t bytes) { declare(p, bytes, Range::read_only); }
void no_access(const void *p, size_t bytes) { declare(p, bytes, Range::no_access); }
void writable(const void *p, size_t bytes) { declare(p, bytes, Range::writable); }

void define(const void *p, size_t bytes) {
  Allocation *const a = memory_find(p, bytes);
  if (a && bytes == a->hi - a->lo) {
    a->defined = true;
  } else if (a && !a->defined) {
    memory_define(reinterpret_cast<uintptr_t>(p), bytes, true);
  }
}

void undefine(const void *p, size_t bytes) {
  Allocation *const a = memory_find(p, bytes);
  if (!a) return;
  if (a->defined && bytes != a->hi - a->lo) { /* the rest has to be said in the shadow */
    memory_define(a->lo, a->hi - a->lo, true);
  }
  a->defined = false;
  memory_define(reinterpret_cast<uintptr_t>(p), bytes, false);
}

}  // namespace wn::simt
