// What result files say of the machine.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

extern "C" {
#include "bench_report.h"
}
#include "bench_run_program.h"

namespace wn::bench {
namespace {

bench_processor ProcessorOf(const std::string &text) {
  const std::string path = ::testing::TempDir() + "wn_bench_cpuinfo";
  std::ofstream(path) << text;
  bench_processor p;
  bench_processor_read(path.c_str(), &p);
  return p;
}

TEST(BenchProcessor, FirstOfSeveralOnX86) {
  const bench_processor p = ProcessorOf(
      "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 207\nmodel name\t: Some Processor\n"
      "stepping\t: 2\nflags\t\t: fpu sse2 smep fma avx f16c avx2 avx512f avx512_fp16 amx_tile\nvmx flags\t: avx9\n\n"
      "processor\t: 1\nmodel\t\t: 1\nmodel name\t: Another\n");
  EXPECT_STREQ(p.name, "Some Processor");
  EXPECT_STREQ(p.model, "GenuineIntel, family 6, model 207, stepping 2");
  EXPECT_STREQ(p.instruction_sets, "fma avx f16c avx2 avx512f avx512_fp16 amx_tile");
}

TEST(BenchProcessor, OnArmWithoutAName) {
  const bench_processor p = ProcessorOf(
      "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd aes asimddp sve bf16\nCPU implementer\t: 0x41\n"
      "CPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd40\n\n");
  EXPECT_STREQ(p.name, "");
  EXPECT_STREQ(p.model, "implementer 0x41, variant 0x1, part 0xd40");
  EXPECT_STREQ(p.instruction_sets, "asimd asimddp sve bf16");
}

TEST(BenchProcessor, NoFileSaysNothing) {
  bench_processor p;
  bench_processor_read("/nowhere/at/all", &p);
  EXPECT_STREQ(p.name, "");
  EXPECT_STREQ(p.model, "");
  EXPECT_STREQ(p.instruction_sets, "");
}

bench_environment Environment() {
  bench_environment e = {};
  e.processor = {"a processor", "its model", "avx9"};
  std::snprintf(e.device, sizeof e.device, "a device");
  std::snprintf(e.system, sizeof e.system, "a system");
  std::snprintf(e.gpu_driver, sizeof e.gpu_driver, "a driver");
  std::snprintf(e.gpu_clocks, sizeof e.gpu_clocks, "its clocks");
  std::snprintf(e.time, sizeof e.time, "2026-01-01T00:00:00Z");
  e.compiler = "a compiler";
  e.flags = "-O9";
  e.revision = "abcdef";
  return e;
}

std::string Written(void (*write)(FILE *out, const bench_environment *e)) {
  const std::string path = ::testing::TempDir() + "wn_bench_written";
  const bench_environment e = Environment();
  FILE *const file = std::fopen(path.c_str(), "w");
  write(file, &e);
  std::fclose(file);
  return ReadFile(path);
}

TEST(BenchEnvironment, IsWholeInEveryFile) {
  const std::string json = Written([](FILE *out, const bench_environment *e) { bench_json_environment(out, e, "me"); });
  const std::string csv = Written(bench_csv_begin);
  for (const std::string &text : {json, csv})
    for (const char *part : {"a device", "a processor", "its model", "avx9", "a system", "a driver", "its clocks",
                             "a compiler", "-O9", "abcdef", "2026-01-01"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
}

TEST(BenchEnvironment, IsOfThisMachine) {
  bench_environment e;
  bench_environment_read(&e, nullptr);
  EXPECT_GT(e.free_bytes, 1U << 20);
  EXPECT_GE(e.processors, 1);
  EXPECT_NE(std::string(e.revision), "");
  EXPECT_NE(std::string(e.processor.model) + e.processor.instruction_sets, "");
}

}  // namespace
}  // namespace wn::bench
