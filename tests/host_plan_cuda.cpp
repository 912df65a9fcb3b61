// Plans of the CUDA backend for every device of the table: they need no GPU.
#include "host_plan_cuda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <set>
#include <utility>

namespace wn::test {
namespace {

using Check = std::function<void(const PlanCase &, const wni_cuda_figures &)>;

void ForAll(const Check &check) {
  for (const wni_cuda_figures &device : PlanDevices())
    for (const PlanCase &c : PlanCases()) {
      SCOPED_TRACE(std::string(device.name) + ": " + c.Name());
      check(c, device);
      if (testing::Test::HasFailure()) return;
    }
}

bool IsRow(const wni_cuda_launch &l) { return l.function <= WNI_CUDA_ROW_BACKWARD_APPLY; }
bool IsColumn(const wni_cuda_launch &l) {
  return l.function >= WNI_CUDA_COLUMN_FORWARD && l.function <= WNI_CUDA_COLUMN_BACKWARD_APPLY;
}
bool HoldsSets(const wni_cuda_launch &l) {
  return l.function == WNI_CUDA_ROW_FORWARD || l.function == WNI_CUDA_ROW_BACKWARD;
}
// A cut as numbers, for comparisons: the structs have padding.
std::vector<std::int64_t> Numbers(const wni_cuda_row &r) {
  return {r.runs,  r.elements,       r.run_octets, r.octets, r.per_element ? 1 : 0, r.param_run,
          r.lanes, r.segment_octets, r.segments,   r.team,   r.team_runs,           r.kept_octets};
}
std::vector<std::int64_t> Numbers(const wni_cuda_column &c) {
  return {c.rows, c.columns, c.tile_octets, c.tiles, c.chunk_rows, c.chunks, c.team, c.team_tiles, c.kept_octets};
}
std::vector<std::int64_t> Numbers(const wni_cuda_launch &l) {
  return {l.function, l.variant, l.grid, l.block, l.shared, l.wanted, l.together ? 1 : 0, l.cluster};
}
bool IsPowerOfTwo(std::int64_t v) { return v > 0 && (v & (v - 1)) == 0; }
std::int64_t CeilDiv(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

bool IsColumnTeam(const wni_cuda_launch &l) {
  return l.function == WNI_CUDA_COLUMN_FORWARD || l.function == WNI_CUDA_COLUMN_BACKWARD;
}

// The kernels' launch bounds.
unsigned MostThreads(const wni_cuda_launch &l, const PlanCase &c) {
  const wn_dtype x = c.problem.types.x;
  if (IsColumnTeam(l)) return x == WN_F64 ? 128 : 256;
  if (IsColumn(l)) return 128;
  if (l.function == WNI_CUDA_MERGE_PARAMS || l.function == WNI_CUDA_RUNNING) return 1024;
  if (!HoldsSets(l) || l.variant < WNI_CUDA_BLOCK_2 || x == WN_F64) return 256;
  return 512;
}

// Whole ones, all of them on the device at once: what starts later would have it to itself.
void ExpectClusters(const wni_cuda_launch &l, const wni_plan_input &in, const wni_cuda_plan &plan,
                    const wni_cuda_figures &device) {
  ASSERT_TRUE(IsPowerOfTwo(l.cluster) && l.cluster <= 1u << WNI_CUDA_CLUSTERS) << l.cluster;
  if (l.cluster == 1) return;
  int log2 = 0;
  while (2u << log2 < l.cluster) log2++;
  EXPECT_EQ(l.function, WNI_CUDA_ROW_BACKWARD);
  EXPECT_EQ(l.grid % l.cluster, 0u);
  EXPECT_EQ(plan.cut.row.cluster, static_cast<int>(l.cluster));
  EXPECT_EQ(plan.cut.param_rows, l.grid / l.cluster);
  EXPECT_LE(l.grid, wni_cuda_resident(&in, &device, &l) * device.clustered[log2]);
}

TEST(PlanCuda, LaunchesAreWithinTheLimits) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    const wni_cuda_plan plan = MakePlan(c.Input(), device);
    ASSERT_GE(plan.launches, 1);
    ASSERT_LE(plan.launches, WNI_CUDA_LAUNCHES);
    for (int i = 0; i < plan.launches; i++) {
      const wni_cuda_launch &l = plan.launch[i];
      SCOPED_TRACE(wni_cuda_function_name(l.function));
      EXPECT_GE(l.grid, 1u);
      EXPECT_LE(l.grid, 2147483647u);
      EXPECT_EQ(l.block % 32, 0u);
      EXPECT_GE(l.block, 32u);
      EXPECT_LE(l.block, MostThreads(l, c)) << "more than the kernel's launch bounds";
      EXPECT_TRUE(!IsColumn(l) || IsPowerOfTwo(l.block)) << l.block;
      ExpectClusters(l, c.Input(), plan, device);
      // What kernels have of their own is not in the launch's figure.
      EXPECT_LE(l.shared + 2048, static_cast<std::uint64_t>(device.shared_per_block));
      EXPECT_GE(l.variant, 0);
      EXPECT_LT(l.variant, HoldsSets(l) ? static_cast<int>(WNI_CUDA_SCOPES) : 1);
    }
  });
}

