// The value check: the library's results pass it, whole and by parts, and a wrong element, sum or statistic does not.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "bench_cases_of.h"

extern "C" {
#include "bench_field.h"
}

namespace wn::bench {
namespace {

// What the library makes of a case.
class Judged : public ::testing::Test {
 protected:
  ~Judged() override { End(); }

  void Run(const std::string &line) {
    End();
    case_ = CaseOf(line);
    bench_fault fault = {""};
    ASSERT_EQ(wn_device_open(&device_, WN_CPU, 0), WN_OK);
    data_ = bench_data_create(&case_);
    ASSERT_TRUE(bench_ring_create(&ring_, &case_, data_, device_, 1, &fault)) << fault.text;
    const bench_setup setup = {&case_, device_, &ring_};
    char reason[BENCH_REASON];
    void *const state = bench_peer_warpnorm.prepare(&setup, reason, sizeof reason);
    ASSERT_NE(state, nullptr) << reason;
    ASSERT_TRUE(bench_peer_warpnorm.run(state, 0, nullptr)) << wn_last_error();
    bench_peer_warpnorm.release(state);
    ASSERT_TRUE(bench_ring_read(&ring_, 0, &results_, &fault)) << fault.text;
  }

  bench_verdict Verdict(bench_strictness strictness) const {
    const void *judged[BENCH_ROLES];
    for (int r = 0; r < BENCH_ROLES; r++) judged[r] = r == BENCH_SAVED_VAR ? nullptr : results_.bytes[r];
    return bench_data_judge(data_, judged, strictness);
  }

  float *At(bench_role role) const { return static_cast<float *>(results_.bytes[role]); }

  bench_case case_ = {};

 private:
  void End() {
    bench_results_free(&results_);
    bench_ring_destroy(&ring_);
    bench_data_destroy(data_);
    wn_device_close(device_);
    data_ = nullptr;
    device_ = nullptr;
  }

