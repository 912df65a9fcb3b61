/* A profiler that NVTX loads: it notes the ranges. */
#include "profiler.h"

#include <nvtx3/nvToolsExt.h>
#include <stdio.h>

#define EXPORTED __attribute__((visibility("default")))

static char record[4096];
static size_t used;

static void note(const char *mark, const char *name) {
  const int length = snprintf(record + used, sizeof record - used, "%s%s\n", mark, name);
  if (length > 0 && used + (size_t)length < sizeof record) used += (size_t)length;
}

static int push(const char *name) {
  note("<", name);
  return 0;
}

static int pop(void) {
  note(">", "");
  return 0;
}

EXPORTED const char *wn_profiler_record_of(void);
EXPORTED const char *wn_profiler_record_of(void) { return record; }

EXPORTED int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table);
EXPORTED int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table) {
  const NvtxExportTableCallbacks *const callbacks = get_table(NVTX_ETID_CALLBACKS);
  NvtxFunctionTable table = NULL;
  unsigned size = 0;
  if (!callbacks || !callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE, &table, &size)) return 0;
  if (size <= NVTX_CBID_CORE_RangePop) return 0;
  *table[NVTX_CBID_CORE_RangePushA] = (NvtxFunctionPointer)push;
  *table[NVTX_CBID_CORE_RangePop] = (NvtxFunctionPointer)pop;
  return 1;
}
