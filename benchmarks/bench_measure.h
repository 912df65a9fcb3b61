/* One case, all peers: each is judged, then all are timed in turns. docs/benchmarks.md has the method. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H
#include "bench_environment.h"
#include "bench_peer.h"

enum { BENCH_MOST_PEERS = 12, BENCH_MOST_ROUNDS = 200 };

typedef enum bench_state {
  BENCH_MEASURED, /* judged right, and timed */
  BENCH_WRONG,    /* timed, not ranked */
  BENCH_CANNOT,   /* `reason` says why */
  BENCH_FAILED
} bench_state;

typedef struct bench_result {
  const bench_peer *peer;
  const char *version;
  bench_state state;
  char reason[BENCH_REASON];
  double worst;            /* error over tolerance */
  int batch;               /* runs of a sample */
  double median, p10, p90; /* seconds of a run */
  double ratio;            /* its time over ours, median over the rounds; 0: not known */
  double copy_share;       /* the copy's time over its, likewise */
  bool noisy;              /* p10 and p90 are further apart than 30 % of the median */
} bench_result;

typedef struct bench_outcome {
  const bench_case *c;
  const char *cache; /* cold, hot */
  bench_traffic least;
  int slots, rounds;
  char clocks[BENCH_CLOCKS]; /* of a GPU, as soon as it was timed; else empty */
  int count;
  bench_result results[BENCH_MOST_PEERS];
  char skipped[BENCH_REASON]; /* why nothing was measured; empty: something was */
} bench_outcome;

typedef struct bench_effort {
  double seconds;      /* of timing, for a case */
  int rounds;          /* 0: as many as the seconds allow */
  int batch;           /* runs in a sample; 0: as many as take a millisecond */
  size_t cache_bytes;  /* to go round; 0: hot */
  size_t memory_bytes; /* at most, for the ring */
} bench_effort;

typedef struct bench_field {
  const bench_peer *peer[BENCH_MOST_PEERS];
  char version[BENCH_MOST_PEERS][96];
  bool usable[BENCH_MOST_PEERS]; /* else version says why not */
  int count;
} bench_field;

/* False: nothing could be measured, outcome->skipped says why. */
bool bench_measure(const bench_case *c, wn_device *device, const bench_field *field, const bench_effort *effort,
                   bench_outcome *outcome);

#endif
