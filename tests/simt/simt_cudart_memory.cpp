#include <algorithm>
#include <cstring>
#include <set>

#include "simt_cudart.h"

namespace wn::simt {
namespace {

struct Pool {
  int device;
  uint64_t threshold;
};
std::set<const Pool *> pools;

bool is_device(const void *p) { return reinterpret_cast<uintptr_t>(p) - arena_base < arena_bytes; }

cudaError_t allocate(const Call &call, void **p, size_t bytes, int device, const void *pool) {
  *p = nullptr;
  if (bytes == 0) return cudaSuccess;
  size_t used = 0;
  for (const Allocation *const a : allocations) {
    if (a && a->alive && a->device == device) used += a->hi - a->lo;
  }
  if (used + bytes > device_at(device).memory) return call.done(cudaErrorMemoryAllocation);
  *p = memory_allocate(bytes, device, pool);
  return call.done(*p ? cudaSuccess : cudaErrorMemoryAllocation);
}

/* Null if all is well. */
const char *copy_fault(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = is_device(to), from_device = is_device(from);
  if ((kind == cudaMemcpyHostToDevice && (!to_device || from_device)) ||
      (kind == cudaMemcpyDeviceToHost && (to_device || !from_device)) ||
      (kind == cudaMemcpyDeviceToDevice && (!to_device || !from_device)) ||
      (kind == cudaMemcpyHostToHost && (to_device || from_device))) {
    return "the kind of copy is not that of the pointers";
  }
  if (to_device && !memory_find(to, bytes)) return "the destination is not within live memory";
  if (from_device && !memory_find(from, bytes)) return "the source is not within live memory";
  return nullptr;
}

cudaError_t copy_now(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  if (const char *const fault = copy_fault(to, from, bytes, kind)) {
    report(Trap::host_call, "", std::string("copy: ") + fault);
    return cudaErrorInvalidValue;
  }
  memmove(to, from, bytes);
  if (!is_device(to)) return cudaSuccess;
  const Allocation *const a = memory_find(to, bytes);
  const Allocation *const source = is_device(from) ? memory_find(from, bytes) : nullptr;
  if (a->defined || bytes == 0) return cudaSuccess;
  if (!source || source->defined) {
    define(to, bytes);
    return cudaSuccess;
  }
  const uintptr_t t = reinterpret_cast<uintptr_t>(to), f = reinterpret_cast<uintptr_t>(from);
  for (uintptr_t i = 0; i < bytes; i++) { /* what was undefined stays so */
    memory_define(t + i, 1, cell_of(f + i)->init >> ((f + i) & 3) & 1);
  }
  return cudaSuccess;
}

cudaError_t set_now(void *p, int value, size_t bytes) {
  if (bytes && !memory_find(p, bytes)) {
    report(Trap::host_call, "", "memset: not within live memory");
    return cudaErrorInvalidValue;
  }
  memset(p, value, bytes);
  define(p, bytes);
  return cudaSuccess;
}

}  // namespace

Recording::~Recording() {
  for (void *const p : memory) memory_free(p);
}

}  // namespace wn::simt

using namespace wn::simt;

cudaError_t cudaMalloc(void **p, size_t bytes) {
  WN_CALL_BEGIN();
  if (forbidden_by_capture()) return call.done(cudaErrorStreamCaptureUnsupported);
  return allocate(call, p, bytes, current_device(), nullptr);
}

cudaError_t cudaFree(void *p) {
  WN_CALL_BEGIN();
  if (forbidden_by_capture()) return call.done(cudaErrorStreamCaptureUnsupported);
  if (p && !memory_free(p)) return call.wrong(cudaErrorInvalidValue, "not the start of live memory");
  return cudaSuccess;
}

static cudaError_t allocate_async(const Call &call, void **p, size_t bytes, const void *pool, int device,
                                  cudaStream_t stream) {
  if (!device_at(device).pools) return call.done(cudaErrorNotSupported);
  Stream *const s = stream_of(stream);
  if (!s) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  const cudaError_t e = allocate(call, p, bytes, device, pool);
  if (e == cudaSuccess && *p && s->recording) s->recording->memory.push_back(*p);
  return e;
}

cudaError_t cudaMallocAsync(void **p, size_t bytes, cudaStream_t stream) {
  WN_CALL_BEGIN();
  return allocate_async(call, p, bytes, nullptr, current_device(), stream);
}

cudaError_t cudaMallocFromPoolAsync(void **p, size_t bytes, cudaMemPool_t pool, cudaStream_t stream) {
  WN_CALL_BEGIN();
  const Pool *const from = reinterpret_cast<const Pool *>(pool);
  if (!pools.count(from)) return call.wrong(cudaErrorInvalidValue, "the pool is not alive");
  return allocate_async(call, p, bytes, from, from->device, stream);
}

