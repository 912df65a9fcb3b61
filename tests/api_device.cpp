// Devices, their buffers, and the calls of many ranks.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "api_call.h"
#include "api_in_c.h"

// Sizes that no machine has are an error of the library's, not the end of the program.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WN_SANITIZED 1
#endif
#endif
#ifdef WN_SANITIZED
extern "C" const char *__asan_default_options();
extern "C" const char *__asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char *__tsan_default_options();
extern "C" const char *__tsan_default_options() { return "allocator_may_return_null=1"; }
#endif

namespace wn {
namespace {

void ExpectNotOpened(int backend, int ordinal, wn_status status, const char *words) {
  SCOPED_TRACE("backend " + std::to_string(backend) + ", ordinal " + std::to_string(ordinal));
  static char not_null;
  wn_device *device = reinterpret_cast<wn_device *>(&not_null);
  SpoilLastError();
  EXPECT_EQ(wn_api_device_open(&device, backend, ordinal), status);
  ExpectLastError(words);
  EXPECT_EQ(device, nullptr);
}

TEST(ApiDevice, WhatCannotBeOpened) {
  ExpectNotOpened(3, 0, WN_ERR_ARGUMENT, "backend 3 2");
  ExpectNotOpened(-1, 0, WN_ERR_ARGUMENT, "backend -1 0");
  ExpectNotOpened(WN_CPU, 1, WN_ERR_NO_DEVICE, "ordinal 1 0");
  ExpectNotOpened(WN_CPU, -1, WN_ERR_NO_DEVICE, "ordinal -1 0");
  ExpectNotOpened(WN_AUTO, -1, WN_ERR_NO_DEVICE, "ordinal -1 0");
  ExpectNotOpened(WN_CUDA, 1000000, WN_ERR_NO_DEVICE, "");
  EXPECT_EQ(wn_device_open(nullptr, WN_CPU, 0), WN_ERR_ARGUMENT);
  EXPECT_TRUE(HasWord(wn_last_error(), "device")) << wn_last_error();
  EXPECT_TRUE(HasWord(wn_last_error(), "NULL")) << wn_last_error();
}

TEST(ApiDevice, NullIsFineToClose) {
  wn_device_close(nullptr);
  EXPECT_EQ(wn_device_backend(nullptr), WN_AUTO);
  EXPECT_STREQ(wn_device_text(nullptr), "no device");
}

TEST(ApiDevice, TheProcessor) {
  wn_device *first = nullptr, *second = nullptr;
  ASSERT_EQ(wn_device_open(&first, WN_CPU, 0), WN_OK) << wn_last_error();
  ASSERT_EQ(wn_device_open(&second, WN_CPU, 0), WN_OK) << wn_last_error();
  EXPECT_EQ(wn_device_backend(first), WN_CPU);
  const std::string text = wn_device_text(first);
  EXPECT_TRUE(HasWord(text, "cpu")) << text;
  EXPECT_TRUE(HasWord(text, "baseline") || HasWord(text, "avx2") || HasWord(text, "avx512") ||
              HasWord(text, "avx512_bf16"))
      << text;
  EXPECT_FALSE(HasWord(text, "GPU")) << "nothing was said about a GPU: " << text;
  wn_device_close(first);
  EXPECT_EQ(wn_device_text(second), text) << "devices do not share their end";
  wn_device_close(second);
}

#ifdef WN_TEST_CUDA_BUILD
// The driver's library, a GPU, or kernels for it may be missing: each time with a reason, which WN_AUTO passes on.
TEST(ApiDevice, WithoutAGpuItSaysWhy) {
  wn_device *gpu = nullptr, *chosen = nullptr;
  const wn_status status = wn_device_open(&gpu, WN_CUDA, 0);
  const std::string reason = wn_last_error();
  ASSERT_EQ(wn_device_open(&chosen, WN_AUTO, 0), WN_OK) << wn_last_error();
  const std::string text = wn_device_text(chosen);
  if (status == WN_OK) {
    EXPECT_EQ(wn_device_backend(chosen), WN_CUDA) << text;
  } else {
    EXPECT_EQ(status, WN_ERR_NO_DEVICE) << reason;
    EXPECT_TRUE(HasWord(reason, "driver") || HasWord(reason, "GPU")) << reason;
    EXPECT_EQ(wn_device_backend(chosen), WN_CPU);
    EXPECT_NE(text.find("(no GPU: " + reason + ")"), std::string::npos) << text;
  }
  wn_device_close(chosen);
  wn_device_close(gpu);
}
#else
TEST(ApiDevice, WithoutCudaItSaysSo) {
  ExpectNotOpened(WN_CUDA, 0, WN_ERR_NO_DEVICE, "build CUDA");
  for (const int ordinal : {0, 3}) {  // of a GPU, which is not there
    wn_device *device = nullptr;
    ASSERT_EQ(wn_device_open(&device, WN_AUTO, ordinal), WN_OK) << wn_last_error();
    EXPECT_EQ(wn_device_backend(device), WN_CPU);
    const std::string text = wn_device_text(device);
    EXPECT_TRUE(HasWord(text, "cpu") && HasWord(text, "build") && HasWord(text, "CUDA")) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos);
    wn_device_close(device);
  }
}
#endif

// WN_CPU_ISA for the time of a test.
class CapOfIsa {
 public:
  explicit CapOfIsa(const char *value) {
    const char *old = std::getenv("WN_CPU_ISA");
    had_ = old != nullptr;
    if (had_) old_ = old;
    setenv("WN_CPU_ISA", value, 1);
  }
  ~CapOfIsa() {
    if (had_) {
      setenv("WN_CPU_ISA", old_.c_str(), 1);
    } else {
      unsetenv("WN_CPU_ISA");
    }
  }
  CapOfIsa(const CapOfIsa &) = delete;
  CapOfIsa &operator=(const CapOfIsa &) = delete;

