// Which pointers each pass needs, may be given and must not be given, for each kind of problem; their alignment.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "api_call.h"

namespace wn {
namespace {

struct Row {
  const char *problem;  // see api_problem_spec.h
  wn_pass pass;
  const char *needed;
  const char *optional;
  const char *together;  // all of them or none
  const char *meaningless;
};

const std::vector<Row> &Rows() {
  static const char f[] = "gamma beta", b[] = "gamma beta dx dgamma dbeta";
  static const std::vector<Row> rows = {
      // plain batch normalization
      {"batch", WN_TRAIN, "x y", "gamma beta mean rstd", "running_mean running_var",
       "residual sum mask batches_seen y_scale y_amax"},
      {"batch", WN_INFER, "x y running_mean running_var", f, "",
       "residual sum mean rstd mask batches_seen y_scale y_amax"},
      {"batch", WN_BACKWARD, "x dy mean rstd", b, "", "residual mask dsum running_mean running_var dresidual"},
      {"batch", WN_BACKWARD_FROZEN, "x dy running_mean running_var", b, "", "residual mask dsum mean rstd dresidual"},
      // a residual before, and a mask
      {"batch add=before act=relu", WN_TRAIN, "x y residual sum", "gamma beta mean rstd mask",
       "running_mean running_var", "batches_seen y_scale y_amax"},
      {"batch add=before act=relu", WN_INFER, "x y residual running_mean running_var", "gamma beta sum mask", "",
       "mean rstd batches_seen y_scale y_amax"},
      {"batch add=before act=relu", WN_BACKWARD, "x dy mean rstd", "gamma beta dx dgamma dbeta dsum mask", "",
       "residual running_mean running_var dresidual"},
      {"batch add=before act=relu", WN_BACKWARD_FROZEN, "x dy running_mean running_var",
       "gamma beta dx dgamma dbeta dsum mask", "", "residual mean rstd dresidual"},
      // a residual after: backward with a mask, or the residual, or (no activation) neither
      {"batch add=after act=leaky_relu", WN_TRAIN, "x y residual", "gamma beta mean rstd mask",
       "running_mean running_var", "sum batches_seen y_scale y_amax"},
      {"batch add=after act=leaky_relu", WN_BACKWARD, "x dy mean rstd",
       "gamma beta dx dgamma dbeta dresidual residual mask", "", "dsum running_mean running_var"},
      {"batch add=after act=leaky_relu", WN_BACKWARD_FROZEN, "x dy running_mean running_var",
       "gamma beta dx dgamma dbeta dresidual residual mask", "", "dsum mean rstd"},
      {"group add=after act=gelu", WN_TRAIN, "x y residual", "gamma beta mean rstd", "",
       "sum mask running_mean running_var batches_seen y_scale y_amax"},
      {"group add=after act=gelu", WN_BACKWARD, "x dy mean rstd residual", "gamma beta dx dgamma dbeta dresidual", "",
       "mask dsum running_mean running_var"},
      {"layer add=after", WN_BACKWARD, "x dy mean rstd", "gamma beta dx dgamma dbeta dresidual residual", "",
       "mask dsum running_mean running_var"},
      // kinds without running statistics: nothing of the forward passes outlives wn_infer
      {"layer act=relu", WN_TRAIN, "x y", "gamma beta mean rstd mask", "",
       "residual sum running_mean running_var batches_seen y_scale y_amax"},
      {"layer act=relu", WN_INFER, "x y", f, "",
       "residual sum mean rstd mask running_mean running_var batches_seen y_scale y_amax"},
      {"layer act=relu", WN_BACKWARD, "x dy mean rstd", "gamma beta dx dgamma dbeta mask", "",
       "residual dsum running_mean running_var dresidual"},
      {"layer add=before", WN_INFER, "x y residual", "gamma beta sum", "",
       "mean rstd mask running_mean running_var batches_seen y_scale y_amax"},
      {"instance", WN_TRAIN, "x y", "gamma beta mean rstd", "",
       "residual sum mask running_mean running_var batches_seen y_scale y_amax"},
      {"instance act=relu", WN_INFER, "x y", f, "",
       "residual sum mean rstd mask running_mean running_var batches_seen y_scale y_amax"},
      // no mean
      {"rms", WN_TRAIN, "x y", "gamma beta rstd", "",
       "mean residual sum mask running_mean running_var batches_seen y_scale y_amax"},
      {"rms", WN_INFER, "x y", f, "",
       "mean rstd residual sum mask running_mean running_var batches_seen y_scale y_amax"},
      {"rms", WN_BACKWARD, "x dy rstd", b, "", "mean residual mask dsum running_mean running_var dresidual"},
      // running statistics where they are asked for, and counted
      {"instance flags=instance_running", WN_TRAIN, "x y", "gamma beta mean rstd", "running_mean running_var",
       "residual sum mask batches_seen y_scale y_amax"},
      {"instance flags=instance_running act=relu", WN_INFER, "x y running_mean running_var", "gamma beta mask", "",
       "residual sum mean rstd batches_seen y_scale y_amax"},
      {"instance flags=instance_running", WN_BACKWARD_FROZEN, "x dy running_mean running_var", b, "",
       "residual mask dsum mean rstd dresidual"},
      {"batch flags=running_cumulative", WN_TRAIN, "x y", "gamma beta mean rstd",
       "running_mean running_var batches_seen", "residual sum mask y_scale y_amax"},
      {"batch flags=running_cumulative", WN_INFER, "x y running_mean running_var", f, "",
       "residual sum mean rstd mask batches_seen y_scale y_amax"},
      // 8-bit y
      {"layer x_type=bf16 y_type=f8_e4m3 dy_type=bf16", WN_TRAIN, "x y", "gamma beta mean rstd y_scale y_amax", "",
       "residual sum mask running_mean running_var batches_seen"},
      {"rms x_type=f16 y_type=f8_e5m2", WN_INFER, "x y", "gamma beta y_scale y_amax", "",
       "residual sum mean rstd mask running_mean running_var batches_seen"},
  };
  return rows;
}

std::vector<std::string> Names(const std::string &list) {
  std::istringstream words(list);
  std::vector<std::string> names;
  for (std::string name; words >> name;) names.push_back(name);
  return names;
}

void Check(const Row &row) {
  // Every argument of the pass stands in exactly one list.
  const std::string all = std::string(row.needed) + " " + row.optional + " " + row.together + " " + row.meaningless;
  const ApiCall whole(ApiProblem(row.problem), row.pass);
  ASSERT_EQ(Names(all).size(), whole.arguments().size());
  whole.ExpectRuns();

  for (const std::string &name : Names(row.needed)) {
    SCOPED_TRACE(name + " NULL");
    ApiCall call(ApiProblem(row.problem), row.pass);
    call.Set(name, nullptr);
    call.ExpectRefused(WN_ERR_ARGUMENT, name + " NULL");
  }
  for (const std::string &name : Names(row.optional)) {
    SCOPED_TRACE(name + " NULL");
    ApiCall call(ApiProblem(row.problem), row.pass);
    call.Set(name, nullptr);
    call.ExpectRuns();
  }
  for (const std::string &name : Names(row.together)) {
    SCOPED_TRACE(name + " NULL alone");
    ApiCall call(ApiProblem(row.problem), row.pass);
    call.Set(name, nullptr);
    call.ExpectRefused(WN_ERR_ARGUMENT, name);
  }
  for (const std::string &name : Names(row.meaningless)) {
    SCOPED_TRACE(name + " given");
    ApiCall call(ApiProblem(row.problem), row.pass);
    ASSERT_EQ(call.Get(name), nullptr);
    call.Set(name, call.Place(name));
    call.ExpectRefused(WN_ERR_ARGUMENT, name + " NULL");
  }
  ApiCall without(ApiProblem(row.problem), row.pass);
  for (const std::string &name : Names(row.together)) without.Set(name, nullptr);
  without.ExpectRuns();
}

TEST(ApiPointers, NeededOptionalMeaningless) {
  for (const Row &row : Rows()) {
    SCOPED_TRACE(std::string(row.problem) + ", " + PassName(row.pass));
    Check(row);
  }
}

// The watched memory shows what a pass writes, all of it and nothing else: so "nothing was written" can fail.
TEST(ApiPointers, PassesWriteWhatTheyAreGiven) {
  for (const Row &row : Rows()) {
    SCOPED_TRACE(std::string(row.problem) + ", " + PassName(row.pass));
    const ApiCall call(ApiProblem(row.problem), row.pass);
    const std::vector<std::uint8_t> before = call.Memory();
    call.ExpectRuns();
    const std::vector<std::uint8_t> after = call.Memory();
    std::vector<std::uint8_t> kept = after;
    for (const ApiArgument &a : call.arguments()) {
      if (!a.given) continue;
      SCOPED_TRACE(a.name);
      const std::ptrdiff_t at = call.Get(a.name) - call.memory();
      const auto bytes = static_cast<std::ptrdiff_t>(a.bytes);
      EXPECT_EQ(!std::equal(after.begin() + at, after.begin() + at + bytes, before.begin() + at), a.written);
      if (a.written) std::copy_n(before.begin() + at, bytes, kept.begin() + at);
    }
    if (call.work != nullptr) kept.resize(static_cast<std::size_t>(call.work - call.memory()));
    EXPECT_TRUE(std::equal(kept.begin(), kept.end(), before.begin())) << "something beside the outputs has changed";
  }
}

TEST(ApiPointers, ResidualOrMask) {
  for (const wn_pass pass : {WN_BACKWARD, WN_BACKWARD_FROZEN}) {
    SCOPED_TRACE(PassName(pass));
    ApiCall call(ApiProblem("batch add=after act=relu"), pass);
    call.Set("residual", nullptr);
    call.Set("mask", nullptr);
    call.ExpectRefused(WN_ERR_ARGUMENT, "residual NULL mask");
  }
}

TEST(ApiPointers, BatchesSeenGoesWithRunningStatistics) {
  ApiCall call(ApiProblem("batch flags=running_cumulative"), WN_TRAIN);
  call.Set("running_mean", nullptr);
  call.Set("running_var", nullptr);
  call.ExpectRefused(WN_ERR_ARGUMENT, "batches_seen NULL");
}

TEST(ApiPointers, NothingWantedIsNoError) {
  ApiCall call(ApiProblem("batch add=after act=relu"), WN_BACKWARD);
  for (const char *name : {"dx", "dresidual", "dgamma", "dbeta"}) call.Set(name, nullptr);
  const std::vector<std::uint8_t> before = call.Memory();
  call.ExpectRuns();
  EXPECT_TRUE(call.Memory() == before);
}

TEST(ApiPointers, WithoutSamplesEveryPointerMayBeNull) {
  for (const Row &row : Rows()) {
    SCOPED_TRACE(std::string(row.problem) + ", " + PassName(row.pass));
    ApiCall call(ApiProblem(row.problem), row.pass);
    for (const ApiArgument &a : call.arguments()) call.Set(a.name, nullptr);
    call.forward.n = call.backward.n = 0;
    call.work = nullptr;
    call.work_bytes = 0;
    call.ExpectRuns();
  }
}

TEST(ApiPointers, MisalignedToTheElement) {
  const std::vector<Row> rows = {
      {"batch add=before act=relu flags=running_cumulative", WN_TRAIN, "", "", "", ""},
      {"batch x_type=f64 add=before act=relu", WN_TRAIN, "", "", "", ""},
      {"batch x_type=f16 y_type=f8_e4m3 param_type=f16", WN_INFER, "", "", "", ""},
      {"batch x_type=bf16 y_type=f16 add=after act=relu", WN_BACKWARD, "", "", "", ""},
      {"batch add=before act=relu", WN_BACKWARD_FROZEN, "", "", "", ""},
      {"batch x_type=f64", WN_BACKWARD_FROZEN, "", "", "", ""},
  };
  for (const Row &row : rows) {
    SCOPED_TRACE(std::string(row.problem) + ", " + PassName(row.pass));
    const ApiCall whole(ApiProblem(row.problem), row.pass);
    for (const ApiArgument &a : whole.arguments()) {
      if (!a.given) continue;
      for (std::size_t shift = 1; shift <= a.align; shift++) {
        SCOPED_TRACE(std::string(a.name) + " + " + std::to_string(shift));
        ApiCall call(ApiProblem(row.problem), row.pass);
        call.Set(a.name, call.Place(a.name) + shift);
        if (shift < a.align) {
          call.ExpectRefused(WN_ERR_ARGUMENT, std::string(a.name) + " " + std::to_string(a.align));
        } else {
          call.ExpectRuns();
        }
      }
    }
  }
}

}  // namespace
}  // namespace wn
