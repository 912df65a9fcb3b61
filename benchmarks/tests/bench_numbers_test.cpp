// Orders of numbers, slots of a ring, time left, and the copy.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

extern "C" {
#include "bench_progress.h"
#include "bench_ring.h"
#include "bench_stats.h"
}

namespace {

TEST(BenchStats, QuantilesLieBetweenNeighbours) {
  std::vector<double> v = {5, 1, 4, 2, 3};
  EXPECT_EQ(bench_quantile(v.data(), 5, 0.5), 3);
  EXPECT_EQ(bench_quantile(v.data(), 5, 0), 1);
  EXPECT_EQ(bench_quantile(v.data(), 5, 1), 5);
  EXPECT_DOUBLE_EQ(bench_quantile(v.data(), 5, 0.1), 1.4);
  EXPECT_EQ(bench_quantile(v.data(), 1, 0.9), 1);
}

TEST(BenchStats, GeometricMean) {
  const double v[] = {0.5, 2, 8};
  EXPECT_DOUBLE_EQ(bench_geometric_mean(v, 3), 2);
  EXPECT_EQ(bench_geometric_mean(v, 0), 1);
}

TEST(BenchProgress, SaysWhatIsLeft) {
  char text[40];
  bench_progress_left(0, 10, 0, text, sizeof text);
  EXPECT_STREQ(text, "time left not known yet");
  bench_progress_left(2, 10, 4, text, sizeof text);
  EXPECT_STREQ(text, "16 s left");
  bench_progress_left(1, 41, 5, text, sizeof text);
  EXPECT_STREQ(text, "3 min 20 s left");
}

bench_case Layer(int64_t n, int64_t c) {
  bench_case made = {};
  made.problem = WN_PROBLEM_INIT;
  made.problem.kind = WN_LAYER;
  made.problem.n = n;
  made.problem.c = c;
  made.pass = WN_TRAIN;
  return made;
}

TEST(BenchRing, SlotsGoRoundMoreThanTheCaches) {
  const bench_case c = Layer(1024, 1024);  // 8 MB of tensors
  const std::size_t bytes = bench_case_bytes(&c);
  EXPECT_EQ(bench_ring_slots(&c, 0, 1U << 30), 1) << "hot";
  const int cold = bench_ring_slots(&c, 64U << 20, 1U << 30);
  EXPECT_GT(static_cast<std::size_t>(cold) * bytes, 64U << 20);
  EXPECT_LE(static_cast<std::size_t>(cold - 1) * bytes, 64U << 20);
  EXPECT_EQ(bench_ring_slots(&c, 1, 1U << 30), 2) << "never the same buffers twice in a row";
  EXPECT_EQ(bench_ring_slots(&c, 64U << 20, 20U << 20), 2) << "the memory";
  EXPECT_EQ(bench_ring_slots(&c, 64U << 20, 1), 1) << "one is needed";
}

TEST(BenchCopy, EveryWayCopiesEveryByte) {
  constexpr std::size_t kBytes = 100003, kOffset = 6;
  std::vector<std::uint8_t> a(kBytes + 64), b(a.size()), c(a.size());
  for (std::size_t i = 0; i < a.size(); i++) {
    a[i] = static_cast<std::uint8_t>(i * 7 + 1);
    b[i] = static_cast<std::uint8_t>(i / 5);
    c[i] = static_cast<std::uint8_t>(i / 300);
  }
  for (int ins = 1; ins <= 3; ins++) {
    for (int outs = 1; outs <= 2; outs++) {
      for (int way = 0; way < BENCH_COPY_WAYS; way++) {
        if (!bench_copy_has(static_cast<bench_copy_way>(way))) continue;
        std::vector<std::uint8_t> y(a.size(), 0), z(a.size(), 0);
        const bench_copy copy = {
            {&a[kOffset], &b[kOffset], &c[kOffset]}, {&y[kOffset], &z[kOffset]}, ins, outs, kBytes};
        bench_copy_do(&copy, static_cast<bench_copy_way>(way));
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < kBytes; i++) {
          const std::size_t at = kOffset + i;
          const int expected = a[at] ^ (ins > 1 ? b[at] : 0) ^ (ins > 2 ? c[at] : 0);
          if (y[at] != expected || (outs == 2 && z[at] != expected)) wrong++;
        }
        EXPECT_EQ(wrong, 0u) << "way " << way << ", " << ins << " in, " << outs << " out";
        EXPECT_EQ(y[kOffset + kBytes], 0) << "one byte too many";
      }
    }
  }
}

}  // namespace
