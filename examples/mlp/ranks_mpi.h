/* The processes that mpirun has started, as ranks of a training. */
#ifndef RANKS_MPI_H
#define RANKS_MPI_H

#include "ranks.h"

typedef struct wn_mpi wn_mpi;

typedef struct ranks_mpi {
  ranks table; /* what a training takes */
  bool shared; /* statistics of batch norm */
  wn_mpi *mpi;
} ranks_mpi;

/* First of all, and once. */
bool ranks_mpi_start(ranks_mpi *, bool shared, fault *);
void ranks_mpi_end(void);
/* For a rank that has failed: the others wait for it, so it ends them too. */
void ranks_mpi_abort(void) __attribute__((noreturn));

#endif
