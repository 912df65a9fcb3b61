// wn_bench on an emulated GPU: its way through the CUDA runtime, with every access of the kernels watched.
#include <gtest/gtest.h>

#include <string>

#include "bench_run_program.h"

namespace wn::bench {
namespace {

const std::string kQuick = " --device cuda --rounds 2 --batch 1 --cache hot ";

TEST(BenchEmulated, AllPeersOfAGpuRunAndAreRight) {
  const Ran ran =
      RunProgram(WN_BENCH_SIMT,
                 "--case 'layer 17x65 train,backward' --case 'batch nxc 4x16x5x5 bf16 train,infer,backward,frozen' "
                 "--case 'group4 2x16x5x5 f16 unaligned backward' --json - --peer warpnorm-graph" +
                     kQuick);
  EXPECT_EQ(ran.status, 0) << ran.output << ran.errors;
  for (const char *peer : {"warpnorm", "copy", "warpnorm-graph"})
    EXPECT_EQ(CountOf(ran.output, "\"peer\":\"" + std::string(peer) + "\""), 7) << peer;
  EXPECT_EQ(CountOf(ran.output, "\"state\":\"ok\""), 21) << ran.output;
}

TEST(BenchEmulated, APlantedWrongPeerIsCaught) {
  const Ran ran = RunProgram(WN_BENCH_SIMT, "--case 'rms 16x64 train,backward' --peer planted" + kQuick);
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(CountOf(ran.output, "not ranked  WRONG: "), 2) << ran.output;
}

TEST(BenchEmulated, ColdBuffersTakeTurns) {
  const Ran ran = RunProgram(WN_BENCH_SIMT,
                             "--device cuda --case 'layer 8x64 train' --rounds 2 --batch 3 --memory 0.01 --cache cold");
  EXPECT_EQ(ran.status, 0) << ran.output << ran.errors;
  EXPECT_NE(ran.output.find("(cold: "), std::string::npos);
  EXPECT_EQ(ran.output.find("(cold: 1 buffers"), std::string::npos) << ran.output;
}

// Clocks before the first case and after each, of the GPU that was timed.
TEST(BenchEmulated, DriverAndClocksAreInTheResults) {
  const std::string csv = ::testing::TempDir() + "wn_bench_clocks.csv";
  const Ran ran =
      RunProgram("env", "LD_LIBRARY_PATH='" WN_NVML_STAND_IN "' '" WN_BENCH_SIMT "' --case 'layer 8x64 train,infer'" +
                            kQuick + "--peer copy --json - --csv " + csv);
  EXPECT_EQ(ran.status, 0) << ran.output << ran.errors;
  EXPECT_EQ(CountOf(ran.output, "\"gpu_driver\":\"driver 1.2.3; driver for CUDA "), 1) << ran.output;
  for (const char *reasons : {"0", "1", "2"})
    EXPECT_EQ(
        CountOf(ran.output, std::string("\"gpu_clocks\":\"SM 7 MHz, memory 8 MHz, 9 W, throttle reasons 0x") + reasons),
        *reasons == '0' ? 1 : 2)
        << ran.output;
  EXPECT_EQ(CountOf(ReadFile(csv), "SM 7 MHz"), 5);
}

}  // namespace
}  // namespace wn::bench
