/* Warp-wide operations, barriers of blocks and clusters, signals between blocks. */
#include <algorithm>

#include "simt_kernel.h"
#include "simt_machine.h"

#define WN_SITE reinterpret_cast<uintptr_t>(__builtin_return_address(0))

namespace wn::simt {
namespace {

enum { kind_shuffle, kind_ballot, kind_sync };

void exchange(Warp *w, uint32_t mask, uintptr_t site) {
  for (uint32_t l = mask; l; l &= l - 1) {
    const int lane = __builtin_ctz(l), from = w->from[lane];
    if (__builtin_expect(!(mask >> from & 1), 0)) {
      trap_of(&w->fibers[lane], Trap::lane, site, "reads lane %d, which the mask %#x does not name", from, mask);
    }
    w->result[lane] = w->value[from];
  }
}

/* Memory order among some lanes: what each knows of the others becomes what all know. */
void sync_lanes(Warp *w, uint32_t mask) {
  const uint32_t now = ++machine.counter;
  if (w->fresh) share_warp(w, mask);
  if (mask == w->exists) {
    w->floor = now;
    return;
  }
  std::array<uint32_t, 32> all{};
  for (uint32_t l = mask; l; l &= l - 1) {
    const int lane = __builtin_ctz(l);
    const auto *const floor = w->fibers[lane].lane_floor;
    for (int i = 0; floor && i < 32; i++) all[i] = std::max(all[i], (*floor)[i]);
  }
  for (uint32_t l = mask; l; l &= l - 1) all[__builtin_ctz(l)] = now;
  for (uint32_t l = mask; l; l &= l - 1) {
    Fiber &f = w->fibers[__builtin_ctz(l)];
    if (!f.lane_floor) f.lane_floor = new std::array<uint32_t, 32>();
    *f.lane_floor = all;
  }
}

inline void warp_arrive(uint32_t mask, int kind, uintptr_t site) {
  Fiber *const f = me;
  Warp *const w = f->warp;
  const uint32_t bit = 1u << f->lane;
  if (__builtin_expect(!(mask & bit) || (mask & (w->exited | ~w->exists)), 0)) {
    if (!(mask & bit)) trap(Trap::lane, site, "lane %d is not in the mask %#x that it names", f->lane, mask);
    trap(Trap::lane, site, "the mask %#x names lanes that have exited or do not exist: %#x", mask,
         mask & (w->exited | ~w->exists));
  }
  /* Groups with other masks may be under way: some lanes can be ahead of others. */
  int at = -1;
  for (uint32_t open = w->open; open; open &= open - 1) {
    if (w->groups[__builtin_ctz(open)].mask == mask) at = __builtin_ctz(open);
  }
  if (at < 0) {
    at = __builtin_ctz(~w->open); /* at most 31 are in use: each has another lane waiting */
    w->groups[at] = {mask, bit, kind, site};
    w->open |= 1u << at;
  } else {
    Group &g = w->groups[at];
    if (__builtin_expect(g.kind != kind || (g.site != site && !same_line(g.site, site)), 0)) {
      trap(Trap::lane, site, "others of the lanes wait in another primitive, at %s", line_name(g.site));
    }
    g.arrived |= bit;
  }
  Group &g = w->groups[at];
  if (g.arrived != mask) {
    f->state = State::lane;
    f->site = site;
    return yield_fiber();
  }
  g.arrived = 0;
  w->open &= ~(1u << at);
  if (kind == kind_shuffle) {
    exchange(w, mask, site);
  } else if (kind == kind_ballot) {
    uint32_t votes = 0;
    for (uint32_t l = mask; l; l &= l - 1) votes |= (w->value[__builtin_ctz(l)] ? 1u : 0u) << __builtin_ctz(l);
    for (uint32_t l = mask; l; l &= l - 1) w->result[__builtin_ctz(l)] = votes;
  } else {
    sync_lanes(w, mask);
  }
  if (machine.counting) {
    count_shuffle();
    if (mask == w->exists) count_flush(w);
  }
  make_ready(w, mask);
  yield_fiber();
}

void block_release(Block *b) {
  for (Warp &w : b->warps) {
    if (machine.counting) count_flush(&w);
    make_ready(&w, w.exists);
  }
  machine.progress++;
}

}  // namespace

void cluster_end(Block *b) {
  /* The end is a write to all that the block has: a peer's access has to come before it. */
  const auto check = [b](uint32_t who, uint32_t stamp, uintptr_t address, const char *what) {
    if (stamp < b->start || (who ^ me->who) >> 14 == 0 || ordered_far(who, stamp)) return;
    trap(Trap::peer_left, 0, "the block ends, while %s of %s by %s is not ordered before it", what, place_name(address),
         who_name(who));
  };
  const auto scan = [&check](uintptr_t lo, uintptr_t hi) {
    for (uintptr_t word = lo & ~uintptr_t{3}; word < hi; word += 4) {
      const Cell &c = *cell_of(word);
      check(c.r_who0, c.r_stamp0, word, "a read");
      check(c.r_who1, c.r_stamp1, word, "a read");
      check(c.w_who, c.w_stamp, word, "a write");
    }
  };
  scan(b->dynamic_lo, b->dynamic_lo + b->dynamic_bytes);
  for (const Array &a : b->arrays) scan(a.at, a.at + a.bytes);
}

}  // namespace wn::simt

