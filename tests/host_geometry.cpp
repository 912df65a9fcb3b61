// The geometry of every kind and layout against the definition: for each (n, c, x) the view must hold that element
// once, at its offset, in the set and with the parameter that the interface's table says.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <tuple>

#include "tests/host_shape.h"

extern "C" {
#include "host/problem.h"
}

namespace {

using wn::test::ProblemOf;
using wn::test::Shape;

std::string text(const Shape &s) {
  return "kind " + std::to_string(s.kind) + " layout " + std::to_string(s.layout) + " n " + std::to_string(s.n) +
         " c " + std::to_string(s.c) + " x " + std::to_string(s.x) + " groups " + std::to_string(s.groups) + " parts " +
         std::to_string(s.parts);
}

// Where the interface's table puts element (n, c, x): its statistics set, in the order in which mean and rstd are
// packed.
int64_t set_of(const Shape &s, int64_t n, int64_t c, int64_t x) {
  switch (s.kind) {
    case WN_BATCH:
      return n / (s.n / s.parts) * s.c + c;
    case WN_LAYER:
    case WN_RMS:
      return n * s.x + x;
    case WN_GROUP:
      return n * s.groups + c / (s.c / s.groups);
    case WN_INSTANCE:
      break;
  }
  return n * s.c + c;
}

struct Place {
  int64_t set, param;
};

Place place_in(const wni_geometry &g, int64_t i0, int64_t i1, int64_t i2, int64_t j) {
  if (g.pattern == WNI_COLUMN) return {i0 * (g.extent[3] / g.set_columns) + j / g.set_columns, g.param_by_row ? i2 : j};
  return {i0 * g.extent[1] + i1, i1 * g.param_step + j / g.param_span};
}

// offset -> (set, parameter), as the kernels will walk it
std::map<int64_t, Place> walk(const wni_geometry &g, const wni_view &v) {
  std::map<int64_t, Place> places;
  for (int64_t i0 = 0; i0 < g.extent[0]; i0++)
    for (int64_t i1 = 0; i1 < g.extent[1]; i1++)
      for (int64_t i2 = 0; i2 < g.extent[2]; i2++)
        for (int64_t j = 0; j < g.extent[3]; j++) {
          const int64_t offset = i0 * v.stride[0] + i1 * v.stride[1] + i2 * v.stride[2] + j;
          EXPECT_TRUE(places.emplace(offset, place_in(g, i0, i1, i2, j)).second) << "offset " << offset << " twice";
        }
  return places;
}

void check(const Shape &s, wn_stride given) {
  SCOPED_TRACE(text(s));
  wn_problem p = ProblemOf(s);
  p.x_stride = given;
  wni_problem resolved;
  ASSERT_EQ(wni_problem_resolve(&p, &resolved), WN_OK) << wn_last_error();
  const wn_stride stride = resolved.given.x_stride;
  const wni_geometry g = wni_geometry_make(&resolved.given, s.n, s.parts);
  const auto places = walk(g, wni_view_make(&resolved.given, s.n, s.parts, stride));
  ASSERT_EQ(static_cast<int64_t>(places.size()), s.n * s.c * s.x);
  std::map<int64_t, int64_t> set_sizes;
  for (int64_t n = 0; n < s.n; n++)
    for (int64_t c = 0; c < s.c; c++)
      for (int64_t x = 0; x < s.x; x++) {
        const int64_t offset = n * stride.row + (s.layout == WN_NCX ? c * s.x + x : x * stride.pixel + c);
        const auto found = places.find(offset);
        ASSERT_NE(found, places.end()) << "(" << n << ", " << c << ", " << x << ") is not in the view";
        EXPECT_EQ(found->second.set, set_of(s, n, c, x)) << "(" << n << ", " << c << ", " << x << ")";
        EXPECT_EQ(found->second.param, c) << "(" << n << ", " << c << ", " << x << ")";
        set_sizes[found->second.set]++;
      }
  EXPECT_EQ(static_cast<int64_t>(set_sizes.size()), g.sets);
  for (const auto &set : set_sizes) EXPECT_EQ(set.second, g.set_size);
  EXPECT_EQ(g.centered, s.kind != WN_RMS);
  EXPECT_EQ(g.params, s.c);
}

TEST(Geometry, HoldsEveryElementOnceInItsSetWithItsParameter) {
  for (int kind = WN_BATCH; kind <= WN_RMS; kind++)
    for (int layout = WN_NCX; layout <= WN_NXC; layout++)
      for (int64_t c : {1, 6})
        for (int64_t x : {1, 5})
          for (int64_t groups : {1, 2, 3, 6})
            for (int64_t parts : {1, 2, 4}) {
              if (kind != WN_GROUP && groups > 1) continue;
              if (kind != WN_BATCH && parts > 1) continue;
              if (c % groups) continue;
              const Shape s = {static_cast<wn_kind>(kind), static_cast<wn_layout>(layout), 4, c, x, groups, parts};
              check(s, {0, 0});
              check(s, {c * x + 7, 0});
              if (layout == WN_NXC) check(s, {x * (c + 3) + 1, c + 3});
              if (layout == WN_NXC) check(s, {c + 2, 4 * (c + 2) + 5});  // positions outermost
            }
}

TEST(Geometry, NeighboursInMemoryAreTheInnermostExtent) {
  wn_problem p = ProblemOf({WN_BATCH, WN_NCX, 8, 6, 5, 1, 1});
  EXPECT_EQ(wni_geometry_make(&p, 8, 1).pattern, WNI_ROW);
  EXPECT_EQ(wni_geometry_make(&p, 8, 1).extent[3], 5);
  p.x = 1;  // a matrix (N, C): channels lie side by side
  EXPECT_EQ(wni_geometry_make(&p, 8, 1).pattern, WNI_COLUMN);
  EXPECT_EQ(wni_geometry_make(&p, 8, 1).extent[3], 6);
}

TEST(Geometry, AMaskPaddedBySpans) {
  wn_problem p = ProblemOf({WN_GROUP, WN_NCX, 4, 6, 5, 2, 1});
  wni_geometry g = wni_geometry_make(&p, 4, 1);
  EXPECT_EQ(wni_mask_bytes_by_span(&g), 4 * 6)
      << "channels of 5 positions, a byte each, are more than groups of 15 in 2";
  p.x = 8;
  g = wni_geometry_make(&p, 4, 1);
  EXPECT_EQ(wni_mask_bytes_by_span(&g), 4 * 6);
  p.x = 1;  // a matrix
  g = wni_geometry_make(&p, 4, 1);
  EXPECT_EQ(wni_mask_bytes_by_span(&g), 4 * 2);
  p = ProblemOf({WN_BATCH, WN_NCX, 4, 6, 5, 1, 1});
  g = wni_geometry_make(&p, 4, 1);
  EXPECT_EQ(wni_mask_bytes_by_span(&g), 4 * 6);
  p = ProblemOf({WN_LAYER, WN_NXC, 4, 6, 5, 1, 1});
  g = wni_geometry_make(&p, 4, 1);
  EXPECT_EQ(wni_mask_bytes_by_span(&g), 4 * 5);
}

TEST(Geometry, NoSamplesHaveNoElements) {
  for (int kind = WN_BATCH; kind <= WN_RMS; kind++) {
    wn_problem p = ProblemOf({static_cast<wn_kind>(kind), WN_NXC, 0, 6, 5, 1, 1});
    const wni_geometry g = wni_geometry_make(&p, 0, 1);
    EXPECT_EQ(wni_elements(&g), 0);
    EXPECT_EQ(g.params, 6);
  }
}

}  // namespace