 private:
  bool had_ = false;
  std::string old_;
};

TEST(ApiDevice, CapOfTheInstructionSet) {
  {
    const CapOfIsa cap("sse9");
    ExpectNotOpened(WN_CPU, 0, WN_ERR_ARGUMENT, "WN_CPU_ISA sse9 baseline");
  }
  {
    const CapOfIsa cap("");  // as if it were not set
    wn_device *device = nullptr;
    EXPECT_EQ(wn_device_open(&device, WN_CPU, 0), WN_OK) << wn_last_error();
    wn_device_close(device);
  }
  const CapOfIsa cap("baseline");
  wn_device *device = nullptr;
  ASSERT_EQ(wn_device_open(&device, WN_CPU, 0), WN_OK) << wn_last_error();
  EXPECT_TRUE(HasWord(wn_device_text(device), "baseline")) << wn_device_text(device);
  wn_device_close(device);
}

TEST(ApiBuffer, AlignmentAndRoundTrip) {
  const std::size_t most = (std::size_t{1} << 20) + 3;
  std::vector<std::uint8_t> host(most), back(most);
  for (std::size_t i = 0; i < most; i++) host[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{1000}, most}) {
    SCOPED_TRACE(bytes);
    void *buffer = nullptr;
    ASSERT_EQ(wn_buffer_alloc(ApiDevice(), &buffer, bytes, nullptr), WN_OK);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer) % 256, 0u);
    std::fill(back.begin(), back.end(), std::uint8_t{0});
    EXPECT_EQ(wn_buffer_write(ApiDevice(), buffer, host.data(), bytes, nullptr), WN_OK);
    EXPECT_EQ(wn_buffer_read(ApiDevice(), back.data(), buffer, bytes, nullptr), WN_OK);
    EXPECT_EQ(wn_stream_wait(ApiDevice(), nullptr), WN_OK);
    EXPECT_TRUE(std::equal(host.begin(), host.begin() + static_cast<std::ptrdiff_t>(bytes), back.begin()));
    EXPECT_TRUE(bytes == most || back[bytes] == 0) << "more was read than asked for";
    EXPECT_EQ(wn_buffer_free(ApiDevice(), buffer, nullptr), WN_OK);
  }
}

