/* Which thread runs next. A thread runs until it has to wait; then one of the ready lanes of its warp follows, or now
 * and then one of another warp. Few blocks are alive at a time: more start when these end, or when they only spin. */
#include <sys/mman.h>

#include <algorithm>

#include "simt_machine.h"
#include "simt_switch.h"

namespace wn::simt {

Kept<Machine> kept_machine;
thread_local Fiber *me __attribute__((tls_model("initial-exec")));

namespace {

constexpr int64_t fuel_full = 1 << 24;

bool running = false;

/* Block i's threads have the stacks from 1024 i on: what was used last is used first, and is still in the cache. */
char *stacks() {
  constexpr size_t below = 1 << 20; /* what the first one may exceed before that is noticed */
  static char *const all = static_cast<char *>(mmap(nullptr, slots * 1024 * stack_bytes + below, PROT_READ | PROT_WRITE,
                                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  return all + below;
}

void fiber_prepare(Fiber *f, Block *b, unsigned thread) {
  char *const lo = stacks() + (size_t{b->slot} * 1024 + thread) * stack_bytes;
  f->stack_lo = reinterpret_cast<uintptr_t>(lo);
  f->stack_hi = f->stack_lo + stack_bytes;
  /* Stacks a power of two apart would all fall on the same few sets of the cache. */
  f->sp = switch_prepare(lo + stack_bytes - 64 - thread % 61 * 64);
  f->thread = thread;
  f->lane = thread % 32;
  f->who = (static_cast<uint32_t>(b->id) << 10 | thread) << 4;
  f->block = b;
  f->warp = &b->warps[thread / 32];
  f->state = State::ready;
  f->polled = false;
  f->waited = false;
  f->acquired = nullptr;
  f->known.entries.clear();
  f->copies.clear();
  f->groups = 0;
  if (f->lane_floor) f->lane_floor->fill(0);
}

void block_start(Block *b, Cluster *c, int64_t id, unsigned rank) {
  const Launch &l = machine.launch;
  b->id = id;
  b->rank = rank;
  b->cluster = c;
  b->live = true;
  b->fresh = false;
  b->threads = l.threads;
  b->exited = b->arrived = 0;
  b->floor = b->start = c->floor;
  b->slot_lo = arena_base + b->slot * slot_bytes;
  b->dynamic_lo = b->slot_lo + static_bytes;
  b->dynamic_bytes = l.dynamic_bytes;
  b->static_next = b->slot_lo;
  b->arrays.clear();
  b->array_lo = b->array_bytes = 0;
  b->known.entries.clear();
  b->named.clear();
  b->bulk.clear();
  for (Mbarrier *const m : b->mbarriers) delete m;
  b->mbarriers.clear();
  machine.slot_owner[b->slot] = b;
  const unsigned warps = (l.threads + 31) / 32;
  if (b->fibers.size() != l.threads) {
    for (Fiber &f : b->fibers) delete f.lane_floor;
    for (Warp &w : b->warps) delete w.warp_floor;
    b->fibers.assign(l.threads, Fiber{});
    b->warps.assign(warps, Warp{});
  }
  for (unsigned i = 0; i < warps; i++) {
    Warp &w = b->warps[i];
    const unsigned lanes = std::min(32u, l.threads - i * 32);
    w.floor = b->start;
    w.exists = lanes == 32 ? ~0u : (1u << lanes) - 1;
    w.ready = w.paused = w.exited = w.open = 0;
    w.listed = w.fresh = false;
    w.block = b;
    w.fibers = &b->fibers[i * 32];
    for (Group &g : w.groups) g.arrived = 0;
    if (w.warp_floor) w.warp_floor->fill(0);
  }
  for (unsigned t = 0; t < l.threads; t++) fiber_prepare(&b->fibers[t], b, t);
  for (Warp &w : b->warps) make_ready(&w, w.exists);
}

/* Clusters start in random order: a few are dealt from the rest, as many as a shuffle of all would need. What is
 * counted starts in order, as on a GPU. */
int64_t next_cluster() {
  if (machine.counting) return machine.launch.blocks / machine.launch.cluster - machine.unstarted--;
  const uint32_t at = random_below(static_cast<uint32_t>(machine.unstarted));
  std::swap(machine.starting[at], machine.starting[static_cast<size_t>(--machine.unstarted)]);
  return machine.starting[static_cast<size_t>(machine.unstarted)];
}

void cluster_start() {
  const Launch &l = machine.launch;
  const int64_t index = next_cluster();
  Cluster *c;
  if (machine.spare.empty()) {
    c = new Cluster();
  } else {
    c = machine.spare.back();
    machine.spare.pop_back();
  }
  c->floor = ++machine.counter;
  c->arrived = c->exited = 0;
  c->blocks.clear();
  for (unsigned rank = 0; rank < l.cluster; rank++) {
    Block *b;
    if (machine.spare_blocks.empty()) {
      static unsigned next_slot = 0;
      b = new Block();
      b->slot = next_slot++;
    } else {
      b = machine.spare_blocks.back();
      machine.spare_blocks.pop_back();
    }
    c->blocks.push_back(b);
  }
  for (unsigned rank = 0; rank < l.cluster; rank++) block_start(c->blocks[rank], c, index * l.cluster + rank, rank);
  machine.live.push_back(c);
  machine.progress++;
}

void cluster_retire(Cluster *c) {
  for (Block *const b : c->blocks) {
    machine.slot_owner[b->slot] = nullptr;
    machine.spare_blocks.push_back(b);
  }
  machine.live.erase(std::find(machine.live.begin(), machine.live.end(), c));
  machine.spare.push_back(c);
}

int pick_lane(uint32_t lanes) {
  const unsigned r = random32() & 31;
  const uint32_t turned = lanes >> r | lanes << ((32 - r) & 31);
  return static_cast<int>((static_cast<unsigned>(__builtin_ctz(turned)) + r) & 31);
}

Warp *random_warp() {
  while (!machine.ready.empty()) {
    const uint32_t at = random_below(static_cast<uint32_t>(machine.ready.size()));
    Warp *const w = machine.ready[at];
    if (w->ready) return w;
    w->listed = false;
    machine.ready[at] = machine.ready.back();
    machine.ready.pop_back();
  }
  return nullptr;
}

/* What is counted takes turns: each ready lane of a warp comes as far as its next access to global memory, then another
 * warp follows. So lanes keep together, as on a GPU, and warps come forward together. */
Fiber *pick_in_turn() {
  Warp *w = machine.turn;
  if (!w || !(w->ready & machine.turn_lanes)) {
    w = machine.turn = random_warp();
    if (!w) return nullptr;
    machine.turn_lanes = w->ready;
  }
  const int lane = __builtin_ctz(w->ready & machine.turn_lanes);
  machine.turn_lanes &= ~(1u << lane);
  w->ready &= ~(1u << lane);
  return &w->fibers[lane];
}

Fiber *pick() {
  if (machine.counting) return pick_in_turn();
  Warp *w = me ? me->warp : nullptr;
  if (!w || !w->ready || random32() % 16 == 0) {
    w = random_warp();
    if (!w) return nullptr;
  }
  const int lane = pick_lane(w->ready);
  w->ready &= ~(1u << lane);
  return &w->fibers[lane];
}

void enter(Fiber *f, void **from) {
  f->state = State::ready;
  machine.fuel = fuel_full;
  me = f;
  wn_simt_switch(from, f->sp);
}

void to_host(Fiber *f) {
  me = nullptr;
  wn_simt_switch(&f->sp, machine.sp);
}

void wake_paused() {
  for (Warp *const w : machine.paused) {
    const uint32_t lanes = w->paused;
    w->paused = 0;
    make_ready(w, lanes);
  }
  machine.paused.clear();
}

/* Nobody is ready. False: nobody ever will be. */
bool idle(uint32_t *seen, int *rounds) {
  for (Cluster *const c : machine.live) {
    for (Block *const b : c->blocks) {
      if (!b->bulk.empty()) {
        bulk_deliver(b, random_below(static_cast<uint32_t>(b->bulk.size())));
        if (machine.trapped) return true;
      }
    }
  }
  if (*seen != machine.progress) *rounds = 0;
  *seen = machine.progress;
  const bool room = machine.unstarted > 0 &&
                    static_cast<int64_t>(machine.live.size() + 1) * machine.launch.cluster <= machine.launch.resident;
  if (*rounds > 0 && room) cluster_start();
  if (!machine.paused.empty() && (*rounds)++ < 64) {
    wake_paused();
    return true;
  }
  return !machine.ready.empty();
}

const Fiber *find(State s) {
  for (Cluster *const c : machine.live) {
    for (Block *const b : c->blocks) {
      for (const Fiber &f : b->fibers) {
        if (f.state == s) return &f;
      }
    }
  }
  return nullptr;
}

/* What they wait for names the mistake. If some spin, that is why others do not come to a barrier. */
void report_deadlock() {
  static const struct {
    State state;
    Trap trap;
    const char *what;
  } kinds[] = {
      {State::paused, Trap::deadlock, "spins for ever"},
      {State::lane, Trap::lane, "waits for lanes of its warp that are elsewhere"},
      {State::block, Trap::barrier, "waits at a barrier that not all threads of the block reach"},
      {State::named, Trap::barrier_named, "waits at a named barrier that too few threads reach"},
      {State::cluster, Trap::barrier_cluster, "waits at a barrier that not all threads of the cluster reach"},
  };
  for (const auto &k : kinds) {
    const Fiber *const f = find(k.state);
    if (!f) continue;
    std::string what = k.what;
    if (machine.unstarted > 0) {
      what += "; " + std::to_string(machine.unstarted * machine.launch.cluster) + " blocks have not started, because " +
              std::to_string(machine.launch.resident) + " fit at once";
    }
    report_fiber(f, k.trap, f->site, what);
    return;
  }
}

void clean_up() {
  while (!machine.live.empty()) cluster_retire(machine.live.back());
  machine.ready.clear();
  machine.paused.clear();
  machine.ended.clear();
  machine.words.clear();
}

}  // namespace

bool machine_running() { return running; }

bool machine_run(const Launch &launch) {
  if (machine.counter > 0xb0000000u) {
    memory_forget_stamps();
    machine.counter = 1;
  }
  machine.launch = launch;
  machine.base = ++machine.counter;
  machine.trapped = false;
  machine.unstarted = launch.blocks / launch.cluster;
  machine.starting.resize(static_cast<size_t>(machine.unstarted));
  for (size_t i = 0; i < machine.starting.size(); i++) machine.starting[i] = static_cast<uint32_t>(i);
  constexpr size_t counted_threads = 64 << 10; /* a stack each */
  machine.turn = nullptr;
  machine.window = machine.counting ? counted_threads / (launch.threads * launch.cluster) : 1 + random_below(4);
  running = true;
  if (machine.counting) count_begin(launch);
  uint32_t seen = machine.progress;
  int rounds = 0;
  while (!machine.trapped) {
    for (Cluster *const c : machine.ended) cluster_retire(c);
    machine.ended.clear();
    while (
        machine.unstarted > 0 && machine.live.size() < machine.window &&
        (machine.live.empty() || static_cast<int64_t>(machine.live.size() + 1) * launch.cluster <= launch.resident)) {
      cluster_start();
    }
    if (machine.live.empty()) break;
    Fiber *const f = pick();
    if (f) {
      enter(f, &machine.sp);
    } else if (!idle(&seen, &rounds)) {
      report_deadlock();
      machine.trapped = true;
    }
  }
  me = nullptr;
  clean_up();
  if (machine.counting) count_end();
  running = false;
  return !machine.trapped;
}

void yield_fiber() {
  Fiber *const f = me;
  Fiber *const next = pick();
  if (next && next == f) {
    next->state = State::ready;
    return;
  }
  if (next) {
    enter(next, &f->sp);
  } else {
    to_host(f);
  }
}

void maybe_yield() {
  if (random32() & 1) return;
  give_way();
}

void give_way() {
  make_ready(me->warp, 1u << me->lane);
  yield_fiber();
}

void pause_fiber() {
  Fiber *const f = me;
  Warp *const w = f->warp;
  f->state = State::paused;
  if (!w->paused) machine.paused.push_back(w);
  w->paused |= 1u << f->lane;
  yield_fiber();
}

[[noreturn]] void leave_trapped() {
  machine.trapped = true;
  to_host(me);
  __builtin_unreachable();
}

void fiber_end(Fiber *f) {
  Block *const b = f->block;
  Warp *const w = f->warp;
  f->state = State::done;
  w->exited |= 1u << f->lane;
  for (uint32_t open = w->open; open; open &= open - 1) {
    const Group &g = w->groups[__builtin_ctz(open)];
    if (g.mask >> f->lane & 1) {
      trap(Trap::lane, g.site, "lane %d exits, while others wait for it in a primitive of the warp", f->lane);
    }
  }
  if (b->arrived) trap(Trap::barrier, b->barrier_site, "thread %u exits, while others wait at a barrier", f->thread);
  if (b->cluster->arrived) {
    trap(Trap::barrier_cluster, b->cluster->site, "thread %u exits, while others wait at a barrier of the cluster",
         f->thread);
  }
  machine.progress++;
  if (++b->exited < b->threads) return;
  if (machine.counting) {
    for (Warp &each : b->warps) count_flush(&each);
  }
  async_end(b);
  if (b->cluster->blocks.size() > 1) cluster_end(b);
  b->live = false;
  if (++b->cluster->exited == b->cluster->blocks.size()) machine.ended.push_back(b->cluster);
}

}  // namespace wn::simt

using namespace wn::simt;

void wn_simt_fiber(void) {
  const Launch &l = machine.launch;
  reinterpret_cast<void (*)(const void *)>(reinterpret_cast<uintptr_t>(l.function))(l.args);
  Fiber *const f = me;
  fiber_end(f);
  /* A cluster that has ended gives its stacks to the next one: only the host's context may do that. */
  if (machine.ended.empty()) {
    yield_fiber();
  } else {
    to_host(f);
  }
  __builtin_unreachable();
}
