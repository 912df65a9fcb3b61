// Promises that are exact, or stronger than what follows from the tolerances of the case list.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "run_report.h"

namespace wn::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr wn_kind kKinds[] = {WN_BATCH, WN_LAYER, WN_GROUP, WN_INSTANCE, WN_RMS};
constexpr wn_layout kLayouts[] = {WN_NCX, WN_NXC};

Case Plain(wn_kind kind, wn_layout layout, std::int64_t n, std::int64_t c, std::int64_t x) {
  Case plain;
  plain.problem.kind = kind;
  plain.problem.layout = layout;
  plain.problem.n = plain.n = n;
  plain.problem.c = c;
  plain.problem.x = x;
  plain.gamma = plain.beta = false;
  return plain;
}

template <class Function>
void ForKindsAndLayouts(const Function &of) {
  for (const wn_kind kind : kKinds)
    for (const wn_layout layout : kLayouts) of(kind, layout);
}

Result RunChecked(const Case &c, wn_pass pass, const Given &in) {
  Result result = Runner(c).Do(pass, in, {});
  EXPECT_EQ(result.complaint, "") << Label(c, pass);
  return result;
}

// x = 10^6 + N(0,1): y within 10^-5 of the exact answer, although f32 cannot hold the mean that well.
TEST(Exact, StatisticsAreStrict) {
  Sample sample;
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    for (const std::int64_t x : {1, 49, 1500}) {
      for (const std::int64_t channels : {24, 1001}) {
        Case c = Plain(kind, layout, 6, channels, x);
        if (channels * x > 100000 || !sample.Take()) continue;
        c.data = Data::kOffset;
        if (kind == WN_GROUP && channels == 24) c.problem.groups = 8;
        for (const wn_pass pass : {WN_TRAIN, WN_INFER}) {
          if (UsesRunning(c.problem, pass)) continue;
          const Given in = MakeForwardGiven(c, pass);
          const Forward exact = OracleTrain(c.problem, in);
          const Result result = RunChecked(c, pass, in);
          real worst = 0;
          const std::vector<double> y = result.outputs.at("y").values();
          for (std::size_t i = 0; i < y.size(); i++) worst = std::max(worst, std::fabs(y[i] - exact.y[i]));
          EXPECT_LE(worst, 1e-5L) << Label(c, pass);
        }
      }
    }
  });
}

// A first mean from part of a set may be far off: sorted sets, and sets whose beginning, or the beginning of whose
// quarters, stands 1000 standard deviations apart. Relative to rstd, which is right to a few u + K(m) u / 2.
TEST(Exact, StatisticsOfSetsThatAreNotAlike) {
  const auto place = [](std::int64_t at, std::int64_t m, int shape) {
    if (shape == 0) return 8.0 * static_cast<double>(at) / static_cast<double>(m);
    return (shape == 1 ? at : at % (m / 4)) < 16 ? 1e3 : 0.0;
  };
  for (const std::int64_t m : {70, 100, 128, 200, 511, 600, 2048, 3001, 12289, 300000}) {
    for (const int shape : {0, 1, 2}) {
      const Case c = Plain(WN_LAYER, WN_NXC, 3, m, 1);
      Given in = MakeForwardGiven(c, WN_TRAIN);
      for (std::int64_t i = 0; i < 3 * m; i++)
        in.x[static_cast<std::size_t>(i)] =
            static_cast<float>(in.x[static_cast<std::size_t>(i)] + place(i % m, m, shape));
      const Forward exact = OracleTrain(c.problem, in);
      const Result result = RunChecked(c, WN_TRAIN, in);
      const std::vector<double> rstd = result.outputs.at("rstd").values();
      const double bound = std::ldexp(3 + (4 + std::log2(static_cast<double>(m))) / 2, -24);
      for (std::size_t set = 0; set < 3; set++)
        EXPECT_LE(std::fabs(rstd[set] / exact.rstd[set] - 1), bound) << m << " elements, shape " << shape;
    }
  }
}