using namespace wn::simt;

unsigned wn_simt_thread(void) { return me->thread; }
unsigned wn_simt_threads(void) { return machine.launch.threads; }
unsigned wn_simt_block(void) { return static_cast<unsigned>(me->block->id); }
unsigned wn_simt_blocks(void) { return static_cast<unsigned>(machine.launch.blocks); }
unsigned wn_simt_cluster_rank(void) { return me->block->rank; }
unsigned wn_simt_cluster_blocks(void) { return machine.launch.cluster; }
void *wn_simt_dynamic_shared(void) { return reinterpret_cast<void *>(me->block->dynamic_lo); }

void *wn_simt_static_shared(const void *key, size_t bytes, size_t align) {
  Block *const b = me->block;
  for (const Array &a : b->arrays) {
    if (a.key == key) return reinterpret_cast<void *>(a.at);
  }
  /* An odd multiple of the alignment, behind a gap: nobody gets more alignment or more bytes than the type says. */
  uintptr_t at = (b->static_next + 64 + align - 1) / align * align;
  if (at / align % 2 == 0) at += align;
  size_t sum = bytes;
  for (const Array &a : b->arrays) sum += a.bytes;
  if (sum > machine.launch.static_limit || at + bytes > b->dynamic_lo) {
    trap(Trap::shared_size, WN_SITE, "%zu bytes of static shared memory; %zu are left by the dynamic memory", sum,
         machine.launch.static_limit);
  }
  machine.static_used = std::max(machine.static_used, sum);
  b->arrays.push_back({key, at, bytes});
  b->static_next = at + bytes;
  return reinterpret_cast<void *>(at);
}

void *wn_simt_peer(const void *shared, unsigned rank) {
  const Block *const b = me->block;
  const uintptr_t offset = reinterpret_cast<uintptr_t>(shared) - b->slot_lo;
  if (offset >= slot_bytes) trap(Trap::peer, WN_SITE, "the address is not in this block's shared memory");
  if (rank >= b->cluster->blocks.size()) {
    trap(Trap::peer, WN_SITE, "rank %u of a cluster of %zu", rank, b->cluster->blocks.size());
  }
  return reinterpret_cast<void *>(b->cluster->blocks[rank]->slot_lo + offset);
}

uint64_t wn_simt_shuffle(unsigned mask, uint64_t v, int from) {
  Fiber *const f = me;
  Warp *const w = f->warp;
  w->value[f->lane] = v;
  w->from[f->lane] = static_cast<uint8_t>(from < 0 ? f->lane : from);
  warp_arrive(mask, kind_shuffle, WN_SITE);
  return w->result[f->lane];
}

unsigned wn_simt_ballot(unsigned mask, bool v) {
  Fiber *const f = me;
  f->warp->value[f->lane] = v;
  warp_arrive(mask, kind_ballot, WN_SITE);
  return static_cast<unsigned>(f->warp->result[f->lane]);
}

void wn_simt_sync_warp(unsigned mask) { warp_arrive(mask, kind_sync, WN_SITE); }

int wn_simt_sync_block(bool v, int kind) {
  Fiber *const f = me;
  Block *const b = f->block;
  const uintptr_t site = WN_SITE;
  if (b->exited) trap(Trap::barrier, site, "%u threads of the block have exited before", b->exited);
  if (b->arrived == 0) {
    b->barrier_site = site;
    b->barrier_kind = kind;
    b->barrier_sum = 0;
  } else if (b->barrier_site != site || b->barrier_kind != kind) {
    if (b->barrier_kind != kind || !same_line(b->barrier_site, site)) {
      trap(Trap::barrier, site, "others of the block wait at another one, at %s", line_name(b->barrier_site));
    }
  }
  b->barrier_sum += v;
  if (++b->arrived < b->threads) {
    f->state = State::block;
    f->site = site;
    yield_fiber();
  } else {
    b->arrived = 0;
    b->barrier_result = kind == 1 ? b->barrier_sum != 0 : b->barrier_sum;
    if (b->fresh) share_block(b);
    b->floor = ++machine.counter;
    if (machine.counting) count_barrier();
    block_release(b);
    yield_fiber();
  }
  return b->barrier_result;
}