cudaError_t cudaFreeAsync(void *p, cudaStream_t stream) {
  WN_CALL_BEGIN();
  if (!device_at(current_device()).pools) return call.done(cudaErrorNotSupported);
  Stream *const s = stream_of(stream);
  if (!s) return call.wrong(cudaErrorInvalidResourceHandle, "the stream is not alive");
  if (!p) return cudaSuccess;
  if (!s->recording) {
    if (!memory_free(p)) return call.wrong(cudaErrorInvalidValue, "not the start of live memory");
    return cudaSuccess;
  }
  const Allocation *const a = memory_find(p, 0);
  if (!a) return call.wrong(cudaErrorInvalidValue, "not the start of live memory");
  const size_t bytes = a->hi - a->lo;
  return call.done(enqueue(call, stream, [p, bytes] {
    undefine(p, bytes);
    return cudaSuccess;
  }));
}

cudaError_t cudaMemPoolCreate(cudaMemPool_t *pool, const cudaMemPoolProps *props) {
  WN_CALL_BEGIN();
  if (!props || props->allocType != cudaMemAllocationTypePinned || props->location.type != cudaMemLocationTypeDevice ||
      props->location.id < 0 || props->location.id >= static_cast<int>(host.devices.size())) {
    return call.wrong(cudaErrorInvalidValue, "properties");
  }
  if (!device_at(props->location.id).pools) return call.done(cudaErrorNotSupported);
  const Pool *const p = new Pool{props->location.id, 0};
  pools.insert(p);
  *pool = reinterpret_cast<cudaMemPool_t>(const_cast<Pool *>(p));
  return cudaSuccess;
}

cudaError_t cudaMemPoolDestroy(cudaMemPool_t pool) {
  WN_CALL_BEGIN();
  const Pool *const p = reinterpret_cast<const Pool *>(pool);
  if (!pools.erase(p)) return call.wrong(cudaErrorInvalidValue, "the pool is not alive");
  delete p;
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value) {
  WN_CALL_BEGIN();
  const Pool *const p = reinterpret_cast<const Pool *>(pool);
  if (!pools.count(p)) return call.wrong(cudaErrorInvalidValue, "the pool is not alive");
  if (attribute == cudaMemPoolAttrReleaseThreshold) const_cast<Pool *>(p)->threshold = *static_cast<uint64_t *>(value);
  return cudaSuccess;
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void *value) {
  WN_CALL_BEGIN();
  const Pool *const p = reinterpret_cast<const Pool *>(pool);
  if (!pools.count(p)) return call.wrong(cudaErrorInvalidValue, "the pool is not alive");
  uint64_t used = 0;
  for (const Allocation *const a : allocations) {
    if (a && a->alive && a->pool == p) used += a->hi - a->lo;
  }
  switch (attribute) {
    case cudaMemPoolAttrReleaseThreshold:
      *static_cast<uint64_t *>(value) = p->threshold;
      break;
    case cudaMemPoolAttrUsedMemCurrent:
    case cudaMemPoolAttrReservedMemCurrent:
      *static_cast<uint64_t *>(value) = used;
      break;
    default:
      return call.wrong(cudaErrorInvalidValue, "an attribute that the emulator does not know");
  }
  return cudaSuccess;
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t pool, size_t) {
  WN_CALL_BEGIN();
  if (!pools.count(reinterpret_cast<const Pool *>(pool))) {
    return call.wrong(cudaErrorInvalidValue, "the pool is not alive");
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  WN_CALL_BEGIN();
  return call.done(enqueue(call, stream, [=] { return copy_now(to, from, bytes, kind); }));
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind) {
  WN_CALL_BEGIN();
  if (forbidden_by_capture()) return call.done(cudaErrorStreamCaptureUnsupported);
  return call.done(copy_now(to, from, bytes, kind));
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t stream) {
  WN_CALL_BEGIN();
  return call.done(enqueue(call, stream, [=] { return set_now(p, value, bytes); }));
}

cudaError_t cudaMemset(void *p, int value, size_t bytes) {
  WN_CALL_BEGIN();
  if (forbidden_by_capture()) return call.done(cudaErrorStreamCaptureUnsupported);
  return call.done(set_now(p, value, bytes));
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *attributes, const void *p) {
  WN_CALL_BEGIN();
  memset(attributes, 0, sizeof *attributes);
  const Allocation *const a = is_device(p) ? memory_find(p, 0) : nullptr;
  attributes->type = a ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered;
  attributes->device = a ? a->device : -2;
  attributes->devicePointer = a ? const_cast<void *>(p) : nullptr;
  return cudaSuccess;
}
