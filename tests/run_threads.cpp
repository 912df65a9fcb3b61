// Threads that share one plan, each with memory of its own, get what one thread gets.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "run_report.h"

namespace wn::test {
namespace {

constexpr std::size_t kThreads = 4;

Case Shared(wn_kind kind, wn_layout layout) {
  Case c;
  wn_problem &p = c.problem;
  p.kind = kind;
  p.layout = layout;
  p.x_type = WN_BF16;
  p.act = WN_ACT_GELU;
  p.add = WN_ADD_AFTER;
  p.n = c.n = 24;
  p.c = 96;
  p.x = 20;
  p.groups = kind == WN_GROUP ? 8 : 1;
  return c;
}

TEST(SharedPlan, ThreadsGetTheSameBits) {
  Sample sample;
  for (const wn_kind kind : {WN_BATCH, WN_LAYER, WN_GROUP, WN_INSTANCE, WN_RMS}) {
    for (const wn_layout layout : {WN_NCX, WN_NXC}) {
      const Case c = Shared(kind, layout);
      const Runner runner(c);
      for (const wn_pass pass : kPasses) {
        if (!c.HasPass(pass) || !sample.Take()) continue;
        const Result alone = runner.Do(pass);
        std::vector<std::string> differences(kThreads);
        std::vector<std::thread> threads;
        threads.reserve(kThreads);
        for (std::string &difference : differences) {
          threads.emplace_back([&runner, &alone, &difference, pass] {
            for (int round = 0; round < 3; round++) difference += Difference(alone, runner.Do(pass));
          });
        }
        for (std::thread &thread : threads) thread.join();
        for (const std::string &difference : differences) EXPECT_EQ(difference, "") << Label(c, pass);
      }
    }
  }
}

// Plans are made and destroyed by threads at the same time.
TEST(SharedPlan, ThreadsMakePlansOfTheirOwn) {
  const Case c = Shared(WN_BATCH, WN_NXC);
  const Result alone = Runner(c).Do(WN_TRAIN);
  std::vector<std::string> differences(kThreads);
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (std::string &difference : differences) {
    threads.emplace_back([&c, &alone, &difference] {
      for (int round = 0; round < 5; round++) difference += Difference(alone, Runner(c).Do(WN_TRAIN));
    });
  }
  for (std::thread &thread : threads) thread.join();
  for (const std::string &difference : differences) EXPECT_EQ(difference, "");
}

}  // namespace
}  // namespace wn::test
