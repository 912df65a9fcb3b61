// Suites: every line is a case, and the rows that the processor backend is judged by are there.
#include <gtest/gtest.h>

#include <set>
#include <string>

extern "C" {
#include "bench_suites.h"
}

namespace {

std::multiset<std::string> CasesOf(const std::string &names) {
  bench_spec otherwise = {};
  bench_cases cases = {};
  bench_fault fault = {""};
  EXPECT_TRUE(bench_suites_add(names.c_str(), &otherwise, false, false, &cases, &fault)) << fault.text;
  std::multiset<std::string> lines;
  for (int i = 0; i < cases.count; i++) lines.insert(cases.items[i].text);
  bench_cases_free(&cases);
  return lines;
}

TEST(BenchSuites, EachHasCasesAndASource) {
  std::set<std::string> names;
  for (const bench_suite *s = bench_suites; s->name != nullptr; s++) {
    EXPECT_TRUE(names.insert(s->name).second) << s->name << " is there twice";
    EXPECT_GT(std::string(s->source).size(), 5u) << s->name;
    const std::multiset<std::string> lines = CasesOf(s->name);
    EXPECT_FALSE(lines.empty()) << s->name;
    for (const std::string &line : lines) EXPECT_EQ(lines.count(line), 1u) << s->name << ": " << line;
  }
  for (const char *needed : {"resnet50", "resnet50-256", "convnext", "diffusion-unet", "diffusion-vae", "llama-8b",
                             "llama-70b", "gpt", "vit", "bert", "unet3d", "small", "hostile", "growth", "table"})
    EXPECT_EQ(names.count(needed), 1u) << needed;
}

TEST(BenchSuites, TableHasItsRows) {
  const std::multiset<std::string> lines = CasesOf("table");
  EXPECT_EQ(lines.size(), 2u * 34);
  for (const char *row :
       {"layer 4096x4096", "layer 131072x128", "layer 64x1024", "layer 8x1000003", "layer 4099x35", "rms 4096x4096",
        "rms 512x4096", "batch 32x64x56x56", "batch nxc 32x64x56x56", "batch 64x2048x7x7", "batch 4096x1024",
        "group32 8x320x32x32", "group32 nxc 8x320x32x32", "instance 2x32x256x256", "instance nxc 2x32x256x256"}) {
    for (const char *type : {" f32", " bf16"}) {
      EXPECT_EQ(lines.count(std::string(row) + type + " train"), 1u) << row;
      EXPECT_EQ(lines.count(std::string(row) + type + " backward"), 1u) << row;
      const bool batch = std::string(row).rfind("batch", 0) == 0;
      EXPECT_EQ(lines.count(std::string(row) + type + " infer"), batch ? 1u : 0u) << row;
    }
  }
}

TEST(BenchSuites, GrowthGoesFromTheCachesToWhatFewMemoriesHold) {
  for (const char *name : {"growth", "growth-batch"}) {
    bench_spec otherwise = {};
    bench_cases cases = {};
    bench_fault fault = {""};
    ASSERT_TRUE(bench_suites_add(name, &otherwise, false, false, &cases, &fault)) << fault.text;
    double before = 0;
    for (int i = 0; i < cases.count; i++) {
      const bench_traffic t = bench_least_traffic(&cases.items[i]);
      const double bytes = t.read + t.written;
      EXPECT_NEAR(i == 0 ? bytes / 65536 : bytes / before / 4, 1, i < 2 ? 0.15 : 0.05) << cases.items[i].text;
      before = bytes;
    }
    EXPECT_GT(before, 16e9) << "of the last";
    bench_cases_free(&cases);
  }
}

TEST(BenchSuites, SeveralAndUnknown) {
  EXPECT_EQ(CasesOf("vit,bert").size(), CasesOf("vit").size() + CasesOf("bert").size());
  bench_spec otherwise = {};
  bench_cases cases = {};
  bench_fault fault = {""};
  EXPECT_FALSE(bench_suites_add("vit,nope", &otherwise, false, false, &cases, &fault));
  EXPECT_NE(std::string(fault.text).find("there is no suite \"nope\""), std::string::npos) << fault.text;
  bench_cases_free(&cases);
}

// A user's --type goes before the suite's own.
TEST(BenchSuites, TypesCanBeChosen) {
  bench_spec otherwise = {};
  bench_cases cases = {};
  bench_fault fault = {""};
  ASSERT_TRUE(bench_types_parse("f64", &otherwise, &fault));
  ASSERT_TRUE(bench_suites_add("vit", &otherwise, true, false, &cases, &fault)) << fault.text;
  for (int i = 0; i < cases.count; i++) EXPECT_EQ(cases.items[i].problem.x_type, WN_F64);
  bench_cases_free(&cases);
}

}  // namespace
