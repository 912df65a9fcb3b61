/* warpnorm_mpi.h - ranks of MPI for the sync plans of warpnorm.h. In a library of its own, libwarpnorm_mpi.
 *
 *    MPI_Init(&argc, &argv);
 *    wn_device_open(&device, WN_AUTO, 0);
 *    wn_mpi_open(&mpi, device, MPI_COMM_WORLD, 60);                 // collective; late by 60 s is lost
 *    wn_plan_create_sync(&plan, device, &problem, wn_mpi_comm(mpi)); // collective
 *    ...                                                            // wn_train, wn_backward: on every rank
 *    wn_plan_destroy(plan);
 *    wn_mpi_close(mpi);                                             // collective
 *    MPI_Finalize();
 *
 * MPI sends from memory of the host. On the processor that is a copy of a few kilobytes. On a GPU the messages are
 * copied to the host and back, whether or not the MPI knows CUDA, and as MPI knows no streams each exchange waits for
 * the plan's stream: prefer warpnorm_nccl.h there. A stream that is being captured is refused with WN_ERR_DEVICE, and
 * the capture goes on.
 *
 * FAULTS
 *
 * What MPI reports is returned and not fatal: the exchanges run on a duplicate of the communicator, whose errors are
 * returned. Open MPI 4 blames MPI_COMM_WORLD for them, so in the moment in which an exchange ends its errors are
 * returned as well.
 *
 * An exchange that has not ended after the limit, because a rank is late, gone or in other code, is an error on the
 * ranks that waited. MPI cannot take such a collective back: it may still write its memory, which is therefore the
 * adapter's, never the caller's. From then on every exchange answers WN_ERR_COMM at once, wn_mpi_close leaves that
 * memory and the duplicate to the end of the process, and MPI_Finalize may wait for ever: end with MPI_Abort. Whether
 * the other ranks survive one that dies is up to MPI: Open MPI 4's mpirun ends them unless it is told
 * --enable-recovery, with MPICH 4.0 hardly any was seen to. */
/* clang-format off */
#ifndef WARPNORM_MPI_H
#define WARPNORM_MPI_H
#include <mpi.h>
#include <warpnorm.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct wn_mpi wn_mpi;

/* The ranks of a communicator for plans of one device. Collective over comm, which is not used any more afterwards.
 * limit: seconds that an exchange, this one included, may take; INFINITY: any. MPI, 3.0 or later, must be initialised. Its
 * plans belong to one thread at a time, all of them together.
 * *mpi is the caller's; NULL after an error. Errors: ARGUMENT (mpi, device NULL, limit not above 0, comm MPI_COMM_NULL,
 * MPI not initialised), MEMORY, COMM. */
WN_API wn_status wn_mpi_open(wn_mpi **mpi, wn_device *device, MPI_Comm comm, double limit);

/* For wn_plan_create_sync, as long as mpi lives; it must outlive the plans. NULL for NULL. */
WN_API const wn_comm *wn_mpi_comm(const wn_mpi *mpi);

/* Collective, after its plans are gone and before MPI_Finalize. NULL is fine. Errors: COMM. */
WN_API wn_status wn_mpi_close(wn_mpi *mpi);

#ifdef __cplusplus
}
#endif
#endif
