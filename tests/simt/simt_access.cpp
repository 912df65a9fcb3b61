/* What the compiler calls before each load and store of a kernel (-fsanitize=thread). The common case has to be short:
 * one comparison that it is device memory at all, one lookup of the buffer, one cell of the shadow for each 4 bytes. */
#include <link.h>

#include "simt_kernel.h"
#include "simt_machine.h"

#define WN_SITE reinterpret_cast<uintptr_t>(__builtin_return_address(0))

namespace wn::simt {
namespace {

/* Where an access goes: what counts as old there, and what counts as written. */
struct Place {
  uint32_t base;  /* older stamps are another launch's, or another block's */
  uint32_t init;  /* all bits set: the whole buffer counts as written */
  bool shared;    /* the shadow's init bits are only good with a stamp from base on */
  bool read_only; /* nobody writes here: readers need not be remembered */
};

[[noreturn]] __attribute__((noinline, cold)) void race(bool write, bool other_write, uint32_t who, const Cell &c,
                                                       uintptr_t address, uintptr_t site, bool shared) {
  /* The high half of the address is that of this thread's own line. */
  const bool known = other_write && c.w_site;
  const char *const line = known ? line_name((site & ~uintptr_t{0xffffffff}) | c.w_site) : "";
  trap(shared ? Trap::race_shared : Trap::race_global, site, "%s of %s is not ordered after the %s by %s%s%s",
       write ? "write" : "read", place_name(address), other_write ? "write" : "read", who_name(who),
       known ? ", at " : "", line);
}

inline bool ordered(uint32_t who, uint32_t stamp) {
  const uint32_t d = who ^ me->who;
  if (d >> 4 == 0) return true;
  if (d >> 14 == 0 && (stamp < me->block->floor || (d >> 9 == 0 && stamp < me->warp->floor))) return true;
  return ordered_far(who, stamp);
}

/* mask: bytes of the word; atomic accesses race with plain ones only */
inline void read_word(uintptr_t word, uint32_t mask, const Place &p, uintptr_t site, bool atomic) {
  Cell &c = *cell_of(word);
  const bool recent = c.w_stamp >= p.base;
  const uint32_t init = p.shared && !recent ? 0 : c.init | p.init;
  if (__builtin_expect((init & mask) != mask || (c.flags & cell_pending), 0)) {
    if (c.flags & cell_pending && recent) {
      trap(Trap::copy_early, site, "read of %s, where an asynchronous copy is on its way", place_name(word));
    }
    if ((init & mask) != mask) trap(Trap::undefined, site, "read of %s before any write", place_name(word));
  }
  if (recent && (c.w_who & mask) && !(atomic && (c.flags & cell_w_atomic)) && !ordered(c.w_who, c.w_stamp)) {
    race(false, true, c.w_who, c, word, site, p.shared);
  }
  if (p.read_only) return;
  const uint32_t who = me->who | mask;
  const uint32_t now = machine.counter;
  if (c.r_stamp0 < p.base || (c.r_who0 ^ who) >> 4 == 0) {
    c.r_who0 = c.r_stamp0 >= p.base ? c.r_who0 | who : who;
    c.r_stamp0 = now;
    c.flags = static_cast<uint8_t>((c.flags & ~cell_r0_atomic) | (atomic ? cell_r0_atomic : 0));
    return;
  }
  /* Two readers are kept. A third one takes the place of one that it knows to come before itself, else of any. */
  if (c.r_stamp1 >= p.base && (c.r_who1 ^ who) >> 4 != 0) {
    const uint32_t d = (c.r_who0 ^ who) >> 14;
    if (d == 0 && c.r_stamp0 < me->block->floor ? true : (random32() & 1)) {
      c.r_who0 = who;
      c.r_stamp0 = now;
      c.flags = static_cast<uint8_t>((c.flags & ~cell_r0_atomic) | (atomic ? cell_r0_atomic : 0));
      return;
    }
  }
  c.r_who1 = c.r_stamp1 >= p.base && (c.r_who1 ^ who) >> 4 == 0 ? c.r_who1 | who : who;
  c.r_stamp1 = now;
  c.flags = static_cast<uint8_t>((c.flags & ~cell_r1_atomic) | (atomic ? cell_r1_atomic : 0));
}

inline void write_word(uintptr_t word, uint32_t mask, const Place &p, uintptr_t site, bool atomic) {
  Cell &c = *cell_of(word);
  const bool recent = c.w_stamp >= p.base;
  if (__builtin_expect(c.flags & cell_pending, 0) && recent) {
    trap(Trap::copy_early, site, "write to %s, where an asynchronous copy is on its way", place_name(word));
  }
  if (recent && (c.w_who & mask) && !(atomic && (c.flags & cell_w_atomic)) && !ordered(c.w_who, c.w_stamp)) {
    race(true, true, c.w_who, c, word, site, p.shared);
  }
  if (c.r_stamp0 >= p.base && (c.r_who0 & mask) && !(atomic && (c.flags & cell_r0_atomic)) &&
      !ordered(c.r_who0, c.r_stamp0)) {
    race(true, false, c.r_who0, c, word, site, p.shared);
  }
  if (c.r_stamp1 >= p.base && (c.r_who1 & mask) && !(atomic && (c.flags & cell_r1_atomic)) &&
      !ordered(c.r_who1, c.r_stamp1)) {
    race(true, false, c.r_who1, c, word, site, p.shared);
  }
  const bool same = recent && (c.w_who ^ me->who) >> 4 == 0;
  c.w_who = me->who | mask | (same ? c.w_who & 15 : 0);
  c.w_stamp = machine.counter;
  c.init = static_cast<uint8_t>((p.shared && !recent ? 0 : c.init) | mask);
  if (mask == 15) c.r_stamp0 = c.r_stamp1 = 0; /* whoever comes after this write comes after them */
  c.flags = atomic ? cell_w_atomic : 0;
  c.w_site = static_cast<uint32_t>(site);
}

/* ---- finding the buffer */

[[noreturn]] __attribute__((noinline, cold)) void no_place(uintptr_t address, size_t n, uintptr_t site,
                                                           const char *what) {
  const Allocation *const a = address >= global_base ? allocation_near(address) : nullptr;
  if (a && !a->alive) {
    trap(Trap::freed, site, "%s of %zu bytes at %s, which was freed", what, n, place_name(address));
  }
  trap(Trap::outside, site, "%s of %zu bytes at %s", what, n, place_name(address));
}

__attribute__((noinline)) void check_ranges(const Allocation *a, uintptr_t address, size_t n, bool write,
                                            uintptr_t site) {
  for (auto r = a->ranges.rbegin(); r != a->ranges.rend(); ++r) {
    if (address >= r->hi || address + n <= r->lo) continue;
    if (r->kind == Range::no_access || (write && r->kind == Range::read_only)) {
      trap(Trap::forbidden, site, "%s of %zu bytes at %s, which the test has declared %s", write ? "write" : "read", n,
           place_name(address), r->kind == Range::no_access ? "closed" : "read-only");
    }
    if (address >= r->lo && address + n <= r->hi) return;
  }
}

/* Shared memory other than the dynamic one of the own block. */
__attribute__((noinline)) Place locate_shared(uintptr_t address, size_t n, uintptr_t site, const char *what) {
  const unsigned slot = static_cast<unsigned>((address - arena_base) >> slot_shift);
  const Block *const b = machine.slot_owner[slot];
  if (!b) no_place(address, n, site, what);
  if (b != me->block) {
    if (b->cluster != me->block->cluster) {
      trap(Trap::peer, site, "%s of the shared memory of block %lld, which is not of this cluster", what,
           static_cast<long long>(b->id));
    }
    if (!b->live) {
      trap(Trap::peer_left, site, "%s of the shared memory of block %lld, which has left", what,
           static_cast<long long>(b->id));
    }
  }
  if (address >= b->dynamic_lo && address + n <= b->dynamic_lo + b->dynamic_bytes) return {b->start, 0, true, false};
  for (const Array &a : b->arrays) {
    if (address < a.at || address + n > a.at + a.bytes) continue;
    if (b == me->block) {
      me->block->array_lo = a.at;
      me->block->array_bytes = a.bytes;
    }
    return {b->start, 0, true, false};
  }
  trap(Trap::shared_size, site, "%s of %zu bytes at %s: the launch has %zu bytes", what, n, place_name(address),
       static_cast<size_t>(b->dynamic_bytes));
}

/* Inlined, because a Place that is returned is written in parts and read back as a whole, for which processors wait. */
__attribute__((always_inline)) inline Place locate(uintptr_t address, size_t n, bool write, uintptr_t site) {
  const Block *const b = me->block;
  const uintptr_t in = address - b->dynamic_lo;
  if (in < b->dynamic_bytes && in + n <= b->dynamic_bytes) return {b->start, 0, true, false};
  const uintptr_t at = address - b->array_lo;
  if (at < b->array_bytes && at + n <= b->array_bytes) return {b->start, 0, true, false};
  if (address < global_base) return locate_shared(address, n, site, write ? "write" : "read");
  if (__builtin_expect(machine.launch.early && !me->waited, 0)) {
    trap(Trap::early, site, "%s of %zu bytes at %s before wn_wait_for_earlier()", write ? "write" : "read", n,
         place_name(address));
  }
  const Allocation *const a = allocation_near(address);
  if (__builtin_expect(!a || !a->alive || address < a->lo || address + n > a->hi, 0)) {
    no_place(address, n, site, write ? "write" : "read");
  }
  if (__builtin_expect(a->device != machine.launch.device_index, 0)) {
    trap(Trap::outside, site, "%s of %zu bytes at %s, which is another device's", write ? "write" : "read", n,
         place_name(address));
  }
  if (__builtin_expect(!a->ranges.empty(), 0)) check_ranges(a, address, n, write, site);
  if (a->read_only && write) {
    trap(Trap::forbidden, site, "write of %zu bytes at %s, which the test has declared read-only", n,
         place_name(address));
  }
  return {machine.base, a->defined ? 15u : 0u, false, a->read_only};
}

/* Local variables and the program's constants are no business of ours, except when they are not the thread's own. */
__attribute__((noinline)) void outside(uintptr_t address, size_t n, bool write, uintptr_t site) {
  const Fiber *const f = me;
  if (!f) return;
  if (reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) < f->stack_lo) {
    trap(Trap::stack, site, "the thread's local memory exceeds %zu bytes", stack_bytes);
  }
  if (address >= f->stack_lo && address < f->stack_hi) return;
  const uintptr_t args = reinterpret_cast<uintptr_t>(machine.launch.args);
  if (!write && address >= args && address < args + 4096) return;
  struct Search {
    uintptr_t address;
    bool found;
  } search = {address, false};
  const auto visit = [](dl_phdr_info *info, size_t, void *data) {
    Search *const s = static_cast<Search *>(data);
    for (int i = 0; i < info->dlpi_phnum; i++) {
      const auto &h = info->dlpi_phdr[i];
      const uintptr_t lo = info->dlpi_addr + h.p_vaddr;
      if (h.p_type == PT_LOAD && s->address >= lo && s->address < lo + h.p_memsz) s->found = true;
    }
    return s->found ? 1 : 0;
  };
  static uintptr_t page[64]; /* that were found to be a module's */
  uintptr_t &known = page[(address >> 12) % 64];
  if (!write && known == address >> 12) return;
  if (!write) dl_iterate_phdr(visit, &search);
  if (search.found) {
    known = address >> 12;
    return;
  }
  trap(Trap::host_memory, site, "%s of %zu bytes of host memory, or of another thread's variable, at %#zx",
       write ? "write" : "read", n, static_cast<size_t>(address));
}

inline void fuel(uintptr_t site) {
  if (__builtin_expect(--machine.fuel < 0, 0)) {
    trap(Trap::endless, site, "no synchronising primitive within %d million accesses", 16);
  }
}

template <bool write>
inline void range(uintptr_t address, size_t n, uintptr_t site, bool atomic = false) {
  if (n == 0) return;
  if (address - arena_base >= arena_bytes) return outside(address, n, write, site);
  if (!me) return;
  fuel(site);
  const Place p = locate(address, n, write, site);
  if (machine.counting) count_access(address, static_cast<unsigned>(n), write, site);
  const uintptr_t end = address + n;
  for (uintptr_t word = address & ~uintptr_t{3}; word < end; word += 4) {
    uint32_t mask = 15;
    if (word < address) mask &= 15u << (address - word);
    if (word + 4 > end) mask &= 15u >> (word + 4 - end);
    write ? write_word(word, mask, p, site, atomic) : read_word(word, mask, p, site, atomic);
  }
}

template <bool write, unsigned n>
inline void access(void *pointer, uintptr_t site) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(pointer);
  if (address - arena_base >= arena_bytes) {
    if (!me || address - me->stack_lo >= stack_bytes) outside(address, n, write, site);
    return;
  }
  if (!me) return;
  fuel(site);
  if (__builtin_expect(address % n != 0, 0)) {
    trap(Trap::misaligned, site, "%s of %u bytes at %s, which is no multiple of %u", write ? "write" : "read", n,
         place_name(address), n);
  }
  const Place p = locate(address, n, write, site);
  if (__builtin_expect(machine.counting, 0)) count_access(address, n, write, site);
  if (n < 4) {
    const uint32_t mask = ((1u << n) - 1) << (address & 3);
    write ? write_word(address & ~uintptr_t{3}, mask, p, site, false)
          : read_word(address & ~uintptr_t{3}, mask, p, site, false);
  } else {
    for (unsigned i = 0; i < n; i += 4) {
      write ? write_word(address + i, 15, p, site, false) : read_word(address + i, 15, p, site, false);
    }
  }
  if (__builtin_expect(machine.counting, 0) && address >= global_base) give_way();
}

}  // namespace