// Whole teams, all at once on the device where blocks wait for one another.
void ExpectTeams(const wni_cuda_launch &l, const wni_plan_input &in, int team, std::int64_t tasks,
                 const wni_cuda_figures &device) {
  EXPECT_EQ(l.together, team > 1);
  EXPECT_EQ(l.grid % static_cast<unsigned>(team), 0u);
  EXPECT_LT(l.grid / static_cast<unsigned>(team), std::max<std::int64_t>(tasks, 1) + l.cluster);
  if (!l.together) return;
  EXPECT_LE(l.grid, wni_cuda_resident(&in, &device, &l) * device.sms);
  EXPECT_LE(2 * l.block, in.types.real == WN_F64 ? 256u : 512u) << "registers of two blocks";
}

// Bytes of an octet of what teams keep.
double KeptBytes(const wni_plan_input &in) {
  const double x = in.types.x == WN_F64 ? 64 : in.types.x == WN_F32 ? 32 : 16;
  return x + (in.pass == WN_BACKWARD ? in.types.dy == in.types.x ? x : 32 : 0);
}

void ExpectTeamCovers(const wni_cuda_launch &l, const wni_plan_input &in, const wni_cuda_plan &plan,
                      const wni_cuda_figures &device) {
  const wni_cuda_row &r = plan.cut.row;
  const bool backward = in.pass == WN_BACKWARD, runs = r.team_runs != 0;
  ExpectTeams(l, in, r.team, in.geo.sets, device);
  EXPECT_EQ(runs, backward && r.param_run != 0);
  EXPECT_EQ(r.segments, runs ? 1 : r.team);
  const std::int64_t part = runs ? r.team_runs * r.run_octets : r.segment_octets;
  EXPECT_GE(r.team * part, r.octets);
  EXPECT_LT((r.team - 1) * part, r.octets) << "a block has nothing";
  if (r.kept_octets == 0) {
    EXPECT_EQ(r.team, 1);
    return;
  }
  EXPECT_EQ(r.kept_octets, part);
  const double real = in.types.real == WN_F64 ? 8 : 4;
  const double each = KeptBytes(in) + (backward && r.per_element ? 2 * WNI_OCTET * real : 0);
  EXPECT_EQ(l.shared, each * static_cast<double>(part));
}

