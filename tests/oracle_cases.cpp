// The list of cases: what must be in it is in it, in every combination that can matter.
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <utility>

#include "cases.h"

namespace wn::test {
namespace {

using Property = std::function<std::string(const Case &)>;

std::set<std::string> Seen(const Property &property) {
  std::set<std::string> seen;
  for (const Case &c : Cases()) seen.insert(property(c));
  return seen;
}

// Each value of one property meets each value of the other, among the cases of which that can be asked.
void ExpectPairs(
    const Property &a, const Property &b,
    const std::function<bool(const Case &)> &of = [](const Case &) { return true; }) {
  std::set<std::string> first, second;
  std::set<std::pair<std::string, std::string>> both;
  for (const Case &c : Cases()) {
    if (!of(c)) continue;
    first.insert(a(c));
    second.insert(b(c));
    both.insert({a(c), b(c)});
  }
  EXPECT_GT(first.size(), 1U);
  EXPECT_GT(second.size(), 1U);
  for (const std::string &x : first)
    for (const std::string &y : second) EXPECT_EQ(both.count({x, y}), 1U) << "no " << x << " / " << y;
}

std::string Text(std::int64_t v) { return std::to_string(v); }
std::string Kind(const Case &c) {
  return std::string(KindName(c.problem.kind)) + (c.problem.layout == WN_NCX ? " ncx" : " nxc");
}
std::string Act(const Case &c) { return "act " + Text(c.problem.act); }
std::string Add(const Case &c) { return "add " + Text(c.problem.add); }
std::string XType(const Case &c) { return TypeName(c.problem.x_type); }
std::string YType(const Case &c) { return std::string("y ") + TypeName(Types(c.problem).y); }
std::string OfData(const Case &c) { return DataName(c.data); }
std::string Missing(const Case &c) { return std::string(c.gamma ? "gamma " : "- ") + (c.beta ? "beta" : "-"); }
std::string Aligned(const Case &c) { return "shift " + Text(c.shift); }
std::string Mask(const Case &c) { return c.mask ? "mask" : "no mask"; }
std::string Fewer(const Case &c) { return c.n < c.problem.n ? "fewer" : "all"; }
std::string Strided(const Case &c) {
  const wn_stride s = c.problem.x_stride;
  if (s.row == 0) return "packed";
  return s.pixel > s.row ? "outermost" : c.problem.y_stride.row == 0 ? "x strided" : "strided";
}
std::string AllTypes(const Case &c) {
  const Types t(c.problem);
  return std::string(TypeName(t.x)) + TypeName(t.y) + TypeName(t.dy) + TypeName(t.param) + TypeName(t.param_grad);
}
bool NotF64(const Case &c) { return c.problem.x_type != WN_F64; }
bool HasMask(const Case &c) { return c.problem.act == WN_ACT_RELU || c.problem.act == WN_ACT_LEAKY_RELU; }
bool Running(const Case &c) { return HasRunning(c.problem); }

Property Flag(unsigned flag) {
  return [flag](const Case &c) { return (c.problem.flags & flag) != 0 ? "flag" + Text(flag) : "no flag"; };
}

TEST(OracleCases, NamesAreUnique) {
  const std::set<std::string> names = Seen([](const Case &c) { return c.Name(); });
  EXPECT_EQ(names.size(), Cases().size());
  for (const std::string &name : names) EXPECT_EQ(name.find('\n'), std::string::npos);
  EXPECT_GT(names.size(), 1500U);
}

TEST(OracleCases, EveryCombinationOfTypesInEveryKindAndLayout) {
  // 4 outputs x dy of f32 x; 3 ways to store parameters of 16-bit x; f8 without backward; f64.
  EXPECT_EQ(Seen(AllTypes).size(), (3U + 2 * 3) + 2 * 3 * (3 + 2 * 3) + 3 * 2 + 1);
  ExpectPairs(Kind, AllTypes);
}

TEST(OracleCases, Pairs) {
  ExpectPairs(Kind, Act);
  ExpectPairs(Kind, Add);
  ExpectPairs(Kind, OfData);
  ExpectPairs(Kind, Missing);
  ExpectPairs(Kind, Aligned);
  ExpectPairs(Kind, Fewer);
  ExpectPairs(Kind, Flag(WN_GAMMA_MINUS_ONE));
  ExpectPairs(Kind, Flag(WN_GRAD_ADD));
  ExpectPairs(Kind, Flag(WN_SPLIT_FEW_ROWS));
  ExpectPairs(Act, Add);
  ExpectPairs(Act, XType);
  ExpectPairs(Act, YType, NotF64);
  ExpectPairs(Add, XType);
  ExpectPairs(Add, YType, NotF64);
  ExpectPairs(OfData, XType);
  ExpectPairs(Aligned, XType);
  ExpectPairs(Aligned, YType);
  ExpectPairs(Strided, XType);
  ExpectPairs(Strided, Add);
  ExpectPairs(Kind, Mask, HasMask);
  ExpectPairs(Act, Mask, HasMask);
  ExpectPairs(XType, Mask, HasMask);
  ExpectPairs(Kind, Strided, [](const Case &c) { return c.problem.layout == WN_NXC; });
  ExpectPairs(Kind, Flag(WN_RUNNING_POPULATION), Running);
  ExpectPairs(Kind, Flag(WN_RUNNING_CUMULATIVE), Running);
  ExpectPairs(Flag(WN_RUNNING_POPULATION), Flag(WN_RUNNING_CUMULATIVE), Running);
  ExpectPairs(
      Kind, [](const Case &c) { return Text(c.batches_seen > 0); }, Running);
  ExpectPairs(
      Kind, [](const Case &c) { return c.running ? "running" : "none"; }, Running);
}

// Sizes at which implementations go wrong, by kind where they mean the same, else anywhere.
TEST(OracleCases, HostileSizes) {
  for (const std::int64_t channels : {1, 3, 35, 65}) {
    const auto has = [&](const Case &c) { return c.problem.c == channels ? Kind(c) : ""; };
    EXPECT_EQ(Seen(has).size(), 11U) << channels;
  }
  for (const std::int64_t positions : {1, 49}) {
    const auto has = [&](const Case &c) { return c.problem.x == positions ? Kind(c) : ""; };
    EXPECT_EQ(Seen(has).size(), 11U) << positions;
  }
  const auto members = [](const Case &c) { return Sets(c.problem, c.n, false).members; };
  const auto one = [&](const Case &c) { return members(c) == 1 ? Kind(c) : ""; };
  EXPECT_EQ(Seen(one).size(), 11U);
  const auto three = [](const Case &c) {
    return c.problem.kind == WN_GROUP && c.problem.c == 3 * c.problem.groups ? Kind(c) : "";
  };
  EXPECT_EQ(Seen(three).size(), 3U);
  const auto many_samples = [](const Case &c) { return c.n > 65535 ? KindName(c.problem.kind) : ""; };
  EXPECT_GE(Seen(many_samples).size(), 5U);
  const auto many_sets = [](const Case &c) { return Sets(c.problem, c.n, false).count > 65535 ? Kind(c) : ""; };
  EXPECT_GE(Seen(many_sets).size(), 9U);
  const auto rows_for_parameters = [](const Case &c) { return c.n * c.problem.x >= 70000 ? Kind(c) : ""; };
  EXPECT_GE(Seen(rows_for_parameters).size(), 8U);
  const auto long_sets = [&](const Case &c) { return members(c) >= 60000 ? Kind(c) : ""; };
  EXPECT_EQ(Seen(long_sets).size(), 11U);
  const auto longest = [&](const Case &c) { return Text(members(c) >= 1000000); };
  EXPECT_EQ(Seen(longest).size(), 2U);
}

}  // namespace
}  // namespace wn::test
