// Every allocation of the library fails in turn: the call answers WN_ERR_MEMORY, nothing leaks, and the next call is as
// good as before. The executable is linked with --wrap, so that the static library's calls of the C allocator come
// here; those of the test itself (operator new of a shared libstdc++) do not.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

#include "api_call.h"

namespace {

long live = 0;        // allocations of the library that have not been freed
long calls = 0;       // of the allocator, since the countdown was set
long fail_from = -1;  // the index of the first call that fails; -1: none does
bool fail_once = true;

bool Fails() {
  const long index = calls++;
  return fail_from >= 0 && (fail_once ? index == fail_from : index >= fail_from);
}

void *Count(void *memory) {
  if (memory != nullptr) live++;
  return memory;
}

}  // namespace

extern "C" {
void *__real_malloc(std::size_t bytes);
void *__real_calloc(std::size_t count, std::size_t bytes);
void *__real_realloc(void *memory, std::size_t bytes);
void *__real_aligned_alloc(std::size_t alignment, std::size_t bytes);
int __real_posix_memalign(void **memory, std::size_t alignment, std::size_t bytes);
void __real_free(void *memory);

void *__wrap_malloc(std::size_t bytes) { return Fails() ? nullptr : Count(__real_malloc(bytes)); }
void *__wrap_calloc(std::size_t count, std::size_t bytes) {
  return Fails() ? nullptr : Count(__real_calloc(count, bytes));
}
void *__wrap_realloc(void *memory, std::size_t bytes) {
  if (Fails()) return nullptr;
  void *const moved = __real_realloc(memory, bytes);
  return memory == nullptr ? Count(moved) : moved;
}
void *__wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return Fails() ? nullptr : Count(__real_aligned_alloc(alignment, bytes));
}
int __wrap_posix_memalign(void **memory, std::size_t alignment, std::size_t bytes) {
  if (Fails()) return ENOMEM;
  const int error = __real_posix_memalign(memory, alignment, bytes);
  if (error == 0) Count(*memory);
  return error;
}
void __wrap_free(void *memory) {
  if (memory != nullptr) live--;
  __real_free(memory);
}
}

namespace wn {
namespace {

// Fails the first allocation of `make`, then the second, ... until it succeeds. `make` checks what an error leaves.
void FailEachAllocation(const std::function<wn_status()> &make, const std::function<void()> &destroy) {
  ApiDevice();  // opened now, if it has not been yet: its memory stays
  const long before = live;
  long refused = 0;
  for (bool done = false; !done; refused++) {
    ASSERT_LT(refused, 1000) << "never succeeds";
    SpoilLastError();
    calls = 0;
    fail_from = refused;
    const wn_status status = make();
    fail_from = -1;
    done = status == WN_OK;
    if (done) {
      EXPECT_GT(calls, 0) << "nothing was allocated: no failure has been tried";
      EXPECT_EQ(refused, calls) << "an allocation failed, and the call did not say so";
      destroy();
    } else {
      EXPECT_EQ(status, WN_ERR_MEMORY);
      ExpectLastError("memory");
    }
    EXPECT_EQ(live, before) << "after the failure of allocation " << refused;
  }
}

TEST(ApiMemory, DeviceOpen) {
  for (const wn_backend backend : {WN_CPU, WN_AUTO}) {
    wn_device *device = nullptr;
    FailEachAllocation(
        [&] {
          const wn_status status = wn_device_open(&device, backend, 0);
          EXPECT_EQ(device == nullptr, status != WN_OK);
          return status;
        },
        [&] { wn_device_close(device); });
  }
}

TEST(ApiMemory, PlanCreate) {
  for (const char *problem : {"batch", "layer layout=nxc add=before act=relu", "group y_type=f8_e4m3", "rms n=0",
                              "instance flags=instance_running|running_cumulative"}) {
    SCOPED_TRACE(problem);
    const wn_problem p = ApiProblem(problem);
    wn_plan *plan = nullptr;
    FailEachAllocation(
        [&] {
          const wn_status status = wn_plan_create(&plan, ApiDevice(), &p);
          EXPECT_EQ(plan == nullptr, status != WN_OK);
          return status;
        },
        [&] { wn_plan_destroy(plan); });
  }
}

// Also what a rank can not even compare with the others is an error and leaks nothing.
TEST(ApiMemory, PlanCreateSync) {
  const wn_problem p = ApiProblem("batch");
  const auto gather = [](void *, const void *mine, void *all, std::size_t bytes, void *) {
    std::memcpy(all, mine, bytes);
    return WN_OK;
  };
  const wn_comm comm = {sizeof comm, 0, 1, nullptr, gather, nullptr};
  wn_plan *plan = nullptr;
  FailEachAllocation(
      [&] {
        const wn_status status = wn_plan_create_sync(&plan, ApiDevice(), &p, &comm);
        EXPECT_EQ(plan == nullptr, status != WN_OK);
        return status;
      },
      [&] { wn_plan_destroy(plan); });
}

TEST(ApiMemory, BufferAlloc) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{1} << 22}) {
    SCOPED_TRACE(bytes);
    void *buffer = nullptr;
    FailEachAllocation(
        [&] {
          const wn_status status = wn_buffer_alloc(ApiDevice(), &buffer, bytes, nullptr);
          EXPECT_EQ(buffer == nullptr, status != WN_OK);
          return status;
        },
        [&] { wn_buffer_free(ApiDevice(), buffer, nullptr); });
  }
}

