// What a profiler sees of calls: NVTX_INJECTION64_PATH names profiler.c's library.
#include <dlfcn.h>

#include <cstdlib>

#include "tests/simt/host_cuda_test.h"
#include "tests/simt/profiler.h"

namespace wn::simt {
namespace {

std::string Recorded() {
  const char *const path = std::getenv("NVTX_INJECTION64_PATH");
  if (path == nullptr) return "NVTX_INJECTION64_PATH is not set";
  void *const profiler = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  if (profiler == nullptr) return "NVTX has not loaded " + std::string(path);
  const auto record = reinterpret_cast<wn_profiler_record>(dlsym(profiler, WN_PROFILER_RECORD));
  std::string text = record == nullptr ? "no record" : record();
  dlclose(profiler);
  return text;
}

TEST(Ranges, AreNamedByKindPassAndShape) {
  wn_device *const device = Open();
  const wn_problem p = SmallProblem();
  wn_plan *plan = nullptr;
  ASSERT_EQ(wn_plan_create(&plan, device, &p), WN_OK) << wn_last_error();
  SmallBuffers b;
  const std::vector<float> ones(SmallBuffers::kBytes / sizeof(float), 1.0f);
  for (void **const buffer : b.all()) {
    ASSERT_EQ(wn_buffer_alloc(device, buffer, SmallBuffers::kBytes, nullptr), WN_OK);
    ASSERT_EQ(wn_buffer_write(device, *buffer, ones.data(), SmallBuffers::kBytes, nullptr), WN_OK);
  }
  const wn_forward_args train = b.Forward(WN_TRAIN), infer = b.Forward(WN_INFER);
  const wn_backward_args back = b.Backward(WN_BACKWARD), frozen = b.Backward(WN_BACKWARD_FROZEN);
  const std::size_t bytes = SmallBuffers::kBytes;
  EXPECT_EQ(wn_train(plan, &train, b.work, bytes, nullptr), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_infer(plan, &infer, b.work, bytes, nullptr), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_backward(plan, &back, b.work, bytes, nullptr), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_backward_frozen(plan, &frozen, b.work, bytes, nullptr), WN_OK) << wn_last_error();
  inject("cudaLaunchKernelExC", 1, cudaErrorUnknown);
  EXPECT_EQ(wn_infer(plan, &infer, b.work, bytes, nullptr), WN_ERR_DEVICE);
  for (void **const buffer : b.all()) EXPECT_EQ(wn_buffer_free(device, *buffer, nullptr), WN_OK);
  wn_plan_destroy(plan);
  wn_device_close(device);
  EXPECT_EQ(Recorded(),
            "<warpnorm batch train 4x6x5\n>\n"
            "<warpnorm batch infer 4x6x5\n>\n"
            "<warpnorm batch backward 4x6x5\n>\n"
            "<warpnorm batch frozen backward 4x6x5\n>\n"
            "<warpnorm batch infer 4x6x5\n>\n")
      << "a range is closed after a failure too";
}

}  // namespace
}  // namespace wn::simt
