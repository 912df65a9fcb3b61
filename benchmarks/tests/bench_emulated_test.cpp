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
  EXPECT_EQ(CountOf(ran.output, "WRONG, not ranked"), 2) << ran.output;
}

TEST(BenchEmulated, ColdBuffersTakeTurns) {
  const Ran ran = RunProgram(WN_BENCH_SIMT,
                             "--device cuda --case 'layer 8x64 train' --rounds 2 --batch 3 --memory 0.01 --cache cold");
  EXPECT_EQ(ran.status, 0) << ran.output << ran.errors;
  EXPECT_NE(ran.output.find("(cold: "), std::string::npos);
  EXPECT_EQ(ran.output.find("(cold: 1 buffers"), std::string::npos) << ran.output;
}

}  // namespace
}  // namespace wn::bench