  wn_device *device_ = nullptr;
  bench_data *data_ = nullptr;
  bench_ring ring_ = {};
  bench_results results_ = {};
};

// Whole ones, and ones of more than 2^18 elements that are judged by parts.
TEST_F(Judged, TheLibraryIsRight) {
  for (const char *line : {"layer 9x35 train",
                           "layer nxc 2x6x5x5 backward",
                           "layer 2x6x5x5 bf16 train",
                           "rms 7x64 f16 backward",
                           "batch 4x6x5x5 train",
                           "batch nxc 4x6x5x5 bf16 backward relu",
                           "batch 4x6 infer",
                           "batch nxc 4x6x9 frozen silu",
                           "group3 2x6x5x5 train gelu",
                           "group3 nxc 2x6x5x5 bf16 backward",
                           "instance 3x4x25 train",
                           "instance nxc 3x4x25 backward leaky-relu",
                           "layer 8x16 train add-before",
                           "layer 8x16 backward add-before",
                           "batch 4x6x5 train relu add-after",
                           "batch 4x6x5 backward relu add-after",
                           "group2 2x4x9 f64 train unaligned",
                           "layer 300x1024 train",
                           "layer 300x1024 backward",
                           "rms 4099x67 bf16 backward",
                           "layer 2x300001 train",
                           "layer 3x32x64x64 backward",
                           "batch 8x16x50x50 train",
                           "batch nxc 8x16x50x50 backward",
                           "batch nxc 8x16x50x50 infer",
                           "batch 8x16x50x50 frozen",
                           "group8 2x64x50x50 backward",
                           "group8 nxc 2x64x50x50 train",
                           "instance 2x16x100x100 train",
                           "instance nxc 2x16x100x100 backward"}) {
    Run(line);
    const bench_verdict v = Verdict(BENCH_PROMISED);
    EXPECT_TRUE(v.right) << line << ": " << v.text;
    EXPECT_LE(v.worst, 1) << line;
    EXPECT_TRUE(Verdict(BENCH_EXPECTED).right) << line << ": what is promised is more than what is expected";
  }
}

TEST_F(Judged, AWrongResultIsNamed) {
  const struct {
    const char *line;
    bench_role role;
    const char *name;
  } wrong[] = {{"layer 9x35 train", BENCH_Y, "y["},
               {"layer 9x35 train", BENCH_SAVED_RSTD, "rstd["},
               {"batch 4x6x5x5 train", BENCH_SAVED_MEAN, "mean["},
               {"batch 4x6x5x5 train", BENCH_RUNNING_VAR, "running_var["},
               {"layer 9x35 backward", BENCH_DX, "dx["},
               {"layer 9x35 backward", BENCH_DGAMMA, "dgamma["},
               {"layer 300x1024 backward", BENCH_DX, "dx["},
               {"layer 300x1024 backward", BENCH_DBETA, "dbeta["},
               {"batch 8x16x50x50 backward", BENCH_DX, "dx["},
               {"group8 2x64x50x50 train", BENCH_SAVED_MEAN, "mean["}};
  for (const auto &w : wrong) {
    Run(w.line);
    At(w.role)[0] += 0.01F;
    for (const bench_strictness strictness : {BENCH_PROMISED, BENCH_EXPECTED}) {
      const bench_verdict v = Verdict(strictness);
      EXPECT_FALSE(v.right) << w.line << " " << w.name;
      EXPECT_EQ(std::string(v.text).rfind(w.name, 0), 0u) << v.text;
      EXPECT_GT(v.worst, 1);
    }
  }
}

// What peers get wrong in practice: the mean of dy subtracted where RMS norm has none.
TEST_F(Judged, AMeanTooManyIsSeen) {
  Run("rms 64x128 backward");
  const std::int64_t count = bench_array_of(&case_, BENCH_DX).count;
  for (std::int64_t i = 0; i < count; i++) At(BENCH_DX)[i] -= 0.1F;
  EXPECT_FALSE(Verdict(BENCH_EXPECTED).right);
}

// Two roundings more are a peer's right, and not ours.
TEST_F(Judged, APeerMayRoundOnce) {
  Run("layer 64x128 f16 train");
  auto *const y = reinterpret_cast<std::uint16_t *>(At(BENCH_Y));
  for (int i = 0; i < 64 * 128; i += 3) y[i]++;
  EXPECT_TRUE(Verdict(BENCH_EXPECTED).right);
  EXPECT_FALSE(Verdict(BENCH_PROMISED).right);
}

TEST(BenchData, RepeatsAndHasChannelsOfTheirOwn) {
  const bench_case c = CaseOf("batch 64x14x50x50 backward");
  bench_data *const a = bench_data_create(&c), *const b = bench_data_create(&c);
  for (int r = 0; r < BENCH_ROLES; r++) {
    const auto role = static_cast<bench_role>(r);
    const std::size_t bytes = bench_array_bytes(&c, role);
    if (bench_data_bytes(a, role) == nullptr) continue;
    EXPECT_EQ(memcmp(bench_data_bytes(a, role), bench_data_bytes(b, role), bytes), 0) << bench_role_name(role);
  }
  const auto *const mean = static_cast<const float *>(bench_data_bytes(a, BENCH_MEAN));
  const auto *const rstd = static_cast<const float *>(bench_data_bytes(a, BENCH_RSTD));
  for (int i = 0; i < 14; i++) {
    EXPECT_NEAR(mean[i], 0.3 * (i % 7), 0.05);
    EXPECT_NEAR(rstd[i], 1, 0.05);
  }
  bench_data_destroy(a);
  bench_data_destroy(b);
}

// Libraries that keep a variance are given, and give, the mean of squares for RMS norm.
TEST(BenchData, RmsNormHasAVariance) {
  for (const char *line : {"rms 7x16 f32 backward", "rms nxc 7x16x3 f32 backward", "layer 7x16 f32 backward"}) {
    const bench_case c = CaseOf(line);
    bench_data *const data = bench_data_create(&c);
    const auto *const var = static_cast<const float *>(bench_data_bytes(data, BENCH_VAR));
    const auto *const rstd = static_cast<const float *>(bench_data_bytes(data, BENCH_RSTD));
    ASSERT_NE(var, nullptr) << line;
    for (int i = 0; i < bench_sets(&c.problem); i++)
      EXPECT_NEAR(rstd[i] * rstd[i] * (var[i] + c.problem.eps), 1, 1e-5) << line;
    EXPECT_EQ(bench_data_bytes(data, BENCH_MEAN) == nullptr, c.problem.kind == WN_RMS);
    bench_data_destroy(data);
  }
  const bench_case train = CaseOf("rms 7x16 f32 train");
  EXPECT_EQ(bench_array_of(&train, BENCH_SAVED_VAR).count, 7);
}

}  // namespace
}  // namespace wn::bench
