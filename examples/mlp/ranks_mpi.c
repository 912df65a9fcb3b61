#include "ranks_mpi.h"

#include <limits.h>
#include <stdlib.h>

#include "warpnorm_mpi.h"

/* Seconds that ranks wait for one: rank 0 evaluates while the others wait for the next step. */
static const double patience = 600;

static bool check(fault *f, int error, const char *function) {
  char why[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  if (error == MPI_SUCCESS) return true;
  (void)MPI_Error_string(error, why, &length);
  return fault_set(f, "%s: %s", function, why);
}

static bool join(ranks *r, wn_device *device, fault *f) {
  ranks_mpi *const own = (ranks_mpi *)r;
  if (!own->shared) return true;
  if (!fault_check(f, wn_mpi_open(&own->mpi, device, MPI_COMM_WORLD, patience), "opening the ranks")) return false;
  r->statistics = wn_mpi_comm(own->mpi);
  return true;
}

static void leave(ranks *r) {
  ranks_mpi *const own = (ranks_mpi *)r;
  (void)wn_mpi_close(own->mpi);
  own->mpi = NULL;
  r->statistics = NULL;
}

/* That all ranks get the same bits is what MPI promises of this call. */
static bool sum(int64_t count, float *values, fault *f) {
  if (count > INT_MAX)
    return fault_set(f, "MPI counts no more than %d gradients, these are %lld", INT_MAX, (long long)count);
  return check(f, MPI_Allreduce(MPI_IN_PLACE, values, (int)count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD), "MPI_Allreduce");
}

bool ranks_mpi_start(ranks_mpi *own, bool shared, fault *f) {
  *own = (ranks_mpi){.table = {.join = join, .leave = leave, .sum = sum}, .shared = shared};
  return check(f, MPI_Init(NULL, NULL), "MPI_Init") &&
         check(f, MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler") &&
         check(f, MPI_Comm_rank(MPI_COMM_WORLD, &own->table.rank), "MPI_Comm_rank") &&
         check(f, MPI_Comm_size(MPI_COMM_WORLD, &own->table.count), "MPI_Comm_size");
}

void ranks_mpi_end(void) { (void)MPI_Finalize(); }

void ranks_mpi_abort(void) {
  (void)MPI_Abort(MPI_COMM_WORLD, 1);
  abort();
}
