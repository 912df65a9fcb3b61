#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "simt_cudart.h"

/* Where functions made by WN_KERNEL begin, their NOPs included; the linker supplies the ends of the section. */
extern "C" {
extern char *const __start___patchable_function_entries[] __attribute__((weak, visibility("hidden")));
extern char *const __stop___patchable_function_entries[] __attribute__((weak, visibility("hidden")));
}

namespace wn::simt {
namespace {

struct Attributes {
  int max_dynamic = -1; /* as set; 48 KiB if not */
  bool large_cluster = false;
};
std::map<std::pair<int, const void *>, Attributes> attributes;
std::map<const void *, size_t> static_bytes_of; /* known from launches only */

constexpr size_t params_bytes = 4096;
#if defined(__aarch64__)
constexpr std::ptrdiff_t nop_bytes = 4;
#else
constexpr std::ptrdiff_t nop_bytes = 1;
#endif

/* A kernel's struct, whose size nobody tells: what can be read from there on, 4 KiB at most. A pipe reads without
 * faults. */
std::shared_ptr<std::vector<char>> copy_params(const void *from) {
  auto copy = std::make_shared<std::vector<char>>(params_bytes + 16);
  char *const to = reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(copy->data()) + 15) & ~uintptr_t{15});
  int ends[2];
  if (pipe(ends) != 0) return copy;
  const char *const p = static_cast<const char *>(from);
  size_t n = 0;
  while (n < params_bytes) {
    const size_t page_left = 4096 - reinterpret_cast<uintptr_t>(p + n) % 4096;
    const ssize_t wrote = syscall(SYS_write, ends[1], p + n, std::min(page_left, params_bytes - n));
    if (wrote <= 0 || read(ends[0], to + n, static_cast<size_t>(wrote)) != wrote) break;
    n += static_cast<size_t>(wrote);
  }
  close(ends[0]);
  close(ends[1]);
  return copy;
}

cudaError_t run(const Launch &l) {
  if (host.sticky != cudaSuccess) return host.sticky;
  host.launches++;
  if (!host.launching) return cudaSuccess;
  if (!machine.random) set_seed(0);
  machine.static_used = 0;
  const cudaError_t result = machine_run(l) ? cudaSuccess : cudaErrorLaunchFailure;
  if (host.faults_stick) host.sticky = result;
  if (machine.static_used) static_bytes_of[l.function] = machine.static_used;
  if (host.observer && result == cudaSuccess) host.observer(l.function, l.args);
  return result;
}

}  // namespace

void forget_functions() { attributes.clear(); }

bool kernel_bounds(const void *function, int *max_threads, int *min_blocks) {
  const char *const f = static_cast<const char *>(function);
  if (!__start___patchable_function_entries) return false;
  static std::vector<const char *> sorted(__start___patchable_function_entries, __stop___patchable_function_entries);
  static const bool once = [] { return std::sort(sorted.begin(), sorted.end()), true; }();
  (void)once;
  const auto after = std::lower_bound(sorted.begin(), sorted.end(), f);
  if (after == sorted.begin()) return false;
  const std::ptrdiff_t nops = (f - *std::prev(after)) / nop_bytes;
  if (nops < 1 || nops > 1024) return false;
  *max_threads = static_cast<int>((nops - 1) / 32 + 1) * 32;
  *min_blocks = static_cast<int>((nops - 1) % 32) + 1;
  return true;
}

int registers_of(const void *function) {
  int threads = 1024, blocks = 1;
  kernel_bounds(function, &threads, &blocks);
  return std::min(255, 65536 / (threads * blocks) / 8 * 8);
}

int occupancy(const Device &d, const void *function, int threads, size_t shared) {
  const int warps = (threads + 31) / 32;
  const int registers = (registers_of(function) * 32 + 255) / 256 * 256 * warps;
  const auto it = static_bytes_of.find(function);
  const size_t fixed = (it == static_bytes_of.end() ? 0 : it->second) + static_cast<size_t>(d.shared_reserved);
  const size_t block = std::max<size_t>(1, (shared + fixed + 127) / 128 * 128);
  int n = std::min(d.threads_per_multiprocessor / (warps * 32), d.blocks_per_multiprocessor);
  n = std::min(n, 65536 / registers);
  return std::min(n, static_cast<int>(static_cast<size_t>(d.shared_per_multiprocessor) / block));
}

