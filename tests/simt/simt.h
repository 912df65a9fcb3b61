/* The emulator for the tests: the emulated devices, the order in which threads run, faults, what was trapped and
 * counted. The runtime (wn_simt) defines the functions of <cuda_runtime_api.h> that host/device_cuda.c calls, with
 * their real signatures; a test links it in place of libcudart. Launches run at the call, to their end, on the caller's
 * thread. */
#ifndef WN_SIMT_H
#define WN_SIMT_H
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace wn::simt {

/* ---- devices */

struct Device {
  std::string name;
  int major, minor;
  int multiprocessors;
  int threads_per_multiprocessor, blocks_per_multiprocessor;
  int shared_per_block, shared_per_block_optin, shared_per_multiprocessor, shared_reserved; /* bytes */
  int l2;                                                                                   /* bytes */
  int bus_bits, memory_khz;                                                                 /* as the attributes say */
  size_t memory;                                                                            /* bytes */
  int cluster = 0;   /* most blocks of a cluster: 0 if the device has none; more than 8 with the attribute set */
  bool pools = true; /* cudaMallocAsync and memory pools */
  bool cooperative = true;
};
Device t4();
Device a100();
Device l4();
Device h100();
Device h200();
Device b200();
Device rtx4090();
Device rtx5090();
/* 2 multiprocessors of 512 threads, 16 KiB of shared memory, clusters of 4. */
Device toy();

/* What cudaGetDeviceCount finds from now on; one h100() to begin with. Resets the emulator. */
void set_devices(const std::vector<Device> &devices);
/* As cudaDriverGetVersion says it; 0: no driver is installed. 13000 to begin with. Resets the emulator. */
void set_driver(int version);

/* ---- running */

/* The order of threads, warps and blocks follows from it. */
void set_seed(uint64_t seed);
/* Whether every call after a trap fails, as on a GPU (to begin with), or the device recovers, so that a program which
 * knows nothing of traps goes on to the next test. */
void set_faults_stick(bool on);
/* Forgets reports, counters, faults and the sticky error; keeps devices, seed, allocations and the observer. */
void reset();
/* Off: launches are checked and then left out, for measuring what the host does. */
void set_launching(bool on);
/* Called after each launch that has run to its end without a trap, with the kernel and its argument; null: nobody. */
void set_observer(void (*observer)(const void *kernel, const void *argument));

/* ---- faults */

/* The call-th call from now on (1: the next) of `function`, such as "cudaMalloc" ("" is any function), fails with
 * `error`. */
void inject(const std::string &function, int call, cudaError_t error);
/* How often `function` was called since reset(); "" is any. */
int64_t calls(const std::string &function);

/* ---- memory */

/* Allocations not freed: those of cudaMalloc, and those of pools. */
int live_allocations();
size_t live_bytes();
/* What a test says about part of an allocation; the last word counts. */
void read_only(const void *p, size_t bytes); /* a kernel's write is trapped */
void no_access(const void *p, size_t bytes); /* any access of a kernel is trapped */
void writable(const void *p, size_t bytes);  /* takes both back */
void define(const void *p, size_t bytes);    /* counts as written: for memory that the test fills through the pointer */
void undefine(const void *p, size_t bytes);  /* a kernel's read before a write is trapped; so is new memory */

/* ---- traps: the first of a launch ends it */

enum class Trap {
  outside,         /* an address in no live buffer, or past its end */
  freed,           /* in a buffer that was freed */
  host_memory,     /* host memory, or another thread's local variable */
  misaligned,      /* an address that is no multiple of the access's size */
  forbidden,       /* a write to memory declared read-only, an access to memory declared closed */
  undefined,       /* a read before any write */
  race_shared,     /* unordered accesses of two threads to shared memory, one of them a write */
  race_global,     /* the same in global memory, within a launch */
  barrier,         /* a barrier of the block that a thread cannot reach, or that threads reach at different places */
  barrier_named,   /* the same for a named barrier */
  barrier_cluster, /* the same for the cluster */
  lane,            /* a warp's primitive names a lane that has exited, is elsewhere, or does not name the caller */
  shared_size,     /* shared memory beyond the launch's size, or more static arrays than the device has */
  peer_left,       /* shared memory of a peer that has left, or that leaves too early */
  peer,            /* shared memory of a block that is none of the cluster's, or of a rank that there is not */
  copy_early,      /* memory of an asynchronous copy touched before its wait */
  copy_source,     /* the source of an asynchronous copy overwritten before its wait */
  copy_lost,       /* a block ends before a bulk copy has arrived */
  mbarrier,        /* used before its initialisation, too many arrivals or bytes */
  deadlock,        /* threads that spin or wait for something that cannot happen */
  endless,         /* a thread that does not come to a synchronising primitive */
  stack,           /* a thread's local memory exceeds the stack of its fiber */
  unsupported,     /* a primitive that the device does not have */
  launch,          /* a launch beyond the device's limits, the function's attributes or its launch bounds */
  early,           /* memory touched by a launch that begins early, before it has waited for the one in front of it */
  resident,        /* a cooperative launch of more blocks than fit at once */
  host_call,       /* a call of the runtime with memory or a handle that is not alive */
  count_           /* how many there are */
};
const char *name(Trap t);

struct Report {
  Trap trap;
  std::string kernel; /* empty for a call of the host */
  int64_t block;
  int thread;
  std::string where; /* file:line, with the lines that it was inlined into */
  std::string what;
};
/* Since reset(). */
const std::vector<Report> &reports();
std::string describe(const Report &r);

/* ---- counters of one launch */

struct Traffic { /* of one allocation */
  const void *allocation;
  size_t bytes;
  int64_t sectors_read, sectors_written; /* 32-byte sectors, each counted once */
  int64_t sectors_again;                 /* reads of a sector that another request had read before */
  int64_t again_after;                   /* the bytes requested in between, summed over sectors_again */
  int64_t sectors_fetched;               /* reads of a sector that was not in the cache: from the device's memory */
};
struct Counts {
  std::string kernel;
  int64_t blocks, threads;
  int64_t read_requests, write_requests;  /* warp-wide: the accesses of the lanes at one place */
  int64_t request_sectors;                /* sectors touched, summed over the requests */
  int64_t shared_requests, shared_passes; /* passes over the banks that they need: equal without conflicts */
  int64_t barriers;                       /* of whole blocks */
  int64_t shuffles;                       /* of warps */
  std::vector<Traffic> traffic;
};
/* Off to begin with: it makes runs several times slower. Counted launches start their blocks in order, as many live at
 * once as the device holds (up to 64K threads), and all of these come forward together. */
void set_counting(bool on);
/* A cache of so many bytes, empty at the call, which counted launches share: the sectors that were touched last stay,
 * in one order for reads and writes, whole. 0, to begin with: there is none, and nothing is fetched. */
void set_cache(size_t bytes);
/* Launches since reset() while counting was on. */
const std::vector<Counts> &counts();
int64_t launches();       /* since reset(), counted or not */
int64_t early_launches(); /* of these: may begin before the launch in front of them has ended */

}  // namespace wn::simt
#endif
