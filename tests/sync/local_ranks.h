// Ranks that are threads of this program, with a collective between them.
#ifndef WN_TESTS_SYNC_LOCAL_RANKS_H
#define WN_TESTS_SYNC_LOCAL_RANKS_H
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "warpnorm.h"

namespace wn::test {

class LocalRanks {
 public:
  // one_at_a_time: a rank runs until it waits in a collective, as the emulated GPUs need it, which know one thread.
  LocalRanks(wn_device *device, int ranks, bool one_at_a_time);
  LocalRanks(const LocalRanks &) = delete;
  LocalRanks &operator=(const LocalRanks &) = delete;

  // of(comm) for each rank, in a thread of its own; returns when all have. A rank that has returned takes part in no
  // collective any more: the others get WN_ERR_COMM then.
  void Run(const std::function<void(const wn_comm &)> &of);

  int ranks() const { return static_cast<int>(seats_.size()); }
  // Of all Runs: how many collectives have succeeded; and of the last one the bytes of a message. Ranks may ask, too.
  std::int64_t collectives();
  std::size_t bytes();
  // The next collective answers WN_ERR_COMM on this rank, without words, and takes no part; -1: on none.
  void FailOn(int rank) { fail_on_ = rank; }
  // Changes all messages, one after the other, before the ranks get them.
  void Tamper(std::function<void(std::vector<std::uint8_t> *messages)> with) { tamper_ = std::move(with); }

 private:
  struct Seat {
    LocalRanks *all;
    int rank;
    std::vector<std::uint8_t> message;
  };

  static wn_status AllGather(void *context, const void *mine, void *all, std::size_t bytes, void *stream);
  wn_status Gather(Seat *seat, const void *mine, void *all, std::size_t bytes, void *stream);
  bool Meet(std::unique_lock<std::mutex> *lock);  // false: it can not be
  void Leave();

  wn_device *device_;
  bool one_at_a_time_;
  std::vector<Seat> seats_;
  std::mutex mutex_, turn_;
  std::condition_variable changed_;
  int waiting_ = 0, gone_ = 0, fail_on_ = -1;
  std::int64_t meetings_ = 0, collectives_ = 0;
  std::size_t bytes_ = 0;
  std::function<void(std::vector<std::uint8_t> *)> tamper_;
};

// Whether the device of WN_TEST_BACKEND knows one thread only: the emulated GPUs.
bool RanksTakeTurns();

}  // namespace wn::test
#endif
