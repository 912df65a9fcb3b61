#include "ranges.h"

/* NVTX is headers alone; a profiler that is attached names a library in the environment, which they load. They define
 * what they share between files of a program as weak symbols, names that are not ours to put into an archive: this file
 * is the only one that uses them, and its copy is its own. */
#if __has_include(<nvtx3/nvToolsExt.h>)
#define NVTX_SUPPORT_STATIC_INJECTION_LIBRARY 0
#define __NVTX_LINKONCE_H__
#define NVTX_LINKONCE_DEFINE_GLOBAL static
#define NVTX_LINKONCE_FWDDECL_GLOBAL static
#define NVTX_LINKONCE_DEFINE_FUNCTION static __attribute__((unused))
#define NVTX_LINKONCE_FWDDECL_FUNCTION static __attribute__((unused))
#include <nvtx3/nvToolsExt.h>

void wni_range_open(const char *name) { (void)nvtxRangePushA(name); }
void wni_range_close(void) { (void)nvtxRangePop(); }
#else
void wni_range_open(const char *name) { (void)name; }
void wni_range_close(void) {}
#endif
