// Outputs so large that they go past the caches have the bits of those that do not: a call over many samples gives what
// calls over a few of them give. Layer norm and running statistics, because their samples do not know of each other.
#include <gtest/gtest.h>

#include <algorithm>

#include "run_report.h"

namespace wn::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct Stream {
  wn_kind kind;
  wn_layout layout;
  wn_dtype type;
  std::int64_t c, x, row;  // row: the stride of a sample, 0: packed
};

class Buffer {
 public:
  explicit Buffer(const Bytes &bytes) {
    EXPECT_EQ(wn_buffer_alloc(TestDevice(), &pointer_, bytes.size(), nullptr), WN_OK) << wn_last_error();
    EXPECT_EQ(wn_buffer_write(TestDevice(), pointer_, bytes.data(), bytes.size(), nullptr), WN_OK);
  }
  ~Buffer() { wn_buffer_free(TestDevice(), pointer_, nullptr); }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  char *at(std::int64_t offset) const { return static_cast<char *>(pointer_) + offset; }
  Bytes Read(std::size_t size) const {
    Bytes bytes(size);
    EXPECT_EQ(wn_buffer_read(TestDevice(), bytes.data(), pointer_, size, nullptr), WN_OK);
    EXPECT_EQ(wn_stream_wait(TestDevice(), nullptr), WN_OK);
    return bytes;
  }

 private:
  void *pointer_ = nullptr;
};

Bytes Numbers(wn_dtype type, std::int64_t count, double shift) {
  std::vector<double> v(static_cast<std::size_t>(count));
  std::uint32_t state = 7;
  for (double &e : v) {
    state = state * 1664525U + 1013904223U;
    e = shift + static_cast<double>(state >> 20) / 2048;
  }
  return Pack(type, v);
}

// Runs forward and backward over `samples` samples, `each` at a time.
class Passes {
 public:
  Passes(const Stream &s, std::int64_t samples) : stream_(s), samples_(samples) {
    const std::int64_t row = s.row != 0 ? s.row : s.c * s.x;
    row_bytes_ = row * static_cast<std::int64_t>(TypeBytes(s.type));
    x_ = Numbers(s.type, row * samples, -1);
    real_ = s.type == WN_F64 ? WN_F64 : WN_F32;
  }

  std::pair<Bytes, Bytes> Do(std::int64_t each) const {
    const Buffer x(x_), y(Bytes(x_.size())), dx(Bytes(x_.size()));
    const Buffer gamma(Numbers(real_, stream_.c, 0.5)), mean(Numbers(real_, samples_ + stream_.c, 0)),
        var(Numbers(real_, samples_ + stream_.c, 1));
    wn_problem p = WN_PROBLEM_INIT;
    p.kind = stream_.kind;
    p.layout = stream_.layout;
    p.x_type = stream_.type;
    p.n = each;
    p.c = stream_.c;
    p.x = stream_.x;
    p.x_stride.row = p.y_stride.row = p.dx_stride.row = p.dy_stride.row = stream_.row;
    wn_plan *plan = nullptr;
    EXPECT_EQ(wn_plan_create(&plan, TestDevice(), &p), WN_OK) << wn_last_error();
    const bool running = stream_.kind == WN_BATCH;
    const wn_pass backward = running ? WN_BACKWARD_FROZEN : WN_BACKWARD;
    const std::size_t need = std::max(wn_plan_workspace(plan, WN_INFER), wn_plan_workspace(plan, backward));
    const Buffer work{Bytes(need)};
    const auto size = static_cast<std::int64_t>(TypeBytes(real_));
    for (std::int64_t n = 0; n < samples_; n += each) {
      wn_forward_args f = WN_FORWARD_INIT;
      wn_backward_args b = WN_BACKWARD_INIT;
      f.x = b.x = b.dy = x.at(n * row_bytes_);
      f.y = y.at(n * row_bytes_);
      b.dx = dx.at(n * row_bytes_);
      f.gamma = b.gamma = gamma.at(0);
      (running ? b.running_mean : b.mean) = mean.at(running ? 0 : n * size);
      (running ? b.running_var : b.rstd) = var.at(running ? 0 : n * size);
      if (running) f.running_mean = mean.at(0), f.running_var = var.at(0);
      EXPECT_EQ(wn_infer(plan, &f, work.at(0), need, nullptr), WN_OK) << wn_last_error();
      EXPECT_EQ((running ? wn_backward_frozen : wn_backward)(plan, &b, work.at(0), need, nullptr), WN_OK)
          << wn_last_error();
    }
    wn_plan_destroy(plan);
    return {y.Read(x_.size()), dx.Read(x_.size())};
  }

 private:
  Stream stream_;
  std::int64_t samples_, row_bytes_;
  Bytes x_;
  wn_dtype real_;
};

TEST(Stream, LargeOutputsHaveTheBitsOfSmallOnes) {
  constexpr std::int64_t bytes = 20 << 20;  // more than the processor's planner lets through the caches
  for (const Stream &s : std::vector<Stream>{
           {WN_LAYER, WN_NCX, WN_F32, 4096, 1, 0},
           {WN_LAYER, WN_NCX, WN_BF16, 4096, 1, 0},
           {WN_LAYER, WN_NCX, WN_F16, 1000, 1, 1024},
           {WN_LAYER, WN_NCX, WN_F64, 1000, 1, 0},
           {WN_LAYER, WN_NCX, WN_F32, 35, 1, 0},
           {WN_BATCH, WN_NCX, WN_F32, 64, 784, 0},
           {WN_BATCH, WN_NCX, WN_BF16, 64, 49, 0},
           {WN_BATCH, WN_NXC, WN_F32, 64, 49, 0},
           {WN_BATCH, WN_NXC, WN_BF16, 2048, 49, 0},
           {WN_BATCH, WN_NXC, WN_F16, 35, 49, 0},
           {WN_BATCH, WN_NXC, WN_F64, 64, 49, 0},
       }) {
    const std::int64_t sample = s.c * s.x * static_cast<std::int64_t>(TypeBytes(s.type));
    const std::int64_t samples = (bytes / sample + 15) / 16 * 16;
    SCOPED_TRACE(std::string(KindName(s.kind)) + " " + TypeName(s.type) + " c=" + std::to_string(s.c));
    const Passes run(s, samples);
    const auto [y, dx] = run.Do(samples);
    const auto [small_y, small_dx] = run.Do(samples / 16);
    EXPECT_TRUE(y == small_y);
    EXPECT_TRUE(dx == small_dx);
  }
}

}  // namespace
}  // namespace wn::test
