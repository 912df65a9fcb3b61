// Every case of the list, every pass that it has, against the oracle.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "run_report.h"

namespace wn::test {
namespace {

constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kSmall = 20000;

void CheckCounter(const Result &run, std::int64_t expected, const std::string &label, Report *report) {
  const auto seen = run.outputs.find("batches_seen");
  if (seen == run.outputs.end()) return;
  std::int64_t count = 0;
  std::memcpy(&count, seen->second.bytes.data(), sizeof count);
  if (count != expected)
    report->Fail(label, "batches_seen is " + std::to_string(count) + ", expected " + std::to_string(expected));
}

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
  for (const auto &[name, expected] : expectation.outputs) {
    const Comparison comparison = Compare(expected, run.outputs.at(name).values());
    report->Ratio(name + " " + TypeName(expected.type), label, comparison.worst);
    if (comparison.wrong > 0) report->Fail(label, name + comparison.text);
  }
  CheckCounter(run, expectation.batches_seen, label, report);
  for (const auto &[name, output] : run.outputs)
    if (output.type != WN_DTYPE_DEFAULT && expectation.outputs.count(name) == 0)
      report->Fail(label, name + " unjudged");
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
