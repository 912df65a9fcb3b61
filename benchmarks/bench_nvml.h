/* What the driver's management library says of a GPU. It is loaded when it is asked first, and stays. */
#ifndef BENCH_NVML_H
#define BENCH_NVML_H
#include <stddef.h>

/* `place` is the GPU's on the bus, as bench_cuda_place writes it. Where something is not known the text says why. */
void bench_nvml_driver(char *text, size_t size);                    /* the driver's version */
void bench_nvml_clocks(const char *place, char *text, size_t size); /* now: clocks, power, why they are throttled */

#endif
