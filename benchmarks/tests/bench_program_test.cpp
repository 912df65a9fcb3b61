// wn_bench from the outside.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "bench_run_program.h"

namespace wn::bench {
namespace {

const std::string kQuick = " --seconds 0.01 --rounds 2 --batch 2 --memory 0.5 --threads 1 ";
const std::string kCases = "--case 'layer 33x64' --case 'batch nxc 4x16x6x6 bf16 train,infer,backward,frozen relu' ";

std::string Scratch(const std::string &name) { return ::testing::TempDir() + "wn_bench_" + name; }

TEST(BenchProgram, HelpAndLists) {
  const Ran help = RunProgram(WN_BENCH, "--help");
  EXPECT_EQ(help.status, 0);
  for (const char *word : {"--device", "--suite", "--case", "--json", "--explain", "warpnorm", "copy", "The status is"})
    EXPECT_NE(help.output.find(word), std::string::npos) << word;
  EXPECT_NE(RunProgram(WN_BENCH, "--list").output.find("resnet50"), std::string::npos);
  EXPECT_EQ(CountOf(RunProgram(WN_BENCH, "--suite table --list").output, "\n"), 68);
  const Ran json = RunProgram(WN_BENCH, "--suite table --list --json -");
  EXPECT_EQ(CountOf(json.output, "{\"type\":\"case\",\"case\":"), 68);
}

TEST(BenchProgram, MeasuresJudgesAndReports) {
  const std::string json = Scratch("json"), csv = Scratch("csv");
  const Ran ran = RunProgram(WN_BENCH, kCases + kQuick + "--json " + json + " --csv " + csv);
  EXPECT_EQ(ran.status, 0) << ran.output << ran.errors;
  EXPECT_EQ(ran.output.find("WRONG"), std::string::npos) << ran.output;
  EXPECT_NE(ran.output.find("In the geometric mean:"), std::string::npos);
  EXPECT_NE(ran.output.find("10 % to 90 % of the samples: in the middle "), std::string::npos) << ran.output;
  const std::string lines = ReadFile(json), rows = ReadFile(csv);
  EXPECT_EQ(CountOf(lines, "{\"type\":\"environment\""), 1);
  EXPECT_EQ(CountOf(lines, "\"peer\":\"warpnorm\""), 6);
  EXPECT_EQ(CountOf(lines, "\"peer\":\"copy\""), 6);
  EXPECT_EQ(CountOf(lines, "\"peer\":\"warpnorm\",\"version\":\"0.1.0\",\"state\":\"ok\""), 6) << lines;
  EXPECT_EQ(CountOf(lines, "\"median_us\":0.0000"), 0);
  EXPECT_NE(lines.find("\"revision\":"), std::string::npos);
  EXPECT_EQ(CountOf(rows, ",warpnorm,"), 6);
  EXPECT_NE(rows.find("case,suite,peer,"), std::string::npos);
}

TEST(BenchProgram, APlantedWrongPeerIsCaughtTimedAndNotRanked) {
  const Ran ran = RunProgram(WN_BENCH, kCases + kQuick + "--peer planted");
  EXPECT_EQ(ran.status, 0) << "a peer's fault is not ours";
  EXPECT_EQ(CountOf(ran.output, "not ranked  WRONG: "), 6) << ran.output;
  EXPECT_NE(ran.output.find("6 results of peers are wrong"), std::string::npos);
  EXPECT_EQ(ran.output.find("with a rival"), std::string::npos) << "nobody is left to be compared with";
}

TEST(BenchProgram, FailsWhereOursIsWrong) {
  const Ran ran = RunProgram(WN_BENCH_WRONG, kCases + kQuick);
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.output.find("WARPNORM IS WRONG in 6 cases"), std::string::npos) << ran.output;
}

TEST(BenchProgram, WhatPeersCannotHasItsReason) {
  const Ran ran = RunProgram(WN_BENCH, "--case 'layer 8x16x5 f64 train gelu'" + kQuick + "--json -");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(CountOf(ran.output, "\"state\":\"cannot\",\"reason\":\"\""), 0);
#ifdef BENCH_HAVE_ONEDNN
  EXPECT_NE(ran.output.find("\"peer\":\"onednn\",\"version\":"), std::string::npos);
  EXPECT_NE(ran.output.find("\"state\":\"cannot\",\"reason\":\"no f64\""), std::string::npos) << ran.output;
#endif
}

TEST(BenchProgram, HotAndColdAndTooLarge) {
  const Ran both = RunProgram(WN_BENCH, "--case 'layer 8x16 train' --cache both" + kQuick);
  EXPECT_NE(both.output.find("(cold: "), std::string::npos);
  EXPECT_NE(both.output.find("(hot: 1 buffers"), std::string::npos) << both.output;
  const Ran large = RunProgram(WN_BENCH, "--case 'layer 100000x1000 train' --seconds 0.01 --memory 0.5 --threads 1");
  EXPECT_EQ(large.status, 0);
  EXPECT_NE(large.output.find("left out: 1.6 GB of memory are needed, 0.5 GB may be used"), std::string::npos)
      << large.output;
}

TEST(BenchProgram, ExplainsPlans) {
  const Ran ran = RunProgram(WN_BENCH, "--explain " + kCases);
  EXPECT_EQ(ran.status, 0) << ran.errors;
  EXPECT_EQ(CountOf(ran.output, "MB read"), 6) << ran.output;
}

TEST(BenchProgram, FaultsOfTheCommandLine) {
  const struct {
    const char *arguments, *says;
  } faults[] = {{"--cash hot", "unknown option \"--cash\""},
                {"--cache", "a value is missing: --cache HOW"},
                {"--cache warm", "cold, hot or both is expected"},
                {"--device=gpu", "cpu, cuda or cuda:<number> is expected"},
                {"--seconds 0", "a number of seconds"},
                {"--rounds 1.5", "a whole number from 1 to 200"},
                {"--type f32,f33", "of f32, f16, bf16, f64 once, with commas between them\n  f32,f33\n      ^~~"},
                {"--pass train,infer,train", "\n  train,infer,train\n              ^~~~~"},
                {"--list=yes", "--list takes no value"},
                {"--suite nope", "there is no suite \"nope\""},
                {"--peer nobody --case 'layer 8x8'", "there is no peer \"nobody\""},
                {"--case 'layer 8x8' --pass frozen", "no case is left"}};
  for (const auto &f : faults) {
    const Ran ran = RunProgram(WN_BENCH, f.arguments);
    EXPECT_EQ(ran.status, 2) << f.arguments;
    EXPECT_NE(ran.errors.find(f.says), std::string::npos) << ran.errors;
  }
  EXPECT_EQ(RunProgram(WN_BENCH, "--case 'layer 8x8' --json /nowhere/at/all").status, 1);
}

}  // namespace
}  // namespace wn::bench