// The same of channels, whose first mean is of their first samples: 4 or 16 of them stand apart.
TEST(Exact, StatisticsOfChannelsThatAreNotAlike) {
  struct Shape {
    wn_layout layout;
    std::int64_t c, x;
  };
  for (const Shape shape : {Shape{WN_NXC, 3, 1}, Shape{WN_NXC, 200, 1}, Shape{WN_NCX, 5, 7}, Shape{WN_NCX, 3, 49}}) {
    for (const std::int64_t n : {16, 20, 64, 200, 1000}) {
      for (const std::int64_t apart : {4, 16}) {
        const Case c = Plain(WN_BATCH, shape.layout, n, shape.c, shape.x);
        Given in = MakeForwardGiven(c, WN_TRAIN);
        const auto sample = static_cast<std::size_t>(shape.c * shape.x);
        for (std::size_t i = 0; i < static_cast<std::size_t>(apart) * sample; i++)
          in.x[i] = static_cast<float>(in.x[i] + 1e3);
        const Forward exact = OracleTrain(c.problem, in);
        const Result result = RunChecked(c, WN_TRAIN, in);
        const std::vector<double> rstd = result.outputs.at("rstd").values();
        const double m = static_cast<double>(n * shape.x), bound = std::ldexp(3 + (4 + std::log2(m)) / 2, -24);
        for (std::size_t set = 0; set < rstd.size(); set++)
          EXPECT_LE(std::fabs(rstd[set] / exact.rstd[set] - 1), bound)
              << n << " x " << shape.c << " x " << shape.x << ", " << apart << " samples apart";
      }
    }
  }
}

// Sets of equal elements: y is beta, whatever the value and however the set is cut.
TEST(Exact, ConstantSetsGiveBeta) {
  Sample sample;
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    if (kind == WN_RMS) return;
    for (const wn_dtype type : {WN_F32, WN_F16, WN_BF16, WN_F64}) {
      for (const double value : {0.1, 1.0 / 3, 1e6 + 0.37, 65504.0, -7e-5}) {
        for (const std::int64_t x : {1, 49, 5000}) {
          if (!sample.Take()) continue;
          Case c = Plain(kind, layout, 3, x == 1 ? 3500 : x == 49 ? 35 : 2, x);
          c.beta = c.gamma = true;
          c.problem.x_type = type;
          c.problem.y_type = type == WN_F64 ? WN_F64 : WN_F32;
          Given in = MakeForwardGiven(c, WN_TRAIN);
          std::fill(in.x.begin(), in.x.end(), Round(type, std::min(value, LargestFinite(type))));
          const std::vector<double> y = RunChecked(c, WN_TRAIN, in).outputs.at("y").values();
          const Sets sets(c.problem, c.n, false);
          std::int64_t wrong = 0;
          for (std::size_t i = 0; i < y.size(); i++)
            if (y[i] != in.beta[static_cast<std::size_t>(sets.channel(static_cast<std::int64_t>(i)))]) wrong++;
          EXPECT_EQ(wrong, 0) << "x = " << value << ", " << Label(c, WN_TRAIN);
        }
      }
    }
  });
}

// Sums for the parameters are not lost in a narrow type: as many ones as there are rows, in every type that has the
// number.
TEST(Exact, ParameterSumsOfOnes) {
  Sample sample;
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    for (const wn_dtype type : {WN_F32, WN_F16, WN_BF16, WN_F64}) {
      const std::int64_t rows = type == WN_F16 ? 60000 : type == WN_BF16 ? 69632 : 70000;
      ASSERT_EQ(Round(type, static_cast<real>(rows)), static_cast<double>(rows));
      for (const std::int64_t x : {1, 16}) {
        if ((x != 1 && type != WN_F32 && type != WN_F16) || !sample.Take()) continue;
        ASSERT_EQ(rows % x, 0);
        Case c = Plain(kind, layout, rows / x, 3, x);
        c.problem.x_type = c.problem.param_type = type;
        Given in = MakeBackwardGiven(c, WN_BACKWARD);
        std::fill(in.dy.begin(), in.dy.end(), 1);
        const std::vector<double> dbeta = RunChecked(c, WN_BACKWARD, in).outputs.at("dbeta").values();
        EXPECT_EQ(dbeta, std::vector<double>(3, static_cast<double>(rows))) << Label(c, WN_BACKWARD);
      }
    }
  });
}

