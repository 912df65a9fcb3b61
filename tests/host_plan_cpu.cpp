// The processor's planner: the view that it makes of short runs holds the same elements, sets and parameters as the
// problem's, and the workspace of a plan is enough for every smaller n.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/host_shape.h"

extern "C" {
#include "host/plan_cpu.h"
#include "host/problem.h"
}

namespace {

using wn::test::ProblemOf;
using wn::test::Shape;

wni_plan_input InputOf(const Shape &s, wn_pass pass, wn_dtype x = WN_F32, int ranks = 0) {
  const wn_problem p = ProblemOf(s);
  wni_plan_input in = {};
  in.pass = pass;
  in.stats = pass == WN_TRAIN ? WNI_STATS_COMPUTED : pass == WN_BACKWARD ? WNI_STATS_SAVED : WNI_STATS_RUNNING;
  in.geo = wni_geometry_make(&p, s.n, in.stats == WNI_STATS_RUNNING ? 1 : s.parts);
  in.types = {x == WN_F64 ? WN_F64 : WN_F32, x, x, x, WN_F32, WN_F32};
  in.act = WN_ACT_NONE;
  in.add = WN_ADD_NONE;
  in.running = s.kind == WN_BATCH;
  in.ranks = ranks;
  return in;
}

wni_cpu_plan PlanOf(const wni_plan_input &in) {
  wni_cpu_plan plan = {};
  wni_plan_cpu(&in, &plan);
  return plan;
}

struct Element {
  std::int64_t offset, set, param;
  bool operator<(const Element &o) const { return offset < o.offset; }
  bool operator==(const Element &o) const { return offset == o.offset && set == o.set && param == o.param; }
};

std::vector<Element> ElementsOf(const wni_geometry &g, const wni_view &v) {
  std::vector<Element> all;
  for (std::int64_t i = 0; i < g.extent[0]; i++) {
    for (std::int64_t j = 0; j < g.extent[1]; j++) {
      for (std::int64_t k = 0; k < g.extent[2]; k++) {
        for (std::int64_t e = 0; e < g.extent[3]; e++) {
          const std::int64_t offset = i * v.stride[0] + j * v.stride[1] + k * v.stride[2] + e;
          if (g.pattern == WNI_ROW) {
            all.push_back({offset, i * g.extent[1] + j, j * g.param_step + e / g.param_span});
          } else {
            const std::int64_t sets = g.extent[3] / g.set_columns;
            all.push_back({offset, i * sets + e / g.set_columns, g.param_span > 0 ? e / g.param_span : e});
          }
        }
      }
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST(HostPlanCpu, ShortRunsSeenAsColumnsAreTheSameElements) {
  for (const Shape &s : {Shape{WN_BATCH, WN_NCX, 16, 5, 7, 1, 1}, Shape{WN_BATCH, WN_NCX, 64, 3, 49, 1, 2},
                         Shape{WN_BATCH, WN_NCX, 40, 40, 9, 1, 1}, Shape{WN_BATCH, WN_NCX, 32, 2, 256, 1, 1}}) {
    const wni_plan_input in = InputOf(s, WN_TRAIN);
    const wni_cpu_plan plan = PlanOf(in);
    ASSERT_EQ(in.geo.pattern, WNI_ROW);
    ASSERT_EQ(plan.geo.pattern, WNI_COLUMN) << s.n << " x " << s.c << " x " << s.x;
    const wn_problem p = ProblemOf(s);
    wn_stride stride = {};
    stride.row = s.c * s.x + 3;  // samples that do not follow one another
    wni_call call = {};
    call.geo = in.geo;
    call.x.view = wni_view_make(&p, s.n, s.parts, stride);
    const wni_call seen = wni_cpu_call(&plan, &call);
    EXPECT_EQ(ElementsOf(seen.geo, seen.x.view), ElementsOf(in.geo, call.x.view));
    EXPECT_EQ(seen.geo.sets, in.geo.sets);
    EXPECT_EQ(seen.geo.set_size, in.geo.set_size);
    EXPECT_EQ(seen.geo.params, in.geo.params);
    EXPECT_LE(wni_mask_bytes(&seen.geo), wni_mask_bytes(&in.geo));
  }
}

TEST(HostPlanCpu, OtherRunsAreLeftAsTheyAre) {
  for (const Shape &s : {Shape{WN_BATCH, WN_NCX, 15, 5, 7, 1, 1}, Shape{WN_BATCH, WN_NCX, 64, 3, 3136, 1, 1},
                         Shape{WN_INSTANCE, WN_NCX, 64, 3, 49, 1, 1}, Shape{WN_LAYER, WN_NXC, 64, 49, 3, 1, 1}}) {
    const wni_plan_input in = InputOf(s, WN_TRAIN);
    EXPECT_EQ(PlanOf(in).geo.pattern, in.geo.pattern) << s.n << " x " << s.c << " x " << s.x;
  }
}

TEST(HostPlanCpu, AllPassesOfACallSeeTheMaskAlike) {
  for (const std::int64_t n : {8, 15, 16, 17, 64, 1000}) {
    const Shape s = {WN_BATCH, WN_NCX, n, 6, 49, 1, 1};
    for (const wn_dtype type : {WN_F32, WN_BF16, WN_F64}) {
      const wni_pattern first = PlanOf(InputOf(s, WN_TRAIN, type)).geo.pattern;
      for (const wn_pass pass : {WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN})
        EXPECT_EQ(PlanOf(InputOf(s, pass, type)).geo.pattern, first) << n;
    }
  }
}

TEST(HostPlanCpu, BlocksOfWholeSlabsHoldWholeSets) {
  for (const std::int64_t x : {1, 4, 7, 9, 49, 64, 81, 121, 169, 196, 225, 256}) {
    for (const std::int64_t n : {16, 64, 300}) {
      for (const wn_dtype type : {WN_F32, WN_BF16, WN_F64}) {
        const wni_cpu_plan plan = PlanOf(InputOf({WN_BATCH, WN_NCX, n, 512, x, 1, 1}, WN_TRAIN, type));
        if (plan.geo.pattern != WNI_COLUMN) continue;
        const wni_column_plan &p = plan.column;
        EXPECT_LE(p.columns * p.fold * static_cast<std::int64_t>(type == WN_F64 ? 8 : 4), WNI_LINE_BYTES);
        if (!p.fused) continue;
        EXPECT_EQ(p.columns % plan.geo.set_columns, 0) << n << ", " << x;
        EXPECT_TRUE(p.blocks == 1 || p.columns % 8 == 0) << n << ", " << x;
      }
    }
  }
}

TEST(HostPlanCpu, WorkspaceServesEverySmallerN) {
  for (const wn_kind kind : {WN_BATCH, WN_LAYER, WN_GROUP, WN_INSTANCE, WN_RMS}) {
    for (const wn_layout layout : {WN_NCX, WN_NXC}) {
      for (const std::int64_t x : {1, 7, 49, 300}) {
        for (const wn_pass pass : {WN_TRAIN, WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN}) {
          if (kind != WN_BATCH && pass == WN_BACKWARD_FROZEN) continue;
          std::size_t most = 0;
          for (std::int64_t n = 1; n < 200; n++) {
            wni_plan_input in = InputOf({kind, layout, n, 12, x, kind == WN_GROUP ? 2 : 1, 1}, pass);
            if (kind != WN_BATCH && pass == WN_INFER) in.stats = WNI_STATS_COMPUTED;
            const std::size_t bytes = PlanOf(in).workspace;
            EXPECT_GE(bytes, most) << "kind " << kind << ", layout " << layout << ", pass " << pass << ", x " << x
                                   << ", n " << n;
            most = std::max(most, bytes);
          }
        }
      }
    }
  }
}

}  // namespace
