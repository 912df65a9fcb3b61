// Tensors of more than 2^31 elements, in place so that one of them fits where two would not.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "run_report.h"
#include "tolerance.h"

namespace wn::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

void Require(wn_status status) { ASSERT_EQ(status, WN_OK) << wn_last_error(); }

class Buffer {
 public:
  explicit Buffer(std::size_t bytes) { Require(wn_buffer_alloc(TestDevice(), &pointer_, bytes, nullptr)); }
  ~Buffer() { Require(wn_buffer_free(TestDevice(), pointer_, nullptr)); }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  void *pointer() const { return pointer_; }
  void Write(std::size_t at, const Bytes &bytes) const {
    Require(wn_buffer_write(TestDevice(), static_cast<char *>(pointer_) + at, bytes.data(), bytes.size(), nullptr));
  }
  Bytes Read(std::size_t at, std::size_t size) const {
    Bytes bytes(size);
    Require(wn_buffer_read(TestDevice(), bytes.data(), static_cast<const char *>(pointer_) + at, size, nullptr));
    Require(wn_stream_wait(TestDevice(), nullptr));
    return bytes;
  }

 private:
  void *pointer_ = nullptr;
};

void Train(const wn_problem &p, wn_forward_args args) {
  wn_plan *plan = nullptr;
  Require(wn_plan_create(&plan, TestDevice(), &p));
  const std::size_t need = wn_plan_workspace(plan, WN_TRAIN);
  const Buffer work(need);
  Require(wn_train(plan, &args, work.pointer(), need, nullptr));
  wn_plan_destroy(plan);
}

// The bytes are packed elements in the order of `expected`.
std::int64_t CountWrong(const Expected &expected, const Bytes &bytes) {
  return Compare(expected, Unpack(expected.type, bytes)).wrong;
}

// 32766 rows of an odd length. Row r is one pattern times 2^(r % 3), exactly, and eps is 0: so every row must come out
// with the bits of the first, which the oracle judges. Rows that are missed, or met twice, do not.
TEST(Large, Rows) {
  constexpr std::int64_t length = 65543, rows = (std::int64_t{1} << 31) / length + 1;
  static_assert(length * rows > std::int64_t{1} << 31);
  Case c;
  c.problem.kind = WN_LAYER;
  c.problem.x_type = WN_BF16;
  c.problem.eps = 0;
  c.problem.n = c.n = 1;
  c.problem.c = length;
  Given in = MakeForwardGiven(c, WN_TRAIN);
  const Expectation expectation = ExpectedOf(c, WN_TRAIN, in);

  constexpr std::size_t row_bytes = 2 * length;
  const Buffer x(row_bytes * rows), gamma(4 * length), beta(4 * length), mean(4 * rows), rstd(4 * rows);
  for (std::int64_t scale = 0; scale < 3; scale++) {
    std::vector<double> scaled = in.x;
    for (double &v : scaled) v = std::ldexp(v, static_cast<int>(scale));
    const Bytes row = Pack(WN_BF16, scaled);
    for (std::int64_t r = scale; r < rows; r += 3) x.Write(static_cast<std::size_t>(r) * row_bytes, row);
  }
  gamma.Write(0, Pack(WN_F32, in.gamma));
  beta.Write(0, Pack(WN_F32, in.beta));

  c.problem.n = rows;
  wn_forward_args args = WN_FORWARD_INIT;
  args.x = args.y = x.pointer();
  args.gamma = gamma.pointer();
  args.beta = beta.pointer();
  args.mean = mean.pointer();
  args.rstd = rstd.pointer();
  Train(c.problem, args);

  const Bytes first = x.Read(0, row_bytes);
  EXPECT_EQ(CountWrong(expectation.outputs.at("y"), first), 0);
  std::int64_t different = 0;
  for (std::int64_t r = 1; r < rows; r++)
    if (x.Read(static_cast<std::size_t>(r) * row_bytes, row_bytes) != first) different++;
  EXPECT_EQ(different, 0);
  const std::vector<double> means = Unpack(WN_F32, mean.Read(0, 4 * rows));
  const std::vector<double> rstds = Unpack(WN_F32, rstd.Read(0, 4 * rows));
  for (std::size_t r = 0; r < means.size(); r++) {
    ASSERT_EQ(means[r], std::ldexp(means[0], static_cast<int>(r % 3))) << r;
    ASSERT_EQ(rstds[r], std::ldexp(rstds[0], -static_cast<int>(r % 3))) << r;
  }
}