// Bits of an output at the elements for which `of` says so.
template <class Function>
bool SameWhere(const Output &a, const Output &b, const Function &of) {
  const std::size_t size = TypeBytes(a.type);
  for (std::size_t i = 0; i < a.bytes.size() / size; i++)
    if (of(static_cast<std::int64_t>(i)) && std::memcmp(&a.bytes[i * size], &b.bytes[i * size], size) != 0)
      return false;
  return true;
}

// A NaN or an infinity changes nothing in any other set.
TEST(Exact, PoisonStaysInItsSet) {
  Report report;
  ForRuns(20000, [&](const Runner &runner, wn_pass pass) {
    const Case &c = runner.test_case();
    const bool forward = pass == WN_TRAIN || pass == WN_INFER;
    const Sets sets(c.problem, c.n, UsesRunning(c.problem, pass));
    if (c.data != Data::kNormal || ElementsOf(c) == 0) return;
    Given in = forward ? MakeForwardGiven(c, pass) : MakeBackwardGiven(c, pass);
    const Result clean = runner.Do(pass, in, {});
    const auto bad = static_cast<std::size_t>(sets.elements() / 3);
    const std::int64_t poisoned = sets.set_of(static_cast<std::int64_t>(bad));
    for (const double value : {kNan, kInfinity, -kInfinity}) {
      std::vector<double> &target = forward || c.seed % 2 == 0 ? in.x : in.dy;
      const double before = target[bad];
      target[bad] = value;
      const Result result = runner.Do(pass, in, {});
      target[bad] = before;
      report.Count();
      for (const char *const name : {"y", "sum", "dx", "dresidual"}) {
        const auto output = result.outputs.find(name);
        if (output == result.outputs.end()) continue;
        const auto elsewhere = [&](std::int64_t i) { return sets.set_of(i) != poisoned; };
        if (!SameWhere(clean.outputs.at(name), output->second, elsewhere))
          report.Fail(Label(c, pass), std::string(name) + " outside the poisoned set changed");
      }
    }
  });
}

// Subnormal results stay what they are, among others: x is 1 and -1 in turns in every set, so that y is gamma or
// -gamma.
TEST(Exact, SubnormalResults) {
  Sample sample;
  ForKindsAndLayouts([&](wn_kind kind, wn_layout layout) {
    for (const wn_dtype type : {WN_F16, WN_BF16}) {
      for (const std::int64_t channels : {64, 130, 1030}) {
        if (!sample.Take()) continue;
        Case c = Plain(kind, layout, 4, channels, 6);
        c.gamma = true;
        c.problem.eps = 0;
        c.problem.x_type = type;
        c.problem.param_type = WN_F32;
        Given in = MakeForwardGiven(c, WN_TRAIN);
        const double step = type == WN_F16 ? 0x1p-24 : 0x1p-133;
        for (std::size_t i = 0; i < in.gamma.size(); i++)
          in.gamma[i] = i % 3 == 0 ? 1.5 : step * static_cast<double>(1 + i % 126);
        const Sets sets(c.problem, c.n, false);
        for (std::int64_t i = 0; i < sets.elements(); i++) {
          const std::int64_t inner = layout == WN_NCX ? 6 : channels, outer = channels * 6 / inner;
          in.x[static_cast<std::size_t>(i)] = (i % inner + i / inner % outer + i / (channels * 6)) % 2 == 0 ? 1 : -1;
        }
        const std::vector<double> y = RunChecked(c, WN_TRAIN, in).outputs.at("y").values();
        std::int64_t wrong = 0;
        for (std::size_t i = 0; i < y.size(); i++)
          if (y[i] != in.x[i] * in.gamma[static_cast<std::size_t>(sets.channel(static_cast<std::int64_t>(i)))]) wrong++;
        EXPECT_EQ(wrong, 0) << Label(c, WN_TRAIN);
      }
    }
  });
}