TEST(ApiBuffer, PartsOfABuffer) {
  std::uint8_t zeros[16] = {}, part[3] = {1, 2, 3}, back[16];
  void *buffer = nullptr;
  ASSERT_EQ(wn_buffer_alloc(ApiDevice(), &buffer, sizeof zeros, nullptr), WN_OK);
  std::uint8_t *const inside = static_cast<std::uint8_t *>(buffer) + 5;
  EXPECT_EQ(wn_buffer_write(ApiDevice(), buffer, zeros, sizeof zeros, nullptr), WN_OK);
  EXPECT_EQ(wn_buffer_write(ApiDevice(), inside, part, sizeof part, nullptr), WN_OK);
  part[0] = 9;  // the host memory may be reused on return
  EXPECT_EQ(wn_buffer_read(ApiDevice(), back, buffer, sizeof back, nullptr), WN_OK);
  EXPECT_EQ(wn_stream_wait(ApiDevice(), nullptr), WN_OK);
  const std::uint8_t expected[16] = {0, 0, 0, 0, 0, 1, 2, 3};
  EXPECT_TRUE(std::equal(back, back + 16, expected));
  EXPECT_EQ(wn_buffer_free(ApiDevice(), buffer, nullptr), WN_OK);
}

TEST(ApiBuffer, NoBytes) {
  void *buffer = &buffer;
  EXPECT_EQ(wn_buffer_alloc(ApiDevice(), &buffer, 0, nullptr), WN_OK);
  EXPECT_NE(buffer, &buffer) << "the result has been set";
  EXPECT_EQ(wn_buffer_write(ApiDevice(), buffer, nullptr, 0, nullptr), WN_OK);
  EXPECT_EQ(wn_buffer_read(ApiDevice(), nullptr, buffer, 0, nullptr), WN_OK);
  EXPECT_EQ(wn_buffer_free(ApiDevice(), buffer, nullptr), WN_OK);
  EXPECT_EQ(wn_buffer_free(ApiDevice(), nullptr, nullptr), WN_OK);
}

TEST(ApiBuffer, MoreThanThereIs) {
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - 255, SIZE_MAX - 256, SIZE_MAX / 2, std::size_t{1} << 60}) {
    SCOPED_TRACE(bytes);
    void *buffer = &buffer;
    SpoilLastError();
    EXPECT_EQ(wn_buffer_alloc(ApiDevice(), &buffer, bytes, nullptr), WN_ERR_MEMORY);
    ExpectLastError(std::to_string(bytes));
    EXPECT_EQ(buffer, nullptr);
  }
}

