/* A case with its buffers, its peers and its oracle, for benchmarks in other languages: benchmarks/torch_compare.py
 * runs PyTorch on the same memory, in turns with the peers of this library. Nothing here is more than a name for what
 * the other files do; arrays are named as bench_role_name() names them. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bench_session bench_session;

/* The case is one line that says its type and its pass. Cold buffers, or hot ones; at most `memory_bytes` of them (0:
 * half of what is free). NULL: `why` says why not. */
bench_session *bench_session_open(const char *line, const char *device, bool cold, uint64_t memory_bytes, char *why,
                                  size_t size);
void bench_session_close(bench_session *session);

int bench_session_slots(const bench_session *session);
/* Memory of the device; NULL: the case has no such array. `result` tells what a pass returns from what it is given
 * where both have the name (mean, rstd). */
void *bench_session_array(const bench_session *session, int slot, const char *name, bool result);

/* Peers, ours first: their names, and whether they are ready; else `why` says why not. */
int bench_session_peers(const bench_session *session);
const char *bench_session_peer(const bench_session *session, int peer);
const char *bench_session_version(const bench_session *session, int peer);
bool bench_session_ranked(const bench_session *session, int peer);
bool bench_session_ready(const bench_session *session, int peer, char *why, size_t size);
bool bench_session_run(bench_session *session, int peer, int slot);
bool bench_session_read_back(bench_session *session, int peer, int slot);
/* Whether the peer gives the result of that name. */
bool bench_session_writes(const bench_session *session, int peer, const char *name);

/* Slot 0 as it was at first: what is given, and NaN in what is returned. */
bool bench_session_reset(bench_session *session);
/* Judges what slot 0 holds, of the results in `names` (with spaces between them). `ours`: by what this library
 * promises. */
bool bench_session_judge(const bench_session *session, const char *names, bool ours, double *worst, char *text,
                         size_t size);

/* The environment as a line of JSON that names `tool`, with the clocks of this moment. */
void bench_session_environment(const bench_session *session, const char *tool, char *text, size_t size);

#endif
