/* The arena that all device and shared memory lies in, and its shadow. The three mappings have fixed addresses, so that
 * the shadow of an address costs a shift and an addition, and runs repeat to the address.
 *
 *   arena    | shared memory: a slot for each block that can live | global memory ...                                |
 *   shadow   | 32 bytes for each 4 of the arena: who wrote it last, who read it, which bytes were ever written      |
 *   sectors  | 16 bytes for each 32 of the arena: only while counting                                               |
 *
 * All are reserved without backing: a tensor whose rows lie 64 GB apart costs what its rows cost. */
#ifndef WN_SIMT_MEMORY_H
#define WN_SIMT_MEMORY_H
#include <cstddef>
#include <cstdint>
#include <vector>

namespace wn::simt {

constexpr uintptr_t arena_base = 0x200000000000, arena_bytes = 0x040000000000; /* 4 TiB */
constexpr uintptr_t shadow_base = 0x300000000000;
constexpr uintptr_t sector_base = 0x500000000000;

constexpr unsigned slot_shift = 19; /* 512 KiB: static arrays, then a gap, then dynamic memory */
constexpr uintptr_t slot_bytes = uintptr_t{1} << slot_shift;
constexpr uintptr_t static_bytes = 64 << 10; /* of a slot: 48 KiB and the gaps */
constexpr unsigned slots = 8192;
constexpr uintptr_t global_base = arena_base + slots * slot_bytes;

/* An allocation owns whole chunks, so that one load finds it. */
constexpr unsigned chunk_shift = 20;

struct Cell {                /* of 4 bytes; `who`: a thread's number << 4 | which of the bytes */
  uint32_t w_stamp, w_who;   /* the last write */
  uint32_t r_stamp0, r_who0; /* the last read, and one of another thread */
  uint32_t r_stamp1, r_who1;
  uint8_t init;  /* bytes that were ever written; in shared memory, since w_stamp is the block's */
  uint8_t flags; /* cell_... */
  uint16_t unused;
  uint32_t w_site; /* low half of the address of the writing instruction */
};
static_assert(sizeof(Cell) == 32, "the shadow's offset is a shift");
enum : uint8_t {
  cell_pending = 1, /* an asynchronous copy is on its way here */
  cell_w_atomic = 2,
  cell_r0_atomic = 4,
  cell_r1_atomic = 8
};

struct Sector { /* of 32 bytes */
  uint32_t read_launch, write_launch;
  uint64_t read_at; /* bytes that the launch had requested by then */
};

inline Cell *cell_of(uintptr_t address) {
  return reinterpret_cast<Cell *>(shadow_base + (((address - arena_base) >> 2) << 5));
}
inline Sector *sector_of(uintptr_t address) {
  return reinterpret_cast<Sector *>(sector_base + (((address - arena_base) >> 5) << 4));
}

struct Range {
  uintptr_t lo, hi;
  enum Kind { writable, read_only, no_access } kind;
};

struct Allocation {
  uintptr_t lo, hi;
  bool alive;
  bool defined;   /* as a whole, without the shadow's saying so */
  bool read_only; /* as a whole */
  int device;
  const void *pool;
  std::vector<Range> ranges; /* the later ones win */
};

extern uint32_t *const chunk_owner; /* of each chunk of the arena: index into allocations, 0 for none */
/* A global that is never destroyed: calls may come until the very end, and what it points to is not lost before. */
template <class T>
union Kept {
  Kept() : value() {}
  ~Kept() {}
  T value;
};
extern Kept<std::vector<Allocation *>> kept_allocations;
inline std::vector<Allocation *> &allocations = kept_allocations.value;

/* The allocation whose chunks the address lies in: alive, freed, or null; it may lie in the gap before or behind it. */
inline Allocation *allocation_near(uintptr_t address) {
  return allocations[chunk_owner[(address - arena_base) >> chunk_shift]];
}

void *memory_allocate(size_t bytes, int device, const void *pool);
bool memory_free(void *p); /* false: not the start of a live allocation */
/* The live allocation that has all of [p, p + bytes); null if none has. */
Allocation *memory_find(const void *p, size_t bytes);
void memory_define(uintptr_t lo, size_t bytes, bool defined);
/* Stamps start again: all accesses so far are forgotten. */
void memory_forget_stamps();

}  // namespace wn::simt
#endif
