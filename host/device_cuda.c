/* A GPU as a device. Links the CUDA runtime statically and so the driver's library at run time only: where there is
 * none, opening says so and nothing else happens. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_state.h"
#include "error.h"
#include "kernels/cuda/cuda_job.h"

#define TRY(expression)                   \
  do {                                    \
    const wn_status status_ = expression; \
    if (status_ != WN_OK) return status_; \
  } while (0)
#define CUDA(function, ...) wni_cuda_check(function(__VA_ARGS__), #function)

/* The oldest architecture that the build has images for; major * 10 + minor. */
#ifndef WNI_CUDA_OLDEST
#define WNI_CUDA_OLDEST 75
#endif

wn_status wni_cuda_check(cudaError_t error, const char *call) {
  if (error == cudaSuccess) return WN_OK;
  (void)cudaGetLastError();
  return wni_error(error == cudaErrorMemoryAllocation ? WN_ERR_MEMORY : WN_ERR_DEVICE, "%s: %s (%d): %s", call,
                   cudaGetErrorName(error), (int)error, cudaGetErrorString(error));
}

wn_status wni_cuda_enter(const wni_cuda_state *s, wni_cuda_visit *visit) {
  TRY(CUDA(cudaGetDevice, &visit->caller));
  visit->changed = visit->caller != s->ordinal;
  return visit->changed ? CUDA(cudaSetDevice, s->ordinal) : WN_OK;
}

wn_status wni_cuda_leave(const wni_cuda_visit *visit, wn_status status) {
  if (!visit->changed) return status;
  const cudaError_t error = cudaSetDevice(visit->caller);
  return status != WN_OK ? status : wni_cuda_check(error, "cudaSetDevice");
}

/* ---- opening ---------------------------------------------------------------------------------------------------- */

static wn_status no_driver(cudaError_t error) {
  int version = 0;
  (void)cudaGetLastError();
  const bool known = cudaDriverGetVersion(&version) == cudaSuccess;
  if (known && version == 0) return wni_error(WN_ERR_NO_DEVICE, "no NVIDIA driver is installed");
  if (error == cudaErrorInsufficientDriver)
    return wni_error(WN_ERR_NO_DEVICE, "the NVIDIA driver supports CUDA %d.%d; this build needs %d.%d or newer",
                     version / 1000, version % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  if (error == cudaErrorNoDevice) return wni_error(WN_ERR_NO_DEVICE, "the NVIDIA driver finds no GPU");
  return wni_error(WN_ERR_NO_DEVICE, "cudaGetDeviceCount: %s (%d): %s", cudaGetErrorName(error), (int)error,
                   cudaGetErrorString(error));
}

static wn_status find_device(int ordinal) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) return no_driver(error != cudaSuccess ? error : cudaErrorNoDevice);
  if (ordinal >= count)
    return wni_error(WN_ERR_NO_DEVICE, "ordinal is %d; there %s %d GPU%s, counted from 0", ordinal,
                     count == 1 ? "is" : "are", count, count == 1 ? "" : "s");
  return WN_OK;
}

/* Whether `name` stands in `text` as words of its own: an A100 is no A10. */
static bool has_words(const char *text, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
    const bool begins = at == text || !isalnum((unsigned char)at[-1]);
    if (begins && !isalnum((unsigned char)at[length])) return true;
  }
  return false;
}

/* Bytes in flight that hide the memory's latency cannot be asked for: the table's, or those of the generation. */
static int64_t in_flight_of(const char *name, int sm) {
  for (int i = 0; i < wni_cuda_device_count; i++)
    if (has_words(name, wni_cuda_devices[i].name)) return wni_cuda_devices[i].in_flight;
  if (sm < 80) return 12 << 10;
  if (sm < 90) return 16 << 10;
  return sm < 100 ? 32 << 10 : sm < 120 ? 64 << 10 : 16 << 10;
}

static wn_status read_figures(wni_cuda_state *s) {
  struct cudaDeviceProp p;
  TRY(CUDA(cudaGetDeviceProperties, &p, s->ordinal));
  int clock_khz = 0, bus_bits = 0;
  TRY(CUDA(cudaDeviceGetAttribute, &clock_khz, cudaDevAttrMemoryClockRate, s->ordinal));
  TRY(CUDA(cudaDeviceGetAttribute, &bus_bits, cudaDevAttrGlobalMemoryBusWidth, s->ordinal));
  const int sm = p.major * 10 + p.minor;
  static_assert(sizeof s->name >= sizeof p.name, "room for the name");
  memcpy(s->name, p.name, sizeof p.name);
  s->figures = (wni_cuda_figures){.name = s->name,
                                  .sm = sm,
                                  .sms = p.multiProcessorCount,
                                  .threads_per_sm = p.maxThreadsPerMultiProcessor,
                                  .blocks_per_sm = p.maxBlocksPerMultiProcessor,
                                  .shared_per_sm = (int64_t)p.sharedMemPerMultiprocessor,
                                  .shared_per_block = (int64_t)p.sharedMemPerBlockOptin,
                                  .l2_bytes = p.l2CacheSize,
                                  .bytes_per_second = 2e3 * clock_khz * bus_bits / 8, /* two transfers a clock */
                                  .in_flight = in_flight_of(p.name, sm)};
  return WN_OK;
}