/* Clusters do not cross the groups that multiprocessors form on the die: 16 each, for the large devices. */
static int clusters_at_once(const Device &d, int per_multiprocessor, int cluster) {
  int sum = 0;
  for (int left = d.multiprocessors; left > 0; left -= 16) sum += std::min(left, 16) * per_multiprocessor / cluster;
  return sum;
}

static int dynamic_limit(int device, const void *function) {
  const auto it = attributes.find({device, function});
  return it == attributes.end() || it->second.max_dynamic < 0 ? device_at(device).shared_per_block
                                                              : it->second.max_dynamic;
}

}  // namespace wn::simt

using namespace wn::simt;

cudaError_t cudaFuncSetAttribute(const void *function, cudaFuncAttribute attribute, int value) {
  WN_CALL_BEGIN();
  int threads, blocks;
  if (!kernel_bounds(function, &threads, &blocks)) return call.wrong(cudaErrorInvalidDeviceFunction, "not a kernel");
  const Device &d = device_at(current_device());
  Attributes &a = attributes[{current_device(), function}];
  switch (attribute) {
    case cudaFuncAttributeMaxDynamicSharedMemorySize:
      if (value < 0 || value > d.shared_per_block_optin) return call.done(cudaErrorInvalidValue);
      a.max_dynamic = value;
      return cudaSuccess;
    case cudaFuncAttributeNonPortableClusterSizeAllowed:
      a.large_cluster = value != 0;
      return cudaSuccess;
    case cudaFuncAttributePreferredSharedMemoryCarveout:
      return cudaSuccess;
    default:
      return call.wrong(cudaErrorInvalidValue, "an attribute that the emulator does not know");
  }
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *a, const void *function) {
  WN_CALL_BEGIN();
  int threads, blocks;
  if (!kernel_bounds(function, &threads, &blocks)) return call.wrong(cudaErrorInvalidDeviceFunction, "not a kernel");
  const Device &d = device_at(current_device());
  memset(a, 0, sizeof *a);
  a->maxThreadsPerBlock = threads;
  a->numRegs = registers_of(function);
  a->sharedSizeBytes = static_bytes_of.count(function) ? static_bytes_of[function] : 0;
  a->maxDynamicSharedSizeBytes = dynamic_limit(current_device(), function);
  a->ptxVersion = a->binaryVersion = d.major * 10 + d.minor;
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *function, int threads,
                                                          size_t shared) {
  WN_CALL_BEGIN();
  int most, least;
  if (!kernel_bounds(function, &most, &least)) return call.wrong(cudaErrorInvalidDeviceFunction, "not a kernel");
  if (threads < 1 || threads > 1024) return call.done(cudaErrorInvalidValue);
  *blocks = threads > most || shared > static_cast<size_t>(dynamic_limit(current_device(), function))
                ? 0
                : occupancy(device_at(current_device()), function, threads, shared);
  return cudaSuccess;
}

/* ---- launching */

namespace {

struct Shape {
  unsigned cluster = 1;
  bool cooperative = false, early = false;
};

Shape shape_of(const cudaLaunchConfig_t *c) {
  Shape s;
  for (unsigned i = 0; i < c->numAttrs; i++) {
    const cudaLaunchAttribute &a = c->attrs[i];
    if (a.id == cudaLaunchAttributeClusterDimension)
      s.cluster = a.val.clusterDim.x * a.val.clusterDim.y * a.val.clusterDim.z;
    if (a.id == cudaLaunchAttributeCooperative) s.cooperative = a.val.cooperative != 0;
    if (a.id == cudaLaunchAttributeProgrammaticStreamSerialization)
      s.early = a.val.programmaticStreamSerializationAllowed != 0;
  }
  return s;
}

}  // namespace

