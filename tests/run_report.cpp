#include "run_report.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace wn::test {
namespace {

constexpr std::int64_t kShownFailures = 20;

std::size_t EveryFromEnvironment() {
  const char *const every = std::getenv("WN_TEST_EVERY");
  return every == nullptr ? 1 : std::strtoull(every, nullptr, 10);
}

}  // namespace

std::int64_t ElementsOf(const Case &c) { return c.n * c.problem.c * c.problem.x; }

void ForCases(std::int64_t most_elements, const std::function<void(const Case &)> &of) {
  const std::size_t every = EveryFromEnvironment();
  ASSERT_GE(every, 1U) << "WN_TEST_EVERY";
  std::size_t tried = 0;
  for (std::size_t i = 0; i < Cases().size(); i += every) {
    if (ElementsOf(Cases()[i]) > most_elements) continue;
    of(Cases()[i]);
    tried++;
  }
  EXPECT_GT(tried, 0U);
}

void ForRuns(std::int64_t most_elements, const std::function<void(const Runner &, wn_pass)> &of) {
  ForCases(most_elements, [&](const Case &c) {
    const Runner runner(c);
    for (const wn_pass pass : kPasses)
      if (c.HasPass(pass)) of(runner, pass);
  });
}

Report::~Report() {
  EXPECT_EQ(failures_, 0) << "of " << runs_ << " runs";
  EXPECT_GT(runs_, 0);
  std::printf("%lld runs, %lld failures\n", static_cast<long long>(runs_), static_cast<long long>(failures_));
  for (const auto &[output, worst] : worst_)
    std::printf("worst part of the tolerance used by %-16s %.3f  %s\n", output.c_str(),
                static_cast<double>(worst.ratio), worst.label.c_str());
}

void Report::Fail(const std::string &label, const std::string &text) {
  if (failures_++ < kShownFailures) ADD_FAILURE() << label << ": " << text;
}

void Report::Ratio(const std::string &output, const std::string &label, real ratio) {
  Worst &worst = worst_[output];
  if (ratio > worst.ratio) worst = {ratio, label};
}

std::string Label(const Case &c, wn_pass pass) { return std::string(PassName(pass)) + " of " + c.Name(); }

std::string Difference(const Result &a, const Result &b) {
  std::string text = a.complaint + b.complaint;
  std::size_t compared = 0;
  for (const auto &[name, output] : a.outputs) {
    const auto other = b.outputs.find(name);
    if (other == b.outputs.end() || (name == "mask" && (a.fewer || b.fewer))) continue;
    compared++;
    if (output.bytes != other->second.bytes) text += name + " differs; ";
  }
  return compared == 0 ? text + "no output to compare" : text;
}

}  // namespace wn::test
