#include "tests/simt/simt_traps.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "tests/simt/simt.h"

/* Where GoogleTest looks for it. */
static void PrintTo(const trap_case &c, std::ostream *o) { *o << c.name; }

namespace wn::simt {
namespace {

const uint64_t seeds = std::getenv("WN_SIMT_SEEDS") ? std::strtoull(std::getenv("WN_SIMT_SEEDS"), nullptr, 10) : 8;
constexpr size_t count = 1024;

Device old_toy() {
  Device d = toy();
  d.major = 7;
  d.minor = 5;
  d.cluster = 0;
  return d;
}

/* The memory of one launch, new each time. */
class Arena {
 public:
  Arena() {
    std::vector<float> values(count);
    for (size_t i = 0; i < count; i++) values[i] = static_cast<float>(i % 7) + 1;
    for (float **const p : {&job.x, &job.y, &job.input, &job.closed, &job.freed}) {
      EXPECT_EQ(cudaMalloc(reinterpret_cast<void **>(p), count * sizeof(float)), cudaSuccess);
      if (p != &job.y) {
        EXPECT_EQ(cudaMemcpy(*p, values.data(), count * sizeof(float), cudaMemcpyHostToDevice), cudaSuccess);
      }
    }
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void **>(&job.words), 64), cudaSuccess);
    EXPECT_EQ(cudaMemsetAsync(job.words, 0, 64, nullptr), cudaSuccess);
    read_only(job.input, count * sizeof(float));
    no_access(job.closed, 16 * sizeof(float));
    EXPECT_EQ(cudaFree(job.freed), cudaSuccess);
    host_ = std::make_unique<float>(1.0f);
    job.host = host_.get();
  }
  ~Arena() {
    reset(); /* a trapped launch has left an error that sticks */
    for (void *const p : {static_cast<void *>(job.x), static_cast<void *>(job.y), static_cast<void *>(job.input),
                          static_cast<void *>(job.closed), static_cast<void *>(job.words)}) {
      EXPECT_EQ(cudaFree(p), cudaSuccess);
    }
  }
  trap_job job{};

 private:
  std::unique_ptr<float> host_;
};

cudaError_t launch(const trap_launch &l, trap_job *job, cudaStream_t stream = nullptr) {
  cudaLaunchAttribute attributes[3];
  unsigned n = 0;
  if (l.cluster != 1) {
    attributes[n].id = cudaLaunchAttributeClusterDimension;
    attributes[n++].val.clusterDim = {l.cluster, 1, 1};
  }
  if (l.cooperative) {
    attributes[n].id = cudaLaunchAttributeCooperative;
    attributes[n++].val.cooperative = 1;
  }
  if (l.early) {
    attributes[n].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[n++].val.programmaticStreamSerializationAllowed = 1;
  }
  cudaLaunchConfig_t config{};
  config.gridDim = dim3{l.blocks, 1, 1};
  config.blockDim = dim3{l.threads, 1, 1};
  config.dynamicSmemBytes = l.dynamic;
  config.stream = stream;
  config.attrs = attributes;
  config.numAttrs = n;
  void *args[] = {job};
  return cudaLaunchKernelExC(&config, l.kernel, args);
}

void set_toys(uint64_t seed) {
  set_devices({toy(), old_toy()});
  set_seed(seed);
}

class Traps : public testing::TestWithParam<trap_case> {};

TEST_P(Traps, CatchesTheWrongKernelAndNotItsTwin) {
  const trap_case c = GetParam();
  for (uint64_t seed = 0; seed < seeds; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    set_toys(seed);
    ASSERT_EQ(cudaSetDevice(c.wrong.device), cudaSuccess);
    {
      Arena a;
      EXPECT_EQ(launch(c.wrong, &a.job), cudaErrorLaunchFailure);
      ASSERT_EQ(reports().size(), 1u);
      const Report &r = reports()[0];
      if (static_cast<int>(r.trap) != c.also) {
        EXPECT_EQ(name(r.trap), std::string(name(static_cast<Trap>(c.trap)))) << describe(r);
      }
      EXPECT_NE(r.kernel.find("_kernel"), std::string::npos) << describe(r);
      if (seed == 0) RecordProperty("report", describe(r));
      if (testing::Test::HasFailure()) return;
      EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure) << "an error of this kind sticks";
    }
    ASSERT_EQ(cudaSetDevice(c.right.device), cudaSuccess);
    Arena a;
    EXPECT_EQ(launch(c.right, &a.job), cudaSuccess);
    for (const Report &r : reports()) ADD_FAILURE() << describe(r);
  }
}

std::vector<trap_case> all_cases() {
  std::vector<trap_case> all(trap_memory_cases, trap_memory_cases + trap_memory_count);
  all.insert(all.end(), trap_order_cases, trap_order_cases + trap_order_count);
  all.insert(all.end(), trap_copy_cases, trap_copy_cases + trap_copy_count);
  return all;
}

std::string case_name(const testing::TestParamInfo<trap_case> &info) {
  std::string s = std::string(name(static_cast<Trap>(info.param.trap))) + "_" + info.param.name;
  for (char &c : s) c = isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return s;
}