// 32 million rows of 67 channels for batch norm, a period of 4096 rows again and again: the statistics are those of the
// period.
TEST(Large, Columns) {
  constexpr std::int64_t channels = 67, period = 4096, periods = 7826;
  static_assert(channels * period * periods > std::int64_t{1} << 31);
  Case c;
  c.problem.kind = WN_BATCH;
  c.problem.layout = WN_NXC;
  c.problem.x_type = WN_F16;
  c.problem.flags = WN_RUNNING_POPULATION;  // the variance that is kept is the period's
  c.problem.momentum = 0.5;
  c.problem.n = c.n = period;
  c.problem.c = channels;
  const Given in = MakeForwardGiven(c, WN_TRAIN);
  Expectation expectation = ExpectedOf(c, WN_TRAIN, in);
  const real more_terms = SumFactor(period * periods) / SumFactor(period);
  for (auto &[name, expected] : expectation.outputs)
    for (real &tolerance : expected.tolerance) tolerance *= more_terms;

  constexpr std::size_t bytes = 2 * channels * period;
  const Buffer x(bytes * periods), gamma(4 * channels), beta(4 * channels), mean(4 * channels), var(4 * channels);
  const Bytes piece = Pack(WN_F16, in.x);
  for (std::size_t i = 0; i < periods; i++) x.Write(i * bytes, piece);
  gamma.Write(0, Pack(WN_F32, in.gamma));
  beta.Write(0, Pack(WN_F32, in.beta));
  mean.Write(0, Pack(WN_F32, in.running_mean));
  var.Write(0, Pack(WN_F32, in.running_var));

  c.problem.n = period * periods;
  wn_forward_args args = WN_FORWARD_INIT;
  args.x = args.y = x.pointer();
  args.gamma = gamma.pointer();
  args.beta = beta.pointer();
  args.running_mean = mean.pointer();
  args.running_var = var.pointer();
  Train(c.problem, args);

  EXPECT_EQ(CountWrong(expectation.outputs.at("running_mean"), mean.Read(0, 4 * channels)), 0);
  EXPECT_EQ(CountWrong(expectation.outputs.at("running_var"), var.Read(0, 4 * channels)), 0);
  const Bytes first = x.Read(0, bytes);
  EXPECT_EQ(CountWrong(expectation.outputs.at("y"), first), 0);
  std::int64_t wrong = 0;
  for (std::size_t i = 1; i < periods; i++) {
    const Bytes now = x.Read(i * bytes, bytes);
    if (now != first && CountWrong(expectation.outputs.at("y"), now) != 0) wrong++;
  }
  EXPECT_EQ(wrong, 0);
}

// More than near caches hold: the processor takes sets some at a time, and asks for the next ones meanwhile.
TEST(Large, SetsInWaves) {
  struct Shape {
    wn_kind kind;
    wn_layout layout;
    wn_dtype type;
    std::int64_t n, c, x;
    wn_act act;
    wn_add add;
  };
  const Shape shapes[] = {
      {WN_BATCH, WN_NCX, WN_BF16, 2, 17, 70001, WN_ACT_NONE, WN_ADD_NONE},    // of sets in segments
      {WN_GROUP, WN_NXC, WN_F32, 5, 32, 8195, WN_ACT_NONE, WN_ADD_BEFORE},    // of slabs
      {WN_BATCH, WN_NXC, WN_F32, 8192, 264, 1, WN_ACT_NONE, WN_ADD_NONE},     // of blocks of the only slab
      {WN_BATCH, WN_NXC, WN_BF16, 8192, 600, 1, WN_ACT_SILU, WN_ADD_BEFORE},  // the same, line by line
  };
  Report report;
  for (const Shape &shape : shapes) {
    Case c;
    wn_problem &p = c.problem;
    p.kind = shape.kind;
    p.layout = shape.layout;
    p.x_type = shape.type;
    p.n = c.n = shape.n;
    p.c = shape.c;
    p.x = shape.x;
    p.groups = shape.kind == WN_GROUP ? 4 : 1;
    p.act = shape.act;
    p.add = shape.add;
    for (const wn_pass pass : {WN_TRAIN, WN_BACKWARD}) {
      const Given in = pass == WN_TRAIN ? MakeForwardGiven(c, pass) : MakeBackwardGiven(c, pass);
      const Result run = Runner(c).Do(pass, in, {});
      report.Count();
      EXPECT_EQ(run.complaint, "") << Label(c, pass);
      EXPECT_EQ(Judge(Label(c, pass), ExpectedOf(c, pass, in), run, &report), "");
    }
  }
}

}  // namespace
}  // namespace wn::test