void ExpectRowCovers(const wni_plan_input &in, const wni_cuda_plan &plan, const wni_cuda_figures &device) {
  const wni_cuda_row &r = plan.cut.row;
  EXPECT_EQ(r.runs * r.elements, in.geo.set_size);
  EXPECT_EQ(r.run_octets, CeilDiv(r.elements, WNI_OCTET));
  EXPECT_EQ(r.octets, r.runs * r.run_octets);
  EXPECT_TRUE(IsPowerOfTwo(r.lanes) || r.lanes % 32 == 0) << r.lanes;
  if (r.octets == 0) return;
  const bool backward = in.pass == WN_BACKWARD || in.pass == WN_BACKWARD_FROZEN;
  const std::int64_t cut = backward && r.param_run != 0 ? r.run_octets : r.octets;
  EXPECT_GE(r.segments * r.segment_octets, cut);
  EXPECT_LT((r.segments - 1) * r.segment_octets, cut) << "a segment is empty";
  EXPECT_EQ(r.per_element, in.geo.param_span == 1);
  for (int i = 0; i < plan.launches; i++) {
    const wni_cuda_launch &l = plan.launch[i];
    if (!IsRow(l)) continue;
    EXPECT_TRUE(r.lanes <= 32 || r.lanes == static_cast<int>(l.block));
    if (!HoldsSets(l)) continue;
    EXPECT_EQ(r.team != 0, l.variant == WNI_CUDA_TEAM);
    if (r.team != 0) {
      ExpectTeamCovers(l, in, plan, device);
      continue;
    }
    EXPECT_EQ(r.segments, 1);
    const std::int64_t each = l.variant == WNI_CUDA_LANES_1 ? 1 : l.variant == WNI_CUDA_BLOCK_2 ? 2 : 4;
    EXPECT_GE(each * r.lanes, r.octets) << "scope " << l.variant << " does not hold the set";
    EXPECT_EQ(r.lanes <= 32, l.variant <= WNI_CUDA_LANES_4);
  }
}

void ExpectColumnCovers(const wni_cuda_column &c) {
  EXPECT_TRUE(IsPowerOfTwo(c.tile_octets) && c.tile_octets <= 32) << c.tile_octets;
  EXPECT_GE(c.tiles * c.tile_octets * WNI_OCTET, c.columns);
  EXPECT_LT((c.tiles - 1) * c.tile_octets * WNI_OCTET, c.columns);
  EXPECT_GE(c.chunks * c.chunk_rows, c.rows);
  EXPECT_LE(c.chunk_rows, 1 << 20) << "counted in 32 bits";
  EXPECT_TRUE(c.rows == 0 || (c.chunks - 1) * c.chunk_rows < c.rows) << "a chunk is empty";
}

// A team has all columns of its sets, and a block room for its rows.
void ExpectColumnTeamCovers(const wni_cuda_launch &l, const wni_plan_input &in, const wni_cuda_plan &plan,
                            const wni_cuda_figures &device) {
  const wni_cuda_column &c = plan.cut.column;
  ASSERT_EQ(c.team != 0, IsColumnTeam(l));
  if (c.team == 0) return;
  ExpectTeams(l, in, c.team, in.geo.extent[0] * CeilDiv(c.tiles, c.team_tiles), device);
  EXPECT_EQ(c.team, c.chunks * c.team_tiles);
  EXPECT_TRUE(c.team_tiles == c.tiles || c.team_tiles * c.tile_octets * WNI_OCTET % in.geo.set_columns == 0);
  const std::int64_t lanes = l.block / c.tile_octets;
  EXPECT_EQ(c.kept_octets % l.block, 0);
  EXPECT_GE(c.kept_octets / l.block * lanes, c.chunk_rows);
  EXPECT_LE(static_cast<double>(c.kept_octets) * KeptBytes(in), l.shared);
}

TEST(PlanCuda, PiecesCoverEverything) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    const wni_plan_input in = c.Input();
    const wni_cuda_plan plan = MakePlan(in, device);
    if (in.geo.pattern == WNI_ROW) {
      ExpectRowCovers(in, plan, device);
    } else {
      EXPECT_EQ(plan.cut.column.columns, in.geo.extent[3]);
      EXPECT_EQ(plan.cut.column.rows, in.geo.extent[1] * in.geo.extent[2]);
    }
    const bool by_column = std::any_of(plan.launch, plan.launch + plan.launches, IsColumn);
    if (!by_column) return;
    ExpectColumnCovers(plan.cut.column);
    if (in.geo.pattern == WNI_COLUMN) ExpectColumnTeamCovers(plan.launch[0], in, plan, device);
    if (in.geo.pattern == WNI_ROW) {
      EXPECT_EQ(plan.cut.column.columns, in.geo.params);
      EXPECT_EQ(plan.cut.column.rows * plan.cut.column.columns, wni_elements(&in.geo));
    }
  });
}

// ---- what launches hand to each other

class Flow {
 public:
  Flow(const wni_plan_input &in, unsigned wanted) : in_(in), wanted_(wanted) {}