// wn_plan_explain measures a copy, which needs memory; without it, it says less and is no error.
TEST(ApiMemory, ExplainDoesWithout) {
  const ApiCall call(ApiProblem("batch"), WN_TRAIN);
  const long before = live;
  char text[512] = "";
  calls = 0;
  fail_from = 0;
  fail_once = false;
  const wn_status status = wn_plan_explain(call.plan, WN_TRAIN, text, sizeof text);
  fail_from = -1;
  fail_once = true;
  EXPECT_EQ(status, WN_OK) << wn_last_error();
  EXPECT_TRUE(HasWord(text, "batch")) << text;
  EXPECT_EQ(live, before);
  EXPECT_EQ(wn_plan_explain(call.plan, WN_TRAIN, text, sizeof text), WN_OK);
  EXPECT_NE(std::string(text).find(" us"), std::string::npos) << "the next call measures: " << text;
  EXPECT_EQ(live, before);
}

// The calls that run a plan never allocate: while they run, no allocation would succeed.
TEST(ApiMemory, PassesDoNotAllocate) {
  for (const char *problem :
       {"batch n=256 c=2 x=1 act=relu", "batch n=64 add=before", "batch layout=nxc x_type=f16 n=64 add=after act=gelu",
        "layer n=64 c=20 x=1", "layer n=4 c=20 x=10", "rms x_type=bf16 n=64 c=20 x=1", "group n=40 x_type=f64",
        "instance layout=nxc flags=instance_running|running_cumulative"}) {
    for (const wn_pass pass : {WN_TRAIN, WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN}) {
      const wn_problem p = ApiProblem(problem);
      const bool running = p.kind == WN_BATCH || p.kind == WN_INSTANCE;
      if (pass == WN_BACKWARD_FROZEN && !running) continue;  // the kind does not have it
      SCOPED_TRACE(std::string(problem) + ", " + PassName(pass));
      const ApiCall call(p, pass);
      calls = 0;
      fail_from = 0;
      fail_once = false;
      const wn_status status = call.Run();
      fail_from = -1;
      fail_once = true;
      EXPECT_EQ(status, WN_OK) << wn_last_error();
      EXPECT_EQ(calls, 0);
    }
  }
}

// A refused problem has allocated nothing that stays.
TEST(ApiMemory, RefusalsDoNotLeak) {
  const long before = live;
  for (const char *problem : {"batch c=0", "layer eps=nan", "batch x_type=f8_e4m3", "rms x_stride.row=1"}) {
    const wn_problem p = ApiProblem(problem);
    wn_plan *plan = nullptr;
    EXPECT_NE(wn_plan_create(&plan, ApiDevice(), &p), WN_OK);
  }
  wn_device *device = nullptr;
  EXPECT_NE(wn_device_open(&device, WN_CPU, 7), WN_OK);
  EXPECT_NE(wn_device_open(&device, WN_CUDA, 1000000), WN_OK);
  EXPECT_EQ(live, before);
}

}  // namespace
}  // namespace wn
