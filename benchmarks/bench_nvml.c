#include "bench_nvml.h"

#include <dlfcn.h>
#include <stdio.h>

/* The few of NVML's functions that are used, as nvml.h declares them; its header comes with few installations. */
typedef struct nvml_device *nvml_handle;
typedef int (*nvml_plain)(void);
typedef int (*nvml_by_index)(unsigned index, nvml_handle *device);
typedef int (*nvml_clock)(nvml_handle device, int type, unsigned *mhz);
typedef int (*nvml_number)(nvml_handle device, unsigned *value);
typedef int (*nvml_reasons)(nvml_handle device, unsigned long long *reasons);
enum { NVML_CLOCK_SM = 1, NVML_CLOCK_MEM = 2 };

typedef struct nvml {
  nvml_plain init, shutdown;
  nvml_by_index by_index;
  nvml_clock clock;
  nvml_number power;
  nvml_reasons reasons;
} nvml;

/* A function's address as data: POSIX's dlsym promises that this works. */
static void find(void *library, const char *name, void *function) { *(void **)function = dlsym(library, name); }

static void describe(const nvml *n, char *text, size_t size) {
  nvml_handle device = NULL;
  unsigned sm = 0, memory = 0, milliwatt = 0;
  unsigned long long reasons = 0;
  if (n->by_index(0, &device) != 0 || n->clock(device, NVML_CLOCK_SM, &sm) != 0 ||
      n->clock(device, NVML_CLOCK_MEM, &memory) != 0 || n->power(device, &milliwatt) != 0 ||
      n->reasons(device, &reasons) != 0) {
    (void)snprintf(text, size, "libnvidia-ml answers with errors");
    return;
  }
  (void)snprintf(text, size, "SM %u MHz, memory %u MHz, %u W, throttle reasons 0x%llx", sm, memory, milliwatt / 1000,
                 reasons);
}

void bench_nvml_text(char *text, size_t size) {
  void *const library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    (void)snprintf(text, size, "not known: there is no libnvidia-ml.so.1");
    return;
  }
  nvml n;
  find(library, "nvmlInit_v2", &n.init);
  find(library, "nvmlShutdown", &n.shutdown);
  find(library, "nvmlDeviceGetHandleByIndex_v2", &n.by_index);
  find(library, "nvmlDeviceGetClockInfo", &n.clock);
  find(library, "nvmlDeviceGetPowerUsage", &n.power);
  find(library, "nvmlDeviceGetCurrentClocksThrottleReasons", &n.reasons);
  if (!n.init || !n.shutdown || !n.by_index || !n.clock || !n.power || !n.reasons || n.init() != 0) {
    (void)snprintf(text, size, "not known: libnvidia-ml.so.1 cannot be used");
  } else {
    describe(&n, text, size);
    (void)n.shutdown();
  }
  (void)dlclose(library);
}
