// Overlap of strided regions against the plain definition: two regions meet when they share a byte.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

extern "C" {
#include "host/region.h"
}

namespace {

std::vector<uintptr_t> bytes_of(const wni_region &r) {
  std::vector<uintptr_t> bytes;
  for (int64_t i = 0; i < r.count[0]; i++)
    for (int64_t j = 0; j < r.count[1]; j++)
      for (int64_t k = 0; k < r.run; k++)
        bytes.push_back(r.begin + static_cast<uintptr_t>(i * r.stride[0] + j * r.stride[1] + k));
  return bytes;
}

bool share_a_byte(const wni_region &a, const wni_region &b) {
  const std::vector<uintptr_t> first = bytes_of(a);
  const std::set<uintptr_t> set(first.begin(), first.end());
  for (const uintptr_t byte : bytes_of(b))
    if (set.count(byte)) return true;
  return false;
}

const void *address(uintptr_t value) { return reinterpret_cast<const void *>(value); }

class RandomRegion {
 public:
  explicit RandomRegion(unsigned seed) : random_(seed) {}
  int64_t below(int64_t n) { return std::uniform_int_distribution<int64_t>(0, n - 1)(random_); }
  int64_t gap(int64_t n) { return below(2) * below(n); }  // half of the gaps are closed

  wni_region make() {
    wn_problem p = WN_PROBLEM_INIT;
    p.layout = below(2) ? WN_NXC : WN_NCX;
    p.c = 1 + below(4);
    p.x = 1 + below(4);
    p.n = 1 + below(5);
    wn_stride s = {p.c * p.x + gap(6), 0};
    if (p.layout == WN_NXC && below(2)) {
      s.pixel = p.c + gap(5);
      s.row = (p.x - 1) * s.pixel + p.c + gap(8);
    } else if (p.layout == WN_NXC) {  // positions outermost
      s.row = p.c + gap(5);
      s.pixel = (p.n - 1) * s.row + p.c + gap(8);
    }
    const size_t element = size_t{1} << (below(2) * below(2));
    return wni_region_tensor(address(1000 + static_cast<uintptr_t>(below(80))), &p, p.n, s, element);
  }

 private:
  std::mt19937 random_;
};

TEST(Region, OverlapIsExactForRandomStrides) {
  RandomRegion random(1);
  int meet = 0;
  const int rounds = 200000;
  for (int i = 0; i < rounds; i++) {
    const wni_region a = random.make();
    wni_region b = random.make();
    if (i % 3 == 0) {  // the same strides elsewhere
      const uintptr_t begin = b.begin;
      b = a;
      b.begin = begin;
    }
    const bool expected = share_a_byte(a, b);
    meet += expected;
    ASSERT_EQ(wni_regions_overlap(&a, &b) != 0, expected)
        << "round " << i << ": a at " << a.begin << " {" << a.count[0] << "," << a.count[1] << "} strides {"
        << a.stride[0] << "," << a.stride[1] << "} run " << a.run << "; b at " << b.begin << " {" << b.count[0] << ","
        << b.count[1] << "} strides {" << b.stride[0] << "," << b.stride[1] << "} run " << b.run;
    ASSERT_EQ(wni_regions_overlap(&b, &a) != 0, expected) << "round " << i << ", the other way round";
  }
  EXPECT_GT(meet, rounds / 10) << "the sample must contain both answers";
  EXPECT_LT(meet, rounds * 9 / 10);
}

TEST(Region, ColumnsOfOneWideTensorDoNotOverlap) {
  wn_problem p = WN_PROBLEM_INIT;
  p.n = int64_t{1} << 40;
  p.c = 8;
  const wn_stride wide = {24, 0};
  const wni_region a = wni_region_tensor(address(4096), &p, p.n, wide, 4);
  const wni_region b = wni_region_tensor(address(4096 + 8 * 4), &p, p.n, wide, 4);
  const wni_region c = wni_region_tensor(address(4096 + 7 * 4), &p, p.n, wide, 4);
  EXPECT_FALSE(wni_regions_overlap(&a, &b));
  EXPECT_TRUE(wni_regions_overlap(&a, &c));
}

TEST(Region, RowsOfDifferentStridesAreSolvedWithoutALoop) {
  // Row i of a covers [6 i, 6 i + 2) elements, row j of b [10 j + 3, 10 j + 4) or + 4: odd offsets of one byte each
  // never meet the even ones; 2^40 rows could not be looped over.
  wn_problem p = WN_PROBLEM_INIT;
  p.n = int64_t{1} << 40;
  p.c = 1;
  const wn_stride six = {6, 0}, ten = {10, 0};
  const wni_region a = wni_region_tensor(address(4096), &p, p.n, six, 1);
  const wni_region odd = wni_region_tensor(address(4096 + 3), &p, p.n, ten, 1);
  const wni_region even = wni_region_tensor(address(4096 + 4), &p, p.n, ten, 1);
  EXPECT_FALSE(wni_regions_overlap(&a, &odd));
  EXPECT_TRUE(wni_regions_overlap(&a, &even));
}

TEST(Region, NothingOverlapsWithNothing) {
  const wni_region empty = wni_region_flat(address(4096), 0), full = wni_region_flat(address(4000), 1000);
  EXPECT_FALSE(wni_regions_overlap(&empty, &full));
  EXPECT_FALSE(wni_regions_overlap(&full, &empty));
}

}  // namespace
