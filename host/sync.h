/* What ranks exchange, and what a sync plan keeps for it. Plain data: both backends, and kernels, pack and read it. */
#ifndef WNI_SYNC_H
#define WNI_SYNC_H
#include "warpnorm.h"

/* Which call a message belongs to, and how many elements its numbers are of. Of two ranks that are in the same call all
 * but `count` is the same. */
typedef struct wni_sync_header {
  int32_t pass;
  int32_t plan;  /* the sync plans of a process are numbered; it is that of rank 0 */
  int64_t call;  /* of this plan, from 0 */
  int64_t count; /* elements of a set on this rank */
} wni_sync_header;

/* A message: the header, then 2 * params numbers of the arithmetic's type, [2][params]: forward mean and variance (m2 /
 * count, which has room where m2 would overflow), backward sums of dz xhat and of dz. A rank with count 0 has zeros. */
static inline size_t wni_sync_bytes(size_t real_bytes, int64_t params) {
  return sizeof(wni_sync_header) + 2 * (size_t)params * real_bytes;
}

/* What a plan's exchanges leave behind, in device memory: only there a call in a graph can count. */
typedef struct wni_sync_state {
  int64_t calls;        /* exchanges so far */
  int32_t faulty, rank; /* whether there was a fault since it was asked for; which rank was elsewhere, at first */
  wni_sync_header here, there; /* what this rank and that one said */
} wni_sync_state;

/* How a sync plan reaches the other ranks. */
typedef struct wni_sync {
  wn_comm comm;
  int32_t plan;
  wni_sync_state *state;
} wni_sync;

/* The collective, with whatever went wrong as a status with words. mine: `bytes` bytes; all: comm.ranks as many. */
wn_status wni_sync_gather(const wni_sync *sync, const void *mine, void *all, size_t bytes, void *stream);

/* WN_ERR_COMM, with words for a faulty state. */
wn_status wni_sync_fault(const wni_sync *sync, const wni_sync_state *state);

#endif
