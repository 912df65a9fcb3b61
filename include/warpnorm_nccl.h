/* warpnorm_nccl.h - ranks of NCCL for the sync plans of warpnorm.h. In a library of its own, libwarpnorm_nccl.
 *
 *    ncclCommInitRank(&comm, ranks, id, rank);
 *    wn_device_open(&device, WN_CUDA, ordinal);
 *    wn_nccl_open(&nccl, device, comm, 60);                            // collective; late by 60 s is lost
 *    wn_plan_create_sync(&plan, device, &problem, wn_nccl_comm(nccl)); // collective
 *    ...                                                               // wn_train, wn_backward: on every rank
 *    status = wn_plan_sync_status(plan, stream);                       // now and then: waits for the stream
 *    wn_plan_destroy(plan);
 *    wn_nccl_close(nccl);
 *
 * Exchanges are enqueued on the stream of the call, between the library's kernels; nothing waits for them. A call can
 * be captured in a CUDA graph once the same plan has run without: NCCL makes its connections in the first call. Every
 * rank launches its graph as often as the others.
 *
 * FAULTS
 *
 * The exchanges run on a communicator of the adapter's own, split from the caller's, which no fault touches. An error
 * that NCCL has found is the answer of the next call, and of wn_plan_sync_status. A rank that is late or gone shows in
 * wn_plan_sync_status, which waits no longer than the limit, for all that was enqueued on the stream: then, and after
 * an error, the adapter aborts its communicator. That ends NCCL's kernels, so the stream goes on and can be waited
 * for, with results of no use; every later exchange answers WN_ERR_COMM at once. Any other wait for the stream,
 * wn_stream_wait among them, knows no limit. wn_nccl_open, and the first exchange of a plan, wait on the host as long
 * as NCCL does. */
/* clang-format off */
#ifndef WARPNORM_NCCL_H
#define WARPNORM_NCCL_H
#include <nccl.h>
#include <warpnorm.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct wn_nccl wn_nccl;

/* The ranks of a communicator (NCCL 2.18 or later) for plans of one device, that of the communicator. Collective over
 * comm, which stays the caller's and is not used any more afterwards. limit: seconds that wn_plan_sync_status waits;
 * INFINITY: any. The plans belong to one thread at a time, all of them together. *nccl is the caller's; NULL after an
 * error. Errors: ARGUMENT (nccl, device or comm NULL, limit not above 0), UNSUPPORTED (device is no GPU), MEMORY, COMM. */
WN_API wn_status wn_nccl_open(wn_nccl **nccl, wn_device *device, ncclComm_t comm, double limit);

/* For wn_plan_create_sync, as long as nccl lives; it must outlive the plans. NULL for NULL. */
WN_API const wn_comm *wn_nccl_comm(const wn_nccl *nccl);

/* Collective, after its plans are gone, unless the communicator is lost. NULL is fine. Errors: COMM. */
WN_API wn_status wn_nccl_close(wn_nccl *nccl);

#ifdef __cplusplus
}
#endif
#endif
