// Shapes of practice on a part of an emulated GPU: what launches read and write, against the least and against the
// plan.
#include "tests/simt/traffic.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>

namespace wn::simt {
namespace {

constexpr double kSector = 32;

std::int64_t Sum(const MeasuredTraffic &m, bool (*of)(const TensorTraffic &)) {
  std::int64_t sum = 0;
  for (const TensorTraffic &t : m.tensors)
    if (of(t)) sum += t.sectors();
  return sum;
}

// Sectors that a sweep after the first may read once more from memory: all but what stays in the cache. It goes back,
// so that between the two times that something is read both sweeps have touched the same part of what they touch.
// Blocks are not in step: a quarter may go.
double MayReadAgain(const TrafficCase &c, const MeasuredTraffic &m) {
  const auto summed = static_cast<double>(Sum(m, [](const TensorTraffic &t) { return t.summed; }));
  const auto written = static_cast<double>(Sum(m, [](const TensorTraffic &t) { return t.writes; }));
  const auto others = static_cast<double>(Sum(m, [](const TensorTraffic &t) { return t.reads && !t.summed; }));
  const double stays = std::min(0.75 * static_cast<double>(m.cache) / kSector / (summed + written + others), 1.0);
  const auto masks = static_cast<double>(Sum(m, [](const TensorTraffic &t) { return t.name == "mask"; }));
  return (c.reads - 1) * summed * (1 - stays) + (c.mask_reads - 1) * masks;
}

// Teams of blocks come to a parameter of long rows at different times; a few sectors may have gone.
std::int64_t LateParameters(const TensorTraffic &t) {
  return t.name == "gamma" || t.name == "beta" ? t.sectors() / 50 : 0;
}

// Neighbours share sectors of statistics and parameters; when they come to one at different times it may have gone.
double Edges(const MeasuredTraffic &m) {
  return static_cast<double>(m.tensors.size()) + 0.001 * static_cast<double>(m.Least());
}

// Runs of a tensor that are no whole sectors share one with the next, which may have gone when that one's turn comes.
std::int64_t SharedSectors(const TrafficCase &c, const TensorTraffic &t) {
  const std::int64_t run = c.problem.layout == WN_NXC || c.x == 1 ? c.c : c.x, runs = c.n * c.c * c.x / run;
  const std::int64_t bytes = t.bytes / runs;
  return bytes % static_cast<std::int64_t>(kSector) == 0 ? 0 : runs / 10;  // neighbours come soon after one another
}

bool IsSmall(const TensorTraffic &t, const MeasuredTraffic &m) { return t.sectors() < m.Least() / 100; }

void ExpectOnce(const TrafficCase &c, const MeasuredTraffic &m) {
  for (const TensorTraffic &t : m.tensors) {
    SCOPED_TRACE(t.name);
    EXPECT_EQ(t.written, t.writes ? t.sectors() : 0);
    if (IsSmall(t, m)) {
      EXPECT_LE(static_cast<double>(t.fetched), (t.reads ? static_cast<double>(t.sectors()) : 0) + Edges(m));
    } else if (c.reads == 1 || !t.summed) {
      const std::int64_t least = t.reads ? t.sectors() : 0, times = t.name == "mask" ? c.mask_reads : 1;
      EXPECT_GE(t.fetched, least) << "from memory";
      EXPECT_LE(t.fetched, times * least + (t.reads ? SharedSectors(c, t) + LateParameters(t) : 0)) << "from memory";
    }
    if (t.reads) {
      EXPECT_GE(t.read, t.sectors()) << "the pass needs all of it";
    }
  }
}

void ExpectNoMoreThanTheLeast(const TrafficCase &c, const MeasuredTraffic &m) {
  const auto least = static_cast<double>(m.Least()), partial = static_cast<double>(m.partial);
  const auto moved = static_cast<double>(m.Fetched() + m.Written()) + partial;
  EXPECT_LE(moved, 1.02 * (least + partial) + MayReadAgain(c, m));
  EXPECT_LE(partial, c.partial * least);
}

// Rounded to sectors, of which arrays of the workspace have one more at most.
void ExpectWhatWasAnnounced(const MeasuredTraffic &m) {
  const auto tensors = static_cast<double>(m.tensors.size());
  EXPECT_NEAR(static_cast<double>(m.Written()), m.announced.written / kSector, tensors);
  EXPECT_NEAR(static_cast<double>(m.partial), m.announced.partial / kSector, 4);
  const auto fetched = static_cast<double>(m.Fetched());
  std::int64_t late = 0;
  for (const TensorTraffic &t : m.tensors) late += LateParameters(t);
  EXPECT_LE(fetched, m.announced.read / kSector + Edges(m) + static_cast<double>(late));
  // Where a cache holds a part, which part it is depends on the order of warps: less than announced may be read again.
  EXPECT_GE(fetched, (m.announced.read - 0.15 * (m.announced.again + m.announced.cached)) / kSector - tensors);
  if (m.announced.again == 0) {
    EXPECT_GE(fetched, m.announced.read / kSector - tensors);
  }
}

// For docs/gpu-model.md, whose generator takes the files in the order of their names.
void WriteRow(std::size_t index, const TrafficCase &c, const MeasuredTraffic &m) {
  const char *const folder = std::getenv("WN_TRAFFIC_ROWS");
  if (folder == nullptr) return;
  char name[32], numbers[160];
  std::snprintf(name, sizeof name, "/%03zu.md", index);
  const auto least = static_cast<double>(m.Least());
  std::snprintf(numbers, sizeof numbers, "%.0f | %lld | %lld | %lld | %.2f | %.2f", least,
                static_cast<long long>(m.Fetched()), static_cast<long long>(m.Written()),
                static_cast<long long>(m.partial), 100 * static_cast<double>(m.partial) / least,
                static_cast<double>(m.Fetched() + m.Written()) / least);
  std::ofstream(folder + std::string(name)) << "| " << c.Name() << " | " << c.device << " / " << c.part << " | "
                                            << m.kernel << " | " << numbers << " | " << c.reason << " |\n";
}

class SectorsOf : public testing::TestWithParam<std::size_t> {};

TEST_P(SectorsOf, Case) {
  const TrafficCase &c = TrafficCases()[GetParam()];
  const MeasuredTraffic m = Measure(c);
  SCOPED_TRACE(c.Name() + ": " + m.explained);
  ExpectOnce(c, m);
  ExpectNoMoreThanTheLeast(c, m);
  ExpectWhatWasAnnounced(m);
  if (!HasFailure()) WriteRow(GetParam(), c, m);
}

INSTANTIATE_TEST_SUITE_P(Sectors, SectorsOf, testing::Range(std::size_t{0}, TrafficCases().size()));

TEST(SectorCases, AreOfEveryKindLayoutTypeAndPass) {
  std::set<std::pair<int, int>> kinds;
  std::set<int> types, passes;
  std::set<std::string> names;
  for (const TrafficCase &c : TrafficCases()) {
    kinds.emplace(c.problem.kind, c.problem.layout);
    types.insert(c.problem.x_type);
    passes.insert(c.pass);
    EXPECT_TRUE(names.insert(c.Name() + c.device).second) << c.Name();
    EXPECT_EQ(c.reads == 1 && c.mask_reads == 1 && c.partial <= 0.05, c.reason.empty()) << c.Name();
  }
  EXPECT_GE(TrafficCases().size(), 40u);
  EXPECT_EQ(kinds.size(), 9u) << "RMS norm is one of rows here";
  EXPECT_EQ(types.size(), 4u);
  EXPECT_EQ(passes.size(), 4u);
}

TEST(SectorCases, FewHaveABoundOfTheirOwn) {
  const auto own = std::count_if(TrafficCases().begin(), TrafficCases().end(),
                                 [](const TrafficCase &c) { return c.partial > 0.05; });
  EXPECT_LE(own, 6);
}

}  // namespace
}  // namespace wn::simt
