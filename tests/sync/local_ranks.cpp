#include "local_ranks.h"

#include <cstdlib>
#include <cstring>
#include <thread>

namespace wn::test {

bool RanksTakeTurns() {
  const char *const backend = std::getenv("WN_TEST_BACKEND");
  return backend != nullptr && std::strcmp(backend, "cuda") == 0;
}

LocalRanks::LocalRanks(wn_device *device, int ranks, bool one_at_a_time)
    : device_(device), one_at_a_time_(one_at_a_time) {
  for (int rank = 0; rank < ranks; rank++) seats_.push_back({this, rank, {}});
}

void LocalRanks::Run(const std::function<void(const wn_comm &)> &of) {
  gone_ = 0;
  std::vector<std::thread> threads;
  threads.reserve(seats_.size());
  for (Seat &seat : seats_) {
    threads.emplace_back([this, &seat, &of] {
      const wn_comm comm = {sizeof comm, seat.rank, ranks(), &seat, AllGather, nullptr};
      if (one_at_a_time_) turn_.lock();
      of(comm);
      if (one_at_a_time_) turn_.unlock();
      Leave();
    });
  }
  for (std::thread &thread : threads) thread.join();
}

std::int64_t LocalRanks::collectives() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return collectives_;
}

std::size_t LocalRanks::bytes() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

void LocalRanks::Leave() {
  const std::lock_guard<std::mutex> lock(mutex_);
  gone_++;
  changed_.notify_all();
}

bool LocalRanks::Meet(std::unique_lock<std::mutex> *lock) {
  const std::int64_t meeting = meetings_;
  if (++waiting_ == ranks()) {
    waiting_ = 0;
    meetings_++;
    changed_.notify_all();
    return true;
  }
  if (one_at_a_time_) turn_.unlock();
  changed_.wait(*lock, [&] { return meetings_ != meeting || gone_ > 0; });
  const bool met = meetings_ != meeting;
  if (!met) waiting_--;
  lock->unlock();  // never wait for the turn with what the others need to give it up
  if (one_at_a_time_) turn_.lock();
  lock->lock();
  return met;
}

wn_status LocalRanks::AllGather(void *context, const void *mine, void *all, std::size_t bytes, void *stream) {
  auto *const seat = static_cast<Seat *>(context);
  return seat->all->Gather(seat, mine, all, bytes, stream);
}

wn_status LocalRanks::Gather(Seat *seat, const void *mine, void *all, std::size_t bytes, void *stream) {
  seat->message.resize(bytes);
  wn_status status = wn_buffer_read(device_, seat->message.data(), mine, bytes, stream);
  if (status == WN_OK) status = wn_stream_wait(device_, stream);
  std::vector<std::uint8_t> joined;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (fail_on_ == seat->rank) return WN_ERR_COMM;
    if (!Meet(&lock)) return wn_error_note(WN_ERR_COMM, "a rank has left");
    for (const Seat &other : seats_) {
      if (other.message.size() != bytes) status = wn_error_note(WN_ERR_COMM, "messages of different sizes");
      joined.insert(joined.end(), other.message.begin(), other.message.end());
    }
    if (tamper_) tamper_(&joined);
    bytes_ = bytes;
    if (!Meet(&lock)) return wn_error_note(WN_ERR_COMM, "a rank has left");  // then messages may change again
    if (seat->rank == 0) collectives_++;
  }
  return status == WN_OK ? wn_buffer_write(device_, all, joined.data(), joined.size(), stream) : status;
}

}  // namespace wn::test
