/* The few functions of libnvidia-ml that the benchmark calls, for a GPU at bus 1: numbers that no GPU would say. */
#include <stdio.h>
#include <string.h>

int nvmlInit_v2(void);
int nvmlSystemGetDriverVersion(char *text, unsigned size);
int nvmlDeviceGetHandleByPciBusId_v2(const char *pci_bus_id, void **device);
int nvmlDeviceGetClockInfo(void *device, int type, unsigned *mhz);
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatt);
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons);

static int gpu, asked;

static int of(const void *device) { return device == &gpu ? 0 : 2; }

int nvmlInit_v2(void) { return 0; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { return snprintf(text, size, "1.2.3") < 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *pci_bus_id, void **device) {
  *device = &gpu;
  return strcmp(pci_bus_id, "00000000:01:00.0") == 0 ? 0 : 6;
}
int nvmlDeviceGetClockInfo(void *device, int type, unsigned *mhz) {
  *mhz = type == 1 ? 7 : 8;
  return of(device);
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatt) {
  *milliwatt = 9000;
  return of(device);
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void *device, unsigned long long *reasons) {
  *reasons = (unsigned long long)asked++;
  return of(device);
}