INSTANTIATE_TEST_SUITE_P(Kernels, Traps, testing::ValuesIn(all_cases()), case_name);

/* ---- what the host does wrong: the launch is refused, and nothing sticks */

const std::set<Trap> host_traps = {Trap::launch, Trap::resident, Trap::host_call};

struct HostCase {
  Trap trap;
  cudaError_t error;
  std::function<cudaError_t(trap_job *)> wrong, right;
};

cudaError_t run(trap_job *job, const void *kernel, unsigned blocks, unsigned threads, unsigned cluster = 1,
                size_t dynamic = 0, int cooperative = 0) {
  return launch({kernel, blocks, threads, cluster, dynamic, cooperative, 0, 0}, job);
}

void check_host(const HostCase &c) {
  ASSERT_TRUE(host_traps.count(c.trap));
  for (uint64_t seed = 0; seed < seeds; seed++) {
    set_toys(seed);
    Arena a;
    EXPECT_EQ(c.wrong(&a.job), c.error);
    ASSERT_EQ(reports().size(), 1u);
    EXPECT_EQ(reports()[0].trap, c.trap) << describe(reports()[0]);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(c.right(&a.job), cudaSuccess);
    EXPECT_EQ(reports().size(), 1u);
  }
}

TEST(HostTraps, LaunchBeyondTheDevice) {
  const void *const plain = trap_plain_kernel, *const shared = trap_shared_kernel;
  const auto good = [=](trap_job *j) { return run(j, plain, 2, 64); };
  check_host({Trap::launch, cudaErrorInvalidConfiguration, [=](trap_job *j) { return run(j, plain, 1, 1025); }, good});
  check_host({Trap::launch, cudaErrorInvalidConfiguration, [=](trap_job *j) { return run(j, plain, 0, 64); }, good});
  check_host({Trap::launch, cudaErrorLaunchOutOfResources, [=](trap_job *j) { return run(j, plain, 1, 1024); }, good});
  check_host({Trap::launch, cudaErrorLaunchOutOfResources,
              [=](trap_job *j) { return run(j, trap_memory_cases[0].right.kernel, 1, 65); }, good});
  check_host({Trap::launch, cudaErrorInvalidClusterSize, [=](trap_job *j) { return run(j, plain, 8, 64, 8); },
              [=](trap_job *j) { return run(j, plain, 8, 64, 4); }});
  check_host({Trap::launch, cudaErrorInvalidConfiguration, [=](trap_job *j) { return run(j, plain, 6, 64, 4); }, good});
  check_host({Trap::launch, cudaErrorInvalidValue, [=](trap_job *j) { return run(j, shared, 1, 64, 1, 9000); },
              [=](trap_job *j) {
                EXPECT_EQ(cudaFuncSetAttribute(shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 17000),
                          cudaErrorInvalidValue);
                EXPECT_EQ(cudaFuncSetAttribute(shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 9000), cudaSuccess);
                return run(j, shared, 1, 64, 1, 9000);
              }});
}

TEST(HostTraps, CooperativeLaunchOfMoreThanFits) {
  check_host({Trap::resident, cudaErrorCooperativeLaunchTooLarge,
              [](trap_job *j) { return run(j, trap_plain_kernel, 5, 192, 1, 0, 1); },
              [](trap_job *j) { return run(j, trap_plain_kernel, 4, 192, 1, 0, 1); }});
}

TEST(HostTraps, CallsWithWhatIsNotAlive) {
  float value[4] = {};
  const auto good = [&](trap_job *j) { return cudaMemcpy(j->x, value, sizeof value, cudaMemcpyHostToDevice); };
  check_host({Trap::host_call, cudaErrorInvalidValue,
              [&](trap_job *j) { return cudaMemcpy(j->freed, value, sizeof value, cudaMemcpyHostToDevice); }, good});
  check_host({Trap::host_call, cudaErrorInvalidValue, [](trap_job *j) { return cudaFree(j->freed); }, good});
  check_host({Trap::host_call, cudaErrorInvalidValue,
              [](trap_job *j) { return cudaMemsetAsync(j->x + 1, 0, count * sizeof(float), nullptr); }, good});
  check_host({Trap::host_call, cudaErrorInvalidValue,
              [&](trap_job *j) { return cudaMemcpy(j->x, value, sizeof value, cudaMemcpyDeviceToHost); }, good});
  check_host({Trap::host_call, cudaErrorInvalidResourceHandle,
              [](trap_job *) { return cudaStreamSynchronize(reinterpret_cast<cudaStream_t>(0x1000)); }, good});
}

TEST(HostTraps, WithTheKernelsTheyAreComplete) {
  std::set<Trap> proven = host_traps;
  for (const trap_case &c : all_cases()) proven.insert(static_cast<Trap>(c.trap));
  for (int t = 0; t < static_cast<int>(Trap::count_); t++) {
    EXPECT_TRUE(proven.count(static_cast<Trap>(t))) << "no wrong kernel for " << name(static_cast<Trap>(t));
  }
}

}  // namespace
}  // namespace wn::simt
