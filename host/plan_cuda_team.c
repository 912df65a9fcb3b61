/* How many blocks hold a set together, so that it is read once: in shared memory, from its statistics or sums to what
 * is made of them. */
#include "plan_cuda_parts.h"

enum {
  TEAM_SEATS = 2,  /* blocks of teams on a multiprocessor: one loads while the other waits or stores */
  RESERVED = 1024, /* bytes of shared memory that each block costs, whatever it asks for */
  SPARE = 4        /* times the blocks that it takes, at most: more would wait for one another longer than they work */
};

/* From the last block's signal to all of them seeing it, through the second-level cache: 1.0 to 1.2 us on H200
 * (te42kyfo/gpu-benches, gpu-small-kernels). */
static const double meeting_seconds = 1.2e-6;

int64_t wni_cuda_team_seats(const wni_cuda_figures *d) { return TEAM_SEATS * (int64_t)d->sms; }

/* Bytes of a block's launch. */
static int64_t team_room(const wni_cuda_figures *d) {
  return least(room_of(d), d->shared_per_sm / TEAM_SEATS - RESERVED - STATIC_SHARED);
}

/* Blocks along the units, at most. */
static int64_t most_seats(const wni_cuda_figures *d, const wni_cuda_load *load) {
  return least(ceil_div(load->units, load->few), wni_cuda_team_seats(d) / load->width);
}

/* Blocks that have room for the units of a set; 0: not even all of the device's have. */
static int64_t least_blocks(const wni_cuda_figures *d, const wni_cuda_load *load) {
  const int64_t each = (team_room(d) - load->fixed) / load->bytes;
  const int64_t blocks = each > 0 ? ceil_div(load->units, each) : INT64_MAX;
  return blocks <= most_seats(d, load) ? blocks : 0;
}

/* Bytes that a block moves, or could in the time that it waits, until all sets are done: of a unit twice its bytes. */
static double bytes_until_done(const wni_cuda_figures *d, const wni_cuda_load *load, int64_t sets, int64_t blocks) {
  const int64_t seats = wni_cuda_team_seats(d), rounds = ceil_div(sets, seats / (blocks * load->width));
  const double meeting = blocks * load->width > 1 ? meeting_seconds * d->bytes_per_second / (double)seats : 0;
  return (double)rounds * (2.0 * (double)ceil_div(load->units, blocks) * (double)load->bytes + meeting);
}

int64_t wni_cuda_team_blocks(const wni_cuda_figures *d, const wni_cuda_load *load, int64_t sets) {
  const int64_t fewest = least_blocks(d, load);
  if (fewest == 0 || sets == 0) return fewest;
  const int64_t most_blocks = wni_cuda_most_team_blocks(d, load);
  int64_t best = fewest;
  double least_bytes = bytes_until_done(d, load, sets, best);
  for (int64_t blocks = fewest + 1; blocks <= most_blocks; blocks++) {
    const double bytes = bytes_until_done(d, load, sets, blocks);
    if (bytes < least_bytes) best = blocks, least_bytes = bytes;
  }
  return best;
}

int64_t wni_cuda_most_team_blocks(const wni_cuda_figures *d, const wni_cuda_load *load) {
  const int64_t fewest = least_blocks(d, load), seats = most_seats(d, load);
  return fewest > 0 ? least(seats, SPARE * fewest) : seats; /* of a set that does not fit: smaller ones may */
}
