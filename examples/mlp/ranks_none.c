/* In builds without MPI. */
#include <stdlib.h>

#include "ranks_mpi.h"

bool ranks_mpi_start(ranks_mpi *own, bool shared, fault *f) {
  (void)own, (void)shared;
  return fault_set(f, "--ranks: this wn_mlp was built without MPI (Debian: libopenmpi-dev)");
}

void ranks_mpi_end(void) {}

void ranks_mpi_abort(void) { abort(); }
