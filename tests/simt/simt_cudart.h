/* What the emulated functions of <cuda_runtime_api.h> share. */
#ifndef WN_SIMT_CUDART_H
#define WN_SIMT_CUDART_H
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "simt_machine.h"

namespace wn::simt {

/* What a captured stream was told to do, in order. Memory that was allocated during the capture lives as long. */
struct Recording {
  std::vector<std::function<cudaError_t()>> steps;
  std::vector<void *> memory;
  ~Recording();
};

struct Stream {
  int device;
  unsigned flags;
  cudaStreamCaptureMode mode;
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  const void *capturing_thread = nullptr;
  std::shared_ptr<Recording> recording;
};

/* One call of the runtime: counts it, holds the lock, and knows whether it fails before it has begun. */
class Call {
 public:
  explicit Call(const char *function, bool needs_device = true);
  cudaError_t failed() const { return error_; }
  /* Remembers an error for cudaGetLastError, returns it. */
  cudaError_t done(cudaError_t e) const;
  /* The same, and the test gets to know: the host has used what is not alive. */
  cudaError_t wrong(cudaError_t e, const std::string &what) const;

 private:
  const char *function_;
  std::unique_lock<std::recursive_mutex> lock_;
  cudaError_t error_ = cudaSuccess;
};
#define WN_CALL_BEGIN()      \
  const Call call(__func__); \
  if (call.failed() != cudaSuccess) return call.failed()
#define WN_CALL_ANYWHERE()          \
  const Call call(__func__, false); \
  if (call.failed() != cudaSuccess) return call.failed()

struct Host {
  std::vector<Device> devices = {h100()};
  int driver = 13000;
  cudaError_t sticky = cudaSuccess;
  bool faults_stick = true, launching = true;
  void (*observer)(const void *kernel, const void *argument) = nullptr;
  int64_t launches = 0, early_launches = 0;
};
extern Host host;
const Device &device_at(int index);
int current_device();
void set_last_error(cudaError_t e);

/* Null with an error set if the handle is not alive. A null handle is the default stream of the current device. */
Stream *stream_of(cudaStream_t s);
/* Runs the step now, or records it if the stream is being captured. */
cudaError_t enqueue(const Call &call, cudaStream_t s, std::function<cudaError_t()> step);
/* Calls that a capture under way forbids: they break it. */
bool forbidden_by_capture();
void forget_functions();

/* From the kernel's WN_KERNEL; false: not a kernel. */
bool kernel_bounds(const void *function, int *max_threads, int *min_blocks);
/* Blocks of a multiprocessor, by the figures of the device and the launch bounds. */
int occupancy(const Device &d, const void *function, int threads, size_t shared);
int registers_of(const void *function);

}  // namespace wn::simt
#endif
