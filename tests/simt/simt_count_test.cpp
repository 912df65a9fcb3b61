#include <gtest/gtest.h>

#include "tests/simt/simt.h"
#include "tests/simt/simt_counted.h"

namespace wn::simt {
namespace {

constexpr size_t bytes = 64 << 10;

class Counted : public testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override {
    set_devices({toy()});
    set_seed(GetParam());
    set_counting(true);
    void *p = nullptr;
    ASSERT_EQ(cudaMalloc(&p, bytes), cudaSuccess);
    ASSERT_EQ(cudaMemset(p, 1, bytes), cudaSuccess);
    job_.x = static_cast<const float *>(p);
    ASSERT_EQ(cudaMalloc(&p, bytes), cudaSuccess);
    job_.y = static_cast<float *>(p);
  }
  void TearDown() override {
    set_counting(false);
    EXPECT_EQ(cudaFree(const_cast<float *>(job_.x)), cudaSuccess);
    EXPECT_EQ(cudaFree(job_.y), cudaSuccess);
    reset();
  }
  Counts run(const void *kernel, unsigned blocks, size_t dynamic = 0) {
    cudaLaunchConfig_t config{};
    config.gridDim = dim3{blocks, 1, 1};
    config.blockDim = dim3{64, 1, 1};
    config.dynamicSmemBytes = dynamic;
    void *args[] = {&job_};
    EXPECT_EQ(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 16384), cudaSuccess);
    EXPECT_EQ(cudaLaunchKernelExC(&config, kernel, args), cudaSuccess);
    for (const Report &r : reports()) ADD_FAILURE() << describe(r);
    return counts().empty() ? Counts{} : counts().back();
  }
  static Traffic of(const Counts &c, const void *allocation) {
    for (const Traffic &t : c.traffic) {
      if (t.allocation == allocation) return t;
    }
    return Traffic{};
  }
  counted_job job_{};
};

TEST_P(Counted, EachSectorOnce) {
  const Counts c = run(counted_streaming, 4);
  EXPECT_EQ(c.kernel, "streaming_kernel");
  EXPECT_EQ(of(c, job_.x).sectors_read, 4 * 64 * 4 / 32);
  EXPECT_EQ(of(c, job_.x).sectors_written, 0);
  EXPECT_EQ(of(c, job_.y).sectors_written, 4 * 64 * 4 / 32);
  EXPECT_EQ(of(c, job_.x).sectors_again, 0);
  EXPECT_EQ(c.read_requests, 8);
  EXPECT_EQ(c.write_requests, 8);
  EXPECT_EQ(c.request_sectors, 2 * 8 * 4);
}

TEST_P(Counted, ReadTwice) {
  const Counts c = run(counted_twice, 1);
  const Traffic t = of(c, job_.x);
  EXPECT_EQ(t.sectors_read, 8);
  EXPECT_EQ(t.sectors_again, 8);
  /* The other warp's 128 bytes lie in between, or both and the writes do. */
  EXPECT_GE(t.again_after, 8 * 128);
  EXPECT_LE(t.again_after, 8 * 512);
  EXPECT_EQ(c.barriers, 1);
}

TEST_P(Counted, TheCacheKeepsWhatWasTouchedLast) {
  const auto fetched = [this](size_t cache, const void *kernel) {
    set_cache(cache);
    const int64_t n = of(run(kernel, 1), job_.x).sectors_fetched;
    set_cache(0);
    return n;
  };
  EXPECT_EQ(fetched(1024, counted_twice), 8); /* 8 sectors of x, 8 of y */
  EXPECT_EQ(fetched(32, counted_twice), 16) << "each has gone when it is read again";
  EXPECT_EQ(fetched(128 * 32, counted_scattered), 64);
  EXPECT_EQ(fetched(0, counted_twice), 0);
}

TEST_P(Counted, WhatIsFetchedAheadIsFetched) {
  set_cache(4096);
  const Traffic t = of(run(counted_ahead, 2), job_.x);
  set_cache(0);
  EXPECT_EQ(t.sectors_fetched, 32);
  EXPECT_EQ(t.sectors_read, 16) << "half of it";
}

TEST_P(Counted, TheCacheIsSharedByLaunches) {
  set_cache(1024);
  EXPECT_EQ(of(run(counted_streaming, 2), job_.x).sectors_fetched, 16);
  EXPECT_EQ(of(run(counted_streaming, 2), job_.x).sectors_fetched, 0);
  set_cache(1024);
  EXPECT_EQ(of(run(counted_streaming, 2), job_.x).sectors_fetched, 16) << "it is empty again";
  EXPECT_GE(of(run(counted_streaming, 4), job_.x).sectors_fetched, 16) << "half fits";
  set_cache(0);
}

TEST_P(Counted, Scattered) {
  const Counts c = run(counted_scattered, 1);
  EXPECT_EQ(of(c, job_.x).sectors_read, 64);
  EXPECT_EQ(of(c, job_.x).sectors_again, 7 * 64);
  EXPECT_EQ(c.read_requests, 16);
  EXPECT_EQ(c.request_sectors, 2 * 16 * 32);
}

TEST_P(Counted, Banks) {
  const Counts straight = run(counted_banks[0], 1, 256);
  EXPECT_EQ(straight.shared_requests, 2);
  EXPECT_EQ(straight.shared_passes, 2);
  const Counts every_second = run(counted_banks[1], 1, 512);
  EXPECT_EQ(every_second.shared_requests, 2);
  EXPECT_EQ(every_second.shared_passes, 4);
  const Counts padded = run(counted_banks[2], 1, 33 * 256);
  EXPECT_EQ(padded.shared_passes, 2);
  const Counts packs = run(counted_shared_packs, 1, 1024);
  EXPECT_EQ(packs.shared_requests, 8); /* 16 bytes a lane: a quarter of a warp at a time */
  EXPECT_EQ(packs.shared_passes, 8);
}

TEST_P(Counted, Meetings) {
  const Counts c = run(counted_meeting, 2);
  EXPECT_EQ(c.barriers, 2 * 2);
  EXPECT_EQ(c.shuffles, 2 * 2 * 3);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Counted, testing::Range(uint64_t{0}, uint64_t{8}));

}  // namespace
}  // namespace wn::simt
