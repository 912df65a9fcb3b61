#include "bench_cuda.h"

#include <cuda_runtime_api.h>
#include <stdio.h>

static cudaError_t last = cudaSuccess;

static bool good(cudaError_t error) {
  if (error != cudaSuccess) last = error;
  return error == cudaSuccess;
}

const char *bench_cuda_error(void) { return cudaGetErrorString(last); }

bool bench_cuda_use(int ordinal) { return good(cudaSetDevice(ordinal)); }

bool bench_cuda_stream(void **stream) { return good(cudaStreamCreate((cudaStream_t *)stream)); }
void bench_cuda_stream_free(void *stream) {
  if (stream) (void)cudaStreamDestroy(stream);
}

bool bench_cuda_event(void **event) { return good(cudaEventCreate((cudaEvent_t *)event)); }
void bench_cuda_event_free(void *event) {
  if (event) (void)cudaEventDestroy(event);
}
bool bench_cuda_record(void *event, void *stream) { return good(cudaEventRecord(event, stream)); }

bool bench_cuda_elapsed(void *start, void *stop, double *seconds) {
  float milliseconds = 0;
  if (!good(cudaEventSynchronize(stop)) || !good(cudaEventElapsedTime(&milliseconds, start, stop))) return false;
  *seconds = 1e-3 * (double)milliseconds;
  return true;
}

bool bench_cuda_capture_begin(void *stream) {
  return good(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
}

bool bench_cuda_capture_end(void *stream, void **graph) {
  cudaGraph_t captured = NULL;
  *graph = NULL;
  if (!good(cudaStreamEndCapture(stream, &captured))) return false;
  const bool ok = good(cudaGraphInstantiate((cudaGraphExec_t *)graph, captured, 0));
  (void)cudaGraphDestroy(captured);
  return ok;
}

bool bench_cuda_graph_launch(void *graph, void *stream) { return good(cudaGraphLaunch(graph, stream)); }
void bench_cuda_graph_free(void *graph) {
  if (graph) (void)cudaGraphExecDestroy(graph);
}

static int attribute(enum cudaDeviceAttr name) {
  int device = 0, value = 0;
  if (!good(cudaGetDevice(&device)) || !good(cudaDeviceGetAttribute(&value, name, device))) return 0;
  return value;
}

size_t bench_cuda_cache_bytes(void) { return (size_t)attribute(cudaDevAttrL2CacheSize); }
int bench_cuda_multiprocessors(void) { return attribute(cudaDevAttrMultiProcessorCount); }

bool bench_cuda_memory(size_t *free, size_t *total) { return good(cudaMemGetInfo(free, total)); }

void bench_cuda_versions(char *text, size_t size) {
  int driver = 0, runtime = 0;
  (void)good(cudaDriverGetVersion(&driver));
  (void)good(cudaRuntimeGetVersion(&runtime));
  (void)snprintf(text, size, "driver for CUDA %d.%d, runtime %d.%d", driver / 1000, driver % 1000 / 10, runtime / 1000,
                 runtime % 1000 / 10);
}

void bench_cuda_place(char *text, size_t size) {
  struct cudaDeviceProp properties;
  int device = 0;
  text[0] = '\0';
  if (good(cudaGetDevice(&device)) && good(cudaGetDeviceProperties(&properties, device)))
    (void)snprintf(text, size, "%08x:%02x:%02x.0", (unsigned)properties.pciDomainID, (unsigned)properties.pciBusID,
                   (unsigned)properties.pciDeviceID);
}
