#include "bench_nvml.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>

/* The few of NVML's functions that are used, as nvml.h declares them; its header comes with few installations. */
typedef struct nvml_device *nvml_handle;
typedef int (*nvml_plain)(void);
typedef int (*nvml_by_place)(const char *pci_bus_id, nvml_handle *device);
typedef int (*nvml_clock)(nvml_handle device, int type, unsigned *mhz);
typedef int (*nvml_number)(nvml_handle device, unsigned *value);
typedef int (*nvml_reasons)(nvml_handle device, unsigned long long *reasons);
typedef int (*nvml_version)(char *text, unsigned size);
enum { NVML_CLOCK_SM = 1, NVML_CLOCK_MEM = 2 };

typedef struct nvml {
  nvml_plain init;
  nvml_version driver;
  nvml_by_place by_place;
  nvml_clock clock;
  nvml_number power;
  nvml_reasons reasons;
} nvml;

/* A function's address as data: POSIX's dlsym promises that this works. */
static bool find(void *library, const char *name, void *function) {
  return (*(void **)function = dlsym(library, name)) != NULL;
}

/* NULL: it cannot be used, and `*why` says so. It is never closed: asking again costs nothing. */
static const nvml *get(const char **why) {
  static const char *missing = NULL;
  static bool tried = false;
  static nvml n;
  if (!tried) {
    tried = true;
    void *const library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      missing = "not known: there is no libnvidia-ml.so.1";
    } else if (!find(library, "nvmlInit_v2", &n.init) || !find(library, "nvmlSystemGetDriverVersion", &n.driver) ||
               !find(library, "nvmlDeviceGetHandleByPciBusId_v2", &n.by_place) ||
               !find(library, "nvmlDeviceGetClockInfo", &n.clock) ||
               !find(library, "nvmlDeviceGetPowerUsage", &n.power) ||
               !find(library, "nvmlDeviceGetCurrentClocksThrottleReasons", &n.reasons) || n.init() != 0) {
      missing = "not known: libnvidia-ml.so.1 cannot be used";
    }
  }
  *why = missing;
  return missing ? NULL : &n;
}

void bench_nvml_driver(char *text, size_t size) {
  const char *why = NULL;
  const nvml *const n = get(&why);
  if (n && n->driver(text, (unsigned)size) != 0) why = "not known: libnvidia-ml answers with errors";
  if (why) (void)snprintf(text, size, "%s", why);
}

void bench_nvml_clocks(const char *place, char *text, size_t size) {
  const char *why = NULL;
  const nvml *const n = get(&why);
  nvml_handle device = NULL;
  unsigned sm = 0, memory = 0, milliwatt = 0;
  unsigned long long reasons = 0;
  if (!n) {
    (void)snprintf(text, size, "%s", why);
  } else if (n->by_place(place, &device) != 0 || n->clock(device, NVML_CLOCK_SM, &sm) != 0 ||
             n->clock(device, NVML_CLOCK_MEM, &memory) != 0 || n->power(device, &milliwatt) != 0 ||
             n->reasons(device, &reasons) != 0) {
    (void)snprintf(text, size, "not known: libnvidia-ml answers with errors");
  } else {
    (void)snprintf(text, size, "SM %u MHz, memory %u MHz, %u W, throttle reasons 0x%llx", sm, memory, milliwatt / 1000,
                   reasons);
  }
}
