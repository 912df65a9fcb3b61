/* The instruction sets that kernels are compiled for. */
#ifndef WNI_ISA_H
#define WNI_ISA_H
#include "cpu.h"

/* What one instruction set and arithmetic can do: kernel.h. */
typedef struct wni_cpu_kernels wni_cpu_kernels;

struct wni_cpu_isa {
  const char *name;
  const wni_cpu_kernels *f32, *f16, *f64; /* by the type of the arithmetic; f16: f32's, where some tensor is f16 */
};

#endif
