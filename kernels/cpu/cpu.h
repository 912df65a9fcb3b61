/* The processor kernels as host/device_cpu.c sees them. */
#ifndef WNI_CPU_H
#define WNI_CPU_H
#include "host/backend.h"

/* How a pass is cut into tasks: plain data from host/plan_cpu.c, a function of geometry, types and pass alone - never
 * of the number of threads, so that the same sums are made in the same order by any number of them. */
#include "host/plan_cpu.h"

/* The instruction set that runs: the best that the processor has and WN_CPU_ISA (baseline, avx2, avx512, avx512_bf16)
 * allows. */
typedef struct wni_cpu_isa wni_cpu_isa;
/* NULL, with the reason in the error text, when WN_CPU_ISA names none that is known or that this processor has. */
const wni_cpu_isa *wni_cpu_isa_choose(void);
const char *wni_cpu_isa_name(const wni_cpu_isa *isa);

/* work: plan->workspace bytes, 256-byte aligned, any content. Only the exchange of a sync plan can fail. */
wn_status wni_cpu_run(const wni_cpu_isa *isa, const wni_cpu_plan *plan, const wni_call *call, void *work);

#endif
