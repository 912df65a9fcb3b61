/* Teams of blocks: each takes a piece of a set, all of them need what the pieces have come to. Every block leaves its
 * numbers in the workspace, tells the others so, and waits for them; then each puts the numbers together for itself, in
 * the one order of pieces.cuh. All blocks of such a launch are on the device at once (wni_cuda_launch, together), else
 * the first ones would wait for ever. */
#ifndef WNI_TEAM_CUH
#define WNI_TEAM_CUH
#include "kernels/cuda/cuda_job.h"
#include "kernels/cuda/mixed.cuh"

namespace wn {

/* The blocks of a team are neighbours; teams take tasks index, index + teams, ... */
struct BlockTeam {
  unsigned blocks, member, index, teams;
  unsigned met; /* blocks that have come, over all tasks, when all are there once more */
};

WN_DEVICE BlockTeam block_team_of(int blocks) {
  const unsigned n = static_cast<unsigned>(blocks), index = wn_block() / n;
  return {n, wn_block() - index * n, index, wn_blocks() / n, 0};
}

/* What any thread of the team has stored before, all see afterwards. */
WN_DEVICE void meet(const wni_cuda_job &job, BlockTeam *team) {
  wn_sync_block();
  if (team->blocks == 1) return;
  team->met += team->blocks;
  if (wn_thread() == 0) {
    unsigned *const arrived = job.arrived + team->index;
    wn_signal(arrived);
    while (static_cast<int>(wn_poll(arrived) - team->met) < 0) wn_pause();
  }
  wn_sync_block();
}

/* ---- octets that a block keeps in shared memory until it needs them again, in memory's format: of neighbours the
 * 16-byte words lie side by side, so that accesses do not collide: [words of an octet][octets] */

template <class T>
struct KeptOctets {
  uint4 *room;
  unsigned octets;
};

/* What a backward pass keeps. */
template <class X, class D>
struct KeptInput {
  KeptOctets<X> x;
  KeptOctets<D> dy;
};

/* Words of 16 bytes that an octet takes. */
template <class T>
constexpr int kKeptWords = Packed<T>::kWords / 4;

/* Those that this one fills. */
template <class T>
WN_DEVICE int filled_words(const Packed<T> &) {
  return kKeptWords<T>;
}
WN_DEVICE int filled_words(const Packed<mixed> &p) { return p.type == WN_F32 ? 2 : 1; }

template <class T>
WN_DEVICE void keep_octet(const KeptOctets<T> &kept, unsigned i, const Packed<T> &p) {
#pragma unroll
  for (int w = 0; w < kKeptWords<T>; w++) {
    if (w >= filled_words(p)) break;
    uint4 v;
    __builtin_memcpy(&v, &p.word[4 * w], sizeof v);
    kept.room[w * kept.octets + i] = v;
  }
}

/* The words of p, whose type, where it has one, is there. */
template <class T>
WN_DEVICE void take_octet(const KeptOctets<T> &kept, unsigned i, Packed<T> *p) {
#pragma unroll
  for (int w = 0; w < kKeptWords<T>; w++) {
    if (w >= filled_words(*p)) break;
    const uint4 v = kept.room[w * kept.octets + i];
    __builtin_memcpy(&p->word[4 * w], &v, sizeof v);
  }
}

}  // namespace wn
#endif