static const void *smallest_kernel(void) {
  const wni_types types = {WN_F32, WN_F32, WN_F32, WN_F32, WN_F32, WN_F32};
  return wni_cuda_kernel(WNI_CUDA_COUNT_CALL, 0, &types);
}

/* Of blocks that have a multiprocessor's shared memory to themselves. Where CUDA has no answer there are no clusters.
 */
static void read_clusters(wni_cuda_state *s) {
  const void *const kernel = smallest_kernel();
  const int room = (int)s->figures.shared_per_block;
  if (s->figures.sm < 90 ||
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, room) != cudaSuccess) {
    (void)cudaGetLastError();
    return;
  }
  for (int i = 0; i < WNI_CUDA_CLUSTERS; i++) {
    const unsigned blocks = 2u << i;
    cudaLaunchAttribute how = {.id = cudaLaunchAttributeClusterDimension, .val = {.clusterDim = {blocks, 1, 1}}};
    const cudaLaunchConfig_t config = {.gridDim = {blocks, 1, 1},
                                       .blockDim = {32, 1, 1},
                                       .dynamicSmemBytes = (size_t)room,
                                       .attrs = &how,
                                       .numAttrs = 1};
    int clusters = 0;
    if (cudaOccupancyMaxActiveClusters(&clusters, kernel, &config) != cudaSuccess) (void)cudaGetLastError();
    s->figures.clustered[i] = (int)blocks * clusters;
  }
}

/* Asks for the smallest kernel: CUDA knows best which images a device can use. */
static wn_status find_image(const wni_cuda_state *s) {
  const int sm = s->figures.sm;
  struct cudaFuncAttributes attributes;
  if (sm < WNI_CUDA_OLDEST)
    return wni_error(WN_ERR_NO_DEVICE, "GPU %d, %s, is sm_%d; this build has kernels for sm_%d and newer", s->ordinal,
                     s->name, sm, WNI_CUDA_OLDEST);
  const cudaError_t error = cudaFuncGetAttributes(&attributes, smallest_kernel());
  if (error != cudaErrorNoKernelImageForDevice && error != cudaErrorUnsupportedPtxVersion)
    return wni_cuda_check(error, "cudaFuncGetAttributes");
  (void)cudaGetLastError();
  return wni_error(WN_ERR_NO_DEVICE, "GPU %d, %s, is sm_%d; this build has no kernels for it: %s", s->ordinal, s->name,
                   sm, cudaGetErrorString(error));
}

/* A pool of the device's own, which keeps what is freed: other users of the process's default pool do not count on
 * that.
 */
static wn_status make_pool(wni_cuda_state *s) {
  int supported = 0;
  TRY(CUDA(cudaDeviceGetAttribute, &supported, cudaDevAttrMemoryPoolsSupported, s->ordinal));
  if (!supported) return WN_OK;
  struct cudaMemPoolProps props;
  memset(&props, 0, sizeof props);
  props.allocType = cudaMemAllocationTypePinned;
  props.location.type = cudaMemLocationTypeDevice;
  props.location.id = s->ordinal;
  TRY(CUDA(cudaMemPoolCreate, &s->pool, &props));
  uint64_t keep = UINT64_MAX;
  return CUDA(cudaMemPoolSetAttribute, s->pool, cudaMemPoolAttrReleaseThreshold, &keep);
}

static wn_status open_here(wni_cuda_state *s) {
  TRY(read_figures(s));
  TRY(find_image(s));
  read_clusters(s);
  return make_pool(s);
}

static void discard(wni_cuda_state *s) {
  if (s->pool) (void)cudaMemPoolDestroy(s->pool);
  free(s);
}

static wn_status open_device(int ordinal, void **state, char *text, size_t text_size) {
  TRY(find_device(ordinal));
  wni_cuda_state *const s = calloc(1, sizeof *s);
  if (!s) return wni_error(WN_ERR_MEMORY, "no memory for a device (%zu bytes)", sizeof *s);
  s->ordinal = ordinal;
  wni_cuda_visit visit = {0};
  wn_status status = wni_cuda_enter(s, &visit);
  if (status == WN_OK) status = open_here(s);
  status = wni_cuda_leave(&visit, status);
  if (status != WN_OK) {
    discard(s);
    return status;
  }
  (void)snprintf(text, text_size, "%s, sm_%d, %d SMs", s->name, s->figures.sm, s->figures.sms);
  *state = s;
  return WN_OK;
}