cudaError_t cudaOccupancyMaxActiveClusters(int *clusters, const void *function, const cudaLaunchConfig_t *config) {
  WN_CALL_BEGIN();
  int most, least;
  if (!kernel_bounds(function, &most, &least)) return call.wrong(cudaErrorInvalidDeviceFunction, "not a kernel");
  const Device &d = device_at(current_device());
  const Shape s = shape_of(config);
  if (static_cast<int>(s.cluster) > d.cluster) return call.done(cudaErrorInvalidClusterSize);
  if (s.cluster > 8 && !attributes[{current_device(), function}].large_cluster) {
    return call.done(cudaErrorInvalidClusterSize);
  }
  const int per = occupancy(d, function, static_cast<int>(config->blockDim.x), config->dynamicSmemBytes);
  *clusters = clusters_at_once(d, per, static_cast<int>(s.cluster));
  return cudaSuccess;
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t *config, const void *function, void **args) {
  WN_CALL_BEGIN();
  const int device = current_device();
  const Device &d = device_at(device);
  int most = 0, least = 0;
  if (!kernel_bounds(function, &most, &least)) return call.wrong(cudaErrorInvalidDeviceFunction, "not a kernel");
  const auto refuse = [&](cudaError_t e, Trap t, const std::string &what) {
    report(t, kernel_name(function), what);
    return call.done(e);
  };
  const Stream *const stream = stream_of(config->stream);
  if (!stream) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  if (stream->device != device) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is another device's");
  const dim3 grid = config->gridDim, block = config->blockDim;
  const Shape s = shape_of(config);
  if (grid.y != 1 || grid.z != 1 || block.y != 1 || block.z != 1) {
    return refuse(cudaErrorInvalidConfiguration, Trap::launch, "blocks and grids are one-dimensional");
  }
  if (grid.x == 0 || grid.x > 0x7fffffff || block.x == 0 || block.x > 1024) {
    return refuse(cudaErrorInvalidConfiguration, Trap::launch,
                  std::to_string(grid.x) + " blocks of " + std::to_string(block.x) + " threads");
  }
  if (static_cast<int>(block.x) > most) {
    return refuse(cudaErrorLaunchOutOfResources, Trap::launch,
                  std::to_string(block.x) + " threads, the launch bounds say " + std::to_string(most));
  }
  if (config->dynamicSmemBytes > static_cast<size_t>(dynamic_limit(device, function))) {
    return refuse(cudaErrorInvalidValue, Trap::launch,
                  std::to_string(config->dynamicSmemBytes) + " bytes of dynamic shared memory, the function has " +
                      std::to_string(dynamic_limit(device, function)));
  }
  if (s.cluster != 1) {
    const bool large = attributes[{device, function}].large_cluster;
    if (s.cluster == 0 || static_cast<int>(s.cluster) > d.cluster || (s.cluster > 8 && !large)) {
      return refuse(d.cluster ? cudaErrorInvalidClusterSize : cudaErrorNotSupported, Trap::launch,
                    "a cluster of " + std::to_string(s.cluster) + " blocks");
    }
    if (grid.x % s.cluster) {
      return refuse(cudaErrorInvalidConfiguration, Trap::launch,
                    std::to_string(grid.x) + " blocks in clusters of " + std::to_string(s.cluster));
    }
  }
  const int per = occupancy(d, function, static_cast<int>(block.x), config->dynamicSmemBytes);
  Launch l{};
  l.resident = s.cluster == 1 ? int64_t{per} * d.multiprocessors
                              : int64_t{clusters_at_once(d, per, static_cast<int>(s.cluster))} * s.cluster;
  if (l.resident < s.cluster) {
    return refuse(cudaErrorLaunchOutOfResources, Trap::launch, "not even one block or cluster fits");
  }
  if (s.cooperative && !d.cooperative) {
    return refuse(cudaErrorNotSupported, Trap::launch, "the device has no cooperative launches");
  }
  if (s.cooperative && grid.x > l.resident) {
    return refuse(cudaErrorCooperativeLaunchTooLarge, Trap::resident,
                  std::to_string(grid.x) + " blocks, " + std::to_string(l.resident) + " fit at once");
  }
  if (s.early && d.major < 9) {
    return refuse(cudaErrorNotSupported, Trap::launch, "the device has no launches that begin early");
  }
  if (s.early) host.early_launches++;
  l.early = s.early;
  l.function = function;
  l.blocks = grid.x;
  l.threads = block.x;
  l.cluster = s.cluster;
  l.dynamic_bytes = config->dynamicSmemBytes;
  l.cooperative = s.cooperative;
  l.device_index = device;
  l.resident = std::min<int64_t>(l.resident, slots);
  l.static_limit = std::min<size_t>(48 << 10, static_cast<size_t>(d.shared_per_block_optin) - l.dynamic_bytes);
  if (!stream->recording) {
    l.device = &d;
    l.args = args ? args[0] : nullptr;
    return call.done(enqueue(call, config->stream, [&l] { return run(l); }));
  }
  const auto params = copy_params(args ? args[0] : nullptr);
  const Device then = d;
  return call.done(enqueue(call, config->stream, [l, params, then] {
    Launch again = l;
    again.device = &then;
    again.args = reinterpret_cast<const void *>((reinterpret_cast<uintptr_t>(params->data()) + 15) & ~uintptr_t{15});
    return run(again);
  }));
}
