// Calls that are compared are measured in turn, and their times are sorted.
extern "C" {
#include "interleaved_times.h"
}

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

namespace {

struct Named {
  char name;
  std::string *log;
};

bool log_call(void *context, fault *) {
  const auto *const named = static_cast<const Named *>(context);
  *named->log += named->name;
  return true;
}

// The later, the shorter: unsorted the largest would come first.
bool sleep_less_and_less(void *context, fault *) {
  auto *const milliseconds = static_cast<int *>(context);
  std::this_thread::sleep_for(std::chrono::milliseconds(*milliseconds));
  *milliseconds -= 3;
  return true;
}

bool refuse(void *, fault *f) { return fault_set(f, "it will not"); }

timed_call of(bool (*call)(void *, fault *), void *context, int calls) {
  timed_call t = {};
  t.call = call;
  t.context = context;
  t.calls = calls;
  return t;
}

TEST(InterleavedTimes, TakeTheCallsInTurnAfterARoundThatDoesNotCount) {
  std::string log;
  Named a = {'a', &log}, b = {'b', &log};
  timed_call calls[] = {of(log_call, &a, 2), of(log_call, &b, 1)};
  fault f = {};
  ASSERT_TRUE(times_measure(calls, 2, 3, &f)) << f.text;
  EXPECT_EQ(log, "aabaabaabaab");
}

TEST(InterleavedTimes, AreThoseOfOneCallAndSorted) {
  int milliseconds = 24;
  timed_call calls[] = {of(sleep_less_and_less, &milliseconds, 2)};
  fault f = {};
  ASSERT_TRUE(times_measure(calls, 1, 3, &f)) << f.text;
  EXPECT_TRUE(std::is_sorted(calls[0].seconds, calls[0].seconds + 3));
  // Behind the uncounted 24 and 21: 18 and 15, 12 and 9, 6 and 3; on a busy machine longer, never shorter.
  EXPECT_GE(calls[0].seconds[0], 0.0045);
  EXPECT_GE(calls[0].seconds[2], 0.0165);
}

TEST(InterleavedTimes, EndWithACallThatFails) {
  timed_call calls[] = {of(refuse, nullptr, 1)};
  fault f = {};
  EXPECT_FALSE(times_measure(calls, 1, 1, &f));
  EXPECT_STREQ(f.text, "it will not");
}

TEST(InterleavedTimes, RefuseMoreRoundsThanTheyHaveRoomFor) {
  fault f = {};
  EXPECT_FALSE(times_measure(nullptr, 0, TIMES_MOST_ROUNDS + 1, &f));
  EXPECT_STREQ(f.text, "65 rounds: 1 to 64");
}

}  // namespace
