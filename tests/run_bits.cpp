// What must not change a single bit: another run, other garbage in memory, the number of threads, what else is wanted,
// buffers that share memory, other rows.
#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "run_report.h"

namespace wn::test {
namespace {

constexpr std::int64_t kSmall = 20000, kMedium = 320000;

bool IsForward(wn_pass pass) { return pass == WN_TRAIN || pass == WN_INFER; }

class Threads {  // the number of OpenMP threads, for a scope
 public:
  explicit Threads(int count) : before_(omp_get_max_threads()) { omp_set_num_threads(count); }
  ~Threads() { omp_set_num_threads(before_); }
  Threads(const Threads &) = delete;
  Threads &operator=(const Threads &) = delete;

 private:
  int before_;
};

std::string Subset(unsigned bits, const std::vector<std::string> &names) {
  std::string text = "without";
  for (std::size_t i = 0; i < names.size(); i++)
    if ((bits >> i & 1U) != 0) text += " " + names[i];
  return text;
}

TEST(Bits, SameInASecondRunOverOtherGarbage) {
  Report report;
  ForRuns(kMedium, [&](const Runner &runner, wn_pass pass) {
    RunOptions other;
    other.garbage = 0x47;  // large numbers of every type instead of NaN
    const std::string text = Difference(runner.Do(pass), runner.Do(pass, other));
    if (!text.empty()) report.Fail(Label(runner.test_case(), pass), text);
    report.Count();
  });
}

TEST(Bits, SameForAnyNumberOfThreads) {
  Report report;
  ForRuns(kMedium, [&](const Runner &runner, wn_pass pass) {
    if (ElementsOf(runner.test_case()) < 2000) return;  // too small for more than one thread
    const Threads one(1);
    const Result alone = runner.Do(pass);
    for (const int count : {2, 3, 5}) {
      const Threads several(count);
      const std::string text = Difference(alone, runner.Do(pass));
      if (!text.empty()) report.Fail(Label(runner.test_case(), pass), std::to_string(count) + " threads: " + text);
      report.Count();
    }
  });
}

// Every subset of the outputs that may be left out: the others have the same bits.
TEST(Bits, SameForWhateverElseIsWanted) {
  Report report;
  ForRuns(kSmall, [&](const Runner &runner, wn_pass pass) {
    std::vector<std::string> optional;
    const Result all = runner.Do(pass);
    for (const auto &[name, output] : all.outputs) {
      const bool needed = name == "y" || (pass == WN_TRAIN && name == "sum") || name == "batches_seen";
      if (!needed && name.rfind("running", 0) != 0) optional.push_back(name);
    }
    if (optional.size() > 3 && ElementsOf(runner.test_case()) > 1000) return;
    for (unsigned bits = 1; bits < 1U << optional.size(); bits++) {
      RunOptions fewer;
      for (std::size_t i = 0; i < optional.size(); i++)
        if ((bits >> i & 1U) != 0) fewer.without.insert(optional[i]);
      const Result some = runner.Do(pass, fewer);
      if (some.complaint.empty() && some.outputs.empty()) continue;  // nothing at all was wanted
      const std::string text = Difference(all, some);
      if (!text.empty()) report.Fail(Label(runner.test_case(), pass), Subset(bits, optional) + ": " + text);
      report.Count();
    }
  });
}

struct Pair {
  const char *written, *with;
};
constexpr Pair kForwardPairs[] = {{"y", "x"}, {"y", "residual"}, {"sum", "x"}, {"sum", "residual"}};
constexpr Pair kBackwardPairs[] = {{"dx", "dy"}, {"dx", "dsum"}, {"dx", "x"}, {"dresidual", "dy"}};

wn_stride &StrideOf(wn_problem *p, const std::string &name, wn_pass pass) {
  if (name == "x") return IsForward(pass) || p->add != WN_ADD_BEFORE ? p->x_stride : p->sum_stride;
  if (name == "y") return p->y_stride;
  if (name == "dx") return p->dx_stride;
  if (name == "dy") return p->dy_stride;
  if (name == "sum" || name == "dsum") return p->sum_stride;
  return p->residual_stride;
}

wn_dtype TypeOf(const wn_problem &p, const std::string &name) {
  const Types types(p);
  if (name == "y") return types.y;
  return name == "dy" ? types.dy : types.x;
}

bool HasArgument(const Case &c, const std::string &name) {
  if (name == "residual") return c.problem.add != WN_ADD_NONE;
  if (name == "sum") return c.problem.add == WN_ADD_BEFORE;
  if (name == "dsum") return c.problem.add == WN_ADD_BEFORE && c.dsum;
  return name != "dresidual" || c.problem.add == WN_ADD_AFTER;
}

void CheckInPlace(const Case &original, wn_pass pass, const std::vector<Pair> &pairs, Report *report) {
  Case c = original;
  RunOptions options;
  std::string label;
  for (const Pair &pair : pairs) {
    if (!HasArgument(c, pair.written) || !HasArgument(c, pair.with)) return;
    if (TypeBytes(TypeOf(c.problem, pair.written)) != TypeBytes(TypeOf(c.problem, pair.with))) return;
    StrideOf(&c.problem, pair.written, pass) = StrideOf(&c.problem, pair.with, pass);
    options.in_place[pair.written] = pair.with;
    label += std::string(pair.written) + " = " + pair.with + " ";
  }
  const Runner runner(c);
  const std::string text = Difference(runner.Do(pass), runner.Do(pass, options));
  if (!text.empty()) report->Fail(Label(c, pass), label + ": " + text);
  report->Count();
}

TEST(Bits, SameInPlace) {
  Report report;
  ForCases(kSmall, [&](const Case &c) {
    for (const wn_pass pass : kPasses) {
      if (!c.HasPass(pass)) continue;
      Case all = c;
      all.infer_sum = true;
      if (IsForward(pass)) {
        for (const Pair &pair : kForwardPairs) CheckInPlace(all, pass, {pair}, &report);
        CheckInPlace(all, pass, {{"y", "x"}, {"sum", "residual"}}, &report);
        CheckInPlace(all, pass, {{"y", "residual"}, {"sum", "x"}}, &report);
      } else {
        for (const Pair &pair : kBackwardPairs) CheckInPlace(all, pass, {pair}, &report);
        CheckInPlace(all, pass, {{"dx", "x"}, {"dresidual", "dy"}}, &report);
      }
    }
  });
}

// A row of what a call of many rows is given.
Given OneRow(const Given &in, std::int64_t row, std::int64_t length) {
  const auto slice = [row](std::vector<double> *v, std::int64_t size) {
    if (!v->empty()) *v = std::vector<double>(v->begin() + row * size, v->begin() + (row + 1) * size);
  };
  Given one = in;
  one.n = 1;
  slice(&one.x, length);
  slice(&one.dy, length);
  slice(&one.mean, 1);
  slice(&one.rstd, 1);
  return one;
}

void CheckRows(wn_kind kind, wn_dtype type, std::int64_t length, wn_pass pass, Report *report) {
  const std::int64_t rows = length > 100000 ? 2 : length > 5000 ? 9 : 70;
  Case c;
  c.problem.kind = kind;
  c.problem.x_type = type;
  c.problem.n = rows;
  c.problem.c = length;
  c.problem.act = length > 100000 ? WN_ACT_RELU : WN_ACT_SILU;  // the oracle of long rows takes its time
  c.n = 1;
  Case many = c;
  many.n = rows;
  const Given in = IsForward(pass) ? MakeForwardGiven(many, pass) : MakeBackwardGiven(many, pass);
  const Result among = Runner(many).Do(pass, in, {});
  const Runner alone(c);
  const char *const output = IsForward(pass) ? "y" : "dx";
  const auto size = static_cast<std::int64_t>(TypeBytes(type)) * length;
  for (const std::int64_t row : std::set<std::int64_t>{0, rows / 2, rows - 1}) {
    const Result single = alone.Do(pass, OneRow(in, row, length), {});
    report->Count();
    if (!among.complaint.empty() || !single.complaint.empty()) {
      report->Fail(Label(c, pass), among.complaint + single.complaint);
      continue;
    }
    const auto begin = among.outputs.at(output).bytes.begin() + row * size;
    if (!std::equal(begin, begin + size, single.outputs.at(output).bytes.begin()))
      report->Fail(Label(c, pass), "row " + std::to_string(row) + " is another alone");
  }
}

// A row of layer or RMS norm alone gives the bits that it gives among others.
TEST(Bits, RowsDoNotDependOnOtherRows) {
  Report report;
  for (const wn_kind kind : {WN_LAYER, WN_RMS})
    for (const wn_dtype type : {WN_F32, WN_F16, WN_BF16, WN_F64})
      for (const std::int64_t length : {1, 3, 35, 64, 768, 1000, 4097, 33000, 140001, 1200000}) {
        if (length > 5000 && Every() > 1) continue;
        if (length > 100000 && (type == WN_F16 || type == WN_F64)) continue;  // two sizes of type are enough there
        for (const wn_pass pass : {WN_TRAIN, WN_BACKWARD}) CheckRows(kind, type, length, pass, &report);
      }
}

// A smaller call of a plan gives what a plan of that size gives.
TEST(Bits, FewerSamplesThanThePlan) {
  Report report;
  ForRuns(kSmall, [&](const Runner &runner, wn_pass pass) {
    const Case &c = runner.test_case();
    if (c.n == c.problem.n) return;
    Case exact = c;
    exact.problem.n = c.n;
    const std::string text = Difference(runner.Do(pass), Runner(exact).Do(pass));
    if (!text.empty()) report.Fail(Label(c, pass), text);
    report.Count();
  });
}

}  // namespace
}  // namespace wn::test