// rms backward at 10^-15: rstd is 10^15 and its cube beyond f32.
TEST(Exact, TinyInputsDoNotOverflow) {
  ForKindsAndLayouts([](wn_kind kind, wn_layout layout) {
    Case c = Plain(kind, layout, 4, 40, 6);
    c.problem.eps = 0;
    if (kind == WN_BATCH) c.running = false;
    for (const wn_pass pass : {WN_TRAIN, WN_BACKWARD}) {
      Given in = MakeForwardGiven(c, WN_TRAIN);
      for (double &v : in.x) v = Round(WN_F32, v * 1e-15);
      if (pass == WN_BACKWARD) {
        const Forward f = OracleTrain(c.problem, in);
        Given back = MakeBackwardGiven(c, pass);
        back.x = in.x;
        for (std::size_t s = 0; s < back.rstd.size(); s++) {
          if (kind != WN_RMS) back.mean[s] = Round(WN_F32, f.mean[s]);
          back.rstd[s] = Round(WN_F32, f.rstd[s]);
        }
        in = back;
      }
      const Expectation expectation = ExpectedOf(c, pass, in);
      const Result result = RunChecked(c, pass, in);
      for (const auto &[name, expected] : expectation.outputs) {
        const Comparison comparison = Compare(expected, result.outputs.at(name).values());
        EXPECT_EQ(comparison.wrong, 0) << Label(c, pass) << ": " << name << comparison.text;
      }
    }
  });
}

// eps = 0 and variance 0: what IEEE 754 gives, 0 * infinity.
TEST(Exact, NoEpsAndNoVariance) {
  ForKindsAndLayouts([](wn_kind kind, wn_layout layout) {
    Case c = Plain(kind, layout, 2, 12, 5);
    c.problem.eps = 0;
    Given in = MakeForwardGiven(c, WN_TRAIN);
    std::fill(in.x.begin(), in.x.end(), kind == WN_RMS ? 0 : 3);
    const Result result = RunChecked(c, WN_TRAIN, in);
    for (const double v : result.outputs.at("rstd").values()) EXPECT_EQ(v, kInfinity) << Label(c, WN_TRAIN);
    for (const double v : result.outputs.at("y").values()) EXPECT_TRUE(std::isnan(v)) << v << Label(c, WN_TRAIN);
  });
}

bool IsAll(const std::vector<std::uint8_t> &bytes, std::uint8_t value) {
  return std::all_of(bytes.begin(), bytes.end(), [value](std::uint8_t b) { return b == value; });
}

// No samples: nothing is written but an amax of 0 and gradients of 0.
TEST(Exact, NoSamples) {
  constexpr std::uint8_t garbage = 0x6b;
  RunOptions options;
  options.garbage = garbage;
  Report report;
  ForCases(20000, [&](const Case &original) {
    for (const std::int64_t plan_n : {std::int64_t{0}, original.problem.n}) {
      Case c = original;
      c.mask = false;
      c.n = 0;
      c.problem.n = plan_n;
      for (const wn_pass pass : kPasses) {
        if (!c.HasPass(pass)) continue;
        const bool forward = pass == WN_TRAIN || pass == WN_INFER;
        const bool add = (c.problem.flags & WN_GRAD_ADD) != 0;
        const Given in = forward ? MakeForwardGiven(c, pass) : MakeBackwardGiven(c, pass);
        const Result result = Runner(c).Do(pass, in, options);
        report.Count();
        if (!result.complaint.empty()) report.Fail(Label(c, pass), result.complaint);
        for (const auto &[name, output] : result.outputs) {
          bool right = IsAll(output.bytes, garbage);
          if (name == "y_amax" || (!add && name[0] == 'd')) right = IsAll(output.bytes, 0);
          if (add && name == "dgamma") right = output.bytes == Pack(output.type, in.dgamma);
          if (add && name == "dbeta") right = output.bytes == Pack(output.type, in.dbeta);
          if (name == "running_mean") right = output.bytes == Pack(output.type, in.running_mean);
          if (name == "running_var") right = output.bytes == Pack(output.type, in.running_var);
          if (name == "batches_seen") right = std::memcmp(output.bytes.data(), &in.batches_seen, 8) == 0;
          if (!right && !output.bytes.empty()) report.Fail(Label(c, pass), name + " was written");
        }
      }
    }
  });
}