TEST(ApiBuffer, PointersThatAreNull) {
  char byte = 0;
  void *buffer = nullptr;
  ASSERT_EQ(wn_buffer_alloc(ApiDevice(), &buffer, 1, nullptr), WN_OK);
  SpoilLastError();
  void *out = &byte;
  EXPECT_EQ(wn_buffer_alloc(nullptr, &out, 1, nullptr), WN_ERR_ARGUMENT);
  EXPECT_EQ(out, nullptr);
  ExpectLastError("device NULL");
  EXPECT_EQ(wn_buffer_alloc(ApiDevice(), nullptr, 1, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("out NULL");
  EXPECT_EQ(wn_buffer_free(nullptr, buffer, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("device NULL");
  EXPECT_EQ(wn_buffer_write(nullptr, buffer, &byte, 1, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("device NULL");
  EXPECT_EQ(wn_buffer_write(ApiDevice(), nullptr, &byte, 1, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("dst NULL");
  EXPECT_EQ(wn_buffer_write(ApiDevice(), buffer, nullptr, 1, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("host NULL");
  EXPECT_EQ(wn_buffer_read(nullptr, &byte, buffer, 1, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("device NULL");
  EXPECT_EQ(wn_buffer_read(ApiDevice(), nullptr, buffer, 1, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("host NULL");
  EXPECT_EQ(wn_buffer_read(ApiDevice(), &byte, nullptr, 1, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("src NULL");
  EXPECT_EQ(wn_stream_wait(nullptr, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("device NULL");
  EXPECT_EQ(wn_buffer_free(ApiDevice(), buffer, nullptr), WN_OK);
}

TEST(ApiBuffer, ThreadsShareADevice) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([t] {
      for (int i = 0; i < 50; i++) {
        const std::uint8_t mark = static_cast<std::uint8_t>(t * 50 + i);
        const std::vector<std::uint8_t> host(1000, mark);
        std::vector<std::uint8_t> back(1000);
        void *buffer = nullptr;
        EXPECT_EQ(wn_buffer_alloc(ApiDevice(), &buffer, host.size(), nullptr), WN_OK);
        EXPECT_EQ(wn_buffer_write(ApiDevice(), buffer, host.data(), host.size(), nullptr), WN_OK);
        EXPECT_EQ(wn_buffer_read(ApiDevice(), back.data(), buffer, back.size(), nullptr), WN_OK);
        EXPECT_EQ(wn_stream_wait(ApiDevice(), nullptr), WN_OK);
        EXPECT_TRUE(back == host);
        EXPECT_EQ(wn_buffer_free(ApiDevice(), buffer, nullptr), WN_OK);
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
}

// The collective of a single rank.
wn_status Gather(void *, const void *mine, void *all, std::size_t bytes, void *) {
  std::memcpy(all, mine, bytes);
  return WN_OK;
}

wn_status NoGather(void *, const void *, void *, std::size_t, void *) {
  ADD_FAILURE() << "nothing is exchanged";
  return WN_ERR_COMM;
}

struct CommRow {
  std::size_t size;
  int rank, ranks;
  bool gather;
  const char *words;
};

TEST(ApiSync, ArgumentsAreCheckedBeforeAnythingIsExchanged) {
  const std::vector<CommRow> rows = {
      {0, 0, 2, true, "size 0 40"},
      {sizeof(wn_comm) + 8, 0, 2, true, "size 48 40"},
      {sizeof(wn_comm), 0, 0, true, "ranks 0 1"},
      {sizeof(wn_comm), -1, 2, true, "rank -1 0 1"},
      {sizeof(wn_comm), 2, 2, true, "rank 2 0 1"},
      {sizeof(wn_comm), 0, 2, false, "all_gather NULL"},
  };
  const wn_problem p = ApiProblem("batch");
  for (const CommRow &row : rows) {
    SCOPED_TRACE(row.words);
    const wn_comm comm = {row.size, row.rank, row.ranks, nullptr, row.gather ? NoGather : nullptr, nullptr};
    wn_plan *plan = reinterpret_cast<wn_plan *>(&plan);
    SpoilLastError();
    EXPECT_EQ(wn_plan_create_sync(&plan, ApiDevice(), &p, &comm), WN_ERR_ARGUMENT);
    ExpectLastError(row.words);
    EXPECT_EQ(plan, nullptr);
  }
  const wn_comm comm = {sizeof comm, 0, 2, nullptr, NoGather, nullptr};
  wn_plan *plan = nullptr;
  EXPECT_EQ(wn_plan_create_sync(nullptr, ApiDevice(), &p, &comm), WN_ERR_ARGUMENT);
  ExpectLastError("plan NULL");
  EXPECT_EQ(wn_plan_create_sync(&plan, nullptr, &p, &comm), WN_ERR_ARGUMENT);
  ExpectLastError("device NULL");
  EXPECT_EQ(wn_plan_create_sync(&plan, ApiDevice(), &p, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("comm NULL");
}

TEST(ApiSync, ABadProblemIsAnErrorAsElsewhere) {
  const wn_comm comm = {sizeof comm, 0, 1, nullptr, Gather, nullptr};
  const wn_problem bad = ApiProblem("batch c=0"), layer = ApiProblem("layer"), ghost = ApiProblem("batch n=4 parts=2");
  wn_plan *plan = nullptr;
  EXPECT_EQ(wn_plan_create_sync(&plan, ApiDevice(), nullptr, &comm), WN_ERR_ARGUMENT);
  ExpectLastError("problem NULL");
  EXPECT_EQ(wn_plan_create_sync(&plan, ApiDevice(), &bad, &comm), WN_ERR_SHAPE);
  ExpectLastError("c 0 1");
  EXPECT_EQ(wn_plan_create_sync(&plan, ApiDevice(), &layer, &comm), WN_ERR_UNSUPPORTED);
  ExpectLastError("kind layer batch");
  EXPECT_EQ(wn_plan_create_sync(&plan, ApiDevice(), &ghost, &comm), WN_ERR_UNSUPPORTED);
  ExpectLastError("parts 2 1");
  EXPECT_EQ(plan, nullptr);
}

TEST(ApiSync, StatusOfAPlan) {
  SpoilLastError();
  EXPECT_EQ(wn_plan_sync_status(nullptr, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("plan NULL");
  const ApiCall call(ApiProblem("batch"), WN_TRAIN);
  EXPECT_EQ(wn_plan_sync_status(call.plan, nullptr), WN_ERR_UNSUPPORTED);
  ExpectLastError("plan");
}

}  // namespace
}  // namespace wn