void check_read(uintptr_t address, size_t bytes, uintptr_t site) { range<false>(address, bytes, site); }
void check_write(uintptr_t address, size_t bytes, uintptr_t site) { range<true>(address, bytes, site); }

void check_atomic(uintptr_t address, bool write, uintptr_t site) {
  if (address % 4) trap(Trap::misaligned, site, "atomic access at %s", place_name(address));
  range<false>(address, 4, site, true); /* reads in any case: what it finds has to be defined */
  if (write) range<true>(address, 4, site, true);
}

uint32_t base_at(uintptr_t address) {
  if (address >= global_base) return machine.base;
  const Block *const b = machine.slot_owner[(address - arena_base) >> slot_shift];
  return b ? b->start : 0;
}

}  // namespace wn::simt

using wn::simt::access;
using wn::simt::range;

void wn_simt_misaligned(const void *p, size_t bytes) {
  using namespace wn::simt;
  trap(Trap::misaligned, WN_SITE, "access to %zu bytes at %s", bytes, place_name(reinterpret_cast<uintptr_t>(p)));
}

extern "C" {
#define WN_ACCESS(n)                                             \
  void __tsan_read##n(void *p) { access<false, n>(p, WN_SITE); } \
  void __tsan_write##n(void *p) { access<true, n>(p, WN_SITE); }
WN_ACCESS(1)
WN_ACCESS(2)
WN_ACCESS(4)
WN_ACCESS(8)
WN_ACCESS(16)
/* The type promises less alignment than its size, so a GPU's compiler uses smaller accesses: none to check here. */
#define WN_UNALIGNED(n)                                                                                \
  void __tsan_unaligned_read##n(void *p) { range<false>(reinterpret_cast<uintptr_t>(p), n, WN_SITE); } \
  void __tsan_unaligned_write##n(void *p) { range<true>(reinterpret_cast<uintptr_t>(p), n, WN_SITE); }
WN_UNALIGNED(2)
WN_UNALIGNED(4)
WN_UNALIGNED(8)
WN_UNALIGNED(16)
void __tsan_read_range(void *p, size_t n) { range<false>(reinterpret_cast<uintptr_t>(p), n, WN_SITE); }
void __tsan_write_range(void *p, size_t n) { range<true>(reinterpret_cast<uintptr_t>(p), n, WN_SITE); }
void __tsan_init(void) {}
void __tsan_func_entry(void *) {}
void __tsan_func_exit(void) {}
}
