// The generator: the published sequence, distributions, and numbers that must come out the same on every machine.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

extern "C" {
#include "rng.h"
}

namespace {

TEST(Rng, IsXoshiro256StarStar) {
  rng r = {};
  for (uint64_t i = 0; i < 4; i++) r.state[i] = i + 1;
  // The first numbers of the authors' C code from the state 1, 2, 3, 4.
  for (const uint64_t expected : {UINT64_C(11520), UINT64_C(0), UINT64_C(1509978240), UINT64_C(1215971899390074240),
                                  UINT64_C(1216172134540287360), UINT64_C(607988272756665600)})
    EXPECT_EQ(rng_next(&r), expected);
}

TEST(Rng, UniformIsInRangeAndFlat) {
  rng r;
  rng_seed(&r, 3, 1);
  constexpr int bins = 16, draws = 160000;
  constexpr double expected = draws / static_cast<double>(bins);
  std::vector<int> hits(bins);
  for (int i = 0; i < draws; i++) {
    const double u = rng_uniform(&r);
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    hits[static_cast<size_t>(u * bins)]++;
  }
  double chi = 0;
  for (const int h : hits) chi += std::pow(h - expected, 2) / expected;
  EXPECT_LT(chi, 37.7);  // the 0.1 % point of 15 degrees of freedom
}

TEST(Rng, BelowIsInRangeAndFlat) {
  rng r;
  rng_seed(&r, 5, 2);
  constexpr int limit = 7, draws = 70000;
  constexpr double expected = draws / static_cast<double>(limit);
  std::vector<int> hits(limit);
  for (int i = 0; i < draws; i++) {
    const uint64_t value = rng_below(&r, limit);
    ASSERT_LT(value, static_cast<uint64_t>(limit));
    hits[value]++;
  }
  double chi = 0;
  for (const int h : hits) chi += std::pow(h - expected, 2) / expected;
  EXPECT_LT(chi, 22.5);  // the 0.1 % point of 6 degrees of freedom
  EXPECT_EQ(rng_below(&r, 1), 0u);
}

TEST(Rng, BelowHasNoBiasNearTheTop) {
  // With the limit 3 * 2^62 a plain remainder would hit the first third twice as often as each other third.
  rng r;
  rng_seed(&r, 6, 2);
  constexpr uint64_t third = UINT64_C(1) << 62;
  int low = 0;
  constexpr int draws = 30000;
  for (int i = 0; i < draws; i++) low += rng_below(&r, 3 * third) < third;
  EXPECT_NEAR(low, draws / 3.0, 4 * std::sqrt(draws * 2.0 / 9));
}

TEST(Rng, NormalHasItsMoments) {
  rng r;
  rng_seed(&r, 4, 1);
  constexpr int draws = 400000;
  double sum[5] = {};
  for (int i = 0; i < draws; i++) {
    const double x = rng_normal(&r);
    for (int k = 1; k <= 4; k++) sum[k] += std::pow(x, k) / draws;
  }
  const double sigma = 1 / std::sqrt(draws);  // of a mean of unit variance; x^k has variance 1, 2, 15, 96
  EXPECT_NEAR(sum[1], 0, 4 * sigma);
  EXPECT_NEAR(sum[2], 1, 4 * sigma * std::sqrt(2));
  EXPECT_NEAR(sum[3], 0, 4 * sigma * std::sqrt(15));
  EXPECT_NEAR(sum[4], 3, 4 * sigma * std::sqrt(96));
}

// Its own logarithm against the C library's, through the formula of the polar method.
TEST(Rng, NormalUsesAnExactLogarithm) {
  rng r, again;
  rng_seed(&r, 8, 1);
  again = r;
  for (int i = 0; i < 20000; i++) {
    double u, v, square;
    do {
      u = 2 * rng_uniform(&again) - 1;
      v = 2 * rng_uniform(&again) - 1;
      square = u * u + v * v;
    } while (square >= 1 || square == 0);
    const double factor = std::sqrt(-2 * std::log(square) / square);
    // log, a quotient, a root and a product: a few roundings of 2^-53; near square = 1 the logarithm's own error grows
    // relative to it, by no more than the 2^-53 of `square` itself does.
    const double tolerance = 8 * 0x1p-53 * (1 + 1 / std::fabs(std::log(square)));
    EXPECT_NEAR(rng_normal(&r), u * factor, tolerance * std::fabs(u * factor));
    EXPECT_NEAR(rng_normal(&r), v * factor, tolerance * std::fabs(v * factor));
  }
}

// To the last bit: what a seed means is fixed. The same came from gcc and clang, x86-64 with and without FMA, and
// aarch64.
TEST(Rng, IsTheSameOnEveryMachine) {
  rng r;
  rng_seed(&r, 1, 1);
  for (const double expected :
       {-0x1.83e4b7138bb7p+0, 0x1.188d62f935e37p+0, -0x1.9934477a26146p-3, -0x1.74dddee12113ep-2})
    EXPECT_EQ(rng_normal(&r), expected);
  for (int i = 4; i < 999999; i++) rng_normal(&r);
  EXPECT_EQ(rng_normal(&r), 0x1.fa3e9d5b40959p-3);
  rng_seed(&r, 1, 2);
  for (const uint64_t expected : {190, 993, 239, 67, 379, 665}) EXPECT_EQ(rng_below(&r, 1000), expected);
}

TEST(Rng, StreamsAndSeedsDiffer) {
  rng a, b, c, d;
  rng_seed(&a, 1, 2);
  rng_seed(&b, 2, 1);
  rng_seed(&c, 1, 1);
  rng_seed(&d, 1, 2);
  const uint64_t first = rng_next(&a);
  EXPECT_NE(first, rng_next(&b));
  EXPECT_NE(first, rng_next(&c));
  EXPECT_EQ(first, rng_next(&d));
}

}  // namespace
