/* A launch under way: its threads (fibers), warps, blocks and clusters, and the order between their accesses.
 *
 * Order is known from stamps. A global counter steps at each synchronisation; an access leaves the counter's value in
 * the shadow. A warp, a block and a cluster each have a floor: all accesses of its threads with an older stamp came
 * before its last common barrier, so each of its threads may build on them. That needs no vector clocks. What floors
 * cannot say (barriers of some lanes, some warps; release and acquire between threads) is kept in short lists, which
 * are asked only when the floors say no. */
#ifndef WN_SIMT_MACHINE_H
#define WN_SIMT_MACHINE_H
#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "simt.h"
#include "simt_memory.h"

namespace wn::simt {

struct Warp;
struct Block;
struct Cluster;

/* ---- what threads know of others beyond the floors: "accesses of `key` before `stamp` came before mine" */

struct Known {
  struct Entry {
    uint32_t key, stamp;
  };
  std::vector<Entry> entries; /* sorted by key */
  void add(uint32_t key, uint32_t stamp);
  void merge(const Known &other);
  bool has(uint32_t who, uint32_t stamp) const;
};
/* Keys of a thread, a warp, a block from a thread's `who`. */
inline uint32_t key_thread(uint32_t who) { return who >> 4 << 2; }
inline uint32_t key_warp(uint32_t who) { return who >> 9 << 2 | 1; }
inline uint32_t key_block(uint32_t who) { return who >> 14 << 2 | 2; }

struct Word { /* that synchronises threads: a counter in global memory */
  Known known;
  uint32_t version = 0;
};

/* ---- threads */

constexpr size_t stack_bytes = 64 << 10;

enum class State : uint8_t { ready, lane, block, named, cluster, paused, done };

struct Copy { /* cp.async */
  uintptr_t to, from;
  uint32_t stamp;
  uint32_t group; /* ~0u: not committed */
};

struct Fiber {
  void *sp;
  uint32_t who; /* (block * 1024 + thread) << 4; blocks from 2^18 on share numbers, which hides a race at worst */
  uint32_t thread;
  Warp *warp;
  Block *block;
  uintptr_t stack_lo, stack_hi;
  uint8_t lane;
  State state;
  bool polled;
  bool waited; /* for earlier launches */
  uint32_t poll_progress;
  uintptr_t site; /* of the primitive that it waits at */
  const Word *acquired;
  uint32_t acquired_version;
  Known known;
  std::vector<Copy> copies;
  uint32_t groups;                      /* of copies, committed so far */
  std::array<uint32_t, 32> *lane_floor; /* of lanes met in barriers of some lanes */
};

struct Group { /* of lanes on their way to one warp-wide operation */
  uint32_t mask, arrived;
  int kind;
  uintptr_t site;
};

struct Warp {
  uint32_t floor;
  uint32_t ready, paused, exited, exists; /* lanes */
  uint32_t open;                          /* which of groups have arrivals */
  bool listed, fresh;                     /* in Machine::ready; a lane knows of other threads */
  Block *block;
  Fiber *fibers;
  uint64_t value[32], result[32];
  uint8_t from[32];
  Group groups[32];
  std::array<uint32_t, 32> *warp_floor; /* of the block's other warps, met at named barriers */
};

struct Named {
  int threads, arrived;
  uint32_t lanes[32];
};

struct Mbarrier {
  uintptr_t address;
  unsigned count, pending;
  int64_t bytes;
  uint32_t phase;
  Known coming;
  Word done;
};

struct Bulk {
  uintptr_t to, from, site;
  uint32_t bytes, stamp;
  Fiber *issuer;
  Mbarrier *barrier;
};

struct Array { /* static */
  const void *key;
  uintptr_t at, bytes;
};

struct Block {
  uint32_t floor, start; /* stamps; memory of the slot with older stamps was another block's */
  int64_t id;
  unsigned rank, slot;
  bool live, fresh;
  unsigned threads, exited, arrived;
  int barrier_kind, barrier_sum, barrier_result;
  uintptr_t barrier_site;
  Cluster *cluster;
  uintptr_t slot_lo, dynamic_lo, dynamic_bytes, static_next;
  std::vector<Array> arrays;
  uintptr_t array_lo, array_bytes; /* the one that was used last */
  Known known;
  std::vector<Named> named;
  std::vector<Mbarrier *> mbarriers;
  std::vector<Bulk> bulk;
  std::vector<Warp> warps;
  std::vector<Fiber> fibers;
};

struct Cluster {
  uint32_t floor;
  unsigned arrived, exited; /* threads; blocks */
  uintptr_t site;
  std::vector<Block *> blocks;
};

/* ---- the launch */

struct Launch {
  const void *function;
  const void *args;
  int64_t blocks;
  unsigned threads, cluster;
  size_t dynamic_bytes;
  bool cooperative;
  const Device *device;
  int device_index;
  int64_t resident; /* blocks that fit at once */
  size_t static_limit;
  bool early; /* begins before the launch in front of it has ended, as far as its kernel can tell */
};

struct Machine {
  Launch launch;
  uint32_t counter = 1; /* the present stamp; never 0 */
  uint32_t base;        /* the launch's first stamp */
  uint32_t progress;    /* steps whenever a spinning thread might see something new */
  uint64_t random;
  int64_t fuel; /* accesses until a thread counts as endless */
  bool counting;
  std::vector<Warp *> ready, paused;
  Warp *turn; /* while counting: whose turn it is, and the lanes that have not had theirs */
  uint32_t turn_lanes;
  std::vector<Cluster *> live, ended;
  std::vector<Cluster *> spare;
  std::vector<Block *> spare_blocks;
  std::vector<unsigned> spare_slots;
  Block *slot_owner[slots];
  int64_t unstarted;              /* clusters */
  std::vector<uint32_t> starting; /* their order, dealt as they start */
  size_t window;                  /* clusters to keep alive */
  std::unordered_map<uintptr_t, Word> words;
  void *sp; /* of the context that launched */
  bool trapped;
  size_t static_used; /* shared memory, by the block with the most */
  uint32_t bulk_number;
};
extern Kept<Machine> kept_machine;
inline Machine &machine = kept_machine.value;
/* The thread that runs; null on threads of the host. Sits in the static thread-local block: read before each access. */
extern thread_local Fiber *me __attribute__((tls_model("initial-exec")));

inline uint32_t random32() {
  machine.random ^= machine.random << 13;
  machine.random ^= machine.random >> 7;
  machine.random ^= machine.random << 17;
  return static_cast<uint32_t>(machine.random >> 32);
}
inline uint32_t random_below(uint32_t n) { return static_cast<uint32_t>((uint64_t{random32()} * n) >> 32); }

/* Runs to the end or to the first trap; false: trapped. */
bool machine_run(const Launch &launch);
bool machine_running();

/* ---- scheduling (for the primitives) */

inline void make_ready(Warp *w, uint32_t lanes) {
  w->ready |= lanes;
  if (!w->listed) {
    w->listed = true;
    machine.ready.push_back(w);
  }
}
/* Lets others run until this thread is picked; its state and its warp's masks say what it waits for. */
void yield_fiber();
/* Ready, but others may come first. */
void maybe_yield();
/* Ready, behind others. */
void give_way();
/* Spins: comes back when something may have changed. */
void pause_fiber();

/* ---- order */

/* What the floors of me's warp and block do not say. */
bool ordered_far(uint32_t who, uint32_t stamp);
void release_to(Known *known);
void acquire_from(const Word &word);
/* Common to all the block's or the warp's threads from now on. */
void share_block(Block *b);
void share_warp(Warp *w, uint32_t lanes);
void share_cluster(Cluster *c);

/* ---- accesses that primitives make for the thread; site: the line */

void check_read(uintptr_t address, size_t bytes, uintptr_t site);
void check_write(uintptr_t address, size_t bytes, uintptr_t site);
void check_atomic(uintptr_t address, bool write, uintptr_t site);
/* The stamp below which accesses to the memory at `address` are another launch's or block's. */
uint32_t base_at(uintptr_t address);

/* ---- copies under way, the end of a block */

/* Performs one of the bulk copies under way. */
void bulk_deliver(Block *b, size_t index);
void async_end(Block *b);
void cluster_end(Block *b);

/* ---- traps */

/* Abandons all threads of the launch. */
[[noreturn]] void leave_trapped();
[[noreturn]] void trap(Trap t, uintptr_t site, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* For another thread than the running one. */
[[noreturn]] void trap_of(const Fiber *f, Trap t, uintptr_t site, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* From the host, or the launch as a whole; does not end anything. */
void report(Trap t, const std::string &kernel, const std::string &what);
void report_fiber(const Fiber *f, Trap t, uintptr_t site, const std::string &what);
/* The address as a reader knows it: the allocation and the offset, or the shared memory. Good for a few calls more. */
const char *place_name(uintptr_t address);
const char *who_name(uint32_t who);
/* The same line of the source: compilers copy calls. */
bool same_line(uintptr_t a, uintptr_t b);
const char *line_name(uintptr_t site);
std::string kernel_name(const void *function);
void forget_reports();

/* ---- counters */

void count_begin(const Launch &launch);
void count_end();
void count_access(uintptr_t address, unsigned bytes, bool write, uintptr_t site);
void count_ahead(uintptr_t address, unsigned bytes); /* to the cache alone */
void count_flush(Warp *w);
void count_barrier();
void count_shuffle();
void forget_counts();
/* Whether the sector was in the cache, or there is none; now it is there, the last to go. */
bool cache_touch(uintptr_t sector);

}  // namespace wn::simt
#endif
