// The four passes: plan and arguments as such, n, the workspace, and passes that a plan does not have.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "api_call.h"

namespace wn {
namespace {

constexpr wn_pass kPasses[] = {WN_TRAIN, WN_INFER, WN_BACKWARD, WN_BACKWARD_FROZEN};

TEST(ApiPasses, PlanOrArgumentsNull) {
  const wn_forward_args forward = WN_FORWARD_INIT;
  const wn_backward_args backward = WN_BACKWARD_INIT;
  const ApiCall call(ApiProblem("batch"), WN_TRAIN);
  SpoilLastError();
  EXPECT_EQ(wn_train(nullptr, &forward, nullptr, 0, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("plan NULL");
  EXPECT_EQ(wn_infer(nullptr, &forward, nullptr, 0, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("plan NULL");
  EXPECT_EQ(wn_backward(nullptr, &backward, nullptr, 0, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("plan NULL");
  EXPECT_EQ(wn_backward_frozen(nullptr, &backward, nullptr, 0, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("plan NULL");
  EXPECT_EQ(wn_train(call.plan, nullptr, nullptr, 0, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("args NULL");
  EXPECT_EQ(wn_infer(call.plan, nullptr, nullptr, 0, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("args NULL");
  EXPECT_EQ(wn_backward(call.plan, nullptr, nullptr, 0, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("args NULL");
  EXPECT_EQ(wn_backward_frozen(call.plan, nullptr, nullptr, 0, nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("args NULL");
}

TEST(ApiPasses, SizeOfTheArguments) {
  for (const wn_pass pass : kPasses) {
    for (const int difference : {-1000, -8, 8}) {  // -1000: 0
      ApiCall call(ApiProblem("batch"), pass);
      const bool forward = pass == WN_TRAIN || pass == WN_INFER;
      std::size_t &size = forward ? call.forward.size : call.backward.size;
      const std::size_t right = size;
      size = difference == -1000 ? 0 : right + static_cast<std::size_t>(difference);
      SCOPED_TRACE(std::string(PassName(pass)) + " size " + std::to_string(size));
      call.ExpectRefused(WN_ERR_ARGUMENT, "size " + std::to_string(size) + " " + std::to_string(right));
    }
  }
}

struct SamplesRow {
  const char *problem;
  wn_pass pass;
  std::int64_t n;
  wn_status status;
  const char *words;
};

TEST(ApiPasses, Samples) {
  const std::vector<SamplesRow> rows = {
      {"batch", WN_TRAIN, 5, WN_ERR_SHAPE, "n 5 4"},
      {"batch", WN_INFER, 5, WN_ERR_SHAPE, "n 5 4"},
      {"batch", WN_BACKWARD, INT64_MAX, WN_ERR_SHAPE, "n 9223372036854775807 4"},
      {"batch", WN_BACKWARD_FROZEN, 5, WN_ERR_SHAPE, "n 5 4"},
      {"layer", WN_TRAIN, -2, WN_ERR_SHAPE, "n -2 4"},
      {"layer", WN_INFER, INT64_MIN, WN_ERR_SHAPE, "n -9223372036854775808 4"},
      {"rms", WN_BACKWARD, -2, WN_ERR_SHAPE, "n -2 4"},
      {"batch", WN_TRAIN, -1, WN_OK, ""},
      {"batch", WN_TRAIN, 4, WN_OK, ""},
      {"batch", WN_INFER, 1, WN_OK, ""},
      {"batch", WN_BACKWARD, 3, WN_OK, ""},
      {"group", WN_TRAIN, 0, WN_OK, ""},
      {"batch parts=3", WN_TRAIN, -1, WN_ERR_SHAPE, "n 4 parts 3"},
      {"batch parts=3", WN_TRAIN, 2, WN_ERR_SHAPE, "n 2 parts 3"},
      {"batch parts=3", WN_BACKWARD, 4, WN_ERR_SHAPE, "n 4 parts 3"},
      {"batch parts=3", WN_TRAIN, 3, WN_OK, ""},
      {"batch parts=3", WN_BACKWARD, 3, WN_OK, ""},
      {"batch parts=3", WN_TRAIN, 0, WN_OK, ""},
      {"batch parts=3", WN_INFER, -1, WN_OK, ""},  // running statistics have no parts
      {"batch parts=3", WN_BACKWARD_FROZEN, 4, WN_OK, ""},
      {"batch n=0", WN_TRAIN, -1, WN_OK, ""},
      {"batch n=0", WN_TRAIN, 1, WN_ERR_SHAPE, "n 1 0"},
  };
  for (const SamplesRow &row : rows) {
    SCOPED_TRACE(std::string(row.problem) + ", " + PassName(row.pass) + ", n " + std::to_string(row.n));
    ApiCall call(ApiProblem(row.problem), row.pass);
    call.forward.n = call.backward.n = row.n;
    if (row.status == WN_OK) {
      call.ExpectRuns();
    } else {
      call.ExpectRefused(row.status, row.words);
    }
  }
}

struct PassRow {
  const char *problem;
  wn_pass pass;
  const char *words;
};

TEST(ApiPasses, ThatThePlanDoesNotHave) {
  const std::vector<PassRow> rows = {
      {"layer", WN_BACKWARD_FROZEN, "layer running"},
      {"rms", WN_BACKWARD_FROZEN, "rms running"},
      {"group", WN_BACKWARD_FROZEN, "group running"},
      {"instance", WN_BACKWARD_FROZEN, "instance running WN_INSTANCE_RUNNING"},
      {"batch y_type=f8_e4m3", WN_BACKWARD, "dy_type"},
      {"batch y_type=f8_e5m2", WN_BACKWARD_FROZEN, "dy_type"},
  };
  for (const PassRow &row : rows) {
    SCOPED_TRACE(std::string(row.problem) + ", " + PassName(row.pass));
    const ApiCall call(ApiProblem(row.problem), row.pass);
    EXPECT_EQ(wn_plan_workspace(call.plan, row.pass), 0u);
    call.ExpectRefused(WN_ERR_UNSUPPORTED, row.words);
    char text[200];
    EXPECT_EQ(wn_plan_explain(call.plan, row.pass, text, sizeof text), WN_ERR_UNSUPPORTED);
  }
  for (const char *problem : {"batch y_type=f8_e4m3", "layer x_type=f16 y_type=f8_e5m2"}) {
    ApiCall(ApiProblem(problem), WN_TRAIN).ExpectRuns();
    ApiCall(ApiProblem(problem), WN_INFER).ExpectRuns();
  }
  ApiCall(ApiProblem("batch y_type=f8_e4m3 dy_type=f32"), WN_BACKWARD).ExpectRuns();
}

// Problems large enough that some pass divides its work and needs memory for the partial results.
const std::vector<const char *> &WorkspaceProblems() {
  static const std::vector<const char *> problems = {"batch n=256 c=1 x=1",
                                                     "batch n=256 c=2 x=1 layout=nxc",
                                                     "layer n=256 c=2 x=1",
                                                     "rms n=256 c=2 x=1",
                                                     "batch x_type=f16 n=256 c=2 x=1",
                                                     "layer n=4 c=2 x=60",
                                                     "group n=256 c=2 x=1 groups=1",
                                                     "instance n=64 c=1 x=2"};
  return problems;
}

TEST(ApiPasses, Workspace) {
  int tried = 0;
  for (const char *problem : WorkspaceProblems()) {
    for (const wn_pass pass : kPasses) {
      const wn_problem p = ApiProblem(problem);
      if (pass == WN_BACKWARD_FROZEN && p.kind != WN_BATCH) continue;  // the kind does not have it
      SCOPED_TRACE(std::string(problem) + ", " + PassName(pass));
      ApiCall call(p, pass);
      call.ExpectRuns();
      if (call.work == nullptr) continue;
      tried++;
      std::uint8_t *const work = call.work;
      const std::size_t bytes = call.work_bytes;
      call.work = nullptr;
      call.ExpectRefused(WN_ERR_WORKSPACE, "work NULL " + std::to_string(bytes));
      call.work = work;
      call.work_bytes = bytes - 1;
      call.ExpectRefused(WN_ERR_WORKSPACE, std::to_string(bytes - 1) + " " + std::to_string(bytes));
      call.work_bytes = 0;
      call.ExpectRefused(WN_ERR_WORKSPACE, "0 " + std::to_string(bytes));
      call.work_bytes = bytes;
      for (const int shift : {1, 64, 128}) {
        call.work = work + shift - 256;
        call.ExpectRefused(WN_ERR_WORKSPACE, "work 256");
      }
      call.work = work - 256;
      call.work_bytes = bytes + 1000;
      call.ExpectRuns();
    }
  }
  EXPECT_GT(tried, 0) << "no pass needs a workspace: these rules have not been tried";
}

TEST(ApiPasses, WorkspaceServesEverySmallerCall) {
  for (const char *problem : WorkspaceProblems()) {
    for (const wn_pass pass : {WN_TRAIN, WN_INFER, WN_BACKWARD}) {
      SCOPED_TRACE(std::string(problem) + ", " + PassName(pass));
      ApiCall call(ApiProblem(problem), pass);
      const std::size_t first_behind = static_cast<std::size_t>(call.work - call.memory()) + call.work_bytes;
      const std::vector<std::uint8_t> before = call.Memory();
      for (std::int64_t n = 1; n < call.problem.n; n = n * 2 + 1) {
        call.forward.n = call.backward.n = n;
        call.ExpectRuns();
      }
      if (call.work == nullptr) continue;
      const std::vector<std::uint8_t> after = call.Memory();
      EXPECT_TRUE(std::equal(after.begin() + static_cast<std::ptrdiff_t>(first_behind), after.end(),
                             before.begin() + static_cast<std::ptrdiff_t>(first_behind)))
          << "written behind the workspace";
    }
  }
}

}  // namespace
}  // namespace wn
