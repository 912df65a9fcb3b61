#include "bench_environment.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench_build.h"
#include "bench_cuda.h"
#include "bench_nvml.h"

static size_t available_memory(void) {
  static const char key[] = "MemAvailable:";
  char line[128];
  size_t bytes = 0;
  FILE *const file = fopen("/proc/meminfo", "r");
  if (!file) return 0;
  while (fgets(line, sizeof line, file))
    if (strncmp(line, key, sizeof key - 1) == 0) bytes = (size_t)strtoull(line + sizeof key - 1, NULL, 10) * 1024;
  (void)fclose(file);
  return bytes;
}

static size_t cache_of(int name) {
  const long bytes = sysconf(name);
  return bytes > 0 ? (size_t)bytes : 0;
}

static void read_machine(bench_environment *e) {
  struct utsname system;
  bench_processor_read("/proc/cpuinfo", &e->processor);
  if (uname(&system) == 0)
    (void)snprintf(e->system, sizeof e->system, "%.40s %.40s %.40s", system.sysname, system.release, system.machine);
  const time_t now = time(NULL);
  struct tm utc;
  if (gmtime_r(&now, &utc)) (void)strftime(e->time, sizeof e->time, "%Y-%m-%dT%H:%M:%SZ", &utc);
  e->processors = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (getloadavg(&e->load, 1) != 1) e->load = -1;
  e->l2_bytes = cache_of(_SC_LEVEL2_CACHE_SIZE);
  e->l3_bytes = cache_of(_SC_LEVEL3_CACHE_SIZE);
}

static bool on_gpu(const wn_device *device) { return device && wn_device_backend(device) == WN_CUDA; }

void bench_clocks_read(wn_device *device, char text[BENCH_CLOCKS]) {
  char place[32];
  text[0] = '\0';
  if (!on_gpu(device)) return;
  bench_cuda_place(place, sizeof place);
  bench_nvml_clocks(place, text, BENCH_CLOCKS);
}

static void read_driver(bench_environment *e) {
  char versions[96], driver[80];
  bench_cuda_versions(versions, sizeof versions);
  bench_nvml_driver(driver, sizeof driver);
  (void)snprintf(e->gpu_driver, sizeof e->gpu_driver, "driver %s; %s", driver, versions);
}

void bench_environment_read(bench_environment *e, wn_device *device) {
  *e = (bench_environment){.compiler = BENCH_COMPILER, .flags = BENCH_FLAGS, .revision = BENCH_REVISION};
  read_machine(e);
  (void)snprintf(e->device, sizeof e->device, "%s", device ? wn_device_text(device) : "");
  e->threads = omp_get_max_threads();
  if (on_gpu(device)) {
    size_t total = 0;
    read_driver(e);
    bench_clocks_read(device, e->gpu_clocks);
    e->cache_bytes = bench_cuda_cache_bytes();
    if (!bench_cuda_memory(&e->free_bytes, &total)) e->free_bytes = 0;
    return;
  }
  /* Where the last cache's size is not known, one that few processors reach. */
  const size_t last = e->l3_bytes ? e->l3_bytes : (size_t)64 << 20;
  e->cache_bytes = last + (size_t)e->threads * e->l2_bytes;
  e->free_bytes = available_memory();
}
