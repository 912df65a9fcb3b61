#include "cudnn_library.h"

#include <dlfcn.h>
#include <stdio.h>

static const char *const names[] = {"libcudnn.so.9", BENCH_CUDNN_LIBRARY};

static void *open_library(void) {
  void *handle = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !handle; i++) handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return handle;
}

/* A function's address as data: POSIX's dlsym promises that this works. */
static bool find(void *handle, const char *name, void *function, char *why, size_t size) {
  *(void **)function = dlsym(handle, name);
  if (*(void **)function) return true;
  (void)snprintf(why, size, "libcudnn has no %s", name);
  return false;
}

const cudnn_library *cudnn_load(char *why, size_t size) {
  static cudnn_library library;
  static bool loaded;
  if (loaded) return &library;
  void *const handle = open_library();
  if (!handle) {
    (void)snprintf(why, size, "cuDNN cannot be loaded: %s", dlerror());
    return NULL;
  }
  loaded = true;
#define FUNCTION(name) loaded = loaded && find(handle, "cudnn" #name, &library.name, why, size);
  CUDNN_FUNCTIONS(FUNCTION)
#undef FUNCTION
  return loaded ? &library : NULL;
}

bool cudnn_version(char *text, size_t size) {
  const cudnn_library *const library = cudnn_load(text, size);
  if (!library) return false;
  const size_t v = library->GetVersion();
  (void)snprintf(text, size, "%zu.%zu.%zu", v / 10000, v / 100 % 100, v % 100);
  return true;
}
