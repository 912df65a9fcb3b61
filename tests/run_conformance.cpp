// Every case of the list, every pass that it has, against the oracle.
#include <gtest/gtest.h>

#include <limits>

#include "run_report.h"

namespace wn::test {
namespace {

constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSmall = 50000;

void CheckRun(const Runner &runner, wn_pass pass, Report *report) {
  const Case &c = runner.test_case();
  const std::string label = Label(c, pass);
  const bool forward = pass == WN_TRAIN || pass == WN_INFER;
  const Given in = forward ? MakeForwardGiven(c, pass) : MakeBackwardGiven(c, pass);
  const Expectation expectation = ExpectedOf(c, pass, in);
  const Result run = runner.Do(pass, in, {});
  report->Count();
  if (!run.complaint.empty()) report->Fail(label, run.complaint);
  if (run.status != WN_OK) return;
  const std::string wrong = Judge(label, expectation, run, report);
  if (!wrong.empty()) report->Fail(label, wrong);
}

void CheckPass(wn_pass pass, std::int64_t least, std::int64_t most) {
  Report report;
  ForCases(most, [&](const Case &c) {
    if (ElementsOf(c) <= least || !c.HasPass(pass)) return;
    CheckRun(Runner(c), pass, &report);
  });
}

TEST(Conformance, Train) { CheckPass(WN_TRAIN, 0, kSmall); }
TEST(Conformance, Infer) { CheckPass(WN_INFER, 0, kSmall); }
TEST(Conformance, Backward) { CheckPass(WN_BACKWARD, 0, kSmall); }
TEST(Conformance, BackwardFrozen) { CheckPass(WN_BACKWARD_FROZEN, 0, kSmall); }
TEST(ConformanceLong, Train) { CheckPass(WN_TRAIN, kSmall, kAny); }
TEST(ConformanceLong, Infer) { CheckPass(WN_INFER, kSmall, kAny); }
TEST(ConformanceLong, Backward) { CheckPass(WN_BACKWARD, kSmall, kAny); }
TEST(ConformanceLong, BackwardFrozen) { CheckPass(WN_BACKWARD_FROZEN, kSmall, kAny); }

}  // namespace
}  // namespace wn::test