static void close_device(void *state) {
  wni_cuda_visit visit = {0};
  const wn_status status = wni_cuda_enter(state, &visit);
  discard(state);
  (void)wni_cuda_leave(&visit, status);
}

/* ---- buffers ---------------------------------------------------------------------------------------------------- */

/* A call of CUDA on the state's device. */
#define ON_DEVICE(state, expression)              \
  do {                                            \
    wni_cuda_visit visit_;                        \
    TRY(wni_cuda_enter(state, &visit_));          \
    return wni_cuda_leave(&visit_, (expression)); \
  } while (0)

static wn_status alloc_here(const wni_cuda_state *s, void **out, size_t bytes, cudaStream_t stream) {
  const wn_status status =
      s->pool ? CUDA(cudaMallocFromPoolAsync, out, bytes, s->pool, stream) : CUDA(cudaMalloc, out, bytes);
  if (status != WN_OK) *out = NULL;
  return status;
}

static wn_status free_here(const wni_cuda_state *s, void *buffer, cudaStream_t stream) {
  return s->pool ? CUDA(cudaFreeAsync, buffer, stream) : CUDA(cudaFree, buffer);
}

static wn_status buffer_alloc(void *state, void **out, size_t bytes, void *stream) {
  wni_cuda_visit visit;
  TRY(wni_cuda_enter(state, &visit));
  const wn_status status = wni_cuda_leave(&visit, alloc_here(state, out, bytes, stream));
  if (status == WN_OK || !*out) return status;
  (void)free_here(state, *out, stream); /* the caller's device could not be made current again */
  *out = NULL;
  return status;
}

/* cudaFree waits for the whole device, and so for the stream. */
static wn_status buffer_free(void *state, void *buffer, void *stream) {
  ON_DEVICE(state, free_here(state, buffer, stream));
}

/* The host memory may be reused on return. For pageable memory CUDA's manual says that it is staged before the copy
 * returns, "might be" elsewhere; so the copy is waited for. A graph would read the host memory when it runs. */
static wn_status write_here(void *dst, const void *host, size_t bytes, cudaStream_t stream) {
  enum cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  TRY(CUDA(cudaStreamIsCapturing, stream, &capture));
  if (capture != cudaStreamCaptureStatusNone)
    return wni_error(WN_ERR_DEVICE,
                     "wn_buffer_write: the stream is being captured, and a graph reads host memory when it runs, after "
                     "this call has returned; use cudaMemcpyAsync with memory that stays");
  TRY(CUDA(cudaMemcpyAsync, dst, host, bytes, cudaMemcpyHostToDevice, stream));
  return CUDA(cudaStreamSynchronize, stream);
}

static wn_status buffer_write(void *state, void *dst, const void *host, size_t bytes, void *stream) {
  ON_DEVICE(state, write_here(dst, host, bytes, stream));
}

static wn_status buffer_read(void *state, void *host, const void *src, size_t bytes, void *stream) {
  ON_DEVICE(state, CUDA(cudaMemcpyAsync, host, src, bytes, cudaMemcpyDeviceToHost, stream));
}

/* A stream that is being captured has nothing to wait for yet; asking CUDA to would break the capture. */
static wn_status wait_here(cudaStream_t stream) {
  enum cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  TRY(CUDA(cudaStreamIsCapturing, stream, &capture));
  if (capture != cudaStreamCaptureStatusNone)
    return wni_error(WN_ERR_DEVICE,
                     "the stream is being captured, and what it has been told runs with the graph: nothing "
                     "can wait for it now");
  return CUDA(cudaStreamSynchronize, stream);
}

static wn_status stream_wait(void *state, void *stream) { ON_DEVICE(state, wait_here(stream)); }

/* ---- plans ------------------------------------------------------------------------------------------------------ */

static size_t workspace(void *state, const wni_plan_input *input) {
  const wni_cuda_state *const s = state;
  wni_cuda_plan plan;
  wni_plan_cuda(input, &s->figures, &plan);
  return plan.workspace;
}

static void explain(void *state, const wni_plan_input *input, char *text, size_t size) {
  const wni_cuda_state *const s = state;
  wni_cuda_plan plan;
  wni_plan_cuda(input, &s->figures, &plan);
  char words[160];
  wni_cuda_plan_text(&plan, input, words, sizeof words);
  (void)snprintf(text, size, "cuda sm_%d %s", s->figures.sm, words);
}

static double copy_bandwidth(void *state) { return ((const wni_cuda_state *)state)->figures.bytes_per_second; }

const wni_backend wni_backend_cuda = {
    .id = WN_CUDA,
    .open = open_device,
    .close = close_device,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .buffer_write = buffer_write,
    .buffer_read = buffer_read,
    .stream_wait = stream_wait,
    .prepare = wni_cuda_prepare,
    .mask_bytes = wni_mask_bytes_by_span,
    .workspace = workspace,
    .explain = explain,
    .copy_bandwidth = copy_bandwidth,
    .run = wni_cuda_run,
};
