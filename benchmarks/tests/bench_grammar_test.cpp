// The line of text of a case.
#include <gtest/gtest.h>

#include <string>

#include "bench_cases_of.h"

namespace wn::bench {
namespace {

std::string FaultOf(const std::string &line) {
  bench_spec spec;
  bench_fault fault = {""};
  EXPECT_FALSE(bench_spec_parse(line.c_str(), &spec, &fault)) << line;
  return fault.text;
}

// What is underlined in the two lines below the sentence.
std::string Underlined(const std::string &fault) {
  const std::size_t first = fault.find('\n'), second = fault.rfind('\n');
  if (first == second || first == std::string::npos) return "nothing is shown";
  const std::string line = fault.substr(first + 1, second - first - 1), marks = fault.substr(second + 1);
  const std::size_t at = marks.find('^');
  return at < line.size() ? line.substr(at, marks.size() - at) : "the end";
}

TEST(BenchGrammar, ReadsWhatAUserTypes) {
  const std::vector<bench_case> cases = CasesOf("group32 nxc 8x320x32x16 bf16 backward silu");
  ASSERT_EQ(cases.size(), 1u);
  const bench_case &c = cases[0];
  EXPECT_EQ(c.problem.kind, WN_GROUP);
  EXPECT_EQ(c.problem.groups, 32);
  EXPECT_EQ(c.problem.layout, WN_NXC);
  EXPECT_EQ(c.problem.n, 8);
  EXPECT_EQ(c.problem.c, 320);
  EXPECT_EQ(c.problem.x, 512);
  EXPECT_EQ(c.axis_count, 2);
  EXPECT_EQ(c.axes[1], 16);
  EXPECT_EQ(c.problem.x_type, WN_BF16);
  EXPECT_EQ(c.problem.act, WN_ACT_SILU);
  EXPECT_EQ(c.pass, WN_BACKWARD);
  EXPECT_FALSE(c.unaligned);
}

TEST(BenchGrammar, WordsComeInAnyOrder) {
  const bench_case a = CasesOf("rms 16x64 f16 infer add-before unaligned").at(0);
  const bench_case b = CasesOf("unaligned infer 16x64   add-before f16 rms").at(0);
  EXPECT_STREQ(a.text, b.text);
  EXPECT_EQ(a.problem.add, WN_ADD_BEFORE);
  EXPECT_TRUE(a.unaligned);
}

TEST(BenchGrammar, ListsAndDefaultsMakeSeveralCases) {
  EXPECT_EQ(CasesOf("layer 8x16").size(), 2u);  // train, backward in f32
  EXPECT_EQ(CasesOf("layer 8x16 f32,f16,bf16,f64").size(), 8u);
  EXPECT_EQ(CasesOf("batch 8x16 train,infer,backward,frozen").size(), 4u);
  EXPECT_EQ(CasesOf("layer 8x16 train,frozen").size(), 1u) << "a kind without running statistics has no pass frozen";
}

TEST(BenchGrammar, TheTextOfACaseIsTheCase) {
  for (const char *line : {"group4 nxc 2x8x3x3x3 f64 infer gelu-tanh add-after", "batch 3x5 bf16 frozen leaky-relu",
                           "instance 1x2x7 f16 train unaligned"}) {
    const bench_case c = CasesOf(line).at(0);
    EXPECT_STREQ(CasesOf(c.text).at(0).text, c.text);
    EXPECT_EQ(std::string(c.text), line);
  }
}

TEST(BenchGrammar, FaultsPointAtTheWord) {
  const struct {
    const char *line, *underlined, *says;
  } faults[] = {{"grup32 8x32", "grup32", "unknown word \"grup32\""},
                {"layer 8x32 bf61 train", "bf61", "unknown word \"bf61\""},
                {"layer 8x3a2x5", "3a2", "no size"},
                {"layer 8x0", "0", "no size"},
                {"layer 8x", "x", "no size"},
                {"layer 8x2x3x4x5x6", "6", "more than 3 spatial axes"},
                {"layer 8", "8", "samples and channels"},
                {"layer 1000000x1000000x1000", "1000000x1000000x1000", "the most are 1e12"},
                {"group 8x32", "group", "number of groups"},
                {"group7 8x32", "group7", "do not divide 32"},
                {"layer rms 8x32", "rms", "a second kind"},
                {"layer 8x32 4x4", "4x4", "a second shape"},
                {"layer 8x32 f32,f8", "f8", "each of f32"},
                {"layer 8x32 f32,f32", "f32", "once"},
                {"layer 8x32 train,", "the end", "each of train"},
                {"layer 8x32 frozen", "frozen", "no running statistics"},
                {"8x32", "the end", "a kind is missing"},
                {"layer", "the end", "a shape is missing"}};
  for (const auto &f : faults) {
    const std::string fault = FaultOf(f.line);
    EXPECT_NE(fault.find(f.says), std::string::npos) << fault;
    EXPECT_EQ(Underlined(fault), f.underlined) << fault;
  }
}

TEST(BenchGrammar, LeastTrafficIsThatOfTheArguments) {
  // x, gamma, beta; y, mean, rstd.
  EXPECT_EQ(bench_least_traffic(&CasesOf("layer 8x16 train").at(0)).read, 4 * (128 + 32));
  EXPECT_EQ(bench_least_traffic(&CasesOf("layer 8x16 train").at(0)).written, 4 * (128 + 16));
  // RMS norm has no beta and no mean.
  EXPECT_EQ(bench_least_traffic(&CasesOf("rms 8x16 bf16 train").at(0)).read, 2 * 128 + 4 * 16);
  EXPECT_EQ(bench_least_traffic(&CasesOf("rms 8x16 bf16 train").at(0)).written, 2 * 128 + 4 * 8);
  // x, dy, gamma, mean, rstd; dx, dgamma, dbeta.
  EXPECT_EQ(bench_least_traffic(&CasesOf("batch 8x16 f16 backward").at(0)).read, 2 * 256 + 4 * 48);
  EXPECT_EQ(bench_least_traffic(&CasesOf("batch 8x16 f16 backward").at(0)).written, 2 * 128 + 4 * 32);
  // Running statistics are read.
  EXPECT_EQ(bench_least_traffic(&CasesOf("batch 8x16 infer").at(0)).read, 4 * (128 + 64));
}

}  // namespace
}  // namespace wn::bench
