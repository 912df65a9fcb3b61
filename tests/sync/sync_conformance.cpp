// Every case of batch norm in the list, shared out among ranks, against the oracle over the joined batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "local_ranks.h"
#include "shares.h"

namespace wn::test {
namespace {

constexpr std::int64_t kLong = 215000;  // more would only tell again what long sums do, which other tests know
constexpr std::int64_t kSmall = 20000;

// The same bits on every rank.
std::string StatisticsDiffer(const Result &a, const Result &b) {
  std::string text;
  for (const auto &[name, output] : a.outputs) {
    if (!IsStatistic(name)) continue;
    Result one, other;
    one.outputs[name] = output;
    other.outputs[name] = b.outputs.at(name);
    if (!Difference(one, other).empty()) text += name + " has not the bits of rank 0; ";
  }
  return text;
}

std::string JudgeAll(const SharedCase &c, wn_pass pass, const Given &joined, const std::vector<Result> &results,
                     Report *report) {
  const Expectation all = JoinedExpectation(c, pass, joined);
  std::string text;
  for (int rank = 0; rank < c.ranks(); rank++) {
    const Result &result = results[static_cast<std::size_t>(rank)];
    std::string wrong = JudgeRank(c, pass, rank, joined, all, result, report);
    if (wrong.empty() && results[0].complaint.empty()) wrong = StatisticsDiffer(result, results[0]);
    if (!wrong.empty()) text += "rank " + std::to_string(rank) + ": " + wrong;
  }
  return text;
}

std::vector<Result> RunAll(const SharedCase &c, wn_pass pass, const Given &joined, LocalRanks *ranks) {
  std::vector<Result> results(c.shares.size());
  ranks->Run(
      [&](const wn_comm &comm) { results[static_cast<std::size_t>(comm.rank)] = RunRank(c, pass, comm, joined); });
  return results;
}

// Of a plan's creation and its calls; a mask is made by a forward call.
std::int64_t CollectivesOf(const SharedCase &c, wn_pass pass) {
  if (pass == WN_TRAIN) return 2;
  return pass == WN_BACKWARD ? (c.joined.mask ? 3 : 2) : 1;
}

void CheckShared(const SharedCase &c, wn_pass pass, Report *report) {
  const Given joined = JoinedGiven(c, pass);
  LocalRanks ranks(TestDevice(), c.ranks(), RanksTakeTurns());
  const std::vector<Result> results = RunAll(c, pass, joined, &ranks);
  report->Count();
  if (ranks.collectives() != CollectivesOf(c, pass))
    report->Fail(c.Name(), "made " + std::to_string(ranks.collectives()) + " collectives");
  const std::string wrong = JudgeAll(c, pass, joined, results, report);
  if (!wrong.empty()) report->Fail(PassName(pass), c.Name() + ": " + wrong);
}

void CheckPass(wn_pass pass, std::int64_t least, std::int64_t most) {
  Report report;
  for (const SharedCase &c : SharedCases(0, least, most))
    if (c.joined.HasPass(pass)) CheckShared(c, pass, &report);
}

TEST(SyncConformance, Train) { CheckPass(WN_TRAIN, 0, kSmall); }
TEST(SyncConformance, Infer) { CheckPass(WN_INFER, 0, kSmall); }
TEST(SyncConformance, Backward) { CheckPass(WN_BACKWARD, 0, kSmall); }
TEST(SyncConformance, BackwardFrozen) { CheckPass(WN_BACKWARD_FROZEN, 0, kSmall); }
// Of ranks with one sample each and with several, rows that some threads hold together and such that take a block: what
// a sample of the list may miss, and the CUDA planner has a way of its own for.
TEST(SyncConformance, ShortAndLongRows) {
  Report report;
  for (const wn_dtype type : {WN_F32, WN_F64})
    for (const std::int64_t samples : {1, 2})
      for (const std::int64_t positions : {40, 3000}) {
        SharedCase c;
        c.joined.problem.kind = WN_BATCH;
        c.joined.problem.x_type = type;
        c.joined.problem.n = c.joined.n = 2 * samples;
        c.joined.problem.c = 2;
        c.joined.problem.x = positions;
        c.shares = {samples, samples};
        for (const wn_pass pass : {WN_TRAIN, WN_BACKWARD}) CheckShared(c, pass, &report);
      }
}

TEST(SyncConformanceLong, Train) { CheckPass(WN_TRAIN, kSmall, kLong); }
TEST(SyncConformanceLong, Backward) { CheckPass(WN_BACKWARD, kSmall, kLong); }

// What is judged here notices wrong merging.
class Tampered : public ::testing::Test {
 protected:
  Tampered() {
    c_.joined.problem.kind = WN_BATCH;
    c_.joined.problem.n = c_.joined.n = 24;
    c_.joined.problem.c = 5;
    c_.joined.problem.x = 3;
    c_.shares = {20, 4};
  }

  // What is wrong when these messages of the two ranks have been changed.
  std::string Wrong(wn_pass pass, const std::function<void(std::uint8_t *first, std::uint8_t *second)> &change) {
    const Given joined = JoinedGiven(c_, pass);
    LocalRanks ranks(TestDevice(), 2, RanksTakeTurns());
    ranks.Tamper([&](std::vector<std::uint8_t> *messages) {
      if (messages->size() == 2 * kBytes) change(messages->data(), messages->data() + kBytes);
    });
    Report report;
    report.Count();
    return JudgeAll(c_, pass, joined, RunAll(c_, pass, joined, &ranks), &report);
  }

  static constexpr std::size_t kHeader = 24, kCount = 16, kBytes = kHeader + sizeof(float) * 2 * 5;
  SharedCase c_;
};

TEST_F(Tampered, NothingChanged) {
  for (const wn_pass pass : {WN_TRAIN, WN_BACKWARD}) EXPECT_EQ(Wrong(pass, [](auto...) {}), "");
}

// Means of means.
TEST_F(Tampered, EqualCounts) {
  const auto equal = [](std::uint8_t *first, std::uint8_t *second) {
    const std::int64_t count = std::int64_t{12} * 3;
    std::memcpy(first + kCount, &count, sizeof count);
    std::memcpy(second + kCount, &count, sizeof count);
  };
  EXPECT_NE(Wrong(WN_TRAIN, equal), "");
}

TEST_F(Tampered, NumbersOfAnotherRank) {
  const auto copy = [](const std::uint8_t *first, std::uint8_t *second) {
    std::copy(first + kHeader, first + kBytes, second + kHeader);
  };
  for (const wn_pass pass : {WN_TRAIN, WN_BACKWARD}) EXPECT_NE(Wrong(pass, copy), "");
}

}  // namespace
}  // namespace wn::test
