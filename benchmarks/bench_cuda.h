/* What measuring asks of the CUDA runtime. In a build without it (bench_cuda_none.c) all of it fails. */
#ifndef BENCH_CUDA_H
#define BENCH_CUDA_H
#include <stdbool.h>
#include <stddef.h>

bool bench_cuda_use(int ordinal); /* what follows is of this device */

bool bench_cuda_stream(void **stream);
void bench_cuda_stream_free(void *stream); /* NULL is fine */
bool bench_cuda_event(void **event);
void bench_cuda_event_free(void *event); /* NULL is fine */
bool bench_cuda_record(void *event, void *stream);
/* Waits for `stop`. */
bool bench_cuda_elapsed(void *start, void *stop, double *seconds);

/* What is enqueued between begin and end becomes a graph. */
bool bench_cuda_capture_begin(void *stream);
bool bench_cuda_capture_end(void *stream, void **graph);
bool bench_cuda_graph_launch(void *graph, void *stream);
void bench_cuda_graph_free(void *graph); /* NULL is fine */

size_t bench_cuda_cache_bytes(void); /* of the second-level cache of the current device; 0: not known */
int bench_cuda_multiprocessors(void);
bool bench_cuda_memory(size_t *free, size_t *total);
const char *bench_cuda_error(void);                /* of the last call that failed */
void bench_cuda_versions(char *text, size_t size); /* what the driver is for, and the runtime */
/* Of the current device on the bus, in hexadecimal numbers: domain:bus:device.function; empty: not known. */
void bench_cuda_place(char *text, size_t size);

#endif