  void Run(const wni_cuda_plan &plan) {
    for (int i = 0; i < plan.launches; i++) {
      const wni_cuda_launch &l = plan.launch[i];
      if (l.wanted != 0 && (l.wanted & wanted_) == 0) continue;
      SCOPED_TRACE(wni_cuda_function_name(l.function));
      Launch(l.function);
    }
  }

  bool Has(const char *what) const { return made_.count(what) != 0; }

 private:
  void Need(const char *what) { EXPECT_TRUE(Has(what)) << what << " is not there yet"; }
  void Make(const char *what) { made_.insert(what); }
  bool ByRow() const { return in_.geo.pattern == WNI_COLUMN && in_.geo.param_by_row; }
  bool EachElement() const { return in_.geo.pattern == WNI_ROW && in_.geo.param_span == 1; }
  bool Frozen() const { return in_.stats == WNI_STATS_RUNNING; }
  bool Synced() const { return in_.ranks > 0; }

  void Launch(wni_cuda_function function) {
    switch (function) {
      case WNI_CUDA_ROW_FORWARD:
      case WNI_CUDA_COLUMN_FORWARD:
        Make("stats"), Make("y");
        break;
      case WNI_CUDA_ROW_MOMENTS:
      case WNI_CUDA_COLUMN_MOMENTS:
        Make("moments");
        break;
      case WNI_CUDA_MERGE_MOMENTS:
        Need("moments"), Make(Synced() ? "mine" : "stats");
        break;
      case WNI_CUDA_ROW_APPLY:
      case WNI_CUDA_COLUMN_APPLY:
        if (!Frozen()) Need("stats");
        Make("y");
        break;
      case WNI_CUDA_ROW_BACKWARD:
      case WNI_CUDA_COLUMN_BACKWARD:
        Make("dx"), Make("param sums");
        break;
      case WNI_CUDA_ROW_BACKWARD_SUMS:
        EXPECT_FALSE(Has("dx")) << "dx may be in the place of x or dy, which are read";
        Make("sums");
        if (!EachElement()) Make("param sums");
        break;
      case WNI_CUDA_COLUMN_BACKWARD_SUMS:
        EXPECT_FALSE(Has("dx")) << "dx may be in the place of x or dy, which are read";
        if (in_.geo.pattern == WNI_COLUMN) Make("sums");
        if (!ByRow()) Make("param sums");
        break;
      case WNI_CUDA_MERGE_SUMS:
        Need("sums"), Make(Synced() ? "mine" : "set sums");
        break;
      case WNI_CUDA_EXCHANGE:
        Need("mine"), Make("all");
        break;
      case WNI_CUDA_JOIN_MOMENTS:
        Need("all"), Make("stats");
        break;
      case WNI_CUDA_JOIN_SUMS:
        Need("all"), Make("set sums");
        break;
      case WNI_CUDA_ROW_BACKWARD_APPLY:
      case WNI_CUDA_COLUMN_BACKWARD_APPLY:
        if (!Frozen() && (wanted_ & WNI_CUDA_WANT_DX) != 0) Need("set sums");
        Make("dx");
        if (Frozen() || ByRow()) Make("param sums");
        break;
      case WNI_CUDA_MERGE_PARAMS:
        Need("param sums"), Make("params");
        break;
      case WNI_CUDA_RUNNING:
        Need("stats");
        EXPECT_FALSE(Has("count")) << "the count of the calls before this one is read";
        Make("running");
        break;
      case WNI_CUDA_COUNT_CALL:
        Make("count");
        break;
      case WNI_CUDA_FUNCTIONS:
        FAIL();
    }
  }

  const wni_plan_input &in_;
  unsigned wanted_;
  std::set<std::string> made_;
};

