#include "figures_of.h"

#include "host/cuda_state.h"
#include "host/plan.h"

const wni_cuda_figures *wni_figures_of(const wn_device *device) {
  return &((const wni_cuda_state *)device->state)->figures;
}
