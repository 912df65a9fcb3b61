// Statuses, their texts, and the text of the last error, which belongs to its thread.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api_call.h"
#include "api_in_c.h"

namespace wn {
namespace {

TEST(ApiError, VersionOfHeaderAndLibrary) {
  EXPECT_EQ(wn_version(), WN_VERSION);
  EXPECT_EQ(wn_api_version_in_c(), WN_VERSION);
}

TEST(ApiError, EveryStatusHasATextOfItsOwn) {
  std::set<std::string> texts;
  for (int status = WN_OK; status <= WN_ERR_COMM; status++) {
    const char *text = wn_api_status_text(status);
    ASSERT_NE(text, nullptr);
    EXPECT_STRNE(text, "");
    EXPECT_TRUE(texts.insert(text).second) << text;
    EXPECT_EQ(text, wn_api_status_text(status)) << "static";
  }
  for (const int status : {-1, 9, 1000000}) {
    const char *text = wn_api_status_text(status);
    ASSERT_NE(text, nullptr);
    EXPECT_STRNE(text, "");
    EXPECT_EQ(texts.count(text), 0u) << text << " is the text of another status";
  }
}

TEST(ApiError, ASuccessLeavesTheText) {
  const wn_problem bad = ApiProblem("batch c=-7"), good = ApiProblem("batch");
  wn_plan *plan = nullptr;
  EXPECT_EQ(wn_plan_create(&plan, ApiDevice(), &bad), WN_ERR_SHAPE);
  const std::string text = wn_last_error();
  EXPECT_TRUE(HasWord(text, "-7")) << text;
  EXPECT_EQ(wn_plan_create(&plan, ApiDevice(), &good), WN_OK);
  EXPECT_EQ(wn_last_error(), text);
  wn_plan_destroy(plan);
  EXPECT_EQ(wn_last_error(), text);
}

TEST(ApiError, EachThreadHasItsOwnText) {
  SpoilLastError();
  const std::string mine = wn_last_error();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([t] {
      EXPECT_STREQ(wn_last_error(), "") << "empty before the first failure";
      for (int i = 0; i < 200; i++) {
        const std::string value = std::to_string(-1000 * (t + 1) - i);
        const wn_problem bad = ApiProblem("batch c=" + value);
        wn_plan *plan = nullptr;
        EXPECT_EQ(wn_plan_create(&plan, ApiDevice(), &bad), WN_ERR_SHAPE);
        EXPECT_TRUE(HasWord(wn_last_error(), value)) << wn_last_error();
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
  EXPECT_EQ(wn_last_error(), mine);
}

// What a communicator of one's own answers with.
TEST(ApiError, ANoteOfTheCallers) {
  EXPECT_EQ(wn_error_note(WN_ERR_COMM, "the line is cut"), WN_ERR_COMM);
  EXPECT_STREQ(wn_last_error(), "the line is cut");
  EXPECT_EQ(wn_error_note(WN_ERR_DEVICE, "%s is no format"), WN_ERR_DEVICE);
  EXPECT_STREQ(wn_last_error(), "%s is no format");
  EXPECT_EQ(wn_error_note(WN_ERR_COMM, std::string(600, 'x').c_str()), WN_ERR_COMM);
  EXPECT_EQ(std::string(wn_last_error()), std::string(511, 'x'));
  EXPECT_EQ(wn_error_note(WN_ERR_COMM, nullptr), WN_ERR_COMM);
  EXPECT_STREQ(wn_last_error(), "");
}

// A plan is immutable: threads that share it, each with arguments of its own, do not see each other's errors or
// results.
TEST(ApiError, ThreadsShareAPlan) {
  const wn_problem p = ApiProblem("group act=relu");
  const ApiCall shared(p, WN_TRAIN), alone(p, WN_TRAIN);
  alone.ExpectRuns();
  const std::vector<std::uint8_t> expected = alone.Memory();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; i++) {
        const ApiCall own(p, WN_TRAIN);  // for its memory
        wn_forward_args bad = own.forward;
        bad.x = nullptr;
        EXPECT_EQ(wn_train(shared.plan, &bad, own.work, own.work_bytes, nullptr), WN_ERR_ARGUMENT);
        EXPECT_TRUE(HasWord(wn_last_error(), "x")) << wn_last_error();
        EXPECT_EQ(wn_train(shared.plan, &own.forward, own.work, own.work_bytes, nullptr), WN_OK);
        EXPECT_TRUE(own.Memory() == expected);
      }
    });
  }
  for (std::thread &thread : threads) thread.join();
}

}  // namespace
}  // namespace wn
