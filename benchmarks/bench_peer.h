/* What is measured beside what: a peer is one const table, in a file of its own. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H
#include "bench_ring.h"

/* Room for the reason why a peer cannot do something. */
enum { BENCH_REASON = 200 };

typedef struct bench_setup {
  const bench_case *c;
  wn_device *device;
  const bench_ring *ring;
} bench_setup;

typedef struct bench_peer {
  const char *name;
  const char *about;  /* one line for --help */
  wn_backend backend; /* that it runs on; WN_AUTO: any */
  bool ranked;        /* false: not a rival (a copy, a layout of its own); shown only */
  bool when_named;    /* only when --peer names it */

  /* The version of what runs, into `text`; false: it cannot be used here, and `text` says why. */
  bool (*version)(char *text, size_t size);

  /* Why the peer cannot do a case; NULL: it can, as far as the case alone tells. Pure: needs neither device nor
   * library.
   */
  const char *(*cannot)(const bench_case *c);

  /* The peer made ready for a case; NULL: `reason` says why it cannot do this one after all. */
  void *(*prepare)(const bench_setup *setup, char *reason, size_t size);

  /* One pass over the arrays of slot `slot` of the ring; enqueued where the device has streams. False: it failed, and
   * nothing more is asked of it. */
  bool (*run)(void *state, int slot, void *stream);

  /* After a run: fills the slot's arrays from the peer's own layout. NULL: they are filled already. */
  bool (*read_back)(void *state, int slot);

  /* Whether the run writes an array that only some libraries give: what it does not is not judged. NULL: all. */
  bool (*writes)(const bench_case *c, bench_role role);

  void (*release)(void *state);
} bench_peer;

/* What many tables have in them. */
const char *bench_can_all(const bench_case *c);                  /* cannot: NULL */
bool bench_writes_rstd(const bench_case *c, bench_role role);    /* writes: keeps it, and no variance */
bool bench_writes_nothing(const bench_case *c, bench_role role); /* writes: no normalization, nothing to judge */
bool bench_copy_version(char *text, size_t size);                /* version: of both copies */
/* prepare: so many zero bytes for its state, to be freed with free(); NULL: no memory, and `reason` says so. */
void *bench_peer_state(size_t bytes, char *reason, size_t size);

/* All there are in this build, ours first; NULL ends them. */
extern const bench_peer *const bench_peers[];

extern const bench_peer bench_peer_warpnorm, bench_peer_copy, bench_peer_planted;
extern const bench_peer bench_peer_onednn, bench_peer_onednn_blocked;
extern const bench_peer bench_peer_warpnorm_graph, bench_peer_copy_cuda, bench_peer_cudnn, bench_peer_cudnn_graph;

#endif
