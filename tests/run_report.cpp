#include "run_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace wn::test {
namespace {

constexpr std::int64_t kShownFailures = 20;

std::size_t Setting(const char *name, std::size_t otherwise) {
  const char *const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// The same bits. Of a NaN the interface promises that it is one: its sign and payload come from whichever operand the
// instruction happens to prefer.
bool Same(const Output &a, const Output &b) {
  if (a.bytes == b.bytes) return true;
  if (a.type == WN_DTYPE_DEFAULT || a.bytes.size() != b.bytes.size()) return false;
  const std::size_t size = TypeBytes(a.type);
  for (std::size_t at = 0; at < a.bytes.size(); at += size) {
    if (std::equal(&a.bytes[at], &a.bytes[at] + size, &b.bytes[at])) continue;
    if (!std::isnan(Load(a.type, &a.bytes[at])) || !std::isnan(Load(b.type, &b.bytes[at]))) return false;
  }
  return true;
}

std::string JudgeCounter(const Result &run, std::int64_t expected) {
  const auto seen = run.outputs.find("batches_seen");
  if (seen == run.outputs.end()) return "";
  std::int64_t count = 0;
  std::memcpy(&count, seen->second.bytes.data(), sizeof count);
  return count == expected
             ? ""
             : "batches_seen is " + std::to_string(count) + ", expected " + std::to_string(expected) + "; ";
}

}  // namespace

std::size_t Every() { return Setting("WN_TEST_EVERY", 1); }

std::size_t First() { return Setting("WN_TEST_FIRST", 0); }

std::int64_t ElementsOf(const Case &c) { return c.n * c.problem.c * c.problem.x; }

void ForCases(std::int64_t most_elements, const std::function<void(const Case &)> &of) {
  const std::size_t every = Every();
  ASSERT_GE(every, 1U) << "WN_TEST_EVERY";
  std::size_t tried = 0;
  for (std::size_t i = First(); i < Cases().size(); i += every) {
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

std::string Judge(const std::string &label, const Expectation &expectation, const Result &run, Report *report) {
  std::string text;
  for (const auto &[name, expected] : expectation.outputs) {
    const auto output = run.outputs.find(name);
    if (output == run.outputs.end()) {
      text += name + " is missing; ";
      continue;
    }
    const Comparison comparison = Compare(expected, output->second.values());
    report->Ratio(name + " " + TypeName(expected.type), label, comparison.worst);
    if (comparison.wrong > 0) text += name + comparison.text + "; ";
  }
  for (const auto &[name, output] : run.outputs)
    if (output.type != WN_DTYPE_DEFAULT && expectation.outputs.count(name) == 0) text += name + " is unjudged; ";
  return text + JudgeCounter(run, expectation.batches_seen);
}

std::string Difference(const Result &a, const Result &b) {
  std::string text = a.complaint + b.complaint;
  std::size_t compared = 0;
  for (const auto &[name, output] : a.outputs) {
    const auto other = b.outputs.find(name);
    if (other == b.outputs.end() || (name == "mask" && (a.fewer || b.fewer))) continue;
    compared++;
    if (!Same(output, other->second)) text += name + " differs; ";
  }
  return compared == 0 ? text + "no output to compare" : text;
}

}  // namespace wn::test
