#include <algorithm>
#include <cstring>

#include "simt_cudart.h"

namespace wn::simt {
namespace {

std::recursive_mutex lock;
thread_local int current = 0;
thread_local cudaError_t last_error = cudaSuccess;

struct Fault {
  std::string function;
  int left;
  cudaError_t error;
};
std::vector<Fault> faults;
std::map<std::string, int64_t> called;

}  // namespace

Host host;

Call::Call(const char *function, bool needs_device) : function_(function), lock_(lock) {
  called[function]++;
  called[""]++;
  for (size_t i = 0; i < faults.size(); i++) {
    if (!faults[i].function.empty() && faults[i].function != function) continue;
    if (--faults[i].left > 0) continue;
    error_ = faults[i].error;
    faults.erase(faults.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  if (error_ == cudaSuccess && needs_device) {
    if (host.driver < 13000) error_ = cudaErrorInsufficientDriver;
    if (host.driver >= 13000 && host.devices.empty()) error_ = cudaErrorNoDevice;
    if (host.sticky != cudaSuccess) error_ = host.sticky;
  }
  if (error_ != cudaSuccess) last_error = error_;
}

cudaError_t Call::done(cudaError_t e) const {
  if (e != cudaSuccess) last_error = e;
  return e;
}

cudaError_t Call::wrong(cudaError_t e, const std::string &what) const {
  report(Trap::host_call, "", std::string(function_) + ": " + what);
  return done(e);
}

const Device &device_at(int index) { return host.devices[static_cast<size_t>(index)]; }
int current_device() { return current < static_cast<int>(host.devices.size()) ? current : 0; }
void set_last_error(cudaError_t e) { last_error = e; }

/* ---- simt.h */

void set_devices(const std::vector<Device> &devices) {
  reset();
  host.devices = devices;
  current = 0;
}

void set_driver(int version) {
  reset();
  host.driver = version;
}

void set_faults_stick(bool on) { host.faults_stick = on; }

void set_launching(bool on) { host.launching = on; }

void set_observer(void (*observer)(const void *kernel, const void *argument)) { host.observer = observer; }

void set_seed(uint64_t seed) { machine.random = (seed + 1) * 0x9e3779b97f4a7c15u; }

void reset() {
  const std::lock_guard<std::recursive_mutex> guard(lock);
  host.sticky = last_error = cudaSuccess;
  host.launches = host.early_launches = 0;
  faults.clear();
  called.clear();
  forget_functions();
  forget_reports();
  forget_counts();
  if (!machine.random) set_seed(0);
}

void inject(const std::string &function, int call, cudaError_t error) { faults.push_back({function, call, error}); }

int64_t calls(const std::string &function) {
  const auto it = called.find(function);
  return it == called.end() ? 0 : it->second;
}

int64_t launches() { return host.launches; }
int64_t early_launches() { return host.early_launches; }

}  // namespace wn::simt

using namespace wn::simt;

cudaError_t cudaGetDeviceCount(int *count) {
  *count = 0;
  WN_CALL_BEGIN();
  *count = static_cast<int>(host.devices.size());
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int *device) {
  WN_CALL_BEGIN();
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  WN_CALL_BEGIN();
  if (device < 0 || device >= static_cast<int>(host.devices.size())) return call.done(cudaErrorInvalidDevice);
  current = device;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int *version) {
  WN_CALL_ANYWHERE();
  *version = host.driver;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) {
  WN_CALL_ANYWHERE();
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *prop, int device) {
  WN_CALL_BEGIN();
  if (device < 0 || device >= static_cast<int>(host.devices.size())) return call.done(cudaErrorInvalidDevice);
  const Device &d = device_at(device);
  cudaDeviceProp p;
  memset(&p, 0, sizeof p);
  strncpy(p.name, d.name.c_str(), sizeof p.name - 1);
  p.totalGlobalMem = d.memory;
  p.sharedMemPerBlock = static_cast<size_t>(d.shared_per_block);
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.maxThreadsPerBlock = p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7fffffff;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.totalConstMem = 65536;
  p.major = d.major;
  p.minor = d.minor;
  p.textureAlignment = 512;
  p.multiProcessorCount = d.multiprocessors;
  p.canMapHostMemory = p.concurrentKernels = p.unifiedAddressing = p.computePreemptionSupported = 1;
  p.pciBusID = device + 1;
  p.memoryBusWidth = d.bus_bits;
  p.l2CacheSize = d.l2;
  p.maxThreadsPerMultiProcessor = d.threads_per_multiprocessor;
  p.sharedMemPerMultiprocessor = static_cast<size_t>(d.shared_per_multiprocessor);
  p.cooperativeLaunch = d.cooperative;
  p.sharedMemPerBlockOptin = static_cast<size_t>(d.shared_per_block_optin);
  p.maxBlocksPerMultiProcessor = d.blocks_per_multiprocessor;
  p.reservedSharedMemPerBlock = static_cast<size_t>(d.shared_reserved);
  p.memoryPoolsSupported = d.pools;
  p.clusterLaunch = d.cluster > 0;
  *prop = p;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int device) {
  WN_CALL_BEGIN();
  if (device < 0 || device >= static_cast<int>(host.devices.size())) return call.done(cudaErrorInvalidDevice);
  const Device &d = device_at(device);
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      *value = 1024;
      break;
    case cudaDevAttrMaxBlockDimZ:
      *value = 64;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = 0x7fffffff;
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *value = 65535;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = d.shared_per_block;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = d.shared_per_block_optin;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = d.shared_per_multiprocessor;
      break;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      *value = d.shared_reserved;
      break;
    case cudaDevAttrTotalConstantMemory:
      *value = 65536;
      break;
    case cudaDevAttrWarpSize:
      *value = 32;
      break;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      *value = 65536;
      break;
    case cudaDevAttrClockRate:
      *value = 1500000;
      break;
    case cudaDevAttrMemoryClockRate:
      *value = d.memory_khz;
      break;
    case cudaDevAttrGlobalMemoryBusWidth:
      *value = d.bus_bits;
      break;
    case cudaDevAttrL2CacheSize:
      *value = d.l2;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = d.multiprocessors;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = d.threads_per_multiprocessor;
      break;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      *value = d.blocks_per_multiprocessor;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = d.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = d.minor;
      break;
    case cudaDevAttrCooperativeLaunch:
      *value = d.cooperative;
      break;
    case cudaDevAttrMemoryPoolsSupported:
      *value = d.pools;
      break;
    case cudaDevAttrClusterLaunch:
      *value = d.cluster > 0;
      break;
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrComputePreemptionSupported:
      *value = 1;
      break;
    case cudaDevAttrIntegrated:
    case cudaDevAttrPageableMemoryAccess:
    case cudaDevAttrComputeMode:
      *value = 0;
      break;
    default:
      return call.wrong(cudaErrorInvalidValue, "an attribute that the emulator does not know");
  }
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total) {
  WN_CALL_BEGIN();
  *total = device_at(current_device()).memory;
  *free = *total - std::min(*total, live_bytes());
  return cudaSuccess;
}

cudaError_t cudaGetLastError(void) {
  WN_CALL_ANYWHERE();
  const cudaError_t e = last_error;
  last_error = host.sticky;
  return e;
}

cudaError_t cudaPeekAtLastError(void) {
  WN_CALL_ANYWHERE();
  return last_error;
}

static const struct {
  cudaError_t error;
  const char *name, *text;
} error_texts[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources", "too many resources requested for launch"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorCooperativeLaunchTooLarge, "cudaErrorCooperativeLaunchTooLarge", "too many blocks in cooperative launch"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorInvalidClusterSize, "cudaErrorInvalidClusterSize", "invalid cluster size"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorIllegalState, "cudaErrorIllegalState", "the operation cannot be performed in the present state"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const char *cudaGetErrorName(cudaError_t error) {
  for (const auto &e : error_texts) {
    if (e.error == error) return e.name;
  }
  return "unrecognized error code";
}

const char *cudaGetErrorString(cudaError_t error) {
  for (const auto &e : error_texts) {
    if (e.error == error) return e.text;
  }
  return "unrecognized error code";
}