TEST(PlanCuda, LaunchesHandOnWhatTheNextOnesNeed) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    const wni_plan_input in = c.Input();
    const wni_cuda_plan plan = MakePlan(in, device);
    const bool backward = c.pass == WN_BACKWARD || c.pass == WN_BACKWARD_FROZEN;
    for (unsigned wanted = 0; wanted < 16; wanted++) {
      SCOPED_TRACE("wanted " + std::to_string(wanted));
      const bool nothing = backward && (wanted & (WNI_CUDA_WANT_DX | WNI_CUDA_WANT_PARAMS)) == 0;
      if (nothing && in.ranks == 0) continue;
      Flow flow(in, wanted);
      flow.Run(plan);
      EXPECT_EQ(flow.Has("all"), in.ranks > 0) << "whatever is wanted, the other ranks wait for this one";
      EXPECT_EQ(flow.Has("y"), !backward);
      EXPECT_EQ(flow.Has("params"), backward && (wanted & WNI_CUDA_WANT_PARAMS) != 0);
      EXPECT_TRUE(!backward || (wanted & WNI_CUDA_WANT_DX) == 0 || flow.Has("dx"));
      if (c.pass != WN_TRAIN || !c.problem.running) continue;
      EXPECT_EQ(flow.Has("running"), (wanted & WNI_CUDA_WANT_RUNNING) != 0);
      const bool counts = (in.flags & WN_RUNNING_CUMULATIVE) != 0;
      EXPECT_EQ(flow.Has("count"), counts && (wanted & WNI_CUDA_WANT_COUNT) != 0);
    }
  });
}

// ---- the workspace

struct Array {
  std::size_t at;
  double bytes;
};

// As host/plan_cuda.h describes the arrays.
std::vector<Array> Arrays(const wni_plan_input &in, const wni_cuda_plan &plan) {
  const wni_geometry &g = in.geo;
  const wni_cuda_row &r = plan.cut.row;
  const wni_cuda_column &c = plan.cut.column;
  const double real = in.types.real == WN_F64 ? 8 : 4, sets = static_cast<double>(g.sets);
  const double chunks = static_cast<double>(g.extent[0]) * static_cast<double>(c.chunks);
  const bool row = g.pattern == WNI_ROW;
  std::vector<Array> arrays;
  for (int i = 0; i < plan.launches; i++) {
    if (plan.launch[i].together) arrays.push_back({plan.at.arrived, 4.0 * static_cast<double>(plan.launch[i].grid)});
    switch (plan.launch[i].function) {
      case WNI_CUDA_ROW_FORWARD:
        if (r.team > 1) arrays.push_back({plan.at.moments, sets * static_cast<double>(r.segments) * 4 * real});
        break;
      case WNI_CUDA_ROW_BACKWARD:
        if (r.team > 1 && r.per_element)
          arrays.push_back({plan.at.sums, sets * static_cast<double>(r.segments) * 2 * real});
        break;
      case WNI_CUDA_ROW_MOMENTS:
        arrays.push_back({plan.at.moments, sets * static_cast<double>(r.segments) * 4 * real});
        break;
      case WNI_CUDA_COLUMN_FORWARD:
      case WNI_CUDA_COLUMN_MOMENTS:
        arrays.push_back({plan.at.moments, chunks * static_cast<double>(g.extent[3]) * 4 * real});
        break;
      case WNI_CUDA_MERGE_MOMENTS:
        arrays.push_back({plan.at.stats, sets * 4 * real});
        break;
      case WNI_CUDA_RUNNING:
        if (plan.launch[0].function == WNI_CUDA_ROW_FORWARD || plan.launch[0].function == WNI_CUDA_COLUMN_FORWARD)
          arrays.push_back({plan.at.stats, sets * 4 * real});
        break;
      case WNI_CUDA_EXCHANGE: {
        const double message = 24 + 2 * static_cast<double>(g.params) * real;
        arrays.push_back({plan.at.mine, message});
        arrays.push_back({plan.at.all, message * in.ranks});
        arrays.push_back({plan.at.joined, 8});
        break;
      }
      case WNI_CUDA_MERGE_SUMS:
        arrays.push_back({plan.at.set_sums, sets * 2 * real});
        break;
      case WNI_CUDA_MERGE_PARAMS: {
        const double params = static_cast<double>(g.params) * 2 * real;
        const double pieces = static_cast<double>((r.param_run != 0 ? r.runs : 1) * r.segments);
        if (row && !r.per_element) arrays.push_back({plan.at.sums, sets * pieces * 2 * real});
        if (row && r.per_element) arrays.push_back({plan.at.params, static_cast<double>(plan.cut.param_rows) * params});
        if (!row && g.param_by_row)
          arrays.push_back({plan.at.params, static_cast<double>(g.extent[0] * c.tiles) * params});
        if (!row) arrays.push_back({plan.at.sums, chunks * static_cast<double>(g.extent[3]) * 2 * real});
        if (!row && !g.param_by_row) {
          EXPECT_EQ(plan.at.params, plan.at.sums) << "a chunk's sums are a partial row";
          EXPECT_EQ(static_cast<double>(plan.cut.param_rows), chunks);
        }
        break;
      }
      case WNI_CUDA_ROW_BACKWARD_SUMS:
        if (r.per_element) arrays.push_back({plan.at.sums, sets * static_cast<double>(r.segments) * 2 * real});
        break;
      default:
        break;
    }
  }
  return arrays;
}

