// Every rule of wn_problem: what is refused, with which status and words, and that its neighbour is accepted.
#include <gtest/gtest.h>

#include <vector>

#include "api_call.h"
#include "api_in_c.h"

namespace wn {
namespace {

wn_status Create(const wn_problem &p) {
  static char not_null;
  wn_plan *plan = reinterpret_cast<wn_plan *>(&not_null);
  const wn_status status = wn_plan_create(&plan, ApiDevice(), &p);
  EXPECT_EQ(plan == nullptr, status != WN_OK) << "the plan is NULL after an error, and only then";
  if (status == WN_OK) wn_plan_destroy(plan);
  return status;
}

struct Row {
  const char *problem;  // see api_problem_spec.h
  wn_status status;
  const char *words;  // in wn_last_error
};

void Check(const std::vector<Row> &rows) {
  for (const Row &row : rows) {
    SCOPED_TRACE(row.problem);
    const wn_problem p = ApiProblem(row.problem);
    SpoilLastError();
    EXPECT_EQ(Create(p), row.status) << wn_last_error();
    if (row.status != WN_OK) ExpectLastError(row.words);
  }
}

TEST(ApiProblem, SizeAndEnums) {
  Check({
      {"batch size=0", WN_ERR_ARGUMENT, "size 0 208"},
      {"batch size=200", WN_ERR_ARGUMENT, "size 200 208"},
      {"batch size=216", WN_ERR_ARGUMENT, "size 216 208"},
      {"batch", WN_OK, ""},
      {"0", WN_ERR_ARGUMENT, "kind 0 1 5"},
      {"6", WN_ERR_ARGUMENT, "kind 6 1 5"},
      {"-1", WN_ERR_ARGUMENT, "kind -1 1 5"},
      {"batch layout=0", WN_ERR_ARGUMENT, "layout 0 1 2"},
      {"batch layout=3", WN_ERR_ARGUMENT, "layout 3 1 2"},
      {"batch x_type=0", WN_ERR_ARGUMENT, "x_type 0 1 6"},
      {"batch x_type=7", WN_ERR_ARGUMENT, "x_type 7 1 6"},
      {"batch y_type=7", WN_ERR_ARGUMENT, "y_type 7 6"},
      {"batch y_type=-1", WN_ERR_ARGUMENT, "y_type -1 6"},
      {"batch dy_type=7", WN_ERR_ARGUMENT, "dy_type 7 6"},
      {"batch param_type=7", WN_ERR_ARGUMENT, "param_type 7 6"},
      {"batch param_grad_type=7", WN_ERR_ARGUMENT, "param_grad_type 7 6"},
      {"batch act=8", WN_ERR_ARGUMENT, "act 8 0 7"},
      {"batch act=-1", WN_ERR_ARGUMENT, "act -1 0 7"},
      {"batch add=3", WN_ERR_ARGUMENT, "add 3 0 2"},
      {"batch add=-1", WN_ERR_ARGUMENT, "add -1 0 2"},
  });
}

TEST(ApiProblem, Flags) {
  Check({
      {"batch flags=0x40", WN_ERR_ARGUMENT, "flags 0x40 0x3f"},
      {"batch flags=0x80000000|gamma_minus_one", WN_ERR_ARGUMENT, "flags 0x80000000 0x3f"},
      {"batch flags=running_population|running_cumulative", WN_OK, ""},
      {"instance flags=running_population|running_cumulative|instance_running", WN_OK, ""},
      {"layer flags=running_population", WN_ERR_ARGUMENT, "flags WN_RUNNING_POPULATION layer WN_BATCH"},
      {"group flags=running_population", WN_ERR_ARGUMENT, "flags WN_RUNNING_POPULATION group WN_BATCH"},
      {"rms flags=running_cumulative", WN_ERR_ARGUMENT, "flags WN_RUNNING_CUMULATIVE rms WN_BATCH"},
      {"instance flags=running_cumulative", WN_ERR_ARGUMENT, "flags WN_RUNNING_CUMULATIVE WN_INSTANCE_RUNNING"},
      {"batch flags=instance_running", WN_ERR_ARGUMENT, "flags WN_INSTANCE_RUNNING batch WN_INSTANCE"},
      {"group flags=instance_running", WN_ERR_ARGUMENT, "flags WN_INSTANCE_RUNNING group WN_INSTANCE"},
      {"rms flags=gamma_minus_one|grad_add|split_few_rows", WN_OK, ""},
      {"layer flags=gamma_minus_one|grad_add|split_few_rows", WN_OK, ""},
  });
}

TEST(ApiProblem, Sizes) {
  Check({
      {"batch n=-1", WN_ERR_SHAPE, "n -1 0"},
      {"batch n=0", WN_OK, ""},
      {"batch c=0", WN_ERR_SHAPE, "c 0 1"},
      {"batch c=-6", WN_ERR_SHAPE, "c -6 1"},
      {"batch x=0", WN_ERR_SHAPE, "x 0 1"},
      {"batch x=-5", WN_ERR_SHAPE, "x -5 1"},
      {"group groups=0", WN_ERR_SHAPE, "groups 0 1"},
      {"group groups=-2", WN_ERR_SHAPE, "groups -2 1"},
      {"group groups=4", WN_ERR_SHAPE, "groups 4 c 6"},
      {"group groups=12", WN_ERR_SHAPE, "groups 12 c 6"},
      {"group groups=6", WN_OK, ""},
      {"group groups=1", WN_OK, ""},
      {"batch groups=2", WN_ERR_SHAPE, "groups 2 1 batch"},
      {"layer groups=3", WN_ERR_SHAPE, "groups 3 1 layer"},
      {"instance groups=0", WN_ERR_SHAPE, "groups 0 1"},
      {"batch parts=-1", WN_ERR_SHAPE, "parts -1 0"},
      {"batch parts=0", WN_OK, ""},
      {"batch parts=2", WN_OK, ""},
      {"batch parts=3", WN_OK, ""},  // divides the n of each call, not the plan's 4
      {"layer parts=2", WN_ERR_SHAPE, "parts 2 1 layer"},
      {"instance parts=4", WN_ERR_SHAPE, "parts 4 1 instance"},
      {"group parts=0", WN_OK, ""},
      {"group parts=1", WN_OK, ""},
  });
}

TEST(ApiProblem, ProductsBeyondInt64) {
  Check({
      {"batch n=2^21 c=2^21 x=2^21", WN_ERR_SHAPE, "n 2097152 9223372036854775807"},
      {"layer n=2^32 c=2^32 x=1", WN_ERR_SHAPE, "n 4294967296 9223372036854775807"},
      {"instance n=1 c=2^32 x=2^32", WN_ERR_SHAPE, "c x 4294967296 9223372036854775807"},
      {"instance n=0 c=2^32 x=2^32", WN_ERR_SHAPE, "c x 4294967296 9223372036854775807"},
      {"group layout=nxc n=1 c=6 x=2^62", WN_ERR_SHAPE, "x 4611686018427387904 9223372036854775807"},
      {"rms n=max", WN_ERR_SHAPE, "n 9223372036854775807"},
      {"layer x_type=f64 n=2^60 c=1 x=1", WN_ERR_SHAPE, "n 1152921504606846976 9223372036854775807"},  // in bytes
      {"batch parts=2^62", WN_ERR_SHAPE, "parts 4611686018427387904 9223372036854775807"},             // (parts, c)
      {"layer n=2^36 c=1024 x=1", WN_OK, ""},
      {"batch layout=nxc n=2^20 c=2^20 x=2^10", WN_OK, ""},
  });
}

TEST(ApiProblem, Strides) {
  Check({
      {"batch x_stride.row=-30", WN_ERR_SHAPE, "x_stride.row -30"},
      {"batch x_stride.row=29", WN_ERR_SHAPE, "x_stride.row 29 30"},
      {"batch x_stride.row=30", WN_OK, ""},
      {"batch x_stride.row=31", WN_OK, ""},
      {"layer y_stride.row=29", WN_ERR_SHAPE, "y_stride.row 29 30"},
      {"group dx_stride.row=29", WN_ERR_SHAPE, "dx_stride.row 29 30"},
      {"rms dy_stride.row=29", WN_ERR_SHAPE, "dy_stride.row 29 30"},
      {"batch add=after residual_stride.row=29", WN_ERR_SHAPE, "residual_stride.row 29 30"},
      {"batch add=before sum_stride.row=29", WN_ERR_SHAPE, "sum_stride.row 29 30"},
      {"batch x_stride.pixel=6", WN_ERR_SHAPE, "x_stride.pixel 6 0"},  // channels first: no pixels
      {"batch layout=nxc y_stride.pixel=-6", WN_ERR_SHAPE, "y_stride.pixel -6"},
      {"batch layout=nxc x_stride.pixel=5", WN_ERR_SHAPE, "x_stride.pixel 5 6"},
      {"batch layout=nxc x_stride.pixel=6", WN_OK, ""},
      {"batch layout=nxc x_stride.pixel=8", WN_OK, ""},
      {"rms layout=nxc x_stride.pixel=8 x_stride.row=38", WN_OK, ""},  // 4 steps of 8, then 6
      {"rms layout=nxc x_stride.pixel=8 x_stride.row=37", WN_ERR_SHAPE, "x_stride.row 37 38"},
      {"layer layout=nxc x_stride.row=6 x_stride.pixel=24", WN_OK, ""},  // the positions lie outermost
      {"layer layout=nxc x_stride.row=6 x_stride.pixel=23", WN_ERR_SHAPE, "x_stride.row 6 23 24"},
      {"layer layout=nxc x_stride.row=5 x_stride.pixel=30", WN_ERR_SHAPE, "x_stride.row 5 6"},
      {"batch x_stride.row=2^62", WN_ERR_SHAPE, "x_stride 4611686018427387904 9223372036854775807"},
      {"batch dy_stride.row=2^60", WN_ERR_SHAPE, "dy_stride 1152921504606846976 9223372036854775807"},  // in bytes
      {"batch layout=nxc dx_stride.pixel=2^62", WN_ERR_SHAPE, "dx_stride 4611686018427387904 9223372036854775807"},
      {"batch x_stride.row=2^40", WN_OK, ""},
  });
}

TEST(ApiProblem, Scalars) {
  Check({
      {"batch eps=-0.25", WN_ERR_ARGUMENT, "eps -0.25 0"},
      {"layer eps=nan", WN_ERR_ARGUMENT, "eps nan 0"},
      {"rms eps=inf", WN_ERR_ARGUMENT, "eps inf finite"},
      {"group eps=0", WN_OK, ""},
      {"batch momentum=nan", WN_ERR_ARGUMENT, "momentum nan finite"},
      {"batch momentum=-inf", WN_ERR_ARGUMENT, "momentum -inf finite"},
      {"batch momentum=1", WN_OK, ""},
      {"batch momentum=-2.5", WN_OK, ""},
      {"batch act=leaky_relu act_slope=nan", WN_ERR_ARGUMENT, "act_slope nan finite"},
      {"batch act=leaky_relu act_slope=inf", WN_ERR_ARGUMENT, "act_slope inf finite"},
      {"batch act=leaky_relu act_slope=-1", WN_OK, ""},
      {"batch act=relu act_slope=nan", WN_OK, ""},  // the slope is leaky relu's alone
  });
}

TEST(ApiProblem, Types) {
  Check({
      {"batch x_type=f8_e4m3", WN_ERR_UNSUPPORTED, "x_type f8 e4m3"},
      {"batch y_type=f64", WN_ERR_UNSUPPORTED, "y_type f64 f32"},
      {"batch x_type=f64 y_type=f32", WN_ERR_UNSUPPORTED, "y_type f32 f64"},
      {"batch x_type=f64 y_type=f8_e5m2", WN_ERR_UNSUPPORTED, "y_type f8 e5m2 f64"},
      {"batch dy_type=f16", WN_ERR_UNSUPPORTED, "dy_type f16 y"},
      {"batch y_type=f8_e4m3 dy_type=f8_e4m3", WN_ERR_UNSUPPORTED, "dy_type f8 e4m3 f32 f16 bf16"},
      {"batch y_type=f8_e4m3 dy_type=f64", WN_ERR_UNSUPPORTED, "dy_type f64 f32 f16 bf16"},
      {"batch param_type=f16", WN_ERR_UNSUPPORTED, "param_type f16 f32 x"},
      {"batch x_type=bf16 param_type=f16", WN_ERR_UNSUPPORTED, "param_type f16 f32 x"},
      {"batch x_type=f64 param_type=f32", WN_ERR_UNSUPPORTED, "param_type f32 f64"},
      {"batch param_type=f8_e4m3", WN_ERR_UNSUPPORTED, "param_type f8 e4m3 f32"},
      {"batch x_type=f16 param_grad_type=f16", WN_ERR_UNSUPPORTED, "param_grad_type f16 f32 gamma"},
      {"batch param_grad_type=f64", WN_ERR_UNSUPPORTED, "param_grad_type f64 f32 gamma"},
  });
}

// The header's table of types.
bool TypesOffered(wn_dtype x, wn_dtype y, wn_dtype dy, wn_dtype param, wn_dtype param_grad) {
  const auto is_f8 = [](wn_dtype t) { return t == WN_F8_E4M3 || t == WN_F8_E5M2; };
  const auto is_16 = [](wn_dtype t) { return t == WN_F16 || t == WN_BF16; };
  if (x == WN_DTYPE_DEFAULT || is_f8(x)) return false;
  const wn_dtype real = x == WN_F64 ? WN_F64 : WN_F32;
  if (y == WN_DTYPE_DEFAULT) y = x;
  if (param == WN_DTYPE_DEFAULT) param = real;
  if ((y == WN_F64) != (x == WN_F64)) return false;
  if (dy != WN_DTYPE_DEFAULT && (is_f8(y) ? dy != WN_F32 && !is_16(dy) : dy != y)) return false;
  if (param != real && (param != x || x == WN_F64)) return false;
  return param_grad == WN_DTYPE_DEFAULT || param_grad == param || (is_16(param) && param_grad == WN_F32);
}

TEST(ApiProblem, AllCombinationsOfTypes) {
  int offered = 0;
  for (int i = 0; i < 7 * 7 * 7 * 7 * 7; i++) {
    wn_problem p = ApiProblem("layer");
    wn_dtype *const fields[] = {&p.x_type, &p.y_type, &p.dy_type, &p.param_type, &p.param_grad_type};
    int rest = i;
    for (wn_dtype *field : fields) {
      *field = static_cast<wn_dtype>(rest % 7);
      rest /= 7;
    }
    const bool good = TypesOffered(p.x_type, p.y_type, p.dy_type, p.param_type, p.param_grad_type);
    const wn_status refusal = p.x_type == WN_DTYPE_DEFAULT ? WN_ERR_ARGUMENT : WN_ERR_UNSUPPORTED;
    ASSERT_EQ(Create(p), good ? WN_OK : refusal)
        << "x " << p.x_type << " y " << p.y_type << " dy " << p.dy_type << " param " << p.param_type << " grad "
        << p.param_grad_type << ": " << wn_last_error();
    offered += good ? 1 : 0;
  }
  // Counting a default beside the type that it stands for. f64: 2 y x 2 dy x 2 param x 2 grad. The others have 4 plain
  // y of 2 dy and 2 f8 y of 4 dy; f32 has 2 param of 2 grad; f16 and bf16 have that, and their own type of 3 grad.
  EXPECT_EQ(offered, 16 + 16 * 4 + 2 * 16 * (4 + 3));
}

TEST(ApiPlan, PointersThatAreNull) {
  const wn_problem p = ApiProblem("batch");
  wn_plan *plan = nullptr;
  SpoilLastError();
  EXPECT_EQ(wn_plan_create(nullptr, ApiDevice(), &p), WN_ERR_ARGUMENT);
  ExpectLastError("plan NULL");
  EXPECT_EQ(wn_plan_create(&plan, nullptr, &p), WN_ERR_ARGUMENT);
  ExpectLastError("device NULL");
  EXPECT_EQ(wn_plan_create(&plan, ApiDevice(), nullptr), WN_ERR_ARGUMENT);
  ExpectLastError("problem NULL");
  EXPECT_EQ(plan, nullptr);
  wn_plan_destroy(nullptr);
}

TEST(ApiPlan, CopiesTheProblem) {
  wn_problem p = ApiProblem("batch act=relu");
  wn_plan *plan = nullptr;
  ASSERT_EQ(wn_plan_create(&plan, ApiDevice(), &p), WN_OK);
  const std::size_t mask = wn_plan_mask(plan);
  p = ApiProblem("layer n=1 c=1 x=1");
  EXPECT_EQ(wn_plan_mask(plan), mask);
  EXPECT_GT(mask, 0u);
  wn_plan_destroy(plan);
}

TEST(ApiPlan, QueriesWithoutAnAnswerAreZero) {
  EXPECT_EQ(wn_plan_workspace(nullptr, WN_TRAIN), 0u);
  EXPECT_EQ(wn_plan_mask(nullptr), 0u);
  const wn_problem p = ApiProblem("batch y_type=f8_e4m3");
  wn_plan *plan = nullptr;
  ASSERT_EQ(wn_plan_create(&plan, ApiDevice(), &p), WN_OK);
  EXPECT_EQ(wn_plan_workspace(plan, WN_BACKWARD), 0u) << "f8 y and no dy_type: no backward pass";
  for (const int pass : {-1, 0, 5, 1000000}) EXPECT_EQ(wn_api_plan_workspace(plan, pass), 0u);
  wn_plan_destroy(plan);
}

TEST(ApiPlan, OnlyReluAndLeakyReluHaveAMask) {
  for (int act = WN_ACT_NONE; act <= WN_ACT_SILU; act++) {
    const wn_problem p = ApiProblem("instance act=" + std::to_string(act));
    wn_plan *plan = nullptr;
    ASSERT_EQ(wn_plan_create(&plan, ApiDevice(), &p), WN_OK);
    const std::size_t elements = 4 * 6 * 5, mask = wn_plan_mask(plan);
    if (act == WN_ACT_RELU || act == WN_ACT_LEAKY_RELU) {
      EXPECT_GE(mask, elements / 8);
      EXPECT_LE(mask, elements) << "more than a byte an element";
    } else {
      EXPECT_EQ(mask, 0u);
    }
    wn_plan_destroy(plan);
  }
}

}  // namespace
}  // namespace wn
