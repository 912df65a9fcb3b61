/* Copies that take effect later: cp.async at its wait and not before, bulk copies at some time until their barrier's
 * phase completes. Until then their destination is closed to everybody, and their source has to stay as it is. */
#include <algorithm>
#include <cstring>

#include "simt_kernel.h"
#include "simt_machine.h"

#define WN_SITE reinterpret_cast<uintptr_t>(__builtin_return_address(0))

namespace wn::simt {
namespace {

uintptr_t address_of(const void *p) { return reinterpret_cast<uintptr_t>(p); }

void copy_begin(uintptr_t to, uintptr_t from, size_t bytes, uintptr_t site) {
  const uintptr_t offset = to - me->block->slot_lo;
  if (offset >= slot_bytes) trap(Trap::outside, site, "the destination is not this block's shared memory");
  if (to % 16 || from % 16 || bytes % 16) {
    trap(Trap::misaligned, site, "copy of %zu bytes from %s to %s: multiples of 16 are needed", bytes, place_name(from),
         place_name(to));
  }
  if (from < global_base || from >= arena_base + arena_bytes) {
    trap(Trap::outside, site, "the source %s is not global memory", place_name(from));
  }
  check_read(from, bytes, site);
  check_write(to, bytes, site);
  for (uintptr_t i = 0; i < bytes; i += 4) cell_of(to + i)->flags |= cell_pending;
}

/* What was written to the source since `stamp` may or may not have been copied: false, and why. */
bool copy_end(uintptr_t to, uintptr_t from, size_t bytes, uint32_t stamp, uint32_t who, uintptr_t site,
              std::string *why) {
  for (uintptr_t i = 0; i < bytes; i += 4) {
    const Cell &source = *cell_of(from + i);
    if (source.w_stamp >= stamp) {
      *why = std::string(place_name(from + i)) + " was overwritten by " + who_name(source.w_who) + " before its wait";
      return false;
    }
    Cell &c = *cell_of(to + i);
    c.flags = 0;
    c.init = 15;
    c.w_who = who | 15;
    c.w_stamp = machine.counter;
    c.w_site = static_cast<uint32_t>(site);
  }
  memcpy(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
  return true;
}

/* To the cache. No read, so whatever is there may be undefined, or change. */
void fetch(uintptr_t from, unsigned bytes, uintptr_t site) {
  if (from % 16 || bytes % 16) {
    trap(Trap::misaligned, site, "%u bytes at %s fetched ahead: multiples of 16 are needed", bytes, place_name(from));
  }
  const Allocation *const a = from >= global_base ? allocation_near(from) : nullptr;
  if (!a || !a->alive || from < a->lo || from + bytes > a->hi) {
    trap(Trap::outside, site, "%u bytes at %s fetched ahead", bytes, place_name(from));
  }
  if (machine.counting) count_ahead(from, bytes);
}

Mbarrier *mbarrier_at(const uint64_t *p, uintptr_t site) {
  if (machine.launch.device->major < 9) trap(Trap::unsupported, site, "the device has no mbarriers with bulk copies");
  for (Mbarrier *const m : me->block->mbarriers) {
    if (m->address == address_of(p)) {
      check_atomic(m->address, false, site); /* its initialisation has to be ordered before */
      return m;
    }
  }
  trap(Trap::mbarrier, site, "%s is not an initialised mbarrier of this block", place_name(address_of(p)));
}

void mbarrier_settle(Mbarrier *m) {
  if (m->pending || m->bytes) return;
  m->done.known.merge(m->coming);
  m->done.version++;
  m->coming.entries.clear();
  m->phase++;
  m->pending = m->count;
  machine.progress++;
}

}  // namespace

void bulk_deliver(Block *b, size_t index) {
  const Bulk k = b->bulk[index];
  b->bulk[index] = b->bulk.back();
  b->bulk.pop_back();
  /* The engine that copies is nobody of the grid: only the barrier's phase orders its writes before a thread's reads.
   */
  const uint32_t who = (0x3ffffu << 10 | (machine.bulk_number++ & 1023)) << 4;
  static std::string why;
  if (!copy_end(k.to, k.from, k.bytes, k.stamp, who, k.site, &why)) {
    report_fiber(k.issuer, Trap::copy_source, k.site, why);
    if (me) leave_trapped();
    machine.trapped = true;
    return;
  }
  k.barrier->coming.add(key_thread(who), ++machine.counter);
  k.barrier->bytes -= k.bytes;
  machine.progress++;
  mbarrier_settle(k.barrier);
}

void async_end(Block *b) {
  if (!b->bulk.empty()) {
    trap(Trap::copy_lost, b->bulk[0].site, "the block ends before a bulk copy to its shared memory has arrived");
  }
}

}  // namespace wn::simt

using namespace wn::simt;

void wn_simt_copy_async(void *shared, const void *global) {
  Fiber *const f = me;
  const uintptr_t site = WN_SITE;
  copy_begin(address_of(shared), address_of(global), 16, site);
  const uint32_t stamp = ++machine.counter;
  f->copies.push_back({address_of(shared), address_of(global), stamp, ~0u});
  f->site = site;
  if (machine.launch.device->major < 8) { /* as port.cuh has it: a plain copy */
    f->copies.pop_back();
    std::string why;
    copy_end(address_of(shared), address_of(global), 16, stamp, f->who, site, &why);
  }
}

void wn_simt_copy_commit(void) {
  Fiber *const f = me;
  for (auto c = f->copies.rbegin(); c != f->copies.rend() && c->group == ~0u; ++c) c->group = f->groups;
  f->groups++;
}

void wn_simt_copy_wait(int pending) {
  Fiber *const f = me;
  const uintptr_t site = WN_SITE;
  const uint32_t keep = f->groups - std::min(f->groups, static_cast<uint32_t>(pending));
  size_t done = 0;
  static std::string why; /* nobody comes back from a trap to free it */
  for (; done < f->copies.size() && f->copies[done].group < keep; done++) {
    const Copy &c = f->copies[done];
    if (!copy_end(c.to, c.from, 16, c.stamp, f->who, site, &why)) trap(Trap::copy_source, site, "%s", why.c_str());
  }
  f->copies.erase(f->copies.begin(), f->copies.begin() + static_cast<std::ptrdiff_t>(done));
}

void wn_simt_mbarrier_init(uint64_t *p, unsigned arrivals) {
  const uintptr_t site = WN_SITE;
  Block *const b = me->block;
  if (machine.launch.device->major < 9) trap(Trap::unsupported, site, "the device has no mbarriers with bulk copies");
  if (address_of(p) % 8 || address_of(p) - b->slot_lo >= slot_bytes || arrivals == 0 || arrivals >= 1u << 20) {
    trap(Trap::mbarrier, site, "mbarrier for %u arrivals at %s", arrivals, place_name(address_of(p)));
  }
  check_write(address_of(p), 8, site);
  *p = 0;
  for (Mbarrier *const m : b->mbarriers) {
    if (m->address != address_of(p)) continue;
    if (m->bytes) trap(Trap::mbarrier, site, "initialised again with copies under way");
    m->count = m->pending = arrivals;
    m->phase = 0;
    return;
  }
  b->mbarriers.push_back(new Mbarrier{address_of(p), arrivals, arrivals, 0, 0, {}, {}});
}

void wn_simt_mbarrier_arrive(uint64_t *p, unsigned expected_bytes) {
  const uintptr_t site = WN_SITE;
  maybe_yield();
  Mbarrier *const m = mbarrier_at(p, site);
  if (m->pending == 0) trap(Trap::mbarrier, site, "more than the %u arrivals of a phase", m->count);
  release_to(&m->coming);
  m->bytes += expected_bytes;
  m->pending--;
  mbarrier_settle(m);
}

bool wn_simt_mbarrier_try(uint64_t *p, unsigned parity) {
  const uintptr_t site = WN_SITE;
  Fiber *const f = me;
  Block *const b = f->block;
  f->site = site;
  Mbarrier *const m = mbarrier_at(p, site);
  if (parity > 1) trap(Trap::mbarrier, site, "parity %u", parity);
  if ((m->phase & 1) == parity) { /* the phase is not complete */
    if (!b->bulk.empty() && (random32() & 1)) {
      bulk_deliver(b, random_below(static_cast<uint32_t>(b->bulk.size())));
    } else {
      pause_fiber();
    }
  } else {
    maybe_yield();
  }
  if ((m->phase & 1) == parity) return false;
  acquire_from(m->done);
  return true;
}

void wn_simt_copy_bulk(void *shared, const void *global, unsigned bytes, uint64_t *p) {
  const uintptr_t site = WN_SITE;
  Mbarrier *const m = mbarrier_at(p, site);
  if (bytes == 0 || bytes >= 1u << 20) trap(Trap::mbarrier, site, "a bulk copy of %u bytes", bytes);
  copy_begin(address_of(shared), address_of(global), bytes, site);
  me->block->bulk.push_back({address_of(shared), address_of(global), site, bytes, ++machine.counter, me, m});
}

void wn_simt_fetch_ahead(const void *global, unsigned bytes) {
  if (machine.launch.device->major >= 9 && bytes > 0) fetch(address_of(global), bytes, WN_SITE);
}
void wn_simt_fetch_own(const void *global) { fetch(address_of(global), 16, WN_SITE); }