// All pointers may be NULL then.
TEST(Exact, NoSamplesAndNoPointers) {
  ForKindsAndLayouts([](wn_kind kind, wn_layout layout) {
    const Case c = Plain(kind, layout, 0, 6, 5);
    wn_plan *plan = nullptr;
    ASSERT_EQ(wn_plan_create(&plan, TestDevice(), &c.problem), WN_OK) << wn_last_error();
    const wn_forward_args forward = WN_FORWARD_INIT;
    const wn_backward_args backward = WN_BACKWARD_INIT;
    EXPECT_EQ(wn_train(plan, &forward, nullptr, 0, nullptr), WN_OK) << wn_last_error();
    EXPECT_EQ(wn_infer(plan, &forward, nullptr, 0, nullptr), WN_OK) << wn_last_error();
    EXPECT_EQ(wn_backward(plan, &backward, nullptr, 0, nullptr), WN_OK) << wn_last_error();
    wn_plan_destroy(plan);
  });
}

// x and y are the two halves of each row of one buffer.
TEST(Exact, RowsThatInterleave) {
  ForKindsAndLayouts([](wn_kind kind, wn_layout layout) {
    Case c = Plain(kind, layout, 7, 12, 5);
    const std::int64_t extent = 12 * 5;
    const Given in = MakeForwardGiven(c, WN_TRAIN);
    const Result apart = RunChecked(c, WN_TRAIN, in);
    c.problem.x_stride.row = c.problem.y_stride.row = 2 * extent;
    wn_plan *plan = nullptr;
    ASSERT_EQ(wn_plan_create(&plan, TestDevice(), &c.problem), WN_OK) << wn_last_error();
    Place whole{14, 12, 5, extent, 1, 1};  // 14 half rows
    (layout == WN_NCX ? whole.channel : whole.pixel) = layout == WN_NCX ? 5 : 12;
    DeviceMemory memory(whole, 4, 0, 0xff);
    const std::vector<std::uint8_t> x = Pack(WN_F32, in.x);
    std::vector<std::uint8_t> halves(2 * x.size(), 0xff);
    const std::size_t bytes = static_cast<std::size_t>(extent) * 4;
    for (std::size_t n = 0; n < 7; n++) std::copy_n(&x[n * bytes], bytes, &halves[2 * n * bytes]);
    memory.Write(halves);
    const std::size_t need = wn_plan_workspace(plan, WN_TRAIN);
    const DeviceMemory work(Place::OfVector(static_cast<std::int64_t>(need)), 1, 0, 0xff);
    wn_forward_args args = WN_FORWARD_INIT;
    args.x = memory.pointer();
    args.y = static_cast<std::uint8_t *>(memory.pointer()) + bytes;
    EXPECT_EQ(wn_train(plan, &args, need == 0 ? nullptr : work.pointer(), need, nullptr), WN_OK) << wn_last_error();
    std::string complaint;
    const std::vector<std::uint8_t> now = memory.Read("halves", true, &complaint);
    for (std::size_t n = 0; n < 7; n++) {
      EXPECT_TRUE(std::equal(&now[2 * n * bytes], &now[(2 * n + 1) * bytes], &x[n * bytes])) << Label(c, WN_TRAIN);
      EXPECT_TRUE(
          std::equal(&now[(2 * n + 1) * bytes], &now[0] + (2 * n + 2) * bytes, &apart.outputs.at("y").bytes[n * bytes]))
          << Label(c, WN_TRAIN);
    }
    wn_plan_destroy(plan);
  });
}

}  // namespace
}  // namespace wn::test