void wn_simt_sync_named(int id, int threads) {
  Fiber *const f = me;
  Block *const b = f->block;
  const uintptr_t site = WN_SITE;
  if (id < 1 || id > 15 || threads <= 0 || threads % 32 || static_cast<unsigned>(threads) > b->threads) {
    trap(Trap::barrier_named, site, "barrier %d of %d threads, in a block of %u", id, threads, b->threads);
  }
  if (b->named.empty()) b->named.resize(16);
  Named &n = b->named[static_cast<size_t>(id)];
  if (n.arrived && n.threads != threads) {
    trap(Trap::barrier_named, site, "barrier %d of %d threads, others wait for %d", id, threads, n.threads);
  }
  n.threads = threads;
  n.lanes[f->thread / 32] |= 1u << f->lane;
  if (++n.arrived < threads) {
    f->state = State::named;
    f->site = site;
    return yield_fiber();
  }
  const uint32_t now = ++machine.counter;
  for (size_t i = 0; i < b->warps.size(); i++) {
    if (n.lanes[i] && n.lanes[i] != b->warps[i].exists) {
      trap(Trap::barrier_named, site, "barrier %d was reached by the lanes %#x only of warp %zu", id, n.lanes[i], i);
    }
  }
  std::array<uint32_t, 32> all{};
  Known known;
  for (size_t i = 0; i < b->warps.size(); i++) {
    Warp &w = b->warps[i];
    if (!n.lanes[i]) continue;
    for (size_t k = 0; w.warp_floor && k < 32; k++) all[k] = std::max(all[k], (*w.warp_floor)[k]);
    all[i] = now;
    for (uint32_t l = w.fresh ? n.lanes[i] : 0; l; l &= l - 1) known.merge(w.fibers[__builtin_ctz(l)].known);
  }
  for (size_t i = 0; i < b->warps.size(); i++) {
    Warp &w = b->warps[i];
    if (!n.lanes[i]) continue;
    w.floor = now;
    if (!w.warp_floor) w.warp_floor = new std::array<uint32_t, 32>();
    *w.warp_floor = all;
    if (!known.entries.empty()) {
      w.fresh = true;
      for (uint32_t l = n.lanes[i]; l; l &= l - 1) w.fibers[__builtin_ctz(l)].known = known;
    }
    make_ready(&w, n.lanes[i]);
    n.lanes[i] = 0;
  }
  n.arrived = 0;
  machine.progress++;
  yield_fiber();
}

void wn_simt_sync_cluster(void) {
  Fiber *const f = me;
  Cluster *const c = f->block->cluster;
  const uintptr_t site = WN_SITE;
  if (machine.launch.device->major < 9) return; /* as port.cuh has it */
  for (const Block *const b : c->blocks) {
    if (b->exited) {
      trap(Trap::barrier_cluster, site, "threads of block %lld have exited before", static_cast<long long>(b->id));
    }
  }
  if (c->arrived == 0) {
    c->site = site;
  } else if (c->site != site && !same_line(c->site, site)) {
    trap(Trap::barrier_cluster, site, "others of the cluster wait at another one, at %s", line_name(c->site));
  }
  if (++c->arrived < f->block->threads * c->blocks.size()) {
    f->state = State::cluster;
    f->site = site;
    return yield_fiber();
  }
  c->arrived = 0;
  share_cluster(c);
  c->floor = ++machine.counter;
  for (Block *const b : c->blocks) {
    b->floor = c->floor;
    block_release(b);
  }
  yield_fiber();
}

/* ---- other blocks */

void wn_simt_atomic_max(unsigned *p, unsigned v) {
  maybe_yield();
  check_atomic(reinterpret_cast<uintptr_t>(p), true, WN_SITE);
  *p = std::max(*p, v);
  machine.progress++;
}

unsigned wn_simt_ticket(unsigned *p) {
  maybe_yield();
  check_atomic(reinterpret_cast<uintptr_t>(p), true, WN_SITE);
  Word &word = machine.words[reinterpret_cast<uintptr_t>(p)];
  acquire_from(word);
  release_to(&word.known);
  word.version++;
  machine.progress++;
  return (*p)++;
}

void wn_simt_signal(unsigned *p) {
  maybe_yield();
  check_atomic(reinterpret_cast<uintptr_t>(p), true, WN_SITE);
  Word &word = machine.words[reinterpret_cast<uintptr_t>(p)];
  release_to(&word.known);
  word.version++;
  machine.progress++;
  ++*p;
}

unsigned wn_simt_poll(const unsigned *p) {
  Fiber *const f = me;
  f->site = WN_SITE;
  if (f->polled && f->poll_progress == machine.progress) {
    pause_fiber();
  } else {
    maybe_yield();
  }
  f->polled = true;
  f->poll_progress = machine.progress;
  check_atomic(reinterpret_cast<uintptr_t>(p), false, WN_SITE);
  acquire_from(machine.words[reinterpret_cast<uintptr_t>(p)]);
  return *p;
}

void wn_simt_wait_for_earlier(void) { me->waited = true; }

void wn_simt_pause(void) {
  me->site = WN_SITE;
  pause_fiber();
}