TEST(PlanCuda, ArraysLieInTheWorkspaceSideBySide) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    const wni_plan_input in = c.Input();
    const wni_cuda_plan plan = MakePlan(in, device);
    std::vector<Array> arrays = Arrays(in, plan);
    std::sort(arrays.begin(), arrays.end(), [](const Array &a, const Array &b) { return a.at < b.at; });
    for (std::size_t i = 0; i < arrays.size(); i++) {
      EXPECT_EQ(arrays[i].at % 256, 0u);
      const std::size_t end = i + 1 < arrays.size() ? arrays[i + 1].at : plan.workspace;
      EXPECT_LE(static_cast<double>(arrays[i].at) + arrays[i].bytes, static_cast<double>(end)) << "array " << i;
    }
  });
}

TEST(PlanCuda, TheWorkspaceServesEverySmallerCall) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    const std::int64_t most = c.problem.given.n, parts = c.problem.given.parts;
    std::size_t before = 0;
    std::int64_t step = parts;
    for (std::int64_t n = 0; n <= most; n += step) {
      const wni_cuda_plan plan = MakePlan(c.Input(n), device);
      ASSERT_GE(plan.workspace, before) << "n " << n << " needs less than a smaller one";
      before = plan.workspace;
      if (n >= 24 * parts) step = std::max(n / 5 / parts, std::int64_t{1}) * parts;
    }
  });
}

// ---- what must not change

TEST(PlanCuda, LayerAndRmsRowsAreCutByTheirLengthAlone) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    const wn_problem &p = c.problem.given;
    if ((p.kind != WN_LAYER && p.kind != WN_RMS) || (p.flags & WN_SPLIT_FEW_ROWS) != 0 || p.n == 0) return;
    const wni_cuda_plan plan = MakePlan(c.Input(), device);
    for (const std::int64_t n : {1, 2, 7, 1000, 1000003}) {
      const wni_cuda_plan other = MakePlan(c.Input(n), device);
      ASSERT_EQ(other.launches, plan.launches);
      for (int i = 0; i < plan.launches; i++) {
        EXPECT_EQ(other.launch[i].function, plan.launch[i].function);
        EXPECT_EQ(other.launch[i].variant, plan.launch[i].variant);
        EXPECT_EQ(other.launch[i].block, plan.launch[i].block);
      }
      if (c.Input().geo.pattern == WNI_ROW) {
        EXPECT_EQ(Numbers(other.cut.row), Numbers(plan.cut.row));
      } else {
        EXPECT_EQ(Numbers(other.cut.column), Numbers(plan.cut.column));
      }
    }
  });
}

TEST(PlanCuda, IsAFunctionOfItsArguments) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    const wni_plan_input in = c.Input();
    wni_cuda_plan first, second;
    std::memset(&first, 0x55, sizeof first);
    std::memset(&second, 0xaa, sizeof second);
    wni_plan_cuda(&in, &device, &first);
    wni_plan_cuda(&in, &device, &second);
    char texts[2][256];
    wni_cuda_plan_text(&first, &in, texts[0], sizeof texts[0]);
    wni_cuda_plan_text(&second, &in, texts[1], sizeof texts[1]);
    EXPECT_STREQ(texts[0], texts[1]);
    EXPECT_LT(std::strlen(texts[0]), 140u) << texts[0] << ": cut by wn_plan_explain";
    EXPECT_EQ(first.workspace, second.workspace);
    EXPECT_EQ(first.launches, second.launches);
    EXPECT_EQ(Numbers(first.cut.row), Numbers(second.cut.row));
    EXPECT_EQ(Numbers(first.cut.column), Numbers(second.cut.column));
    for (int i = 0; i < first.launches; i++) EXPECT_EQ(Numbers(first.launch[i]), Numbers(second.launch[i]));
  });
}

