// Overlap of buffers: each allowed alias, each forbidden pair, and strided rows that interleave.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "api_call.h"

namespace wn {
namespace {

struct Sweep {
  const char *problem;
  wn_pass pass;
};

// Together they give every argument of every pass, with element sizes alike and different.
const std::vector<Sweep> &Sweeps() {
  static const std::vector<Sweep> sweeps = {
      {"batch add=before act=relu flags=running_cumulative", WN_TRAIN},
      {"batch x_type=f64 add=after act=relu", WN_TRAIN},
      {"layer x_type=bf16 y_type=f8_e4m3 add=before", WN_TRAIN},
      {"group x_type=f16 y_type=f32 add=after", WN_TRAIN},
      {"rms layout=nxc act=leaky_relu", WN_TRAIN},
      {"batch add=before act=relu", WN_INFER},
      {"batch y_type=f8_e5m2 add=after", WN_INFER},
      {"instance layout=nxc", WN_INFER},
      {"batch add=before act=relu", WN_BACKWARD},
      {"group x_type=bf16 y_type=f16 param_type=bf16 param_grad_type=f32 add=after act=relu", WN_BACKWARD},
      {"layer x_type=f16 y_type=f32 add=before", WN_BACKWARD},
      {"batch layout=nxc add=after act=relu", WN_BACKWARD_FROZEN},
  };
  return sweeps;
}

// The header: y = x, y = residual, sum = x, sum = residual; dx = dy, dx = dsum, dx = x, dresidual = dy.
bool MayBeInPlace(const std::string &written, const std::string &other) {
  if (written == "y" || written == "sum") return other == "x" || other == "residual";
  if (written == "dx") return other == "dy" || other == "dsum" || other == "x";
  return written == "dresidual" && other == "dy";
}

void CheckPair(const Sweep &sweep, const ApiArgument &written, const ApiArgument &other) {
  SCOPED_TRACE(std::string(written.name) + " and " + other.name);
  const std::string both = std::string(written.name) + " " + other.name;
  ApiCall call(ApiProblem(sweep.problem), sweep.pass);
  std::uint8_t *const at = call.Get(other.name);

  call.Set(written.name, at);
  const bool in_place = MayBeInPlace(written.name, other.name) && written.align == other.align;
  if (in_place) {
    call.ExpectRuns();
  } else {
    call.ExpectRefused(WN_ERR_ARGUMENT, both);
  }
  if (other.bytes > written.align) {  // one element later
    call.Set(written.name, at + written.align);
    call.ExpectRefused(WN_ERR_ARGUMENT, both);
  }
  if (written.bytes > written.align) {  // one element earlier
    call.Set(written.name, at - written.align);
    call.ExpectRefused(WN_ERR_ARGUMENT, both);
  }
  const std::size_t end = (other.bytes + written.align - 1) / written.align * written.align;
  call.Set(written.name, at + end - written.align);  // the first element on the last one
  if (!in_place || end > written.align) call.ExpectRefused(WN_ERR_ARGUMENT, both);

  call.Set(written.name, at + end);  // neighbours
  call.ExpectRuns();
  call.Set(written.name, at - (written.bytes + written.align - 1) / written.align * written.align);
  call.ExpectRuns();
}

TEST(ApiOverlap, EveryPairOfBuffers) {
  for (const Sweep &sweep : Sweeps()) {
    SCOPED_TRACE(std::string(sweep.problem) + ", " + PassName(sweep.pass));
    const ApiCall call(ApiProblem(sweep.problem), sweep.pass);
    for (const ApiArgument &written : call.arguments()) {
      for (const ApiArgument &other : call.arguments()) {
        if (written.written && written.given && other.given && &written != &other) CheckPair(sweep, written, other);
      }
    }
  }
}

TEST(ApiOverlap, WhatIsOnlyReadMayBeTheSame) {
  ApiCall call(ApiProblem("batch add=after act=relu"), WN_TRAIN);
  call.forward.residual = call.forward.x;
  call.forward.beta = call.forward.gamma;
  call.ExpectRuns();
  ApiCall back(ApiProblem("batch add=before"), WN_BACKWARD);
  back.backward.dsum = back.backward.dy;
  back.backward.rstd = back.backward.mean;
  back.ExpectRuns();
}

TEST(ApiOverlap, Workspace) {
  int tried = 0;
  for (const Sweep &sweep : {Sweep{"batch n=256 c=2 x=1 act=relu add=after", WN_TRAIN},
                             Sweep{"batch n=256 c=2 x=1 act=relu add=after", WN_BACKWARD},
                             Sweep{"layer n=256 c=2 x=1 act=relu add=before", WN_BACKWARD},
                             Sweep{"batch n=256 c=2 x=1 act=relu add=after", WN_BACKWARD_FROZEN}}) {
    SCOPED_TRACE(std::string(sweep.problem) + ", " + PassName(sweep.pass));
    const ApiCall whole(ApiProblem(sweep.problem), sweep.pass);
    if (whole.work == nullptr) continue;
    for (const ApiArgument &a : whole.arguments()) {
      if (!a.given) continue;
      SCOPED_TRACE(a.name);
      tried++;
      ApiCall call(ApiProblem(sweep.problem), sweep.pass);
      call.Set(a.name, call.work + (call.work_bytes - 1) / a.align * a.align);  // what is read too: work is written
      call.ExpectRefused(WN_ERR_ARGUMENT, std::string(a.name) + " work");
      call.Set(a.name, call.work);
      call.ExpectRefused(WN_ERR_ARGUMENT, std::string(a.name) + " work");
      call.Set(a.name, call.work + (call.work_bytes + 255) / 256 * 256);
      if (a.bytes <= 2048) call.ExpectRuns();
    }
  }
  EXPECT_GT(tried, 0) << "no pass needs a workspace: these rules have not been tried";
}

struct Interleaved {
  const char *problem;
  wn_pass pass;
  const char *written, *other;
  std::int64_t bytes;  // from the start of `other` to the start of `written`
  wn_status status;
};

// Packed samples are 30 elements: 6 channels at 5 positions.
TEST(ApiOverlap, RowsThatInterleave) {
  const std::vector<Interleaved> rows = {
      // both with every second row free
      {"batch x_stride.row=60 y_stride.row=60", WN_TRAIN, "y", "x", 30 * 4, WN_OK},
      {"batch x_stride.row=60 y_stride.row=60", WN_TRAIN, "y", "x", -30 * 4, WN_OK},
      {"batch x_stride.row=60 y_stride.row=60", WN_TRAIN, "y", "x", 29 * 4, WN_ERR_ARGUMENT},
      {"batch x_stride.row=60 y_stride.row=60", WN_TRAIN, "y", "x", 31 * 4, WN_ERR_ARGUMENT},
      {"batch x_stride.row=60 y_stride.row=60", WN_TRAIN, "y", "x", 0, WN_OK},
      {"batch x_stride.row=60 y_stride.row=60", WN_TRAIN, "y", "x", 60 * 4, WN_ERR_ARGUMENT},
      {"batch x_stride.row=60 y_stride.row=60", WN_TRAIN, "y", "x", 4 * 60 * 4, WN_OK},
      // with a spare element between them
      {"layer x_stride.row=61 y_stride.row=61", WN_TRAIN, "y", "x", 30 * 4, WN_OK},
      {"layer x_stride.row=61 y_stride.row=61", WN_TRAIN, "y", "x", 31 * 4, WN_OK},
      {"layer x_stride.row=61 y_stride.row=61", WN_TRAIN, "y", "x", 32 * 4, WN_ERR_ARGUMENT},
      // the same pointer, other strides
      {"batch x_stride.row=60", WN_TRAIN, "y", "x", 0, WN_ERR_ARGUMENT},
      {"batch x_stride.row=60 y_stride.row=61", WN_TRAIN, "y", "x", 0, WN_ERR_ARGUMENT},
      // rows 0, 4, 8, 12 of x: y's rows 1, 3, 5, 7 miss them, 2, 4, 6, 8 and 1, 4, 7, 10 do not
      {"batch x_stride.row=120 y_stride.row=60", WN_TRAIN, "y", "x", 30 * 4, WN_OK},
      {"batch x_stride.row=120 y_stride.row=60", WN_TRAIN, "y", "x", 2 * 30 * 4, WN_ERR_ARGUMENT},
      {"batch x_stride.row=120 y_stride.row=90", WN_TRAIN, "y", "x", 30 * 4, WN_ERR_ARGUMENT},
      // other element sizes: f16 rows in the gaps of f32 rows, in bytes 120 + 120 and 60 of 240
      {"group x_stride.row=60 y_type=f16 y_stride.row=120", WN_TRAIN, "y", "x", 120, WN_OK},
      {"group x_stride.row=60 y_type=f16 y_stride.row=120", WN_TRAIN, "y", "x", 180, WN_OK},
      {"group x_stride.row=60 y_type=f16 y_stride.row=120", WN_TRAIN, "y", "x", 182, WN_ERR_ARGUMENT},
      {"group x_stride.row=60 y_type=f16 y_stride.row=120", WN_TRAIN, "y", "x", 118, WN_ERR_ARGUMENT},
      {"group x_stride.row=60 y_type=f16 y_stride.row=120", WN_TRAIN, "y", "x", 0, WN_ERR_ARGUMENT},
      // slices of channels of one wider tensor
      {"rms layout=nxc x_stride.pixel=12 y_stride.pixel=12", WN_TRAIN, "y", "x", 6 * 4, WN_OK},
      {"rms layout=nxc x_stride.pixel=12 y_stride.pixel=12", WN_TRAIN, "y", "x", 5 * 4, WN_ERR_ARGUMENT},
      {"rms layout=nxc x_stride.pixel=12 y_stride.pixel=12", WN_TRAIN, "y", "x", 7 * 4, WN_ERR_ARGUMENT},
      {"rms layout=nxc x_stride.pixel=12 y_stride.pixel=12", WN_TRAIN, "y", "x", 0, WN_OK},
      {"rms layout=nxc x_stride.pixel=12", WN_TRAIN, "y", "x", 0, WN_ERR_ARGUMENT},
      // positions outermost (samples 6 apart, positions 48) against the same, and against samples outermost
      {"layer layout=nxc x_stride.row=6 x_stride.pixel=48 y_stride.row=6 y_stride.pixel=48", WN_TRAIN, "y", "x", 24 * 4,
       WN_OK},
      {"layer layout=nxc x_stride.row=6 x_stride.pixel=48 y_stride.row=6 y_stride.pixel=48", WN_TRAIN, "y", "x", 23 * 4,
       WN_ERR_ARGUMENT},
      {"layer layout=nxc x_stride.row=6 x_stride.pixel=48 y_stride.row=6 y_stride.pixel=48", WN_TRAIN, "y", "x", 0,
       WN_OK},
      {"layer layout=nxc x_stride.row=12 x_stride.pixel=48 y_stride.row=240 y_stride.pixel=48", WN_TRAIN, "y", "x",
       6 * 4, WN_OK},
      {"layer layout=nxc x_stride.row=12 x_stride.pixel=48 y_stride.row=240 y_stride.pixel=48", WN_TRAIN, "y", "x",
       7 * 4, WN_ERR_ARGUMENT},
      {"layer layout=nxc x_stride.row=12 x_stride.pixel=48 y_stride.row=240 y_stride.pixel=48", WN_TRAIN, "y", "x", 0,
       WN_ERR_ARGUMENT},
      // the other tensors have strides of their own
      {"batch add=before residual_stride.row=60 sum_stride.row=60", WN_TRAIN, "sum", "residual", 30 * 4, WN_OK},
      {"batch add=before residual_stride.row=60 sum_stride.row=60", WN_TRAIN, "sum", "residual", 0, WN_OK},
      {"batch add=before sum_stride.row=60", WN_TRAIN, "sum", "residual", 0, WN_ERR_ARGUMENT},
      {"batch dx_stride.row=60 dy_stride.row=60", WN_BACKWARD, "dx", "dy", 0, WN_OK},
      {"batch dx_stride.row=60 dy_stride.row=60", WN_BACKWARD, "dx", "dy", 30 * 4, WN_OK},
      {"batch dx_stride.row=60", WN_BACKWARD, "dx", "dy", 0, WN_ERR_ARGUMENT},
      {"batch dx_stride.row=60", WN_BACKWARD, "dx", "x", 0, WN_ERR_ARGUMENT},
      {"batch add=before dx_stride.row=60 sum_stride.row=60", WN_BACKWARD, "dx", "dsum", 0, WN_OK},
      {"batch add=before dx_stride.row=60", WN_BACKWARD, "dx", "dsum", 0, WN_ERR_ARGUMENT},
      {"batch add=after residual_stride.row=60 dy_stride.row=60", WN_BACKWARD, "dresidual", "dy", 0, WN_OK},
      {"batch add=after residual_stride.row=60", WN_BACKWARD, "dresidual", "dy", 0, WN_ERR_ARGUMENT},
      // an array in the gap between two rows
      {"batch x_stride.row=60", WN_TRAIN, "mean", "x", 30 * 4, WN_OK},
      {"batch x_stride.row=60", WN_TRAIN, "mean", "x", 54 * 4, WN_OK},
      {"batch x_stride.row=60", WN_TRAIN, "mean", "x", 29 * 4, WN_ERR_ARGUMENT},
      {"batch x_stride.row=60", WN_TRAIN, "mean", "x", 55 * 4, WN_ERR_ARGUMENT},
  };
  for (const Interleaved &row : rows) {
    SCOPED_TRACE(std::string(row.problem) + ": " + row.written + " at " + row.other + " + " +
                 std::to_string(row.bytes));
    ApiCall call(ApiProblem(row.problem), row.pass);
    call.Set(row.written, call.Get(row.other) + row.bytes);
    if (row.status == WN_OK) {
      call.ExpectRuns();
    } else {
      call.ExpectRefused(row.status, std::string(row.written) + " " + row.other);
    }
  }
}

// Only what the call touches counts: the plan has 4 samples.
TEST(ApiOverlap, OfACallWithFewerSamples) {
  ApiCall call(ApiProblem("batch"), WN_TRAIN);
  const auto *const x = static_cast<const float *>(call.forward.x);
  call.Set("y", x + 2 * 30);
  call.ExpectRefused(WN_ERR_ARGUMENT, "x y");
  call.forward.n = 3;
  call.ExpectRefused(WN_ERR_ARGUMENT, "x y");
  call.forward.n = 2;
  call.ExpectRuns();
}

}  // namespace
}  // namespace wn
