/* Processes that train one network together: each takes its share of every batch, and all step by the mean of their
 * gradients, so that their weights stay the same. ranks_mpi.c has them; nothing else here knows MPI. */
#ifndef RANKS_H
#define RANKS_H

#include "network.h"

typedef struct ranks {
  int rank, count;
  const wn_comm *statistics; /* what batch norms share their statistics by; NULL: each rank has its own share's */
  /* Collectives, which every rank calls. join: before networks are made on the device; makes `statistics`, if they are
   * to be shared. leave: after the networks are gone. sum: replaces values by their sums, the same bits on each rank.
   */
  bool (*join)(struct ranks *, wn_device *, fault *);
  void (*leave)(struct ranks *);
  bool (*sum)(int64_t count, float *values, fault *);
} ranks;

/* Rows of a batch: `first` and as many on. */
typedef struct ranks_share {
  int64_t first, rows;
} ranks_share;

/* NULL for ranks, here and below: one process alone. Ranks have equal shares, so their number divides the batch's. */
ranks_share ranks_share_of(const ranks *, int64_t batch);

/* Rank 0 speaks for all: it evaluates and writes. */
static inline bool ranks_leads(const ranks *r) { return !r || r->rank == 0; }

typedef struct ranks_room { /* in host memory: all gradients, one after the other */
  int64_t count;
  float *gradients;
} ranks_room;

bool ranks_room_take(ranks_room *, const ranks *, const network *, fault *);
void ranks_room_release(ranks_room *);
/* Replaces the network's gradients, those of the mean loss of a share, by those of the batch's mean loss. */
bool ranks_average(const ranks *, const ranks_room *, network *, fault *);

#endif