// A forward pass has registers for four octets a thread at any length.
bool HasVariant(int function, int variant) { return function != WNI_CUDA_ROW_FORWARD || variant != WNI_CUDA_BLOCK_2; }

TEST(PlanCuda, EveryFunctionAndScopeIsChosen) {
  std::set<std::pair<int, int>> chosen;
  for (const wni_cuda_figures &device : PlanDevices())
    for (const PlanCase &c : PlanCases()) {
      const wni_cuda_plan plan = MakePlan(c.Input(), device);
      for (int i = 0; i < plan.launches; i++) chosen.emplace(plan.launch[i].function, plan.launch[i].variant);
    }
  for (int function = 0; function < WNI_CUDA_FUNCTIONS; function++) {
    const bool scopes = function == WNI_CUDA_ROW_FORWARD || function == WNI_CUDA_ROW_BACKWARD;
    for (int variant = 0; variant < (scopes ? WNI_CUDA_SCOPES : 1); variant++)
      EXPECT_EQ(chosen.count({function, variant}), HasVariant(function, variant) ? 1u : 0u)
          << wni_cuda_function_name(static_cast<wni_cuda_function>(function)) << ", variant " << variant;
  }
}

TEST(PlanCuda, SmallerCallsLaunchNothingElse) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    std::set<std::pair<int, int>> known;
    const auto add = [&](const wni_cuda_plan &plan, bool may_be_new) {
      for (int i = 0; i < plan.launches; i++) {
        const std::pair<int, int> launch = {plan.launch[i].function, plan.launch[i].variant};
        EXPECT_TRUE(known.insert(launch).second == false || may_be_new)
            << wni_cuda_function_name(plan.launch[i].function) << ", variant " << plan.launch[i].variant;
      }
    };
    const wni_plan_input in = c.Input();
    wni_plan_input smaller;
    for (int i = 0; wni_cuda_smaller(&in, i, &smaller); i++) add(MakePlan(smaller, device), true);
    const std::int64_t parts = c.problem.given.parts;
    for (std::int64_t n = c.problem.given.n; n > 0; n = n * 7 / 8 / parts * parts)
      add(MakePlan(c.Input(n), device), false);
  });
}

// ---- what it expects

TEST(PlanCuda, ExpectsNoLessThanTheTensors) {
  ForAll([](const PlanCase &c, const wni_cuda_figures &device) {
    const wni_plan_input in = c.Input();
    const wni_cuda_plan plan = MakePlan(in, device);
    const double elements = static_cast<double>(wni_elements(&in.geo));
    EXPECT_GE(plan.traffic.read, elements * (in.types.x == WN_F64 ? 8 : 2));
    EXPECT_GE(plan.traffic.written, elements);
    EXPECT_GT(plan.waves, 0);
    EXPECT_GE(plan.barriers, 0);
    EXPECT_GE(plan.seconds, (plan.traffic.read + plan.traffic.written) / device.bytes_per_second);
  });
}

TEST(PlanCuda, TakesUnder2Microseconds) {
  const std::vector<PlanCase> &cases = PlanCases();
  const wni_cuda_figures &device = wni_cuda_devices[0];
  std::vector<double> microseconds;
  for (int round = 0; round < 5; round++) {
    std::size_t sum = 0;
    std::vector<wni_plan_input> inputs;
    inputs.reserve(cases.size());
    for (const PlanCase &c : cases) inputs.push_back(c.Input());
    const auto start = std::chrono::steady_clock::now();
    for (const wni_plan_input &in : inputs) sum += MakePlan(in, device).workspace;
    const auto end = std::chrono::steady_clock::now();
    EXPECT_GT(sum, 0u);
    microseconds.push_back(std::chrono::duration<double, std::micro>(end - start).count() /
                           static_cast<double>(inputs.size()));
  }
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(*std::min_element(microseconds.begin(), microseconds.end()), 2);
#endif
}

}  // namespace
}  // namespace wn::test
