/* Which copy of the kernels runs on this processor. */
#include "isa.h"

#include <stdlib.h>
#include <string.h>

#include "host/error.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define WNI_DECLARE_ISA(isa) extern const wni_cpu_kernels wni_kernels_##isa##_f32, wni_kernels_##isa##_f64;
#define WNI_ISA_ENTRY(isa) \
  { #isa, &wni_kernels_##isa##_f32, &wni_kernels_##isa##_f32, &wni_kernels_##isa##_f64 }

WNI_DECLARE_ISA(baseline)
#if defined(__x86_64__)
WNI_DECLARE_ISA(avx2)
WNI_DECLARE_ISA(avx512)
extern const wni_cpu_kernels wni_kernels_avx512_bf16_f32;
#endif

/* From the least to the best. */
static const wni_cpu_isa isas[] = {
    WNI_ISA_ENTRY(baseline),
#if defined(__x86_64__)
    WNI_ISA_ENTRY(avx2),
    WNI_ISA_ENTRY(avx512),
    {"avx512_bf16", &wni_kernels_avx512_bf16_f32, &wni_kernels_avx512_f32, &wni_kernels_avx512_f64},
#endif
};
enum { ISAS = sizeof isas / sizeof isas[0] };

/* How many of the list this processor can run, from the first on. The compilers' own question knows no F16C everywhere;
 * the answer for AVX2 implies that the operating system saves its registers. */
static int count_supported(void) {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  __builtin_cpu_init();
  const bool f16c = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
  if (!f16c || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 1;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!wide) return 2;
  return __builtin_cpu_supports("avx512bf16") ? 4 : 3;
#else
  return ISAS;
#endif
}

const wni_cpu_isa *wni_cpu_isa_choose(void) {
  const int supported = count_supported();
  const char *const cap = getenv("WN_CPU_ISA");
  if (!cap || !*cap) return &isas[supported - 1];
  for (int i = 0; i < ISAS; i++) {
    if (strcmp(cap, isas[i].name) != 0) continue;
    if (i < supported) return &isas[i];
    (void)wni_error(WN_ERR_ARGUMENT, "WN_CPU_ISA is %s, which this processor lacks; its best is %s", cap,
                    isas[supported - 1].name);
    return NULL;
  }
  (void)wni_error(WN_ERR_ARGUMENT, "WN_CPU_ISA is \"%s\"; expected baseline%s", cap,
                  ISAS > 1 ? ", avx2, avx512 or avx512_bf16" : ", the only set of this architecture");
  return NULL;
}

const char *wni_cpu_isa_name(const wni_cpu_isa *isa) { return isa->name; }
