/* What the GPU's driver says of clocks, power and throttling: libnvidia-ml, loaded when it is asked. */
#ifndef BENCH_NVML_H
#define BENCH_NVML_H
#include <stddef.h>

/* "SM 1980 MHz, memory 2619 MHz, 121 W, throttle reasons 0x0", or why there is nothing to say. */
void bench_nvml_text(char *text, size_t size);

#endif
