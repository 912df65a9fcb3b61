/* A build without CUDA. No device of such a build is a GPU, so none of this is reached but by mistake. */
#include <stdio.h>

#include "bench_cuda.h"

bool bench_cuda_use(int ordinal) { return (void)ordinal, false; }
bool bench_cuda_stream(void **stream) { return *stream = NULL, false; }
void bench_cuda_stream_free(void *stream) { (void)stream; }
bool bench_cuda_event(void **event) { return *event = NULL, false; }
void bench_cuda_event_free(void *event) { (void)event; }
bool bench_cuda_record(void *event, void *stream) { return (void)event, (void)stream, false; }
bool bench_cuda_elapsed(void *start, void *stop, double *seconds) {
  (void)start;
  (void)stop;
  *seconds = 0;
  return false;
}
bool bench_cuda_capture_begin(void *stream) { return (void)stream, false; }
bool bench_cuda_capture_end(void *stream, void **graph) { return (void)stream, *graph = NULL, false; }
bool bench_cuda_graph_launch(void *graph, void *stream) { return (void)graph, (void)stream, false; }
void bench_cuda_graph_free(void *graph) { (void)graph; }
size_t bench_cuda_cache_bytes(void) { return 0; }
int bench_cuda_multiprocessors(void) { return 0; }
bool bench_cuda_memory(size_t *free, size_t *total) { return *free = *total = 0, false; }
const char *bench_cuda_error(void) { return "this build has no CUDA backend"; }
void bench_cuda_versions(char *text, size_t size) { (void)snprintf(text, size, "none"); }
void bench_cuda_place(char *text, size_t size) { (void)snprintf(text, size, "%s", ""); }
